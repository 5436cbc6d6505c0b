//! What a server said.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::framing::header;

/// An answer on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16, head: &[u8], body: &[u8]) -> Self {
        let lines = head.split(|byte| *byte == b'\n').skip(1).filter_map(header);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = lines.map(|(name, value)| (text(name).to_lowercase(), text(value))).collect();
        Self { status, headers, body: body.to_vec() }
    }

    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none; the text shows the answer.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {self}"))
    }

    /// The last part of a problem's type, such as `insufficient-stock`; `None` when this is no problem.
    pub fn problem(&self) -> Option<String> {
        if self.header("content-type") != Some("application/problem+json") {
            return None;
        }
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["type"].as_str()?.strip_prefix("urn:halles:problem:").map(str::to_owned)
    }

    /// This answer if it has that status.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status == status { Ok(self) } else { bail!("expected {status}, was answered {self}") }
    }

    pub(super) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
            || (self.header("content-length").is_none()
                && self.header("transfer-encoding").is_none()
                && self.status != 204
                && self.status != 304)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Enough to see what it was about.
        const SHOWN: usize = 600;
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(SHOWN).collect();
        write!(f, "{} {shown}", self.status)
    }
}
