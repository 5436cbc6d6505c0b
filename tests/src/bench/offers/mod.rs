//! Recommendations and events, beside others that do the same.

mod filled;
mod in_process;
mod logs;
mod over_http;
mod python;
mod world;

use std::path::Path;
use std::time::{Duration, Instant};

use ::offers::learn::PolicyName;
use anyhow::Result;
use testkit::TempDir;
use tokio::runtime::Runtime;

use super::load::CALLERS;
use super::machine::memory;
use super::report::{Report, Target};
use super::{Machine, sound, stop};
use crate::halles::{Data, Halles, Serve};
use in_process::{Grown, Ranking};
use logs::{BATCH, BATCHERS, EventLog, Flush, JetStream, Product, RedisStreams, measure};
use python::Peer;
use world::OFFERS;

/// Many more offers, to see what becomes of the time.
const MANY: usize = 100_000;
/// People in the largest measurements, where nothing else is said.
pub const USERS: usize = 1_000_000;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct OfferOptions {
    /// How long each measurement takes.
    pub time: Duration,
    /// How many people are known.
    pub users: usize,
    /// Whether the others are measured too.
    pub peers: bool,
}

/// Measures offers; `told` gets a line as each measurement begins.
///
/// # Errors
/// When something of the product does not work. A peer that is not there is told in the report.
pub fn offers(options: &OfferOptions, told: impl Fn(&str)) -> Result<Report> {
    let folder = TempDir::with_prefix("halles-bench-")?;
    let machine = Machine::look(folder.path())?;
    let mut bench = Bench {
        runtime: Runtime::new()?,
        time: options.time,
        users: options.users,
        report: Report::new(machine, options.time.as_secs_f64()),
        told: &told,
    };
    // First, while this process has no memory of its own to give to the index.
    bench.ranking()?;
    if options.peers {
        bench.python();
    }
    bench.product(folder.path())?;
    if options.peers {
        bench.event_peers();
        bench.compare_events();
    }
    Ok(bench.report)
}

/// A run under way.
struct Bench<'a> {
    runtime: Runtime,
    time: Duration,
    users: usize,
    report: Report,
    told: &'a dyn Fn(&str),
}

