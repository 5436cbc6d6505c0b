//! Changing the catalogue.
//!
//! Article numbers are unique, also against the lines of an import under way: whoever gives a product one has
//! declared its key in the space `product.ean13` (an import, the whole space).

use kernel::{Currency, Ean13, ProductId, Timestamp};
use store::{DbError, Failure, Tx, params};

use super::{Details, Product, ProductError, queries, search_key};
use crate::SOURCE;

/// The event that tells of a new product.
pub const PRODUCT_CREATED: &str = "halles.product.created";
/// The event that tells of a product whose details have changed, or that is sold again.
pub const PRODUCT_CHANGED: &str = "halles.product.changed";
/// The event that tells of a product that is no longer sold.
pub const PRODUCT_DEACTIVATED: &str = "halles.product.deactivated";

/// Adds a product. The caller has declared `product.ids` and the article number.
pub fn create(
    tx: &mut Tx<'_>,
    now: Timestamp,
    details: &Details,
    active: bool,
) -> Result<Product, Failure<ProductError>> {
    let id = next_id(tx)?;
    if let Some(ean13) = &details.ean13 {
        check_ean13(tx, ean13, id)?;
    }
    let product = details.clone().into_product(id, active);
    insert(tx, now, std::slice::from_ref(&product))?;
    Ok(product)
}

/// Replaces a product's details; whether it is sold stays as it is unless `active` says. The caller has declared the
/// product and the article number.
pub fn replace(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ProductId,
    details: &Details,
    active: Option<bool>,
) -> Result<Product, Failure<ProductError>> {
    let before = existing(tx, details.price.currency(), id)?;
    if let Some(ean13) = &details.ean13 {
        check_ean13(tx, ean13, id)?;
    }
    let after = details.clone().into_product(id, active.unwrap_or(before.active));
    update(tx, now, &[(before, after.clone())])?;
    Ok(after)
}

/// Takes a product out of sale; nothing happens when it is already. The caller has declared the product.
pub fn deactivate(
    tx: &mut Tx<'_>,
    now: Timestamp,
    currency: Currency,
    id: ProductId,
) -> Result<(), Failure<ProductError>> {
    let before = existing(tx, currency, id)?;
    let after = Product { active: false, ..before.clone() };
    Ok(update(tx, now, &[(before, after)])?)
}

fn existing(tx: &mut Tx<'_>, currency: Currency, id: ProductId) -> Result<Product, Failure<ProductError>> {
    queries::product(tx, currency, id)?.ok_or(Failure::Refused(ProductError::Unknown(id)))
}

/// The id of the next product. The caller has declared `product.ids`.
pub(super) fn next_id(tx: &mut Tx<'_>) -> Result<ProductId, DbError> {
    tx.query_one("SELECT COALESCE(MAX(id), 0) + 1 FROM product", &[], |row| row.get(0))
}

/// Refuses an article number that another product has, or is about to get.
fn check_ean13(tx: &mut Tx<'_>, ean13: &Ean13, id: ProductId) -> Result<(), Failure<ProductError>> {
    let holder =
        tx.query_opt("SELECT id FROM product WHERE ean13 = $1 AND id <> $2", &params![ean13, id], |row| {
            row.get(0)
        })?;
    if let Some(holder) = holder {
        return Err(Failure::Refused(ProductError::Ean13Taken { ean13: ean13.clone(), holder }));
    }
    let announced =
        tx.query_opt("SELECT line FROM import_line WHERE ean13 = $1", &params![ean13], |row| {
            row.get::<i64>(0)
        })?;
    match announced {
        Some(_) => Err(Failure::Refused(ProductError::Ean13Announced(ean13.clone()))),
        None => Ok(()),
    }
}

/// Writes new products, and an event for each.
pub(super) fn insert(tx: &mut Tx<'_>, now: Timestamp, products: &[Product]) -> Result<(), DbError> {
    let keys: Vec<String> = products.iter().map(|product| search_key(product.name.as_ref())).collect();
    tx.execute_each(
        "INSERT INTO product (id, ean13, name, name_key, description, category, price_minor, active, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        products.iter().zip(&keys).map(|(product, key)| {
            params![
                product.id,
                &product.ean13,
                &product.name,
                key,
                &product.description,
                &product.category,
                product.price.minor(),
                product.active,
                now
            ]
        }),
    )?;
    for product in products {
        tx.emit(PRODUCT_CREATED, SOURCE, product.id.to_string(), product);
    }
    Ok(())
}

