//! Where the traffic of an offer goes that ran out: to the best eligible offer of its category.
//!
//! A pivot is a rule of its own, not an edit of a priority. From the moment an active offer runs out until it is back
//! in stock or ended, it points at one offer of its category that may be shown and is in stock; whoever is pointed at
//! gets [`BONUS`] points, once. When the target may no longer be shown, the traffic is passed on; while there is no other
//! offer, the pivot waits without a target.
//!
//! `plan` says, for one category, what differs between the pivots there are and those there should be. It is pure and
//! knows nothing of how the category came to be as it is.

pub mod api;
pub(crate) mod commands;
pub mod notices;
pub mod queries;

use std::collections::BTreeMap;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::{Category, OfferId};
use crate::offer::Priority;

/// Points that the target of a pivot gets on top of its score, however many offers point at it.
pub const BONUS: u8 = 20;

/// The traffic of an offer goes to another one.
pub const OFFER_PIVOTED: &str = "halles.offer.pivoted";
/// The traffic of an offer no longer goes to another one.
pub const OFFER_UNPIVOTED: &str = "halles.offer.unpivoted";
/// The traffic of an offer cannot go to another one: there is none.
pub const OFFER_NO_PIVOT: &str = "halles.offer.no_pivot";

/// A pivot that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"from": "OFF001", "to": "OFF004", "category": "electronics",
    "since": "2026-03-01T12:00:00Z", "bonus": 20}))]
pub struct Pivot {
    /// The offer that ran out.
    pub from: OfferId,
    /// The offer that gets its traffic; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<OfferId>,
    /// The category of both.
    pub category: Category,
    /// Since when it is so.
    pub since: Timestamp,
    /// Points that the target gets on top of its score.
    pub bonus: u8,
}

/// What [`OFFER_PIVOTED`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pivoted {
    /// The offer that ran out.
    pub from: OfferId,
    /// The offer that gets its traffic.
    pub to: OfferId,
    /// The category of both.
    pub category: Category,
    /// The target's priority.
    pub priority: Priority,
    /// Since when.
    pub since: Timestamp,
}

/// What [`OFFER_UNPIVOTED`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpivoted {
    /// The offer that ran out.
    pub from: OfferId,
    /// The offer that got its traffic.
    pub to: OfferId,
    /// The category of both.
    pub category: Category,
    /// Why no longer.
    pub why: Why,
}

/// What [`OFFER_NO_PIVOT`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoPivot {
    /// The offer that ran out.
    pub from: OfferId,
    /// Its category.
    pub category: Category,
}

/// Why traffic no longer goes from one offer to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The offer that ran out is back in stock.
    Restocked,
    /// The target may no longer be shown: out of stock, paused, expired, deleted, or moved.
    TargetOut,
    /// The offer that ran out is itself paused, expired, deleted, or moved.
    Ended,
}

/// A category as far as pivots go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Scene {
    /// The offers that could be shown were they not out of stock, and that ran out.
    pub(crate) out: Vec<OfferId>,
    /// The pivots there are.
    pub(crate) open: Vec<Open>,
    /// The eligible offer of the highest priority, of several the one whose id comes first.
    pub(crate) best: Option<(OfferId, Priority)>,
}

/// A pivot there is, and what became of its two ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    /// The offer that ran out.
    pub(crate) from: OfferId,
    /// The offer that gets its traffic, and whether it is still eligible.
    pub(crate) to: Option<(OfferId, bool)>,
    /// Whether the offer that ran out is eligible again.
    pub(crate) restocked: bool,
}

/// One step from the pivots there are to those there should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The traffic of `from` no longer goes to `to`.
    End {
        /// The offer that ran out.
        from: OfferId,
        /// The offer that got its traffic.
        to: OfferId,
        /// Why.
        why: Why,
    },
    /// A pivot without a target ends; nobody sees a difference.
    Drop {
        /// The offer that ran out.
        from: OfferId,
    },
    /// The traffic of `from` goes to `to`.
    Begin {
        /// The offer that ran out.
        from: OfferId,
        /// The offer that gets its traffic.
        to: OfferId,
        /// Its priority.
        priority: Priority,
    },
    /// There is no offer for the traffic of `from`.
    Lack {
        /// The offer that ran out.
        from: OfferId,
    },
}

