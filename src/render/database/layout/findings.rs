//! What is wrong, as people read it: the worst first, small things together, and the statements that mend it.

use std::collections::HashMap;

use super::rest;
use crate::{
    check::{EvidenceAge, Finding, Severity},
    human::{counted, human_bytes},
    render::{Block, Cell, Column, Table, Tone},
    report::DatabaseReport,
};

impl DatabaseReport {
    pub(super) fn findings_blocks(&self) -> Vec<Block> {
        let mut blocks = vec![Block::Heading(
            2,
            format!("Findings ({})", self.findings.len()),
        )];
        if self.findings.is_empty() {
            let skipped = self
                .skipped
                .iter()
                .filter(|skipped| !skipped.partial)
                .count();
            let text = if skipped == 0 {
                "No findings.".to_owned()
            } else {
                format!(
                    "No findings among what could be judged; {} could not.",
                    counted(skipped, "check", "checks")
                )
            };
            blocks.push(Block::Paragraph(vec![Cell::new(text, Tone::Good)]));
        } else {
            blocks.push(self.counts());
            let shown = self.shown();
            let mut columns = vec![
                Column::left("severity"),
                Column::left("check"),
                Column::left("subject"),
                Column::left("finding"),
            ];
            if self.compared {
                columns.insert(0, Column::left("since"));
            }
            let mut rows = Vec::new();
            for Shown { findings, left } in &shown {
                let Some(first) = findings.first() else {
                    continue;
                };
                let (subject, said) = match findings.as_slice() {
                    [only] => (only.subject.to_string(), message(only)),
                    many => together(many),
                };
                let mut row = vec![
                    Cell::new(first.severity.to_string(), tone(first.severity)),
                    first.check.into(),
                    subject.into(),
                    said.into(),
                ];
                if self.compared {
                    row.insert(0, newness(first));
                }
                rows.push(row);
                if *left > 0 {
                    let mut row: Vec<Cell> = columns.iter().map(|_| "".into()).collect();
                    let last = row.len() - 1;
                    row[last] = Cell::new(format!("… and {left} more {}", first.check), Tone::Dim);
                    rows.push(row);
                }
            }
            blocks.push(Block::Table(Table { columns, rows }));
            let shown_count = shown.iter().map(|shown| shown.findings.len()).sum();
            if shown_count < self.findings.len() {
                blocks.extend(rest(self.findings.len(), shown_count));
            }
            let remedies: Vec<String> = shown
                .iter()
                .flat_map(|shown| shown.findings.iter().take(self.view.limit))
                .filter_map(|finding| {
                    let remedy = finding.remedy.as_deref()?;
                    // A name with a line break in it must not end the comment.
                    let subject = finding.subject.to_string().replace(['\n', '\r'], " ");
                    let also: Vec<&str> = finding
                        .reasons
                        .iter()
                        .filter_map(|reason| reason.split_once(": "))
                        .map(|(check, _)| check)
                        .collect();
                    let checks = [&[finding.check], also.as_slice()].concat().join(", ");
                    Some(format!(
                        "-- {checks}: {subject}\n{}",
                        beginning(remedy, self.view.limit)
                    ))
                })
                .collect();
            if !remedies.is_empty() {
                blocks.push(Block::Heading(3, "Remedies".into()));
                blocks.push(Block::Code("sql", remedies.join("\n")));
            }
        }
        if self.ignored > 0 {
            blocks.push(Block::Paragraph(vec![Cell::new(
                format!(
                    "{} ignored by the configuration.",
                    counted(self.ignored, "finding", "findings")
                ),
                Tone::Dim,
            )]));
        }
        blocks
    }

    /// How many of each severity and check, so that none vanishes behind another.
    fn counts(&self) -> Block {
        let mut lines: Vec<Cell> = Vec::new();
        for severity in [Severity::Error, Severity::Warning, Severity::Info] {
            let mut checks: Vec<(&str, usize)> = Vec::new();
            for finding in self.findings.iter().filter(|f| f.severity == severity) {
                match checks.iter_mut().find(|(check, _)| *check == finding.check) {
                    Some((_, count)) => *count += 1,
                    None => checks.push((finding.check, 1)),
                }
            }
            let count: usize = checks.iter().map(|(_, count)| count).sum();
            if count == 0 {
                continue;
            }
            let each: Vec<String> = checks
                .iter()
                .map(|(check, count)| match count {
                    1 => (*check).to_owned(),
                    count => format!("{count} {check}"),
                })
                .collect();
            let many = format!("{severity}s");
            let text = format!(
                "{}: {}",
                counted(count, &severity.to_string(), &many),
                each.join(", ")
            );
            lines.push(Cell::new(text, tone(severity)));
        }
        if self.compared {
            let new = self
                .findings
                .iter()
                .filter(|finding| !finding.known)
                .count();
            lines.push(format!("{new} new since the baseline").into());
        }
        Block::Bullets(lines)
    }

