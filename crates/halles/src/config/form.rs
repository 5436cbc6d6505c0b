//! The forms that values have: how each is read from text and TOML, described, and put into the JSON schema.

use std::net::SocketAddr;

use city::fetch::{FIRST_DAY, Schedule};
use kernel::{Currency, Money, MoneyError};
use serde_json::{Value, json};
use toml::de::DeValue;
use url::Url;

use super::DatabaseUrl;

/// The form of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// True or false.
    Switch,
    /// A whole number between two bounds, both included.
    Integer {
        /// The least value allowed.
        min: u64,
        /// The greatest value allowed.
        max: u64,
    },
    /// A number from 0 to 1.
    Fraction,
    /// One text.
    Text(Syntax),
    /// Any number of texts: an array in the file, separated by commas elsewhere.
    List(Syntax),
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// An IP address and a port.
    Address,
    /// A path of the file system.
    Path,
    /// A path, or nothing.
    MaybePath,
    /// A PostgreSQL URL, or nothing.
    Database,
    /// A short name, such as `staging`.
    Name,
    /// One of a few words.
    OneOf(&'static [&'static str]),
    /// A filter of log lines.
    LogFilter,
    /// The origin of a web page: scheme, host and port.
    Origin,
    /// An ISO 4217 code.
    Currency,
    /// A decimal amount of money that is not negative.
    Amount,
    /// An HTTP address to call.
    Url,
    /// An HTTP address to fetch a file from, in which `{du}` may stand for a day; or nothing.
    Portal,
    /// When something is done again and again; or nothing.
    Schedule,
    /// Anything printable.
    Printable,
}

impl Form {
    /// Reads the value as flags and variables give it; `None` when it does not fit.
    pub(super) fn read_text(self, text: &str) -> Option<Value> {
        match self {
            Self::Switch => match text {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Integer { min, max } => bounded(text.parse().ok()?, min, max),
            Self::Fraction => fraction(text),
            Self::Text(syntax) => syntax.read(text).map(Value::String),
            Self::List(syntax) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| syntax.read(item)).collect::<Option<Vec<_>>>().map(Value::from)
            }
        }
    }

    /// Reads the value as the file gives it; `None` when its type or text does not fit.
    pub(super) fn read_toml(self, value: &DeValue<'_>) -> Option<Value> {
        match self {
            Self::Switch => value.as_bool().map(Value::Bool),
            Self::Integer { min, max } => {
                let integer = value.as_integer()?;
                bounded(u64::from_str_radix(integer.as_str(), integer.radix()).ok()?, min, max)
            }
            Self::Fraction => match (value.as_float(), value.as_integer()) {
                (Some(float), _) => fraction(float.as_str()),
                (None, Some(integer)) => fraction(integer.as_str()),
                (None, None) => None,
            },
            Self::Text(syntax) => syntax.read(value.as_str()?).map(Value::String),
            Self::List(syntax) => {
                let items = value.as_array()?.iter();
                items
                    .map(|item| syntax.read(item.get_ref().as_str()?))
                    .collect::<Option<Vec<_>>>()
                    .map(Value::from)
            }
        }
    }

    /// What is expected, for people.
    pub(super) fn expected(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Fraction => "a number from 0 to 1".to_owned(),
            Self::Text(syntax) => syntax.expected(),
            Self::List(syntax) => format!("a list, each item {}", syntax.expected()),
        }
    }

    /// The JSON schema of the value in the file.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Switch => json!({"type": "boolean"}),
            Self::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
            Self::Fraction => json!({"type": "number", "minimum": 0, "maximum": 1}),
            Self::Text(syntax) => syntax.schema(),
            Self::List(syntax) => json!({"type": "array", "items": syntax.schema()}),
        }
    }
}

fn bounded(number: u64, min: u64, max: u64) -> Option<Value> {
    (min..=max).contains(&number).then(|| Value::from(number))
}

fn fraction(text: &str) -> Option<Value> {
    let number: f64 = text.parse().ok()?;
    // A zero below zero would be printed as one.
    (0.0..=1.0).contains(&number).then(|| Value::from(number.abs()))
}

