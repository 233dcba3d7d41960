//! A database full of problems, and of what only looks like them.

use std::collections::BTreeSet;

use crate::support::TestDatabase;

/// Small tables count, and waits and ages of no length.
pub(crate) const THRESHOLDS: &str = r#"
[report.checks]
unused-index = { min-age-days = 0, min-bytes = 0 }
missing-fk-index = { min-rows = 0 }
null-heavy-index = { min-bytes = 0 }
dead-tuples = { min-rows = 100 }
autovacuum-behind = { min-rows = 100 }
stale-statistics = { min-rows = 100 }
table-bloat = { min-bytes = 100000 }
index-bloat = { min-bytes = 100000 }
seq-scan-heavy = { min-bytes = 100000, min-rows-per-scan = 1000 }
low-hot-ratio = { min-updates = 1000 }
idle-in-transaction = { min-seconds = 0 }
long-transaction = { min-seconds = 0 }
blocked-sessions = { min-wait-seconds = 0 }
prepared-transaction = { min-seconds = 0 }
slow-statement = { min-calls = 2 }
temp-spill = { min-bytes-per-day = 1 }
slot-retention = { min-bytes = 1000000 }
"#;

/// What is to be found in the planted database, and nothing else.
pub(crate) fn expected(database: &str, major: u32) -> BTreeSet<String> {
    let mut expected: BTreeSet<String> = [
        "invalid-index broken",
        "build-leftover broken_ccnew",
        "duplicate-index twin_a2",
        "duplicate-index booked_at",
        "duplicate-index gin_2",
        "missing-fk-index fk_collated",
        "duplicate-fk fk_twice",
        "fk-type-mismatch fk_typed",
        "fk-type-mismatch narrow_ref",
        "redundant-index twin_b",
        "redundant-index odd idx",
        "missing-fk-index fk_bad",
        "missing-fk-index fk_parts",
        "missing-fk-index fk_partly",
        "no-primary-key nokey",
        "no-primary-key Odd \"Table",
        "null-heavy-index sparse_v",
        "not-valid-constraint checked",
        "disabled-trigger triggered",
        "disabled-trigger fk_off",
        "dead-tuples churn",
        "autovacuum-behind churn",
        "stale-statistics churn",
        "never-analyzed never",
        "table-bloat bloated",
        "index-bloat bloated_pkey",
        "seq-scan-heavy scanned",
        "low-hot-ratio cold",
        "sequence-exhaustion nearly",
        "int-key-exhaustion narrow",
        "int-key-exhaustion narrow_ref",
        "int-key-exhaustion borrowed",
        "int-key-exhaustion by_name",
        "int-key-exhaustion over_domain",
        "btree-on-array tagged_btree",
        "useless-predicate whole_n",
        "useless-predicate whole_both",
        "unused-index idle_v",
        "unused-index parts_idle",
        "unused-index booked_at",
        "unused-index fk_collated_idx",
    ]
    .map(str::to_owned)
    .into();
    if major >= 18 {
        expected.insert("not-valid-constraint unsure".into());
    }
    expected.insert(format!("deadlocks {database}"));
    expected.insert(format!("temp-spill {database}"));
    expected
}

/// Each problem with what only looks like it.
const TABLES: &str = r#"
SET max_parallel_workers_per_gather = 0;
CREATE TABLE dup (id int PRIMARY KEY, a int);
INSERT INTO dup VALUES (1, 1), (2, 1);
CREATE INDEX fine_ccnew ON dup (id, a);

CREATE TABLE four (id int PRIMARY KEY, name text);
CREATE INDEX four_1 ON four (name);
CREATE INDEX four_2 ON four (name DESC);
CREATE INDEX four_3 ON four (name COLLATE "C");
CREATE INDEX four_4 ON four (name text_pattern_ops);

CREATE TABLE twin (a int, b int, c int, d int, e int);
CREATE INDEX twin_a1 ON twin (a);
CREATE INDEX twin_a2 ON twin (a);
CREATE INDEX twin_a_partial ON twin (a) WHERE b > 5;
CREATE INDEX twin_b ON twin (b);
CREATE INDEX twin_bc ON twin (b, c);
CREATE INDEX twin_b_desc ON twin (b DESC);
CREATE INDEX twin_b_hash ON twin USING hash (b);
CREATE INDEX twin_b_including ON twin (b) INCLUDE (e);
CREATE UNIQUE INDEX twin_d ON twin (d);
CREATE INDEX twin_de ON twin (d, e);
CREATE TABLE booked (id int PRIMARY KEY, at int4range, EXCLUDE USING gist (at WITH &&));
CREATE INDEX booked_at ON booked USING gist (at);
ALTER TABLE booked ADD CONSTRAINT booked_at_id UNIQUE (at, id);

