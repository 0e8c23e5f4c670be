//! The section of the application, whose type need not know our rules.

use std::collections::HashMap;

use super::*;

/// Says nothing about keys that it does not have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shop {
    currency: String,
    api_key: String,
    /// Not a file for a setting `rates`, which there is not.
    rates_file: String,
    /// Two settings, whatever they are called.
    logo: String,
    logo_file: String,
    mail: Option<Mail>,
    branches: Vec<Branch>,
    labels: HashMap<String, String>,
    by_country: HashMap<String, Branch>,
}

#[derive(Debug, Deserialize)]
struct Mail {
    host: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    to: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    city: String,
}

fn told(file: &str, environment: &[(&str, &str)]) -> String {
    read::<Shop>(file, environment).unwrap_err().to_string()
}

#[test]
fn a_key_that_its_type_does_not_have_is_named_with_its_source() {
    for (file, key) in [
        ("[app]\ncurency = 'hunter2'", "`app.curency`"),
        (
            "[app.mail]\nhost = 'a'\nhots = 'hunter2'",
            "`app.mail.hots`",
        ),
        (
            "[[app.branches]]\ncity = 'a'\n[[app.branches]]\nctiy = 'hunter2'",
            "`app.branches.1.ctiy`",
        ),
        (
            "[app.by_country.fr]\ncity = 'a'\nctiy = 'hunter2'",
            "`app.by_country.fr.ctiy`",
        ),
        ("[app]\nfax_file = '/nowhere'", "`app.fax_file`"),
    ] {
        let told = told(file, &[]);
        assert!(told.contains(key) && told.contains(".toml)"), "{told}");
        assert!(told.contains("does not exist; known here: "), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let told = told(
        "[app.mail]\nhost = 'a'",
        &[("ACTON_APP__MAIL__HOTS", "hunter2")],
    );
    let named = "`app.mail.hots` (environment variable ACTON_APP__MAIL__HOTS)";
    assert!(
        told.contains(named) && told.contains("host, password, to"),
        "{told}"
    );
}

#[test]
fn its_secrets_can_come_from_files() {
    let file = temporary("hunter2\n");
    let path = file.to_str().unwrap();
    let written = format!("[app]\napi_key_file = {path:?}\n[app.mail]\nhost = 'a'");
    let environment = [("ACTON_APP__MAIL__PASSWORD_FILE", path)];
    let config = read::<Shop>(&written, &environment).unwrap();
    assert_eq!(config.app.api_key, "hunter2");
    assert_eq!(config.app.mail.unwrap().password, "hunter2");

    let config = read::<Shop>("", &[("ACTON_APP__API_KEY_FILE", path)]).unwrap();
    assert_eq!(config.app.api_key, "hunter2");

    // Of two sources the later counts, and one source says a thing once.
    let later = [("ACTON_APP__MAIL__PASSWORD", "later")];
    let written = format!("[app.mail]\nhost = 'a'\npassword_file = {path:?}");
    let config = read::<Shop>(&written, &later).unwrap();
    assert_eq!(config.app.mail.unwrap().password, "later");
    let told = told(&written, &[later[0], environment[0]]);
    assert!(
        told.contains("`app.mail.password` and `app.mail.password_file`"),
        "{told}"
    );
    fs::remove_file(file).unwrap();
}

#[test]
fn a_setting_that_is_called_a_file_is_one() {
    let written = "[app]\nlogo = 'a'\nlogo_file = '/nowhere'\nrates_file = '/nowhere'";
    let app = read::<Shop>(written, &[]).unwrap().app;
    assert_eq!(
        (&*app.logo, &*app.logo_file, &*app.rates_file),
        ("a", "/nowhere", "/nowhere")
    );
}

#[test]
fn a_table_that_takes_any_key_gets_each() {
    let written = "[app.labels]\na_file = '/nowhere'\nb = 'b'";
    let app = read::<Shop>(written, &[("ACTON_APP__LABELS__C", "c")]).unwrap();
    let labels = app.app.labels;
    assert_eq!(labels["a_file"], "/nowhere");
    assert_eq!((&*labels["b"], &*labels["c"]), ("b", "c"));
}

#[test]
fn a_list_inside_a_table_is_written_with_commas_too() {
    let environment = [
        ("ACTON_APP__MAIL__HOST", "a"),
        ("ACTON_APP__MAIL__TO", "b@a.test, c@a.test"),
    ];
    let mail = read::<Shop>("", &environment).unwrap().app.mail.unwrap();
    assert_eq!(mail.host, "a");
    assert_eq!(mail.to, ["b@a.test", "c@a.test"]);
}

#[test]
fn tables_stand_in_lists_and_under_any_name() {
    let written = "[[app.branches]]\ncity = 'a'\n[app.by_country.fr]\ncity = 'b'";
    let app = read::<Shop>(written, &[]).unwrap().app;
    assert_eq!(app.branches[0].city, "a");
    assert_eq!(app.by_country["fr"].city, "b");
}

#[test]
fn a_table_that_is_there_and_empty_is_there() {
    let told = told("[app.mail]", &[]);
    assert!(
        told.contains("incomplete") && told.contains("host"),
        "{told}"
    );
    assert!(read::<Shop>("", &[]).unwrap().app.mail.is_none());
}

#[test]
fn a_value_that_does_not_fit_inside_a_table_is_named_and_not_shown() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Outer {
        inner: Inner,
    }
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        port: u16,
        host: String,
    }
    let environment = [
        ("ACTON_APP__INNER__PORT", "hunter2"),
        ("ACTON_APP__INNER__HOST", "a"),
    ];
    let told = read::<Outer>("", &environment).unwrap_err().to_string();
    let named = "`app.inner.port` (environment variable ACTON_APP__INNER__PORT)";
    assert!(told.contains(named) && !told.contains("hunter2"), "{told}");
}

/// Some settings mean something only together.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Parts")]
struct Whole {
    parts: u8,
}

#[derive(Deserialize)]
#[serde(default)]
struct Parts {
    least: u8,
    most: u8,
}

impl Default for Parts {
    fn default() -> Self {
        Self { least: 5, most: 9 }
    }
}

impl TryFrom<Parts> for Whole {
    type Error = &'static str;

    fn try_from(Parts { least, most }: Parts) -> Result<Self, &'static str> {
        let parts = most.checked_sub(least).ok_or("least is more than most")?;
        Ok(Self { parts })
    }
}

#[test]
fn settings_that_fit_only_together_are_read_together() {
    // Alone the second would be less than the default of the first.
    let config = read::<Whole>("[app]\nleast = 1\nmost = 3", &[]).unwrap();
    assert_eq!(config.app.parts, 2);
    assert!(read::<Whole>("[app]\nleast = 3\nmost = 1", &[]).is_err());
}

#[test]
fn a_program_without_settings_of_its_own_says_so() {
    let told = sentence(env("ACTON_APP__CURRENCY", "EUR"));
    assert!(
        told.contains("`app.currency` (environment variable ACTON_APP__CURRENCY)")
            && told.contains("no settings are read here"),
        "{told}"
    );
}
