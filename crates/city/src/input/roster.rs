//! What all workers know together: the sensors that were met, and what rows said of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::facts::{NOTHING, Sensors};
use super::{Damage, InputError};
use crate::sensor::About;

/// More sensors than this, no city has: Paris counts on 3,400 arcs.
const MOST_SENSORS: usize = 100_000;
/// What is said of sensors may take so many MiB: all arcs of Paris described thirty times over.
const MOST_MIB: usize = 64;
/// What a description takes besides its text, about.
const BESIDE_TEXT: usize = 64;

/// The numbers that all workers know sensors and their descriptions by, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Roster(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<Box<[u8]>, u32>,
    ids: Vec<String>,
    /// By sensor: the descriptions of it, as text, with their numbers among all.
    described: Vec<HashMap<Arc<str>, u32>>,
    /// All descriptions, by number.
    texts: Vec<Arc<str>>,
    bytes: usize,
}

impl Roster {
    /// The number of a sensor.
    pub(super) fn number(&self, id: &[u8]) -> Result<u32, Damage> {
        let mut known = self.known();
        if let Some(number) = known.numbers.get(id) {
            return Ok(*number);
        }
        let full = || Damage::TooManySensors(MOST_SENSORS);
        let number = u32::try_from(known.ids.len()).map_err(|_| full())?;
        if known.ids.len() >= MOST_SENSORS {
            return Err(full());
        }
        known.numbers.insert(id.into(), number);
        known.ids.push(String::from_utf8_lossy(id).into_owned());
        known.described.push(HashMap::new());
        Ok(number)
    }

    /// The number of what a row says of a sensor; [`NOTHING`] when it says nothing.
    pub(super) fn describe(&self, sensor: u32, about: &About) -> Result<u32, InputError> {
        if about.is_empty() {
            return Ok(NOTHING);
        }
        let text: Arc<str> = about.to_text().into();
        let mut known = self.known();
        if let Some(number) = known.described[sensor as usize].get(&text) {
            return Ok(*number);
        }
        let full = || InputError::TooManyDescriptions(MOST_MIB);
        known.bytes += text.len() + BESIDE_TEXT;
        if known.bytes > MOST_MIB << 20 {
            return Err(full());
        }
        let number =
            u32::try_from(known.texts.len()).ok().filter(|number| *number != NOTHING).ok_or_else(full)?;
        known.described[sensor as usize].insert(Arc::clone(&text), number);
        known.texts.push(text);
        Ok(number)
    }

    /// Of two descriptions the one with the greater text.
    pub(super) fn greater(&self, one: u32, other: u32) -> u32 {
        let texts = &self.known().texts;
        if texts[one as usize] < texts[other as usize] { other } else { one }
    }

    /// Everything, by the numbers that were given out.
    pub(super) fn close(self) -> Sensors {
        let Known { ids, described, texts, .. } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut places = vec![0; texts.len()];
        let descriptions = described.into_iter().map(|of_sensor| {
            let mut of_sensor: Vec<(Arc<str>, u32)> = of_sensor.into_iter().collect();
            of_sensor.sort_unstable();
            (0..)
                .zip(of_sensor)
                .map(|(place, (text, number))| {
                    places[number as usize] = place;
                    text
                })
                .collect()
        });
        Sensors { descriptions: descriptions.collect(), ids, places }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn named(name: &str) -> About {
        About { name: name.to_owned(), ..About::default() }
    }

    #[test]
    fn too_many_sensors_are_an_error() {
        let roster = Roster::default();
        for number in 0..MOST_SENSORS {
            roster.number(number.to_string().as_bytes()).unwrap();
        }
        assert!(roster.number(b"7").is_ok());
        assert!(matches!(roster.number(b"one more"), Err(Damage::TooManySensors(MOST_SENSORS))));
    }

    #[test]
    fn descriptions_are_known_again_and_bounded() {
        let roster = Roster::default();
        let (a, b) = (roster.number(b"a").unwrap(), roster.number(b"b").unwrap());
        assert_eq!(roster.describe(a, &About::default()).unwrap(), NOTHING);
        let [z, y] = ["z", "y"].map(|name| roster.describe(a, &named(name)).unwrap());
        assert_eq!(roster.describe(a, &named("z")).unwrap(), z);
        assert_ne!(roster.describe(b, &named("z")).unwrap(), z, "of another sensor");
        assert_eq!((roster.greater(z, y), roster.greater(y, z)), (z, z));
        let long = |number: usize| named(&format!("{number}").repeat(1 << 20));
        let refused = (0..MOST_MIB).map(|number| roster.describe(b, &long(number))).find_map(Result::err);
        let refused = refused.map(|error| error.to_string()).unwrap();
        assert!(refused.contains("names, places or lines") && refused.contains("64 MiB"), "{refused}");
        let sensors = roster.close();
        let texts: Vec<About> =
            sensors.descriptions[a as usize].iter().map(|text| About::of_text(text).unwrap()).collect();
        assert_eq!(texts, [named("y"), named("z")]);
        assert_eq!((sensors.places[z as usize], sensors.places[y as usize]), (1, 0));
    }
}
