//! Compares what clients were told with what the server holds after a crash.
//!
//! The whole world is read ([`found`]) and held against the clients' memory ([`orders`], [`stock`]): whatever they
//! were told is there, whatever is there was asked for, and stock is right to the unit; and so are offers ([`offers`]).

mod found;
mod found_offers;
mod offers;
mod orders;
mod stock;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::ask::Exchange;
use super::world::{Levels, Line, World};
use crate::http::Client;
use crate::store_view::StoreView;
use found::{Found, SeenOrder};
use found_offers::FoundOffers;
use offers::OfferLedger;

/// What the clients of a store know together, from its first day.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    /// Stock after the last audit.
    levels: Levels,
    /// The orders, as last seen.
    orders: BTreeMap<String, SeenOrder>,
    /// The sales.
    sales: BTreeSet<String>,
    /// The requests for units, with their state.
    requests: BTreeMap<String, String>,
    /// Live reservations: place and lines by reference.
    reserved: BTreeMap<String, (i64, Vec<Line>)>,
    /// Offers and their events.
    offers: OfferLedger,
}

impl Ledger {
    /// The ledger of a store that has just been filled.
    pub(super) async fn open(client: &mut Client, world: &World, view: &StoreView) -> Result<Self> {
        let mut ledger = Self {
            levels: world.levels(client).await?,
            orders: BTreeMap::new(),
            sales: BTreeSet::new(),
            requests: BTreeMap::new(),
            reserved: BTreeMap::new(),
            offers: OfferLedger::default(),
        };
        let found = Found::read(client, world, &ledger, &[]).await?;
        ledger.requests = found.requests.iter().map(|(id, seen)| (id.clone(), seen.state.clone())).collect();
        let offers = FoundOffers::read(client, view, world, &ledger.offers).await?.offers;
        ledger.offers.own = offers.into_iter().map(|(id, seen)| (id, seen.own)).collect();
        Ok(ledger)
    }

    /// Some orders that may still be cancelled.
    pub(super) fn confirmed(&self, limit: usize) -> Vec<String> {
        let confirmed = self.orders.iter().filter(|(_, seen)| seen.state == "CONFIRMEE");
        confirmed.rev().take(limit).map(|(id, _)| id.clone()).collect()
    }

    /// Audits a round, in which every order must be settled, and takes over what it brought; returns what is wrong.
    pub(super) async fn audit(
        &mut self,
        client: &mut Client,
        view: &StoreView,
        world: &World,
        exchanges: &[Exchange],
    ) -> Result<Vec<String>> {
        let found = Found::read(client, world, self, exchanges).await?;
        let mut faults = self.judge(exchanges, &found);
        let offers = FoundOffers::read(client, view, world, &self.offers).await?;
        faults.extend(self.offers.judge(exchanges, &offers));
        Ok(faults)
    }

    fn judge(&mut self, exchanges: &[Exchange], found: &Found) -> Vec<String> {
        let mut levels = self.levels.clone();
        let mut faults = orders::judge(&self.orders, exchanges, found, &mut levels);
        faults.extend(stock::judge(self, exchanges, found, &mut levels));
        faults.extend(levels.differences(&found.levels));
        self.levels = found.levels.clone();
        self.orders.extend(found.orders.clone());
        self.sales.extend(found.sales.keys().cloned());
        self.requests.extend(found.requests.iter().map(|(id, seen)| (id.clone(), seen.state.clone())));
        faults
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ask::Ask;
    use super::*;
    use crate::http::Answer;

    fn answer(status: u16, body: &serde_json::Value) -> Answer {
        let headers = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
        Answer { status, headers, body: body.to_string().into_bytes() }
    }

    fn ledger() -> Ledger {
        let mut levels = Levels::default();
        levels.bring((0, 1), 10);
        let (orders, sales, requests, reserved, offers) = Default::default();
        Ledger { levels, orders, sales, requests, reserved, offers }
    }

    fn order(id: &str, state: &str) -> serde_json::Value {
        json!({"id": id, "emplacement_id": 0, "etat": state, "lignes": [{"produit_id": 1, "quantite": 2}],
               "montant_total": {"montant": "14.00", "devise": "EUR"}, "historique": [{"etat": "CREEE"}, {"etat": state}]})
    }

    fn order_told(status: u16, body: &serde_json::Value) -> Exchange {
        let ask = Ask::Order { place: 0, lines: vec![(1, 2)], key: None, respond_async: false };
        Exchange { ask, answer: Some(answer(status, body)) }
    }

    fn found(orders: &[serde_json::Value], on_hand: i64) -> Found {
        let mut found = Found::default();
        for order in orders {
            let (id, seen) = SeenOrder::read(order).expect("an order");
            found.new_orders.insert(id.clone());
            found.orders.insert(id, seen);
        }
        found.levels.bring((0, 1), on_hand);
        found
    }

    #[test]
    fn a_confirmed_order_that_is_there_is_no_fault() {
        let told = order_told(201, &order("a", "CONFIRMEE"));
        assert_eq!(ledger().judge(&[told], &found(&[order("a", "CONFIRMEE")], 8)), Vec::<String>::new());
    }

    #[test]
    fn a_lost_order_and_its_units_are_faults() {
        let told = order_told(201, &order("a", "CONFIRMEE"));
        let faults = ledger().judge(&[told], &found(&[], 10));
        assert!(faults.iter().any(|fault| fault.contains("is gone")), "{faults:?}");
    }

    #[test]
    fn an_unanswered_order_may_be_there_or_not_but_not_twice() {
        let unanswered = || Exchange { answer: None, ..order_told(0, &json!({})) };
        assert!(ledger().judge(&[unanswered()], &found(&[], 10)).is_empty());
        assert!(ledger().judge(&[unanswered()], &found(&[order("a", "CONFIRMEE")], 8)).is_empty());
        let twice = found(&[order("a", "CONFIRMEE"), order("b", "CONFIRMEE")], 6);
        let faults = ledger().judge(&[unanswered()], &twice);
        assert!(faults.iter().any(|fault| fault.contains("nobody")), "{faults:?}");
    }

    #[test]
    fn what_was_refused_for_now_must_not_have_happened() {
        let body = json!({"type": "urn:halles:problem:unavailable"});
        let refused = order_told(503, &body);
        let faults = ledger().judge(&[refused], &found(&[order("a", "CONFIRMEE")], 8));
        assert!(faults.iter().any(|fault| fault.contains("nobody")), "{faults:?}");
    }

    #[test]
    fn a_cancelled_order_stays_cancelled() {
        let mut ledger = ledger();
        let told = order_told(201, &order("a", "CONFIRMEE"));
        assert!(ledger.judge(&[told], &found(&[order("a", "CONFIRMEE")], 8)).is_empty());
        let cancelled = || Exchange {
            ask: Ask::Cancel { order: "a".to_owned() },
            answer: Some(answer(200, &order("a", "ANNULEE"))),
        };
        let mut restocked = found(&[order("a", "ANNULEE")], 10);
        restocked.new_orders.clear();
        assert!(ledger.clone().judge(&[cancelled()], &restocked).is_empty());
        let mut forgotten = found(&[order("a", "CONFIRMEE")], 8);
        forgotten.new_orders.clear();
        let faults = ledger.judge(&[cancelled()], &forgotten);
        assert!(faults.iter().any(|fault| fault.contains("ANNULEE")), "{faults:?}");
    }

    #[test]
    fn a_unit_that_is_missing_is_a_fault() {
        let faults = ledger().judge(&[], &found(&[], 9));
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}
