//! A day's metrics, worked out from its facts.
