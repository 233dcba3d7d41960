//! Index definitions drawn at random, judged by psql: the same statement in psql, on the same table in another schema,
//! makes the same index by `pg_get_indexdef`, storage parameters and tablespace; a second deploy has nothing to do; and
//! what psql does not take, a deploy refuses and leaves nothing of.

use std::process::Command;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::Deploy;
use crate::support::{self, TestServer};

const SETUP: &str = "
CREATE EXTENSION btree_gin; CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm; CREATE EXTENSION intarray;
CREATE EXTENSION ltree; CREATE EXTENSION hstore; CREATE EXTENSION citext;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE SCHEMA a; CREATE SCHEMA b;
CREATE TABLE a.\"T x\" (i int, big bigint, s text, \"Mixed\" varchar(20), c citext, n numeric, d date, z timestamptz,
  j jsonb, ia int[], ta text[], ts tsvector, p point, bx box, r int4range, net inet, l ltree, h hstore, u uuid,
  f bool, e float8);
INSERT INTO a.\"T x\" (i, s, f) SELECT g, 's' || g, g % 2 = 0 FROM generate_series(1, 30) g;
CREATE TABLE b.\"T x\" (LIKE a.\"T x\"); INSERT INTO b.\"T x\" SELECT * FROM a.\"T x\";
CREATE TABLE a.parts (i int, s text, d date) PARTITION BY RANGE (i);
CREATE TABLE a.parts_1 PARTITION OF a.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE a.parts_2 PARTITION OF a.parts FOR VALUES FROM (10) TO (20);
CREATE TABLE b.parts (i int, s text, d date) PARTITION BY RANGE (i);
CREATE TABLE b.parts_1 PARTITION OF b.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE b.parts_2 PARTITION OF b.parts FOR VALUES FROM (10) TO (20);";

/// By access method: what may stand for a column.
const COLUMNS: [(&str, &[&str]); 6] = [
    (
        "btree",
        &[
            "i",
            "big",
            "s",
            "\"Mixed\"",
            "c",
            "n",
            "d",
            "z",
            "u",
            "f",
            "net",
            "l",
            "e",
            "lower(s)",
            "(i+big)",
            "( s || 'x' )",
            "(j->>'k')",
            "twice(i)",
            "public.twice( i )",
            "(coalesce(i,0))",
            "s COLLATE \"C\"",
            "s text_pattern_ops",
            "\"Mixed\" varchar_pattern_ops",
            "s COLLATE \"C\" text_pattern_ops",
            "(d::timestamp)",
            "(CASE WHEN f THEN i END)",
            "(\"T x\".i)",
            "(ia[1])",
            "(j #>> '{a,b}')",
            "(date_trunc('day', d::timestamp))",
            "(h->'k')",
            "(extract(year from d))",
            "(lower(s) COLLATE \"C\")",
            "(s IS NULL)",
        ],
    ),
    ("hash", &["i", "s", "u", "c", "lower(s)", "net", "(i % 10)"]),
    (
        "gin",
        &[
            "j",
            "j jsonb_path_ops",
            "ia",
            "ia gin__int_ops",
            "ta",
            "ts",
            "s gin_trgm_ops",
            "h",
            "i",
            "to_tsvector('english', s)",
            "(j->'tags')",
            "lower(s) gin_trgm_ops",
        ],
    ),
    (
        "gist",
        &[
            "p",
            "bx",
            "r",
            "ts",
            "s gist_trgm_ops",
            "s gist_trgm_ops(siglen=64)",
            "net inet_ops",
            "l",
            "i",
            "h",
            "ts tsvector_ops (siglen = 100)",
            "ia gist__intbig_ops(siglen=200)",
            "box(p, p)",
            "l gist_ltree_ops(siglen=16)",
        ],
    ),
    ("spgist", &["p", "p kd_point_ops", "s", "r", "net inet_ops"]),
    (
        "brin",
        &[
            "i",
            "d",
            "z",
            "s",
            "i int4_minmax_multi_ops(values_per_range=16)",
            "i int4_bloom_ops",
            "net inet_inclusion_ops",
        ],
    ),
];