/// The steps from the pivots there are in a category to those there should be, by the offer they are about.
pub(crate) fn plan(scene: Scene) -> Vec<Step> {
    let Scene { out, open, best } = scene;
    let mut offers: BTreeMap<OfferId, (bool, Option<Open>)> =
        out.into_iter().map(|offer| (offer, (true, None))).collect();
    for open in open {
        let from = open.from.clone();
        offers.entry(from).or_default().1 = Some(open);
    }
    offers.into_iter().flat_map(|(from, (is_out, open))| steps(from, is_out, open, best.as_ref())).collect()
}

/// The steps of one offer: whether it is out of stock, the pivot that it has, the best target there is.
fn steps(from: OfferId, is_out: bool, open: Option<Open>, best: Option<&(OfferId, Priority)>) -> Vec<Step> {
    let begin = |from: OfferId| match best.cloned() {
        Some((to, priority)) => Step::Begin { from, to, priority },
        None => Step::Lack { from },
    };
    match (is_out, open) {
        (true, None) => vec![begin(from)],
        (true, Some(Open { to: Some((to, is_eligible)), .. })) => {
            if is_eligible {
                return Vec::new();
            }
            vec![Step::End { from: from.clone(), to, why: Why::TargetOut }, begin(from)]
        }
        (true, Some(Open { to: None, .. })) => {
            // That there is none has been told already.
            if best.is_some() { vec![begin(from)] } else { Vec::new() }
        }
        (false, Some(Open { to: Some((to, _)), restocked, .. })) => {
            vec![Step::End { from, to, why: if restocked { Why::Restocked } else { Why::Ended } }]
        }
        (false, Some(Open { to: None, .. })) => vec![Step::Drop { from }],
        (false, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn id(text: &str) -> OfferId {
        text.parse().unwrap()
    }

    /// The best offer, which has priority 82.
    fn best(text: &str) -> (OfferId, Priority) {
        (id(text), Priority::new(82).unwrap())
    }

    fn open(from: &str, to: Option<(&str, bool)>, restocked: bool) -> Open {
        Open { from: id(from), to: to.map(|(to, eligible)| (id(to), eligible)), restocked }
    }

    /// The steps as text, so that a table of them can be read.
    fn steps(out: &[&str], open: Vec<Open>, best: impl Into<Option<(OfferId, Priority)>>) -> Vec<String> {
        let scene = Scene { out: out.iter().map(|text| id(text)).collect(), open, best: best.into() };
        let step = |step| match step {
            Step::End { from, to, why } => format!("{from}-/->{to} {why:?}"),
            Step::Drop { from } => format!("{from} dropped"),
            Step::Begin { from, to, priority } => format!("{from}->{to} {priority}"),
            Step::Lack { from } => format!("{from}->?"),
        };
        plan(scene).into_iter().map(step).collect()
    }

    #[test]
    fn an_offer_that_ran_out_points_at_the_best_one() {
        assert_eq!(steps(&["A"], vec![], best("B")), ["A->B 82"]);
        assert_eq!(steps(&["A"], vec![], None), ["A->?"]);
        assert_eq!(steps(&[], vec![], best("B")), [""; 0]);
    }

    #[test]
    fn a_target_is_kept_while_it_can_be() {
        let kept = vec![open("A", Some(("B", true)), false)];
        assert_eq!(steps(&["A"], kept, best("C")), [""; 0], "even when a better one appears");
    }

    #[test]
    fn traffic_is_passed_on_when_the_target_runs_out_as_well() {
        let pivots = || vec![open("A", Some(("B", false)), false), open("D", Some(("B", false)), false)];
        assert_eq!(
            steps(&["A", "B", "D"], pivots(), best("C")),
            ["A-/->B TargetOut", "A->C 82", "B->C 82", "D-/->B TargetOut", "D->C 82"]
        );
        assert_eq!(
            steps(&["A", "B", "D"], pivots(), None),
            ["A-/->B TargetOut", "A->?", "B->?", "D-/->B TargetOut", "D->?"]
        );
    }

    #[test]
    fn that_there_is_no_other_offer_is_told_once() {
        let waiting = || vec![open("A", None, false)];
        assert_eq!(steps(&["A"], waiting(), None), [""; 0]);
        assert_eq!(steps(&["A"], waiting(), best("B")), ["A->B 82"]);
        assert_eq!(steps(&[], waiting(), best("B")), ["A dropped"]);
    }

    #[test]
    fn a_pivot_ends_with_the_stock_out_or_with_the_offer() {
        assert_eq!(steps(&[], vec![open("A", Some(("B", true)), true)], best("A")), ["A-/->B Restocked"]);
        assert_eq!(steps(&[], vec![open("A", Some(("B", false)), false)], None), ["A-/->B Ended"]);
    }
}
