//! Signals to processes that we started.

use std::fs;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::try_until;
use crate::{Error, Result};

/// Sends a signal to a child that has not been waited for, so that its id is surely still its own.
pub(crate) fn send(child: &Child, signal: Signal) -> Result<()> {
    send_to(child.id(), signal)
}

/// Sends a signal to a process by its id; one that has already ended is no error.
pub(crate) fn send_to(id: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| Error::Invalid(format!("{id} is no process id")))?;
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(Error::Io { doing: format!("signalling process {id}"), source: error.into() }),
    }
}

/// Waits until a child has ended.
pub(crate) fn wait_for_end(child: &mut Child, what: &str, limit: Duration) -> Result<ExitStatus> {
    try_until(what, limit, || child.try_wait().map_err(Error::io(format!("waiting for {what}"))))
}

/// The living processes whose parent is `parent`; empty where there is no `/proc`.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| stat_of(*id).is_some_and(|stat| stat.parent == parent)).collect()
}

/// Whether a process still runs; one that is dead but not yet reaped does not.
pub(crate) fn is_alive(id: u32) -> bool {
    stat_of(id).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// What `/proc/ID/stat` tells.
struct Stat {
    state: char,
    parent: u32,
}

fn stat_of(id: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some(Stat { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}