const PREDICATES: [&str; 10] = [
    "i > 5",
    "f",
    "NOT f",
    "s IN ('a','b')",
    "d >= DATE '2026-01-01' AND i IS NOT NULL",
    "\"T x\".f = true",
    "s LIKE 'x%' OR c = 'Y'",
    "(j->>'k') = 'v'",
    "e BETWEEN 0.5 AND 1e3",
    "ta @> ARRAY['x']::text[]",
];

fn draw(rng: &mut ChaCha8Rng, name: &str, tablespace: Option<&str>) -> String {
    let (method, columns) = *COLUMNS.choose(rng).unwrap();
    let (btree, gist) = (method == "btree", method == "gist");
    let unique = if btree && rng.random_bool(0.25) {
        "UNIQUE "
    } else {
        ""
    };
    let careful = if rng.random_bool(0.2) {
        "IF NOT EXISTS "
    } else {
        ""
    };
    let ordered = |rng: &mut ChaCha8Rng, column: &str| {
        let order = [
            "",
            " DESC",
            " asc",
            " DESC NULLS LAST",
            " NULLS FIRST",
            " NULLS LAST",
        ];
        let order = if btree {
            *order.choose(rng).unwrap()
        } else {
            ""
        };
        format!("{column}{order}")
    };
    let most = if method == "hash" { 1 } else { 3 };
    let list: Vec<String> = (0..rng.random_range(1..=most))
        .map(|_| {
            let column = *columns.choose(rng).unwrap();
            ordered(rng, column)
        })
        .collect();
    let separator = *[", ", ",", "\n  , ", " /* and */ , "].choose(rng).unwrap();
    let using = if btree && rng.random_bool(0.6) {
        String::new()
    } else {
        format!("USING {method} ")
    };
    let mut text = format!(
        "CREATE {unique}INDEX CONCURRENTLY {careful}{name} ON \"T x\" {using}({})",
        list.join(separator)
    );
    if (btree || gist) && rng.random_bool(0.2) {
        text.push_str(&format!(
            " INCLUDE ({})",
            ["e", "s, n", "\"Mixed\""].choose(rng).unwrap()
        ));
    }
    if !unique.is_empty() && rng.random_bool(0.3) {
        text.push_str(
            [" NULLS NOT DISTINCT", " NULLS DISTINCT"]
                .choose(rng)
                .unwrap(),
        );
    }
    let with: &[&str] = match method {
        "btree" => &[
            "fillfactor=70",
            "fillfactor = '90', deduplicate_items = off",
            "deduplicate_items",
        ],
        "gin" => &["fastupdate=off", "gin_pending_list_limit=128"],
        "gist" => &["buffering=off", "fillfactor=50"],
        "brin" => &[
            "pages_per_range=16",
            "pages_per_range = 4, autosummarize = on",
        ],
        _ => &["fillfactor=60"],
    };
    if rng.random_bool(0.3) {
        text.push_str(&format!(" WITH ({})", with.choose(rng).unwrap()));
    }
    if let Some(space) = tablespace
        && rng.random_bool(0.15)
    {
        text.push_str(&format!(" TABLESPACE {space}"));
    }
    if rng.random_bool(0.3) {
        text.push_str(&format!(" where {}", PREDICATES.choose(rng).unwrap()));
    }
    text
}

/// What stands in a schema under a name: definition, storage parameters, tablespace, validity.
async fn index(deploy: &Deploy, schema: &str, name: &str) -> Option<String> {
    let sql = format!(
        "SELECT coalesce((SELECT concat_ws(' | ', replace(pg_get_indexdef(x.oid), ' {schema}.', ' here.'), x.reloptions::text,
                (SELECT spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace), i.indisvalid)
         FROM pg_class x JOIN pg_index i ON i.indexrelid = x.oid
         WHERE x.relname = '{}' AND x.relnamespace = '{schema}'::regnamespace), '')",
        name.replace('\'', "''")
    );
    let text: String = deploy.value(&sql).await;
    (!text.is_empty()).then_some(text)
}

