//! The world as the server tells it after a crash.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::super::ask::{Ask, Exchange, from_wire};
use super::super::world::{Levels, Line, World};
use super::Ledger;
use crate::catalogue::{every, every_until};
use crate::http::Client;

/// How many orders of earlier rounds are looked at again.
const LOOKED_AT_AGAIN: usize = 30;

/// An order as the server shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeenOrder {
    pub(super) state: String,
    pub(super) place: i64,
    pub(super) lines: Vec<Line>,
    pub(super) total: Value,
    pub(super) history: Vec<Value>,
}

impl SeenOrder {
    /// Reads an order with its id.
    pub(super) fn read(order: &Value) -> Result<(String, Self)> {
        let text = |field: &str| {
            order[field].as_str().map(str::to_owned).with_context(|| format!("{field} of the order {order}"))
        };
        let seen = Self {
            state: text("etat")?,
            place: order["emplacement_id"].as_i64().context("an order without place")?,
            lines: from_wire(&order["lignes"]),
            total: order["montant_total"].clone(),
            history: order["historique"].as_array().cloned().unwrap_or_default(),
        };
        Ok((text("id")?, seen))
    }
}

/// A request for units as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenRequest {
    pub(super) state: String,
    pub(super) shop: i64,
    pub(super) line: Line,
}

/// Everything that was looked at.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Orders placed since the last audit, and some earlier ones.
    pub(super) orders: BTreeMap<String, SeenOrder>,
    /// Which of them are new.
    pub(super) new_orders: BTreeSet<String>,
    /// Sales since the last audit: shop and lines.
    pub(super) sales: BTreeMap<String, (i64, Vec<Line>)>,
    /// All requests for units.
    pub(super) requests: BTreeMap<String, SeenRequest>,
    /// All stock.
    pub(super) levels: Levels,
}

impl Found {
    /// Reads it over HTTP.
    pub(super) async fn read(
        client: &mut Client,
        world: &World,
        ledger: &Ledger,
        exchanges: &[Exchange],
    ) -> Result<Self> {
        let mut found = Self { levels: world.levels(client).await?, ..Self::default() };
        let is_known = |item: &Value| item["id"].as_str().is_some_and(|id| ledger.orders.contains_key(id));
        for order in every_until(client, "/commandes", is_known).await? {
            let (id, seen) = SeenOrder::read(&order)?;
            found.new_orders.insert(id.clone());
            found.orders.insert(id, seen);
        }
        for id in looked_at_again(ledger, exchanges) {
            if !found.orders.contains_key(&id) {
                let (id, seen) = SeenOrder::read(&client.get(&format!("/commande/{id}")).await?)?;
                found.orders.insert(id, seen);
            }
        }
        for shop in &world.shops {
            let is_known = |item: &Value| item["id"].as_str().is_some_and(|id| ledger.sales.contains(id));
            for sale in every_until(client, &format!("/magasins/{shop}/ventes"), is_known).await? {
                let id = sale["id"].as_str().context("a sale without id")?;
                found.sales.insert(id.to_owned(), (*shop, from_wire(&sale["lignes"])));
            }
        }
        for request in every(client, "/approvisionnements").await? {
            let (id, seen) = read_request(&request).with_context(|| format!("the request {request}"))?;
            found.requests.insert(id, seen);
        }
        Ok(found)
    }
}

/// Earlier orders that somebody wanted cancelled, and the latest others.
fn looked_at_again(ledger: &Ledger, exchanges: &[Exchange]) -> BTreeSet<String> {
    let cancelled = exchanges.iter().filter_map(|exchange| match &exchange.ask {
        Ask::Cancel { order } => Some(order.clone()),
        Ask::Order { .. }
        | Ask::Sale { .. }
        | Ask::Receipt { .. }
        | Ask::Replenish { .. }
        | Ask::Step { .. }
        | Ask::Reserve { .. }
        | Ask::Release { .. }
        | Ask::Offer(_) => None,
    });
    cancelled.chain(ledger.orders.keys().rev().take(LOOKED_AT_AGAIN).cloned()).collect()
}

fn read_request(request: &Value) -> Option<(String, SeenRequest)> {
    let line = (request["produit_id"].as_i64()?, request["quantite"].as_i64()?);
    let (state, shop) = (request["statut"].as_str()?.to_owned(), request["magasin_id"].as_i64()?);
    Some((request["id"].as_str()?.to_owned(), SeenRequest { state, shop, line }))
}
