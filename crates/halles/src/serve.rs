//! `halles serve`: everything put together. Nothing else knows all stalls.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kernel::{SystemClock, SystemIds};
use retail::payment::provider::PaymentProvider;
use retail::payment::simulated::Simulated;
use retail::payment::stripe::{StripeProvider, StripeSettings};
use retail::{Ground, Retail};
use store::{Engine, Sabotage, Store};
use telemetry::Metrics;
use tokio::net::TcpListener;
use web::{Api, Drain, ExampleCall, ServerOptions, System};

use crate::config::check_exposure;
use crate::config::{PaymentProvider as Provider, Settings, Stall};
use crate::{database, demo, housekeeping};

/// What the API says of itself.
const DESCRIPTION: &str =
    "A chain of shops in a city: stores and stock, sales, orders by saga, payments, events.";

/// The README's three calls, for the first page.
const EXAMPLES: [(&str, &str, &str); 3] = [
    (
        "An order that is confirmed",
        "Une commande confirmée",
        r#"{"produits": [{"produit_id": 1, "quantite": 1}, {"produit_id": 2, "quantite": 1}]}"#,
    ),
    (
        "Not enough stock: cancelled",
        "Stock insuffisant : annulée",
        r#"{"produits": [{"produit_id": 2, "quantite": 999}]}"#,
    ),
    (
        "Payment refused: the stock is free again",
        "Paiement refusé : le stock est libéré",
        r#"{"produits": [{"produit_id": 4, "quantite": 10}]}"#,
    ),
];

/// Serves until `stop` resolves, then drains. `sabotage` is a fault for tests of tests.
///
/// Prints `listening on http://ADDR` on standard output when it accepts.
pub async fn run(
    settings: Settings,
    sabotage: Sabotage,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    check_exposure(settings.listen, settings.allow_open)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}: give another --listen", settings.listen))?;
    let address = listener.local_addr()?;
    let options = store::Options { sabotage, ..database::options(&settings) };
    let alone = matches!(options.engine, Engine::Sqlite { .. });
    let store = tokio::task::spawn_blocking(move || Store::open(options)).await??;
    store.announce(&address.to_string());
    let (metrics, drain) = (Metrics::new(), Drain::new());
    let app = assemble(&settings, &store, &metrics, &drain, alone).await?;
    tracing::info!("Halles answers on http://{address} – API at /docs, health at /health");
    crate::output::print(format_args!("listening on http://{address}\n"))?;
    let options = ServerOptions { drain_timeout: settings.http.drain, ..ServerOptions::default() };
    let drained = web::serve(listener, app, options, drain, stop).await;
    if drained.cut > 0 {
        tracing::warn!(cut = drained.cut, "connections were still busy and have been cut");
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Everything that can be called, and the stalls behind it.
pub fn api(
    settings: &Settings,
    store: &Store,
    metrics: &Metrics,
    drain: &Drain,
) -> anyhow::Result<(Api, Option<Retail>)> {
    let api = Api::new("Halles", env!("CARGO_PKG_VERSION"), DESCRIPTION)
        .stall(system(settings, store, metrics).routes())
        .stall(web::events::routes(store, drain));
    if !settings.runs(Stall::Retail) {
        return Ok((api, None));
    }
    let retail = retail(settings, store, metrics, drain)?;
    Ok((api.stall(retail.routes()), Some(retail)))
}

/// The application, its background work started.
async fn assemble(
    settings: &Settings,
    store: &Store,
    metrics: &Metrics,
    drain: &Drain,
    alone: bool,
) -> anyhow::Result<web::App> {
    let (api, retail) = api(settings, store, metrics, drain)?;
    if let Some(retail) = retail {
        let (demo, store, currency) = (settings.demo, store.clone(), settings.currency);
        if store.health().ready {
            start_retail(&retail, &store, demo, currency).await?;
            tokio::spawn(async move { retail.work(alone).await });
        } else {
            tokio::spawn(async move {
                store.opened().await;
                if let Err(error) = start_retail(&retail, &store, demo, currency).await {
                    // As when the database had been there from the start: nothing is served on data that does not fit.
                    tracing::error!(error = format!("{error:#}"), "the stores stall cannot start; ending");
                    std::process::exit(1);
                }
                retail.work(alone).await;
            });
        }
    }
    tokio::spawn(housekeeping::work(store.clone(), drain.clone(), settings.events.retention_days));
    Ok(api.build(&web_settings(settings), metrics)?)
}

fn web_settings(settings: &Settings) -> web::Settings {
    web::Settings {
        // Whoever allows an open address has said that other names than localhost are meant to reach it.
        open: !settings.allow_open,
        origins: settings.cors.origins.clone(),
        handler_timeout: settings.http.request_timeout,
        body_limit: settings.http.body_limit,
        ..web::Settings::default()
    }
}

async fn start_retail(
    retail: &Retail,
    store: &Store,
    demo: bool,
    currency: kernel::Currency,
) -> anyhow::Result<()> {
    retail.open().await.map_err(|error| anyhow::anyhow!("{}", kernel::Problem::from(error).detail))?;
    if demo {
        demo::load(store, currency).await?;
    }
    Ok(())
}

fn system(settings: &Settings, store: &Store, metrics: &Metrics) -> System {
    let store = store.clone();
    System {
        version: env!("CARGO_PKG_VERSION"),
        environment: settings.environment.clone(),
        metrics: metrics.clone(),
        store: Arc::new(move || store.health()),
        examples: EXAMPLES
            .map(|(en, fr, body)| ExampleCall { en, fr, method: "POST", path: "/saga/commande/", body })
            .to_vec(),
    }
}

fn retail(settings: &Settings, store: &Store, metrics: &Metrics, drain: &Drain) -> anyhow::Result<Retail> {
    let payments = &settings.payments;
    let provider: Arc<dyn PaymentProvider> = match payments.provider {
        Provider::Simulated => Arc::new(Simulated::new(store.clone(), payments.simulated.limit)),
        Provider::Stripe => {
            let stripe = StripeSettings {
                base_url: payments.stripe.base_url.clone(),
                timeout: payments.timeout,
                ..StripeSettings::new(
                    payments.stripe.secret_key.clone(),
                    payments.stripe.payment_method.clone(),
                )
            };
            Arc::new(StripeProvider::new(stripe, Arc::new(SystemClock))?)
        }
    };
    let ground = Ground {
        store: store.clone(),
        ids: Arc::new(SystemIds),
        provider,
        metrics: metrics.clone(),
        drain: drain.clone(),
    };
    Ok(Retail::new(
        ground,
        retail::Settings {
            currency: settings.currency,
            reservation: settings.orders.reservation,
            // The provider's own client gives up at its timeout; this is for one that does not.
            provider_timeout: payments.timeout + Duration::from_millis(500),
            webhook_secret: payments.stripe.webhook_secret.clone(),
        },
    ))
}

/// Resolves with the first SIGTERM or SIGINT.
pub async fn signalled() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: finishing what is under way"),
        _ = interrupt.recv() => tracing::info!("interrupted: finishing what is under way"),
    }
    Ok(())
}
