//! Tables for a terminal: fit its width, colours where they are wanted.

use tabled::{
    builder::Builder,
    settings::{
        Alignment, Modify, Padding, Style, Width,
        object::{Columns, Segment},
        peaker::PriorityMax,
    },
};

use super::{Align, Block, Cell, Table, Tone};
use crate::output::Output;

pub(super) fn render(blocks: &[Block], output: &Output) -> String {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        match block {
            Block::Heading(_, heading) => {
                text.push_str(&paint(&Cell::new(heading, Tone::Strong), output.color));
                text.push('\n');
            }
            Block::Paragraph(cells) => {
                let words: Vec<String> = cells.iter().map(|c| paint(c, output.color)).collect();
                text.push_str(&words.join(" "));
                text.push('\n');
            }
            Block::Table(table) => text.push_str(&render_table(table, output)),
            Block::Code(_, code) => {
                for line in code.trim_end().lines() {
                    text.push_str(&format!("    {}\n", printable(line)));
                }
            }
            Block::Bullets(items) => {
                for item in items {
                    text.push_str(&format!("  - {}\n", paint(item, output.color)));
                }
            }
        }
    }
    text
}

fn render_table(table: &Table, output: &Output) -> String {
    let mut builder = Builder::default();
    builder.push_record(
        table
            .columns
            .iter()
            .map(|c| paint(&Cell::new(&c.header, Tone::Dim), output.color)),
    );
    for row in &table.rows {
        builder.push_record(row.iter().map(|cell| paint(cell, output.color)));
    }
    let mut drawn = builder.build();
    drawn
        .with(Style::blank())
        .with(Modify::new(Segment::all()).with(Padding::new(0, 2, 0, 0)));
    for (at, column) in table.columns.iter().enumerate() {
        if column.align == Align::Right {
            drawn.with(Modify::new(Columns::one(at)).with(Alignment::right()));
        }
    }
    drawn.with(
        Width::wrap(output.width)
            .priority(PriorityMax::right())
            .keep_words(true),
    );
    let mut text = String::new();
    for line in drawn.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn paint(cell: &Cell, color: bool) -> String {
    let text = printable(&cell.text);
    let code = match cell.tone {
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
        Tone::Dim => "2",
        Tone::Strong => "1",
        Tone::Plain => return text,
    };
    if color && !text.is_empty() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text
    }
}

/// A name from the database must not drive the terminal: control characters but the line break are
/// shown as `\u{…}`.
fn printable(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, c| {
            if c.is_control() && c != '\n' {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
            shown
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Column;

    #[test]
    fn a_table_fits_the_width_and_escape_codes_in_names_are_shown() {
        let table = Table {
            columns: vec![Column::left("name"), Column::right("bytes")],
            rows: vec![
                vec![
                    "a name that goes on and on and on and on".into(),
                    "1".into(),
                ],
                vec!["evil\x1b[31m".into(), "22".into()],
            ],
        };
        let output = Output {
            file: None,
            color: false,
            forced: None,
            width: 30,
        };
        let text = render(&[Block::Table(table)], &output);
        assert!(
            text.lines().all(|line| line.chars().count() <= 30),
            "{text}"
        );
        assert!(text.contains(r"evil\u{1b}[31m"), "{text}");
    }
}
