//! What a type wants to read, found out without reading anything.

use std::{cell::Cell, iter};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

/// What is wanted in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A table with these keys.
    Keys(&'static [&'static str]),
    /// A table with any keys.
    Table,
    List,
    /// A single value, or something that shows only when it is read.
    Other,
}

/// What a section wants under these keys, such as `mail` and `host`; in a list any number is a key.
pub(super) fn shape<S: DeserializeOwned>(path: &[&str]) -> Shape {
    let found = Cell::new(Shape::Other);
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
}

fn nothing() -> Error {
    Error::custom("nothing to read")
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(nothing())
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

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.step(Shape::Keys(&[])).err().unwrap_or_else(nothing))
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

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct
        tuple_struct enum identifier ignored_any
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
        #[serde(flatten)]
        _rest: HashMap<String, String>,
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
            (&["nowhere", "at", "all"], Shape::Other),
        ] {
            assert_eq!(shape::<Shop>(path), expected, "{path:?}");
        }
        assert_eq!(shape::<()>(&[]), Shape::Keys(&[]));
    }
}
