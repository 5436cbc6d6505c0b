-- Records are published in editions, one for each import that changes something: all of an import becomes visible with
-- one row. What the layout before told stays: there, each instant at which records became known is an edition.

-- An edition of a type's records. told_until: the last day of which disruptions have been told; none of other types.
-- from_day and to_day: which days it changed something of; to_day is 9223372036854775807 when something without an end
-- is among it, both are none when it changed no day. changed: how many records it changed.
CREATE TABLE city_edition (
    kind TEXT NOT NULL,
    number BIGINT NOT NULL,
    known_at BIGINT NOT NULL,
    import_id UUID NOT NULL,
    told_until BIGINT,
    from_day BIGINT,
    to_day BIGINT,
    changed BIGINT NOT NULL,
    PRIMARY KEY (kind, number)
);
CREATE UNIQUE INDEX city_edition_known ON city_edition (kind, known_at);

INSERT INTO city_edition (kind, number, known_at, import_id, from_day, to_day, changed)
SELECT g.kind, ROW_NUMBER() OVER (PARTITION BY g.kind ORDER BY g.known_from), g.known_from, f.import_id,
       g.first_day, CASE WHEN g.kind = 'referentiel' THEN 9223372036854775807 ELSE g.last_day END, g.records
FROM (SELECT kind, known_from, MIN(number) AS one, MIN(from_day) AS first_day, MAX(to_day) AS last_day,
             COUNT(*) AS records
      FROM city_record GROUP BY kind, known_from) g
JOIN city_record f ON f.number = g.one;

-- Days of which an edition tells as a whole, so that what it does not have was not.
CREATE TABLE city_coverage (
    kind TEXT NOT NULL,
    from_day BIGINT NOT NULL,
    to_day BIGINT NOT NULL,
    edition BIGINT NOT NULL,
    PRIMARY KEY (kind, from_day, to_day, edition)
);

-- An export of roadworks covers the days from its first to its last. Of disruptions it is not known any more which days
-- were asked for: those without any are unknown until they are imported again.
INSERT INTO city_coverage (kind, from_day, to_day, edition)
SELECT kind, from_day, to_day, number FROM city_edition WHERE kind = 'chantiers';

-- Facts that last from one day to another: in force from the edition since until before the edition until. Rows with a
-- higher since than the latest edition do not count, nor does a higher until: an import is staging them, or was cut off.
-- to_day is 9223372036854775807 when there is no end. told: whether it lasts for as long as it is told; with that to_day,
-- until its edition's told_until. body: JSON.
CREATE TABLE city_record_new (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    from_day BIGINT NOT NULL,
    to_day BIGINT NOT NULL,
    told BOOLEAN NOT NULL,
    body TEXT NOT NULL
);

INSERT INTO city_record_new (number, kind, id, since, until, from_day, to_day, told, body)
SELECT r.number, r.kind, r.id, b.number, e.number, r.from_day,
       CASE WHEN r.kind = 'referentiel' THEN 9223372036854775807 ELSE r.to_day END, FALSE, r.body
FROM city_record r
JOIN city_edition b ON b.kind = r.kind AND b.known_at = r.known_from
LEFT JOIN city_edition e ON e.kind = r.kind AND e.known_at = r.known_until;

DROP TABLE city_record;
ALTER TABLE city_record_new RENAME TO city_record;

-- What is in force now is found without the history …
CREATE UNIQUE INDEX city_record_current ON city_record (kind, id) WHERE until IS NULL;
CREATE INDEX city_record_days ON city_record (kind, to_day, from_day, since, told) WHERE until IS NULL;
-- … and what was at an edition, among those that have ended since.
CREATE INDEX city_record_ended ON city_record (kind, until, to_day, from_day, since) WHERE until IS NOT NULL;
CREATE UNIQUE INDEX city_record_begun ON city_record (kind, since, id);