impl Bench<'_> {
    /// The index on its own: time and memory.
    fn ranking(&mut self) -> Result<()> {
        (self.told)("ranking in process");
        // What the first index of a process leaves behind is not the next one's.
        drop(Ranking::of(OFFERS / 100, PolicyName::default())?);
        let grown = Grown::from_now()?;
        let mut ranking = Ranking::of(OFFERS, PolicyName::default())?;
        let per_offer = grown.per(OFFERS)?;
        let grown = Grown::from_now()?;
        ranking.meet(self.users)?;
        let per_user = grown.per(self.users)?;

        let few = "ranking in process, 10,000 offers: decisions";
        self.rank(&ranking, few, ["rank", "rank.p50", "rank.p99"], 1.0)?;
        drop(ranking);
        let grown = Grown::from_now()?;
        let mut ranking = Ranking::of(MANY, PolicyName::default())?;
        let per_offer_of_many = grown.per(MANY)?;
        ranking.meet(self.users / 10)?;
        self.rank(&ranking, "  100,000 offers: decisions", ["many", "many.p50", "many.p99"], 5.0)?;
        drop(ranking);
        let title = "    p99 of 100,000 / of 10,000 offers";
        self.report.add_ratio("many/few", title, "many.p99", "rank.p99", Target::AtMost(10.0));
        let mut ranking = Ranking::of(OFFERS, PolicyName::LinearThompson)?;
        ranking.meet(self.users / 10)?;
        self.rank(&ranking, "  linear-thompson: decisions", ["linear", "linear.p50", "linear.p99"], 5.0)?;

        let target = Target::AtMost(1024.0);
        self.report.add(
            "memory.offer",
            "memory of the index per offer, 10,000 offers",
            per_offer,
            "B",
            target,
        );
        let title = "  per offer, 100,000 offers";
        self.report.add("memory.offer.many", title, per_offer_of_many, "B", target);
        self.report.add("memory.user", "  per person known", per_user, "B", Target::AtMost(300.0));
        Ok(())
    }

    fn rank(
        &mut self,
        ranking: &Ranking,
        title: &str,
        [rate, middle, high]: [&'static str; 3],
        most: f64,
    ) -> Result<()> {
        let mut times = ranking.rank(self.time)?;
        self.report.add(rate, title, times.per_second(self.time), "/s", Target::None);
        self.report.add(middle, "    p50", times.quantile(0.5), "ms", Target::None);
        self.report.add(high, "    p99", times.quantile(0.99), "ms", Target::AtMost(most));
        Ok(())
    }

    /// Peers that rank the same number of offers.
    fn python(&mut self) {
        (self.told)("numpy and Vowpal Wabbit");
        let python = python::prepare();
        let numpy = "  numpy, a Beta draw for every offer: decisions";
        let wabbit = "  Vowpal Wabbit, --cb_explore_adf over every offer: decisions";
        for (peer, title, [rate, high, ratio]) in [
            (Peer::Numpy, numpy, ["numpy", "numpy.p99", "rank/numpy"]),
            (Peer::VowpalWabbit, wabbit, ["vw", "vw.p99", "rank/vw"]),
        ] {
            let ranked = python.as_ref().map_err(Clone::clone);
            match ranked.and_then(|python| peer.rank(python, OFFERS, self.time)) {
                Ok(ranked) => {
                    self.report.versions.push(ranked.version);
                    self.report.add(rate, title, ranked.per_second, "/s", Target::None);
                    self.report.add(high, "    p99", ranked.p99_millis, "ms", Target::None);
                    self.report.add_ratio(ratio, "    ours / theirs", "rank", rate, Target::AtLeast(1.0));
                }
                Err(why) => self.report.add_not_run(title, why),
            }
        }
    }

    /// The whole product: how soon it knows everybody again, recommendations, events.
    fn product(&mut self, folder: &Path) -> Result<()> {
        let data = Data::Folder(folder.to_path_buf());
        (self.told)("the store, being filled");
        self.runtime.block_on(filled::fill(folder, OFFERS, self.users))?;
        (self.told)("the start on it");
        let serve = Serve::on(&data)?.variable("HALLES_LOG_FILTER", "info,access=warn");
        let start = Instant::now();
        let server = self.runtime.block_on(serve.start_ready())?;
        let time = start.elapsed().as_secs_f64();
        let title = "start until ready: index rebuilt from the store";
        self.report.add("rebuild", title, time, "s", Target::AtMost(10.0));
        let (idle, _) = memory(server.pid())?;
        self.report.add("memory.server", "server on that data: memory", idle, "MiB", Target::None);
        self.recommend(&server)?;
        self.track(&server)?;
        stop(server)?;
        sound(&data)
    }

    fn recommend(&mut self, server: &Halles) -> Result<()> {
        (self.told)("over HTTP, recommendations");
        let load = over_http::recommendations(server.address(), self.users, self.time);
        let mut done = self.runtime.block_on(load)?;
        let title = format!("HTTP, {} connections: recommendations", over_http::ASKERS);
        self.report.add("http", title, done.per_second, "/s", Target::AtLeast(20_000.0));
        self.report.add("http.p50", "  p50", done.latencies.quantile(0.5), "ms", Target::None);
        self.report.add("http.p99", "  p99", done.latencies.quantile(0.99), "ms", Target::None);
        Ok(())
    }

    fn track(&mut self, server: &Halles) -> Result<()> {
        (self.told)("over HTTP, events");
        let product = Product(server.address());
        let names = ["events.batch", "events.single", "events.single.p99"];
        let targets = [Target::AtLeast(100_000.0), Target::AtLeast(10_000.0)];
        self.events(&product, "events", "durable, each counted once", names, targets)?;
        let mut seen = self.runtime.block_on(over_http::visibility(server.address()))?;
        let title = "  from an event's answer to the profile that decides next: p99";
        self.report.add("events.seen", title, seen.quantile(0.99), "ms", Target::AtMost(100.0));
        Ok(())
    }

    /// Peers that keep the same events.
    fn event_peers(&mut self) {
        (self.told)("Redis Streams");
        let title = "Redis Streams, appendfsync always";
        match self.runtime.block_on(RedisStreams::start()) {
            Ok(redis) => {
                let names = ["redis.batch", "redis.single", "redis.single.p99"];
                self.peer(&redis, redis.version(), title, names);
            }
            Err(why) => self.report.add_not_run(title, format!("{why:#}")),
        }
        for (sync, title, names) in [
            (
                Flush::Always,
                "JetStream, file storage, sync_interval always",
                ["nats.always.batch", "nats.always.single", "nats.always.single.p99"],
            ),
            (
                Flush::Default,
                "JetStream, file storage, synced every 2 minutes",
                ["nats.batch", "nats.single", "nats.single.p99"],
            ),
        ] {
            (self.told)(title);
            match self.runtime.block_on(JetStream::start(sync)) {
                Ok(nats) => self.peer(&nats, nats.version(), title, names),
                Err(why) => self.report.add_not_run(title, format!("{why:#}")),
            }
        }
    }

    fn peer(&mut self, log: &impl EventLog, version: &str, title: &str, names: [&'static str; 3]) {
        if !self.report.versions.iter().any(|known| known == version) {
            self.report.versions.push(version.to_owned());
        }
        if let Err(why) = self.events(log, "  the same events", title, names, [Target::None; 2]) {
            self.report.add_not_run(title, format!("{why:#}"));
        }
    }

    fn events(
        &mut self,
        log: &impl EventLog,
        what: &str,
        how: &str,
        [batch, single, high]: [&'static str; 3],
        [of_batches, of_singles]: [Target; 2],
    ) -> Result<()> {
        let done = self.runtime.block_on(measure(log, (BATCHERS, BATCH), self.time))?;
        let title = format!("{what}, {how}: in batches of 1,000");
        self.report.add(batch, title, done.per_second, "/s", of_batches);
        let mut done = self.runtime.block_on(measure(log, (CALLERS, 1), self.time))?;
        let title = format!("{what}, {how}: one by one, 256 connections");
        self.report.add(single, title, done.per_second, "/s", of_singles);
        self.report.add(high, "    p99", done.latencies.quantile(0.99), "ms", Target::None);
        Ok(())
    }

    fn compare_events(&mut self) {
        for (name, title, ours, theirs) in [
            ("events/redis.batch", "ours / Redis, batches", "events.batch", "redis.batch"),
            ("events/redis.single", "ours / Redis, one by one", "events.single", "redis.single"),
            (
                "events/nats.batch",
                "ours / JetStream (every 2 minutes), batches",
                "events.batch",
                "nats.batch",
            ),
            (
                "events/nats.single",
                "ours / JetStream (every 2 minutes), one by one",
                "events.single",
                "nats.single",
            ),
            (
                "events/nats.always.batch",
                "ours / JetStream (always), batches",
                "events.batch",
                "nats.always.batch",
            ),
            (
                "events/nats.always.single",
                "ours / JetStream (always), one by one",
                "events.single",
                "nats.always.single",
            ),
        ] {
            self.report.add_ratio(name, title, ours, theirs, Target::None);
        }
    }
}
