//! The sales report: revenue, units and sales by day, place, channel and product.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kernel::{Currency, Day, PlaceId, ProductId};
use serde::Serialize;
use store::{DbError, Tx};
use utoipa::ToSchema;

use super::queries::{self, Scope};
use super::{Cell, Channel, Figures, ProductSum, Sum, TopProduct, csv, top};

/// The longest range of days.
pub const MAX_DAYS: i64 = 400;
/// How many products are shown.
pub const TOP_PRODUCTS: usize = 20;
/// How the logistics centre is called where shops have names.
pub const CENTRE_NAME: &str = "Centre logistique";

/// The sales of some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RapportVentes)]
pub struct SalesReport {
    /// The first day.
    #[serde(rename = "du")]
    pub from: Day,
    /// The last day.
    #[serde(rename = "au")]
    pub to: Day,
    /// Whose days these are: always `Europe/Paris`.
    #[serde(rename = "fuseau")]
    pub time_zone: &'static str,
    /// The only place the report is about.
    #[serde(rename = "magasin_id", skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceId>,
    /// Everything.
    pub total: Figures,
    /// Each channel.
    #[serde(rename = "par_canal")]
    pub by_channel: Vec<ChannelFigures>,
    /// Each day of the range, those without sales too.
    #[serde(rename = "par_jour")]
    pub by_day: Vec<DayFigures>,
    /// Each place with sales, by channel.
    #[serde(rename = "par_magasin")]
    pub by_place: Vec<PlaceFigures>,
    /// The best sold products of both channels together.
    #[serde(rename = "produits")]
    pub products: Vec<TopProduct>,
}

/// What one channel came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChiffresCanal)]
pub struct ChannelFigures {
    /// The channel.
    #[serde(rename = "canal")]
    pub channel: Channel,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What one day came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChiffresJour)]
pub struct DayFigures {
    /// The day.
    #[serde(rename = "jour")]
    pub day: Day,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What one place came to through one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChiffresMagasin)]
pub struct PlaceFigures {
    /// The shop, or 0 for the logistics centre.
    #[serde(rename = "magasin_id")]
    pub place: PlaceId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: String,
    /// The channel.
    #[serde(rename = "canal")]
    pub channel: Channel,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What a report is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    cells: Vec<Cell>,
    names: BTreeMap<PlaceId, String>,
}

impl Sheet {
    fn name(&self, place: PlaceId) -> String {
        self.names.get(&place).cloned().unwrap_or_else(|| CENTRE_NAME.to_owned())
    }

    /// The report's rows, one per day, place and channel with sales, as CSV.
    pub fn csv(&self, currency: Currency) -> Result<Vec<u8>, csv::CsvError> {
        let header =
            ["jour", "magasin_id", "magasin", "canal", "ventes", "unites", "chiffre_affaires", "devise"];
        let rows = self.cells.iter().map(|cell| {
            let figures = cell.sum.figures(currency);
            vec![
                cell.day.to_string(),
                cell.place.to_string(),
                self.name(cell.place),
                cell.channel.name().to_owned(),
                figures.count.to_string(),
                figures.units.to_string(),
                figures.revenue.amount(),
                currency.to_string(),
            ]
        });
        csv::write(header.map(str::to_owned).to_vec(), rows)
    }
}

/// Reads what a CSV report shows.
pub fn sheet(tx: &mut Tx<'_>, scope: Scope) -> Result<Sheet, DbError> {
    let mut cells = queries::till_cells(tx, scope)?;
    cells.extend(queries::online_cells(tx, scope)?);
    cells.sort_unstable_by_key(|cell| (cell.day, cell.place, cell.channel));
    let names = queries::shop_names(tx)?;
    Ok(Sheet { cells, names: names.into_iter().map(|(shop, name)| (shop.into(), name)).collect() })
}

/// Reads and adds up the report.
pub fn report(tx: &mut Tx<'_>, currency: Currency, scope: Scope) -> Result<SalesReport, DbError> {
    let sheet = sheet(tx, scope)?;
    let till = queries::till_products(tx, scope)?;
    let products = merged(till.into_iter().chain(queries::online_products(tx, scope)?));
    Ok(SalesReport {
        from: scope.from,
        to: scope.to,
        time_zone: "Europe/Paris",
        place: scope.place,
        total: total(&sheet.cells).figures(currency),
        by_channel: by_channel(&sheet.cells, currency),
        by_day: by_day(&sheet.cells, scope, currency),
        by_place: by_place(&sheet, currency),
        products: top(products, TOP_PRODUCTS, currency),
    })
}

/// Sums of the same product added up.
fn merged(sums: impl Iterator<Item = ProductSum>) -> Vec<ProductSum> {
    let mut products: BTreeMap<ProductId, ProductSum> = BTreeMap::new();
    for sum in sums {
        match products.entry(sum.product) {
            Entry::Vacant(place) => {
                place.insert(sum);
            }
            Entry::Occupied(mut known) => {
                known.get_mut().units += sum.units;
                known.get_mut().revenue_minor += sum.revenue_minor;
            }
        }
    }
    products.into_values().collect()
}

fn total<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Sum {
    let mut total = Sum::default();
    for cell in cells {
        total.add(cell.sum);
    }
    total
}

fn by_channel(cells: &[Cell], currency: Currency) -> Vec<ChannelFigures> {
    [Channel::Till, Channel::Online]
        .into_iter()
        .map(|channel| {
            let sum = total(cells.iter().filter(|cell| cell.channel == channel));
            ChannelFigures { channel, figures: sum.figures(currency) }
        })
        .collect()
}

fn by_day(cells: &[Cell], scope: Scope, currency: Currency) -> Vec<DayFigures> {
    let range = scope.from.number()..=scope.to.number();
    let mut days: BTreeMap<Day, Sum> =
        range.filter_map(Day::from_number).map(|day| (day, Sum::default())).collect();
    for cell in cells {
        days.entry(cell.day).or_default().add(cell.sum);
    }
    days.into_iter().map(|(day, sum)| DayFigures { day, figures: sum.figures(currency) }).collect()
}

fn by_place(sheet: &Sheet, currency: Currency) -> Vec<PlaceFigures> {
    let mut places: BTreeMap<(PlaceId, Channel), Sum> = BTreeMap::new();
    for cell in &sheet.cells {
        places.entry((cell.place, cell.channel)).or_default().add(cell.sum);
    }
    places
        .into_iter()
        .map(|((place, channel), sum)| PlaceFigures {
            place,
            name: sheet.name(place),
            channel,
            figures: sum.figures(currency),
        })
        .collect()
}
