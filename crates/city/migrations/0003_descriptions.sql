-- What a sensor is called, where it is and what its line is belong to each day from here on, instead of to the sensor.
-- Days that were published before do not say it, and no release has ever written any: they go, with the imports that
-- brought them and with what portals answered, so that the next fetch, demonstration or import brings them again.

DROP TABLE city_register;
DROP TABLE city_sensor;
DELETE FROM city_page;
DELETE FROM city_block;
DELETE FROM city_day;
DELETE FROM city_claim;
DELETE FROM city_import WHERE kind IN ('bikes', 'comptages');
DELETE FROM city_fetch;

ALTER TABLE city_day DROP COLUMN revision;

-- Counters and arcs. Numbers are those of a type, from 0 on without a gap; none is ever taken back.
CREATE TABLE city_sensor (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX city_sensor_number ON city_sensor (kind, number);

-- What rows have ever said of a sensor (by its number): all of its different descriptions, numbered from 0 on. Facts of
-- days name them; none is ever changed. body: JSON.
CREATE TABLE city_description (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    sensor BIGINT NOT NULL,
    description BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX city_description_place ON city_description (kind, sensor, description);
