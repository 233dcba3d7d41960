//! A self-contained HTML page: no network, sortable tables, bars, remedies to copy, light and dark.

use maud::{Markup, html};

use crate::{
    catalog::{Activity, Statement},
    check::{Finding, Severity, SkippedCheck, find},
    human::{counted, human_bytes},
    render::{
        Column,
        html::{self, blocks, bytes, duration, number, section, statement},
    },
    report::{DatabaseReport, IndexRow, TableRow},
};

const MOST_STATEMENTS: usize = 100;

pub(super) fn render(reports: &[DatabaseReport]) -> String {
    let title = reports.first().map_or_else(
        || "dbaudit report".to_owned(),
        |report| format!("dbaudit report: {}", report.database.name),
    );
    let body = html! { @for report in reports { (page(report)) } };
    html::page(&title, &body, &[html::SORT, html::COPY])
}

fn page(report: &DatabaseReport) -> Markup {
    html! {
        header {
            h1 { "Report on " (report.database.name) }
            p.dim {
                "PostgreSQL " (report.server.version) ", "
                @if report.server.in_recovery { "standby" } @else { "primary" }
                ", taken at " (report.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC")) ", counters since "
                @match report.database.stats_reset {
                    Some(at) => (at.strftime("%Y-%m-%d %H:%M UTC")),
                    None => "an unknown time",
                }
            }
            (tiles(report))
        }
        main {
            (findings(report))
            (blocks(&report.change_blocks()))
            (blocks(&report.host_blocks()))
            (where_the_bytes_are(report))
            (tables(report))
            (indexes(report))
            (statements(report))
            (blocks(&report.connection_blocks()))
            (sessions(report))
            (blocks(&report.session_blocks()))
            (blocks(&report.vacuum_blocks()))
            (blocks(&report.replication_blocks()))
            (blocks(&report.write_blocks()))
            (blocks(&report.setting_blocks()))
            (skipped(report))
        }
    }
}

fn tiles(report: &DatabaseReport) -> Markup {
    let connections = &report.connections;
    let count = |severity| {
        report
            .findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    };
    html! {
        dl.tiles {
            div { dt { "Size" } dd { (human_bytes(report.database.size_bytes)) } }
            div { dt { "Tables" } dd { (report.tables.len()) } }
            div { dt { "Indexes" } dd { (report.indexes.len()) } }
            div {
                dt { "Connections" }
                dd { (connections.total.map_or_else(|| "unknown".to_owned(), |total| total.to_string())) @if let Some(max) = connections.max { small { " of " (max) } } }
            }
            @if let Some(ratio) = report.database.cache_hit_ratio {
                div { dt { "Cache hits" } dd { (format!("{:.1} %", ratio * 100.0)) } }
            }
            div { dt { "Errors" } dd.error[count(Severity::Error) > 0] { (count(Severity::Error)) } }
            div { dt { "Warnings" } dd.warning[count(Severity::Warning) > 0] { (count(Severity::Warning)) } }
        }
    }
}

fn findings(report: &DatabaseReport) -> Markup {
    html! {
        section {
            h2 { "Findings" }
            @if report.findings.is_empty() { p { "No findings among what could be judged." } }
            @for finding in &report.findings { (one(finding, report.compared)) }
            @if report.ignored > 0 { p.dim { (report.ignored) " ignored by the configuration" } }
        }
    }
}

fn one(finding: &Finding, compared: bool) -> Markup {
    let severity = finding.severity.to_string();
    html! {
        details.finding.(severity) open[finding.severity == Severity::Error] {
            summary {
                span.badge.(severity) { (severity) }
                @if compared { " " strong { @if finding.known { "known" } @else { "new" } } }
                " " code { (finding.check) } " " strong { (finding.subject) } " " (prose(&finding.message))
            }
            @if let Some(check) = find(finding.check) {
                @for paragraph in check.explanation.split("\n\n") { p.dim { (prose(paragraph)) } }
            }
            dl.evidence {
                @for (key, value) in &finding.evidence {
                    dt { (key) }
                    dd { @match value.as_str() { Some(text) => (text), None => (value.to_string()) } }
                }
            }
            @if let Some(confirm) = &finding.confirm { p { "To confirm: " (prose(confirm)) } }
            @if let Some(check) = finding.mended_by { p { "Fixed by the remedy of " code { (check) } "." } }
            @if !finding.reasons.is_empty() {
                p { "The remedy also fixes:" }
                ul { @for reason in &finding.reasons { li { (prose(reason)) } } }
            }
            @if let Some(remedy) = &finding.remedy { (statement("Remedy", remedy)) }
            @if let Some(undo) = &finding.undo { (statement("Undo", undo)) }
        }
    }
}

/// Text in which what stands between backticks is code.
fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // One that is never closed is a character like any other.
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at.is_multiple_of(2) { (part) } @else { code { (part) } }
        }
    }
}

