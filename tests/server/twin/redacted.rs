//! A redacted snapshot holds none of the database's values, and its twin plans with the values in their places.

use std::collections::HashMap;

use serde_json::Value;

use super::{Random, compare, path_with_dump, plans_on_both, shop, snapshot};
use crate::support::{self, Template, TestDatabase, TestServer};

/// A statement with marks in the place of values: `<relation.column>`.
fn template(random: &mut Random) -> String {
    let customer = |random: &mut Random| {
        random
            .of(&[
                "c.city = <customers.city>",
                "c.city IN (<customers.city>, <customers.city>)",
                "c.city = <customers.city> AND c.postcode = <customers.postcode>",
                "lower(c.mail) = <customers_lower.lower>",
                "c.mail BETWEEN <customers.mail> AND <customers.mail>",
                "c.tags @> ARRAY[<customers.tags>]",
                "c.tags && ARRAY[<customers.tags>, <customers.tags>]",
                "NOT c.active AND c.balance > <customers.balance>",
                "c.born BETWEEN <customers.born> AND <customers.born>",
                "c.id IN (<customers.id>, <customers.id>, <customers.id>)",
            ])
            .to_owned()
    };
    let order = |random: &mut Random| {
        random
            .of(&[
                "o.at > <orders.at>",
                "o.at BETWEEN <orders.at> AND <orders.at>",
                "o.customer_id = <orders.customer_id>",
                "o.state = <orders.state>",
                "o.state <> 'sent' AND o.at > <orders.at>",
                "o.total > <orders.total>",
                "o.id = <orders.id> AND o.total < <orders.total>",
            ])
            .to_owned()
    };
    let item = |random: &mut Random| {
        random
            .of(&[
                "i.product = <items.product>",
                "i.amount > <items.amount>",
                "i.note IS NOT NULL",
                "i.note < <items.note>",
                "i.order_id < <items.order_id>",
            ])
            .to_owned()
    };
    let (from, condition, sort) = match random.below(6) {
        0 => ("shop.customers c", customer(random), "c.city, c.postcode"),
        1 => ("shop.orders o", order(random), "o.at DESC"),
        2 => ("shop.items i", item(random), "i.amount"),
        3 => (
            "shop.customers c JOIN shop.orders o ON o.customer_id = c.id",
            format!("{} AND {}", customer(random), order(random)),
            "o.at DESC",
        ),
        4 => (
            "shop.orders o JOIN shop.items i ON i.order_id = o.id",
            format!("{} AND {}", order(random), item(random)),
            "o.at",
        ),
        _ => (
            "shop.customers c JOIN shop.orders o ON o.customer_id = c.id JOIN shop.items i ON i.order_id = o.id",
            format!(
                "{} AND {} AND {}",
                customer(random),
                order(random),
                item(random)
            ),
            "c.id",
        ),
    };
    match random.below(3) {
        0 => format!("SELECT * FROM {from} WHERE {condition}"),
        1 => format!(
            "SELECT * FROM {from} WHERE {condition} ORDER BY {sort} LIMIT {}",
            1 + random.below(100)
        ),
        _ => format!("SELECT count(*) FROM {from} WHERE {condition}"),
    }
}

type Values = HashMap<String, Vec<(String, String)>>;

/// The common values and the bounds of each column, in the one snapshot and in the other.
async fn values(database: &TestDatabase, kept: &Value, redacted: &Value) -> Values {
    let client = database.client().await;
    let mut values = Values::new();
    let columns = |snapshot: &Value| snapshot["columns"].as_array().unwrap().clone();
    let (kept, redacted) = (columns(kept), columns(redacted));
    assert_eq!(kept.len(), redacted.len());
    for (kept, redacted) in kept.iter().zip(&redacted) {
        for key in [
            "schema",
            "relation",
            "column",
            "null_frac",
            "n_distinct",
            "most_common_freqs",
            "correlation",
        ] {
            assert_eq!(kept[key], redacted[key]);
        }
        let name = format!(
            "{}.{}",
            kept["relation"].as_str().unwrap(),
            kept["column"].as_str().unwrap()
        );
        let fields = if name == "customers.tags" {
            vec!["most_common_elems"]
        } else {
            vec!["most_common_vals", "histogram_bounds"]
        };
        for field in fields {
            let pairs = client
                .query(
                    "SELECT * FROM unnest($1::text::text[], $2::text::text[])",
                    &[&kept[field].as_str(), &redacted[field].as_str()],
                )
                .await
                .unwrap();
            let list = values.entry(name.clone()).or_default();
            list.extend(pairs.iter().filter_map(|row| {
                Some((
                    row.get::<_, Option<String>>(0)?,
                    row.get::<_, Option<String>>(1)?,
                ))
            }));
        }
    }
    values
}

