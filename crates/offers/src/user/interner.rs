//! Names as small numbers.

use std::collections::HashMap;
use std::sync::Arc;

/// Gives each name a number, in the order in which they come. Names are never forgotten, so it is for things of which
/// there are few: categories and segments.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Interner {
    /// The number of a name, a new one if it has none.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // Four billion categories do not fit into memory anyway.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The number of a name that has one.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of a number; empty for a number that was never given.
    pub fn name(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|place| self.names.get(place)).map_or("", |name| name)
    }

    /// All names, each at the place of its number.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut interner = Interner::default();
        assert_eq!([interner.number("food"), interner.number("sports"), interner.number("food")], [0, 1, 0]);
        assert_eq!((interner.name(1), interner.name(2)), ("sports", ""));
        assert_eq!((interner.find("sports"), interner.find("fashion")), (Some(1), None));
    }
}
