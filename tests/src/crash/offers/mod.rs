//! Offers in the traffic: what clients ask of them, and what they know of their own.
//!
//! Every offer's inventory can be known to the unit although many clients work at once: the *shared* ones are only
//! redeemed, by everybody, and never set; each *own* one is set and redeemed by one client, one request after the other.

mod client;
mod world;

use serde_json::{Value, json};

use crate::http::{Answer, Request};

pub(super) use client::Customer;
pub(super) use world::Offers;

/// What takes a unit.
pub(super) const REDEMPTION: &str = "REDEMPTION";
/// What a client may do with an offer, by its name on the wire.
pub(super) const KINDS: [&str; 5] = ["VIEW", "CLICK", "ADD_TO_CART", REDEMPTION, "DISMISS"];

/// An event that a client tells, under a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) offer: String,
    pub(super) kind: &'static str,
}

impl Event {
    fn on_wire(&self) -> Value {
        json!({"event_id": self.id, "user_id": self.user, "offer_id": self.offer, "event_type": self.kind})
    }
}

/// One request about offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OfferAsk {
    /// One event.
    Track(Event),
    /// Several at once.
    Batch(Vec<Event>),
    /// An offer's own inventory is set.
    SetInventory { offer: String, units: i64, key: String },
    /// Offers for somebody; `gone` are those that this client knows to be empty.
    Recommend { user: String, gone: Vec<String> },
}

impl OfferAsk {
    /// The request on the wire.
    pub(super) fn request(&self) -> Request {
        match self {
            Self::Track(event) => Request::post("/events/track").json(&event.on_wire()),
            Self::Batch(events) => {
                let events: Vec<Value> = events.iter().map(Event::on_wire).collect();
                Request::post("/events/track").json(&Value::Array(events))
            }
            Self::SetInventory { offer, units, key } => {
                Request::new("PATCH", &format!("/offers/{offer}/inventory"))
                    .json(&json!({"inventory_count": units}))
                    .header("idempotency-key", key)
            }
            Self::Recommend { user, .. } => {
                Request::post("/offers/recommend").json(&json!({"user_id": user, "limit": LIMIT}))
            }
        }
    }

    /// Whether it may be sent again and still be done once.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Track(_) | Self::Batch(_) | Self::SetInventory { .. } => true,
            Self::Recommend { .. } => false,
        }
    }

    /// The events it tells.
    pub(super) fn events(&self) -> &[Event] {
        match self {
            Self::Track(event) => std::slice::from_ref(event),
            Self::Batch(events) => events,
            Self::SetInventory { .. } | Self::Recommend { .. } => &[],
        }
    }
}

/// How many offers are asked for: more than the categories can give.
const LIMIT: usize = 20;

/// The events that an answer says are counted, now or since earlier.
///
/// # Errors
/// When it says neither that nor that there was no unit left.
pub(super) fn accepted<'a>(ask: &'a OfferAsk, answer: &Answer) -> Result<Vec<&'a Event>, String> {
    let wrong = || format!("{ask:?} was answered {answer}");
    match (ask, answer.status) {
        (OfferAsk::Track(event), 200) => Ok(vec![event]),
        (OfferAsk::Track(event), 409) if event.kind == REDEMPTION => Ok(Vec::new()),
        (OfferAsk::Batch(events), 200) => {
            let results =
                results(answer).filter(|results| results.len() == events.len()).ok_or_else(wrong)?;
            let mut counted = Vec::new();
            for (event, (id, status)) in events.iter().zip(results) {
                match status.as_str() {
                    "tracked" | "duplicate" if id == event.id => counted.push(event),
                    "out_of_stock" if event.kind == REDEMPTION => {}
                    _ => return Err(wrong()),
                }
            }
            Ok(counted)
        }
        _ => Err(wrong()),
    }
}

/// The names and fates of a batch's events.
fn results(answer: &Answer) -> Option<Vec<(String, String)>> {
    let body = answer.json().ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    body["results"]
        .as_array()?
        .iter()
        .map(|it| Some((text(&it["event_id"])?, text(&it["status"])?)))
        .collect()
}

/// Whether all that was asked for was done, so that asking again must change nothing.
pub(super) fn is_done(ask: &OfferAsk, answer: &Answer) -> bool {
    match ask {
        OfferAsk::Recommend { .. } => false,
        OfferAsk::SetInventory { .. } => answer.status == 200,
        OfferAsk::Track(_) | OfferAsk::Batch(_) => {
            accepted(ask, answer).is_ok_and(|events| events.len() == ask.events().len())
        }
    }
}

/// Whether a request that was done before was answered so when it was repeated.
pub(super) fn same_told(ask: &OfferAsk, first: &Answer, second: &Answer) -> bool {
    let counted_before = match ask {
        OfferAsk::Track(event) => {
            second.json().is_ok_and(|body| body["event_id"] == event.id.as_str() && body["duplicate"] == true)
        }
        OfferAsk::Batch(_) => {
            results(second).is_some_and(|results| results.iter().all(|(_, status)| status == "duplicate"))
        }
        OfferAsk::SetInventory { .. } => first.body == second.body,
        OfferAsk::Recommend { .. } => true,
    };
    counted_before && first.status == second.status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &Value) -> Answer {
        Answer { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    fn event(id: &str, kind: &'static str) -> Event {
        Event { id: id.to_owned(), user: "U1".to_owned(), offer: "S00".to_owned(), kind }
    }

    #[test]
    fn of_a_batch_each_event_is_told_of() {
        let ask = OfferAsk::Batch(vec![event("a", "VIEW"), event("b", REDEMPTION)]);
        let told = |first: &str, second: &str| {
            answer(
                &json!({"results": [{"event_id": "a", "status": first}, {"event_id": "b", "status": second}]}),
            )
        };
        let some = told("tracked", "out_of_stock");
        assert_eq!(accepted(&ask, &some).map(|events| events.len()), Ok(1));
        assert!(!is_done(&ask, &some) && is_done(&ask, &told("tracked", "duplicate")));
        accepted(&ask, &told("out_of_stock", "tracked")).expect_err("a view takes no unit");
        accepted(&ask, &answer(&json!({"results": []}))).expect_err("two events are two results");
        let first = told("tracked", "tracked");
        assert!(same_told(&ask, &first, &told("duplicate", "duplicate")));
        assert!(!same_told(&ask, &first, &first), "it would count twice");
    }
}
