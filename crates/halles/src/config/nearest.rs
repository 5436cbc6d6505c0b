//! What somebody probably meant.

use super::KEYS;

/// The known key nearest to what was written; a right last part in a wrong group counts as near.
pub(super) fn key(written: &str) -> &'static str {
    let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
    let distance = |name: &&'static str| {
        let misplaced = last(written) == last(name);
        if misplaced { 1 } else { strsim::damerau_levenshtein(written, name) }
    };
    KEYS.iter().map(|key| key.name).min_by_key(distance).unwrap_or_default()
}

/// The known variable nearest to what was written.
pub(super) fn variable(written: &str) -> &'static str {
    let names = KEYS.iter().map(|key| key.env).chain([super::FILE_VARIABLE]);
    names.min_by_key(|name| strsim::damerau_levenshtein(written, name)).unwrap_or_default()
}
