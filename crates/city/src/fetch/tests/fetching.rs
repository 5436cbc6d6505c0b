use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kernel::{Limit, SystemIds};
use telemetry::Metrics;
use tempfile::TempDir;
use web::Drain;

use super::portal::{Act, Portal};
use crate::archive::imports::{self, State};
use crate::fetch::{self, FetchError, Fetched};
use crate::input::Limits;
use crate::testing::{World, on_both_engines};
use crate::{City, Ground, MetricType, Settings};

/// One counter's hour.
const FILE: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de comptage;\
    Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
    Lien vers photo du site de comptage;Coordonnées géographiques\n\
    1-1;Compteur;1;Site;12;2026-02-28T08:00:00+01:00;2020-01-01;;48.86,2.35\n";

/// A stall that fetches bicycle counts from a portal.
struct Hall {
    city: City,
    metrics: Metrics,
    drain: Drain,
    _folder: TempDir,
}

fn hall(world: &World, portal: &Portal, schedule: Option<&str>) -> Result<Hall> {
    let (metrics, drain, folder) = (Metrics::new(), Drain::new(), TempDir::new()?);
    let ground = Ground {
        store: world.store.clone(),
        ids: Arc::new(SystemIds),
        metrics: metrics.clone(),
        drain: drain.clone(),
    };
    let address = portal.url("/export?since={du}");
    let settings = Settings {
        environment: "test".to_owned(),
        folder: folder.path().to_owned(),
        inbox: None,
        upload_limit: 1 << 20,
        limits: Limits { threads: 1, ..Limits::default() },
        fetch: fetch::Settings {
            portals: BTreeMap::from([(MetricType::Bikes, fetch::Portal { address, key: None })]),
            schedule: schedule.map(str::parse).transpose().map_err(anyhow::Error::msg)?,
            timeout: Duration::from_millis(500),
            ..fetch::Settings::default()
        },
    };
    Ok(Hall { city: City::new(ground, settings), metrics, drain, _folder: folder })
}

async fn fetched(hall: &Hall) -> Result<Fetched, FetchError> {
    hall.city.fetch(MetricType::Bikes, Arc::new(())).await
}

on_both_engines! {
    what_is_new_is_taken_in_once,
    a_file_that_cannot_be_taken_in_is_asked_for_again,
}

async fn what_is_new_is_taken_in_once(world: World) -> Result<()> {
    let file = Act::ok(FILE).with("etag", "\"v1\"");
    let portal = Portal::start(&[file, Act::status(304), Act::status(404)]).await;
    let hall = hall(&world, &portal, None)?;

    let Fetched::Imported(outcome) = fetched(&hall).await? else { anyhow::bail!("a file") };
    assert_eq!((outcome.tally.kept, outcome.changed), (1, 1));
    world.at(3_600);
    ensure!(matches!(fetched(&hall).await?, Fetched::Unchanged));
    world.at(7_200);
    ensure!(matches!(fetched(&hall).await, Err(FetchError::Download(_))));

    let asked = portal.asked();
    ensure!(asked[0].starts_with("get /export?since=2026-02-21 "), "eight days back: {}", asked[0]);
    ensure!(!asked[0].contains("if-none-match") && asked[1].contains("if-none-match: \"v1\""), "{asked:?}");
    ensure!(asked[2].contains("if-none-match: \"v1\""), "{asked:?}");
    let printed = hall.metrics.encode();
    for line in [
        "city_imports_total{type=\"bikes\",outcome=\"done\"} 1",
        "city_rows_total{type=\"bikes\",outcome=\"kept\"} 1",
        "city_days_published_total{type=\"bikes\"} 1",
        "city_import_seconds_count 1",
        "city_fetches_total{type=\"bikes\",outcome=\"failed\"} 1",
        "city_fetches_total{type=\"bikes\",outcome=\"unchanged\"} 1",
    ] {
        ensure!(printed.contains(line), "{line} in {printed}");
    }
    Ok(())
}

async fn a_file_that_cannot_be_taken_in_is_asked_for_again(world: World) -> Result<()> {
    let page = Act::ok("<html><body>maintenance</body></html>").with("etag", "\"bad\"");
    let portal = Portal::start(&[page, Act::ok(FILE)]).await;
    let hall = hall(&world, &portal, None)?;
    let error = fetched(&hall).await.err().context("a page is no file")?;
    ensure!(error.to_string().contains("HTML"), "{error}");
    world.at(60);
    ensure!(matches!(fetched(&hall).await?, Fetched::Imported(_)));
    ensure!(!portal.asked()[1].contains("if-none-match"), "a file that did not count is not known");
    let page = world.read(|tx| imports::list(tx, Limit::default(), None)).await?;
    let states: Vec<State> = page.items.iter().map(|import| import.state).collect();
    assert_eq!(states, [State::Done, State::Failed]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_ask_at_once_one_asks() -> Result<()> {
    let world = World::sqlite()?;
    let portal = Portal::start(&[Act::ok(FILE)]).await;
    let (one, other) = (hall(&world, &portal, None)?, hall(&world, &portal, None)?);
    let (one, other) = tokio::join!(fetched(&one), fetched(&other));
    let asked = [one?, other?].iter().filter(|one| matches!(one, Fetched::Imported(_))).count();
    assert!(asked >= 1 && portal.asked().len() == asked, "{asked} of {}", portal.asked().len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_asks_by_itself_and_stops_with_the_server() -> Result<()> {
    let world = World::sqlite()?;
    let portal = Portal::start(&[Act::ok(FILE)]).await;
    let hall = hall(&world, &portal, Some("6h"))?;
    let working = tokio::spawn({
        let city = hall.city.clone();
        async move { city.work(true).await }
    });
    super::soon(|| {
        hall.metrics.encode().contains("city_fetches_total{type=\"bikes\",outcome=\"imported\"} 1")
    })
    .await;
    hall.drain.start();
    tokio::time::timeout(Duration::from_secs(10), working).await??;
    assert_eq!(portal.asked().len(), 1, "it is not due again");
    Ok(())
}

#[tokio::test]
async fn a_type_without_a_portal_names_its_key() -> Result<()> {
    let world = World::sqlite()?;
    let portal = Portal::start(&[Act::status(500)]).await;
    let hall = hall(&world, &portal, None)?;
    let error = hall.city.fetch(MetricType::Works, Arc::new(())).await.err().context("there is none")?;
    ensure!(error.to_string().ends_with("see the key city.fetch.chantiers"), "{error}");
    Ok(())
}