/// The statement with values of the original, and with those that stand in their places.
fn filled(template: &str, values: &Values, random: &mut Random) -> (String, String) {
    let (mut original, mut redacted) = (String::new(), String::new());
    for part in template.split_inclusive('>') {
        let mark = part
            .rfind('<')
            .filter(|at| part[*at..].contains('.') && part.ends_with('>'));
        let Some(at) = mark else {
            original.push_str(part);
            redacted.push_str(part);
            continue;
        };
        let list = &values[&part[at + 1..part.len() - 1]];
        let (old, new) = &list[random.below(list.len() as u64) as usize];
        for (text, value) in [(&mut original, old), (&mut redacted, new)] {
            text.push_str(&part[..at]);
            text.push_str(&format!("'{value}'"));
        }
    }
    (original, redacted)
}

#[tokio::test]
async fn a_redacted_twin_plans_as_the_original_does() {
    for server in support::servers() {
        same_plans(server, 815, 200).await;
    }
}

/// Without texts in quotes, and numbers that are part of no name.
fn without_values(text: &str) -> String {
    let outside: String = text.split('\'').step_by(2).collect();
    let mut kept = String::new();
    let mut within_name = false;
    for sign in outside.chars() {
        let is_digit = sign.is_ascii_digit() || sign == '.';
        within_name = if is_digit {
            within_name
        } else {
            sign.is_alphanumeric() || sign == '_'
        };
        if !is_digit || within_name {
            kept.push(sign);
        }
    }
    kept
}

async fn same_plans(server: &'static TestServer, seed: u64, count: usize) {
    let database = shop(server).await;
    let path = path_with_dump();
    let read = |file: std::path::PathBuf| -> Value {
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    };
    let kept = read(snapshot(&database, &path, &["--keep-values"]));
    let redacted = read(snapshot(&database, &path, &[]));
    let values = values(&database, &kept, &redacted).await;
    let mut random = Random(seed);
    let (originals, statements): (Vec<String>, Vec<String>) = (0..count)
        .map(|_| {
            let template = template(&mut random);
            filled(&template, &values, &mut random)
        })
        .unzip();
    let (original, twin) = plans_on_both(&database, server, &path, &originals, &statements);
    let named: Vec<String> = originals
        .iter()
        .zip(&statements)
        .map(|(old, new)| format!("{old}\n{new}"))
        .collect();
    // The conditions hold other values.
    compare(
        server,
        "redacted",
        &named,
        &original,
        &twin,
        // ANALYZE samples and the redaction draws anew in each run: none to 5 of 100 were measured.
        (8, 5),
        without_values,
    );
}

/// Ten values of each of a hundred rows, each of another type; each row ten times.
const PLANTED: &str = "
CREATE TYPE mood AS (word text, weight int);
CREATE TABLE planted AS
SELECT 'Secret-' || md5(n::text) AS word, ('user' || md5('m' || n) || '@example.org')::varchar(80) AS mail,
       4000000000000 + (n * 7919 + n * n) * 1000003::bigint AS number, (n * 104729 + 0.37 + n % 7 * 0.01)::numeric(14, 2) AS amount,
       (n * 15485863.0 + 0.123)::float8 AS ratio, date '1903-01-01' + n * 431 AS born,
       timestamptz '2019-03-07 01:02:03.456789+00' + n * interval '17 days 3 hours 0.001 seconds' AS at,
       md5('u' || n)::uuid AS id, ('10.' || n || '.37.' || n % 251)::inet AS address,
       ARRAY['tag-' || md5('t' || n), 'Tag-' || md5('T' || n)] AS tags,
       jsonb_build_object('key', 'json-' || md5('j' || n)) AS document, sha256(n::text::bytea) AS bytes,
       tstzrange(timestamptz '2011-05-05 05:06:07.891234+00' + n * interval '9 days', timestamptz '2031-05-05 05:06:07.891234+00' + n * interval '9 days') AS span,
       ROW('mood-' || md5('o' || n), n * 1000003)::mood AS mood, n % 5 AS small
