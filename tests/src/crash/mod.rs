//! Kills the running product again and again and checks that nothing was lost.
//!
//! A round: clients buy, sell, restock and cancel, look at offers and take them, over HTTP; at a random moment, with at least
//! [`LEAST_IN_FLIGHT`] requests under way, the server, PostgreSQL or both die by SIGKILL; what the store holds is
//! read before anybody touches it; everything starts again; and every answer that a client got, every unit and
//! every cent, every event and every redemption is accounted for.

mod again;
mod ask;
mod audit;
mod offers;
mod report;
mod stage;
mod steps;
mod traffic;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use testkit::wait_until;
use tokio::runtime::Runtime;

use crate::halles::check;
use again::ask_again;
use ask::Exchange;
use audit::Ledger;
use stage::Stage;
use traffic::Traffic;
use world::World;

pub use report::{LEAST_IN_FLIGHT, ROUNDS_FOR_EVERY_STEP, Report, Round};
pub use stage::{Engine, Victim};
pub use steps::{SagaStep, StepCounts};

/// How long the clients work before the kill, in milliseconds.
const UNTIL_KILL: std::ops::Range<u64> = 20..600;
/// Every so many rounds the server is killed once more while it recovers.
const KILL_IN_RECOVERY: u64 = 5;
/// Orders of earlier rounds that clients may cancel.
const TO_CANCEL: usize = 60;
/// The clients reach their number of requests in flight after so long.
const BUSY: Duration = Duration::from_secs(20);

/// How a run is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many kills.
    pub rounds: u64,
    /// On which engine.
    pub engine: Engine,
    /// Decides what the clients do and when they are interrupted.
    pub seed: u64,
    /// How many clients, each with one request at a time.
    pub in_flight: usize,
    /// How many rounds share one store before a fresh one is taken.
    pub rounds_per_store: u64,
    /// The program that is killed; a store is filled by `halles` itself.
    pub program: PathBuf,
}

/// Runs all rounds; `told` gets each one as it ends.
///
/// # Errors
/// When a round cannot be carried out at all, for instance because the server does not start again.
pub fn run(options: &Options, mut told: impl FnMut(&Round)) -> Result<Report> {
    let runtime = Runtime::new()?;
    let mut report = Report {
        engine: match options.engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgresql",
        },
        seed: options.seed,
        rounds: Vec::new(),
    };
    let mut life: Option<Life> = None;
    for number in 1..=options.rounds {
        let is_old = (number - 1).is_multiple_of(options.rounds_per_store.max(1));
        let current = match life.take().filter(|_| !is_old) {
            Some(current) => life.insert(current),
            None => life.insert(Life::begin(options, &runtime)?),
        };
        let round = current.round(options, &runtime, number).with_context(|| format!("round {number}"))?;
        told(&round);
        if !round.faults.is_empty() {
            // What is wrong once would be found wrong again.
            life = None;
        }
        report.rounds.push(round);
    }
    Ok(report)
}

/// One store from its first day, its server, and what its clients know.
struct Life {
    stage: Stage,
    world: Arc<World>,
    ledger: Ledger,
}

impl Life {
    fn begin(options: &Options, runtime: &Runtime) -> Result<Self> {
        let mut stage = Stage::set(options.engine)?;
        let (world, ledger) = runtime.block_on(async {
            stage.server()?.ready(BUSY).await?;
            let mut client = stage.client()?;
            let world = World::make(&mut client).await.context("filling the store")?;
            let ledger = Ledger::open(&mut client, &world, &stage.view()?).await?;
            anyhow::Ok((world, ledger))
        })?;
        stage.hand_over(&options.program)?;
        runtime.block_on(stage.server()?.ready(BUSY))?;
        Ok(Self { stage, world: Arc::new(world), ledger })
    }

    fn round(&mut self, options: &Options, runtime: &Runtime, number: u64) -> Result<Round> {
        let mut rng = StdRng::seed_from_u64(options.seed.rotate_left(17) ^ number);
        let victim = Victim::of_round(options.engine, number);
        let view = self.stage.view()?;
        let before = steps::count_orders(&view)?;
        let traffic = {
            let _inside = runtime.enter();
            let (address, confirmed) = (self.stage.server()?.address(), self.ledger.confirmed(TO_CANCEL));
            Traffic::start(address, &self.world, options.in_flight, (options.seed, number), confirmed)
        };
        std::thread::sleep(Duration::from_millis(rng.random_range(UNTIL_KILL)));
        let least = LEAST_IN_FLIGHT.min(options.in_flight);
        let mut in_flight = 0;
        wait_until("enough requests in flight", BUSY, || {
            in_flight = traffic.in_flight();
            in_flight >= least
        })?;
        self.stage.kill(victim)?;
        traffic.stop();
        self.stage.recover_database()?;
        let exchanges = runtime.block_on(traffic.exchanges())?;
        let steps = steps::read(&view, before, &exchanges);
        let in_recovery = number.is_multiple_of(KILL_IN_RECOVERY);
        self.stage.revive(in_recovery.then_some(&mut rng))?;
        let (requests, unanswered) =
            (exchanges.len(), exchanges.iter().filter(|exchange| exchange.answer.is_none()).count());
        let mut faults = self.find_faults(runtime, exchanges);
        let steps = steps.unwrap_or_else(|error| {
            faults.push(format!("{error:#}"));
            StepCounts::new()
        });
        Ok(Round { number, victim, requests, in_flight, unanswered, steps, faults })
    }

    /// What is wrong after a kill; what cannot be found out is wrong too.
    fn find_faults(&mut self, runtime: &Runtime, exchanges: Vec<Exchange>) -> Vec<String> {
        self.try_find_faults(runtime, exchanges).unwrap_or_else(|error| vec![format!("{error:#}")])
    }

    fn try_find_faults(&mut self, runtime: &Runtime, mut exchanges: Vec<Exchange>) -> Result<Vec<String>> {
        self.stage.settle(runtime)?;
        let mut client = self.stage.client()?;
        let mut faults = runtime.block_on(ask_again(&mut client, &mut exchanges))?;
        // What was sent again may have begun orders that go on without their caller.
        self.stage.settle(runtime)?;
        let view = self.stage.view()?;
        faults.extend(runtime.block_on(self.ledger.audit(&mut client, &view, &self.world, &exchanges))?);
        let books = check(self.stage.data())?;
        if !books.sound {
            faults.push(format!("halles check --settled: {}", books.report));
        }
        Ok(faults)
    }
}
