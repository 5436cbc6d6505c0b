//! Reading the catalogue.

use kernel::{Currency, Limit, Money, ProductId};
use store::{DbError, RowRef, Tx, params};

use super::{Product, Shown, search_key};

/// One product, whether it is sold or not.
pub fn product(tx: &mut Tx<'_>, currency: Currency, id: ProductId) -> Result<Option<Product>, DbError> {
    tx.query_opt(
        "SELECT id, name, description, category, price_minor, ean13, active FROM product WHERE id = $1",
        &params![id],
        |row| read(row, currency),
    )
}

/// Which products a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// By whether they are sold.
    pub shown: Shown,
    /// Only this category.
    pub category: Option<String>,
    /// Only those whose name holds this text, whatever its accents and case.
    pub name: Option<String>,
    /// Only those after this one.
    pub after: Option<ProductId>,
}

/// The products that a filter lets through, by id, one more than the limit when there are more.
pub fn page(
    tx: &mut Tx<'_>,
    currency: Currency,
    filter: &Filter,
    limit: Limit,
) -> Result<Vec<Product>, DbError> {
    let pattern = filter.name.as_deref().map(contains);
    tx.query(
        "SELECT id, name, description, category, price_minor, ean13, active FROM product
         WHERE id > $1 AND ($2 IS NULL OR active = $2) AND ($3 IS NULL OR category = $3)
           AND ($4 IS NULL OR name_key LIKE $4 ESCAPE '!') ORDER BY id LIMIT $5",
        &params![
            filter.after.unwrap_or(ProductId(i64::MIN)),
            filter.shown.active(),
            &filter.category,
            &pattern,
            limit.probe()
        ],
        |row| read(row, currency),
    )
}

fn read(row: RowRef<'_>, currency: Currency) -> Result<Product, DbError> {
    Ok(Product {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        category: row.get(3)?,
        price: Money::from_minor(row.get(4)?, currency),
        ean13: row.get_opt(5)?,
        active: row.get(6)?,
    })
}

/// The LIKE pattern of names that hold a text, taken literally.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in search_key(text.trim()).chars() {
        if matches!(c, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_literal() {
        assert_eq!(contains(" 100% Été_! "), "%100!% ete!_!!%");
    }
}
