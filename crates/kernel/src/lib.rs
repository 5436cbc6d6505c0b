//! The words every part of Halles uses: money, time, ids, problems, pages.
//!
//! Pure types and rules: no I/O, no HTTP, no SQL. Whatever needs the present time or randomness takes a
//! [`Clock`] or an [`IdSource`]; nothing here reads a global. To add a word, give it a file, a parser that
//! refuses what it must not hold, and its wire form next to it.

mod id;
mod locale;
mod money;
mod page;
mod problem;
pub mod table;
mod text;
mod time;
mod violation;

pub use id::{
    ClientId, IdSource, OrderId, PaymentId, PlaceId, ProductId, ReplenishmentId, SaleId, ShopId, SystemIds,
};
pub use locale::Locale;
pub use money::{Currency, Money, MoneyError};
pub use page::{Cursor, CursorError, Limit, Page};
pub use problem::{FieldError, Kind, Problem, kinds};
pub use text::{Ean13, Email, Line, Quantity, Text, TextError};
pub use time::{Clock, Day, ManualClock, SystemClock, Timestamp};
pub use violation::Violation;
