//! Reading clients; those who are nobody any more are not there.

use kernel::{ClientId, Email, Limit};
use store::{DbError, RowRef, Tx, params};

use super::{Client, Details};

/// One client.
pub fn client(tx: &mut Tx<'_>, id: ClientId) -> Result<Option<Client>, DbError> {
    tx.query_opt(
        "SELECT id, name, email, phone, address, created_at FROM client WHERE id = $1 AND anonymised_at IS NULL",
        &params![id],
        read,
    )
}

/// A page of clients by id, after one of them; only the one with an address when it is given.
pub fn page(
    tx: &mut Tx<'_>,
    after: ClientId,
    email: Option<&Email>,
    limit: Limit,
) -> Result<Vec<Client>, DbError> {
    let folded = email.map(Email::folded);
    tx.query(
        "SELECT id, name, email, phone, address, created_at FROM client
         WHERE id > $1 AND anonymised_at IS NULL AND ($2 IS NULL OR email_folded = $2) ORDER BY id LIMIT $3",
        &params![after, &folded, limit.probe()],
        read,
    )
}

fn read(row: RowRef<'_>) -> Result<Client, DbError> {
    Ok(Client {
        id: row.get(0)?,
        details: Details {
            name: row.get(1)?,
            email: row.get(2)?,
            phone: row.get_opt(3)?,
            address: row.get_opt(4)?,
        },
        created_at: row.get(5)?,
    })
}
