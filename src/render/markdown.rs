//! Markdown, for example for a job summary: every pipe, line break and angle bracket escaped.

use super::{Align, Block, Cell, Table, Tone};

pub(super) fn render(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block::Heading(level, heading) => {
                let marks = "#".repeat(usize::from((*level).clamp(1, 6)));
                text.push_str(&format!("{marks} {}\n\n", escape(heading)));
            }
            Block::Paragraph(cells) => {
                let words: Vec<String> = cells.iter().map(inline).collect();
                text.push_str(&words.join(" "));
                text.push_str("\n\n");
            }
            Block::Table(table) => text.push_str(&render_table(table)),
            Block::Code(language, code) => {
                let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
                let fence = "`".repeat(longest.max(2) + 1);
                text.push_str(&format!(
                    "{fence}{language}\n{}\n{fence}\n\n",
                    code.trim_end()
                ));
            }
            Block::Bullets(items) => {
                for item in items {
                    text.push_str(&format!("- {}\n", inline(item)));
                }
                text.push('\n');
            }
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn render_table(table: &Table) -> String {
    let mut text = String::from("|");
    for column in &table.columns {
        text.push_str(&format!(" {} |", escape(&column.header)));
    }
    text.push_str("\n|");
    for column in &table.columns {
        text.push_str(if column.align == Align::Right {
            " ---: |"
        } else {
            " --- |"
        });
    }
    text.push('\n');
    for row in &table.rows {
        text.push('|');
        for cell in row {
            text.push_str(&format!(" {} |", inline(cell)));
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

fn inline(cell: &Cell) -> String {
    let text = escape(&cell.text);
    match cell.tone {
        Tone::Bad | Tone::Strong if !text.is_empty() => format!("**{text}**"),
        _ => text,
    }
}

/// Escapes what Markdown or its HTML would take for markup. Line breaks become `<br>`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push_str("<br>"),
            '\r' => {}
            // It is read in terminals, too.
            control if control.is_control() => escaped.extend(control.escape_default()),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Column;

    #[test]
    fn a_name_with_markup_in_it_cannot_break_the_table() {
        let table = Table {
            columns: vec![Column::left("name"), Column::right("n")],
            rows: vec![vec!["a|b\n<script>".into(), "1".into()]],
        };
        insta::assert_snapshot!(render(&[Block::Table(table)]), @r"
        | name | n |
        | --- | ---: |
        | a\|b<br>&lt;script&gt; | 1 |
        ");
    }

    #[test]
    fn a_code_block_with_fences_in_it_gets_a_longer_fence() {
        let text = render(&[Block::Code("sql", "SELECT '````'".into())]);
        assert!(text.starts_with("`````sql\n"), "{text}");
    }
}
