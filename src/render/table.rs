//! Tables for a terminal: they fit its width, and use colours if wanted.

use super::{
    Align, Block, Cell, Table, Tone,
    fit::{GAP, Layout, column_widths, layout, width, wrap},
};
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
                let words: Vec<String> = cells.iter().map(|c| prose(c, 0, output)).collect();
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
                    text.push_str(&format!("  - {}\n", prose(item, 4, output)));
                }
            }
        }
    }
    text
}

fn render_table(table: &Table, output: &Output) -> String {
    let header = table
        .columns
        .iter()
        .map(|column| Cell::new(&column.header, Tone::Dim));
    let rows: Vec<Vec<Cell>> = std::iter::once(header.collect())
        .chain(table.rows.iter().cloned())
        .map(|row: Vec<Cell>| {
            row.into_iter()
                .map(|cell| Cell::new(printable(&cell.text), cell.tone))
                .collect()
        })
        .collect();
    let columns: Vec<Vec<&str>> = (0..table.columns.len())
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.text.as_str())
                .collect()
        })
        .collect();
    let figures: Vec<bool> = table
        .columns
        .iter()
        .map(|c| c.align == Align::Right)
        .collect();
    let groups = match layout(&columns, &figures, output.width) {
        Layout::Columns(groups) => groups,
        Layout::Rows => return render_rows(table, &rows[1..], output),
    };
    let parts = groups.iter().map(|group| {
        let columns: Vec<Vec<&str>> = group.iter().map(|at| columns[*at].clone()).collect();
        let figures: Vec<bool> = group.iter().map(|at| figures[*at]).collect();
        let rows: Vec<Vec<&Cell>> = rows
            .iter()
            .map(|row| group.iter().filter_map(|at| row.get(*at)).collect())
            .collect();
        render_part(&rows, &columns, &figures, output)
    });
    parts.collect::<Vec<String>>().join("\n")
}

/// How far the lines after a row's first stand in.
const INDENT: usize = 4;

/// Each row by itself: its first cell, and behind and below it the others with their headings.
fn render_rows(table: &Table, rows: &[Vec<Cell>], output: &Output) -> String {
    let mut text = String::new();
    for row in rows {
        // The width of the line that is being filled; `None`: of a row's first.
        let mut filled: Option<usize> = None;
        for (at, (column, cell)) in table.columns.iter().zip(row).enumerate() {
            if cell.text.is_empty() {
                continue;
            }
            let titled = at == 0 && column.align == Align::Left || column.header.is_empty();
            let shown = if titled {
                cell.text.clone()
            } else {
                format!("{}: {}", column.header, cell.text)
            };
            let room = filled.map_or(0, |used| used + GAP);
            if filled.is_some() && !shown.contains('\n') && room + width(&shown) <= output.width {
                text.push_str(&" ".repeat(GAP));
                text.push_str(&paint(&Cell::new(&shown, cell.tone), output.color));
                filled = Some(room + width(&shown));
                continue;
            }
            if filled.is_some() {
                text.push('\n');
            }
            let indent = if filled.is_none() { 0 } else { INDENT };
            let lines = wrap(&shown, output.width.saturating_sub(INDENT));
            for (number, line) in lines.iter().enumerate() {
                let indent = if number == 0 { indent } else { INDENT };
                if number > 0 {
                    text.push('\n');
                }
                text.push_str(&" ".repeat(indent));
                text.push_str(&paint(&Cell::new(line, cell.tone), output.color));
                filled = Some(indent + width(line));
            }
        }
        text.push('\n');
    }
    text
}

