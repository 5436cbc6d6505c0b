//! The one file that knows how the two engines' SQL differs.
//!
//! Statements are written once, in the part of SQL both engines share, with `$1 … $n`. Schemas are written
//! once too, with the words BIGINT, BOOLEAN, TEXT, BYTEA, UUID and DOUBLE PRECISION.

use tokio_postgres::types::Type;

use crate::value::Param;

/// An engine, as far as its SQL goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Starts a transaction that will write.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            // A deferred one that reads before it writes could fail with SQLITE_BUSY_SNAPSHOT.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// Starts a transaction that only reads, all of it from one state.
    pub(crate) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Makes processes that start at the same time bring the tables up to date one after the other.
    pub(crate) const fn lock_schema(self) -> &'static str {
        match self {
            // The transaction itself excludes every other writer.
            Self::Sqlite => "",
            Self::Postgres => "SELECT pg_advisory_xact_lock(7269757200)",
        }
    }

    /// A schema script in this engine's words.
    pub(crate) fn schema(self, script: &str) -> String {
        match self {
            Self::Sqlite => sqlite_schema(script),
            Self::Postgres => postgres_schema(script),
        }
    }

    /// The names of all tables.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) const fn tables(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'writer_mark' ORDER BY name"
            }
            Self::Postgres => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'writer_mark' ORDER BY 1"
            }
        }
    }

    /// Every column as `table.column TYPE null?` and every index, in words that are equal on both engines.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) const fn columns_and_indexes(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT m.name || '.' || c.name || ' ' || c.type || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN '' ELSE ' null' END
                 FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
                 UNION ALL SELECT 'index ' || name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'"
            }
            Self::Postgres => {
                "SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER'
                   WHEN 'text' THEN 'TEXT' WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB' WHEN 'double precision' THEN 'REAL'
                   ELSE data_type END || CASE is_nullable WHEN 'NO' THEN '' ELSE ' null' END
                 FROM information_schema.columns WHERE table_schema = 'public'
                 UNION ALL SELECT 'index ' || indexname FROM pg_indexes
                 WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'"
            }
        }
    }
}

/// PostgreSQL: locks a space (`$1`), all of it when `$2` says so, until the end of the transaction. Run over
/// rows, it takes them in the rows' order.
pub(crate) const LOCK_SPACE: &str =
    "SELECT CASE WHEN $2 THEN pg_advisory_xact_lock($1) ELSE pg_advisory_xact_lock_shared($1) END";
/// PostgreSQL: locks a key (`$1`) until the end of the transaction.
pub(crate) const LOCK_KEY: &str = "SELECT pg_advisory_xact_lock($1)";
/// PostgreSQL: the open transaction's id.
pub(crate) const TRANSACTION_ID: &str = "SELECT CAST(pg_current_xact_id() AS TEXT)";
/// PostgreSQL: what became of the transaction of an id.
pub(crate) const TRANSACTION_STATUS: &str = "SELECT pg_xact_status(CAST($1 AS xid8))";
/// PostgreSQL: the settings that decide whether it keeps what it acknowledges.
pub(crate) const DURABILITY: &str = "SELECT name, setting FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version_num') ORDER BY name";
/// PostgreSQL: takes the next `$1` positions at `$2`, gives them to events that come as four arrays, and returns
/// the last position: one round trip, since the counter's row is locked from here to the end of the transaction.
pub(crate) const APPEND: &str = "WITH head AS (
        UPDATE event_head SET position = position + $1, at = GREATEST(at, $2) WHERE id = 1 RETURNING position
    ), written AS (
        INSERT INTO event (position, kind, source, subject, at, data)
        SELECT head.position - $1 + e.n, e.kind, e.source, e.subject, $2, e.data
        FROM head, unnest($3, $4, $5, $6) WITH ORDINALITY AS e(kind, source, subject, data, n)
    )
    SELECT position FROM head";

/// PostgreSQL: sets up a connection; limits in milliseconds, 0 for none.
pub(crate) fn postgres_session(statement_limit: u128, idle_limit: u128) -> String {
    format!(
        "SET statement_timeout = {statement_limit}; SET lock_timeout = {statement_limit};
         SET idle_in_transaction_session_timeout = {idle_limit};
         SET client_min_messages = warning; SET jit = off; SET synchronous_commit = on"
    )
}

/// The PostgreSQL type of a parameter.
pub(crate) fn postgres_type(param: Param<'_>) -> Type {
    match param {
        Param::Int(_) => Type::INT8,
        Param::Bool(_) => Type::BOOL,
        Param::Real(_) => Type::FLOAT8,
        Param::Text(_) => Type::TEXT,
        Param::Bytes(_) => Type::BYTEA,
        Param::Uuid(_) => Type::UUID,
    }
}

/// The PostgreSQL array type that holds many values of a parameter.
pub(crate) fn postgres_array_type(param: Param<'_>) -> Type {
    match param {
        Param::Int(_) => Type::INT8_ARRAY,
        Param::Bool(_) => Type::BOOL_ARRAY,
        Param::Real(_) => Type::FLOAT8_ARRAY,
        Param::Text(_) => Type::TEXT_ARRAY,
        Param::Bytes(_) => Type::BYTEA_ARRAY,
        Param::Uuid(_) => Type::UUID_ARRAY,
    }
}

