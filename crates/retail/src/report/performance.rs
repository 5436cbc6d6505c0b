//! How each shop is doing: the last eight weeks at its till, its stock, and the online orders it served.

use std::collections::{BTreeMap, HashMap};

use kernel::{Currency, Day, PlaceId, ShopId};
use serde::Serialize;
use store::{DbError, Tx};
use utoipa::ToSchema;

use super::queries::{self, Scope, StockCounts};
use super::sales::CENTRE_NAME;
use super::{Cell, Figures, ProductSum, Sum, TopProduct, Week, csv, top};

/// How many ISO weeks are looked at, the present one included.
pub const WEEKS: i32 = 8;
/// How many products of each shop are shown.
pub const TOP_PRODUCTS: usize = 5;

/// How the chain is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Performances)]
pub struct Performance {
    /// The Monday of the first week.
    #[serde(rename = "du")]
    pub from: Day,
    /// Today: the present week is not over.
    #[serde(rename = "au")]
    pub to: Day,
    /// Whose days these are: always `Europe/Paris`.
    #[serde(rename = "fuseau")]
    pub time_zone: &'static str,
    /// Each shop, the closed ones too.
    #[serde(rename = "magasins")]
    pub shops: Vec<ShopPerformance>,
    /// Confirmed online orders, by the place whose stock they drew on. They are not among the shops' own figures.
    #[serde(rename = "en_ligne")]
    pub online: Vec<OnlineFigures>,
}

/// How a shop is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PerformanceMagasin)]
pub struct ShopPerformance {
    /// The shop.
    #[serde(rename = "magasin_id")]
    pub shop: ShopId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: String,
    /// What it sold at its till.
    #[serde(flatten)]
    pub figures: Figures,
    /// Its best sold products.
    #[serde(rename = "produits")]
    pub products: Vec<TopProduct>,
    /// Products at or under their low threshold now.
    #[serde(rename = "ruptures")]
    pub out_of_stock: i64,
    /// Products at or over their overstock threshold now.
    #[serde(rename = "surstocks")]
    pub overstock: i64,
    /// Week by week, the oldest first.
    #[serde(rename = "tendance")]
    pub trend: Vec<WeekFigures>,
}

/// What one week came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChiffresSemaine)]
pub struct WeekFigures {
    /// The ISO week, such as `2026-W09`.
    #[serde(rename = "semaine")]
    pub week: String,
    /// Its Monday.
    #[serde(rename = "du")]
    pub monday: Day,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What was sold online from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChiffresEnLigne)]
pub struct OnlineFigures {
    /// The shop, or 0 for the logistics centre.
    #[serde(rename = "emplacement_id")]
    pub place: PlaceId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Performance {
    /// One row per shop, with the revenue of each week in a column, as CSV.
    pub fn csv(&self) -> Result<Vec<u8>, csv::CsvError> {
        let fixed = [
            "magasin_id",
            "magasin",
            "ventes",
            "unites",
            "chiffre_affaires",
            "devise",
            "ruptures",
            "surstocks",
        ];
        let weeks = self.shops.first().map_or(&[][..], |shop| &shop.trend);
        let header = fixed.into_iter().map(str::to_owned).chain(weeks.iter().map(|week| week.week.clone()));
        let rows = self.shops.iter().map(|shop| {
            let revenue = shop.figures.revenue;
            let mut row = vec![
                shop.shop.to_string(),
                shop.name.clone(),
                shop.figures.count.to_string(),
                shop.figures.units.to_string(),
                revenue.amount(),
                revenue.currency().to_string(),
                shop.out_of_stock.to_string(),
                shop.overstock.to_string(),
            ];
            row.extend(shop.trend.iter().map(|week| week.figures.revenue.amount()));
            row
        });
        csv::write(header.collect(), rows)
    }
}

/// Reads and adds up how the shops are doing. `today` is the present day of Europe/Paris.
pub fn performance(tx: &mut Tx<'_>, currency: Currency, today: Day) -> Result<Performance, DbError> {
    let first = Week::of(today).plus(1 - WEEKS);
    let scope = Scope { from: first.monday(), to: today, place: None };
    let names = queries::shop_names(tx)?;
    let counts = queries::stock_counts(tx)?;
    let mut products = by_shop(queries::till_products_by_shop(tx, scope)?);
    let mut weeks = by_week(&queries::till_cells(tx, scope)?);
    let online = queries::online_cells(tx, scope)?;
    let shops = names
        .iter()
        .map(|(shop, name)| {
            let place = PlaceId::from(*shop);
            let weeks = weeks.remove(&place).unwrap_or_default();
            let products = products.remove(&place).unwrap_or_default();
            let counts = counts.get(&place).copied().unwrap_or_default();
            shop_performance(*shop, name, first, &weeks, products, counts, currency)
        })
        .collect();
    Ok(Performance {
        from: scope.from,
        to: today,
        time_zone: "Europe/Paris",
        shops,
        online: online_figures(&online, &names, currency),
    })
}

fn shop_performance(
    shop: ShopId,
    name: &str,
    first: Week,
    weeks: &HashMap<Week, Sum>,
    products: Vec<ProductSum>,
    counts: StockCounts,
    currency: Currency,
) -> ShopPerformance {
    let mut total = Sum::default();
    let trend = (0..WEEKS)
        .map(|number| {
            let week = first.plus(number);
            let sum = weeks.get(&week).copied().unwrap_or_default();
            total.add(sum);
            WeekFigures { week: week.to_string(), monday: week.monday(), figures: sum.figures(currency) }
        })
        .collect();
    ShopPerformance {
        shop,
        name: name.to_owned(),
        figures: total.figures(currency),
        products: top(products, TOP_PRODUCTS, currency),
        out_of_stock: counts.out,
        overstock: counts.overstock,
        trend,
    }
}

fn by_shop(products: Vec<ProductSum>) -> HashMap<PlaceId, Vec<ProductSum>> {
    let mut shops: HashMap<PlaceId, Vec<ProductSum>> = HashMap::new();
    for sum in products {
        shops.entry(sum.place).or_default().push(sum);
    }
    shops
}

fn by_week(cells: &[Cell]) -> HashMap<PlaceId, HashMap<Week, Sum>> {
    let mut shops: HashMap<PlaceId, HashMap<Week, Sum>> = HashMap::new();
    for cell in cells {
        shops.entry(cell.place).or_default().entry(Week::of(cell.day)).or_default().add(cell.sum);
    }
    shops
}

fn online_figures(
    cells: &[Cell],
    names: &BTreeMap<ShopId, String>,
    currency: Currency,
) -> Vec<OnlineFigures> {
    let mut places: BTreeMap<PlaceId, Sum> = BTreeMap::new();
    for cell in cells {
        places.entry(cell.place).or_default().add(cell.sum);
    }
    places
        .into_iter()
        .map(|(place, sum)| OnlineFigures {
            place,
            name: names.get(&ShopId(place.0)).cloned().unwrap_or_else(|| CENTRE_NAME.to_owned()),
            figures: sum.figures(currency),
        })
        .collect()
}
