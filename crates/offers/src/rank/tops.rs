//! For each of the hands the best few of a set of offers, kept up to date while single offers change.

use super::HANDS;

/// An offer in a list: its slot, and what it scores in that hand apart from the user.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Entry {
    pub(super) slot: u32,
    pub(super) key: f32,
}

/// One list per hand, best first, none longer than a width.
///
/// Each list is a prefix of the full ranking: no offer outside is ahead of one inside. It is *complete* while nothing
/// had to be left out. When an offer falls behind the end of a list that is not complete, the list becomes shorter
/// and stays right; [`Tops::is_thin`] tells when it should be made anew.
#[derive(Debug, Clone)]
pub(super) struct Tops {
    width: usize,
    lengths: [u8; HANDS],
    /// One bit per hand.
    complete: u64,
    entries: Box<[Entry]>,
}

/// Whether the first is to be shown before the second.
pub(super) trait Order {
    fn ahead(&self, a: Entry, b: Entry) -> bool;
}

impl Tops {
    /// Empty and complete lists of at most `width` (255 at most) entries.
    pub(super) fn new(width: usize) -> Self {
        let width = width.min(usize::from(u8::MAX));
        Self {
            width,
            lengths: [0; HANDS],
            complete: u64::MAX,
            entries: vec![Entry::default(); width * HANDS].into_boxed_slice(),
        }
    }

    /// A hand's list.
    pub(super) fn get(&self, hand: usize) -> &[Entry] {
        let start = hand * self.width;
        &self.entries[start..start + usize::from(self.lengths[hand])]
    }

    /// Whether a hand's list holds everything there was.
    pub(super) fn is_complete(&self, hand: usize) -> bool {
        self.complete & (1 << hand) != 0
    }

    /// Whether a hand's list is so short that it should be made anew.
    pub(super) fn is_thin(&self, hand: usize) -> bool {
        !self.is_complete(hand) && usize::from(self.lengths[hand]) * 6 < self.width * 5
    }

    /// Empties a hand's list, which then is complete.
    pub(super) fn clear(&mut self, hand: usize) {
        self.lengths[hand] = 0;
        self.complete |= 1 << hand;
    }

    /// Puts an offer that is not in a hand's list where it belongs, if that is inside.
    pub(super) fn put(&mut self, hand: usize, entry: Entry, order: &impl Order) {
        let list = self.get(hand);
        let behind_all = list.last().is_none_or(|last| order.ahead(*last, entry));
        if behind_all && !self.is_complete(hand) {
            return;
        }
        let length = list.len();
        if behind_all && length == self.width {
            self.complete &= !(1 << hand);
            return;
        }
        let place = list.partition_point(|other| order.ahead(*other, entry));
        let kept = if length == self.width {
            self.complete &= !(1 << hand);
            length - 1
        } else {
            self.lengths[hand] += 1;
            length
        };
        let start = hand * self.width;
        self.entries.copy_within(start + place..start + kept, start + place + 1);
        self.entries[start + place] = entry;
    }

    /// Takes offers out of a hand's list.
    pub(super) fn remove(&mut self, hand: usize, gone: impl Fn(u32) -> bool) {
        let start = hand * self.width;
        let mut kept = start;
        for place in start..start + usize::from(self.lengths[hand]) {
            let entry = self.entries[place];
            if !gone(entry.slot) {
                self.entries[kept] = entry;
                kept += 1;
            }
        }
        // A list is never longer than 255.
        self.lengths[hand] = u8::try_from(kept - start).unwrap_or(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct ByKey;

    impl Order for ByKey {
        fn ahead(&self, a: Entry, b: Entry) -> bool {
            b.key.total_cmp(&a.key).then(a.slot.cmp(&b.slot)).is_lt()
        }
    }

    #[test]
    fn a_list_keeps_the_best() {
        let mut tops = Tops::new(3);
        for (slot, key) in [(0, 1.0), (1, 5.0), (2, 3.0)] {
            tops.put(7, Entry { slot, key }, &ByKey);
        }
        assert!(tops.is_complete(7) && !tops.is_thin(7));
        tops.put(7, Entry { slot: 3, key: 4.0 }, &ByKey);
        let slots = |tops: &Tops| tops.get(7).iter().map(|entry| entry.slot).collect::<Vec<_>>();
        assert_eq!(slots(&tops), [1, 3, 2]);
        assert!(!tops.is_complete(7) && tops.get(6).is_empty() && tops.is_complete(6));
        tops.remove(7, |slot| slot == 3);
        // 0 is outside, so nobody knows whether something worse than 2 belongs behind it.
        tops.put(7, Entry { slot: 4, key: 0.5 }, &ByKey);
        assert_eq!(slots(&tops), [1, 2]);
        assert!(tops.is_thin(7));
    }

    proptest! {
        /// Whatever changes one by one, a list is the beginning of the full ranking.
        #[test]
        fn a_list_is_a_prefix_of_the_ranking(
            width in 1_usize..12,
            changes in proptest::collection::vec((0_u32..20, proptest::option::of(0_u8..10)), 0..200),
        ) {
            let mut tops = Tops::new(width);
            let mut all = std::collections::BTreeMap::new();
            for (slot, key) in changes {
                tops.remove(0, |other| other == slot);
                all.remove(&slot);
                if let Some(key) = key {
                    let entry = Entry { slot, key: f32::from(key) };
                    all.insert(slot, entry);
                    tops.put(0, entry, &ByKey);
                }
                let mut ranking: Vec<Entry> = all.values().copied().collect();
                ranking.sort_by(|a, b| if ByKey.ahead(*a, *b) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater });
                let list = tops.get(0);
                prop_assert_eq!(list, &ranking[..list.len()]);
                prop_assert!(!tops.is_complete(0) || list.len() == ranking.len());
            }
        }
    }
}
