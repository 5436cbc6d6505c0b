//! The commands of one transaction, those of the same slice side by side.

use std::any::TypeId;
use std::ops::Range;

use crate::Unavailable;
use crate::command::{Job, Locks};

/// What became of a command within a run.
pub(crate) type Fate = Result<(), Unavailable>;

/// Commands in the order in which they run. Those that run together are neighbours.
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Box<dyn Job>>,
    /// What became of each in the last run.
    pub(crate) fates: Vec<Fate>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Batch {
    /// Puts jobs of the same slice side by side, in the place of each one's first.
    pub(crate) fn new(jobs: Vec<Box<dyn Job>>) -> Self {
        let mut seen: Vec<(TypeId, usize)> = Vec::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut placed: Vec<(usize, Box<dyn Job>)> = Vec::with_capacity(jobs.len());
        for job in jobs {
            let known = job.slice().and_then(|slice| seen.iter().find(|(other, _)| *other == slice));
            let place = known.map_or(sizes.len(), |(_, place)| *place);
            if known.is_none() {
                sizes.push(0);
                seen.extend(job.slice().map(|slice| (slice, place)));
            }
            sizes[place] += 1;
            placed.push((place, job));
        }
        placed.sort_by_key(|(place, _)| *place);
        let ends = sizes.iter().scan(0, |end, size| {
            *end += size;
            Some(*end)
        });
        Self {
            fates: vec![Ok(()); placed.len()],
            ends: ends.collect(),
            jobs: placed.into_iter().map(|(_, job)| job).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Where the commands stand that run together.
    pub(crate) fn groups(&self) -> Vec<Range<usize>> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| *start..*end).collect()
    }

    /// The locks of every command.
    pub(crate) fn locks(&self) -> impl Iterator<Item = &Locks> {
        self.jobs.iter().map(|job| &job.call().locks)
    }

    /// Cuts it into parts of at most `size` commands.
    pub(crate) fn split(self, size: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut jobs = self.jobs.into_iter().peekable();
        while jobs.peek().is_some() {
            parts.push(Self::new(jobs.by_ref().take(size).collect()));
        }
        parts
    }

    /// Answers every caller with what became of its command.
    pub(crate) fn answer(self) {
        for (job, fate) in self.jobs.into_iter().zip(self.fates) {
            job.answer(fate);
        }
    }

    /// Answers every caller with the same error.
    pub(crate) fn refuse(self, error: &Unavailable) {
        for job in self.jobs {
            job.answer(Err(error.clone()));
        }
    }
}
