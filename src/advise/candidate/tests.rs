//! One row for each rule: what a plan without indexes shows, and the indexes that come of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    advise::{ClassFacts, ColumnFacts, PresentIndex, TableFacts, candidates, needs},
    catalog::QualifiedName,
    explain::QueryPlan,
};

fn column(type_name: &str, width: f64, distinct: f64, correlation: f64) -> ColumnFacts {
    let class = |method: &str, name: &str, default: bool, searches: &[&str], sorts: &[&str]| {
        let all = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect();
        ClassFacts {
            method: method.into(),
            name: name.into(),
            default,
            exact: true,
            searches: all(searches),
            sorts: all(sorts),
        }
    };
    let mut classes = match type_name {
        "point" => vec![class("gist", "point_ops", true, &["<@", "~="], &["<->"])],
        "_int4" => vec![class("gin", "array_ops", true, &["@>", "&&"], &[])],
        "text" | "varchar" => vec![class("gin", "gin_trgm_ops", false, &["~~", "~"], &[])],
        "inet" => vec![class("gist", "inet_ops", false, &["<<=", "&&"], &[])],
        _ => Vec::new(),
    };
    if type_name != "point" {
        classes.extend(
            ["btree", "hash", "brin"].map(|method| class(method, "own_ops", true, &["="], &[])),
        );
    }
    ColumnFacts {
        relabels: vec!["text".into()],
        classes,
        type_name: type_name.into(),
        length: -1,
        align: 4,
        width,
        null_fraction: 0.0,
        distinct: Some(distinct),
        correlation,
        not_null: true,
        deduplicates: true,
        collated: matches!(type_name, "text" | "varchar"),
    }
}

fn present(name: &str, method: &str, keys: &[&str]) -> PresentIndex {
    PresentIndex {
        name: name.into(),
        method: method.into(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        include: Vec::new(),
        predicate: None,
        enforces: false,
        valid: true,
        scans: 0,
        bytes: 0,
    }
}

fn table(schema: &str, name: &str, columns: &[(&str, ColumnFacts)]) -> TableFacts {
    TableFacts {
        table: Some(QualifiedName::new(schema, name)),
        rows: 100_000.0,
        pages: 3_000.0,
        all_visible: 3_000.0,
        columns: columns
            .iter()
            .map(|(name, facts)| ((*name).to_owned(), facts.clone()))
            .collect(),
        owned: true,
        ..TableFacts::default()
    }
}

fn orders() -> TableFacts {
    let mut orders = table(
        "public",
        "orders",
        &[
            ("id", column("int4", 4.0, 100_000.0, 1.0)),
            ("kind", column("text", 5.0, 50.0, 0.1)),
            ("status", column("text", 6.0, 3.0, 0.1)),
            ("region", column("int4", 4.0, 300.0, 0.0)),
            ("code", column("text", 33.0, 100_000.0, 0.0)),
            ("email", column("varchar", 20.0, 90_000.0, 0.0)),
            ("created_at", column("timestamptz", 8.0, 100_000.0, 0.5)),
            ("shipped_at", column("timestamptz", 8.0, 80_000.0, 0.99)),
            ("amount", column("int4", 4.0, 50_000.0, 0.0)),
            ("deleted", column("bool", 1.0, 2.0, 0.9)),
            ("tags", column("_int4", 40.0, 5_000.0, 0.0)),
            ("place", column("point", 16.0, 90_000.0, 0.0)),
            ("host", column("inet", 7.0, 5_000.0, 0.0)),
            ("page", column("text", 4_000.0, 90_000.0, 0.0)),
            ("note", column("text", 100.0, 100_000.0, 0.0)),
        ],
    );
    orders.indexes = vec![PresentIndex {
        enforces: true,
        ..present("orders_pkey", "btree", &["id"])
    }];
    orders
}

fn lines() -> TableFacts {
    let columns = [
        ("order_id", column("int4", 4.0, 90_000.0, 0.0)),
        ("quantity", column("int4", 4.0, 10.0, 0.0)),
    ];
    table("public", "lines", &columns)
}

/// A scan of `orders o`.
fn scan(filter: &str) -> Value {
    scan_of("orders", "o", filter)
}

fn scan_of(table: &str, alias: &str, filter: &str) -> Value {
    let mut node = json!({
        "Node Type": "Seq Scan", "Schema": "public", "Relation Name": table, "Alias": alias,
        "Parent Relationship": "Outer",
    });
    if !filter.is_empty() {
        node["Filter"] = filter.into();
    }
    node
}

/// The top of the plan: what the query returns.
fn returning(output: &[&str], below: Value) -> Value {
    json!([{ "Plan": { "Node Type": "Limit", "Output": output, "Plans": [below] } }])
}

/// With a note, which is too long to be carried along.
fn whole(below: Value) -> Value {
    returning(&["o.id", "o.note"], below)
}

fn sort(keys: &[&str], below: Value) -> Value {
    json!({ "Node Type": "Sort", "Sort Key": keys, "Plans": [below] })
}

fn join(condition: &str, outer: Value, inner: Value) -> Value {
    json!({ "Node Type": "Hash Join", "Hash Cond": condition, "Plans": [outer, inner] })
}

fn parsed(plan: &Value) -> QueryPlan {
    QueryPlan::parse(plan).unwrap()
}

fn made(plan: &Value, tables: &[TableFacts], patterns: &[&str], trigrams: bool) -> Vec<String> {
    let tables: BTreeMap<QualifiedName, &TableFacts> =
        tables.iter().map(|facts| (facts.name(), facts)).collect();
    let patterns: Vec<Vec<Option<String>>> = patterns
        .iter()
        .map(|pattern| vec![Some((*pattern).to_owned())])
        .collect();
    candidates(&needs(&parsed(plan), &tables, &patterns), &tables, trigrams)
        .iter()
        .map(|spec| spec.shown())
        .collect()
}

/// What the candidates are: exactly these, in any order; or these among others, and none of those.
enum Wanted {
    Exactly(&'static [&'static str]),
    Among(&'static [&'static str], &'static [&'static str]),
}
use Wanted::{Among, Exactly};

