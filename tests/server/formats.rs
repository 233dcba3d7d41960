//! Every command in every format, by option, by variable and by file: the result is in the format that its own reader
//! takes, or the call is refused with status 2. What a variable or the file says applies to the commands that have the
//! format. Which have which is what their help says.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{self, Template, TestDatabase};

const FORMATS: &[&str] = &[
    "table",
    "json",
    "json-lines",
    "markdown",
    "junit",
    "html",
    "csv",
    "sarif",
    "prometheus",
];

/// A call, and what it offers where that is less than its command's help says.
struct Call {
    args: &'static [&'static str],
    offers: Option<&'static [&'static str]>,
}

const fn call(args: &'static [&'static str]) -> Call {
    Call { args, offers: None }
}

const CALLS: &[Call] = &[
    call(&["apply-indexes", "--dry-run"]),
    call(&["status"]),
    call(&["time-queries", "--queries", "one.sql"]),
    Call {
        args: &["time-queries", "--list", "--queries", "one.sql"],
        offers: Some(&["table", "json", "markdown"]),
    },
    call(&["advise", "--queries", "one.sql"]),
    call(&["report"]),
    Call {
        args: &["report", "--print-grants"],
        offers: Some(&["table"]),
    },
    call(&["time-endpoints"]),
    call(&["snapshot", "--keep-values"]),
    call(&["import", "other", "--to", "indexes"]),
    call(&["config"]),
    call(&["explain"]),
    call(&["explain", "duplicate-index"]),
    call(&["explain", "query-file"]),
    call(&["completions", "bash"]),
    call(&["man"]),
    // Last, as it writes the folders that the others would read.
    call(&["init"]),
];

/// Calls that have no result: they fail for a reason of their own as soon as their format is accepted.
const WITHOUT_A_RESULT: &[(&[&str], &str)] = &[
    (&["serve", "--listen", "0.0.0.0:0"], "serve needs a token"),
    (&["demo", "--rows", "0"], "at least one row"),
    (&["twin", "none.json", "--keep"], "none.json"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Option,
    Variable,
    File,
}

const WAYS: [Way; 3] = [Way::Option, Way::Variable, Way::File];

struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

struct Bench {
    database: TestDatabase,
    configuration: String,
}

impl Bench {
    fn new() -> Self {
        let database = support::server().database(Template::Demo);
        let folder = database.folder();
        let query = "-- budget: 10s\nSELECT clock_timestamp()::text";
        fs::write(folder.join("one.sql"), query).unwrap();
        fs::create_dir(folder.join("other")).unwrap();
        let index = "CREATE INDEX CONCURRENTLY topics ON content (topic);";
        fs::write(folder.join("other/V1__topics.sql"), index).unwrap();
        let configuration = format!(
            "[[endpoint]]\nname = \"site\"\nurl = \"http://{}/\"\nbudget = \"2s\"\n",
            site()
        );
        Self {
            database,
            configuration,
        }
    }

    fn run(&self, args: &[&str], said: Option<(Way, &str)>) -> Run {
        let mut configuration = self.configuration.clone();
        let mut command = self.database.dbaudit(args);
        match said {
            None => {}
            Some((Way::Option, format)) => {
                command.args(["--format", format]);
            }
            Some((Way::Variable, format)) => {
                command.env("DBAUDIT_FORMAT", format);
            }
            Some((Way::File, format)) => {
                configuration = format!("[output]\nformat = \"{format}\"\n\n{configuration}");
            }
        }
        fs::write(self.database.folder().join("dbaudit.toml"), configuration).unwrap();
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run {
            status: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// What the help of a command lists behind `--format`.
    fn offered(&self, command: &str) -> BTreeSet<String> {
        let help = self.run(&[command, "-h"], None).stdout;
        let words: Vec<&str> = help.split_whitespace().collect();
        let help = words.join(" ");
        let (_, after) = help.split_once("--format <FORMAT>").unwrap();
        let (_, values) = after.split_once("[possible values: ").unwrap();
        let (values, _) = values.split_once(']').unwrap();
        values.split(", ").map(str::to_owned).collect()
    }
}

/// Answers every request with two letters.
fn site() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut answers = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.is_empty() {
                        let _ =
                            answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                    }
                }
            });
        }
    });
    address
}

/// What Python's own readers of XML, HTML and CSV make of a text.
const READ: &str = r#"
import csv, sys, xml.etree.ElementTree as tree
from html.parser import HTMLParser

kind, text = sys.argv[1], sys.stdin.read()
if kind == "junit":
    root = tree.fromstring(text)
    assert root.tag == "testsuites", root.tag
    for group in [root, *root.iter("testsuite")]:
        cases = list(group.iter("testcase"))
        assert cases and int(group.get("tests")) == len(cases), group.attrib
        failed = [case for case in cases if case.find("failure") is not None]
        assert int(group.get("failures")) == len(failed), group.attrib
