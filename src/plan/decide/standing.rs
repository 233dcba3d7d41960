//! An index that shall stand.

use super::{About, Action, Policy, Seen, Send, Step, partition, refuse_unknown};
use crate::{
    catalog::{
        index_state::{Definition, IndexHealth, IndexState, Oid, Relation},
        quote_identifier,
    },
    migration::{DesiredIndex, ReindexTarget},
    plan::leftover::{built_name, is_reindex_leftover, retired_name},
};

pub(super) fn decide(
    wanted: &DesiredIndex,
    definition: Option<&Result<Definition, String>>,
    seen: &Seen,
    doomed: &[Oid],
    policy: &Policy,
) -> Step {
    let create = &wanted.create;
    let Some(relation) = seen.table(&create.table.quoted()) else {
        let reason = format!("there is no table {} in this database", create.table);
        return refuse_unknown(&create.name, &create.table.to_string(), reason);
    };
    let about = About::new(relation, &create.name);
    let refuse = |reason: String| about.step(Action::Refuse, reason, Vec::new());
    match relation.kind.as_str() {
        "r" | "m" | "p" => {}
        "v" => {
            return refuse(format!(
                "{} is a view: it can have no index",
                relation.qualified()
            ));
        }
        "f" => {
            return refuse(format!(
                "{} is a foreign table: it can have no index",
                relation.qualified()
            ));
        }
        _ => return refuse(format!("{} is not a table", relation.qualified())),
    }
    let definition = match definition {
        Some(Ok(definition)) => definition,
        // A table that the role may not even read is no matter of the definition.
        Some(Err(_)) if !relation.owned => return refuse(not_owner(seen, relation)),
        Some(Err(reason)) => return refuse(reason.clone()),
        None => return refuse("its definition could not be compared".to_owned()),
    };
    let same_name = relation
        .indexes
        .iter()
        .find(|index| index.name == create.name);
    if same_name.is_none() {
        if let Some(taken) = seen
            .catalog
            .taken
            .iter()
            .find(|taken| taken.schema == relation.schema && taken.name == create.name)
        {
            let what = match (&taken.table_name, taken.kind.as_str()) {
                (Some(table), _) => format!("an index of {}.{table}", taken.schema),
                (None, "r" | "p") => "a table".to_owned(),
                (None, "S") => "a sequence".to_owned(),
                (None, "v") => "a view".to_owned(),
                (None, "m") => "a materialized view".to_owned(),
                (None, "c") => "a type".to_owned(),
                (None, "f") => "a foreign table".to_owned(),
                (None, _) => "a relation that is no index".to_owned(),
            };
            return refuse(format!("the name {} is taken by {what}", about.index));
        }
        if let Some(duplicate) = same_elsewhere(relation, definition, doomed, policy) {
            let reason = format!("the same index stands as {}", duplicate.qualified());
            return about.step(Action::Keep, reason, Vec::new());
        }
    }
    if !relation.owned {
        let settled =
            same_name.is_some_and(|i| i.health() == IndexHealth::Valid && definition.matches(i));
        if !settled {
            return refuse(not_owner(seen, relation));
        }
    }
    let step = if relation.is_partitioned() {
        partition::decide(&about, wanted, definition, seen, policy)
    } else {
        plain(&about, wanted, definition, same_name, policy)
    };
    let builds = step
        .sends
        .iter()
        .any(|s| matches!(s, Send::Create { .. } | Send::CreateOnly { .. }));
    if builds && !relation.may_create {
        return refuse(format!(
            "role {} may not create in schema {schema}; GRANT CREATE ON SCHEMA {schema} TO {0}",
            seen.catalog.user,
            schema = relation.schema,
        ));
    }
    step
}

/// What a role that is not the owner can do about it.
fn not_owner(seen: &Seen, relation: &Relation) -> String {
    let (user, owner) = (&seen.catalog.user, quote_identifier(&relation.owner));
    let way_out = if relation.may_become_owner {
        format!(
            "it may become {owner}, but has not done so: put options=-c%20role%3D{0} into the URL, or ALTER ROLE {1} \
             SET role = {owner}",
            relation.owner,
            quote_identifier(user)
        )
    } else {
        format!(
            "connect as {owner}, or GRANT {owner} TO {}",
            quote_identifier(user)
        )
    };
    format!(
        "role {user} may not build on {}: it is not its owner; {way_out}",
        relation.qualified()
    )
}

/// A valid index of the same definition under another name that is to stay.
fn same_elsewhere<'a>(
    relation: &'a Relation,
    definition: &Definition,
    doomed: &[Oid],
    policy: &Policy,
) -> Option<&'a IndexState> {
    relation.indexes.iter().find(|index| {
        !policy.allow_duplicates
            && definition.matches(index)
            && index.health() == IndexHealth::Valid
            && !doomed.contains(&index.oid)
            && !is_replacement_name(&index.name)
    })
}

/// A name that `--replace` gives for a while.
fn is_replacement_name(name: &str) -> bool {
    name.ends_with("_dbaudit_new") || name.ends_with("_dbaudit_old")
}

