//! From settings to a store.

use std::sync::Arc;

use store::{Durability, Engine, Options, Schema};

use crate::config::Settings;

/// The tables of all stalls: each process knows all of them, whichever stalls it runs.
pub const SCHEMAS: [Schema; 3] = [retail::SCHEMA, offers::SCHEMA, city::SCHEMA];

/// The exit code of a process whose disk failed under a commit: a restart recovers.
const DISK_FAILED: i32 = 74;

/// The engine that the settings name: PostgreSQL by its URL, or SQLite in the data folder.
pub fn engine(settings: &Settings) -> Engine {
    match &settings.database {
        Some(url) => Engine::Postgres { url: url.expose().to_owned() },
        None => Engine::Sqlite { folder: settings.data.clone(), durability: Durability::Full },
    }
}

/// How the store is opened.
pub fn options(settings: &Settings) -> Options {
    Options {
        queue: settings.store.queue,
        batch_max: settings.store.batch_max,
        on_fatal: Arc::new(|_| {
            // The callers of the failed commit are being answered 503 meanwhile.
            std::thread::spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(500));
                std::process::exit(DISK_FAILED);
            });
        }),
        ..Options::new(engine(settings), SCHEMAS.to_vec())
    }
}
