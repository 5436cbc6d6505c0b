//! Open Bandit logs as they come: compressed, in other hands, damaged.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{assert_close, obd, run, settings};
use crate::evaluate::{EvaluateError, Format, Settings, Target, evaluate};

const ROWS: [(&str, u32, u32, &str); 4] =
    [("14", 1, 0, "0.5"), ("14", 2, 1, "0.25"), ("2", 1, 1, "0.5"), ("2", 2, 0, "0.75")];

fn uniform() -> Settings {
    settings(Format::Obd, Target::Uniform)
}

fn problem(log: impl AsRef<[u8]>) -> String {
    run(&uniform(), log).unwrap_err().to_string()
}

fn zipped(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// A log that no compression makes small, so that cutting it leaves whole lines.
fn long() -> String {
    let mut rng = SmallRng::seed_from_u64(1);
    let row = |_| format!("9,2019-11-24 00:00:01+00:00,2,1,0,0.5,{:x}\n", rng.random::<u64>());
    std::iter::once(obd(&ROWS)).chain((0..5_000).map(row)).collect()
}

#[test]
fn plain_or_compressed_by_content_whatever_the_columns_order() {
    let plain = run(&uniform(), obd(&ROWS)).unwrap();
    assert_eq!(run(&uniform(), zipped(&obd(&ROWS))).unwrap(), plain);
    // Two gzip members in a row are one file.
    let text = obd(&ROWS);
    let (first, second) = text.split_at(100);
    assert_eq!(run(&uniform(), [zipped(first), zipped(second)].concat()).unwrap(), plain);

    let other = "\u{feff}propensity_score,click,\"item_id\",note,position,timestamp\r\n\
                 0.5,0,14,\"a, b\",1,2019-11-24T00:00:00Z\r\n0.25,1,14,,2,2019-11-24T00:00:00Z\r\n\
                 0.5,1,2,,1,2019-11-24T00:00:00Z\r\n0.75,0,2,,2,2019-11-24T00:00:00Z\r\n";
    assert_eq!(run(&uniform(), other).unwrap(), plain);
    // wr = 0 + 1 · 2 + 1 · 1 + 0
    assert_close(plain.estimates[0].estimate.value, 3.0 / 4.0);
}

#[test]
fn positions_may_count_from_anywhere() {
    let text = obd(&ROWS);
    let shifted = text.replace(",2,1,0.25", ",9,1,0.25").replace(",2,0,0.75", ",9,0,0.75");
    assert_ne!(shifted, text);
    assert_eq!(run(&uniform(), shifted).unwrap(), run(&uniform(), text).unwrap());
}

#[test]
fn a_wrong_value_is_named_with_line_and_column() {
    let good = obd(&ROWS);
    for (from, to, expected) in [
        (",0.25,", ",0,", "line 3, column `propensity_score`: `0` is not a chance above 0 and at most 1"),
        (",0.25,", ",1.01,", "line 3, column `propensity_score`: `1.01` is not a chance"),
        (",0.25,", ",NaN,", "line 3, column `propensity_score`: `NaN` is not a chance"),
        (",0.25,", ",-0.25,", "line 3, column `propensity_score`: `-0.25` is not a chance"),
        (",0.25,", ",,", "line 3, column `propensity_score`: `` is not a chance"),
        (",1,0.25,", ",2,0.25,", "line 3, column `click`: `2` is not 0 or 1"),
        (",2,0.75,", ",2,x,0.75,", "line 5 has 8 values where the header has 7"),
        ("14,2,1,", "14,left,1,", "line 3, column `position`: `left` is not a whole number below 256"),
        ("14,2,1,", ",2,1,", "line 3, column `item_id`: `` is not a name in UTF-8"),
        (
            "2019-11-24 00:00:01",
            "yesterday",
            "line 3, column `timestamp`: `yesterday.979311+00:00` is not an instant",
        ),
        (
            "propensity_score",
            "pscore",
            "line 1 has no column `propensity_score`: an Open Bandit log has the columns timestamp, item_id",
        ),
    ] {
        let bad = good.replacen(from, to, 1);
        let bad = if bad == good { good.replacen(",0,0.75,", ",x,0,0.75,", 1) } else { bad };
        let found = problem(&bad);
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(
        problem([good.as_bytes(), b"9,2019-11-24 00:00:01+00:00,\xff\xfe,1,0,0.5,x\n"].concat())
            .contains("line 6, column `item_id`")
    );
}

#[test]
fn files_of_another_kind_are_recognised() {
    for (log, expected) in [
        (
            "  <!DOCTYPE html><html>Not found</html>",
            "this is a web page, not an Open Bandit log: download the file itself",
        ),
        ("PK\u{3}\u{4}rest", "this is a zip archive"),
        (
            "{\"decision_id\":1}",
            "this is JSON, not an Open Bandit log: a decision log is read with the format `decisions`",
        ),
        ("", "the log is empty"),
        (" \n", "the log is empty"),
        (&obd(&[]), "the log has no row to evaluate"),
        (&obd(&ROWS[..1]), "the log holds a single row"),
    ] {
        let found = problem(log);
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(problem(b"\xff\xfe,\0t\0").starts_with("this is text in UTF-16"));
    let csv = run(&settings(Format::Decisions, Target::Uniform), obd(&ROWS)).unwrap_err().to_string();
    assert!(csv.ends_with("an Open Bandit log is read with the format `obd`"), "{csv}");
}

#[test]
fn a_cut_or_damaged_archive_says_after_which_line() {
    let whole = zipped(&long());
    let error = run(&uniform(), &whole[..whole.len() / 2]).unwrap_err();
    assert!(matches!(error, EvaluateError::CutShort { line: 1_000..4_000 }), "{error}");
    assert!(matches!(run(&uniform(), &whole[..5]), Err(EvaluateError::CutShort { line: 0 })));
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    let error = run(&uniform(), damaged).unwrap_err().to_string();
    assert!(error.contains("line"), "{error}");
    assert_eq!(run(&uniform(), &whole).unwrap().rows, 5_004);
}

#[test]
fn a_quote_that_never_closes_does_not_fill_the_memory() {
    let log = obd(&ROWS) + "9,2019-11-24 00:00:01+00:00,\"2,1,0,0.5,x\n" + &"9,,,,,,\n".repeat(1 << 19);
    assert_eq!(problem(log), "line 6 is longer than 1024 KiB: the file is damaged, or of another kind");
}

#[test]
fn a_policy_that_shares_nothing_with_the_log_cannot_be_judged() {
    // The better offer never stands in the only slot of the rows that are judged.
    let rows = [("A", 1, 0, "0.5"), ("A", 1, 0, "0.5")];
    let mut training: &[u8] = &obd(&[("A", 2, 1, "0.5"), ("A", 2, 0, "0.5")]).into_bytes();
    let greedy = settings(Format::Obd, Target::Greedy);
    assert!(evaluate(&greedy, &mut obd(&rows).as_bytes(), Some(&mut training)).is_ok());

    let judged = [("A", 1, 0, "0.5"), ("B", 2, 0, "0.5")];
    let mut training: &[u8] =
        &obd(&[("B", 1, 1, "0.5"), ("B", 1, 1, "0.5"), ("A", 1, 0, "0.5")]).into_bytes();
    let nothing = evaluate(&greedy, &mut obd(&judged).as_bytes(), Some(&mut training));
    assert!(matches!(nothing, Err(EvaluateError::NoOverlap)));
}

#[test]
fn a_training_log_that_is_damaged_is_named_as_such() {
    let mut training: &[u8] = b"";
    let greedy = settings(Format::Obd, Target::Greedy);
    let error = evaluate(&greedy, &mut obd(&ROWS).as_bytes(), Some(&mut training)).unwrap_err();
    assert_eq!(error.to_string(), "training log: the log is empty");
    for clip in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(run(&Settings { clip: Some(clip), ..uniform() }, ""), Err(EvaluateError::Clip)));
    }
}
