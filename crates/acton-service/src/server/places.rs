//! How many connections there may be, and a few more to say that there are no more.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The reserve is one place for so many regular ones, within these bounds.
const REGULAR_FOR_EACH: usize = 64;
const RESERVE: (usize, usize) = (8, 256);

/// Where a connection belongs, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// Otherwise it is only told that there is no place.
    pub(super) is_regular: bool,
    /// None when it came at the very end.
    _permit: Option<OwnedSemaphorePermit>,
}

/// The places of connections.
#[derive(Debug)]
pub(super) struct Places {
    regular: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(connections: usize) -> Self {
        let (least, most) = RESERVE;
        let reserve = (connections / REGULAR_FOR_EACH).clamp(least, most);
        Self {
            regular: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            reserve: Arc::new(Semaphore::new(reserve)),
        }
    }

    /// Waits for a place of either kind.
    pub(super) async fn next(&self) -> Place {
        if let Some(place) = self.regular() {
            return place;
        }
        tokio::select! {
            biased;
            permit = Arc::clone(&self.regular).acquire_owned() => Place {
                is_regular: true,
                _permit: permit.ok(),
            },
            permit = Arc::clone(&self.reserve).acquire_owned() => Place {
                is_regular: false,
                _permit: permit.ok(),
            },
        }
    }

    /// The regular place that may have become free since this one was taken.
    pub(super) fn better(&self, place: Place) -> Place {
        if place.is_regular {
            return place;
        }
        self.regular().unwrap_or(place)
    }

    /// A place, whatever there is.
    pub(super) fn at_once(&self) -> Place {
        self.regular().unwrap_or_else(|| Place {
            is_regular: false,
            _permit: Arc::clone(&self.reserve).try_acquire_owned().ok(),
        })
    }

    fn regular(&self) -> Option<Place> {
        let permit = Arc::clone(&self.regular).try_acquire_owned().ok()?;
        Some(Place {
            is_regular: true,
            _permit: Some(permit),
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_reserve_comes_after_the_regular_places() {
        let places = Places::new(2);
        let regular = [places.next().await, places.next().await];
        assert!(regular.iter().all(|place| place.is_regular));
        let reserve = places.next().await;
        assert!(!reserve.is_regular);
        drop(regular);
        assert!(places.better(reserve).is_regular);
    }

    #[tokio::test]
    async fn without_any_place_somebody_waits() {
        let places = Places::new(1);
        let taken = [(); 1 + RESERVE.0].map(|()| places.next().now_or_never().unwrap());
        assert!(places.next().now_or_never().is_none());
        let late = places.at_once();
        assert!(!late.is_regular && late._permit.is_none());
        drop(taken);
        assert!(places.next().now_or_never().is_some());
    }
}
