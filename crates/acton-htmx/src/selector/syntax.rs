//! Which text a browser, or htmx before it, takes for a selector.
//!
//! Reference: <https://www.w3.org/TR/selectors-4/#grammar>

/// What both versions of htmx take from the beginning of a selector, to look from the element that
/// sent the request.
///
/// Reference: <https://htmx.org/attributes/hx-target/>
const PLACES: [&str; 4] = ["closest ", "find ", "next ", "previous "];

/// Brackets in brackets; a person writes two.
const MAX_DEPTH: usize = 32;

/// Whether `querySelectorAll` would not throw.
pub(super) fn is_css(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.list().is_some() && reader.rest.is_empty()
}

/// Whether both versions of htmx read the text alike, and find nothing in it at which a browser
/// throws: beside CSS they know places, and `<…/>` around a selector.
pub(super) fn is_extended(text: &str) -> bool {
    if text == THIS {
        return true;
    }
    let mut reader = Reader::new(text.strip_prefix("global ").unwrap_or(text));
    loop {
        if reader.part().is_none() {
            return false;
        }
        if !reader.eat(',') {
            return reader.rest.is_empty();
        }
    }
}

/// The element that sent the request, where nothing stands beside it.
pub(super) const THIS: &str = "this";

/// Whether one version of htmx knows the text as a word of its own, and the other takes it for CSS.
fn differs(part: &str) -> bool {
    let part = part.trim_matches(' ');
    [THIS, "root"].contains(&part) || part.starts_with("findAll ")
}

/// Pseudo-elements that may be written like pseudo-classes.
///
/// Reference: <https://www.w3.org/TR/selectors-4/#single-colon-pseudos>
const ELEMENTS: [&str; 4] = ["before", "after", "first-line", "first-letter"];

/// Beside the `:nth-…`, what means nothing by itself.
const NEEDS_BRACKETS: [&str; 4] = ["not", "has", "is", "where"];

