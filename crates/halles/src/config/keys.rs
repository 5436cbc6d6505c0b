//! The table of all keys.

use offers::learn::PolicyName;

use super::{Form, Found, Mistake, Origin, Syntax};

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its dotted name, as in `halles.toml`.
    pub name: &'static str,
    /// Its environment variable.
    pub env: &'static str,
    /// Its command line flag with the dashes, where it has one.
    pub flag: Option<&'static str>,
    /// The form of its value.
    pub form: Form,
    /// Its value when nothing is given, as a variable would give it.
    pub default: &'static str,
    /// One sentence for people, without the final stop.
    pub doc: &'static str,
    /// Never shown.
    pub secret: bool,
}

impl Key {
    const fn new(
        name: &'static str,
        env: &'static str,
        form: Form,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, env, flag: None, form, default, doc, secret: false }
    }

    const fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    pub(super) fn default(&'static self) -> Result<Found, Mistake> {
        Found::from_text(self, self.default, Origin::Default)
    }

    /// Whether what was written may be repeated in a message.
    pub(super) fn is_sensitive(&self) -> bool {
        self.secret || self.form == Form::Text(Syntax::Database)
    }
}

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

const SECONDS: Form = Form::Integer { min: 1, max: 86_400 };

/// The names of the policies that rank offers.
const POLICIES: [&str; PolicyName::ALL.len()] = {
    let mut names = [""; PolicyName::ALL.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = PolicyName::ALL[place].as_str();
        place += 1;
    }
    names
};

