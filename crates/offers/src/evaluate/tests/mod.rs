//! Tests of the whole evaluation; what is small is tested next to its code.

mod by_hand;
mod coverage;
mod damaged;
mod decisions;

use super::{EvaluateError, Format, Report, Settings, Target, evaluate};

/// An Open Bandit log of these rows: item, position, click, chance.
fn obd(rows: &[(&str, u32, u32, &str)]) -> String {
    const HEADER: &str = ",timestamp,item_id,position,click,propensity_score,user_feature_0\n";
    let lines = rows.iter().enumerate().map(|(number, (item, position, click, chance))| {
        let at = format!("2019-11-24 00:00:{:02}.979311+00:00", number % 60);
        format!("{number},{at},{item},{position},{click},{chance},cef3390e\n")
    });
    std::iter::once(HEADER.to_owned()).chain(lines).collect()
}

fn settings(format: Format, target: Target) -> Settings {
    Settings { format, ..Settings::new(target) }
}

fn run(settings: &Settings, log: impl AsRef<[u8]>) -> Result<Report, EvaluateError> {
    evaluate(settings, &mut log.as_ref(), None)
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}