CREATE TABLE brins (id int PRIMARY KEY, a int, tags int[]);
CREATE INDEX brin_1 ON brins USING brin (a);
CREATE INDEX brin_2 ON brins USING brin (a) WITH (pages_per_range = 16);
CREATE INDEX gin_1 ON brins USING gin (tags);
CREATE INDEX gin_2 ON brins USING gin (tags);
CREATE TABLE named (name text PRIMARY KEY);
CREATE TABLE fk_collated (id int PRIMARY KEY, name text REFERENCES named);
CREATE INDEX fk_collated_idx ON fk_collated (name COLLATE "C");
CREATE TABLE fk_collated_ok (id int PRIMARY KEY, name text REFERENCES named);
CREATE INDEX fk_collated_ok_idx ON fk_collated_ok (name);

CREATE TABLE "Odd ""Table" ("my key" int, "order" int);
INSERT INTO "Odd ""Table" VALUES (1, 1);
CREATE INDEX "odd idx" ON "Odd ""Table" ("my key");
CREATE INDEX "odd idx2" ON "Odd ""Table" ("my key", "order");

CREATE TABLE parent (id int PRIMARY KEY, tenant int NOT NULL, UNIQUE (tenant, id));
INSERT INTO parent SELECT n, n FROM generate_series(1, 100) n;
CREATE TABLE fk_twice (id int PRIMARY KEY, p int REFERENCES parent, q int REFERENCES parent);
CREATE INDEX fk_twice_p ON fk_twice (p);
CREATE INDEX fk_twice_q ON fk_twice (q);
ALTER TABLE fk_twice ADD CONSTRAINT again FOREIGN KEY (p) REFERENCES parent;
CREATE TABLE fk_typed (id int PRIMARY KEY, p smallint REFERENCES parent);
CREATE INDEX fk_typed_p ON fk_typed (p);
CREATE TABLE fk_bad (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE TABLE fk_ok (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX fk_ok_idx ON fk_ok (parent_id, id);
CREATE TABLE fk_partial (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX fk_partial_idx ON fk_partial (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE fk_composite (id int PRIMARY KEY, t int, p int, FOREIGN KEY (t, p) REFERENCES parent (tenant, id));
CREATE INDEX fk_composite_idx ON fk_composite (p, t);
CREATE TABLE fk_partly (id int PRIMARY KEY, t int, p int, FOREIGN KEY (t, p) REFERENCES parent (tenant, id));
CREATE INDEX fk_partly_idx ON fk_partly (t);
CREATE TABLE fk_off (id int PRIMARY KEY REFERENCES parent);
ALTER TABLE fk_off DISABLE TRIGGER ALL;
CREATE TABLE fk_parts (id int, parent_id int REFERENCES parent, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE fk_parts_1 PARTITION OF fk_parts FOR VALUES FROM (0) TO (10);
CREATE TABLE fk_parts_2 PARTITION OF fk_parts FOR VALUES FROM (10) TO (20);
CREATE INDEX fk_parts_1_idx ON fk_parts_1 (parent_id);

CREATE EXTENSION btree_gist;
CREATE TABLE fk_gist (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX fk_gist_idx ON fk_gist USING gist (parent_id);

CREATE TABLE tagged (id int PRIMARY KEY, tags text[], more text[], once text[]);
CREATE INDEX tagged_btree ON tagged (tags);
CREATE INDEX tagged_beside ON tagged (more);
CREATE INDEX tagged_gin ON tagged USING gin (more);
CREATE UNIQUE INDEX tagged_once ON tagged (once);
CREATE TABLE whole (id int PRIMARY KEY, n int NOT NULL, maybe int);
CREATE INDEX whole_n ON whole (n) WHERE n IS NOT NULL;
CREATE INDEX whole_both ON whole (n, id) WHERE n IS NOT NULL AND id IS NOT NULL;
CREATE INDEX whole_maybe ON whole (maybe) WHERE maybe IS NOT NULL;
CREATE INDEX whole_either ON whole (maybe, n) WHERE maybe IS NOT NULL AND n IS NOT NULL;
CREATE INDEX whole_more ON whole (n, maybe) WHERE n IS NOT NULL AND n > 5;
CREATE INDEX whole_null ON whole (id, maybe) WHERE n IS NULL;

CREATE TABLE nokey (a int);
INSERT INTO nokey VALUES (1);
CREATE TABLE nokey_empty (a int);

CREATE TABLE sparse (id int PRIMARY KEY, v int, w int, x int);
INSERT INTO sparse SELECT n, CASE WHEN n % 50 = 0 THEN n END, n, CASE WHEN n % 50 = 0 THEN n END FROM generate_series(1, 2000) n;
CREATE INDEX sparse_v ON sparse (v);
CREATE INDEX sparse_w ON sparse (w);
CREATE INDEX sparse_partial ON sparse (x) WHERE x IS NOT NULL;

CREATE TABLE checked (id int PRIMARY KEY, n int, CONSTRAINT fine CHECK (n < 1000));
ALTER TABLE checked ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
CREATE TABLE triggered (id int PRIMARY KEY);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER off_trigger BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER always_trigger BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE triggered DISABLE TRIGGER off_trigger;
ALTER TABLE triggered ENABLE ALWAYS TRIGGER always_trigger;

CREATE TABLE churn (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
INSERT INTO churn SELECT n, n FROM generate_series(1, 4000) n;
CREATE TABLE calm (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
INSERT INTO calm SELECT n, n FROM generate_series(1, 2000) n;
CREATE TABLE never (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
CREATE TABLE never_small (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
INSERT INTO never_small VALUES (1, 1);

CREATE TABLE bloated (id int PRIMARY KEY, v text) WITH (autovacuum_enabled = off);
INSERT INTO bloated SELECT n, 'some text ' || n FROM generate_series(1, 30000) n;
CREATE TABLE tight (id int PRIMARY KEY, v text, n bigint, s smallint, t timestamptz) WITH (autovacuum_enabled = off);
INSERT INTO tight SELECT n, repeat('x', n % 60), CASE WHEN n % 3 = 0 THEN n END, 1, now() FROM generate_series(1, 30000) n;
CREATE TABLE loose (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off, fillfactor = 30);
INSERT INTO loose SELECT n, n FROM generate_series(1, 20000) n;

CREATE TABLE scanned (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
INSERT INTO scanned SELECT n, n FROM generate_series(1, 5000) n;

CREATE TABLE cold (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
INSERT INTO cold SELECT n, n FROM generate_series(1, 2000) n;
CREATE INDEX cold_v ON cold (v);
CREATE TABLE hot (id int PRIMARY KEY, v int, w int) WITH (autovacuum_enabled = off, fillfactor = 30);
INSERT INTO hot SELECT n, n, n FROM generate_series(1, 2000) n;
CREATE INDEX hot_v ON hot (v);

CREATE SEQUENCE nearly MAXVALUE 1000;
CREATE SEQUENCE turning MAXVALUE 1000 CYCLE;
CREATE TABLE narrow (id serial PRIMARY KEY);
CREATE TABLE wide (id bigserial PRIMARY KEY);
CREATE SEQUENCE lent;
CREATE TABLE borrowed (id int PRIMARY KEY DEFAULT nextval('lent'));
CREATE SEQUENCE "Lent by name";
CREATE TABLE by_name (id int PRIMARY KEY DEFAULT nextval('"Lent by name"'::text));
CREATE DOMAIN small AS int;
CREATE DOMAIN smaller AS small CHECK (VALUE > 0);
CREATE SEQUENCE to_domain;
CREATE TABLE over_domain (id smaller PRIMARY KEY DEFAULT nextval('to_domain'));
CREATE TABLE narrow_ref (id bigint PRIMARY KEY, wide_id int REFERENCES wide);
CREATE INDEX narrow_ref_idx ON narrow_ref (wide_id);
SELECT setval('nearly', 990), setval('turning', 990), setval('narrow_id_seq', 2000000000), setval('wide_id_seq', 2000000000), setval('lent', 2000000000), setval('"Lent by name"', 2000000000), setval('to_domain', 2000000000);

CREATE TABLE idle (id int PRIMARY KEY, v int, w int UNIQUE);
CREATE INDEX idle_v ON idle (v);
CREATE TABLE parts (id int, v int, w int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
CREATE INDEX parts_idle ON parts (v);
CREATE INDEX parts_read ON parts (w);
CREATE TABLE identity (id int NOT NULL, v int);
CREATE UNIQUE INDEX identity_id ON identity (id);
ALTER TABLE identity REPLICA IDENTITY USING INDEX identity_id;

DELETE FROM bloated WHERE id % 10 <> 0
"#;

/// Then the counters are reset: from here on their age is known.
const SETTLED: &[&str] = &[
    "VACUUM ANALYZE parent, fk_bad, fk_ok, fk_partial, fk_composite, fk_partly, sparse, churn, calm, bloated, \
     tight, loose, scanned, cold, hot, nokey",
    "SELECT pg_stat_reset()",
];

/// What the counters are to show.
const COUNTED: &[&str] = &[
    "INSERT INTO never SELECT n, n FROM generate_series(1, 2000) n",
    "DELETE FROM churn WHERE id > 500",
    "UPDATE calm SET v = v + 1 WHERE id <= 90",
    "UPDATE cold SET v = v + 1",
    "UPDATE hot SET w = w + 1",
    "SET max_parallel_workers_per_gather = 0",
    "SET enable_indexonlyscan = off",
    "SET enable_bitmapscan = off",
    "DO $$ BEGIN FOR i IN 1..150 LOOP PERFORM count(*) FROM scanned; END LOOP; END $$",
    "SET work_mem = '64kB'",
    "SELECT count(*) FROM (SELECT * FROM tight ORDER BY v, n) sorted",
    "SET enable_seqscan = off",
    "SELECT * FROM parts WHERE w = 5",
];

pub(crate) async fn plant(database: &TestDatabase, major: u32) {
    let client = database.client().await;
    client.batch_execute(TABLES).await.unwrap();
    for broken in [
        "CREATE UNIQUE INDEX CONCURRENTLY broken ON dup (a)",
        "REINDEX INDEX CONCURRENTLY broken",
    ] {
        let error = client.batch_execute(broken).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "23505");
    }
    if major >= 18 {
        client
            .batch_execute(
                "ALTER TABLE narrow_ref ADD CONSTRAINT lax FOREIGN KEY (id) REFERENCES wide NOT ENFORCED;
                 CREATE TABLE unsure (id int PRIMARY KEY, n int, m int NOT NULL);
                 ALTER TABLE unsure ADD CONSTRAINT sure_some_day NOT NULL n NOT VALID;
                 CREATE INDEX unsure_n ON unsure (n) WHERE n IS NOT NULL;
                 CREATE TABLE unsure_child () INHERITS (unsure);
                 ALTER TABLE unsure_child ADD PRIMARY KEY (id)",
            )
            .await
            .unwrap();
    }
    drop(client);
    until(
        database,
        "SELECT pg_stat_get_tuples_inserted('hot'::regclass) = 2000",
    )
    .await;
    run(database, SETTLED).await;
    until(
        database,
        "SELECT pg_stat_get_tuples_inserted('hot'::regclass) = 0",
    )
    .await;
    run(database, COUNTED).await;
    until(
        database,
        "SELECT pg_stat_get_tuples_updated('hot'::regclass) = 2000",
    )
    .await;
    run(database, &["VACUUM ANALYZE cold", "VACUUM ANALYZE hot"]).await;
    deadlock(database).await;
}

pub(crate) async fn run(database: &TestDatabase, statements: &[&str]) {
    let client = database.client().await;
    for statement in statements {
        client
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// A session's counters arrive at the latest when it has ended; what comes next must not overtake them.
pub(crate) async fn until(database: &TestDatabase, condition: &str) {
    until_true(&database.client().await, condition).await;
}

pub(crate) async fn until_true(client: &tokio_postgres::Client, condition: &str) {
    for _ in 0..400 {
        if client.query_one(condition, &[]).await.unwrap().get(0) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("never true: {condition}");
}

/// Two transactions that wait for each other; the server ends one.
async fn deadlock(database: &TestDatabase) {
    let (one, two) = (database.client().await, database.client().await);
    for (client, first) in [(&one, 1), (&two, 2)] {
        let begin =
            format!("SET deadlock_timeout = '20ms'; BEGIN; SELECT pg_advisory_xact_lock({first})");
        client.batch_execute(&begin).await.unwrap();
    }
    let (a, b) = tokio::join!(
        one.batch_execute("SELECT pg_advisory_xact_lock(2)"),
        async {
            let done = two.batch_execute("SELECT pg_advisory_xact_lock(1)").await;
            // The other one waits for this transaction's end, if this was not the one ended.
            two.batch_execute("ROLLBACK").await.unwrap();
            done
        },
    );
    assert!(a.is_err() || b.is_err(), "no deadlock");
}

/// The keys and sequences that run out.
pub(crate) fn exhausted(report: &serde_json::Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let check = |finding: &serde_json::Value| finding["check"].as_str().unwrap().to_owned();
    findings
        .map(check)
        .filter(|check| check.ends_with("-exhaustion"))
        .collect()
}
