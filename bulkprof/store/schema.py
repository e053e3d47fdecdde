"""The run file's tables, as a new file gets them. `migrations` brings older files to the same state."""

from __future__ import annotations

APPLICATION_ID = 0x62756C6B
"""Marks a SQLite file as a run ("bulk" in ASCII)."""
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE target (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL,
    begun INTEGER NOT NULL DEFAULT 0,        -- no action with a greater id was sent yet
    UNIQUE (account, region)
);
CREATE TABLE action (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES target,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,                 -- 1: a desired profile; 0: a deletion
    file TEXT NOT NULL DEFAULT '', line INTEGER NOT NULL DEFAULT 0,
    model TEXT NOT NULL DEFAULT '', source TEXT NOT NULL DEFAULT '', description TEXT,
    tags TEXT NOT NULL DEFAULT '{}', attributes TEXT NOT NULL DEFAULT '{}',
    kind TEXT,                               -- NULL until planned
    source_arn TEXT NOT NULL DEFAULT '', arn TEXT NOT NULL DEFAULT '',
    set_tags TEXT NOT NULL DEFAULT '{}', remove_tags TEXT NOT NULL DEFAULT '[]', reason TEXT NOT NULL DEFAULT '',
    refusal_code TEXT, refusal_message TEXT, refusal_outcome TEXT,
    old TEXT NOT NULL DEFAULT '{}',          -- what is there now of what changes
    row INTEGER NOT NULL DEFAULT 0           -- which of the rows that begin on its line; 0: the only one
);
CREATE TABLE outcome (
    seq INTEGER PRIMARY KEY,
    action INTEGER NOT NULL UNIQUE REFERENCES action,
    kind TEXT NOT NULL, arn TEXT NOT NULL, old_arn TEXT NOT NULL, attempts INTEGER NOT NULL,
    error_code TEXT NOT NULL, error_message TEXT NOT NULL
);
CREATE TABLE problem (
    file TEXT, line INTEGER, col TEXT, value TEXT, message TEXT, remedy TEXT, severity TEXT,
    row INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE invalid (
    file TEXT, line INTEGER, row INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (file, line, row)
) WITHOUT ROWID;
CREATE TABLE call (operation TEXT PRIMARY KEY, sent INTEGER, throttled INTEGER, failed INTEGER) WITHOUT ROWID;
CREATE TABLE call_time (       -- how calls were answered in each slice of time, which begins at epoch second `at`
    operation TEXT NOT NULL, at INTEGER NOT NULL, sent INTEGER NOT NULL, throttled INTEGER NOT NULL,
    failed INTEGER NOT NULL, PRIMARY KEY (operation, at)
) WITHOUT ROWID;
CREATE TABLE delivery (sink TEXT PRIMARY KEY, seq INTEGER NOT NULL, finished INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE replacement (     -- names whose profile was deleted, or was about to be, to be replaced
    account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, old_arn TEXT NOT NULL, run TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
CREATE TABLE seal (target INTEGER PRIMARY KEY, actions INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE sheet_columns (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE sheet_row (       -- rows as they are written, where results keep the manifest's own columns
    first INTEGER PRIMARY KEY,               -- the row's first action; those up to the next row's are the row's, too
    columns INTEGER NOT NULL REFERENCES sheet_columns, cells TEXT NOT NULL
);
"""
ONE_NAME = "CREATE UNIQUE INDEX IF NOT EXISTS one_name ON action (target, name) WHERE wanted = 1"
"""Made before the first desired profile is taken in."""
BY_TARGET = "CREATE INDEX IF NOT EXISTS action_target ON action (target, id)"
"""Made once all are taken in: that takes less time than row by row."""
