//! The configuration as the program uses it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use city::fetch::Schedule;
use kernel::{Currency, Money};
use offers::learn::PolicyName;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use telemetry::SecretText;

use super::{DatabaseUrl, Form, Found, Mistake, Syntax};

/// All settings, grouped as in `halles.toml`; what each means is said by [`KEYS`](super::KEYS).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The folder of the data.
    pub data: PathBuf,
    /// PostgreSQL; `None` is SQLite in the data folder.
    #[serde(deserialize_with = "optional_text")]
    pub database: Option<DatabaseUrl>,
    /// Invented data, open on this machine.
    pub demo: bool,
    /// The stalls to run; empty means all. Ask [`Settings::runs`].
    pub only: Vec<Stall>,
    /// Other machines may reach the server.
    pub allow_open: bool,
    /// The name of the installation.
    pub environment: String,
    /// Logs.
    pub log: Log,
    /// Calls from web pages of other origins.
    pub cors: Cors,
    /// The chain's currency.
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    /// The HTTP server.
    pub http: Http,
    /// The store.
    pub store: Store,
    /// The event log.
    pub events: Events,
    /// Orders.
    pub orders: Orders,
    /// Payments.
    pub payments: Payments,
    /// Offers.
    pub offers: Offers,
    /// The city's flow.
    pub city: City,
}

impl Settings {
    /// Whether this process runs the stall.
    pub fn runs(&self, stall: Stall) -> bool {
        self.only.is_empty() || self.only.contains(&stall)
    }
}

/// A part of the product that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stall {
    /// Stores, stock, sales and orders.
    Retail,
    /// Personalised offers.
    Offers,
    /// The city's flow.
    City,
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How lines are written.
    #[serde(deserialize_with = "text")]
    pub format: telemetry::logs::Format,
    /// Which lines are written.
    pub filter: String,
}

/// Calls from web pages of other origins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Origins that may change something, such as `https://shop.example`.
    pub origins: Vec<String>,
}

/// The HTTP server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// How long a request may take.
    #[serde(rename = "request_timeout_seconds", deserialize_with = "seconds")]
    pub request_timeout: Duration,
    /// How long running requests may finish after the signal to stop.
    #[serde(rename = "drain_seconds", deserialize_with = "seconds")]
    pub drain: Duration,
}

/// The store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// How many commands may wait.
    pub queue: usize,
    /// How many commands may share one commit.
    pub batch_max: usize,
}

/// The event log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// How many days events are kept.
    pub retention_days: u32,
}

/// Orders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// How long an unfinished order holds its stock.
    #[serde(rename = "reservation_seconds", deserialize_with = "seconds")]
    pub reservation: Duration,
}

/// Payments.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payments {
    /// Who takes payments.
    pub provider: PaymentProvider,
    /// How long an order waits for the provider.
    #[serde(rename = "timeout_seconds", deserialize_with = "seconds")]
    pub timeout: Duration,
    /// The simulated provider.
    pub simulated: SimulatedPayments,
    /// Stripe.
    pub stripe: StripePayments,
}

/// Who takes payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentProvider {
    /// The built-in simulator.
    Simulated,
    /// Stripe's API.
    Stripe,
}

/// The simulated provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedPayments {
    /// Amounts above this one are refused; in the chain's currency.
    pub limit: Money,
}

/// Stripe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripePayments {
    /// Where the API is called, without a final slash.
    pub base_url: String,
    /// The secret API key; never empty when [`PaymentProvider::Stripe`] is chosen.
    pub secret_key: SecretText,
    /// The signing secret of webhooks; `None` when they are to be refused.
    #[serde(deserialize_with = "optional_secret")]
    pub webhook_secret: Option<SecretText>,
    /// The payment method charged when an order names none.
    pub payment_method: String,
}

/// Offers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offers {
    /// How offers are chosen.
    #[serde(deserialize_with = "text")]
    pub policy: PolicyName,
    /// How often epsilon-greedy shows any offer.
    pub epsilon: f64,
    /// Where the random choices begin; `None` for anywhere.
    #[serde(deserialize_with = "seed")]
    pub seed: Option<u64>,
    /// What counts as a success.
    pub rewards: Rewards,
    /// The log of decisions.
    pub decisions: Decisions,
}

