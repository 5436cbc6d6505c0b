//! What every hand believes of every offer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::HANDS;

const CHUNK: usize = 64;

type Row = [AtomicU32; HANDS];
type Chunk = [Row; CHUNK];

/// One number per slot and hand. It is written in place while others read: each number is whole, and an answer
/// reads the numbers of a hand only once.
#[derive(Clone, Default)]
pub(super) struct Beliefs {
    chunks: Vec<Arc<Chunk>>,
}

impl Beliefs {
    /// Makes room for so many slots.
    pub(super) fn grow(&mut self, slots: usize) {
        while self.chunks.len() * CHUNK < slots {
            self.chunks.push(Arc::new(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU32::new(0)))));
        }
    }

    /// The number of a slot in a hand.
    pub(super) fn get(&self, slot: u32, hand: usize) -> f32 {
        self.row(slot).get(hand)
    }

    /// All hands' numbers of a slot.
    pub(super) fn row(&self, slot: u32) -> Hands<'_> {
        let slot = slot as usize;
        Hands(&self.chunks[slot / CHUNK][slot % CHUNK])
    }

    pub(super) fn set(&self, slot: u32, hand: usize, value: f32) {
        let slot = slot as usize;
        // A belief that is no number would be ahead of everything or behind it, by chance of its sign.
        let value = if value.is_nan() { 0.0 } else { value };
        self.chunks[slot / CHUNK][slot % CHUNK][hand].store(value.to_bits(), Ordering::Relaxed);
    }
}

/// What all hands believe of one offer.
#[derive(Clone, Copy)]
pub(super) struct Hands<'a>(&'a Row);

impl Hands<'_> {
    /// What one of them believes.
    pub(super) fn get(self, hand: usize) -> f32 {
        f32::from_bits(self.0[hand].load(Ordering::Relaxed))
    }
}
