//! Values on their way into a statement and out of a row, the same for both engines.

use std::str::FromStr;

use kernel::{
    ClientId, Day, Ean13, Email, Line, OrderId, PaymentId, PlaceId, ProductId, Quantity, ReplenishmentId,
    SaleId, ShopId, Text, Timestamp,
};
use uuid::Uuid;

use crate::DbError;

/// One parameter of a statement. A missing value keeps its type, which PostgreSQL wants to know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param<'a> {
    /// A BIGINT.
    Int(Option<i64>),
    /// A BOOLEAN.
    Bool(Option<bool>),
    /// A DOUBLE PRECISION.
    Real(Option<f64>),
    /// A TEXT.
    Text(Option<&'a str>),
    /// A BYTEA.
    Bytes(Option<&'a [u8]>),
    /// A UUID.
    Uuid(Option<Uuid>),
}

/// What can be given to a statement: numbers and ids by value or reference, texts and bytes by reference.
pub trait ToParam<'a> {
    /// The typed NULL.
    const NULL: Param<'a>;

    /// The value as a parameter.
    fn to_param(self) -> Param<'a>;
}

/// What can be read from a column.
pub trait FromColumn: Sized {
    /// Reads column `index` (from 0); `None` for NULL.
    fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError>;
}

/// The parameters of one statement: `&params![id, name]`, or one row of many: `params![id, name]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::ToParam::to_param($value)),*] };
}

/// A row that a query returned, valid while it is being read.
#[derive(Clone, Copy)]
pub struct RowRef<'a>(pub(crate) Source<'a>);

#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl RowRef<'_> {
    /// Reads a column that is never NULL, counted from 0.
    pub fn get<T: FromColumn>(self, index: usize) -> Result<T, DbError> {
        T::from_column(self, index)?.ok_or_else(|| DbError::Decode(format!("column {index} is NULL")))
    }

    /// Reads a column that may be NULL.
    pub fn get_opt<T: FromColumn>(self, index: usize) -> Result<Option<T>, DbError> {
        T::from_column(self, index)
    }
}

/// A type given by value or by reference.
macro_rules! by_value {
    ($($type:ty: $variant:ident, |$value:ident| $out:expr;)*) => {$(
        impl<'a> ToParam<'a> for $type {
            const NULL: Param<'a> = Param::$variant(None);

            fn to_param(self) -> Param<'a> {
                let $value = self;
                Param::$variant(Some($out))
            }
        }

        impl<'a> ToParam<'a> for &$type {
            const NULL: Param<'a> = Param::$variant(None);

            fn to_param(self) -> Param<'a> {
                (*self).to_param()
            }
        }
    )*};
}
by_value! {
    i64: Int, |value| value;
    bool: Bool, |value| value;
    f64: Real, |value| value;
    Uuid: Uuid, |value| value;
    Timestamp: Int, |at| at.micros();
    Day: Int, |day| day.number();
    ProductId: Int, |id| id.0;
    ShopId: Int, |id| id.0;
    PlaceId: Int, |id| id.0;
    ClientId: Int, |id| id.0;
    Quantity: Int, |quantity| quantity.get();
    OrderId: Uuid, |id| id.0;
    PaymentId: Uuid, |id| id.0;
    SaleId: Uuid, |id| id.0;
    ReplenishmentId: Uuid, |id| id.0;
}

/// A type given by reference only.
macro_rules! by_reference {
    ($($type:ty: $variant:ident, |$value:ident| $out:expr;)*) => {$(
        impl<'a> ToParam<'a> for &'a $type {
            const NULL: Param<'a> = Param::$variant(None);

            fn to_param(self) -> Param<'a> {
                let $value = self;
                Param::$variant(Some($out))
            }
        }
    )*};
}
by_reference! {
    str: Text, |text| text;
    &str: Text, |text| text;
    String: Text, |text| text;
    Line: Text, |text| text.as_ref();
    Text: Text, |text| text.as_ref();
    Email: Text, |text| text.as_ref();
    Ean13: Text, |text| text.as_ref();
    [u8]: Bytes, |bytes| bytes;
    [u8; 32]: Bytes, |bytes| bytes;
    Vec<u8>: Bytes, |bytes| bytes;
}

impl<'a, T: ToParam<'a>> ToParam<'a> for Option<T> {
    const NULL: Param<'a> = T::NULL;

    fn to_param(self) -> Param<'a> {
        self.map_or(T::NULL, ToParam::to_param)
    }
}

impl<'a, T> ToParam<'a> for &'a Option<T>
where
    &'a T: ToParam<'a>,
{
    const NULL: Param<'a> = <&'a T as ToParam<'a>>::NULL;

    fn to_param(self) -> Param<'a> {
        self.as_ref().map_or(Self::NULL, ToParam::to_param)
    }
}

fn undecodable(error: impl std::error::Error) -> DbError {
    DbError::Decode(error.to_string())
}

/// A type both engines' drivers read by themselves.
macro_rules! column {
    ($($type:ty),*) => {$(
        impl FromColumn for $type {
            fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError> {
                match row.0 {
                    Source::Sqlite(row) => row.get(index).map_err(undecodable),
                    Source::Postgres(row) => row.try_get(index).map_err(undecodable),
                }
            }
        }
    )*};
}
column!(i64, bool, f64, String, Vec<u8>);

impl FromColumn for Uuid {
    fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError> {
        match row.0 {
            Source::Sqlite(row) => {
                Ok(row.get::<_, Option<[u8; 16]>>(index).map_err(undecodable)?.map(Self::from_bytes))
            }
            Source::Postgres(row) => row.try_get(index).map_err(undecodable),
        }
    }
}

/// A type read as another one.
macro_rules! read_as {
    ($($type:ty: $base:ty, |$raw:ident| $back:expr;)*) => {$(
        impl FromColumn for $type {
            fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError> {
                <$base>::from_column(row, index)?.map(|$raw| $back).transpose()
            }
        }
    )*};
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, DbError> {
    text.parse().map_err(|error: T::Err| DbError::Decode(format!("a stored text is not valid: {error}")))
}

read_as! {
    Timestamp: i64, |raw| Ok(Self::from_micros(raw));
    Day: i64, |raw| Self::from_number(raw).ok_or_else(|| DbError::Decode("a day out of range".into()));
    ProductId: i64, |raw| Ok(Self(raw));
    ShopId: i64, |raw| Ok(Self(raw));
    PlaceId: i64, |raw| Ok(Self(raw));
    ClientId: i64, |raw| Ok(Self(raw));
    Quantity: i64, |raw| Self::new(raw).map_err(|error| DbError::Decode(error.to_string()));
    OrderId: Uuid, |raw| Ok(Self(raw));
    PaymentId: Uuid, |raw| Ok(Self(raw));
    SaleId: Uuid, |raw| Ok(Self(raw));
    ReplenishmentId: Uuid, |raw| Ok(Self(raw));
    Line: String, |raw| parsed(&raw);
    Text: String, |raw| parsed(&raw);
    Email: String, |raw| parsed(&raw);
    Ean13: String, |raw| parsed(&raw);
}
