//! Fitting text into columns of a terminal: lines break between words where they can, within a name only after a mark
//! that joins its parts (`_`, `.`, `,`, `/`), and anywhere only at last. A figure stays whole, and keeps its unit.

use tabled::grid::util::string::get_string_width;

use super::{Align, Column};
use crate::catalog::MAX_NAME_BYTES;

pub(super) const GAP: usize = 3;

/// How many columns of a terminal the text takes: two for many an Asian character, none for a combining one.
pub(super) fn width(text: &str) -> usize {
    get_string_width(text)
}

/// Enough for any one character.
const NARROWEST: usize = 2;

/// How narrow a column may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    has_figures: bool,
    /// No line is broken.
    whole: usize,
    /// Lines break between words; those of figures do not.
    by_words: usize,
    /// Names break at their joints as well.
    by_parts: usize,
}

impl Measured {
    pub(super) fn new<'a>(column: &Column, cells: impl Iterator<Item = &'a str>) -> Self {
        let has_figures = column.align == Align::Right;
        let heading = widest(column.header.split_whitespace());
        let mut measured = Self {
            has_figures,
            whole: width(&column.header),
            by_words: heading,
            by_parts: heading,
        };
        for line in cells.flat_map(|cell| cell.split('\n')) {
            let (whole, words) = (width(line), words(line));
            let parts = widest(words.iter().flat_map(|word| parts(word)));
            // What is longer than any name that the server gives is none, and may be broken anywhere.
            let (by_words, by_parts) = match has_figures {
                true => (whole, whole),
                false => (widest(words.into_iter()), parts.min(MAX_NAME_BYTES)),
            };
            measured.whole = measured.whole.max(whole);
            measured.by_words = measured.by_words.max(by_words);
            measured.by_parts = measured.by_parts.max(by_parts);
        }
        measured
    }
}

fn widest<'a>(pieces: impl Iterator<Item = &'a str>) -> usize {
    let widths = pieces.map(|piece| width(piece.trim_end()));
    widths.max().unwrap_or(0)
}

/// How wide each column becomes, so that all fit into `available`: the widest gives way first, no figure breaks while
/// a text can, and no name while another text still has a line to break between words.
pub(super) fn widths(columns: &[Measured], available: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.whole).collect();
    let gaps = GAP * columns.len().saturating_sub(1);
    let tiers: [fn(&Measured) -> usize; 3] = [|c| c.by_words, |c| c.by_parts, |_| NARROWEST];
    for least in tiers {
        while widths.iter().sum::<usize>() + gaps > available {
            let candidate = (0..widths.len())
                .filter(|&at| widths[at] > least(&columns[at]))
                .max_by_key(|&at| widths[at]);
            let Some(at) = candidate else { break };
            widths[at] -= 1;
        }
    }
    widths
}

/// How a table is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// In columns: all of them or, where only figures are left over, those below, behind the first column again.
    Columns(Vec<Vec<usize>>),
    /// Each row by itself, its cells one after the other: no columns have room for the names in them.
    Rows,
}

/// The layout in which every column can have its figures whole and its names broken at their joints alone.
pub(super) fn layout(columns: &[Measured], available: usize) -> Layout {
    let needed = |group: &[usize]| {
        let widths: usize = group.iter().map(|at| columns[*at].by_parts).sum();
        widths + GAP * group.len().saturating_sub(1)
    };
    let mut groups: Vec<Vec<usize>> = vec![Vec::new()];
    for at in 0..columns.len() {
        let Some(group) = groups.last_mut() else {
            break;
        };
        group.push(at);
        // The first column and one more always stand together.
        if group.len() > 2 && needed(group) > available {
            group.pop();
            groups.push(vec![0, at]);
        }
    }
    let fits = groups.iter().all(|group| needed(group) <= available);
    // Text about a row stays with it, and a name is not repeated where it takes up most of the line.
    let torn = groups.len() > 1
        && (columns.iter().skip(1).any(|column| !column.has_figures)
            || columns[0].by_parts > available / 2);
    if columns.len() > 1 && (torn || !fits) {
        Layout::Rows
    } else {
        Layout::Columns(groups)
    }
}

/// The text in lines of at most `limit` columns of the terminal, which has two at least.
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(NARROWEST);
    text.split('\n')
        .flat_map(|line| wrap_line(line, limit))
        .collect()
}

fn wrap_line(line: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut filled = String::new();
    for word in words(line) {
        for (at, part) in parts(word).into_iter().enumerate() {
            // A word that does not fit behind the others begins a line, and so does a part of it.
            let next = if at == 0 { word } else { part };
            if !filled.is_empty() && width(&filled) + width(next.trim_end()) > limit {
                lines.push(std::mem::take(&mut filled));
            }
            let mut rest = part;
            while width(rest.trim_end()) > limit {
                let most = fitting(rest, limit);
                let cut = rest[..most].rfind(' ').map_or(most, |at| at + 1);
                let (first, others) = rest.split_at(cut);
                lines.push(first.to_owned());
                rest = others;
            }
            filled.push_str(rest);
        }
    }
    lines.push(filled);
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// The words of a line, each with the space behind it; a figure and its unit are one.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut begun) = (Vec::new(), 0);
    for (at, _) in line.match_indices(' ') {
        let next = line[at + 1..].split(' ').next().unwrap_or_default();
        if !belong_together(line[begun..at].trim_end(), next) {
            words.push(&line[begun..=at]);
            begun = at + 1;
        }
    }
    words.push(&line[begun..]);
    words
}

