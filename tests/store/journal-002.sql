PRAGMA application_id=1380861511;
PRAGMA user_version=2;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'runforge','001_journal','2026-11-26 12:20:59.607240+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'runforge','002_resources','2026-11-26 12:20:59.719739+00:00');
CREATE TABLE attempts (
    job_id      TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    run_id      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    token       TEXT NOT NULL UNIQUE,
    epoch       INTEGER NOT NULL,
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    cause       TEXT,
    error       TEXT,
    exit_code   INTEGER,
    signal      INTEGER, devices TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(devices)),
    PRIMARY KEY (job_id, attempt),
    CHECK ((finished_at IS NULL) = (cause IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO "attempts" VALUES('job_20261126_092714_0001','20261126-092714-sweep-0001',1,'00000000000000000000000000000001',1,'2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.807Z','exit',NULL,0,NULL,'["GPU-bbbb"]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0002','20261126-092714-sweep-0002',1,'00000000000000000000000000000007',1,'2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,'["GPU-bbbb"]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0003','20261126-092714-sweep-0003',1,'0000000000000000000000000000000c',1,'2026-11-26T12:20:59.857Z',NULL,NULL,NULL,NULL,NULL,'["GPU-bbbb"]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0005','20261126-092714-sweep-0005',1,'00000000000000000000000000000002',1,'2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.817Z','exit','exit code 3',3,NULL,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0005','20261126-092714-sweep-0005',2,'00000000000000000000000000000008',1,'2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0011','20261126-092714-sweep-0011',1,'00000000000000000000000000000003',1,'2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.827Z','canceled','canceled while it was running',NULL,NULL,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0012','20261126-092714-sweep-0012',1,'00000000000000000000000000000009',1,'2026-11-26T12:20:59.847Z','2026-11-26T12:20:59.856Z','signal','killed by signal 9 (SIGKILL)',NULL,9,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0014','20261126-092714-sweep-0014',1,'00000000000000000000000000000004',1,'2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.835Z','lost','its supervisor was killed, so how it ended is not known',NULL,NULL,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0014','20261126-092714-sweep-0014',2,'0000000000000000000000000000000a',1,'2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0016','20261126-092714-sweep-0016',1,'0000000000000000000000000000000b',1,'2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,'["GPU-aaaa"]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0017','20261126-092714-sweep-0017',1,'00000000000000000000000000000005',1,'2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.835Z','postponed','could not be started yet: no room',NULL,NULL,'[]');
INSERT INTO "attempts" VALUES('job_20261126_092714_0018','20261126-092714-sweep-0018',1,'00000000000000000000000000000006',1,'2026-11-26T12:20:59.795Z',NULL,NULL,NULL,NULL,NULL,'["GPU-aaaa"]');
CREATE TABLE daemon (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    epoch             INTEGER NOT NULL DEFAULT 0,
    pid               INTEGER,
    start_ticks       INTEGER,
    boot_id           TEXT,
    started_at        TEXT,
    max_parallel      INTEGER NOT NULL DEFAULT 2 CHECK (max_parallel >= 1),
    gpu_slots         INTEGER NOT NULL DEFAULT 1 CHECK (gpu_slots >= 0),
    state             TEXT NOT NULL DEFAULT 'stopped'
                      CHECK (state IN ('running', 'stopping', 'stopped')),
    wanted            TEXT NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'drain', 'stop')),
    drain_until       TEXT,
    served            INTEGER NOT NULL DEFAULT 0,
    last_served_group TEXT,
    next_job          INTEGER NOT NULL DEFAULT 1,
    next_run          INTEGER NOT NULL DEFAULT 1
) STRICT;
INSERT INTO "daemon" VALUES(1,1,4711,1,'another','2026-11-26T12:20:59.789Z',6,4,'running','run',NULL,12,'grp_20261126_092714_on_gpus',19,19);
CREATE TABLE device_grants (
    slot_no  INTEGER PRIMARY KEY CHECK (slot_no >= 0),
    job_id   TEXT NOT NULL REFERENCES jobs (job_id),
    device   TEXT,
    share_mb INTEGER CHECK (share_mb >= 0),
    UNIQUE (job_id, device)
) STRICT;
INSERT INTO "device_grants" VALUES(0,'job_20261126_092714_0018','GPU-aaaa',0);
INSERT INTO "device_grants" VALUES(1,'job_20261126_092714_0002','GPU-bbbb',0);
INSERT INTO "device_grants" VALUES(2,'job_20261126_092714_0016','GPU-aaaa',0);
INSERT INTO "device_grants" VALUES(3,'job_20261126_092714_0003','GPU-bbbb',0);
CREATE TABLE groups (
    group_id         TEXT PRIMARY KEY,
    lane_id          INTEGER NOT NULL UNIQUE REFERENCES lanes (lane_id),
    name             TEXT NOT NULL,
    notes            TEXT,
    created_at       TEXT NOT NULL,
    created_by       TEXT NOT NULL,
    updated_at       TEXT NOT NULL,
    max_parallel     INTEGER NOT NULL CHECK (max_parallel >= 1),
    fail_fast        INTEGER NOT NULL DEFAULT 0 CHECK (fail_fast IN (0, 1)),
    objective_metric TEXT,
    direction        TEXT NOT NULL DEFAULT 'maximize'
                     CHECK (direction IN ('maximize', 'minimize')),
    is_paused        INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
    is_canceled      INTEGER NOT NULL DEFAULT 0 CHECK (is_canceled IN (0, 1)),
    started_at       TEXT,
    finished_at      TEXT
, is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1))) STRICT, WITHOUT ROWID;
INSERT INTO "groups" VALUES('grp_20261126_092714_fast',5,'fast',NULL,'2026-11-26T12:20:59.759Z','runforge@0.6.0','2026-11-26T12:20:59.759Z',2,1,NULL,'maximize',0,0,'2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.856Z',0);
INSERT INTO "groups" VALUES('grp_20261126_092714_on_gpus',2,'on_gpus',NULL,'2026-11-26T12:20:59.759Z','runforge@0.6.0','2026-11-26T12:20:59.759Z',2,0,'acc','maximize',0,0,'2026-11-26T12:20:59.795Z',NULL,0);
INSERT INTO "groups" VALUES('grp_20261126_092714_on_the_cpu',3,'on_the_cpu',NULL,'2026-11-26T12:20:59.759Z','runforge@0.6.0','2026-11-26T12:20:59.840Z',2,0,NULL,'maximize',0,0,'2026-11-26T12:20:59.795Z',NULL,0);
INSERT INTO "groups" VALUES('grp_20261126_092714_open',6,'open',NULL,'2026-11-26T12:20:59.759Z','runforge@0.6.0','2026-11-26T12:20:59.759Z',2,0,NULL,'maximize',0,0,'2026-11-26T12:20:59.795Z',NULL,1);
INSERT INTO "groups" VALUES('grp_20261126_092714_paused',4,'paused',NULL,'2026-11-26T12:20:59.759Z','runforge@0.6.0','2026-11-26T12:20:59.761Z',2,0,NULL,'maximize',1,0,NULL,NULL,0);
CREATE TABLE jobs (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id           TEXT NOT NULL UNIQUE,
    run_id           TEXT NOT NULL UNIQUE,
    group_id         TEXT REFERENCES groups (group_id),
    lane_id          INTEGER NOT NULL REFERENCES lanes (lane_id),
    run_dir          TEXT NOT NULL,
    priority         INTEGER NOT NULL DEFAULT 0,
    state            TEXT NOT NULL
                     CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    attempt          INTEGER NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    lost             INTEGER NOT NULL DEFAULT 0 CHECK (lost >= 0),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    dry_run_seconds  REAL CHECK (dry_run_seconds IS NULL OR dry_run_seconds >= 0),
    overrides        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(overrides)),
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL,
    started_at       TEXT,
    finished_at      TEXT,
    error            TEXT,
    cause            TEXT,
    metric_name      TEXT,
    metric_value     REAL, shape_id INTEGER NOT NULL DEFAULT 1 REFERENCES shapes (shape_id), held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), blockers INTEGER NOT NULL DEFAULT 0 CHECK (blockers >= 0), not_before TEXT, delayed INTEGER NOT NULL DEFAULT 0
    CHECK (delayed IN (0, 1) AND (delayed = 0 OR not_before IS NOT NULL)), is_gated INTEGER AS (held = 1 OR blockers > 0 OR delayed = 1) VIRTUAL, position REAL, place REAL AS (ifnull(position, seq)) VIRTUAL, version INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0),
    CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (state <> 'succeeded' OR error IS NULL)
) STRICT;
INSERT INTO "jobs" VALUES(1,'job_20261126_092714_0001','20261126-092714-sweep-0001','grp_20261126_092714_on_gpus',2,'.runforge/runs/20261126-092714-sweep-0001',0,'succeeded',1,0,0,NULL,'{"model.hyperparameters.n": 0}','2026-11-26T12:20:59.759Z','2026-11-26T12:20:59.807Z','2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.807Z',NULL,'exit','acc',0.5,2,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(2,'job_20261126_092714_0002','20261126-092714-sweep-0002','grp_20261126_092714_on_gpus',2,'.runforge/runs/20261126-092714-sweep-0002',0,'running',1,0,0,NULL,'{"model.hyperparameters.n": 1}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.847Z','2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,2,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(3,'job_20261126_092714_0003','20261126-092714-sweep-0003','grp_20261126_092714_on_gpus',2,'.runforge/runs/20261126-092714-sweep-0003',0,'running',1,0,0,NULL,'{"model.hyperparameters.n": 2}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.857Z','2026-11-26T12:20:59.857Z',NULL,NULL,NULL,NULL,NULL,2,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(4,'job_20261126_092714_0004','20261126-092714-sweep-0004','grp_20261126_092714_on_gpus',2,'.runforge/runs/20261126-092714-sweep-0004',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 3}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.863Z',NULL,NULL,NULL,NULL,NULL,NULL,3,1,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(5,'job_20261126_092714_0005','20261126-092714-sweep-0005','grp_20261126_092714_on_the_cpu',3,'.runforge/runs/20261126-092714-sweep-0005',0,'running',2,0,0,NULL,'{"model.hyperparameters.n": 4}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.847Z','2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(6,'job_20261126_092714_0006','20261126-092714-sweep-0006','grp_20261126_092714_on_the_cpu',3,'.runforge/runs/20261126-092714-sweep-0006',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 5}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.760Z',NULL,NULL,NULL,NULL,NULL,NULL,4,0,0,NULL,0,0.5,0);
INSERT INTO "jobs" VALUES(7,'job_20261126_092714_0007','20261126-092714-sweep-0007','grp_20261126_092714_on_the_cpu',3,'.runforge/runs/20261126-092714-sweep-0007',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 6}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.760Z',NULL,NULL,NULL,NULL,NULL,NULL,5,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(8,'job_20261126_092714_0008','20261126-092714-sweep-0008','grp_20261126_092714_on_the_cpu',3,'.runforge/runs/20261126-092714-sweep-0008',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 7}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.760Z',NULL,NULL,NULL,NULL,NULL,NULL,6,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(9,'job_20261126_092714_0009','20261126-092714-sweep-0009','grp_20261126_092714_paused',4,'.runforge/runs/20261126-092714-sweep-0009',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 8}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.760Z',NULL,NULL,NULL,NULL,NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(10,'job_20261126_092714_0010','20261126-092714-sweep-0010','grp_20261126_092714_paused',4,'.runforge/runs/20261126-092714-sweep-0010',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 9}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.760Z',NULL,NULL,NULL,NULL,NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(11,'job_20261126_092714_0011','20261126-092714-sweep-0011','grp_20261126_092714_fast',5,'.runforge/runs/20261126-092714-sweep-0011',0,'canceled',1,0,0,NULL,'{"model.hyperparameters.n": 10}','2026-11-26T12:20:59.760Z','2026-11-26T12:20:59.827Z','2026-11-26T12:20:59.795Z','2026-11-26T12:20:59.827Z','canceled while it was running','canceled',NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(12,'job_20261126_092714_0012','20261126-092714-sweep-0012','grp_20261126_092714_fast',5,'.runforge/runs/20261126-092714-sweep-0012',0,'failed',1,0,0,NULL,'{"model.hyperparameters.n": 11}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.856Z','2026-11-26T12:20:59.847Z','2026-11-26T12:20:59.856Z','killed by signal 9 (SIGKILL)','signal',NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(13,'job_20261126_092714_0013','20261126-092714-sweep-0013','grp_20261126_092714_fast',5,'.runforge/runs/20261126-092714-sweep-0013',0,'canceled',1,0,0,NULL,'{"model.hyperparameters.n": 12}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.856Z',NULL,'2026-11-26T12:20:59.856Z','not started: run 20261126-092714-sweep-0012 failed, and the plan says fail_fast','group_failed_fast',NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(14,'job_20261126_092714_0014','20261126-092714-sweep-0014','grp_20261126_092714_open',6,'.runforge/runs/20261126-092714-sweep-0014',0,'running',2,1,0,NULL,'{"model.hyperparameters.n": 13}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.847Z','2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(15,'job_20261126_092714_0015','20261126-092714-sweep-0015',NULL,1,'.runforge/runs/20261126-092714-sweep-0015',0,'queued',1,0,0,NULL,'{"model.hyperparameters.n": 14}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.761Z',NULL,NULL,NULL,NULL,NULL,NULL,1,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(16,'job_20261126_092714_0016','20261126-092714-sweep-0016',NULL,1,'.runforge/runs/20261126-092714-sweep-0016',1,'running',1,0,0,NULL,'{"model.hyperparameters.n": 15}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.847Z','2026-11-26T12:20:59.847Z',NULL,NULL,NULL,NULL,NULL,2,0,0,NULL,0,NULL,0);
INSERT INTO "jobs" VALUES(17,'job_20261126_092714_0017','20261126-092714-sweep-0017',NULL,1,'.runforge/runs/20261126-092714-sweep-0017',9,'queued',2,0,0,NULL,'{"model.hyperparameters.n": 16}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.860Z',NULL,NULL,'could not be started yet: no room','postponed',NULL,NULL,1,0,0,'2026-11-26T09:30:00.000Z',1,NULL,0);
INSERT INTO "jobs" VALUES(18,'job_20261126_092714_0018','20261126-092714-sweep-0018',NULL,1,'.runforge/runs/20261126-092714-sweep-0018',3,'running',1,0,1,NULL,'{"model.hyperparameters.n": 17}','2026-11-26T12:20:59.761Z','2026-11-26T12:20:59.860Z','2026-11-26T12:20:59.795Z',NULL,NULL,NULL,NULL,NULL,2,0,0,NULL,0,NULL,0);
CREATE TABLE journal (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    event      TEXT NOT NULL,
    job_id     TEXT,
    group_id   TEXT,
    from_state TEXT,
    to_state   TEXT,
    attempt    INTEGER,
    detail     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail))
) STRICT;
INSERT INTO "journal" VALUES(1,'2026-11-26T12:20:59.759Z','group_created',NULL,'grp_20261126_092714_on_gpus',NULL,NULL,NULL,'{"name":"on_gpus"}');
INSERT INTO "journal" VALUES(2,'2026-11-26T12:20:59.759Z','group_created',NULL,'grp_20261126_092714_on_the_cpu',NULL,NULL,NULL,'{"name":"on_the_cpu"}');
INSERT INTO "journal" VALUES(3,'2026-11-26T12:20:59.759Z','group_created',NULL,'grp_20261126_092714_paused',NULL,NULL,NULL,'{"name":"paused"}');
INSERT INTO "journal" VALUES(4,'2026-11-26T12:20:59.759Z','group_created',NULL,'grp_20261126_092714_fast',NULL,NULL,NULL,'{"name":"fast"}');
INSERT INTO "journal" VALUES(5,'2026-11-26T12:20:59.759Z','group_created',NULL,'grp_20261126_092714_open',NULL,NULL,NULL,'{"name":"open"}');
INSERT INTO "journal" VALUES(6,'2026-11-26T12:20:59.759Z','enqueued','job_20261126_092714_0001','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0001","priority":0,"requires_gpu":1,"needs":{"cpus":1,"gpus":1,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(7,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0002','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0002","priority":0,"requires_gpu":1,"needs":{"cpus":1,"gpus":1,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(8,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0003','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0003","priority":0,"requires_gpu":1,"needs":{"cpus":1,"gpus":1,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(9,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0004','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0004","priority":0,"requires_gpu":1,"needs":{"cpus":1,"gpus":2,"vram_mb":1000,"mem_mb":0}}');
INSERT INTO "journal" VALUES(10,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0005","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(11,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0006','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0006","priority":0,"requires_gpu":0,"needs":{"cpus":2,"gpus":0,"vram_mb":0,"mem_mb":100}}');
INSERT INTO "journal" VALUES(12,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0007','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0007","priority":0,"requires_gpu":0,"needs":{"cpus":3,"gpus":0,"vram_mb":0,"mem_mb":200}}');
INSERT INTO "journal" VALUES(13,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0008','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0008","priority":0,"requires_gpu":0,"needs":{"cpus":4,"gpus":0,"vram_mb":0,"mem_mb":300}}');
INSERT INTO "journal" VALUES(14,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0009','grp_20261126_092714_paused',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0009","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(15,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0010','grp_20261126_092714_paused',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0010","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(16,'2026-11-26T12:20:59.760Z','enqueued','job_20261126_092714_0011','grp_20261126_092714_fast',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0011","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(17,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0012','grp_20261126_092714_fast',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0012","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(18,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0013','grp_20261126_092714_fast',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0013","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(19,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0014','grp_20261126_092714_open',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0014","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(20,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0015',NULL,NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0015","priority":0,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(21,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0016',NULL,NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0016","priority":1,"requires_gpu":1,"needs":{"cpus":1,"gpus":1,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(22,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0017',NULL,NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0017","priority":2,"requires_gpu":0,"needs":{"cpus":1,"gpus":0,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(23,'2026-11-26T12:20:59.761Z','enqueued','job_20261126_092714_0018',NULL,NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0018","priority":3,"requires_gpu":1,"needs":{"cpus":1,"gpus":1,"vram_mb":0,"mem_mb":0}}');
INSERT INTO "journal" VALUES(24,'2026-11-26T12:20:59.761Z','group_paused',NULL,'grp_20261126_092714_paused',NULL,NULL,NULL,'{}');
INSERT INTO "journal" VALUES(25,'2026-11-26T12:20:59.759Z','group_opened',NULL,'grp_20261126_092714_open',NULL,NULL,NULL,'{}');
INSERT INTO "journal" VALUES(26,'2026-11-26T12:20:59.795Z','claimed','job_20261126_092714_0018',NULL,'queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(27,'2026-11-26T12:20:59.795Z','claimed','job_20261126_092714_0001','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(28,'2026-11-26T12:20:59.795Z','claimed','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(29,'2026-11-26T12:20:59.795Z','claimed','job_20261126_092714_0011','grp_20261126_092714_fast','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(30,'2026-11-26T12:20:59.795Z','claimed','job_20261126_092714_0014','grp_20261126_092714_open','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(31,'2026-11-26T12:20:59.795Z','claimed','job_20261126_092714_0017',NULL,'queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(32,'2026-11-26T12:20:59.807Z','succeeded','job_20261126_092714_0001','grp_20261126_092714_on_gpus','running','succeeded',1,'{"error":null,"cause":"exit"}');
INSERT INTO "journal" VALUES(33,'2026-11-26T12:20:59.817Z','failed','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu','running','failed',1,'{"error":"exit code 3","cause":"exit"}');
INSERT INTO "journal" VALUES(34,'2026-11-26T12:20:59.827Z','canceled','job_20261126_092714_0011','grp_20261126_092714_fast','running','canceled',1,'{"error":"canceled while it was running","cause":"canceled"}');
INSERT INTO "journal" VALUES(35,'2026-11-26T12:20:59.835Z','requeued','job_20261126_092714_0014','grp_20261126_092714_open','running','queued',2,'{"error":"its supervisor was killed, so how it ended is not known","cause":"lost"}');
INSERT INTO "journal" VALUES(36,'2026-11-26T12:20:59.835Z','gates_set','job_20261126_092714_0017',NULL,NULL,NULL,2,'{"held":0,"blockers":0,"delayed":1,"not_before":"2026-11-26T09:30:00.000Z"}');
INSERT INTO "journal" VALUES(37,'2026-11-26T12:20:59.835Z','requeued','job_20261126_092714_0017',NULL,'running','queued',2,'{"error":"could not be started yet: no room","cause":"postponed"}');
INSERT INTO "journal" VALUES(38,'2026-11-26T12:20:59.840Z','retried','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu','failed','queued',2,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(39,'2026-11-26T12:20:59.847Z','claimed','job_20261126_092714_0002','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(40,'2026-11-26T12:20:59.847Z','claimed','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu','queued','running',2,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(41,'2026-11-26T12:20:59.847Z','claimed','job_20261126_092714_0012','grp_20261126_092714_fast','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(42,'2026-11-26T12:20:59.847Z','claimed','job_20261126_092714_0014','grp_20261126_092714_open','queued','running',2,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(43,'2026-11-26T12:20:59.847Z','claimed','job_20261126_092714_0016',NULL,'queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(44,'2026-11-26T12:20:59.856Z','failed','job_20261126_092714_0012','grp_20261126_092714_fast','running','failed',1,'{"error":"killed by signal 9 (SIGKILL)","cause":"signal"}');
INSERT INTO "journal" VALUES(45,'2026-11-26T12:20:59.856Z','canceled','job_20261126_092714_0013','grp_20261126_092714_fast','queued','canceled',1,'{"error":"not started: run 20261126-092714-sweep-0012 failed, and the plan says fail_fast","cause":"group_failed_fast"}');
INSERT INTO "journal" VALUES(46,'2026-11-26T12:20:59.857Z','claimed','job_20261126_092714_0003','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(47,'2026-11-26T12:20:59.860Z','priority_set','job_20261126_092714_0017',NULL,NULL,NULL,2,'{"priority":9}');
INSERT INTO "journal" VALUES(48,'2026-11-26T12:20:59.860Z','cancel_requested','job_20261126_092714_0018',NULL,NULL,NULL,1,'{}');
INSERT INTO "journal" VALUES(49,'2026-11-26T12:20:59.863Z','gates_set','job_20261126_092714_0004','grp_20261126_092714_on_gpus',NULL,NULL,1,'{"held":1,"blockers":0,"delayed":0,"not_before":null}');
CREATE TABLE lane_shapes (
    row_id    INTEGER PRIMARY KEY,
    lane_id   INTEGER NOT NULL REFERENCES lanes (lane_id),
    shape_id  INTEGER NOT NULL REFERENCES shapes (shape_id),
    ready     INTEGER NOT NULL DEFAULT 0 CHECK (ready >= 0),
    served    INTEGER NOT NULL,
    is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1)),
    UNIQUE (lane_id, shape_id)
) STRICT;
INSERT INTO "lane_shapes" VALUES(1,2,2,0,24,0);
INSERT INTO "lane_shapes" VALUES(2,2,3,0,24,0);
INSERT INTO "lane_shapes" VALUES(3,3,1,0,16,0);
INSERT INTO "lane_shapes" VALUES(4,3,4,1,16,0);
INSERT INTO "lane_shapes" VALUES(5,3,5,1,16,0);
INSERT INTO "lane_shapes" VALUES(6,3,6,1,16,0);
INSERT INTO "lane_shapes" VALUES(7,4,1,2,0,1);
INSERT INTO "lane_shapes" VALUES(8,5,1,0,18,0);
INSERT INTO "lane_shapes" VALUES(9,6,1,0,20,0);
INSERT INTO "lane_shapes" VALUES(10,1,1,1,22,0);
INSERT INTO "lane_shapes" VALUES(11,1,2,0,22,0);
CREATE TABLE lanes (
    lane_id    INTEGER PRIMARY KEY,
    served     INTEGER NOT NULL DEFAULT 0,
    is_paused  INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
    running    INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    succeeded  INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed     INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    canceled   INTEGER NOT NULL DEFAULT 0 CHECK (canceled >= 0)
, queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0)) STRICT;
INSERT INTO "lanes" VALUES(1,22,0,2,0,0,0,2);
INSERT INTO "lanes" VALUES(2,24,0,2,1,0,0,1);
INSERT INTO "lanes" VALUES(3,16,0,1,0,0,0,3);
INSERT INTO "lanes" VALUES(4,0,1,0,0,0,0,2);
INSERT INTO "lanes" VALUES(5,18,0,0,0,1,2,0);
INSERT INTO "lanes" VALUES(6,20,0,1,0,0,0,0);
CREATE TABLE shapes (
    shape_id INTEGER PRIMARY KEY,
    cpus     INTEGER NOT NULL DEFAULT 1 CHECK (cpus >= 1),
    gpus     INTEGER NOT NULL DEFAULT 0 CHECK (gpus >= 0),
    vram_mb  INTEGER NOT NULL DEFAULT 0 CHECK (vram_mb >= 0 AND (vram_mb = 0 OR gpus > 0)),
    mem_mb   INTEGER NOT NULL DEFAULT 0 CHECK (mem_mb >= 0),
    backend  TEXT NOT NULL DEFAULT 'local',
    UNIQUE (gpus, cpus, vram_mb, mem_mb, backend)
) STRICT;
INSERT INTO "shapes" VALUES(1,1,0,0,0,'local');
INSERT INTO "shapes" VALUES(2,1,1,0,0,'local');
INSERT INTO "shapes" VALUES(3,1,2,1000,0,'local');
INSERT INTO "shapes" VALUES(4,2,0,0,100,'local');
INSERT INTO "shapes" VALUES(5,3,0,0,200,'local');
INSERT INTO "shapes" VALUES(6,4,0,0,300,'local');
CREATE TABLE "slots" (
    slot_no INTEGER PRIMARY KEY CHECK (slot_no >= 0),
    job_id  TEXT NOT NULL UNIQUE REFERENCES jobs (job_id)
) STRICT;
INSERT INTO "slots" VALUES(0,'job_20261126_092714_0018');
INSERT INTO "slots" VALUES(1,'job_20261126_092714_0002');
INSERT INTO "slots" VALUES(2,'job_20261126_092714_0005');
INSERT INTO "slots" VALUES(3,'job_20261126_092714_0003');
INSERT INTO "slots" VALUES(4,'job_20261126_092714_0014');
INSERT INTO "slots" VALUES(5,'job_20261126_092714_0016');
CREATE TABLE transitions (
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    event      TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;
INSERT INTO "transitions" VALUES('canceled','queued','retried');
INSERT INTO "transitions" VALUES('failed','queued','retried');
INSERT INTO "transitions" VALUES('queued','canceled','canceled');
INSERT INTO "transitions" VALUES('queued','failed','failed');
INSERT INTO "transitions" VALUES('queued','running','claimed');
INSERT INTO "transitions" VALUES('running','canceled','canceled');
INSERT INTO "transitions" VALUES('running','failed','failed');
INSERT INTO "transitions" VALUES('running','queued','requeued');
INSERT INTO "transitions" VALUES('running','succeeded','succeeded');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX journal_by_job ON journal (job_id, seq);
CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_keeps_everything BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER daemon_epoch_only_grows BEFORE UPDATE OF epoch ON daemon
WHEN NEW.epoch < OLD.epoch
BEGIN SELECT RAISE(ABORT, 'the epoch never goes back'); END;
CREATE INDEX groups_by_lane ON groups (lane_id);
CREATE UNIQUE INDEX one_live_job_per_run ON jobs (run_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_running ON jobs (seq) WHERE state = 'running';
CREATE INDEX jobs_by_group ON jobs (group_id, seq);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE TRIGGER jobs_start_queued BEFORE INSERT ON jobs
WHEN NEW.state <> 'queued' OR NEW.attempt <> 1
BEGIN SELECT RAISE(ABORT, 'illegal transition: a job starts queued, at attempt 1'); END;
CREATE TRIGGER jobs_follow_transitions BEFORE UPDATE OF state ON jobs
WHEN NEW.state <> OLD.state
     AND NOT EXISTS (SELECT 1 FROM transitions
                     WHERE from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'illegal transition'); END;
CREATE TRIGGER jobs_count_attempts BEFORE UPDATE OF state, attempt ON jobs
WHEN NEW.attempt <> OLD.attempt + (NEW.state = 'queued' AND OLD.state <> 'queued')
BEGIN SELECT RAISE(ABORT, 'illegal transition: an attempt is counted once, on the way back to queued'); END;
CREATE TRIGGER jobs_keep_identity BEFORE UPDATE OF job_id, run_id, group_id, lane_id ON jobs
WHEN NEW.job_id <> OLD.job_id OR NEW.run_id <> OLD.run_id OR NEW.group_id IS NOT OLD.group_id
     OR NEW.lane_id <> OLD.lane_id
BEGIN SELECT RAISE(ABORT, 'a job keeps its identity'); END;
CREATE TRIGGER jobs_live_are_kept BEFORE DELETE ON jobs
WHEN OLD.state IN ('queued', 'running')
BEGIN SELECT RAISE(ABORT, 'a live job cannot be deleted'); END;
CREATE TRIGGER jobs_reprioritised AFTER UPDATE OF priority ON jobs
WHEN NEW.priority <> OLD.priority
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'priority_set', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('priority', NEW.priority));
END;
CREATE TRIGGER jobs_asked_to_cancel AFTER UPDATE OF cancel_requested ON jobs
WHEN NEW.cancel_requested = 1 AND OLD.cancel_requested = 0
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt)
    VALUES (NEW.updated_at, 'cancel_requested', NEW.job_id, NEW.group_id, NEW.attempt);
END;
CREATE TRIGGER jobs_pruned AFTER DELETE ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, from_state, attempt)
    VALUES (OLD.updated_at, 'pruned', OLD.job_id, OLD.group_id, OLD.state, OLD.attempt);
    UPDATE lanes SET succeeded = succeeded - (OLD.state = 'succeeded'),
                     failed    = failed    - (OLD.state = 'failed'),
                     canceled  = canceled  - (OLD.state = 'canceled')
    WHERE lane_id = OLD.lane_id;
END;
CREATE TRIGGER groups_paused AFTER UPDATE OF is_paused ON groups
WHEN NEW.is_paused <> OLD.is_paused
BEGIN
    UPDATE lanes SET is_paused = NEW.is_paused WHERE lane_id = NEW.lane_id;
    INSERT INTO journal (at, event, group_id)
    VALUES (NEW.updated_at, CASE NEW.is_paused WHEN 1 THEN 'group_paused' ELSE 'group_resumed' END,
            NEW.group_id);
END;
CREATE TRIGGER groups_canceled AFTER UPDATE OF is_canceled ON groups
WHEN NEW.is_canceled <> OLD.is_canceled
BEGIN
    INSERT INTO journal (at, event, group_id)
    VALUES (NEW.updated_at,
            CASE NEW.is_canceled WHEN 1 THEN 'group_canceled' ELSE 'group_reopened' END,
            NEW.group_id);
END;
CREATE INDEX lanes_ready ON lane_shapes (shape_id, served, lane_id) WHERE ready > 0 AND is_paused = 0;
CREATE INDEX jobs_next ON jobs (lane_id, shape_id, is_gated, priority DESC, place, seq)
    WHERE state = 'queued';
CREATE INDEX jobs_delayed ON jobs (not_before) WHERE state = 'queued' AND delayed = 1;
CREATE VIEW full_jobs AS
SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, cpus, gpus, vram_mb, mem_mb, attempt, lost,
       cancel_requested, dry_run_seconds, overrides, created_at, updated_at, started_at, finished_at, error, cause,
       metric_name, metric_value, held, blockers, delayed, not_before
FROM jobs CROSS JOIN shapes USING (shape_id);
CREATE INDEX grants_by_device ON device_grants (device);
CREATE TRIGGER devices_are_granted_once BEFORE INSERT ON device_grants
WHEN EXISTS (SELECT 1 FROM device_grants
             WHERE device = NEW.device AND (share_mb IS NULL OR NEW.share_mb IS NULL))
BEGIN SELECT RAISE(ABORT, 'a device that is granted whole is granted once'); END;
CREATE TRIGGER devices_stay_granted_once BEFORE UPDATE ON device_grants
WHEN NEW.device IS NOT OLD.device OR NEW.job_id <> OLD.job_id OR (NEW.share_mb IS NULL AND OLD.share_mb IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a grant can only shrink'); END;
CREATE TRIGGER jobs_enqueued AFTER INSERT ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, to_state, attempt, detail)
    SELECT NEW.updated_at, 'enqueued', NEW.job_id, NEW.group_id, NEW.state, NEW.attempt,
           json_object('run_id', NEW.run_id, 'priority', NEW.priority, 'requires_gpu', gpus > 0,
                       'needs', json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb))
    FROM shapes WHERE shape_id = NEW.shape_id;
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT NEW.updated_at, 'gates_set', NEW.job_id, NEW.group_id, NEW.attempt,
           json_object('held', NEW.held, 'blockers', NEW.blockers, 'delayed', NEW.delayed,
                       'not_before', NEW.not_before)
    WHERE NEW.is_gated = 1 OR NEW.not_before IS NOT NULL;
    UPDATE lanes SET queued = queued + 1 WHERE lane_id = NEW.lane_id;
    INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_paused)
    SELECT lane_id, NEW.shape_id, NEW.is_gated = 0, served, is_paused FROM lanes WHERE lane_id = NEW.lane_id
    ON CONFLICT (lane_id, shape_id) DO UPDATE SET ready = ready + excluded.ready;
END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN NEW.state <> OLD.state
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, from_state, to_state, attempt, detail)
    VALUES (NEW.updated_at,
            (SELECT event FROM transitions
             WHERE from_state = OLD.state AND to_state = NEW.state),
            NEW.job_id, NEW.group_id, OLD.state, NEW.state, NEW.attempt,
            json_object('error', NEW.error, 'cause', NEW.cause));
    UPDATE lanes SET
        queued    = queued    - (OLD.state = 'queued')    + (NEW.state = 'queued'),
        running   = running   - (OLD.state = 'running')   + (NEW.state = 'running'),
        succeeded = succeeded - (OLD.state = 'succeeded') + (NEW.state = 'succeeded'),
        failed    = failed    - (OLD.state = 'failed')    + (NEW.state = 'failed'),
        canceled  = canceled  - (OLD.state = 'canceled')  + (NEW.state = 'canceled')
    WHERE lane_id = NEW.lane_id;
END;
CREATE TRIGGER jobs_counted AFTER UPDATE OF state, shape_id, held, blockers, delayed ON jobs
WHEN (OLD.state = 'queued' AND OLD.is_gated = 0) <> (NEW.state = 'queued' AND NEW.is_gated = 0)
     OR NEW.shape_id <> OLD.shape_id
BEGIN
    UPDATE lane_shapes SET ready = ready - 1
    WHERE lane_id = OLD.lane_id AND shape_id = OLD.shape_id AND OLD.state = 'queued' AND OLD.is_gated = 0;
    INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_paused)
    SELECT lane_id, NEW.shape_id, 1, served, is_paused FROM lanes
    WHERE lane_id = NEW.lane_id AND NEW.state = 'queued' AND NEW.is_gated = 0
    ON CONFLICT (lane_id, shape_id) DO UPDATE SET ready = ready + 1;
END;
CREATE TRIGGER jobs_gated AFTER UPDATE OF held, blockers, delayed, not_before ON jobs
WHEN NEW.held <> OLD.held OR NEW.blockers <> OLD.blockers OR NEW.delayed <> OLD.delayed
     OR NEW.not_before IS NOT OLD.not_before
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'gates_set', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('held', NEW.held, 'blockers', NEW.blockers, 'delayed', NEW.delayed,
                        'not_before', NEW.not_before));
END;
CREATE TRIGGER jobs_reshaped AFTER UPDATE OF shape_id ON jobs WHEN NEW.shape_id <> OLD.shape_id
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT NEW.updated_at, 'needs_set', NEW.job_id, NEW.group_id, NEW.attempt,
           json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb)
    FROM shapes WHERE shape_id = NEW.shape_id;
END;
CREATE TRIGGER jobs_gates_hold BEFORE UPDATE OF state ON jobs
WHEN NEW.state = 'running' AND OLD.state <> 'running' AND (NEW.held = 1 OR NEW.blockers > 0 OR NEW.delayed = 1)
BEGIN SELECT RAISE(ABORT, 'illegal transition: a job that is held, blocked or delayed cannot start'); END;
CREATE TRIGGER lanes_turned AFTER UPDATE OF served, is_paused ON lanes
WHEN NEW.served <> OLD.served OR NEW.is_paused <> OLD.is_paused
BEGIN
    UPDATE lane_shapes SET served = NEW.served, is_paused = NEW.is_paused WHERE lane_id = NEW.lane_id;
END;
CREATE TRIGGER groups_opened AFTER UPDATE OF is_open ON groups WHEN NEW.is_open <> OLD.is_open
BEGIN
    INSERT INTO journal (at, event, group_id)
    VALUES (NEW.updated_at, CASE NEW.is_open WHEN 1 THEN 'group_opened' ELSE 'group_closed' END, NEW.group_id);
END;
CREATE TRIGGER groups_created AFTER INSERT ON groups
BEGIN
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_created', NEW.group_id, json_object('name', NEW.name));
    INSERT INTO journal (at, event, group_id)
    SELECT NEW.updated_at, 'group_opened', NEW.group_id WHERE NEW.is_open = 1;
END;
CREATE TRIGGER groups_pruned AFTER DELETE ON groups
BEGIN
    INSERT INTO journal (at, event, group_id) VALUES (OLD.updated_at, 'group_pruned', OLD.group_id);
    DELETE FROM lane_shapes WHERE lane_id = OLD.lane_id;
    DELETE FROM lanes WHERE lane_id = OLD.lane_id;
END;
CREATE TRIGGER shapes_are_kept BEFORE UPDATE ON shapes
BEGIN SELECT RAISE(ABORT, 'a shape is never changed'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',49);
INSERT INTO "sqlite_sequence" VALUES('jobs',18);
COMMIT;
