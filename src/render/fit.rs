//! Fitting text into columns of a terminal: lines break between words where they can, within a word only
//! after a mark that joins its parts (`_`, `.`, `,`, `/`), and anywhere only at last.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) const GAP: usize = 3;

/// How wide each column becomes, so that all fit into `available`: the widest gives way first, no figure
/// breaks while a text can, and no word while another text still has a line to break between words. The first
/// cell of each column is its heading; `figures` says which columns hold figures.
pub(super) fn column_widths(
    columns: &[Vec<&str>],
    figures: &[bool],
    available: usize,
) -> Vec<usize> {
    let widest = |cells: &[&str], split: fn(char) -> bool| {
        let parts = cells.iter().flat_map(|cell| cell.split(split));
        parts.map(width).max().unwrap_or(0)
    };
    let of = |least: &dyn Fn(&[&str]) -> usize| -> Vec<usize> {
        columns.iter().map(|c| least(c)).collect()
    };
    let mut widths = of(&|c| widest(c, |c| c == '\n'));
    let longest = |cells: &[&str], split: fn(&str) -> Vec<String>| {
        let lines = cells.iter().flat_map(|cell| cell.split('\n'));
        let pieces = lines.flat_map(split).map(|piece| width(piece.trim_end()));
        pieces.max().unwrap_or(0)
    };
    let words = of(&|c| longest(c, words));
    let parts = of(&|c| longest(c, unbreakable));
    let whole = of(&|c| widest(c.get(1..).unwrap_or_default(), |c| c == '\n'));
    let texts = |least: &[usize]| -> Vec<usize> {
        (0..columns.len())
            .map(|at| {
                if figures[at] {
                    whole[at].max(words[at].min(widths[at]))
                } else {
                    least[at]
                }
            })
            .collect()
    };
    let (texts_by_words, texts_by_parts) = (texts(&words), texts(&parts));
    let gaps = GAP * columns.len().saturating_sub(1);
    for least in [
        texts_by_words,
        texts_by_parts,
        words,
        parts,
        vec![1; columns.len()],
    ] {
        while widths.iter().sum::<usize>() + gaps > available {
            let candidate = (0..widths.len())
                .filter(|&at| widths[at] > least[at])
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
pub(super) fn layout(columns: &[Vec<&str>], figures: &[bool], available: usize) -> Layout {
    let least: Vec<usize> = columns
        .iter()
        .zip(figures)
        .map(|(cells, figure)| {
            let (heading, cells) = cells.split_at(1.min(cells.len()));
            let words = heading.iter().flat_map(|h| h.split_whitespace()).map(width);
            let parts = cells.iter().flat_map(|cell| cell.split('\n'));
            let parts = if *figure {
                parts.map(width).max().unwrap_or(0)
            } else {
                // A part keeps the joint behind it, unless it is the last.
                let parts = parts.flat_map(unbreakable).map(|part| width(&part));
                parts.max().unwrap_or(0).min(LONGEST_PART)
            };
            parts.max(words.max().unwrap_or(0))
        })
        .collect();
    let needed = |group: &[usize]| {
        let widths: usize = group.iter().map(|at| least[*at]).sum();
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
        && (figures.iter().skip(1).any(|figure| !figure) || least[0] > available / 2);
    if columns.len() > 1 && (torn || !fits) {
        Layout::Rows
    } else {
        Layout::Columns(groups)
    }
}

/// The longest name that the server gives anything; what is longer without a joint is none, and may be broken.
const LONGEST_PART: usize = 63;

/// The text in lines of at most `limit` columns of the terminal (a character that is wider has a line of its own).
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(1);
    text.split('\n')
        .flat_map(|line| {
            if width(line) <= limit {
                return vec![line.to_owned()];
            }
            let mut lines = vec![String::new()];
            for word in words(line) {
                place(&word, limit, &mut lines);
            }
            lines
                .into_iter()
                .map(|line| line.trim_end().to_owned())
                .collect()
        })
        .collect()
}

/// The words of a line, each with the space behind it; a figure and its unit are one.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_inclusive(' ') {
        match words.last_mut() {
            Some(last) if belong_together(last.trim_end(), word.trim_end()) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
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

/// The pieces of a text that no line breaks: words, and of a name those between its joints.
fn unbreakable(text: &str) -> Vec<String> {
    let words = words(text).into_iter();
    words
        .flat_map(|word| {
            let word = word.trim_end();
            if word.contains(' ') {
                return vec![word.to_owned()];
            }
            word.split_inclusive(is_joint).map(str::to_owned).collect()
        })
        .collect()
}

/// Puts a word, with its space, onto the last line, or onto new ones.
fn place(word: &str, limit: usize, lines: &mut Vec<String>) {
    let bare = width(word.trim_end());
    let used = lines.last().map_or(0, |line| width(line));
    if used > 0 && used + bare > limit {
        lines.push(String::new());
    }
    let mut rest = word;
    while width(rest.trim_end()) > limit {
        let most = fitting(rest, limit);
        let cut = rest[..most].rfind(is_joint).map_or(most, |at| at + 1);
        if let Some(line) = lines.last_mut() {
            line.push_str(&rest[..cut]);
        }
        lines.push(String::new());
        rest = &rest[cut..];
    }
    if let Some(line) = lines.last_mut() {
        line.push_str(rest);
    }
}

fn is_joint(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '_' | '.' | ',' | '/')
}

/// The bytes of the characters at the start that fit; of one at least.
fn fitting(text: &str, limit: usize) -> usize {
    let mut used = 0;
    text.char_indices()
        .find(|&(at, c)| {
            used += c.width().unwrap_or(0);
            at > 0 && used > limit
        })
        .map_or(text.len(), |(at, _)| at)
}

/// How many columns of a terminal the text takes: two for many an Asian character, none for a combining one.
pub(super) fn width(text: &str) -> usize {
    text.width()
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

    #[test]
    fn a_sentence_gives_way_before_a_name_is_broken() {
        let columns = vec![
            vec!["index", "public.idx_content_user_date"],
            vec!["reason", "it is not there and nobody has ever seen it"],
        ];
        assert_eq!(column_widths(&columns, &[false; 2], 50), [28, 19]);
    }

    #[test]
    fn a_name_is_broken_before_a_figure() {
        let columns = vec![
            vec!["index", "public.idx_content_user_date"],
            vec!["size", "6.04 MB"],
        ];
        assert_eq!(column_widths(&columns, &[false, true], 28), [18, 7]);
    }

    #[test]
    fn figures_that_do_not_fit_beside_each_other_stand_below() {
        let columns = vec![
            vec!["table", "public.content_metadata"],
            vec!["total", "17.7 MB"],
            vec!["heap", "9.49 MB"],
            vec!["indexes", "8.19 MB"],
        ];
        let figures = [false, true, true, true];
        let columns_of = |available| layout(&columns, &figures, available);
        assert_eq!(columns_of(80), Layout::Columns(vec![vec![0, 1, 2, 3]]));
        assert_eq!(
            columns_of(35),
            Layout::Columns(vec![vec![0, 1, 2], vec![0, 3]])
        );
        assert_eq!(columns_of(17), Layout::Rows);
    }

    #[test]
    fn a_long_name_and_what_is_said_of_it_are_not_torn_apart() {
        let name = "n".repeat(63);
        let columns = vec![
            vec!["severity", "warning"],
            vec!["subject", &name],
            vec!["finding", "17.7 MB that no query has read"],
        ];
        assert_eq!(layout(&columns, &[false; 3], 80), Layout::Rows);
        assert_eq!(
            layout(&columns, &[false; 3], 100),
            Layout::Columns(vec![vec![0, 1, 2]])
        );
    }

    #[test]
    fn a_figure_keeps_its_unit() {
        assert_eq!(
            wrap("it takes 17.7 MB, since 2026-11-27 03:45 UTC", 14),
            ["it takes", "17.7 MB, since", "2026-11-27", "03:45 UTC"]
        );
        assert_eq!(wrap("of 3m 20s or 99 %", 10), ["of 3m 20s", "or 99 %"]);
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
