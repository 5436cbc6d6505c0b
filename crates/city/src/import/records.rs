//! Publishing records.

use std::sync::Arc;

use uuid::Uuid;

use super::ImportError;
use super::ground::Ground;
use crate::MetricType;
use crate::archive::commands::records::{self, WRITTEN_AT_ONCE};
use crate::record::Record;

/// The records of an import, in the chunks in which they are written.
pub(super) fn chunks(found: Vec<Record>) -> impl Iterator<Item = Vec<Record>> {
    let mut rest = found.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<Record> = rest.by_ref().take(WRITTEN_AT_ONCE).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Writes a chunk; returns how many records are new or different.
pub(super) async fn put(
    ground: &Ground,
    kind: MetricType,
    import: Uuid,
    chunk: Vec<Record>,
) -> Result<u64, ImportError> {
    let chunk: Arc<[Record]> = chunk.into();
    let changed =
        ground.sure(records::call(kind), move |tx, now| records::put(tx, now, kind, import, &chunk)).await?;
    Ok(changed as u64)
}
