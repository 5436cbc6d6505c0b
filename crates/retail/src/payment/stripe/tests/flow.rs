//! Payments when the line is good.

use kernel::Money;

use super::super::double::{AUTHENTICATES, DECLINED, Endpoint, INSUFFICIENT, SLOW};
use super::super::{API_VERSION, PaymentMethods};
use super::{Shop, authorised, cancelled, captured, charge, known, refunded};
use crate::payment::provider::{Outcome, PaymentProvider, ProviderError, RefusalReason};

const FIRST: &str = "pi_double_1";

#[tokio::test]
async fn a_payment_is_held_taken_and_given_back_once_however_often_it_is_asked() {
    let shop = Shop::open().await;
    let charge = charge(1);
    for _ in 0..3 {
        assert_eq!(shop.stripe.authorize(&charge).await, authorised(FIRST));
    }
    let charge = known(&charge, &authorised(FIRST).unwrap());
    assert_eq!(shop.stripe.authorize(&charge).await, authorised(FIRST));
    assert_eq!(shop.double.ledger().held(charge.payment_id), 3500);
    for _ in 0..3 {
        assert_eq!(shop.stripe.capture(&charge).await, captured(FIRST));
    }
    assert_eq!(shop.double.ledger().kept(charge.payment_id), 3500);
    assert_eq!(shop.stripe.cancel(&charge).await, captured(FIRST), "too late to cancel");
    for _ in 0..3 {
        assert_eq!(shop.stripe.refund(&charge).await, refunded(FIRST));
    }
    assert_eq!(shop.stripe.capture(&charge).await, refunded(FIRST));
    assert_eq!(shop.stripe.find(&charge).await, refunded(FIRST));
    let ledger = shop.double.ledger();
    assert_eq!((ledger.charges(charge.payment_id), ledger.kept(charge.payment_id)), (1, 0));
}

#[tokio::test]
async fn a_held_payment_can_be_given_up() {
    let shop = Shop::open().await;
    let charge = known(&charge(1), &shop.stripe.authorize(&charge(1)).await.unwrap());
    assert_eq!(shop.stripe.refund(&charge).await, authorised(FIRST), "there is nothing to refund yet");
    for _ in 0..2 {
        assert_eq!(shop.stripe.cancel(&charge).await, cancelled(FIRST));
    }
    assert_eq!(shop.stripe.capture(&charge).await, cancelled(FIRST));
    assert_eq!(shop.stripe.authorize(&charge).await, cancelled(FIRST));
    assert_eq!(shop.double.ledger().held(charge.payment_id), 0);
}

#[tokio::test]
async fn refusals_have_a_reason_and_stay() {
    for (method, reason) in [
        (DECLINED, RefusalReason::Declined),
        (INSUFFICIENT, RefusalReason::Limit),
        (AUTHENTICATES, RefusalReason::ActionRequired),
    ] {
        let shop = Shop::paying_with(method).await;
        let refused = Ok(Outcome::refused(Some(FIRST.to_owned()), reason));
        assert_eq!(shop.stripe.authorize(&charge(1)).await, refused, "{method}");
        assert_eq!(shop.stripe.authorize(&charge(1)).await, refused, "{method}, again");
        assert_eq!(shop.stripe.cancel(&charge(1)).await, refused, "{method}, given up");
        assert_eq!(shop.stripe.capture(&charge(1)).await, refused, "{method}, captured");
        assert_eq!(shop.double.ledger().charges(charge(1).payment_id), 0);
    }
}

#[tokio::test]
async fn an_amount_that_cannot_be_charged_is_refused() {
    let shop = Shop::open().await;
    let refused = Ok(Outcome::refused(None, RefusalReason::Other));
    let mut cents = charge(1);
    cents.amount = Money::from_minor(10, cents.amount.currency());
    assert_eq!(shop.stripe.authorize(&cents).await, refused, "below Stripe's minimum");
    let mut dinars = charge(2);
    dinars.amount = Money::parse("5.124", "KWD".parse().unwrap()).unwrap();
    assert_eq!(shop.stripe.authorize(&dinars).await, refused, "finer than Stripe counts");
    assert_eq!(shop.double.ledger().entries, []);
}

#[tokio::test]
async fn a_slow_payment_is_pending() {
    let shop = Shop::paying_with(SLOW).await;
    assert_eq!(shop.stripe.authorize(&charge(1)).await, Ok(Outcome::Pending));
    assert_eq!(shop.stripe.cancel(&charge(1)).await, Ok(Outcome::Pending), "it may still succeed");
    assert_eq!(shop.stripe.find(&charge(1)).await, Ok(Outcome::Pending));
}

#[tokio::test]
async fn find_only_reads() {
    let shop = Shop::open().await;
    assert_eq!(shop.stripe.find(&charge(1)).await, Ok(Outcome::Unknown));
    assert_eq!(shop.stripe.capture(&charge(1)).await, Ok(Outcome::Unknown));
    assert_eq!(shop.stripe.refund(&charge(1)).await, Ok(Outcome::Unknown));
    assert_eq!(shop.double.ledger().entries, []);
    shop.stripe.authorize(&charge(1)).await.unwrap();
    assert_eq!(shop.stripe.find(&charge(1)).await, authorised(FIRST));
}