    /// The findings that are listed: all, or where they are more than the limit, the worst few of each check; and
    /// after the last of a check, how many more it has.
    fn shown(&self) -> Vec<Shown<'_>> {
        let rows = self.small_ones_together();
        let mut all: HashMap<&str, usize> = HashMap::new();
        for finding in &self.findings {
            *all.entry(finding.check).or_default() += 1;
        }
        let each = if rows.len() <= self.view.limit {
            rows.len()
        } else {
            (self.view.limit / all.len().max(1)).max(1)
        };
        // Rows, and findings in them.
        let mut seen: HashMap<&str, (usize, usize)> = HashMap::new();
        let mut shown = Vec::new();
        for findings in rows {
            let Some(check) = findings.first().map(|first| first.check) else {
                continue;
            };
            let (row, told) = seen.entry(check).or_default();
            *row += 1;
            *told += findings.len();
            if *row <= each {
                let left = if *row == each { all[check] - *told } else { 0 };
                shown.push(Shown { findings, left });
            }
        }
        shown
    }

    /// The findings, those on small indexes of one check together where they are many.
    fn small_ones_together(&self) -> Vec<Vec<&Finding>> {
        let mut small: HashMap<_, Vec<&Finding>> = HashMap::new();
        for finding in self.findings.iter().filter(|finding| is_small(finding)) {
            small.entry(kin(finding)).or_default().push(finding);
        }
        small.retain(|_, findings| findings.len() >= MANY);
        let mut rows = Vec::new();
        for finding in &self.findings {
            let many = is_small(finding)
                .then(|| small.get_mut(&kin(finding)))
                .flatten();
            match many {
                None => rows.push(vec![finding]),
                // Told at the first of them.
                Some(many) if !many.is_empty() => rows.push(std::mem::take(many)),
                Some(_) => {}
            }
        }
        rows
    }
}

struct Shown<'a> {
    /// One finding, or small ones together.
    findings: Vec<&'a Finding>,
    /// How many more the check has that are not listed.
    left: usize,
}

/// From this many on, small ones share a row.
const MANY: usize = 4;

/// Smaller indexes are not worth a line each.
const SMALL_BYTES: u64 = 1 << 20;

fn size_of(finding: &Finding) -> Option<u64> {
    finding.evidence.get("size_bytes")?.as_u64()
}

fn is_small(finding: &Finding) -> bool {
    finding.subject.kind == "index" && size_of(finding).is_some_and(|bytes| bytes < SMALL_BYTES)
}

/// What small ones that share a row have in common.
fn kin(finding: &Finding) -> (&'static str, Severity, bool) {
    (finding.check, finding.severity, finding.known)
}

/// `16 small indexes`, and what is said of them.
fn together(findings: &[&Finding]) -> (String, String) {
    let bytes = findings.iter().filter_map(|finding| size_of(finding)).sum();
    let names: Vec<String> = findings
        .iter()
        .take(MANY - 1)
        .map(|finding| finding.subject.to_string())
        .collect();
    (
        counted(findings.len(), "small index", "small indexes"),
        format!(
            "{} together: {}, and {} more",
            human_bytes(bytes),
            names.join(", "),
            findings.len() - names.len()
        ),
    )
}

/// Ten thousand small indexes are one finding, and ten thousand statements. None is cut in two, whatever the
/// names in it hold.
fn beginning(remedy: &str, limit: usize) -> String {
    let all = remedy.lines().count();
    let mut shown: Vec<&str> = Vec::new();
    let (mut quotes, mut apostrophes) = (0, 0);
    for line in remedy.lines() {
        let whole = quotes % 2 == 0 && apostrophes % 2 == 0;
        if shown.len() >= limit && whole {
            break;
        }
        quotes += line.matches('"').count();
        apostrophes += line.matches('\'').count();
        shown.push(line);
    }
    let mut text = shown.join("\n");
    if shown.len() < all {
        let left = all - shown.len();
        text.push_str(&format!(
            "\n-- … and {left} more (--limit shows more, --format json shows all)"
        ));
    }
    text
}

fn message(finding: &Finding) -> String {
    match finding.evidence_age {
        EvidenceAge::Counters { since: None } => {
            format!("{} (counters of unknown age)", finding.message)
        }
        _ => finding.message.clone(),
    }
}

fn newness(finding: &Finding) -> Cell {
    if finding.known {
        Cell::new("known", Tone::Dim)
    } else {
        Cell::new("new", Tone::Strong)
    }
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Dim,
        Severity::Warning => Tone::Warn,
        Severity::Error => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn a_long_remedy_is_cut_between_statements() {
        let drops = "DROP INDEX a;\nDROP INDEX b;\nDROP INDEX c;";
        assert_eq!(beginning(drops, 3), drops);
        assert_eq!(
            beginning(drops, 1),
            "DROP INDEX a;\n-- … and 2 more (--limit shows more, --format json shows all)"
        );
        let odd = "DROP INDEX \"a;\nb\";\nDROP INDEX c;";
        assert!(beginning(odd, 1).starts_with("DROP INDEX \"a;\nb\";\n-- … and 1 more"));
    }
}
