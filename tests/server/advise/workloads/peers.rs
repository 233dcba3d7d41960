//! How other advisors search, each as short as its method is, on HypoPG.
//!
//! - dexter 0.5 (github.com/ankane/dexter, lib/dexter/indexer.rb): for each query all single columns at once, then all
//!   pairs too; what the plan takes counts where the query's cost halves, and pairs where they halve it again.
//! - postgres-mcp's DTA (github.com/crystaldba/postgres-mcp, src/postgres_mcp/index/dta_calc.py): the index that lowers the
//!   workload's cost most, then the one that does beside it, until the gain is below a tenth.
//! - index_advisor 0.2 (github.com/supabase/index_advisor, index_advisor--0.2.0.sql): for each query all single columns at
//!   once; what the plan takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
};

use tokio_postgres::{Client, SimpleQueryMessage};

pub(super) struct Peers<'a> {
    client: &'a Client,
    queries: &'a [String],
    /// For each query, its tables with the columns in its conditions, joins, orders and groups.
    columns: Vec<BTreeMap<String, BTreeSet<String>>>,
}

type Search<'s> = Pin<Box<dyn Future<Output = Vec<String>> + 's>>;

impl<'a> Peers<'a> {
    pub(super) async fn new(client: &'a Client, queries: &'a [String]) -> Self {
        let all = "SELECT c.relname::text, a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0";
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in client.query(all, &[]).await.unwrap() {
            tables.entry(row.get(0)).or_default().insert(row.get(1));
        }
        let mut columns = Vec::new();
        for query in queries {
            columns.push(columns_of(client, query, &tables).await);
        }
        Self {
            client,
            queries,
            columns,
        }
    }

    pub(super) fn all(&self) -> Vec<(&'static str, Search<'_>)> {
        vec![
            ("dexter", Box::pin(self.dexter())),
            ("DTA", Box::pin(self.dta())),
            ("index_advisor", Box::pin(self.index_advisor())),
        ]
    }

    pub(super) async fn cost_with(&self, indexes: &[String]) -> f64 {
        self.create(indexes).await;
        let cost = cost(self.client, self.queries).await;
        self.create(&[]).await;
        cost
    }

    /// The names that HypoPG gives them, each with its index.
    async fn create(&self, indexes: &[String]) -> BTreeMap<String, String> {
        self.client
            .batch_execute("SELECT hypopg_reset()")
            .await
            .unwrap();
        let mut names = BTreeMap::new();
        for index in indexes {
            let sql = "SELECT indexname FROM hypopg_create_index($1)";
            let row = self
                .client
                .query_one(sql, &[&format!("CREATE INDEX ON {index}")])
                .await
                .unwrap();
            names.insert(row.get(0), index.clone());
        }
        names
    }

    /// Of one query with these indexes: its cost, and which of them its plan takes.
    async fn plan(&self, query: usize, indexes: &[String]) -> (f64, BTreeSet<String>) {
        let names = self.create(indexes).await;
        let plan = explain(self.client, &self.queries[query]).await;
        let used = names
            .iter()
            .filter(|(name, _)| plan.contains(&format!("\"{name}\"")));
        (total(&plan), used.map(|(_, index)| index.clone()).collect())
    }

    fn singles(&self, query: usize) -> Vec<String> {
        let tables = self.columns[query].iter();
        tables
            .flat_map(|(table, columns)| {
                columns
                    .iter()
                    .map(move |column| format!("{table} ({column})"))
            })
            .collect()
    }

    fn pairs(&self, query: usize) -> Vec<String> {
        let mut pairs = Vec::new();
        for (table, columns) in &self.columns[query] {
            for a in columns {
                for b in columns.iter().filter(|b| *b != a) {
                    pairs.push(format!("{table} ({a}, {b})"));
                }
            }
        }
        pairs
    }

