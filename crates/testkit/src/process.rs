//! A server under test, as a child process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::error::tail;
use crate::wait::try_until;
use crate::{Error, Result, signal};

/// A program that runs as a child until it is told to end; dropping it kills it.
///
/// It stays in the caller's process group, so an interrupted test run takes it along.
#[derive(Debug)]
pub struct ServerProcess {
    name: String,
    child: Child,
    output: Arc<Mutex<Output>>,
    /// Where [`ServerProcess::wait_for_line`] goes on reading.
    next_line: usize,
}

/// What the program has said so far.
#[derive(Debug, Default)]
struct Output {
    /// Whole lines of standard output.
    lines: Vec<String>,
    /// Both streams, in the order of arrival.
    log: String,
    /// How many of the two streams are still open.
    open_streams: usize,
}

impl ServerProcess {
    /// Starts the program with the arguments and environment of `command`; its standard streams are ours.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::io(format!("starting {name}")))?;
        let output = Arc::new(Mutex::new(Output { open_streams: 2, ..Output::default() }));
        collect(child.stdout.take(), &output, true);
        collect(child.stderr.take(), &output, false);
        Ok(Self { name, child, output, next_line: 0 })
    }

    /// Waits for a line of standard output that starts with `prefix`, and returns the rest of that line.
    /// Lines before it are passed over: the next call goes on after it.
    ///
    /// # Errors
    /// [`Error::Ended`] when the program ends without such a line, [`Error::TimedOut`] after `limit`; both
    /// tell the log.
    pub fn wait_for_line(&mut self, prefix: &str, limit: Duration) -> Result<String> {
        let what = format!("the line `{prefix}…` of {}", self.name);
        let found = try_until(&what, limit, || {
            // Looked at before the lines: when the streams are closed, all lines are there.
            let ended = self.output().open_streams == 0;
            if let Some(rest) = self.find_line(prefix) {
                return Ok(Some(rest));
            }
            if ended { Err(self.ended()) } else { Ok(None) }
        });
        found.map_err(|error| error.explained(&tail(&self.log())))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far on both streams.
    pub fn log(&self) -> String {
        self.output().log.clone()
    }

    /// Ends it as a power cut would (SIGKILL), and waits until it is gone.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill().map_err(Error::io(format!("killing {}", self.name)))?;
        self.child.wait().map_err(Error::io(format!("waiting for {}", self.name)))?;
        Ok(())
    }

    /// Asks it to end (SIGTERM); [`ServerProcess::wait`] tells whether it did.
    pub fn terminate(&mut self) -> Result<()> {
        if self.has_ended()? { Ok(()) } else { signal::send(&self.child, Signal::TERM) }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// [`Error::TimedOut`] with the log when it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        let ended = signal::wait_for_end(&mut self.child, &what, limit);
        ended.map_err(|error| error.explained(&tail(&self.log())))
    }

    /// Whether it has ended, for whatever reason.
    pub fn has_ended(&mut self) -> Result<bool> {
        let status = self.child.try_wait().map_err(Error::io(format!("looking at {}", self.name)))?;
        Ok(status.is_some())
    }

    fn find_line(&mut self, prefix: &str) -> Option<String> {
        let found = {
            let output = self.output();
            let mut unread = output.lines.iter().enumerate().skip(self.next_line);
            unread.find_map(|(index, line)| Some((index, line.strip_prefix(prefix)?.to_owned())))
        };
        let (index, rest) = found?;
        self.next_line = index + 1;
        Some(rest)
    }

    fn ended(&mut self) -> Error {
        let status = match self.child.try_wait() {
            Ok(Some(status)) => status.to_string(),
            Ok(None) => "its output closed".to_owned(),
            Err(error) => error.to_string(),
        };
        Error::Ended { program: self.name.clone(), status, output: tail(&self.log()) }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        lock(&self.output)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Nothing to be done about a failure here: the test is over.
        drop(self.kill9());
    }
}

/// Reads a stream to its end on a thread of its own, so that the child never blocks on a full pipe.
fn collect(stream: Option<impl Read + Send + 'static>, output: &Arc<Mutex<Output>>, keep_lines: bool) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut reader = stream.map(BufReader::new);
        let mut line = Vec::new();
        while let Some(reader) = &mut reader {
            line.clear();
            // A read error of a pipe means as much as its end: nothing more will come.
            if !matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            let mut output = lock(&output);
            output.log.push_str(&text);
            if keep_lines {
                output.lines.push(text.trim_end_matches(['\r', '\n']).to_owned());
            }
        }
        lock(&output).open_streams -= 1;
    });
}

/// Each change under the lock is whole, so a poisoned lock guards sound data.
fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Result<ServerProcess> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        ServerProcess::start(command)
    }

    #[test]
    fn returns_the_rest_of_the_awaited_line() -> Result<()> {
        let mut server =
            shell("echo starting; echo careful >&2; echo listening on http://127.0.0.1:1; exec sleep 60")?;
        assert_eq!(server.wait_for_line("listening on ", LIMIT)?, "http://127.0.0.1:1");
        assert!(server.log().contains("starting\n"));
        crate::wait_until("the line on standard error", LIMIT, || server.log().contains("careful"))
    }

    #[test]
    fn a_program_that_ends_early_is_an_error_that_tells_its_log() -> Result<()> {
        let error = shell("echo no such folder >&2; exit 3")?.wait_for_line("listening on ", LIMIT);
        let text = error.expect_err("it never listens").to_string();
        assert!(text.contains("no such folder"), "{text}");
        Ok(())
    }

    #[test]
    fn a_silent_program_times_out() -> Result<()> {
        let error =
            shell("echo hello; exec sleep 60")?.wait_for_line("listening on ", Duration::from_millis(300));
        let text = error.expect_err("it says something else").to_string();
        assert!(text.contains("in vain for the line `listening on …` of sh\nhello"), "{text}");
        Ok(())
    }

    #[test]
    fn terminate_asks_and_wait_tells_the_status() -> Result<()> {
        let mut server = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")?;
        server.wait_for_line("ready", LIMIT)?;
        server.terminate()?;
        assert_eq!(server.wait(LIMIT)?.code(), Some(7));
        server.terminate()
    }

    #[test]
    fn kill9_does_not_ask() -> Result<()> {
        let mut server = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done")?;
        server.wait_for_line("ready", LIMIT)?;
        server.kill9()?;
        assert_eq!(server.wait(LIMIT)?.signal(), Some(Signal::KILL.as_raw()));
        Ok(())
    }
}
