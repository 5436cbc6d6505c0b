//! A private PostgreSQL is killed and comes back with its data; shared databases are each one's own.

use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Database, PrivatePostgres, Result, fresh_database, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

fn value(database: &Database, sql: &str) -> Result<Option<String>> {
    Ok(database.query(sql)?.into_iter().flatten().next().flatten())
}

#[test]
fn what_was_committed_survives_a_kill() -> Result<()> {
    let mut server = PrivatePostgres::start_with(&[("max_connections", "33")])?;
    let url = server.create_database("Shop \"one\"")?;
    assert!(url.contains(&format!(":{}/", server.port())), "{url}");
    let shop = server.database("Shop \"one\"");
    shop.query("CREATE TABLE sale (total BIGINT); INSERT INTO sale VALUES (42), (NULL)")?;

    let first = server.pid().expect("it runs");
    server.kill9()?;
    assert_eq!(server.pid(), None);
    shop.query("SELECT 1").expect_err("nobody listens");

    server.start_again()?;
    assert_ne!(server.pid(), Some(first));
    let rows = shop.query("SELECT total FROM sale ORDER BY total NULLS LAST")?;
    assert_eq!(rows, [vec![Some("42".to_owned())], vec![None]]);
    assert!(server.log().contains("automatic recovery in progress"), "{}", server.log());

    for (setting, expected) in [("fsync", "on"), ("max_connections", "33"), ("server_encoding", "UTF8")] {
        assert_eq!(value(&shop, &format!("SHOW {setting}"))?.as_deref(), Some(expected));
    }

    server.start_again().expect_err("it runs already");
    server.stop()?;
    server.stop()?;
    server.start_again()?;
    assert_eq!(value(&shop, "SELECT count(*) FROM sale")?.as_deref(), Some("2"));

    let folder = server.socket_folder().to_owned();
    assert!(folder.join(format!(".s.PGSQL.{}", server.port())).exists());
    drop(server);
    assert!(!folder.exists());
    Ok(())
}

#[test]
fn the_clients_of_the_same_version_connect_to_it() -> Result<()> {
    let server = PrivatePostgres::start()?;
    let output = Command::new(server.binaries().program("psql"))
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", "SHOW server_version_num"])
        .arg(server.url("postgres"))
        .output()
        .expect("psql comes with the server");
    let version = String::from_utf8_lossy(&output.stdout);
    assert!(version.starts_with(&server.binaries().major().to_string()), "{output:?}");
    Ok(())
}

#[test]
fn a_failed_start_tells_the_log() {
    let error = PrivatePostgres::start_with(&[("max_connections", "many")]).expect_err("not a number");
    assert!(error.to_string().contains("invalid value for parameter \"max_connections\""), "{error}");
}

#[test]
fn each_fresh_database_is_empty_and_ones_own() -> Result<()> {
    let (left, right) = (Database::parse(&fresh_database())?, Database::parse(&fresh_database())?);
    assert_ne!(left, right);
    left.query("CREATE TABLE only_here (id BIGINT)")?;
    right.query("SELECT * FROM only_here").expect_err("it is in the other one");
    Ok(())
}

/// Its owner is this test's own program, run again with the name of [`owner_for_the_test_above`].
#[test]
fn a_server_ends_with_an_owner_that_is_killed() -> Result<()> {
    let program = std::env::current_exe().expect("this program has a path");
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let note = folder.path().join("server");
    let mut owner = Command::new(program)
        .args(["--exact", "owner_for_the_test_above", "--nocapture"])
        .env("TESTKIT_OWNER_NOTE", &note)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program can be run");
    let mut noted = String::new();
    let written = wait_until("the owner's note", LIMIT, || {
        noted = std::fs::read_to_string(&note).unwrap_or_default();
        noted.ends_with('\n') && noted.lines().count() == 2
    });
    owner.kill().expect("the owner runs");
    owner.wait().expect("the owner was killed");
    written?;

    let (url, server_folder) = noted.trim_end().split_once('\n').expect("two lines");
    let database = Database::parse(url)?;
    wait_until("the end of the orphaned server", LIMIT, || database.query("SELECT 1").is_err())?;
    wait_until("the removal of its folder", LIMIT, || !std::path::Path::new(server_folder).exists())
}

/// Does nothing unless the test above runs it.
#[test]
fn owner_for_the_test_above() -> Result<()> {
    let Ok(note) = std::env::var("TESTKIT_OWNER_NOTE") else { return Ok(()) };
    let server = PrivatePostgres::start()?;
    let text = format!("{}\n{}\n", server.url("postgres"), server.socket_folder().display());
    std::fs::write(note, text).expect("the note can be written");
    wait_until("being killed", Duration::from_mins(1), || false)
}
