use std::{
    cell::RefCell,
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
};

use axum_core::extract::FromRequestParts;
use http::request::Parts;

/// The nonce of this answer's Content-Security-Policy, which lets one inline `<script>` or `<style>` through.
///
/// It is made when somebody first asks for it, and the policy of that answer names it; the policy of every other answer
/// has none. Ask before the answer begins: what streams later comes after the header.
///
/// ```
/// use acton_templates::CspNonce;
/// use axum::response::Html;
///
/// async fn chart(nonce: CspNonce) -> Html<String> {
///     Html(format!("<script nonce=\"{nonce}\">draw()</script>"))
/// }
/// ```
///
/// A page asks its context: `<script nonce="{{ ctx.nonce() }}">`.
///
/// Whoever writes the policy [offers](Self::offer) one, or puts one into the request's extensions.
/// As an extractor without either it is empty.
#[derive(Clone)]
pub struct CspNonce(Arc<Cell>);

struct Cell {
    make: fn() -> String,
    made: OnceLock<String>,
}

/// What is offered to the request that this thread is answering.
#[derive(Clone)]
struct Offer {
    make: fn() -> String,
    taken: Option<CspNonce>,
}

thread_local! {
    static OFFER: RefCell<Option<Offer>> = const { RefCell::new(None) };
}

impl CspNonce {
    /// A nonce that `make` makes when it is first asked for: at least 128 bits that nobody can guess, in letters and digits.
    #[must_use]
    pub fn new(make: fn() -> String) -> Self {
        let made = OnceLock::new();
        Self(Arc::new(Cell { make, made }))
    }

    /// Offers a nonce to the request that is answered in `poll`, one step of its future; `taken` is kept from step to
    /// step and holds it once an extractor has taken it.
    ///
    /// A request that takes none costs no memory for it.
    pub fn offer<T>(make: fn() -> String, taken: &mut Option<Self>, poll: impl FnOnce() -> T) -> T {
        let offer = Offer {
            make,
            taken: taken.take(),
        };
        let outer = OFFER.replace(Some(offer));
        let result = poll();
        // A service inside a service has an offer of its own.
        *taken = OFFER.replace(outer).and_then(|offer| offer.taken);
        result
    }

    /// What the extensions hold or somebody offers.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let given = parts.extensions.get().cloned();
        given.or_else(|| {
            OFFER.with_borrow_mut(|offer| {
                let Offer { make, taken } = offer.as_mut()?;
                Some(taken.get_or_insert_with(|| Self::new(*make)).clone())
            })
        })
    }

    /// The nonce, made now if it has not been.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.made.get_or_init(self.0.make)
    }

    /// The nonce, if anybody has asked for it.
    #[must_use]
    pub fn made(&self) -> Option<&str> {
        self.0.made.get().map(String::as_str)
    }
}

impl fmt::Display for CspNonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// To look at it is not to ask for it.
impl fmt::Debug for CspNonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("CspNonce")
            .field(&self.made())
            .finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CspNonce {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts).unwrap_or_else(|| Self::new(String::new)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn parts() -> Parts {
        http::Request::new(()).into_parts().0
    }

    #[test]
    fn a_nonce_is_made_when_it_is_asked_for_and_then_stays() {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let nonce = CspNonce::new(|| MADE.fetch_add(1, Ordering::Relaxed).to_string());
        assert_eq!(
            (nonce.made(), format!("{nonce:?}")),
            (None, "CspNonce(None)".to_owned())
        );
        assert_eq!(nonce.clone().as_str(), "0");
        assert_eq!(nonce.to_string(), "0");
        assert_eq!(nonce.made(), Some("0"));
    }

    #[test]
    fn whoever_takes_the_offer_has_the_same_nonce_at_every_step() {
        let make = || "abc".to_owned();
        let mut taken = None;
        let first = CspNonce::offer(make, &mut taken, || CspNonce::of(&parts())).unwrap();
        let later = CspNonce::offer(make, &mut taken, || CspNonce::of(&parts())).unwrap();
        assert_eq!((later.as_str(), first.made()), ("abc", Some("abc")));
        assert_eq!(taken.unwrap().made(), Some("abc"));
        assert!(CspNonce::of(&parts()).is_none(), "the offer has ended");
    }

    #[test]
    fn a_service_inside_a_service_takes_nothing_of_the_outer_one() {
        let (mut outer, mut inner) = (None, None);
        CspNonce::offer(
            || "outer".to_owned(),
            &mut outer,
            || {
                CspNonce::offer(|| "inner".to_owned(), &mut inner, || CspNonce::of(&parts()));
                assert!(CspNonce::of(&parts()).is_some_and(|nonce| nonce.as_str() == "outer"));
            },
        );
        assert_eq!(outer.unwrap().made(), Some("outer"));
        assert_eq!(inner.unwrap().made(), None);
    }

    #[test]
    fn a_request_that_takes_no_nonce_costs_no_memory() {
        let mut taken = None;
        let counted = allocation_counter::measure(|| {
            CspNonce::offer(|| "abc".to_owned(), &mut taken, || ());
        });
        assert_eq!(counted.count_total, 0);
        assert!(taken.is_none());
    }
}
