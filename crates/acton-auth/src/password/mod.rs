//! Passwords, hashed one at a time behind a bounded queue.

mod config;
mod hasher;
mod memory;

use std::{fmt, sync::Arc, time::Duration};

use argon2::Params;
use tokio::{sync::Semaphore, task, time};

use crate::Error;
use hasher::Hasher;

pub use config::PasswordConfig;

/// Hashes and verifies passwords with Argon2id, away from the threads that serve requests.
///
/// One hash costs 19 MiB and some 60 ms. A bounded queue keeps a storm of logins from taking memory
/// and cores from everybody else: what does not fit is refused with [`Error::Busy`].
///
/// Cloning is cheap; clones share the queue, so make one and hand it to every handler.
///
/// ```
/// # async fn example() -> Result<(), acton_auth::Error> {
/// let passwords = acton_auth::Passwords::default();
/// let stored = passwords.hash("correct horse battery").await?;
/// assert!(passwords.verify("correct horse battery", Some(&stored)).await?.is_some());
/// assert!(passwords.verify("guess", Some(&stored)).await?.is_none());
/// assert!(passwords.verify("guess", None).await?.is_none()); // no such user, same time
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

/// The password is right.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// A new hash to store in place of the old one, when that was made with weaker settings.
    pub rehash: Option<String>,
}

