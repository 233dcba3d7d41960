//! A text → its statements, also where one of them cannot be read.

use std::ops::Range;

use squawk_syntax::{
    SourceFile, SyntaxKind, SyntaxNode,
    ast::{AstNode, Stmt},
};

use crate::migration::{parse::tokens::Tokens, section::down_parts};

/// A statement, or what stands where one should.
#[derive(Debug)]
pub(super) struct Piece {
    /// The line that it begins on, from 1.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) is_down: bool,
}

impl Piece {
    /// Its tokens, whatever they come to, with names as the server cuts them.
    pub(super) fn tokens(&self) -> Tokens {
        Tokens::of(&SourceFile::parse(&shortened(&self.text).0).syntax_node())
    }
}

/// The statements of a text, in order; those of its Down parts are marked.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    // Neither a byte order mark nor a NUL is SQL; every place in the text stays where it is.
    let text = text.replacen('\u{feff}', "   ", usize::from(text.starts_with('\u{feff}')));
    let text = text.replace('\0', " ");
    let down = down_parts(&text);
    let parse = SourceFile::parse(&text);
    let is_clean = parse.errors().is_empty();
    let text = if is_clean {
        text
    } else {
        without_psqls_own(&text)
    };
    let root = SourceFile::parse(&text).syntax_node();
    let ranges = if is_clean {
        let statements = root.children().filter(|node| Stmt::can_cast(node.kind()));
        statements
            .map(|node| node.text_range())
            .map(|own| range(own.start(), own.end()))
            .collect()
    } else {
        by_semicolons(&root)
    };
    let mut pieces = Vec::new();
    for range in ranges {
        let Some(piece) = text.get(range.clone()) else {
            continue;
        };
        let tokens = Tokens::of(&SourceFile::parse(piece).syntax_node());
        if tokens.is_at_end() {
            continue;
        }
        // Comments before it are none of it.
        let begin = tokens.offset();
        let at = range.start + begin;
        pieces.push(Piece {
            line: text.get(..at).unwrap_or_default().matches('\n').count() + 1,
            text: piece.get(begin..).unwrap_or_default().trim_end().to_owned(),
            is_down: down.iter().any(|part| part.contains(&at)),
        });
    }
    pieces
}

/// The text with blanks for psql's own commands (`\\connect`) and the data of `COPY … FROM stdin`: neither is SQL, and
/// neither ends with a semicolon.
fn without_psqls_own(text: &str) -> String {
    let mut sql = String::with_capacity(text.len());
    let mut in_data = false;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let is_own = in_data || trimmed.starts_with('\\');
        in_data = if in_data {
            trimmed != "\\."
        } else {
            let lower = trimmed.to_ascii_lowercase();
            lower.starts_with("copy ") && lower.ends_with("from stdin;")
        };
        if is_own {
            // As many bytes, so that every place stays where it is.
            sql.extend(
                line.bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
            );
        } else {
            sql.push_str(line);
        }
    }
    sql
}

/// Where a statement cannot be read, the tree says nothing of where the next one begins; a semicolon outside of
/// parentheses does.
fn by_semicolons(root: &SyntaxNode) -> Vec<Range<usize>> {
    let (mut ranges, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    let mut end = 0;
    for token in root
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
    {
        end = token.text_range().end().into();
        match token.kind() {
            SyntaxKind::L_PAREN => depth += 1,
            SyntaxKind::R_PAREN => depth = depth.saturating_sub(1),
            SyntaxKind::SEMICOLON if depth == 0 => {
                ranges.push(begin..end);
                begin = end;
            }
            _ => {}
        }
    }
    ranges.push(begin..end);
    ranges
}

fn range(start: impl Into<usize>, end: impl Into<usize>) -> Range<usize> {
    start.into()..end.into()
}

/// The longest beginning of a name that the server keeps: 63 bytes, of whole characters.
fn kept(name: &str) -> &str {
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The text with every name as the server would cut it, and what was cut: from, to.
pub(super) fn shortened(text: &str) -> (String, Vec<(String, String)>) {
    let root = SourceFile::parse(text).syntax_node();
    let (mut short, mut cut) = (String::with_capacity(text.len()), Vec::new());
    for token in root
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
    {
        let own = token.text();
        let quoted = own
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let is_word =
            own.starts_with(|c: char| c.is_alphabetic() || c == '_') && !own.contains(['\'', '&']);
        let name = match quoted {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None if is_word => own.to_owned(),
            None => String::new(),
        };
        if name.len() <= 63 {
            short.push_str(own);
            continue;
        }
        let kept = kept(&name);
        if quoted.is_some() {
            short.push_str(&format!("\"{}\"", kept.replace('"', "\"\"")));
        } else {
            short.push_str(kept);
        }
        cut.push((name.clone(), kept.to_owned()));
    }
    (short, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_around_one_that_cannot_be_read() {
        let text = "-- a comment; with a semicolon\nCREATE TABLE t (a int);\n\\connect other\nCREATE FUNCTION f() \
                    RETURNS void LANGUAGE plpgsql AS $$ BEGIN; END $$;\n\n/* x */ CREATE INDEX CONCURRENTLY i ON t (a);";
        let found = pieces(text);
        let last = found.last().unwrap();
        assert_eq!(last.line, 6);
        assert_eq!(last.text, "CREATE INDEX CONCURRENTLY i ON t (a);");
        assert_eq!(found[0].line, 2);
    }

    #[test]
    fn names_are_cut_at_whole_characters_within_63_bytes() {
        let long = format!("{}é", "a".repeat(62));
        let text = format!(
            "CREATE INDEX CONCURRENTLY \"{long}\" ON t ({});",
            "b".repeat(70)
        );
        let (short, cut) = shortened(&text);
        assert_eq!(cut.len(), 2);
        assert_eq!(
            short,
            format!(
                "CREATE INDEX CONCURRENTLY \"{}\" ON t ({});",
                "a".repeat(62),
                "b".repeat(63)
            )
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            for piece in pieces(&text) {
                shortened(&piece.text);
            }
        }
    }
}
