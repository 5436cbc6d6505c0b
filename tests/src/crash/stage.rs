//! A server with data of its own, and what it takes to kill and revive it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use rand::Rng;
use testkit::{PrivatePostgres, TempDir, wait_until};
use tokio::runtime::Runtime;

use crate::eventually;
use crate::halles::{Data, Halles, Serve, program};
use crate::http::Client;
use crate::store_view::StoreView;

/// What the server stores its data with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// SQLite in a folder.
    Sqlite,
    /// A private PostgreSQL server.
    Postgres,
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The server.
    Server,
    /// PostgreSQL under a server that goes on.
    Database,
    /// Both at once.
    Both,
}

impl Victim {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Database => "postgresql",
            Self::Both => "server and postgresql",
        }
    }

    /// Who dies in a round: on PostgreSQL each in turn.
    pub(super) fn of_round(engine: Engine, round: u64) -> Self {
        match (engine, round % 3) {
            (Engine::Sqlite, _) | (Engine::Postgres, 0) => Self::Server,
            (Engine::Postgres, 1) => Self::Database,
            (Engine::Postgres, _) => Self::Both,
        }
    }
}

/// Everything that a killed process of PostgreSQL was still doing is over after so long.
const BACKENDS_END: Duration = Duration::from_secs(20);
/// A server that is asked to stop has stopped after so long.
const STOPPED: Duration = Duration::from_secs(30);
/// A lease of a dead process runs out after 10 s on PostgreSQL.
const SETTLED: Duration = Duration::from_mins(1);

/// The server and its data.
pub(super) struct Stage {
    postgres: Option<PrivatePostgres>,
    data: Data,
    program: PathBuf,
    server: Option<Halles>,
    /// Removed when the stage is dropped, after everything else.
    _folder: TempDir,
}

impl Stage {
    /// Starts a server on fresh data.
    pub(super) fn set(engine: Engine) -> Result<Self> {
        let folder = TempDir::with_prefix("halles-crash-")?;
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(PrivatePostgres::start()?),
        };
        let data = match &postgres {
            None => Data::Folder(folder.path().to_path_buf()),
            Some(postgres) => Data::Database(postgres.create_database("halles")?),
        };
        let mut stage = Self { postgres, data, program: program("halles")?, server: None, _folder: folder };
        stage.start_server()?;
        Ok(stage)
    }

    /// Lets another program serve the data from now on.
    pub(super) fn hand_over(&mut self, to: &Path) -> Result<()> {
        if self.program != to {
            self.program = to.to_path_buf();
            let mut server = self.server.take().context("the server is down")?;
            server.terminate()?;
            server.wait(STOPPED)?;
            self.start_server()?;
        }
        Ok(())
    }

    pub(super) fn data(&self) -> &Data {
        &self.data
    }

    pub(super) fn server(&self) -> Result<&Halles> {
        self.server.as_ref().context("the server is down")
    }

    pub(super) fn client(&self) -> Result<Client> {
        Ok(self.server()?.client())
    }

    pub(super) fn view(&self) -> Result<StoreView> {
        StoreView::of(&self.data)
    }

    /// Kills with SIGKILL.
    pub(super) fn kill(&mut self, victim: Victim) -> Result<()> {
        if victim != Victim::Database
            && let Some(mut server) = self.server.take()
        {
            server.kill9()?;
        }
        match &mut self.postgres {
            Some(postgres) if victim != Victim::Server => Ok(postgres.kill9()?),
            Some(_) | None => Ok(()),
        }
    }

    /// Brings PostgreSQL back if it was killed, and waits until nobody works on the data but a server that lives.
    pub(super) fn recover_database(&mut self) -> Result<()> {
        let Some(postgres) = &mut self.postgres else { return Ok(()) };
        if postgres.pid().is_none() {
            postgres.start_again()?;
        }
        if self.server.is_some() {
            return Ok(());
        }
        let view = self.view()?;
        let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        wait_until("the end of the dead server's sessions", BACKENDS_END, || {
            view.number(others).is_ok_and(|n| n == 0)
        })?;
        Ok(())
    }

    /// Starts the server if it is down; `again` kills it once more in the midst of its recovery.
    pub(super) fn revive(&mut self, again: Option<&mut impl Rng>) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        self.start_server()?;
        if let Some(rng) = again {
            std::thread::sleep(Duration::from_millis(rng.random_range(0..120)));
            self.kill(Victim::Server)?;
            self.recover_database()?;
            self.start_server()?;
        }
        Ok(())
    }

    /// Waits until the server can be used and has brought every order to its end.
    pub(super) fn settle(&self, runtime: &Runtime) -> Result<()> {
        let view = self.view()?;
        let server = self.server()?;
        runtime.block_on(async {
            server.ready(SETTLED).await?;
            eventually("every order to be settled", SETTLED, async || {
                let left = view.number("SELECT COUNT(*) FROM orders WHERE lease_until IS NOT NULL")?;
                if left > 0 {
                    bail!("{left} orders are not");
                }
                Ok(Some(()))
            })
            .await
        })
    }

    fn start_server(&mut self) -> Result<()> {
        self.server = Some(Serve::on(&self.data)?.program(self.program.clone()).start()?);
        Ok(())
    }
}