/// Whether this says every how many: `odd`, `3`, `2n + 1`.
///
/// Reference: <https://www.w3.org/TR/css-syntax-3/#anb-microsyntax>
fn is_step(text: &str) -> bool {
    let text = text.trim_matches(' ').to_ascii_lowercase();
    if ["odd", "even"].contains(&text.as_str()) {
        return true;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let Some((step, offset)) = unsigned.split_once('n') else {
        return is_number(unsigned);
    };
    let offset = offset.trim_start_matches(' ');
    let counted = offset.strip_prefix(['+', '-']);
    let is_offset = counted.is_some_and(|offset| is_number(offset.trim_start_matches(' ')));
    (step.is_empty() || is_number(step)) && (offset.is_empty() || is_offset)
}

/// What is left of the text; each method takes from it what it names, or finds that it is not there.
struct Reader<'a> {
    rest: &'a str,
    /// How many brackets around selectors are open.
    depth: usize,
    /// Whether one of them belongs to `:not` or `:has`, where no pseudo-element may stand.
    in_elements: bool,
    in_has: bool,
    /// A comma stood in brackets.
    has_inner_comma: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            depth: 0,
            in_elements: false,
            in_has: false,
            has_inner_comma: false,
        }
    }

    /// What stands between the commas at which htmx splits.
    fn part(&mut self) -> Option<()> {
        self.spaces();
        let whole = self.rest;
        if let Some(rest) = PLACES.iter().find_map(|place| whole.strip_prefix(place)) {
            self.rest = rest;
            self.has_inner_comma = false;
            self.complex()?;
            // htmx 2 would split there.
            return (!self.has_inner_comma).then_some(());
        }
        if let Some(wrapped) = whole.strip_prefix('<') {
            let (inner, rest) = wrapped.split_once("/>")?;
            self.rest = rest;
            self.spaces();
            return (is_css(inner) && !differs(inner)).then_some(());
        }
        self.complex()?;
        let part = &whole[..whole.len() - self.rest.len()];
        (!differs(part)).then_some(())
    }

    /// Selectors between commas.
    fn list(&mut self) -> Option<()> {
        self.complex()?;
        while self.eat(',') {
            self.has_inner_comma |= self.depth > 0;
            self.complex()?;
        }
        Some(())
    }

    /// Compound selectors between combinators, and the space around them.
    fn complex(&mut self) -> Option<()> {
        self.spaces();
        loop {
            let is_last = self.compound()?;
            let spaced = self.spaces();
            if is_last {
                return self.ends().then_some(());
            }
            let combined = self.eat_any(&['>', '+', '~']);
            if !combined && (!spaced || self.ends()) {
                return Some(());
            }
            self.spaces();
        }
    }

    fn ends(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with([',', ')'])
    }

    /// Whether it ends in a pseudo-element, which nothing follows.
    fn compound(&mut self) -> Option<bool> {
        let before = self.rest.len();
        if self.rest.starts_with(['*', '|']) || self.starts_name() {
            self.qualified(true)?;
        }
        loop {
            match self.rest.chars().next() {
                Some('#' | '.') => {
                    self.skip();
                    self.name()?;
                }
                Some('[') => self.attribute()?,
                Some(':') => {
                    if self.pseudo()? {
                        return Some(true);
                    }
                }
                Some('&') => self.skip(),
                _ => return (self.rest.len() < before).then_some(false),
            }
        }
    }

    /// A name, in any namespace (`*|`) or in none (`|`): a page declares no others.
    fn qualified(&mut self, any_name: bool) -> Option<()> {
        if self.eat('*') {
            let is_namespace = self.rest.starts_with('|') && !self.rest.starts_with("|=");
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
        match self.rest.chars().next()? {
            quote @ ('"' | '\'') => self.quoted(quote)?,
            _ => drop(self.name()?),
        }
        self.spaces();
        self.eat_any(&['i', 'I']);
        self.spaces();
        self.eat(']').then_some(())
    }

    /// Whether it is a pseudo-element.
    fn pseudo(&mut self) -> Option<bool> {
        self.skip();
        let doubled = self.eat(':');
        let name = self.name()?.to_ascii_lowercase();
        let is_element = doubled || ELEMENTS.contains(&name.as_str());
        if is_element && self.in_elements {
            return None;
        }
        if self.eat('(') {
            self.depth += 1;
            (self.depth <= MAX_DEPTH).then_some(())?;
            self.bracketed(&name)?;
            self.depth -= 1;
        } else if NEEDS_BRACKETS.contains(&name.as_str()) || name.starts_with("nth-") {
            return None;
        }
        Some(is_element)
    }

    /// What belongs to the name in front of a bracket, and the bracket that closes.
    fn bracketed(&mut self, name: &str) -> Option<()> {
        let outer = (self.in_elements, self.in_has);
        match name {
            "not" => {
                self.in_elements = true;
                self.list()?;
            }
            "has" => {
                (!self.in_has).then_some(())?;
                (self.in_elements, self.in_has) = (true, true);
                self.relative()?;
            }
            // What is not a selector there is left out, by everybody.
            "is" | "where" => return self.arguments(),
            "nth-child" | "nth-last-child" => self.nth(true)?,
            _ if name.starts_with("nth-") => self.nth(false)?,
            _ => {
                self.spaces();
                (!self.rest.starts_with(')')).then_some(())?;
                return self.arguments();
            }
        }
        (self.in_elements, self.in_has) = outer;
        self.eat(')').then_some(())
    }

    /// Every how many, and of which (`2n + 1 of li`).
    fn nth(&mut self, of_which: bool) -> Option<()> {
        let end = self.rest.find(')')?;
        let of = self.rest[..end].find(" of ").filter(|_| of_which);
        is_step(&self.rest[..of.unwrap_or(end)]).then_some(())?;
        match of {
            None => {
                self.rest = &self.rest[end..];
                Some(())
            }
            Some(of) => {
                self.rest = &self.rest[of + " of ".len()..];
                self.list()
            }
        }
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
            self.has_inner_comma = true;
        }
    }

    /// Anything up to the closing bracket, with every bracket and quote in it closed.
    fn arguments(&mut self) -> Option<()> {
        let mut open = vec![')'];
        while let Some(end) = open.last() {
            let character = self.rest.chars().next()?;
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
                ',' => self.has_inner_comma = true,
                _ => {}
            }
            self.skip();
        }
        Some(())
    }

    fn quoted(&mut self, quote: char) -> Option<()> {
        self.skip();
        loop {
            match self.rest.chars().next()? {
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
        match self.rest.strip_prefix('-') {
            Some(rest) => rest.starts_with('-') || begins(rest),
            None => begins(self.rest),
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let whole = self.rest;
        self.starts_name().then_some(())?;
        while let Some(character) = self.rest.chars().next() {
            match character {
                '\\' => self.escape()?,
                '-' | '0'..='9' => self.skip(),
                _ if is_name_start(character) => self.skip(),
                _ => break,
            }
        }
        Some(&whole[..whole.len() - self.rest.len()])
    }

    /// Up to six digits, with the space after them, or any other character.
    fn escape(&mut self) -> Option<()> {
        self.skip();
        let digits = self.rest.bytes().take(6);
        let digits = digits.take_while(u8::is_ascii_hexdigit).count();
        if digits == 0 {
            self.rest.chars().next()?;
            self.skip();
        } else {
            self.rest = &self.rest[digits..];
            self.eat(' ');
        }
        Some(())
    }

    fn spaces(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(' ');
        let any = rest.len() < self.rest.len();
        self.rest = rest;
        any
    }

    fn skip(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn eat(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
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
            [a]  [ a = b ]  [a~='b c'][a|="b]"][a^=b][a$=b][a*=b]  [a=b i]  [a='b'I]  [*|href][|href]
            a:not(.b, #c > d)  a:has(> b, + c, d)  a:is()  :where(a, 1; b)  a:NOT(b)
            li:nth-child( 2n+1 of .a )  :lang('de', "en")  ::part(a b)  :before, a::after  a:not(:has(b))
            :nth-child(2)  :nth-child(EVEN)  :nth-child(-n+3)  :nth-child(+3)  :nth-child(2n + 1)  :nth-child( n )
            :nth-child(N- 1)  :nth-child(2 of .a, :has(b))  :nth-last-child(n-1 of a)  :nth-of-type(odd)  a:has(:is(:has(c)))"##;
        for text in each(selectors) {
            assert!(is_css(text) && is_extended(text), "{text}");
        }
    }

    #[test]
    fn what_a_browser_throws_on_is_none() {
        let others = r##"!  #  #1  #-1  #-  .  .1  1  -  >>  a >  > a  a > > b  a,  ,a  a,,b  a{b  a}  a;b  a/b
            a@b  a%  a=b  a)b  a(b)  a'b'  a*  **  a[b]c  a|b  svg|a  a||b  $a  a$  ^  +  ~  ?  `  a.b.  a#  #a #
            [svg|a]  [*]  []  [a  [a]]  [a=]  [a=1]  [a b]  [a='b]  [a!=b]  [a=b x]  [a=b s]  a\  <a/>
            :  :1  a: b  :not()  :not(a,)  :not(a  :not(> a)  :has()  :has(>)  :nth-child()  :nth-child( )
            :is(a]  :is('a)  :not  a:has  :nth-child  a::before.b  a::before b  a:before.b  a::AFTER > b  a::before:hover
            :not(a::before)  :not(:before)  :has(::before)  :not(:not(::part(a)))  a:has(b:has(c))  :has(a, :not(:has(b)))
            :has(:nth-child(2 of :has(b)))  :nth-child(foo)  :nth-child(2 n)  :nth-child(+ 3)  :nth-child(- n)
            :nth-child(2 of)  :nth-child(2 of > a)  :nth-child(2 OF a)  :nth-child(2of a)  :nth-of-type(2 of a)
            :nth-child(2n--1)  :nth-child(1.5)  :nth-child(2n1)  :nth-child(2n 1)  :nth-child(n-)  :nth-child(--n)"##;
        for text in each(others).chain(["", " "]) {
            assert!(!is_css(text), "{text}");
        }
    }

    #[test]
    fn htmx_knows_places_and_selectors_in_angle_brackets() {
        let selectors = "this  body  closest tr  find .a > b  next  next .a  previous ul > li, #b
            global #a  global closest form  global <a/>  <#a, .b/>  #a, <.b/> , <c d/>  <closest :not(a, b)/>
            closest main:not(.a)  closest tr, li:not(.a, .b)  next [title='a, b']";
        for text in each(selectors) {
            assert!(is_extended(text), "{text}");
        }
        let others =
            "<#1/>  <a>  <a  </>  <a/>b  closest #1  closest > a  find , a  a <b/>  <<a/>/>  <a/>,";
        for text in each(others) {
            assert!(!is_extended(text), "{text}");
        }
    }

    #[test]
    fn what_the_versions_of_htmx_read_in_two_ways_is_refused() {
        let others = "closest main:not(.a, .b)  #a, find :is(b, c)  next a:has(b, c)  previous :lang(de, en)
            closest <tr/>  find <a/>  a, global <b/>  findAll li  #a, findAll li  <findAll li/>  global findAll li
            this, #a  #a, this  global this  <this/>  root  <root/>  #a, root";
        for text in each(others) {
            assert!(!is_extended(text), "{text}");
        }
    }

    #[test]
    fn brackets_in_brackets_have_an_end() {
        let nested =
            |depth: usize| [":not(".repeat(depth), "a".to_owned(), ")".repeat(depth)].concat();
        assert!(is_css(&nested(MAX_DEPTH)) && !is_css(&nested(MAX_DEPTH + 1)));
        assert!(!is_css(&nested(1_000_000)));
    }
}
