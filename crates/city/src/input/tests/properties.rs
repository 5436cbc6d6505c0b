//! What must not matter: the order of rows, blocks, threads, memory, how rows are spread over files.

use proptest::prelude::*;

use super::*;
use crate::hours::{Reading, State};

/// A row: sensor, hour, flow, and what its sensor is called, if anything is said of it; some rows are rejected.
type Row = (u8, u16, i8, Named);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Named {
    Usual,
    Other,
    Nothing,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let named = prop_oneof![8 => Just(Named::Usual), 1 => Just(Named::Other), 1 => Just(Named::Nothing)];
    proptest::collection::vec((0..5_u8, 0..200_u16, 0..4_i8, named), 1..150)
}

fn written((sensor, hour, flow, named): Row) -> String {
    // Around a change of the clock, so that days have 23, 24 and 25 hours.
    let (day, hour) = (26 + hour / 24 % 5, hour % 24);
    let date = format!("2024-10-{day}T{hour:02}:00:00+00:00");
    let id = if sensor == 4 { String::new() } else { format!("{sensor}") };
    let flow = if flow == 3 { "x".to_owned() } else { flow.to_string() };
    let row = road(&id, &date, &flow, "12.5", "Fluide");
    match named {
        Named::Usual => row,
        Named::Other => row.replace("Rue-Nord", "\"Rue \"\"\nNord\"\"\""),
        Named::Nothing => format!("{id};;{date};{flow};12.5;Fluide;;;;;Invalide;;;;\r\n"),
    }
}

fn text(rows: &[Row]) -> String {
    rows.iter().copied().map(written).collect()
}

/// Everything that must be equal.
type Result_ = (Found, Said, [u64; 5]);

fn outcome(sources: &[Source], limits: &Limits) -> Result_ {
    let read = read(MetricType::Roads, sources, limits, &()).unwrap();
    let tally = &read.tally;
    let counts = [tally.read, tally.kept, tally.duplicates, tally.conflicts, tally.rejected_rows()];
    (hours(&read), said(&read), counts)
}

fn one(rows: &[Row]) -> Vec<Source> {
    vec![source("file", format!("{ROADS}{}", readable(rows)))]
}

/// Enough good rows that no file is refused as senseless.
fn readable(rows: &[Row]) -> String {
    let good: String = (0..=rows.len()).map(|_| written((0, 0, 0, Named::Usual))).collect();
    good + &text(rows)
}

/// The same by other means: a general reader of CSV, the time zone database, a float.
fn plainly(text: &str) -> Found {
    let mut found = Found::new();
    let mut rows = csv::ReaderBuilder::new().delimiter(b';').flexible(true).from_reader(text.as_bytes());
    for row in rows.records().map(Result::unwrap) {
        let (id, flow) = (&row[0], row[3].parse::<f64>());
        let (Ok(flow), false) = (flow, id.is_empty()) else { continue };
        let at = row[2].parse::<kernel::Timestamp>().unwrap();
        let slot = (at.micros() - at.paris_day().start().micros()) / 3_600_000_000;
        #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
        let flow = Some((flow * 1000.0) as i32);
        let reading = Reading { flow, occupancy: Some(1_250_000), state: State::Free };
        let hours = found.entry((at.paris_day().to_string(), id.to_owned())).or_default();
        hours.add(usize::try_from(slot).unwrap(), reading);
    }
    found
}

