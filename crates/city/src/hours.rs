//! What one sensor measured on one day, hour by hour: the exact facts that everything else is computed from.
//!
//! All numbers are integers (decimal fractions with a fixed number of places), so that no sum depends on the order in
//! which it was made. Two records of the same sensor and day join into one: [`Hours::join`] for pieces of one import,
//! whose order means nothing, and [`Hours::correct`] for a later import, which is right.

/// Hours of the longest day, the one on which the clock goes back.
pub const SLOTS: usize = 25;

/// Units of [`Reading::flow`]: thousandths of a vehicle (or of a bicycle) per hour.
pub const FLOW_UNITS: i64 = 1_000;
/// Units of [`Reading::occupancy`]: hundred-thousandths of a percent.
pub const OCCUPANCY_UNITS: i64 = 100_000;

/// The state of traffic that the source itself tells, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum State {
    /// Not told (`Inconnu`), or none of the others.
    #[default]
    Unknown = 0,
    /// `Fluide`.
    Free = 1,
    /// `Pré-saturé`.
    Dense = 2,
    /// `Saturé`.
    Saturated = 3,
    /// `Bloqué`.
    Blocked = 4,
}

/// One hour of one sensor. A missing flow and a missing occupancy are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Reading {
    /// Vehicles in that hour, in [`FLOW_UNITS`]; what the source said, be it negative.
    pub flow: Option<i32>,
    /// Share of the time that something was on the sensor, in [`OCCUPANCY_UNITS`].
    pub occupancy: Option<i32>,
    /// The state that the source told.
    pub state: State,
}

/// The hours of one sensor on one day, by slot: slot 0 is the first hour of the day in Europe/Paris, and so on in the
/// order of time, so a day has 23, 24 or 25 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hours {
    present: u32,
    readings: [Reading; SLOTS],
}

impl Hours {
    /// What was measured in a slot.
    pub fn get(&self, slot: usize) -> Option<Reading> {
        (self.present >> slot & 1 == 1).then(|| self.readings[slot])
    }

    /// Puts a reading where another may be already; that one is replaced.
    pub fn set(&mut self, slot: usize, reading: Reading) {
        self.present |= 1 << slot;
        self.readings[slot] = reading;
    }

    /// The slots that have a reading, in the order of time.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Reading)> {
        (0..SLOTS).filter_map(|slot| Some((slot, self.get(slot)?)))
    }

    /// How many slots have a reading.
    pub fn len(&self) -> usize {
        self.present.count_ones() as usize
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// Joins a reading of the same import: of two for one hour the greater stays (by flow, then occupancy, then
    /// state), whichever came first.
    pub fn add(&mut self, slot: usize, reading: Reading) -> Repeated {
        match self.get(slot) {
            None => {
                self.set(slot, reading);
                Repeated::No
            }
            Some(known) if known == reading => Repeated::Same,
            Some(known) => {
                self.set(slot, known.max(reading));
                Repeated::Different
            }
        }
    }

    /// Joins another piece of the same import.
    pub fn join(&mut self, other: &Self) -> Joined {
        let mut joined = Joined::default();
        for (slot, reading) in other.iter() {
            match self.add(slot, reading) {
                Repeated::No => {}
                Repeated::Same => joined.same += 1,
                Repeated::Different => joined.different += 1,
            }
        }
        joined
    }

    /// Takes over what a later import says; returns how many hours it changed or added.
    pub fn correct(&mut self, later: &Self) -> usize {
        let mut changed = 0;
        for (slot, reading) in later.iter() {
            changed += usize::from(self.get(slot) != Some(reading));
            self.set(slot, reading);
        }
        changed
    }
}

/// What became of a reading that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// Its hour had none.
    No,
    /// Its hour had the same.
    Same,
    /// Its hour had another.
    Different,
}

/// How many hours two pieces had in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Joined {
    /// With the same reading.
    pub same: u64,
    /// With another.
    pub different: u64,
}
