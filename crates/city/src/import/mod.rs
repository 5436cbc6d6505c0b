//! From a source to published days.
