//! Imports run downwards: from room to room as the table below says, which is the map of the house as well, and without
//! a circle among the files of a room.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use super::generated::holds;

/// From top to bottom: a room, what is in it, and the rooms it imports, all of them further down. What is called pure
/// knows no connection, clock or stdout.
const HOUSE: &[(&str, &str, &str)] = &[
    (
        "command",
        "one script per command: what happens, in order",
        "everything below",
    ),
    (
        "serve",
        "the live view: an axum application, its collectors and its dashboard",
        "config endpoint host render report check catalog db",
    ),
    (
        "config",
        "file, environment and flags resolved into one configuration; no clap type goes below it",
        "cli twin apply what_if measure endpoint render report check workload migration db stats",
    ),
    (
        "cli",
        "the clap types, and nothing else",
        "render workload stats",
    ),
    (
        "twin",
        "what the planner reads of a database, as a file; and the server that is made of it",
        "demo what_if measure advise workload explain catalog db stats",
    ),
    (
        "demo",
        "the throwaway server under its supervisor, and the sample data",
        "check db",
    ),
    (
        "endpoint",
        "endpoints and pages, their clocks, and their timing",
        "measure report db stats",
    ),
    (
        "what_if",
        "the planner is asked what it would do with an index; proofs build it",
        "advise measure report workload explain catalog db stats",
    ),
    (
        "measure",
        "the clock, and queries timed until their budgets are decided",
        "report advise workload explain catalog db stats",
    ),
    (
        "apply",
        "carries a plan out: builds, watches, tries again, adopts, cleans up",
        "plan migration catalog db",
    ),
    (
        "host",
        "reads the figures of the machine or container",
        "catalog",
    ),
    (
        "render",
        "pure: every renderer; one file per output format, all given the same blocks",
        "report check plan migration explain catalog",
    ),
    (
        "report",
        "the result values: what every output format receives",
        "check advise plan workload explain migration catalog stats",
    ),
    (
        "check",
        "pure: one file per check, one registry that everything iterates",
        "catalog",
    ),
    (
        "advise",
        "pure: what queries need of their tables, candidates, sizes, the search for sets",
        "workload explain catalog",
    ),
    (
        "plan",
        "pure: desired, present and recorded indexes become a plan, each step with its statements",
        "migration catalog",
    ),
    (
        "workload",
        "pure: query files, their parameters and cases",
        "catalog stats",
    ),
    (
        "explain",
        "pure: EXPLAIN's JSON as one tree; reasons and fingerprints from it",
        "catalog",
    ),
    (
        "migration",
        "pure: migration files become desired indexes",
        "",
    ),
    (
        "catalog",
        "what the server holds: one file and its `.sql` per entity",
        "db",
    ),
    (
        "db",
        "connecting as libpq does, TLS, the pool; the only room that opens connections",
        "",
    ),
    (
        "stats",
        "pure: samples become summaries, intervals and verdicts",
        "",
    ),
];

/// What every room may import; each of these only those before it.
const GROUND: &str =
    "outcome duration human memory_limit sql error off_thread interrupt output progress";

/// What still breaks the table, as `room -> room`, and why. This list may only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Files of one room that import each other in a circle, and why. This list may only shrink.
const CIRCLES: &[(&str, &str)] = &[
    (
        "catalog/birth catalog/bloat catalog/collation catalog/column catalog/column_statistics catalog/hidden catalog/host \
         catalog/operator_class catalog/snapshot",
        "the catalog is made of entities, and each entity finds its own in it",
    ),
    (
        "plan/decide/created plan/decide/gone plan/decide/rebuilt plan/partition plan/replay",
        "an index of a partitioned table is decided by deciding those of its partitions",
    ),
    (
        "serve/api_watch serve/app serve/collect serve/metrics_text serve/notify serve/overview",
        "the application holds what its parts keep, and each part reads the others through it",
    ),
];

/// What a file of a pure room does not hold.
const IMPURE: &[&str] = &[
    "tokio",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "stdout",
    "stderr",
];

/// A file's modules (`["check", "bloat"]`), and its text without comments and tests.
type Files = BTreeMap<Vec<String>, String>;

