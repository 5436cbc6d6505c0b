//! `halles offers`: imports, evaluations, simulations and exports, beside a server or without one.

pub mod decisions;
pub mod evaluate;
pub mod import;
pub mod simulate;
