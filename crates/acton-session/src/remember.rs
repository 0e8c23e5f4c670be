use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tower_sessions::session::Id;

use crate::{random, record::millis, store::Key};

const SERIES: usize = 16;
const SECRET: usize = 32;

/// How long the last token but one is taken for a request that was sent at the same moment.
const PARALLEL_MS: u64 = 10_000;

/// What a remembered browser keeps: which series it belongs to, and a secret that changes at every use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    series: [u8; SERIES],
    secret: [u8; SECRET],
}

/// What the store keeps of it: hashes, and whom they stand for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) user: String,
    pub(crate) roles: Vec<String>,
    current: String,
    previous: Option<String>,
    /// When it was used last, or began.
    pub(crate) renewed_ms: u64,
    /// `User-Agent` of whoever began it.
    #[serde(default)]
    pub(crate) device: Option<String>,
    /// Another number after every use. The store alone knows it.
    #[serde(default)]
    number: [u8; SERIES],
    /// Somebody came with the current token and the session that began with it: the answer that carried them arrived.
    #[serde(default)]
    is_confirmed: bool,
    /// Two browsers have it, and the user is being logged out everywhere: nobody is recognised by it any more.
    #[serde(default)]
    is_stolen: bool,
}

/// What a token is worth.
pub(crate) enum Verdict {
    /// A request that was sent together with the one that got the next token.
    Parallel,
    /// It is good, once.
    Good,
    /// It was used before, so two browsers have it.
    Stolen,
}

impl Token {
    pub(crate) fn generate() -> Self {
        Self {
            series: random::bytes(),
            secret: random::bytes(),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; SERIES + SECRET];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (series, secret) = bytes[..length].split_first_chunk()?;
        Some(Self {
            series: *series,
            secret: secret.try_into().ok()?,
        })
    }

    /// Where the store keeps the series.
    pub(crate) fn key(&self) -> Key {
        Key::hash(b"acton remember", &self.series)
    }

    pub(crate) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode([&self.series[..], &self.secret].concat())
    }

    fn next(&self) -> Self {
        Self {
            series: self.series,
            secret: random::bytes(),
        }
    }

    /// As the store keeps it.
    pub(crate) fn hash(&self) -> String {
        Key::hash(b"acton remember token", &self.secret).to_string()
    }
}

impl Series {
    pub(crate) fn begin(
        user: String,
        roles: Vec<String>,
        device: Option<String>,
        token: &Token,
        now_ms: u64,
    ) -> Self {
        Self {
            user,
            roles,
            current: token.hash(),
            previous: None,
            renewed_ms: now_ms,
            device,
            number: random::bytes(),
            is_confirmed: false,
            is_stolen: false,
        }
    }

    /// As it stands in the store until its user is logged out everywhere, so that whoever comes with it goes on with that.
    pub(crate) fn stolen(&self) -> Self {
        Self {
            is_stolen: true,
            ..self.clone()
        }
    }

    /// Whether somebody may be recognised by it.
    pub(crate) fn is_good(&self) -> bool {
        !self.is_stolen
    }

    /// The id of the session that begins with this token.
    ///
    /// Whoever finds the token later does not find the id, since that takes the number; and whoever reads the store
    /// finds the number and a hash of the token.
    pub(crate) fn session(&self, token: &Token) -> Id {
        let secret = [&token.secret[..], &self.number].concat();
        Key::hash(b"acton remembered session", &secret).to_id()
    }

    /// The token that the browser has to bring before an older one is taken for stolen.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// As it stands once this token has arrived, if that was not known.
    pub(crate) fn confirmed(&self, token: &Token) -> Option<Self> {
        let is_news = !self.is_confirmed && self.is_good() && self.current == token.hash();
        is_news.then(|| Self {
            is_confirmed: true,
            ..self.clone()
        })
    }

    /// How long it is kept: longer with every renewal.
    pub(crate) fn until_ms(&self, remember: Duration) -> u64 {
        self.renewed_ms.saturating_add(millis(remember))
    }

