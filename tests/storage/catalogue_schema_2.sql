CREATE TABLE asof_last_pushes (
	source TEXT NOT NULL,
	number BIGINT NOT NULL,
	PRIMARY KEY (source)
);
INSERT INTO "asof_last_pushes" VALUES('events',1);
CREATE TABLE asof_pushes (
	source TEXT NOT NULL,
	number BIGINT NOT NULL,
	received_at VARCHAR(32) NOT NULL,
	"key" TEXT,
	format TEXT NOT NULL,
	rows BLOB,
	PRIMARY KEY (source, number),
	UNIQUE (source, "key")
);
INSERT INTO "asof_pushes" VALUES('events',1,'2026-11-24T12:04:18.888676+00:00','k1','json',NULL);
CREATE TABLE asof_revisions (
	number BIGINT NOT NULL,
	applied_at VARCHAR(32) NOT NULL,
	who TEXT NOT NULL,
	definitions TEXT NOT NULL,
	hash TEXT NOT NULL,
	PRIMARY KEY (number)
);
INSERT INTO "asof_revisions" VALUES(1,'2026-11-24T12:04:18.867140+00:00','ada@lab','{"entity/customer":{"kind":"Entity","name":"customer","keys":[["id","int64"]]}}','h1');
CREATE TABLE asof_runs (
	id TEXT NOT NULL,
	started_at VARCHAR(32) NOT NULL,
	finished_at VARCHAR(32),
	status TEXT NOT NULL,
	who TEXT NOT NULL,
	engine TEXT NOT NULL,
	code_revision TEXT NOT NULL,
	error TEXT,
	host TEXT NOT NULL,
	process BIGINT NOT NULL,
	seen_at VARCHAR(32),
	alone BOOLEAN NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "asof_runs" VALUES('20261124-120418-e66c8a','2026-11-24T12:04:18.844722+00:00','2026-11-24T12:04:18.858981+00:00','succeeded','ada@lab','local','abc123',NULL,'lab',4186,'2026-11-24T12:04:18.844722+00:00',TRUE);
CREATE TABLE asof_schema (
	version INTEGER NOT NULL
);
INSERT INTO "asof_schema" VALUES(2);
CREATE TABLE asof_steps (
	run TEXT NOT NULL,
	name TEXT NOT NULL,
	status TEXT NOT NULL,
	started_at VARCHAR(32) NOT NULL,
	finished_at VARCHAR(32),
	rows_read BIGINT NOT NULL,
	rows_written BIGINT NOT NULL,
	rows_quarantined BIGINT NOT NULL,
	rows_dropped BIGINT NOT NULL,
	details TEXT NOT NULL,
	PRIMARY KEY (run, name)
);
INSERT INTO "asof_steps" VALUES('20261124-120418-e66c8a','ingest orders','succeeded','2026-01-02T03:04:05.000000+00:00','2026-01-02T03:04:05.000000+00:00',12,10,2,0,'{}');
CREATE TABLE asof_table_heads (
	"table" TEXT NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY ("table")
);
INSERT INTO "asof_table_heads" VALUES('raw/orders',1);
CREATE TABLE asof_table_versions (
	"table" TEXT NOT NULL,
	version BIGINT NOT NULL,
	run TEXT NOT NULL,
	committed_at VARCHAR(32) NOT NULL,
	definition TEXT NOT NULL,
	inputs TEXT NOT NULL,
	through BIGINT NOT NULL,
	cursor TEXT,
	rows BIGINT NOT NULL,
	bytes BIGINT NOT NULL,
	details TEXT NOT NULL,
	PRIMARY KEY ("table", version)
);
INSERT INTO "asof_table_versions" VALUES('raw/orders',1,'20261124-120418-e66c8a','2026-01-02T03:04:05.000000+00:00','d1','{}',9,'{"files":{"a.csv":1}}',10,100,'{"rebuilt":1}');
CREATE TABLE asof_training_sets (
	name TEXT NOT NULL,
	version BIGINT NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	manifest TEXT NOT NULL,
	PRIMARY KEY (name, version)
);
INSERT INTO "asof_training_sets" VALUES('churn',1,'2026-11-24T12:04:18.874523+00:00','{"rows":3}');
CREATE INDEX ix_asof_table_versions_run ON asof_table_versions (run);
CREATE INDEX ix_asof_runs_started_at ON asof_runs (started_at);
