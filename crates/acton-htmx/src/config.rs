//! The settings of the htmx layer.

use serde::{Deserialize, Deserializer, de};

use crate::{dialect::HtmxVersion, selector::Selector};

/// The `[htmx]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HtmxConfig {
    /// The major version whose scripts the head snippet brings, `2` or `4`. Default: 2.
    ///
    /// Requests are answered in the dialect that sent them, whatever stands here.
    pub version: HtmxVersion,
    /// Selector of the region of a page that shows errors. Default: `#errors`.
    #[serde(deserialize_with = "selector")]
    pub error_target: String,
    /// Selector of the region of a page that shows flash messages. Default: `#flash`.
    #[serde(deserialize_with = "selector")]
    pub flash_target: String,
}

impl Default for HtmxConfig {
    fn default() -> Self {
        Self {
            version: HtmxVersion::default(),
            error_target: "#errors".to_owned(),
            flash_target: "#flash".to_owned(),
        }
    }
}

/// What cannot be a selector is refused before anybody waits for what it selects.
fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let written = String::deserialize(deserializer)?;
    Selector::new(&written).map_err(de::Error::custom)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_nothing_can_select_is_refused() {
        let read = |target: &str| {
            let json = serde_json::json!({ "error_target": target });
            serde_json::from_value::<HtmxConfig>(json)
        };
        assert_eq!(read("#fehler-für").unwrap().error_target, "#fehler-für");
        for target in ["", "#a[", "#a\u{0}b"] {
            let error = read(target).unwrap_err().to_string();
            assert!(error.contains("cannot be a selector"), "{error}");
        }
    }

    #[test]
    fn settings_that_are_left_out_have_defaults() {
        let config: HtmxConfig = serde_json::from_str(r#"{"version": "4"}"#).unwrap();
        assert_eq!(
            config,
            HtmxConfig {
                version: HtmxVersion::V4,
                ..HtmxConfig::default()
            }
        );
    }

    #[test]
    fn a_setting_that_is_not_known_is_named() {
        let error = serde_json::from_str::<HtmxConfig>(r#"{"verison": 4}"#).unwrap_err();
        assert!(error.to_string().contains("verison"));
    }
}
