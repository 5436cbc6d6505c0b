//! Offers, made, shown, taken and emptied over HTTP.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::catalogue::every;
use crate::http::{Answer, Client, Request};

/// What a new offer says, besides what makes no difference to a test.
#[derive(Debug, Clone, Copy)]
pub struct NewOffer<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its category.
    pub category: &'a str,
    /// From 1 to 100.
    pub priority: i64,
    /// Units of its own.
    pub inventory: i64,
    /// The product whose stock caps it.
    pub product: Option<i64>,
}

impl NewOffer<'_> {
    /// Creates it.
    pub async fn create(self, client: &mut Client) -> Result<()> {
        let Self { id, category, priority, inventory, product } = self;
        let mut body = json!({
            "offer_id": id, "offer_name": format!("Offer {id}"), "category": category, "discount_type": "PERCENTAGE",
            "discount_value": 20, "priority": priority, "inventory_count": inventory,
        });
        if let Some(product) = product {
            body["produit_id"] = json!(product);
        }
        client.post("/offers", &body).await?.expect(201)?;
        Ok(())
    }
}

/// What is recommended to somebody: the whole answer.
pub async fn recommend(client: &mut Client, user: &str, limit: usize) -> Result<Value> {
    let body = json!({"user_id": user, "limit": limit});
    client.post("/offers/recommend", &body).await?.expect(200)?.json()
}

/// The ids of the offers in an answer to [`recommend`], in order.
pub fn shown(answer: &Value) -> Result<Vec<&str>> {
    let offers = answer["recommended_offers"].as_array().with_context(|| format!("no offers in {answer}"))?;
    offers
        .iter()
        .map(|offer| offer["offer_id"].as_str().with_context(|| format!("an offer without id in {answer}")))
        .collect()
}

/// Whether an answer to [`recommend`] keeps the promise of at most two offers of a category.
pub fn is_diverse(answer: &Value) -> bool {
    let offers = answer["recommended_offers"].as_array().map(Vec::as_slice).unwrap_or_default();
    offers
        .iter()
        .all(|offer| offers.iter().filter(|other| other["category"] == offer["category"]).count() <= 2)
}

/// Tells that somebody did something with an offer.
pub async fn track(client: &mut Client, user: &str, offer: &str, event_type: &str) -> Result<Answer> {
    let body = json!({"user_id": user, "offer_id": offer, "event_type": event_type});
    client.post("/events/track", &body).await
}

/// Sets an offer's own inventory.
pub async fn set_inventory(client: &mut Client, offer: &str, units: i64) -> Result<Answer> {
    let request = Request::new("PATCH", &format!("/offers/{offer}/inventory"));
    client.call(&request.json(&json!({"inventory_count": units}))).await
}

/// The active pivots: from and to.
pub async fn pivots(client: &mut Client) -> Result<Vec<(String, Option<String>)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let pivots = every(client, "/offers/pivots").await?;
    pivots
        .iter()
        .map(|pivot| {
            let from = text(&pivot["from"]).with_context(|| format!("a pivot from nowhere: {pivot}"))?;
            Ok((from, text(&pivot["to"])))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_a_category_are_noticed() -> Result<()> {
        let of = |categories: &[&str]| {
            let offers: Vec<Value> =
                categories.iter().map(|category| json!({"offer_id": "A", "category": category})).collect();
            json!({"recommended_offers": offers})
        };
        assert!(is_diverse(&of(&["a", "b", "a"])) && !is_diverse(&of(&["a", "b", "a", "a"])));
        assert_eq!(shown(&of(&["a"]))?, ["A"]);
        shown(&json!({})).expect_err("no offers");
        Ok(())
    }
}
