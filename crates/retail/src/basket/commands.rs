//! Changing baskets. Whoever does has declared the client's key in the space `basket`.

use kernel::{ClientId, ProductId, Quantity, Timestamp};
use serde_json::json;
use store::{DbError, Failure, Tx, params};

use super::BasketError;
use crate::SOURCE;
use crate::order::MAX_LINES;

/// A basket holds something else than before.
pub const BASKET_CHANGED: &str = "halles.basket.changed";

/// Adds units of a product to a basket.
pub fn add(
    tx: &mut Tx<'_>,
    now: Timestamp,
    client: ClientId,
    product: ProductId,
    units: Quantity,
) -> Result<(), Failure<BasketError>> {
    check_client(tx, client)?;
    check_product(tx, product)?;
    let (lines, held) = tx.query_one(
        "SELECT COUNT(*), COALESCE(CAST(SUM(CASE WHEN product_id = $2 THEN quantity ELSE 0 END) AS BIGINT), 0)
         FROM basket_line WHERE client_id = $1",
        &params![client, product],
        |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
    )?;
    if held == 0 && usize::try_from(lines).is_ok_and(|lines| lines >= MAX_LINES) {
        return Err(Failure::Refused(BasketError::Full));
    }
    let total = Quantity::new(held + units.get()).map_err(|_| Failure::Refused(BasketError::TooMany))?;
    tx.execute(
        "INSERT INTO basket_line (client_id, product_id, quantity, added_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id, product_id) DO UPDATE SET quantity = excluded.quantity",
        &params![client, product, total, now],
    )?;
    tell(tx, client);
    Ok(())
}

/// Sets the units of a product that is in a basket.
pub fn set(
    tx: &mut Tx<'_>,
    client: ClientId,
    product: ProductId,
    units: Quantity,
) -> Result<(), Failure<BasketError>> {
    check_client(tx, client)?;
    let changed = tx.execute(
        "UPDATE basket_line SET quantity = $3 WHERE client_id = $1 AND product_id = $2",
        &params![client, product, units],
    )?;
    changed_one(tx, client, product, changed)
}

/// Takes a product out of a basket.
pub fn remove(tx: &mut Tx<'_>, client: ClientId, product: ProductId) -> Result<(), Failure<BasketError>> {
    check_client(tx, client)?;
    let changed = tx.execute(
        "DELETE FROM basket_line WHERE client_id = $1 AND product_id = $2",
        &params![client, product],
    )?;
    changed_one(tx, client, product, changed)
}

fn changed_one(
    tx: &mut Tx<'_>,
    client: ClientId,
    product: ProductId,
    changed: u64,
) -> Result<(), Failure<BasketError>> {
    if changed == 0 {
        return Err(Failure::Refused(BasketError::NotInBasket(product)));
    }
    tell(tx, client);
    Ok(())
}

/// Takes out what has been bought: so many units of each product. What the client has added meanwhile stays.
pub fn take_out(tx: &mut Tx<'_>, client: ClientId, bought: &[(ProductId, i64)]) -> Result<(), DbError> {
    tx.execute_each(
        "DELETE FROM basket_line WHERE client_id = $1 AND product_id = $2 AND quantity <= $3",
        bought.iter().map(|(product, units)| params![client, product, units]),
    )?;
    tx.execute_each(
        "UPDATE basket_line SET quantity = quantity - $3 WHERE client_id = $1 AND product_id = $2 AND quantity > $3",
        bought.iter().map(|(product, units)| params![client, product, units]),
    )?;
    tell(tx, client);
    Ok(())
}

fn tell(tx: &mut Tx<'_>, client: ClientId) {
    tx.emit(BASKET_CHANGED, SOURCE, client.to_string(), &json!({"client_id": client}));
}

fn check_client(tx: &mut Tx<'_>, client: ClientId) -> Result<(), Failure<BasketError>> {
    if crate::client::queries::client(tx, client)?.is_some() {
        Ok(())
    } else {
        Err(Failure::Refused(BasketError::UnknownClient(client)))
    }
}