    async fn dexter(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for query in 0..self.queries.len() {
            let (before, _) = self.plan(query, &[]).await;
            let (one, used_one) = self.plan(query, &self.singles(query)).await;
            let both: Vec<String> = self
                .singles(query)
                .into_iter()
                .chain(self.pairs(query))
                .collect();
            let (two, used_two) = self.plan(query, &both).await;
            if two < one * 0.5 && two < before * 0.5 {
                found.extend(used_two);
            } else if one < before * 0.5 {
                found.extend(used_one);
            }
        }
        found.into_iter().collect()
    }

    async fn index_advisor(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for query in 0..self.queries.len() {
            found.extend(self.plan(query, &self.singles(query)).await.1);
        }
        found.into_iter().collect()
    }

    async fn dta(&self) -> Vec<String> {
        let mut candidates = BTreeSet::new();
        for query in 0..self.queries.len() {
            candidates.extend(self.singles(query));
            candidates.extend(self.pairs(query));
        }
        // Those that no plan takes, even if they are all there, are left out first, as DTA does.
        let mut taken = BTreeSet::new();
        for query in 0..self.queries.len() {
            let all: Vec<String> = self
                .singles(query)
                .into_iter()
                .chain(self.pairs(query))
                .collect();
            taken.extend(self.plan(query, &all).await.1);
        }
        taken.extend(self.index_advisor().await);
        let candidates: Vec<String> = candidates.intersection(&taken).cloned().collect();
        let mut chosen: Vec<String> = Vec::new();
        let mut least = self.cost_with(&[]).await;
        loop {
            let mut best: Option<(f64, String)> = None;
            for index in candidates.iter().filter(|index| !chosen.contains(index)) {
                let with: Vec<String> = chosen.iter().chain([index]).cloned().collect();
                let cost = self.cost_with(&with).await;
                if best.as_ref().is_none_or(|(known, _)| cost < *known) {
                    best = Some((cost, index.clone()));
                }
            }
            match best {
                Some((cost, index)) if cost < least * 0.9 => {
                    least = cost;
                    chosen.push(index);
                }
                _ => return chosen,
            }
        }
    }
}

/// The columns that the plan without indexes has in conditions, sorts and groups: what is only returned is none.
async fn columns_of(
    client: &Client,
    query: &str,
    tables: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    client
        .batch_execute("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off")
        .await
        .unwrap();
    let rows = client
        .simple_query(&format!("EXPLAIN (VERBOSE) {query}"))
        .await
        .unwrap();
    client
        .batch_execute(
            "RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan",
        )
        .await
        .unwrap();
    let lines: Vec<String> = texts(&rows);
    let mut aliases: BTreeMap<String, String> = BTreeMap::new();
    for line in &lines {
        if let Some((_, rest)) = line.split_once(" on public.") {
            let mut words = rest.split_whitespace();
            let table = words.next().unwrap().to_owned();
            let alias = words
                .next()
                .filter(|word| !word.starts_with('('))
                .unwrap_or(&table);
            aliases.insert(alias.to_owned(), table);
        }
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines
        .iter()
        .filter(|line| !line.trim_start().starts_with("Output:") && line.contains(": "))
    {
        for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')) {
            if let Some((alias, column)) = word.split_once('.')
                && let Some(table) = aliases.get(alias)
                && tables
                    .get(table)
                    .is_some_and(|columns| columns.contains(column))
            {
                found
                    .entry(table.clone())
                    .or_default()
                    .insert(column.to_owned());
            }
        }
    }
    found
}

fn texts(messages: &[SimpleQueryMessage]) -> Vec<String> {
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}

async fn explain(client: &Client, query: &str) -> String {
    let rows = client
        .simple_query(&format!("EXPLAIN (FORMAT JSON) {query}"))
        .await
        .unwrap();
    texts(&rows).join("\n")
}

fn total(plan: &str) -> f64 {
    let json: serde_json::Value = serde_json::from_str(plan).unwrap();
    json[0]["Plan"]["Total Cost"].as_f64().unwrap()
}

/// Of all queries, as things are.
pub(super) async fn cost(client: &Client, queries: &[String]) -> f64 {
    let mut sum = 0.0;
    for query in queries {
        sum += total(&explain(client, query).await);
    }
    sum
}
