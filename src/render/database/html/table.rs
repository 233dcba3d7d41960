//! Tables that a click on a header sorts.

use maud::{Markup, html};

use crate::render::{human_bytes, human_ms};

/// Rows of one table on the page: beyond it the page is slow, and JSON serves better.
const MOST_ROWS: usize = 2_000;

/// A column's header; figures stand to the right, under their header.
pub(super) enum Column {
    Text(&'static str),
    Figure(&'static str),
}

/// Nothing where there are no rows.
pub(super) fn section<'a, T: 'a>(
    title: &str,
    id: &str,
    columns: &[Column],
    rows: impl Iterator<Item = &'a T>,
    row: impl Fn(&'a T) -> Markup,
) -> Markup {
    let rows: Vec<&T> = rows.collect();
    if rows.is_empty() {
        return html! {};
    }
    let all = rows.len();
    let rows = rows.into_iter().take(MOST_ROWS).map(row);
    html! {
        section id=(id) {
            h2 { (title) " " small.dim { (all) } }
            div.scroll {
                table {
                    thead { tr { @for column in columns { @match column {
                        Column::Text(name) => {
                            th scope="col" aria-sort="none" { button type="button" { (name) } }
                        }
                        Column::Figure(name) => {
                            th.number scope="col" aria-sort="none" { button type="button" { (name) } }
                        }
                    } } } }
                    tbody { @for row in rows { (row) } }
                }
            }
            @if all > MOST_ROWS { p.dim { "… and " (all - MOST_ROWS) " more (--format json shows all)" } }
        }
    }
}

pub(super) fn bytes(bytes: u64, estimated: bool) -> Markup {
    html! { td.number data-sort=(bytes) { @if estimated { "~" } (human_bytes(bytes)) } }
}

pub(super) fn duration(ms: f64) -> Markup {
    html! { td.number data-sort=(ms) { (human_ms(ms)) } }
}

pub(super) fn number(number: u64) -> Markup {
    html! { td.number data-sort=(number) { (number) } }
}
