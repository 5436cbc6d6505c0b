//! Offers as the server and its log tell them after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::super::offers::{Event, KINDS};
use super::super::world::World;
use super::offers::{Counts, OfferLedger};
use crate::catalogue::{CENTRE, levels};
use crate::eventually;
use crate::http::Client;
use crate::offers::{pivots, recommend, shown};
use crate::store_view::StoreView;

/// What the log's readers do after the fact is done after so long.
const SETTLED: Duration = Duration::from_secs(30);
/// For whom offers are asked for.
const USERS: [&str; 4] = ["U000", "U001", "U002", "nobody"];

/// An offer as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SeenOffer {
    pub(super) own: i64,
    pub(super) effective: i64,
    /// What the stores have of its product, when it has one.
    pub(super) available: Option<i64>,
    /// Events by their type.
    pub(super) counts: BTreeMap<String, i64>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct FoundOffers {
    /// Events logged since the last audit, in order.
    pub(super) logged: Vec<Event>,
    /// The position of the last of them.
    pub(super) position: i64,
    pub(super) offers: BTreeMap<String, SeenOffer>,
    /// Offers that somebody is shown.
    pub(super) recommended: BTreeSet<String>,
    pub(super) pivots: Vec<(String, Option<String>)>,
}

impl FoundOffers {
    /// Reads the log beside the server, and everything else over HTTP once the log's readers have caught up.
    pub(super) async fn read(
        client: &mut Client,
        view: &StoreView,
        world: &World,
        ledger: &OfferLedger,
    ) -> Result<Self> {
        let (logged, position) = read_log(view, ledger.position)?;
        let mut counts = ledger.counts.clone();
        for event in &logged {
            *counts.entry((event.offer.clone(), event.kind.to_owned())).or_default() += 1;
        }
        let mut found = Self { logged, position, ..Self::default() };
        let caught_up = eventually("the log's readers", SETTLED, async || {
            found.offers = read_offers(client, world).await?;
            Ok(found.offers.iter().all(|(id, seen)| seen.is_settled(id, &counts)).then_some(()))
        });
        // What is still wrong after so long is wrong, and named by the judge.
        drop(caught_up.await);
        for user in USERS {
            let answer = recommend(client, user, 20).await?;
            found.recommended.extend(shown(&answer)?.into_iter().map(str::to_owned));
        }
        found.pivots = pivots(client).await?;
        Ok(found)
    }
}

impl SeenOffer {
    fn is_settled(&self, id: &str, expected: &Counts) -> bool {
        let count = |kind: &String| expected.get(&(id.to_owned(), kind.clone())).copied().unwrap_or_default();
        self.effective == self.own.min(self.available.unwrap_or(i64::MAX))
            && self.counts.iter().all(|(kind, seen)| *seen == count(kind))
    }
}

/// The events after a position, and the position of the last.
fn read_log(view: &StoreView, after: i64) -> Result<(Vec<Event>, i64)> {
    let rows = view.query(&format!(
        "SELECT CAST(position AS TEXT), data FROM event
         WHERE kind = 'halles.offer.engagement' AND position > {after} ORDER BY event.position"
    ))?;
    let (mut events, mut position) = (Vec::new(), after);
    for row in rows {
        let [Some(at), Some(data)] = row.as_slice() else {
            anyhow::bail!("an event with empty columns: {row:?}")
        };
        position = at.parse().context("a position")?;
        let data: Value = serde_json::from_str(data)?;
        let together = data["events"].as_array().with_context(|| format!("no events in {data}"))?;
        for event in together {
            events.push(read_event(event).with_context(|| format!("the event {event}"))?);
        }
    }
    Ok((events, position))
}

fn read_event(event: &Value) -> Option<Event> {
    let text = |field: &str| event[field].as_str().map(str::to_owned);
    let kind = KINDS.into_iter().find(|kind| event["event_type"] == *kind)?;
    Some(Event { id: text("event_id")?, user: text("user_id")?, offer: text("offer_id")?, kind })
}

async fn read_offers(client: &mut Client, world: &World) -> Result<BTreeMap<String, SeenOffer>> {
    let mut available: BTreeMap<i64, i64> = BTreeMap::new();
    for place in std::iter::once(CENTRE).chain(world.shops.iter().copied()) {
        for (product, level) in levels(client, place).await? {
            *available.entry(product).or_default() += level.on_hand - level.reserved;
        }
    }
    let product: BTreeMap<&str, i64> =
        world.offers.tied.iter().map(|(offer, product)| (offer.as_str(), *product)).collect();
    let mut offers = BTreeMap::new();
    for id in world.offers.ids() {
        let offer = client.get(&format!("/offers/{id}")).await?;
        let stats = client.get(&format!("/offers/{id}/stats")).await?;
        let number = |from: &Value, field: &str| {
            from[field].as_i64().with_context(|| format!("{field} of offer {id}: {from}"))
        };
        let mut counts = BTreeMap::new();
        for (kind, field) in KINDS.into_iter().zip(COUNTED) {
            counts.insert(kind.to_owned(), number(&stats, field)?);
        }
        let (own, effective) = (number(&offer, "inventory_own")?, number(&offer, "inventory_count")?);
        let available = product.get(id).map(|product| available.get(product).copied().unwrap_or_default());
        offers.insert(id.to_owned(), SeenOffer { own, effective, available, counts });
    }
    Ok(offers)
}

/// The numbers of an offer's statistics, in the order of [`KINDS`].
const COUNTED: [&str; 5] = ["views", "clicks", "carts", "redemptions", "dismissals"];