fn files(root: &str) -> Files {
    fn collect(folder: &Path, within: &[String], files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let module = [within, &[stem]].concat();
            if path.is_dir() {
                collect(&path, &module, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.insert(module, code(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Files::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(root),
        &[],
        &mut files,
    );
    files.retain(|module, _| module.last().is_none_or(|name| name != "tests"));
    files
}

fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.fold(String::new(), |code, line| code + line + "\n")
}

/// The paths that a tree such as `a::{b, c::{d as e}}` stands for.
fn paths(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let path = path.split("::").map(|part| part.trim().to_owned());
        return vec![
            path.filter(|part| part != "self" || !tree.ends_with("self"))
                .collect(),
        ];
    };
    let prefix: Vec<String> = before
        .split("::")
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for sign in inner.chars() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if sign == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(sign);
        }
    }
    parts
        .iter()
        .filter(|part| !part.trim().is_empty())
        .flat_map(|part| paths(part))
        .map(|path| [prefix.clone(), path].concat())
        .collect()
}

/// An import: whether it is passed on, and its path from the crate's root.
struct Import {
    is_public: bool,
    path: Vec<String>,
}

/// Every `use`, and every `crate::` and `super::` within the code.
fn imports(module: &[String], text: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    let mut rest = String::new();
    let mut add = |is_public, path: Vec<String>| {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let absolute = match path.first().map(String::as_str) {
            Some("crate") => path[1..].to_vec(),
            Some("self") => [module, &path[1..]].concat(),
            Some("super") if ups <= module.len() => {
                [&module[..module.len() - ups], &path[ups..]].concat()
            }
            _ => return,
        };
        imports.push(Import {
            is_public,
            path: absolute,
        });
    };
    for statement in text.split_inclusive(';') {
        let begin = statement
            .rfind("\nuse ")
            .or_else(|| statement.rfind(" use "));
        let begin = begin.or_else(|| statement.starts_with("use ").then_some(0));
        let Some(begin) = begin.filter(|_| statement.ends_with(';')) else {
            rest.push_str(statement);
            continue;
        };
        let tree = statement[begin..].trim_start().trim_start_matches("use ");
        let line = statement[..begin].rsplit('\n').next().unwrap_or_default();
        for path in paths(tree.trim_end_matches(';')) {
            add(line.trim_start().starts_with("pub"), path);
        }
        rest.push_str(&statement[..begin]);
    }
    let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | ':');
    for word in rest.split(|sign| !is_part(sign)) {
        if word.starts_with("crate::") || word.starts_with("super::") {
            add(false, word.split("::").map(str::to_owned).collect());
        }
    }
    imports
}

/// The file that a path leads to, through what modules pass on.
fn defined_in(
    path: &[String],
    files: &Files,
    passed_on: &BTreeMap<Vec<String>, Vec<String>>,
) -> Vec<String> {
    let mut path = path.to_vec();
    for _ in 0..8 {
        let known = (1..=path.len())
            .rev()
            .find(|n| files.contains_key(&path[..*n]));
        let known = known.unwrap_or(0);
        let Some(further) = path
            .get(..=known)
            .and_then(|name| passed_on.get(name))
            .filter(|further| further.as_slice() != path)
        else {
            path.truncate(known);
            break;
        };
        path = [further.as_slice(), &path[known + 1..]].concat();
    }
    path
}

/// Which file imports from which; a file and those that it is made of are one.
fn graph(files: &Files) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let imports: BTreeMap<_, _> = files
        .iter()
        .map(|(module, text)| (module, imports(module, text)))
        .collect();
    let mut passed_on = BTreeMap::new();
    for (module, imports) in &imports {
        for import in imports.iter().filter(|import| import.is_public) {
            let name = import.path.last().cloned().unwrap_or_default();
            passed_on.insert([module.as_slice(), &[name]].concat(), import.path.clone());
        }
    }
    let edges = imports.iter().map(|(module, imports)| {
        let found = imports
            .iter()
            .map(|import| defined_in(&import.path, files, &passed_on))
            .filter(|target| !target.starts_with(module) && !module.starts_with(target));
        ((*module).clone(), found.collect())
    });
    edges.collect()
}

/// The files that come back to themselves.
fn circles(graph: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> BTreeSet<String> {
    let comes_back = |start: &Vec<String>| {
        let mut reached = BTreeSet::new();
        let mut next = vec![start];
        while let Some(module) = next.pop() {
            for target in graph.get(module).into_iter().flatten() {
                if target == start {
                    return true;
                }
                if reached.insert(target) {
                    next.push(target);
                }
            }
        }
        false
    };
    let found = graph.keys().filter(|module| comes_back(module));
    found.map(|module| module.join("/")).collect()
}

/// Every import from room to room, with the files it stands in.
fn rooms() -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut edges: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in files("src")
        .iter()
        .filter(|(module, _)| *module != &["lib"])
    {
        for import in imports(module, text) {
            let to = match import.path[0].as_str() {
                "Error" | "Result" => "error",
                "Outcome" => "outcome",
                room => room,
            };
            if to != module[0] {
                let files = edges.entry((module[0].clone(), to.to_owned()));
                files.or_default().insert(module.join("/"));
            }
        }
    }
    edges
}

