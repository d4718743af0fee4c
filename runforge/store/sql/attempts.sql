-- name: insert
INSERT INTO attempts (job_id, run_id, attempt, token, epoch, devices, place, started_at)
VALUES (:job_id, :run_id, :attempt, :token, :epoch, :devices, :place, :now);

-- name: note_place
UPDATE attempts SET place = :place WHERE job_id = :job_id AND attempt = :attempt AND finished_at IS NULL;

-- name: begin
UPDATE attempts SET begun_at = :begun_at, node = :node
WHERE job_id = :job_id AND attempt = :attempt AND finished_at IS NULL;

-- name: places
-- Where those of these jobs are that are in a cluster. Without any such attempt nothing is looked for.
SELECT jobs.job_id, attempts.place, node FROM jobs CROSS JOIN attempts USING (job_id, attempt)
WHERE EXISTS (SELECT 1 FROM attempts INDEXED BY attempts_elsewhere WHERE place IS NOT NULL)
  AND jobs.seq BETWEEN :first AND :last AND attempts.place IS NOT NULL;

-- name: elsewhere
-- How many running attempts are on this machine, and how many in a cluster.
SELECT count(*) FILTER (WHERE attempts.place IS NULL) AS here,
       count(*) FILTER (WHERE attempts.place IS NOT NULL) AS there
FROM jobs INDEXED BY slots_in_use CROSS JOIN attempts USING (job_id, attempt) WHERE jobs.state = 'running';

-- name: end
UPDATE attempts SET finished_at = :now, cause = :cause, error = :error, exit_code = :exit_code,
                    signal = :signal, signature = :signature
WHERE job_id = :job_id AND attempt = :attempt AND finished_at IS NULL;

-- name: of_job
SELECT * FROM attempts WHERE job_id = :job_id ORDER BY attempt;

-- name: all
-- Every attempt there has been, for checks.
SELECT * FROM attempts ORDER BY started_at, job_id, attempt;

-- name: unstarted
-- How many of the last attempts that count as lost never came to start.
SELECT count(*) FROM (
    SELECT cause FROM attempts
    WHERE job_id = :job_id AND finished_at IS NOT NULL AND cause NOT IN ('postponed', 'preempted', 'yielded')
    ORDER BY attempt DESC LIMIT :lost)
WHERE cause = 'launch_failed';

-- name: last_signatures
-- Those of a job's last attempts, the newest first.
SELECT signature FROM attempts WHERE job_id = :job_id AND finished_at IS NOT NULL
ORDER BY attempt DESC LIMIT :limit;

-- name: running
SELECT attempts.* FROM jobs INDEXED BY slots_in_use CROSS JOIN attempts USING (job_id, attempt)
WHERE jobs.state = 'running' ORDER BY jobs.seq;

-- name: taken
-- The slots in use, and what their jobs need.
SELECT slot_no, cpus, mem_mb, gpus FROM slots CROSS JOIN jobs USING (job_id) CROSS JOIN shapes USING (shape_id);

-- name: slots
SELECT slot_no, job_id FROM slots;

-- name: grants
-- `asked_mb` is the memory that the run wants of each device; 0: it said nothing.
SELECT slot_no, job_id, device, share_mb, vram_mb AS asked_mb
FROM device_grants CROSS JOIN jobs USING (job_id) CROSS JOIN shapes USING (shape_id);

-- name: peaks_of_recipe
-- What the newest runs of a recipe that succeeded have used of their devices, if somebody watched most of the time.
SELECT overrides, peak_vram FROM jobs CROSS JOIN resources USING (job_id, attempt)
WHERE recipe = :recipe AND finished_at IS NOT NULL AND state = 'succeeded' AND peak_vram <> '{}'
  AND ifnull(watched, 1) >= 0.5
ORDER BY finished_at DESC LIMIT :limit;

-- name: quarantined
SELECT device, since, reason FROM quarantined ORDER BY since, device;

-- name: quarantine
INSERT INTO quarantined (device, since, reason) VALUES (:device, :now, :reason) ON CONFLICT DO NOTHING;

-- name: release_device
DELETE FROM quarantined WHERE device = :device;

-- name: forgive_device
UPDATE attempts SET device_failed = 0
WHERE device_failed = 1 AND EXISTS (SELECT 1 FROM json_each(devices) WHERE value = :device);

-- name: devices
SELECT devices FROM attempts WHERE job_id = :job_id AND attempt = :attempt;

-- name: note_device_failure
UPDATE attempts SET device_failed = 1 WHERE job_id = :job_id AND attempt = :attempt;

-- name: last_on_device
-- The newest attempts that had a device and have ended.
SELECT run_id, device_failed FROM attempts
WHERE finished_at IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(devices) WHERE value = :device)
ORDER BY finished_at DESC, attempt DESC LIMIT :limit;

-- name: asked
-- What the running jobs have asked for besides slots and devices.
SELECT cpus, mem_mb FROM slots CROSS JOIN jobs USING (job_id) CROSS JOIN shapes USING (shape_id)
WHERE cpus > 1 OR mem_mb > 0;

-- name: share_device
-- There are more slots than devices now: whoever had this one whole has a part of it from here on.
UPDATE device_grants SET share_mb = 0 WHERE device = :device AND share_mb IS NULL;

-- name: note_device
-- What the device has: no more of it is leased.
INSERT INTO devices (device, memory_mb) VALUES (:device, :memory_mb)
ON CONFLICT (device) DO UPDATE SET memory_mb = excluded.memory_mb WHERE memory_mb <> excluded.memory_mb;

-- name: grant_device
INSERT INTO device_grants (slot_no, job_id, device, share_mb)
VALUES (:slot_no, :job_id, :device, :share_mb);

-- name: free_devices
DELETE FROM device_grants WHERE job_id = :job_id;

-- name: note_use
UPDATE attempts SET peak_vram = :peak_vram, gpu_use = :gpu_use, gpu_seconds = :gpu_seconds, peak_rss_mb = :peak_rss_mb,
                    cpu_seconds = :cpu_seconds, watched = :watched
WHERE job_id = :job_id AND attempt = :attempt;

-- name: uses_of_job
SELECT * FROM resources WHERE job_id = :job_id ORDER BY attempt;

-- name: use_of_attempt
SELECT * FROM resources WHERE job_id = :job_id AND attempt = :attempt;
