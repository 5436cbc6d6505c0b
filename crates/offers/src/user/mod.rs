//! What is known of people: which categories they like, and how tired they are of offers.

pub(crate) mod api;
mod imported;
mod interner;
mod stored;
#[cfg(test)]
mod tests;

use kernel::Timestamp;

use crate::engagement::EventType;

pub use api::{ShownAffinity, ShownProfile};
pub use imported::{Imported, ImportedUser, USER_IMPORTED, import};
pub use interner::Interner;
pub use stored::StoredProfile;

/// How many categories are kept per person.
pub const AFFINITIES: usize = 8;
/// Affinity points halve in 30 days.
pub const AFFINITY_HALF_LIFE_SECONDS: f64 = 30.0 * 86_400.0;
/// Fatigue halves in a day.
pub const FATIGUE_HALF_LIFE_SECONDS: f64 = 86_400.0;
/// What a dismissal adds to fatigue, which ends at 100.
pub const FATIGUE_OF_DISMISSAL: f64 = 20.0;
/// Points that make an affinity half of what it can be: relevance is `100 a / (a + 5)`.
pub const HALF_RELEVANCE_POINTS: f64 = 5.0;
/// The segment of people whom nobody imported.
pub const NEW_SEGMENT: &str = "new_user";

/// A person. Categories and segments are numbers of an [`Interner`]; the stored form has their names.
///
/// Time is kept in whole seconds. When the clock goes back no time has passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    segment: u32,
    events: u32,
    first_seen: u32,
    last_seen: u32,
    fatigue: Fading,
    affinities: [Affinity; AFFINITIES],
    known: u8,
}

/// Points that fade with time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Fading {
    value: f32,
    at: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Affinity {
    category: u32,
    points: Fading,
}

impl Fading {
    /// What is left of it; a time before its own counts as its own.
    fn value(self, now: u32, half_life_seconds: f64) -> f64 {
        let passed = f64::from(now.saturating_sub(self.at));
        f64::from(self.value) * (-passed / half_life_seconds).exp2()
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven digits are more than a preference has")]
    fn add(&mut self, points: f64, max: f64, at: u32, half_life_seconds: f64) {
        self.value = (self.value(at, half_life_seconds) + points).clamp(0.0, max) as f32;
        self.at = self.at.max(at);
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from((at.micros() / 1_000_000).max(0)).unwrap_or(u32::MAX)
}

fn instant(seconds: u32) -> Timestamp {
    Timestamp::from_micros(i64::from(seconds) * 1_000_000)
}

impl Profile {
    /// Somebody of whom nothing is known but the segment.
    pub fn new(segment: u32) -> Self {
        Self {
            segment,
            events: 0,
            first_seen: 0,
            last_seen: 0,
            fatigue: Fading::default(),
            affinities: [Affinity::default(); AFFINITIES],
            known: 0,
        }
    }

    /// What one event changes: the affinity to the offer's category, and for a dismissal the fatigue.
    pub fn apply(&mut self, category: u32, what: EventType, at: Timestamp) {
        let now = seconds(at);
        if self.events == 0 {
            self.first_seen = now;
        }
        self.events = self.events.saturating_add(1);
        self.last_seen = self.last_seen.max(now);
        if what == EventType::Dismiss {
            self.fatigue.add(FATIGUE_OF_DISMISSAL, 100.0, now, FATIGUE_HALF_LIFE_SECONDS);
        }
        self.add_points(category, what.affinity_points(), now);
    }

    /// Sets the points of a category as of an instant: for people who are imported with their preferences.
    pub fn set_affinity(&mut self, category: u32, points: f64, at: Timestamp) {
        let now = seconds(at);
        if let Some(place) = self.place(category) {
            self.affinities[place].points = Fading { value: 0.0, at: now };
        }
        self.add_points(category, points, now);
    }

    /// Moves the person to another segment.
    pub fn set_segment(&mut self, segment: u32) {
        self.segment = segment;
    }

    fn add_points(&mut self, category: u32, points: f64, now: u32) {
        let place = match self.place(category) {
            Some(place) => place,
            // A dislike of a category that is not known would be below zero: nothing to keep.
            None if points <= 0.0 => return,
            None => self.make_room(category, now),
        };
        self.affinities[place].points.add(points, f64::from(f32::MAX), now, AFFINITY_HALF_LIFE_SECONDS);
    }

    fn place(&self, category: u32) -> Option<usize> {
        self.slots().iter().position(|affinity| affinity.category == category)
    }

    /// A place for a category not known so far: a free one, or that of the weakest.
    fn make_room(&mut self, category: u32, now: u32) -> usize {
        let place = if usize::from(self.known) < AFFINITIES {
            self.known += 1;
            usize::from(self.known) - 1
        } else {
            self.weakest(now)
        };
        self.affinities[place] = Affinity { category, points: Fading { value: 0.0, at: now } };
        place
    }

    fn weakest(&self, now: u32) -> usize {
        let points = |place: usize| self.affinities[place].points.value(now, AFFINITY_HALF_LIFE_SECONDS);
        (1..AFFINITIES).fold(0, |least, place| if points(place) < points(least) { place } else { least })
    }

    fn slots(&self) -> &[Affinity] {
        &self.affinities[..usize::from(self.known)]
    }

    /// The segment's number.
    pub fn segment(&self) -> u32 {
        self.segment
    }

    /// How many events this person is known by.
    pub fn events(&self) -> u32 {
        self.events
    }

    /// When the first and the latest event came, to the second; `None` while there was none.
    pub fn seen(&self) -> Option<(Timestamp, Timestamp)> {
        (self.events > 0).then(|| (instant(self.first_seen), instant(self.last_seen)))
    }

    /// How tired of offers this person is, 0 to 100.
    pub fn fatigue(&self, now: Timestamp) -> f64 {
        self.fatigue.value(seconds(now), FATIGUE_HALF_LIFE_SECONDS)
    }

    /// The categories this person has points for, at most eight, and the points that are left of them.
    pub fn affinities(&self, now: Timestamp) -> impl Iterator<Item = (u32, f64)> {
        let now = seconds(now);
        self.slots()
            .iter()
            .map(move |affinity| (affinity.category, affinity.points.value(now, AFFINITY_HALF_LIFE_SECONDS)))
    }

    /// The points left for a category, 0 when it is not known.
    pub fn points(&self, category: u32, now: Timestamp) -> f64 {
        self.affinities(now).find(|(known, _)| *known == category).map_or(0.0, |(_, points)| points)
    }

    /// How relevant a category is to this person, 0 to 100: `100 a / (a + 5)` for `a` points, weakened by the factor
    /// `1 - fatigue / 200`.
    pub fn relevance(&self, category: u32, now: Timestamp) -> f64 {
        relevance(self.points(category, now), self.fatigue(now))
    }
}

/// The relevance of a category with so many points to somebody so tired of offers.
pub fn relevance(points: f64, fatigue: f64) -> f64 {
    100.0 * points / (points + HALF_RELEVANCE_POINTS) * (1.0 - fatigue / 200.0)
}
