//! The README and the book: short where they must be, complete, and without a dead link.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{generated::definition, read};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file that a reader of the repository comes by.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![
        "README.md".into(),
        "CONTRIBUTING.md".into(),
        "CHANGELOG.md".into(),
    ];
    for folder in ["docs", "docs/src", "docs/middleware"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                found.push(Path::new(folder).join(name));
            }
        }
    }
    found
}

/// The targets of a text's links and pictures, outside its code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        // What stands in backticks is no link.
        let line: String = line.split('`').step_by(2).collect();
        for part in line.split("](").skip(1) {
            links.extend(part.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    links
}

/// The lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// The anchors of a text's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'))
                .map(|sign| if sign == ' ' { '-' } else { sign })
                .collect()
        })
        .collect()
}

/// What is wrong with a link, if anything is.
fn wrong(document: &Path, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        root().join(document)
    } else {
        root().join(document).parent()?.join(file)
    };
    let Ok(text) = fs::read_to_string(&target) else {
        return Some(format!("{}: {link} is not there", document.display()));
    };
    (!anchor.is_empty() && !anchors(&text).contains(anchor))
        .then(|| format!("{}: {link} has no such heading", document.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrongs = Vec::new();
    for document in documents() {
        let text = read(&document.to_string_lossy());
        let links = links(&text);
        wrongs.extend(links.iter().filter_map(|link| wrong(&document, link)));
    }
    assert!(wrongs.is_empty(), "{wrongs:#?}");
    let readme = Path::new("README.md");
    assert!(wrong(readme, "docs/src/nowhere.md").is_some());
    assert!(wrong(readme, "docs/src/hosted.md#nowhere").is_some());
}

#[test]
fn the_summary_lists_every_page_of_the_book() {
    let listed: BTreeSet<String> = links(&read("docs/src/SUMMARY.md")).into_iter().collect();
    let there: BTreeSet<String> = documents()
        .iter()
        .filter_map(|document| document.strip_prefix("docs/src").ok())
        .map(|page| page.to_string_lossy().into_owned())
        .filter(|page| page != "SUMMARY.md")
        .collect();
    assert_eq!(listed, there);
}

#[test]
fn the_readme_is_short_and_names_every_command() {
    let readme = read("README.md");
    assert!(readme.len() <= 8192, "{} bytes", readme.len());
    for command in definition().get_subcommands() {
        let name = command.get_name();
        assert!(
            name == "help" || readme.contains(&format!("dbaudit {name}")),
            "{name}"
        );
    }
}

/// The program's own text, with strings that go on over several lines made whole.
fn sources() -> String {
    fn read_into(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_into(&path, text);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                *text += &fs::read_to_string(&path).unwrap();
            }
        }
    }
    let mut text = String::new();
    read_into(&root().join("src"), &mut text);
    let lines = text.split("\\\n").map(str::trim_start);
    lines.collect::<String>().replace("\\\"", "\"")
}

#[test]
fn every_message_under_troubleshooting_is_one_of_the_program() {
    let sources = sources();
    let mut messages = 0;
    for line in prose(&read("docs/src/troubleshooting.md")) {
        let Some(message) = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once("` |"))
        else {
            continue;
        };
        messages += 1;
        // What differs from case to case stands as `…`.
        for part in message
            .0
            .split('…')
            .map(|part| part.trim_matches([' ', ':', '"']))
        {
            assert!(sources.contains(part), "no message says `{part}`");
        }
    }
    assert!(messages > 25, "{messages}");
}