/// Whether a statement can only read.
pub(crate) fn only_reads(sql: &str) -> bool {
    first_word(sql).eq_ignore_ascii_case("SELECT")
        || first_word(sql).eq_ignore_ascii_case("WITH")
            && !["INSERT", "UPDATE", "DELETE"].iter().any(|word| sql.contains(word))
}

fn first_word(sql: &str) -> &str {
    sql.split_ascii_whitespace().next().unwrap_or("")
}

/// A statement for SQLite: `$n` becomes `?n`, since SQLite numbers `$n` by first occurrence.
pub(crate) fn sqlite(sql: &str) -> String {
    rewrite_params(sql, |n| format!("?{n}"))
}

/// A statement that is to run once per row of parameters, for PostgreSQL in one go: the rows come as one
/// array per parameter. The statement is an INSERT … VALUES (…), an UPDATE … WHERE, a DELETE … WHERE or a
/// SELECT; a SELECT gets the row's number as its last column, keeps the rows' order and within it its own.
pub(crate) fn postgres_each(sql: &str, width: usize) -> String {
    let arrays = (1..=width).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let names = (1..=width).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    let source = format!("unnest({arrays}) AS r({names})");
    let body = rewrite_params(sql.trim(), |n| format!("r.c{n}"));
    match first_word(&body).to_ascii_uppercase().as_str() {
        "SELECT" => {
            let rows = format!("unnest({arrays}) WITH ORDINALITY AS r({names}, n)");
            if find_word(&body, "ORDER").is_some() {
                let numbered = format!("SELECT o.*, row_number() OVER () AS place FROM ({body}) AS o");
                format!(
                    "SELECT q.*, r.n FROM {rows} CROSS JOIN LATERAL ({numbered}) AS q ORDER BY r.n, q.place"
                )
            } else {
                format!("SELECT q.*, r.n FROM {rows} CROSS JOIN LATERAL ({body}) AS q ORDER BY r.n")
            }
        }
        "INSERT" => insert_from(&body, &source),
        "DELETE" => before_where(&body, &format!("USING {source}")),
        _ => before_where(&body, &format!("FROM {source}")),
    }
}

/// Puts a clause before the statement's own WHERE.
fn before_where(body: &str, clause: &str) -> String {
    match find_word(body, "WHERE") {
        Some(at) => format!("{}{clause} {}", &body[..at], &body[at..]),
        None => body.to_owned(),
    }
}

/// Turns `VALUES (a, b) rest` into `SELECT a, b FROM source WHERE true rest`.
fn insert_from(body: &str, source: &str) -> String {
    let values = find_word(body, "VALUES").map(|at| (at, at + "VALUES".len()));
    let Some((start, after)) = values else { return body.to_owned() };
    let list = outside_quotes(&body[after..]).find(|(_, byte, depth)| *byte == b')' && *depth == 0);
    let Some((length, ..)) = list else { return body.to_owned() };
    let row = body[after..after + length].trim_start();
    let (row, rest) = (row.strip_prefix('(').unwrap_or(row), &body[after + length + 1..]);
    // `WHERE true` keeps an ON CONFLICT clause from being read as part of a join.
    format!("{}SELECT {row} FROM {source} WHERE true{rest}", &body[..start])
}

/// Where a word stands outside of quotes and parentheses.
fn find_word(sql: &str, word: &str) -> Option<usize> {
    let bytes = sql.as_bytes();
    let is_edge = |at: Option<&u8>| at.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    outside_quotes(sql).find_map(|(at, _, depth)| {
        let end = at + word.len();
        let found = depth == 0
            && bytes.get(at..end).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
            && is_edge(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && is_edge(bytes.get(end));
        found.then_some(at)
    })
}

/// The bytes of a statement that are not within quotes, each with its place and how many parentheses are open
/// after it.
fn outside_quotes(sql: &str) -> impl Iterator<Item = (usize, u8, usize)> {
    let (mut quote, mut depth) = (None, 0_usize);
    sql.bytes().enumerate().filter_map(move |(at, byte)| {
        match (quote, byte) {
            (Some(open), _) => {
                quote = (open != byte).then_some(open);
                return None;
            }
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                return None;
            }
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        Some((at, byte, depth))
    })
}

/// Replaces each `$n` outside of string literals.
fn rewrite_params(sql: &str, to: impl Fn(usize) -> String) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut quoted = false;
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        quoted ^= c == '\'';
        if c != '$' || quoted {
            out.push(c);
            continue;
        }
        let mut number = 0;
        while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
            number = number * 10 + digit as usize;
            rest.next();
        }
        out.push_str(&to(number));
    }
    out
}

