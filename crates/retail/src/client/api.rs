//! Clients over HTTP.

use axum::extract::State;
use axum::response::Response;
use kernel::{ClientId, Email, Kind, Page, Problem};
use serde::Deserialize;
use store::Call;
use utoipa::IntoParams;
use utoipa_axum::routes;
use web::{Change, ChangeOnly, Paging, Path, Query, Rejection, Reply, Routes, change};

use super::{Client, ClientError, Details, commands, queries};
use crate::{CATALOGUE, Retail};

/// Another client has the e-mail address.
pub static EMAIL_TAKEN: Kind =
    Kind::new("email-taken", 409, "The e-mail address is taken", "L'adresse de courriel est déjà prise");

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unknown(id) => Self::not_found("client", id),
            ClientError::EmailTaken => Self::new(&EMAIL_TAKEN, error.to_string()),
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new().routes(routes!(list_clients, create_client)).routes(routes!(
        show_client,
        replace_client,
        delete_client
    ))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only the client with this address.
    email: Option<Email>,
}

/// List the clients
#[utoipa::path(get, path = "/clients", tag = "clients", params(ListParams, Paging),
    responses((status = 200, description = "A page of clients by id", body = Page<Client>)))]
async fn list_clients(
    State(retail): State<Retail>,
    Query(params): Query<ListParams>,
    paging: Paging,
) -> Result<axum::Json<Page<Client>>, Rejection> {
    let (after, limit) = (paging.after()?.unwrap_or(ClientId(0)), paging.limit);
    let read = move |tx: &mut store::Tx<'_>| {
        Ok::<_, Problem>(queries::page(tx, after, params.email.as_ref(), limit)?)
    };
    let clients = retail.store().scan(read).await?;
    Ok(axum::Json(Page::cut(clients, limit, |client| client.id)))
}

/// Enter a client
#[utoipa::path(post, path = "/clients", tag = "clients", request_body = Details,
    responses((status = 201, description = "The client, with their id", body = Client),
              (status = 409, description = "The e-mail address is taken")))]
async fn create_client(
    State(retail): State<Retail>,
    Change { body, key }: Change<Details>,
) -> Result<Response, Rejection> {
    let call = Call::new("retail.client.create", CATALOGUE)
        .lock("client.ids", 0)
        .lock("client.email", body.email.folded());
    change(retail.store(), key, call, move |tx, now| {
        let client = commands::create(tx, now, &body)?;
        Ok::<_, store::Failure<ClientError>>(Reply::created(format!("/clients/{}", client.id), &client))
    })
    .await
}

/// Show a client
#[utoipa::path(get, path = "/clients/{id}", tag = "clients", params(("id" = ClientId, Path, description = "The client")),
    responses((status = 200, body = Client), (status = 404, description = "No such client")))]
async fn show_client(
    State(retail): State<Retail>,
    Path(id): Path<ClientId>,
) -> Result<axum::Json<Client>, Rejection> {
    let found = retail.store().read(move |tx| Ok::<_, Problem>(queries::client(tx, id)?)).await?;
    Ok(axum::Json(found.ok_or_else(|| Problem::not_found("client", id))?))
}

/// Replace a client's details
#[utoipa::path(put, path = "/clients/{id}", tag = "clients", request_body = Details,
    params(("id" = ClientId, Path, description = "The client")),
    responses((status = 200, body = Client), (status = 404, description = "No such client"),
              (status = 409, description = "The e-mail address is taken")))]
async fn replace_client(
    State(retail): State<Retail>,
    Path(id): Path<ClientId>,
    Change { body, key }: Change<Details>,
) -> Result<Response, Rejection> {
    let call = Call::new("retail.client.replace", CATALOGUE)
        .lock("client", id)
        .lock("client.email", body.email.folded());
    change(retail.store(), key, call, move |tx, _| {
        Ok::<_, store::Failure<ClientError>>(Reply::ok(&commands::replace(tx, id, &body)?))
    })
    .await
}

/// Delete a client
///
/// Name, addresses and basket go for good; the orders stay, without the person.
#[utoipa::path(delete, path = "/clients/{id}", tag = "clients", params(("id" = ClientId, Path, description = "The client")),
    responses((status = 204, description = "Nobody any more"), (status = 404, description = "No such client")))]
async fn delete_client(
    State(retail): State<Retail>,
    Path(id): Path<ClientId>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    let call = Call::new("retail.client.anonymise", CATALOGUE).lock("client", id).lock("basket", id);
    change(retail.store(), key, call, move |tx, now| {
        commands::anonymise(tx, now, id)?;
        Ok::<_, store::Failure<ClientError>>(Reply::no_content())
    })
    .await
}
