//! The file between production and its twin.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

const FORMAT: &str = "dbaudit-snapshot";
const VERSION: u32 = 1;

/// What the planner reads of a database. Numbers that must come back to the last digit are kept as the server's text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// `dbaudit-snapshot`.
    format: String,
    version: u32,
    pub(super) taken_at: Timestamp,
    /// No values of the database, but others in their places.
    #[serde(default)]
    pub(super) redacted: bool,
    pub server: Server,
    pub(super) database: Database,
    /// What the planner goes by, where it is not as built in: `random_page_cost`, `work_mem`, …
    pub(super) settings: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tablespaces: Vec<Tablespace>,
    pub(super) extensions: Vec<String>,
    /// That policies and the like name.
    pub(super) roles: Vec<String>,
    /// What pg_dump writes, the indexes in the order in which they were created.
    pub(super) schema: String,
    pub(super) relations: Vec<Relation>,
    pub(super) columns: Vec<ColumnStatistics>,
    pub(super) extended: Vec<ExtendedStatistics>,
    /// Of expressions in CREATE STATISTICS: `relation` is the object, `column` the expression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) expressions: Vec<ColumnStatistics>,
    /// Of each B-tree the first and the last row: the planner looks there for what is newer than its histogram.
    pub(super) rows: Vec<EndRows>,
    /// All rows of the tables in which migration tools keep what they have applied; as they are, in a redacted one too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<EndRows>,
    /// Rows of `pg_stat_statements`, the heaviest first, without the OIDs of user and database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) statements: Vec<Value>,
    /// Of statements the planner's cost, and the milliseconds that they take on average.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) calibration: Vec<(f64, f64)>,
    /// What could not be read, and what that costs.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `15.18 (Debian 15.18-0+deb12u1)`
    pub version: String,
    pub major: u32,
    pub(super) block_size: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Database {
    pub(super) name: String,
    pub(super) encoding: String,
    pub(super) collate: String,
    pub(super) ctype: String,
    /// `libc`, `icu` or `builtin`.
    pub(super) provider: String,
    /// ICU's, or the built-in provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locale: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tablespace {
    /// None: the database's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// `random_page_cost=1.1`
    pub(super) options: Vec<String>,
}

/// A table, materialised view or index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
    /// `relkind`.
    pub(super) kind: String,
    /// `relpages`, `reltuples` and `relallvisible`: as the last vacuum or analyze left them.
    pub(super) pages: i32,
    pub(super) tuples: String,
    pub(super) all_visible: i32,
    /// Of the main fork, now; 0 where it has none.
    pub(super) blocks: u32,
    /// Of a B-tree: how many levels the root is above the leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gin: Option<GinCounts>,
}

/// What a GIN index's metapage counts, as the last vacuum left it but for the pending list. All but that are 0 where a superuser
/// alone could read them: the planner then guesses.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GinCounts {
    /// Pages that wait to be merged into the index.
    pub(super) pending: u32,
    pub(super) pages: u32,
    pub(super) entry_pages: u32,
    pub(super) data_pages: u32,
    pub(super) entries: u32,
}

/// A row of `pg_stats`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnStatistics {
    pub(super) schema: String,
    /// A table, or an index on expressions.
    pub(super) relation: String,
    pub(super) column: String,
    pub(super) inherited: bool,
    pub(super) null_frac: String,
    pub(super) avg_width: i32,
    pub(super) n_distinct: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) most_common_vals: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) most_common_freqs: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) histogram_bounds: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) correlation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) most_common_elems: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) most_common_elem_freqs: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) elem_count_histogram: Option<String>,
    /// These three from version 17 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range_length_histogram: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range_empty_frac: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range_bounds_histogram: Option<String>,
}

/// What CREATE STATISTICS collects.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtendedStatistics {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) table_schema: String,
    pub(super) table: String,
    /// Expressions come after them, without a name.
    pub(super) columns: Vec<String>,
    /// Of the columns: `attnum`.
    pub(super) numbers: Vec<i16>,
    pub(super) inherited: bool,
    /// In hexadecimal bytes as the server holds them, as are the dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) n_distinct: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dependencies: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) most_common: Option<Vec<MostCommon>>,
}

