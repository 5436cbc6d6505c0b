//! SQLite's checkpoints, made by a thread so that no command waits for one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::reader::SNAPSHOT_LIMIT;
use crate::shared::Shared;
use crate::sqlite::{Durability, FILE, Sqlite};
use crate::{DbError, OpenError};

/// How often the WAL is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// After a restart of the WAL that readers prevented, they are left in peace for so long, unless it grows fast.
const RESPITE: Duration = Duration::from_millis(500);
/// How long new snapshots are held back for the older ones to end.
const SHORT_WAIT: Duration = Duration::from_millis(20);
/// The same when the WAL is far too long: every older snapshot of this process ends within it.
const LONG_WAIT: Duration = SNAPSHOT_LIMIT.saturating_add(Duration::from_secs(1));
/// How long the batch under way may take to end; the next one waits for the restart of the WAL.
const BATCH_LIMIT: Duration = Duration::from_secs(1);
/// How long that next batch waits for other processes' snapshots.
const BUSY_LIMIT: Duration = Duration::from_millis(20);

/// The checkpointer's connection, and what it goes by.
pub(crate) struct Checkpointer {
    conn: Sqlite,
    wal: PathBuf,
    /// From this length of the WAL on new snapshots wait until it has started again from its beginning.
    too_long: u64,
    /// How long the WAL was when it was last copied.
    copied: u64,
    /// How long the WAL was, and when, as readers last kept it from starting again.
    prevented: Option<(u64, Instant)>,
}

impl Checkpointer {
    pub(crate) fn open(folder: &Path, durability: Durability, too_long: u64) -> Result<Self, OpenError> {
        let mut conn = Sqlite::open(folder, durability)?;
        conn.be_impatient(BUSY_LIMIT)?;
        Ok(Self { conn, wal: folder.join(format!("{FILE}-wal")), too_long, copied: 0, prevented: None })
    }

    /// Copies the WAL back whenever it is worth it, until the store closes.
    pub(crate) fn work(mut self, shared: &Shared) {
        while !shared.pause(PAUSE) {
            let length = std::fs::metadata(&self.wal).map_or(0, |file| file.len());
            let result =
                if length >= self.too_long { self.restart(length, shared) } else { self.copy(length) };
            if let Err(error) = result {
                tracing::warn!(%error, "a checkpoint failed; it will be tried again");
            }
        }
    }

    fn copy(&mut self, length: u64) -> Result<(), DbError> {
        self.prevented = None;
        self.copied = self.copied.min(length);
        if length >= self.copied + self.too_long / 16 {
            self.copied = length;
            self.conn.checkpoint("PASSIVE")?;
        }
        Ok(())
    }

    fn restart(&mut self, length: u64, shared: &Shared) -> Result<(), DbError> {
        let soon = |(then, at): (u64, Instant)| length < then + self.too_long / 4 && at.elapsed() < RESPITE;
        if self.prevented.is_some_and(soon) {
            return Ok(());
        }
        self.copied = length;
        self.prevented = Some((length, Instant::now()));
        // Commands need not wait for most of it; only the rest is copied while they do.
        self.conn.checkpoint("PASSIVE")?;
        let limit = if length >= self.too_long.saturating_mul(4) { LONG_WAIT } else { SHORT_WAIT };
        let truncate = || self.conn.checkpoint("TRUNCATE");
        let commits = &shared.commits;
        match shared.snapshots.while_closed(limit, || commits.while_closed(BATCH_LIMIT, truncate)).flatten() {
            Some(Ok(true)) => self.prevented = None,
            Some(Ok(false)) | None => {}
            Some(Err(error)) => return Err(error),
        }
        Ok(())
    }
}
