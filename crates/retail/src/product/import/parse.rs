//! The two kinds of files, each line checked by itself and against the lines before it.

use std::collections::HashMap;
use std::hash::Hash;

use kernel::{Currency, Ean13, Money, PlaceId, ProductId, Quantity, Text};

use super::table::{self, Column, Row};
use super::{ImportReport, Opening, ProductKey, ProductLine, StockLine};
use crate::product::{Details, checked_price};
use crate::stock::{DEFAULT_THRESHOLDS, Thresholds};

const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// The columns of a file of products.
const PRODUCT_COLUMNS: [Column; 7] = [
    required("nom"),
    required("categorie"),
    required("prix"),
    optional("description"),
    optional("devise"),
    optional("ean13"),
    optional("id"),
];

/// The columns of a file of opening stock.
const STOCK_COLUMNS: [Column; 7] = [
    required("emplacement_id"),
    required("quantite"),
    optional("produit_id"),
    optional("ean13"),
    optional("seuil_rupture"),
    optional("seuil_reappro"),
    optional("seuil_surstock"),
];

/// Reads a file of products: `nom`, `categorie`, `prix` (a decimal comma is taken too), and if wanted `description`,
/// `devise`, `ean13` and `id`. A line with an id replaces that product's details, one without adds a product.
///
/// `on_progress` gets the number of lines read so far.
pub fn parse_products(
    bytes: &[u8],
    currency: Currency,
    on_progress: impl FnMut(usize),
) -> Result<Vec<ProductLine>, ImportReport> {
    let mut numbers = Seen::default();
    let mut ids = Seen::default();
    table::read(bytes, &PRODUCT_COLUMNS, on_progress, |row| {
        let (name, category) = (row.parse("nom"), row.parse("categorie"));
        let description: Option<Text> = row.parse("description");
        let price = price(row, currency);
        let ean13: Option<Ean13> = row.parse_opt("ean13");
        numbers.check(row, "ean13", ean13.as_ref());
        let id: Option<ProductId> = row.parse_opt("id");
        ids.check(row, "id", id.as_ref());
        let details =
            Details { name: name?, description: description?, category: category?, price: price?, ean13 };
        Some(ProductLine { line: row.line, id, details })
    })
}

/// Reads a file of opening stock: `emplacement_id` (0 for the logistics centre), `quantite`, the product by
/// `produit_id` or `ean13`, and if wanted `seuil_rupture`, `seuil_reappro` and `seuil_surstock`.
///
/// `on_progress` gets the number of lines read so far.
pub fn parse_stock(bytes: &[u8], on_progress: impl FnMut(usize)) -> Result<Vec<StockLine>, ImportReport> {
    let mut slots = Seen::default();
    table::read(bytes, &STOCK_COLUMNS, on_progress, |row| {
        let place: Option<PlaceId> = row.parse("emplacement_id");
        let product = product_key(row);
        let quantity = units(row, "quantite");
        let thresholds = thresholds(row);
        let (place, product) = (place?, product?);
        slots.check(row, "", Some(&(place, product.clone())));
        let opening = Opening { quantity: quantity?, thresholds: thresholds? };
        Some(StockLine { line: row.line, place, product, opening })
    })
}

