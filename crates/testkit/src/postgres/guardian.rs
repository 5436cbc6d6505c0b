//! Ends a private server whose owner was killed before it could clean up.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Error, Result};

/// The name of the cluster's folder inside the server's folder.
pub(super) const DATA: &str = "data";

/// Where a running server tells its process id and state.
pub(super) fn status_file(folder: &Path) -> PathBuf {
    folder.join(DATA).join("postmaster.pid")
}

/// Waits for the end of its input, which the system closes when the owner is gone, however it went. The server
/// is recognised by its working directory, because its process id may have passed to a stranger. The
/// script repeats [`DATA`] and [`status_file`].
const SCRIPT: &str = r#"
cat >/dev/null
data="$1/data"
pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null)
runs() { [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$data" ]; }
runs && kill -QUIT "$pid"
tries=0
while runs && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
rm -rf "$1"
"#;

/// A small shell script that outlives us if need be.
#[derive(Debug)]
pub(super) struct Guardian(Child);

impl Guardian {
    /// Watches over the server that lives, or will live, in `folder`.
    pub(super) fn over(folder: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "guardian"]).arg(folder).current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn().map_err(Error::io("starting sh"))?))
    }

    /// Ends the watch: the owner cleans up itself.
    pub(super) fn dismiss(&mut self) {
        // It cannot be asked nicely, since the end of its input means work to it. A failure means that it is
        // gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
