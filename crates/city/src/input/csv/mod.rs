//! Rows of the two types of sensors. Nothing is copied or allocated for a row of a sensor that is known and says of
//! itself what it said before: then all behind the hour's numbers is recognised by one comparison.

mod about;
mod layout;
mod split;

use memchr::{memchr, memchr_iter};

use super::counts::{Counts, Fault};
use super::instant::Calendar;
use super::reading::reading;
use super::table::{Table, Texts};
use super::texts;
use super::{Damage, Reason};
pub(super) use layout::Layout;
use layout::{ROLES, Role};
use split::{Stop, field_end, has_bare_return, plain, unquoted};
pub(super) use split::{first_flaw, first_record, flaw, last_record, separator};

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
    /// How many quotes are letters.
    letters: usize,
    /// The place of its sensor, if that is known.
    sensor: Option<usize>,
    /// Whether its lead and its tail are those that the sensor had before in this file.
    lead_known: bool,
    tail_known: bool,
}

impl Row<'_> {
    /// Whether there is a line end in a field where none can be: rows that a lost quote has joined.
    fn is_broken(&self) -> bool {
        let single = [Role::Id, Role::Date, Role::Flow, Role::Occupancy];
        single.iter().any(|role| memchr(b'\n', self.fields[*role as usize]).is_some())
    }
}

impl Parser<'_, '_> {
    /// Reads all rows of a block.
    pub(super) fn read(&mut self, rows: &Rows<'_>) -> Result<Counts, Fault> {
        let mut counts = Counts::default();
        let returns = has_bare_return(rows.block);
        let mut start = 0;
        while start < rows.block.len() {
            let rest = &rows.block[start..];
            if returns && let Some(fault) = flaw(rest, rows.layout.separator, self.longest) {
                return Err(fault.after(counts.lines));
            }
            start += self.row(rows, rest, &mut counts)?;
        }
        Ok(counts)
    }

