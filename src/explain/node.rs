//! A plan's nodes, with what each costs by itself.

use serde_json::Value;

use crate::catalog::QualifiedName;

/// A plan as `EXPLAIN (FORMAT JSON)` gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryPlan {
    pub root: Node,
    /// Milliseconds the executor took; `None` without ANALYZE.
    pub execution_ms: Option<f64>,
    /// Milliseconds the planner took.
    pub planning_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// `Seq Scan`, `Hash Join`, …
    pub kind: String,
    /// Left, Inner, …; hashed or sorted; the role under its parent.
    pub variant: String,
    /// `InitPlan 1`, `SubPlan 2`, `CTE x`.
    pub subplan: Option<String>,
    /// What is done to the table: `Insert`, `Update`, `Delete`, `Merge`.
    pub operation: Option<String>,
    /// A row that is there already is updated: `ON CONFLICT DO UPDATE`.
    pub updates_conflicts: bool,
    pub relation: Option<QualifiedName>,
    /// The name the query gives that table.
    pub alias: Option<String>,
    pub index: Option<String>,
    /// Filter, Index Cond, Hash Cond, …: key and text, in the server's order.
    pub conditions: Vec<(String, String)>,
    /// What it hands over; empty without VERBOSE.
    pub output: Vec<String>,
    pub group_key: Vec<String>,
    /// What a sort sorts by.
    pub sort_key: Vec<String>,
    pub sort_method: Option<String>,
    /// Kilobytes that went to disk in a sort.
    pub sort_disk_kb: Option<f64>,
    /// More than one: a hash that did not fit into memory.
    pub hash_batches: Option<f64>,
    /// Rows the filter threw away, per loop.
    pub removed_by_filter: f64,
    /// Rows expected, per loop.
    pub estimated_rows: f64,
    /// Rows that came, per loop; `None` without ANALYZE.
    pub actual_rows: Option<f64>,
    /// How often it was run (counting parallel workers).
    pub loops: f64,
    pub startup_cost: f64,
    pub total_cost: f64,
    /// Milliseconds per loop, with children; `None` without TIMING.
    pub total_ms: Option<f64>,
    /// Blocks found in shared buffers, with children.
    pub shared_hit: u64,
    /// Blocks read from outside, with children.
    pub shared_read: u64,
    /// Blocks of temporary files written, with children.
    pub temp_written: u64,
    /// Log records written, with children.
    pub wal_records: u64,
    /// Workers that took part, on a Gather.
    pub workers: f64,
    /// What it draws from.
    pub children: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Time measured per node.
    Time,
    Buffers,
    Cost,
}

impl QueryPlan {
    /// From the server's JSON: an array of one object.
    pub fn parse(json: &Value) -> Option<Self> {
        let object = json
            .as_array()
            .and_then(|list| list.first())
            .unwrap_or(json);
        Some(Self {
            root: Node::parse(object.get("Plan")?),
            execution_ms: object.get("Execution Time").and_then(Value::as_f64),
            planning_ms: object.get("Planning Time").and_then(Value::as_f64),
        })
    }

    /// What the nodes' shares are best taken of.
    pub fn basis(&self) -> Basis {
        if self.root.total_ms.is_some() {
            Basis::Time
        } else if self.root.actual_rows.is_some() && self.root.blocks() > 0 {
            Basis::Buffers
        } else {
            Basis::Cost
        }
    }

    /// The share, 0 to 1, of the whole that `node` costs by itself.
    pub fn share(&self, node: &Node) -> f64 {
        let basis = self.basis();
        let all: f64 = self.root.walk().map(|node| node.own(basis)).sum();
        if all > 0.0 {
            node.own(basis) / all
        } else {
            0.0
        }
    }

    /// The node that costs most by itself.
    pub fn costliest(&self) -> &Node {
        let basis = self.basis();
        self.root
            .walk()
            .max_by(|a, b| a.own(basis).total_cmp(&b.own(basis)))
            .unwrap_or(&self.root)
    }

