//! Measurements, as a table and as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::machine::Machine;

/// What a number should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// It is only told.
    None,
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::AtLeast(least) => write!(f, "≥ {}", number(*least)),
            Self::AtMost(most) => write!(f, "≤ {}", number(*most)),
        }
    }
}

/// One number.
#[derive(Debug, Clone)]
pub struct Measure {
    /// Its stable name, for machines: `sqlite.uniform.orders_per_second`.
    pub name: &'static str,
    /// What it is.
    pub title: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it should be.
    pub target: Target,
}

/// Something that could not be measured here.
#[derive(Debug, Clone)]
pub struct NotRun {
    /// What it is.
    pub title: String,
    /// Why, and what to do about it.
    pub why: String,
}

/// All numbers of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// What they were measured on.
    pub machine: Machine,
    /// What was measured besides the product, with its version: `PostgreSQL 15.18`.
    pub versions: Vec<String>,
    /// How long each measurement took, in seconds.
    pub seconds: f64,
    /// The numbers.
    pub measures: Vec<Measure>,
    /// What is missing among them.
    pub not_run: Vec<NotRun>,
}

impl Report {
    /// A report without numbers.
    pub(super) fn new(machine: Machine, seconds: f64) -> Self {
        Self { machine, versions: Vec::new(), seconds, measures: Vec::new(), not_run: Vec::new() }
    }

    /// Says that something could not be measured, and why.
    pub fn add_not_run(&mut self, title: impl Into<String>, why: impl fmt::Display) {
        self.not_run.push(NotRun { title: title.into(), why: why.to_string() });
    }

    /// Adds a number.
    pub fn add(
        &mut self,
        name: &'static str,
        title: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Target,
    ) {
        self.measures.push(Measure { name, title: title.into(), value, unit, target });
    }

    /// The value of a number, when it has been measured.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.measures.iter().find(|measure| measure.name == name).map(|measure| measure.value)
    }

    /// Adds how many times larger one number is than another.
    pub fn add_ratio(&mut self, name: &'static str, title: &str, of: &str, to: &str, target: Target) {
        if let (Some(of), Some(to)) = (self.value(of), self.value(to)) {
            self.add(name, title, of / to, "×", target);
        }
    }

    /// The numbers that are not what they should be.
    pub fn missed(&self) -> impl Iterator<Item = &Measure> {
        self.measures.iter().filter(|measure| !measure.target.is_met(measure.value))
    }

    /// The report for machines.
    pub fn to_json(&self) -> Value {
        let measure = |measure: &Measure| {
            json!({
                "name": measure.name, "title": measure.title, "value": measure.value, "unit": measure.unit,
                "target": measure.target.to_string(), "met": measure.target.is_met(measure.value),
            })
        };
        json!({
            "machine": self.machine.to_json(),
            "versions": self.versions,
            "seconds_per_measurement": self.seconds,
            "measures": self.measures.iter().map(measure).collect::<Vec<_>>(),
            "not_run": self.not_run.iter().map(|it| json!({"title": it.title, "why": it.why})).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        write!(f, "SQLite {}", rusqlite::version())?;
        for version in &self.versions {
            write!(f, ", {version}")?;
        }
        writeln!(f, "; {} s per measurement\n", self.seconds)?;
        let width = self.measures.iter().map(|measure| measure.title.chars().count()).max().unwrap_or(0);
        for Measure { title, value, unit, target, .. } in &self.measures {
            let missed = if target.is_met(*value) { "" } else { "  MISSED" };
            writeln!(f, "{title:width$}  {:>10} {unit:9} {target}{missed}", number(*value))?;
        }
        for NotRun { title, why } in &self.not_run {
            writeln!(f, "not run: {} – {why}", title.trim())?;
        }
        Ok(())
    }
}

/// A number with as many digits as mean something.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_held_against_their_targets() -> anyhow::Result<()> {
        let machine = Machine::look(&std::env::temp_dir())?;
        let mut report = Report::new(machine, 1.0);
        report.add("ours", "ours", 50.0, "/s", Target::None);
        report.add("theirs", "theirs", 100.0, "/s", Target::None);
        report.add_ratio("ratio", "ours to theirs", "ours", "theirs", Target::AtLeast(0.6));
        report.add_ratio("nothing", "to what is not there", "ours", "nobody", Target::AtLeast(9.0));
        assert_eq!(report.missed().map(|measure| measure.name).collect::<Vec<_>>(), ["ratio"]);
        assert!(report.to_string().contains("0.50"), "{report}");
        report.add_not_run("theirs", "install it");
        assert!(report.to_string().ends_with("not run: theirs – install it\n"), "{report}");
        assert_eq!(number(12_345.6), "12346");
        Ok(())
    }
}
