-- Version 7: the end of a run and the claim of the next one write fewer pages. Each table and each index that they
-- change is a page, and is synced.

-- A slot in use is a column of its running job: none is given twice, no job has two, and with the state it is free.
ALTER TABLE jobs ADD COLUMN slot INTEGER CHECK (slot >= 0);
UPDATE jobs SET slot = (SELECT slot_no FROM slots WHERE slots.job_id = jobs.job_id)
WHERE job_id IN (SELECT job_id FROM slots);
DROP TABLE slots;
DROP INDEX jobs_running;
CREATE UNIQUE INDEX slots_in_use ON jobs (slot) WHERE state = 'running';
CREATE VIEW slots AS SELECT slot AS slot_no, job_id FROM jobs WHERE state = 'running' AND slot IS NOT NULL;

-- A run's id is unique anyway.
DROP INDEX one_live_job_per_run;

-- What an attempt used is a part of its row. Tokens are random: an index of them was another page for each claim.
CREATE TABLE attempts_with_use (
    job_id        TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    run_id        TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    token         TEXT NOT NULL,
    epoch         INTEGER NOT NULL,
    started_at    TEXT NOT NULL,
    finished_at   TEXT,
    cause         TEXT,
    error         TEXT,
    exit_code     INTEGER,
    signal        INTEGER,
    devices       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(devices)),
    signature     TEXT,
    device_failed INTEGER NOT NULL DEFAULT 0 CHECK (device_failed IN (0, 1)),
    place         TEXT,
    begun_at      TEXT,
    node          TEXT,
    -- NULL: nothing is known of what it used.
    peak_vram     TEXT CHECK (json_valid(peak_vram)),
    gpu_use       REAL,
    gpu_seconds   REAL,
    peak_rss_mb   REAL,
    cpu_seconds   REAL,
    watched       REAL,
    PRIMARY KEY (job_id, attempt),
    CHECK ((finished_at IS NULL) = (cause IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO attempts_with_use
SELECT job_id, run_id, attempt, token, epoch, started_at, finished_at, cause, error, exit_code, signal, devices, signature,
       device_failed, place, begun_at, node, peak_vram, gpu_use, gpu_seconds, peak_rss_mb, cpu_seconds, watched
FROM attempts LEFT JOIN resources USING (job_id, attempt) ORDER BY job_id, attempt;

DROP TABLE resources;
DROP TABLE attempts;
ALTER TABLE attempts_with_use RENAME TO attempts;
CREATE INDEX attempts_elsewhere ON attempts (job_id) WHERE place IS NOT NULL;
CREATE VIEW resources AS
SELECT job_id, attempt, peak_vram, gpu_use, gpu_seconds, peak_rss_mb, cpu_seconds, watched
FROM attempts WHERE peak_vram IS NOT NULL;
