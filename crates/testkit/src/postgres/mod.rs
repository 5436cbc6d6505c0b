//! A private PostgreSQL server in a temporary folder.

mod account;
mod binaries;
mod guardian;
mod wire;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::error::tail;
use crate::wait::try_until;
use crate::{Error, Result, free_port, signal, wait_until};

use account::Account;
use guardian::Guardian;

pub use binaries::PostgresBinaries;
pub use wire::{Database, Row};

/// How long a start, crash recovery included, or an orderly stop may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How often another port is tried when somebody was faster.
const PORT_ATTEMPTS: usize = 5;

/// A PostgreSQL server of one's own: fresh, durable (`fsync` on), reachable on 127.0.0.1 and on a Unix socket
/// without a password as user `postgres`.
///
/// The server lives in a temporary folder and ends with this value, or with this process if that is killed.
/// Started by root it runs as another user, since PostgreSQL refuses root.
#[derive(Debug)]
pub struct PrivatePostgres {
    binaries: PostgresBinaries,
    account: Option<Account>,
    settings: Vec<(String, String)>,
    port: u16,
    /// `None` while it is stopped or killed.
    server: Option<Child>,
    guardian: Guardian,
    /// The temporary folder without symbolic links, as the server sees it.
    path: PathBuf,
    /// Removes the folder when dropped; declared last, hence dropped last.
    _folder: TempDir,
}

