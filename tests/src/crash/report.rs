//! What a crash run comes to.

use std::fmt;

use serde_json::{Value, json};

use super::stage::Victim;
use super::steps::{SagaStep, StepCounts};

/// A kill with fewer requests in flight proves little.
pub const LEAST_IN_FLIGHT: usize = 30;
/// From so many rounds on, every step of the saga must have been hit.
pub const ROUNDS_FOR_EVERY_STEP: usize = 100;

/// One kill and what was found after it.
#[derive(Debug, Clone)]
pub struct Round {
    /// Its number, from 1.
    pub number: u64,
    /// Who was killed.
    pub victim: Victim,
    /// Requests sent in the round.
    pub requests: usize,
    /// Requests sent and not answered at the moment of the kill.
    pub in_flight: usize,
    /// Requests that never got an answer.
    pub unanswered: usize,
    /// Orders in each step of the saga at the kill.
    pub steps: StepCounts,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The engine's name.
    pub engine: &'static str,
    /// What the run can be repeated with.
    pub seed: u64,
    /// Every round.
    pub rounds: Vec<Round>,
}

impl Report {
    /// Conditions of the whole run that do not hold.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let least = self.rounds.iter().map(|round| round.in_flight).min().unwrap_or(0);
        if least < LEAST_IN_FLIGHT {
            faults.push(format!("only {least} requests in flight at a kill, {LEAST_IN_FLIGHT} are wanted"));
        }
        if self.rounds.len() >= ROUNDS_FOR_EVERY_STEP {
            let missed = SagaStep::ALL.into_iter().filter(|step| step.occurs_with_the_simulator());
            let missed = missed.filter(|step| self.kills_in(*step) == 0);
            faults.extend(missed.map(|step| format!("no kill found an order in the step: {}", step.name())));
        }
        faults
    }

    /// How many rounds were clean.
    pub fn passed(&self) -> usize {
        self.rounds.len() - self.rounds.iter().filter(|round| !round.faults.is_empty()).count()
    }

    /// How many rounds, or conditions of the whole run, were not.
    pub fn failed(&self) -> usize {
        self.rounds.len() - self.passed() + self.faults().len()
    }

    /// How many kills found an order in this step.
    pub fn kills_in(&self, step: SagaStep) -> usize {
        self.rounds.iter().filter(|round| round.steps.contains_key(&step)).count()
    }

    fn orders_in(&self, step: SagaStep) -> usize {
        self.rounds.iter().filter_map(|round| round.steps.get(&step)).sum()
    }

    /// The report for machines.
    pub fn to_json(&self) -> Value {
        let steps = SagaStep::ALL.into_iter().map(|step| {
            let kills = json!({"kills": self.kills_in(step), "orders": self.orders_in(step)});
            (step.name().to_owned(), kills)
        });
        let wrong = self.rounds.iter().filter(|round| !round.faults.is_empty());
        let in_flight = || self.rounds.iter().map(|round| round.in_flight);
        json!({
            "engine": self.engine,
            "seed": self.seed,
            "rounds": self.rounds.len(),
            "requests": self.rounds.iter().map(|round| round.requests).sum::<usize>(),
            "unanswered": self.rounds.iter().map(|round| round.unanswered).sum::<usize>(),
            "in_flight_at_kill": {"least": in_flight().min(), "most": in_flight().max()},
            "kills_per_step": steps.collect::<serde_json::Map<String, Value>>(),
            "note": "PAYEE shares its commit with CONFIRMEE, since the simulator captures at once",
            "faults": self.faults(),
            "faulty_rounds": wrong.map(|round| json!({"round": round.number, "victim": round.victim.name(), "faults": round.faults})).collect::<Vec<_>>(),
            "passed": self.passed(),
            "failed": self.failed(),
        })
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, victim, requests, in_flight, unanswered, steps, faults } = self;
        let verdict = if faults.is_empty() { "clean" } else { "NOT CLEAN" };
        let (victim, orders) = (victim.name(), steps.values().sum::<usize>());
        write!(
            f,
            "round {number}: killed {victim} with {in_flight} in flight after {requests} requests; \
             {unanswered} unanswered, {orders} orders on their way: {verdict}"
        )?;
        for fault in faults {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(in_flight: usize, faults: &[&str]) -> Round {
        Round {
            number: 1,
            victim: Victim::Server,
            requests: 100,
            in_flight,
            unanswered: 40,
            steps: StepCounts::from([(SagaStep::ReservedCharged, 2)]),
            faults: faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_faulty_round_fails_the_run() {
        let report = Report {
            engine: "sqlite",
            seed: 1,
            rounds: vec![round(48, &[]), round(48, &["an order is gone"])],
        };
        assert_eq!((report.passed(), report.failed()), (1, 1));
        assert_eq!(report.kills_in(SagaStep::ReservedCharged), 2);
    }

    #[test]
    fn too_few_requests_in_flight_and_missed_steps_fail_the_run() {
        let idle = Report { engine: "sqlite", seed: 1, rounds: vec![round(29, &[])] };
        assert_eq!((idle.passed(), idle.failed()), (1, 1));
        let long = Report { engine: "sqlite", seed: 1, rounds: vec![round(48, &[]); ROUNDS_FOR_EVERY_STEP] };
        assert_eq!(
            long.failed(),
            6,
            "every step but the one that was hit and the one that cannot be: {:?}",
            long.faults()
        );
    }
}
