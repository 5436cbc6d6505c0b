//! The chain's clients. One who is deleted becomes nobody: the orders stay, the person goes.

pub mod api;
pub mod commands;
pub mod queries;

use kernel::{ClientId, Email, Line, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Client)]
pub struct Client {
    /// Their id.
    pub id: ClientId,
    /// What is known of them.
    #[serde(flatten)]
    pub details: Details,
    /// When they were entered.
    #[serde(rename = "cree_le")]
    pub created_at: Timestamp,
}

/// What is said of a client by whoever enters them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DetailsClient, example = json!({"nom": "Claire Martin", "email": "claire.martin@exemple.fr"}))]
pub struct Details {
    /// Their name.
    #[serde(rename = "nom")]
    pub name: Line,
    /// Their e-mail address; no two clients share one.
    pub email: Email,
    /// Their telephone number.
    #[serde(rename = "telephone", skip_serializing_if = "Option::is_none")]
    pub phone: Option<Line>,
    /// Their postal address.
    #[serde(rename = "adresse", skip_serializing_if = "Option::is_none")]
    pub address: Option<Line>,
}

/// Why a client cannot be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No such client, or nobody any more.
    #[error("there is no client {0}")]
    Unknown(ClientId),
    /// Another client has the address; whose it is is not told.
    #[error("a client with this e-mail address exists already")]
    EmailTaken,
}
