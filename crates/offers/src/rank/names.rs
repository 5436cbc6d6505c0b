//! Categories and segments as numbers, for everything in the index.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::learn::name_hash;
use crate::user::Interner;

/// A table of names that many read and that seldom grows.
#[derive(Default)]
pub(super) struct Names(RwLock<Interner>);

impl Names {
    /// The number of a name, a new one if it has none.
    pub(super) fn number(&self, name: &str) -> u32 {
        let known = self.find(name);
        known.unwrap_or_else(|| self.edit(|names| names.number(name)))
    }

    /// The number of a name that has one.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.read().find(name)
    }

    /// The name of a number.
    pub(super) fn name(&self, number: u32) -> Arc<str> {
        self.read().names().get(number as usize).map_or_else(|| "".into(), Arc::clone)
    }

    /// The hash of a number's name that learning goes by.
    pub(super) fn hash(&self, number: u32) -> u32 {
        name_hash(self.read().name(number))
    }

    /// By number, the hash of each name that learning goes by.
    pub(super) fn hashes(&self) -> Vec<u32> {
        self.read().names().iter().map(|name| name_hash(name)).collect()
    }

    /// Looks at the table itself.
    pub(super) fn look<T>(&self, f: impl FnOnce(&Interner) -> T) -> T {
        f(&self.read())
    }

    /// Changes the table itself.
    pub(super) fn edit<T>(&self, f: impl FnOnce(&mut Interner) -> T) -> T {
        f(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self) -> RwLockReadGuard<'_, Interner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
