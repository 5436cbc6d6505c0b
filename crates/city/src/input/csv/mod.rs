//! Rows of the two types of sensors. Nothing is copied or allocated for a row of a sensor that is known and says of
//! itself what it said before: then all behind the hour's numbers is recognised by one comparison.

mod about;
mod layout;
mod split;

use memchr::memchr_iter;

use super::counts::{Counts, Fault};
use super::instant::Calendar;
use super::reading::reading;
use super::table::{Table, Texts};
use super::{Damage, InputError, Reason};
pub(super) use layout::Layout;
use layout::{ROLES, Role};
use split::{field_end, plain, unquoted};
pub(super) use split::{first_record, last_record};

/// The fields of a row by their roles, as they are written.
type Fields<'b> = [&'b [u8]; ROLES];

/// A block of whole rows; the last byte is a line end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'b> {
    /// The rows.
    pub(super) block: &'b [u8],
    /// Where they have their columns.
    pub(super) layout: &'b Layout,
    /// Whether the last row had no line end in the file, so that it may be cut off.
    pub(super) unended: bool,
}

/// Reads rows into a worker's table.
#[derive(Debug)]
pub(super) struct Parser<'p, 'a> {
    /// Where the facts go.
    pub(super) table: &'p mut Table<'a>,
    /// The days.
    pub(super) calendar: &'p mut Calendar,
    /// Bytes of one row, at most.
    pub(super) longest: usize,
}

/// A row whose ends are known.
struct Row<'b> {
    /// All of it, with the line end.
    text: &'b [u8],
    /// Where the columns of the lead and those of the middle end, with the separators behind them.
    lead: usize,
    middle: usize,
    /// Its fields; without those of a lead or tail that was recognised.
    fields: Fields<'b>,
    /// How many columns it has.
    columns: usize,
    /// Whether there are quotes in the middle.
    quoted: bool,
    /// The place of its sensor, if that is known.
    sensor: Option<usize>,
    /// Whether its lead and its tail are those that the sensor had before in this file.
    lead_known: bool,
    tail_known: bool,
}

impl Parser<'_, '_> {
    /// Reads all rows of a block.
    pub(super) fn read(&mut self, rows: &Rows<'_>) -> Result<Counts, Fault> {
        let mut counts = Counts::default();
        let mut start = 0;
        while start < rows.block.len() {
            start += self.row(rows, start, &mut counts)?;
        }
        Ok(counts)
    }

    /// Reads one row and returns its length.
    fn row(&mut self, rows: &Rows<'_>, start: usize, counts: &mut Counts) -> Result<usize, Fault> {
        let (line, rest) = (counts.lines, &rows.block[start..]);
        let row = self.cut(rest, rows.layout).ok_or(Fault::At(line, Damage::OpenQuote))?;
        let length = row.text.len();
        if length > self.longest {
            return Err(Fault::At(line, Damage::LongLine(self.longest)));
        }
        let unseen =
            if row.lead_known { row.lead } else { 0 }..if row.tail_known { row.middle } else { length };
        if let Err(error) = std::str::from_utf8(&row.text[unseen.clone()]) {
            let before = &row.text[..unseen.start + error.valid_up_to()];
            return Err(Fault::At(line + lines(before), Damage::NotUtf8));
        }
        counts.lines += self.lines(&row);
        if row.columns == 1 && row.text.trim_ascii().is_empty() {
            return Ok(length);
        }
        counts.rows += 1;
        let columns = rows.layout.columns();
        if rows.unended && length == rest.len() && row.columns < columns {
            return Err(Fault::At(line, Damage::CutRecord));
        }
        if row.columns != columns {
            counts.reject(Reason::FieldCount, line);
        } else if let Err(reason) = self.keep(row, rows.layout)? {
            counts.reject(reason, line);
        }
        Ok(length)
    }

