//! Changing clients. Whoever gives a client an address has declared its folded form in the space `client.email`.

use kernel::{ClientId, Email, Timestamp};
use serde_json::json;
use store::{Failure, Tx, params};

use super::{Client, ClientError, Details, queries};
use crate::SOURCE;

/// A client has been entered.
pub const CLIENT_CREATED: &str = "halles.client.created";
/// A client's details have changed.
pub const CLIENT_CHANGED: &str = "halles.client.changed";
/// A client is nobody any more.
pub const CLIENT_ANONYMISED: &str = "halles.client.anonymised";

/// Enters a client. The caller has declared `client.ids` and the address.
pub fn create(tx: &mut Tx<'_>, now: Timestamp, details: &Details) -> Result<Client, Failure<ClientError>> {
    check_email(tx, &details.email, None)?;
    let id: ClientId = tx.query_one("SELECT COALESCE(MAX(id), 0) + 1 FROM client", &[], |row| row.get(0))?;
    tx.execute(
        "INSERT INTO client (id, name, email, email_folded, phone, address, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![id, &details.name, &details.email, &details.email.folded(), &details.phone, &details.address, now],
    )?;
    // Events are kept and relayed: they name the client, never the person.
    tx.emit(CLIENT_CREATED, SOURCE, id.to_string(), &json!({"client_id": id}));
    Ok(Client { id, details: details.clone(), created_at: now })
}

/// Replaces a client's details. The caller has declared the client and the address.
pub fn replace(tx: &mut Tx<'_>, id: ClientId, details: &Details) -> Result<Client, Failure<ClientError>> {
    let before = queries::client(tx, id)?.ok_or(Failure::Refused(ClientError::Unknown(id)))?;
    check_email(tx, &details.email, Some(id))?;
    tx.execute(
        "UPDATE client SET name = $2, email = $3, email_folded = $4, phone = $5, address = $6 WHERE id = $1",
        &params![
            id,
            &details.name,
            &details.email,
            &details.email.folded(),
            &details.phone,
            &details.address
        ],
    )?;
    tx.emit(CLIENT_CHANGED, SOURCE, id.to_string(), &json!({"client_id": id}));
    Ok(Client { details: details.clone(), ..before })
}

/// Makes a client nobody: name, addresses and basket go, orders stay. The caller has declared the client and the
/// basket.
pub fn anonymise(tx: &mut Tx<'_>, now: Timestamp, id: ClientId) -> Result<(), Failure<ClientError>> {
    let changed = tx.execute(
        "UPDATE client SET name = '', email = NULL, email_folded = NULL, phone = NULL, address = NULL, anonymised_at = $2
         WHERE id = $1 AND anonymised_at IS NULL",
        &params![id, now],
    )?;
    if changed == 0 {
        return Err(Failure::Refused(ClientError::Unknown(id)));
    }
    tx.execute("DELETE FROM basket_line WHERE client_id = $1", &params![id])?;
    tx.emit(CLIENT_ANONYMISED, SOURCE, id.to_string(), &json!({"client_id": id}));
    Ok(())
}

fn check_email(tx: &mut Tx<'_>, email: &Email, own: Option<ClientId>) -> Result<(), Failure<ClientError>> {
    let holder: Option<ClientId> =
        tx.query_opt("SELECT id FROM client WHERE email_folded = $1", &params![&email.folded()], |row| {
            row.get(0)
        })?;
    if holder.is_some() && holder != own { Err(Failure::Refused(ClientError::EmailTaken)) } else { Ok(()) }
}