/// All keys, in the order in which they are shown.
pub static KEYS: &[Key] = &[
    Key::new(
        "listen",
        "HALLES_LISTEN",
        Form::Text(Syntax::Address),
        "127.0.0.1:8000",
        "The address to listen on; port 0 takes a free one",
    )
    .flag("--listen"),
    Key::new(
        "data",
        "HALLES_DATA",
        Form::Text(Syntax::Path),
        "./data",
        "The folder of the data; serve makes it when it is missing",
    )
    .flag("--data"),
    Key::new(
        "database",
        "HALLES_DATABASE",
        Form::Text(Syntax::Database),
        "",
        "A PostgreSQL URL; nothing means SQLite in the data folder",
    )
    .flag("--database"),
    Key::new(
        "demo",
        "HALLES_DEMO",
        Form::Switch,
        "false",
        "Fills an empty store with invented shops, products and sales, and opens it to anybody on this machine",
    )
    .flag("--demo"),
    Key::new(
        "only",
        "HALLES_ONLY",
        Form::List(Syntax::OneOf(&["retail", "offers"])),
        "",
        "The stalls to run; none named means all",
    )
    .flag("--only"),
    Key::new(
        "allow_open",
        "HALLES_ALLOW_OPEN",
        Form::Switch,
        "false",
        "Allows an address that other machines can reach, although there are no accounts yet",
    )
    .flag("--allow-open"),
    Key::new(
        "environment",
        "HALLES_ENV",
        Form::Text(Syntax::Name),
        "local",
        "The name of this installation, as GET /health shows it",
    ),
    Key::new(
        "log.format",
        "HALLES_LOG_FORMAT",
        Form::Text(Syntax::OneOf(&["text", "json"])),
        "text",
        "How log lines are written: text for people, json for machines",
    )
    .flag("--log-format"),
    Key::new(
        "log.filter",
        "HALLES_LOG_FILTER",
        Form::Text(Syntax::LogFilter),
        telemetry::logs::DEFAULT_FILTER,
        "Which log lines are written, by target and level; access is the target of HTTP requests",
    )
    .flag("--log-filter"),
    Key::new(
        "cors.origins",
        "HALLES_CORS_ORIGINS",
        Form::List(Syntax::Origin),
        "",
        "Origins of web pages that may change something; reading is open to all",
    ),
    Key::new(
        "currency",
        "HALLES_CURRENCY",
        Form::Text(Syntax::Currency),
        "EUR",
        "The one currency of the chain; fixed once there are prices",
    ),
    Key::new(
        "http.body_limit",
        "HALLES_HTTP_BODY_LIMIT",
        Form::Integer { min: 1_024, max: 1_073_741_824 },
        "2097152",
        "The largest request body, in bytes",
    ),
    Key::new(
        "http.request_timeout_seconds",
        "HALLES_HTTP_REQUEST_TIMEOUT_SECONDS",
        SECONDS,
        "30",
        "How long a request may take before it is answered 503, in seconds",
    ),
    Key::new(
        "http.drain_seconds",
        "HALLES_HTTP_DRAIN_SECONDS",
        Form::Integer { min: 0, max: 3_600 },
        "10",
        "How long running requests may finish after SIGTERM, in seconds",
    ),
    Key::new(
        "store.queue",
        "HALLES_STORE_QUEUE",
        Form::Integer { min: 1, max: 1_000_000 },
        "8192",
        "How many commands may wait for the writer; one more is answered 503",
    ),
    Key::new(
        "store.batch_max",
        "HALLES_STORE_BATCH_MAX",
        Form::Integer { min: 1, max: 100_000 },
        "512",
        "How many commands may share one commit",
    ),
    Key::new(
        "events.retention_days",
        "HALLES_EVENTS_RETENTION_DAYS",
        Form::Integer { min: 1, max: 36_500 },
        "30",
        "How long events are kept in the log, in days",
    ),
    Key::new(
        "orders.reservation_seconds",
        "HALLES_ORDERS_RESERVATION_SECONDS",
        SECONDS,
        "900",
        "How long an unfinished order holds its stock, in seconds",
    ),
    Key::new(
        "payments.provider",
        "HALLES_PAYMENTS_PROVIDER",
        Form::Text(Syntax::OneOf(&["simulated", "stripe"])),
        "simulated",
        "Who takes payments: simulated for trials, stripe for money",
    ),
    Key::new(
        "payments.timeout_seconds",
        "HALLES_PAYMENTS_TIMEOUT_SECONDS",
        Form::Integer { min: 1, max: 300 },
        "10",
        "How long an order waits for the payment provider before it goes on in the background, in seconds",
    ),
    Key::new(
        "payments.simulated.limit",
        "HALLES_PAYMENTS_SIMULATED_LIMIT",
        Form::Text(Syntax::Amount),
        "500.00",
        "The simulated provider refuses amounts above this one",
    ),
    Key::new(
        "payments.stripe.base_url",
        "HALLES_PAYMENTS_STRIPE_BASE_URL",
        Form::Text(Syntax::Url),
        "https://api.stripe.com",
        "Where Stripe's API is called",
    ),
    Key::new(
        "payments.stripe.secret_key",
        "HALLES_PAYMENTS_STRIPE_SECRET_KEY",
        Form::Text(Syntax::Printable),
        "",
        "The secret API key of the Stripe account",
    )
    .secret(),
    Key::new(
        "payments.stripe.webhook_secret",
        "HALLES_PAYMENTS_STRIPE_WEBHOOK_SECRET",
        Form::Text(Syntax::Printable),
        "",
        "The signing secret of the Stripe webhook endpoint; without it webhooks are refused",
    )
    .secret(),
    Key::new(
        "payments.stripe.payment_method",
        "HALLES_PAYMENTS_STRIPE_PAYMENT_METHOD",
        Form::Text(Syntax::Name),
        "pm_card_visa",
        "The Stripe payment method charged when an order names none",
    ),
    Key::new(
        "offers.policy",
        "HALLES_OFFERS_POLICY",
        Form::Text(Syntax::OneOf(&POLICIES)),
        "adaptive-thompson",
        "How offers are chosen and learned about; halles offers simulate compares them",
    ),
    Key::new(
        "offers.epsilon",
        "HALLES_OFFERS_EPSILON",
        Form::Fraction,
        "0.1",
        "How often the policy epsilon-greedy shows offers in any order, to learn",
    ),
    Key::new(
        "offers.seed",
        "HALLES_OFFERS_SEED",
        Form::Integer { min: 0, max: 4_294_967_295 },
        "0",
        "Where the random choices of policies begin, for repeatable trials; 0 begins elsewhere at every start",
    ),
    Key::new(
        "offers.rewards.click",
        "HALLES_OFFERS_REWARDS_CLICK",
        Form::Fraction,
        "1",
        "What a click on a shown offer is worth to the learner",
    ),
    Key::new(
        "offers.rewards.add_to_cart",
        "HALLES_OFFERS_REWARDS_ADD_TO_CART",
        Form::Fraction,
        "0",
        "What putting a shown offer into a basket is worth to the learner",
    ),
    Key::new(
        "offers.rewards.redemption",
        "HALLES_OFFERS_REWARDS_REDEMPTION",
        Form::Fraction,
        "0",
        "What using a shown offer is worth to the learner",
    ),
    Key::new(
        "offers.decisions.retention_days",
        "HALLES_OFFERS_DECISIONS_RETENTION_DAYS",
        Form::Integer { min: 1, max: 3_650 },
        "30",
        "How long decisions are kept for evaluation, in days",
    ),
];