    /// The last token but one stays good until somebody comes with its successor, since the answer that carried the
    /// successor may not have arrived. A thief and the owner still cannot both go on: one of them comes with a token
    /// that is neither.
    ///
    /// What counts is when the request arrived: it may have waited for long before anybody asked who sent it.
    pub(crate) fn judge(&self, token: &Token, arrived_ms: u64) -> Verdict {
        if self.is_stolen {
            return Verdict::Stolen;
        }
        let hash = token.hash();
        let is_previous = self.previous.as_ref() == Some(&hash);
        if is_previous && arrived_ms < self.renewed_ms.saturating_add(PARALLEL_MS) {
            return Verdict::Parallel;
        }
        let is_used_up = is_previous && self.is_confirmed;
        if is_used_up || (!is_previous && self.current != hash) {
            return Verdict::Stolen;
        }
        Verdict::Good
    }

    /// The series after the use of a good token, and the next token.
    pub(crate) fn renew(&self, token: &Token, now_ms: u64) -> (Self, Token) {
        let next = token.next();
        let series = Self {
            current: next.hash(),
            previous: Some(token.hash()),
            renewed_ms: now_ms,
            number: random::bytes(),
            is_confirmed: false,
            ..self.clone()
        };
        (series, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: u64 = 60_000;

    fn begin() -> (Series, Token) {
        let token = Token::generate();
        (
            Series::begin("alice".to_owned(), Vec::new(), None, &token, 0),
            token,
        )
    }

    fn renew(series: &Series, token: &Token, now_ms: u64) -> Option<(Series, Token)> {
        match series.judge(token, now_ms) {
            Verdict::Good => Some(series.renew(token, now_ms)),
            Verdict::Parallel | Verdict::Stolen => None,
        }
    }

    #[test]
    fn a_token_is_good_once_and_gives_the_next_one() {
        let (series, first) = begin();
        let (series, second) = renew(&series, &first, LATER).unwrap();
        let (series, _) = renew(&series, &second, 2 * LATER).unwrap();
        assert!(matches!(series.judge(&first, 3 * LATER), Verdict::Stolen));
    }

    #[test]
    fn requests_sent_together_are_not_a_theft() {
        let (series, first) = begin();
        let (series, _) = renew(&series, &first, LATER).unwrap();
        for arrived_ms in [0, LATER, LATER + 5] {
            assert!(matches!(
                series.judge(&first, arrived_ms),
                Verdict::Parallel
            ));
        }
    }

    #[test]
    fn an_answer_that_never_arrived_is_not_a_theft() {
        let (series, first) = begin();
        let (series, lost) = renew(&series, &first, LATER).unwrap();
        let (series, _) = renew(&series, &first, 2 * LATER).unwrap();
        assert!(matches!(series.judge(&lost, 3 * LATER), Verdict::Stolen));
    }

    #[test]
    fn a_token_whose_successor_arrived_is_a_theft_unless_it_was_sent_at_the_same_moment() {
        let (series, first) = begin();
        let (series, second) = renew(&series, &first, LATER).unwrap();
        assert!(series.confirmed(&first).is_none());
        let series = series.confirmed(&second).unwrap();
        assert!(series.confirmed(&second).is_none());
        let end = LATER + PARALLEL_MS;
        assert!(matches!(series.judge(&first, end - 1), Verdict::Parallel));
        assert!(matches!(series.judge(&first, end), Verdict::Stolen));
        let (series, third) = renew(&series, &second, end).unwrap();
        assert!(renew(&series, &second, end + PARALLEL_MS).is_some());
        assert!(renew(&series, &third, end + PARALLEL_MS).is_some());
    }

    #[test]
    fn nobody_is_recognised_by_what_was_stolen() {
        let (series, token) = begin();
        let stolen = series.stolen();
        assert!(series.is_good() && !stolen.is_good());
        assert!(matches!(stolen.judge(&token, 0), Verdict::Stolen));
    }

    #[test]
    fn the_id_of_a_session_takes_the_token_and_what_only_the_store_knows() {
        let (series, first) = begin();
        let (renewed, second) = renew(&series, &first, LATER).unwrap();
        assert_ne!(series.session(&first), renewed.session(&first));
        assert_ne!(renewed.session(&first), renewed.session(&second));
    }

    #[test]
    fn what_is_encoded_is_parsed_and_nothing_else_is() {
        let token = Token::generate();
        assert!(Token::parse(&token.encode()) == Some(token));
        for text in [
            "",
            "x",
            &token.encode()[1..],
            &format!("{}AAAA", token.encode()),
        ] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
