//! Asking a portal and taking in what it has.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kernel::Timestamp;
use store::{Call, CallError, DbError, Failure, Store, Tx, Unavailable};
use telemetry::SecretText;
use uuid::Uuid;
use web::Drain;

use super::commands::{self, Outcome};
use super::{Answer, DownloadError, Downloads, Known, Portal, Schedule, Settings, public_name, schedule};
use crate::counters::Counters;
use crate::import::{self, ImportError, Importer, Watch};
use crate::input::Source;
use crate::{CITY, MetricType};

/// What came of asking a portal.
#[derive(Debug)]
pub enum Fetched {
    /// There was a file, and it was taken in.
    Imported(import::Outcome),
    /// There is nothing new.
    Unchanged,
    /// Another process is asking at this moment.
    Elsewhere,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No portal is configured.
    #[error("nothing is configured to fetch {0} from: see the key city.fetch.{0}{needs}", needs = needs(*.0))]
    NoPortal(MetricType),
    /// The process is ending.
    #[error("it was stopped")]
    Stopped,
    /// The portal gives no file.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The file cannot be taken in.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The store cannot be asked.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// What fetching a type needs beside an address.
fn needs(kind: MetricType) -> &'static str {
    if kind == MetricType::Transit { ", and city.fetch.traffic_key: the portal wants a key" } else { "" }
}

/// How often whoever asks a portal says that it still does.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// Asks portals.
#[derive(Clone)]
pub(crate) struct Fetcher {
    store: Store,
    importer: Importer,
    counters: Counters,
    drain: Drain,
    settings: Arc<Settings>,
    downloads: Downloads,
}

impl Fetcher {
    /// A fetcher that puts downloads into a folder.
    pub(crate) fn new(
        store: Store,
        drain: Drain,
        importer: Importer,
        counters: Counters,
        settings: &crate::Settings,
    ) -> Self {
        let downloads = settings.fetch.downloads(&settings.folder);
        let settings = Arc::new(settings.fetch.clone());
        Self { store, importer, counters, drain, settings, downloads }
    }

    /// Fetches a file from an address, until the process is ending.
    pub(crate) async fn download(
        &self,
        address: &str,
        key: Option<&SecretText>,
        known: &Known,
    ) -> Result<Answer, FetchError> {
        tokio::select! {
            answer = self.downloads.fetch(address, key, known) => Ok(answer?),
            () = self.drain.started() => Err(FetchError::Stopped),
        }
    }

    /// Forgets who asks which portal; there is no other process any more.
    pub(crate) async fn release_claims(&self) -> Result<(), Unavailable> {
        self.noted(Call::new("city.fetch.end_claims", CITY), commands::end_claims).await
    }

    /// The portal of a type.
    pub(crate) fn portal(&self, kind: MetricType) -> Result<&Portal, FetchError> {
        self.settings.portals.get(&kind).ok_or(FetchError::NoPortal(kind))
    }

    /// Asks the portal of a type, and takes in what it has, as the import of this id when it has been written down.
    pub(crate) async fn fetch(
        &self,
        kind: MetricType,
        import: Option<Uuid>,
        watch: Arc<dyn Watch>,
    ) -> Result<Fetched, FetchError> {
        let portal = self.portal(kind)?;
        let remembered = self.remembered(portal).await?;
        let seen = remembered.as_ref().map(|remembered| remembered.asked_at);
        let source = portal.name(self.settings.days);
        let claim = commands::call("city.fetch.claim", &source);
        if !self.noted(claim, move |tx, now| commands::claim(tx, now, &source, seen)).await? {
            return Ok(Fetched::Elsewhere);
        }
        let known = remembered.map(|remembered| remembered.known).unwrap_or_default();
        let asked = tokio::select! {
            asked = self.ask(kind, portal, &known, import, watch) => asked,
            never = self.stay_known(portal) => match never {},
        };
        let (outcome, known) = match &asked {
            Ok((Fetched::Imported(_), known)) => (Outcome::Imported, Some(known.clone())),
            Ok((Fetched::Unchanged | Fetched::Elsewhere, _)) => (Outcome::Unchanged, None),
            Err(_) => (Outcome::Failed, None),
        };
        self.counters.fetched(kind, outcome);
        let source = portal.name(self.settings.days);
        let settle = commands::call("city.fetch.settle", &source);
        self.noted(settle, move |tx, now| commands::settle(tx, now, &source, outcome, known.as_ref()))
            .await?;
        asked.map(|(fetched, _)| fetched)
    }

