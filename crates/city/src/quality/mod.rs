//! What is wrong with a day's facts.
