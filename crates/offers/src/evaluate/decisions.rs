//! Our own decision log: JSON lines, one decision each, see [`super::log`].

use std::io::{BufRead, BufReader, Read};

use kernel::table::unmarked;

use super::error::EvaluateError;
use super::input::Input;
use super::log::{Decision, LostLine, Slot};
use super::log_format::{Format, RewardRule};
use super::obd::is_chance;
use super::rows::{Item, Log, MOST_SLOTS, Numbering, Row, Unit};

/// Reads a log, one unit of sampling per decision or per user.
pub(super) fn read(reader: &mut dyn Read, rewards: &RewardRule, unit: Unit) -> Result<Log, EvaluateError> {
    let Input { text, faults } = Input::open(Format::Decisions, reader)?;
    let mut text = BufReader::new(text);
    let mut collected =
        Collected { log: Log::default(), items: Numbering::default(), users: Numbering::default() };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if text.read_until(b'\n', &mut line).map_err(|error| faults.explain(error, number - 1))? == 0 {
            break;
        }
        faults.line_done();
        match parse(&line, number)? {
            Some(Parsed::Decision(decision)) => collected.add(&decision, number, rewards, unit)?,
            Some(Parsed::Lost(lost)) => {
                collected.log.lost_rewards +=
                    u64::from(rewards.value_of_name(&lost.lost_decision.event_type) > 0.0);
            }
            None => {}
        }
    }
    collected.log.check()
}

enum Parsed {
    Decision(Decision),
    Lost(LostLine),
}

/// Reads one line; an empty one is nothing.
fn parse(line: &[u8], number: u64) -> Result<Option<Parsed>, EvaluateError> {
    let text = if number == 1 { unmarked(line) } else { line }.trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    // Lost decisions are few: they are tried second.
    let error = match serde_json::from_slice(text) {
        Ok(decision) => return Ok(Some(Parsed::Decision(decision))),
        Err(error) => error,
    };
    if let Ok(lost) = serde_json::from_slice(text) {
        return Ok(Some(Parsed::Lost(lost)));
    }
    let (column, problem) = (error.column(), error.to_string());
    let problem = problem.split(" at line ").next().unwrap_or(&problem).to_owned();
    Err(EvaluateError::Json { line: number, column, problem })
}

struct Collected {
    log: Log,
    items: Numbering,
    users: Numbering,
}

impl Collected {
    fn add(
        &mut self,
        decision: &Decision,
        line: u64,
        rewards: &RewardRule,
        unit: Unit,
    ) -> Result<(), EvaluateError> {
        if decision.slots.is_empty() {
            return Ok(());
        }
        let unit = match unit {
            Unit::Decision => u32::try_from(self.log.decisions)
                .map_err(|_| EvaluateError::TooMany { line, what: "decisions" })?,
            Unit::User => self.users.number(decision.user_id.as_str(), line, "users")?.0,
        };
        for (slot, shown) in (0_u32..).zip(&decision.slots) {
            if slot >= MOST_SLOTS {
                return Err(EvaluateError::TooMany { line, what: "slots" });
            }
            let item = self.item(shown, line)?;
            let values = shown.rewards.iter().map(|reward| rewards.value_of_name(&reward.event_type));
            let reward = values.fold(0.0, f64::max);
            self.log.rows.push(Row {
                unit,
                item,
                slot,
                propensity: chance(shown, line)?,
                reward,
                at: decision.at,
            });
        }
        self.log.decisions += 1;
        self.log.slots = self.log.slots.max(decision.slots.len());
        self.log.units = self.log.units.max(unit as usize + 1);
        Ok(())
    }

    /// The number of the offer. An offer that changed its category keeps the one that it had first.
    fn item(&mut self, shown: &Slot, line: u64) -> Result<u32, EvaluateError> {
        let (item, new) = self.items.number(shown.offer_id.as_str(), line, "offers")?;
        if new {
            let (id, category) = (shown.offer_id.to_string(), shown.category.to_string());
            self.log.items.push(Item { id, category });
        }
        Ok(item)
    }
}

fn chance(shown: &Slot, line: u64) -> Result<f64, EvaluateError> {
    if is_chance(shown.propensity) {
        return Ok(shown.propensity);
    }
    Err(EvaluateError::Value {
        line,
        column: "propensity",
        found: shown.propensity.to_string(),
        expected: "a chance above 0 and at most 1",
    })
}