FROM generate_series(1, 100) AS n CROSS JOIN generate_series(1, 10);
CREATE INDEX ON planted (word); CREATE INDEX ON planted (mail, number); CREATE INDEX ON planted (amount); CREATE INDEX ON planted (ratio);
CREATE INDEX ON planted (born); CREATE INDEX ON planted (at DESC); CREATE INDEX ON planted (id); CREATE INDEX ON planted (address);
CREATE INDEX ON planted (lower(word)); CREATE INDEX ON planted (bytes); CREATE INDEX ON planted USING gin (tags);
CREATE STATISTICS planted_together (mcv, dependencies) ON word, mail FROM planted;
ANALYZE planted";

/// As a value of its own: not as figures of a longer number, or as the day of a time.
fn stands_in(value: &str, text: &str) -> bool {
    let figure = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_digit());
    text.match_indices(value).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + value.len()..].chars().next();
        let goes_on = figure(value.chars().next()) && figure(before)
            || figure(value.chars().next_back()) && (figure(after) || after == Some(' '));
        !goes_on
    })
}

#[tokio::test]
async fn no_value_of_the_database_is_in_a_redacted_snapshot_in_any_encoding() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client.batch_execute(PLANTED).await.unwrap();
    client.batch_execute("SET timezone = 'UTC'").await.unwrap();
    let rows = client
        .query(
            "SELECT DISTINCT v FROM planted CROSS JOIN LATERAL (VALUES (word), (mail), (number::text), (amount::text), (ratio::text),
                 (born::text), (at::text), (id::text), (host(address)), (tags[1]), (tags[2]), (document ->> 'key'),
                 (encode(bytes, 'hex')), (lower(span)::text), (upper(span)::text), ((mood).word), (((mood).weight)::text), (lower(word))) AS all_of_it (v)",
            &[],
        )
        .await
        .unwrap();
    let planted: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(planted.len() > 1_000, "{}", planted.len());
    let path = std::env::var("PATH").unwrap();
    let text =
        |options: &[&str]| std::fs::read_to_string(snapshot(&database, &path, options)).unwrap();
    let found = |text: &str| -> Vec<String> {
        let of = |planted: &&String| {
            let hex: String = planted.bytes().map(|byte| format!("{byte:02x}")).collect();
            let escaped = planted.replace('T', " ").replace("+00", "");
            let with_t = escaped.replacen(' ', "T", 1);
            let forms = [planted.as_str(), &hex, &escaped, &with_t];
            forms.iter().any(|form| stands_in(form, text))
        };
        planted.iter().filter(of).cloned().collect()
    };
    // They are there to be found.
    let kept = found(&text(&["--keep-values"]));
    assert!(
        kept.len() * 10 > planted.len() * 8,
        "{} of {}",
        kept.len(),
        planted.len()
    );
    let redacted = text(&[]);
    assert_eq!(found(&redacted), Vec::<String>::new());
    // What could not be replaced is named.
    let redacted: Value = serde_json::from_str(&redacted).unwrap();
    let missing = redacted["missing"].to_string();
    for name in ["inet", "jsonb", "bytea"] {
        assert!(missing.contains(name), "{missing} lacks {name}");
    }
    // The rows at the ends are in the twin's indexes: the last of a time is a time.
    let mut command = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
    let output = command
        .arg(&server.binaries.folder)
        .args(["--", "psql", "-qXAtc", "SET enable_seqscan = off; SELECT count(*) > 1, max(at) < now() - interval '1 year' AND min(at) < max(at) AND min(at) > '1900-01-01', count(document) FROM planted WHERE at IS NOT NULL"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "t|t|0\n",
        "{output:?}"
    );
}

