//! SARIF: held against the published schema, and with a file for every finding.

use std::collections::BTreeSet;

use serde_json::Value;

use super::INVALID;
use crate::support::{self, Template, TestDatabase};

/// The schema of OASIS, in its second errata.
const SCHEMA: &str = include_str!("../../support/sarif-schema-2.1.0.json");

/// The document, which the schema has to accept.
pub fn accepted(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).unwrap();
    let mut compiler = boon::Compiler::new();
    compiler
        .add_resource("schema.json", serde_json::from_str(SCHEMA).unwrap())
        .unwrap();
    let mut schemas = boon::Schemas::new();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    let judged = schemas.validate(&document, schema);
    judged.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    document
}

fn sarif(database: &TestDatabase) -> Value {
    let mut line = database.dbaudit(&["report", "--format", "sarif", "--fail-on", "never"]);
    accepted(&String::from_utf8(line.output().unwrap().stdout).unwrap())
}

/// `rule name file:line`, of every result.
fn places(sarif: &Value) -> BTreeSet<String> {
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let place = |result: &Value| {
        let location = &result["locations"][0];
        let physical = &location["physicalLocation"];
        format!(
            "{} {} {}:{}",
            result["ruleId"].as_str().unwrap(),
            location["logicalLocations"][0]["name"].as_str().unwrap(),
            physical["artifactLocation"]["uri"].as_str().unwrap(),
            physical["region"]["startLine"]
        )
    };
    results.iter().map(place).collect()
}

#[test]
fn a_document_that_breaks_the_schema_is_not_accepted() {
    let broken = r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}"#;
    assert!(std::panic::catch_unwind(|| accepted(broken)).is_err());
}

#[tokio::test]
async fn a_finding_stands_where_its_index_was_made_and_else_in_the_configuration() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client.batch_execute(INVALID).await.unwrap_err();
    client
        .batch_execute(
            "CREATE INDEX twin_1 ON content (user_id); CREATE INDEX twin_2 ON content (user_id);
             CREATE SCHEMA other; CREATE TABLE other.content (id int);
             INSERT INTO other.content SELECT n % 2 FROM generate_series(1, 9) n",
        )
        .await
        .unwrap();
    let elsewhere = "CREATE UNIQUE INDEX CONCURRENTLY broken ON other.content (id)";
    client.batch_execute(elsewhere).await.unwrap_err();
    client.batch_execute("SELECT 1").await.unwrap();
    let here = |places: &BTreeSet<String>| -> Vec<String> {
        let about =
            |place: &&String| place.contains(" broken ") || place.starts_with("duplicate-index ");
        places.iter().filter(about).cloned().collect()
    };
    // No migrations at all: the file where it may be accepted, whether it is there or not.
    assert_eq!(
        here(&places(&sarif(&database))),
        [
            "duplicate-index twin_2 dbaudit.toml:1",
            "invalid-index broken dbaudit.toml:1",
        ]
    );
    let folder = database.folder().join("index files");
    std::fs::create_dir(&folder).unwrap();
    let text = "-- broken, on purpose\n\nCREATE INDEX CONCURRENTLY fine ON content (topic);\n\n\
                CREATE UNIQUE INDEX\n  CONCURRENTLY broken ON public.content (content_type);\n";
    std::fs::write(folder.join("V1__ä.sql"), text).unwrap();
    let config = "[apply-indexes]\nmigrations = \"index files\"\n";
    std::fs::write(database.folder().join("dbaudit.toml"), config).unwrap();
    // The line as `grep -n` tells it.
    let line = 1 + text
        .lines()
        .position(|line| line == "CREATE UNIQUE INDEX")
        .unwrap();
    assert_eq!(
        here(&places(&sarif(&database))),
        [
            "duplicate-index twin_2 dbaudit.toml:1".to_owned(),
            "invalid-index broken dbaudit.toml:1".to_owned(),
            format!("invalid-index broken index%20files/V1__%C3%A4.sql:{line}"),
        ]
    );
}