/// Columns that stand side by side.
fn render_part(
    rows: &[Vec<&Cell>],
    columns: &[Vec<&str>],
    figures: &[bool],
    output: &Output,
) -> String {
    let limits = column_widths(columns, figures, output.width);
    let wrapped: Vec<Vec<Vec<String>>> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&limits);
            cells
                .map(|(cell, limit)| wrap(&cell.text, *limit))
                .collect()
        })
        .collect();
    // A column whose lines all broke early is narrower than it might be.
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            let lines = wrapped.iter().filter_map(|row| row.get(at)).flatten();
            lines.map(|line| width(line)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (row, cells) in rows.iter().zip(&wrapped) {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let mut line = String::new();
            let mut gap = 0;
            for (column, lines) in cells.iter().enumerate() {
                let part = lines.get(at).map_or("", String::as_str);
                let room = widths[column] - width(part);
                let (before, after) = if figures[column] {
                    (room, 0)
                } else {
                    (0, room)
                };
                line.extend(std::iter::repeat_n(' ', gap + before));
                line.push_str(&paint(&Cell::new(part, row[column].tone), output.color));
                gap = after + GAP;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Running text, broken between words where it would not fit a terminal's line.
fn prose(cell: &Cell, margin: usize, output: &Output) -> String {
    if output.width == Output::WIDTH_ELSEWHERE {
        // A file or a pipe has no width: whoever reads it breaks the lines.
        return paint(cell, output.color);
    }
    let room = output.width.saturating_sub(margin);
    let lines = wrap(&printable(&cell.text), room);
    let painted = lines
        .iter()
        .map(|line| paint(&Cell::new(line, cell.tone), output.color));
    painted
        .collect::<Vec<String>>()
        .join(&format!("\n{}", " ".repeat(margin)))
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

    #[test]
    fn a_name_that_is_wide_on_a_terminal_keeps_the_next_column_in_its_place() {
        let table = Table {
            columns: vec![
                Column::left("name"),
                Column::right("bytes"),
                Column::left(""),
            ],
            rows: vec![
                vec!["目次".into(), "1".into(), "a".into()],
                vec!["users".into(), "100200".into(), "b".into()],
            ],
        };
        let output = Output {
            file: None,
            color: false,
            forced: None,
            width: 30,
        };
        assert_eq!(
            render(&[Block::Table(table)], &output),
            "name     bytes\n目次         1   a\nusers   100200   b\n"
        );
    }

    proptest::proptest! {
        /// At the width of the narrowest terminals no figure is broken over two lines, and no name inside a word,
        /// however long the server lets it be; and what belongs to a row stays with it.
        #[test]
        fn figures_and_words_stay_whole_at_80_columns(
            names in proptest::collection::vec("[a-z]{1,20}(_[a-z]{1,20}){0,2}|[a-z]{1,63}", 1..4),
            figures in proptest::collection::vec("[0-9]{1,4}\\.[0-9]{2} (kB|MB)", 1..14),
            said in proptest::option::of("([a-z]{1,12} ){0,12}[0-9]{1,3}\\.[0-9] (ms|GB) ([a-z]{1,9} ){0,9}by [a-z]{1,63}"),
            width in 80usize..140,
        ) {
            let texts = said.iter().map(|_| Column::left("finding"));
            let columns = figures.iter().map(|_| Column::right("idx scans"));
            let table = Table {
                columns: std::iter::once(Column::left("table")).chain(columns).chain(texts).collect(),
                rows: names
                    .iter()
                    .map(|name| {
                        let name = std::iter::once(format!("public.{name}").into());
                        let figures = figures.iter().map(|figure| figure.as_str().into());
                        name.chain(figures).chain(said.iter().map(|text| text.as_str().into())).collect()
                    })
                    .collect(),
            };
            let output = Output { file: None, color: false, forced: None, width };
            let text = render(&[Block::Table(table)], &output);
            for line in text.lines() {
                proptest::prop_assert!(super::width(line) <= width, "{}", text);
            }
            let whole = |piece: &str, times: usize| {
                text.lines().map(|line| line.matches(piece).count()).sum::<usize>() >= times
            };
            for figure in &figures {
                proptest::prop_assert!(whole(figure, names.len()), "{}: {}", figure, text);
            }
            for word in names.iter().flat_map(|name| name.split('_')) {
                proptest::prop_assert!(whole(word, 1), "{}: {}", word, text);
            }
            if let Some(said) = &said {
                let words: Vec<&str> = said.split(' ').collect();
                let figure = |pair: &&[&str]| pair[0].starts_with(|c: char| c.is_ascii_digit());
                for pair in words.windows(2).filter(figure) {
                    proptest::prop_assert!(whole(&pair.join(" "), names.len()), "{:?}: {}", pair, text);
                }
                for word in words {
                    proptest::prop_assert!(whole(word, names.len()), "{}: {}", word, text);
                }
            }
        }
    }
}
