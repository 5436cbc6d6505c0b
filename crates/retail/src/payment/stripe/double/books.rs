//! The double's books: intents, keys and the rules that move money.

use std::collections::{BTreeMap, HashMap};

use kernel::PaymentId;
use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::{AUTHENTICATES, DECLINED, Endpoint, INSUFFICIENT, PAYS, SECRET_KEY, SLOW};

/// Stripe's minimum for EUR, in cents.
const MINIMUM: i64 = 50;

/// What the double believes, intent by intent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// In the order in which they were made.
    pub entries: Vec<LedgerEntry>,
}

/// One intent in the double's books. Amounts are in Stripe's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The intent's id.
    pub intent: String,
    /// The payment that its metadata name.
    pub payment_id: Option<PaymentId>,
    /// The order that its metadata name.
    pub order_id: Option<String>,
    /// The amount asked for.
    pub amount: i64,
    /// The currency, in lower case.
    pub currency: String,
    /// The intent's status.
    pub status: String,
    /// Whether it ever held the payer's money.
    pub charged: bool,
    /// How much is held and not captured.
    pub held: i64,
    /// How much was captured.
    pub captured: i64,
    /// How much was given back.
    pub refunded: i64,
}

impl Ledger {
    /// The intents of one payment.
    pub fn of(&self, payment: PaymentId) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.iter().filter(move |entry| entry.payment_id == Some(payment))
    }

    /// How often the payer's money was held for one payment: once at most, whatever happens.
    pub fn charges(&self, payment: PaymentId) -> usize {
        self.of(payment).filter(|entry| entry.charged).count()
    }

    /// What is held for one payment and not captured.
    pub fn held(&self, payment: PaymentId) -> i64 {
        self.of(payment).map(|entry| entry.held).sum()
    }

    /// What was captured for one payment and not given back.
    pub fn kept(&self, payment: PaymentId) -> i64 {
        self.of(payment).map(|entry| entry.captured - entry.refunded).sum()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    RequiresPaymentMethod,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

struct Row {
    id: String,
    amount: i64,
    currency: String,
    metadata: BTreeMap<String, String>,
    state: State,
    charged: bool,
    captured: i64,
    refunds: Vec<(i64, bool)>,
    decline: Option<(&'static str, &'static str)>,
    indexed: bool,
}

impl Row {
    fn payment_id(&self) -> Option<PaymentId> {
        self.metadata.get("payment_id")?.parse().ok()
    }

    fn refunded(&self) -> i64 {
        self.refunds.iter().filter(|(_, went_through)| *went_through).map(|(amount, _)| amount).sum()
    }

    fn held(&self) -> i64 {
        if self.state == State::RequiresCapture { self.amount } else { 0 }
    }

    fn entry(&self) -> LedgerEntry {
        LedgerEntry {
            intent: self.id.clone(),
            payment_id: self.payment_id(),
            order_id: self.metadata.get("order_id").cloned(),
            amount: self.amount,
            currency: self.currency.clone(),
            status: self.state.name().to_owned(),
            charged: self.charged,
            held: self.held(),
            captured: self.captured,
            refunded: self.refunded(),
        }
    }

    fn json(&self) -> Value {
        let error = self.decline.map(|(code, decline)| {
            json!({"type": "card_error", "code": code, "decline_code": decline, "message": "Your card was declined."})
        });
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": self.held(),
            "amount_received": self.captured,
            "capture_method": "manual",
            "currency": self.currency,
            "last_payment_error": error,
            "latest_charge": self.charged.then(|| self.charge_json()),
            "metadata": self.metadata,
            "status": self.state.name(),
        })
    }

    fn charge_json(&self) -> Value {
        let refunds: Vec<Value> = (0..self.refunds.len()).map(|index| self.refund_json(index)).collect();
        json!({
            "id": self.id.replace("pi_", "ch_"),
            "object": "charge",
            "amount_refunded": self.refunded(),
            "captured": self.captured > 0,
            "metadata": self.metadata,
            "payment_intent": self.id,
            "refunded": self.captured > 0 && self.refunded() == self.captured,
            "refunds": {"object": "list", "data": refunds, "has_more": false},
        })
    }

    fn refund_json(&self, index: usize) -> Value {
        let (amount, went_through) = self.refunds[index];
        json!({
            "id": format!("re_{}_{index}", self.id),
            "object": "refund",
            "amount": amount,
            "currency": self.currency,
            "metadata": self.metadata,
            "payment_intent": self.id,
            "status": if went_through { "succeeded" } else { "failed" },
        })
    }
}

