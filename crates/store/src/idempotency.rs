//! What was answered under an idempotency key, kept in the transaction of the effect itself.

use kernel::Timestamp;

use crate::command::Locks;
use crate::{DbError, Tx, params};

/// How long a key is kept, seconds.
pub const KEPT_SECONDS: i64 = 24 * 3600;

/// A request that may be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Who calls: keys of two callers never meet.
    pub caller: String,
    /// The caller's key.
    pub key: String,
    /// Method and path, `POST /clients`.
    pub route: String,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
}

impl Key {
    /// Declares the key's row.
    pub fn declare(&self, locks: &mut Locks) {
        locks.key("idempotency", (&self.caller, &self.key));
    }
}

/// An answer that was given and may be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; empty for none.
    pub body: String,
    /// The `Location` header.
    pub location: Option<String>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: the row is now there, and the work may be done.
    New,
    /// The work was done and answered so.
    Replay(Answer),
    /// The work is not finished.
    Running,
    /// The key was used with another request.
    Reused,
}

/// Claims a key for this transaction's work. A key older than [`KEPT_SECONDS`] counts as new.
pub fn claim(tx: &mut Tx<'_>, now: Timestamp, key: &Key) -> Result<Claim, DbError> {
    Ok(claim_each(tx, now, &[key])?.pop().unwrap_or(Claim::New))
}

/// Claims many keys at once, in order.
pub fn claim_each(tx: &mut Tx<'_>, now: Timestamp, keys: &[&Key]) -> Result<Vec<Claim>, DbError> {
    let mut claims = vec![Claim::New; keys.len()];
    let found = tx.query_each(
        "SELECT route, body_hash, status, body, location, at FROM idempotency WHERE caller = $1 AND idempotency_key = $2",
        keys.iter().map(|key| params![&key.caller, &key.key]),
        |index, row| {
            let answer = row.get_opt::<i64>(2)?.map(|status| (status, row.get_opt::<String>(3), row.get_opt::<String>(4)));
            Ok((index, row.get::<String>(0)?, row.get::<Vec<u8>>(1)?, answer, row.get::<Timestamp>(5)?))
        },
    )?;
    let mut stale = Vec::new();
    for (index, route, body_hash, answer, at) in found {
        if at.plus_seconds(KEPT_SECONDS) < now && answer.is_some() {
            stale.push(keys[index]);
            continue;
        }
        claims[index] = match answer {
            _ if route != keys[index].route || body_hash != keys[index].body_hash => Claim::Reused,
            None => Claim::Running,
            Some((status, body, location)) => Claim::Replay(Answer {
                status: u16::try_from(status).map_err(|error| DbError::Decode(error.to_string()))?,
                body: body?.unwrap_or_default(),
                location: location?,
            }),
        };
    }
    tx.execute_each(
        "DELETE FROM idempotency WHERE caller = $1 AND idempotency_key = $2",
        stale.iter().map(|key| params![&key.caller, &key.key]),
    )?;
    // The same key twice in one slice: only its first bearer may work.
    let mut seen: std::collections::HashMap<(&str, &str), usize> = std::collections::HashMap::new();
    let mut fresh = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        if claims[index] != Claim::New {
            continue;
        }
        match seen.get(&(key.caller.as_str(), key.key.as_str())) {
            Some(&first) if keys[first] == *key => claims[index] = Claim::Running,
            Some(_) => claims[index] = Claim::Reused,
            None => {
                seen.insert((&key.caller, &key.key), index);
                fresh.push(*key);
            }
        }
    }
    tx.execute_each(
        "INSERT INTO idempotency (caller, idempotency_key, route, body_hash, at) VALUES ($1, $2, $3, $4, $5)",
        fresh.iter().map(|key| params![&key.caller, &key.key, &key.route, &key.body_hash, now]),
    )?;
    Ok(claims)
}

/// Stores the answer of a claimed key, in the transaction of the work's last effect.
pub fn complete(tx: &mut Tx<'_>, key: &Key, answer: &Answer) -> Result<(), DbError> {
    complete_named(tx, &key.caller, &key.key, answer)
}

/// As [`complete`], for work that was begun elsewhere and remembers only whose key it was.
pub fn complete_named(tx: &mut Tx<'_>, caller: &str, key: &str, answer: &Answer) -> Result<(), DbError> {
    tx.execute(
        "UPDATE idempotency SET status = $3, body = $4, location = $5 WHERE caller = $1 AND idempotency_key = $2",
        &params![caller, key, i64::from(answer.status), &answer.body, &answer.location],
    )?;
    Ok(())
}

/// Gives a claimed key back: the work was refused without a trace.
pub fn release(tx: &mut Tx<'_>, key: &Key) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM idempotency WHERE caller = $1 AND idempotency_key = $2",
        &params![&key.caller, &key.key],
    )?;
    Ok(())
}

/// Deletes up to `limit` of the oldest finished keys from before an instant; returns how many went.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    tx.execute(
        "DELETE FROM idempotency WHERE (caller, idempotency_key) IN
           (SELECT caller, idempotency_key FROM idempotency WHERE at < $1 AND status IS NOT NULL ORDER BY at LIMIT $2)",
        &params![before, limit],
    )
}
