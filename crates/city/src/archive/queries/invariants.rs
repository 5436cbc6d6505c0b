//! What must be true of the archive at any moment, checked against the rows themselves.
//!
//! 1. The versions of a day are 1, 2, 3 … without a gap, each published later than the one before.
//! 2. The latest version of a day has as many sensors and hours as its facts.
//! 3. The list of its sensors holds each of them once.
//! 4. What must be true of records, see `record_rules`.
//!
//! Rows above the latest version of a day are none: an import is staging them, or was cut off.

use std::collections::BTreeSet;
use std::fmt;

use kernel::Day;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{DbError, Tx};

use super::super::{Head, answers, count};
use super::{facts, record_rules, version};
use crate::MetricType;

/// Something that is not as it must be in the city's archive.
pub type Violation = kernel::Violation<Rule>;

/// What must be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Rule 1.
    CityVersions,
    /// Rule 2.
    CityFacts,
    /// Rule 3.
    CityList,
    /// Rule 4.
    CityRecords,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CityVersions => "city versions",
            Self::CityFacts => "city facts",
            Self::CityList => "city list",
            Self::CityRecords => "city records",
        })
    }
}

/// Checks all rules over the whole archive.
pub fn check(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let mut violations = versions(tx)?;
    for (kind, day, latest) in latest_versions(tx)? {
        if let Some(found) = version(tx, kind, day, latest)? {
            violations.extend(against_facts(tx, kind, &found.head)?);
            violations.extend(against_list(tx, kind, &found.head)?);
        }
    }
    violations.extend(record_rules::check(tx)?);
    Ok(violations)
}

fn versions(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let gaps = tx.query(
        "SELECT kind, day, COUNT(*), MAX(version) FROM city_day GROUP BY kind, day HAVING COUNT(*) <> MAX(version)",
        &[],
        |row| {
            Ok(Violation {
                rule: Rule::CityVersions,
                subject: format!("{} {}", row.get::<String>(0)?, row.get::<Day>(1)?),
                expected: format!("{} versions", row.get::<i64>(3)?),
                found: row.get::<i64>(2)?.to_string(),
            })
        },
    )?;
    let disorder = tx.query(
        "SELECT l.kind, l.day, l.version FROM city_day e JOIN city_day l ON l.kind = e.kind AND l.day = e.day
         AND l.version = e.version + 1 WHERE l.known_at <= e.known_at",
        &[],
        |row| {
            Ok(Violation {
                rule: Rule::CityVersions,
                subject: format!("{} {}", row.get::<String>(0)?, row.get::<Day>(1)?),
                expected: format!("version {} after the one before it", row.get::<i64>(2)?),
                found: "an earlier instant".to_owned(),
            })
        },
    )?;
    Ok([gaps, disorder].concat())
}

fn latest_versions(tx: &mut Tx<'_>) -> Result<Vec<(MetricType, Day, i64)>, DbError> {
    tx.query(
        "SELECT kind, day, MAX(version) FROM city_day GROUP BY kind, day ORDER BY kind, day",
        &[],
        |row| {
            let kind = row.get::<String>(0)?.parse();
            Ok((kind.map_err(|error| DbError::Decode(format!("{error}")))?, row.get(1)?, row.get(2)?))
        },
    )
}

fn against_facts(tx: &mut Tx<'_>, kind: MetricType, head: &Head) -> Result<Option<Violation>, DbError> {
    let facts = facts(tx, kind, head.day, head.version)?;
    let hours = facts.values().map(|hours| count(hours.len())).sum::<i64>();
    let told = |sensors: i64, hours: i64| format!("{sensors} sensors, {hours} hours");
    let right = (count(facts.len()), hours) == (head.sensors, head.hours);
    Ok((!right).then(|| Violation {
        rule: Rule::CityFacts,
        subject: format!("{kind} {}, version {}", head.day, head.version),
        expected: told(count(facts.len()), hours),
        found: told(head.sensors, head.hours),
    }))
}

fn against_list(tx: &mut Tx<'_>, kind: MetricType, head: &Head) -> Result<Option<Violation>, DbError> {
    let listed: Vec<Box<RawValue>> = answers::list(tx, kind, head)?;
    let distinct = listed.iter().map(|sensor| sensor.get()).collect::<BTreeSet<_>>().len();
    let right = count(listed.len()) == head.sensors && distinct == listed.len();
    Ok((!right).then(|| Violation {
        rule: Rule::CityList,
        subject: format!("{kind} {}, version {}", head.day, head.version),
        expected: format!("{} sensors", head.sensors),
        found: format!("{} in the list, {distinct} of them different", listed.len()),
    }))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use anyhow::{Result, ensure};
    use bytes::Bytes;
    use kernel::SystemIds;
    use store::Failure;
    use web::Drain;

    use super::*;
    use crate::import::Importer;
    use crate::input::{Limits, Source};
    use crate::testing::World;

    const COUNTS: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;\
        Nom du site de comptage;Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
        Lien vers photo du site de comptage;Coordonnées géographiques\n\
        1-1;Compteur;1;Site;12;2026-02-28T08:00:00+01:00;2020-01-01;;48.86,2.35\n\
        2-2;Compteur;2;Site;7;2026-02-28T08:00:00+01:00;2020-01-01;;48.87,2.35\n";

    /// A world with a day of two counters.
    async fn world() -> Result<World> {
        let world = World::sqlite()?;
        let limits = Limits { threads: 1, ..Limits::default() };
        let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), limits);
        let source = Source::Bytes { name: "a.csv".to_owned(), data: Bytes::from_static(COUNTS.as_bytes()) };
        importer.run(MetricType::Bikes, vec![source], Arc::new(())).await?;
        Ok(world)
    }

    /// The rules that are broken once a statement has been run.
    async fn broken_by(sql: &'static str) -> Result<Vec<Rule>> {
        let world = world().await?;
        let done = world.run(move |tx, _| tx.execute(sql, &[]).map_err(Failure::<Infallible>::Db)).await;
        ensure!(done.is_ok(), "{sql}");
        Ok(world.read(check).await?.into_iter().map(|violation| violation.rule).collect())
    }

    #[tokio::test]
    async fn what_an_import_leaves_adds_up() -> Result<()> {
        assert_eq!(world().await?.read(check).await?, []);
        Ok(())
    }

    #[tokio::test]
    async fn whatever_is_changed_behind_its_back_is_found() -> Result<()> {
        for (sql, broken) in [
            ("UPDATE city_day SET hours = hours + 1", vec![Rule::CityFacts]),
            ("DELETE FROM city_block", vec![Rule::CityFacts]),
            ("DELETE FROM city_page", vec![Rule::CityList]),
            ("UPDATE city_day SET version = 2", vec![Rule::CityVersions]),
            (
                "INSERT INTO city_edition (kind, number, known_at, import_id, changed)
                 SELECT 'chantiers', version + 1, known_at, import_id, 0 FROM city_day",
                vec![Rule::CityRecords],
            ),
            (
                "INSERT INTO city_record (kind, id, since, until, from_day, to_day, told, body)
                 SELECT 'chantiers', 'CP1', version, version, day, day, FALSE, '{}' FROM city_day",
                vec![Rule::CityRecords],
            ),
        ] {
            assert_eq!(broken_by(sql).await?, broken, "{sql}");
        }
        Ok(())
    }
}
