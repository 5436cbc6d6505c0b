//! How to reach Stripe, and as whom.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use telemetry::SecretText;

/// Where Stripe's API lives.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// Which ways of paying a payment accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaymentMethods {
    /// Cards only (`payment_method_types[]=card`).
    #[default]
    Card,
    /// Whatever the dashboard allows, except what sends the payer to another site.
    Automatic,
}

/// How to reach Stripe, and as whom.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// The account's secret or restricted key (`sk_…`, `rk_…`).
    pub secret_key: SecretText,
    /// The payment method to charge, such as `pm_card_visa` in test mode.
    pub payment_method: String,
    /// Which ways of paying a payment accepts.
    pub methods: PaymentMethods,
    /// Where the API lives; `https`, or plain `http` on this machine only.
    pub base_url: String,
    /// How long one operation may take, its retries included.
    pub timeout: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How often a request is repeated within one operation when that is safe and may help.
    pub retries: u32,
    /// The pause before the first repetition; it doubles each time, with jitter.
    pub backoff: Duration,
}

impl StripeSettings {
    /// The defaults: Stripe's own address, cards, 10 s for an operation, 2 repetitions.
    pub fn new(secret_key: SecretText, payment_method: impl Into<String>) -> Self {
        Self {
            secret_key,
            payment_method: payment_method.into(),
            methods: PaymentMethods::Card,
            base_url: STRIPE_API.to_owned(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            retries: 2,
            backoff: Duration::from_millis(250),
        }
    }
}

/// Why a client cannot be made of the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an absolute `http` or `https` URL, or one with a user name, query or fragment.
    #[error("the base URL of Stripe must be plain, such as {STRIPE_API}")]
    BaseUrl,
    /// The secret key would travel in the clear.
    #[error("the base URL of Stripe must use https, except on this machine")]
    Insecure,
    /// Empty, or with characters that a header cannot carry.
    #[error("the secret key of Stripe is empty or malformed")]
    SecretKey,
    /// No payment method to charge.
    #[error("the payment method for Stripe is empty")]
    PaymentMethod,
    /// The machine cannot offer TLS.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

/// The base URL, checked; and whether it is on this machine.
pub(super) fn checked_base(text: &str) -> Result<(Url, bool), SettingsError> {
    let url = Url::parse(text).map_err(|_| SettingsError::BaseUrl)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.host_str().is_some();
    let loopback = is_loopback(&url);
    match url.scheme() {
        _ if !plain => Err(SettingsError::BaseUrl),
        "https" => Ok((url, loopback)),
        "http" if loopback => Ok((url, loopback)),
        "http" => Err(SettingsError::Insecure),
        _ => Err(SettingsError::BaseUrl),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_only_travels_encrypted_or_nowhere() {
        for good in [
            STRIPE_API,
            "https://proxy.example/stripe/",
            "http://127.0.0.1:12111",
            "http://[::1]:1",
            "http://localhost:9",
        ] {
            assert!(checked_base(good).is_ok(), "{good}");
        }
        for insecure in ["http://api.stripe.com", "http://10.0.0.1", "http://127.0.0.1.example"] {
            assert_eq!(checked_base(insecure), Err(SettingsError::Insecure), "{insecure}");
        }
        for bad in ["", "api.stripe.com", "ftp://127.0.0.1", "https://u:p@h", "https://h?x=1", "https://h#x"]
        {
            assert_eq!(checked_base(bad), Err(SettingsError::BaseUrl), "{bad}");
        }
    }

    #[test]
    fn settings_do_not_print_the_key() {
        let settings = StripeSettings::new(SecretText::new("sk_live_secret".to_owned()), "pm_card_visa");
        assert!(!format!("{settings:?}").contains("sk_live_secret"));
    }
}
