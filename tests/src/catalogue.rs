//! Products, shops and stock, made and read over HTTP.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http::Client;

/// The logistics centre, as a place of stock.
pub const CENTRE: i64 = 0;

/// The stock of one product in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// Units that are there.
    pub on_hand: i64,
    /// Units among them that are promised.
    pub reserved: i64,
}

/// Creates a product at a price in cents and returns its id.
pub async fn product(client: &mut Client, name: &str, cents: i64) -> Result<i64> {
    let body = json!({
        "nom": name, "description": "", "categorie": "Essais",
        "prix": {"montant": format!("{}.{:02}", cents / 100, cents % 100), "devise": "EUR"}
    });
    created(&client.post("/produits", &body).await?.expect(201)?.json()?)
}

/// Creates a shop and returns its id.
pub async fn shop(client: &mut Client, name: &str) -> Result<i64> {
    let body = json!({"nom": name, "quartier": "Les Halles"});
    created(&client.post("/magasins", &body).await?.expect(201)?.json()?)
}

/// Brings goods to the logistics centre.
pub async fn receive(client: &mut Client, product: i64, units: i64) -> Result<()> {
    let body = json!({"produit_id": product, "quantite": units});
    client.post("/logistique/receptions", &body).await?.expect(201)?;
    Ok(())
}

/// Moves units from the centre to a shop.
pub async fn send(client: &mut Client, shop: i64, product: i64, units: i64) -> Result<()> {
    let body = json!({"magasin_id": shop, "produit_id": product, "quantite": units});
    let asked = client.post("/approvisionnements", &body).await?.expect(201)?.json()?;
    let id = asked["id"].as_str().context("a request without id")?;
    client.post(&format!("/approvisionnements/{id}/valider"), &json!({})).await?.expect(200)?;
    Ok(())
}

/// The stock of a place, by product.
pub async fn levels(client: &mut Client, place: i64) -> Result<BTreeMap<i64, Level>> {
    let path = if place == CENTRE { "/logistique/stock".into() } else { format!("/magasins/{place}/stock") };
    let items = every(client, &path).await?;
    let level = |item: &Value| {
        let number = |field: &str| item[field].as_i64().with_context(|| format!("{field} of {item}"));
        Ok((number("produit_id")?, Level { on_hand: number("en_main")?, reserved: number("reserve")? }))
    };
    items.iter().map(level).collect()
}

/// Every element of a list, page by page.
pub async fn every(client: &mut Client, path: &str) -> Result<Vec<Value>> {
    every_until(client, path, |_| false).await
}

/// The elements of a list, page by page, up to the first for which `known` is true.
pub async fn every_until(
    client: &mut Client,
    path: &str,
    known: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let first = format!("{path}{joint}limite=200");
    let (mut elements, mut next) = (Vec::new(), first.clone());
    loop {
        let mut page = client.get(&next).await?;
        let Value::Array(items) = page["elements"].take() else { anyhow::bail!("{next} is no list: {page}") };
        for item in items {
            if known(&item) {
                return Ok(elements);
            }
            elements.push(item);
        }
        match page["curseur"].as_str() {
            Some(cursor) => next = format!("{first}&curseur={cursor}"),
            None => return Ok(elements),
        }
    }
}

fn created(body: &Value) -> Result<i64> {
    body["id"].as_i64().with_context(|| format!("no id in {body}"))
}
