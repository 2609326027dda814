-- A journal of version 1: one run that failed, and one whose process was killed. Made once; never change it.
PRAGMA application_id = 1297040466;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    file TEXT,
    task_id TEXT,
    attempt INTEGER,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    payload TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,'20260101-101500-1a2b',NULL,NULL,NULL,'run_started','2026-01-01T10:15:01.000+00:00','{"files":["tasks.md"],"workers":2,"command":["--moderator","-n2","tasks.md"],"holder":{"pid":4711,"started":1767262500.25,"boot":"0b0e3b5c-0000-4000-8000-1a2b3c4d5e6f","host":"laptop"},"tasks":{"tasks.md":{"T001":"pending","T002":"pending","T003":"pending","T004":"skipped"}},"reasons":{"tasks.md":{"T004":"done before the run"}}}');
INSERT INTO "events" VALUES(2,'20260101-101500-1a2b','tasks.md','T001',NULL,'task_started','2026-01-01T10:15:03.000+00:00','{"worker":"gw0","logs":"runs/20260101-101500-1a2b/tasks/T001","status":"running"}');
INSERT INTO "events" VALUES(3,'20260101-101500-1a2b','tasks.md','T001',1,'attempt_running','2026-01-01T10:15:05.000+00:00','{"pid":4712,"process_started":1767262501.5,"worker":"gw0"}');
INSERT INTO "events" VALUES(4,'20260101-101500-1a2b','tasks.md','T001',NULL,'task_ended','2026-01-01T10:15:07.000+00:00','{"status":"completed","result":{"exit_code":0,"stdout":"done\n","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":null,"status":"completed","attempts":1,"backend":"shell","backend_reason":null,"worker":"gw0","started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":[],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":true}}');
INSERT INTO "events" VALUES(5,'20260101-101500-1a2b','tasks.md','T002',NULL,'task_started','2026-01-01T10:15:09.000+00:00','{"worker":"gw1","logs":"runs/20260101-101500-1a2b/tasks/T002","status":"running"}');
INSERT INTO "events" VALUES(6,'20260101-101500-1a2b','tasks.md','T002',1,'attempt_failed','2026-01-01T10:15:11.000+00:00','{"error":"exit code 2","exit_code":2}');
INSERT INTO "events" VALUES(7,'20260101-101500-1a2b','tasks.md','T002',NULL,'task_ended','2026-01-01T10:15:13.000+00:00','{"status":"failed","reason":"exit code 2","result":{"exit_code":2,"stdout":"","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":"exit code 2","status":"failed","attempts":1,"backend":"shell","backend_reason":null,"worker":"gw1","started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":[],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":false}}');
INSERT INTO "events" VALUES(8,'20260101-101500-1a2b','tasks.md','T003',NULL,'task_ended','2026-01-01T10:15:15.000+00:00','{"status":"skipped","reason":"blocked by T002","result":{"exit_code":0,"stdout":"","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":"blocked by T002","status":"skipped","attempts":0,"backend":null,"backend_reason":null,"worker":null,"started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":["T002"],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":false}}');
INSERT INTO "events" VALUES(9,'20260101-101500-1a2b',NULL,NULL,NULL,'request','2026-01-01T10:15:19.000+00:00','{"kind":"cancel","by":"anna@laptop","request":1,"asked_at":"2026-01-01T10:15:17.000+00:00"}');
INSERT INTO "events" VALUES(10,'20260101-101500-1a2b',NULL,NULL,NULL,'run_ended','2026-01-01T10:15:21.000+00:00','{"exit_code":1,"status":"failed"}');
INSERT INTO "events" VALUES(11,'20260101-102000-3c4d',NULL,NULL,NULL,'run_started','2026-01-01T10:15:23.000+00:00','{"files":["tasks.md"],"workers":2,"command":["--moderator","-n2","tasks.md"],"holder":{"pid":4711,"started":1767262500.25,"boot":"0b0e3b5c-0000-4000-8000-1a2b3c4d5e6f","host":"laptop"},"tasks":{"tasks.md":{"T001":"pending","T002":"pending","T003":"pending","T004":"pending"}},"reasons":{}}');
INSERT INTO "events" VALUES(12,'20260101-102000-3c4d','tasks.md','T001',1,'task_started','2026-01-01T10:15:25.000+00:00','{"worker":"gw0","logs":"runs/20260101-102000-3c4d/tasks/T001","status":"running"}');
INSERT INTO "events" VALUES(13,'20260101-102000-3c4d','tasks.md','T001',NULL,'task_ended','2026-01-01T10:15:27.000+00:00','{"status":"completed","result":{"exit_code":0,"stdout":"\u00e4\u00f6\u00fc\n","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":null,"status":"completed","attempts":2,"backend":"shell","backend_reason":null,"worker":"gw0","started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":[],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":true}}');
INSERT INTO "events" VALUES(14,'20260101-102000-3c4d','tasks.md','T002',NULL,'task_started','2026-01-01T10:15:29.000+00:00','{"worker":"gw1","logs":"runs/20260101-102000-3c4d/tasks/T002","status":"running"}');
INSERT INTO "events" VALUES(15,'20260101-102000-3c4d','tasks.md','T003',NULL,'task_paused','2026-01-01T10:15:31.000+00:00','{"status":"paused","reason":"waits for approval"}');
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT
);
INSERT INTO "meta" VALUES('touched','1');
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    file TEXT,
    task_id TEXT,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    payload TEXT NOT NULL,
    taken_at TEXT
);
INSERT INTO "requests" VALUES(1,'20260101-101500-1a2b','cancel',NULL,NULL,'2026-01-01T10:15:17.000+00:00','anna@laptop','{}','2026-01-01T10:15:19.000+00:00');
INSERT INTO "requests" VALUES(2,'20260101-102000-3c4d','pause',NULL,NULL,'2026-01-01T10:15:33.000+00:00','anna@laptop','{}',NULL);
INSERT INTO "requests" VALUES(3,'20260101-102000-3c4d','retry','tasks.md','T001','2026-01-01T10:15:35.000+00:00','anna@laptop','{}',NULL);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    files TEXT NOT NULL,
    root TEXT NOT NULL,
    directory TEXT NOT NULL,
    status TEXT NOT NULL,
    workers INTEGER NOT NULL,
    command TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started REAL NOT NULL,
    boot TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    exit_code INTEGER,
    version TEXT NOT NULL
);
INSERT INTO "runs" VALUES('20260101-101500-1a2b','["tasks.md"]','/home/anna/project','/home/anna/project/docs','failed',2,'["--moderator","-n2","tasks.md"]',4711,1767262500.25,'0b0e3b5c-0000-4000-8000-1a2b3c4d5e6f','laptop','2026-01-01T10:15:01.000+00:00','2026-01-01T10:15:21.000+00:00',1,'0.1.0');
INSERT INTO "runs" VALUES('20260101-102000-3c4d','["tasks.md"]','/home/anna/project','/home/anna/project/docs','running',2,'["--moderator","-n2","tasks.md"]',4711,1767262500.25,'0b0e3b5c-0000-4000-8000-1a2b3c4d5e6f','laptop','2026-01-01T10:15:23.000+00:00',NULL,NULL,'0.1.0');
CREATE TABLE task_executions (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    file TEXT NOT NULL,
    task_id TEXT NOT NULL,
    title TEXT NOT NULL,
    line INTEGER NOT NULL,
    phase TEXT,
    fingerprint TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    worker TEXT,
    logs TEXT,
    error_message TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    result TEXT,
    UNIQUE (run_id, file, task_id)
);
INSERT INTO "task_executions" VALUES(1,'20260101-101500-1a2b','tasks.md','T001','Do 1',1,'Setup','print-1',1,'completed','2026-01-01T10:15:03.000+00:00','2026-01-01T10:15:07.000+00:00','gw0','runs/20260101-101500-1a2b/tasks/T001',NULL,0,'2026-01-01T10:15:01.000+00:00','{"exit_code":0,"stdout":"done\n","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":null,"status":"completed","attempts":1,"backend":"shell","backend_reason":null,"worker":"gw0","started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":[],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":true}');
INSERT INTO "task_executions" VALUES(2,'20260101-101500-1a2b','tasks.md','T002','Do 2',2,'Setup','print-2',2,'failed','2026-01-01T10:15:09.000+00:00','2026-01-01T10:15:13.000+00:00','gw1','runs/20260101-101500-1a2b/tasks/T002','exit code 2',0,'2026-01-01T10:15:01.000+00:00','{"exit_code":2,"stdout":"","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":"exit code 2","status":"failed","attempts":1,"backend":"shell","backend_reason":null,"worker":"gw1","started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":[],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":false}');
INSERT INTO "task_executions" VALUES(3,'20260101-101500-1a2b','tasks.md','T003','Do 3',3,'Setup','print-3',3,'skipped',NULL,'2026-01-01T10:15:15.000+00:00',NULL,NULL,'blocked by T002',0,'2026-01-01T10:15:01.000+00:00','{"exit_code":0,"stdout":"","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":"blocked by T002","status":"skipped","attempts":0,"backend":null,"backend_reason":null,"worker":null,"started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":["T002"],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":false}');
INSERT INTO "task_executions" VALUES(4,'20260101-101500-1a2b','tasks.md','T004','Do 4',4,'Setup','print-4',4,'skipped',NULL,NULL,NULL,NULL,'done before the run',0,'2026-01-01T10:15:01.000+00:00',NULL);
INSERT INTO "task_executions" VALUES(5,'20260101-102000-3c4d','tasks.md','T001','Über uns',1,'Setup','print-1',1,'completed','2026-01-01T10:15:25.000+00:00','2026-01-01T10:15:27.000+00:00','gw0','runs/20260101-102000-3c4d/tasks/T001',NULL,1,'2026-01-01T10:15:23.000+00:00','{"exit_code":0,"stdout":"\u00e4\u00f6\u00fc\n","stderr":"","duration_seconds":0.0,"artifacts_path":null,"error_message":null,"status":"completed","attempts":2,"backend":"shell","backend_reason":null,"worker":"gw0","started_at":null,"finished_at":null,"cpu_seconds":null,"max_rss_bytes":null,"blocked_by":[],"usage":null,"category":null,"resets_at":null,"branch":null,"worktree":null,"commit":null,"notes":[],"success":true}');
INSERT INTO "task_executions" VALUES(6,'20260101-102000-3c4d','tasks.md','T002','Do 2',2,'Setup','print-2',2,'running','2026-01-01T10:15:29.000+00:00',NULL,'gw1','runs/20260101-102000-3c4d/tasks/T002',NULL,0,'2026-01-01T10:15:23.000+00:00',NULL);
INSERT INTO "task_executions" VALUES(7,'20260101-102000-3c4d','tasks.md','T003','Do 3',3,'Setup','print-3',3,'paused',NULL,NULL,NULL,NULL,'waits for approval',0,'2026-01-01T10:15:23.000+00:00',NULL);
INSERT INTO "task_executions" VALUES(8,'20260101-102000-3c4d','tasks.md','T004','Do 4',4,'Setup','print-4',4,'pending',NULL,NULL,NULL,NULL,NULL,0,'2026-01-01T10:15:23.000+00:00',NULL);
CREATE INDEX task_executions_by_status ON task_executions (run_id, status);
CREATE INDEX events_by_run ON events (run_id, seq);
CREATE INDEX requests_not_taken ON requests (run_id) WHERE taken_at IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',15);
COMMIT;
