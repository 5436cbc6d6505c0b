//! Reports as CSV, for spreadsheets: `;` between fields, UTF-8 with a byte order mark.

use csv::WriterBuilder;

/// The text could not be written.
pub(super) type CsvError = csv::Error;

/// What makes spreadsheets read the text as UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Writes a header and rows.
pub(super) fn write(
    header: Vec<String>,
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<Vec<u8>, CsvError> {
    let mut writer = WriterBuilder::new().delimiter(b';').from_writer(BYTE_ORDER_MARK.to_vec());
    for row in std::iter::once(header).chain(rows) {
        writer.write_record(row.into_iter().map(harmless))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A spreadsheet would take a text that begins so for a formula (OWASP, "CSV Injection"): an apostrophe in front makes
/// it a text again. Negative numbers of ours stay numbers.
fn harmless(field: String) -> String {
    let is_number = field.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        format!("'{field}")
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_no_formula_gets_through() -> Result<(), CsvError> {
        let row = ["a;b", "c\"d", "=1+1", "-5.00", "été"].map(str::to_owned).to_vec();
        let text = write(vec!["h".into(); 5], std::iter::once(row))?;
        assert_eq!(text, "\u{feff}h;h;h;h;h\n\"a;b\";\"c\"\"d\";'=1+1;-5.00;été\n".as_bytes());
        Ok(())
    }
}
