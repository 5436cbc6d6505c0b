//! `halles city`: open data in, reports and findings out, beside a server or without one.

pub mod fetch;
pub mod import;
mod open;
pub mod read;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use city::fetch::Portal;
use city::{City, Ground, MetricType};
use kernel::SystemIds;
use store::Store;
use telemetry::Metrics;
use web::Drain;

use crate::config::Settings;

/// The folder for files on their way in, when none is configured.
const INCOMING: &str = "incoming";

/// The city stall on a store.
pub fn stall(settings: &Settings, store: &Store, metrics: &Metrics, drain: &Drain) -> City {
    let ground = Ground {
        store: store.clone(),
        ids: Arc::new(SystemIds),
        metrics: metrics.clone(),
        drain: drain.clone(),
    };
    City::new(ground, city_settings(settings))
}

fn city_settings(settings: &Settings) -> city::Settings {
    let chosen = &settings.city;
    let defaults = city::input::Limits::default();
    let threads = if chosen.threads > 0 { chosen.threads } else { defaults.threads };
    city::Settings {
        environment: settings.environment.clone(),
        folder: chosen.incoming.clone().unwrap_or_else(|| settings.data.join(INCOMING)),
        inbox: chosen.inbox.clone(),
        upload_limit: chosen.upload_limit,
        limits: city::input::Limits { threads, memory: chosen.memory, ..defaults },
        fetch: city::fetch::Settings {
            portals: portals(settings),
            schedule: chosen.fetch.schedule,
            days: chosen.fetch.days,
            timeout: chosen.fetch.timeout,
            max_bytes: chosen.fetch.max_bytes,
        },
    }
}

/// The portals that have an address, and a key where they want one.
fn portals(settings: &Settings) -> BTreeMap<MetricType, Portal> {
    let fetch = &settings.city.fetch;
    let address = |kind: MetricType| match kind {
        MetricType::Bikes => &fetch.bikes,
        MetricType::Roads => &fetch.comptages,
        MetricType::Transit => &fetch.traffic,
        MetricType::Weather => &fetch.weather,
        MetricType::Works => &fetch.chantiers,
        MetricType::Reference => &fetch.referentiel,
    };
    let portal = |kind: MetricType| {
        let key = fetch.traffic_key.clone().filter(|_| kind == MetricType::Transit);
        let usable = !address(kind).is_empty() && (kind != MetricType::Transit || key.is_some());
        usable.then(|| (kind, Portal { address: address(kind).clone(), key }))
    };
    MetricType::ALL.into_iter().filter_map(portal).collect()
}
