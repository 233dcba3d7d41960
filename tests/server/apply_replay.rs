//! The rule of `apply-indexes`, judged by psql: however files are cut into deploys, and whatever happens between these,
//! the end is the state that psql leaves by running the files' statements in order.
//!
//! Sequences of files are drawn at random: indexes in two schemas under the same few names, created, dropped, defined
//! anew, rebuilt and commented upon, by names with and without a schema, on one search path or another. They are cut
//! into deploys; between these an older release runs, a deploy is killed, or somebody drops, renames or invalidates an
//! index by hand, or loses rows of the history. psql runs the same statements once, in order, in a database of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tokio_postgres::Client;

use crate::support::{self, Template, TestDatabase, TestServer};

const SCHEMAS: [&str; 2] = ["a", "b"];
const TABLES: [&str; 2] = ["t", "w"];
const NAMES: [&str; 4] = ["i", "j", "k", "Odd \"one"];
const DEFINITIONS: [(&str, &str); 9] = [
    ("", "(x)"),
    ("", "(y DESC)"),
    ("", "(x, y) INCLUDE (s)"),
    ("", "(lower(s)  ,x)"),
    ("", "USING hash (x)"),
    ("", "(x) WHERE y > 0"),
    ("UNIQUE ", "(x)"),
    ("UNIQUE ", "(s, x)"),
    ("", "(s text_pattern_ops) WITH (fillfactor=70)"),
];

const SETUP: &str = "
DROP SCHEMA IF EXISTS a CASCADE; DROP SCHEMA IF EXISTS z CASCADE; DROP SCHEMA IF EXISTS b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b;
CREATE TABLE a.t (x int, y int, s text); CREATE TABLE a.w (x int, y int, s text);
CREATE TABLE b.t (x int, y int, s text); CREATE TABLE b.w (x int, y int, s text);
INSERT INTO a.t SELECT n, n % 3, n::text FROM generate_series(1, 20) n; INSERT INTO b.t SELECT * FROM a.t;
INSERT INTO a.w SELECT * FROM a.t; INSERT INTO b.w SELECT * FROM a.t;";

type Index = (&'static str, &'static str);

/// How names are written, which decides what else may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// With a schema or without, in two schemas.
    Mixed,
    /// Always with their schema: a file may be held back, and deployed after later ones.
    Qualified,
    /// Without, in one schema, which is renamed from time to time.
    Bare,
}

/// One sequence of files, and the path on which its names are looked for.
struct Sequence {
    style: Style,
    path: Vec<&'static str>,
    /// What is there before the first file.
    before: String,
    files: Vec<String>,
    /// What psql would hold after each file.
    after: Vec<BTreeMap<Index, &'static str>>,
}

