//! Looking a decision up over HTTP.

use anyhow::Result;
use telemetry::Metrics;

use super::{decision, id, record};
use crate::decision::{Decision, Decisions, api};
use crate::testing::World;

#[tokio::test]
async fn a_stored_decision_can_be_looked_up() -> Result<()> {
    let world = World::sqlite()?;
    let app = world.app(api::routes)?;
    let made = decision(0, 1);
    let path = format!("/offers/decisions/{}", made.decision_id);
    assert_eq!(app.get(&path).await.problem()["status"], 404, "not yet");
    let decisions = Decisions::new(&Metrics::new());
    record(&decisions, &made);
    decisions.flush(&world.store).await?;
    assert_eq!(app.get(&path).await.json::<Decision>(), made);
    assert_eq!(app.get(&format!("/offers/decisions/{}", id(0, 2))).await.problem()["status"], 404);
    assert_eq!(app.get("/offers/decisions/1").await.problem()["status"], 422);
    Ok(())
}
