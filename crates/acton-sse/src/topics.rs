//! Which topics a stream carries.

/// The topic of [`broadcast`](crate::SseBroadcaster::broadcast) and
/// [`subscribe`](crate::SseBroadcaster::subscribe).
pub const EVERYONE: &str = "everyone";

/// One topic or several: `"news"`, `["news", "user:7"]`, or a `Vec` of either kind of string.
pub trait Topics {
    /// The names.
    fn names(self) -> Vec<String>;
}

impl Topics for &str {
    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Topics for String {
    fn names(self) -> Vec<String> {
        vec![self]
    }
}

impl Topics for &String {
    fn names(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<T: Into<String>, const N: usize> Topics for [T; N] {
    fn names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String>> Topics for Vec<T> {
    fn names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String> + Clone> Topics for &[T] {
    fn names(self) -> Vec<String> {
        self.iter().cloned().map(Into::into).collect()
    }
}
