//! Offers: every acknowledged event counted once, and every unit of their inventories accounted for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ask::{Ask, Exchange, Known};
use super::super::offers::{Event, OfferAsk, REDEMPTION, accepted};
use super::found_offers::FoundOffers;
use crate::http::Answer;
use crate::offers::{is_diverse, shown};

/// How often each kind of event happened to each offer.
pub(super) type Counts = BTreeMap<(String, String), i64>;

/// What the clients of a store know of its offers together.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct OfferLedger {
    /// Own inventories.
    pub(super) own: BTreeMap<String, i64>,
    /// The names of the events in the log.
    pub(super) logged: BTreeSet<String>,
    /// The same events, counted.
    pub(super) counts: Counts,
    /// How far the log has been read.
    pub(super) position: i64,
}

impl OfferLedger {
    /// Holds what was found against what clients know, and takes it over; returns what is wrong.
    pub(super) fn judge(&mut self, exchanges: &[Exchange], found: &FoundOffers) -> Vec<String> {
        let mut faults = Vec::new();
        let mut told: BTreeMap<&str, &Event> = BTreeMap::new();
        for exchange in exchanges {
            let Ask::Offer(ask) = &exchange.ask else { continue };
            match exchange.known() {
                Known::NotDone => {}
                Known::Nothing if matches!(ask, OfferAsk::Recommend { .. }) => {}
                Known::Nothing => faults.push(format!("nobody was told what became of {ask:?}")),
                Known::Told(answer) => match self.take(ask, answer) {
                    Ok(events) => told.extend(events.into_iter().map(|event| (event.id.as_str(), event))),
                    Err(fault) => faults.push(fault),
                },
            }
        }
        faults.extend(self.judge_log(told, &found.logged));
        faults.extend(self.judge_state(found));
        self.position = found.position;
        faults
    }

    /// What an answer promises; the own inventory that follows from it.
    fn take<'a>(&mut self, ask: &'a OfferAsk, answer: &Answer) -> Result<Vec<&'a Event>, String> {
        match ask {
            OfferAsk::SetInventory { offer, units, .. } if answer.status == 200 => {
                self.own.insert(offer.clone(), *units);
            }
            OfferAsk::Recommend { gone, .. } if answer.status == 200 => judge_recommended(gone, answer)?,
            OfferAsk::Track(_) | OfferAsk::Batch(_) => {
                let events = accepted(ask, answer)?;
                for event in events.iter().filter(|event| event.kind == REDEMPTION) {
                    *self.own.entry(event.offer.clone()).or_default() -= 1;
                }
                return Ok(events);
            }
            OfferAsk::SetInventory { .. } | OfferAsk::Recommend { .. } => {
                return Err(format!("{ask:?} was answered {answer}"));
            }
        }
        Ok(Vec::new())
    }

    /// The log has what was acknowledged, once, and nothing else.
    fn judge_log(&mut self, mut told: BTreeMap<&str, &Event>, logged: &[Event]) -> Vec<String> {
        let mut faults = Vec::new();
        for event in logged {
            if !self.logged.insert(event.id.clone()) {
                faults.push(format!("event {} is in the log twice", event.id));
            }
            if told.remove(event.id.as_str()) != Some(event) {
                faults.push(format!("nobody was told that this event counts: {event:?}"));
            }
            *self.counts.entry((event.offer.clone(), event.kind.to_owned())).or_default() += 1;
        }
        faults.extend(
            told.values().map(|event| {
                format!("event {} was acknowledged and is gone from the log: {event:?}", event.id)
            }),
        );
        faults
    }

    fn judge_state(&self, found: &FoundOffers) -> Vec<String> {
        let mut faults = Vec::new();
        for (offer, seen) in &found.offers {
            let expected = self.own.get(offer).copied().unwrap_or_default();
            if seen.own != expected {
                faults.push(format!("offer {offer} has {} units of its own, {expected} are right", seen.own));
            }
            for (kind, count) in &seen.counts {
                let logged = self.counts.get(&(offer.clone(), kind.clone())).copied().unwrap_or_default();
                if *count != logged {
                    faults.push(format!("offer {offer} counts {count} {kind}, the log {logged}"));
                }
            }
            if seen.effective != seen.own.min(seen.available.unwrap_or(i64::MAX)) {
                faults.push(format!("offer {offer} shows the wrong inventory: {seen:?}"));
            }
        }
        let is_empty = |offer: &str| found.offers.get(offer).is_some_and(|seen| seen.effective == 0);
        for offer in found.recommended.iter().filter(|offer| is_empty(offer)) {
            faults.push(format!("offer {offer} is empty and recommended"));
        }
        for (from, to) in &found.pivots {
            if !is_empty(from) || to.as_deref().is_some_and(is_empty) {
                faults.push(format!("traffic goes from {from} to {to:?}, where the inventories are others"));
            }
        }
        let moved: BTreeSet<&str> = found.pivots.iter().map(|(from, _)| from.as_str()).collect();
        for (offer, _) in found.offers.iter().filter(|(offer, _)| is_empty(offer)) {
            if !moved.contains(offer.as_str()) {
                faults.push(format!("offer {offer} is empty and its traffic goes nowhere"));
            }
        }
        faults
    }
}