#[tokio::test]
async fn constraints_keep_no_redacted_row_out_and_hold_again_afterwards() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE DOMAIN mail AS text NOT NULL CHECK (VALUE ~ '@');
             CREATE TABLE parent (id int NOT NULL, mail mail, note jsonb NOT NULL, CHECK (id % 2 = 0)) PARTITION BY HASH (id);
             CREATE TABLE part PARTITION OF parent FOR VALUES WITH (MODULUS 2, REMAINDER 0);
             CREATE TABLE other PARTITION OF parent FOR VALUES WITH (MODULUS 2, REMAINDER 1);
             INSERT INTO parent SELECT n * 2, 'm' || n || '@x', '{}' FROM generate_series(1, 5000) n;
             CREATE INDEX ON parent (id); CREATE INDEX ON parent (mail); ANALYZE parent",
        )
        .await
        .unwrap();
    snapshot(&database, &std::env::var("PATH").unwrap(), &[]);
    let script = "SET enable_seqscan = off; SELECT count(*) > 2 FROM parent WHERE id > 0; INSERT INTO parent VALUES (1, 'a@b', '{}'); INSERT INTO parent VALUES (2, 'ab', '{}'); \
                  INSERT INTO parent VALUES (2, 'a@b', NULL); INSERT INTO part SELECT n, 'a@b', '{}' FROM generate_series(2, 100, 2) n";
    std::fs::write(database.folder().join("script.sql"), script).unwrap();
    let mut command = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
    let output = command
        .arg(&server.binaries.folder)
        .args(["--", "psql", "-qXAtf", "script.sql"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "t\n", "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    for refused in [
        "violates check constraint \"parent_id_check\"",
        "violates check constraint \"mail_check\"",
        "violates not-null constraint",
        "violates partition constraint",
    ] {
        assert!(said.contains(refused), "{said} lacks {refused}");
    }
    assert!(!said.contains("the twin lacks the rows"), "{said}");
}

/// What a column's declaration leaves no room for is no value of it: the server refused the rows, and rounded the times.
#[tokio::test]
async fn redacted_values_fit_the_declarations_of_their_columns() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE sold (country char(2) DEFAULT 'de', grade char(1), at timestamp(0), day time(3), amount numeric(6, 1),
                                CHECK (grade <> 'x'));
             INSERT INTO sold SELECT chr(97 + n % 26) || chr(97 + n / 26 % 20), chr(97 + n % 23), timestamp '2025-01-01' + n % 40 * interval '1 s',
                                     time '00:00' + n % 30 * interval '77 s', n % 50 / 10.0
             FROM generate_series(1, 5000) AS n;
             CREATE INDEX ON sold (country); CREATE INDEX ON sold (grade); CREATE INDEX ON sold (at) WHERE country = 'us';
             CREATE STATISTICS sold_together (mcv) ON grade, at, day, amount FROM sold;
             ANALYZE sold",
        )
        .await
        .unwrap();
    let path = path_with_dump();
    let text = std::fs::read_to_string(snapshot(&database, &path, &[])).unwrap();
    let redacted: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(redacted["missing"], serde_json::json!([]));
    let combinations = redacted["extended"][0]["most_common"].as_array().unwrap();
    let output = database
        .dbaudit(&["twin", "prod.json", "--server-bin"])
        .arg(&server.binaries.folder)
        .args([
            "--",
            "psql",
            "-qXAtc",
            "SET enable_seqscan = off; SELECT min(country) <> max(country), max(length(country)) FROM sold WHERE country IS NOT NULL;
             SELECT count(*) FROM pg_statistic_ext_data CROSS JOIN pg_mcv_list_items(stxdmcv)",
        ])
        .output()
        .unwrap();
    assert_eq!(
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned()
        ),
        (format!("t|2\n{}\n", combinations.len()), String::new())
    );
}
