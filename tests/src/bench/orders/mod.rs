//! Complete orders of two lines, in process, over HTTP and on PostgreSQL, beside what each is compared with.

mod bare;
pub(super) mod chain;
mod over_http;
mod pgbench;
mod trace;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use testkit::{PrivatePostgres, TempDir};
use tokio::runtime::Runtime;

use super::load::Throughput;
use super::machine::memory;
use super::report::{Report, Target};
use super::{Machine, copy_of, sound, stop};
use crate::halles::{Data, Serve};
use chain::Demand;
use trace::Trace;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each measurement takes.
    pub time: Duration,
    /// On SQLite, in process and over HTTP.
    pub sqlite: bool,
    /// On PostgreSQL, in process, beside pgbench.
    pub postgres: bool,
    /// The server writes a line for every request, which a program on the same cores has to read.
    pub access_log: bool,
}

/// Measures orders; `told` gets a line as each measurement begins.
///
/// # Errors
/// When something that is measured does not work, or a program that is needed is not there.
pub fn orders(options: &Options, told: impl Fn(&str)) -> Result<Report> {
    let folder = TempDir::with_prefix("halles-bench-")?;
    let machine = Machine::look(folder.path())?;
    let seconds = options.time.as_secs_f64();
    let mut bench = Bench {
        runtime: Runtime::new()?,
        time: options.time,
        report: Report::new(machine, seconds),
        told: &told,
    };
    if options.sqlite {
        let filled = folder.path().join("filled");
        std::fs::create_dir(&filled)?;
        bench.runtime.block_on(chain::fill(&Data::Folder(filled.clone())))?;
        bench.in_process(&filled)?;
        bench.over_http(&filled, options.access_log)?;
        bench.demo()?;
    }
    if options.postgres {
        bench.postgres()?;
    }
    Ok(bench.report)
}

/// A run under way.
struct Bench<'a> {
    runtime: Runtime,
    time: Duration,
    report: Report,
    told: &'a dyn Fn(&str),
}

