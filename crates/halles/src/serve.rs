//! `halles serve`: everything put together. Nothing else knows all stalls.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use city::City;
use kernel::{SystemClock, SystemIds};
use offers::Offers;
use retail::payment::provider::PaymentProvider;
use retail::payment::simulated::Simulated;
use retail::payment::stripe::{StripeProvider, StripeSettings};
use retail::{Ground, Retail};
use store::{Engine, Sabotage, Store};
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::{Api, Drain, ExampleCall, ServerOptions, System};

use crate::config::check_exposure;
use crate::config::{PaymentProvider as Provider, Settings, Stall};
use crate::output::told;
use crate::product_stock::RetailStock;
use crate::{database, demo, housekeeping};

/// So long the work beside requests may take to end when the server stops: an import ends between two commands.
const WORK_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What the API says of itself.
const DESCRIPTION: &str = "A chain of shops in a city: stores and stock, sales, orders by saga, payments, personalised offers, the city's flow, events.";

/// The README's three calls of the stores, for the first page.
const ORDERS: [(&str, &str, &str); 3] = [
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

/// The city's day, for the first page.
const CITY: ExampleCall = ExampleCall {
    en: "The city's last day: bicycles, roads, works, weather",
    fr: "Le dernier jour de la ville : vélos, trafic, chantiers, météo",
    method: "GET",
    path: "/report/latest",
    body: "",
};

/// The calls that the first page shows: those of the stalls that this process runs.
fn examples(settings: &Settings) -> Vec<ExampleCall> {
    let order = |(en, fr, body)| ExampleCall { en, fr, method: "POST", path: "/saga/commande/", body };
    let orders = ORDERS.map(order).into_iter().filter(|_| settings.runs(Stall::Retail));
    orders.chain(Some(CITY).filter(|_| settings.runs(Stall::City))).collect()
}

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
    let (app, offers, work) = assemble(&settings, &store, &metrics, &drain, alone).await?;
    tracing::info!("Halles answers on http://{address} – API at /docs, health at /health");
    crate::output::print(format_args!("listening on http://{address}\n"))?;
    let options = ServerOptions { drain_timeout: settings.http.drain, ..ServerOptions::default() };
    let drained = web::serve(listener, app, options, drain, stop).await;
    if drained.cut > 0 {
        tracing::warn!(cut = drained.cut, "connections were still busy and have been cut");
    }
    if let Some(offers) = offers {
        offers.finish().await;
    }
    // What goes on beside requests writes down how far it has come, and lets go of what it holds.
    if tokio::time::timeout(WORK_ENDS_WITHIN, work).await.is_err() {
        tracing::warn!("the work beside requests did not end in time and has been cut");
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    tracing::info!("stopped");
    Ok(())
}

/// The stalls that this process runs.
pub struct Stalls {
    /// The stores.
    pub retail: Option<Retail>,
    /// Personalised offers.
    pub offers: Option<Offers>,
    /// The city's flow.
    pub city: Option<City>,
}

/// Everything that can be called, and the stalls behind it.
pub fn api(
    settings: &Settings,
    store: &Store,
    metrics: &Metrics,
    drain: &Drain,
) -> anyhow::Result<(Api, Stalls)> {
    let mut stalls = Stalls { retail: None, offers: None, city: None };
    if settings.runs(Stall::Retail) {
        stalls.retail = Some(retail(settings, store, metrics, drain)?);
    }
    if settings.runs(Stall::Offers) {
        stalls.offers = Some(offers(settings, store, metrics, drain));
    }
    if settings.runs(Stall::City) {
        stalls.city = Some(crate::city::stall(settings, store, metrics, drain));
    }
    let mut api = Api::new("Halles", env!("CARGO_PKG_VERSION"), DESCRIPTION)
        .stall(system(settings, store, metrics, stalls.offers.clone()).routes())
        .stall(web::events::routes(store, drain));
    if let Some(retail) = &stalls.retail {
        api = api.stall(retail.routes());
    }
    if let Some(offers) = &stalls.offers {
        api = api.stall(offers.routes());
    }
    if let Some(city) = &stalls.city {
        api = api.stall(city.routes());
    }
    Ok((api, stalls))
}

/// The application, its background work started.
async fn assemble(
    settings: &Settings,
    store: &Store,
    metrics: &Metrics,
    drain: &Drain,
    alone: bool,
) -> anyhow::Result<(web::App, Option<Offers>, JoinHandle<()>)> {
    let (api, stalls) = api(settings, store, metrics, drain)?;
    let offers = stalls.offers.clone();
    let (demo, store_of_stalls, currency) = (settings.demo, store.clone(), settings.currency);
    let work = if store.health().ready {
        start(&stalls, &store_of_stalls, demo, currency, alone).await?;
        tokio::spawn(work(stalls, demo, alone))
    } else {
        let stopping = drain.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = store_of_stalls.opened() => {}
                () = stopping.started() => return,
            }
            if let Err(error) = start(&stalls, &store_of_stalls, demo, currency, alone).await {
                // As when the database had been there from the start: nothing is served on data that does not fit.
                tracing::error!(error = told(&error), "a stall cannot start; ending");
                std::process::exit(1);
            }
            Box::pin(work(stalls, demo, alone)).await;
        })
    };
    tokio::spawn(housekeeping::watch_cursors(store.clone(), drain.clone(), metrics.clone()));
    tokio::spawn(housekeeping::work(store.clone(), drain.clone(), settings.events.retention_days));
    Ok((api.build(&web_settings(settings), metrics)?, offers, work))
}