    /// Finds the fields and the end of the row that a text begins with.
    fn cut<'b>(&mut self, rest: &'b [u8], layout: &Layout) -> Option<Row<'b>> {
        let mut fields: Fields<'b> = [b""; ROLES];
        let guessed = self.table.guess(layout.file, rest);
        let lead = match guessed {
            Some(place) => Taken::some(self.table.sensor(place).texts.lead().len(), layout.lead.len()),
            None => take(rest, 0, &layout.lead, layout, &mut fields)?,
        };
        let middle = if lead.ended {
            lead
        } else {
            take(rest, lead.end, &layout.middle, layout, &mut fields)?.after(lead.columns)
        };
        let sensor = guessed.or_else(|| self.table.find(unquoted(fields[Role::Id as usize]).trim_ascii()));
        let texts = sensor.and_then(|place| self.table.sensor(place).texts.of(layout.file));
        let lead_known = guessed.is_some() || texts.is_some_and(|texts| *texts.lead() == rest[..lead.end]);
        let tail = texts.map(Texts::tail).filter(|tail| {
            let whole = middle.columns == layout.columns();
            if middle.ended {
                whole && tail.is_empty()
            } else {
                !whole && rest[middle.end..].starts_with(tail)
            }
        });
        let end = match tail {
            Some(tail) => Taken { end: middle.end + tail.len(), columns: layout.columns(), ..middle },
            None if middle.ended => middle,
            None => take_rest(rest, middle.end, layout, &mut fields)?.after(middle.columns),
        };
        Some(Row {
            text: &rest[..end.end],
            lead: lead.end,
            middle: middle.end,
            fields,
            columns: end.columns,
            quoted: middle.quoted,
            sensor,
            lead_known,
            tail_known: tail.is_some(),
        })
    }

    /// How many lines a row has.
    fn lines(&mut self, row: &Row<'_>) -> u64 {
        match row.sensor {
            Some(place) if row.lead_known && row.tail_known && !row.quoted && row.middle < row.text.len() => {
                self.table.sensor(place).texts.lines()
            }
            _ => lines(row.text),
        }
    }

    /// Keeps what a row says, or tells why it is rejected.
    fn keep(&mut self, row: Row<'_>, layout: &Layout) -> Result<Result<(), Reason>, Fault> {
        let fields = &row.fields;
        let id = unquoted(fields[Role::Id as usize]);
        let id = id.trim_ascii();
        if row.sensor.is_none() && id.is_empty() {
            return Ok(Err(Reason::MissingId));
        }
        let Some(moment) = self.calendar.read(plain(fields[Role::Date as usize]).trim_ascii()) else {
            return Ok(Err(Reason::BadDate));
        };
        let [flow, occupancy, state] =
            [Role::Flow, Role::Occupancy, Role::State].map(|role| plain(fields[role as usize]));
        let reading = match reading(flow, occupancy, state, layout.needs_flow) {
            Ok(reading) => reading,
            Err(reason) => return Ok(Err(reason)),
        };
        let place = match row.sensor {
            Some(place) => place,
            None => self.table.insert(id)?,
        };
        self.learn(place, row, layout)?;
        self.table.add(place, moment, reading)?;
        Ok(Ok(()))
    }

    /// Learns what a row says of its sensor, unless it is what the row before said.
    fn learn(&mut self, place: usize, mut row: Row<'_>, layout: &Layout) -> Result<(), InputError> {
        let texts = &self.table.sensor(place).texts;
        if row.lead_known && row.tail_known && layout.says(&row.fields, texts.said()) {
            return Ok(());
        }
        let said = layout.said(&row.fields);
        let texts = [&row.text[..row.lead], &said, &row.text[row.middle..]];
        self.table.keep_texts(place, layout.file, texts);
        take(row.text, 0, &layout.lead, layout, &mut row.fields);
        take(row.text, row.middle, &layout.tail, layout, &mut row.fields);
        self.table.learn(place, about::about(&row.fields))
    }
}

/// How far columns go.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Behind the separator or line end of the last.
    end: usize,
    /// How many there are.
    columns: usize,
    /// Whether the row ends there.
    ended: bool,
    /// Whether there are quotes in them.
    quoted: bool,
}

impl Taken {
    /// Columns that are known.
    const fn some(end: usize, columns: usize) -> Self {
        Self { end, columns, ended: false, quoted: false }
    }

    /// The same, with so many columns before.
    const fn after(self, columns: usize) -> Self {
        Self { columns: self.columns + columns, ..self }
    }
}

/// Takes the columns of these roles, or fewer when the row ends before.
fn take<'b>(
    text: &'b [u8],
    start: usize,
    roles: &[Role],
    layout: &Layout,
    fields: &mut Fields<'b>,
) -> Option<Taken> {
    let mut taken = Taken::some(start, 0);
    for role in roles {
        let field = field_end(text, taken.end, layout.separator)?;
        fields[*role as usize] = &text[taken.end..field.at];
        taken.end = field.at + 1;
        taken.columns += 1;
        taken.quoted |= field.quoted;
        taken.ended = text[field.at] == b'\n';
        if taken.ended {
            break;
        }
    }
    Some(taken)
}

/// Takes the columns of the tail, and whatever else there is to the end of the row.
fn take_rest<'b>(text: &'b [u8], start: usize, layout: &Layout, fields: &mut Fields<'b>) -> Option<Taken> {
    let mut taken = take(text, start, &layout.tail, layout, fields)?;
    while !taken.ended {
        taken = take(text, taken.end, &[Role::Other], layout, fields)?.after(taken.columns);
    }
    Some(taken)
}

fn lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}