/// Medusa 15527: a compensation refunded the payment of another run.
#[tokio::test]
async fn a_reference_of_another_payment_is_found_out_before_money_moves() {
    let shop = Shop::open().await;
    let theirs = known(&charge(1), &shop.stripe.authorize(&charge(1)).await.unwrap());
    shop.stripe.capture(&theirs).await.unwrap();
    shop.stripe.authorize(&charge(2)).await.unwrap();
    let before = shop.double.ledger();
    let mixed_up = known(&charge(2), &captured(FIRST).unwrap());
    for outcome in [
        shop.stripe.authorize(&mixed_up).await,
        shop.stripe.capture(&mixed_up).await,
        shop.stripe.cancel(&mixed_up).await,
        shop.stripe.refund(&mixed_up).await,
        shop.stripe.find(&mixed_up).await,
    ] {
        assert!(matches!(outcome, Err(ProviderError::Unexpected(_))), "{outcome:?}");
    }
    assert_eq!(shop.double.ledger(), before);
}

#[tokio::test]
async fn a_reference_that_stripe_does_not_know_is_a_wrong_account_not_an_absent_payment() {
    let shop = Shop::open().await;
    let elsewhere = known(&charge(1), &captured("pi_of_another_account").unwrap());
    for outcome in [shop.stripe.find(&elsewhere).await, shop.stripe.authorize(&elsewhere).await] {
        assert!(matches!(outcome, Err(ProviderError::Misconfigured(_))), "{outcome:?}");
    }
    assert_eq!(shop.double.ledger().entries, []);
}

/// Medusa 13301: the same payment was captured twice.
#[tokio::test]
async fn captures_that_overlap_take_the_money_once() {
    let shop = Shop::open().await;
    let charge = known(&charge(1), &shop.stripe.authorize(&charge(1)).await.unwrap());
    let (a, b, c, d) = tokio::join!(
        shop.stripe.capture(&charge),
        shop.stripe.capture(&charge),
        shop.stripe.capture(&charge),
        shop.stripe.capture(&charge),
    );
    for outcome in [a, b, c, d] {
        assert_eq!(outcome, captured(FIRST));
    }
    assert_eq!(shop.double.ledger().kept(charge.payment_id), 3500);
}

#[tokio::test]
async fn captures_and_cancellations_that_overlap_agree_on_the_end() {
    for number in 1..20 {
        let shop = Shop::open().await;
        let charge = known(&charge(number), &shop.stripe.authorize(&charge(number)).await.unwrap());
        let (capture, cancel) = tokio::join!(shop.stripe.capture(&charge), shop.stripe.cancel(&charge));
        assert_eq!(capture, cancel);
        let kept = shop.double.ledger().kept(charge.payment_id);
        assert_eq!(kept, if capture == captured(FIRST) { 3500 } else { 0 });
    }
}

#[tokio::test]
async fn a_refund_that_failed_can_be_made_again() {
    let shop = Shop::open().await;
    let charge = known(&charge(1), &shop.stripe.authorize(&charge(1)).await.unwrap());
    shop.stripe.capture(&charge).await.unwrap();
    assert_eq!(shop.stripe.refund(&charge).await, refunded(FIRST));
    shop.double.fail_refunds_of(charge.payment_id);
    assert_eq!(shop.stripe.find(&charge).await, captured(FIRST));
    assert_eq!(shop.stripe.refund(&charge).await, refunded(FIRST));
    assert_eq!(shop.double.ledger().kept(charge.payment_id), 0);
}

#[tokio::test]
async fn a_creation_says_what_stripe_needs_and_no_more() {
    let shop = Shop::open().await;
    shop.stripe.authorize(&charge(1)).await.unwrap();
    let seen = shop.double.seen();
    let [create] = seen.as_slice() else { panic!("one request expected: {seen:?}") };
    assert_eq!(create.endpoint, Endpoint::Create);
    assert_eq!(create.key.as_deref(), Some("halles-00000000-0000-0000-0000-000000000001-authorize"));
    let header = |name: &str| create.headers.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str());
    assert_eq!(header("stripe-version"), Some(API_VERSION));
    assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
    let expected = [
        ("amount", "3500"),
        ("currency", "eur"),
        ("capture_method", "manual"),
        ("description", "Order 1"),
        ("metadata[payment_id]", "00000000-0000-0000-0000-000000000001"),
        ("metadata[order_id]", "00000000-0000-0000-0000-0000000003e9"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("error_on_requires_action", "true"),
    ];
    assert_eq!(create.params, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn automatic_methods_never_send_the_payer_away() {
    let shop = Shop::with(|settings| settings.methods = PaymentMethods::Automatic).await;
    shop.stripe.authorize(&charge(1)).await.unwrap();
    let params = &shop.double.seen()[0].params;
    let redirects = ("automatic_payment_methods[allow_redirects]".to_owned(), "never".to_owned());
    assert!(params.contains(&redirects), "{params:?}");
    assert!(!params.iter().any(|(name, _)| name == "payment_method_types[]"));
}
