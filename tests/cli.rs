//! The binary as a process: statuses, streams, files, and what must never be shown. No server needed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

const SECRET: &str = "s3cret";

/// A folder to run in, and the binary in an environment that leads nowhere.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbaudit"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours = ["PG", "DBAUDIT_", "DATABASE_URL", "RUST_LOG", "NO_COLOR"];
            if ours.iter().any(|start| text.starts_with(start)) {
                command.env_remove(&name);
            }
        }
        command
            .args(args)
            .env("HOME", self.path())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }
}

struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn run(args: &[&str]) -> Run {
    Sandbox::new().run(args)
}

/// A port of this machine where nobody listens.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn dead_url() -> String {
    format!("postgres://ann:{SECRET}@127.0.0.1:{}/shop", dead_port())
}

/// The commands, as `--help` lists them.
fn commands() -> Vec<String> {
    let help = run(&["--help"]).stdout;
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_its_help_on_stdout() {
    let commands = commands();
    for name in [
        "apply-indexes",
        "time-queries",
        "report",
        "demo",
        "config",
        "completions",
        "man",
    ] {
        assert!(commands.iter().any(|command| command == name), "{name}");
    }
    for command in commands.iter().filter(|name| *name != "help") {
        let help = run(&[command, "--help"]);
        assert_eq!((help.status, help.stderr.as_str()), (0, ""), "{command}");
        assert!(help.stdout.contains(&format!("Usage: dbaudit {command}")));
        assert!(help.stdout.contains("--database-url"), "{command}");
    }
    let help = run(&["apply-indexes", "--help"]).stdout;
    let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("{text}: {help}"));
    assert!(at("--parallel-workers") < at("Global options:"));
    assert!(at("Global options:") < at("--database-url"));
    assert!(run(&["--help"]).stdout.contains("130  interrupted"));
}

#[test]
fn a_wrong_command_line_is_status_2_and_says_nothing_on_stdout() {
    for args in [
        &["--no-such-flag"][..],
        &["report", "--no-such-flag"],
        &["no-such-command"],
        &["report", "--format", "no-such-format"],
        &["report", "-q", "-v"],
        &["report", "--connect-timeout", "10"],
        &["config", "--pool-size", "0"],
        &[],
    ] {
        let run = run(args);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{args:?}");
        assert!(!run.stderr.is_empty());
    }
}

