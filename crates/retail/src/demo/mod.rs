//! Demonstration data: an invented chain of six shops in Paris with sixty days of sales behind it.
//!
//! Everything is made up from the day of loading (`plan`) and the same on every machine; names, descriptions and
//! addresses say that it is invented. It is loaded step by step, each step once, so that a load that was interrupted
//! goes on where it stopped, and one that is complete is left alone.

mod catalogue;
pub mod commands;
mod plan;
mod random;

use std::convert::Infallible;
use std::sync::Arc;

use kernel::{Currency, Day, Timestamp};
use store::{Call, CallError, DbError, Failure, Store, Tx, Unavailable};

use crate::STOCK;
use commands::{Progress, STEPS};
use plan::Plan;

/// How a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// All of it is there now.
    Now,
    /// All of it was there already.
    Before,
    /// There is other data, which is left alone.
    NotEmpty,
}

/// Loads the demonstration data for a day of Europe/Paris: its last sales are those of the day before.
///
/// `progress` is told how many steps are done, and of how many.
pub async fn load(
    store: &Store,
    currency: Currency,
    day: Day,
    progress: impl Fn(u64, u64),
) -> Result<Loaded, Unavailable> {
    let begun = run(store, move |tx, _| commands::begin(tx, day)).await?;
    let Progress::Begun { day, done } = begun else { return Ok(Loaded::NotEmpty) };
    if done >= STEPS {
        return Ok(Loaded::Before);
    }
    let plan = Arc::new(Plan::new(day, currency));
    for step in done + 1..=STEPS {
        let plan = Arc::clone(&plan);
        run(store, move |tx, now| commands::advance(tx, now, &plan, step)).await?;
        progress(step.unsigned_abs(), STEPS.unsigned_abs());
    }
    Ok(Loaded::Now)
}

/// Runs a step, alone on everything that it writes.
async fn run<T: Send + 'static>(
    store: &Store,
    f: impl Fn(&mut Tx<'_>, Timestamp) -> Result<T, DbError> + Send + 'static,
) -> Result<T, Unavailable> {
    let call = Call::new("retail.demo.load", STOCK)
        .lock("demo", 1)
        .lock("product.ids", 0)
        .lock("shop.ids", 0)
        .lock("client.ids", 0)
        .lock_whole("product.ean13")
        .lock_whole("client.email")
        .lock_whole("stock");
    let done = store.run(call, move |tx, now| Ok::<_, Failure<Infallible>>(f(tx, now)?)).await;
    done.map_err(|error| match error {
        CallError::Unavailable(error) => error,
        CallError::Refused(never) => match never {},
    })
}

#[cfg(test)]
mod tests {
    use store::testing::Scratch;

    use super::*;
    use crate::{SCHEMA, invariants};

    fn scratch(day: Day) -> anyhow::Result<Scratch> {
        Ok(Scratch::new(&[SCHEMA], day.start())?)
    }

    fn take(scratch: &mut Scratch, plan: &Plan, step: i64) -> anyhow::Result<()> {
        let done =
            scratch.run(|tx, now| Ok::<_, Failure<Infallible>>(commands::advance(tx, now, plan, step)?));
        done.map_err(|failure| anyhow::anyhow!("{failure:?}"))
    }

    #[test]
    fn every_commit_of_a_load_leaves_sound_data() -> anyhow::Result<()> {
        let day: Day = "2026-04-02".parse().map_err(anyhow::Error::msg)?;
        let plan = Plan::new(day, Currency::EUR);
        let mut scratch = scratch(day)?;
        let begun = scratch.run(|tx, _| Ok::<_, Failure<Infallible>>(commands::begin(tx, day)?));
        assert_eq!(begun, Ok(Progress::Begun { day, done: 0 }));
        for step in 1..=STEPS {
            take(&mut scratch, &plan, step)?;
            // A step that is taken twice, by a process that did not see the first, changes nothing.
            take(&mut scratch, &plan, step)?;
            if step <= 3 || step == STEPS {
                assert_eq!(scratch.read(invariants::check)?, []);
            }
        }
        assert_eq!(scratch.read(commands::progress)?, Some(Progress::Begun { day, done: STEPS }));
        let (catalogue, history): (Vec<_>, Vec<_>) =
            scratch.events()?.into_iter().partition(|event| event.kind.ends_with(".created"));
        assert_eq!(catalogue.len(), 200 + 6 + 40);
        assert_eq!(
            history.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(),
            [commands::DEMO_LOADED]
        );
        let sales =
            scratch.read(|tx| tx.query_one("SELECT COUNT(*) FROM sale", &[], |row| row.get::<i64>(0)))?;
        assert_eq!(usize::try_from(sales)?, plan.sales());
        Ok(())
    }

    #[test]
    fn other_data_is_left_alone() -> anyhow::Result<()> {
        let day: Day = "2026-04-02".parse().map_err(anyhow::Error::msg)?;
        let mut scratch = scratch(day)?;
        let begun = scratch.run(|tx, _| {
            tx.execute(
                "INSERT INTO shop (id, name, district, active) VALUES (1, 'Ours', 'Paris 3e', true)",
                &[],
            )?;
            Ok::<_, Failure<Infallible>>(commands::begin(tx, day)?)
        });
        assert_eq!(begun, Ok(Progress::NotEmpty));
        Ok(())
    }
}
