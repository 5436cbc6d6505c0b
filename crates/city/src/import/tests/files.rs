//! Imports of files, from beginning to end.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use kernel::{Limit, SystemIds};

use super::super::{Importer, Outcome, Watch};
use super::*;
use crate::MetricType;
use crate::archive::answers;
use crate::archive::imports;
use crate::input::{InputError, Limits, Progress, Reason, Source};
use crate::quality::Kind;
use crate::testing::on_both_engines;

on_both_engines!(
    a_file_becomes_days,
    all_types_of_the_demo_are_taken_in_and_then_known,
    a_damaged_file_leaves_everything_as_it_was,
    nothing_is_measured_before_it_happens,
    imports_of_one_process_take_turns,
);

const HEADER: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de \
                      comptage;Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;Lien \
                      vers photo du site de comptage;Coordonnées géographiques";

/// A file of one counter: at each hour of the day so many.
fn csv(date: &str, counts: &[u32]) -> Source {
    let mut text = format!("{HEADER}\n");
    for (hour, count) in counts.iter().enumerate() {
        writeln!(text, "7-8;12 rue X;7;12 rue X;{count};{date}T{hour:02}:00:00+01:00;2020-01-01;;48.85,2.35")
            .unwrap();
    }
    Source::Bytes { name: format!("velo {date}.csv"), data: text.into() }
}

fn importer(world: &World) -> Importer {
    Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), Limits::default())
}

async fn import(importer: &Importer, source: Source) -> Result<Outcome, ImportError> {
    importer.run(MetricType::Bikes, vec![source], Arc::new(())).await
}

/// Remembers what it is told.
#[derive(Default)]
struct Told {
    bytes: AtomicU64,
    days: Mutex<Vec<(u64, u64)>>,
}

