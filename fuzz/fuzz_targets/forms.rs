//! The token is found in forms however they are cut, and the application gets every byte of them.
#![no_main]

use acton_fuzz::{Pieces, VISITOR, whole};
use axum_core::body::Body;
use http::{Request, StatusCode, header};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    form: Form<'a>,
    sizes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Form<'a> {
    Pairs(Vec<Field<'a>>),
    Parts(Vec<Field<'a>>),
    AnyPairs(&'a [u8]),
    AnyParts(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Field<'a> {
    Token,
    Wrong(&'a [u8]),
    File(&'a [u8]),
    Other(&'a str, &'a [u8]),
}

const BOUNDARY: &str = "----a-boundary";
const FIELD: &str = "csrf_token";

impl<'a> Field<'a> {
    fn name(&self) -> &str {
        match self {
            Self::Token | Self::Wrong(_) | Self::File(_) => FIELD,
            Self::Other(name, _) => name,
        }
    }

    fn value(&self) -> &[u8] {
        match self {
            Self::Token => VISITOR.token.as_bytes(),
            Self::Wrong(value) | Self::File(value) | Self::Other(_, value) => value,
        }
    }

    fn is_field(&self) -> bool {
        self.name() == FIELD && !matches!(self, Self::File(_))
    }
}

impl Form<'_> {
    fn content_type(&self) -> String {
        match self {
            Self::Pairs(_) | Self::AnyPairs(_) => "application/x-www-form-urlencoded".to_owned(),
            Self::Parts(_) | Self::AnyParts(_) => {
                format!("multipart/form-data; boundary={BOUNDARY}")
            }
        }
    }

    fn body(&self) -> Vec<u8> {
        match self {
            Self::AnyPairs(body) | Self::AnyParts(body) => body.to_vec(),
            Self::Pairs(fields) => {
                let encode = |text: &[u8]| percent_encode(text, NON_ALPHANUMERIC).to_string();
                let pair = |field: &Field<'_>| {
                    format!(
                        "{}={}",
                        encode(field.name().as_bytes()),
                        encode(field.value())
                    )
                };
                let pairs: Vec<_> = fields.iter().map(pair).collect();
                pairs.join("&").into_bytes()
            }
            Self::Parts(fields) => {
                let mut body = Vec::new();
                for field in fields {
                    let name: String = field
                        .name()
                        .chars()
                        .filter(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    let file = match field {
                        Field::File(_) => "; filename=\"a\"",
                        _ => "",
                    };
                    body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
                    body.extend(field.value());
                    body.extend(b"\r\n");
                }
                body.extend(format!("--{BOUNDARY}--\r\n").bytes());
                body
            }
        }
    }

    /// Whether the token is in it, as far as that is known.
    fn is_good(&self) -> Option<bool> {
        match self {
            Self::AnyPairs(_) | Self::AnyParts(_) => None,
            // Twice is not at all.
            Self::Pairs(fields) => {
                let mut own = fields.iter().filter(|field| field.name() == FIELD);
                let first = own.next().map(Field::value);
                Some(first == Some(VISITOR.token.as_bytes()) && own.next().is_none())
            }
            // The first one counts.
            Self::Parts(fields) => {
                let breaks = |field: &Field<'_>| {
                    let value = [b"\r\n", field.value()].concat();
                    let line = format!("\r\n--{BOUNDARY}");
                    value
                        .windows(line.len())
                        .any(|window| window == line.as_bytes())
                };
                let hides = |field: &Field<'_>| {
                    !field.is_field()
                        && field
                            .name()
                            .replace(|c: char| !c.is_alphanumeric() && c != '_', "")
                            == FIELD
                        && !matches!(field, Field::File(_))
                };
                if fields.iter().any(|field| breaks(field) || hides(field)) {
                    return None;
                }
                let first = fields.iter().find(|field| field.is_field());
                Some(first.map(Field::value) == Some(VISITOR.token.as_bytes()))
            }
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let body = input.form.body();
    let request = Request::post("/echo")
        .header(header::COOKIE, format!("id={}", VISITOR.id))
        .header(header::CONTENT_TYPE, input.form.content_type())
        .body(Body::new(Pieces::of(&body, &input.sizes)));
    let answer = VISITOR.send(request.expect("a request"));
    let status = answer.status();
    if status == StatusCode::OK {
        assert_eq!(whole(answer), body, "{input:?}");
    } else {
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    match input.form.is_good() {
        Some(good) => assert_eq!(status == StatusCode::OK, good, "{input:?}"),
        None if status == StatusCode::OK => {
            let decoded: Vec<u8> = percent_encoding::percent_decode(&body).collect();
            let token = VISITOR.token.as_bytes();
            let holds = |body: &[u8]| body.windows(token.len()).any(|window| window == token);
            assert!(holds(&body) || holds(&decoded), "{input:?}");
        }
        None => {}
    }
});
