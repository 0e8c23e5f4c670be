//! Sections of every kind that serde can read.

use std::collections::HashMap;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Holds<T> {
    it: T,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Mail {
    Smtp {
        host: String,
        port: u16,
        #[serde(default)]
        tls: bool,
        #[serde(default)]
        to: Vec<String>,
    },
    Log,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Storage {
    Memory,
    Folder(String),
    Bucket {
        name: String,
        #[serde(default)]
        secret: String,
        #[serde(default)]
        copies: u8,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Either {
    Text(String),
    Size { width: u8 },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    pool: Pool,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Pool {
    password: String,
    least: u8,
    most: u8,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Pair(u8, String);

fn app<T: serde::de::DeserializeOwned>(file: &str, environment: &[(&str, &str)]) -> T {
    read::<T>(file, environment).unwrap().app
}

fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(
    file: &str,
    environment: &[(&str, &str)],
) -> String {
    read::<T>(file, environment).unwrap_err().to_string()
}

#[test]
fn texts_of_the_environment_are_numbers_where_a_type_wants_them_in_the_end() {
    let smtp = |to: &[&str]| Mail::Smtp {
        host: "12".to_owned(),
        port: 12,
        tls: true,
        to: to.iter().map(ToString::to_string).collect(),
    };
    let environment = [
        ("ACTON_APP__IT__KIND", "smtp"),
        ("ACTON_APP__IT__HOST", "12"),
        ("ACTON_APP__IT__PORT", "12"),
        ("ACTON_APP__IT__TLS", "true"),
        ("ACTON_APP__IT__TO", "a, b"),
    ];
    assert_eq!(app::<Holds<Mail>>("", &environment).it, smtp(&["a", "b"]));
    let flat = app::<Flat>(
        "[app]\nname = 'n'\nleast = 1",
        &[("ACTON_APP__MOST", "9"), ("ACTON_APP__PASSWORD", "0123")],
    );
    assert_eq!(
        (
            &*flat.name,
            &*flat.pool.password,
            flat.pool.least,
            flat.pool.most
        ),
        ("n", "0123", 1, 9)
    );
    let size = app::<Holds<Either>>("", &[("ACTON_APP__IT__WIDTH", "3")]);
    assert_eq!(size.it, Either::Size { width: 3 });
    let text = app::<Holds<Either>>("", &[("ACTON_APP__IT", "3")]);
    assert_eq!(text.it, Either::Text("3".to_owned()));
}

#[test]
fn what_does_not_fit_an_enum_with_a_tag_is_named_with_its_own_source() {
    let file = "[app.it]\nkind = 'smtp'\nhost = 'a'";
    let told = told::<Holds<Mail>>(file, &[("ACTON_APP__IT__PORT", "hunter2")]);
    let named = "`app.it.port` (environment variable ACTON_APP__IT__PORT)";
    assert!(
        told.contains(named) && told.contains("expected u16") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn variants_are_tables_that_hold_to_the_rules() {
    for (file, expected) in [
        ("[app]\nit = 'memory'", Storage::Memory),
        ("[app.it]\nfolder = 'a'", Storage::Folder("a".to_owned())),
    ] {
        assert_eq!(app::<Holds<Storage>>(file, &[]).it, expected);
    }
    let secret = temporary("hunter2\n");
    let file = format!("[app.it.bucket]\nname = 'a'\nsecret_file = {secret:?}");
    let bucket = app::<Holds<Storage>>(&file, &[("ACTON_APP__IT__BUCKET__COPIES", "3")]).it;
    fs::remove_file(secret).unwrap();
    let expected = Storage::Bucket {
        name: "a".to_owned(),
        secret: "hunter2".to_owned(),
        copies: 3,
    };
    assert_eq!(bucket, expected);
    let told = told::<Holds<Storage>>("[app.it.bucket]\nname = 'a'\ncopeis = 3", &[]);
    assert!(
        told.contains("`app.it.bucket.copeis`") && told.contains("does not exist"),
        "{told}"
    );
}

#[test]
fn every_list_is_written_with_commas_in_the_environment() {
    let environment = [("ACTON_APP__IT", "1, b")];
    let pair = app::<Holds<Pair>>("", &environment).it;
    assert_eq!(pair, Pair(1, "b".to_owned()));
    let pair = app::<Holds<(u8, String)>>("", &environment).it;
    assert_eq!(pair, (1, "b".to_owned()));
}

#[test]
fn no_value_is_bent_into_what_is_wanted() {
    for value in ["1.7", "1.0", "true"] {
        let told = told::<Holds<u8>>(&format!("[app]\nit = {value}"), &[]);
        assert!(
            told.contains("`app.it`") && told.contains("a whole number"),
            "{value}: {told}"
        );
    }
    let told = told::<Holds<Vec<HashMap<String, bool>>>>("[app]\nit = [{ a = 1 }]", &[]);
    assert!(
        told.contains("`app.it.0.a`") && told.contains("true or false"),
        "{told}"
    );
    assert!((app::<Holds<f32>>("[app]\nit = 1", &[]).it - 1.0).abs() < f32::EPSILON);
    let told = sentence(read("[limits]\nrequests = 1.7", &[]));
    assert!(told.contains("`limits.requests`"), "{told}");
}

#[test]
fn a_setting_under_two_names_is_named() {
    #[derive(Debug, Deserialize)]
    struct Place {
        #[serde(alias = "town")]
        city: String,
    }
    assert_eq!(app::<Place>("[app]\ntown = 'a'", &[]).city, "a");
    let told = told::<Place>("[app]\ntown = 'a'", &[("ACTON_APP__CITY", "b")]);
    assert!(told.contains("`city` twice"), "{told}");
}

#[test]
fn an_empty_table_has_a_source_too() {
    for file in ["[app.tabel]", "[app.it]"] {
        let told = told::<Holds<u8>>(file, &[]);
        assert!(told.contains(".toml)"), "{told}");
    }
}

#[test]
fn whole_numbers_may_be_as_large_as_rust_has_them() {
    let most = u128::MAX.to_string();
    let holds: Holds<u128> = app("", &[("ACTON_APP__IT", &most)]);
    assert_eq!(holds.it, u128::MAX);
    let least = i128::MIN.to_string();
    let holds: Holds<Vec<Option<i128>>> = app("", &[("ACTON_APP__IT", &least)]);
    assert_eq!(holds.it, [Some(i128::MIN)]);
    let holds: Holds<u128> = app("[app]\nit = 7", &[]);
    assert_eq!(holds.it, 7);
    let more = format!("{most}0");
    for (text, file) in [
        (more.as_str(), ""),
        ("", "[app]\nit = -7"),
        ("", "[app]\nit = 1.5"),
    ] {
        let told = told::<Holds<u128>>(file, &[("ACTON_APP__IT", text)]);
        assert!(
            told.contains("`app.it` (") && !told.contains(&most),
            "{told}"
        );
    }
}

#[test]
fn yes_is_no_number() {
    for yes in ["yes", "TRUE", "on", "off"] {
        let environment = [("ACTON_APP__IT", yes)];
        for told in [
            told::<Holds<u8>>("", &environment),
            told::<Holds<u128>>("", &environment),
            told::<Holds<f64>>("", &environment),
        ] {
            assert!(
                told.contains("`app.it` (environment variable ACTON_APP__IT)"),
                "{told}"
            );
            assert!(told.contains("expected a number"), "{told}");
        }
    }
    for told in [
        told::<Holds<f64>>("[app]\nit = true", &[]),
        told::<Holds<Vec<u8>>>("", &[("ACTON_APP__IT", "1, yes")]),
    ] {
        assert!(told.contains("expected a number"), "{told}");
    }
}
