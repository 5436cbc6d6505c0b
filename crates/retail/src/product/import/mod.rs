//! Importing a CSV file: products, or the stock that a chain opens with. All lines or none.
//!
//! A file is checked twice: by itself ([`parse_products`], [`parse_stock`]: pure) and against what is stored, while
//! its lines are staged in chunks. From then on nobody else may take the article numbers that the lines bring, so
//! one small command can decide that the whole file counts; what is left to do cannot fail. The lines are then moved
//! to where they belong, again in chunks, each with its events. A crash before the decision leaves nothing, a crash
//! after it is made good by [`resume`]; while the lines are being moved, readers see some of them.

mod commands;
mod parse;
mod run;
mod table;

use kernel::{Ean13, Kind, PlaceId, Problem, ProductId};
use serde::{Deserialize, Serialize};
use store::Unavailable;
use store::idempotency::Claim;
use utoipa::ToSchema;

pub use commands::IMPORT_FINISHED;
pub use parse::{parse_products, parse_stock};
pub use run::{Progress, import_products, import_stock, resume};

use super::Details;
use crate::stock::Thresholds;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 10 << 20;
/// The most lines that a file may hold, its header not counted.
pub const MAX_LINES: usize = 100_000;
/// So many errors are told; more are only counted.
pub const MAX_ERRORS: usize = 10_000;

/// The file has lines that cannot be imported.
pub static IMPORT_REFUSED: Kind = Kind::new(
    "import-refused",
    422,
    "Nothing was imported: some lines are wrong",
    "Rien n'a été importé : des lignes sont erronées",
);

/// What is wrong with one value of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ErreurLigne, example = json!({"ligne": 3, "champ": "prix", "message": "must not be below zero"}))]
pub struct LineError {
    /// The line of the file, from 1, the header included.
    #[serde(rename = "ligne")]
    pub line: u64,
    /// The column's name; empty when the whole line is meant.
    #[serde(rename = "champ")]
    pub column: String,
    /// What is expected.
    pub message: String,
}

/// Why a file was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// How many lines were read.
    pub read: usize,
    /// What is wrong, in the file's order: the first [`MAX_ERRORS`].
    pub errors: Vec<LineError>,
    /// How many errors there are in all.
    pub total: usize,
}

impl ImportReport {
    fn add(&mut self, error: LineError) {
        self.total += 1;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }

    fn or<T>(self, value: T) -> Result<T, Self> {
        if self.total == 0 { Ok(value) } else { Err(self) }
    }
}

impl From<ImportReport> for Problem {
    fn from(report: ImportReport) -> Self {
        let detail = format!("{} errors in {} lines", report.total, report.read);
        Self::new(&IMPORT_REFUSED, detail)
            .with("importes", &0)
            .with("lignes_lues", &report.read)
            .with("erreurs", &report.errors)
            .with("erreurs_total", &report.total)
    }
}

/// How an import ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Import, example = json!({"importes": 120, "lignes_lues": 120, "erreurs": []}))]
pub struct Imported {
    /// Lines that were imported.
    #[serde(rename = "importes")]
    pub imported: usize,
    /// Lines that were read.
    #[serde(rename = "lignes_lues")]
    pub read: usize,
    /// Always empty: with an error nothing is imported, and the answer is 422.
    #[serde(rename = "erreurs")]
    pub errors: Vec<LineError>,
}

impl Imported {
    fn all(lines: usize) -> Self {
        Self { imported: lines, read: lines, errors: Vec::new() }
    }
}

/// How an import ended otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportError {
    /// Lines are wrong; nothing was imported.
    Refused(ImportReport),
    /// The idempotency key was used before: with this file, or with another request.
    Claimed(Claim),
    /// It took so long that it was given up for dead; nothing was imported.
    Lost,
    /// The store could not do it. Nothing will be imported, unless the outcome of deciding it is unknown.
    Unavailable(Unavailable),
    /// It was decided that the file counts, then the store failed: [`resume`] imports what is missing.
    Unfinished(Unavailable),
}

impl From<Unavailable> for ImportError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

/// One line of a file of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductLine {
    /// The line of the file, from 1.
    pub line: u64,
    /// The product whose details are replaced; none for a new one.
    pub id: Option<ProductId>,
    /// What is said of it.
    pub details: Details,
}

/// One line of a file of opening stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLine {
    /// The line of the file, from 1.
    pub line: u64,
    /// Where it is: a shop or the logistics centre.
    pub place: PlaceId,
    /// Of what.
    pub product: ProductKey,
    /// How much, and when it is worth a person's attention.
    pub opening: Opening,
}

/// How a file names a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProductKey {
    /// By its id.
    Id(ProductId),
    /// By its article number.
    Ean13(Ean13),
}

/// What a slot opens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Units, from 0 to 1,000,000.
    pub quantity: i64,
    /// The slot's thresholds.
    #[serde(with = "ThresholdsForm")]
    pub thresholds: Thresholds,
}

/// How a staged line keeps its thresholds.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Thresholds")]
struct ThresholdsForm {
    low: i64,
    reorder: i64,
    overstock: i64,
}

#[cfg(test)]
mod tests;
