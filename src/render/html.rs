//! What every HTML page is made of: the page itself, with its one style, its tables, statements to copy, and the blocks
//! that the terminal shows too. Nothing is loaded from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Align, Block, Cell, Column, Tone};
use crate::human::{human_bytes, human_ms};

/// Makes the buttons of class `copy` on a page copy the code beside them.
pub(super) const COPY: &str = include_str!("html/copy.js");
/// Makes a click on a header sort its table.
pub(super) const SORT: &str = include_str!("html/sort.js");

pub(super) fn page(title: &str, body: &Markup, scripts: &[&str]) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("html/page.css"))) }
            }
            body {
                (body)
                @if !scripts.is_empty() { script { @for script in scripts { (PreEscaped(script)) } } }
            }
        }
    }
    .into_string()
}

/// Each in turn.
pub(super) fn blocks(blocks: &[Block]) -> Markup {
    html! {
        @for block in blocks {
            @match block {
                Block::Heading(1, title) => h1 { (title) },
                Block::Heading(2, title) => h2 { (title) },
                Block::Heading(_, title) => h3 { (title) },
                Block::Paragraph(cells) => p { @for cell in cells { (text(cell)) " " } },
                Block::Bullets(items) => ul { @for item in items { li { (text(item)) } } },
                Block::Code("sql", sql) => (statement("SQL", sql)),
                Block::Code(_, code) => pre { code { (code) } },
                Block::Table(shown) => {
                    @let right = |at: usize| shown.columns.get(at).is_some_and(is_right);
                    // Not sorted by a click: its figures are written for people.
                    (table(&shown.columns, false, shown.rows.iter().map(|row| html! {
                        tr { @for (at, cell) in row.iter().enumerate() { td.number[right(at)] { (text(cell)) } } }
                    })))
                },
            }
        }
    }
}

fn is_right(column: &Column) -> bool {
    column.align == Align::Right
}

fn text(cell: &Cell) -> Markup {
    let class = match cell.tone {
        Tone::Plain | Tone::Good => return html! { (cell.text) },
        Tone::Strong => return html! { strong { (cell.text) } },
        Tone::Warn => "warning",
        Tone::Bad => "error",
        Tone::Dim => "dim",
    };
    html! { span class=(class) { (cell.text) } }
}

/// With a button that copies it, where the page has that script.
pub(super) fn statement(title: &str, sql: &str) -> Markup {
    html! {
        div.statement {
            span.dim { (title) }
            button.copy type="button" { "Copy" }
            pre { code { (sql) } }
        }
    }
}

/// Figures stand to the right, under their header.
pub(super) fn table(columns: &[Column], sorts: bool, rows: impl Iterator<Item = Markup>) -> Markup {
    html! {
        div.scroll {
            table.plain[!sorts] {
                thead { tr { @for column in columns {
                    th.number[is_right(column)] scope="col" aria-sort=[sorts.then_some("none")] {
                        @if sorts { button type="button" { (column.header) } } @else { (column.header) }
                    }
                } } }
                tbody { @for row in rows { (row) } }
            }
        }
    }
}

/// Rows of one table on the page: beyond it the page is slow, and JSON serves better.
const MOST_ROWS: usize = 2_000;

/// A titled table that a click on a header sorts; nothing where there are no rows.
pub(super) fn section<'a, T: 'a>(
    title: &str,
    id: &str,
    columns: &[Column],
    rows: impl Iterator<Item = &'a T>,
    row: impl Fn(&'a T) -> Markup,
) -> Markup {
    let rows: Vec<&T> = rows.collect();
    let all = rows.len();
    html! {
        @if all > 0 {
            section id=(id) {
                h2 { (title) " " small.dim { (all) } }
                (table(columns, true, rows.into_iter().take(MOST_ROWS).map(row)))
                @if all > MOST_ROWS { p.dim { "… and " (all - MOST_ROWS) " more (--format json shows all)" } }
            }
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