/// On which line each value came first.
struct Seen<T>(HashMap<T, u64>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Seen<T> {
    /// Notes a value that an earlier line has already.
    fn check(&mut self, row: &mut Row<'_>, column: &'static str, value: Option<&T>) {
        let Some(value) = value else { return };
        match self.0.get(value) {
            Some(first) => row.wrong(column, format!("the same as on line {first}")),
            None => {
                self.0.insert(value.clone(), row.line);
            }
        }
    }
}

fn price(row: &mut Row<'_>, currency: Currency) -> Option<Money> {
    let named = row.text("devise");
    if !named.is_empty() && named != currency.code() {
        row.wrong("devise", format!("must be {currency}, the currency of this chain"));
    }
    let amount = row.text("prix").replacen(',', ".", 1);
    let price = Money::parse(&amount, currency).map_err(|error| error.to_string());
    match price.and_then(|amount| checked_price(amount).map_err(|error| error.to_string())) {
        Ok(price) => Some(price),
        Err(error) => {
            row.wrong("prix", error);
            None
        }
    }
}

fn product_key(row: &mut Row<'_>) -> Option<ProductKey> {
    match (row.text("produit_id").is_empty(), row.text("ean13").is_empty()) {
        (false, true) => row.parse("produit_id").map(ProductKey::Id),
        (true, false) => row.parse("ean13").map(ProductKey::Ean13),
        (true, true) | (false, false) => {
            row.wrong("produit_id", "either this or ean13 must say which product is meant");
            None
        }
    }
}

/// A number of units, which may be 0.
fn units(row: &mut Row<'_>, column: &'static str) -> Option<i64> {
    let units = row.text(column).parse().ok().filter(|units| (0..=Quantity::MAX).contains(units));
    if units.is_none() {
        row.wrong(column, format!("must be a whole number from 0 to {}", Quantity::MAX));
    }
    units
}

fn thresholds(row: &mut Row<'_>) -> Option<Thresholds> {
    let mut threshold =
        |column, default| if row.text(column).is_empty() { Some(default) } else { units(row, column) };
    let low = threshold("seuil_rupture", DEFAULT_THRESHOLDS.low);
    let reorder = threshold("seuil_reappro", DEFAULT_THRESHOLDS.reorder);
    let overstock = threshold("seuil_surstock", DEFAULT_THRESHOLDS.overstock);
    let thresholds = Thresholds { low: low?, reorder: reorder?, overstock: overstock? };
    if thresholds.low <= thresholds.reorder && thresholds.reorder <= thresholds.overstock {
        return Some(thresholds);
    }
    row.wrong("seuil_reappro", "must lie between seuil_rupture and seuil_surstock");
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::{LineError, MAX_ERRORS, MAX_LINES};
    use super::*;

    fn products(text: &str) -> Result<Vec<ProductLine>, ImportReport> {
        parse_products(text.as_bytes(), Currency::EUR, |_| {})
    }

    /// The errors as `line column: message`.
    fn errors<T: std::fmt::Debug>(result: Result<T, ImportReport>) -> Vec<String> {
        let report = result.unwrap_err();
        assert_eq!(report.total, report.errors.len());
        report
            .errors
            .iter()
            .map(|LineError { line, column, message }| format!("{line} {column}: {message}"))
            .collect()
    }

    #[test]
    fn a_french_spreadsheet_is_read() {
        let lines = products(
            "\u{feff}Nom;Categorie;Prix;EAN13\r\n\r\nCafé \"noir\";Épicerie;3,50;3017620422003\r\n;;;\r\n\"Thé; vert\";Épicerie;4;\r\n",
        )
        .unwrap();
        assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(lines[0].details.price, Money::from_minor(350, Currency::EUR));
        assert_eq!(lines[0].details.ean13.as_ref().map(AsRef::as_ref), Some("3017620422003"));
        assert_eq!(lines[1].details.name.as_ref(), "Thé; vert");
        assert_eq!((lines[1].id, &lines[1].details.ean13), (None, &None));
    }

    #[test]
    fn commas_separate_too_and_values_may_span_lines() {
        let lines = products(
            "id,nom,description,categorie,prix,devise\n7,Lampe,\"two\nlines\",Maison,\"12,5\",EUR\n8,Vis,,Auto,0,\n",
        );
        let lines = lines.unwrap();
        assert_eq!(lines[0].id, Some(ProductId(7)));
        assert_eq!(lines[0].details.description.as_ref(), "two\nlines");
        assert_eq!((lines[0].details.price.minor(), lines[1].details.price.minor()), (1250, 0));
        assert_eq!(lines[1].line, 4);
    }

    #[test]
    fn every_fault_is_told_where_it_is() {
        let told = errors(products(
            "nom;categorie;prix;devise;ean13;id\n\
             ;Maison;-1;;;\n\
             A;B;1.234;USD;3017620422004;x\n\
             C;D;5;;3017620422003;1\n\
             E;F\n\
             G;H;5;;3017620422003;1\n",
        ));
        assert_eq!(
            told,
            [
                "2 nom: must not be empty",
                "2 prix: must not be below zero",
                "3 devise: must be EUR, the currency of this chain",
                "3 prix: the amount has more decimals than its currency",
                "3 ean13: must be 13 digits ending with the right check digit (GTIN-13)",
                "3 id: an id of this kind is a whole number",
                "5 : 2 values where the header has 6",
                "6 ean13: the same as on line 4",
                "6 id: the same as on line 4",
            ]
        );
    }

    #[test]
    fn a_header_must_be_the_right_one() {
        assert_eq!(errors(products("")), ["1 : the file is empty: a header line is expected"]);
        assert_eq!(
            errors(products("nom;nom;tarif\n")),
            [
                "1 nom: the column is there twice",
                "1 tarif: not a column of this file; known: nom, categorie, prix, description, devise, ean13, id",
                "1 categorie: the column is missing",
                "1 prix: the column is missing",
            ]
        );
    }

    #[test]
    fn what_is_not_text_is_refused() {
        let latin1 = b"nom;categorie;prix\nA;B;1\nCaf\xe9;B;1\n";
        let told = errors(parse_products(latin1, Currency::EUR, |_| {}));
        assert_eq!(told, ["3 : not UTF-8: save the file with that encoding"]);
        assert_eq!(
            errors(products("nom;categorie;prix\nA\0;B;1\n")),
            ["2 nom: must not contain control characters"]
        );
    }

    #[test]
    fn files_are_bounded() {
        let header = "nom;categorie;prix\n";
        let full = format!("{header}{}", "A;B;1\n".repeat(MAX_LINES));
        let mut told = Vec::new();
        let lines = parse_products(full.as_bytes(), Currency::EUR, |read| told.push(read)).unwrap();
        assert_eq!((lines.len(), told.first(), told.last()), (MAX_LINES, Some(&1000), Some(&MAX_LINES)));
        assert_eq!(errors(products(&format!("{full}A;B;1\n"))), ["100002 : more than 100000 lines"]);
        let bad = products(&format!("{header}{}", "A;B;x\n".repeat(MAX_ERRORS + 5))).unwrap_err();
        assert_eq!((bad.errors.len(), bad.total, bad.read), (MAX_ERRORS, MAX_ERRORS + 5, MAX_ERRORS + 5));
        let long = " ".repeat(super::super::MAX_BYTES + 1);
        assert_eq!(errors(products(&long)), ["0 : the file has more than 10485760 bytes"]);
    }

    #[test]
    fn opening_stock_is_read() {
        let lines = parse_stock(
            b"emplacement_id,produit_id,ean13,quantite,seuil_rupture,seuil_reappro\n0,1,,500,,\n2,,3017620422003,0,1,30\n",
            |_| {},
        )
        .unwrap();
        assert_eq!(lines[0].place, PlaceId::CENTRE);
        assert_eq!(lines[0].opening, Opening { quantity: 500, thresholds: DEFAULT_THRESHOLDS });
        assert_eq!(lines[1].product, ProductKey::Ean13("3017620422003".parse().unwrap()));
        assert_eq!(lines[1].opening.thresholds, Thresholds { low: 1, reorder: 30, overstock: 100 });
    }

    #[test]
    fn wrong_opening_stock_is_told_where_it_is() {
        let told = errors(parse_stock(
            b"emplacement_id;produit_id;ean13;quantite;seuil_rupture\n0;1;;-1;\nx;;;1;\n1;1;;5;30\n1;2;;5;\n1;2;;5;\n",
            |_| {},
        ));
        assert_eq!(
            told,
            [
                "2 quantite: must be a whole number from 0 to 1000000",
                "3 emplacement_id: an id of this kind is a whole number",
                "3 produit_id: either this or ean13 must say which product is meant",
                "4 seuil_reappro: must lie between seuil_rupture and seuil_surstock",
                "6 : the same as on line 5",
            ]
        );
    }
}
