-- The city's facts and metrics. Days are days of Europe/Paris, counted from 1970-01-01; instants are microseconds since
-- 1970 (UTC). kind is the type's name on the wire.

-- Counters and arcs. measured_at: the hour (since 1970) of the reading that came with what is said of it here, so that
-- older files do not overwrite it. about: JSON.
CREATE TABLE city_sensor (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    measured_at BIGINT NOT NULL,
    about TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX city_sensor_number ON city_sensor (kind, number);

-- A published version of a day. totals: JSON, everything of the day but the list of its sensors; findings: JSON.
CREATE TABLE city_day (
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    version BIGINT NOT NULL,
    known_at BIGINT NOT NULL,
    import_id UUID NOT NULL,
    sensors BIGINT NOT NULL,
    hours BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    totals TEXT NOT NULL,
    findings TEXT NOT NULL,
    changes TEXT NOT NULL,
    PRIMARY KEY (kind, day, version)
);

-- What a sensor measured on a day, from a version of that day on, until a row with a higher one. Rows of a version
-- that city_day does not have yet (or never got, since an import was cut off) do not count.
CREATE TABLE city_hours (
    kind TEXT NOT NULL,
    sensor BIGINT NOT NULL,
    day BIGINT NOT NULL,
    version BIGINT NOT NULL,
    hours BYTEA NOT NULL,
    PRIMARY KEY (kind, sensor, day, version)
);
CREATE INDEX city_hours_day ON city_hours (kind, day, sensor, version);

-- The list of a day's sensors with their metrics, worked out when the version was made: at most 500 a page, by id.
CREATE TABLE city_page (
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    version BIGINT NOT NULL,
    page BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (kind, day, version, page)
);

-- Facts that last from one day to another, with what was known when. Current ones have no known_until.
CREATE TABLE city_record (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    known_from BIGINT NOT NULL,
    known_until BIGINT,
    from_day BIGINT NOT NULL,
    to_day BIGINT NOT NULL,
    import_id UUID NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id, known_from)
);
CREATE INDEX city_record_days ON city_record (kind, to_day, from_day);

-- Imports, by who asked. state: WAITING, READING, PUBLISHING, DONE, FAILED. tally: JSON.
CREATE TABLE city_import (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    ended_at BIGINT,
    days_done BIGINT NOT NULL,
    days_all BIGINT NOT NULL,
    tally TEXT NOT NULL,
    error TEXT
);
CREATE INDEX city_import_asked ON city_import (asked_at);

-- What a portal last answered, so that it is asked only for what is new.
CREATE TABLE city_fetch (
    source TEXT PRIMARY KEY,
    etag TEXT,
    last_modified TEXT,
    fetched_at BIGINT NOT NULL,
    outcome TEXT NOT NULL
);
