//! A body that is one object or an array of them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use store::idempotency::Key;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::body::{self, Shape};
use crate::{Rejection, idempotency};

/// One JSON object, or an array of at most `MAX` of them.
///
/// Who sent an array may expect one back, which is why the two are kept apart; [`OneOrMany::as_slice`] joins them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOrMany<T, const MAX: usize> {
    /// A single object.
    One(T),
    /// An array, perhaps an empty one.
    Many(Vec<T>),
}

impl<T, const MAX: usize> OneOrMany<T, MAX> {
    /// What was sent, in order.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    /// What was sent, in order.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for OneOrMany<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for OneOrManyVisitor<T, MAX> {
    type Value = OneOrMany<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object or an array of at most {MAX} objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut many = Vec::new();
        while let Some(Object(item)) = items.next_element()? {
            if many.len() == MAX {
                return Err(de::Error::custom(format_args!("at most {MAX} objects are taken at once")));
            }
            many.push(item);
        }
        Ok(OneOrMany::Many(many))
    }
}

/// A `T` written as an object: serde would take an array of a struct's fields as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<T: ToSchema, const MAX: usize> PartialSchema for OneOrMany<T, MAX> {
    fn schema() -> RefOr<Schema> {
        let one = || RefOr::<Schema>::Ref(Ref::from_schema_name(T::name()));
        let many = ArrayBuilder::new().items(one()).max_items(Some(MAX));
        OneOfBuilder::new().item(one()).item(many).into()
    }
}

impl<T: ToSchema, const MAX: usize> ToSchema for OneOrMany<T, MAX> {
    fn name() -> Cow<'static, str> {
        format!("{}OrMany", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// A request that changes something by one JSON object or by an array of at most `MAX` of them.
///
/// Read as by [`crate::Change`], and an array is taken as well; a wrong field is named as `[17].name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEach<T, const MAX: usize> {
    /// What is asked for.
    pub body: OneOrMany<T, MAX>,
    /// The key under which it may be sent again, when the caller gave one.
    pub key: Option<Key>,
}

impl<S: Send + Sync, T: DeserializeOwned, const MAX: usize> FromRequest<S> for ChangeEach<T, MAX> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let (parts, bytes) = idempotency::read(request).await?;
        let body = body::parse(&parts.headers, &bytes, Shape::ObjectOrArray)?;
        Ok(Self { body, key: idempotency::key(&parts, &bytes)? })
    }
}
