//! What moves stock besides orders: sales, receipts, requests for units, reservations.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ask::{Ask, Exchange, Known};
use super::super::world::{Levels, Line};
use super::Ledger;
use super::found::{Found, SeenRequest};
use crate::catalogue::CENTRE;

/// Holds what was found against what clients know, and counts the units that moved.
pub(super) fn judge(
    ledger: &mut Ledger,
    exchanges: &[Exchange],
    found: &Found,
    levels: &mut Levels,
) -> Vec<String> {
    let mut faults = sales(exchanges, found, levels);
    faults.extend(receipts(exchanges, levels));
    faults.extend(requests(&ledger.requests, exchanges, found, levels));
    faults.extend(reservations(&mut ledger.reserved, exchanges, levels));
    faults
}

fn unexpected(exchange: &Exchange) -> Option<String> {
    let answer = exchange.answer.as_ref()?;
    Some(format!("{:?} was answered {answer}", exchange.ask))
}

fn sales(exchanges: &[Exchange], found: &Found, levels: &mut Levels) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut told, mut unanswered) = (BTreeSet::new(), Vec::new());
    for exchange in exchanges {
        let Ask::Sale { shop, lines, .. } = &exchange.ask else { continue };
        match exchange.known() {
            Known::Nothing => unanswered.push((*shop, lines.clone())),
            Known::NotDone => {}
            Known::Told(answer) if answer.status == 409 => {}
            Known::Told(answer) => {
                let id = answer.json().ok().and_then(|body| Some(body["id"].as_str()?.to_owned()));
                match id.as_ref().and_then(|id| found.sales.get(id)) {
                    Some(seen) if *seen == (*shop, lines.clone()) && answer.status == 201 => {}
                    seen => faults
                        .push(format!("a sale of {lines:?} at {shop} was told {answer} and is {seen:?}")),
                }
                told.extend(id);
            }
        }
    }
    for (id, sold) in &found.sales {
        levels.bring_lines(sold.0, &sold.1, -1);
        if told.contains(id) {
            continue;
        }
        match unanswered.iter().position(|asked| asked == sold) {
            Some(position) => drop(unanswered.swap_remove(position)),
            None => faults
                .push(format!("sale {id} was recorded for nobody who could have asked for it: {sold:?}")),
        }
    }
    faults
}

/// Receipts carry a key, so each outcome is known by now.
fn receipts(exchanges: &[Exchange], levels: &mut Levels) -> Vec<String> {
    let mut faults = Vec::new();
    for exchange in exchanges {
        let Ask::Receipt { line: (product, units), .. } = &exchange.ask else { continue };
        match exchange.known() {
            Known::NotDone => {}
            Known::Told(answer) if answer.status == 201 => levels.bring((CENTRE, *product), *units),
            Known::Told(_) | Known::Nothing => faults.extend(unexpected(exchange)),
        }
    }
    faults
}

fn requests(
    earlier: &BTreeMap<String, String>,
    exchanges: &[Exchange],
    found: &Found,
    levels: &mut Levels,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut possible: BTreeMap<String, BTreeSet<&str>> =
        earlier.iter().map(|(id, state)| (id.clone(), BTreeSet::from([state.as_str()]))).collect();
    for exchange in exchanges {
        match (&exchange.ask, exchange.known()) {
            (Ask::Replenish { shop, line, .. }, Known::Told(answer)) if answer.status == 201 => {
                let id = answer.json().ok().and_then(|body| Some(body["id"].as_str()?.to_owned()));
                let seen = id.as_ref().and_then(|id| found.requests.get(id));
                if seen.is_none_or(|seen| (seen.shop, seen.line) != (*shop, *line)) {
                    faults
                        .push(format!("a request of {line:?} for {shop} was told {answer} and is {seen:?}"));
                }
                possible.extend(id.map(|id| (id, BTreeSet::from(["EN_ATTENTE"]))));
            }
            (Ask::Replenish { .. }, Known::Told(_) | Known::Nothing) => faults.extend(unexpected(exchange)),
            _ => {}
        }
    }
    for exchange in exchanges {
        let Ask::Step { request, step } = &exchange.ask else { continue };
        let Some(states) = possible.get_mut(request) else { continue };
        match exchange.known() {
            Known::NotDone => {}
            Known::Nothing => drop(states.insert(step.target())),
            Known::Told(answer) if answer.status == 200 => *states = BTreeSet::from([step.target()]),
            Known::Told(_) => faults.extend(unexpected(exchange)),
        }
    }
    for (id, states) in &possible {
        let seen = found.requests.get(id);
        if seen.is_none_or(|seen| !states.contains(seen.state.as_str())) {
            faults.push(format!("request {id} may be {states:?} and is {seen:?}"));
        }
    }
    for (id, seen) in &found.requests {
        if !possible.contains_key(id) {
            faults.push(format!("request {id} was made by nobody: {seen:?}"));
        }
        let moved_before = earlier.get(id).is_some_and(|state| has_moved(state));
        if has_moved(&seen.state) && !moved_before {
            move_units(levels, seen);
        }
    }
    faults
}

/// Whether the units of a request in this state are in the shop.
fn has_moved(state: &str) -> bool {
    matches!(state, "VALIDEE" | "RECUE")
}

fn move_units(levels: &mut Levels, request: &SeenRequest) {
    let (product, units) = request.line;
    levels.bring((CENTRE, product), -units);
    levels.bring((request.shop, product), units);
}

/// Reservations have names, so each outcome is known by now.
fn reservations(
    live: &mut BTreeMap<String, (i64, Vec<Line>)>,
    exchanges: &[Exchange],
    levels: &mut Levels,
) -> Vec<String> {
    let mut faults = Vec::new();
    for exchange in exchanges {
        match (&exchange.ask, exchange.known()) {
            (Ask::Reserve { reference, place, lines }, Known::Told(answer))
                if matches!(answer.status, 200 | 201) =>
            {
                live.insert(reference.clone(), (*place, lines.clone()));
                promise(levels, *place, lines, 1);
            }
            (Ask::Reserve { .. }, Known::Told(answer)) if answer.status == 409 => {}
            (Ask::Release { reference }, Known::Told(answer)) if answer.status == 200 => {
                match live.remove(reference) {
                    Some((place, lines)) => promise(levels, place, &lines, -1),
                    None => faults.push(format!("reservation {reference} was released and never made")),
                }
            }
            (Ask::Reserve { .. } | Ask::Release { .. }, Known::Told(_) | Known::Nothing) => {
                faults.extend(unexpected(exchange));
            }
            _ => {}
        }
    }
    faults
}

fn promise(levels: &mut Levels, place: i64, lines: &[Line], sign: i64) {
    for (product, units) in lines {
        levels.promise((place, *product), sign * units);
    }
}
