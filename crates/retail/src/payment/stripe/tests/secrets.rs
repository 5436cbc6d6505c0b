//! The secret key is shown nowhere.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use telemetry::SecretText;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::super::double::Fault;
use super::{Shop, charge};
use crate::payment::provider::{PaymentProvider, ProviderError};

const KEY: &str = "sk_live_51HallesVerySecret";

/// Writes down everything that anybody traces, libraries included.
#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<String>>);

impl Visit for Transcript {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Transcript {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn neither_errors_nor_logs_nor_debug_show_the_key() {
    let transcript = Transcript::default();
    // While there is only one subscriber, `tracing` asks the thread that comes by an event first whether anybody
    // listens to it; the thread of another test would say no for all.
    let _second = tracing::Dispatch::new(Transcript::default());
    let listening = tracing::subscriber::set_default(transcript.clone());
    let shop = Shop::with(|settings| settings.secret_key = SecretText::new(KEY.to_owned())).await;
    let refused = shop.stripe.authorize(&charge(1)).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Misconfigured(_)), "{refused:?}");
    shop.double.fail_next(Fault::Garbage);
    let garbled = shop.stripe.authorize(&charge(1)).await.unwrap_err();
    drop(listening);

    let sent = shop.double.seen()[0].headers.iter().any(|(_, value)| value.contains(KEY));
    assert!(sent, "the key goes to Stripe, and nowhere else");
    let logged = transcript.0.lock().unwrap().clone();
    assert!(logged.contains("Stripe refused a request"), "the transcript hears: {logged}");
    for shown in [logged, format!("{refused} {refused:?} {garbled} {garbled:?} {:?}", shop.stripe)] {
        assert!(!shown.contains(KEY), "{shown}");
    }
}
