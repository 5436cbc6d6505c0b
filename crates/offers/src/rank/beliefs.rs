//! What every hand believes of every offer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use super::HANDS;
use crate::learn::PolicyName;

const CHUNK: usize = 64;

/// One number per slot and hand. It is written in place while others read: each number is whole, and an answer
/// reads the numbers of a hand only once.
#[derive(Clone)]
pub(super) enum Beliefs {
    /// Signals of 0 to 100, in steps of 0.0015: half the memory, and too fine to be seen in a score.
    Signals(Vec<Arc<Chunk<AtomicU16>>>),
    /// Numbers of any size.
    Numbers(Vec<Arc<Chunk<AtomicU32>>>),
}

pub(super) type Chunk<T> = [[T; HANDS]; CHUNK];

/// Steps of a signal from 0 to 100.
const STEPS: f32 = u16::MAX as f32;

impl Beliefs {
    /// Room for what a policy believes.
    pub(super) const fn of(policy: PolicyName) -> Self {
        match policy {
            PolicyName::Static
            | PolicyName::PlainThompson
            | PolicyName::Thompson
            | PolicyName::AdaptiveThompson => Self::Signals(Vec::new()),
            // Weights of a linear model, and orders in which a difference of any size decides.
            PolicyName::Uniform
            | PolicyName::EpsilonGreedy
            | PolicyName::Ucb1
            | PolicyName::LinearThompson => Self::Numbers(Vec::new()),
        }
    }

    /// Makes room for so many slots.
    pub(super) fn grow(&mut self, slots: usize) {
        match self {
            Self::Signals(chunks) => grow(chunks, slots),
            Self::Numbers(chunks) => grow(chunks, slots),
        }
    }

    /// The number of a slot in a hand.
    pub(super) fn get(&self, slot: u32, hand: usize) -> f32 {
        match self {
            Self::Signals(chunks) => {
                f32::from(place(chunks, slot, hand).load(Ordering::Relaxed)) * (100.0 / STEPS)
            }
            Self::Numbers(chunks) => f32::from_bits(place(chunks, slot, hand).load(Ordering::Relaxed)),
        }
    }

    pub(super) fn set(&self, slot: u32, hand: usize, value: f32) {
        // A belief that is no number would be ahead of everything or behind it, by chance of its sign.
        let value = if value.is_nan() { 0.0 } else { value };
        match self {
            Self::Signals(chunks) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "within 0 and the number of steps"
                )]
                let steps = (value.clamp(0.0, 100.0) * (STEPS / 100.0)).round() as u16;
                place(chunks, slot, hand).store(steps, Ordering::Relaxed);
            }
            Self::Numbers(chunks) => place(chunks, slot, hand).store(value.to_bits(), Ordering::Relaxed),
        }
    }
}

fn grow<T: Default>(chunks: &mut Vec<Arc<Chunk<T>>>, slots: usize) {
    while chunks.len() * CHUNK < slots {
        chunks.push(Arc::new(std::array::from_fn(|_| std::array::from_fn(|_| T::default()))));
    }
}

fn place<T>(chunks: &[Arc<Chunk<T>>], slot: u32, hand: usize) -> &T {
    let slot = slot as usize;
    &chunks[slot / CHUNK][slot % CHUNK][hand]
}