struct Inner {
    hasher: Hasher,
    lengths: (usize, usize),
    wait: Duration,
    capacity: usize,
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

impl Passwords {
    /// Hashes with the given settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for costs that Argon2 does not know.
    pub fn new(config: &PasswordConfig) -> Result<Self, Error> {
        let params = Params::new(config.memory_kib, config.iterations, config.lanes, None)
            .map_err(|error| Error::Config {
                key: "password.memory_kib",
                reason: error.to_string(),
            })?;
        let workers = config.workers.clamp(1, Semaphore::MAX_PERMITS / 2);
        let places = workers
            .saturating_mul(config.queue.saturating_add(1))
            .min(Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Inner {
            hasher: Hasher::new(params),
            lengths: (config.min_bytes, config.max_bytes),
            wait: config.wait,
            capacity: places,
            places: Arc::new(Semaphore::new(places)),
            workers: Arc::new(Semaphore::new(workers)),
        })))
    }

    /// The hash to store for a new password, in the
    /// [PHC format](https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md).
    ///
    /// # Errors
    ///
    /// [`Error::PasswordTooShort`], [`Error::PasswordTooLong`], and [`Error::Busy`] when the queue is full.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let (min_bytes, max_bytes) = self.0.lengths;
        if password.len() < min_bytes {
            return Err(Error::PasswordTooShort { min_bytes });
        }
        if password.len() > max_bytes {
            return Err(Error::PasswordTooLong { max_bytes });
        }
        let password = password.to_owned();
        self.run(move |hasher| hasher.hash(&password)).await?
    }

    /// Whether `password` is the one that `stored` was made from.
    ///
    /// Without a stored hash, because there is no such user or the account is disabled, the answer is `None`
    /// after the same time, so that nobody learns which names exist.
    /// A stored text that cannot be verified, such as one that lacks its salt, is logged and treated the same way.
    ///
    /// A wrong password takes that time too where the stored hash was made with weaker settings. With stronger ones
    /// it takes longer: before the settings are lowered, all users are better known.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when the queue is full.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<Option<Verified>, Error> {
        if password.len() > self.0.lengths.1 {
            return Ok(None);
        }
        let (password, stored) = (password.to_owned(), stored.map(ToOwned::to_owned));
        self.run(move |hasher| hasher.verify(&password, stored.as_deref()))
            .await?
    }

    /// Requests whose password is being hashed or waits for a worker at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.capacity - self.0.places.available_permits()
    }

    /// How many requests may wait or be hashed at once; one more is refused.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// Runs `work` on a worker. The worker is taken until the work is done, whether or not somebody still waits.
    async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Hasher) -> T + Send + 'static,
    {
        let busy = || Error::Busy {
            retry_after: self.0.wait,
        };
        let place = Arc::clone(&self.0.places)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let worker = time::timeout(self.0.wait, Arc::clone(&self.0.workers).acquire_owned());
        let worker = worker.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let inner = Arc::clone(&self.0);
        task::spawn_blocking(move || {
            let _taken = (place, worker);
            work(&inner.hasher)
        })
        .await
        .map_err(|error| Error::Crypto(error.into()))
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new(&PasswordConfig::default()).expect("the default costs are valid")
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("wait", &self.0.wait)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("rehash", &self.rehash.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn cheap() -> PasswordConfig {
        PasswordConfig {
            memory_kib: 64,
            iterations: 1,
            ..PasswordConfig::default()
        }
    }

    fn passwords(config: &PasswordConfig) -> Passwords {
        Passwords::new(config).unwrap()
    }

    #[tokio::test]
    async fn the_right_password_is_verified_and_the_wrong_one_is_not() {
        let passwords = passwords(&cheap());
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(
            passwords
                .verify("correct horse", Some(&stored))
                .await
                .unwrap(),
            Some(Verified { rehash: None })
        );
        assert_eq!(
            passwords
                .verify("correct horsf", Some(&stored))
                .await
                .unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn one_password_has_many_hashes() {
        let passwords = passwords(&cheap());
        let hashes = [
            passwords.hash("correct horse").await.unwrap(),
            passwords.hash("correct horse").await.unwrap(),
        ];
        assert_ne!(hashes[0], hashes[1]);
    }

    #[tokio::test]
    async fn eight_to_1024_bytes_are_accepted() {
        let passwords = passwords(&cheap());
        let hash = async |length: usize| passwords.hash(&"x".repeat(length)).await;
        assert!(matches!(
            hash(7).await,
            Err(Error::PasswordTooShort { min_bytes: 8 })
        ));
        assert!(hash(8).await.is_ok());
        assert!(hash(1024).await.is_ok());
        assert!(matches!(
            hash(1025).await,
            Err(Error::PasswordTooLong { max_bytes: 1024 })
        ));
    }

    #[tokio::test]
    async fn the_last_byte_of_a_long_password_counts() {
        let passwords = passwords(&cheap());
        let stored = passwords.hash(&"x".repeat(1024)).await.unwrap();
        let other = format!("{}y", "x".repeat(1023));
        assert_eq!(passwords.verify(&other, Some(&stored)).await.unwrap(), None);
        assert_eq!(
            passwords
                .verify(&"x".repeat(1025), Some(&stored))
                .await
                .unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn a_weaker_hash_is_replaced_at_login() {
        let weak = passwords(&PasswordConfig {
            memory_kib: 32,
            ..cheap()
        })
        .hash("correct horse")
        .await
        .unwrap();
        let passwords = passwords(&cheap());
        let verified = passwords
            .verify("correct horse", Some(&weak))
            .await
            .unwrap()
            .unwrap();
        let stronger = verified.rehash.unwrap();
        let again = passwords
            .verify("correct horse", Some(&stronger))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again.rehash, None);
    }

    #[tokio::test]
    async fn a_stronger_hash_is_kept() {
        let strong = passwords(&PasswordConfig {
            memory_kib: 128,
            ..cheap()
        })
        .hash("correct horse")
        .await
        .unwrap();
        let verified = passwords(&cheap())
            .verify("correct horse", Some(&strong))
            .await
            .unwrap();
        assert_eq!(verified, Some(Verified { rehash: None }));
    }

    #[tokio::test]
    async fn a_short_password_from_earlier_days_still_logs_in_and_is_upgraded() {
        let old = PasswordConfig {
            memory_kib: 32,
            min_bytes: 1,
            ..cheap()
        };
        let stored = passwords(&old).hash("abc").await.unwrap();
        let verified = passwords(&cheap())
            .verify("abc", Some(&stored))
            .await
            .unwrap();
        assert!(verified.unwrap().rehash.is_some());
    }

    #[tokio::test]
    async fn nobody_logs_in_as_nobody() {
        let passwords = passwords(&cheap());
        for password in ["", "nobody has this password", "correct horse"] {
            assert_eq!(passwords.verify(password, None).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_stored_text_that_is_no_bearable_hash_lets_nobody_in() {
        let passwords = passwords(&cheap());
        let greedy = "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$cDVMAPmTWsBmMFmPnCBv0wHcs7hQBWXg8MZBhZTyTHk";
        for stored in [
            "",
            "plain text",
            "$2b$12$abcdefghijklmnopqrstuv",
            greedy,
            "$argon2id$",
            "$argon2id$v=19$m=64,t=1,p=1",
        ] {
            assert_eq!(
                passwords.verify("plain text", Some(stored)).await.unwrap(),
                None,
                "{stored}"
            );
        }
    }

    #[tokio::test]
    async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
        let passwords = passwords(&PasswordConfig {
            memory_kib: 4096,
            workers: 1,
            ..cheap()
        });
        let stored = passwords.hash("correct horse").await.unwrap();
        let weaker = self::passwords(&PasswordConfig {
            memory_kib: 512,
            ..cheap()
        });
        let weaker = weaker.hash("correct horse").await.unwrap();
        passwords.verify("warm up", None).await.unwrap();
        let (mut unknown, mut wrong, mut weak) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..15 {
            for (stored, times) in [
                (None, &mut unknown),
                (Some(&stored), &mut wrong),
                (Some(&weaker), &mut weak),
            ] {
                let start = Instant::now();
                let stored = stored.map(String::as_str);
                passwords.verify("wrong", stored).await.unwrap();
                times.push(start.elapsed());
            }
        }
        let fastest = |times: &[Duration]| times.iter().min().unwrap().as_secs_f64();
        for other in [&wrong, &weak] {
            let ratio = fastest(&unknown) / fastest(other);
            assert!((0.5..2.0).contains(&ratio), "{ratio}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_is_refused_at_once() {
        let wait = Duration::from_secs(600);
        let config = PasswordConfig {
            workers: 1,
            queue: 1,
            wait,
            ..cheap()
        };
        let passwords = passwords(&config);
        let worker = Arc::clone(&passwords.0.workers)
            .acquire_owned()
            .await
            .unwrap();
        let hash = || {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash("correct horse").await })
        };
        let waiting = [hash(), hash()];
        while passwords.0.places.available_permits() > 0 {
            task::yield_now().await;
        }
        assert!(matches!(
            passwords.hash("correct horse").await,
            Err(Error::Busy { .. })
        ));
        drop(worker);
        for waiting in waiting {
            assert!(waiting.await.unwrap().is_ok());
        }
    }

    #[test]
    fn each_worker_has_a_queue() {
        let capacity = |workers, queue| {
            let config = PasswordConfig {
                workers,
                queue,
                ..cheap()
            };
            passwords(&config).capacity()
        };
        assert_eq!(capacity(1, 32), 33);
        assert_eq!(capacity(8, 32), 8 * 33);
        assert_eq!(capacity(2, 0), 2);
        assert_eq!(capacity(usize::MAX, usize::MAX), Semaphore::MAX_PERMITS);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused() {
        let config = PasswordConfig {
            workers: 1,
            wait: Duration::from_millis(10),
            ..cheap()
        };
        let passwords = passwords(&config);
        let _worker = Arc::clone(&passwords.0.workers)
            .acquire_owned()
            .await
            .unwrap();
        assert!(matches!(
            passwords.hash("correct horse").await,
            Err(Error::Busy { .. })
        ));
    }

    #[test]
    fn impossible_costs_are_refused_at_the_start() {
        assert!(matches!(
            Passwords::new(&PasswordConfig {
                memory_kib: 1,
                ..cheap()
            }),
            Err(Error::Config { .. })
        ));
    }

    #[test]
    fn debug_output_shows_no_hash() {
        let verified = Verified {
            rehash: Some("$argon2id$secret".into()),
        };
        assert_eq!(format!("{verified:?}"), "Verified { rehash: true }");
    }
}
