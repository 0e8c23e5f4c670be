//! A swap as people write it into `hx-swap`.

use std::{str::FromStr, time::Duration};

use super::{Swap, SwapStyle};
use crate::{error::Error, scroll::Scroll};

impl FromStr for Swap {
    type Err = Error;

    /// Reads the text of an `hx-swap`, in the spelling of either version. Without a style it is
    /// `innerHTML`, the default of htmx.
    ///
    /// htmx skips what it does not know; here that is [`Error::Swap`], like a modifier that stands
    /// there twice.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut words = text.split_ascii_whitespace().peekable();
        let style = words.next_if(|word| !word.contains(':'));
        let style = style.map_or(Ok(SwapStyle::default()), str::parse)?;
        let mut read = Read {
            swap: Self::new(style),
            scroll_target: None,
            show_target: None,
        };
        for word in words {
            let (name, value) = word.split_once(':').ok_or_else(|| refused(word))?;
            read.modifier(name, value).ok_or_else(|| refused(word))?;
        }
        read.finish(text)
    }
}

/// A swap while its words come in; htmx 4 names the element in a word of its own.
struct Read<'a> {
    swap: Swap,
    scroll_target: Option<&'a str>,
    show_target: Option<&'a str>,
}

impl<'a> Read<'a> {
    fn modifier(&mut self, name: &str, value: &'a str) -> Option<()> {
        let swap = &mut self.swap;
        match name {
            "swap" => once(&mut swap.swap, interval(value)?),
            "settle" => once(&mut swap.settle, interval(value)?),
            "scroll" => once(&mut swap.scroll, value.parse().ok()?),
            "show" => once(&mut swap.show, value.parse().ok()?),
            "scrollTarget" => once(&mut self.scroll_target, value),
            "showTarget" => once(&mut self.show_target, value),
            "transition" => once(&mut swap.transition, value.parse().ok()?),
            "ignoreTitle" => once(&mut swap.ignore_title, value.parse().ok()?),
            "focus-scroll" | "focusScroll" => once(&mut swap.focus_scroll, value.parse().ok()?),
            "strip" => once(&mut swap.strip, value.parse().ok()?),
            "swapEmpty" => once(&mut swap.swap_empty, value.parse().ok()?),
            _ => None,
        }
    }

    fn finish(self, text: &str) -> Result<Swap, Error> {
        let Self {
            mut swap,
            scroll_target,
            show_target,
        } = self;
        swap.scroll = aimed(swap.scroll, scroll_target, text)?;
        swap.show = aimed(swap.show, show_target, text)?;
        Ok(swap)
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn aimed(scroll: Option<Scroll>, at: Option<&str>, text: &str) -> Result<Option<Scroll>, Error> {
    match (scroll, at) {
        (Some(scroll), Some(element)) => scroll.of(element).map(Some),
        (None, Some(_)) => Err(refused(text)),
        (scroll, None) => Ok(scroll),
    }
}

/// `100ms`, `1.5s`, `1m`, or milliseconds without a unit.
///
/// Reference: <https://htmx.org/api/#parseInterval>
fn interval(text: &str) -> Option<Duration> {
    let units: [(&str, u32); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("", 1)];
    let (number, millis) = units
        .into_iter()
        .find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, millis)))?;
    if let Ok(number) = number.parse::<u128>() {
        let millis = number.checked_mul(u128::from(millis))?;
        let seconds = u64::try_from(millis / 1000).ok()?;
        let rest = u64::try_from(millis % 1000).ok()?;
        return Some(Duration::from_secs(seconds) + Duration::from_millis(rest));
    }
    let plain = number
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    let number: f64 = number.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(number / 1000.0 * f64::from(millis)).ok()
}

fn refused(text: &str) -> Error {
    Error::Swap(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::HtmxVersion;

    /// Read, and written again for one version.
    fn again(text: &str, version: HtmxVersion) -> Option<String> {
        text.parse::<Swap>().ok().map(|swap| swap.spell(version))
    }

    #[test]
    fn what_is_written_for_either_version_is_read() {
        let v2 = "outerHTML swap:100ms settle:50ms scroll:#a:bottom show:top transition:true ignoreTitle:false focus-scroll:true";
        let v4 = "outerHTML swap:100ms settle:50ms scroll:bottom scrollTarget:#a show:top transition:true ignoreTitle:false focusScroll:true strip:true swapEmpty:false";
        assert_eq!(again(v2, HtmxVersion::V2).as_deref(), Some(v2));
        assert_eq!(again(v4, HtmxVersion::V4).as_deref(), Some(v4));
        assert_eq!(again(v4, HtmxVersion::V2).as_deref(), Some(v2));
    }

    #[test]
    fn intervals_have_units_or_count_milliseconds() {
        for (text, millis) in [("1.5s", 1500), ("2m", 120_000), ("70", 70), ("0ms", 0)] {
            let swap: Swap = format!("none swap:{text}").parse().unwrap();
            assert_eq!(
                swap,
                Swap::new(SwapStyle::None).swap(Duration::from_millis(millis))
            );
        }
        let exact = "none swap:10395773661952702ms".parse::<Swap>();
        let exact = exact.map(|swap| swap.spell(HtmxVersion::V2));
        assert_eq!(exact.unwrap(), "none swap:10395773661952702ms");
        for text in [
            "",
            "ms",
            "-1s",
            "1h",
            "NaN",
            "infs",
            "1e9s",
            "9".repeat(400).as_str(),
        ] {
            assert!(interval(text).is_none(), "{text}");
        }
    }

    #[test]
    fn without_a_style_it_is_the_default() {
        assert_eq!(again("", HtmxVersion::V2).as_deref(), Some("innerHTML"));
        let late = again(" \tsettle:1s ", HtmxVersion::V2);
        assert_eq!(late.as_deref(), Some("innerHTML settle:1000ms"));
    }

    #[test]
    fn what_htmx_would_skip_is_refused() {
        for text in [
            "sideways",
            "innerHTML outerHTML",
            "innerHTML later:1s",
            "innerHTML swap:1s swap:2s",
            "innerHTML transition:yes",
            "innerHTML scroll:middle",
            "innerHTML scrollTarget:#a",
            "innerHTML\u{a0}swap:1s",
        ] {
            assert!(text.parse::<Swap>().is_err(), "{text}");
        }
    }
}
