//! Tables for a terminal: they fit its width, and use colours if wanted.

use tabled::{
    builder::Builder,
    settings::{Alignment, Padding, Style, formatting::AlignmentStrategy, object::Columns},
};

use super::{
    Align, Block, Cell, Table, Tone,
    fit::{GAP, Layout, Measured, layout, width, widths, wrap},
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
                text.push_str(&prose(cells, 0, output));
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
                    let item = prose(std::slice::from_ref(item), 4, output);
                    text.push_str(&format!("  - {item}\n"));
                }
            }
        }
    }
    text
}

/// Columns of a table that is not shown on a terminal.
const WIDTH_ELSEWHERE: usize = 120;

fn render_table(table: &Table, output: &Output) -> String {
    let available = output.width.unwrap_or(WIDTH_ELSEWHERE);
    let printable = |cell: &Cell| Cell::new(printable(&cell.text), cell.tone);
    let rows: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(printable).collect())
        .collect();
    let columns = table.columns.iter().enumerate().map(|(at, column)| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        Measured::new(column, cells.map(|cell| cell.text.as_str()))
    });
    let measured: Vec<Measured> = columns.collect();
    match layout(&measured, available) {
        Layout::Rows => render_rows(table, &rows, available, output.color),
        Layout::Columns(groups) => {
            let parts = groups.iter().map(|group| {
                let measured: Vec<Measured> = group.iter().map(|at| measured[*at]).collect();
                render_part(
                    table,
                    &rows,
                    group,
                    &widths(&measured, available),
                    output.color,
                )
            });
            parts.collect::<Vec<String>>().join("\n")
        }
    }
}

/// Columns that stand side by side.
fn render_part(
    table: &Table,
    rows: &[Vec<Cell>],
    group: &[usize],
    widths: &[usize],
    color: bool,
) -> String {
    let headings: Vec<Cell> = table
        .columns
        .iter()
        .map(|column| Cell::new(&column.header, Tone::Dim))
        .collect();
    let lines = |row: &Vec<Cell>| {
        let cells = group.iter().filter_map(|at| row.get(*at)).zip(widths);
        let cells = cells.map(|(cell, width)| {
            let lines = wrap(&cell.text, *width).into_iter();
            let painted = lines.map(|line| paint(&Cell::new(line, cell.tone), color));
            painted.collect::<Vec<String>>().join("\n")
        });
        cells.collect::<Vec<String>>()
    };
    let mut drawn = Builder::from_iter(std::iter::once(&headings).chain(rows).map(lines)).build();
    drawn
        .with(Style::empty())
        .with(Padding::new(0, GAP, 0, 0))
        .with(AlignmentStrategy::PerLine);
    for (at, column) in group.iter().enumerate() {
        if table.columns[*column].align == Align::Right {
            drawn.modify(Columns::one(at), Alignment::right());
        }
    }
    let mut text = String::new();
    for line in drawn.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How far the lines after a row's first stand in.
const INDENT: usize = 4;

/// Each row by itself: its first cell, and behind and below it the others with their headings.
fn render_rows(table: &Table, rows: &[Vec<Cell>], available: usize, color: bool) -> String {
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
            if filled.is_some() && !shown.contains('\n') && room + width(&shown) <= available {
                text.push_str(&" ".repeat(GAP));
                text.push_str(&paint(&Cell::new(&shown, cell.tone), color));
                filled = Some(room + width(&shown));
                continue;
            }
            if filled.is_some() {
                text.push('\n');
            }
            let indent = if filled.is_none() { 0 } else { INDENT };
            let lines = wrap(&shown, available.saturating_sub(INDENT));
            for (number, line) in lines.iter().enumerate() {
                let indent = if number == 0 { indent } else { INDENT };
                if number > 0 {
                    text.push('\n');
                }
                text.push_str(&" ".repeat(indent));
                text.push_str(&paint(&Cell::new(line, cell.tone), color));
                filled = Some(indent + width(line));
            }
        }
        text.push('\n');
    }
    text
}

