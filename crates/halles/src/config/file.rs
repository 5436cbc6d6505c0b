//! The values of a TOML file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Found, KEYS, Layer, Mistake, Origin, find, nearest};

/// Reads the text of a file; `path` is what messages call it.
pub(super) fn read(path: &str, text: &str) -> Layer {
    let mut reader = Reader { path, text, layer: Layer::default() };
    match DeTable::parse(text) {
        Ok(table) => reader.table("", table.get_ref()),
        Err(error) => {
            let origin = reader.origin(&error.span().unwrap_or_default());
            let message = error.message().to_owned();
            reader.layer.mistakes.push(Mistake::Syntax { origin, message });
        }
    }
    reader.layer
}

struct Reader<'t> {
    path: &'t str,
    text: &'t str,
    layer: Layer,
}

impl Reader<'_> {
    fn table(&mut self, group: &str, table: &DeTable<'_>) {
        // In the order of the text, which is the order in which people look for mistakes.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = match group {
                "" => key.get_ref().to_string(),
                group => format!("{group}.{}", key.get_ref()),
            };
            self.entry(name, &key.span(), value);
        }
    }

    fn entry(&mut self, name: String, at: &Range<usize>, value: &Spanned<DeValue<'_>>) {
        let origin = self.origin(at);
        if let Some(key) = find(&name) {
            let found = match key.form.read_toml(value.get_ref()) {
                Some(value) => Ok(Found { key, value, origin }),
                None => Err(Mistake::value(key, origin, self.text.get(value.span()).unwrap_or_default())),
            };
            return self.layer.push(found);
        }
        match value.get_ref().as_table() {
            Some(table) if is_group(&name) || !table.is_empty() => self.table(&name, table),
            None if is_group(&name) => self.layer.mistakes.push(Mistake::Group { origin, name }),
            Some(_) | None => {
                let nearest = nearest::key(&name);
                self.layer.mistakes.push(Mistake::UnknownKey { origin, name, nearest });
            }
        }
    }

    fn origin(&self, at: &Range<usize>) -> Origin {
        let lines_before = self.text.get(..at.start).unwrap_or_default().matches('\n').count();
        Origin::File(self.path.to_owned(), lines_before + 1)
    }
}

fn is_group(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}
