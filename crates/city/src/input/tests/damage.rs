//! Files that are damaged or something else: nothing of them counts, and the error says what to do.

use super::super::Reason;
use super::*;

fn file(rows: &str) -> Vec<u8> {
    format!("{BIKES}{rows}").into_bytes()
}

/// A row that is not UTF-8, as Windows would write it.
fn windows_row() -> Vec<u8> {
    let mut row = bike("c2", "2024-02-01T00:00:00+01:00", "5").replace("Quai c2", "Op?ra").into_bytes();
    for byte in &mut row {
        *byte = if *byte == b'?' { 0xE9 } else { *byte };
    }
    row
}

#[test]
fn no_text_at_all() {
    for (data, said) in [
        (Vec::new(), "file: the file is empty"),
        (b"\xEF\xBB\xBF \n".to_vec(), "file: the file is empty"),
        (
            b"<!DOCTYPE html><html>".to_vec(),
            "file: this is an HTML page, probably an error page of the portal",
        ),
        (b"\xFF\xFEI\0d\0".to_vec(), "file: this is UTF-16 text"),
        (b"PAR1abc".to_vec(), "file: this is a Parquet file"),
        (b"a\0b\0\0".to_vec(), "file: this is binary data"),
    ] {
        let error = error_of(data);
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn another_type() {
    let error = error_of(ROADS);
    assert_eq!(error, "file: this looks like data of type comptages, not bikes; import it as comptages");
    let error = error_of(r#"[{"iu_ac": "1", "q": 1, "k": null}]"#);
    assert!(error.contains("type comptages, not bikes"), "{error}");
    let error = error_of(r#"{"disruptions": []}"#);
    assert!(error.contains("type traffic, not bikes"), "{error}");
    let error = error_of("name;age\nx;1\n");
    assert!(error.contains("it has no column “Identifiant du compteur”, “Comptage horaire”"), "{error}");
    assert!(error.contains("it begins with \"name;age\""), "{error}");
    let error = error_of(r#"[{"a": 1}]"#);
    assert!(error.contains("it has no records with the fields of its API"), "{error}");
    let error = error_of(r#"{"error": "too many requests"}"#);
    assert!(error.contains("it has no list of records"), "{error}");
}

#[test]
fn another_encoding_is_told_with_the_first_line_that_shows_it() {
    let mut data = file(&good_rows(700));
    data.extend(windows_row());
    data.extend(good_rows(20).bytes());
    data.extend(windows_row());
    let error = error_of(data);
    assert!(error.starts_with("file, line 702: this is not UTF-8 text (probably Windows-1252"), "{error}");
    let header = BIKES.replace("Coordonnées", "Coordonn?es").into_bytes();
    let header: Vec<u8> = header.into_iter().map(|byte| if byte == b'?' { 0xE9 } else { byte }).collect();
    let error = error_of(header);
    assert!(error.starts_with("file, line 1: this is not UTF-8"), "{error}");
}

#[test]
fn cut_off_in_a_row() {
    let data = file(&good_rows(100));
    let error = error_of(&data[..data.len() - 40]);
    assert!(error.starts_with("file, line 101: the file ends in the middle of this record"), "{error}");
    let whole = read_one(MetricType::Bikes, &data[..data.len() - 1]).unwrap();
    assert_eq!(whole.tally.read, 100, "only the last line end is missing");
}

#[test]
fn cut_off_in_quotes() {
    let rows =
        (0..30).map(|hour| road("1", &format!("2024-02-0{}T10:00:00Z", hour % 9 + 1), "1", "1", "Fluide"));
    let data = format!("{ROADS}{}", rows.collect::<String>());
    let error = read_one(MetricType::Roads, &data.as_bytes()[..data.len() - 20]).unwrap_err().to_string();
    assert!(error.starts_with("file, line 31: the file ends in the middle of a quoted field"), "{error}");
    let error = error_of("\"Identifiant du compteur;Nom");
    assert!(error.starts_with("file, line 1: the file ends in the middle of a quoted field"), "{error}");
}

#[test]
fn a_line_that_does_not_end() {
    for (before, filling) in [(3, "x"), (300, "x"), (300, "\n"), (300, "\"\n\"")] {
        let mut rows = good_rows(before);
        rows.push_str(if filling == "\n" { "\"" } else { "" });
        rows.push_str(&filling.repeat(5000));
        let error = error_of(file(&rows));
        let said =
            format!("file, line {}: the record that begins here is longer than 4096 bytes", before + 2);
        assert!(error.starts_with(&said), "{error}");
    }
    let error = error_of("x".repeat(10_000));
    assert!(error.starts_with("file, line 1: the record that begins here is longer than 4096"), "{error}");
}

#[test]
fn of_a_huge_line_little_is_read() {
    let bar = Bar::default();
    let huge = source("huge", [BIKES.as_bytes(), &vec![b'x'; 32 << 20]].concat());
    let error = read(MetricType::Bikes, &[huge], &limits(), &bar).unwrap_err().to_string();
    assert!(error.starts_with("huge, line 2: the record that begins here"), "{error}");
    // The other thread may be as many blocks ahead as it ever is.
    assert!(bar.advanced() < 300_000, "{} bytes", bar.advanced());
}

/// Rows of as many counters, of which some are changed.
fn counters(count: usize, change: impl Fn(usize, String) -> String) -> Vec<u8> {
    let row = |row| change(row, bike(&format!("c{row}"), "2024-02-01T00:00:00Z", &row.to_string()));
    file(&(0..count).map(row).collect::<String>())
}

/// What is said of a sensor that has rows of one day.
fn name_of(read: &Read, id: &str) -> String {
    said(read).into_iter().find(|((_, of), _)| of == id).unwrap().1.1.name
}

#[test]
fn stray_quotes_swallow_no_rows() {
    for rows in [&[10, 90][..], &[10], &[99], &[10, 11, 90]] {
        let stray = |row: usize, text: String| {
            if rows.contains(&row) { text.replace("Quai c", "Rue \"") } else { text }
        };
        let error = error_of(counters(100, stray));
        let said = format!("file, line {}: a quote stands within a field", rows[0] + 2);
        assert!(error.starts_with(&said), "{error}");
    }
    let paired =
        |row: usize, text: String| if row == 10 { text.replace("Quai c10", "Rue \"A\" B") } else { text };
    let read = read_one(MetricType::Bikes, counters(100, paired)).unwrap();
    assert_eq!((read.tally.kept, name_of(&read, "c10")), (100, "Rue \"A\" B".to_owned()));
    let split = |row: usize, text: String| {
        if row == 10 { text.replace("Quai c10;7", "5\" pipe;6\" pipe") } else { text }
    };
    let read = read_one(MetricType::Bikes, counters(100, split)).unwrap();
    assert_eq!(name_of(&read, "c10"), "5\" pipe");
}

#[test]
fn text_behind_a_closing_quote_and_broken_ids_are_damage() {
    let behind = |row: usize, text: String| match row {
        10 | 90 => text.replace("Quai", "\"Rue"),
        _ => text,
    };
    let error = error_of(counters(100, behind));
    assert!(error.starts_with("file, line 12: a quote stands within a field"), "{error}");
    for (whole, broken) in [
        ("c10;", "\"c10\n\";"),
        (";10;", ";\"10\n\";"),
        ("2024-02-01T00:00:00Z", "\"2024-02-01T00:00:00Z\n\""),
    ] {
        let broken =
            |row: usize, text: String| if row == 10 { text.replacen(whole, broken, 1) } else { text };
        let error = error_of(counters(100, broken));
        assert!(error.starts_with("file, line 12: the id, the date or a number"), "{error}");
    }
}

#[test]
fn carriage_returns_alone_are_told_with_their_line() {
    let told = |data: Vec<u8>, line: usize| {
        let error = error_of(data);
        let said = format!("file, line {line}: this line ends with a carriage return alone");
        assert!(error.starts_with(&said), "{error}");
    };
    let all = |text: String| text.replace('\n', "\r").into_bytes();
    told(all(format!("{BIKES}{}", good_rows(100))), 1);
    told([BIKES.replace('\n', "\r").into_bytes(), good_rows(100).into_bytes()].concat(), 1);
    told(counters(100, |row, text| if row == 40 { text.replace('\n', "\r") } else { text }), 42);
    told(counters(100, |row, text| if row == 99 { text.replace("Quai", "Qu\rai") } else { text }), 101);
    let quoted = |_, text: String| text.replace("Quai;", "\"Qu\rai\";").replace('\n', "\r\n");
    let sound = counters(100, quoted);
    assert_eq!(read_one(MetricType::Bikes, sound.strip_suffix(b"\n").unwrap()).unwrap().tally.kept, 100);
}

#[test]
fn rows_of_which_none_can_be_used_are_an_error() {
    let nameless = bike("", "2024-02-01T00:00:00Z", "1");
    let error = error_of(file(&nameless.repeat(9)));
    let said = "none of the 9 rows can be used (mostly: no id, as in file, line 2); look at the file, and at its type";
    assert_eq!(error, said);
    let works = "Identifiant;Date de début;Date de fin;Impact sur la circulation\n;2024-01-01;2024-01-02;X\n";
    let error = read_one(MetricType::Works, works).unwrap_err().to_string();
    assert!(error.starts_with("none of the 1 rows can be used (mostly: no id"), "{error}");
}

#[test]
fn a_long_row_is_read_in_time() {
    let long = |row: usize, text: String| {
        if row == 10 { text.replace("Quai;", &format!("\"{}\";", "\"\"".repeat(490_000))) } else { text }
    };
    let limits = Limits { line: 1 << 20, block: 4096, ..limits() };
    let begun = std::time::Instant::now();
    let data = source("file", counters(100, long));
    assert_eq!(read(MetricType::Bikes, &[data], &limits, &()).unwrap().tally.kept, 100);
    assert!(begun.elapsed().as_secs() < 20, "it was looked at again and again: {:?}", begun.elapsed());
}

#[test]
fn ids_and_texts_have_their_limits() {
    let mad = |row: usize, text: String| match row {
        10 => text.replacen("c10", &"c".repeat(201), 1),
        20 => text.replacen("c20", "c\u{1}", 1),
        30 => text.replacen("Quai c30", &"x".repeat(1001), 1),
        40 => text.replacen("Quai c40", "Qu\0ai", 1),
        _ => text,
    };
    let tally = read_one(MetricType::Bikes, counters(100, mad)).unwrap().tally;
    let lines = |reason| tally.rejected[&reason].first.iter().map(|place| place.line).collect::<Vec<_>>();
    assert_eq!((lines(Reason::BadId), lines(Reason::BadText)), (vec![12, 22], vec![32, 42]));
    let page = format!(
        r#"[{{"id_compteur": "{}", "sum_counts": 1, "date": "2024-02-01T00:00:00Z"}},
        {{"id_compteur": "a", "sum_counts": 1, "date": "2024-02-01T00:00:00Z"}}]"#,
        "c".repeat(201)
    );
    assert_eq!(read_one(MetricType::Bikes, page).unwrap().tally.rejected[&Reason::BadId].count, 1);
}

#[test]
fn more_sensors_than_a_city_has_are_told_with_the_line() {
    let row = |number: usize| format!("{number};2024-02-01T00:00:00Z;1;1\n");
    let rows: String = (0..=100_000).map(row).collect();
    let limits = Limits { threads: 1, ..limits() };
    let data = source("file", format!("iu_ac;t_1h;q;k\n{rows}"));
    let error = read(MetricType::Roads, &[data], &limits, &()).unwrap_err().to_string();
    assert!(
        error.starts_with("file, line 100002: this is one more than 100000 different sensors"),
        "{error}"
    );
}

#[test]
fn hours_to_come_and_parts_of_hours_are_rejected() {
    let late = |row: usize, text: String| match row {
        10 => text.replacen("2024-02-01", "2199-02-01", 1),
        20 => text.replacen("00:00:00Z", "00:15:00Z", 1),
        _ => text,
    };
    let limits = Limits { until: Some("2024-02-02".parse().unwrap()), ..limits() };
    let read = read(MetricType::Bikes, &[source("file", counters(100, late))], &limits, &()).unwrap();
    let rejected: Vec<_> =
        read.tally.rejected.iter().map(|(reason, of)| (*reason, of.first[0].line)).collect();
    assert_eq!(rejected, [(Reason::Future, 12), (Reason::PartOfHour, 22)]);
}

#[test]
fn rows_that_mostly_make_no_sense() {
    let bad = bike("a", "yesterday", "1");
    let error = error_of(file(&(good_rows(400) + &bad.repeat(700) + &good_rows(5000))));
    assert!(
        error.starts_with("file: 600 of its first 1000 rows cannot be read (mostly: no valid date)"),
        "{error}"
    );
    let few = read_one(MetricType::Bikes, file(&(good_rows(1000) + &bad.repeat(700)))).unwrap();
    assert_eq!(few.tally.rejected_rows(), 700);
    let nameless = bike("", "2024-02-01T00:00:00Z", "1");
    let read = read_one(MetricType::Bikes, file(&(nameless.repeat(900) + &good_rows(100)))).unwrap();
    assert_eq!(read.tally.rejected_rows(), 900, "rows without an id are usual");
}

#[test]
fn broken_json() {
    let error = error_of("{\"results\": [\n{\"id_compteur\": \"a\",\n");
    assert!(error.starts_with("file, line 3: this is not well-formed JSON"), "{error}");
    let limits = Limits { records: 50, ..limits() };
    let page = source("page", format!("[{}]", " ".repeat(100)));
    let error = read(MetricType::Bikes, &[page], &limits, &()).unwrap_err().to_string();
    assert!(error.starts_with("page: the file is larger than 50 bytes"), "{error}");
    let works =
        "Identifiant;Date de début;Date de fin;Impact sur la circulation\na;2024-01-01;2024-01-02;X\n";
    let limits = Limits { records: works.len() as u64 * 2, ..limits };
    let files = |count| vec![source("works", works); count];
    assert!(read(MetricType::Works, &files(2), &limits, &()).is_ok());
    let error = read(MetricType::Works, &files(3), &limits, &()).unwrap_err().to_string();
    assert!(error.starts_with("works: with this file there are more than"), "{error}");
}

#[test]
fn one_damaged_file_of_several_spoils_all() {
    let good = source("good", file(&good_rows(50)));
    let empty = source("empty", "");
    let missing = Source::File("/nowhere/at/all.csv".into());
    let error = read(MetricType::Bikes, &[good.clone(), empty], &limits(), &()).unwrap_err().to_string();
    assert!(error.starts_with("empty: the file is empty"), "{error}");
    let error = read(MetricType::Bikes, &[good, missing], &limits(), &()).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/at/all.csv: cannot be read"), "{error}");
    let error = read(MetricType::Bikes, &[], &limits(), &()).unwrap_err().to_string();
    assert!(error.contains("there is no data file"), "{error}");
}

#[test]
fn types_that_are_read_as_a_whole_are_checked_too() {
    for (data, said) in [
        (&b""[..], "file: the file is empty"),
        (b"<html>", "file: this is an HTML page"),
        (b"Identifiant;Voie\nx;Op\xE9ra\n", "file, line 2: this is not UTF-8 text"),
    ] {
        let error = read_one(MetricType::Works, data).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}
