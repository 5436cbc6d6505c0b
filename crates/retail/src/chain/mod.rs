//! The chain itself: what holds for all its shops.

pub mod commands;

use kernel::Currency;

/// The configured currency is not the one the data is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data is in {stored}, the configuration says {configured}; amounts cannot change their currency")]
pub struct CurrencyMismatch {
    /// The currency of the stored amounts.
    pub stored: Currency,
    /// The currency of the configuration.
    pub configured: Currency,
}

impl From<CurrencyMismatch> for kernel::Problem {
    fn from(error: CurrencyMismatch) -> Self {
        Self::new(&kernel::kinds::CONFLICT, error.to_string())
    }
}
