//! HTML, as a browser's tokenizer reads it.

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
    },
};

/// What an element begins with, ends with, or holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Html {
    /// A tag with its attributes.
    Start(String, Vec<(String, String)>),
    /// The end of an element.
    End(String),
    /// Text, with nothing left to decode.
    Text(String),
    /// A comment or a document type.
    Other,
}

/// The tags and texts of a piece of HTML.
pub fn html(text: &str) -> Vec<Html> {
    let options = TokenizerOpts {
        discard_bom: false,
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Sink::default(), options);
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(text));
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// Text after what every HTML parser does to newlines.
///
/// <https://html.spec.whatwg.org/multipage/parsing.html#preprocessing-the-input-stream>
pub fn normalized(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[derive(Default)]
struct Sink(RefCell<Vec<Html>>);

impl Sink {
    fn text(&self, text: &str) {
        let mut read = self.0.borrow_mut();
        if let Some(Html::Text(before)) = read.last_mut() {
            before.push_str(text);
        } else {
            read.push(Html::Text(text.to_owned()));
        }
    }
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let read = match token {
            Token::CharacterTokens(text) => {
                self.text(&text);
                return TokenSinkResult::Continue;
            }
            Token::NullCharacterToken => {
                self.text("\0");
                return TokenSinkResult::Continue;
            }
            Token::EOFToken | Token::ParseError(_) => return TokenSinkResult::Continue,
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => Html::End(tag.name.to_string()),
            Token::TagToken(tag) => {
                let attributes = tag.attrs.iter();
                let attributes = attributes.map(|attribute| {
                    (
                        attribute.name.local.to_string(),
                        attribute.value.to_string(),
                    )
                });
                Html::Start(tag.name.to_string(), attributes.collect())
            }
            Token::CommentToken(_) | Token::DoctypeToken(_) => Html::Other,
        };
        self.0.borrow_mut().push(read);
        TokenSinkResult::Continue
    }
}