/// Running text, broken between words where it would not fit a terminal's line; a file or a pipe has no width, and
/// whoever reads it breaks the lines.
fn prose(cells: &[Cell], margin: usize, output: &Output) -> String {
    let room = output
        .width
        .map_or(usize::MAX, |width| width.saturating_sub(margin));
    let (mut text, mut used) = (String::new(), 0);
    for cell in cells {
        // In the place of what stands on the line already.
        let before = "x".repeat(used);
        let gap = if used > 0 { " " } else { "" };
        let lines = wrap(&format!("{before}{gap}{}", printable(&cell.text)), room);
        for (number, line) in lines.iter().enumerate() {
            let own = match number {
                0 => line[before.len()..].trim_start(),
                _ => line,
            };
            if number > 0 {
                text.push('\n');
                text.push_str(&" ".repeat(margin));
            } else if !own.is_empty() {
                text.push_str(gap);
            }
            text.push_str(&paint(&Cell::new(own, cell.tone), output.color));
            used = width(line);
        }
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
        let text = drawn(table, 30, false);
        assert!(
            text.lines().all(|line| line.chars().count() <= 30),
            "{text}"
        );
        assert!(text.contains(r"evil\u{1b}[31m"), "{text}");
    }

    fn drawn(table: Table, width: usize, color: bool) -> String {
        let output = Output {
            file: None,
            color,
            forced: None,
            width: Some(width),
        };
        render(&[Block::Table(table)], &output)
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
        assert_eq!(
            drawn(table, 30, false),
            "name     bytes\n目次         1   a\nusers   100200   b\n"
        );
    }

    /// What an emulator that is not ours shows of the text: for each row its content, the columns of the terminal it
    /// takes, and whether the terminal had to break it.
    fn shown(text: &str, width: usize) -> Vec<(String, u16, bool)> {
        let height = u16::try_from(text.lines().count() + 1).unwrap();
        let width = u16::try_from(width).unwrap();
        let some = |n| std::num::NonZero::new(n).unwrap();
        let mut terminal = vt100::Parser::new(some(height), some(width), 0);
        terminal.process(text.replace('\n', "\r\n").as_bytes());
        let screen = terminal.screen();
        let rows = (0..height)
            .zip(screen.rows(0, width))
            .map(|(row, content)| {
                let taken = (0..width).rfind(|column| {
                    let cell = screen.cell(row, *column).unwrap();
                    cell.has_contents() && cell.contents() != " " || cell.is_wide_continuation()
                });
                let taken = taken.map_or(0, |last| last + 1);
                (content, taken, screen.row_wrapped(row))
            });
        rows.collect()
    }

    /// Names and texts in many scripts, figures, and nothing.
    const TEXT: &str = "[目次件名あ]{1,30}|(e\u{301}|o\u{308}|ก\u{e49}){1,30}|[😀🚀📦]{1,12}|[a-z]{1,20}(_[a-z]{1,20}){0,3}|\
        [a-z]{64,200}|public\\.[A-Z目]{1,40}|([a-zé目]{1,9} ){0,9}[0-9]{1,4}\\.[0-9]{2} (kB|ms)( [a-z]{1,9}){0,3}|[0-9]{1,12}|";
    const FIGURE: &str = "[0-9]{1,4}\\.[0-9]{2} (kB|MB|ms)|[0-9]{1,9}|~[0-9]{1,3} %";

    proptest::proptest! {
        /// The terminal breaks no line, whatever stands in the cells and however narrow it is; figures stay whole, and
        /// end below each other.
        #[test]
        fn a_terminal_shows_every_line_as_it_was_drawn(
            rows in proptest::collection::vec((proptest::collection::vec(TEXT, 3), FIGURE), 1..6),
            width in 24usize..160,
            color: bool,
        ) {
            let texts = ["name", "", "what is said of it"].map(Column::left);
            let cells = |(texts, figure): &(Vec<String>, String)| {
                let texts = texts.iter().map(|text| Cell::new(text, Tone::Bad));
                texts.chain([Cell::new(figure, Tone::Strong)]).collect()
            };
            let table = Table {
                columns: texts.into_iter().chain([Column::right("size")]).collect(),
                rows: rows.iter().map(cells).collect(),
            };
            let text = drawn(table, width, color);
            let shown = shown(&text, width);
            proptest::prop_assert!(shown.iter().all(|(_, _, broken)| !broken), "{}", text);
            let in_columns = shown[0].0.trim_end().ends_with("size");
            let mut ends = Vec::new();
            for (texts, figure) in &rows {
                let ends_here = |(row, ..): &&(String, u16, bool)| row.trim_end().ends_with(figure.as_str());
                let row = shown.iter().find(ends_here);
                proptest::prop_assert!(!in_columns || row.is_some(), "{}\n{}", figure, text);
                ends.extend(row.filter(|_| in_columns).map(|(_, taken, _)| *taken));
                let figures = texts.iter().flat_map(|text| {
                    let words: Vec<&str> = text.split(' ').collect();
                    let pairs = words.windows(2).filter(|pair| ["kB", "ms"].contains(&pair[1]));
                    pairs.map(|pair| pair.join(" ")).collect::<Vec<String>>()
                });
                for figure in figures.chain([figure.clone()]) {
                    let whole = shown.iter().any(|(row, ..)| row.contains(&figure));
                    proptest::prop_assert!(whole, "{}\n{}", figure, text);
                }
            }
            ends.dedup();
            proptest::prop_assert!(ends.len() < 2, "{:?}\n{}", ends, text);
        }

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
            let text = drawn(table, width, false);
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
