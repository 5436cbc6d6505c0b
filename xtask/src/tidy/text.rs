//! Rules about what the files say.

use super::Finding;
use super::tree::Tree;

/// The file that must name what it forbids.
const THIS_FILE: &str = "xtask/src/tidy/text.rs";

/// Macros and notes that stand for work not done.
const LEFTOVER_MACROS: [&str; 2] = ["todo!(", "unimplemented!("];
const LEFTOVER_NOTES: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Attributes that silence something without saying until when.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("#[allow(", "use `#[expect(…, reason = \"…\")]`, which fails when it is no longer needed"),
    ("#![allow(", "use `#![expect(…, reason = \"…\")]`, which fails when it is no longer needed"),
    ("#[ignore", "run the test or remove it"),
];

/// Where developers' machines keep things.
const FOREIGN_PATHS: [&str; 2] = ["/Users/", "/home/"];

/// Calls that hand SQL over, on a transaction or a snapshot.
const SQL_CALLS: [&str; 7] = [
    "tx.query(",
    "tx.execute(",
    ".query_opt(",
    ".query_one(",
    ".query_each(",
    ".execute_each(",
    ".execute_each_once(",
];

/// Where SQL lives in a crate: files of these names, or folders of modules split further.
const SQL_ROOMS: [&str; 2] = ["commands", "queries"];
/// Crates whose subject is SQL, and the tools that look at databases from outside.
const SQL_FOLDERS: [&str; 4] = ["crates/store/", "crates/testkit/", "tests/", "xtask/"];

/// Nothing is left for later without an issue.
pub(super) fn leftovers(tree: &Tree) -> Vec<Finding> {
    find(tree.texts(), |_, line| {
        let in_macros = LEFTOVER_MACROS.into_iter().filter(|word| line.contains(word));
        let in_notes = LEFTOVER_NOTES.into_iter().filter(|word| contains_word(line, word));
        let found = in_macros.chain(in_notes).next()?;
        Some(format!("`{found}`: finish it, or open an issue and remove the note"))
    })
}

/// Lints are silenced only with a reason and as long as needed, and all tests run.
///
/// A module that several test programs share is whole in none of them: it may allow dead code.
pub(super) fn exceptions(tree: &Tree) -> Vec<Finding> {
    find(tree.sources(), |path, line| {
        if line.starts_with("#![allow(dead_code, reason = ")
            && path.contains("/tests/")
            && path.ends_with("/mod.rs")
        {
            return None;
        }
        let (attribute, remedy) = EXCEPTIONS.into_iter().find(|(attribute, _)| line.contains(attribute))?;
        Some(format!("`{attribute}`: {remedy}"))
    })
}

/// No file speaks of somebody's machine.
pub(super) fn foreign_paths(tree: &Tree) -> Vec<Finding> {
    find(tree.texts(), |_, line| {
        let found = FOREIGN_PATHS.into_iter().find(|path| contains_path(line, path))?;
        Some(format!("`{found}…` exists on one machine only: use a relative path or a temporary folder"))
    })
}

/// SQL lives in few places, where it can be reviewed; tests may look at tables as they like.
pub(super) fn sql(tree: &Tree) -> Vec<Finding> {
    let elsewhere = tree.sources().filter(|(path, _)| !may_hold_sql(path)).map(|(path, text)| {
        let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        (path, &text[..tests])
    });
    find(elsewhere, |_, line| {
        let call = SQL_CALLS.into_iter().find(|call| line.contains(call))?;
        Some(format!("`{call}…)`: SQL belongs into this noun's commands.rs or queries.rs"))
    })
}

fn may_hold_sql(path: &str) -> bool {
    let is_room = |part: &str| {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        SQL_ROOMS.contains(&name) || name == "tests"
    };
    SQL_FOLDERS.iter().any(|folder| path.starts_with(folder)) || path.split('/').any(is_room)
}

/// The lines that `judge` finds fault with.
fn find<'t>(
    texts: impl Iterator<Item = (&'t str, &'t str)>,
    judge: impl Fn(&str, &str) -> Option<String>,
) -> Vec<Finding> {
    let lines = texts
        .filter(|(path, _)| *path != THIS_FILE)
        .flat_map(|(path, text)| (1..).zip(text.lines()).map(move |(number, line)| (path, number, line)));
    let findings = lines.filter_map(|(path, number, line)| {
        judge(path, line).map(|message| Finding::new(format!("{path}:{number}"), message))
    });
    findings.collect()
}

/// Whether the word stands there as a note: neither part of a name nor, like the currency code `"XXX"`, a value.
fn contains_word(line: &str, word: &str) -> bool {
    let is_part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !before.ends_with(is_part_of_word) && !after.starts_with(is_part_of_word)
    })
}

/// Whether an absolute path starts so: the path of an address or a relative path does not count.
fn contains_path(line: &str, path: &str) -> bool {
    let goes_on = |letter: char| letter.is_alphanumeric() || "._-~/}*".contains(letter);
    line.match_indices(path).any(|(start, _)| !line[..start].ends_with(goes_on))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn leftovers_are_whole_words() {
        let tree = Tree::of(&[
            ("a.rs", "fn f() {\n    todo!()\n}"),
            ("b.md", "A FIXME here\nmastodon, TODOS, XXXL, \"XXX\" and a todo! in prose"),
            ("c.sql", "-- (TODO)"),
        ]);
        assert_eq!(places(leftovers(&tree)), ["a.rs:2", "b.md:1", "c.sql:1"]);
    }

    #[test]
    fn exceptions_need_a_reason() {
        let tree = Tree::of(&[
            ("a.rs", "#[expect(clippy::panic, reason = \"shown\")]\n#[allow(dead_code)]\n#![allow(unused)]"),
            ("b.rs", "#[test]\n#[ignore = \"slow\"]"),
            ("c.md", "`#[allow(` is not allowed"),
        ]);
        assert_eq!(places(exceptions(&tree)), ["a.rs:2", "a.rs:3", "b.rs:2"]);
    }

    #[test]
    fn only_absolute_paths_are_foreign() {
        let tree = Tree::of(&[
            (
                "a.md",
                "see /home/me/notes\n`/Users/me/halles`\nhttps://example.org/home/page\n./Users/x and $DIR/Users/y",
            ),
            ("b.toml", "path=\"/Users/x\""),
        ]);
        assert_eq!(places(foreign_paths(&tree)), ["a.md:1", "a.md:2", "b.toml:1"]);
    }

    #[test]
    fn sql_has_its_rooms() {
        let call = "let rows = tx.query(\"SELECT 1\", &[], read)?;\n";
        let (in_tests, after) =
            (format!("#[cfg(test)]\nmod tests {{\n{call}}}\n"), "let x = s.query_one(SQL);");
        let tree = Tree::of(&[
            ("crates/retail/src/order/commands.rs", call),
            ("crates/retail/src/order/queries/open.rs", call),
            ("crates/retail/src/order/tests.rs", call),
            ("crates/retail/src/order/mod.rs", &in_tests),
            ("crates/store/src/log.rs", call),
            ("crates/retail/src/order/api.rs", call),
            ("crates/web/src/page.rs", after),
        ]);
        assert_eq!(places(sql(&tree)), ["crates/retail/src/order/api.rs:1", "crates/web/src/page.rs:1"]);
    }
}
