//! Licence expressions of packages (SPDX, with the slash that older packages use for OR).

/// Licences whose conditions we can meet by naming the package: permissive ones, and MPL-2.0, which asks only
/// for the sources of the package itself. Alphabetical.
const ACCEPTED: [&str; 16] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether the expression lets us choose accepted licences only; one that cannot be read does not.
pub(super) fn is_accepted(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { rest: &words };
    reader.any_of() == Some(true) && reader.rest.is_empty()
}

/// Reads an expression from left to right; `None` means that it is malformed.
struct Reader<'w> {
    rest: &'w [&'w str],
}

impl<'w> Reader<'w> {
    fn any_of(&mut self) -> Option<bool> {
        let mut accepted = self.all_of()?;
        while self.take("OR") {
            accepted |= self.all_of()?;
        }
        Some(accepted)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut accepted = self.one()?;
        while self.take("AND") {
            accepted &= self.one()?;
        }
        Some(accepted)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let accepted = self.any_of()?;
            return self.take(")").then_some(accepted);
        }
        let name = self.name()?;
        if !self.take("WITH") {
            return Some(ACCEPTED.contains(&name));
        }
        let with_exception = format!("{name} WITH {}", self.name()?);
        Some(ACCEPTED.contains(&with_exception.as_str()))
    }

    fn name(&mut self) -> Option<&'w str> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (!["(", ")", "AND", "OR", "WITH"].contains(first)).then_some(*first)
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.rest.first() == Some(&word);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_accepted_when_one_side_is() {
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "ISC AND (Apache-2.0 OR ISC) AND BSD-3-Clause AND (Apache-2.0 OR ISC OR MIT-0)",
        ] {
            assert!(is_accepted(expression), "{expression}");
        }
    }

    #[test]
    fn a_duty_that_we_do_not_know_is_refused() {
        for expression in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT OR GPL-3.0 AND",
            "(MIT OR Apache-2.0) AND SSPL-1.0",
            "GPL-2.0 WITH Classpath-exception-2.0",
            "Apache-2.0 WITH Unknown-exception",
            "(MIT",
            "MIT)",
            "",
        ] {
            assert!(!is_accepted(expression), "{expression}");
        }
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert!(is_accepted("MIT OR GPL-3.0 AND SSPL-1.0"));
        assert!(!is_accepted("GPL-3.0 OR MIT AND SSPL-1.0"));
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(ACCEPTED.is_sorted());
    }
}
