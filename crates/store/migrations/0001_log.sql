-- The event log. Positions have no gaps: they come from the one row of event_head, which a batch updates last.
CREATE TABLE event_head (id BIGINT PRIMARY KEY, position BIGINT NOT NULL, at BIGINT NOT NULL);
INSERT INTO event_head (id, position, at) VALUES (1, 0, 0);
CREATE TABLE event (
    position BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    subject TEXT NOT NULL,
    at BIGINT NOT NULL,
    data TEXT NOT NULL
);
-- How far each durable consumer has come.
CREATE TABLE event_cursor (name TEXT PRIMARY KEY, position BIGINT NOT NULL, at BIGINT NOT NULL);
-- PostgreSQL: the last batch of each writer, by a token nobody else has. A transaction's id does not tell what became
-- of it: a server that crashed gives the ids of lost transactions out again.
CREATE TABLE writer_mark (writer UUID PRIMARY KEY, token UUID NOT NULL, at BIGINT NOT NULL);
-- What was answered under an idempotency key; status is NULL while the work is not finished.
CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    route TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    status BIGINT,
    body TEXT,
    location TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotency_age ON idempotency (at);
