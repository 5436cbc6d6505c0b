//! Configuration: flags over environment over file over defaults.
//!
//! [`KEYS`] is the one table. Reading, checking, `halles config`, the flags' help, `configuration.md` and
//! `config.schema.json` all derive from it. To add a key, add its line there and its field in [`Settings`]; a test
//! holds the two together. Whatever is wrong is reported at once, each mistake with its place.

mod database;
mod describe;
mod environment;
mod error;
mod exposure;
mod file;
mod form;
mod keys;
mod nearest;
mod settings;
mod show;

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

pub use database::DatabaseUrl;
pub use describe::{json_schema, markdown};
pub use error::{Mistake, Mistakes};
pub use exposure::{OpenAddress, check_exposure};
pub use form::{Form, Syntax};
pub use keys::{KEYS, Key, find};
pub use settings::{
    City, Cors, Decisions, Events, Fetch, Http, Log, Offers, Orders, PaymentProvider, Payments, Rewards,
    Settings, SimulatedPayments, Stall, Store, StripePayments,
};

/// The file that is read when no other is named, if it exists.
const DEFAULT_FILE: &str = "halles.toml";

/// The variable that names the configuration file; the only one that is not a key.
const FILE_VARIABLE: &str = "HALLES_CONFIG";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing was given.
    Default,
    /// A file and its line, counted from 1.
    File(String, usize),
    /// One environment variable, or several joined by commas.
    Environment(String),
    /// A command line flag, with its dashes.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{path}:{line}"),
            Self::Environment(names) => write!(f, "env {names}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value that was given for a key, already checked against the key's form.
#[derive(Debug, Clone)]
struct Found {
    key: &'static Key,
    value: Value,
    origin: Origin,
}

impl Found {
    fn from_text(key: &'static Key, text: &str, origin: Origin) -> Result<Self, Mistake> {
        match key.form.read_text(text) {
            Some(value) => Ok(Self { key, value, origin }),
            None => Err(Mistake::value(key, origin, &format!("{text:?}"))),
        }
    }
}

/// What one source gave: the values in order, later ones stronger, and its mistakes.
#[derive(Debug, Default)]
struct Layer {
    found: Vec<Found>,
    mistakes: Vec<Mistake>,
}

impl Layer {
    fn push(&mut self, found: Result<Found, Mistake>) {
        match found {
            Ok(found) => self.found.push(found),
            Err(mistake) => self.mistakes.push(mistake),
        }
    }

    fn append(&mut self, mut stronger: Self) {
        self.found.append(&mut stronger.found);
        self.mistakes.append(&mut stronger.mistakes);
    }
}

/// Values given on the command line: names of keys and what was written.
pub type Flags = Vec<(&'static str, String)>;

/// The configuration of one run: typed, and with the origin of every value.
#[derive(Debug)]
pub struct Config {
    /// The values, for the program.
    pub settings: Settings,
    /// The same in the order of [`KEYS`], for people.
    resolved: Vec<Found>,
}

impl Config {
    /// Reads everything: `flags`, the environment, and the file named by `--config`, by `HALLES_CONFIG`, or
    /// `./halles.toml` where there is one.
    pub fn load(
        flags: &Flags,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        file: Option<&str>,
    ) -> Result<Self, Mistakes> {
        let (variables, mut early) = environment::ours(variables);
        let mut layers = match named_file(file.or_else(|| variables.get(FILE_VARIABLE).map(String::as_str))) {
            Ok(Some((path, text))) => file::read(&path, &text),
            Ok(None) => Layer::default(),
            Err(mistake) => Layer { found: Vec::new(), mistakes: vec![mistake] },
        };
        layers.append(environment::read(&variables));
        layers.append(read_flags(flags));
        early.append(&mut layers.mistakes);
        Self::resolve(&layers.found, early)
    }

    /// Takes for every key the last value found, which is the strongest.
    fn resolve(found: &[Found], mut mistakes: Vec<Mistake>) -> Result<Self, Mistakes> {
        let mut resolved = Vec::with_capacity(KEYS.len());
        for key in KEYS {
            let strongest = found.iter().rfind(|found| found.key.name == key.name);
            match strongest.map_or_else(|| key.default(), |found| Ok(found.clone())) {
                Ok(found) => resolved.push(found),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() {
            let settings = settings::build(&resolved)?;
            return Ok(Self { settings, resolved });
        }
        Err(Mistakes(mistakes))
    }
}

/// The configuration file's name and text; an error when it was asked for and cannot be read.
fn named_file(asked: Option<&str>) -> Result<Option<(String, String)>, Mistake> {
    let path = asked.unwrap_or(DEFAULT_FILE);
    match fs::read_to_string(Path::new(path)) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(error) if asked.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Mistake::Unreadable { file: path.to_owned(), cause }),
    }
}

fn read_flags(flags: &Flags) -> Layer {
    let mut layer = Layer::default();
    for (name, text) in flags {
        if let Some((key, flag)) = find(name).and_then(|key| Some((key, key.flag?))) {
            layer.push(Found::from_text(key, text, Origin::Flag(flag)));
        }
    }
    layer
}

#[cfg(test)]
mod tests;