/// Writes products that exist, each given as it was and as it is to be, and an event for each that differs.
pub(super) fn update(
    tx: &mut Tx<'_>,
    now: Timestamp,
    products: &[(Product, Product)],
) -> Result<(), DbError> {
    let changed = || products.iter().filter(|(before, after)| before != after);
    let keys: Vec<String> = changed().map(|(_, after)| search_key(after.name.as_ref())).collect();
    tx.execute_each_once(
        "UPDATE product SET ean13 = $2, name = $3, name_key = $4, description = $5, category = $6, price_minor = $7,
         active = $8, updated_at = $9 WHERE id = $1",
        changed().zip(&keys).map(|((_, after), key)| {
            params![
                after.id,
                &after.ean13,
                &after.name,
                key,
                &after.description,
                &after.category,
                after.price.minor(),
                after.active,
                now
            ]
        }),
    )?;
    for (before, after) in changed() {
        let kind = if before.active && !after.active { PRODUCT_DEACTIVATED } else { PRODUCT_CHANGED };
        tx.emit(kind, SOURCE, after.id.to_string(), after);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use kernel::{Limit, Money, Text};
    use store::testing::Scratch;

    use super::*;
    use crate::product::Shown;
    use crate::product::queries::{Filter, page};

    const EAN13: &str = "3017620422003";

    fn scratch() -> Scratch {
        Scratch::new(&[crate::SCHEMA], Timestamp::from_micros(1_000_000)).unwrap()
    }

    fn details(name: &str, ean13: Option<&str>) -> Details {
        Details {
            name: name.parse().unwrap(),
            description: Text::default(),
            category: "Maison".parse().unwrap(),
            price: Money::from_minor(3500, Currency::EUR),
            ean13: ean13.map(|ean13| ean13.parse().unwrap()),
        }
    }

    fn created(scratch: &mut Scratch, details: &Details) -> Result<Product, Failure<ProductError>> {
        scratch.run(|tx, now| create(tx, now, details, true))
    }

    fn kinds(scratch: &mut Scratch) -> Vec<String> {
        scratch.events().unwrap().into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn ids_follow_each_other_and_each_change_is_told_once() {
        let mut scratch = scratch();
        assert_eq!(created(&mut scratch, &details("A", None)).unwrap().id, ProductId(1));
        let second = created(&mut scratch, &details("B", Some(EAN13))).unwrap();
        assert_eq!(second.id, ProductId(2));
        let stored = scratch.read(|tx| queries::product(tx, Currency::EUR, ProductId(2))).unwrap();
        assert_eq!(stored, Some(second));

        let same = scratch.run(|tx, now| replace(tx, now, ProductId(2), &details("B", Some(EAN13)), None));
        assert!(same.unwrap().active);
        for _ in 0..2 {
            scratch.run(|tx, now| deactivate(tx, now, Currency::EUR, ProductId(2))).unwrap();
        }
        let kept = scratch.run(|tx, now| replace(tx, now, ProductId(2), &details("C", None), None)).unwrap();
        assert!(!kept.active);
        let back = scratch.run(|tx, now| replace(tx, now, ProductId(2), &details("C", None), Some(true)));
        assert!(back.unwrap().active);
        assert_eq!(
            kinds(&mut scratch),
            [PRODUCT_CREATED, PRODUCT_CREATED, PRODUCT_DEACTIVATED, PRODUCT_CHANGED, PRODUCT_CHANGED]
        );
    }

    #[test]
    fn an_article_number_has_one_product() {
        let mut scratch = scratch();
        created(&mut scratch, &details("A", Some(EAN13))).unwrap();
        let taken = ProductError::Ean13Taken { ean13: EAN13.parse().unwrap(), holder: ProductId(1) };
        assert_eq!(created(&mut scratch, &details("B", Some(EAN13))), Err(Failure::Refused(taken.clone())));
        created(&mut scratch, &details("B", None)).unwrap();
        let stolen = scratch.run(|tx, now| replace(tx, now, ProductId(2), &details("B", Some(EAN13)), None));
        assert_eq!(stolen, Err(Failure::Refused(taken)));
        // Its own number is no conflict, and a number that was given up is free.
        scratch.run(|tx, now| replace(tx, now, ProductId(1), &details("A2", Some(EAN13)), None)).unwrap();
        scratch.run(|tx, now| replace(tx, now, ProductId(1), &details("A2", None), None)).unwrap();
        created(&mut scratch, &details("C", Some(EAN13))).unwrap();
    }

    #[test]
    fn unknown_products_are_refused() {
        let mut scratch = scratch();
        let unknown = Failure::Refused(ProductError::Unknown(ProductId(7)));
        let replaced = scratch.run(|tx, now| replace(tx, now, ProductId(7), &details("A", None), None));
        assert_eq!(replaced, Err(unknown.clone()));
        assert_eq!(scratch.run(|tx, now| deactivate(tx, now, Currency::EUR, ProductId(7))), Err(unknown));
        assert_eq!(scratch.events().unwrap(), []);
    }

    #[test]
    fn lists_are_filtered_and_paged() {
        let mut scratch = scratch();
        for name in ["Café noir", "100 % lin", "CAFETIÈRE", "Thé"] {
            created(&mut scratch, &details(name, None)).unwrap();
        }
        scratch.run(|tx, now| deactivate(tx, now, Currency::EUR, ProductId(4))).unwrap();
        let mut ids = |filter: Filter, limit: i64| -> Vec<i64> {
            let limit = Limit::new(limit).unwrap();
            let products = scratch.read(|tx| page(tx, Currency::EUR, &filter, limit)).unwrap();
            products.into_iter().map(|product| product.id.0).collect()
        };
        let named = |name: &str| Filter { name: Some(name.to_owned()), ..Filter::default() };
        assert_eq!(ids(Filter::default(), 50), [1, 2, 3]);
        assert_eq!(ids(Filter { after: Some(ProductId(1)), ..Filter::default() }, 1), [2, 3]);
        assert_eq!(ids(Filter { shown: Shown::Inactive, ..Filter::default() }, 50), [4]);
        assert_eq!(ids(Filter { shown: Shown::All, ..Filter::default() }, 50), [1, 2, 3, 4]);
        assert_eq!(ids(Filter { category: Some("Auto".to_owned()), ..Filter::default() }, 50), [0; 0]);
        assert_eq!(ids(named("cafe"), 50), [1, 3]);
        assert_eq!(ids(named("%"), 50), [2]);
        assert_eq!(ids(named("C_F"), 50), [0; 0]);
    }
}
