//! What a type wants to read, found out without reading anything.

use std::{cell::Cell, iter};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, VariantAccess,
        Visitor,
        value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer},
    },
};

/// What is wanted in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A table with these keys.
    Keys(&'static [&'static str]),
    /// A table with any keys, or with the name of a variant as its key.
    Table,
    List,
    Whole,
    Number,
    Truth,
    /// Another single value.
    Other,
    /// What shows only when it is read, as in an enum with a tag, and beside `#[serde(flatten)]`.
    Any,
    /// Nobody asks for it.
    Unread,
}

/// What a section wants under these keys, such as `mail` and `host`; in a list any number is a key.
pub(super) fn shape<S: DeserializeOwned>(path: &[&str]) -> Shape {
    let found = Cell::new(Shape::Unread);
    let probe = Probe {
        path,
        found: &found,
    };
    // There is nothing to read, so this fails; what matters is what was asked for before.
    drop(S::deserialize(probe));
    found.get()
}

/// Leads a type along a path, and notes what it asks for at its end.
#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [&'a str],
    found: &'a Cell<Shape>,
}

impl<'a> Probe<'a> {
    /// The next key of the path; at its end the shape is noted, and nothing is read.
    fn step(self, shape: Shape) -> Result<(&'a str, Self), Error> {
        let Some((key, path)) = self.path.split_first() else {
            self.found.set(shape);
            return Err(nothing());
        };
        Ok((key, Self { path, ..self }))
    }

    /// Whatever stands further down the path is part of this.
    fn end<T>(self, shape: Shape) -> Result<T, Error> {
        self.found.set(shape);
        Err(nothing())
    }

    /// A single value, below which there is nothing.
    fn value<T>(self, shape: Shape) -> Result<T, Error> {
        self.step(shape)?;
        Err(nothing())
    }
}

fn nothing() -> Error {
    Error::custom("nothing to read")
}

macro_rules! values {
    ($shape:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            self.value(Shape::$shape)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.end(Shape::Any)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.end(Shape::Unread)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entry = self.step(Shape::Keys(keys))?;
        visitor.visit_map(MapDeserializer::new(iter::once(entry)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let entry = self.step(Shape::Table)?;
        visitor.visit_map(MapDeserializer::new(iter::once(entry)))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let (_, item) = self.step(Shape::List)?;
        visitor.visit_seq(SeqDeserializer::new(iter::once(item)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (name, content) = self.step(Shape::Table)?;
        visitor.visit_enum(Variant { name, content })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.value(Shape::Keys(&[]))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    values! { Truth: deserialize_bool }

    values! { Whole:
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    values! { Number: deserialize_f32 deserialize_f64 }

    values! { Other:
        deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_identifier
    }
}

/// One variant of an enum, named by the key of its table.
struct Variant<'a> {
    name: &'a str,
    content: Probe<'a>,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Probe<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Probe<'a>), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.value(Shape::Other)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", keys, visitor)
    }
}

impl IntoDeserializer<'_, Error> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Shop {
        #[serde(rename = "where")]
        _place: Option<Box<Place>>,
        _branches: HashMap<String, Place>,
        _stalls: Vec<Place>,
        #[serde(default, with = "humantime_serde")]
        _open: std::time::Duration,
        _storage: Storage,
        #[serde(flatten)]
        _rest: HashMap<String, String>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape is asked for")]
    enum Storage {
        Nowhere,
        Folder(String),
        Bucket { name: String, copies: u8 },
        Pair(bool, String),
    }

    /// Reads a key that it does not list.
    struct Open;

    impl<'de> Deserialize<'de> for Open {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Keys;

            impl<'de> Visitor<'de> for Keys {
                type Value = Open;

                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("a table")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Open, A::Error> {
                    while let Some(key) = map.next_key::<String>()? {
                        if key == "read" {
                            map.next_value::<u8>()?;
                        } else {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                    Ok(Open)
                }
            }

            deserializer.deserialize_struct("Open", &[], Keys)
        }
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        #[serde(alias = "town")]
        _city: String,
        _streets: Option<Vec<String>>,
    }

    #[test]
    fn a_type_tells_what_it_reads_wherever_it_stands() {
        let place = Shape::Keys(&["_city", "town", "_streets"]);
        for (path, expected) in [
            (&[][..], Shape::Table),
            (&["where"], place),
            (&["where", "_city"], Shape::Other),
            (&["where", "_streets"], Shape::List),
            (&["where", "_streets", "0"], Shape::Other),
            (&["_branches"], Shape::Table),
            (&["_branches", "any"], place),
            (&["_stalls"], Shape::List),
            (&["_stalls", "0"], place),
            (&["_open"], Shape::Other),
            (&["_storage"], Shape::Table),
            (&["_storage", "Nowhere"], Shape::Other),
            (&["_storage", "Folder"], Shape::Other),
            (&["_storage", "Bucket"], Shape::Keys(&["name", "copies"])),
            (&["_storage", "Bucket", "copies"], Shape::Whole),
            (&["_storage", "Pair"], Shape::List),
            // Beside what is flattened any key is kept first, and read later.
            (&["nowhere", "at", "all"], Shape::Any),
        ] {
            assert_eq!(shape::<Shop>(path), expected, "{path:?}");
        }
        assert_eq!(shape::<()>(&[]), Shape::Keys(&[]));
        assert_eq!(shape::<Place>(&["nowhere"]), Shape::Unread);
        assert_eq!(shape::<Open>(&[]), Shape::Keys(&[]));
        assert_eq!(shape::<Open>(&["read"]), Shape::Whole);
        assert_eq!(shape::<Open>(&["other"]), Shape::Unread);
    }
}