    async fn ask(
        &self,
        kind: MetricType,
        portal: &Portal,
        known: &Known,
        import: Option<Uuid>,
        watch: Arc<dyn Watch>,
    ) -> Result<(Fetched, Known), FetchError> {
        let address = portal.address_on(self.store.now().paris_day(), self.settings.days);
        let Answer::File { path, known } = self.download(&address, portal.key.as_ref(), known).await? else {
            return Ok((Fetched::Unchanged, Known::default()));
        };
        let source = Source::Spooled { name: public_name(&address), path: path.to_path_buf() };
        let outcome = match import {
            Some(id) => self.importer.carry_out(id, kind, vec![source], watch).await?,
            None => self.importer.run(kind, vec![source], watch).await?,
        };
        Ok((Fetched::Imported(outcome), known))
    }

    /// Says, for as long as it is awaited, that a portal is being asked.
    async fn stay_known(&self, portal: &Portal) -> Infallible {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let source = portal.name(self.settings.days);
            let renew = commands::call("city.fetch.renew", &source);
            if let Err(error) = self.noted(renew, move |tx, now| commands::renew(tx, now, &source)).await {
                tracing::debug!(%error, "it could not be written down that a portal is being asked");
            }
        }
    }

    /// Asks all portals when it is time, until the server stops.
    pub(crate) async fn work(&self) {
        let Some(schedule) = self.settings.schedule else { return };
        let started = self.store.now();
        loop {
            let pause = match self.due(schedule, started).await {
                Ok((kind, at)) => {
                    let pause = schedule::until(at, self.store.now());
                    // After a failure not at once: what has failed may be that it could be remembered.
                    if pause.is_zero() && !self.fetch_one(kind).await { schedule::AGAIN } else { pause }
                }
                Err(error) => {
                    tracing::debug!(%error, "it is not known when portals were asked last");
                    schedule::AGAIN
                }
            };
            // Not longer than that: another process may have asked meanwhile, and clocks are set.
            if !self.waits(pause.min(schedule::AGAIN)).await {
                return;
            }
        }
    }

    /// The portal that is to be asked next, and when.
    async fn due(
        &self,
        schedule: Schedule,
        started: Timestamp,
    ) -> Result<(MetricType, Timestamp), Unavailable> {
        let mut next = (MetricType::Bikes, Timestamp::from_micros(i64::MAX));
        for (kind, portal) in &self.settings.portals {
            let last = self.remembered(portal).await?.map(|remembered| remembered.asked_at);
            let at = schedule.next(last, started);
            if at < next.1 {
                next = (*kind, at);
            }
        }
        Ok(next)
    }

    /// Asks a portal and says in the log what came of it; returns whether nothing failed.
    async fn fetch_one(&self, kind: MetricType) -> bool {
        match self.fetch(kind, None, Arc::new(())).await {
            Ok(Fetched::Imported(outcome)) => {
                tracing::info!(%kind, days = outcome.days, changed = outcome.changed, "a portal's file was taken in");
            }
            Ok(Fetched::Unchanged) => tracing::info!(%kind, "a portal has nothing new"),
            Ok(Fetched::Elsewhere) => tracing::debug!(%kind, "another process asks the portal"),
            Err(error) => {
                tracing::warn!(%kind, %error, "a portal's data could not be taken in");
                return false;
            }
        }
        true
    }

    async fn remembered(&self, portal: &Portal) -> Result<Option<commands::Remembered>, Unavailable> {
        let source = portal.name(self.settings.days);
        self.store.read(move |tx| Ok(commands::remembered(tx, &source)?)).await
    }

    async fn noted<T, F>(&self, call: Call, f: F) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, DbError> + Send + 'static,
    {
        let done = self.store.run(call, move |tx, now| f(tx, now).map_err(Failure::<Infallible>::Db));
        done.await.map_err(|error| match error {
            CallError::Unavailable(error) => error,
            CallError::Refused(never) => match never {},
        })
    }

    /// Waits; `false` when the server is stopping.
    async fn waits(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.drain.started()).await.is_err()
    }
}