#[test]
fn no_server_is_status_3_and_names_what_was_tried() {
    let url = dead_url();
    for command in ["report", "time-queries", "apply-indexes", "status"] {
        let run = run(&[command, "-d", &url]);
        assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{}", run.stderr);
        let port = url.rsplit([':', '/']).nth(1).unwrap();
        let tried =
            format!("cannot connect to 127.0.0.1:{port} as ann, database shop: connection refused");
        assert!(run.stderr.contains(&tried), "{}", run.stderr);
        assert!(run.stderr.contains("\nhint: "), "{}", run.stderr);
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let sandbox = Sandbox::new();
    for args in [
        &["--help"][..],
        &["--version"],
        &["report", "--help"],
        &["config"],
        &["config", "--format", "json"],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut child = sandbox
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(
            (ended.status.code(), stderr.as_ref()),
            (Some(0), ""),
            "{args:?}"
        );
    }
    // Where nobody reads the complaint, the status still tells.
    for (args, status) in [
        (&["--no-such-flag"][..], 2),
        (&["report", "-d", &dead_url()], 3),
    ] {
        let mut child = sandbox
            .command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(status), "{args:?}");
    }
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let sandbox = Sandbox::new();
    let url = dead_url();
    for (args, variable, coloured) in [
        (&["config"][..], None, false),
        (&["config", "--color", "always"], None, true),
        (&["config"], Some(("DBAUDIT_COLOR", "always")), true),
        (
            &["config", "--color", "always"],
            Some(("NO_COLOR", "1")),
            true,
        ),
        (
            &["config", "--color", "never"],
            Some(("DBAUDIT_COLOR", "always")),
            false,
        ),
        (&["report", "-d", &url], None, false),
        (&["report", "-vv", "-d", &url], None, false),
        (&["report", "-d", &url, "--color", "always"], None, true),
        (&["--help"], None, false),
    ] {
        let run: Run = sandbox
            .command(args)
            .envs(variable)
            .output()
            .unwrap()
            .into();
        let escapes = run.stdout.contains('\x1b') || run.stderr.contains('\x1b');
        assert_eq!(escapes, coloured, "{args:?} {variable:?}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let sandbox = Sandbox::new();
    let port = dead_port();
    let url = format!("postgres://ann:{SECRET}@127.0.0.1:{port}/shop");
    let pairs = format!("host=127.0.0.1 port={port} user=ann password='{SECRET}' dbname=shop");
    let in_query = format!("postgres://ann@127.0.0.1:{port}/shop?password={SECRET}");
    let broken = format!("postgres://ann:{SECRET}%zz@127.0.0.1/shop");
    let slash = format!("postgres://ann:a/{SECRET}@127.0.0.1/shop");
    let unknown = format!("host=127.0.0.1 passwrod={SECRET}");
    let unclosed = format!("host=127.0.0.1 password='{SECRET}");
    sandbox.write("url.toml", &format!("database-url = \"{url}\"\n"));
    sandbox.write("syntax.toml", &format!("database-url = \"{url}\n"));
    sandbox.write(
        "key.toml",
        &format!("database-url = \"{url}\"\npassword = \"{SECRET}\"\n"),
    );
    sandbox.write("type.toml", &format!("[pool]\nsize = \"{url}\"\n"));
    let variable = |name: &'static str, value: &str| Some((name, value.to_owned()));
    let mut cases = Vec::new();
    for string in [
        &url, &pairs, &in_query, &broken, &slash, &unknown, &unclosed,
    ] {
        for command in ["report", "config"] {
            cases.push((vec![command, "-d", string], None));
            cases.push((vec![command], variable("DATABASE_URL", string)));
        }
        // Where it does not belong.
        cases.push((vec!["report", string], None));
        cases.push((vec![string], None));
    }
    let pgpassword = variable("PGPASSWORD", SECRET);
    cases.push((
        vec!["report", "-d", "postgres://ann@127.0.0.1:1/shop"],
        pgpassword.clone(),
    ));
    cases.push((vec!["config"], pgpassword));
    for file in ["url.toml", "syntax.toml", "key.toml", "type.toml"] {
        cases.push((vec!["config", "-c", file], None));
        cases.push((vec!["report", "-c", file], None));
    }
    for (args, variable) in cases {
        for logs in [&["-vv"][..], &["--log-format", "json"]] {
            let run: Run = sandbox
                .command(&args)
                .args(logs)
                .env("RUST_LOG", "trace")
                .envs(variable.clone())
                .output()
                .unwrap()
                .into();
            let shown = format!("{}{}", run.stdout, run.stderr);
            assert!(!shown.contains(SECRET), "{args:?} {variable:?}: {shown}");
            assert!(!shown.is_empty());
        }
    }
}

#[test]
fn config_shows_where_each_value_came_from_and_flags_win_over_the_environment_over_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "dbaudit.toml",
        "# ours\n[pool]\nsize = 2\nwait = \"7s\"\n\n[output]\nformat = \"markdown\"\n\n[demo]\nrows = 9\n",
    );
    let run: Run = sandbox
        .command(&["config", "--pool-size", "4", "--format", "json"])
        .env("DBAUDIT_POOL_SIZE", "3")
        .env("DBAUDIT_CONNECT_TIMEOUT", "4s")
        .env("DBAUDIT_MIGRATIONS", "elsewhere")
        .env("PGPORT", "5499")
        .output()
        .unwrap()
        .into();
    assert_eq!(run.status, 0, "{}", run.stderr);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["schema_version"], 1);
    let find = |key: &str| {
        let settings = document["settings"].as_array().unwrap();
        let setting = settings.iter().find(|setting| setting["key"] == key);
        let setting = setting.unwrap_or_else(|| panic!("{key} is not shown"));
        let value = setting["value"].as_str().unwrap_or("unset");
        format!("{value} from {}", setting["origin"].as_str().unwrap())
    };
    for (key, expected) in [
        ("pool.size", "4 from flag --pool-size"),
        ("pool.wait", "7s from dbaudit.toml:4"),
        ("pool.lifetime", "1h from default"),
        (
            "connection.timeout",
            "4s from environment DBAUDIT_CONNECT_TIMEOUT",
        ),
        ("output.format", "json from flag --format"),
        ("demo.rows", "9 from dbaudit.toml:10"),
        (
            "apply-indexes.migrations",
            "elsewhere from environment DBAUDIT_MIGRATIONS",
        ),
        ("libpq.port", "5499 from PGPORT"),
        ("database-url", "unset from default"),
    ] {
        assert_eq!(find(key), expected, "{key}");
    }
    // Without the flag, the file's format.
    assert!(
        sandbox
            .run(&["config"])
            .stdout
            .starts_with("# Configuration\n")
    );
}

