//! Imports on real stores: what becomes of facts, however they come.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cut_off;
mod files;
mod orders;
mod records;
mod together;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use flate2::read::GzDecoder;
use kernel::Day;
use proptest::prelude::*;
use store::log;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use uuid::Uuid;
use web::Drain;

use super::ImportError;
use super::days::Days;
use super::ground::Ground;
use crate::archive::commands::day::DAY_READY;
use crate::archive::commands::register::Sighting;
use crate::archive::{self, SensorFacts, SensorType, queries};
use crate::hours::{Hours, Reading};
use crate::input::SensorOfDay;
use crate::sensor::{About, Described, Point};
use crate::testing::World;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Lets so many commands run, and none after them: what a process that is killed looks like from the store.
#[derive(Clone)]
pub(super) struct Fuse(Arc<(AtomicI64, Notify)>);

impl Default for Fuse {
    fn default() -> Self {
        Self::of(i64::MAX)
    }
}

impl Fuse {
    fn of(commands: i64) -> Self {
        Self(Arc::new((AtomicI64::new(commands), Notify::new())))
    }

    /// Before each command.
    pub(super) async fn burn(&self) {
        if self.0.0.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.0.1.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn burnt(&self) {
        self.0.1.notified().await;
    }
}

/// Flows, by sensor, day (from 2024-03-29 on) and hour of that day.
type Flows = BTreeMap<(u8, i8, u8), i32>;

/// Some hours of some sensors on three days, one of them with 23 hours. With forty sensors they fill several blocks.
fn flows() -> impl Strategy<Value = Flows> {
    proptest::collection::btree_map((0_u8..40, 0_i8..3, 0_u8..23), 0..100_000_i32, 0..60)
}

fn day(number: i8) -> Day {
    "2024-03-29".parse::<Day>().unwrap().plus(number.into())
}

/// What the row of a sensor says of it: some say nothing, and the others differ.
fn about(sensor: u8, slot: u8, flow: i32) -> About {
    if (sensor + slot).is_multiple_of(4) {
        return About::default();
    }
    let point = Point { lon: 2.3 + f64::from(sensor) / 1_000.0, lat: 48.8 };
    About { name: format!("s{sensor} {}", flow % 3), point: Some(point), ..About::default() }
}

/// Facts as a source gives them.
fn source(flows: &Flows) -> (Vec<Sighting>, Vec<(Day, Vec<SensorOfDay>)>) {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((sensor, _, slot), flow) in flows {
        let about = about(*sensor, *slot, *flow);
        let texts = texts.entry(format!("s{sensor}")).or_default();
        texts.extend((!about.is_empty()).then(|| about.to_text()));
    }
    let mut days: BTreeMap<Day, BTreeMap<String, SensorOfDay>> = BTreeMap::new();
    for ((sensor, number, slot), flow) in flows {
        let id = format!("s{sensor}");
        let (text, slot) = (about(*sensor, *slot, *flow).to_text(), usize::from(*slot));
        let number_of = texts[&id].iter().position(|known| *known == text);
        let of_day = SensorOfDay { id: id.clone(), hours: Hours::default(), described: None };
        let of_day = days.entry(day(*number)).or_default().entry(id).or_insert(of_day);
        let reading = Reading { flow: Some(*flow), occupancy: Some(flow * 90), ..Reading::default() };
        of_day.hours.set(slot, reading);
        if let Some(number) = number_of {
            // Slots of a sensor and day come in order.
            of_day.described = Some(Described { slot, number: number.try_into().unwrap() });
        }
    }
    let seen = texts.into_iter().flat_map(|(id, texts)| {
        let id: Arc<str> = id.into();
        let described: Vec<_> = texts.into_iter().map(|text| Some(text.into())).collect();
        let described = if described.is_empty() { vec![None] } else { described };
        described.into_iter().map(move |description| Sighting { id: Arc::clone(&id), description })
    });
    let days = days.into_iter().map(|(day, sensors)| (day, sensors.into_values().collect()));
    (seen.collect(), days.collect())
}

/// Imports flows as `number`; returns how many days changed.
async fn load(ground: &Ground, kind: SensorType, number: u128, flows: &Flows) -> Result<u64, ImportError> {
    let (seen, days) = source(flows);
    let mut publisher = Days::begin(ground, kind, Uuid::from_u128(number), seen).await?;
    let mut changed = 0;
    for (day, sensors) in days {
        changed += u64::from(publisher.correct(day, &sensors).await?);
    }
    Ok(changed)
}

fn ground(world: &World) -> Ground {
    Ground::new(world.store.clone(), Drain::new())
}

/// What is read of a type: of each day its totals, findings and pages, and its facts by the sensors' ids.
#[derive(Debug, PartialEq)]
struct State(BTreeMap<Day, Read>);

#[derive(Debug, PartialEq)]
struct Read {
    texts: [String; 3],
    pages: Vec<String>,
    /// What was measured, and what is said of the sensor, from which slot on.
    facts: BTreeMap<String, (Hours, Option<(usize, About)>)>,
}

async fn state(world: &World, kind: SensorType) -> Result<State> {
    let kind = kind.metric();
    world
        .read(move |tx| {
            let sensors = queries::sensors(tx, kind, 0, i64::MAX)?;
            let mut days = BTreeMap::new();
            for head in queries::range(tx, kind, (day(-100), day(100)), None)? {
                let version = queries::day(tx, kind, head.day, None)?.unwrap();
                let mut pages = Vec::new();
                for page in 0..head.pages {
                    let packed = queries::page(tx, kind, head.day, head.version, page)?.unwrap();
                    let mut text = String::new();
                    GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
                    pages.push(text);
                }
                let facts = queries::facts(tx, kind, head.day, head.version)?;
                let named: Vec<_> = archive::named(&facts).collect();
                let abouts = queries::descriptions(tx, kind, &named)?;
                let named = |(number, of_day): (i64, SensorFacts)| {
                    let about = of_day.described.map(|it| (it.slot, (*abouts[&(number, it.number)]).clone()));
                    (sensors[usize::try_from(number).unwrap()].id.clone(), (of_day.hours, about))
                };
                let facts = facts.into_iter().map(named).collect();
                let texts = [head.summary, version.totals, version.findings];
                days.insert(head.day, Read { texts, pages, facts });
            }
            Ok(State(days))
        })
        .await
}

/// How many versions have been published.
async fn published(world: &World) -> Result<usize> {
    Ok(world.read(|tx| log::after(tx, 0, Some(DAY_READY), i64::MAX)).await?.len())
}