    /// Reads the row that the rest of the rows begins with and returns its length.
    fn row(&mut self, rows: &Rows<'_>, rest: &[u8], counts: &mut Counts) -> Result<usize, Fault> {
        let line = counts.lines;
        let longest = self.longest;
        let long = || Fault::At(0, Damage::LongLine(longest));
        let Ok(row) = self.cut(rest, rows.layout) else {
            return Err(flaw(rest, rows.layout.separator, longest).unwrap_or_else(long).after(line));
        };
        let length = row.text.len();
        if length > longest {
            return Err(long().after(line));
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
        if (row.quoted || !row.lead_known) && row.is_broken() {
            return Err(Fault::At(line, Damage::LineBreak));
        }
        counts.rows += 1;
        let columns = rows.layout.columns();
        if rows.unended && length == rest.len() && row.columns < columns {
            return Err(Fault::At(line, Damage::CutRecord));
        }
        if row.columns != columns {
            counts.reject(Reason::FieldCount, line);
        } else if let Err(reason) = self.keep(row, rows.layout).map_err(|fault| fault.after(line))? {
            counts.reject(reason, line);
        }
        Ok(length)
    }

    /// Finds the fields and the end of the row that a text begins with.
    fn cut<'b>(&mut self, rest: &'b [u8], layout: &Layout) -> Result<Row<'b>, Stop> {
        let mut fields: Fields<'b> = [b""; ROLES];
        let guessed = self.table.guess(layout.file, rest);
        let lead = match guessed {
            Some(place) => Taken::some(self.table.sensor(place).texts.lead().len(), layout.lead.len()),
            None => take(rest, Taken::some(0, 0), &layout.lead, layout, &mut fields)?,
        };
        let lead = Taken { quoted: false, ..lead };
        let middle = if lead.ended { lead } else { take(rest, lead, &layout.middle, layout, &mut fields)? };
        let sensor = guessed.or_else(|| self.table.find(unquoted(fields[Role::Id as usize]).trim_ascii()));
        let texts = sensor.and_then(|place| self.table.sensor(place).texts.of(layout.file));
        let lead_known = guessed.is_some() || texts.is_some_and(|texts| *texts.lead() == rest[..lead.end]);
        let tail = texts.filter(|_| middle.letters.is_multiple_of(2)).map(Texts::tail).filter(|tail| {
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
            None => take_rest(rest, middle, layout, &mut fields)?,
        };
        Ok(Row {
            text: &rest[..end.end],
            lead: lead.end,
            middle: middle.end,
            fields,
            columns: end.columns,
            quoted: middle.quoted,
            letters: end.letters,
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
        if row.sensor.is_none()
            && let Err(reason) = texts::id(id)
        {
            return Ok(Err(reason));
        }
        if !(row.lead_known && row.tail_known && layout.about.is_empty())
            && let Err(reason) = about::check(fields)
        {
            return Ok(Err(reason));
        }
        let moment = match self.calendar.read(plain(fields[Role::Date as usize]).trim_ascii()) {
            Ok(moment) => moment,
            Err(reason) => return Ok(Err(reason)),
        };
        let [flow, occupancy, state] =
            [Role::Flow, Role::Occupancy, Role::State].map(|role| plain(fields[role as usize]));
        let reading = match reading(flow, occupancy, state, layout.needs_flow) {
            Ok(reading) => reading,
            Err(reason) => return Ok(Err(reason)),
        };
        let place = match row.sensor {
            Some(place) => place,
            None => self.table.insert(id).map_err(|full| Fault::At(0, full))?,
        };
        self.learn(place, row, layout)?;
        self.table.add(place, moment, reading)?;
        Ok(Ok(()))
    }

    /// Learns what a row says of its sensor, unless it is what the row before said.
    fn learn(&mut self, place: usize, mut row: Row<'_>, layout: &Layout) -> Result<(), Fault> {
        let texts = &self.table.sensor(place).texts;
        if row.lead_known && row.tail_known && layout.says(&row.fields, texts.said()) {
            return Ok(());
        }
        if row.letters > 0 {
            // Which of its quotes are letters is only known of the whole row.
            self.table.forget_texts(place);
        } else {
            let said = layout.said(&row.fields);
            let texts = [&row.text[..row.lead], &said, &row.text[row.middle..]];
            self.table.keep_texts(place, layout.file, texts);
        }
        // It has been cut before: there is nothing that could stop it now.
        let _ = take(row.text, Taken::some(0, 0), &layout.lead, layout, &mut row.fields);
        let _ = take(row.text, Taken::some(row.middle, 0), &layout.tail, layout, &mut row.fields);
        Ok(self.table.learn(place, about::about(&row.fields))?)
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
    /// How many quotes in them are letters.
    letters: usize,
}

impl Taken {
    /// Columns that are known.
    const fn some(end: usize, columns: usize) -> Self {
        Self { end, columns, ended: false, quoted: false, letters: 0 }
    }
}

/// Takes the columns of these roles behind others, or fewer when the row ends before.
fn take<'b>(
    text: &'b [u8],
    mut taken: Taken,
    roles: &[Role],
    layout: &Layout,
    fields: &mut Fields<'b>,
) -> Result<Taken, Stop> {
    for role in roles {
        let field = field_end(text, taken.end, layout.separator)?;
        fields[*role as usize] = &text[taken.end..field.at];
        taken.end = field.at + 1;
        taken.columns += 1;
        taken.ended = text[field.at] == b'\n';
        taken.quoted |= field.quoted;
        taken.letters += field.letters;
        if taken.letters % 2 == 1 && (field.quoted || taken.ended) {
            return Err(Stop::Stray(field.at));
        }
        if taken.ended {
            break;
        }
    }
    Ok(taken)
}

/// Takes the columns of the tail, and whatever else there is to the end of the row.
fn take_rest<'b>(
    text: &'b [u8],
    middle: Taken,
    layout: &Layout,
    fields: &mut Fields<'b>,
) -> Result<Taken, Stop> {
    let mut taken = take(text, middle, &layout.tail, layout, fields)?;
    while !taken.ended {
        taken = take(text, taken, &[Role::Other], layout, fields)?;
    }
    Ok(taken)
}

fn lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}