impl Sequence {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let style = *[Style::Mixed, Style::Mixed, Style::Qualified, Style::Bare]
            .choose(rng)
            .unwrap();
        let path = match rng.random_range(0..4) {
            _ if style == Style::Bare => vec!["a"],
            0 => vec!["b", "a"],
            1 => vec!["a"],
            _ => vec!["a", "b"],
        };
        let mut stands: BTreeMap<Index, &'static str> = BTreeMap::new();
        let mut before = String::new();
        // Indexes of the application's own, which no file creates.
        let foreign: Vec<Index> = (0..rng.random_range(0..2))
            .map(|_| (*SCHEMAS.choose(rng).unwrap(), *NAMES.choose(rng).unwrap()))
            .collect();
        for (schema, name) in &foreign {
            if stands.insert((schema, name), "(y)").is_none() {
                before.push_str(&format!(
                    "CREATE INDEX {} ON {schema}.w (y);\n",
                    quoted(name)
                ));
            }
        }
        let mut sequence = Self {
            style,
            path,
            before,
            files: Vec::new(),
            after: Vec::new(),
        };
        for _ in 0..rng.random_range(3..9) {
            let (mut file, mut made) = (String::new(), BTreeSet::new());
            while file.is_empty() || (rng.random_bool(0.4) && file.len() < 400) {
                let statement = sequence.statement(rng, &mut stands, &mut made, &foreign);
                file.push_str(&statement.unwrap_or_default());
            }
            sequence.files.push(file);
            sequence.after.push(stands.clone());
        }
        sequence
    }

    fn statement(
        &self,
        rng: &mut ChaCha8Rng,
        stands: &mut BTreeMap<Index, &'static str>,
        made: &mut BTreeSet<Index>,
        foreign: &[Index],
    ) -> Option<String> {
        let schema = match self.style {
            Style::Bare => "a",
            _ => *SCHEMAS.choose(rng)?,
        };
        let name = *NAMES.choose(rng)?;
        let index = (schema, name);
        // A name without a schema leads to the first on the path that has it.
        let short = self.path.iter().find(|s| stands.contains_key(&(**s, name))) == Some(&schema)
            // Two of a name, one of them the application's, are refused; and so is a file that seems to undo itself.
            && !foreign.iter().chain(&*made).any(|(_, known)| *known == name);
        let style = self.style;
        let is_bare = move |rng: &mut ChaCha8Rng, possible: bool| match style {
            Style::Mixed => possible && rng.random_bool(0.6),
            Style::Qualified => false,
            Style::Bare => true,
        };
        let by_name = |rng: &mut ChaCha8Rng| match is_bare(rng, short) {
            true => quoted(name),
            false => format!("{schema}.{}", quoted(name)),
        };
        if let std::collections::btree_map::Entry::Vacant(free) = stands.entry(index) {
            let table = *TABLES.choose(rng)?;
            let (unique, definition) = *DEFINITIONS.choose(rng)?;
            free.insert(definition);
            made.insert(index);
            let table = match is_bare(rng, self.path[0] == schema) {
                true => table.to_owned(),
                false => format!("{schema}.{table}"),
            };
            let careful = if rng.random_bool(0.3) {
                "IF NOT EXISTS "
            } else {
                ""
            };
            return Some(format!(
                "CREATE {unique}INDEX CONCURRENTLY {careful}{} ON {table} {definition};\n",
                quoted(name)
            ));
        }
        match rng.random_range(0..10) {
            0..6 if !made.contains(&index) => {
                let named = by_name(rng);
                stands.remove(&index);
                let careful = if rng.random_bool(0.5) {
                    "IF EXISTS "
                } else {
                    ""
                };
                Some(format!("DROP INDEX CONCURRENTLY {careful}{named};\n"))
            }
            6 => Some(format!("REINDEX INDEX CONCURRENTLY {};\n", by_name(rng))),
            7 => {
                let table = TABLES.choose(rng)?;
                Some(match is_bare(rng, self.path[0] == schema) {
                    true => format!("REINDEX TABLE CONCURRENTLY {table};\n"),
                    false => format!("REINDEX TABLE CONCURRENTLY {schema}.{table};\n"),
                })
            }
            8 if !foreign.contains(&index) => Some(format!(
                "COMMENT ON INDEX {} IS 'made {}';\n",
                by_name(rng),
                rng.random_range(0..3)
            )),
            _ => None,
        }
    }

    /// Gives an index that stands at the end another definition, in the file that created it last.
    fn edit(&mut self, rng: &mut ChaCha8Rng) -> Option<String> {
        let stands = self
            .after
            .last()?
            .iter()
            .filter(|(_, definition)| **definition != "(y)");
        let stands: Vec<_> = stands.collect();
        let ((_, name), definition) = *stands.choose(rng)?;
        let text = format!("{} ON ", quoted(name));
        let file = self.files.iter_mut().rev().find(|file| {
            file.lines()
                .any(|line| line.contains(&text) && line.contains(definition))
        })?;
        let (line, edited) = file.lines().find_map(|line| {
            let is_it =
                line.starts_with("CREATE") && line.contains(&text) && !line.contains("USING");
            let edited = line
                .replace(&format!("{definition};"), "(y, s);")
                .replace("UNIQUE ", "");
            (is_it && edited.ends_with("(y, s);") && edited != line)
                .then(|| (line.to_owned(), edited))
        })?;
        *file = file.replace(&line, &edited);
        Some(format!("edited: {line} -> {edited}"))
    }
}