struct Saved {
    path: String,
    params: Vec<(String, String)>,
    reply: Reply,
}

/// Everything the double knows.
#[derive(Default)]
pub(super) struct Books {
    rows: Vec<Row>,
    keys: HashMap<String, Saved>,
    pub(super) limit: Option<i64>,
    pub(super) index_held: bool,
}

/// An error that Stripe finds before it begins: it is not kept under the key.
struct Invalid(Reply);

impl Books {
    pub(super) fn ledger(&self) -> Ledger {
        Ledger { entries: self.rows.iter().map(Row::entry).collect() }
    }

    pub(super) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    pub(super) fn catch_up(&mut self) {
        self.index_held = false;
        for row in &mut self.rows {
            row.indexed = true;
        }
    }

    pub(super) fn fail_refunds_of(&mut self, payment: PaymentId) {
        for row in self.rows.iter_mut().filter(|row| row.payment_id() == Some(payment)) {
            for (_, went_through) in &mut row.refunds {
                *went_through = false;
            }
        }
    }

    /// Answers a request as Stripe would; with `fail` the work is done but the (kept) answer is an error 500.
    pub(super) fn answer(&mut self, endpoint: Endpoint, request: &Request, fail: bool) -> Reply {
        if request.header("authorization") != Some(&format!("Bearer {SECRET_KEY}")) {
            return Reply::error(401, "invalid_request_error", None);
        }
        let Some(key) = request.header("idempotency-key").filter(|_| request.method == "POST") else {
            let reply = self.work(endpoint, request).unwrap_or_else(|Invalid(reply)| reply);
            return if fail { Reply::error(500, "api_error", None) } else { reply };
        };
        if let Some(saved) = self.keys.get(key) {
            let same = saved.path == request.path && saved.params == request.params;
            return if same {
                saved.reply.clone().with("Idempotent-Replayed", "true")
            } else {
                Reply::error(400, "idempotency_error", None).with("Idempotency-Key", key)
            };
        }
        let reply = match self.work(endpoint, request) {
            Err(Invalid(reply)) => return reply.with("Idempotency-Key", key),
            Ok(_) if fail => Reply::error(500, "api_error", None),
            Ok(reply) => reply,
        };
        let reply = reply.with("Idempotency-Key", key);
        let (path, params) = (request.path.clone(), request.params.clone());
        self.keys.insert(key.to_owned(), Saved { path, params, reply: reply.clone() });
        reply
    }

    fn work(&mut self, endpoint: Endpoint, request: &Request) -> Result<Reply, Invalid> {
        match endpoint {
            Endpoint::Create => self.create(request),
            Endpoint::Search => Ok(self.search(request)),
            Endpoint::Retrieve => Ok(Reply::json(200, &self.row(named_in_path(request))?.json())),
            Endpoint::Capture => self.capture(request),
            Endpoint::Cancel => self.cancel(request),
            Endpoint::Refund => self.refund(request),
            Endpoint::Other => Err(missing()),
        }
    }

    fn create(&mut self, request: &Request) -> Result<Reply, Invalid> {
        let amount: i64 = number(request, "amount").ok_or_else(|| invalid("parameter_missing"))?;
        let currency = request.param("currency").ok_or_else(|| invalid("parameter_missing"))?;
        if amount < MINIMUM {
            return Err(invalid("amount_too_small"));
        }
        let confirmed = request.param("confirm") == Some("true");
        let method = request.param("payment_method");
        if confirmed && !method.is_some_and(is_known) {
            return Err(invalid("resource_missing"));
        }
        let (state, decline) = match method.filter(|_| confirmed) {
            Some(method) => self.decide(method, amount),
            None => (State::RequiresPaymentMethod, None),
        };
        let row = Row {
            id: format!("pi_double_{}", self.rows.len() + 1),
            amount,
            currency: currency.to_owned(),
            metadata: metadata(request),
            state,
            charged: state == State::RequiresCapture,
            captured: 0,
            refunds: Vec::new(),
            decline,
            indexed: !self.index_held,
        };
        let intent = row.json();
        self.rows.push(row);
        Ok(match decline {
            Some((code, decline)) => declined(code, decline, &intent),
            None => Reply::json(200, &intent),
        })
    }

