//! A log in memory: one row of 40 bytes per slot that was shown.

use std::collections::HashMap;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::EvaluateError;
use super::interval::count;

/// More slots than an answer has.
pub(super) const MOST_SLOTS: u32 = 256;

/// What is drawn independently of each other, so that the spread of the estimates can be told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Each decision, all of its slots together: chance was drawn anew for each.
    #[default]
    Decision,
    /// Each user, all of their decisions together: right when the same few people come again and again and the
    /// question is what the policy would do for others like them.
    User,
}

/// An offer that was shown in a slot, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// The unit of sampling that it belongs to.
    pub(super) unit: u32,
    /// Its place in [`Log::items`].
    pub(super) item: u32,
    /// Its place among the slots, from 0.
    pub(super) slot: u32,
    /// The chance with which it was shown there.
    pub(super) propensity: f64,
    /// What came of it, 0 to 1.
    pub(super) reward: f64,
    /// When it was shown.
    pub(super) at: Timestamp,
}

/// Something that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) category: String,
}

/// A whole log.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) rows: Vec<Row>,
    /// In the order in which they appear first.
    pub(super) items: Vec<Item>,
    /// How many slots there are.
    pub(super) slots: usize,
    /// How many units of sampling.
    pub(super) units: usize,
    /// How many decisions or, without decisions, rows.
    pub(super) decisions: usize,
    /// Events worth something whose decision was lost.
    pub(super) lost_rewards: u64,
}

impl Log {
    /// Refuses what no estimate can be made of.
    pub(super) fn check(self) -> Result<Self, EvaluateError> {
        match (self.rows.len(), self.units) {
            (0, _) => Err(EvaluateError::NoRows),
            (_, 0 | 1) => Err(EvaluateError::Single),
            (_, _) => Ok(self),
        }
    }

    /// The mean reward of a row.
    pub(super) fn mean_reward(&self) -> f64 {
        self.rows.iter().map(|row| row.reward).sum::<f64>() / count(self.rows.len())
    }
}

/// Numbers for names, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Numbering(HashMap<String, u32>);

impl Numbering {
    /// The number of a name, and whether it is new.
    pub(super) fn number(
        &mut self,
        name: &str,
        line: u64,
        what: &'static str,
    ) -> Result<(u32, bool), EvaluateError> {
        if let Some(number) = self.0.get(name) {
            return Ok((*number, false));
        }
        let number = u32::try_from(self.0.len()).map_err(|_| EvaluateError::TooMany { line, what })?;
        self.0.insert(name.to_owned(), number);
        Ok((number, true))
    }
}
