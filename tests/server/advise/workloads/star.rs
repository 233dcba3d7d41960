//! A generated star and snowflake: facts, dimensions and what these refer to, with skewed values.

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::Workload;

struct Table {
    name: String,
    rows: u64,
    /// Columns with how many values each has.
    attributes: Vec<(String, u64)>,
    /// Columns that refer to other tables.
    parents: Vec<(String, usize)>,
}

/// So many queries on 20 tables with about so many rows in all.
pub(super) fn workload(rng: &mut ChaCha8Rng, queries: usize, rows: u64) -> Workload {
    let tables = tables(rng, rows);
    let mut schema = Vec::new();
    for table in &tables {
        schema.extend(create(table, &tables));
    }
    let queries = (0..queries).map(|_| query(rng, &tables)).collect();
    Workload { schema, queries }
}

/// First 8 outer dimensions, then 9 inner ones that refer to them, then 3 facts.
fn tables(rng: &mut ChaCha8Rng, rows: u64) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for at in 0..20 {
        let (name, share, parents): (_, u64, usize) = match at {
            0..8 => (format!("outer_{at}"), 2_000, 0),
            8..17 => (format!("dimension_{at}"), 80, rng.random_range(0..=2)),
            _ => (format!("fact_{at}"), 4, rng.random_range(4..=7)),
        };
        let rows = (rows / share).max(200);
        let attributes = (0..rng.random_range(3..=6))
            .map(|n| {
                let distinct = [3, 10, 60, 400, 3_000, 50_000][rng.random_range(0..6)];
                (format!("a{n}"), u64::min(distinct, rows))
            })
            .collect();
        let below = match at {
            0..8 => 0..0,
            8..17 => 0..8,
            _ => 8..17,
        };
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < parents {
            let parent = rng.random_range(below.clone());
            if !chosen.contains(&parent) {
                chosen.push(parent);
            }
        }
        tables.push(Table {
            name,
            rows,
            attributes,
            parents: chosen
                .into_iter()
                .map(|parent| (format!("p{parent}"), parent))
                .collect(),
        });
    }
    tables
}

fn create(table: &Table, tables: &[Table]) -> [String; 2] {
    let mut columns = vec!["id int PRIMARY KEY".to_owned()];
    let mut values = vec!["n".to_owned()];
    // The square of a random number: low values are common, high ones rare.
    let skewed = |salt: usize, distinct: u64| {
        format!(
            "floor(power(((n::bigint * {} + {salt}) % 10007) / 10007.0, 2) * {distinct})::int",
            7919 + 2 * salt
        )
    };
    for (at, (name, parent)) in table.parents.iter().enumerate() {
        columns.push(format!("{name} int NOT NULL"));
        values.push(format!("1 + {}", skewed(at + 11, tables[*parent].rows)));
    }
    for (at, (name, distinct)) in table.attributes.iter().enumerate() {
        columns.push(format!("{name} int NOT NULL"));
        values.push(skewed(at + 31, *distinct));
    }
    columns.push("at timestamptz NOT NULL, amount int NOT NULL, label text NOT NULL".into());
    values.push(
        "'2026-01-01'::timestamptz + (n::bigint * 7907 % 100003) * interval '1 minute', (n::bigint * 104729 % 99991)::int, \
         'label ' || md5(n::text)"
            .into(),
    );
    [
        format!("CREATE TABLE {} ({})", table.name, columns.join(", ")),
        format!(
            "INSERT INTO {} SELECT {} FROM generate_series(1, {}) AS n",
            table.name,
            values.join(", "),
            table.rows
        ),
    ]
}

fn query(rng: &mut ChaCha8Rng, tables: &[Table]) -> String {
    let fact = rng.random_range(8..20).max(rng.random_range(8..20));
    let mut from = format!("{} t{fact}", tables[fact].name);
    let mut joined = vec![fact];
    for _ in 0..rng.random_range(0..=4) {
        let of = *joined.choose(rng).unwrap();
        let Some((column, parent)) = tables[of].parents.choose(rng).cloned() else {
            continue;
        };
        if joined.contains(&parent) {
            continue;
        }
        from.push_str(&format!(
            " JOIN {} t{parent} ON t{parent}.id = t{of}.{column}",
            tables[parent].name
        ));
        joined.push(parent);
    }
    let mut conditions = Vec::new();
    for _ in 0..rng.random_range(1..=3) {
        let of = *joined.choose(rng).unwrap();
        let (name, distinct) = tables[of].attributes.choose(rng).unwrap();
        let value = |rng: &mut ChaCha8Rng| (rng.random::<f64>().powi(2) * *distinct as f64) as u64;
        let column = format!("t{of}.{name}");
        conditions.push(match rng.random_range(0..10) {
            0..6 => format!("{column} = {}", value(rng)),
            6..8 => format!("{column} IN ({}, {}, {})", value(rng), value(rng), value(rng)),
            8 => {
                let from = value(rng);
                format!("{column} BETWEEN {from} AND {}", from + distinct / 50)
            }
            _ => {
                let day = rng.random_range(1..60);
                format!("t{of}.at >= '2026-01-01'::timestamptz + interval '{day} days' AND t{of}.at < '2026-01-01'::timestamptz + interval '{} days'", day + 1)
            }
        });
    }
    let filter = conditions.join(" AND ");
    match rng.random_range(0..4) {
        0 => format!("SELECT count(*), sum(t{fact}.amount) FROM {from} WHERE {filter}"),
        1 => {
            let of = *joined.last().unwrap();
            let group = &tables[of].attributes[0].0;
            format!(
                "SELECT t{of}.{group}, sum(t{fact}.amount) FROM {from} WHERE {filter} GROUP BY t{of}.{group}"
            )
        }
        2 => format!(
            "SELECT t{fact}.id, t{fact}.label FROM {from} WHERE {filter} ORDER BY t{fact}.at DESC LIMIT 20"
        ),
        _ => format!("SELECT t{fact}.id, t{fact}.amount FROM {from} WHERE {filter}"),
    }
}