fn quoted(name: &str) -> String {
    match name.contains(' ') {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}

/// Two databases on one server: dbaudit's, and psql's.
struct Court {
    db: TestDatabase,
    client: Client,
    oracle_db: TestDatabase,
    oracle: Client,
    major: u32,
}

impl Court {
    async fn on(server: &TestServer) -> Self {
        let (db, oracle_db) = (
            server.database(Template::Empty),
            server.database(Template::Empty),
        );
        std::fs::create_dir(db.folder().join("migrations")).unwrap();
        Self {
            client: db.client().await,
            oracle: oracle_db.client().await,
            db,
            oracle_db,
            major: server.major(),
        }
    }

    async fn judge(&self, rng: &mut ChaCha8Rng) -> Result<(), String> {
        let sequence = Sequence::draw(rng);
        let story = std::cell::RefCell::new(Vec::new());
        let note = |line: String| story.borrow_mut().push(line);
        note(format!(
            "PostgreSQL {}, search path {}",
            self.major,
            sequence.path.join(",")
        ));
        note(sequence.before.clone());
        for (at, file) in sequence.files.iter().enumerate() {
            note(format!("V{}: {file}", at + 1));
        }
        for client in [&self.client, &self.oracle] {
            let sql = format!("{SETUP}\n{}", sequence.before);
            client
                .batch_execute(&sql)
                .await
                .expect("the schemas are made");
        }
        let duplicates = rng.random_bool(0.5);
        let mut world = World {
            path: sequence.path.join(","),
            duplicates,
            replace: false,
        };
        let mut sequence = sequence;
        let count = sequence.files.len();
        let mut deployed = 0;
        while deployed < count {
            deployed = rng.random_range(deployed + 1..=count);
            let kill = rng
                .random_bool(0.2)
                .then(|| Duration::from_millis(rng.random_range(5..120)));
            let held = (sequence.style == Style::Qualified && rng.random_bool(0.4))
                .then(|| rng.random_range(0..deployed));
            self.folder(&sequence, deployed, held);
            let status = self.deploy(&world, kill);
            let without = held
                .map(|at| format!(" without V{}", at + 1))
                .unwrap_or_default();
            note(format!(
                "deploy of V1 to V{deployed}{without}, killed after {kill:?}: {status}"
            ));
            if rng.random_bool(0.3) {
                let older = rng.random_range(1..=deployed);
                self.folder(&sequence, older, None);
                let status = self.deploy(&world, None);
                note(format!("an older release, V1 to V{older}: {status}"));
            }
            if rng.random_bool(0.4) {
                note(
                    self.interfere(rng, &world, &sequence.after[deployed - 1])
                        .await,
                );
            }
            if sequence.style == Style::Bare && rng.random_bool(0.3) {
                let (from, to) = if world.path == "a" {
                    ("a", "z")
                } else {
                    ("z", "a")
                };
                let sql = format!("ALTER SCHEMA {from} RENAME TO {to}");
                self.client
                    .batch_execute(&sql)
                    .await
                    .expect("the schema is renamed");
                to.clone_into(&mut world.path);
                note(sql);
            }
        }
        if rng.random_bool(0.3)
            && let Some(edited) = sequence.edit(rng)
        {
            world.replace = true;
            note(edited);
        }
        self.psql(&sequence);
        self.folder(&sequence, count, None);
        let said = self.json(&world);
        note(format!("the last deploy: {}", summary(&said)));
        let fail = |why: String| format!("{why}\n{}", story.borrow().join("\n"));
        let good = ["applied", "nothing_to_do"];
        if !good.iter().any(|outcome| said["outcome"] == *outcome) {
            return Err(fail("the last deploy failed".into()));
        }
        world.replace = false;
        let again = self.json(&world);
        if again["outcome"] != "nothing_to_do"
            || !again["migrations"].to_string().contains("already_applied")
        {
            return Err(fail(format!(
                "one more deploy is not a no-op: {}",
                summary(&again)
            )));
        }
        let (ours, theirs) = (state(&self.client).await, state(&self.oracle).await);
        let missing: Vec<&Standing> = theirs
            .iter()
            .filter(|index| !ours.contains(index))
            .filter(|index| duplicates || !ours.iter().any(|own| own.is_twin_of(index)))
            .collect();
        let extra: Vec<&Standing> = ours
            .iter()
            .filter(|own| !theirs.contains(own) && !own.name.starts_with("by hand"))
            .collect();
        if missing.is_empty() && extra.is_empty() {
            return Ok(());
        }
        Err(fail(format!(
            "psql has, and dbaudit lacks: {missing:#?}\ndbaudit has, and psql lacks: {extra:#?}"
        )))
    }

    fn folder(&self, sequence: &Sequence, count: usize, held: Option<usize>) {
        let folder = self.db.folder().join("migrations");
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        for (at, file) in sequence.files.iter().take(count).enumerate() {
            if held == Some(at) {
                continue;
            }
            std::fs::write(folder.join(format!("V{}__m.sql", at + 1)), file).unwrap();
        }
    }

    fn command(&self, world: &World) -> Command {
        // Another binary may be judged: an older release.
        let binary = std::env::var("REPLAY_BINARY");
        let mut command = Command::new(binary.as_deref().unwrap_or(env!("CARGO_BIN_EXE_dbaudit")));
        let url = format!("{}?options=-csearch_path%3D{}", self.db.url, world.path);
        command
            .args([
                "apply-indexes",
                "-d",
                &url,
                "--format",
                "json",
                "--migrations",
                "migrations",
            ])
            .current_dir(self.db.folder())
            .stdin(Stdio::null());
        command.args(world.duplicates.then_some("--allow-duplicates"));
        command.args(world.replace.then_some("--replace"));
        command
    }

    fn deploy(&self, world: &World, kill: Option<Duration>) -> String {
        let mut command = self.command(world);
        let Some(after) = kill else {
            let output = command.output().unwrap();
            return format!(
                "{} {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        };
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // The moment is drawn at random; nothing waits for anything here.
        std::thread::sleep(after);
        let _ = child.kill();
        child.wait().unwrap().to_string()
    }

    fn json(&self, world: &World) -> serde_json::Value {
        let output = self.command(world).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            serde_json::Value::String(String::from_utf8_lossy(&output.stderr).into_owned())
        })
    }

    /// The oracle.
    fn psql(&self, sequence: &Sequence) {
        let script = self.oracle_db.folder().join("all.sql");
        let path = format!("SET search_path = {};\n", sequence.path.join(","));
        std::fs::write(&script, path + &sequence.files.join("\n")).unwrap();
        let output = psql(&self.oracle_db.url, &script);
        assert!(
            output.status.success(),
            "psql does not take the files: {}\n{}",
            String::from_utf8_lossy(&output.stderr),
            sequence.files.join("\n")
        );
    }

    /// Somebody does something by hand to an index that the files so far leave standing, or to the history.
    async fn interfere(
        &self,
        rng: &mut ChaCha8Rng,
        world: &World,
        stands: &BTreeMap<Index, &'static str>,
    ) -> String {
        let made: Vec<Index> = stands
            .iter()
            .filter(|(_, definition)| **definition != "(y)")
            .map(|(index, _)| *index)
            .collect();
        let Some((schema, name)) = made.choose(rng) else {
            return "nothing to interfere with".into();
        };
        let schema = if world.path == "z" { "z" } else { schema };
        let index = format!("{schema}.{}", quoted(name));
        let sql = match rng.random_range(0..5) {
            0 => format!("DROP INDEX IF EXISTS {index}"),
            1 => format!(
                "ALTER INDEX IF EXISTS {index} RENAME TO \"by hand {}\"",
                rng.random::<u32>()
            ),
            2 => format!(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('{}')",
                index.replace('\'', "''")
            ),
            3 => "DROP TABLE dbaudit_index_history".to_owned(),
            _ => format!(
                "DELETE FROM dbaudit_index_history WHERE version % 2 = {}",
                rng.random_range(0..2)
            ),
        };
        let path = format!("SET search_path = {}; ", world.path);
        // A run that was killed early has made no history.
        match self.client.batch_execute(&(path + &sql)).await {
            Ok(()) => format!("by hand: {sql}"),
            Err(error) => format!("by hand, in vain: {sql}: {error}"),
        }
    }
}

/// How dbaudit is called.
struct World {
    path: String,
    duplicates: bool,
    replace: bool,
}

fn psql(url: &str, script: &Path) -> std::process::Output {
    Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f"])
        .arg(script)
        .output()
        .expect("psql runs: tests/run installs it")
}

fn summary(said: &serde_json::Value) -> String {
    let mut text = format!("{} {}", said["outcome"], said["warnings"]);
    if said.is_string() {
        text = said.to_string();
    }
    for migration in said["migrations"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "\n  V{} {}",
            migration["version"], migration["status"]
        ));
        for step in migration["steps"].as_array().into_iter().flatten() {
            let error = step.get("error").unwrap_or(&step["reason"]);
            text.push_str(&format!(
                "\n    {} {} {} {error}",
                step["action"], step["index"], step["statements"]
            ));
        }
    }
    text
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    schema: String,
    table: String,
    name: String,
    /// `pg_get_indexdef` without the name.
    definition: String,
    valid: bool,
    comment: Option<String>,
}

