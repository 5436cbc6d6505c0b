//! Writing down what never changes.

use kernel::Currency;
use store::{DbError, Failure, Tx, params};

use super::CurrencyMismatch;

/// Writes the chain's currency down, or compares it with what is written. The caller has declared the chain's key.
pub fn open(tx: &mut Tx<'_>, currency: Currency) -> Result<(), Failure<CurrencyMismatch>> {
    let stored = tx.query_opt("SELECT currency FROM chain WHERE id = 1", &[], |row| row.get::<String>(0))?;
    let Some(stored) = stored else {
        tx.execute("INSERT INTO chain (id, currency) VALUES (1, $1)", &params![currency.code()])?;
        return Ok(());
    };
    let stored = stored.parse().map_err(|_| DbError::Decode("the chain's currency is not one".into()))?;
    if stored == currency {
        Ok(())
    } else {
        Err(Failure::Refused(CurrencyMismatch { stored, configured: currency }))
    }
}
