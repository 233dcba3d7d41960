//! Another index has the name: the new one is built beside it, and the names are swapped.

use super::{WantedIndex, create_as};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{Definition, IndexHealth, IndexState},
        quote_identifier, quote_literal,
    },
    plan::{
        Action, SqlStatement, Step,
        decide::{StepBuilder, gone::undroppable},
        leftover::{built_name, retired_name},
    },
};

pub(super) fn replace(
    about: &StepBuilder<'_>,
    wanted: &WantedIndex<'_>,
    definition: &Definition,
    index: &IndexState,
) -> Step {
    let differ = difference(definition, index);
    let refuse = |reason: String| about.step(Action::Refuse, reason, Vec::new());
    let (policy, asked) = (wanted.replay.policy, wanted.asked);
    if let Some(why) = undroppable(index) {
        return refuse(format!("{differ}; {why}, so it cannot be replaced"));
    }
    if !policy.replace && !asked.replaces {
        return refuse(format!(
            "{differ}; --replace builds the new one beside it and swaps the names"
        ));
    }
    let catalog = &wanted.replay.seen.catalog;
    let (built, retired) = (built_name(&index.name), retired_name(&index.name));
    let named = |name: &str| catalog.index(&QualifiedName::new(&index.schema, name));
    let mut sends = Vec::new();
    if let Some(old) = named(&retired) {
        sends.push(SqlStatement::Drop {
            index: old.qualified(),
        });
    }
    // An edited file replaces the definition and nothing else; a DROP takes all that hangs on the index with it.
    let carried = if asked.replaces {
        IndexProperties::default()
    } else {
        IndexProperties::of(about, wanted, definition, index, &built)
    };
    let text = match &index.tablespace {
        Some(space) if !asked.replaces && definition.tablespace.is_none() => {
            wanted.create.definition_in(space)
        }
        _ => wanted.create.definition.clone(),
    };
    match named(&built) {
        Some(new)
            if new.health() == IndexHealth::Valid
                && definition.matches(new)
                && about
                    .relation
                    .indexes
                    .iter()
                    .any(|here| here.oid == new.oid) => {}
        Some(new) => {
            if let Some(holder) = about.relation.builder(Some(new.oid)) {
                return about.adopt(holder, new);
            }
            sends.push(SqlStatement::Drop {
                index: new.qualified(),
            });
            sends.push(create_as(about, &text, wanted, &built));
        }
        None => sends.push(create_as(about, &text, wanted, &built)),
    }
    sends.push(SqlStatement::Swap {
        index: index.qualified(),
        retired: retired.clone(),
        built,
        carried: carried.statements,
        lock_timeout: policy.brief_lock_timeout,
    });
    sends.push(SqlStatement::Drop {
        index: QualifiedName::new(&index.schema, retired),
    });
    about.step(Action::Replace, format!("{differ}{}", carried.lost), sends)
}

fn difference(definition: &Definition, index: &IndexState) -> String {
    let read = |unique: bool, tail: &str, tablespace: Option<&String>| {
        let unique = if unique { "UNIQUE " } else { "" };
        let place = match (tablespace, &definition.tablespace) {
            (Some(space), _) => format!(" in tablespace {space}"),
            (None, Some(_)) => " in the default tablespace".to_owned(),
            (None, None) => String::new(),
        };
        format!("`{unique}{tail}`{place}")
    };
    let stands_in = index
        .tablespace
        .as_ref()
        .filter(|_| definition.tablespace.is_some());
    format!(
        "another index has this name: found {}, expected {}",
        read(index.unique, &index.tail, stands_in),
        read(
            definition.unique,
            &definition.tail,
            definition.tablespace.as_ref()
        ),
    )
}

/// What hangs on an index, and goes over to the one that replaces it.
#[derive(Default)]
struct IndexProperties {
    statements: Vec<String>,
    /// What cannot go over, in words.
    lost: String,
}

impl IndexProperties {
    fn of(
        about: &StepBuilder<'_>,
        wanted: &WantedIndex<'_>,
        definition: &Definition,
        old: &IndexState,
        built: &str,
    ) -> Self {
        let new = QualifiedName::new(&old.schema, built).quoted();
        let mut carried = Self::default();
        if let (Some(comment), None) = (&old.comment, &wanted.asked.comment) {
            let text = quote_literal(comment);
            carried
                .statements
                .push(format!("COMMENT ON INDEX {new} IS {text}"));
        }
        for extension in &old.extensions {
            let extension = quote_identifier(extension);
            carried.statements.push(format!(
                "ALTER INDEX {new} DEPENDS ON EXTENSION {extension}"
            ));
        }
        for (expression, target) in &old.statistics {
            match definition.keys.iter().position(|key| key == expression) {
                Some(at) => carried.statements.push(format!(
                    "ALTER INDEX {new} ALTER COLUMN {} SET STATISTICS {target}",
                    at + 1
                )),
                None => carried.lost.push_str(&format!(
                    "; the statistics target {target} of {expression} is lost with the old index"
                )),
            }
        }
        if old.clustered {
            let can_be = ["USING btree", "USING gist"]
                .iter()
                .any(|m| definition.tail.starts_with(m));
            if definition.predicate.is_none() && can_be {
                carried.statements.push(format!(
                    "ALTER TABLE {} CLUSTER ON {}",
                    about.relation.qualified().quoted(),
                    quote_identifier(built)
                ));
            } else {
                carried
                    .lost
                    .push_str("; the table is no longer marked to be clustered on it");
            }
        }
        carried
    }
}
