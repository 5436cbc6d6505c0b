-- The city's facts and metrics. Days are days of Europe/Paris, counted from 1970-01-01; instants are microseconds since
-- 1970 (UTC). kind is the type's name on the wire.

-- Counters and arcs. attributes: JSON, what is known of it; revision: that of the register when they last changed.
CREATE TABLE city_sensor (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX city_sensor_number ON city_sensor (kind, number);

-- How often attributes of known sensors have changed, and up to which of these changes every published day of theirs
-- has been worked out anew.
CREATE TABLE city_register (
    kind TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    settled BIGINT NOT NULL
);

-- Rows of the tables from here to city_record may be long: they have keys of their own, since in an index (which on
-- SQLite a table with a key of several columns is) long rows are slow to find.

-- A published version of a day. revision: that of the register with which it was worked out. summary: JSON, the city's
-- own numbers; totals: JSON, everything of the day but the list of its sensors; findings and changes: JSON.
CREATE TABLE city_day (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    version BIGINT NOT NULL,
    known_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    import_id UUID NOT NULL,
    sensors BIGINT NOT NULL,
    hours BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    summary TEXT NOT NULL,
    changes TEXT NOT NULL,
    findings TEXT NOT NULL,
    totals TEXT NOT NULL
);
CREATE UNIQUE INDEX city_day_version ON city_day (kind, day, version);

-- What a few sensors of consecutive numbers measured on a day, from a version of that day on, until a row with a higher
-- one. Rows of a version that city_day does not have yet (or never got, since an import was cut off) do not count.
CREATE TABLE city_block (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    block BIGINT NOT NULL,
    version BIGINT NOT NULL,
    facts BYTEA NOT NULL
);
CREATE UNIQUE INDEX city_block_place ON city_block (kind, block, day, version);
CREATE INDEX city_block_day ON city_block (kind, day, version);

-- The list of a day's sensors with their metrics, as worked out when the version was made, by id. Like blocks, a page
-- holds until one with a higher version. body: JSON, gzip.
CREATE TABLE city_page (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    page BIGINT NOT NULL,
    version BIGINT NOT NULL,
    body BYTEA NOT NULL
);
CREATE UNIQUE INDEX city_page_place ON city_page (kind, day, page, version);

-- Facts that last from one day to another, with what was known when. Current ones have no known_until. body: JSON.
CREATE TABLE city_record (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    known_from BIGINT NOT NULL,
    known_until BIGINT,
    from_day BIGINT NOT NULL,
    to_day BIGINT NOT NULL,
    import_id UUID NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX city_record_known ON city_record (kind, id, known_from);
CREATE INDEX city_record_from ON city_record (kind, from_day);
CREATE INDEX city_record_to ON city_record (kind, to_day);

-- Days that an import is writing a version of; nobody else does until held_until, or until it is published.
CREATE TABLE city_claim (
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    import_id UUID NOT NULL,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (kind, day)
);

-- Imports. state: WAITING, READING, PUBLISHING, DONE, FAILED. tally and findings: JSON. holder: the process at work on
-- it; when it has not been heard of until held_until, it is taken for dead.
CREATE TABLE city_import (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    ended_at BIGINT,
    holder UUID NOT NULL,
    held_until BIGINT NOT NULL,
    days_done BIGINT NOT NULL,
    days_all BIGINT NOT NULL,
    days_changed BIGINT NOT NULL,
    tally TEXT,
    findings TEXT,
    error TEXT
);
CREATE INDEX city_import_asked ON city_import (asked_at, id);
CREATE INDEX city_import_state ON city_import (state);

-- What a portal last answered, so that it is asked only for what is new.
CREATE TABLE city_fetch (
    source TEXT PRIMARY KEY,
    etag TEXT,
    last_modified TEXT,
    fetched_at BIGINT NOT NULL,
    outcome TEXT NOT NULL
);
