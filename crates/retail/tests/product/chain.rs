//! A chain under test: its store, and its API without a socket.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Money, SystemIds};
use retail::payment::simulated::Simulated;
use retail::{Retail, Settings};
use serde_json::Value;
use store::{Store, StoredEvent, Unavailable};
use telemetry::Metrics;
use web::testing::{TestApp, TestResponse};
use web::{Api, Drain};

use crate::common::{EUR, Ground, open};

pub(crate) struct Chain {
    pub(crate) store: Store,
    pub(crate) app: TestApp,
    _drain: Drain,
}

impl Chain {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self::over(open(ground))
    }

    pub(crate) fn over(store: Store) -> Self {
        let (metrics, drain) = (Metrics::new(), Drain::default());
        let settings = Settings {
            currency: EUR,
            reservation: Duration::from_mins(15),
            provider_timeout: Duration::from_secs(10),
            webhook_secret: None,
        };
        let ground = retail::Ground {
            store: store.clone(),
            ids: Arc::new(SystemIds),
            provider: Arc::new(Simulated::new(store.clone(), Money::from_minor(50_000, EUR))),
            metrics: metrics.clone(),
            drain: drain.clone(),
        };
        let routes = Retail::new(ground, settings).routes();
        let api = Api::new("test", "0", "").stall(routes);
        let app = api.build(&web::Settings::default(), &metrics).expect("an application");
        Self { store, app: TestApp::new(app), _drain: drain }
    }

    /// The kinds of all events so far, in order.
    pub(crate) async fn events(&self) -> Vec<String> {
        let events: Vec<StoredEvent> = self
            .store
            .scan(|tx| Ok::<_, Unavailable>(store::log::after(tx, 0, None, 10_000)?))
            .await
            .expect("the log");
        events.into_iter().map(|event| event.kind).collect()
    }
}

/// The status and the JSON of an answer.
pub(crate) fn answer(response: &TestResponse) -> (u16, Value) {
    (response.status.as_u16(), if response.body.is_empty() { Value::Null } else { response.json() })
}

/// The status of a refusal and the fields it names.
pub(crate) fn refusal(response: &TestResponse) -> (u16, Vec<String>) {
    let problem = response.problem();
    let fields = problem["erreurs"].as_array().into_iter().flatten();
    (
        response.status.as_u16(),
        fields.map(|error| error["champ"].as_str().unwrap_or("?").to_owned()).collect(),
    )
}

/// A price in euros.
pub(crate) fn price(amount: &str) -> Value {
    serde_json::json!({"montant": amount, "devise": "EUR"})
}