impl Syntax {
    /// The text in its canonical form.
    fn read(self, text: &str) -> Option<String> {
        match self {
            Self::Address => address(text),
            Self::Path => (!text.is_empty()).then(|| text.to_owned()),
            Self::Database | Self::Schedule if text.is_empty() => Some(String::new()),
            Self::Database => text.parse().ok().map(|url: DatabaseUrl| url.expose().to_owned()),
            Self::Name => is_name(text).then(|| text.to_owned()),
            Self::OneOf(words) => words.contains(&text).then(|| text.to_owned()),
            Self::LogFilter => telemetry::logs::check_filter(text).is_ok().then(|| text.to_owned()),
            Self::Origin => origin(text),
            Self::Currency => text.parse::<Currency>().ok().map(|currency| currency.to_string()),
            Self::Amount => is_amount(text).then(|| text.to_owned()),
            Self::Url => http_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned()),
            Self::Portal => is_portal(text).then(|| text.to_owned()),
            Self::Schedule => text.parse().ok().map(|schedule: Schedule| schedule.to_string()),
            Self::MaybePath | Self::Printable => (!text.contains(char::is_control)).then(|| text.to_owned()),
        }
    }

    fn expected(self) -> String {
        let text = match self {
            Self::Address => "an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000",
            Self::Path => "a path",
            Self::MaybePath => "a path, or nothing",
            Self::Database => {
                "postgres://user:password@host:5432/name, or nothing for SQLite in the data folder"
            }
            Self::Name => "a short name of letters, digits, '-', '_' and '.', such as staging",
            Self::OneOf(words) => return format!("one of: {}", words.join(", ")),
            Self::LogFilter => "levels by target, such as info or info,store=debug,access=off",
            Self::Origin => "the origin of a web page, such as https://shop.example",
            Self::Currency => "three capital letters of ISO 4217, such as EUR",
            Self::Amount => "an amount as a text, such as \"500.00\"",
            Self::Url => "an address such as https://api.stripe.com",
            Self::Portal => {
                "an address such as https://portal.example/export?since={du} without a password in it, or nothing"
            }
            Self::Schedule => "an interval such as 30m or 6h, a time of the day such as 04:30, or nothing",
            Self::Printable => "a text without control characters",
        };
        text.to_owned()
    }

    fn schema(self) -> Value {
        match self {
            Self::Address | Self::Path | Self::MaybePath | Self::LogFilter | Self::Printable => {
                json!({"type": "string"})
            }
            Self::Portal => json!({"type": "string", "pattern": "^$|^https?://"}),
            Self::Schedule => json!({"type": "string", "pattern": "^$|^[0-9]+[mh]$|^[0-9]{2}:[0-9]{2}$"}),
            Self::Database => json!({"type": "string", "pattern": "^$|^postgres(ql)?://"}),
            Self::Name => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
            Self::OneOf(words) => json!({"type": "string", "enum": words}),
            Self::Origin | Self::Url => json!({"type": "string", "format": "uri", "pattern": "^https?://"}),
            Self::Currency => json!({"type": "string", "pattern": "^[A-Z]{3}$"}),
            Self::Amount => json!({"type": "string", "pattern": r"^[0-9]{1,17}(\.[0-9]{1,4})?$"}),
        }
    }
}

/// `localhost` means the IPv4 loopback address: names are not looked up.
fn address(text: &str) -> Option<String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse::<SocketAddr>().ok().map(|address| address.to_string())
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Decimals are counted later, when the currency is known.
fn is_amount(text: &str) -> bool {
    let decimal = matches!(Money::parse(text, Currency::EUR), Ok(_) | Err(MoneyError::Precision));
    decimal && !text.starts_with('-')
}

fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (plain && matches!(url.scheme(), "http" | "https")).then_some(url)
}

/// The day may stand in the middle of an encoded condition; the address has to be one whatever the day is.
fn is_portal(text: &str) -> bool {
    let url = Url::parse(&text.replace(FIRST_DAY, "2026-03-01"));
    let is_plain =
        |url: &Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    text.is_empty() || url.is_ok_and(|url| is_plain(&url) && matches!(url.scheme(), "http" | "https"))
}

fn origin(text: &str) -> Option<String> {
    let url = http_url(text).filter(|url| url.path() == "/" && url.fragment().is_none())?;
    Some(url.origin().ascii_serialization())
}