/// What goes on beside requests, until the server stops.
async fn work(stalls: Stalls, demo: bool, alone: bool) {
    let retail = async {
        if let Some(retail) = &stalls.retail {
            retail.work(alone).await;
        }
    };
    let offers = async {
        if let Some(offers) = &stalls.offers {
            offers.work().await;
        }
    };
    let city = async {
        if let Some(city) = &stalls.city {
            // The invented city takes a second or two to take in, and nobody waits for it.
            let demo = async {
                if demo {
                    demo::load_city(city).await;
                }
            };
            tokio::join!(city.work(alone), demo);
        }
    };
    tokio::join!(retail, offers, city);
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

async fn start(
    stalls: &Stalls,
    store: &Store,
    demo: bool,
    currency: kernel::Currency,
    alone: bool,
) -> anyhow::Result<()> {
    if let Some(retail) = &stalls.retail {
        retail.open().await.map_err(|error| anyhow::anyhow!("{}", kernel::Problem::from(error).detail))?;
    }
    if demo {
        demo::load(store, currency).await?;
    }
    if let Some(offers) = &stalls.offers {
        offers.open().await?;
    }
    if let Some(city) = &stalls.city {
        city.open(alone);
    }
    Ok(())
}

fn system(settings: &Settings, store: &Store, metrics: &Metrics, offers: Option<Offers>) -> System {
    let store = store.clone();
    System {
        version: env!("CARGO_PKG_VERSION"),
        environment: settings.environment.clone(),
        metrics: metrics.clone(),
        store: Arc::new(move || {
            let health = store.health();
            // Whoever is sent here before the index is loaded would only be sent away.
            store::Health { ready: health.ready && offers.as_ref().is_none_or(Offers::is_ready), ..health }
        }),
        examples: examples(settings),
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

fn offers(settings: &Settings, store: &Store, metrics: &Metrics, drain: &Drain) -> Offers {
    let chosen = &settings.offers;
    let ground = offers::Ground {
        store: store.clone(),
        ids: Arc::new(SystemIds),
        stock: Arc::new(RetailStock),
        metrics: metrics.clone(),
        drain: drain.clone(),
    };
    let ranking = offers::rank::Settings {
        policy: chosen.policy,
        policies: offers::learn::PolicySettings { epsilon: chosen.epsilon, ..Default::default() },
        rewards: offers::engagement::Rewards {
            click: chosen.rewards.click,
            add_to_cart: chosen.rewards.add_to_cart,
            redemption: chosen.rewards.redemption,
        },
        seed: chosen.seed,
    };
    let kept = Duration::from_hours(24 * u64::from(chosen.decisions.retention_days));
    Offers::new(ground, offers::Settings { currency: settings.currency, ranking, decisions_kept: kept })
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
