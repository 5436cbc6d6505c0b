//! Clients that buy, sell, restock, change their minds and look at offers, each on a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use super::ask::{Ask, Exchange, Step};
use super::offers::Customer;
use super::world::{Line, TOO_DEAR, TOO_MANY, World};
use crate::catalogue::CENTRE;
use crate::http::{Answer, Connection, Received};

/// The longest that a request may go unanswered; the server gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// How many of the requests are about offers.
const ABOUT_OFFERS: f64 = 0.3;

/// Clients at work.
pub(super) struct Traffic {
    in_flight: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    clients: JoinSet<Vec<Exchange>>,
}

impl Traffic {
    /// Starts `clients` clients; the seed and the round decide what each of them does. `confirmed` are orders of
    /// earlier rounds that may be cancelled.
    pub(super) fn start(
        address: SocketAddr,
        world: &Arc<World>,
        clients: usize,
        (seed, round): (u64, u64),
        confirmed: Vec<String>,
    ) -> Self {
        let mut traffic = Self { in_flight: Arc::default(), over: Arc::default(), clients: JoinSet::new() };
        let mut shares: Vec<Vec<String>> = vec![Vec::new(); clients];
        for (index, order) in confirmed.into_iter().enumerate() {
            shares[index % clients].push(order);
        }
        for (index, (number, share)) in (0_u64..).zip(shares).enumerate() {
            let rng = StdRng::seed_from_u64(seed ^ (round << 32) ^ (number << 16));
            let customer = Customer::new(world, index);
            let name = format!("{seed:x}-{round}-{number}");
            let client = Client::new(rng, Arc::clone(world), name, customer, share);
            let (in_flight, over) = (Arc::clone(&traffic.in_flight), Arc::clone(&traffic.over));
            traffic.clients.spawn(client.live(address, in_flight, over));
        }
        traffic
    }

    /// How many requests are sent and not answered at this moment.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// No more requests are sent.
    pub(super) fn stop(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Everything that was asked for, once the last answer has come or will not come any more.
    pub(super) async fn exchanges(mut self) -> Result<Vec<Exchange>> {
        let mut all = Vec::new();
        while let Some(exchanges) = self.clients.join_next().await {
            all.extend(exchanges.context("a client")?);
        }
        Ok(all)
    }
}

/// One client, with what it knows of its own.
struct Client {
    rng: StdRng,
    world: Arc<World>,
    name: String,
    asked: u64,
    customer: Customer,
    confirmed: Vec<String>,
    waiting: Vec<String>,
    validated: Vec<String>,
    reserved: Vec<String>,
}

impl Client {
    fn new(rng: StdRng, world: Arc<World>, name: String, customer: Customer, confirmed: Vec<String>) -> Self {
        let (waiting, validated, reserved) = (Vec::new(), Vec::new(), Vec::new());
        Self { rng, world, name, asked: 0, customer, confirmed, waiting, validated, reserved }
    }

    /// Asks one thing after the other until it is over or the connection breaks.
    async fn live(
        mut self,
        address: SocketAddr,
        in_flight: Arc<AtomicUsize>,
        over: Arc<AtomicBool>,
    ) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        let Ok(mut connection) = Connection::open(address).await else { return exchanges };
        while !over.load(Ordering::SeqCst) {
            let ask = self.next();
            let request = ask.request().bytes();
            in_flight.fetch_add(1, Ordering::SeqCst);
            let received = tokio::time::timeout(PATIENCE, connection.exchange(&request)).await;
            in_flight.fetch_sub(1, Ordering::SeqCst);
            let answer = received.ok().and_then(Result::ok).map(Received::to_answer);
            if let Some(answer) = &answer {
                self.learn(&ask, answer);
            }
            let broken = answer.is_none();
            exchanges.push(Exchange { ask, answer });
            if broken {
                break;
            }
        }
        exchanges
    }

