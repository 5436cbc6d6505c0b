//! CSV of records: a header, then one record a row, whose quoted fields may hold line breaks of any kind.

use csv::{ByteRecord, ReaderBuilder};
use kernel::table::unmarked;

use super::{MOST, utf8};
use crate::MetricType;
use crate::input::counts::Fault;
use crate::input::csv::first_flaw;
use crate::input::{Damage, InputError, Reason, Refusal, Tally};
use crate::input::{detect, json, texts};

const SEPARATOR: u8 = b';';

/// What the fields of a row are called.
pub(super) struct Header<'a> {
    kind: MetricType,
    required: &'a [&'a str],
}

/// One row.
pub(super) struct Row<'a> {
    names: &'a [String],
    fields: &'a [String],
}

impl Row<'_> {
    /// The text of a column without blanks around it; empty when there is none.
    pub(super) fn get(&self, column: &str) -> &str {
        let place = self.names.iter().position(|name| name == column);
        place.and_then(|place| self.fields.get(place)).map_or("", |field| field.trim())
    }
}

impl<'a> Header<'a> {
    /// A type's columns without which its rows mean nothing.
    pub(super) fn new(kind: MetricType, required: &'a [&'a str]) -> Self {
        Self { kind, required }
    }

    /// Reads a file to its end, row by row, and counts and rejects rows.
    pub(super) fn read<T>(
        &self,
        name: &str,
        data: &[u8],
        tally: &mut Tally,
        mut each: impl FnMut(&Row<'_>) -> Result<T, Reason>,
    ) -> Result<Vec<T>, InputError> {
        let data = unmarked(data);
        self.check_text(name, data)?;
        let mut reader =
            ReaderBuilder::new().delimiter(SEPARATOR).has_headers(false).flexible(true).from_reader(data);
        let mut record = ByteRecord::new();
        let malformed = |error: &csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            InputError::damaged(name, line, Damage::Malformed(error.to_string()))
        };
        let mut names: Vec<String> = Vec::new();
        let mut found = Vec::new();
        let mut line = 1;
        while reader.read_byte_record(&mut record).map_err(|error| malformed(&error))? {
            line = record.position().map_or(line, csv::Position::line);
            let fields =
                record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>();
            if names.is_empty() {
                self.check_columns(name, data, &fields)?;
                names = fields.iter().map(|field| field.trim().to_owned()).collect();
                continue;
            }
            tally.read += 1;
            let row = Row { names: &names, fields: &fields };
            let read = if fields.len() == names.len() {
                self.check_row(&row).and_then(|()| each(&row))
            } else if reader.position().byte() >= data.len() as u64 && !data.ends_with(b"\n") {
                return Err(InputError::damaged(name, line, Damage::CutRecord));
            } else {
                Err(Reason::FieldCount)
            };
            match read {
                Ok(_) if found.len() >= MOST => {
                    return Err(InputError::refused(name, Refusal::TooManyRecords(MOST)));
                }
                Ok(row) => found.push(row),
                Err(reason) => tally.reject(reason, name, line),
            }
        }
        Ok(found)
    }

    /// Whether the texts of a row are such as can be kept.
    fn check_row(&self, row: &Row<'_>) -> Result<(), Reason> {
        if let Some(id) = self.required.first() {
            texts::id(row.get(id).as_bytes())?;
        }
        row.fields.iter().try_for_each(|field| texts::shape(field.as_bytes()))
    }

    fn check_text(&self, name: &str, data: &[u8]) -> Result<(), InputError> {
        let refused = |why| Err(InputError::refused(name, why));
        match data.trim_ascii_start().first() {
            None => return refused(Refusal::Empty),
            Some(b'<') => return refused(Refusal::Html),
            Some(b'{' | b'[') => {
                let document = json::read(name, data).ok();
                let found = document.and_then(|document| detect::by_fields(&document));
                return refused(self.other(found, data));
            }
            Some(_) => {}
        }
        utf8(name, data)?;
        match first_flaw(data, SEPARATOR) {
            Some(Fault::At(line, what)) => Err(InputError::damaged(name, line + 1, what)),
            Some(Fault::Error(error)) => Err(error),
            None => Ok(()),
        }
    }

    fn check_columns(&self, name: &str, data: &[u8], fields: &[String]) -> Result<(), InputError> {
        let names: Vec<&str> = fields.iter().map(|field| field.trim()).collect();
        if self.required.iter().all(|column| names.contains(column)) {
            return Ok(());
        }
        Err(InputError::refused(name, self.other(detect::by_columns(&names), data)))
    }

    /// Why something that is not of this type is refused.
    fn other(&self, found: Option<MetricType>, data: &[u8]) -> Refusal {
        match found {
            Some(found) if found != self.kind => Refusal::WrongType { found, wanted: self.kind },
            Some(_) | None => Refusal::Unknown {
                wanted: self.kind,
                missing: format!("header with the columns {} between semicolons", self.required.join(", ")),
                begins: detect::beginning(data),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(text: &[u8]) -> (Result<Vec<String>, InputError>, Tally) {
        let mut tally = Tally::default();
        let header = Header::new(MetricType::Works, &["Identifiant", "Date de début"]);
        let found = header.read("works.csv", text, &mut tally, |row| {
            let id = row.get("Identifiant");
            if id.is_empty() { Err(Reason::MissingId) } else { Ok(format!("{id}|{}", row.get("Objet"))) }
        });
        (found, tally)
    }

    fn error(text: &[u8]) -> String {
        read(text).0.unwrap_err().to_string()
    }

    #[test]
    fn marks_quotes_and_line_ends_of_all_kinds() {
        let text = "\u{feff}Identifiant;Date de début;Objet\r\na;1;\"one\r\ntwo\nthree; \"\"four\"\"\"\nb;2; x \r\n\r\nc;3;\"\"";
        let (found, tally) = read(text.as_bytes());
        assert_eq!(found.unwrap(), ["a|one\r\ntwo\nthree; \"four\"", "b|x", "c|"]);
        assert_eq!((tally.read, tally.rejected_rows()), (3, 0));
    }

    #[test]
    fn rows_are_rejected_with_their_line() {
        let (found, tally) =
            read("Identifiant;Date de début;Objet\na;1;\"x\ny\"\n;2;z\nb;3\nc;4;z\n".as_bytes());
        assert_eq!(found.unwrap(), ["a|x\ny", "c|z"]);
        assert_eq!(tally.rejected[&Reason::MissingId].first[0].line, 4);
        assert_eq!(tally.rejected[&Reason::FieldCount].first[0].line, 5);
    }

    #[test]
    fn damaged_files_are_told_with_the_line() {
        assert_eq!(error(b""), "works.csv: the file is empty; fetch it again");
        assert!(error(b"\n <!DOCTYPE html><html>").contains("HTML page"));
        let cut = "Identifiant;Date de début;Objet\na;1;x\nb;2".as_bytes();
        assert!(error(cut).starts_with("works.csv, line 3: the file ends in the middle of this record"));
        let open = "Identifiant;Date de début;Objet\na;1;x\nb;2;\"y\nz\n".as_bytes();
        assert!(error(open).starts_with("works.csv, line 3: the file ends in the middle of a quoted field"));
        let mut latin = "Identifiant;Date de début;Objet\na;1;x\nb;2;".as_bytes().to_vec();
        latin.extend(b"r\xE9fection\n");
        assert!(error(&latin).starts_with("works.csv, line 3: this is not UTF-8 text"));
    }

    #[test]
    fn a_lone_quote_is_a_letter() {
        let text = "Identifiant;Date de début;Objet\na;1;tuyau de 12\" en fonte\nb;2;\"x\ny\"\n";
        assert_eq!(read(text.as_bytes()).0.unwrap(), ["a|tuyau de 12\" en fonte", "b|x\ny"]);
        let open = "Identifiant;Date de début;Objet\na;1;5\" pipe\nb;2;\"y\nc;3;z\n".as_bytes();
        assert!(error(open).starts_with("works.csv, line 3: the file ends in the middle of a quoted field"));
        let joined = "Identifiant;Date de début;Objet\na;1;x\nb;2;\"y\nc;3;\"z\n".as_bytes();
        assert!(error(joined).starts_with("works.csv, line 3: a quote stands within a field"));
    }

    #[test]
    fn carriage_returns_alone_are_told_with_their_line() {
        for (text, line) in [
            ("Identifiant;Date de début;Objet\ra;1;x\rb;2;y\r", 1),
            ("Identifiant;Date de début;Objet\na;1;x\rb;2;y\n", 2),
        ] {
            let error = error(text.as_bytes());
            let said = format!("works.csv, line {line}: this line ends with a carriage return alone");
            assert!(error.starts_with(&said), "{error}");
        }
        let quoted = "Identifiant;Date de début;Objet\r\na;1;\"x\ry\"\r\n".as_bytes();
        assert_eq!(read(quoted).0.unwrap(), ["a|x\ry"]);
    }

    #[test]
    fn ids_and_texts_have_their_limits() {
        let (id, text) = ("7".repeat(201), "x".repeat(70_000));
        let (found, tally) = read(
            format!("Identifiant;Date de début;Objet\n{id};1;x\na\0;1;x\nb;1;{text}\nc;1;x\n").as_bytes(),
        );
        assert_eq!(found.unwrap(), ["c|x"]);
        assert_eq!((tally.rejected[&Reason::BadId].count, tally.rejected[&Reason::BadText].count), (2, 1));
    }

    #[test]
    fn more_records_than_a_city_has_are_refused() {
        let text = format!("Identifiant;Date de début;Objet\n{}", "a;1;x\n".repeat(MOST + 1));
        assert!(error(text.as_bytes()).contains("there are more than 100000 records"));
    }

    #[test]
    fn other_types_are_named() {
        let roads = "Identifiant arc;Débit horaire\n1;2\n".as_bytes();
        assert!(error(roads).contains("looks like data of type comptages, not chantiers"));
        assert!(error(br#"{"hourly": {}}"#).contains("looks like data of type weather, not chantiers"));
        let unknown = error(b"a,b\n1,2\n");
        assert!(
            unknown.contains("no header with the columns Identifiant") && unknown.contains("a,b"),
            "{unknown}"
        );
    }
}