impl Standing {
    /// The same index under another name.
    fn is_twin_of(&self, other: &Self) -> bool {
        self.valid
            && (&self.schema, &self.table, &self.definition)
                == (&other.schema, &other.table, &other.definition)
    }
}

async fn state(client: &Client) -> BTreeSet<Standing> {
    let rows = client
        .query(
            "SELECT translate(n.nspname::text, 'z', 'a'), t.relname::text, x.relname::text,
                    replace(replace(pg_get_indexdef(x.oid), 'INDEX ' || quote_ident(x.relname), 'INDEX'), ' z.', ' a.'),
                    i.indisvalid AND i.indisready AND i.indislive, obj_description(x.oid, 'pg_class')
             FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
             JOIN pg_namespace n ON n.oid = x.relnamespace
             WHERE n.nspname IN ('a', 'b', 'z') AND t.relname <> 'dbaudit_index_history'",
            &[],
        )
        .await
        .unwrap();
    rows.iter()
        .map(|row| Standing {
            schema: row.get(0),
            table: row.get(1),
            name: row.get(2),
            definition: row.get(3),
            valid: row.get(4),
            comment: row.get(5),
        })
        .collect()
}

/// `count` sequences, shared among all versions. The seed of each is printed where it fails.
fn sequences(count: u64, seed: u64) {
    let servers = support::servers();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let judges: Vec<_> = servers
            .iter()
            .enumerate()
            .map(|(turn, server)| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        let court = Court::on(server).await;
                        let mut failures = Vec::new();
                        let mut one = seed + turn as u64;
                        while one < seed + count && failures.len() < 3 {
                            let mut rng = ChaCha8Rng::seed_from_u64(one);
                            if let Err(why) = court.judge(&mut rng).await {
                                failures.push(format!("seed {one} (REPLAY_SEED={one}): {why}"));
                            }
                            one += servers.len() as u64;
                        }
                        failures
                    })
                })
            })
            .collect();
        judges
            .into_iter()
            .flat_map(|judge| judge.join().expect("a judge"))
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// A number from the environment: `REPLAY_SEED=7 REPLAY_COUNT=1` repeats one sequence.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn however_files_are_deployed_the_end_is_what_psql_leaves() {
    sequences(
        given("REPLAY_COUNT").unwrap_or(300),
        given("REPLAY_SEED").unwrap_or(1),
    );
}

#[test]
#[ignore = "an hour: 5,000 sequences from a random seed"]
fn however_files_are_deployed_the_end_is_what_psql_leaves_5_000_times() {
    let seed = given("REPLAY_SEED").unwrap_or_else(|| rand::random_range(1_000..1 << 40));
    eprintln!("seed {seed}");
    sequences(5_000, seed);
}