fn plain(
    about: &About<'_>,
    wanted: &DesiredIndex,
    definition: &Definition,
    same_name: Option<&IndexState>,
    policy: &Policy,
) -> Step {
    let relation = about.relation;
    let create_as = |name: &str| Send::Create {
        unique: wanted.create.unique,
        name: name.to_owned(),
        table: relation.qualified(),
        definition: wanted.create.definition.clone(),
    };
    let Some(index) = same_name else {
        return about.step(
            Action::Create,
            "it is not there",
            vec![create_as(&about.index.name)],
        );
    };
    let as_desired = definition.matches(index);
    match (index.health(), as_desired) {
        (IndexHealth::Valid, true) => settled(about, wanted, index, policy),
        (IndexHealth::Valid, false) => replace(about, definition, index, create_as, policy),
        (IndexHealth::Invalid, _) => {
            if let Some(holder) = relation.builder(Some(index.oid)) {
                return about.adopt(holder, index);
            }
            if let Some(constraint) = &index.constraint {
                if !as_desired {
                    let reason = format!(
                        "it is not valid and of another definition, and constraint {constraint} stands on it"
                    );
                    return about.step(Action::Refuse, reason, Vec::new());
                }
                let name = index.qualified();
                let rebuild = Send::Reindex {
                    target: ReindexTarget::Index,
                    name,
                };
                let reason = format!(
                    "it is not valid; constraint {constraint} stands on it, so it is rebuilt in place"
                );
                return about.step(Action::Rebuild, reason, vec![rebuild]);
            }
            let reason = match (index.live, as_desired) {
                (false, _) => "a drop of it was broken off, and no session is at it",
                (true, true) => "it is not valid, and no session is building it",
                (true, false) => {
                    "it is not valid and of another definition, and no session is building it"
                }
            };
            let sends = vec![
                Send::Drop {
                    index: index.qualified(),
                },
                create_as(&about.index.name),
            ];
            about.step(Action::Rebuild, reason, sends)
        }
    }
}

/// Valid and as desired: what is left is to tidy up behind earlier runs, and the comment.
fn settled(about: &About<'_>, wanted: &DesiredIndex, index: &IndexState, policy: &Policy) -> Step {
    let (built, retired) = (built_name(&index.name), retired_name(&index.name));
    let leftovers: Vec<&IndexState> = about
        .relation
        .indexes
        .iter()
        .filter(|other| {
            is_reindex_leftover(other, &index.name)
                || ((other.name == built || other.name == retired) && other.constraint.is_none())
        })
        .collect();
    if let Some(first) = leftovers.first()
        && about.relation.builder(Some(first.oid)).is_none()
    {
        let names: Vec<String> = leftovers
            .iter()
            .map(|i| i.qualified().to_string())
            .collect();
        let sends = leftovers
            .iter()
            .map(|i| Send::Drop {
                index: i.qualified(),
            })
            .collect();
        let reason = format!(
            "it is as desired; {} is left over from a broken-off run",
            names.join(", ")
        );
        return about.step(Action::Drop, reason, sends);
    }
    comment(about, wanted, index, policy)
}

/// As desired, but for its comment perhaps.
pub(in crate::plan) fn comment(
    about: &About<'_>,
    wanted: &DesiredIndex,
    index: &IndexState,
    policy: &Policy,
) -> Step {
    match &wanted.comment {
        Some(text) if *text != index.comment => {
            let send = Send::Comment {
                index: index.qualified(),
                text: text.clone(),
                lock_timeout: policy.brief_lock_timeout,
            };
            about.step(Action::Keep, "as desired; its comment is set", vec![send])
        }
        _ => about.step(Action::Keep, "as desired", Vec::new()),
    }
}

/// Another valid index has the name.
fn replace(
    about: &About<'_>,
    definition: &Definition,
    index: &IndexState,
    create_as: impl Fn(&str) -> Send,
    policy: &Policy,
) -> Step {
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
    let differ = format!(
        "another index has this name: it is {}, wanted is {}",
        read(index.unique, &index.tail, stands_in),
        read(
            definition.unique,
            &definition.tail,
            definition.tablespace.as_ref()
        ),
    );
    if let Some(constraint) = &index.constraint {
        let reason =
            format!("{differ}; constraint {constraint} stands on it, so it cannot be replaced");
        return about.step(Action::Refuse, reason, Vec::new());
    }
    if index.replica_identity || index.attached_to.is_some() {
        let why = if index.replica_identity {
            "the table's replica identity"
        } else {
            "attached to an index of the partitioned table"
        };
        return about.step(
            Action::Refuse,
            format!("{differ}; it is {why}, so it cannot be replaced"),
            Vec::new(),
        );
    }
    if !policy.replace {
        let reason =
            format!("{differ}; --replace builds the new one beside it and swaps the names");
        return about.step(Action::Refuse, reason, Vec::new());
    }
    let (built, retired) = (built_name(&index.name), retired_name(&index.name));
    let named = |name: &str| {
        about
            .relation
            .indexes
            .iter()
            .find(|other| other.name == name)
    };
    let mut sends = Vec::new();
    if let Some(old) = named(&retired) {
        sends.push(Send::Drop {
            index: old.qualified(),
        });
    }
    match named(&built) {
        Some(new) if new.health() == IndexHealth::Valid && definition.matches(new) => {}
        Some(new) => {
            if let Some(holder) = about.relation.builder(Some(new.oid)) {
                return about.adopt(holder, new);
            }
            sends.push(Send::Drop {
                index: new.qualified(),
            });
            sends.push(create_as(&built));
        }
        None => sends.push(create_as(&built)),
    }
    sends.push(Send::Swap {
        index: index.qualified(),
        retired: retired.clone(),
        built,
        lock_timeout: policy.brief_lock_timeout,
    });
    sends.push(Send::Drop {
        index: crate::catalog::QualifiedName::new(&index.schema, retired),
    });
    about.step(Action::Replace, differ, sends)
}
