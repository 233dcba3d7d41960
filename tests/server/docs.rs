//! The README and the book do what they say: every command in a fenced `console` block is run, and what it prints is
//! what stands below it.
//!
//! Each page has a database of its own with the sample data, and an empty folder. A block of SQL or TOML that begins with
//! the name of a file (`-- migrations/V1__a.sql`, `# dbaudit.toml`) is that file. Commands are run by sh, in order; what
//! they write to stderr is no part of the page. Numbers, sizes and times are masked on both sides. Runs of spaces count
//! as one, and of a table only which words stand in it, since the widths of its figures decide where cells break. A line
//! `...` stands for any lines. A block ```` ```console status=1 ```` expects that exit status.
//!
//! `DBAUDIT_BLESS=1 cargo test --test server docs` writes what was printed into the pages, except where `...` stands.

use std::{fmt::Write, fs, os::unix::process::ExitStatusExt, path::Path, process::Command};

use snapbox::IntoData;

use super::support::{self, Template, TestDatabase, TestServer};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block.
struct Block<'a> {
    /// What stands behind the fence: `console status=1`.
    info: &'a str,
    lines: Vec<&'a str>,
    /// The line of the page that its first line is, from 0.
    at: usize,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (at, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(info) => {
                is_open = true;
                let (lines, at) = (Vec::new(), at + 1);
                blocks.push(Block { info, lines, at });
            }
            None if is_open => blocks.last_mut().unwrap().lines.push(line),
            None => {}
        }
    }
    assert!(!is_open, "a block is not closed");
    blocks
}

/// A command, and what the page says it prints.
struct Step {
    command: String,
    expected: Vec<String>,
    /// The line of the page on which the output begins, from 0.
    at: usize,
}

fn steps(block: &Block<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in block.lines.iter().enumerate() {
        let at = block.at + at + 1;
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, expected) = (command.to_owned(), Vec::new());
            steps.push(Step {
                command,
                expected,
                at,
            });
            continue;
        }
        let step = steps.last_mut().expect("a block begins with `$ `");
        match line.strip_prefix("> ") {
            Some(more) if step.expected.is_empty() => {
                write!(step.command, "\n{more}").unwrap();
                step.at = at;
            }
            _ => step.expected.push((*line).to_owned()),
        }
    }
    steps
}

/// The file that a block shows, if its first line names one.
fn file_of<'a>(block: &Block<'a>) -> Option<&'a str> {
    let name = match block.info {
        "sql" => block.lines.first()?.strip_prefix("-- ")?,
        "toml" => block.lines.first()?.strip_prefix("# ")?,
        _ => return None,
    };
    (name == "dbaudit.toml" || (name.contains('/') && name.ends_with(".sql"))).then_some(name)
}

/// The line without what differs from run to run.
fn masked(line: &str) -> String {
    const UNITS: [&str; 12] = [
        "B", "kB", "MB", "GB", "ms", "s", "min", "h", "μs", "µs", "k", "M",
    ];
    // Who packed the server.
    let line = match line.split_once(" (Debian ") {
        Some((before, after)) => {
            before.to_owned() + after.split_once(')').map_or("", |(_, after)| after)
        }
        None => line.to_owned(),
    };
    let bare: String = line
        .chars()
        .filter(|sign| !('▁'..='█').contains(sign))
        .map(|sign| if sign.is_ascii_digit() { '0' } else { sign })
        .collect();
    let mut words: Vec<String> = Vec::new();
    for word in bare.split_whitespace() {
        let is_unit_of_a_number = words.last().is_some_and(|last| last.ends_with('#'))
            && UNITS.contains(&word.trim_end_matches([',', ';', ')', '.']));
        if is_unit_of_a_number {
            let last = words.last_mut().unwrap();
            last.extend(word.chars().skip_while(|sign| sign.is_alphabetic()));
            continue;
        }
        words.push(without_numbers(word));
    }
    words.join(" ")
}

/// `0.00–0.00` and `00` are `#`; `V0` stays `V#`.
fn without_numbers(word: &str) -> String {
    let mut text = String::new();
    let mut signs = word.chars().peekable();
    while let Some(sign) = signs.next() {
        if sign != '0' {
            text.push(sign);
            continue;
        }
        while let Some(&next) = signs.peek() {
            let mut beyond = signs.clone();
            beyond.next();
            let goes_on =
                matches!(next, '.' | '–' | ',') && matches!(beyond.peek(), Some('0' | '?'));
            if next != '0' && !goes_on && next != '?' {
                break;
            }
            signs.next();
        }
        text.push('#');
    }
    text
}

