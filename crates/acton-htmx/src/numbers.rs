//! Numbers that a browser reads as they were written.
//!
//! JSON has no `NaN` and no infinity, and writes `null` for them; a browser reads every number as
//! [`f64`], in which whole numbers above 2^53 lose digits.
//!
//! Reference: <https://www.rfc-editor.org/rfc/rfc8259#section-6>

use std::fmt;

use serde::{Serialize, Serializer, ser};

use crate::error::Error;

const MAX_EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

/// Looks at every number in `value`, apart from keys, which are text.
///
/// # Errors
///
/// [`Error::Number`] for the first that would arrive as another.
pub(crate) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), Error> {
    match value.serialize(Numbers) {
        Err(Refused::Number(number)) => Err(Error::Number(number)),
        // Writing it tells what else is wrong.
        Ok(()) | Err(Refused::Other) => Ok(()),
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("number")]
    Number(String),
    #[error("something else")]
    Other,
}

impl ser::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }
}

fn allow(number: impl fmt::Display, is_exact: bool) -> Result<(), Refused> {
    if is_exact {
        Ok(())
    } else {
        Err(Refused::Number(number.to_string()))
    }
}

/// A serializer that writes nothing.
struct Numbers;

/// Methods for what holds no number.
macro_rules! holds_none {
    ($($method:ident($($argument:ty),*);)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<(), Refused> {
            Ok(())
        }
    )+};
}

/// Methods that begin something with more values in it.
macro_rules! goes_on {
    ($($method:ident($($argument:ty),*);)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<Self, Refused> {
            Ok(self)
        }
    )+};
}

impl Serializer for Numbers {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_f64(self, number: f64) -> Result<(), Refused> {
        allow(number, number.is_finite())
    }

    fn serialize_f32(self, number: f32) -> Result<(), Refused> {
        allow(number, number.is_finite())
    }

    fn serialize_i128(self, number: i128) -> Result<(), Refused> {
        allow(number, number.unsigned_abs() <= MAX_EXACT)
    }

    fn serialize_u128(self, number: u128) -> Result<(), Refused> {
        allow(number, number <= MAX_EXACT)
    }

    fn serialize_i64(self, number: i64) -> Result<(), Refused> {
        self.serialize_i128(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Refused> {
        self.serialize_u128(number.into())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    holds_none! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    goes_on! {
        serialize_seq(Option<usize>);
        serialize_tuple(usize);
        serialize_tuple_struct(&'static str, usize);
        serialize_tuple_variant(&'static str, u32, &'static str, usize);
        serialize_map(Option<usize>);
        serialize_struct(&'static str, usize);
        serialize_struct_variant(&'static str, u32, &'static str, usize);
    }
}

/// What holds several values looks at each.
macro_rules! looks_at_each {
    ($($trait:ident { $method:ident($($argument:ty),*) $(, $key:ident)? })+) => {$(
        impl ser::$trait for Numbers {
            type Ok = ();
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $argument,)* value: &T) -> Result<(), Refused> {
                value.serialize(Numbers)
            }

            $(fn $key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Refused> {
                Ok(())
            })?

            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        }
    )+};
}

looks_at_each! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_value(), serialize_key }
    SerializeStruct { serialize_field(&'static str) }
    SerializeStructVariant { serialize_field(&'static str) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        One(f64),
        Two(u8, f64),
        Named { size: f64 },
    }

    #[derive(Serialize)]
    struct Pair(u8, f64);

    #[derive(Serialize)]
    struct Alone(f64);

    /// The number that was refused.
    fn refused(value: &impl Serialize) -> Option<String> {
        match check(value) {
            Err(Error::Number(number)) => Some(number),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn numbers_that_a_browser_reads_are_sent() {
        for number in [0_i64, 1 << 53, -(1 << 53)] {
            assert_eq!(refused(&number), None);
        }
        for number in [0.1, -0.0, f64::MAX, f64::MIN_POSITIVE] {
            assert_eq!(refused(&number), None);
        }
        let keys = BTreeMap::from([(u64::MAX, "text")]);
        assert_eq!(refused(&keys), None);
        assert_eq!(refused(&(1.5_f32, 'a', "b", (), true, None::<f64>)), None);
    }

    #[test]
    fn numbers_that_would_arrive_as_others_are_refused() {
        let text = |number: &str| Some(number.to_owned());
        assert_eq!(refused(&((1_i64 << 53) + 1)), text("9007199254740993"));
        assert_eq!(refused(&i64::MIN), text("-9223372036854775808"));
        assert_eq!(refused(&u64::MAX), text("18446744073709551615"));
        assert_eq!(refused(&(1_u128 << 54)), text("18014398509481984"));
        assert_eq!(refused(&f64::NAN), text("NaN"));
        assert_eq!(refused(&f32::INFINITY), text("inf"));
    }

    #[test]
    fn every_place_of_a_value_is_looked_at() {
        let nan = f64::NAN;
        assert!(refused(&vec![Some(1.0), Some(nan)]).is_some());
        assert!(refused(&(1, nan)).is_some());
        assert!(refused(&BTreeMap::from([("a", nan)])).is_some());
        assert!(refused(&Pair(1, nan)).is_some() && refused(&Alone(nan)).is_some());
        for shape in [
            Shape::One(nan),
            Shape::Two(1, nan),
            Shape::Named { size: nan },
        ] {
            assert!(refused(&shape).is_some());
        }
        assert_eq!(refused(&Shape::Named { size: 1.0 }), None);
    }
}