fn check_product(tx: &mut Tx<'_>, product: ProductId) -> Result<(), Failure<BasketError>> {
    let active = tx
        .query_opt("SELECT active FROM product WHERE id = $1", &params![product], |row| row.get::<bool>(0))?;
    match active {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::Refused(BasketError::InactiveProduct(product))),
        None => Err(Failure::Refused(BasketError::UnknownProduct(product))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use kernel::Currency;
    use store::testing::Scratch;

    use super::*;
    use crate::basket::queries;

    const CLIENT: ClientId = ClientId(1);

    fn scratch() -> Scratch {
        let mut scratch = Scratch::new(&[crate::SCHEMA], Timestamp::from_micros(1)).unwrap();
        scratch
            .run(|tx, now| {
                tx.execute(
                    "INSERT INTO client (id, name, email, email_folded, created_at) VALUES (1, 'c', 'c@d.fr', 'c@d.fr', $1)",
                    &params![now],
                )?;
                tx.execute_each(
                    "INSERT INTO product (id, name, name_key, description, category, price_minor, active, created_at, updated_at)
                     VALUES ($1, 'p', 'p', '', 'x', 250, $2, $3, $3)",
                    [(1, true), (2, true), (3, false)].map(|(id, active)| params![id, active, now]),
                )?;
                Ok::<_, Failure<BasketError>>(())
            })
            .unwrap();
        scratch
    }

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn adding(scratch: &mut Scratch, product: i64, n: i64) -> Result<(), Failure<BasketError>> {
        scratch.run(|tx, now| add(tx, now, CLIENT, ProductId(product), units(n)))
    }

    #[test]
    fn lines_of_one_product_merge_within_the_bound() {
        let mut scratch = scratch();
        adding(&mut scratch, 1, 2).unwrap();
        adding(&mut scratch, 1, 3).unwrap();
        assert_eq!(scratch.read(|tx| queries::lines(tx, CLIENT)).unwrap(), [(ProductId(1), units(5))]);
        assert_eq!(adding(&mut scratch, 1, 1_000_000), Err(Failure::Refused(BasketError::TooMany)));
        let basket = scratch.read(|tx| queries::basket(tx, Currency::EUR, CLIENT)).unwrap().unwrap();
        assert_eq!(basket.total.amount(), "12.50");
    }

    #[test]
    fn only_what_is_sold_goes_in() {
        let mut scratch = scratch();
        assert_eq!(
            adding(&mut scratch, 3, 1),
            Err(Failure::Refused(BasketError::InactiveProduct(ProductId(3))))
        );
        assert_eq!(
            adding(&mut scratch, 9, 1),
            Err(Failure::Refused(BasketError::UnknownProduct(ProductId(9))))
        );
        let removed = scratch.run(|tx, _| remove(tx, CLIENT, ProductId(1)));
        assert_eq!(removed, Err(Failure::Refused(BasketError::NotInBasket(ProductId(1)))));
    }

    #[test]
    fn what_was_bought_goes_and_what_was_added_meanwhile_stays() {
        let mut scratch = scratch();
        adding(&mut scratch, 1, 5).unwrap();
        adding(&mut scratch, 2, 1).unwrap();
        let bought = [(ProductId(1), 3), (ProductId(2), 1)];
        scratch.run(|tx, _| take_out(tx, CLIENT, &bought).map_err(Failure::<BasketError>::Db)).unwrap();
        assert_eq!(scratch.read(|tx| queries::lines(tx, CLIENT)).unwrap(), [(ProductId(1), units(2))]);
    }

    #[test]
    fn a_product_taken_off_sale_is_shown_and_does_not_count() {
        let mut scratch = scratch();
        adding(&mut scratch, 1, 2).unwrap();
        adding(&mut scratch, 2, 1).unwrap();
        scratch
            .run(|tx, _| {
                Ok::<_, Failure<BasketError>>(
                    tx.execute("UPDATE product SET active = $1 WHERE id = 1", &params![false])?,
                )
            })
            .unwrap();
        let basket = scratch.read(|tx| queries::basket(tx, Currency::EUR, CLIENT)).unwrap().unwrap();
        assert_eq!((basket.lines[0].active, basket.total.amount()), (false, "2.50".to_owned()));
    }
}