impl Bench<'_> {
    /// SQLite in process, against the bare loop, and one hot product against many.
    fn in_process(&mut self, filled: &Path) -> Result<()> {
        (self.told)("SQLite in process, uniform");
        let run = copy_of(filled)?;
        let mut uniform = self.order_in_process(run.path(), Demand::Uniform)?;
        let (orders, latency) = (uniform.per_second, uniform.latencies.quantile(0.99));
        self.report.add(
            "sqlite.uniform",
            "SQLite in process: orders",
            orders,
            "/s",
            Target::AtLeast(25_000.0),
        );
        self.report.add("sqlite.uniform.p99", "  p99", latency, "ms", Target::None);

        (self.told)("the same statements in the same batches, bare");
        let trace = Trace::read(run.path())?;
        let (copy, original) = (copy_of(filled)?, run.path());
        let bare = bare::replay(copy.path(), &trace, original)?;
        let title = "  bare rusqlite loop, same statements, same batches: orders";
        self.report.add("sqlite.bare", title, bare, "/s", Target::None);
        self.report.add("sqlite.batch", "  commands per commit (mean)", trace.mean_batch(), "", Target::None);
        let (title, target) = ("  ours / bare", Target::AtLeast(0.6));
        self.report.add_ratio("sqlite.uniform/bare", title, "sqlite.uniform", "sqlite.bare", target);

        // Each of them may be a gigabyte.
        drop((run, copy));
        (self.told)("SQLite in process, one hot pair of products");
        let run = copy_of(filled)?;
        let hot = self.order_in_process(run.path(), Demand::Hot)?;
        self.report.add("sqlite.hot", "SQLite in process, hot: orders", hot.per_second, "/s", Target::None);
        let (title, target) = ("  hot / ten thousand products", Target::AtLeast(0.8));
        self.report.add_ratio("sqlite.hot/uniform", title, "sqlite.hot", "sqlite.uniform", target);
        Ok(())
    }

    fn order_in_process(&self, folder: &Path, demand: Demand) -> Result<Throughput> {
        let data = Data::Folder(folder.to_path_buf());
        let throughput = self.runtime.block_on(chain::order(&data, demand, self.time))?;
        sound(&data)?;
        Ok(throughput)
    }

    /// The server, with the load generator on the same cores.
    fn over_http(&mut self, filled: &Path, access_log: bool) -> Result<()> {
        let run = copy_of(filled)?;
        let data = Data::Folder(run.path().to_path_buf());
        let filter = if access_log { "info" } else { "info,access=warn" };
        let serve = Serve::on(&data)?.variable("HALLES_LOG_FILTER", filter);
        let logged = if access_log { "access log on" } else { "access log off" };
        let server = self.runtime.block_on(serve.start_ready())?;
        let (idle, _) = memory(server.pid())?;
        self.report.add("memory.idle", "server, idle: memory", idle, "MiB", Target::AtMost(60.0));

        (self.told)("over HTTP, orders");
        let load = over_http::orders(server.address(), Demand::Uniform, self.time);
        let mut orders = self.runtime.block_on(load)?;
        let target = Target::AtLeast(10_000.0);
        self.report.add(
            "http.orders",
            format!("HTTP, 256 connections, {logged}: orders"),
            orders.per_second,
            "/s",
            target,
        );
        let (middle, high) = (orders.latencies.quantile(0.5), orders.latencies.quantile(0.99));
        self.report.add("http.orders.p50", "  p50", middle, "ms", Target::None);
        self.report.add("http.orders.p99", "  p99", high, "ms", Target::AtMost(60.0));

        (self.told)("over HTTP, product reads");
        let load = over_http::product_reads(server.address(), self.time);
        let mut reads = self.runtime.block_on(load)?;
        let target = Target::AtLeast(40_000.0);
        self.report.add(
            "http.reads",
            format!("HTTP, 256 connections, {logged}: product reads"),
            reads.per_second,
            "/s",
            target,
        );
        self.report.add("http.reads.p99", "  p99", reads.latencies.quantile(0.99), "ms", Target::None);
        let (_, most) = memory(server.pid())?;
        self.report.add(
            "memory.load",
            "server, under load: memory (peak)",
            most,
            "MiB",
            Target::AtMost(200.0),
        );
        stop(server)?;
        sound(&data)?;

        let start = Instant::now();
        let server = self.runtime.block_on(serve.start_ready())?;
        let time = start.elapsed().as_secs_f64();
        self.report.add("start", "start on that data, until ready", time, "s", Target::AtMost(1.0));
        stop(server)
    }

    /// The demonstration's data, on an empty folder.
    fn demo(&mut self) -> Result<()> {
        (self.told)("demo data");
        let folder = TempDir::with_prefix("halles-bench-")?;
        let serve = Serve::on(&Data::Folder(folder.path().to_path_buf()))?.argument("--demo");
        let start = Instant::now();
        let server = self.runtime.block_on(serve.start_ready())?;
        let time = start.elapsed().as_secs_f64();
        self.report.add("demo", "first start with demo data, until ready", time, "s", Target::AtMost(5.0));
        stop(server)
    }

    /// PostgreSQL in process, and pgbench on the same server.
    fn postgres(&mut self) -> Result<()> {
        let postgres = PrivatePostgres::start()?;
        pgbench::program(&postgres)?;
        let filled = postgres.create_database("filled")?;
        self.runtime.block_on(chain::fill(&Data::Database(filled)))?;
        let version = postgres.database("postgres").query("SHOW server_version")?;
        let version = version.into_iter().flatten().flatten().next().unwrap_or_default();
        self.report.versions.push(format!("PostgreSQL {version}"));

        for (demand, ours, theirs) in [
            (Demand::Uniform, "postgres.uniform", "pgbench.uniform"),
            (Demand::Hot, "postgres.hot", "pgbench.hot"),
        ] {
            let kind = if demand == Demand::Hot { ", hot" } else { "" };
            (self.told)(&format!("PostgreSQL in process{kind}"));
            let database = copy_of_database(&postgres, ours)?;
            let data = Data::Database(database.clone());
            let mut run = self.runtime.block_on(chain::order(&data, demand, self.time))?;
            sound(&data)?;
            let title = format!("PostgreSQL in process{kind}: orders");
            self.report.add(ours, title, run.per_second, "/s", Target::None);
            if demand == Demand::Uniform {
                self.report.add("postgres.p99", "  p99", run.latencies.quantile(0.99), "ms", Target::None);
            }
            (self.told)(&format!("pgbench{kind}"));
            let copy = copy_of_database(&postgres, theirs)?;
            pgbench::prepare(&copy, &database)?;
            let found = pgbench::run(&postgres, &copy, demand, self.time)?;
            self.report.add(
                theirs,
                format!("  pgbench, one function per order{kind}: orders"),
                found,
                "/s",
                Target::None,
            );
        }
        let (title, target) = ("  ours / pgbench, uniform", Target::AtLeast(1.0));
        self.report.add_ratio(
            "postgres/pgbench.uniform",
            title,
            "postgres.uniform",
            "pgbench.uniform",
            target,
        );
        let (title, target) = ("  ours / pgbench, hot", Target::AtLeast(3.0));
        self.report.add_ratio("postgres/pgbench.hot", title, "postgres.hot", "pgbench.hot", target);
        Ok(())
    }
}

fn copy_of_database(postgres: &PrivatePostgres, name: &str) -> Result<String> {
    let name = name.replace('.', "_");
    postgres.database("postgres").query(&format!("CREATE DATABASE {name} TEMPLATE filled"))?;
    // The next measurement does not pay for the last one's dirty pages.
    postgres.database("postgres").query("CHECKPOINT")?;
    Ok(postgres.url(&name))
}
