//! The report as people read it.

mod host;
mod now;
mod relations;
mod server;
mod since;

use std::collections::HashMap;

use super::DatabaseReport;
use crate::{
    catalog::Fact,
    check::{EvidenceAge, Finding, Severity, counted},
    render::{self, Align, Block, Cell, Column, Document, Format, Table, Tone, human_bytes},
};

impl Document for DatabaseReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![Block::Heading(
            1,
            format!("Report on {}", self.database.name),
        )];
        blocks.extend(self.summary());
        blocks.extend(self.findings_blocks());
        blocks.extend(self.change_blocks());
        blocks.extend(self.host_blocks());
        blocks.extend(self.connection_blocks());
        blocks.extend(self.session_blocks());
        blocks.extend(self.table_blocks());
        blocks.extend(self.index_blocks());
        blocks.extend(self.statement_blocks());
        blocks.extend(self.vacuum_blocks());
        blocks.extend(self.replication_blocks());
        blocks.extend(self.write_blocks());
        blocks.extend(self.setting_blocks());
        blocks.extend(self.skipped_blocks());
        blocks
    }

    fn special(&self, format: Format) -> Option<crate::Result<String>> {
        render::special_report(std::slice::from_ref(self), format)
    }
}

impl DatabaseReport {
    /// `3 tables`, or that nobody knows.
    fn known(&self, fact: Fact, count: usize, [one, many]: [&str; 2]) -> String {
        if self.catalog.knows(fact) {
            counted(count, one, many)
        } else {
            format!("an unknown number of {many}")
        }
    }

    fn summary(&self) -> Vec<Block> {
        let (server, database) = (&self.server, &self.database);
        let since = database.stats_reset.map_or_else(
            || "counters since an unknown time".to_owned(),
            |at| format!("counters since {}", at.strftime("%Y-%m-%d %H:%M UTC")),
        );
        let hit = database.cache_hit_ratio.map_or_else(
            || "no reads".to_owned(),
            |ratio| format!("{:.1} % cache hits", ratio * 100.0),
        );
        vec![Block::Bullets(vec![
            format!(
                "PostgreSQL {}, {}, up {}",
                server.version,
                if server.in_recovery {
                    "standby"
                } else {
                    "primary"
                },
                human_seconds(server.uptime_s)
            )
            .into(),
            format!(
                "{} in {} and {}",
                human_bytes(database.size_bytes),
                self.known(Fact::Tables, self.tables.len(), ["table", "tables"]),
                self.known(Fact::Indexes, self.indexes.len(), ["index", "indexes"]),
            )
            .into(),
            format!(
                "{hit}, {}, {}, {}, {} of temporary files",
                counted(database.commits, "commit", "commits"),
                counted(database.rollbacks, "rollback", "rollbacks"),
                counted(database.deadlocks, "deadlock", "deadlocks"),
                human_bytes(database.temp_bytes)
            )
            .into(),
            Cell::new(since, Tone::Dim),
        ])]
    }

    fn findings_blocks(&self) -> Vec<Block> {
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

    fn skipped_blocks(&self) -> Vec<Block> {
        if self.skipped.is_empty() {
            return Vec::new();
        }
        let rows = self
            .skipped
            .iter()
            .map(|skipped| {
                vec![
                    skipped.check.as_str().into(),
                    if skipped.partial {
                        "in part".into()
                    } else {
                        "wholly".into()
                    },
                    skipped.reason.as_str().into(),
                    skipped.grant.as_deref().unwrap_or_default().into(),
                ]
            })
            .collect();
        vec![
            Block::Heading(2, format!("Not judged ({})", self.skipped.len())),
            Block::Table(Table {
                columns: vec![
                    Column::left("check"),
                    Column::left("skipped"),
                    Column::left("reason"),
                    Column::left("what would help"),
                ],
                rows,
            }),
        ]
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

fn rest(all: usize, limit: usize) -> Option<Block> {
    (all > limit).then(|| {
        Block::Paragraph(vec![Cell::new(
            format!(
                "… and {} more (--limit shows more, --format json shows all)",
                all - limit
            ),
            Tone::Dim,
        )])
    })
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

/// `1234`, `12.3 k`, `4.56 M`.
fn human_count(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = count as f64;
    match value {
        v if v < 10_000.0 => count.to_string(),
        v if v < 1e6 => format!("{:.1} k", v / 1e3),
        v if v < 1e9 => format!("{:.2} M", v / 1e6),
        v => format!("{:.2} G", v / 1e9),
    }
}

/// A heading with a table under it; nothing without rows.
fn titled(title: &str, columns: &[(&str, Align)], rows: Vec<Vec<Cell>>) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = columns
        .iter()
        .map(|(header, align)| Column {
            header: (*header).to_owned(),
            align: *align,
        })
        .collect();
    vec![
        Block::Heading(2, title.to_owned()),
        Block::Table(Table { columns, rows }),
    ]
}

/// The first line or two of a query, spaces squeezed.
fn short(query: Option<&String>) -> String {
    let Some(query) = query else {
        return "(not visible)".into();
    };
    let words: Vec<&str> = query.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(160) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn human_seconds(seconds: i64) -> String {
    match seconds {
        s if s < 120 => format!("{s} s"),
        s if s < 7_200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
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
