//! What is known of a counter or an arc, from many imports.

use serde::{Deserialize, Serialize};

use crate::sensor::{About, Node, Point};

/// A value and the hour (since 1970, UTC) of the reading that it came with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Dated<T> {
    at: i64,
    value: T,
}

/// What is known of a sensor: of each attribute the one that came with the latest reading, so that it does not matter
/// in which order files are loaded. Of two that came with the same hour the one loaded later stays. A row without an
/// attribute does not take it away.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Attributes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Dated<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    point: Option<Dated<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<Dated<Vec<Point>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upstream: Option<Dated<Node>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    downstream: Option<Dated<Node>>,
}

impl Attributes {
    /// Takes in what an import says, whose latest reading of the sensor is of the hour `at`.
    pub fn learn(&mut self, at: i64, about: About) {
        let About { name, point, line, upstream, downstream } = about;
        newer(&mut self.name, at, Some(name).filter(|name| !name.is_empty()));
        newer(&mut self.point, at, point);
        newer(&mut self.line, at, Some(line).filter(|line| !line.is_empty()));
        newer(&mut self.upstream, at, upstream);
        newer(&mut self.downstream, at, downstream);
    }

    /// What is known now.
    pub fn about(&self) -> About {
        About {
            name: value(self.name.as_ref()).unwrap_or_default(),
            point: value(self.point.as_ref()),
            line: value(self.line.as_ref()).unwrap_or_default(),
            upstream: value(self.upstream.as_ref()),
            downstream: value(self.downstream.as_ref()),
        }
    }
}

fn value<T: Clone>(known: Option<&Dated<T>>) -> Option<T> {
    known.map(|known| known.value.clone())
}

fn newer<T>(known: &mut Option<Dated<T>>, at: i64, value: Option<T>) {
    if let Some(value) = value
        && known.as_ref().is_none_or(|known| known.at <= at)
    {
        *known = Some(Dated { at, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str, lon: Option<f64>) -> About {
        About { name: name.to_owned(), point: lon.map(|lon| Point { lon, lat: 48.8 }), ..About::default() }
    }

    #[test]
    fn the_latest_hour_says_whatever_the_order() {
        let said =
            [(10, about("old", Some(2.1))), (30, about("new", None)), (20, about("middle", Some(2.2)))];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut known = Attributes::default();
            for index in order {
                let (at, about) = said[index].clone();
                known.learn(at, about);
            }
            assert_eq!(known.about(), about("new", Some(2.2)), "{order:?}");
        }
    }

    #[test]
    fn of_one_hour_the_later_import_says() {
        let mut known = Attributes::default();
        known.learn(10, about("first", Some(2.1)));
        known.learn(10, about("second", None));
        assert_eq!(known.about(), about("second", Some(2.1)));
    }
}
