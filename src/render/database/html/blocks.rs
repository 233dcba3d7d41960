//! Sections without a drawing of their own: the same blocks that the terminal shows.

use maud::{Markup, html};

use crate::render::{Align, Block, Cell, Table, Tone};

/// Each in turn.
pub(super) fn blocks(blocks: &[Block]) -> Markup {
    html! {
        @for block in blocks {
            @match block {
                Block::Heading(..=2, title) => h2 { (title) },
                Block::Heading(_, title) => h3 { (title) },
                Block::Paragraph(cells) => p { @for cell in cells { (text(cell)) } },
                Block::Bullets(items) => ul { @for item in items { li { (text(item)) } } },
                Block::Code(_, code) => pre { code { (code) } },
                Block::Table(rows) => (table(rows)),
            }
        }
    }
}

/// Not sorted by a click: its figures are written for people.
fn table(table: &Table) -> Markup {
    let right = |at: usize| {
        let column = table.columns.get(at);
        column.is_some_and(|column| column.align == Align::Right)
    };
    html! {
        div.scroll {
            table.plain {
                thead { tr { @for (at, column) in table.columns.iter().enumerate() {
                    th.number[right(at)] scope="col" { (column.header) }
                } } }
                tbody { @for row in &table.rows {
                    tr { @for (at, cell) in row.iter().enumerate() { td.number[right(at)] { (text(cell)) } } }
                } }
            }
        }
    }
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