async fn judge(server: &TestServer, seed: u64, count: usize) {
    let deploy = Deploy::on(server, SETUP).await;
    let client = deploy.db.client().await;
    let space = format!("odd_{}", deploy.db.name);
    if server.major() >= 15 {
        client
            .batch_execute("SET allow_in_place_tablespaces = on")
            .await
            .unwrap();
        client
            .batch_execute(&format!("CREATE TABLESPACE {space} LOCATION ''"))
            .await
            .unwrap();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut taken, mut version) = (0, 0);
    for number in 0..count {
        let name = match number % 7 {
            0 => format!("\"Odd; -- \"\"{number}\""),
            1 => format!("größe_{number}"),
            2 => format!("{}_{number:03}", "x".repeat(59)),
            _ => format!("i{number}"),
        };
        let plain = name.trim_matches('"').replace("\"\"", "\"");
        let sql = match rng.random_bool(0.05) {
            true => format!("CREATE INDEX CONCURRENTLY {name} ON parts (s, i) WHERE i > 3"),
            false => draw(&mut rng, &name, (server.major() >= 15).then_some(&*space)),
        };
        let is_parts = sql.contains("ON parts");
        // psql cannot build on a partitioned table concurrently.
        let script = match is_parts {
            true => sql.replace(" CONCURRENTLY", ""),
            false => sql.clone(),
        };
        let psql = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &deploy.db.url])
            .args(["-c", "SET search_path = b, public", "-c", &script])
            .output()
            .expect("psql runs");
        version += 1;
        deploy.migration(version, &sql);
        let url = format!("{}?options=-csearch_path%3Da,public", deploy.db.url);
        let said = deploy.apply(&["-d", &url, "--allow-duplicates"]);
        let story = format!(
            "PostgreSQL {}, seed {seed}, {number}: {sql}\npsql: {}\n{said:#?}",
            server.major(),
            String::from_utf8_lossy(&psql.stderr)
        );
        let (ours, theirs) = (
            index(&deploy, "a", &plain).await,
            index(&deploy, "b", &plain).await,
        );
        if psql.status.success() {
            taken += 1;
            assert_eq!(said.status, 0, "{story}");
            assert_eq!(ours, theirs, "{story}");
            let again = deploy.apply(&["-d", &url, "--allow-duplicates"]);
            assert_eq!(
                (again.status, again.outcome()),
                (0, "nothing_to_do"),
                "{story}\n{again:#?}"
            );
        } else {
            assert!(said.status == 1 || said.status == 2, "{story}");
            assert_eq!(ours, None, "{story}");
            std::fs::remove_file(
                deploy
                    .db
                    .folder()
                    .join(format!("migrations/V{version}__m.sql")),
            )
            .unwrap();
            let drop = format!("DROP INDEX IF EXISTS b.\"{}\"", plain.replace('"', "\"\""));
            client.batch_execute(&drop).await.unwrap();
        }
        // From scratch, without the history: the definition alone has to be recognised.
        if number % 10 == 9 {
            client
                .batch_execute("DROP TABLE IF EXISTS a.dbaudit_index_history")
                .await
                .unwrap();
            let again = deploy.apply(&["-d", &url, "--allow-duplicates"]);
            assert_eq!(again.status, 0, "{story}\n{again:#?}");
            assert!(
                again
                    .steps()
                    .all(|step| step["statements"] == serde_json::json!([])),
                "{story}\n{again:#?}"
            );
        }
    }
    assert!(taken * 2 > count, "psql took {taken} of {count}");
    if server.major() >= 15 {
        client
            .batch_execute("DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE")
            .await
            .unwrap();
        client
            .batch_execute(&format!("DROP TABLESPACE {space}"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn any_definition_is_built_as_psql_builds_it() {
    for server in support::servers() {
        judge(server, 1, 20).await;
    }
}

#[tokio::test]
#[ignore = "minutes: 500 definitions for each version from a random seed"]
async fn any_definition_is_built_as_psql_builds_it_500_times() {
    let seed = rand::random_range(1_000..1 << 40);
    for server in support::servers() {
        eprintln!("PostgreSQL {}, seed {seed}", server.major());
        judge(server, seed, 500).await;
    }
}
