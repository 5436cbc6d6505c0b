//! Where a file may come from over HTTP: the body, the configured folder, the configured portal.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use product_tests::city::{bikes, ended, total};
use product_tests::halles::Serve;
use product_tests::http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::empty;
use crate::folder;

const DAY: &str = "2024-01-10";
const TOTAL: i64 = 24 * 100 + 276;

fn id(import: &Value) -> Result<String> {
    import["id"].as_str().map(str::to_owned).with_context(|| format!("no id in {import}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_under_the_same_key_is_one_import() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    let upload = |counters: u32| {
        let request = Request::post("/metrics/imports?type=bikes&nom=a.csv").header("idempotency-key", "k-1");
        request.header("content-type", "text/csv").body(bikes(counters, &[DAY], 100))
    };
    let first = client.call(&upload(1)).await?.expect(202)?;
    let import = first.json()?;
    assert_eq!(first.header("location"), Some(format!("/metrics/imports/{}", id(&import)?).as_str()));
    assert_eq!((&import["source"], &import["type"]), (&json!("a.csv"), &json!("bikes")));
    let again = client.call(&upload(1)).await?.expect(202)?;
    assert_eq!((again.header("idempotency-replayed"), again.json()?), (Some("true"), import.clone()));
    let other = client.call(&upload(2)).await?.expect(422)?;
    ensure!(other.problem().as_deref() == Some("idempotency-key-reused"), "{other}");
    ended(&mut client, &id(&import)?).await?;
    let imports = client.get("/metrics/imports").await?;
    assert_eq!(imports["elements"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_moves_no_cursor_in_the_log() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    let path = "/metrics/imports?type=bikes&nom=a%0A2026%20INFO%20forged%1B%5B31m";
    let import = client.call(&Request::post(path).body("<html>")).await?.expect(202)?.json()?;
    let import = ended(&mut client, &id(&import)?).await?;
    assert_eq!(import["source"], "a2026 INFO forged[31m");
    let log = server.log();
    ensure!(!log.contains('\u{1b}') && !log.lines().any(|line| line.starts_with("2026 INFO")), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_inbox_can_be_named() -> Result<()> {
    let (folder, data) = folder()?;
    let inbox = folder.path().join("inbox");
    fs::create_dir_all(&inbox)?;
    fs::write(inbox.join("a.csv"), bikes(1, &[DAY], 100))?;
    let serve = Serve::on(&data)?.variable("HALLES_CITY_INBOX", &inbox.to_string_lossy());
    let server = serve.start_ready().await?;
    let mut client = server.client();
    let body = json!({"type": "bikes", "source": "a.csv"});
    let import = client.post("/metrics/imports", &body).await?.expect(202)?.json()?;
    let import = ended(&mut client, &id(&import)?).await?;
    ensure!(import["etat"] == "DONE", "{import}");
    assert_eq!(import["source"], "a.csv", "where the folder lies is nobody's business");
    assert_eq!(total(&mut client, &format!("/metrics/bikes/{DAY}")).await?, TOTAL);
    // A folder is named, and a link in it leads out of it: what it leads to is nobody's business either.
    fs::create_dir_all(inbox.join("2024"))?;
    fs::write(folder.path().join("secret.csv"), "root:hash\n")?;
    std::os::unix::fs::symlink(folder.path().join("secret.csv"), inbox.join("2024/link.csv"))?;
    let body = json!({"type": "bikes", "source": "2024"});
    let import = client.post("/metrics/imports", &body).await?.expect(202)?.json()?;
    let import = ended(&mut client, &id(&import)?).await?;
    ensure!(import["etat"] == "FAILED" && !import.to_string().contains("root"), "{import}");
    for source in ["../halles.lock", "b.csv", "/etc/passwd"] {
        let body = json!({"type": "bikes", "source": source});
        client.post("/metrics/imports", &body).await?.expect(422).with_context(|| source.to_owned())?;
    }
    Ok(())
}

/// A portal that gives a file to whoever does not have it yet.
async fn portal() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                asked.push(byte);
            }
            let knows = String::from_utf8_lossy(&asked).to_lowercase().contains("if-none-match: \"v1\"");
            let body = if knows { String::new() } else { bikes(1, &[DAY], 100) };
            let status = if knows { 304 } else { 200 };
            let head = format!(
                "HTTP/1.1 {status} -\r\nconnection: close\r\netag: \"v1\"\r\ncontent-length: {}",
                body.len()
            );
            // A server that has had enough hangs up.
            let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
        }
    });
    Ok(format!("http://{address}/export?since={{du}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_portal_can_be_named() -> Result<()> {
    let (_folder, data) = folder()?;
    let serve = Serve::on(&data)?.variable("HALLES_CITY_FETCH_BIKES", &portal().await?);
    let server = serve.start_ready().await?;
    let mut client = server.client();
    let body = json!({"type": "bikes", "source": "portail"});
    for days in [1, 0] {
        let import = client.post("/metrics/imports", &body).await?.expect(202)?.json()?;
        let import = ended(&mut client, &id(&import)?).await?;
        assert_eq!((&import["etat"], &import["jours_modifies"]), (&json!("DONE"), &json!(days)), "{import}");
    }
    assert_eq!(total(&mut client, &format!("/metrics/bikes/{DAY}")).await?, TOTAL);
    let traffic = client.post("/metrics/imports", &json!({"type": "traffic", "source": "portail"})).await?;
    ensure!(traffic.expect(422)?.to_string().contains("city.fetch.traffic"), "no key is configured");
    Ok(())
}
