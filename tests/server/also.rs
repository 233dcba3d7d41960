//! `--also`: one run, its result in several formats.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{self, Template, TestDatabase};

/// The exit status, and what is on stdout and stderr.
fn run(database: &TestDatabase, args: &[&str]) -> (Option<i32>, String, String) {
    let output = database.dbaudit(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn one_run_writes_its_result_in_every_format_that_is_asked_for() {
    let database = support::server().database(Template::Demo);
    let folder = database.folder();
    fs::write(
        folder.join("one.sql"),
        "-- budget: 10s\nSELECT clock_timestamp()::text",
    )
    .unwrap();
    let args = [
        "time-queries",
        "--queries",
        "one.sql",
        "--format",
        "json",
        "--also",
        "junit=a.xml",
    ];
    let (status, stdout, stderr) =
        run(&database, &[&args[..], &["--also", "json=b.json"]].concat());
    assert_eq!(status, Some(0), "{stderr}");
    let shown: Value = serde_json::from_str(&stdout).unwrap();
    let written: Value = serde_json::from_str(&read(folder, "b.json")).unwrap();
    // The very same figures: the query was timed once.
    assert_eq!(shown, written);
    let junit = read(folder, "a.xml");
    assert!(
        junit.starts_with("<?xml") && junit.contains("name=\"one\""),
        "{junit}"
    );
}

#[test]
fn an_events_stream_and_a_deploy_with_a_bad_end_are_written_as_well() {
    let database = support::server().database(Template::Demo);
    let folder = database.folder();
    fs::create_dir(folder.join("migrations")).unwrap();
    let statement = "CREATE INDEX CONCURRENTLY i ON nowhere (a);";
    fs::write(folder.join("migrations/V1__a.sql"), statement).unwrap();
    let args = [
        "apply-indexes",
        "--format",
        "json-lines",
        "--also",
        "json=a.json",
    ];
    let (status, stdout, _) = run(&database, &args);
    assert_eq!(status, Some(1), "{stdout}");
    let written: Value = serde_json::from_str(&read(folder, "a.json")).unwrap();
    assert_eq!(written["outcome"], "failed");
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_done() {
    let database = support::server().database(Template::Demo);
    for (args, wanted) in [
        (&["time-queries", "--also", "csv=a"][..], "no `csv` output"),
        (
            &["apply-indexes", "--also", "json-lines=a"],
            "json-lines writes events",
        ),
        (&["apply-indexes", "--also", "json=nowhere/a"], "nowhere/a"),
        (&["apply-indexes", "--also", "json"], "FORMAT=FILE"),
        (&["apply-indexes", "--also", "jsn=a"], "FORMAT=FILE"),
        (&["explain", "--also", "json=a"], "no result"),
        (&["serve", "--also", "table=a"], "no result"),
    ] {
        let (status, _, stderr) = run(&database, args);
        assert_eq!(status, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(wanted), "{args:?}: {stderr}");
    }
    let (_, stdout, _) = run(&database, &["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(status["migrations"][0]["status"], "pending", "{status}");
}
