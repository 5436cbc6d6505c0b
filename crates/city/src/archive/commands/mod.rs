//! What changes the archive. Each is a short command; imports drive them, see [`crate::import`].

pub mod day;
pub mod records;
pub mod register;

use store::Call;

/// Declares that a command gives out numbers of rows.
fn numbering(call: Call) -> Call {
    call.lock("city.numbers", 0)
}