#[test]
fn imports_run_downwards_from_room_to_room() {
    let names: Vec<&str> = HOUSE.iter().map(|(room, _, _)| *room).collect();
    let ground: Vec<&str> = GROUND.split(' ').collect();
    let edges = rooms();
    let mut wrong = Vec::new();
    for ((from, to), files) in &edges {
        let edge = format!("{from} -> {to}");
        let allowed = match (
            ground.iter().position(|room| room == from),
            ground.iter().position(|room| room == to),
        ) {
            (Some(from), to) => to.is_some_and(|to| to < from),
            (None, Some(_)) => true,
            (None, None) => HOUSE.iter().any(|(room, _, imports)| {
                room == from
                    && (*imports == "everything below" || imports.split(' ').any(|room| room == to))
            }),
        };
        if !allowed && !EXCEPTIONS.iter().any(|(known, _)| *known == edge) {
            wrong.push(format!("{edge}: {files:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "not in the map of the house:\n{}",
        wrong.join("\n")
    );
    // The table is true as well, and runs downwards.
    for (at, (room, _, imports)) in HOUSE.iter().enumerate() {
        let is_there = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("src/{room}.rs"))
            .is_file();
        assert!(is_there, "there is no room {room}");
        for import in imports
            .split_whitespace()
            .filter(|_| *imports != "everything below")
        {
            assert!(
                names[at + 1..].contains(&import),
                "{import} does not stand below {room}"
            );
            let edge = (room.to_string(), import.to_owned());
            assert!(
                edges.contains_key(&edge),
                "{room} does not import {import} any more: take it out"
            );
        }
    }
    for (edge, _) in EXCEPTIONS {
        let (from, to) = edge.split_once(" -> ").unwrap();
        assert!(
            edges.contains_key(&(from.to_owned(), to.to_owned())),
            "{edge} is none any more: take it out"
        );
    }
    for module in files("src").into_keys().map(|module| module[0].clone()) {
        let known = names.contains(&module.as_str()) || ground.contains(&module.as_str());
        assert!(
            known || module == "lib" || module == "main",
            "{module} is not in the map of the house"
        );
    }
}

#[test]
fn pure_rooms_know_no_connection_clock_or_stdout() {
    let is_pure = |room: &str| {
        HOUSE
            .iter()
            .any(|(name, about, _)| *name == room && about.starts_with("pure"))
    };
    for (module, text) in files("src") {
        for word in IMPURE.iter().filter(|_| is_pure(&module[0])) {
            assert!(
                !text.contains(word),
                "{} is pure, and names {word}",
                module.join("/")
            );
        }
    }
}

#[test]
fn files_of_a_room_import_each_other_in_no_circle() {
    let known = CIRCLES
        .iter()
        .flat_map(|(files, _)| files.split_whitespace());
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    let found = circles(&graph(&files("src")));
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "circles of files: {new:?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        gone.is_empty(),
        "in no circle any more: take them out: {gone:?}"
    );
    let found = circles(&graph(&files("benches/peers")));
    assert!(found.is_empty(), "circles in benches: {found:?}");
}

#[test]
fn the_map_of_the_house_is_the_table_of_directions() {
    let mut table = String::from("| room | what is in it | imports |\n| --- | --- | --- |\n");
    for (room, about, imports) in HOUSE {
        let imports: Vec<String> = match *imports {
            "everything below" => vec![(*imports).to_owned()],
            names => names
                .split_whitespace()
                .map(|name| format!("`{name}`"))
                .collect(),
        };
        let _ = writeln!(table, "| `{room}` | {about} | {} |", imports.join(", "));
    }
    let ground: Vec<String> = GROUND.split(' ').map(|room| format!("`{room}`")).collect();
    let _ = writeln!(
        table,
        "| {} | what every room may import | those before it |",
        ground.join(", ")
    );
    holds(
        "docs/src/house.md",
        "<!-- rooms -->",
        "<!-- /rooms -->",
        &table,
    );
}
