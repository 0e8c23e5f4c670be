use http::{HeaderMap, header};
use percent_encoding::percent_decode;

use super::CSRF_FIELD;

/// How a form is written.
///
/// Reference: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#form-submission-algorithm>
pub(super) enum Form {
    UrlEncoded,
    Multipart {
        /// What stands before every part, the line break included.
        delimiter: Vec<u8>,
    },
}

/// How much of a body is there to be searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// More may come.
    Growing,
    /// More may come and is not looked at.
    Full,
    /// All of it.
    Whole,
}

/// What the beginning of a body says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Search {
    Found(Vec<u8>),
    /// More has to be read.
    Unfinished,
    /// It is not there, or there more than once.
    Absent,
}

impl Form {
    /// Nothing else is searched: what is no form sends the token as a header.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Some(Self::UrlEncoded),
            "multipart/form-data" => {
                let boundary = boundary(parameters)?;
                let delimiter = format!("\r\n--{boundary}").into_bytes();
                Some(Self::Multipart { delimiter })
            }
            _ => None,
        }
    }

    pub(super) fn search(&self, body: &[u8], extent: Extent) -> Search {
        match self {
            Self::UrlEncoded => search_pairs(body, extent),
            Self::Multipart { delimiter } => search_parts(body, delimiter),
        }
    }
}

/// 1 to 70 characters; longer ones are not searched for.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1>
fn boundary(parameters: &str) -> Option<&str> {
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_boundary = name.trim().eq_ignore_ascii_case("boundary");
        is_boundary.then(|| value.trim().trim_matches('"'))
    })?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// A field that stands there twice says nothing, so as much is looked through as may be.
fn search_pairs(body: &[u8], extent: Extent) -> Search {
    let body = match extent {
        Extent::Growing => return Search::Unfinished,
        Extent::Whole => body,
        // The last pair may be cut off.
        Extent::Full => match body.iter().rposition(|byte| *byte == b'&') {
            Some(end) => &body[..end],
            None => return Search::Absent,
        },
    };
    let mut tokens = body.split(|byte| *byte == b'&').filter_map(token_of_pair);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) => Search::Found(token),
        _ => Search::Absent,
    }
}

fn token_of_pair(pair: &[u8]) -> Option<Vec<u8>> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&pair[..equals], &pair[equals + 1..]);
    let is_field = percent_decode(name).eq(CSRF_FIELD.bytes());
    is_field.then(|| percent_decode(value).collect())
}

/// The first part with the name counts: what follows it may be a large upload and is not waited for.
fn search_parts(body: &[u8], delimiter: &[u8]) -> Search {
    let mut rest = body;
    // The line break before the first one may be missing.
    let first = &delimiter[2..];
    let mut start = match body.starts_with(first) {
        true => Some(first.len()),
        false => find(body, delimiter).map(|start| start + delimiter.len()),
    };
    while let Some(begin) = start {
        let part = &rest[begin..];
        if part.starts_with(b"--") {
            return Search::Absent;
        }
        let Some(head_end) = find(part, b"\r\n\r\n") else {
            return Search::Unfinished;
        };
        let (head, content) = (&part[..head_end], &part[head_end + 4..]);
        let Some(end) = find(content, delimiter) else {
            return Search::Unfinished;
        };
        if is_token_part(head) {
            return Search::Found(content[..end].to_vec());
        }
        rest = &content[end..];
        start = Some(delimiter.len());
    }
    Search::Unfinished
}

/// Browsers write the name in quotes, and a file has a name of its own.
fn is_token_part(head: &[u8]) -> bool {
    let lines = head.split(|byte| *byte == b'\n');
    let mut dispositions = lines.filter_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let name = name.trim();
        name.eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    });
    dispositions.next().is_some_and(|value| {
        let mut parameters = value.split(';').map(str::trim).skip(1);
        let names_field = format!("name=\"{CSRF_FIELD}\"");
        parameters.next() == Some(names_field.as_str()) && parameters.next().is_none()
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut windows = haystack.windows(needle.len());
    windows.position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn form(content_type: &str) -> Form {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(content_type).unwrap();
        headers.insert(header::CONTENT_TYPE, value);
        Form::of(&headers).unwrap()
    }

    fn pairs(body: &str) -> Search {
        form("application/x-www-form-urlencoded; charset=utf-8")
            .search(body.as_bytes(), Extent::Whole)
    }

    fn parts(body: &str) -> Search {
        form("multipart/form-data; boundary=X").search(body.as_bytes(), Extent::Whole)
    }

    fn found(token: &str) -> Search {
        Search::Found(token.as_bytes().to_vec())
    }

    #[test]
    fn a_field_is_found_among_others() {
        assert_eq!(pairs("a=1&csrf_token=ab-c&b=2"), found("ab-c"));
        assert_eq!(pairs("csrf%5Ftoken=a%2Db"), found("a-b"));
    }

    #[test]
    fn a_field_that_is_missing_doubled_or_an_array_is_not_found() {
        for body in [
            "",
            "a=1",
            "csrf_token",
            "csrf_token[]=a",
            "csrf_token=a&csrf_token=a",
            "x=csrf_token=a",
        ] {
            assert_eq!(pairs(body), Search::Absent, "{body}");
        }
    }

    #[test]
    fn the_beginning_of_a_long_form_is_enough() {
        let form = form("application/x-www-form-urlencoded");
        let search = |body: &str| form.search(body.as_bytes(), Extent::Full);
        assert_eq!(search("csrf_token=tok&text=aaaa"), found("tok"));
        assert_eq!(search("text=aaaa&csrf_token=to"), Search::Absent);
    }

    #[test]
    fn a_part_is_found_before_an_upload_has_ended() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                    --X\r\ncontent-disposition: form-data; name=\"csrf_token\"\r\n\r\ntok\r\n\
                    --X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n\0\0";
        assert_eq!(parts(body), found("tok"));
    }

    #[test]
    fn a_file_that_calls_itself_the_token_is_not_one() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"csrf_token\"; filename=\"x\"\r\n\r\ntok\r\n--X--";
        assert_eq!(parts(body), Search::Absent);
    }

    #[test]
    fn a_value_that_is_cut_off_is_not_taken() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\ntok";
        assert_eq!(parts(body), Search::Unfinished);
    }

    #[test]
    fn boundaries_may_stand_in_quotes() {
        let form = form("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"");
        let body =
            b"--a b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\nt\r\n--a b--";
        assert_eq!(form.search(body, Extent::Whole), found("t"));
    }

    proptest::proptest! {
        #[test]
        fn no_body_breaks_the_search(body in "([-XA-Za-z0-9=&%\\r\\n:; \"]|csrf_token|--X|\\r\\n){0,60}") {
            for form in [form("application/x-www-form-urlencoded"), form("multipart/form-data; boundary=X")] {
                for extent in [Extent::Growing, Extent::Full, Extent::Whole] {
                    let _ = form.search(body.as_bytes(), extent);
                }
            }
        }

        #[test]
        fn a_token_is_found_wherever_it_stands(before in "[a-z=]{0,20}", token in "[A-Za-z0-9_-]{1,90}", after in "[a-z=&]{0,20}") {
            let body = format!("x{before}&csrf_token={token}&{after}");
            proptest::prop_assert_eq!(pairs(&body), found(&token));
            let body = format!(
                "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{before}\r\n\
                 --X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n--X--{after}"
            );
            proptest::prop_assert_eq!(parts(&body), found(&token));
        }
    }

    #[test]
    fn json_is_not_searched() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        assert!(Form::of(&headers).is_none());
    }
}
