//! Files that are damaged or something else: nothing of them counts, and the error says what to do.

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
    assert!(bar.advanced() < 20_000, "{} bytes", bar.advanced());
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