    fn next(&mut self) -> Ask {
        self.asked += 1;
        if self.rng.random_bool(ABOUT_OFFERS) {
            let name = self.key();
            return Ask::Offer(self.customer.next(&mut self.rng, &name));
        }
        let own = match self.rng.random_range(0..100) {
            0..20 => take(&mut self.confirmed).map(|order| Ask::Cancel { order }),
            20..24 => take(&mut self.waiting).map(|request| self.decide(request)),
            24..27 => take(&mut self.validated).map(|request| Ask::Step { request, step: Step::Receive }),
            27..30 => take(&mut self.reserved).map(|reference| Ask::Release { reference }),
            30..38 => Some(self.sale()),
            38..41 => Some(Ask::Receipt {
                line: (self.any_product(), self.rng.random_range(1..4)),
                key: self.key(),
            }),
            41..45 => {
                let (shop, product) = (self.any_shop(), self.any_plenty());
                Some(Ask::Replenish { shop, line: (product, self.rng.random_range(1..9)), key: self.key() })
            }
            45..49 => {
                let (reference, place) = (self.key(), self.any_place());
                Some(Ask::Reserve { reference, place, lines: self.lines(place) })
            }
            _ => None,
        };
        own.unwrap_or_else(|| self.order())
    }

    fn decide(&mut self, request: String) -> Ask {
        let step = if self.rng.random_bool(0.7) { Step::Validate } else { Step::Reject };
        Ask::Step { request, step }
    }

    fn sale(&mut self) -> Ask {
        let shop = self.any_shop();
        Ask::Sale { shop, lines: self.lines(shop), key: self.maybe_key() }
    }

    fn order(&mut self) -> Ask {
        let place = self.any_place();
        let lines = match self.rng.random_range(0..100) {
            0..10 => vec![(self.any_plenty(), TOO_DEAR)],
            10..16 => vec![(self.any_plenty(), TOO_MANY)],
            _ => self.lines(place),
        };
        Ask::Order { place, lines, key: self.maybe_key(), respond_async: self.rng.random_bool(0.06) }
    }

    /// One or two lines of a few units; at the centre sometimes of what is nearly out.
    fn lines(&mut self, place: i64) -> Vec<Line> {
        let first = self.any_plenty();
        let second =
            if place == CENTRE && self.rng.random_bool(0.2) { self.any_scarce() } else { self.any_plenty() };
        let mut lines = vec![(first, self.rng.random_range(1..4))];
        if second != first {
            lines.push((second, self.rng.random_range(1..4)));
        }
        lines.sort_unstable();
        lines
    }

    /// Remembers what can be built on.
    fn learn(&mut self, ask: &Ask, answer: &Answer) {
        let id = || Some(answer.json().ok()?["id"].as_str()?.to_owned());
        match (ask, answer.status) {
            (Ask::Order { .. }, 201) => self.confirmed.extend(id()),
            (Ask::Replenish { .. }, 201) => self.waiting.extend(id()),
            (Ask::Step { request, step: Step::Validate }, 200) => self.validated.push(request.clone()),
            (Ask::Reserve { reference, .. }, 201) => self.reserved.push(reference.clone()),
            (Ask::Offer(ask), _) => self.customer.learn(ask, answer),
            _ => {}
        }
    }

    fn key(&self) -> String {
        format!("{}-{}", self.name, self.asked)
    }

    fn maybe_key(&mut self) -> Option<String> {
        self.rng.random_bool(0.4).then(|| self.key())
    }

    fn any_plenty(&mut self) -> i64 {
        self.world.plenty[self.rng.random_range(0..self.world.plenty.len())]
    }

    fn any_scarce(&mut self) -> i64 {
        self.world.scarce[self.rng.random_range(0..self.world.scarce.len())]
    }

    fn any_product(&mut self) -> i64 {
        if self.rng.random_bool(0.5) { self.any_scarce() } else { self.any_plenty() }
    }

    fn any_shop(&mut self) -> i64 {
        self.world.shops[self.rng.random_range(0..self.world.shops.len())]
    }

    fn any_place(&mut self) -> i64 {
        if self.rng.random_bool(0.3) { self.any_shop() } else { CENTRE }
    }
}

/// The oldest of a list.
fn take(list: &mut Vec<String>) -> Option<String> {
    (!list.is_empty()).then(|| list.remove(0))
}
