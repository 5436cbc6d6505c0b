//! A walk of the OpenAPI document: every operation is called with everything that could break it.
//!
//! Whatever comes is answered: as documented, or with a 4xx that is a problem; never 5xx, never not at all. What is
//! refused has changed nothing, which the event log shows, since every change writes its event.

mod document;
mod input;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use product_tests::city::demo_is_there;
use product_tests::halles::{Data, Serve, check};
use product_tests::http::{Answer, Client, Request};
use serde_json::Value;

use crate::{database, folder};
use document::Operation;

/// The same inputs in every run.
const SEED: u64 = 20_260_301;
/// Fewer operations than this means that the document has lost some.
const LEAST_OPERATIONS: usize = 40;

/// A server that is being called, and how far its event log has been seen.
struct Walk {
    client: Client,
    head: i64,
    answers: BTreeMap<u16, usize>,
}

impl Walk {
    /// Calls once and judges the answer.
    async fn call(&mut self, operation: &Operation, request: &Request) -> Result<()> {
        let answer = if operation.streams {
            // A stream that is granted never ends: its head is enough.
            self.client.follow(request).await.map(|(answer, _)| answer)
        } else {
            self.client.call(request).await
        };
        let answer = answer.context("no answer")?;
        *self.answers.entry(answer.status).or_default() += 1;
        judge(operation, &answer)?;
        let events = self.new_events().await?;
        let changes_nothing = answer.status >= 400 && !leaves_a_trace(operation, &answer);
        let words = "events were written although it was refused";
        ensure!(!changes_nothing || events == 0, "{events} {words}: {answer}");
        Ok(())
    }

    /// How many events there are since the last time.
    async fn new_events(&mut self) -> Result<usize> {
        let mut count = 0;
        loop {
            let page = self.client.get(&format!("/evenements?apres={}&limite=200", self.head)).await?;
            let events = page["elements"].as_array().context("a page of events")?;
            count += events.len();
            match events.last().and_then(|event| event["position"].as_i64()) {
                Some(position) => self.head = position,
                None => return Ok(count),
            }
        }
    }
}

/// Orders that end `ANNULEE` and payments that are refused are kept, and told in the refusal or by their door.
fn leaves_a_trace(operation: &Operation, answer: &Answer) -> bool {
    let tells_of_an_order = || answer.json().is_ok_and(|problem| problem["commande"].is_object());
    match answer.status {
        402 => operation.path == "/paiement" || tells_of_an_order(),
        409 => tells_of_an_order(),
        _ => false,
    }
}

/// An answer is documented, or a refusal that is a problem. Bodies of a stream's refusal are not read.
fn judge(operation: &Operation, answer: &Answer) -> Result<()> {
    match answer.status {
        200..400 => {
            let documented = operation.successes.contains(&answer.status) || answer.status == 304;
            ensure!(documented, "the success is not documented: {answer}");
        }
        400..500 => {
            let content_type = answer.header("content-type");
            ensure!(
                content_type == Some("application/problem+json"),
                "the refusal is {content_type:?}: {answer}"
            );
            if !operation.streams {
                let problem = answer.json()?;
                ensure!(problem["status"] == answer.status, "the problem says another status: {answer}");
                ensure!(
                    problem["type"].is_string() && problem["title"].is_string(),
                    "half a problem: {answer}"
                );
            }
        }
        _ => bail!("it was answered {answer}"),
    }
    Ok(())
}

async fn walk(data: Data) -> Result<()> {
    let serve = Serve::on(&data)?.argument("--demo");
    let mut server = serve.start_ready().await?;
    let mut client = server.client();
    let document = client.get("/openapi.json").await?;
    let operations = document::operations(&document)?;
    ensure!(operations.len() >= LEAST_OPERATIONS, "only {} operations are documented", operations.len());
    // What is being taken in writes events of its own.
    demo_is_there(&mut client).await?;
    let mut walk = Walk { client, head: 0, answers: BTreeMap::new() };
    walk.new_events().await?;
    let mut faults = Vec::new();
    for operation in &operations {
        for request in input::requests(operation, SEED) {
            if let Err(error) = walk.call(operation, &request).await {
                faults.push(describe(&request, &error));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults, among them:\n{}",
        faults.len(),
        faults[..faults.len().min(40)].join("\n")
    );
    ensure!(!server.has_ended()?);
    ensure!(!server.log().contains("panicked"), "a panic in the log:\n{}", server.log());
    eprintln!("{} operations answered {:?}", operations.len(), walk.answers);
    assert!(walk.answers.keys().any(|status| *status < 300), "nothing valid was sent: {:?}", walk.answers);
    server.terminate()?;
    ensure!(server.wait(Duration::from_secs(30))?.success());
    let books = check(&data)?;
    ensure!(books.sound, "{}", books.report);
    Ok(())
}

fn describe(request: &Request, error: &anyhow::Error) -> String {
    /// Enough to repeat it; some bodies are megabytes.
    const SHOWN: usize = 300;
    let bytes = request.bytes();
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).replace("\r\n", "⏎");
    format!("- {shown}\n    {error:#}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_input_breaks_an_operation_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    walk(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_input_breaks_an_operation_on_postgresql() -> Result<()> {
    walk(database()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_problems() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.start_ready().await?;
    let mut client = server.client();
    for (request, status) in [
        (Request::get("/rien"), 404),
        (Request::get("/%zz/%00"), 404),
        (Request::get("/produits/../../etc/passwd"), 404),
        (Request::new("DELETE", "/saga/commande"), 405),
        (Request::new("PATCH", "/health"), 405),
        (Request::new("BREW", "/produits"), 405),
    ] {
        let answer = client.call(&request).await?;
        assert_eq!(answer.status, status, "{} {}: {answer}", request.method(), request.path());
        assert!(answer.problem().is_some(), "{answer:?}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_refused_and_harms_nobody() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.start_ready().await?;
    let long = format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "a".repeat(100_000));
    let header = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: {}\r\n\r\n", "b".repeat(1_000_000));
    let two_lengths =
        "POST /panier HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}";
    for bytes in [
        long.as_bytes(),
        header.as_bytes(),
        two_lengths.as_bytes(),
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /panier HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /panier HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n",
    ] {
        // Hanging up is an answer too.
        if let Ok(answer) = server.client().send(bytes).await {
            assert!((400..500).contains(&answer.status), "{answer}");
        }
    }
    assert_eq!(server.client().get("/health").await?["status"], Value::from("healthy"));
    Ok(())
}