/// The text as it is compared: masked, each table as the sorted words of its cells.
fn comparable<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut table: Option<Vec<String>> = None;
    for line in lines.map(str::trim_end).chain([""]) {
        // Columns stand three spaces apart.
        if table.is_none() && line != "..." && line.trim_start().contains("   ") {
            table = Some(Vec::new());
        }
        match &mut table {
            Some(words) if !line.is_empty() && line != "..." => {
                words.extend(masked(line).split(' ').map(str::to_owned));
            }
            _ => {
                if let Some(mut words) = table.take() {
                    words.sort();
                    text += &(words.join(" ") + "\n");
                }
                text += &(if line == "..." {
                    line.to_owned()
                } else {
                    masked(line)
                } + "\n");
            }
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// The machine that the tests run on is no part of a page: however full it is, nothing is found.
const ANY_MACHINE: &str = "[report.checks.host-disk]\nwarning-ratio = 1\nerror-ratio = 1\n\
    [report.checks.host-memory]\nwarning-ratio = 1\nerror-ratio = 1\n\
    [report.checks.host-throttled]\nmax-ratio = 1\n\
    [report.checks.host-cpu]\nwarning-ratio = 1\nwaiting-ratio = 1\nload-per-cpu = 1000\n";

fn run(command: &str, database: &TestDatabase) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_dbaudit"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("DBAUDIT_") {
            shell.env_remove(&name);
        }
    }
    // That of `init` sets nothing.
    let own = fs::read_to_string(database.folder().join("dbaudit.toml")).unwrap_or_default();
    if !own
        .lines()
        .any(|line| !line.starts_with('#') && line.contains('='))
    {
        let settings = database.folder().join(".settings.toml");
        fs::write(&settings, ANY_MACHINE).unwrap();
        shell.env("DBAUDIT_CONFIG", settings);
    }
    let output = shell
        .args(["-c", command])
        .env("PATH", path)
        .env("DATABASE_URL", &database.url)
        .env("HOME", database.folder())
        .current_dir(database.folder())
        .output()
        .unwrap();
    let status = output.status;
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.replace(&database.name, "shop");
    let status = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    (status, text)
}

/// Runs a page's commands. What is wrong; and the page with what was printed.
fn check(server: &TestServer, name: &str, page: &str) -> (Vec<String>, String) {
    let blocks = blocks(page);
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let mut wrongs = Vec::new();
    // Blessed from the end on, so that the lines before stay where they are.
    let mut printed: Vec<(Step, String)> = Vec::new();
    if blocks.iter().any(|block| block.info.starts_with("console")) {
        let database = server.database(Template::Demo);
        for block in &blocks {
            if let Some(file) = file_of(block) {
                let path = database.folder().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, block.lines.join("\n") + "\n").unwrap();
            }
            let Some(options) = block.info.strip_prefix("console") else {
                continue;
            };
            let status = options
                .trim()
                .strip_prefix("status=")
                .map_or(0, |text| text.parse().unwrap());
            for step in steps(block) {
                let (ended, output) = run(&step.command, &database);
                let at = format!("{name}:{}: $ {}", step.at, step.command);
                if ended != status {
                    wrongs.push(format!(
                        "{at}\nended with status {ended}, not {status}\n{output}"
                    ));
                }
                let difference = snapbox::Assert::new().try_eq(
                    Some(&at),
                    comparable(output.trim_end().lines()).into_data(),
                    comparable(step.expected.iter().map(String::as_str)).into_data(),
                );
                if let Err(difference) = difference {
                    wrongs.push(format!("{difference}\nas printed:\n{output}"));
                    printed.push((step, output));
                }
            }
        }
    }
    for (step, output) in printed.into_iter().rev() {
        if !step.expected.iter().any(|line| line == "...") {
            let output = output
                .trim_end()
                .lines()
                .map(|line| line.trim_end().to_owned());
            lines.splice(step.at..step.at + step.expected.len(), output);
        }
    }
    (wrongs, lines.join("\n") + "\n")
}

#[test]
fn every_command_in_the_documents_prints_what_stands_there() {
    let mut pages = vec!["README.md".to_owned()];
    for entry in fs::read_dir(format!("{ROOT}/docs/src")).unwrap() {
        pages.push(format!(
            "docs/src/{}",
            entry.unwrap().file_name().into_string().unwrap()
        ));
    }
    pages.retain(|page| page.ends_with(".md"));
    pages.sort();
    // Findings tell of the whole server.
    let server = support::fresh_server();
    let mut wrongs = Vec::new();
    for page in pages {
        let path = format!("{ROOT}/{page}");
        let text = fs::read_to_string(&path).unwrap();
        let (found, blessed) = check(&server, &page, &text);
        if std::env::var_os("DBAUDIT_BLESS").is_some() && blessed != text {
            fs::write(&path, blessed).unwrap();
        }
        wrongs.extend(found);
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n\n"));
}

#[test]
fn a_command_that_prints_something_else_is_found() {
    let page = "```console\n$ dbaudit --version\ndbaudit 0.1.0\n$ echo one; false\ntwo\n```\n";
    let (wrongs, blessed) = check(&support::fresh_server(), "a page", page);
    assert_eq!(wrongs.len(), 2, "{wrongs:?}");
    assert!(wrongs[0].contains("ended with status 1"), "{wrongs:?}");
    assert_eq!(blessed, page.replace("two", "one"));
}

#[test]
fn numbers_are_masked_with_their_units_and_nothing_else_is() {
    for (one, other) in [
        ("V1 a  6.04 MB  1.13 s", "V1 a 360 kB   70.1 ms"),
        (
            "p95 0.866 ms, slowest 9.9 ms).",
            "p95 1.2 s, slowest 12 ms).",
        ),
        ("370–?  4  █   █", "1.1–12.8  72  ▆▆"),
        ("200.0 k rows", "17 rows"),
    ] {
        assert_eq!(masked(one), masked(other));
    }
    assert_eq!(
        masked("PostgreSQL 15.18 (Debian 15.18-1), up"),
        masked("PostgreSQL 18.4, up")
    );
    let (wide, narrow) = (
        "query   95 % interval\na       1\n",
        "query   95 %\n        interval\na       1\n",
    );
    assert_eq!(comparable(wide.lines()), comparable(narrow.lines()));
    assert_ne!(
        comparable("a   keep\n".lines()),
        comparable("a   drop\n".lines())
    );
    assert_ne!(masked("create"), masked("keep"));
    assert_ne!(masked("1 index"), masked("1 table"));
}
