//! Which text a browser, or htmx before it, takes for a selector.
//!
//! Reference: <https://www.w3.org/TR/selectors-4/#grammar>

/// What htmx takes from the beginning of a selector, to begin somewhere else than at the root.
///
/// Reference: <https://htmx.org/attributes/hx-target/>
const PLACES: [&str; 6] = [
    "global ",
    "closest ",
    "find ",
    "findAll ",
    "next ",
    "previous ",
];

/// Whether `querySelectorAll` would not throw.
pub(super) fn is_css(text: &str) -> bool {
    let mut reader = Reader(text);
    reader.list().is_some() && reader.0.is_empty()
}

/// Whether htmx would find nothing in the text at which a browser throws: beside CSS it knows
/// places, and `<…/>` around a selector.
pub(super) fn is_extended(text: &str) -> bool {
    let mut reader = Reader(text);
    loop {
        if reader.extended().is_none() {
            return false;
        }
        if !reader.eat(',') {
            return reader.0.is_empty();
        }
    }
}

/// What is left of the text; each method takes from it what it names, or finds that it is not there.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn extended(&mut self) -> Option<()> {
        self.spaces();
        while let Some(rest) = PLACES.iter().find_map(|place| self.0.strip_prefix(place)) {
            self.0 = rest;
            self.spaces();
        }
        let Some(wrapped) = self.0.strip_prefix('<') else {
            return self.complex();
        };
        let (inner, rest) = wrapped.split_once("/>")?;
        self.0 = rest;
        self.spaces();
        is_css(inner).then_some(())
    }

    /// Selectors between commas.
    fn list(&mut self) -> Option<()> {
        self.complex()?;
        while self.eat(',') {
            self.complex()?;
        }
        Some(())
    }

    /// Compound selectors between combinators, and the space around them.
    fn complex(&mut self) -> Option<()> {
        self.spaces();
        self.compound()?;
        loop {
            let spaced = self.spaces();
            let combined = self.eat_any(&['>', '+', '~']);
            if !combined && (!spaced || self.ends()) {
                return Some(());
            }
            self.spaces();
            self.compound()?;
        }
    }

    fn ends(&self) -> bool {
        self.0.is_empty() || self.0.starts_with([',', ')'])
    }

    fn compound(&mut self) -> Option<()> {
        let before = self.0.len();
        if self.0.starts_with(['*', '|']) || self.starts_name() {
            self.qualified(true)?;
        }
        loop {
            match self.0.chars().next() {
                Some('#' | '.') => {
                    self.skip();
                    self.name()?;
                }
                Some('[') => self.attribute()?,
                Some(':') => self.pseudo()?,
                Some('&') => self.skip(),
                _ => return (self.0.len() < before).then_some(()),
            }
        }
    }

    /// A name, in any namespace (`*|`) or in none (`|`): a page declares no others.
    fn qualified(&mut self, any_name: bool) -> Option<()> {
        if self.eat('*') {
            let is_namespace = self.0.starts_with('|') && !self.0.starts_with("|=");
            if !is_namespace {
                return any_name.then_some(());
            }
        }
        let namespaced = self.eat('|');
        if namespaced && any_name && self.eat('*') {
            return Some(());
        }
        self.name().map(drop)
    }

    fn attribute(&mut self) -> Option<()> {
        self.skip();
        self.spaces();
        self.qualified(false)?;
        self.spaces();
        if self.eat(']') {
            return Some(());
        }
        self.eat_any(&['~', '|', '^', '$', '*']);
        self.eat('=').then_some(())?;
        self.spaces();
        match self.0.chars().next()? {
            quote @ ('"' | '\'') => self.quoted(quote)?,
            _ => drop(self.name()?),
        }
        self.spaces();
        self.eat_any(&['i', 'I', 's', 'S']);
        self.spaces();
        self.eat(']').then_some(())
    }

    fn pseudo(&mut self) -> Option<()> {
        self.skip();
        self.eat(':');
        let name = self.name()?.to_ascii_lowercase();
        if !self.eat('(') {
            return Some(());
        }
        match name.as_str() {
            "not" => self.list()?,
            "has" => self.relative()?,
            // What is not a selector there is left out, by everybody.
            "is" | "where" => return self.arguments(),
            _ => {
                self.spaces();
                (!self.0.starts_with(')')).then_some(())?;
                return self.arguments();
            }
        }
        self.eat(')').then_some(())
    }

    /// Selectors that may begin with a combinator.
    fn relative(&mut self) -> Option<()> {
        loop {
            self.spaces();
            self.eat_any(&['>', '+', '~']);
            self.complex()?;
            if !self.eat(',') {
                return Some(());
            }
        }
    }

    /// Anything up to the closing bracket, with every bracket and quote in it closed.
    fn arguments(&mut self) -> Option<()> {
        let mut open = vec![')'];
        while let Some(end) = open.last() {
            let character = self.0.chars().next()?;
            match character {
                '"' | '\'' => {
                    self.quoted(character)?;
                    continue;
                }
                '\\' => {
                    self.escape()?;
                    continue;
                }
                _ if character == *end => drop(open.pop()),
                '(' => open.push(')'),
                '[' => open.push(']'),
                '{' => open.push('}'),
                ')' | ']' | '}' => return None,
                _ => {}
            }
            self.skip();
        }
        Some(())
    }

    fn quoted(&mut self, quote: char) -> Option<()> {
        self.skip();
        loop {
            match self.0.chars().next()? {
                '\\' => self.escape()?,
                end => {
                    self.skip();
                    if end == quote {
                        return Some(());
                    }
                }
            }
        }
    }

    /// Reference: <https://www.w3.org/TR/css-syntax-3/#would-start-an-identifier>
    fn starts_name(&self) -> bool {
        let begins = |text: &str| {
            text.starts_with(|character| is_name_start(character) || character == '\\')
        };
        match self.0.strip_prefix('-') {
            Some(rest) => rest.starts_with('-') || begins(rest),
            None => begins(self.0),
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let whole = self.0;
        self.starts_name().then_some(())?;
        while let Some(character) = self.0.chars().next() {
            match character {
                '\\' => self.escape()?,
                '-' | '0'..='9' => self.skip(),
                _ if is_name_start(character) => self.skip(),
                _ => break,
            }
        }
        Some(&whole[..whole.len() - self.0.len()])
    }

    /// Up to six digits, with the space after them, or any other character.
    fn escape(&mut self) -> Option<()> {
        self.skip();
        let digits = self.0.bytes().take(6);
        let digits = digits.take_while(u8::is_ascii_hexdigit).count();
        if digits == 0 {
            self.0.chars().next()?;
            self.skip();
        } else {
            self.0 = &self.0[digits..];
            self.eat(' ');
        }
        Some(())
    }

    fn spaces(&mut self) -> bool {
        let rest = self.0.trim_start_matches(' ');
        let any = rest.len() < self.0.len();
        self.0 = rest;
        any
    }

    fn skip(&mut self) {
        let mut characters = self.0.chars();
        characters.next();
        self.0 = characters.as_str();
    }

    fn eat(&mut self, character: char) -> bool {
        let rest = self.0.strip_prefix(character);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn eat_any(&mut self, characters: &[char]) -> bool {
        characters.iter().any(|character| self.eat(*character))
    }
}

/// Reference: <https://www.w3.org/TR/css-syntax-3/#name-start-code-point>
fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Selectors, parted by two spaces.
    fn each(text: &str) -> impl Iterator<Item = &str> {
        text.lines().flat_map(|line| line.trim().split("  "))
    }

    #[test]
    fn what_a_browser_reads_is_a_selector() {
        let selectors = r##"*  a  #a-1  #--  #-a  .é日  #\31 a  #\31  a\:b.c\.d  a.b#c[d]:hover::before
            a, .b ,#c  a b>c + d~ e  ul>li  :scope > a  &.a  *|a  |a  *|*  |*
            [a]  [ a = b ]  [a~='b c'][a|="b]"][a^=b][a$=b][a*=b]  [a=b i]  [a='b'S]  [*|href][|href]
            a:not(.b, #c > d)  a:has(> b, + c, d)  a:is()  :where(a, 1; b)  a:NOT(b)
            li:nth-child( 2n+1 of .a )  :lang('de', "en")  ::part(a b)"##;
        for text in each(selectors) {
            assert!(is_css(text) && is_extended(text), "{text}");
        }
    }

    #[test]
    fn what_a_browser_throws_on_is_none() {
        let others = r##"!  #  #1  #-1  #-  .  .1  1  -  >>  a >  > a  a > > b  a,  ,a  a,,b  a{b  a}  a;b  a/b
            a@b  a%  a=b  a)b  a(b)  a'b'  a*  **  a[b]c  a|b  svg|a  a||b  $a  a$  ^  +  ~  ?  `  a.b.  a#  #a #
            [svg|a]  [*]  []  [a  [a]]  [a=]  [a=1]  [a b]  [a='b]  [a!=b]  [a=b x]  a\  <a/>
            :  :1  a: b  :not()  :not(a,)  :not(a  :not(> a)  :has()  :has(>)  :nth-child()  :nth-child( )
            :is(a]  :is('a)"##;
        for text in each(others).chain(["", " "]) {
            assert!(!is_css(text), "{text}");
        }
    }

    #[test]
    fn htmx_knows_places_and_selectors_in_angle_brackets() {
        let selectors =
            "this  body  closest tr  closest <tr/>  find .a > b  findAll li  next  next .a
            global #a  global closest form  <#a, .b/>  #a, <.b/> , find <c d/>";
        for text in each(selectors) {
            assert!(is_extended(text), "{text}");
        }
        let others =
            "<#1/>  <a>  <a  </>  <a/>b  closest #1  closest > a  find , a  a <b/>  <<a/>/>  <a/>,";
        for text in each(others) {
            assert!(!is_extended(text), "{text}");
        }
    }
}
