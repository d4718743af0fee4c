PRAGMA application_id=1380861511;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'runforge','001_journal','2026-11-26 09:27:14.385888+00:00');
CREATE TABLE attempts (
    job_id      TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    run_id      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    token       TEXT NOT NULL UNIQUE,
    epoch       INTEGER NOT NULL,
    gpu_uuid    TEXT,
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    cause       TEXT,
    error       TEXT,
    exit_code   INTEGER,
    signal      INTEGER,
    PRIMARY KEY (job_id, attempt),
    CHECK ((finished_at IS NULL) = (cause IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO "attempts" VALUES('job_20261126_092714_0001','20261126-092714-sweep-0001',1,'00000000000000000000000000000001',1,NULL,'2026-11-26T09:27:15.511Z','2026-11-26T09:27:15.523Z','exit',NULL,0,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0002','20261126-092714-sweep-0002',1,'00000000000000000000000000000002',1,NULL,'2026-11-26T09:27:15.545Z','2026-11-26T09:27:15.559Z','exit','exit code 3',3,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0003','20261126-092714-sweep-0003',1,'00000000000000000000000000000003',1,NULL,'2026-11-26T09:27:15.560Z','2026-11-26T09:27:15.574Z','lost','lost',NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0003','20261126-092714-sweep-0003',2,'00000000000000000000000000000004',1,NULL,'2026-11-26T09:27:15.583Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0004','20261126-092714-sweep-0004',1,'00000000000000000000000000000005',1,NULL,'2026-11-26T09:27:15.599Z','2026-11-26T09:27:15.607Z','lost','lost',NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0005','20261126-092714-sweep-0005',1,'00000000000000000000000000000006',1,NULL,'2026-11-26T09:27:15.615Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0009','20261126-092714-sweep-0009',1,'00000000000000000000000000000007',1,'GPU-aaaa','2026-11-26T09:27:15.616Z','2026-11-26T09:27:15.623Z','exit',NULL,0,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0010','20261126-092714-sweep-0010',1,'00000000000000000000000000000008',1,'GPU-aaaa','2026-11-26T09:27:15.625Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0011','20261126-092714-sweep-0011',1,'00000000000000000000000000000009',1,'GPU-bbbb','2026-11-26T09:27:15.634Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092714_0012','20261126-092714-sweep-0012',1,'0000000000000000000000000000000a',1,'GPU-aaaa','2026-11-26T09:27:15.649Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES('job_20261126_092715_0021','single-3',1,'0000000000000000000000000000000b',1,NULL,'2026-11-26T09:27:15.655Z',NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "daemon" VALUES(1,1,4711,1,'another','2026-11-26T09:27:15.484Z',7,4,'running','run',NULL,11,NULL,22,19);
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
) STRICT, WITHOUT ROWID;
INSERT INTO "groups" VALUES('grp_20261126_092714_on_gpus',3,'on gpus',NULL,'2026-11-26T09:27:14.693Z','runforge@0.5.0','2026-11-26T09:27:14.693Z',2,0,NULL,'maximize',0,0,'2026-11-26T09:27:15.616Z',NULL);
INSERT INTO "groups" VALUES('grp_20261126_092714_on_the_cpu',2,'on the cpu',NULL,'2026-11-26T09:27:14.434Z','runforge@0.5.0','2026-11-26T09:27:14.434Z',2,0,NULL,'maximize',0,0,'2026-11-26T09:27:15.511Z',NULL);
INSERT INTO "groups" VALUES('grp_20261126_092714_paused',4,'paused',NULL,'2026-11-26T09:27:14.928Z','runforge@0.5.0','2026-11-26T09:27:15.376Z',2,0,NULL,'maximize',1,0,NULL,NULL);
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
    requires_gpu     INTEGER NOT NULL CHECK (requires_gpu IN (0, 1)),
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
    metric_value     REAL,
    CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (state <> 'succeeded' OR error IS NULL)
) STRICT;
INSERT INTO "jobs" VALUES(1,'job_20261126_092714_0001','20261126-092714-sweep-0001','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0001',0,'succeeded',0,1,0,0,NULL,'{"model.hyperparameters.C": 1}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.523Z','2026-11-26T09:27:15.511Z','2026-11-26T09:27:15.523Z',NULL,'exit','accuracy',0.9);
INSERT INTO "jobs" VALUES(2,'job_20261126_092714_0002','20261126-092714-sweep-0002','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0002',0,'failed',0,1,0,0,NULL,'{"model.hyperparameters.C": 2}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.559Z','2026-11-26T09:27:15.545Z','2026-11-26T09:27:15.559Z','exit code 3','exit',NULL,NULL);
INSERT INTO "jobs" VALUES(3,'job_20261126_092714_0003','20261126-092714-sweep-0003','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0003',0,'running',0,2,1,0,NULL,'{"model.hyperparameters.C": 3}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.583Z','2026-11-26T09:27:15.583Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(4,'job_20261126_092714_0004','20261126-092714-sweep-0004','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0004',0,'queued',0,2,1,0,NULL,'{"model.hyperparameters.C": 4}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.607Z',NULL,NULL,'lost','lost',NULL,NULL);
INSERT INTO "jobs" VALUES(5,'job_20261126_092714_0005','20261126-092714-sweep-0005','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0005',0,'running',0,1,0,0,NULL,'{"model.hyperparameters.C": 5}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.615Z','2026-11-26T09:27:15.615Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(6,'job_20261126_092714_0006','20261126-092714-sweep-0006','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0006',0,'queued',0,1,0,0,NULL,'{"model.hyperparameters.C": 6}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:14.434Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(7,'job_20261126_092714_0007','20261126-092714-sweep-0007','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0007',5,'queued',0,1,0,0,NULL,'{"model.hyperparameters.C": 7}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.830Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(8,'job_20261126_092714_0008','20261126-092714-sweep-0008','grp_20261126_092714_on_the_cpu',2,'.runforge/runs/20261126-092714-sweep-0008',0,'canceled',0,1,0,0,NULL,'{"model.hyperparameters.C": 8}','2026-11-26T09:27:14.434Z','2026-11-26T09:27:15.688Z',NULL,'2026-11-26T09:27:15.688Z','canceled before it started','canceled',NULL,NULL);
INSERT INTO "jobs" VALUES(9,'job_20261126_092714_0009','20261126-092714-sweep-0009','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0009',0,'succeeded',1,1,0,0,NULL,'{"model.hyperparameters.C": 1}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:15.623Z','2026-11-26T09:27:15.616Z','2026-11-26T09:27:15.623Z',NULL,'exit','accuracy',0.8);
INSERT INTO "jobs" VALUES(10,'job_20261126_092714_0010','20261126-092714-sweep-0010','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0010',0,'running',1,1,0,0,NULL,'{"model.hyperparameters.C": 2}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:15.625Z','2026-11-26T09:27:15.625Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(11,'job_20261126_092714_0011','20261126-092714-sweep-0011','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0011',0,'running',1,1,0,1,NULL,'{"model.hyperparameters.C": 3}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:15.762Z','2026-11-26T09:27:15.634Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(12,'job_20261126_092714_0012','20261126-092714-sweep-0012','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0012',0,'running',1,1,0,0,NULL,'{"model.hyperparameters.C": 4}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:15.649Z','2026-11-26T09:27:15.649Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(13,'job_20261126_092714_0013','20261126-092714-sweep-0013','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0013',0,'queued',1,1,0,0,NULL,'{"model.hyperparameters.C": 5}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:14.693Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(14,'job_20261126_092714_0014','20261126-092714-sweep-0014','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0014',0,'queued',1,1,0,0,NULL,'{"model.hyperparameters.C": 6}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:14.693Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(15,'job_20261126_092714_0015','20261126-092714-sweep-0015','grp_20261126_092714_on_gpus',3,'.runforge/runs/20261126-092714-sweep-0015',0,'queued',1,1,0,0,NULL,'{"model.hyperparameters.C": 7}','2026-11-26T09:27:14.693Z','2026-11-26T09:27:14.693Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(16,'job_20261126_092714_0016','20261126-092714-sweep-0016','grp_20261126_092714_paused',4,'.runforge/runs/20261126-092714-sweep-0016',0,'queued',0,1,0,0,NULL,'{"model.hyperparameters.C": 1}','2026-11-26T09:27:14.928Z','2026-11-26T09:27:14.928Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(17,'job_20261126_092714_0017','20261126-092714-sweep-0017','grp_20261126_092714_paused',4,'.runforge/runs/20261126-092714-sweep-0017',0,'queued',0,1,0,0,NULL,'{"model.hyperparameters.C": 2}','2026-11-26T09:27:14.928Z','2026-11-26T09:27:14.928Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(18,'job_20261126_092714_0018','20261126-092714-sweep-0018','grp_20261126_092714_paused',4,'.runforge/runs/20261126-092714-sweep-0018',0,'queued',0,1,0,0,NULL,'{"model.hyperparameters.C": 3}','2026-11-26T09:27:14.928Z','2026-11-26T09:27:14.928Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(19,'job_20261126_092715_0019','single-1',NULL,1,'.runforge/runs/single-1',0,'queued',0,1,0,0,NULL,'{}','2026-11-26T09:27:15.158Z','2026-11-26T09:27:15.158Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(20,'job_20261126_092715_0020','single-2',NULL,1,'.runforge/runs/single-2',3,'queued',0,1,0,0,NULL,'{}','2026-11-26T09:27:15.237Z','2026-11-26T09:27:15.237Z',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(21,'job_20261126_092715_0021','single-3',NULL,1,'.runforge/runs/single-3',0,'running',1,1,0,0,NULL,'{}','2026-11-26T09:27:15.305Z','2026-11-26T09:27:15.655Z','2026-11-26T09:27:15.655Z',NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "journal" VALUES(1,'2026-11-26T09:27:14.434Z','group_created',NULL,'grp_20261126_092714_on_the_cpu',NULL,NULL,NULL,'{"name":"on the cpu"}');
INSERT INTO "journal" VALUES(2,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0001','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0001","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(3,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0002','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0002","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(4,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0003','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0003","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(5,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0004','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0004","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(6,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0005","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(7,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0006','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0006","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(8,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0007','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0007","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(9,'2026-11-26T09:27:14.434Z','enqueued','job_20261126_092714_0008','grp_20261126_092714_on_the_cpu',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0008","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(10,'2026-11-26T09:27:14.693Z','group_created',NULL,'grp_20261126_092714_on_gpus',NULL,NULL,NULL,'{"name":"on gpus"}');
INSERT INTO "journal" VALUES(11,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0009','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0009","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(12,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0010','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0010","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(13,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0011','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0011","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(14,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0012','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0012","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(15,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0013','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0013","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(16,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0014','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0014","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(17,'2026-11-26T09:27:14.693Z','enqueued','job_20261126_092714_0015','grp_20261126_092714_on_gpus',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0015","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(18,'2026-11-26T09:27:14.928Z','group_created',NULL,'grp_20261126_092714_paused',NULL,NULL,NULL,'{"name":"paused"}');
INSERT INTO "journal" VALUES(19,'2026-11-26T09:27:14.928Z','enqueued','job_20261126_092714_0016','grp_20261126_092714_paused',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0016","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(20,'2026-11-26T09:27:14.928Z','enqueued','job_20261126_092714_0017','grp_20261126_092714_paused',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0017","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(21,'2026-11-26T09:27:14.928Z','enqueued','job_20261126_092714_0018','grp_20261126_092714_paused',NULL,'queued',1,'{"run_id":"20261126-092714-sweep-0018","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(22,'2026-11-26T09:27:15.158Z','enqueued','job_20261126_092715_0019',NULL,NULL,'queued',1,'{"run_id":"single-1","priority":0,"requires_gpu":0}');
INSERT INTO "journal" VALUES(23,'2026-11-26T09:27:15.237Z','enqueued','job_20261126_092715_0020',NULL,NULL,'queued',1,'{"run_id":"single-2","priority":3,"requires_gpu":0}');
INSERT INTO "journal" VALUES(24,'2026-11-26T09:27:15.305Z','enqueued','job_20261126_092715_0021',NULL,NULL,'queued',1,'{"run_id":"single-3","priority":0,"requires_gpu":1}');
INSERT INTO "journal" VALUES(25,'2026-11-26T09:27:15.376Z','group_paused',NULL,'grp_20261126_092714_paused',NULL,NULL,NULL,'{}');
INSERT INTO "journal" VALUES(26,'2026-11-26T09:27:15.511Z','claimed','job_20261126_092714_0001','grp_20261126_092714_on_the_cpu','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(27,'2026-11-26T09:27:15.523Z','succeeded','job_20261126_092714_0001','grp_20261126_092714_on_the_cpu','running','succeeded',1,'{"error":null,"cause":"exit"}');
INSERT INTO "journal" VALUES(28,'2026-11-26T09:27:15.545Z','claimed','job_20261126_092714_0002','grp_20261126_092714_on_the_cpu','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(29,'2026-11-26T09:27:15.559Z','failed','job_20261126_092714_0002','grp_20261126_092714_on_the_cpu','running','failed',1,'{"error":"exit code 3","cause":"exit"}');
INSERT INTO "journal" VALUES(30,'2026-11-26T09:27:15.560Z','claimed','job_20261126_092714_0003','grp_20261126_092714_on_the_cpu','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(31,'2026-11-26T09:27:15.574Z','requeued','job_20261126_092714_0003','grp_20261126_092714_on_the_cpu','running','queued',2,'{"error":"lost","cause":"lost"}');
INSERT INTO "journal" VALUES(32,'2026-11-26T09:27:15.583Z','claimed','job_20261126_092714_0003','grp_20261126_092714_on_the_cpu','queued','running',2,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(33,'2026-11-26T09:27:15.599Z','claimed','job_20261126_092714_0004','grp_20261126_092714_on_the_cpu','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(34,'2026-11-26T09:27:15.607Z','requeued','job_20261126_092714_0004','grp_20261126_092714_on_the_cpu','running','queued',2,'{"error":"lost","cause":"lost"}');
INSERT INTO "journal" VALUES(35,'2026-11-26T09:27:15.615Z','claimed','job_20261126_092714_0005','grp_20261126_092714_on_the_cpu','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(36,'2026-11-26T09:27:15.616Z','claimed','job_20261126_092714_0009','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(37,'2026-11-26T09:27:15.623Z','succeeded','job_20261126_092714_0009','grp_20261126_092714_on_gpus','running','succeeded',1,'{"error":null,"cause":"exit"}');
INSERT INTO "journal" VALUES(38,'2026-11-26T09:27:15.625Z','claimed','job_20261126_092714_0010','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(39,'2026-11-26T09:27:15.634Z','claimed','job_20261126_092714_0011','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(40,'2026-11-26T09:27:15.649Z','claimed','job_20261126_092714_0012','grp_20261126_092714_on_gpus','queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(41,'2026-11-26T09:27:15.655Z','claimed','job_20261126_092715_0021',NULL,'queued','running',1,'{"error":null,"cause":null}');
INSERT INTO "journal" VALUES(42,'2026-11-26T09:27:15.688Z','canceled','job_20261126_092714_0008','grp_20261126_092714_on_the_cpu','queued','canceled',1,'{"error":"canceled before it started","cause":"canceled"}');
INSERT INTO "journal" VALUES(43,'2026-11-26T09:27:15.762Z','cancel_requested','job_20261126_092714_0011','grp_20261126_092714_on_gpus',NULL,NULL,1,'{}');
INSERT INTO "journal" VALUES(44,'2026-11-26T09:27:15.830Z','priority_set','job_20261126_092714_0007','grp_20261126_092714_on_the_cpu',NULL,NULL,1,'{"priority":5}');
CREATE TABLE lanes (
    lane_id    INTEGER PRIMARY KEY,
    served     INTEGER NOT NULL DEFAULT 0,
    is_paused  INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
    queued_cpu INTEGER NOT NULL DEFAULT 0 CHECK (queued_cpu >= 0),
    queued_gpu INTEGER NOT NULL DEFAULT 0 CHECK (queued_gpu >= 0),
    running    INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    succeeded  INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed     INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    canceled   INTEGER NOT NULL DEFAULT 0 CHECK (canceled >= 0)
) STRICT;
INSERT INTO "lanes" VALUES(1,22,0,2,0,1,0,0,0);
INSERT INTO "lanes" VALUES(2,12,0,3,0,2,1,1,1);
INSERT INTO "lanes" VALUES(3,20,0,0,3,3,1,0,0);
INSERT INTO "lanes" VALUES(4,0,1,3,0,0,0,0,0);
CREATE TABLE slots (
    kind    TEXT NOT NULL CHECK (kind IN ('cpu', 'gpu')),
    slot_no INTEGER NOT NULL CHECK (slot_no >= 0),
    job_id  TEXT NOT NULL REFERENCES jobs (job_id),
    PRIMARY KEY (kind, slot_no),
    UNIQUE (job_id, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO "slots" VALUES('cpu',0,'job_20261126_092714_0003');
INSERT INTO "slots" VALUES('cpu',1,'job_20261126_092714_0005');
INSERT INTO "slots" VALUES('cpu',2,'job_20261126_092714_0010');
INSERT INTO "slots" VALUES('cpu',3,'job_20261126_092714_0011');
INSERT INTO "slots" VALUES('cpu',4,'job_20261126_092714_0012');
INSERT INTO "slots" VALUES('cpu',5,'job_20261126_092715_0021');
INSERT INTO "slots" VALUES('gpu',0,'job_20261126_092714_0010');
INSERT INTO "slots" VALUES('gpu',1,'job_20261126_092714_0011');
INSERT INTO "slots" VALUES('gpu',2,'job_20261126_092714_0012');
INSERT INTO "slots" VALUES('gpu',3,'job_20261126_092715_0021');
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
CREATE INDEX lanes_with_cpu_work ON lanes (served, lane_id)
    WHERE is_paused = 0 AND queued_cpu > 0;
CREATE INDEX lanes_with_gpu_work ON lanes (served, lane_id)
    WHERE is_paused = 0 AND queued_gpu > 0;
CREATE INDEX groups_by_lane ON groups (lane_id);
CREATE UNIQUE INDEX one_live_job_per_run ON jobs (run_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_next ON jobs (lane_id, requires_gpu, priority DESC, seq) WHERE state = 'queued';
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
CREATE TRIGGER jobs_enqueued AFTER INSERT ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, to_state, attempt, detail)
    VALUES (NEW.updated_at, 'enqueued', NEW.job_id, NEW.group_id, NEW.state, NEW.attempt,
            json_object('run_id', NEW.run_id, 'priority', NEW.priority,
                        'requires_gpu', NEW.requires_gpu));
    UPDATE lanes SET queued_cpu = queued_cpu + (NEW.requires_gpu = 0),
                     queued_gpu = queued_gpu + (NEW.requires_gpu = 1)
    WHERE lane_id = NEW.lane_id;
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
        queued_cpu = queued_cpu - (OLD.state = 'queued' AND NEW.requires_gpu = 0)
                                + (NEW.state = 'queued' AND NEW.requires_gpu = 0),
        queued_gpu = queued_gpu - (OLD.state = 'queued' AND NEW.requires_gpu = 1)
                                + (NEW.state = 'queued' AND NEW.requires_gpu = 1),
        running    = running    - (OLD.state = 'running')   + (NEW.state = 'running'),
        succeeded  = succeeded  - (OLD.state = 'succeeded') + (NEW.state = 'succeeded'),
        failed     = failed     - (OLD.state = 'failed')    + (NEW.state = 'failed'),
        canceled   = canceled   - (OLD.state = 'canceled')  + (NEW.state = 'canceled')
    WHERE lane_id = NEW.lane_id;
END;
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
CREATE TRIGGER groups_created AFTER INSERT ON groups
BEGIN
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_created', NEW.group_id, json_object('name', NEW.name));
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
CREATE TRIGGER groups_pruned AFTER DELETE ON groups
BEGIN
    INSERT INTO journal (at, event, group_id) VALUES (OLD.updated_at, 'group_pruned', OLD.group_id);
    DELETE FROM lanes WHERE lane_id = OLD.lane_id;
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',44);
INSERT INTO "sqlite_sequence" VALUES('jobs',21);
COMMIT;
