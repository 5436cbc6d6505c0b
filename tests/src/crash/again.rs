//! Requests sent again after the crash: under the same key or reference the same happens, once.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::ask::{Ask, Exchange, Known};
use super::offers::{is_done, same_told};
use crate::eventually;
use crate::http::{Answer, Client};

/// How many answers of a round are asked for once more.
const REPEATED: usize = 60;
/// An outcome must be known after so long.
const LIMIT: Duration = Duration::from_secs(30);

/// Learns every outcome that can be learnt, and compares some that are known with what is told now.
pub(super) async fn ask_again(client: &mut Client, exchanges: &mut [Exchange]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut repeated = 0;
    for exchange in exchanges.iter_mut().filter(|exchange| exchange.ask.is_repeatable()) {
        match exchange.known() {
            Known::NotDone => {}
            Known::Nothing => exchange.answer = Some(outcome(client, &exchange.ask).await?),
            Known::Told(first) => {
                if repeated < REPEATED && is_kept(&exchange.ask, first) {
                    repeated += 1;
                    let second = outcome(client, &exchange.ask).await?;
                    faults.extend(difference(&exchange.ask, first, &second));
                }
            }
        }
    }
    Ok(faults)
}

/// Asks until the outcome is known.
async fn outcome(client: &mut Client, ask: &Ask) -> Result<Answer> {
    let request = ask.request();
    eventually("the outcome of a repeated request", LIMIT, async || {
        let answer = client.call(&request).await?;
        let running = answer.problem().as_deref() == Some("idempotency-key-running");
        if answer.status == 503 {
            anyhow::bail!("{} {} is answered {answer}", request.method(), request.path());
        }
        Ok((!running).then_some(answer))
    })
    .await
}

/// Whether the answer was kept under a key: refusals that left no trace are not.
fn is_kept(ask: &Ask, answer: &Answer) -> bool {
    match ask {
        Ask::Order { .. } => answer.status < 300 || matches!(answer.status, 402 | 409),
        Ask::Sale { .. } | Ask::Receipt { .. } | Ask::Replenish { .. } => answer.status < 300,
        Ask::Offer(ask) => is_done(ask, answer),
        Ask::Reserve { .. } | Ask::Release { .. } | Ask::Cancel { .. } | Ask::Step { .. } => false,
    }
}

fn difference(ask: &Ask, first: &Answer, second: &Answer) -> Option<String> {
    let same = if let Ask::Offer(ask) = ask {
        same_told(ask, first, second)
    } else if first.status == 202 {
        // It was answered before its end: now its end is told, of the same order.
        order_id(first).is_some() && order_id(first) == order_id(second)
    } else {
        first.status == second.status && content(first) == content(second)
    };
    (!same).then(|| format!("told {first}, and under the same key now {second}"))
}

/// The body without what belongs to the single request.
fn content(answer: &Answer) -> Option<Value> {
    let mut body = answer.json().ok()?;
    if let Some(fields) = body.as_object_mut() {
        fields.remove("instance");
    }
    Some(body)
}

fn order_id(answer: &Answer) -> Option<String> {
    let body = answer.json().ok()?;
    let order = if answer.status < 400 { &body } else { &body["commande"] };
    Some(order["id"].as_str()?.to_owned())
}
