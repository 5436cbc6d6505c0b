//! What the machine must have before the tests can run, and how to get it.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use testkit::PostgresBinaries;

use crate::cargo;

/// Everything that a plain Rust installation does not bring. One more need is one more entry.
const NEEDS: &[Need] = &[
    Need {
        what: "git",
        purpose: "tells which files belong to the project",
        is_met: || runs("git", "--version"),
        remedy: Remedy::Debian(&["git"]),
    },
    Need {
        what: "a C compiler",
        purpose: "builds SQLite and the cryptography library",
        is_met: || {
            env::var_os("CC").is_some() || ["cc", "gcc", "clang"].iter().any(|name| runs(name, "--version"))
        },
        remedy: Remedy::Debian(&["gcc", "libc6-dev"]),
    },
    Need {
        what: "PostgreSQL 15 or later",
        purpose: "the tests run private servers; no cluster and no service of the system are used",
        is_met: || PostgresBinaries::find().is_ok(),
        remedy: Remedy::Debian(&["postgresql", "postgresql-contrib"]),
    },
    Need {
        what: "rustfmt",
        purpose: "checks the formatting",
        is_met: || cargo_has("fmt"),
        remedy: Remedy::Run(&["rustup", "component", "add", "rustfmt"]),
    },
    Need {
        what: "clippy",
        purpose: "checks the code",
        is_met: || cargo_has("clippy"),
        remedy: Remedy::Run(&["rustup", "component", "add", "clippy"]),
    },
];

/// What benchmarks compare with that are written in Python.
const PYTHON: Need = Need {
    what: "Python 3 with venv",
    purpose: "the benchmark's peers in Python do the same work",
    // A real one: Debian's venv module is there without what it needs.
    is_met: || succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])),
    remedy: Remedy::Debian(&["python3-venv"]),
};
const NATS: Need = Need {
    what: "nats-server",
    purpose: "JetStream takes the same events",
    is_met: || runs("nats-server", "--version") || runs("/usr/sbin/nats-server", "--version"),
    remedy: Remedy::Debian(&["nats-server"]),
};
const REDIS: Need = Need {
    what: "redis-server",
    purpose: "Redis Streams take the same events",
    is_met: || runs("redis-server", "--version"),
    remedy: Remedy::Debian(&["redis-server"]),
};

/// The benchmarks of `cargo xtask bench` that compare with more than [`NEEDS`] has, and with what. They run without it
/// too, and say so in their reports.
const PEERS: &[(&str, &[Need])] = &[("offers", &[PYTHON, NATS, REDIS]), ("city", &[PYTHON])];

/// Something that must be there.
struct Need {
    what: &'static str,
    purpose: &'static str,
    is_met: fn() -> bool,
    remedy: Remedy,
}

/// How to get it.
enum Remedy {
    /// These packages of Debian and Ubuntu; installing them takes root.
    Debian(&'static [&'static str]),
    /// This command, which anybody may run.
    Run(&'static [&'static str]),
}

/// Makes sure that everything is there, installing what is missing.
///
/// # Errors
/// When something is missing that cannot be installed from here; the text holds the commands to run.
pub(crate) fn provide() -> Result<()> {
    meet(NEEDS)
}

/// Installs what a benchmark compares with, if that can be done from here; otherwise says how, and goes on.
pub(crate) fn invite_peers(benchmark: &OsStr) {
    let peers = PEERS.iter().find(|(name, _)| benchmark == *name).map_or(&[][..], |(_, peers)| peers);
    if let Err(error) = meet(peers) {
        println!("{error:#}\nThe benchmark goes on without.\n");
    }
}

fn meet(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_met)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("missing: {} ({})", need.what, need.purpose);
    }
    let commands = commands_for(&missing);
    if !may_install(&missing) {
        let commands: Vec<String> = commands.iter().map(|command| command.join(" ")).collect();
        bail!(
            "cannot install what is missing from here; run this, as root where apt-get is concerned:\n  {}",
            commands.join(" && ")
        );
    }
    for command in &commands {
        install(command)?;
    }
    let still: Vec<&str> = missing.iter().filter(|need| !(need.is_met)()).map(|need| need.what).collect();
    ensure!(still.is_empty(), "still missing after the installation: {}", still.join(", "));
    Ok(())
}

/// The commands that meet the needs, in order.
fn commands_for(missing: &[&Need]) -> Vec<Vec<&'static str>> {
    let mut packages = Vec::new();
    let mut commands = Vec::new();
    for need in missing {
        match need.remedy {
            Remedy::Debian(names) => packages.extend(names),
            Remedy::Run(command) => commands.push(command.to_vec()),
        }
    }
    if !packages.is_empty() {
        let mut install = vec!["apt-get", "install", "-y", "--no-install-recommends"];
        install.append(&mut packages);
        commands.splice(0..0, [vec!["apt-get", "update"], install]);
    }
    commands
}

/// Whether the commands can be run by us: apt-get wants root.
fn may_install(missing: &[&Need]) -> bool {
    let is_apt = missing.iter().any(|need| matches!(need.remedy, Remedy::Debian(_)));
    !is_apt || (Path::new("/usr/bin/apt-get").exists() && is_root())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install(command: &[&str]) -> Result<()> {
    let line = command.join(" ");
    println!("$ {line}");
    let [program, arguments @ ..] = command else { bail!("an empty command") };
    let status = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .with_context(|| format!("running {line}"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

fn cargo_has(subcommand: &str) -> bool {
    succeeds(cargo().args([subcommand, "--version"]))
}

fn runs(program: &str, argument: &str) -> bool {
    succeeds(Command::new(program).arg(argument))
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(remedy: Remedy) -> Need {
        Need { what: "it", purpose: "test", is_met: || false, remedy }
    }

    #[test]
    fn packages_are_installed_by_one_call_before_anything_else() {
        let (first, tool, second) = (
            need(Remedy::Debian(&["a", "b"])),
            need(Remedy::Run(&["rustup", "x"])),
            need(Remedy::Debian(&["c"])),
        );
        let commands: Vec<String> =
            commands_for(&[&first, &tool, &second]).iter().map(|command| command.join(" ")).collect();
        assert_eq!(
            commands,
            ["apt-get update", "apt-get install -y --no-install-recommends a b c", "rustup x"]
        );
    }

    #[test]
    fn nothing_missing_means_nothing_to_run() {
        assert!(commands_for(&[]).is_empty());
    }
}
