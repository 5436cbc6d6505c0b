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
        self.secret || matches!(self.form, Form::Text(Syntax::Database | Syntax::Portal))
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
        Form::List(Syntax::OneOf(&["retail", "offers", "city"])),
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
    Key::new(
        "city.threads",
        "HALLES_CITY_THREADS",
        Form::Integer { min: 0, max: 1_024 },
        "0",
        "How many threads read the city's data; 0 takes one for each core",
    ),
    Key::new(
        "city.memory",
        "HALLES_CITY_MEMORY",
        Form::Integer { min: 16_777_216, max: 1_099_511_627_776 },
        "100663296",
        "How much memory the facts of an import may take before they go to a temporary file, in bytes",
    ),
    Key::new(
        "city.incoming",
        "HALLES_CITY_INCOMING",
        Form::Text(Syntax::MaybePath),
        "",
        "The folder for uploads and fetched files until they are taken in; nothing means incoming in the data folder",
    ),
    Key::new(
        "city.inbox",
        "HALLES_CITY_INBOX",
        Form::Text(Syntax::MaybePath),
        "",
        "The folder whose files POST /metrics/imports may name; nothing means that it may name none",
    ),
    Key::new(
        "city.upload_limit",
        "HALLES_CITY_UPLOAD_LIMIT",
        Form::Integer { min: 1_024, max: 1_099_511_627_776 },
        "1073741824",
        "The largest file that may be uploaded to POST /metrics/imports, in bytes",
    ),
    Key::new(
        "city.fetch.schedule",
        "HALLES_CITY_FETCH_SCHEDULE",
        Form::Text(Syntax::Schedule),
        "",
        "When the portals are asked: an interval such as 6h, or a time of the day in Paris such as 04:30; nothing means never",
    ),
    Key::new(
        "city.fetch.days",
        "HALLES_CITY_FETCH_DAYS",
        Form::Integer { min: 1, max: 400 },
        "8",
        "How many days back portals are asked for, since they correct what they have published",
    ),
    Key::new(
        "city.fetch.timeout_seconds",
        "HALLES_CITY_FETCH_TIMEOUT_SECONDS",
        Form::Integer { min: 1, max: 3_600 },
        "60",
        "How long a portal may say nothing, in seconds",
    ),
    Key::new(
        "city.fetch.max_bytes",
        "HALLES_CITY_FETCH_MAX_BYTES",
        Form::Integer { min: 1_024, max: 1_099_511_627_776 },
        "1073741824",
        "The largest file that is fetched, in bytes",
    ),
    Key::new(
        "city.fetch.bikes",
        "HALLES_CITY_FETCH_BIKES",
        Form::Text(Syntax::Portal),
        "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/comptage-velo-donnees-compteurs/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B&where=date%3E%3Ddate%27{du}%27",
        "Where bicycle counts are fetched; {du} stands for the first day wanted, nothing means nowhere",
    ),
    Key::new(
        "city.fetch.comptages",
        "HALLES_CITY_FETCH_COMPTAGES",
        Form::Text(Syntax::Portal),
        "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/comptages-routiers-permanents/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B&where=t_1h%3E%3Ddate%27{du}%27",
        "Where road counts are fetched",
    ),
    Key::new(
        "city.fetch.traffic",
        "HALLES_CITY_FETCH_TRAFFIC",
        Form::Text(Syntax::Portal),
        "https://prim.iledefrance-mobilites.fr/marketplace/disruptions_bulk/disruptions/v2",
        "Where disruptions of public transport are fetched; only with city.fetch.traffic_key",
    ),
    Key::new(
        "city.fetch.traffic_key",
        "HALLES_CITY_FETCH_TRAFFIC_KEY",
        Form::Text(Syntax::Printable),
        "",
        "The API key of Île-de-France Mobilités, sent as the header apikey",
    )
    .secret(),
    Key::new(
        "city.fetch.weather",
        "HALLES_CITY_FETCH_WEATHER",
        Form::Text(Syntax::Portal),
        "https://api.open-meteo.com/v1/forecast?latitude=48.8566&longitude=2.3522&hourly=temperature_2m,precipitation,wind_speed_10m&timezone=Europe%2FParis&past_days=8&forecast_days=1",
        "Where the weather is fetched",
    ),
    Key::new(
        "city.fetch.chantiers",
        "HALLES_CITY_FETCH_CHANTIERS",
        Form::Text(Syntax::Portal),
        "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/chantiers-perturbants/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B",
        "Where roadworks are fetched",
    ),
    Key::new(
        "city.fetch.referentiel",
        "HALLES_CITY_FETCH_REFERENTIEL",
        Form::Text(Syntax::Portal),
        "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/referentiel-comptages-routiers/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B",
        "Where the reference of the road network's arcs is fetched",
    ),
];
