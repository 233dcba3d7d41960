//! `apply-indexes` and `status` against real servers: what is there, what is done about it, what is said.

mod any_definition;
mod definitions;
mod deploys;
mod hostile;
mod partitions;
mod refusals;
mod states;

use serde_json::Value;

use crate::support::{Template, TestDatabase, TestServer};

/// A database with a folder of migrations.
pub(crate) struct Deploy {
    pub(crate) db: TestDatabase,
    pub(crate) major: u32,
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

impl Said {
    /// The actions of all steps, in order.
    pub(crate) fn actions(&self) -> Vec<&str> {
        self.steps()
            .filter_map(|step| step["action"].as_str())
            .collect()
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = &Value> {
        self.json["migrations"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|m| m["steps"].as_array())
            .flatten()
    }

    /// All steps' errors.
    pub(crate) fn errors(&self) -> String {
        self.steps()
            .filter_map(|step| step["error"].as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn outcome(&self) -> &str {
        self.json["outcome"].as_str().unwrap_or_default()
    }
}

impl Deploy {
    /// An empty database in which `setup` has been run.
    pub(crate) async fn on(server: &TestServer, setup: &str) -> Self {
        let db = server.database(Template::Empty);
        db.client()
            .await
            .batch_execute(setup)
            .await
            .unwrap_or_else(|error| panic!("{setup}: {error:?}"));
        std::fs::create_dir(db.folder().join("migrations")).unwrap();
        Self {
            db,
            major: server.major(),
        }
    }

    /// Adds `V<version>__m.sql`.
    pub(crate) fn migration(&self, version: u32, sql: &str) -> &Self {
        std::fs::write(
            self.db
                .folder()
                .join(format!("migrations/V{version}__m.sql")),
            sql,
        )
        .unwrap();
        self
    }

    pub(crate) fn run(&self, command: &str, args: &[&str]) -> Said {
        let fixed = [command, "--migrations", "migrations", "--format", "json"];
        let all: Vec<&str> = fixed.into_iter().chain(args.iter().copied()).collect();
        let output = self.db.dbaudit(&all).output().unwrap();
        Said {
            status: output.status.code().unwrap_or(-1),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn apply(&self, args: &[&str]) -> Said {
        self.run("apply-indexes", args)
    }

    /// Applies, and asserts that it succeeds and that a second run has nothing to do.
    #[track_caller]
    pub(crate) fn applies(&self, args: &[&str]) -> Said {
        let first = self.apply(args);
        assert_eq!(first.status, 0, "PostgreSQL {}: {first:#?}", self.major);
        let second = self.apply(args);
        assert_eq!(
            (second.status, second.outcome()),
            (0, "nothing_to_do"),
            "PostgreSQL {}: {second:#?}",
            self.major
        );
        assert!(
            second
                .steps()
                .all(|step| step["statements"] == serde_json::json!([])),
            "{second:#?}"
        );
        first
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.db
            .client()
            .await
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Every index of the database as `name valid definition`, but for the catalog's and the history's.
    pub(crate) async fn indexes(&self) -> Vec<String> {
        let sql = "SELECT c.relname || ' ' || CASE WHEN i.indisvalid AND i.indisready THEN 'valid' ELSE 'INVALID' END || ' '
                          || regexp_replace(pg_get_indexdef(c.oid), '^.* USING ', '')
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
                   JOIN pg_namespace n ON n.oid = t.relnamespace
                   WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
                     AND t.relname <> 'dbaudit_index_history'
                   ORDER BY 1";
        self.db
            .client()
            .await
            .query(sql, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    pub(crate) async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(
        &self,
        sql: &str,
    ) -> T {
        self.db
            .client()
            .await
            .query_one(sql, &[])
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"))
            .get(0)
    }
}