/// The same of what is said: of each day and sensor the latest row that says anything, then the greatest text.
fn plainly_said(rows: &[Row]) -> BTreeMap<(String, String), (usize, String)> {
    let mut said: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for (sensor, hour, flow, named) in rows {
        let name = match named {
            Named::Usual => "Rue-Nord",
            Named::Other => "Rue \"\nNord\"",
            Named::Nothing => continue,
        };
        if *sensor == 4 || *flow == 3 {
            continue;
        }
        let date = format!("2024-10-{}T{:02}:00:00+00:00", 26 + hour / 24 % 5, hour % 24);
        let at = date.parse::<kernel::Timestamp>().unwrap();
        let slot = (at.micros() - at.paris_day().start().micros()) / 3_600_000_000;
        let row = (usize::try_from(slot).unwrap(), name.to_owned());
        let best =
            said.entry((at.paris_day().to_string(), sensor.to_string())).or_insert_with(|| row.clone());
        *best = row.max(best.clone());
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn blocks_threads_and_memory_do_not_matter(
        rows in rows(),
        block in 1..4000_usize,
        threads in 1..5_usize,
        memory in prop_oneof![Just(0_usize), Just(20_000), Just(1 << 20)],
    ) {
        let base = Limits { threads: 1, block: 1 << 20, ..limits() };
        let all = one(&rows);
        let expected = read(MetricType::Roads, &all, &base, &()).unwrap();
        let found = read(MetricType::Roads, &all, &Limits { threads, memory, block, ..base }, &()).unwrap();
        prop_assert_eq!(hours(&found), hours(&expected));
        prop_assert_eq!(said(&found), said(&expected));
        prop_assert_eq!(found.tally, expected.tally);
    }

    #[test]
    fn what_is_found_is_what_a_plain_reader_finds(rows in rows()) {
        let text = format!("{ROADS}{}", readable(&rows));
        let found = read_one(MetricType::Roads, text.clone()).unwrap();
        prop_assert_eq!(hours(&found), plainly(&text));
        let upstream = |about: About| about.upstream.unwrap().name;
        let told: BTreeMap<_, _> =
            said(&found).into_iter().map(|(of, (slot, about))| (of, (slot, upstream(about)))).collect();
        let first = std::iter::once((0, 0, 0, Named::Usual)).chain(rows.iter().copied());
        prop_assert_eq!(told, plainly_said(&first.collect::<Vec<_>>()));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows(), turn in 0..150_usize) {
        let mut other = rows.clone();
        other.reverse();
        other.rotate_left(turn % rows.len());
        prop_assert_eq!(outcome(&one(&other), &limits()), outcome(&one(&rows), &limits()));
    }

    #[test]
    fn two_files_are_as_good_as_one(rows in rows(), at in 0..150_usize) {
        let (first, second) = rows.split_at(at % rows.len());
        let [first, second] = [first, second].map(|rows| one(rows).remove(0));
        let (found, sensors, [.., conflicts, rejected]) = outcome(&[first, second], &limits());
        let (expected, known, [.., conflicting, refused]) = outcome(&one(&rows), &limits());
        prop_assert_eq!((found, sensors, conflicts, rejected), (expected, known, conflicting, refused));
    }

    #[test]
    fn rows_told_twice_count_once(rows in rows()) {
        let twice = [rows.clone(), rows.clone()].concat();
        let (found, sensors, [_, kept, _, conflicts, _]) = outcome(&one(&twice), &limits());
        let (expected, known, [_, once, _, conflicting, _]) = outcome(&one(&rows), &limits());
        prop_assert_eq!((found, sensors, kept, conflicts), (expected, known, once, conflicting));
    }

    #[test]
    fn a_damaged_file_is_damaged_at_the_same_line_whatever_the_blocks(
        rows in rows(),
        cut in 0.1..1.0_f64,
        block in 1..4000_usize,
        threads in 1..5_usize,
    ) {
        let whole = format!("{ROADS}{}", readable(&rows));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a test")]
        let length = (whole.len() as f64 * cut) as usize;
        let data = [source("file", &whole.as_bytes()[..length])];
        let base = Limits { threads: 1, block: 1 << 20, ..limits() };
        let tell = |limits: &Limits| {
            read(MetricType::Roads, &data, limits, &()).map(|read| read.tally).map_err(|error| error.to_string())
        };
        prop_assert_eq!(tell(&Limits { threads, block, ..base.clone() }), tell(&base));
    }

    #[test]
    fn quotes_and_line_ends_anywhere_are_told_alike_whatever_the_blocks(
        rows in rows(),
        strewn in proptest::collection::vec((any::<proptest::sample::Index>(), 0..4_usize), 1..4),
        block in 1..4000_usize,
        threads in 1..5_usize,
    ) {
        let mut text = readable(&rows).into_bytes();
        for (place, what) in strewn {
            let place = place.index(text.len());
            text.splice(place..place, [&b"\""[..], b"\r", b"\"\"", b"\n"][what].iter().copied());
        }
        let data = [source("file", [ROADS.as_bytes(), &text].concat())];
        let base = Limits { threads: 1, block: 1 << 20, ..limits() };
        let tell = |limits: &Limits| {
            let told = read(MetricType::Roads, &data, limits, &());
            told.map(|read| (hours(&read), said(&read), read.tally)).map_err(|error| error.to_string())
        };
        prop_assert_eq!(tell(&Limits { threads, block, ..base.clone() }), tell(&base));
    }

    #[test]
    fn nothing_panics_on_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..600), kind in 0..6_usize) {
        let _ = read_one(MetricType::ALL[kind], data.clone());
        let _ = read_one(MetricType::ALL[kind], [BIKES.as_bytes(), &data].concat());
        let _ = read_one(MetricType::ALL[kind], [ROADS.as_bytes(), &data].concat());
    }
}
