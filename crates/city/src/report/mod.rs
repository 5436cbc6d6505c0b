//! A day on one page.