fn where_the_bytes_are(report: &DatabaseReport) -> Markup {
    let largest = report.tables.first().map_or(0, |table| table.total_bytes);
    html! {
        @if largest > 0 {
            section {
                h2 { "Disk usage" }
                p.dim {
                    span.key.heap {} " rows " span.key.toast {} " TOAST " span.key.index {} " indexes"
                }
                div.bars {
                    @for table in report.tables.iter().take(15).filter(|table| table.total_bytes > 0) {
                        div { (table.schema) "." (table.name) }
                        div.bar role="img" aria-label=(format!(
                            "rows {}, TOAST {}, indexes {}",
                            human_bytes(table.heap_bytes),
                            human_bytes(table.toast_bytes),
                            human_bytes(table.index_bytes)
                        )) {
                            @for (kind, bytes) in [
                                ("heap", table.heap_bytes),
                                ("toast", table.toast_bytes),
                                ("index", table.index_bytes),
                            ] {
                                span.(kind) style=(format!("width:{:.2}%", share(bytes, largest))) {}
                            }
                        }
                        div.number { (human_bytes(table.total_bytes)) }
                    }
                }
            }
        }
    }
}

fn tables(report: &DatabaseReport) -> Markup {
    let row = |table: &TableRow| {
        let scans = table.seq_scans + table.idx_scans;
        html! {
            tr {
                td { (table.schema) "." (table.name)
                    @if table.partitions > 0 {
                        span.dim { " (" (counted(table.partitions, "partition", "partitions")) ")" }
                    } }
                (bytes(table.total_bytes, table.size_estimated))
                (bytes(table.heap_bytes, false))
                (bytes(table.index_bytes, false))
                (bytes(table.toast_bytes, false))
                (number(table.live_tuples))
                (number(table.dead_tuples))
                (number(table.inserts))
                (number(table.updates))
                (number(table.deletes))
                (number(table.seq_scans))
                (number(table.idx_scans))
                td.mix data-sort=(share(table.idx_scans, scans)) {
                    @if scans > 0 {
                        span.bar role="img" aria-label=(format!("{:.0} % by index", share(table.idx_scans, scans))) {
                            span.index style=(format!("width:{:.1}%", share(table.idx_scans, scans))) {}
                            span.seq style=(format!("width:{:.1}%", share(table.seq_scans, scans))) {}
                        }
                    }
                }
            }
        }
    };
    let headers = [
        Column::left("table"),
        Column::right("total"),
        Column::right("rows"),
        Column::right("indexes"),
        Column::right("TOAST"),
        Column::right("live"),
        Column::right("dead"),
        Column::right("inserts"),
        Column::right("updates"),
        Column::right("deletes"),
        Column::right("seq scans"),
        Column::right("idx scans"),
        Column::left("scan mix"),
    ];
    section("Tables", "tables", &headers, report.tables.iter(), row)
}

fn indexes(report: &DatabaseReport) -> Markup {
    let row = |index: &IndexRow| {
        html! {
            tr {
                td { (index.schema) "." (index.name) }
                td { (index.table) }
                (bytes(index.bytes, index.size_estimated))
                (number(index.scans))
                td { @if index.valid { "valid" } @else { strong.error { "INVALID" } } }
                td { code { (index.definition.as_deref().unwrap_or("not read")) } }
            }
        }
    };
    let headers = [
        Column::left("index"),
        Column::left("table"),
        Column::right("size"),
        Column::right("scans"),
        Column::left("state"),
        Column::left("definition"),
    ];
    section("Indexes", "indexes", &headers, report.indexes.iter(), row)
}

fn statements(report: &DatabaseReport) -> Markup {
    let Some(statements) = &report.catalog.statements else {
        return html! {};
    };
    let row = |statement: &Statement| {
        html! {
            tr {
                (duration(statement.total_ms))
                (duration(statement.mean_ms))
                (duration(statement.max_ms))
                (number(statement.calls))
                (number(statement.rows))
                td { code { (statement.text.as_deref().unwrap_or("not fetched")) } }
            }
        }
    };
    let headers = [
        Column::right("total"),
        Column::right("mean"),
        Column::right("max"),
        Column::right("calls"),
        Column::right("rows"),
        Column::left("statement"),
    ];
    let title = if statements.list.len() > MOST_STATEMENTS {
        "Statements with the most total time"
    } else {
        "Statements"
    };
    let list = statements.list.iter().take(MOST_STATEMENTS);
    section(title, "statements", &headers, list, row)
}

fn sessions(report: &DatabaseReport) -> Markup {
    let row = |session: &Activity| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        html! {
            tr {
                (number(u64::from(session.pid.unsigned_abs())))
                td { (text(&session.user)) }
                td { (text(&session.application)) }
                td { (text(&session.state)) }
                td { (text(&session.wait_event)) }
                td { code { (text(&session.query)) } }
            }
        }
    };
    let headers = [
        Column::right("pid"),
        Column::left("user"),
        Column::left("application"),
        Column::left("state"),
        Column::left("waits for"),
        Column::left("query"),
    ];
    let clients = report
        .catalog
        .activity
        .iter()
        .filter(|s| s.is_client() && !s.own);
    section("Sessions", "sessions", &headers, clients, row)
}

fn skipped(report: &DatabaseReport) -> Markup {
    let row = |skipped: &SkippedCheck| {
        html! {
            tr {
                td { code { (skipped.check) } }
                td { @if skipped.partial { "in part" } @else { "wholly" } }
                td { (skipped.reason) }
                td { @if let Some(grant) = &skipped.grant { code { (grant) } } }
            }
        }
    };
    section(
        "Not judged",
        "skipped",
        &["check", "skipped", "reason", "what would help"].map(Column::left),
        report.skipped.iter(),
        row,
    )
}

/// In per cent.
#[expect(clippy::cast_precision_loss, reason = "drawn, not judged")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}
