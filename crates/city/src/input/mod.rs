//! Reading the city's open data.
