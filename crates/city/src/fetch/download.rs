//! One file from one address: conditionally, again when it fails, within bounds of time and size.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use telemetry::SecretText;
use tempfile::TempPath;

use crate::spool::Spool;

/// The header in which the portal of Île-de-France Mobilités wants its key.
const API_KEY: HeaderName = HeaderName::from_static("apikey");

/// A portal that asks to wait longer than this is left alone until the next time.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// However slowly a portal speaks and how often it is asked again, a file is not waited for longer than this.
const MAX_TIME: Duration = Duration::from_hours(1);

/// Redirects that are followed, all of them on the same host.
const MAX_REDIRECTS: usize = 5;

/// How downloads are made.
#[derive(Debug, Clone)]
pub struct Downloads {
    /// Where files are put; each is deleted when whoever asked for it is done.
    pub folder: PathBuf,
    /// How long a portal may say nothing.
    pub timeout: Duration,
    /// How often a failed download is tried again.
    pub retries: u32,
    /// The pause before the first repetition; it doubles each time.
    pub backoff: Duration,
    /// The largest file, in bytes.
    pub max_bytes: u64,
}

/// What a portal said of the file that we have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What a portal answered.
#[derive(Debug)]
pub enum Answer {
    /// The file that we have is still the latest.
    Unchanged,
    /// A file.
    File {
        /// Where it is; deleted when this is dropped.
        path: TempPath,
        /// What to ask with the next time.
        known: Known,
    },
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address is not one that files are fetched from.
    #[error("{0} is no address to fetch from: give one that begins with https:// or http://")]
    Address(String),
    /// This machine cannot make connections as it should.
    #[error("files cannot be fetched from this machine: {0}")]
    Client(String),
    /// The portal does not give it.
    #[error("{host} answered {status}{}", advice(*.status))]
    Refused {
        /// Who.
        host: String,
        /// What.
        status: StatusCode,
    },
    /// The portal sends us to another host.
    #[error(
        "{host} redirects too often, to another host, or to plain HTTP, which is not followed: configure the new address"
    )]
    Redirected {
        /// Who.
        host: String,
    },
    /// The file is too large.
    #[error(
        "the file of {host} is larger than {limit} bytes: ask for fewer days, or raise city.fetch.max_bytes"
    )]
    TooLarge {
        /// Who.
        host: String,
        /// The most that is taken.
        limit: u64,
    },
    /// Nothing came, or not all of it, however often it was tried.
    #[error("{host} cannot be reached, tried {attempts} times: {cause}")]
    Unreachable {
        /// Who.
        host: String,
        /// How often it was tried.
        attempts: u32,
        /// What stood in the way last.
        cause: String,
    },
    /// The file cannot be kept.
    #[error("the file cannot be written: {0}")]
    Disk(#[from] io::Error),
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => ": it wants a key, or another one",
        404 | 410 => ": the address has changed",
        _ => "",
    }
}

impl Downloads {
    /// Fetches a file, unless it is still the one that is `known`.
    ///
    /// # Errors
    ///
    /// What is told by [`DownloadError`]; passing obstacles only after all repetitions.
    pub async fn fetch(
        &self,
        address: &str,
        key: Option<&SecretText>,
        known: &Known,
    ) -> Result<Answer, DownloadError> {
        let url = checked(address)?;
        let answer = tokio::time::timeout(MAX_TIME, self.try_again(&url, key, known)).await;
        answer.unwrap_or_else(|_| {
            let cause = format!("it has not sent its file within {} minutes", MAX_TIME.as_secs() / 60);
            Err(DownloadError::Unreachable { host: host_of(&url), attempts: 1, cause })
        })
    }

