//! The facts and the metrics of every day, in numbered versions.