/// No offer that the client knew to be empty, and no third one of a category.
fn judge_recommended(gone: &[String], answer: &Answer) -> Result<(), String> {
    let body = answer.json().map_err(|error| format!("{error:#}"))?;
    let stale = shown(&body).map_err(|error| format!("{error:#}"))?;
    let stale = stale.into_iter().find(|offer| gone.iter().any(|gone| gone == offer));
    match stale {
        Some(offer) => Err(format!("offer {offer} was recommended after its client was told that it is out")),
        None if !is_diverse(&body) => Err(format!("three offers of a category: {answer}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::found_offers::SeenOffer;
    use super::*;

    fn event(id: &str, kind: &'static str) -> Event {
        Event { id: id.to_owned(), user: "U1".to_owned(), offer: "S00".to_owned(), kind }
    }

    fn tracked(event: Event, status: u16) -> Exchange {
        let body = json!({"message": "Event tracked successfully", "event_id": event.id});
        let answer = Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() };
        Exchange { ask: Ask::Offer(OfferAsk::Track(event)), answer: Some(answer) }
    }

    fn ledger() -> OfferLedger {
        OfferLedger { own: BTreeMap::from([("S00".to_owned(), 5)]), ..OfferLedger::default() }
    }

    fn found(logged: &[Event], own: i64) -> FoundOffers {
        let count = |kind: &str| {
            let of_kind = logged.iter().filter(|event| event.kind == kind).count();
            (kind.to_owned(), i64::try_from(of_kind).unwrap_or_default())
        };
        let counts = BTreeMap::from(["VIEW", REDEMPTION].map(count));
        let seen = SeenOffer { own, effective: own, available: None, counts };
        FoundOffers {
            logged: logged.to_vec(),
            offers: BTreeMap::from([("S00".to_owned(), seen)]),
            ..FoundOffers::default()
        }
    }

    #[test]
    fn what_was_acknowledged_is_counted_once() {
        let (view, taken) = (event("a", "VIEW"), event("b", REDEMPTION));
        let exchanges = [tracked(view.clone(), 200), tracked(taken.clone(), 200)];
        assert_eq!(ledger().judge(&exchanges, &found(&[view, taken], 4)), Vec::<String>::new());
    }

    #[test]
    fn a_lost_event_and_its_unit_are_faults() {
        let faults = ledger().judge(&[tracked(event("b", REDEMPTION), 200)], &found(&[], 5));
        assert!(faults.iter().any(|fault| fault.contains("is gone")), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.contains("4 are right")), "{faults:?}");
    }

    #[test]
    fn an_event_counted_twice_is_a_fault() {
        let view = event("a", "VIEW");
        let faults = ledger().judge(&[tracked(view.clone(), 200)], &found(&[view.clone(), view], 5));
        assert!(faults.iter().any(|fault| fault.contains("twice")), "{faults:?}");
    }

    #[test]
    fn what_was_refused_must_not_count() {
        let taken = event("b", REDEMPTION);
        let refused = [tracked(taken.clone(), 409)];
        assert!(ledger().judge(&refused, &found(&[], 5)).is_empty());
        let faults = ledger().judge(&refused, &found(&[taken], 5));
        assert!(faults.iter().any(|fault| fault.contains("nobody")), "{faults:?}");
    }

    #[test]
    fn an_empty_offer_is_neither_recommended_nor_forgotten() {
        let mut empty = found(&[], 0);
        empty.recommended.insert("S00".to_owned());
        let mut ledger = OfferLedger { own: BTreeMap::from([("S00".to_owned(), 0)]), ..ledger() };
        let faults = ledger.judge(&[], &empty);
        assert!(faults.iter().any(|fault| fault.contains("empty and recommended")), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.contains("goes nowhere")), "{faults:?}");
        empty.recommended.clear();
        empty.pivots.push(("S00".to_owned(), None));
        assert_eq!(ledger.judge(&[], &empty), Vec::<String>::new());
    }
}