    async fn try_again(
        &self,
        url: &Url,
        key: Option<&SecretText>,
        known: &Known,
    ) -> Result<Answer, DownloadError> {
        let host = host_of(url);
        let client = self.client(url).map_err(|error| DownloadError::Client(chain(&error)))?;
        let headers = headers(known, key);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let passing = match self.once(&client, url, &headers).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(passing)) => passing,
            };
            let pause = passing.wait.max(self.backoff.saturating_mul(1 << (attempts - 1).min(16)));
            if attempts > self.retries || passing.wait > MAX_PAUSE {
                return Err(DownloadError::Unreachable { host, attempts, cause: passing.cause });
            }
            tracing::debug!(
                host,
                attempts,
                cause = passing.cause,
                "a portal did not give its file; trying again"
            );
            tokio::time::sleep(pause).await;
        }
    }

    fn client(&self, url: &Url) -> reqwest::Result<Client> {
        let builder = Client::builder()
            .user_agent(concat!("halles/", env!("CARGO_PKG_VERSION")))
            .redirect(same_host())
            .referer(false)
            .connect_timeout(self.timeout)
            .read_timeout(self.timeout);
        // A proxy knows the way to portals, not to this machine.
        if is_loopback(url) { builder.no_proxy().build() } else { builder.build() }
    }

    async fn once(&self, client: &Client, url: &Url, headers: &HeaderMap) -> Result<Answer, Failure> {
        let host = || host_of(url);
        let sent = client.get(url.clone()).headers(headers.clone()).send().await;
        let mut response = sent.map_err(|error| {
            let redirected = || Failure::Final(DownloadError::Redirected { host: host() });
            if error.is_redirect() { redirected() } else { Failure::passing(&error) }
        })?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
            StatusCode::OK => {}
            status if is_passing(status) => {
                let wait = retry_after(&response);
                return Err(Failure::Passing(Passing { cause: format!("it answered {status}"), wait }));
            }
            status => return Err(Failure::Final(DownloadError::Refused { host: host(), status })),
        }
        let too_large = || Failure::Final(DownloadError::TooLarge { host: host(), limit: self.max_bytes });
        if response.content_length().is_some_and(|length| length > self.max_bytes) {
            return Err(too_large());
        }
        let mut spool = Spool::begin(&self.folder)?;
        let mut received = 0_u64;
        while let Some(piece) = response.chunk().await.map_err(|error| Failure::passing(&error))? {
            received += piece.len() as u64;
            if received > self.max_bytes {
                return Err(too_large());
            }
            spool.write(piece).await?;
        }
        let path = spool.finish().await?;
        Ok(Answer::File { path, known: Known::of(response.headers()) })
    }
}

impl Known {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
        Self { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }
}

fn headers(known: &Known, key: Option<&SecretText>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/csv, application/json, */*;q=0.5"));
    for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    if let Some(mut key) = key.and_then(|key| HeaderValue::from_str(key.expose()).ok()) {
        key.set_sensitive(true);
        headers.insert(API_KEY, key);
    }
    headers
}

fn checked(address: &str) -> Result<Url, DownloadError> {
    let url =
        Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| DownloadError::Address(address.to_owned()))
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// An address as anybody may see it: without a query, which may hold a key, and without a password.
pub fn public_name(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return "?".to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    // Addresses that files are fetched from have a host, and then these do not fail.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.into()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Redirects stay on their host and never leave TLS: whoever configured an address trusts that host, and a key that is
/// sent along is meant for nobody else.
fn same_host() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let Some(from) = attempt.previous().last() else { return attempt.stop() };
        let to = attempt.url();
        let same = to.host() == from.host() && (to.scheme() == "https" || to.origin() == from.origin());
        if same && attempt.previous().len() <= MAX_REDIRECTS {
            attempt.follow()
        } else {
            attempt.error("not followed")
        }
    })
}

/// Whether asking again may help.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

fn retry_after(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// Why an attempt gave no file.
enum Failure {
    Final(DownloadError),
    Passing(Passing),
}

/// An obstacle that may not be there the next time.
struct Passing {
    cause: String,
    /// How long the portal asks to wait.
    wait: Duration,
}

impl Failure {
    fn passing(error: &reqwest::Error) -> Self {
        Self::Passing(Passing { cause: chain(error), wait: Duration::ZERO })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Final(error.into())
    }
}

/// An error with its causes; the address itself is left out, it is long.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        let joint = if text.is_empty() { "" } else { ": " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{joint}{error}");
        cause = error.source();
    }
    if text.is_empty() { "the connection failed".to_owned() } else { text }
}
