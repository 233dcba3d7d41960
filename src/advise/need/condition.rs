//! What conditions ask for.

use super::{Reader, one_alias, push};
use crate::advise::{ColumnUse, Key, Operand, Term};

impl Reader<'_> {
    pub(super) fn note_columns(&mut self, term: &Term) {
        match term {
            Term::Compare { left, right, .. } => {
                self.use_columns(&left.columns);
                self.use_columns(&right.columns);
            }
            Term::Holds(operand) => self.use_columns(&operand.columns),
            Term::Any(arms) => arms
                .iter()
                .flatten()
                .for_each(|term| self.note_columns(term)),
        }
    }

    pub(super) fn note(&mut self, term: &Term) {
        match term {
            Term::Compare {
                left,
                operator,
                right,
                sql,
            } => {
                self.note_side(left, operator, right, sql);
                self.note_side(right, turned(operator), left, sql);
            }
            Term::Holds(operand) => {
                let Some(column) = operand.columns.first() else {
                    return;
                };
                if operand.varies || operand.fitted || !one_alias(operand) {
                    return;
                }
                let sql = parenthesised(&operand.sql);
                // A boolean by itself is `flag = true`.
                let fixed = self.key(operand).filter(|_| operand.bare.is_some());
                if let Some(need) = self.need(column) {
                    push(&mut need.implied, (sql, fixed.clone()));
                    if let Some(key) = fixed {
                        push(&mut need.equal, key);
                    }
                }
            }
            Term::Any(arms) => self.note_arms(arms),
        }
    }

    fn note_arms(&mut self, arms: &[Vec<Term>]) {
        let mut found: Vec<(ColumnUse, Vec<Key>)> = Vec::new();
        for arm in arms {
            let mut keys = Vec::new();
            let mut of = None;
            for term in arm {
                let Term::Compare {
                    left,
                    operator,
                    right,
                    ..
                } = term
                else {
                    continue;
                };
                let sides = [(left, right), (right, left)];
                for (side, other) in sides {
                    if matches!(operator.as_str(), "=" | "= ANY")
                        && other.columns.is_empty()
                        && one_alias(side)
                        && let Some(key) = self.key(side)
                    {
                        of = of.or(side.columns.first().cloned());
                        push(&mut keys, key);
                    }
                }
            }
            match of {
                Some(column) => found.push((column, keys)),
                // One arm that no index serves, and all rows are read.
                None => return,
            }
        }
        for (column, keys) in found {
            if let Some(need) = self.need(&column) {
                push(&mut need.arms, keys);
            }
        }
    }

    fn note_side(&mut self, side: &Operand, operator: &str, other: &Operand, sql: &str) {
        let Some(column) = side.columns.first().cloned().filter(|_| one_alias(side)) else {
            return;
        };
        let Some(key) = self.key(side) else { return };
        let same_table = |use_: &ColumnUse| use_.alias == column.alias;
        if other.columns.iter().any(same_table) {
            return;
        }
        let is_join = !other.columns.is_empty();
        let constant = !other.varies && !side.varies && !is_join;
        let patterns = self.patterns_of(other);
        // The bounds of a range are today's, and so may any value be; but a value of a few is a kind of row.
        let is_kind = self.is_kind(&column);
        let Some(need) = self.need(&column) else {
            return;
        };
        if constant && is_kind && matches!(operator, "=" | "<>") {
            let fixed = (operator == "=").then(|| key.clone());
            push(&mut need.implied, (parenthesised(sql), fixed));
        }
        match operator {
            "=" if is_join => push(&mut need.joined, key),
            "=" => push(&mut need.equal, key),
            "= ANY" => push(&mut need.listed, key),
            "<" | "<=" | ">" | ">=" if !is_join => push(&mut need.range, key),
            "~~" | "^@"
                if patterns.iter().all(|pattern| begins_with_letters(pattern))
                    && !patterns.is_empty() =>
            {
                push(&mut need.prefix, key);
            }
            "" | "<" | "<=" | ">" | ">=" | "^@" => {}
            _ => push(&mut need.within, (key, operator.to_owned())),
        }
    }

    /// A flag, or a column of so few values that each is a kind of row which the application knows by name: where a
    /// statement's text has such a value, all its calls have.
    fn is_kind(&mut self, column: &ColumnUse) -> bool {
        const MOST_KINDS: f64 = 8.0;
        let table = self.need(column).and_then(|need| need.table.clone());
        let facts = self
            .tables
            .values()
            .find(|facts| Some(facts.name()) == table);
        let Some(column) = facts.and_then(|facts| facts.columns.get(&column.column)) else {
            return false;
        };
        let is_name = ["text", "varchar", "bpchar", "char"].contains(&column.type_name.as_str())
            || column.classes.iter().any(|class| class.name == "enum_ops");
        let is_few = column
            .distinct
            .is_some_and(|distinct| distinct <= MOST_KINDS);
        column.type_name == "bool" || (is_name && is_few)
    }

    /// The patterns that the other side stands for.
    fn patterns_of(&self, other: &Operand) -> Vec<String> {
        match (&other.literal, other.parameter) {
            (Some(literal), _) => vec![literal.clone()],
            (None, Some(n)) => self
                .patterns
                .iter()
                .filter_map(|values| values.get(n.checked_sub(1)?)?.clone())
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The operator with its sides exchanged; empty where there is none, or none is needed.
fn turned(operator: &str) -> &str {
    match operator {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        "@>" => "<@",
        "<@" => "@>",
        "<<" => ">>",
        ">>" => "<<",
        "<<=" => ">>=",
        ">>=" => "<<=",
        "=" | "&&" | "@@" | "-|-" | "~=" | "%" | "@" | "~" => operator,
        "<%" => "%>",
        "%>" => "<%",
        "<<%" => "%>>",
        "%>>" => "<<%",
        _ => "",
    }
}

fn parenthesised(sql: &str) -> String {
    format!("({sql})")
}

fn begins_with_letters(pattern: &str) -> bool {
    !pattern.starts_with(['%', '_', '\\']) && !pattern.is_empty()
}