/// What an event is worth to the learner, 0 to 1.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewards {
    /// A click.
    pub click: f64,
    /// An offer put into a basket.
    pub add_to_cart: f64,
    /// An offer used.
    pub redemption: f64,
}

/// The log of decisions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// How many days decisions are kept.
    pub retention_days: u32,
}

/// The city's flow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct City {
    /// How many threads read; 0 for one of each core.
    pub threads: usize,
    /// How much memory facts may take, in bytes.
    pub memory: usize,
    /// Where files wait until they are taken in; `None` for a folder in that of the data.
    #[serde(deserialize_with = "optional_text")]
    pub incoming: Option<PathBuf>,
    /// The folder whose files may be named over HTTP.
    #[serde(deserialize_with = "optional_text")]
    pub inbox: Option<PathBuf>,
    /// The largest upload, in bytes.
    pub upload_limit: usize,
    /// The portals.
    pub fetch: Fetch,
}

/// The city's portals.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// When they are asked; `None` for never.
    #[serde(deserialize_with = "optional_text")]
    pub schedule: Option<Schedule>,
    /// How many days back.
    pub days: u16,
    /// How long one may say nothing.
    #[serde(rename = "timeout_seconds", deserialize_with = "seconds")]
    pub timeout: Duration,
    /// The largest file, in bytes.
    pub max_bytes: u64,
    /// Bicycle counts; empty for none, as the others.
    pub bikes: String,
    /// Road counts.
    pub comptages: String,
    /// Disruptions.
    pub traffic: String,
    /// The key for disruptions.
    #[serde(deserialize_with = "optional_secret")]
    pub traffic_key: Option<SecretText>,
    /// Weather.
    pub weather: String,
    /// Roadworks.
    pub chantiers: String,
    /// The reference of arcs.
    pub referentiel: String,
}

/// Makes the settings out of one value for every key.
pub(super) fn build(resolved: &[Found]) -> Result<Settings, Mistake> {
    let mut tree = Map::new();
    for found in resolved {
        let value = match found.key.form {
            Form::Text(Syntax::Amount) => money(found, resolved)?,
            Form::Text(_) | Form::List(_) | Form::Switch | Form::Integer { .. } | Form::Fraction => {
                found.value.clone()
            }
        };
        insert(&mut tree, found.key.name, value);
    }
    let settings: Settings = serde_json::from_value(Value::Object(tree))?;
    check(&settings)?;
    Ok(settings)
}

/// Puts a value under its dotted name.
fn insert(tree: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(tree.insert(name.to_owned(), value)),
        Some((group, rest)) => {
            if let Value::Object(group) = tree.entry(group).or_insert_with(|| json!({})) {
                insert(group, rest, value);
            }
        }
    }
}

/// An amount of the chain's currency, in the wire form of [`Money`].
fn money(found: &Found, resolved: &[Found]) -> Result<Value, Mistake> {
    let text = |found: &Found| found.value.as_str().unwrap_or_default().to_owned();
    let currency = resolved.iter().find(|other| other.key.name == "currency").map(text);
    let currency = currency.and_then(|code| code.parse().ok()).unwrap_or(Currency::EUR);
    let amount = text(found);
    let money = Money::parse(&amount, currency).map_err(|error| Mistake::Value {
        origin: found.origin.clone(),
        name: found.key.name,
        given: format!("{amount:?}"),
        expected: format!("an amount of {currency}: {error}"),
    })?;
    Ok(json!(money))
}

/// What single values cannot show.
fn check(settings: &Settings) -> Result<(), Mistake> {
    let key = super::find("payments.stripe.secret_key");
    match (settings.payments.provider, key) {
        (PaymentProvider::Stripe, Some(key)) if settings.payments.stripe.secret_key.expose().is_empty() => {
            let because = "payments.provider is stripe".to_owned();
            Err(Mistake::Missing { name: key.name, env: key.env, because })
        }
        (PaymentProvider::Stripe | PaymentProvider::Simulated, _) => Ok(()),
    }
}

fn text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn optional_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretText>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

/// Zero is no seed.
fn seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    u64::deserialize(deserializer).map(|seed| (seed > 0).then_some(seed))
}
