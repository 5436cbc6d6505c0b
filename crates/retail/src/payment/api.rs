//! The door for payments that belong to no order here.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{Kind, Money, OrderId, PaymentId, Problem, kinds};
use serde::Deserialize;
use store::{Call, CallError, Failure};
use utoipa::ToSchema;
use utoipa_axum::routes;
use web::{Change, Path, Rejection, Reply, Routes, idempotency};

use super::commands::{NewPayment, PaymentError};
use super::desk::Taken;
use super::{Payment, PaymentState, commands, queries, stripe};
use crate::{PAYMENTS, Retail};

/// The provider said no.
pub static PAYMENT_REFUSED: Kind =
    Kind::new("payment-refused", 402, "The payment was refused", "Le paiement a été refusé");
/// The reference, or the order, already has its payment.
pub static PAYMENT_EXISTS: Kind =
    Kind::new("payment-exists", 409, "There is such a payment already", "Ce paiement existe déjà");

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Unknown(id) => Self::not_found("payment", id),
            PaymentError::UnknownOrder(id) => Self::not_found("order", id),
            PaymentError::OrderHasPayment(_) | PaymentError::ReferenceReused(_) => {
                Self::new(&PAYMENT_EXISTS, error.to_string())
            }
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new().routes(routes!(make_payment)).routes(routes!(show_payment)).routes(routes!(receive_notice))
}

/// A payment to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = NouveauPaiement)]
struct PaymentRequest {
    /// Your own name for it, up to 200 characters: the same reference is the same payment.
    #[schema(value_type = String, example = "facture-2026-001")]
    reference: kernel::Line,
    /// How much, more than zero, in the chain's currency.
    #[serde(rename = "montant")]
    amount: Money,
    /// The order it is for. Orders placed here are paid for by their own saga, so naming one is refused (409).
    #[serde(rename = "commande_id")]
    order_id: Option<OrderId>,
}

/// Make a payment
///
/// Idempotent by `reference`: sent again it answers with the same payment. 202 when the provider has not answered
/// yet; ask for the payment again.
#[utoipa::path(post, path = "/paiement", tag = "paiements", request_body = PaymentRequest,
    responses((status = 201, description = "Captured", body = Payment),
              (status = 202, description = "The provider has not answered yet", body = Payment),
              (status = 402, description = "Refused"),
              (status = 404, description = "No such order"), (status = 409, description = "The reference names another payment")))]
async fn make_payment(
    State(retail): State<Retail>,
    Change { body, key }: Change<PaymentRequest>,
) -> Result<Response, Rejection> {
    let amount = retail.checked_amount("montant", body.amount)?;
    if amount.minor() <= 0 {
        return Err(Problem::invalid("montant.montant", "must be more than zero").into());
    }
    let new = NewPayment {
        id: PaymentId(retail.new_id()),
        reference: body.reference.to_string(),
        amount,
        order_id: body.order_id,
        provider: retail.provider().name(),
        lease_seconds: 30,
    };
    let payment = match retail.desk().take(new, key).await? {
        Taken::Payment(payment) => payment,
        Taken::Claimed(claim) => {
            return Ok(idempotency::settled(claim)?.unwrap_or_else(|| StatusCode::NO_CONTENT.into_response()));
        }
    };
    let location = format!("/paiement/{}", payment.id);
    let reply = match payment.state {
        PaymentState::Intended | PaymentState::Authorised => Reply::json(StatusCode::ACCEPTED, &payment),
        PaymentState::Refused | PaymentState::Cancelled => {
            let detail = payment.reason.clone().unwrap_or_default();
            Reply::problem(&Problem::new(&PAYMENT_REFUSED, detail).with("paiement", &payment))
        }
        PaymentState::Captured | PaymentState::Refunded => Reply::json(StatusCode::CREATED, &payment),
    };
    Ok(reply.at(location).into_response())
}

/// Show a payment
#[utoipa::path(get, path = "/paiement/{id}", tag = "paiements", params(("id" = PaymentId, Path, description = "The payment")),
    responses((status = 200, body = Payment), (status = 404, description = "No such payment")))]
async fn show_payment(
    State(retail): State<Retail>,
    Path(id): Path<PaymentId>,
) -> Result<axum::Json<Payment>, Rejection> {
    let currency = retail.settings().currency;
    let found = retail.store().read(move |tx| Ok::<_, Problem>(queries::payment(tx, currency, id)?)).await?;
    Ok(axum::Json(found.ok_or_else(|| Problem::not_found("payment", id))?))
}

/// Receive a notice from Stripe
///
/// Stripe tells of a payment's change. The signature is checked; the notice itself is only a reason to ask the
/// provider, which then answers with the facts.
#[utoipa::path(post, path = "/paiement/stripe/notifications", tag = "paiements", request_body = serde_json::Value,
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`, HMAC-SHA256 of time and body")),
    responses((status = 204, description = "Received"), (status = 403, description = "The signature is missing or wrong"),
              (status = 404, description = "No webhook secret is configured")))]
async fn receive_notice(
    State(retail): State<Retail>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Rejection> {
    let Some(secret) = &retail.settings().webhook_secret else {
        return Err(Problem::new(&kinds::NOT_FOUND, "no webhook secret is configured").into());
    };
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or("");
    let event = stripe::verify(&body, signature, secret, retail.store().now(), stripe::SIGNATURE_TOLERANCE)
        .map_err(|error| Problem::new(&kinds::FORBIDDEN, error.to_string()))?;
    if let Some(notice) = event.notice {
        let id = notice.payment_id;
        let call = Call::new("retail.payment.noticed", PAYMENTS).lock("payment", id);
        let noticed: Result<(), CallError<PaymentError>> = retail
            .store()
            .run(call, move |tx, now| commands::noticed(tx, now, id).map_err(Failure::Db))
            .await;
        noticed?;
        retail.saga().wake();
    }
    Ok(StatusCode::NO_CONTENT)
}