/// A schema script for SQLite: its type names, STRICT tables, and no hidden row id where the primary key is
/// not a single integer.
fn sqlite_schema(script: &str) -> String {
    let mut out = String::new();
    for statement in statements(script) {
        let integer_key = statement.contains("BIGINT PRIMARY KEY");
        let mut sql = statement
            .replace("DOUBLE PRECISION", "REAL")
            .replace("BIGINT", "INTEGER")
            .replace("BOOLEAN", "INTEGER")
            .replace("BYTEA", "BLOB")
            .replace("UUID", "BLOB");
        if statement.starts_with("CREATE TABLE") {
            sql.push_str(if integer_key { " STRICT" } else { " STRICT, WITHOUT ROWID" });
        }
        out.push_str(&sql);
        out.push_str(";\n");
    }
    out
}

/// A schema script for PostgreSQL: texts sort by their bytes, as in SQLite.
fn postgres_schema(script: &str) -> String {
    statements(script).map(|statement| statement.replace(" TEXT", " TEXT COLLATE \"C\"") + ";\n").collect()
}

/// The statements of a script, without comments. Scripts have no `;` or `--` within quotes.
fn statements(script: &str) -> impl Iterator<Item = String> {
    let code: String =
        script.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    code.split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_parameters_keep_their_numbers() {
        assert_eq!(
            sqlite("a = $2 AND b = $1 AND c = '$3' AND d = $10"),
            "a = ?2 AND b = ?1 AND c = '$3' AND d = ?10"
        );
    }

    #[test]
    fn each_verb_runs_over_arrays() {
        assert_eq!(
            postgres_each("INSERT INTO t (a, b) VALUES ($1, coalesce($2, 0)) ON CONFLICT DO NOTHING", 2),
            "INSERT INTO t (a, b) SELECT r.c1, coalesce(r.c2, 0) FROM unnest($1, $2) AS r(c1, c2) WHERE true ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            postgres_each("UPDATE t SET a = a + $2 WHERE id = $1", 2),
            "UPDATE t SET a = a + r.c2 FROM unnest($1, $2) AS r(c1, c2) WHERE id = r.c1"
        );
        assert_eq!(
            postgres_each("DELETE FROM t WHERE id = $1", 1),
            "DELETE FROM t USING unnest($1) AS r(c1) WHERE id = r.c1"
        );
        assert_eq!(
            postgres_each("SELECT a FROM t WHERE id = $1", 1),
            "SELECT q.*, r.n FROM unnest($1) WITH ORDINALITY AS r(c1, n) CROSS JOIN LATERAL (SELECT a FROM t WHERE id = r.c1) AS q ORDER BY r.n"
        );
        assert_eq!(
            postgres_each("SELECT a FROM t WHERE id = $1 ORDER BY a", 1),
            "SELECT q.*, r.n FROM unnest($1) WITH ORDINALITY AS r(c1, n) CROSS JOIN LATERAL (SELECT o.*, row_number() OVER () AS place FROM (SELECT a FROM t WHERE id = r.c1 ORDER BY a) AS o) AS q ORDER BY r.n, q.place"
        );
    }

    #[test]
    fn clauses_are_found_outside_of_quotes_and_parentheses() {
        assert_eq!(
            postgres_each("UPDATE t SET a = (SELECT b FROM u WHERE c = 1), d = ' WHERE '\nWHERE id = $1", 1),
            "UPDATE t SET a = (SELECT b FROM u WHERE c = 1), d = ' WHERE '\nFROM unnest($1) AS r(c1) WHERE id = r.c1"
        );
        assert_eq!(
            postgres_each(
                "INSERT INTO values_t (a, b)\n  VALUES ($1, ')') ON CONFLICT (a) DO UPDATE SET b = 'x'",
                1
            ),
            "INSERT INTO values_t (a, b)\n  SELECT r.c1, ')' FROM unnest($1) AS r(c1) WHERE true ON CONFLICT (a) DO UPDATE SET b = 'x'"
        );
        assert_eq!(find_word("somewhere WHERE x", "WHERE"), Some(10));
    }

    #[test]
    fn statements_that_write_are_known() {
        for sql in ["SELECT 1", "\n  select 1", "WITH a AS (SELECT 1) SELECT * FROM a"] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in ["UPDATE t SET a = 1 RETURNING a", "WITH a AS (DELETE FROM t RETURNING b) SELECT * FROM a"]
        {
            assert!(!only_reads(sql), "{sql}");
        }
    }

    #[test]
    fn schemas_get_each_engines_words() {
        let script = "-- a table\nCREATE TABLE t (id UUID PRIMARY KEY, n BIGINT NOT NULL, name TEXT, ok BOOLEAN);\nCREATE INDEX i ON t (n);";
        assert_eq!(
            sqlite_schema(script),
            "CREATE TABLE t (id BLOB PRIMARY KEY, n INTEGER NOT NULL, name TEXT, ok INTEGER) STRICT, WITHOUT ROWID;\nCREATE INDEX i ON t (n);\n"
        );
        assert!(postgres_schema(script).contains("name TEXT COLLATE \"C\", ok BOOLEAN);"));
        assert!(
            sqlite_schema("CREATE TABLE u (id BIGINT PRIMARY KEY)")
                .contains("id INTEGER PRIMARY KEY) STRICT;")
        );
    }
}