    /// The tables it reads, each once, in order.
    pub fn relations(&self) -> Vec<QualifiedName> {
        let mut relations: Vec<QualifiedName> = self
            .root
            .walk()
            .filter_map(|node| node.relation.clone())
            .collect();
        relations.sort();
        relations.dedup();
        relations
    }
}

impl Node {
    fn parse(json: &Value) -> Self {
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| json.get(key).and_then(Value::as_f64);
        let blocks = |key: &str| json.get(key).and_then(Value::as_u64).unwrap_or(0);
        let variant: Vec<String> = [
            "Strategy",
            "Partial Mode",
            "Join Type",
            "Scan Direction",
            "Command",
            "Parent Relationship",
        ]
        .iter()
        .filter_map(|key| text(key))
        .collect();
        let conditions = json
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.ends_with("Cond") || key.ends_with("Filter"))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let list = |key: &str| -> Vec<String> {
            let items = json
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            items
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        let on_disk = text("Sort Space Type").is_some_and(|kind| kind == "Disk");
        Self {
            kind: text("Node Type").unwrap_or_else(|| "?".into()),
            variant: variant.join(" "),
            subplan: text("Subplan Name"),
            operation: text("Operation"),
            updates_conflicts: text("Conflict Resolution").is_some_and(|what| what == "UPDATE"),
            relation: text("Relation Name")
                .map(|name| QualifiedName::new(text("Schema").unwrap_or_default(), name)),
            alias: text("Alias"),
            index: text("Index Name"),
            conditions,
            output: list("Output"),
            group_key: list("Group Key"),
            sort_key: list("Sort Key"),
            sort_method: text("Sort Method"),
            sort_disk_kb: number("Sort Space Used").filter(|_| on_disk),
            hash_batches: number("Hash Batches"),
            removed_by_filter: number("Rows Removed by Filter").unwrap_or(0.0)
                + number("Rows Removed by Join Filter").unwrap_or(0.0),
            estimated_rows: number("Plan Rows").unwrap_or(0.0),
            actual_rows: number("Actual Rows"),
            loops: number("Actual Loops").unwrap_or(1.0),
            startup_cost: number("Startup Cost").unwrap_or(0.0),
            total_cost: number("Total Cost").unwrap_or(0.0),
            total_ms: number("Actual Total Time"),
            shared_hit: blocks("Shared Hit Blocks"),
            shared_read: blocks("Shared Read Blocks"),
            temp_written: blocks("Temp Written Blocks"),
            wal_records: blocks("WAL Records"),
            workers: number("Workers Launched").unwrap_or(0.0),
            children: json
                .get("Plans")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(Node::parse)
                .collect(),
        }
    }

    /// The node and everything below it, top down.
    pub fn walk(&self) -> Box<dyn Iterator<Item = &Node> + '_> {
        Box::new(std::iter::once(self).chain(self.children.iter().flat_map(Node::walk)))
    }

    /// Blocks touched, hit or read, with children.
    pub fn blocks(&self) -> u64 {
        self.shared_hit + self.shared_read
    }

    /// Rows that came over all loops.
    pub fn rows(&self) -> Option<f64> {
        self.actual_rows.map(|rows| rows * self.loops)
    }

    /// Rows thrown away by filters over all loops.
    pub fn removed(&self) -> f64 {
        self.removed_by_filter * self.loops
    }

    pub fn condition(&self, key: &str) -> Option<&str> {
        self.conditions
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, text)| text.as_str())
    }

    /// Its own part, without its children's.
    fn own(&self, basis: Basis) -> f64 {
        let children: f64 = self.children.iter().map(|child| child.whole(basis)).sum();
        (self.whole(basis) - children).max(0.0)
    }

    fn whole(&self, basis: Basis) -> f64 {
        match basis {
            Basis::Time => self.total_ms.unwrap_or(0.0) * self.loops,
            #[expect(clippy::cast_precision_loss, reason = "a count of blocks")]
            Basis::Buffers => self.blocks() as f64,
            Basis::Cost => self.total_cost,
        }
    }
}
