//! Orders: in the state their clients were told, or a legal later one, and no others.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ask::{Ask, Exchange, Known};
use super::super::world::{Levels, Line, TOO_DEAR, TOO_MANY};
use super::found::{Found, SeenOrder};
use crate::http::Answer;

/// The states an order may be in, for all its client knows.
type Possible = BTreeSet<&'static str>;

/// Holds the orders found against what clients know, and counts the units they took or gave back.
pub(super) fn judge(
    earlier: &BTreeMap<String, SeenOrder>,
    exchanges: &[Exchange],
    found: &Found,
    levels: &mut Levels,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut possible: BTreeMap<String, Possible> = BTreeMap::new();
    for (id, seen) in earlier.iter().filter(|(id, _)| found.orders.contains_key(*id)) {
        possible.insert(id.clone(), Possible::from([settled(&seen.state)]));
    }
    let mut unanswered = Vec::new();
    for exchange in exchanges {
        match (&exchange.ask, exchange.known()) {
            (Ask::Order { place, lines, .. }, Known::Nothing) => unanswered.push((*place, lines.as_slice())),
            (Ask::Order { place, lines, .. }, Known::Told(answer)) => {
                match placed((*place, lines), exchange, answer, found) {
                    Ok(Some((id, states))) => drop(possible.insert(id, states)),
                    Ok(None) => {}
                    Err(fault) => faults.push(fault),
                }
            }
            _ => {}
        }
    }
    faults.extend(unexplained(found, &possible, unanswered));
    for exchange in exchanges {
        if let Ask::Cancel { order } = &exchange.ask
            && let Some(states) = possible.get_mut(order)
        {
            faults.extend(cancelled(order, exchange.known(), states));
        }
    }
    for (id, seen) in &found.orders {
        if let Some(states) = possible.get(id).filter(|states| !states.contains(seen.state.as_str())) {
            faults.push(format!("order {id} may be {states:?} and is {}", seen.state));
        }
        let before = earlier.get(id).is_some_and(|earlier| earlier.state == "CONFIRMEE");
        let after = seen.state == "CONFIRMEE";
        levels.bring_lines(seen.place, &seen.lines, i64::from(before) - i64::from(after));
    }
    faults
}

/// What the answer to an order promises: the order's id and the states it may rest in.
fn placed(
    asked: (i64, &Vec<Line>),
    exchange: &Exchange,
    answer: &Answer,
    found: &Found,
) -> Result<Option<(String, Possible)>, String> {
    let (place, lines) = asked;
    let units = lines.iter().map(|(_, units)| *units).max().unwrap_or(0);
    let states: &[&'static str] = match answer.status {
        201 if units < TOO_DEAR => &["CONFIRMEE"],
        202 if units < TOO_MANY => &["CONFIRMEE", "ANNULEE"],
        402 if units == TOO_DEAR => &["ANNULEE"],
        409 if units != TOO_DEAR => &["ANNULEE"],
        _ => return Err(format!("an order of {lines:?} at {place} was answered {answer}")),
    };
    let order = exchange.told_order().ok_or_else(|| format!("no order in {answer}"))?;
    let (id, told) = SeenOrder::read(&order).map_err(|error| format!("{error:#}"))?;
    let seen =
        found.orders.get(&id).ok_or_else(|| format!("order {id} is gone; its client was told {answer}"))?;
    if (told.place, &told.lines) != asked || told.lines != seen.lines || told.total != seen.total {
        return Err(format!("order {id} was asked for as {asked:?}, told as {told:?}, and is {seen:?}"));
    }
    if !seen.history.starts_with(&told.history) {
        return Err(format!(
            "order {id} went through {:?}, its client was told {:?}",
            seen.history, told.history
        ));
    }
    Ok(Some((id, states.iter().copied().collect())))
}

/// Orders that no client was told of must be those whose clients were told nothing, one for one.
fn unexplained(
    found: &Found,
    told: &BTreeMap<String, Possible>,
    mut unanswered: Vec<(i64, &[Line])>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for id in found.new_orders.iter().filter(|id| !told.contains_key(*id)) {
        let Some(seen) = found.orders.get(id) else { continue };
        match unanswered.iter().position(|asked| *asked == (seen.place, seen.lines.as_slice())) {
            Some(position) => drop(unanswered.swap_remove(position)),
            None => {
                faults
                    .push(format!("order {id} was placed for nobody who could have asked for it: {seen:?}"));
            }
        }
        if !matches!(seen.state.as_str(), "CONFIRMEE" | "ANNULEE") {
            faults.push(format!("order {id} rests in {}", seen.state));
        }
    }
    faults
}

/// What a call to cancel makes of an order's possible states.
fn cancelled(id: &str, known: Known<'_>, states: &mut Possible) -> Option<String> {
    match known {
        Known::NotDone => None,
        Known::Nothing => {
            states.insert("ANNULEE");
            None
        }
        Known::Told(answer) => {
            let was_confirmed = states.contains("CONFIRMEE");
            *states = Possible::from(["ANNULEE"]);
            let legal = was_confirmed && matches!(answer.status, 200 | 202);
            (!legal).then(|| format!("the call to cancel order {id} was answered {answer}"))
        }
    }
}

/// The name of a state in which an order may rest.
fn settled(state: &str) -> &'static str {
    if state == "CONFIRMEE" { "CONFIRMEE" } else { "ANNULEE" }
}
