//! Ids, selectors and text stay where they were put in out-of-band parts, and each version of htmx
//! reads how they are swapped.
#![no_main]

use acton_fuzz::{Asker, Html, answered, css, html, normalized, whole};
use acton_htmx::{
    Fragments, HtmxVersion, Markup, OutOfBandSwap, Scroll, Selector, Swap, SwapStyle,
};
use axum_core::response::IntoResponse;
use http::{Uri, header::VARY};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    parts: Vec<Part<'a>>,
    main: Option<&'a str>,
}

#[derive(Arbitrary, Debug)]
struct Part<'a> {
    target: Target<'a>,
    style: Style,
    words: Words,
    text: &'a str,
}

/// Modifiers of a swap, some of which the versions spell differently.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Words {
    elsewhere: Option<bool>,
    focus_scroll: Option<bool>,
    strip: Option<bool>,
    swap_empty: Option<bool>,
    transition: Option<bool>,
}

impl Words {
    /// Whether one text says it to both versions.
    fn fit_both(self) -> bool {
        self.elsewhere
            .or(self.focus_scroll)
            .or(self.strip)
            .or(self.swap_empty)
            .is_none()
    }

    fn add_to(self, mut swap: Swap) -> Swap {
        if let Some(shows) = self.elsewhere {
            let place = Scroll::BOTTOM.of("#log").expect("a selector");
            swap = if shows {
                swap.show(place)
            } else {
                swap.scroll(place)
            };
        }
        if let Some(flag) = self.focus_scroll {
            swap = swap.focus_scroll(flag);
        }
        if let Some(flag) = self.strip {
            swap = swap.strip(flag);
        }
        if let Some(flag) = self.swap_empty {
            swap = swap.swap_empty(flag);
        }
        if let Some(flag) = self.transition {
            swap = swap.transition(flag);
        }
        swap
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Target<'a> {
    Id(&'a str),
    Selector(&'a str),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Style {
    Replace,
    Update,
    Append,
    Before,
    Morph,
}

impl Target<'_> {
    fn selector(self) -> Option<Selector> {
        match self {
            Self::Id(id) => Selector::id(id),
            Self::Selector(selector) => Selector::new(selector),
        }
        .ok()
        .filter(|selector| selector.as_str() != "this")
    }

    /// What the browser looks for is what was asked for.
    fn assert_selected_by(self, sent: &str) {
        assert!(
            sent.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{sent:?}"
        );
        match self {
            Self::Id(id) => assert_eq!(css(sent), [format!("IDHash({id:?})")]),
            Self::Selector(selector) => assert_eq!(css(sent), css(selector.trim_ascii())),
        }
    }
}

impl Part<'_> {
    fn swap(&self) -> Swap {
        self.words.add_to(self.style.swap())
    }
}

impl Style {
    fn swap(self) -> Swap {
        Swap::new(match self {
            Self::Replace => SwapStyle::OuterHtml,
            Self::Update => SwapStyle::InnerHtml,
            Self::Append => SwapStyle::BeforeEnd,
            Self::Before => SwapStyle::BeforeBegin,
            Self::Morph => SwapStyle::OuterMorph,
        })
    }
}

fuzz_target!(|input: Input<'_>| {
    let parts: Vec<_> = input
        .parts
        .iter()
        .filter_map(|part| Some((part, part.target.selector()?)))
        .collect();
    let made = || {
        let main = input.main.map(|main| {
            let text = Markup::escaped(main);
            Markup::trusted(format!("<p title=\"{text}\" class='{text}'>{text}</p>"))
        });
        parts.iter().fold(
            main.map_or_else(Fragments::out_of_band, Fragments::new),
            |all, (part, selector)| {
                let content = Markup::escaped(part.text);
                all.and(OutOfBandSwap::new(
                    Ok(selector.clone()),
                    part.swap(),
                    content,
                ))
            },
        )
    };

    let mut texts = Vec::new();
    for (asker, version) in [(Asker::V2, HtmxVersion::V2), (Asker::V4, HtmxVersion::V4)] {
        let answer = answered(asker, Uri::from_static("/"), made().into_response());
        let varies = answer.headers().contains_key(VARY);
        let text = String::from_utf8(whole(answer).to_vec()).expect("text");
        let swaps = parts.iter().map(|(part, _)| part.swap().spell(version));
        assert_read(&text, &input, &parts, swaps.collect());
        texts.push((text, varies));
    }
    let differ = texts[0].0 != texts[1].0;
    assert!(texts.iter().all(|(_, varies)| *varies == differ));

    // A message for everybody is what both read alike, or nothing.
    let fits = parts.iter().all(|(part, _)| part.words.fit_both());
    match made().to_markup() {
        Ok(shared) => {
            assert!(fits);
            assert_eq!(shared.as_str(), texts[0].0);
        }
        Err(_) => assert!(!fits),
    }
});

/// What was put into the parts is what a browser finds in them.
fn assert_read(sent: &str, input: &Input<'_>, parts: &[(&Part<'_>, Selector)], swaps: Vec<String>) {
    let mut tokens = html(sent).into_iter().peekable();
    if let Some(main) = input.main {
        let text = normalized(main);
        // Attributes hold no NUL; the tokenizer writes what browsers write for it.
        let value = text.replace('\0', "\u{fffd}");
        let attributes = [("title", value.clone()), ("class", value)];
        assert_eq!(tokens.next(), Some(start("p", attributes)));
        assert_text(&mut tokens, text);
        assert_eq!(tokens.next(), Some(Html::End("p".to_owned())));
    } else if parts.is_empty() {
        // Both majors leave the target alone beside a part, and empty it without.
        let nobody = [
            ("hx-target", "head".to_owned()),
            ("hx-swap", "none".to_owned()),
        ];
        assert_eq!(tokens.next(), Some(start("hx-partial", nobody)));
        assert_eq!(tokens.next(), Some(Html::End("hx-partial".to_owned())));
        assert_eq!(tokens.next(), None);
        return;
    }
    for ((part, _), expected) in parts.iter().zip(swaps) {
        let Some(Html::Start(name, attributes)) = tokens.next() else {
            panic!("no part in {sent:?}")
        };
        assert_eq!(name, "hx-partial");
        let [(target_name, selector), (swap_name, swap)] = attributes.as_slice() else {
            panic!("two attributes: {attributes:?}")
        };
        assert_eq!(
            (target_name.as_str(), swap_name.as_str()),
            ("hx-target", "hx-swap")
        );
        part.target.assert_selected_by(selector);
        assert_eq!(*swap, expected);
        assert_text(&mut tokens, normalized(part.text));
        assert_eq!(tokens.next(), Some(Html::End("hx-partial".to_owned())));
    }
    assert_eq!(tokens.next(), None);
    assert_rewritten_once(sent, parts.len());
}

fn start<const N: usize>(name: &str, attributes: [(&str, String); N]) -> Html {
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
    Html::Start(name.to_owned(), attributes.into())
}

fn assert_text(tokens: &mut std::iter::Peekable<impl Iterator<Item = Html>>, text: String) {
    if !text.is_empty() {
        assert_eq!(tokens.next(), Some(Html::Text(text)));
    }
}

/// Both majors turn `<hx-…>` and `</hx-…>` into templates with a search over the whole text.
fn assert_rewritten_once(sent: &str, parts: usize) {
    let lower = sent.to_ascii_lowercase();
    assert_eq!(lower.matches("<hx-").count(), parts);
    assert_eq!(lower.matches("</hx-").count(), parts);
}
