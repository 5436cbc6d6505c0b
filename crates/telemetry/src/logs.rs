//! Logs: one event, one line on standard error.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What is logged when nothing else is asked for.
///
/// Everything from `info` up, the `access` target (one line per HTTP request) included.
pub const DEFAULT_FILTER: &str = "info";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Short lines for people, coloured on a terminal unless `NO_COLOR` is set.
    #[default]
    Text,
    /// One JSON object per line, for machines.
    Json,
}

impl Format {
    /// Every format, by name.
    pub const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// The name used in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| LogError::Format(text.to_owned()))
    }
}

/// Why logging cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not the name of a format.
    #[error("{0:?} is not a log format: text or json")]
    Format(String),
    /// The filter cannot be read.
    #[error("{filter:?} is not a log filter such as \"info\" or \"info,store=debug,access=off\": {cause}")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        cause: ParseError,
    },
    /// Logging was started before in this process.
    #[error("logging was already started: {0}")]
    Started(#[from] TryInitError),
}

/// Starts logging to standard error, for the rest of the process.
///
/// `filter` is a list of `target=level` as `tracing-subscriber` defines it; see [`check_filter`].
/// Lines are written at once, never buffered: what was logged before a crash can be read after it.
pub fn init(format: Format, filter: &str) -> Result<(), LogError> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = std::io::stderr().is_terminal() && !no_color;
    dispatch(format, parse_filter(filter)?, ansi, std::io::stderr).try_init()?;
    Ok(())
}

/// Says whether [`init`] would accept this filter.
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    parse_filter(filter).map(drop)
}

fn parse_filter(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder().parse(filter).map_err(|cause| LogError::Filter { filter: filter.to_owned(), cause })
}

fn dispatch<W>(format: Format, filter: EnvFilter, ansi: bool, writer: W) -> tracing::Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        Format::Text => lines.with_ansi(ansi).compact().into(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;
    use crate::Secret;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("lock").clone()).expect("UTF-8")
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, filter: &str, ansi: bool, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = parse_filter(filter).expect("a filter");
        tracing::dispatcher::with_default(&dispatch(format, filter, ansi, move || writer.clone()), log);
        lines.text()
    }

    #[test]
    fn json_is_one_object_per_line_with_the_fields_at_the_top() {
        let text = logged(Format::Json, DEFAULT_FILTER, false, || {
            tracing::info!(target: "access", status = 201, key = %Secret::new("sk_live_1"), "POST\n/produits");
            tracing::warn!("second");
        });
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["target"], "access");
        assert_eq!(lines[0]["status"], 201);
        assert_eq!(lines[0]["key"], "***");
        assert_eq!(lines[0]["message"], "POST\n/produits");
        assert_eq!(lines[1]["level"], "WARN");
    }

    #[test]
    fn text_is_coloured_only_when_asked() {
        let log = || tracing::info!(port = 8000, "listening");
        let plain = logged(Format::Text, DEFAULT_FILTER, false, log);
        assert!(plain.contains("INFO") && plain.contains("listening port=8000"), "{plain}");
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert!(logged(Format::Text, DEFAULT_FILTER, true, log).contains('\u{1b}'));
    }

    #[test]
    fn the_filter_chooses_by_target_and_level() {
        let log = || {
            tracing::info!(target: "access", "a request");
            tracing::debug!(target: "store", "a batch");
            tracing::debug!("noise");
        };
        let text = logged(Format::Text, "info,store=debug,access=off", false, log);
        assert!(text.contains("a batch"), "{text}");
        assert!(!text.contains("a request") && !text.contains("noise"), "{text}");
    }

    #[test]
    fn wrong_settings_are_named() {
        let error = check_filter("info,store=loud").expect_err("not a level");
        assert!(error.to_string().contains("info,store=loud"), "{error}");
        let error = "xml".parse::<Format>().expect_err("not a format");
        assert_eq!(error.to_string(), "\"xml\" is not a log format: text or json");
        assert_eq!("json".parse::<Format>().expect("a format"), Format::Json);
    }
}
