//! Reports: what was sold, when, where, and how each shop is doing.
//!
//! Days are days of Europe/Paris. Two channels are kept apart: sales at the till (`caisse`), on the day they were
//! recorded, and online orders (`en_ligne`), on the day they were placed, in the place whose stock they drew on, as
//! long as they are confirmed: a cancelled order disappears from the reports.

pub mod api;
mod csv;
pub mod performance;
pub mod queries;
pub mod sales;

use kernel::{Currency, Day, Money, PlaceId, ProductId};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a sale was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(as = Canal)]
pub enum Channel {
    /// At the till of a shop.
    #[serde(rename = "caisse")]
    Till,
    /// An online order that is confirmed.
    #[serde(rename = "en_ligne")]
    Online,
}

impl Channel {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Till => "caisse",
            Self::Online => "en_ligne",
        }
    }
}

/// What was sold in one place on one day through one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The day.
    pub day: Day,
    /// The place; 0 is the logistics centre.
    pub place: PlaceId,
    /// The channel.
    pub channel: Channel,
    /// What it came to.
    pub sum: Sum,
}

/// What was sold of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductSum {
    /// The place, where products are counted by place.
    pub place: PlaceId,
    /// The product.
    pub product: ProductId,
    /// Its name.
    pub name: String,
    /// Units.
    pub units: i64,
    /// Revenue in minor units.
    pub revenue_minor: i64,
}

/// Revenue, units, and how many sales they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Revenue in minor units of the chain's currency.
    pub revenue_minor: i64,
    /// Units.
    pub units: i64,
    /// Sales or orders.
    pub count: i64,
}

impl Sum {
    /// Adds another sum to this one.
    pub const fn add(&mut self, other: Self) {
        self.revenue_minor = self.revenue_minor.saturating_add(other.revenue_minor);
        self.units = self.units.saturating_add(other.units);
        self.count = self.count.saturating_add(other.count);
    }

    /// The sum as it is shown.
    pub const fn figures(self, currency: Currency) -> Figures {
        Figures {
            revenue: Money::from_minor(self.revenue_minor, currency),
            units: self.units,
            count: self.count,
        }
    }
}

/// A sum as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Chiffres)]
pub struct Figures {
    /// Revenue.
    #[serde(rename = "chiffre_affaires")]
    pub revenue: Money,
    /// Units.
    #[serde(rename = "unites")]
    pub units: i64,
    /// Sales at the till, or confirmed online orders.
    #[serde(rename = "ventes")]
    pub count: i64,
}

/// A product among the best sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProduitVendu)]
pub struct TopProduct {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: String,
    /// Units.
    #[serde(rename = "unites")]
    pub units: i64,
    /// Revenue.
    #[serde(rename = "chiffre_affaires")]
    pub revenue: Money,
}

/// The best sold of some products by revenue, then units, then id.
pub fn top(mut products: Vec<ProductSum>, count: usize, currency: Currency) -> Vec<TopProduct> {
    let rank =
        |sum: &ProductSum| (std::cmp::Reverse(sum.revenue_minor), std::cmp::Reverse(sum.units), sum.product);
    products.sort_unstable_by_key(rank);
    products.truncate(count);
    products
        .into_iter()
        .map(|sum| TopProduct {
            product: sum.product,
            name: sum.name,
            units: sum.units,
            revenue: Money::from_minor(sum.revenue_minor, currency),
        })
        .collect()
}

/// A week of ISO 8601: Monday to Sunday, numbered within the year that holds its Thursday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(Day);

impl Week {
    /// The week of a day.
    pub fn of(day: Day) -> Self {
        Self(day.plus(1 - i32::from(day.weekday())))
    }

    /// Its Monday.
    pub const fn monday(self) -> Day {
        self.0
    }

    /// So many weeks later.
    #[must_use]
    pub fn plus(self, weeks: i32) -> Self {
        Self(self.0.plus(7 * weeks))
    }
}

impl std::fmt::Display for Week {
    /// As `2026-W09`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let thursday = self.0.plus(3);
        let date = thursday.to_string();
        // A date is written `YYYY-MM-DD`; years of other lengths are outside of what a shop sells in.
        let year = date.rsplitn(3, '-').last().unwrap_or_default();
        let first: Option<Day> = format!("{year}-01-01").parse().ok();
        let number = first.map_or(0, |first| (thursday.number() - first.number()) / 7 + 1);
        write!(f, "{year}-W{number:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_those_of_iso_8601() -> Result<(), &'static str> {
        // Examples of ISO 8601-1:2019, and the long years around them.
        for (day, week) in [
            ("2004-12-31", "2004-W53"),
            ("2005-01-01", "2004-W53"),
            ("2005-01-03", "2005-W01"),
            ("2007-12-31", "2008-W01"),
            ("2008-12-29", "2009-W01"),
            ("2010-01-03", "2009-W53"),
            ("2026-03-01", "2026-W09"),
            ("2026-11-21", "2026-W47"),
        ] {
            assert_eq!(Week::of(day.parse()?).to_string(), week, "{day}");
        }
        Ok(())
    }

    #[test]
    fn the_best_sold_come_first() {
        let sum = |product, revenue_minor, units| ProductSum {
            place: PlaceId(1),
            product: ProductId(product),
            name: String::new(),
            units,
            revenue_minor,
        };
        let best = top(vec![sum(1, 10, 1), sum(2, 30, 1), sum(3, 30, 2), sum(4, 30, 2)], 3, Currency::EUR);
        assert_eq!(best.iter().map(|top| top.product.0).collect::<Vec<_>>(), [3, 4, 2]);
    }
}
