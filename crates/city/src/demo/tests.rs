#![expect(clippy::unwrap_used, reason = "tests")]

use kernel::SystemIds;
use web::Drain;

use super::*;
use crate::import::Importer;
use crate::input::Limits;
use crate::report;
use crate::testing::{World, after_noon};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn texts(last: Day) -> Vec<String> {
    let text = |source| match source {
        Source::Bytes { data, .. } => String::from_utf8(data.to_vec()).unwrap(),
        Source::File(_) | Source::Spooled { .. } => panic!("it is made here"),
    };
    files(last).into_iter().map(|(_, source)| text(source)).collect()
}

#[test]
fn the_same_day_gives_the_same_files_and_another_others() {
    let last = day("2026-03-01");
    assert_eq!(texts(last), texts(last));
    assert_ne!(texts(last), texts(last.plus(1)));
}

#[test]
fn a_day_is_told_alike_by_the_files_of_today_and_tomorrow() {
    let (today, tomorrow) = (texts(day("2026-03-01")), texts(day("2026-03-02")));
    let rows = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains(";2026-02-10T")).map(str::to_owned).collect()
    };
    for (today, tomorrow) in today.iter().zip(&tomorrow).skip(1).take(2) {
        assert!(rows(today).len() > 250, "{}", rows(today).len());
        assert_eq!(rows(today), rows(tomorrow));
    }
}

#[test]
fn everything_says_that_it_is_invented() {
    for text in texts(day("2026-03-01")) {
        assert!(text.contains("invent"), "{}", &text[..200]);
    }
}

/// What one type's file becomes when it is read.
fn read(kind: MetricType) -> crate::input::Read {
    let (_, source) = files(day("2026-03-31")).into_iter().find(|(known, _)| *known == kind).unwrap();
    crate::input::read(kind, &[source], &crate::input::Limits::default(), &()).unwrap()
}

#[test]
fn every_file_is_read_to_its_end_and_only_what_is_meant_is_wrong() {
    // The clock goes forward on 2026-03-29: that day has an hour less, in which one counter has no gap.
    let hours = i64::from(DAYS) * 24 - 1;
    for (kind, kept, rejected, duplicates) in [
        (MetricType::Bikes, 12 * hours - 5, 3, 3),
        (MetricType::Roads, 24 * hours, 0, 0),
        (MetricType::Weather, i64::from(DAYS), 0, 0),
        (MetricType::Works, 15, 0, 0),
        (MetricType::Transit, 13, 0, 0),
        (MetricType::Reference, 24, 0, 0),
    ] {
        let tally = read(kind).tally;
        assert_eq!(
            (tally.kept.cast_signed(), tally.rejected_rows(), tally.duplicates, tally.conflicts),
            (kept, rejected, duplicates, 0),
            "{kind}: {tally:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_counters_are_astray_and_those_that_are_meant_are_found() -> anyhow::Result<()> {
    for last in ["2026-03-01", "2025-06-17"].map(day) {
        let world = World::sqlite()?;
        let importer = Importer::new(
            world.store.clone(),
            std::sync::Arc::new(SystemIds),
            Drain::new(),
            Limits::default(),
        );
        let counts = files(last).into_iter().filter(|(kind, _)| *kind == MetricType::Bikes);
        let counts = counts.map(|(_, source)| source).collect();
        importer.run(MetricType::Bikes, counts, std::sync::Arc::new(())).await?;
        let mut others = 0;
        for back in 0..7 {
            let on = last.plus(-back);
            let report = world.read(move |tx| report::read(tx, on, None, after_noon(0))).await?.unwrap();
            let ids: Vec<&str> = report.anomalies.iter().map(|anomaly| anomaly.id.as_str()).collect();
            let is_found = ids.contains(&"900000004-901000004");
            assert_eq!(is_found, back == 3, "{on}: {ids:?}");
            // Two have failed, which is one reason to count otherwise than usual.
            let failing = |id: &&str| report.failing.iter().any(|sensor| sensor.id() == *id);
            others += ids.iter().filter(|id| !failing(id)).count() - usize::from(is_found);
        }
        assert!(others <= 1, "of 84 days of counters {others} are told without a reason");
    }
    Ok(())
}