elif kind == "csv":
    rows = list(csv.reader(text.splitlines(), strict=True))
    assert rows and len({len(row) for row in rows}) == 1, rows
else:
    VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}
    class Page(HTMLParser):
        open, seen = [], set()
        def handle_starttag(self, tag, attributes):
            self.seen.add(tag)
            if tag not in VOID: self.open.append(tag)
        def handle_startendtag(self, tag, attributes): self.seen.add(tag)
        def handle_endtag(self, tag):
            assert self.open and self.open.pop() == tag, (tag, self.open)
    page = Page(); page.feed(text); page.close()
    assert not page.open and {"html", "title", "body", "table"} <= page.seen, (page.open, page.seen)
"#;

fn python(kind: &str, text: &str) {
    let started = Command::new("python3")
        .args(["-c", READ, kind])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut process) = started else {
        let required = std::env::var_os("DBAUDIT_TEST_REQUIRE").is_some();
        assert!(!required, "there is no python3 here");
        eprintln!("skipped: there is no python3 here");
        return;
    };
    let mut input = process.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{text}");
}

/// Whether the text is in the format, by a reader that is not ours. `plain`: the first word of the call's table.
fn is_in(format: &str, text: &str, plain: &str) {
    match format {
        "json" => {
            let document: Value = serde_json::from_str(text).unwrap();
            // A snapshot is a file of its own form.
            let version = document.get("schema_version").or(document.get("version"));
            assert_eq!(version, Some(&1.into()), "{text}");
        }
        "json-lines" => {
            let events: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(events.last().unwrap()["event"], "result", "{text}");
        }
        "junit" | "csv" | "html" => python(format, text),
        "sarif" => drop(super::report::sarif::accepted(text)),
        "prometheus" => super::serve::promtool(&["check", "metrics"], text),
        "markdown" => {
            let rule = |line: &str| line.starts_with('|') && line.contains("---");
            assert!(text.lines().any(rule), "{text}");
        }
        _ => assert_eq!(opening(text), plain, "{text}"),
    }
}

/// The first word of a text, or of a document's first key.
fn opening(text: &str) -> &str {
    text.split(|sign: char| sign.is_whitespace() || sign == ':')
        .find(|word| !word.is_empty())
        .unwrap_or_default()
}

#[test]
fn every_command_writes_what_it_is_asked_for_or_refuses() {
    let bench = Bench::new();
    let mut refused = 0;
    for Call { args, offers } in CALLS {
        let offered = match offers {
            Some(offers) => offers.iter().map(|&format| format.to_owned()).collect(),
            None => bench.offered(args[0]),
        };
        assert!(offered.contains("table"), "{args:?}");
        let default = bench.run(args, None);
        let plain = opening(&default.stdout);
        // Of the formats that it lacks, all by option, but two alone by variable and file: it does its whole work there.
        let mut lacked = 0;
        for format in FORMATS {
            let has = offered.contains(*format);
            lacked += usize::from(!has);
            for way in WAYS {
                if !has && way != Way::Option && lacked > 2 {
                    continue;
                }
                let run = bench.run(args, Some((way, format)));
                let about = format!("{args:?} {format} {way:?}: {}", run.stderr);
                if has || way != Way::Option {
                    assert_eq!(run.status, default.status, "{about}");
                    is_in(if has { format } else { "table" }, &run.stdout, plain);
                } else {
                    refused += 1;
                    let reason = format!("has no `{format}` output");
                    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{about}");
                    assert!(run.stderr.contains(&reason), "{about}");
                }
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn a_command_without_a_result_refuses_a_format_only_by_option() {
    let bench = Bench::new();
    for (args, reason) in WITHOUT_A_RESULT {
        let offered = bench.offered(args[0]);
        for format in FORMATS {
            for way in WAYS {
                let run = bench.run(args, Some((way, format)));
                let lacks = way == Way::Option && !offered.contains(*format);
                let wanted = if lacks { "output" } else { reason };
                let about = format!("{args:?} {format} {way:?}: {}", run.stderr);
                assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{about}");
                assert!(run.stderr.contains(wanted), "{about}");
            }
        }
    }
}

#[test]
fn the_place_of_the_option_makes_no_difference() {
    let bench = Bench::new();
    for (before, after) in [
        (
            &["--format", "junit", "status"][..],
            &["status", "--format", "junit"][..],
        ),
        (
            &["--format", "markdown", "status"],
            &["status", "--format", "markdown"],
        ),
    ] {
        let (before, after) = (bench.run(before, None), bench.run(after, None));
        assert_eq!(before.status, after.status, "{}", before.stderr);
        assert_eq!(before.stdout, after.stdout);
        assert_eq!(before.stderr, after.stderr);
    }
}