impl Progress for Told {
    fn begin(&self, _: u64) {}

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Watch for Told {
    fn published(&self, done: u64, all: u64) {
        self.days.lock().unwrap().push((done, all));
    }
}

async fn a_file_becomes_days(world: World) -> Result<()> {
    let (importer, told) = (importer(&world), Arc::new(Told::default()));
    let sources = vec![csv("2024-02-01", &[1, 2, 3]), csv("2024-02-02", &[4, 5, 5])];
    let outcome = importer.run(MetricType::Bikes, sources, Arc::<Told>::clone(&told)).await?;
    assert_eq!((outcome.days, outcome.changed, outcome.tally.kept), (2, 2, 6));
    assert_eq!(*told.days.lock().unwrap(), [(1, 2), (2, 2)]);
    assert!(told.bytes.load(Ordering::Relaxed) > 100);
    let written = world.read(move |tx| imports::get(tx, outcome.id)).await?.unwrap();
    assert_eq!((written.state, written.error), (imports::State::Done, None));
    assert_eq!((written.days_done, written.days_all, written.days_changed), (2, 2, 2));
    assert_eq!(written.tally.as_ref(), Some(&outcome.tally));
    assert_eq!(written.source, "velo 2024-02-01.csv, velo 2024-02-02.csv");
    let again = importer.run(MetricType::Bikes, vec![csv("2024-02-02", &[4, 5, 5])], Arc::new(())).await?;
    assert_eq!(again.changed, 0);
    assert_eq!(published(&world).await?, 2);
    world.at(60);
    let corrected = import(&importer, csv("2024-02-02", &[4, 6])).await?;
    assert_eq!(corrected.changed, 1);
    let date = "2024-02-02".parse().unwrap();
    let versions = world.read(move |tx| queries::versions(tx, MetricType::Bikes, date, None, 9)).await?;
    let changes = versions[0].changes.unwrap();
    assert_eq!((changes.total_before, changes.total_after), (Some(14.0), 15.0));
    assert_eq!((changes.hours_changed, changes.hours_added), (1, 0));
    Ok(())
}

async fn all_types_of_the_demo_are_taken_in_and_then_known(world: World) -> Result<()> {
    let importer = importer(&world);
    let last: Day = "2026-02-28".parse().unwrap();
    // Three weeks would do; the whole of it is what people see.
    for (kind, source) in crate::demo::files(last) {
        let outcome = importer.run(kind, vec![source.clone()], Arc::new(())).await?;
        assert!(outcome.changed > 0, "{kind}: {outcome:?}");
        let again = importer.run(kind, vec![source], Arc::new(())).await?;
        assert_eq!(again.changed, 0, "{kind}");
    }
    let stats = world.read(move |tx| queries::stats(tx, last)).await?;
    for of in stats.iter().filter(|of| of.kind != MetricType::Reference) {
        assert!(of.count > 0, "{of:?}");
    }
    let records = world.read(move |tx| answers::records(tx, MetricType::Works, last, None)).await?;
    assert!(records.is_some_and(|records| !records.is_empty()));
    Ok(())
}

async fn a_damaged_file_leaves_everything_as_it_was(world: World) -> Result<()> {
    let importer = importer(&world);
    import(&importer, csv("2024-02-01", &[1, 2, 3])).await?;
    let before = state(&world, SensorType::Bikes).await?;
    world.at(1);
    let Source::Bytes { data, .. } = csv("2024-02-01", &[9, 9, 9]) else { unreachable!() };
    let damaged = [&data[..], b"7-8;\"12 rue X;7;1"].concat();
    let source = Source::Bytes { name: "cut.csv".to_owned(), data: damaged.into() };
    let failed = import(&importer, source).await;
    assert!(matches!(failed, Err(ImportError::Input(InputError::Damaged { line: 5, .. }))), "{failed:?}");
    assert_eq!(state(&world, SensorType::Bikes).await?, before);
    let last = world.read(|tx| imports::list(tx, Limit::new(1).unwrap(), None)).await?;
    assert_eq!(last.items[0].state, imports::State::Failed);
    assert!(last.items[0].error.as_ref().is_some_and(|error| error.contains("cut.csv, line 5")));
    let repeated = import(&importer, csv("2024-02-03", &[7, 7])).await?;
    assert!(repeated.findings.is_clean(), "{:?}", repeated.findings);
    let twice = vec![csv("2024-02-04", &[7]), csv("2024-02-04", &[8])];
    let twice = importer.run(MetricType::Bikes, twice, Arc::new(())).await?;
    assert_eq!(twice.findings.counts.get(&Kind::Conflict), Some(&1));
    Ok(())
}

async fn nothing_is_measured_before_it_happens(world: World) -> Result<()> {
    let importer = importer(&world);
    let tomorrow = import(&importer, csv("2026-03-02", &[1])).await?;
    assert_eq!((tomorrow.days, tomorrow.tally.rejected_rows()), (1, 0));
    world.at(1);
    let failed = import(&importer, csv("2026-03-03", &[1, 2])).await;
    let reason = Reason::Future;
    assert!(
        matches!(&failed, Err(ImportError::Input(InputError::NothingKept { rows: 2, reason: why, .. })) if *why == reason),
        "{failed:?}"
    );
    let last = world.read(|tx| imports::list(tx, Limit::new(1).unwrap(), None)).await?;
    assert!(last.items[0].error.as_ref().is_some_and(|error| error.contains("an hour in the future")));
    Ok(())
}

async fn imports_of_one_process_take_turns(world: World) -> Result<()> {
    let importer = importer(&world);
    let mut all = tokio::task::JoinSet::new();
    for hour in 0..6 {
        let importer = importer.clone();
        let counts: Vec<u32> = (0..=hour).collect();
        all.spawn(async move { import(&importer, csv("2024-02-01", &counts)).await });
    }
    while let Some(ended) = all.join_next().await {
        ended??;
    }
    let state = state(&world, SensorType::Bikes).await?;
    let hours = state.0.values().next().unwrap().facts["7-8"].0;
    assert_eq!(
        hours.iter().map(|(_, reading)| reading.flow.unwrap()).collect::<Vec<_>>(),
        [0, 1_000, 2_000, 3_000, 4_000, 5_000]
    );
    Ok(())
}
