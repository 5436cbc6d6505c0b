//! A small Stripe on this machine, for tests: real HTTP on a free port, its own books, faults on demand.
//!
//! It keeps Stripe's rules where they matter here: idempotency keys that replay the first result (an error 500
//! too) and refuse other parameters, intents that are captured at most once, refunds bounded by what was
//! captured, a search index that may lag behind. [`Ledger`] is what *it* believes, to be held against what the
//! shop believes. What it does on the wire can be spoiled call by call with a [`Fault`].

mod books;
mod http;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::PaymentId;
use telemetry::SecretText;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use self::books::Books;
pub use self::books::{Ledger, LedgerEntry};
use self::http::{Connection, Reply, Request};
use super::{StripeProvider, StripeSettings};

/// The secret key that the double accepts.
pub const SECRET_KEY: &str = "sk_test_double";

/// A payment method that pays.
pub const PAYS: &str = "pm_card_visa";
/// A payment method that the bank declines.
pub const DECLINED: &str = "pm_card_visa_chargeDeclined";
/// A payment method without the means.
pub const INSUFFICIENT: &str = "pm_card_visa_chargeDeclinedInsufficientFunds";
/// A payment method whose owner would have to authenticate.
pub const AUTHENTICATES: &str = "pm_card_authenticationRequired";
/// A payment method that leaves the payment processing (not one of Stripe's own test methods).
pub const SLOW: &str = "pm_double_processing";

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The work is done; the answer comes so much later.
    Late(Duration),
    /// The work is done; the connection sends its answer two times at once.
    Twice,
    /// The work is done; its answer comes again in the place of the next answer on that connection.
    TwiceLater,
    /// The work is done; the answer describes another payment.
    OtherPayment,
    /// The work is done; the answer is 200 with a web page.
    Garbage,
    /// The work is done; the answer breaks off in the middle.
    Truncated,
    /// The work is done; the answer is 500, and stays so for that idempotency key.
    ErrorAfterWork,
    /// The work is done; the connection closes without an answer.
    LostAnswer,
    /// Nothing is done; the connection closes without an answer.
    LostRequest,
    /// Nothing is done; the answer is 500.
    ErrorBeforeWork,
    /// Nothing is done; the answer is 429 and asks to wait so many seconds.
    RateLimited(u64),
    /// Nothing is done; the answer is 429 because of a lock on the object.
    LockTimeout,
    /// Nothing is done; the answer is 409: the key is in use by a request that still runs.
    KeyInUse,
    /// Nothing is done; the answer points elsewhere.
    Redirect,
}

/// The calls that the double knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/payment_intents`
    Create,
    /// `GET /v1/payment_intents/{id}`
    Retrieve,
    /// `GET /v1/payment_intents/search`
    Search,
    /// `POST /v1/payment_intents/{id}/capture`
    Capture,
    /// `POST /v1/payment_intents/{id}/cancel`
    Cancel,
    /// `POST /v1/refunds`
    Refund,
    /// Anything else; answered 404.
    Other,
}

/// A request as the double received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it asked for.
    pub endpoint: Endpoint,
    /// Its idempotency key.
    pub key: Option<String>,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its form or query.
    pub params: Vec<(String, String)>,
}

#[derive(Default)]
struct Script {
    any: VecDeque<Fault>,
    on: VecDeque<(Endpoint, Fault)>,
    seen: Vec<Seen>,
}

impl Script {
    fn fault_for(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let due = self.on.iter().position(|(on, _)| *on == endpoint);
        match due {
            Some(index) => self.on.remove(index).map(|(_, fault)| fault),
            None => self.any.pop_front(),
        }
    }
}

#[derive(Default)]
struct Shared {
    books: Mutex<Books>,
    script: Mutex<Script>,
}

/// A Stripe of one's own; it stops when dropped.
pub struct StripeDouble {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Drop for StripeDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl StripeDouble {
    /// Starts on a free port of this machine.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Settings that reach it, with a payment method that pays and pauses too short to be noticed.
    pub fn settings(&self) -> StripeSettings {
        StripeSettings {
            base_url: self.base_url(),
            backoff: Duration::from_micros(100),
            ..StripeSettings::new(SecretText::new(SECRET_KEY.to_owned()), PAYS)
        }
    }

    /// Stops it: from then on connections are refused. Returns once that is so.
    pub async fn stop(mut self) {
        self.server.abort();
        // The listener is closed when the task has gone; how it went is of no interest.
        (&mut self.server).await.ok();
    }

    /// Spoils the next call, whichever it is. Faults add up in order.
    pub fn fail_next(&self, fault: Fault) {
        self.script().any.push_back(fault);
    }

    /// Spoils the next call of one kind.
    pub fn fail_next_on(&self, endpoint: Endpoint, fault: Fault) {
        self.script().on.push_back((endpoint, fault));
    }

    /// Declines, for insufficient funds, whatever is above this amount (in Stripe's units).
    pub fn decline_above(&self, amount: i64) {
        self.books().limit = Some(amount);
    }

