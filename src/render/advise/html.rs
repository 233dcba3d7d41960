//! A self-contained HTML page: the advice's blocks, statements to copy. Nothing is loaded from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    render::{Align, Block, COPY, Cell, Document, Table, Tone, timing::STYLE},
    report::AdviseResult,
};

const MORE_STYLE: &str = ".statement { position: relative; } .statement pre { padding-top: 2rem; } \
    .copy { position: absolute; right: .4rem; top: .4rem; font: inherit; font-size: .8rem; cursor: pointer; } \
    @media print { .copy { display: none; } }";

pub(super) fn page(result: &AdviseResult) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Advice: " (result.verdict.as_str()) }
                style { (PreEscaped(STYLE)) (PreEscaped(MORE_STYLE)) }
            }
            body {
                @for block in result.blocks() { (show(&block)) }
                script { (PreEscaped(COPY)) }
            }
        }
    }
    .into_string()
}

fn show(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Heading(1, text) => { h1 { (text) } }
            Block::Heading(_, text) => { h2 { (text) } }
            Block::Paragraph(cells) => { p { @for cell in cells { (inline(cell)) " " } } }
            Block::Table(table) => { (wide(table)) }
            Block::Code(_, text) => {
                div.statement { button.copy type="button" { "Copy" } pre { code { (text) } } }
            }
            Block::Bullets(cells) => { ul { @for cell in cells { li { (inline(cell)) } } } }
        }
    }
}

fn wide(table: &Table) -> Markup {
    let class = |at: usize| match table.columns.get(at).map(|column| column.align) {
        Some(Align::Right) => "number",
        _ => "",
    };
    html! {
        div.wide { table {
            thead { tr { @for (at, column) in table.columns.iter().enumerate() {
                th class=(class(at)) { (column.header) }
            } } }
            tbody { @for row in &table.rows { tr { @for (at, cell) in row.iter().enumerate() {
                td class=(class(at)) { @for line in cell.text.lines() { (line) br; } }
            } } } }
        } }
    }
}

fn inline(cell: &Cell) -> Markup {
    html! {
        @match cell.tone {
            Tone::Dim => { span.dim { (cell.text) } }
            Tone::Strong => { b { (cell.text) } }
            _ => { (cell.text) }
        }
    }
}
