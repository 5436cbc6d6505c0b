//! How many tests passed and failed, read from the output of the test runners.

use std::ops::AddAssign;

/// Numbers of tests, or of steps that are no test runner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// One step that is no test runner.
    pub(crate) fn of_step(success: bool) -> Self {
        Self { passed: u64::from(success), failed: u64::from(!success) }
    }
}

/// A program that runs tests and says how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo nextest run`: one summary. It also shows what the programs of failed tests print, among that
    /// their own `test result`, which must not be counted again.
    Nextest,
    /// `cargo test`: one result per program.
    CargoTest,
}

impl Runner {
    /// What one line of its output adds.
    pub(crate) fn counts_in(self, line: &str) -> Counts {
        let line = without_colours(line);
        let counts = match self {
            Self::Nextest => nextest_summary(line.trim()),
            Self::CargoTest => cargo_test_result(&line),
        };
        counts.unwrap_or_default()
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// `Summary [   2.104s] 20 tests run: 18 passed (1 slow), 1 failed, 1 timed out, 3 skipped`; a run that was cut
/// short says `7/20 tests run`. Whatever ran and did not pass has failed.
fn nextest_summary(line: &str) -> Option<Counts> {
    let (_, summary) = line.strip_prefix("Summary [")?.split_once(']')?;
    let (run, results) = summary.split_once(" tests run:").or_else(|| summary.split_once(" test run:"))?;
    let run: u64 = run.trim().split('/').next()?.parse().ok()?;
    let passed = number_before(results, "passed").unwrap_or(0);
    Some(Counts { passed, failed: run.saturating_sub(passed) })
}

/// `test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn cargo_test_result(line: &str) -> Option<Counts> {
    let results = line.strip_prefix("test result:")?;
    Some(Counts { passed: number_before(results, "passed")?, failed: number_before(results, "failed")? })
}

fn number_before(text: &str, label: &str) -> Option<u64> {
    let mut previous = "";
    for word in text.split([' ', ',', ';']).filter(|word| !word.is_empty()) {
        if word == label {
            return previous.parse().ok();
        }
        previous = word;
    }
    None
}

/// The text without terminal escape sequences for colours (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_nextest_says() {
        let cases = [
            ("     Summary [   2.104s] 20 tests run: 20 passed, 0 skipped", 20, 0),
            ("     Summary [   0.004s] 1 test run: 0 passed, 1 failed, 4 skipped", 0, 1),
            (
                "     Summary [  9.6s] 7/20 tests run: 4 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 1 skipped",
                4,
                3,
            ),
            (
                "\u{1b}[32;1m Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m passed",
                2,
                0,
            ),
            ("    test result: FAILED. 0 passed; 1 failed; 0 ignored", 0, 0),
        ];
        for (line, passed, failed) in cases {
            assert_eq!(Runner::Nextest.counts_in(line), Counts { passed, failed }, "{line}");
        }
    }

    #[test]
    fn reads_what_cargo_test_says() {
        let cases = [
            (
                "test result: ok. 14 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.32s",
                14,
                0,
            ),
            (
                "test result: \u{1b}[31mFAILED\u{1b}[m. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
                3,
                2,
            ),
            ("test counts::tests::reads_what_cargo_test_says ... ok", 0, 0),
        ];
        for (line, passed, failed) in cases {
            assert_eq!(Runner::CargoTest.counts_in(line), Counts { passed, failed }, "{line}");
        }
    }
}