    /// Lets search miss whatever is made from now on.
    pub fn hold_search_index(&self) {
        self.books().index_held = true;
    }

    /// Lets search find everything again.
    pub fn catch_up_search_index(&self) {
        self.books().catch_up();
    }

    /// Forgets all idempotency keys, as Stripe may after 24 hours.
    pub fn expire_keys(&self) {
        self.books().forget_keys();
    }

    /// Makes the refunds of a payment fail after they were accepted, as a closed account does.
    pub fn fail_refunds_of(&self, payment: PaymentId) {
        self.books().fail_refunds_of(payment);
    }

    /// Its books as they stand.
    pub fn ledger(&self) -> Ledger {
        self.books().ledger()
    }

    /// Every request received so far, spoiled ones too.
    pub fn seen(&self) -> Vec<Seen> {
        self.script().seen.clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        locked(&self.shared.books)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        locked(&self.shared.script)
    }
}

/// The known-bad twin: what would happen without stable idempotency keys.
impl StripeProvider {
    /// Uses a new idempotency key each time it asks, as a careless client would. Tests use it to show that
    /// they notice.
    #[must_use]
    pub fn with_careless_keys(mut self) -> Self {
        self.key = |payment_id, step| {
            static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            format!("careless-{payment_id}-{step}-{count}")
        };
        self
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, Arc::clone(&shared)));
    }
}

/// Answers one connection until it ends, or until a fault ends it.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let mut connection = Connection::new(stream);
    let mut left_over: Option<Reply> = None;
    while let Some(request) = connection.read().await {
        if let Some(stale) = left_over.take() {
            connection.write(&stale).await;
        }
        let endpoint = endpoint(&request);
        let fault = note(&shared, endpoint, &request);
        let Some(reply) = reply(&shared, endpoint, &request, fault) else { return };
        match fault {
            Some(Fault::Late(delay)) => {
                tokio::time::sleep(delay).await;
                connection.write(&reply).await;
            }
            Some(Fault::Twice) => connection.write_twice(&reply).await,
            Some(Fault::Truncated) => return connection.write_half(&reply).await,
            Some(Fault::LostAnswer) => return,
            _ => connection.write(&reply).await,
        }
        if fault == Some(Fault::TwiceLater) {
            left_over = Some(reply);
        }
    }
}

fn note(shared: &Shared, endpoint: Endpoint, request: &Request) -> Option<Fault> {
    let mut script = locked(&shared.script);
    script.seen.push(Seen {
        endpoint,
        key: request.header("idempotency-key").map(str::to_owned),
        headers: request.headers.clone(),
        params: request.params.clone(),
    });
    script.fault_for(endpoint)
}

/// What is answered; `None` when the connection closes before anything is done.
fn reply(shared: &Shared, endpoint: Endpoint, request: &Request, fault: Option<Fault>) -> Option<Reply> {
    let api_error = |status, kind, code| Some(Reply::error(status, kind, code));
    match fault {
        Some(Fault::LostRequest) => None,
        Some(Fault::ErrorBeforeWork) => api_error(500, "api_error", None),
        Some(Fault::RateLimited(seconds)) => {
            let reply = Reply::error(429, "invalid_request_error", Some("rate_limit"));
            Some(reply.with("Retry-After", &seconds.to_string()))
        }
        Some(Fault::LockTimeout) => api_error(429, "invalid_request_error", Some("lock_timeout")),
        Some(Fault::KeyInUse) => api_error(409, "invalid_request_error", Some("idempotency_key_in_use")),
        Some(Fault::Redirect) => {
            Some(Reply::new(307, String::new()).with("Location", "http://127.0.0.1:9/v1"))
        }
        Some(Fault::Garbage) => {
            locked(&shared.books).answer(endpoint, request, false);
            Some(Reply::new(200, "<html><body>Welcome to the hotel's network</body></html>".to_owned()))
        }
        Some(Fault::OtherPayment) => {
            Some(locked(&shared.books).answer(endpoint, request, false).about_another_payment())
        }
        Some(Fault::ErrorAfterWork) => Some(locked(&shared.books).answer(endpoint, request, true)),
        Some(Fault::Late(_) | Fault::Twice | Fault::TwiceLater | Fault::Truncated | Fault::LostAnswer)
        | None => Some(locked(&shared.books).answer(endpoint, request, false)),
    }
}

fn endpoint(request: &Request) -> Endpoint {
    let path: Vec<&str> = request.path.split('/').skip(1).collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["v1", "payment_intents"]) => Endpoint::Create,
        ("GET", ["v1", "payment_intents", "search"]) => Endpoint::Search,
        ("GET", ["v1", "payment_intents", _]) => Endpoint::Retrieve,
        ("POST", ["v1", "payment_intents", _, "capture"]) => Endpoint::Capture,
        ("POST", ["v1", "payment_intents", _, "cancel"]) => Endpoint::Cancel,
        ("POST", ["v1", "refunds"]) => Endpoint::Refund,
        _ => Endpoint::Other,
    }
}
