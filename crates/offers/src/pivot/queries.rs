//! Reading pivots.

#[cfg(test)]
mod scenarios;

use std::collections::BTreeMap;

use kernel::Timestamp;
use store::{DbError, RowRef, Tx, params};

use super::{BONUS, Open, Pivot, Scene};
use crate::names::{Category, OfferId};
use crate::offer::Status;
use crate::offer::queries::{parsed, priority};

/// Up to `limit` of the pivots in force, by the offer that ran out, after one of them.
pub fn page(tx: &mut Tx<'_>, after: Option<&OfferId>, limit: i64) -> Result<Vec<Pivot>, DbError> {
    tx.query(
        "SELECT from_offer, to_offer, category, since FROM offer_pivot WHERE from_offer > $1
         ORDER BY from_offer LIMIT $2",
        &params![after.map_or("", OfferId::as_str), limit],
        |row| {
            Ok(Pivot {
                from: row.get(0)?,
                to: row.get_opt(1)?,
                category: row.get(2)?,
                since: row.get(3)?,
                bonus: BONUS,
            })
        },
    )
}

/// Some categories as far as pivots go.
pub(super) fn scenes<'c>(
    tx: &mut Tx<'_>,
    now: Timestamp,
    categories: &[&'c Category],
) -> Result<BTreeMap<&'c Category, Scene>, DbError> {
    let mut scenes: BTreeMap<&Category, Scene> =
        categories.iter().map(|category| (*category, Scene::default())).collect();
    for (category, offer) in out(tx, now, categories)? {
        scenes.entry(category).or_default().out.push(offer);
    }
    for (category, open) in open(tx, now, categories)? {
        scenes.entry(category).or_default().open.push(open);
    }
    let best = tx.query_each(
        "SELECT id, priority FROM offer
         WHERE category = $1 AND status = 'ACTIVE' AND NOT deleted AND inventory_effective > 0
           AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY priority DESC, id LIMIT 1",
        categories.iter().map(|category| params![*category, now]),
        |index, row| Ok((categories[index], (row.get(0)?, priority(row.get(1)?)?))),
    )?;
    for (category, best) in best {
        scenes.entry(category).or_default().best = Some(best);
    }
    Ok(scenes)
}

/// The offers of some categories that ran out and could be shown otherwise.
fn out<'c>(
    tx: &mut Tx<'_>,
    now: Timestamp,
    categories: &[&'c Category],
) -> Result<Vec<(&'c Category, OfferId)>, DbError> {
    tx.query_each(
        "SELECT id FROM offer
         WHERE category = $1 AND out_since IS NOT NULL AND status = 'ACTIVE' AND NOT deleted
           AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY id",
        categories.iter().map(|category| params![*category, now]),
        |index, row| Ok((categories[index], row.get(0)?)),
    )
}

/// The pivots of some categories.
fn open<'c>(
    tx: &mut Tx<'_>,
    now: Timestamp,
    categories: &[&'c Category],
) -> Result<Vec<(&'c Category, Open)>, DbError> {
    tx.query_each(
        "SELECT p.from_offer AS source,
                f.category AS f_category, f.status AS f_status, f.deleted AS f_deleted, f.inventory_effective AS f_units,
                f.expires_at AS f_end,
                t.category AS t_category, t.status AS t_status, t.deleted AS t_deleted, t.inventory_effective AS t_units,
                t.expires_at AS t_end, p.to_offer AS target
         FROM offer_pivot p JOIN offer f ON f.id = p.from_offer LEFT JOIN offer t ON t.id = p.to_offer
         WHERE p.category = $1 ORDER BY p.from_offer",
        categories.iter().map(|category| params![*category]),
        |index, row| {
            let category = categories[index];
            let to = match row.get_opt::<OfferId>(11)? {
                Some(target) => Some((target, is_eligible(row, 6, category, now)?)),
                None => None,
            };
            Ok((category, Open { from: row.get(0)?, to, restocked: is_eligible(row, 1, category, now)? }))
        },
    )
}

/// Whether an offer, of which five columns were read from `first` on, may get traffic of a category.
fn is_eligible(row: RowRef<'_>, first: usize, category: &Category, now: Timestamp) -> Result<bool, DbError> {
    let is_there = row.get::<Category>(first)? == *category && !row.get::<bool>(first + 2)?;
    let is_active = parsed::<Status>(&row.get::<String>(first + 1)?)? == Status::Active;
    let in_stock = row.get::<i64>(first + 3)? > 0;
    let in_time = row.get_opt::<Timestamp>(first + 4)?.is_none_or(|end| now < end);
    Ok(is_there && is_active && in_stock && in_time)
}
