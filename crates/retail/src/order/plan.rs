//! What comes next for an order: pure, decided from what is stored and what the provider says.

use kernel::Timestamp;

use super::{Cancellation, Order, State};
use crate::payment::provider::{Outcome, RefusalReason};

/// What to ask the payment provider next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask for the money.
    Authorise,
    /// Take the money that is held.
    Capture,
    /// Give the payment up: the reservation has run out.
    GiveUp,
    /// Give the money back: the order is being cancelled.
    Refund,
    /// Nothing is left to do.
    Nothing,
}

/// A change of an order's state, each one durable commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// The money is held: `PAYEE`.
    Pay {
        /// The provider's id of the payment.
        reference: String,
    },
    /// The money is taken: `PAYEE` if it was not, then `CONFIRMEE`; the units leave.
    Confirm {
        /// The provider's id of the payment.
        reference: String,
    },
    /// There is no money and will be none: the units are free again, `ANNULEE`.
    Abort {
        /// Why.
        reason: AbortReason,
        /// The provider's id of the payment, if it has one.
        reference: Option<String>,
    },
    /// The money is given back: the units return, `ANNULEE`.
    FinishCancellation,
}

/// Why an order ended without money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AbortReason {
    /// The provider refused; the sentence may be shown.
    Refused {
        /// Why.
        reason: RefusalReason,
        /// For the payer.
        message: String,
    },
    /// The reservation ran out before the money came.
    Expired,
    /// The payment was given up or given back elsewhere.
    PaymentGone,
}

/// What to do with a provider's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Change the order.
    Advance(Transition),
    /// Ask again later: nothing is known yet.
    Later,
}

/// Which call comes next for an order.
pub fn next(order: &Order, now: Timestamp) -> Next {
    match (order.state, order.cancellation) {
        (State::Confirmed, Some(Cancellation::Running)) => Next::Refund,
        (State::Confirmed | State::Cancelled, _) => Next::Nothing,
        (State::Paid, _) => Next::Capture,
        (State::Created | State::StockVerified | State::StockReserved, _) if order.expires_at <= now => {
            Next::GiveUp
        }
        (State::Created | State::StockVerified | State::StockReserved, _) => Next::Authorise,
    }
}

/// What follows from the provider's answer to a call.
///
/// A reservation is given back only on an answer that rules money out; money found captured confirms the order,
/// however late.
pub fn decide(next: Next, outcome: Outcome) -> Decision {
    use Decision::{Advance, Later};
    match (next, outcome) {
        (Next::Nothing, _) | (_, Outcome::Pending) => Later,
        (Next::Refund, outcome) => match outcome {
            Outcome::Refunded { .. } | Outcome::Cancelled { .. } | Outcome::Refused { .. } => {
                Advance(Transition::FinishCancellation)
            }
            Outcome::Captured { .. } | Outcome::Authorised { .. } | Outcome::Unknown | Outcome::Pending => {
                Later
            }
        },
        (_, Outcome::Captured { reference }) => Advance(Transition::Confirm { reference }),
        (Next::Authorise, Outcome::Authorised { reference }) => Advance(Transition::Pay { reference }),
        // A hold that is not taken yet, or no trace: neither is an end.
        (_, Outcome::Authorised { .. } | Outcome::Unknown) => Later,
        (_, Outcome::Refused { reference, reason, message }) => {
            Advance(Transition::Abort { reason: AbortReason::Refused { reason, message }, reference })
        }
        (Next::GiveUp, Outcome::Cancelled { reference }) => {
            Advance(Transition::Abort { reason: AbortReason::Expired, reference })
        }
        (_, Outcome::Cancelled { reference }) => {
            Advance(Transition::Abort { reason: AbortReason::PaymentGone, reference })
        }
        (_, Outcome::Refunded { reference }) => {
            Advance(Transition::Abort { reason: AbortReason::PaymentGone, reference: Some(reference) })
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, OrderId, PlaceId};

    use super::*;

    fn order(state: State, cancellation: Option<Cancellation>) -> Order {
        Order {
            id: OrderId(uuid::Uuid::nil()),
            client_id: None,
            place: PlaceId::CENTRE,
            lines: Vec::new(),
            total: Money::from_minor(100, Currency::EUR),
            state,
            cancellation,
            history: Vec::new(),
            payment_id: None,
            from_basket: false,
            expires_at: Timestamp::from_micros(1_000),
            payment_reference: None,
            provider: None,
        }
    }

    fn reference() -> String {
        "r1".to_owned()
    }

    #[test]
    fn the_stored_state_alone_says_what_comes_next() {
        let (before, after) = (Timestamp::from_micros(999), Timestamp::from_micros(1_000));
        let running = Some(Cancellation::Running);
        for (state, cancellation, now, expected) in [
            (State::StockReserved, None, before, Next::Authorise),
            (State::StockReserved, None, after, Next::GiveUp),
            (State::Paid, None, before, Next::Capture),
            // Money that is held is taken, even when the reservation's time is over.
            (State::Paid, None, after, Next::Capture),
            (State::Confirmed, None, after, Next::Nothing),
            (State::Confirmed, running, before, Next::Refund),
            (State::Cancelled, None, after, Next::Nothing),
        ] {
            assert_eq!(next(&order(state, cancellation), now), expected, "{state:?} {cancellation:?}");
        }
    }

    #[test]
    fn nothing_is_given_back_without_a_fact() {
        for call in [Next::Authorise, Next::Capture, Next::GiveUp, Next::Refund] {
            assert_eq!(decide(call, Outcome::Pending), Decision::Later);
            assert_eq!(decide(call, Outcome::Unknown), Decision::Later, "{call:?}");
        }
    }

    #[test]
    fn captured_money_confirms_however_late() {
        for call in [Next::Authorise, Next::Capture, Next::GiveUp] {
            assert_eq!(
                decide(call, Outcome::Captured { reference: reference() }),
                Decision::Advance(Transition::Confirm { reference: reference() })
            );
        }
        assert_eq!(decide(Next::Refund, Outcome::Captured { reference: reference() }), Decision::Later);
    }

    #[test]
    fn ruled_out_money_aborts() {
        let gone = |reason| Decision::Advance(Transition::Abort { reason, reference: None });
        assert_eq!(decide(Next::GiveUp, Outcome::Cancelled { reference: None }), gone(AbortReason::Expired));
        assert_eq!(
            decide(Next::Authorise, Outcome::Cancelled { reference: None }),
            gone(AbortReason::PaymentGone)
        );
        let refused = Outcome::refused(None, RefusalReason::Limit);
        assert!(matches!(
            decide(Next::Authorise, refused),
            Decision::Advance(Transition::Abort { reason: AbortReason::Refused { .. }, .. })
        ));
    }
}
