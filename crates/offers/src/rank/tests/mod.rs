#![expect(clippy::unwrap_used, reason = "tests")]

mod chances;
mod merging;
mod moments;
mod stale;
mod stored;
mod world;
