//! Taking an import through its steps, and finishing what a crash has left.

use std::convert::Infallible;
use std::sync::Arc;

use store::idempotency::{Claim, Key};
use store::{Call, CallError, DbError, Failure, Store, Unavailable};
use uuid::Uuid;

use super::commands::{self, CHUNK, Kind, Lost, Run};
use super::{ImportError, ImportReport, Imported, LineError, ProductLine, StockLine};
use crate::{CATALOGUE, STOCK};

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many lines have been checked against what is stored.
    Checked(usize),
    /// The whole file counts; so many lines are where they belong.
    Imported(usize),
}

/// Imports products, as `id`, a new UUID.
pub async fn import_products(
    store: &Store,
    id: Uuid,
    key: Option<Key>,
    lines: Vec<ProductLine>,
    on_progress: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    import(store, id, key, Lines::Products(lines.into()), on_progress).await
}

/// Imports opening stock, as `id`, a new UUID.
pub async fn import_stock(
    store: &Store,
    id: Uuid,
    key: Option<Key>,
    lines: Vec<StockLine>,
    on_progress: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    import(store, id, key, Lines::Stock(lines.into()), on_progress).await
}

/// Finishes published imports and clears others away, if nobody works on them any more; returns how many there were.
///
/// `all`: nobody can be at work (the process that was has ended), so leases mean nothing.
pub async fn resume(store: &Store, all: bool) -> Result<usize, Unavailable> {
    let now = store.now();
    let runs = store.read(move |tx| commands::unfinished(tx, now, all).map_err(Unavailable::from)).await?;
    for (run, published) in &runs {
        if *published {
            apply(store, *run, |_| {}).await?;
        } else {
            abandon(store, *run).await?;
        }
    }
    Ok(runs.len())
}

/// A file's lines, shared with the commands that work on them.
#[derive(Clone)]
enum Lines {
    Products(Arc<[ProductLine]>),
    Stock(Arc<[StockLine]>),
}

impl Lines {
    const fn kind(&self) -> Kind {
        match self {
            Self::Products(_) => Kind::Products,
            Self::Stock(_) => Kind::Stock,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Products(lines) => lines.len(),
            Self::Stock(lines) => lines.len(),
        }
    }
}

async fn import(
    store: &Store,
    id: Uuid,
    key: Option<Key>,
    lines: Lines,
    mut on_progress: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    let run = Run { id, kind: lines.kind() };
    begin(store, run, lines.len(), key).await?;
    match stage(store, run, &lines, &mut on_progress).await {
        Ok(()) => {}
        Err(error) => {
            // What cannot be cleared away now is cleared away by `resume`.
            if let Err(error) = abandon(store, run).await {
                tracing::warn!(%error, "an import that failed could not be cleared away yet");
            }
            return Err(error);
        }
    }
    let call = Call::new("retail.import.publish", lane(run.kind)).lock("import", id);
    store.run(call, move |tx, now| commands::publish(tx, now, id)).await.map_err(lost)?;
    let applied = apply(store, run, |done| on_progress(Progress::Imported(done))).await;
    applied.map_err(ImportError::Unfinished)?;
    Ok(Imported::all(lines.len()))
}

async fn begin(store: &Store, run: Run, lines: usize, key: Option<Key>) -> Result<(), ImportError> {
    let call = Call::new("retail.import.begin", lane(run.kind)).lock("import", run.id).lock_key(key.as_ref());
    let claim = sure(store, call, move |tx, now| commands::begin(tx, now, run, lines, key.as_ref())).await?;
    match claim {
        Claim::New => Ok(()),
        Claim::Replay(_) | Claim::Running | Claim::Reused => Err(ImportError::Claimed(claim)),
    }
}

/// Stages all lines, or finds out everything that is wrong with them.
async fn stage(
    store: &Store,
    run: Run,
    lines: &Lines,
    on_progress: &mut impl FnMut(Progress),
) -> Result<(), ImportError> {
    let mut report = ImportReport { read: lines.len(), ..ImportReport::default() };
    for start in (0..lines.len()).step_by(CHUNK) {
        let end = lines.len().min(start + CHUNK);
        let errors = stage_chunk(store, run, lines.clone(), start..end).await.map_err(lost)?;
        for error in errors {
            report.add(error);
        }
        on_progress(Progress::Checked(end));
    }
    report.or(()).map_err(ImportError::Refused)
}

async fn stage_chunk(
    store: &Store,
    run: Run,
    lines: Lines,
    range: std::ops::Range<usize>,
) -> Result<Vec<LineError>, CallError<Lost>> {
    let call = Call::new("retail.import.stage", lane(run.kind)).lock("import", run.id);
    match lines {
        Lines::Products(lines) => {
            let call = call.lock_whole("product.ean13");
            store
                .run(call, move |tx, now| commands::stage_products(tx, now, run.id, &lines[range.clone()]))
                .await
        }
        Lines::Stock(lines) => {
            let call = call.lock_whole("stock");
            store
                .run(call, move |tx, now| commands::stage_stock(tx, now, run.id, &lines[range.clone()]))
                .await
        }
    }
}

/// Moves all lines of a published import to where they belong.
async fn apply(store: &Store, run: Run, mut on_progress: impl FnMut(usize)) -> Result<(), Unavailable> {
    loop {
        let call = Call::new("retail.import.apply", lane(run.kind)).lock("import", run.id);
        let call = match run.kind {
            Kind::Products => call.lock("product.ids", 0).lock_whole("product").lock_whole("product.ean13"),
            Kind::Stock => call.lock_whole("stock"),
        };
        let applied = sure(store, call, move |tx, now| commands::apply(tx, now, run)).await?;
        on_progress(applied.lines);
        if applied.finished {
            return Ok(());
        }
    }
}

async fn abandon(store: &Store, run: Run) -> Result<(), Unavailable> {
    loop {
        let call = Call::new("retail.import.abandon", lane(run.kind)).lock("import", run.id);
        if sure(store, call, move |tx, now| commands::abandon(tx, now, run.id)).await? {
            return Ok(());
        }
    }
}

const fn lane(kind: Kind) -> store::Lane {
    match kind {
        Kind::Products => CATALOGUE,
        Kind::Stock => STOCK,
    }
}

/// Runs a command that never refuses.
async fn sure<T, F>(store: &Store, call: Call, f: F) -> Result<T, Unavailable>
where
    T: Send + 'static,
    F: Fn(&mut store::Tx<'_>, kernel::Timestamp) -> Result<T, DbError> + Send + 'static,
{
    match store.run(call, move |tx, now| f(tx, now).map_err(Failure::<Infallible>::Db)).await {
        Ok(value) => Ok(value),
        Err(CallError::Unavailable(error)) => Err(error),
        Err(CallError::Refused(never)) => match never {},
    }
}

fn lost(error: CallError<Lost>) -> ImportError {
    match error {
        CallError::Refused(Lost) => ImportError::Lost,
        CallError::Unavailable(error) => ImportError::Unavailable(error),
    }
}
