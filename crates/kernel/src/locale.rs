//! The languages people are answered in.

/// A language of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// English, the default.
    #[default]
    En,
    /// French.
    Fr,
}

impl Locale {
    /// The language an `Accept-Language` header prefers (RFC 9110, 12.5.4) among ours.
    pub fn negotiate(accept_language: &str) -> Self {
        let mut best = (0.0_f32, Self::En);
        for entry in accept_language.split(',') {
            let mut parts = entry.trim().split(';');
            let tag = parts.next().unwrap_or("").trim();
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            let primary = tag.split('-').next().unwrap_or("");
            let locale = if primary.eq_ignore_ascii_case("fr") {
                Self::Fr
            } else if primary.eq_ignore_ascii_case("en") {
                Self::En
            } else {
                continue;
            };
            if quality > best.0 {
                best = (quality, locale);
            }
        }
        best.1
    }

    /// The BCP 47 tag, `en` or `fr`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_known_language_wins() {
        for (header, expected) in [
            ("", Locale::En),
            ("fr", Locale::Fr),
            ("fr-CA, en;q=0.8", Locale::Fr),
            ("de, en;q=0.3, fr;q=0.7", Locale::Fr),
            ("fr;q=0.2, en-GB", Locale::En),
            ("fr;q=zz, de", Locale::En),
        ] {
            assert_eq!(Locale::negotiate(header), expected, "{header}");
        }
    }
}
