//! Selectors, as a browser's tokenizer reads them.

use cssparser::{ParseError, Parser, Token};

/// The tokens of a selector, without comments.
pub fn css(selector: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    read(&mut Parser::new(selector), &mut tokens);
    tokens
}

fn read(parser: &mut Parser<'_>, tokens: &mut Vec<String>) {
    while let Ok(token) = parser.next_including_whitespace_and_comments() {
        let opens = matches!(
            token,
            Token::Function(_)
                | Token::ParenthesisBlock
                | Token::SquareBracketBlock
                | Token::CurlyBracketBlock
        );
        match token {
            Token::Comment(_) => {}
            // The rest of a broken token is kept as it was written.
            Token::BadUrl(_) => tokens.push("BadUrl".to_owned()),
            Token::BadString(_) => tokens.push("BadString".to_owned()),
            token => tokens.push(format!("{token:?}")),
        }
        if opens {
            let nested: Result<(), ParseError<()>> = parser.parse_nested_block(|block| {
                read(block, tokens);
                Ok(())
            });
            tokens.push(nested.map_or("too deep", |()| "end").to_owned());
        }
    }
}
