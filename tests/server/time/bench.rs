//! A database with tables to time, a folder for query files, and the command's JSON.

use serde_json::Value;

use crate::support::{self, Template, TestDatabase};

pub(super) struct Timed {
    pub(super) database: TestDatabase,
}

impl Timed {
    /// An empty database of the default server, after running `setup` in it.
    pub(super) async fn with(setup: &str) -> Self {
        Self::on(support::server(), setup).await
    }

    pub(super) async fn on(server: &support::TestServer, setup: &str) -> Self {
        let database = server.database(Template::Empty);
        database
            .client()
            .await
            .batch_execute(setup)
            .await
            .expect(setup);
        Self { database }
    }

    /// Writes a query file.
    pub(super) fn query(&self, name: &str, text: &str) {
        let folder = self.database.folder().join("queries");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
    }

    /// Runs `time-queries` over the query files.
    pub(super) fn run(&self, args: &[&str]) -> Run {
        let mut all = vec!["time-queries", "--queries", "queries"];
        if !args.contains(&"--format") {
            all.extend(["--format", "json"]);
        }
        all.extend(args);
        let output = self.database.dbaudit(&all).output().unwrap();
        Run {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(super) struct Run {
    pub(super) status: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// The only query.
    pub(super) fn query(&self) -> Value {
        let json = self.json();
        let queries = json["queries"].as_array().unwrap();
        assert_eq!(queries.len(), 1, "{json:#}");
        queries[0].clone()
    }
}

/// A case of a query by its label.
pub(super) fn case<'v>(query: &'v Value, label: &str) -> &'v Value {
    query["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["label"] == label)
        .unwrap_or_else(|| panic!("no case {label} in {query:#}"))
}

pub(super) fn labels(query: &Value) -> Vec<&str> {
    query["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["label"].as_str().unwrap())
        .collect()
}