#[test]
fn each_rule_makes_its_candidates_and_no_others() {
    let rules: Vec<(&str, Value, Wanted)> = vec![
        (
            "one equality",
            whole(scan("(o.region = $1)")),
            Exactly(&["orders(region)"]),
        ),
        (
            "two equalities: the more selective first, turned round, and each alone",
            whole(scan("((o.status = $1) AND (o.kind = $2))")),
            Exactly(&[
                "orders(kind, status)",
                "orders(status, kind)",
                "orders(kind)",
                "orders(status)",
            ]),
        ),
        (
            "three equalities: each is first once",
            whole(scan(
                "((o.status = $1) AND (o.kind = $2) AND (o.region = $3))",
            )),
            Among(
                &[
                    "orders(region, kind, status)",
                    "orders(kind, region, status)",
                    "orders(status, region, kind)",
                ],
                &["orders(status, kind, region)"],
            ),
        ),
        (
            "a range stands behind the equality",
            whole(scan("((o.created_at >= $1) AND (o.region = $2))")),
            Among(
                &[
                    "orders(region, created_at)",
                    "orders(region)",
                    "orders(created_at)",
                ],
                &["orders(created_at, region)"],
            ),
        ),
        (
            "two ranges: one index cannot serve both",
            whole(scan("((o.created_at >= $1) AND (o.amount < $2))")),
            Exactly(&["orders(created_at)", "orders(amount)"]),
        ),
        (
            "what is sorted by stands behind the equalities, with its direction, and turned round too",
            whole(sort(
                &["o.created_at DESC"],
                scan("((o.status = $1) AND (o.kind = $2))"),
            )),
            Among(
                &[
                    "orders(kind, status, created_at DESC)",
                    "orders(status, kind, created_at DESC)",
                    "orders(created_at DESC)",
                ],
                &["orders(kind, status, created_at)", "orders(created_at)"],
            ),
        ),
        (
            "nulls where the query wants them",
            whole(sort(&["o.shipped_at DESC NULLS LAST"], scan(""))),
            Exactly(&["orders(shipped_at DESC NULLS LAST)"]),
        ),
        (
            "nulls first, ascending",
            whole(sort(&["o.shipped_at NULLS FIRST"], scan(""))),
            Exactly(&["orders(shipped_at NULLS FIRST)"]),
        ),
        (
            "mixed directions, each its own",
            whole(sort(&["o.region", "o.created_at DESC"], scan(""))),
            Exactly(&["orders(region, created_at DESC)"]),
        ),
        (
            "a part of the order spares no sort",
            whole(sort(&["o.region", "(random())"], scan(""))),
            Exactly(&[]),
        ),
        (
            "nor does an order over two tables",
            returning(
                &["o.note", "l.quantity"],
                sort(
                    &["o.region", "l.quantity"],
                    join("(l.order_id = o.id)", scan(""), scan_of("lines", "l", "")),
                ),
            ),
            Among(&[], &["orders(region)", "lines(quantity)"]),
        ),
        (
            "the key of the join's inner side; the other side's is there",
            returning(
                &["o.note", "l.quantity"],
                join(
                    "(l.order_id = o.id)",
                    scan("(o.kind = $1)"),
                    scan_of("lines", "l", ""),
                ),
            ),
            Exactly(&[
                "lines(order_id)",
                "lines(order_id) INCLUDE (quantity)",
                "orders(kind)",
            ]),
        ),
        (
            "a join's key before what else the inner side is asked",
            returning(
                &["o.note", "l.order_id"],
                join(
                    "(l.order_id = o.id)",
                    scan("(o.kind = $1)"),
                    scan_of("lines", "l", "(l.quantity = $2)"),
                ),
            ),
            Among(
                &[
                    "lines(order_id)",
                    "lines(order_id, quantity)",
                    "lines(quantity)",
                ],
                &[],
            ),
        ),
        (
            "INCLUDE, where the rest that is read is short",
            returning(&["o.amount"], scan("(o.region = $1)")),
            Exactly(&["orders(region)", "orders(region) INCLUDE (amount)"]),
        ),
        (
            "no INCLUDE of a value that is longer than all keys",
            returning(&["o.note"], scan("(o.region = $1)")),
            Exactly(&["orders(region)"]),
        ),
        (
            "a predicate that the query's constant implies",
            whole(sort(&["o.created_at"], scan("(o.status = 'failed'::text)"))),
            Among(
                &[
                    "orders(created_at) WHERE (status = 'failed'::text)",
                    "orders(status, created_at)",
                ],
                &["orders(status, created_at) WHERE (status = 'failed'::text)"],
            ),
        ),
        (
            "no predicate of a parameter",
            whole(sort(&["o.created_at"], scan("(o.status = $1)"))),
            Exactly(&[
                "orders(status, created_at)",
                "orders(status)",
                "orders(created_at)",
            ]),
        ),
        (
            "nor of a range's bound, which is another tomorrow",
            whole(scan("(o.amount > 5)")),
            Exactly(&["orders(amount)"]),
        ),
        (
            "a flag is a predicate",
            whole(scan("(o.deleted AND (o.region = $1))")),
            Among(&["orders(region) WHERE (deleted)", "orders(region)"], &[]),
        ),
        (
            "its opposite too",
            whole(scan("((NOT o.deleted) AND (o.region = $1))")),
            Among(&["orders(region) WHERE (NOT deleted)"], &[]),
        ),
        (
            "a missing value too",
            whole(scan("((o.shipped_at IS NULL) AND (o.region = $1))")),
            Among(&["orders(region) WHERE (shipped_at IS NULL)"], &[]),
        ),
        (
            "an expression as it is written",
            whole(scan("(lower((o.email)::text) = $1)")),
            Exactly(&["orders((lower((email)::text)))"]),
        ),
        (
            "varchar is compared as text by the column's own bytes",
            whole(scan("((o.email)::text = $1)")),
            Exactly(&["orders(email)"]),
        ),
        (
            "an expression that is another tomorrow is no key, but may be its bound",
            whole(scan(
                "((o.created_at > (now() - '1 day'::interval)) AND ((now() - o.created_at) > $1))",
            )),
            Exactly(&["orders(created_at)"]),
        ),
        (
            "two columns of one row compared with each other",
            whole(scan("(o.created_at < o.shipped_at)")),
            Exactly(&[]),
        ),
        (
            "inequality leads nowhere",
            whole(scan("(o.region <> $1)")),
            Exactly(&[]),
        ),
        (
            "long values hashed, too",
            whole(scan("(o.code = $1)")),
            Exactly(&["orders(code)", "orders USING hash (code)"]),
        ),
        (
            "but not where they are ranged over",
            whole(scan("(o.code > $1)")),
            Exactly(&["orders(code)"]),
        ),
        (
            "a list of values",
            whole(scan("(o.region = ANY ($1))")),
            Exactly(&["orders(region)"]),
        ),
        (
            "a list behind the order spares reading what is thrown away",
            whole(sort(
                &["o.created_at"],
                scan("((o.kind = $1) AND (o.region = ANY ($2)))"),
            )),
            Among(
                &[
                    "orders(kind, created_at, region)",
                    "orders(kind, created_at)",
                ],
                &[],
            ),
        ),
        (
            "either of two: an index for each",
            whole(scan("((o.region = $1) OR (o.amount = $2))")),
            Exactly(&["orders(region)", "orders(amount)"]),
        ),
        (
            "either of two, one of which nothing serves: all rows are read",
            whole(scan("((o.region = $1) OR (o.note <> $2))")),
            Exactly(&[]),
        ),
        (
            "what is within a value",
            whole(scan("(o.tags @> $1)")),
            Exactly(&["orders USING gin (tags)"]),
        ),
        (
            "a shape within a shape",
            whole(scan("(o.place <@ '(1,1),(0,0)'::box)")),
            Exactly(&["orders USING gist (place)"]),
        ),
        (
            "the nearest of all, by a class and by no expression of one place",
            whole(sort(&["(o.place <-> '(5,5)'::point)"], scan(""))),
            Exactly(&["orders USING gist (place)"]),
        ),
        (
            "a network, by a class that must be named",
            whole(scan("(o.host <<= '10.0.0.0/8'::inet)")),
            Exactly(&["orders USING gist (host inet_ops)"]),
        ),
        (
            "what no class looks up",
            whole(scan("((o.region & 4) = 4)")),
            Exactly(&[]),
        ),
        (
            "what cannot be sorted: a type without an order, and values longer than a page takes",
            whole(scan("((o.place = $1) AND (o.page = $2))")),
            Exactly(&["orders USING hash (page)"]),
        ),
        (
            "no part for a number that stands in one text, and no expression of it",
            whole(scan("((o.region = 7) AND (abs((o.amount - 5)) < 3))")),
            Exactly(&["orders(region)"]),
        ),
        (
            "a field of a document or a day is what is computed",
            whole(scan(
                "((date_trunc('day'::text, o.created_at) = $1) AND (o.kind = 'book'::text))",
            )),
            Among(
                &[
                    "orders((date_trunc('day'::text, created_at)))",
                    "orders(kind)",
                ],
                &["orders((date_trunc('day'::text, created_at))) WHERE (kind = 'book'::text)"],
            ),
        ),
        (
            "BRIN, where the rows lie in the order of their values",
            whole(scan("((o.shipped_at >= $1) AND (o.shipped_at < $2))")),
            Exactly(&["orders(shipped_at)", "orders USING brin (shipped_at)"]),
        ),
        (
            "no BRIN where they do not",
            whole(scan("(o.created_at >= $1)")),
            Exactly(&["orders(created_at)"]),
        ),
        (
            "what is grouped by",
            returning(
                &["o.region", "count(*)"],
                json!({ "Node Type": "Aggregate", "Group Key": ["o.region"], "Output": ["o.region", "count(*)"],
                        "Plans": [scan("")] }),
            ),
            Exactly(&["orders(region)"]),
        ),
        (
            "of what the greatest is asked",
            returning(
                &[],
                json!({ "Node Type": "Aggregate", "Output": ["max(o.amount)"], "Plans": [scan("(o.region = $1)")] }),
            ),
            Among(&["orders(region, amount)", "orders(region)"], &[]),
        ),
        (
            "the same in two scans of a table, once",
            returning(
                &["o.note", "p.note"],
                join(
                    "(o.amount = p.amount)",
                    scan("(o.region = $1)"),
                    scan_of("orders", "p", "(p.region = $2)"),
                ),
            ),
            Exactly(&["orders(region)", "orders(amount)", "orders(amount, region)"]),
        ),
        (
            "all of a table, in any order",
            whole(scan("")),
            Exactly(&[]),
        ),
        (
            "a column of the system's",
            whole(scan("(o.ctid = $1)")),
            Exactly(&[]),
        ),
        (
            "a table elsewhere, and a function's rows",
            returning(
                &["f.x"],
                json!({ "Node Type": "Nested Loop", "Plans": [
                    { "Node Type": "Foreign Scan", "Schema": "public", "Relation Name": "orders", "Alias": "o",
                      "Filter": "(o.region = $1)" },
                    { "Node Type": "Function Scan", "Function Name": "generate_series", "Alias": "f",
                      "Filter": "(f.f > 1)" },
                ] }),
            ),
            Exactly(&[]),
        ),
        (
            "a statement that writes: its scan, not its target",
            json!([{ "Plan": { "Node Type": "ModifyTable", "Operation": "Update", "Schema": "public",
                "Relation Name": "lines", "Alias": "l", "Plans": [scan("(o.region = $1)")] } }]),
            Exactly(&["orders(region)"]),
        ),
        (
            "a table that nothing is known of",
            whole(scan_of("nowhere", "o", "(o.region = $1)")),
            Exactly(&[]),
        ),
    ];
    let mut wrong = Vec::new();
    for (rule, plan, wanted) in rules {
        let found = made(&plan, &[orders(), lines()], &[], true);
        let right = match &wanted {
            Exactly(all) => {
                let mut sorted: Vec<&str> = found.iter().map(String::as_str).collect();
                sorted.sort_unstable();
                let mut all = all.to_vec();
                all.sort_unstable();
                sorted == all
            }
            Among(some, none) => {
                let has = |name: &&str| found.iter().any(|one| one == name);
                some.iter().all(has) && !none.iter().any(has)
            }
        };
        if !right {
            wrong.push(format!("{rule}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pattern_makes_an_index_by_letters_or_by_trigrams() {
    let filter = || returning(&["o.note"], scan("(o.note ~~ $1)"));
    let of = |patterns: &[&str], trigrams: bool| {
        let mut orders = orders();
        let note = orders.columns.get_mut("note").unwrap();
        note.classes
            .retain(|class| trigrams || class.name != "gin_trgm_ops");
        made(&filter(), &[orders], patterns, trigrams)
    };
    let by_trigrams = ["orders USING gin (note gin_trgm_ops)"];
    let by_letters = ["orders(note text_pattern_ops)"];
    assert_eq!(of(&["%abc%"], true), by_trigrams);
    assert!(of(&["%abc%"], false).is_empty(), "pg_trgm is not there");
    assert_eq!(of(&["abc%"], true), by_letters);
    assert_eq!(
        of(&["abc%", "%abc%"], true),
        by_trigrams,
        "one of them is infix"
    );
    // Where bytes are sorted by, a prefix is a range of the usual class.
    let mut by_bytes = orders();
    by_bytes.columns.get_mut("note").unwrap().collated = false;
    assert_eq!(
        made(&filter(), &[by_bytes], &["abc%"], true),
        ["orders(note)"]
    );
    let varchar = whole(scan("((o.email)::text ~~ 'a%'::text)"));
    let found = made(&varchar, &[orders()], &[], false);
    assert_eq!(found, ["orders(email varchar_pattern_ops)"]);
}

#[test]
fn what_is_there_already_is_no_candidate() {
    let plan = whole(scan("(o.region = $1)"));
    let with = |index: PresentIndex| {
        let mut orders = orders();
        orders.indexes.push(index);
        made(&plan, &[orders], &[], false)
    };
    let none: [&str; 0] = [];
    let missing = ["orders(region)"];
    assert_eq!(with(present("i", "btree", &["region"])), none);
    assert_eq!(
        with(present("i", "btree", &["region", "kind"])),
        none,
        "it begins so"
    );
    assert_eq!(with(present("i", "btree", &["kind", "region"])), missing);
    assert_eq!(with(present("i", "hash", &["region"])), missing);
    assert_eq!(with(present("i", "btree", &["region DESC"])), missing);
    let invalid = PresentIndex {
        valid: false,
        ..present("i", "btree", &["region"])
    };
    assert_eq!(with(invalid), missing, "no plan can use it");
    let partial = PresentIndex {
        predicate: Some("(deleted)".into()),
        ..present("i", "btree", &["region"])
    };
    assert_eq!(with(partial), missing, "it holds a part of the rows");

    // A partial one that is there is written by the catalog with other parentheses than by a plan.
    let flagged = whole(scan("(o.deleted AND (o.region = $1))"));
    let mut orders = orders();
    orders.indexes.push(PresentIndex {
        predicate: Some("(deleted = true)".into()),
        ..present("i", "btree", &["region"])
    });
    let found = made(&flagged, &[orders], &[], false);
    assert!(
        !found.contains(&"orders(region) WHERE (deleted)".to_owned()),
        "{found:?}"
    );

    // Columns carried along count.
    let short = returning(&["o.amount"], scan("(o.region = $1)"));
    let mut covered = self::orders();
    covered.indexes.push(PresentIndex {
        include: vec!["amount".into()],
        ..present("i", "btree", &["region"])
    });
    assert_eq!(made(&short, &[covered], &[], false), none);
}

#[test]
fn small_tables_and_the_systems_own_get_none() {
    let plan = whole(scan("(o.region = $1)"));
    let small = TableFacts {
        pages: 1.0,
        rows: 40.0,
        ..orders()
    };
    let none: [&str; 0] = [];
    assert_eq!(made(&plan, &[small], &[], false), none);
    let two_pages = TableFacts {
        pages: 2.0,
        ..orders()
    };
    assert_eq!(made(&plan, &[two_pages], &[], false), ["orders(region)"]);
    // A summary of some blocks needs many of them.
    let ranged = whole(scan("(o.shipped_at > $1)"));
    let short = TableFacts {
        pages: 1_999.0,
        ..orders()
    };
    assert_eq!(made(&ranged, &[short], &[], false), ["orders(shipped_at)"]);
    for schema in ["pg_catalog", "information_schema", "pg_temp_3"] {
        let systems = TableFacts {
            table: Some(QualifiedName::new(schema, "orders")),
            ..orders()
        };
        let mut plan = whole(scan("(o.region = $1)"));
        plan[0]["Plan"]["Plans"][0]["Schema"] = schema.into();
        assert_eq!(made(&plan, &[systems], &[], false), none, "{schema}");
    }
}

#[test]
fn a_partition_stands_for_its_tree_and_candidates_are_bounded() {
    let mut tree = orders();
    tree.leaves = vec![QualifiedName::new("public", "orders_1")];
    let root = tree.name();
    let leaf = QualifiedName::new("public", "orders_1");
    let tables = BTreeMap::from([(root, &tree), (leaf, &tree)]);
    let plan = whole(json!({ "Node Type": "Append", "Plans": [
        { "Node Type": "Seq Scan", "Schema": "public", "Relation Name": "orders_1", "Alias": "o_1",
          "Filter": "(o_1.region = $1)" },
    ] }));
    let found = candidates(&needs(&parsed(&plan), &tables, &[]), &tables, false);
    let shown: Vec<String> = found.iter().map(|spec| spec.shown()).collect();
    assert_eq!(shown, ["orders(region)"]);

    let many = "((o.region = $1) AND (o.kind = $2) AND (o.status = $3) AND (o.amount > $4) AND (o.created_at > $5) \
                 AND (o.shipped_at > $6) AND (o.code = ANY ($7)) AND (o.email IS NULL) AND (NOT o.deleted))";
    let plan = whole(sort(&["o.id DESC"], scan(many)));
    let (once, again) = (
        made(&plan, &[orders()], &[], true),
        made(&plan, &[orders()], &[], true),
    );
    assert_eq!(once.len(), 18, "{once:#?}");
    assert_eq!(once, again);
}
