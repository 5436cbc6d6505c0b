//! What a change of counts means: the one place that decides on stock-outs and alerts. Pure.

use kernel::Timestamp;

use super::{Availability, LOW, Units};
use crate::offer::{Offer, Stored};

/// Something worth telling that has happened to an offer's effective inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// From some to none.
    Out,
    /// From none to some.
    Restocked,
    /// Few are left, for the first time since there were more.
    Low(Units),
}

/// The offer as it is to be stored after what it was before (nothing, when it is new), and what that means.
///
/// A deleted offer is not looked at any more: nothing happens to it.
pub(super) fn evaluate(
    before: Option<&Stored>,
    offer: Offer,
    deleted: bool,
    availability: &Availability,
    now: Timestamp,
) -> (Stored, Vec<Transition>) {
    let version = before.map_or(1, |before| before.version + 1);
    let (out_since, low_told) = before.map_or((None, false), |before| (before.out_since, before.low_told));
    if deleted {
        return (Stored { offer, out_since, low_told, deleted, version }, Vec::new());
    }
    let inventory = availability.bound(offer.inventory_own, offer.product);
    let was = before.map(|before| before.offer.inventory);
    let mut transitions = Vec::new();
    let out_since = match (was, inventory.is_zero()) {
        (Some(was), true) if !was.is_zero() => {
            transitions.push(Transition::Out);
            Some(now)
        }
        (_, true) => out_since,
        (Some(Units::ZERO), false) => {
            transitions.push(Transition::Restocked);
            None
        }
        (_, false) => None,
    };
    let low = !inventory.is_zero() && inventory <= LOW;
    if low && !low_told {
        transitions.push(Transition::Low(inventory));
    }
    let low_told = low || inventory.is_zero() && low_told;
    (Stored { offer: Offer { inventory, ..offer }, out_since, low_told, deleted, version }, transitions)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::offer::details::tests::details;

    /// The transitions of an offer whose own count takes these values one after the other.
    fn told(counts: &[i64]) -> Vec<Vec<Transition>> {
        let offer =
            details("a", "electronics", 50, 0).into_offer("A".parse().unwrap(), None, Timestamp::default());
        let mut stored = None;
        let mut told = Vec::new();
        for (second, count) in (0_i64..).zip(counts) {
            let offer = Offer { inventory_own: Units::new(*count).unwrap(), ..offer.clone() };
            let now = Timestamp::default().plus_seconds(second);
            let (after, transitions) = evaluate(stored.as_ref(), offer, false, &Availability::default(), now);
            assert_eq!(after.offer.inventory.get(), *count);
            assert_eq!(after.version, second + 1);
            told.push(transitions);
            stored = Some(after);
        }
        told
    }

    fn low(units: i64) -> Transition {
        Transition::Low(Units::new(units).unwrap())
    }

    #[test]
    fn running_out_and_coming_back_are_told_each_time() {
        use Transition::{Out, Restocked};
        assert_eq!(told(&[10, 0, 0, 8, 0]), [vec![], vec![Out], vec![], vec![Restocked], vec![Out]]);
        assert_eq!(
            told(&[0, 0, 9]),
            [vec![], vec![], vec![Restocked]],
            "what was never there has not run out"
        );
    }

    #[test]
    fn few_left_is_told_once_until_there_are_more_again() {
        use Transition::{Out, Restocked};
        assert_eq!(told(&[6, 5, 4, 1]), [vec![], vec![low(5)], vec![], vec![]]);
        assert_eq!(told(&[6, 3, 0, 2, 5]), [vec![], vec![low(3)], vec![Out], vec![Restocked], vec![]]);
        assert_eq!(told(&[6, 3, 6, 5]), [vec![], vec![low(3)], vec![], vec![low(5)]]);
        assert_eq!(told(&[6, 0, 4]), [vec![], vec![Out], vec![Restocked, low(4)]]);
        assert_eq!(told(&[2]), [vec![low(2)]]);
    }

    #[test]
    fn since_when_it_is_out_is_remembered() {
        let offer =
            details("a", "electronics", 50, 3).into_offer("A".parse().unwrap(), None, Timestamp::default());
        let none = Availability::default();
        let at = |second| Timestamp::default().plus_seconds(second);
        let (stocked, _) = evaluate(None, offer.clone(), false, &none, at(0));
        let empty = Offer { inventory_own: Units::ZERO, ..offer.clone() };
        let (out, _) = evaluate(Some(&stocked), empty.clone(), false, &none, at(1));
        let (still, _) = evaluate(Some(&out), empty.clone(), false, &none, at(2));
        let (back, _) = evaluate(Some(&still), offer, false, &none, at(3));
        assert_eq!(
            [stocked.out_since, out.out_since, still.out_since, back.out_since],
            [None, Some(at(1)), Some(at(1)), None]
        );
        let (fresh, _) = evaluate(None, empty, false, &none, at(1));
        assert_eq!(fresh.out_since, None);
    }
}
