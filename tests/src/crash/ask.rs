//! What clients ask for, and what they were told.

use serde_json::{Value, json};

use super::offers::OfferAsk;
use super::world::Line;
use crate::catalogue::CENTRE;
use crate::http::{Answer, Request};

/// So long that no reservation runs out during a run, in seconds.
const RESERVED_FOR: i64 = 86_400;

/// One request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// An order; under a key, and answered before its end, or neither.
    Order { place: i64, lines: Vec<Line>, key: Option<String>, respond_async: bool },
    /// A confirmed order is to be cancelled.
    Cancel { order: String },
    /// A sale at the till.
    Sale { shop: i64, lines: Vec<Line>, key: Option<String> },
    /// Goods received at the centre.
    Receipt { line: Line, key: String },
    /// A shop asks the centre for units.
    Replenish { shop: i64, line: Line, key: String },
    /// A request for units is taken further.
    Step { request: String, step: Step },
    /// Units are promised under a reference.
    Reserve { reference: String, place: i64, lines: Vec<Line> },
    /// Promised units are given back.
    Release { reference: String },
    /// Something about offers.
    Offer(OfferAsk),
}

/// A step of a request for units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Validate,
    Reject,
    Receive,
}

impl Step {
    /// The state it leads to.
    pub(super) const fn target(self) -> &'static str {
        match self {
            Self::Validate => "VALIDEE",
            Self::Reject => "REJETEE",
            Self::Receive => "RECUE",
        }
    }
}

impl Ask {
    /// The request on the wire.
    pub(super) fn request(&self) -> Request {
        let post = |path: &str, body: Value| Request::post(path).json(&body);
        match self {
            Self::Order { place, lines, key, respond_async } => {
                let mut body = json!({"produits": on_wire(lines)});
                if *place != CENTRE {
                    body["emplacement_id"] = json!(place);
                }
                let request = keyed(post("/saga/commande", body), key.as_deref());
                if *respond_async { request.header("prefer", "respond-async") } else { request }
            }
            Self::Cancel { order } => post(&format!("/commande/{order}/annuler"), json!({})),
            Self::Sale { shop, lines, key } => {
                let body = json!({"lignes": on_wire(lines)});
                keyed(post(&format!("/magasins/{shop}/ventes"), body), key.as_deref())
            }
            Self::Receipt { line: (product, units), key } => {
                let body = json!({"produit_id": product, "quantite": units});
                keyed(post("/logistique/receptions", body), Some(key))
            }
            Self::Replenish { shop, line: (product, units), key } => {
                let body = json!({"magasin_id": shop, "produit_id": product, "quantite": units});
                keyed(post("/approvisionnements", body), Some(key))
            }
            Self::Step { request, step } => {
                let (verb, body) = match step {
                    Step::Validate => ("valider", json!({})),
                    Step::Reject => ("rejeter", json!({"motif": "essai"})),
                    Step::Receive => ("recevoir", json!({})),
                };
                post(&format!("/approvisionnements/{request}/{verb}"), body)
            }
            Self::Reserve { reference, place, lines } => post(
                "/stock/reserver",
                json!({"reference": reference, "emplacement_id": place, "produits": on_wire(lines), "duree_s": RESERVED_FOR}),
            ),
            Self::Release { reference } => post("/stock/liberer", json!({"reference": reference})),
            Self::Offer(ask) => ask.request(),
        }
    }

    /// Whether it may be sent again and still be done once.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Order { key, .. } | Self::Sale { key, .. } => key.is_some(),
            Self::Receipt { .. } | Self::Replenish { .. } | Self::Reserve { .. } | Self::Release { .. } => {
                true
            }
            Self::Cancel { .. } | Self::Step { .. } => false,
            Self::Offer(ask) => ask.is_repeatable(),
        }
    }
}

fn keyed(request: Request, key: Option<&str>) -> Request {
    match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    }
}

fn on_wire(lines: &[Line]) -> Value {
    lines.iter().map(|(product, units)| json!({"produit_id": product, "quantite": units})).collect()
}

/// Lines as the server tells them, sorted by product.
pub(super) fn from_wire(lines: &Value) -> Vec<Line> {
    let number = |line: &Value, field: &str| line[field].as_i64().unwrap_or(0);
    let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<Line> =
        lines.iter().map(|line| (number(line, "produit_id"), number(line, "quantite"))).collect();
    lines.sort_unstable();
    lines
}

/// A request that was sent, and what came back.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    /// What was asked for.
    pub(super) ask: Ask,
    /// The answer, if one came before the connection broke.
    pub(super) answer: Option<Answer>,
}

/// What a client knows of what it asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<'a> {
    /// It was told.
    Told(&'a Answer),
    /// It was told that nothing happened, for now.
    NotDone,
    /// It may have happened or not.
    Nothing,
}

impl Exchange {
    /// What the client knows.
    pub(super) fn known(&self) -> Known<'_> {
        match &self.answer {
            None => Known::Nothing,
            Some(answer) if answer.status != 503 => Known::Told(answer),
            Some(answer) if answer.problem().as_deref() == Some("outcome-unknown") => Known::Nothing,
            Some(_) => Known::NotDone,
        }
    }

    /// The order that the client was told of, whatever its state.
    pub(super) fn told_order(&self) -> Option<Value> {
        let (Ask::Order { .. }, Known::Told(answer)) = (&self.ask, self.known()) else { return None };
        let mut body = answer.json().ok()?;
        let order = if answer.status < 400 { body } else { body["commande"].take() };
        order["id"].is_string().then_some(order)
    }
}