/// `17.7` and `MB`, `3m` and `20s`, `2026-11-27`, `03:45` and `UTC`.
fn belong_together(first: &str, second: &str) -> bool {
    const UNITS: [&str; 20] = [
        "B", "kB", "MB", "GB", "TB", "PB", "%", "ns", "us", "µs", "ms", "s", "min", "h", "d",
        "day", "days", "k", "M", "G",
    ];
    let last = first.rsplit(' ').next().unwrap_or(first);
    let last = last.trim_start_matches(['~', '-', '+', '(', '<', '>', '=', '≥', '≤']);
    let bare = second.trim_end_matches([',', '.', ';', ':', ')']);
    let number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || ".,".contains(c))
    };
    let part = |text: &str, marks: &str| {
        text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(|c| marks.contains(c))
    };
    let clock = part(last, ":") && bare == "UTC";
    let date = part(last, "-") && part(bare, ":");
    let minutes = part(last, "m") && last.len() < 5 && part(bare, "s") && bare.len() < 4;
    number(last) && UNITS.contains(&bare) || clock || date || minutes
}

/// The parts of a word, each with the joint behind it; a figure has none, with its unit or without.
fn parts(word: &str) -> Vec<&str> {
    let (mut parts, mut begun) = (Vec::new(), 0);
    let is_figure = word.trim_end().contains(' ');
    for (at, joint) in word
        .match_indices(['_', '.', ',', '/'])
        .filter(|_| !is_figure)
    {
        let (before, behind) = (&word[..at], &word[at + 1..]);
        let digits = behind.chars().take_while(char::is_ascii_digit).count();
        let is_in_figure = before.ends_with(|c: char| c.is_ascii_digit())
            && match joint {
                "." => digits > 0,
                "," => digits == 3,
                _ => false,
            };
        if !is_in_figure {
            parts.push(&word[begun..=at]);
            begun = at + 1;
        }
    }
    parts.push(&word[begun..]);
    parts
}

/// The bytes of the characters at the start that fit; of one at least.
fn fitting(text: &str, limit: usize) -> usize {
    let ends = text.char_indices().map(|(at, _)| at).skip(1);
    ends.take_while(|&end| width(&text[..end]) <= limit)
        .last()
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_break_at_their_joints_and_sentences_between_words() {
        assert_eq!(
            wrap("public.idx_content_user_date", 20),
            ["public.idx_content_", "user_date"]
        );
        assert_eq!(wrap("it is not there", 9), ["it is not", "there"]);
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("two\nlines", 40), ["two", "lines"]);
    }

    /// Columns by their heading and cells, those of figures by a `>` before it.
    fn columns<const N: usize>(columns: [[&str; 2]; N]) -> Vec<Measured> {
        let measured = columns.iter().map(|[heading, cell]| {
            let column = match heading.strip_prefix('>') {
                Some(heading) => Column::right(heading),
                None => Column::left(*heading),
            };
            Measured::new(&column, [*cell].into_iter())
        });
        measured.collect()
    }

    #[test]
    fn a_sentence_gives_way_before_a_name_is_broken() {
        let columns = columns([
            ["index", "public.idx_content_user_date"],
            ["reason", "it is not there and nobody has ever seen it"],
        ]);
        assert_eq!(widths(&columns, 50), [28, 19]);
    }

    #[test]
    fn a_name_is_broken_before_a_figure() {
        let columns = columns([
            ["index", "public.idx_content_user_date"],
            [">size", "6.04 MB"],
        ]);
        assert_eq!(widths(&columns, 28), [18, 7]);
    }

    #[test]
    fn figures_that_do_not_fit_beside_each_other_stand_below() {
        let columns = columns([
            ["table", "public.content_metadata"],
            [">total", "17.7 MB"],
            [">heap", "9.49 MB"],
            [">indexes", "8.19 MB"],
        ]);
        assert_eq!(
            layout(&columns, 80),
            Layout::Columns(vec![vec![0, 1, 2, 3]])
        );
        assert_eq!(
            layout(&columns, 35),
            Layout::Columns(vec![vec![0, 1, 2], vec![0, 3]])
        );
        assert_eq!(layout(&columns, 17), Layout::Rows);
    }

    #[test]
    fn a_long_name_and_what_is_said_of_it_are_not_torn_apart() {
        let name = "n".repeat(63);
        let columns = columns([
            ["severity", "warning"],
            ["subject", &name],
            ["finding", "17.7 MB that no query has read"],
        ]);
        assert_eq!(layout(&columns, 80), Layout::Rows);
        assert_eq!(layout(&columns, 100), Layout::Columns(vec![vec![0, 1, 2]]));
    }

    #[test]
    fn a_figure_stays_whole_and_keeps_its_unit() {
        assert_eq!(
            wrap("it takes 17.7 MB, since 2026-11-27 03:45 UTC", 14),
            ["it takes", "17.7 MB, since", "2026-11-27", "03:45 UTC"]
        );
        assert_eq!(wrap("of 3m 20s or 99 %", 10), ["of 3m 20s", "or 99 %"]);
        assert_eq!(
            wrap("1,234.5678 t1.c2", 4),
            ["1,23", "4.56", "78", "t1.", "c2"]
        );
        assert_eq!(
            wrap("~12.5,IN (1,2,30,40)", 8),
            ["~12.5,IN", "(1,2,30,", "40)"]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_long_and_no_letter_is_lost(text in "[a-z_. é目次]{0,80}", limit in 2usize..30) {
            let lines = wrap(&text, limit);
            proptest::prop_assert!(lines.iter().all(|line| width(line) <= limit));
            let letters = |text: &str| text.replace(' ', "");
            proptest::prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
