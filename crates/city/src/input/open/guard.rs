//! A bound on what comes out of an archive.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Refusal;

/// More than so many times its own size comes out of no archive of real data: hourly counts with long, repeated texts
/// reach 100, and deflate's format could not pass 1,032 with nothing but zeros.
const MOST_RATIO: u64 = 500;
/// Below this, the ratio does not matter: also what is read as a whole takes little memory then.
const HARMLESS: u64 = 4 << 20;

/// What may still come out of an archive, all its files together.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    expanded: Arc<AtomicU64>,
    packed: u64,
    most: u64,
}

impl Budget {
    /// For an archive of so many bytes.
    pub(super) fn new(packed: u64, most: u64) -> Self {
        Self { expanded: Arc::default(), packed, most }
    }

    fn spend(&self, count: usize) -> Result<(), Refusal> {
        let count = count as u64;
        let expanded = self.expanded.fetch_add(count, Ordering::Relaxed) + count;
        if expanded > self.most {
            return Err(Refusal::Expanded(self.most));
        }
        if expanded > HARMLESS && expanded / MOST_RATIO > self.packed {
            return Err(Refusal::Ratio(MOST_RATIO));
        }
        Ok(())
    }
}

/// Reads what is unpacked, as far as the budget goes.
pub(super) struct Guarded<R> {
    from: R,
    budget: Budget,
}

impl<R> Guarded<R> {
    pub(super) fn new(from: R, budget: Budget) -> Self {
        Self { from, budget }
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.budget.spend(count).map_err(io::Error::other)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_all_files_of_an_archive_together() {
        let budget = Budget::new(10, 100);
        assert_eq!(budget.spend(60), Ok(()));
        assert_eq!(budget.clone().spend(41), Err(Refusal::Expanded(100)));
    }

    #[test]
    fn a_little_archive_with_very_much_in_it_is_refused() {
        let harmless = usize::try_from(HARMLESS).unwrap_or(usize::MAX);
        assert_eq!(Budget::new(1, u64::MAX).spend(harmless), Ok(()));
        assert_eq!(Budget::new(1, u64::MAX).spend(harmless + 500), Err(Refusal::Ratio(MOST_RATIO)));
        assert_eq!(Budget::new(HARMLESS / 400, u64::MAX).spend(harmless + 500), Ok(()));
    }
}