impl PrivatePostgres {
    /// Creates a cluster and starts a server on it.
    ///
    /// # Errors
    /// When PostgreSQL 15 or later is not installed (the text says what to run), or when the server does not
    /// accept connections within 30 s (the text holds its log).
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// [`PrivatePostgres::start`] with settings of `postgresql.conf`, such as `("max_connections", "400")`.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let binaries = PostgresBinaries::find()?;
        let account = Account::for_server()?;
        let folder = TempDir::with_prefix("halles-postgres-").map_err(Error::io("making a folder"))?;
        let path = folder.path().canonicalize().map_err(Error::io("looking at the new folder"))?;
        if let Some(account) = &account {
            let given = chown(&path, Some(account.uid), Some(account.gid));
            given.map_err(Error::io(format!("giving the folder to user {}", account.name)))?;
        }
        let guardian = Guardian::over(&path)?;
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut this =
            Self { binaries, account, settings, port: 0, server: None, guardian, path, _folder: folder };
        this.create_cluster()?;
        this.start_on_a_free_port()?;
        Ok(this)
    }

    /// The URL of one of its databases; `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        self.database(database).url()
    }

    /// One of its databases.
    pub fn database(&self, name: &str) -> Database {
        Database::local(self.port, name)
    }

    /// Creates an empty database and returns its URL.
    pub fn create_database(&self, name: &str) -> Result<String> {
        Ok(self.database("postgres").create_sibling(name)?.url())
    }

    /// The TCP port on 127.0.0.1, the same for life.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the main server process; `None` while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// The folder of its Unix socket.
    pub fn socket_folder(&self) -> &Path {
        &self.path
    }

    /// The programs it runs from, for a client such as `pgbench` of the same version.
    pub fn binaries(&self) -> &PostgresBinaries {
        &self.binaries
    }

    /// The server's log, all starts one after another.
    pub fn log(&self) -> String {
        read_log(&self.log_file())
    }

    /// Ends all its processes at once with SIGKILL, as a power cut would, and waits until they are gone.
    /// No effect while it is stopped.
    pub fn kill9(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        // A stopped parent neither starts further children nor reaps those that we kill, so that their ids
        // stay theirs.
        signal::send(&server, Signal::STOP)?;
        let children = signal::children_of(server.id());
        for child in &children {
            signal::send_to(*child, Signal::KILL)?;
        }
        signal::send(&server, Signal::KILL)?;
        server.wait().map_err(Error::io("waiting for the killed server"))?;
        wait_until("the end of the killed server's processes", LIMIT, || {
            !children.iter().any(|child| signal::is_alive(*child))
        })
    }

    /// Ends it in order: sessions are closed, everything is written ("fast shutdown"). No effect while it is
    /// stopped.
    pub fn stop(&mut self) -> Result<()> {
        self.shut_down(Signal::INT)
    }

    /// Starts it again after [`PrivatePostgres::kill9`] or [`PrivatePostgres::stop`]: same data, same port.
    ///
    /// # Errors
    /// When it runs already, or as for [`PrivatePostgres::start`].
    pub fn start_again(&mut self) -> Result<()> {
        if self.server.is_some() {
            return Err(Error::Invalid("the private PostgreSQL is already running".to_owned()));
        }
        self.launch()
    }

    fn create_cluster(&self) -> Result<()> {
        let mut initdb = self.command("initdb");
        // The C locale exists everywhere and sorts the same everywhere. Not syncing the empty cluster is safe:
        // what the server writes later is synced, and the cluster need not survive the machine.
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pgdata").arg(self.data());
        let output = initdb.output().map_err(Error::io("running initdb"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(Error::Ended {
            program: "initdb".to_owned(),
            status: output.status.to_string(),
            output: tail(&String::from_utf8_lossy(&said)),
        })
    }

    fn start_on_a_free_port(&mut self) -> Result<()> {
        let mut attempt = 1;
        loop {
            self.port = free_port()?;
            match self.launch() {
                Err(_) if attempt < PORT_ATTEMPTS && self.port_was_taken() => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// Whether the last start failed because somebody else listens on the port.
    fn port_was_taken(&self) -> bool {
        self.log().contains("could not create any TCP/IP sockets")
    }

    fn launch(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file());
        let log = log.map_err(Error::io("opening the server's log"))?;
        let log_too = log.try_clone().map_err(Error::io("opening the server's log"))?;
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data());
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={}", self.port)]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.path.display()));
        if cfg!(target_os = "linux") {
            // Recovery first makes the whole folder durable; file by file that takes seconds on a busy disk.
            command.args(["-c", "recovery_init_sync_method=syncfs"]);
        }
        for (key, value) in &self.settings {
            command.args(["-c", &format!("{key}={value}")]);
        }
        // A group of its own keeps it out of reach of the terminal's interrupt, which is for the test run.
        command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(log_too);
        let server = command.spawn().map_err(Error::io("starting postgres"))?;
        let server = self.server.insert(server);
        let status_file = guardian::status_file(&self.path);
        let ready = try_until("PostgreSQL to accept connections", LIMIT, || {
            let ended = server.try_wait().map_err(Error::io("looking at postgres"))?;
            if let Some(status) = ended {
                let output = tail(&read_log(&log_file_in(&self.path)));
                return Err(Error::Ended {
                    program: "postgres".to_owned(),
                    status: status.to_string(),
                    output,
                });
            }
            Ok(says_ready(&status_file, server.id()).then_some(()))
        });
        ready.map_err(|error| {
            let error = error.explained(&tail(&self.log()));
            // The start has failed already; that ending it may fail too would only hide why.
            drop(self.kill9());
            error
        })
    }

    fn shut_down(&mut self, how: Signal) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        let ended = signal::send(&server, how)
            .and_then(|()| signal::wait_for_end(&mut server, "PostgreSQL to shut down", LIMIT));
        if let Err(error) = ended {
            self.server = Some(server);
            return Err(error.explained(&tail(&self.log())));
        }
        Ok(())
    }

    /// A program of PostgreSQL, to be run in our folder as the server's user.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.program(program));
        command.current_dir(&self.path).env("LC_ALL", "C");
        if let Some(account) = &self.account {
            // Also drops root's supplementary groups.
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.path.join(guardian::DATA)
    }

    fn log_file(&self) -> PathBuf {
        log_file_in(&self.path)
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // An immediate shutdown writes nothing but frees its shared memory, which SIGKILL would leave behind.
        // Errors cannot be reported from here; SIGKILL is the answer to them.
        if self.shut_down(Signal::QUIT).is_err() {
            drop(self.kill9());
        }
        self.guardian.dismiss();
        // The TempDir would ignore files that appear while it removes the folder; nothing runs any more.
        drop(fs::remove_file(self.log_file()));
    }
}

/// Whether the server says of itself that it accepts connections: the first line of its status file is its
/// process id, the eighth its state. `pg_ctl` waits in the same way. Connecting to find out would fill the log
/// with refusals while it recovers.
fn says_ready(status_file: &Path, pid: u32) -> bool {
    let status = fs::read_to_string(status_file).unwrap_or_default();
    let mut lines = status.lines();
    let is_ours = lines.next().is_some_and(|line| line.parse() == Ok(pid));
    is_ours && lines.nth(6).is_some_and(|state| state.trim_end() == "ready")
}

/// Never fails: it serves to explain another error.
fn read_log(file: &Path) -> String {
    match fs::read(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("({} cannot be read: {error})", file.display()),
    }
}

fn log_file_in(folder: &Path) -> PathBuf {
    folder.join("server.log")
}
