use std::fs;
use std::time::{Duration, Instant};

use telemetry::SecretText;
use tempfile::TempDir;

use super::portal::{Act, Portal};
use crate::fetch::{Answer, DownloadError, Downloads, Known};

/// A folder, and downloads into it that lose no time.
fn downloads() -> (TempDir, Downloads) {
    let folder = tempfile::tempdir().unwrap();
    let downloads = Downloads {
        folder: folder.path().to_owned(),
        timeout: Duration::from_millis(300),
        retries: 2,
        backoff: Duration::from_millis(1),
        max_bytes: 10_000,
    };
    (folder, downloads)
}

async fn fetch(portal: &Portal, downloads: &Downloads) -> Result<Answer, DownloadError> {
    downloads.fetch(&portal.url("/export.csv?a=1"), None, &Known::default()).await
}

/// How many files are left once everything that was fetched is dropped.
fn left(folder: &TempDir) -> usize {
    fs::read_dir(folder.path()).unwrap().count()
}

#[tokio::test]
async fn a_file_is_kept_as_long_as_it_is_wanted() {
    let (folder, downloads) = downloads();
    let portal = Portal::start(&[Act::ok("a;b\n")
        .with("etag", "\"v1\"")
        .with("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT")])
    .await;
    let Answer::File { path, known } = fetch(&portal, &downloads).await.unwrap() else { panic!("a file") };
    assert_eq!(fs::read_to_string(&path).unwrap(), "a;b\n");
    assert_eq!(known.etag.as_deref(), Some("\"v1\""));
    assert_eq!(known.last_modified.as_deref(), Some("Mon, 01 Jan 2024 00:00:00 GMT"));
    drop(path);
    assert_eq!(left(&folder), 0);
    let asked = portal.asked().remove(0);
    assert!(
        asked.starts_with("get /export.csv?a=1 http/1.1\r\n") && asked.contains("user-agent: halles/"),
        "{asked}"
    );
    assert!(!asked.contains("if-none-match") && !asked.contains("apikey"), "{asked}");
}

#[tokio::test]
async fn what_is_known_is_asked_with_and_not_sent_again() {
    let (folder, downloads) = downloads();
    let portal = Portal::start(&[Act::status(304)]).await;
    let known = Known {
        etag: Some("W/\"v1\"".to_owned()),
        last_modified: Some("Mon, 01 Jan 2024 00:00:00 GMT".to_owned()),
    };
    let key = SecretText::from("k-1".to_owned());
    let answer = downloads.fetch(&portal.url("/"), Some(&key), &known).await.unwrap();
    assert!(matches!(answer, Answer::Unchanged));
    assert_eq!(left(&folder), 0);
    let asked = portal.asked().remove(0);
    for header in ["if-none-match: w/\"v1\"\r\n", "if-modified-since: mon, 01 jan 2024", "apikey: k-1\r\n"] {
        assert!(asked.contains(header), "{header} in {asked}");
    }
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let (folder, downloads) = downloads();
    let portal = Portal::start(&[Act::status(500), Act::HalfOf100, Act::ok("whole")]).await;
    let Answer::File { path, .. } = fetch(&portal, &downloads).await.unwrap() else { panic!("a file") };
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
    assert_eq!(portal.asked().len(), 3);
    drop(path);
    assert_eq!(left(&folder), 0, "the half file is gone too");
}

#[tokio::test]
async fn a_portal_that_stays_away_is_given_up() {
    let (_folder, downloads) = downloads();
    for act in [Act::status(503), Act::HalfOf100, Act::Silent] {
        let portal = Portal::start(std::slice::from_ref(&act)).await;
        let started = Instant::now();
        let error = fetch(&portal, &downloads).await.unwrap_err();
        assert!(matches!(error, DownloadError::Unreachable { attempts: 3, .. }), "{act:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(20), "{act:?}");
    }
    let gone = downloads.fetch("http://127.0.0.1:1/", None, &Known::default()).await.unwrap_err();
    assert!(gone.to_string().starts_with("127.0.0.1 cannot be reached, tried 3 times: "), "{gone}");
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let (_folder, downloads) = downloads();
    for (status, told) in [
        (404, "127.0.0.1 answered 404 Not Found: the address has changed"),
        (401, "answered 401 Unauthorized: it wants a key, or another one"),
        (204, "answered 204 No Content"),
    ] {
        let portal = Portal::start(&[Act::status(status)]).await;
        let error = fetch(&portal, &downloads).await.unwrap_err().to_string();
        assert!(error.ends_with(told), "{error}");
        assert_eq!(portal.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_portal_that_asks_for_patience_gets_it_up_to_a_minute() {
    let (_folder, downloads) = downloads();
    let portal = Portal::start(&[Act::status(429).with("retry-after", "3600")]).await;
    let error = fetch(&portal, &downloads).await.unwrap_err();
    assert!(matches!(error, DownloadError::Unreachable { attempts: 1, .. }), "{error}");
    let portal = Portal::start(&[Act::status(429).with("retry-after", "1"), Act::ok("x")]).await;
    let started = Instant::now();
    fetch(&portal, &downloads).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read_to_its_end() {
    let (folder, downloads) = downloads();
    for act in [Act::Endless, Act::Answer(200, Vec::new(), vec![b'x'; 10_001])] {
        let portal = Portal::start(&[act]).await;
        let error = fetch(&portal, &downloads).await.unwrap_err();
        assert!(matches!(error, DownloadError::TooLarge { limit: 10_000, .. }), "{error}");
    }
    super::soon(|| left(&folder) == 0).await;
}

#[tokio::test]
async fn redirects_stay_on_their_host() {
    let (_folder, downloads) = downloads();
    let elsewhere = Portal::start(&[Act::ok("stolen")]).await;
    for target in [elsewhere.url("/"), "http://localhost:1/".to_owned(), "file:///etc/passwd".to_owned()] {
        let portal = Portal::start(&[Act::status(302).with("location", &target)]).await;
        let error = fetch(&portal, &downloads).await.unwrap_err();
        assert!(
            matches!(error, DownloadError::Redirected { .. } | DownloadError::Refused { .. }),
            "{target}: {error}"
        );
    }
    assert!(elsewhere.asked().is_empty(), "nobody went there");
    let portal = Portal::start(&[Act::status(301).with("location", "/new"), Act::ok("found")]).await;
    assert!(matches!(fetch(&portal, &downloads).await, Ok(Answer::File { .. })));
    let round = Portal::start(&[Act::status(302).with("location", "/round")]).await;
    assert!(matches!(fetch(&round, &downloads).await, Err(DownloadError::Redirected { .. })));
    assert_eq!(round.asked().len(), 6);
}

#[tokio::test]
async fn only_the_web_is_fetched_from() {
    let (_folder, downloads) = downloads();
    for address in ["", "/etc/passwd", "file:///etc/passwd", "ftp://portal/x", "data:text/csv,a"] {
        let error = downloads.fetch(address, None, &Known::default()).await.unwrap_err();
        assert!(matches!(error, DownloadError::Address(_)), "{address}: {error}");
    }
}
