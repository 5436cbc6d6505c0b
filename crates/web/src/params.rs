//! Path and query parameters as serde sees them: names and texts, with errors that name the parameter.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// A parameter that is missing, given twice, or not what its type expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParamError {
    /// The parameter's name, empty when the fault is in no single one.
    pub(crate) name: String,
    /// What is expected.
    pub(crate) message: String,
}

impl ParamError {
    pub(crate) fn of(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into() }
    }

    fn named(mut self, name: &str) -> Self {
        if self.name.is_empty() {
            name.clone_into(&mut self.name);
        }
        self
    }
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParamError {}

impl de::Error for ParamError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::of("", message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(field, "is missing")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(field, "is given more than once")
    }
}

/// One parameter: its name and its decoded text.
pub(crate) type Pair<'a> = (&'a str, &'a str);

/// All parameters of a request, in order.
///
/// A struct or a map takes them by name, a tuple by position, anything else takes the only one.
pub(crate) struct Params<'a>(pub(crate) &'a [Pair<'a>]);

impl<'a> Params<'a> {
    fn only(&self) -> Result<&'a Pair<'a>, ParamError> {
        match self.0 {
            [pair] => Ok(pair),
            pairs => Err(ParamError::custom(format!("{} parameters where one is expected", pairs.len()))),
        }
    }
}

macro_rules! forward_to_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
            let (name, text) = self.only()?;
            ParamText(text).$method(visitor).map_err(|error| error.named(name))
        }
    )*};
}

impl<'de> Deserializer<'de> for Params<'de> {
    type Error = ParamError;

    forward_to_only! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_identifier
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        let (param, text) = self.only()?;
        ParamText(text).deserialize_newtype_struct(name, visitor).map_err(|error| error.named(param))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_seq(Walk { rest: self.0, current: None })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ParamError> {
        if self.0.len() == len {
            self.deserialize_seq(visitor)
        } else {
            Err(ParamError::custom(format!("{} parameters where {len} are expected", self.0.len())))
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_map(Walk { rest: self.0, current: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        let (param, text) = self.only()?;
        ParamText(text).deserialize_enum(name, variants, visitor).map_err(|error| error.named(param))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_unit()
    }
}

/// Walks the parameters, by name or by position.
struct Walk<'a> {
    rest: &'a [Pair<'a>],
    current: Option<&'a Pair<'a>>,
}

impl<'de> MapAccess<'de> for Walk<'de> {
    type Error = ParamError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ParamError> {
        let Some((pair, rest)) = self.rest.split_first() else { return Ok(None) };
        (self.current, self.rest) = (Some(pair), rest);
        seed.deserialize(StrDeserializer::new(pair.0)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ParamError> {
        let (name, text) = self.current.ok_or_else(|| ParamError::custom("a value before its name"))?;
        seed.deserialize(ParamText(text)).map_err(|error| error.named(name))
    }
}

impl<'de> SeqAccess<'de> for Walk<'de> {
    type Error = ParamError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ParamError> {
        let Some(((name, text), rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        seed.deserialize(ParamText(text)).map(Some).map_err(|error| error.named(name))
    }
}

/// The text of one parameter, read as whatever its type asks for.
#[derive(Clone, Copy)]
struct ParamText<'a>(&'a str);

impl<'de> IntoDeserializer<'de, ParamError> for ParamText<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parse_text {
    ($($method:ident => $visit:ident : $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
            self.0.parse().map_err(|_| ParamError::custom($expected)).and_then(|value| visitor.$visit(value))
        }
    )*};
}

impl<'de> Deserializer<'de> for ParamText<'de> {
    type Error = ParamError;

    parse_text! {
        deserialize_bool => visit_bool: "true or false is expected";
        deserialize_i8 => visit_i8: "an integer is expected";
        deserialize_i16 => visit_i16: "an integer is expected";
        deserialize_i32 => visit_i32: "an integer is expected";
        deserialize_i64 => visit_i64: "an integer is expected";
        deserialize_i128 => visit_i128: "an integer is expected";
        deserialize_u8 => visit_u8: "a positive integer is expected";
        deserialize_u16 => visit_u16: "a positive integer is expected";
        deserialize_u32 => visit_u32: "a positive integer is expected";
        deserialize_u64 => visit_u64: "a positive integer is expected";
        deserialize_u128 => visit_u128: "a positive integer is expected";
        deserialize_f32 => visit_f32: "a number is expected";
        deserialize_f64 => visit_f64: "a number is expected";
        deserialize_char => visit_char: "a single character is expected";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        visitor.visit_enum(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

impl<'de> EnumAccess<'de> for ParamText<'de> {
    type Error = ParamError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ParamError> {
        seed.deserialize(StrDeserializer::new(self.0)).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for ParamText<'de> {
    type Error = ParamError;

    fn unit_variant(self) -> Result<(), ParamError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _seed: T) -> Result<T::Value, ParamError> {
        Err(ParamError::custom("a parameter cannot hold this"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, ParamError> {
        Err(ParamError::custom("a parameter cannot hold this"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, ParamError> {
        Err(ParamError::custom("a parameter cannot hold this"))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Day, ShopId};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    enum State {
        Open,
        Closed,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Filter {
        #[serde(rename = "magasin_id")]
        shop: Option<ShopId>,
        #[serde(rename = "du")]
        from: Option<Day>,
        #[serde(rename = "etat")]
        state: Option<State>,
        #[serde(default)]
        actif: bool,
    }

    fn read<'de, T: Deserialize<'de>>(pairs: &'de [Pair<'de>]) -> Result<T, ParamError> {
        T::deserialize(Params(pairs))
    }

    fn fault(name: &str, message: &str) -> ParamError {
        ParamError::of(name, message)
    }

    #[test]
    fn a_struct_takes_parameters_by_name_and_ignores_unknown_ones() -> Result<(), ParamError> {
        let filter: Filter =
            read(&[("magasin_id", "3"), ("utm", "x"), ("etat", "CLOSED"), ("actif", "true"), ("utm", "y")])?;
        assert_eq!(
            filter,
            Filter { shop: Some(ShopId(3)), from: None, state: Some(State::Closed), actif: true }
        );
        Ok(())
    }

    #[test]
    fn errors_name_the_parameter() {
        let refused = |pairs| read::<Filter>(pairs).err();
        assert_eq!(refused(&[("magasin_id", "abc")]), Some(fault("magasin_id", "an integer is expected")));
        assert_eq!(refused(&[("magasin_id", "")]), Some(fault("magasin_id", "an integer is expected")));
        assert_eq!(
            refused(&[("du", "2024-02-30")]),
            Some(fault("du", "a day is a real calendar date written YYYY-MM-DD"))
        );
        assert_eq!(
            refused(&[("actif", "true"), ("actif", "true")]),
            Some(fault("actif", "is given more than once"))
        );
        assert_eq!(refused(&[("etat", "open")]).map(|error| error.name), Some("etat".to_owned()));
    }

    #[test]
    fn path_parameters_may_be_one_value_a_tuple_or_a_struct() {
        assert_eq!(read::<ShopId>(&[("id", "7")]), Ok(ShopId(7)));
        assert_eq!(read::<(i64, String)>(&[("a", "7"), ("b", "x")]), Ok((7, "x".to_owned())));
        assert_eq!(read::<(i64, i64)>(&[("a", "7"), ("b", "x")]), Err(fault("b", "an integer is expected")));
        assert_eq!(read::<i64>(&[("id", "9223372036854775808")]), Err(fault("id", "an integer is expected")));
    }
}
