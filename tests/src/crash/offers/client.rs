//! What one client does with offers.

use std::sync::Arc;

use rand::Rng;
use rand::rngs::StdRng;

use super::super::world::World;
use super::{Event, OfferAsk, REDEMPTION};
use crate::http::Answer;

/// How many events come together.
const BATCH: std::ops::Range<usize> = 2..12;
const USERS: u32 = 40;

/// A client's part in offers.
pub(in super::super) struct Customer {
    world: Arc<World>,
    /// The offer that nobody else sets or redeems.
    own: Option<String>,
    /// Offers that nobody can fill again but this client, and that it was told are empty.
    gone: Vec<String>,
}

impl Customer {
    /// The client of that number, from 0.
    pub(in super::super) fn new(world: &Arc<World>, number: usize) -> Self {
        let own = world.offers.own.get(number).cloned();
        Self { world: Arc::clone(world), own, gone: Vec::new() }
    }

    /// The next request; `name` is one that was never used.
    pub(in super::super) fn next(&mut self, rng: &mut StdRng, name: &str) -> OfferAsk {
        match rng.random_range(0..100) {
            0..45 => OfferAsk::Track(self.event(rng, name.to_owned())),
            45..60 => {
                let count = rng.random_range(BATCH);
                OfferAsk::Batch(
                    (0..count).map(|number| self.event(rng, format!("{name}.{number}"))).collect(),
                )
            }
            60..75 => match &self.own {
                Some(offer) => {
                    // Often emptied: what happens then is what is looked at.
                    let units = if rng.random_bool(0.5) { 0 } else { rng.random_range(1..12) };
                    OfferAsk::SetInventory { offer: offer.clone(), units, key: name.to_owned() }
                }
                None => OfferAsk::Track(self.event(rng, name.to_owned())),
            },
            _ => OfferAsk::Recommend { user: user(rng), gone: self.gone.clone() },
        }
    }

    fn event(&self, rng: &mut StdRng, id: String) -> Event {
        let offers = &self.world.offers;
        let one_of = |rng: &mut StdRng, ids: &[String]| ids[rng.random_range(0..ids.len())].clone();
        let kind =
            ["VIEW", "VIEW", "VIEW", "CLICK", "CLICK", "ADD_TO_CART", "DISMISS", REDEMPTION, REDEMPTION];
        let kind = kind[rng.random_range(0..kind.len())];
        let offer = match (rng.random_range(0..3), &self.own) {
            (0, Some(own)) if kind == REDEMPTION => own.clone(),
            (0, _) if kind != REDEMPTION => one_of(rng, &offers.own),
            (1, _) if kind != REDEMPTION => offers.tied[rng.random_range(0..offers.tied.len())].0.clone(),
            _ => one_of(rng, &offers.shared),
        };
        Event { id, user: user(rng), offer, kind }
    }

    /// Remembers what is certain to be empty until this client itself changes that.
    pub(in super::super) fn learn(&mut self, ask: &OfferAsk, answer: &Answer) {
        match ask {
            OfferAsk::SetInventory { offer, units, .. } => {
                self.gone.retain(|gone| gone != offer);
                if *units == 0 && answer.status == 200 {
                    self.gone.push(offer.clone());
                }
            }
            OfferAsk::Track(event) if event.kind == REDEMPTION && answer.status == 409 => {
                if !self.gone.contains(&event.offer) {
                    self.gone.push(event.offer.clone());
                }
            }
            OfferAsk::Track(_) | OfferAsk::Batch(_) | OfferAsk::Recommend { .. } => {}
        }
    }
}

fn user(rng: &mut StdRng) -> String {
    format!("U{:03}", rng.random_range(0..USERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    #[test]
    fn an_own_offer_is_gone_until_it_is_filled_again() {
        let mut customer = Customer { world: Arc::default(), own: Some("P00".to_owned()), gone: Vec::new() };
        let set = |units| OfferAsk::SetInventory { offer: "P00".to_owned(), units, key: "k".to_owned() };
        customer.learn(&set(0), &answer(503));
        assert!(customer.gone.is_empty(), "it was not done");
        customer.learn(&set(0), &answer(200));
        assert_eq!(customer.gone, ["P00"]);
        customer.learn(&set(3), &answer(200));
        assert!(customer.gone.is_empty());
    }
}
