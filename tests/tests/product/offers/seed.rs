//! The seed's calls, on fresh demo data.

use anyhow::{Context, Result, ensure};
use product_tests::http::{Answer, Client, Request};
use product_tests::offers::{is_diverse, recommend, shown, track};
use serde_json::{Value, json};

use super::{demo, number};
use crate::folder;

/// As the seed writes them: one call says that it sends JSON, the other leaves that to curl.
const TYPES: [Option<&str>; 2] = [Some("application/json"), Some("application/x-www-form-urlencoded")];

async fn call(client: &mut Client, path: &str, content_type: Option<&str>, body: &str) -> Result<Answer> {
    client.call(&Request::post(path).typed(content_type, body)).await
}

fn first(answer: &Value) -> Result<&Value> {
    answer["recommended_offers"].get(0).with_context(|| format!("nothing is recommended: {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_sees_what_they_like_first() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    for (user, category) in [("USER001", "electronics"), ("USER002", "fashion"), ("USER003", "food")] {
        for content_type in TYPES {
            let body = format!(r#"{{"user_id": "{user}"}}"#);
            let answer = call(&mut client, "/offers/recommend", content_type, &body).await?;
            let answer = answer.expect(200)?.json()?;
            assert_eq!(answer["user_id"], user);
            assert_eq!(first(&answer)?["category"], category, "{answer}");
            ensure!(shown(&answer)?.len() == 3 && is_diverse(&answer), "{answer}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_fields_of_the_seed() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let answer = recommend(&mut server.client(), "USER001", 3).await?;
    ensure!(answer["decision_id"].is_string() && answer["total_available"].as_i64() == Some(5), "{answer}");
    for offer in answer["recommended_offers"].as_array().context("a list")? {
        for field in ["offer_id", "offer_name", "category", "discount_type"] {
            ensure!(offer[field].is_string(), "{field} of {offer}");
        }
        for field in ["discount_value", "priority", "inventory_count", "score"] {
            ensure!(offer[field].is_number(), "{field} of {offer}");
        }
        let score = offer["score"].as_f64().context("a score")?;
        ensure!((0.0..=100.0).contains(&score), "{offer}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_offers_and_no_one_three_of_a_kind() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    for user in ["nobody-yet", "USER001"] {
        let answer = recommend(&mut client, user, 20).await?;
        ensure!(shown(&answer)?.len() >= 4 && is_diverse(&answer), "{answer}");
    }
    client.post("/offers/recommend", &json!({})).await?.expect(422)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_and_a_redemption_are_tracked() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    let before = number(&mut client, "OFF001", "inventory_own").await?;
    for (event_type, taken) in [("CLICK", 0), ("REDEMPTION", 1)] {
        for content_type in TYPES {
            let start = number(&mut client, "OFF001", "inventory_own").await?;
            let body = format!(
                r#"{{"user_id":"USER001","offer_id":"OFF001","category":"electronics","event_type":"{event_type}"}}"#
            );
            let answer =
                call(&mut client, "/events/track", content_type, &body).await?.expect(200)?.json()?;
            assert_eq!(answer["message"], "Event tracked successfully");
            ensure!(answer["event_id"].is_string(), "{answer}");
            assert_eq!(number(&mut client, "OFF001", "inventory_own").await?, start - taken);
        }
    }
    assert_eq!(number(&mut client, "OFF001", "inventory_own").await?, before - 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tracked_is_said() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    track(&mut client, "USER001", "NOSUCH", "CLICK").await?.expect(404)?;
    track(&mut client, "USER001", "OFF001", "click").await?.expect(422)?;
    client.post("/events/track", &json!({"offer_id": "OFF001", "event_type": "CLICK"})).await?.expect(422)?;
    Ok(())
}
