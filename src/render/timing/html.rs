//! A self-contained HTML page: figures, histograms, plans. No script, nothing loaded from elsewhere.

use maud::{Markup, html};

use super::blocks;
use crate::{
    human::human_ms,
    render::{Column, html},
    report::timing::{CaseResult, Histogram, QueryResult, TimingResult, Verdict, shown_parameters},
};

pub(super) fn page(result: &TimingResult) -> String {
    let body = html! {
        h1 { (result.title()) " " (badge(result.verdict)) }
        p.dim {
            (result.taken_at)
            @if let Some(server) = &result.server { " · PostgreSQL " (server.version) }
            @if let Some(floor) = &result.floor {
                " · SELECT 1 takes " (human_ms(floor.p50_ms))
                " (p95 " (human_ms(floor.p95_ms)) ")"
            }
        }
        @for note in &result.notes { p { (note) } }
        nav { ul { @for query in &result.queries {
            li { a href={ "#" (query.name) } { (query.name) } " " (badge(query.verdict)) }
        } } }
        @for query in &result.queries { (section(query)) }
        (html::blocks(&blocks::comparison(result)))
    };
    let title = format!("{}: {}", result.title(), result.verdict.as_str());
    html::page(&title, &body, &[])
}

fn section(query: &QueryResult) -> Markup {
    html! {
        section id=(query.name) {
            h2 { (query.name) " " (badge(query.verdict)) }
            p {
                @if let Some(description) = &query.description { (description) " · " }
                "budget " (human_ms(query.budget_ms)) " at " (query.percentile)
                " · " code { (query.file) }
            }
            @if let Some(error) = &query.error { p.error { (error) } }
            @if let Some(hint) = &query.hint { p { "Hint: " (hint) } }
            @if let Some(reason) = &query.skipped { p { "Skipped: " (reason) } }
            @for note in query.notes.iter().chain(&query.sources) { p.dim { (note) } }
            details { summary { "Statement" } pre { (query.sql) } }
            @if !query.cases.is_empty() {
                (html::table(&columns(query), false, query.cases.iter().map(|case| row(query, case))))
            }
            @for load in query.loads() { p { b { "Load: " } (load.summary) " " (badge(load.verdict)) } }
            @if let Some(ab) = &query.ab { p { b { "Side by side: " } (ab.summary) } }
            @for case in &query.cases { (why(case)) }
            @if !query.indexes.is_empty() {
                details { summary { "Indexes of the tables" } pre {
                    @for index in &query.indexes {
                        (index.definition) @if !index.valid { " -- INVALID" } "\n"
                    }
                } }
            }
        }
    }
}

fn columns(query: &QueryResult) -> [Column; 9] {
    [
        Column::left("case"),
        Column::left("verdict"),
        Column::right("median"),
        Column::right(query.percentile.to_string()),
        Column::right("95 % interval"),
        Column::right("samples"),
        Column::right("rows"),
        Column::right("blocks"),
        Column::left("spread"),
    ]
}

fn row(query: &QueryResult, case: &CaseResult) -> Markup {
    let end = |end: Option<f64>| end.map_or("?".to_owned(), human_ms);
    html! {
        tr {
            td {
                (case.label)
                @if let Some(same) = &case.same_plan_as { span.dim { " (the plan of " (same) ")" } }
                div.dim { (shown_parameters(&case.params)) }
                @if let Some(reason) = &case.reason { div { (reason) } }
            }
            td { (badge(case.verdict)) }
            td.number { (case.shown(case.p50_ms, human_ms)) }
            td.number { (case.shown(case.judged_ms, human_ms)) }
            td.number { (end(case.judged_ci_ms.low)) " – " (end(case.judged_ci_ms.high)) }
            td.number { (case.samples) @if case.timed_out > 0 { " (" (case.timed_out) " timed out)" } }
            td.number { (case.rows) }
            td.number {
                @if let (Some(hit), Some(read)) = (case.shared_hit, case.shared_read) { (hit + read) }
            }
            td { (histogram(&case.histogram, query.budget_ms)) }
        }
    }
}

fn why(case: &CaseResult) -> Markup {
    html! {
        @if let Some(explanation) = case.explanation.as_ref().filter(|_| case.same_plan_as.is_none()) {
            details open {
                summary { "Why: " (case.label) }
                ul { @for reason in &explanation.reasons { li { (reason) } } }
                pre { (explanation.tree) }
            }
        }
    }
}

/// Bars over a logarithmic axis from the fastest sample to the slowest; the budget as a line where it lies
/// between them.
fn histogram(histogram: &Histogram, budget_ms: f64) -> Markup {
    const WIDTH: f64 = 192.0;
    const HEIGHT: f64 = 32.0;
    #[expect(clippy::cast_precision_loss, reason = "some dozens of buckets")]
    let bar = WIDTH / histogram.counts.len().max(1) as f64;
    let highest = f64::from(histogram.counts.iter().copied().max().unwrap_or(1).max(1));
    let span = (histogram.to_ms / histogram.from_ms).ln();
    let budget = (budget_ms / histogram.from_ms).ln() / span;
    let title = format!(
        "{} to {}",
        human_ms(histogram.from_ms),
        human_ms(histogram.to_ms)
    );
    html! {
        svg width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
            title { (title) }
            @for (at, count) in (0_u32..).zip(&histogram.counts) {
                @if *count > 0 {
                    @let height = (f64::from(*count) / highest * HEIGHT).max(1.0);
                    rect x=(format!("{:.1}", f64::from(at) * bar)) width=(format!("{:.1}", bar - 1.0))
                        y=(format!("{:.1}", HEIGHT - height)) height=(format!("{height:.1}")) {}
                }
            }
            @if budget.is_finite() && (0.0..=1.0).contains(&budget) {
                line x1=(format!("{:.1}", budget * WIDTH)) x2=(format!("{:.1}", budget * WIDTH)) y1="0" y2=(HEIGHT) {}
            }
        }
    }
}

fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (verdict.as_str()) } { (verdict.as_str()) } }
}