/// A combination of values that is common.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MostCommon {
    /// Of the columns, then of the expressions; as text.
    pub(super) values: Vec<Option<String>>,
    pub(super) frequency: String,
    /// What it would be if the columns did not depend on each other.
    pub(super) base_frequency: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndRows {
    pub(super) schema: String,
    pub(super) table: String,
    /// Objects with the values as text.
    pub(super) rows: Value,
}

impl EndRows {
    /// The schema and the name of their table.
    pub(super) fn table(&self) -> (&str, &str) {
        (&self.schema, &self.table)
    }
}

impl Snapshot {
    /// The relations' OIDs, given in their order, by schema and name.
    pub(super) fn oids_by_name(&self, oids: &[Option<u32>]) -> HashMap<(&str, &str), u32> {
        let pairs = self.relations.iter().zip(oids);
        pairs
            .filter_map(|(it, oid)| Some(((it.schema.as_str(), it.name.as_str()), (*oid)?)))
            .collect()
    }

    pub(super) fn new(taken_at: Timestamp, server: Server, database: Database) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            taken_at,
            redacted: false,
            server,
            database,
            settings: BTreeMap::new(),
            tablespaces: Vec::new(),
            extensions: Vec::new(),
            roles: Vec::new(),
            schema: String::new(),
            relations: Vec::new(),
            columns: Vec::new(),
            extended: Vec::new(),
            expressions: Vec::new(),
            rows: Vec::new(),
            history: Vec::new(),
            statements: Vec::new(),
            calibration: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// # Errors
    /// The file cannot be read, is no snapshot, is of a newer format, or was cut short.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            doing: "reading the snapshot",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|(message, hint)| Error::Usage {
            message: format!("{}: {message}", path.display()),
            hint: hint.to_owned(),
        })
    }

    fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        const AGAIN: &str = "take it again: dbaudit snapshot --output FILE";
        #[derive(Deserialize)]
        struct Head {
            format: Option<String>,
            version: Option<u32>,
        }
        let head: Head = serde_json::from_str(text)
            .map_err(|error| (format!("is not a whole JSON document: {error}"), AGAIN))?;
        if head.format.as_deref() != Some(FORMAT) {
            return Err(("is not a snapshot".into(), AGAIN));
        }
        match head.version {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => {
                return Err((
                    format!("is a snapshot of format {newer}; this dbaudit reads format {VERSION}"),
                    "use a newer dbaudit",
                ));
            }
            _ => return Err(("has no version of its format".into(), AGAIN)),
        }
        serde_json::from_str(text).map_err(|error| {
            (
                format!("is not a snapshot that can be used: {error}"),
                AGAIN,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot::new(
            Timestamp::UNIX_EPOCH,
            Server {
                version: "15.18".into(),
                major: 15,
                block_size: 8192,
            },
            Database {
                name: "app".into(),
                encoding: "UTF8".into(),
                collate: "C".into(),
                ctype: "C".into(),
                provider: "libc".into(),
                locale: None,
            },
        )
    }

    #[test]
    fn what_is_written_is_read() {
        let text = serde_json::to_string(&snapshot()).unwrap();
        let read = Snapshot::parse(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn what_is_no_snapshot_is_refused_with_the_reason() {
        let whole = serde_json::to_value(snapshot()).unwrap();
        let with = |key: &str, value: Value| {
            let mut changed = whole.clone();
            changed[key] = value;
            changed.to_string()
        };
        let cut: String = whole.to_string().chars().take(60).collect();
        for (text, expected) in [
            (String::new(), "not a whole JSON document"),
            (cut, "not a whole JSON document"),
            ("{}".into(), "is not a snapshot"),
            (with("format", "else".into()), "is not a snapshot"),
            (with("version", 2.into()), "of format 2; this dbaudit reads"),
            (with("version", Value::Null), "no version"),
            (with("relations", Value::Null), "can be used"),
            (with("more", 1.into()), "can be used"),
        ] {
            let (message, _) = Snapshot::parse(&text).unwrap_err();
            assert!(message.contains(expected), "{message} for {text}");
        }
    }
}
