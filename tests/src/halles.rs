//! The program itself: started, asked, killed.

use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testkit::ServerProcess;

use crate::http::{Client, Request};
use crate::wait::eventually;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_mins(1);

/// Where a server keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// SQLite in a folder.
    Folder(PathBuf),
    /// A PostgreSQL database, by URL.
    Database(String),
}

impl Data {
    /// The flag and value that name it on the command line.
    fn arguments(&self) -> [OsString; 2] {
        match self {
            Self::Folder(folder) => ["--data".into(), folder.into()],
            Self::Database(url) => ["--database".into(), url.into()],
        }
    }
}

/// A program of the workspace that lies beside this one: `halles`, or a twin of it that is known to be bad.
///
/// # Errors
/// When it has not been built.
pub fn program(name: &str) -> Result<PathBuf> {
    let here = env::current_exe().context("looking for the running program")?;
    // Tests lie one folder deeper than programs.
    let folders = here.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built: run `cargo build --workspace --bins` first"))
}

/// A command of the program, without anything from this process's surroundings that could change what it does.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(env::temp_dir());
    for kept in ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE"] {
        if let Some(value) = env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// How a server is to be started.
#[derive(Debug, Clone)]
pub struct Serve {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Serve {
    /// `halles serve` on a free port over this data.
    pub fn on(data: &Data) -> Result<Self> {
        Ok(Self { program: program("halles")?, arguments: data.arguments().into(), environment: Vec::new() })
    }

    /// Another program with the same command line.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The command that [`Serve::start`] runs.
    pub fn command(&self) -> Command {
        let mut command = command(&self.program);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and waits until it listens, which may be before it is ready.
    ///
    /// # Errors
    /// When it ends instead, or does not listen within a minute; the text holds its log.
    pub fn start(&self) -> Result<Halles> {
        let mut process = ServerProcess::start(self.command())?;
        let address = process.wait_for_line("listening on http://", START)?;
        let address =
            address.trim_end_matches('/').parse().with_context(|| format!("listening on {address}"))?;
        Ok(Halles { process, address })
    }

    /// Starts it and waits until it can be used.
    pub async fn start_ready(&self) -> Result<Halles> {
        let server = self.start()?;
        server.ready(START).await?;
        Ok(server)
    }
}

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct Halles {
    process: ServerProcess,
    address: SocketAddr,
}

impl Halles {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A new caller.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Waits until `/health/ready` says so.
    pub async fn ready(&self, limit: Duration) -> Result<()> {
        let mut client = self.client();
        let ready = eventually("the server to be ready", limit, async || {
            let answer = client.call(&Request::get("/health/ready")).await?;
            Ok((answer.status == 200).then_some(()))
        });
        ready.await.with_context(|| format!("the server said:\n{}", self.log()))
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends it as a power cut would.
    pub fn kill9(&mut self) -> Result<()> {
        Ok(self.process.kill9()?)
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&mut self) -> Result<()> {
        Ok(self.process.terminate()?)
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        Ok(self.process.wait(limit)?)
    }

    /// Whether it has ended, for whatever reason.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.has_ended()?)
    }
}

/// The books, as `halles check` finds them.
#[derive(Debug)]
pub struct Books {
    /// Whether nothing is wrong.
    pub sound: bool,
    /// The report.
    pub report: Value,
}

/// Runs `halles check --settled` over the data, beside a server or without one.
///
/// # Errors
/// When the data cannot be read (exit code 2).
pub fn check(data: &Data) -> Result<Books> {
    let mut command = command(&program("halles")?);
    let output = command.args(["check", "--settled", "--json"]).args(data.arguments()).output()?;
    let Output { status, stdout, stderr } = output;
    let said =
        || [&stdout[..], &stderr[..]].map(|text| String::from_utf8_lossy(text).into_owned()).join("\n");
    match status.code() {
        Some(code @ (0 | 1)) => {
            let report =
                serde_json::from_slice(&stdout).with_context(|| format!("halles check said {}", said()))?;
            Ok(Books { sound: code == 0, report })
        }
        _ => bail!("halles check ended with {status}: {}", said()),
    }
}
