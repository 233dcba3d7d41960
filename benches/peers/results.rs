//! The committed page, its pictures, and the figures behind them.

use std::path::Path;

use crate::{group::GROUPS, outcome::Outcome};

const HEAD: &str = "# dbaudit beside its peers\n\n\
Written by `cargo bench` (one group: `cargo bench -- report`; which there are: `cargo bench -- --list`). In each \
comparison the contenders take turns, and who begins changes from round to round; where there are warm-up rounds, they do not \
count. A ratio is the median of the rounds' own ratios, dbaudit's time divided by the peer's, with the quartiles in \
brackets: below 1, dbaudit is the faster one. The server is a throwaway one with `fsync`, autovacuum and `jit` off and 256 MB of \
shared buffers, reached by TCP on 127.0.0.1. The raw figures are in `results/*.json`. Goals that were missed are \
marked as such.\n";

/// Keeps one group's figures and pictures.
pub(crate) fn keep(folder: &Path, outcome: &Outcome) {
    let results = folder.join("results");
    std::fs::create_dir_all(&results).expect("the folder can be made");
    let json = serde_json::to_string_pretty(outcome).expect("figures are JSON");
    let file = results.join(format!("{}.json", outcome.name));
    std::fs::write(file, json + "\n").expect("the figures can be written");
}

/// An earlier run's pictures go, of which there may have been more.
fn draw(folder: &Path, outcome: &Outcome) {
    for number in 0..20 {
        let file = folder.join(outcome.picture(number));
        match outcome.plots.get(number) {
            Some(plot) => std::fs::write(file, plot.svg()).expect("the picture can be written"),
            None => {
                let _ = std::fs::remove_file(file);
            }
        }
    }
}

/// Puts the page together from every group whose figures are kept.
pub(crate) fn write_page(folder: &Path) {
    let kept: Vec<Outcome> = GROUPS
        .iter()
        .filter_map(|group| {
            let file = folder.join("results").join(format!("{}.json", group.name));
            serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
        })
        .collect();
    let mut page = HEAD.to_owned();
    if let Some(first) = kept.first() {
        page.push_str(&format!("\n{}.\n", first.conditions.versions.join("; ")));
    }
    for outcome in &kept {
        draw(folder, outcome);
        page.push('\n');
        page.push_str(&outcome.to_markdown());
    }
    std::fs::write(folder.join("RESULTS.md"), page).expect("the page can be written");
}
