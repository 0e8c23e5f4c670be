//! Reads values as the crate `config` does, and whole numbers of 128 bits, which it does not.

use config::{ConfigError as ReadError, Value, ValueKind};
use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer, StringDeserializer},
    },
    forward_to_deserialize_any,
};

type Result<T> = std::result::Result<T, ReadError>;

/// A value, and all that is in it.
pub(super) struct Reader(pub(super) Value);

macro_rules! as_config_does {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.0.$method(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.kind {
            ValueKind::Array(items) => {
                SeqDeserializer::new(items.into_iter().map(Self)).deserialize_any(visitor)
            }
            ValueKind::Table(table) => {
                let entries = table.into_iter().map(|(key, value)| (key, Self(value)));
                MapDeserializer::new(entries).deserialize_any(visitor)
            }
            _ => self.0.deserialize_any(visitor),
        }
    }

    as_config_does! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_str deserialize_string
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i128(self.0.into_int128()?)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u128(self.0.into_uint128()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.kind {
            ValueKind::Nil => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0.kind {
            ValueKind::Table(table) if table.len() == 1 => {
                let (name, content) = table.into_iter().next().expect("it has one");
                visitor.visit_enum(Variant {
                    name,
                    content: Self(content),
                })
            }
            // Says which variants there are, where this is none of them.
            ValueKind::String(text) => visitor.visit_enum(text.into_deserializer()),
            _ => self.0.deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        char seq bytes byte_buf map struct unit identifier ignored_any unit_struct tuple_struct tuple
    }
}

impl IntoDeserializer<'_, ReadError> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A variant that is named by the one key of a table.
struct Variant {
    name: String,
    content: Reader,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = ReadError;
    type Variant = Reader;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader)> {
        let name: StringDeserializer<ReadError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Reader {
    type Error = ReadError;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }
}
