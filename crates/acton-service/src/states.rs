//! What the application hands to every handler.

use http::Extensions;

type Hand = Box<dyn Fn(&mut Extensions) + Send + Sync>;

/// Values that each request carries a copy of.
///
/// They are not one `Router::layer(Extension(…))` each, which would box every route once more.
#[derive(Default)]
pub(crate) struct States(Vec<Hand>);

impl States {
    pub(crate) fn add<S: Clone + Send + Sync + 'static>(&mut self, state: S) {
        self.0.push(Box::new(move |extensions| {
            extensions.insert(state.clone());
        }));
    }

    /// Of two with one type the first stays, as it would with layers.
    pub(crate) fn hand_to(&self, extensions: &mut Extensions) {
        self.0.iter().rev().for_each(|hand| hand(extensions));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_handed_over_and_the_first_of_two_stays() {
        let mut states = States::default();
        states.add("text");
        states.add(1);
        states.add(2);
        let mut extensions = Extensions::new();
        states.hand_to(&mut extensions);
        assert_eq!(extensions.get::<&str>(), Some(&"text"));
        assert_eq!(extensions.get::<i32>(), Some(&1));
    }
}