    fn decide(&self, method: &str, amount: i64) -> (State, Option<(&'static str, &'static str)>) {
        let declined = |code, decline| (State::RequiresPaymentMethod, Some((code, decline)));
        match method {
            DECLINED => declined("card_declined", "generic_decline"),
            INSUFFICIENT => declined("card_declined", "insufficient_funds"),
            AUTHENTICATES => declined("authentication_required", "authentication_required"),
            _ if self.limit.is_some_and(|limit| amount > limit) => {
                declined("card_declined", "insufficient_funds")
            }
            SLOW => (State::Processing, None),
            _ => (State::RequiresCapture, None),
        }
    }

    fn search(&self, request: &Request) -> Reply {
        let query = request.param("query").unwrap_or_default();
        let wanted = query.strip_prefix("metadata['payment_id']:'").and_then(|rest| rest.strip_suffix('\''));
        let found: Vec<Value> = self
            .rows
            .iter()
            .filter(|row| row.indexed && row.metadata.get("payment_id").map(String::as_str) == wanted)
            .map(Row::json)
            .collect();
        Reply::json(200, &json!({"object": "search_result", "data": found, "has_more": false}))
    }

    fn capture(&mut self, request: &Request) -> Result<Reply, Invalid> {
        let row = self.row_mut(named_in_path(request))?;
        let amount = number(request, "amount_to_capture").unwrap_or(row.amount);
        if row.state != State::RequiresCapture || amount > row.amount {
            return Ok(Reply::error(400, "invalid_request_error", Some("payment_intent_unexpected_state")));
        }
        row.state = State::Succeeded;
        row.captured = amount;
        Ok(Reply::json(200, &row.json()))
    }

    fn cancel(&mut self, request: &Request) -> Result<Reply, Invalid> {
        let row = self.row_mut(named_in_path(request))?;
        match row.state {
            State::RequiresPaymentMethod | State::RequiresCapture => {
                row.state = State::Canceled;
                Ok(Reply::json(200, &row.json()))
            }
            State::Processing | State::Canceled | State::Succeeded => {
                Ok(Reply::error(400, "invalid_request_error", Some("payment_intent_unexpected_state")))
            }
        }
    }

    fn refund(&mut self, request: &Request) -> Result<Reply, Invalid> {
        let row = self.row_mut(request.param("payment_intent").unwrap_or_default())?;
        let left = row.captured - row.refunded();
        let amount = number(request, "amount").unwrap_or(left);
        if left == 0 || amount > left {
            return Ok(Reply::error(400, "invalid_request_error", Some("charge_already_refunded")));
        }
        row.refunds.push((amount, true));
        Ok(Reply::json(200, &row.refund_json(row.refunds.len() - 1)))
    }

    fn row(&self, id: &str) -> Result<&Row, Invalid> {
        self.rows.iter().find(|row| row.id == id).ok_or_else(missing)
    }

    fn row_mut(&mut self, id: &str) -> Result<&mut Row, Invalid> {
        self.rows.iter_mut().find(|row| row.id == id).ok_or_else(missing)
    }
}

fn is_known(method: &str) -> bool {
    [PAYS, DECLINED, INSUFFICIENT, AUTHENTICATES, SLOW].contains(&method)
}

fn named_in_path(request: &Request) -> &str {
    request.path.split('/').nth(3).unwrap_or_default()
}

fn number(request: &Request, name: &str) -> Option<i64> {
    request.param(name)?.parse().ok()
}

fn metadata(request: &Request) -> BTreeMap<String, String> {
    let named = |(name, value): &(String, String)| {
        let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
        Some((name.to_owned(), value.clone()))
    };
    request.params.iter().filter_map(named).collect()
}

fn declined(code: &str, decline: &str, intent: &Value) -> Reply {
    Reply::json(
        402,
        &json!({"error": {
            "type": "card_error",
            "code": code,
            "decline_code": decline,
            "message": "Your card was declined.",
            "payment_intent": intent,
        }}),
    )
}

fn invalid(code: &str) -> Invalid {
    Invalid(Reply::error(400, "invalid_request_error", Some(code)))
}

fn missing() -> Invalid {
    Invalid(Reply::error(404, "invalid_request_error", Some("resource_missing")))
}
