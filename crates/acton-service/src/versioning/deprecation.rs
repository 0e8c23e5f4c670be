//! A version that is going away, and says so.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::extract::{OriginalUri, Request};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{ApiVersion, below};

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Announces that a version of the API is going away.
///
/// ```
/// use acton_service::versioning::{ApiVersion, Date, Deprecation};
///
/// let notice = Deprecation::since(Date::new(2027, 1, 1))
///     .sunset(Date::new(2027, 7, 1))
///     .successor(ApiVersion::V2);
/// ```
///
/// Answers carry `Deprecation` ([RFC 9745](https://www.rfc-editor.org/rfc/rfc9745)), `Sunset`
/// ([RFC 8594](https://www.rfc-editor.org/rfc/rfc8594)) and a `Link` to the successor.
#[derive(Clone, Copy, Debug)]
pub struct Deprecation {
    since: Date,
    sunset: Option<Date>,
    successor: Option<ApiVersion>,
}

impl Deprecation {
    /// Deprecated from this day on.
    #[must_use]
    pub fn since(date: Date) -> Self {
        Self {
            since: date,
            sunset: None,
            successor: None,
        }
    }

    /// The day from which the version may no longer answer.
    #[must_use]
    pub fn sunset(mut self, date: Date) -> Self {
        self.sunset = Some(date);
        self
    }

    /// The version to move to.
    #[must_use]
    pub fn successor(mut self, version: ApiVersion) -> Self {
        self.successor = Some(version);
        self
    }

    fn headers(self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![(DEPRECATION, value(&format!("@{}", self.since.0)))];
        if let Some(date) = self.sunset {
            headers.push((SUNSET, value(&httpdate::fmt_http_date(date.into()))));
        }
        headers
    }
}

/// Midnight UTC at the beginning of a day of the Gregorian calendar, from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(u64);

impl Date {
    /// Year, month (1 to 12) and day (1 to 31); what lies outside is brought to the nearest valid month or day number.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        let year = if year < 1970 { 1970 } else { year } as u64;
        let month = clamp(month, 12);
        let day = clamp(day, 31);
        // Counting from March puts the leap day at the end of the year.
        let (year, month) = if month < 3 {
            (year - 1, month + 9)
        } else {
            (year, month - 3)
        };
        let leap_days = year / 4 - year / 100 + year / 400;
        let days = year * 365 + leap_days + (153 * month + 2) / 5 + day - 1;
        const DAYS_BEFORE_1970: u64 = 719_468;
        Self((days - DAYS_BEFORE_1970) * 86_400)
    }
}

impl From<Date> for SystemTime {
    fn from(date: Date) -> Self {
        Self::UNIX_EPOCH + Duration::from_secs(date.0)
    }
}

const fn clamp(number: u8, most: u64) -> u64 {
    let number = number as u64;
    if number < 1 {
        1
    } else if number > most {
        most
    } else {
        number
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// What the answers of deprecated versions carry, by the path under which a version lives.
///
/// It is asked by the path and not by the route, because every answer must say it: also those of limits, time-outs and
/// panics, and of addresses that the version does not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices(Vec<Notice>);

#[derive(Clone, Debug)]
struct Notice {
    path: String,
    headers: Arc<[(HeaderName, HeaderValue)]>,
    successor: Option<ApiVersion>,
}

/// What the answer to one request has to say.
#[derive(Debug)]
pub(crate) struct Announcement {
    headers: Arc<[(HeaderName, HeaderValue)]>,
    link: Option<HeaderValue>,
}

impl Notices {
    pub(super) fn add(&mut self, path: &str, deprecation: Deprecation) {
        self.0.push(Notice {
            path: path.to_owned(),
            headers: deprecation.headers().into(),
            successor: deprecation.successor,
        });
    }

    /// What is to be said of the version that this request asks.
    pub(crate) fn find(&self, request: &Request) -> Option<Announcement> {
        let path = request.uri().path();
        let found = |notice: &Notice| {
            let rest = below(path, &notice.path)?;
            let link = notice.successor;
            let link = link.and_then(|version| link_to(version, request, rest));
            let headers = Arc::clone(&notice.headers);
            Some(Announcement { headers, link })
        };
        self.0.iter().find_map(found)
    }
}

impl Announcement {
    /// Adds it; a handler may have a `Link` of its own.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &*self.headers {
            headers.append(name, value.clone());
        }
        if let Some(link) = &self.link {
            headers.append(header::LINK, link.clone());
        }
    }
}

/// Beside the version that was asked, wherever that is for the client: below a path of another application, and with
/// the values that the client has put into the base path.
fn link_to(version: ApiVersion, request: &Request, rest: &str) -> Option<HeaderValue> {
    let original = request.extensions().get::<OriginalUri>();
    let original = original.and_then(|original| original.path().strip_suffix(rest));
    let asked = original.or_else(|| request.uri().path().strip_suffix(rest))?;
    let (base, _) = asked.rsplit_once('/')?;
    HeaderValue::try_from(format!("<{base}/{version}>; rel=\"successor-version\"")).ok()
}
