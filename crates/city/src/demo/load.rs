//! Taking the demonstration's files in.

use std::sync::Arc;

use kernel::Limit;
use store::Unavailable;

use super::{NAME, files};
use crate::archive::imports::{self, Import, State};
use crate::import::ImportError;
use crate::{City, MetricType};

/// How a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// All of it is there now.
    Now,
    /// All of it was there already, or other data is.
    Before,
}

/// Takes the demonstration's files in, unless anything else was ever imported; of a load that was cut off, those that are
/// missing. Whatever is imported meanwhile takes its turn.
///
/// # Errors
///
/// When the store fails on the way, or the server stops; what was taken in so far stays.
pub async fn load(city: &City) -> Result<Loaded, ImportError> {
    let known =
        city.store().read(|tx| Ok::<_, Unavailable>(imports::list(tx, Limit::default(), None)?)).await?;
    if known.items.iter().any(|import| !import.source.starts_with(NAME)) {
        return Ok(Loaded::Before);
    }
    let is_there = |kind: MetricType| {
        known.items.iter().any(|Import { kind: known, state, .. }| *known == kind && *state == State::Done)
    };
    let yesterday = city.store().now().paris_day().plus(-1);
    let mut loaded = Loaded::Before;
    for (kind, source) in files(yesterday).into_iter().filter(|(kind, _)| !is_there(*kind)) {
        city.importer().run(kind, vec![source], Arc::new(())).await?;
        loaded = Loaded::Now;
    }
    Ok(loaded)
}