#[test]
fn a_mistake_in_the_file_is_shown_with_its_line() {
    let sandbox = Sandbox::new();
    for (text, says) in [
        ("[pool]\nsiz = 3\n", "dbaudit.toml:2: "),
        ("\n[pol]\n", "dbaudit.toml:2: "),
        ("[pool]\nsize = \"many\"\n", "dbaudit.toml:2: "),
        ("[pool]\nwait = \"30\"\n", "(try 100ms, 5s, 10m or 2h)"),
        ("[pool\n", "dbaudit.toml:1: "),
    ] {
        sandbox.write("dbaudit.toml", text);
        let run = sandbox.run(&["report", "-d", &dead_url()]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{text}");
        assert!(run.stderr.contains(says), "{text}: {}", run.stderr);
    }
    let missing = sandbox.run(&["config", "-c", "no-such-file.toml"]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("no-such-file.toml"));
}

/// Settings that a file cannot have, or that this test gives itself.
fn asked_for_run_by_run(key: &str) -> bool {
    let of_a_run = [
        "apply-indexes.dry-run",
        "report.baseline",
        "report.save",
        "report.from",
        "report.since",
    ];
    key.starts_with("libpq.") || key == "output.format" || of_a_run.contains(&key)
}

#[test]
fn the_annotated_example_has_every_key_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let example = include_str!("../dbaudit.toml");
    let plain = sandbox.run(&["config", "--format", "json"]).stdout;
    sandbox.write("dbaudit.toml", example);
    assert_eq!(sandbox.run(&["config", "--format", "json"]).stdout, plain);
    // As it is once every setting is commented in.
    let settings: Vec<&str> = example
        .lines()
        .map(|line| match line.strip_prefix("#") {
            Some(setting) if !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect();
    sandbox.write("dbaudit.toml", &settings.join("\n"));
    let run = sandbox.run(&["config", "--format", "json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    // It says where the result goes.
    let document: serde_json::Value = serde_json::from_str(&sandbox.read("report.md")).unwrap();
    for setting in document["settings"].as_array().unwrap() {
        let (key, origin) = (
            setting["key"].as_str().unwrap(),
            setting["origin"].as_str().unwrap(),
        );
        if !asked_for_run_by_run(key) {
            assert!(
                origin.starts_with("dbaudit.toml:"),
                "{key} is missing from dbaudit.toml"
            );
        }
    }
}

#[test]
fn a_format_that_a_command_lacks_is_refused_before_anything_is_done() {
    let run = run(&["report", "-d", &dead_url(), "--format", "json-lines"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("report has no `json-lines` output"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("use one of its formats: table, json, markdown"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_output_file_is_whole_or_untouched() {
    let sandbox = Sandbox::new();
    sandbox.write("result", "what was there before");
    let mut reader = fs::File::open(sandbox.path().join("result")).unwrap();
    let run = sandbox.run(&["completions", "bash", "-o", "result"]);
    assert_eq!(
        (run.status, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "")
    );
    assert_eq!(
        sandbox.read("result"),
        sandbox.run(&["completions", "bash"]).stdout
    );
    let mut before = String::new();
    reader.read_to_string(&mut before).unwrap();
    assert_eq!(
        before, "what was there before",
        "a reader saw it change under its hands"
    );

    // A command that fails leaves the file alone.
    sandbox.write("result", "kept");
    assert_eq!(
        sandbox
            .run(&["report", "-d", &dead_url(), "-o", "result"])
            .status,
        3
    );
    assert_eq!(sandbox.read("result"), "kept");
    let left = fs::read_dir(sandbox.path()).unwrap().count();
    assert_eq!(left, 1, "a temporary file stays behind");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_after_the_work_is_said_to_be_that() {
    let sandbox = Sandbox::new();
    for to_file in [true, false] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dbaudit"));
        command
            .args(["completions", "bash"])
            .current_dir(sandbox.path());
        if to_file {
            command.args(["-o", "/dev/full"]);
        } else {
            command.stdout(
                fs::OpenOptions::new()
                    .write(true)
                    .open("/dev/full")
                    .unwrap(),
            );
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            said.contains("the work is done") && said.contains("No space left"),
            "{said}"
        );
    }
}

#[test]
fn an_output_file_that_cannot_be_written_is_found_before_the_work() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path().join("folder")).unwrap();
    for file in ["no-such-folder/result", "folder"] {
        let run = sandbox.run(&["report", "-d", &dead_url(), "-o", file]);
        assert_eq!(run.status, 2, "{}", run.stderr);
        assert!(run.stderr.contains(file), "{}", run.stderr);
    }
}

#[test]
fn json_logs_are_json_to_the_last_line() {
    let run: Run = Sandbox::new()
        .command(&["report", "-d", &dead_url(), "--log-format", "json", "-vv"])
        .env("PGPASSFILE", "/dev/null")
        .output()
        .unwrap()
        .into();
    let lines: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(
        last["fields"]["message"]
            .as_str()
            .unwrap()
            .starts_with("cannot connect to")
    );
    assert!(lines.len() > 1, "{}", run.stderr);
}

#[test]
fn the_man_page_and_the_completions_know_every_command() {
    let page = run(&["man"]).stdout;
    let completions = completed(&Sandbox::new(), "dbaudit ");
    for command in commands().iter().filter(|name| *name != "help") {
        let heading = format!(".SH \"DBAUDIT {}\"", command.to_uppercase());
        assert!(page.contains(&heading), "{heading}");
        assert!(completions.contains(command), "{command}");
    }
    assert!(page.contains(".SH \"EXIT STATUS\""));
}

/// What bash offers for a line, with the script that `dbaudit completions bash` prints.
fn completed(sandbox: &Sandbox, line: &str) -> Vec<String> {
    let script = "source <(dbaudit completions bash); COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
        _clap_complete_dbaudit dbaudit \"${COMP_WORDS[COMP_CWORD]}\" 2> /dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let folder = Path::new(env!("CARGO_BIN_EXE_dbaudit")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", script, "bash", line])
        .env("PATH", path)
        .env("HOME", sandbox.path())
        .env_remove("DBAUDIT_QUERIES")
        .env_remove("DBAUDIT_MIGRATIONS")
        .current_dir(sandbox.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn bash_completes_the_names_of_checks_queries_indexes_and_endpoints() {
    let sandbox = Sandbox::new();
    assert_eq!(
        completed(&sandbox, "dbaudit explain dupl"),
        ["duplicate-fk", "duplicate-index"]
    );
    // Nothing is here, so it is what the binary carries.
    assert_eq!(
        completed(&sandbox, "dbaudit time-queries --only content_"),
        ["content_by_user", "content_search"]
    );
    fs::create_dir_all(sandbox.path().join("queries")).unwrap();
    fs::create_dir_all(sandbox.path().join("other")).unwrap();
    fs::create_dir_all(sandbox.path().join("migrations")).unwrap();
    sandbox.write(
        "queries/a.sql",
        "-- name: orders_open\n-- tags: shop, daily\n-- budget: 1ms\nSELECT 1",
    );
    sandbox.write("other/a.sql", "-- name: elsewhere\nSELECT 1");
    sandbox.write(
        "migrations/V1__a.sql",
        "CREATE INDEX CONCURRENTLY orders_by_day ON orders (day);",
    );
    sandbox.write(
        "dbaudit.toml",
        "[[endpoint]]\nname = \"search\"\nurl = \"http://h/\"",
    );
    for (line, expected) in [
        ("dbaudit time-queries --only ord", "orders_open"),
        ("dbaudit advise --only ", "orders_open"),
        ("dbaudit time-queries --tag d", "daily"),
        ("dbaudit time-queries --queries other --only ", "elsewhere"),
        ("dbaudit time-queries --ab-without-index o", "orders_by_day"),
        ("dbaudit time-endpoints --only s", "search"),
    ] {
        assert_eq!(completed(&sandbox, line), [expected], "{line}");
    }
    // A broken file completes to nothing, and says nothing.
    sandbox.write("queries/a.sql", "-- budget: never\nSELECT");
    assert_eq!(completed(&sandbox, "dbaudit time-queries --only "), [""]);
}

#[test]
fn every_command_has_two_examples_that_the_command_line_takes() {
    for command in commands().iter().filter(|name| *name != "help") {
        let help = run(&[command, "--help"]).stdout;
        let (_, examples) = help
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{command}"));
        let lines: Vec<&str> = examples
            .lines()
            .filter(|line| line.starts_with("  dbaudit "))
            .collect();
        assert_eq!(lines.len(), 2, "{command}");
        for line in lines {
            let words = line.split_whitespace().take_while(|word| *word != ">");
            let parsed = <dbaudit::cli::Cli as clap::Parser>::try_parse_from(words);
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
            assert!(line.starts_with(&format!("  dbaudit {command}")), "{line}");
        }
    }
}

#[test]
fn a_run_without_any_configuration_says_what_it_works_with() {
    let sandbox = Sandbox::new();
    let told = "no database is configured";
    // A folder without a server's socket.
    let said = sandbox
        .command(&["time-queries"])
        .env("PGUSER", "ann")
        .env("PGDATABASE", "shop")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    for part in [
        told,
        "user=ann dbname=shop",
        "the queries are the embedded ones",
        "`dbaudit init`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for (name, value) in [
        ("DATABASE_URL", dead_url()),
        ("PGHOST", "127.0.0.1".to_owned()),
    ] {
        let run: Run = sandbox
            .command(&["time-queries"])
            .env("PGPORT", dead_port().to_string())
            .env(name, value)
            .output()
            .unwrap()
            .into();
        assert!(!run.stderr.contains(told), "{}", run.stderr);
    }
    sandbox.write("dbaudit.toml", "");
    assert!(
        !sandbox
            .run(&["time-queries", "-d", &dead_url()])
            .stderr
            .contains(told)
    );
}

/// The system may put it at a random address. `ET_DYN` in the header, as in elf(5).
#[cfg(target_os = "linux")]
#[test]
fn the_program_is_position_independent() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_dbaudit")).unwrap();
    assert_eq!(program[..4], *b"\x7fELF");
    assert_eq!(u16::from_ne_bytes([program[16], program[17]]), 3);
}

#[cfg(unix)]
#[test]
fn a_signal_while_connecting_ends_it_with_130() {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://ann@127.0.0.1:{port}/shop");
        let child = Sandbox::new()
            .command(&["report", "-d", &url, "--connect-timeout", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stalled, _) = listener.accept().unwrap();
        // It waits for our answer now.
        stalled.read_exact(&mut [0; 8]).unwrap();
        stalled.flush().unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{signal}");
        assert_eq!(ended.stdout, b"");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("interrupted"));
    }
}
