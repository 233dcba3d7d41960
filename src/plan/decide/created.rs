//! An index that should exist.

mod replace;

use self::replace::replace;
use super::{Action, SqlStatement, Step, StepBuilder, gone::undroppable, step_without_table};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{Definition, IndexHealth, IndexState, NoDefinition, Relation},
        quote_identifier,
    },
    migration::{CreateIndex, ReindexTarget},
    plan::{
        Snapshot, StatementPosition,
        leftover::{built_name, is_reindex_leftover, retired_name},
        partition,
        replay::{DesiredState, Replay},
    },
};

/// What is wanted of one index.
pub(in crate::plan) struct WantedIndex<'a> {
    pub(in crate::plan) create: &'a CreateIndex,
    pub(in crate::plan) asked: &'a DesiredState,
    pub(in crate::plan) replay: &'a Replay<'a>,
}

pub(in crate::plan) fn decide(
    replay: &Replay<'_>,
    place: StatementPosition,
    create: &CreateIndex,
    object: &QualifiedName,
    asked: &DesiredState,
) -> Step {
    let seen = replay.seen;
    let Some(relation) = seen.table(&create.table.quoted()) else {
        return without_table(replay, create, object, asked);
    };
    let about = StepBuilder::new(relation, &create.name);
    let refuse = |reason: String| about.step(Action::Refuse, reason, Vec::new());
    match relation.kind.as_str() {
        "r" | "m" | "p" => {}
        "v" => {
            return refuse(format!(
                "{} is a view and cannot have an index",
                relation.qualified()
            ));
        }
        "f" => {
            return refuse(format!(
                "{} is a foreign table and cannot have an index",
                relation.qualified()
            ));
        }
        _ => return refuse(format!("{} is not a table", relation.qualified())),
    }
    let stands = seen.catalog.index(object);
    let on_this_table = |index: &IndexState| relation.indexes.iter().any(|i| i.oid == index.oid);
    if let Some(taken) = seen.catalog.taken(object)
        && !(asked.replaces && taken.table.is_some())
        && !stands.is_some_and(on_this_table)
    {
        return refuse(format!(
            "the name {object} is already used by {}",
            taken.describe()
        ));
    }
    let wanted = WantedIndex {
        create,
        asked,
        replay,
    };
    if asked.recorded
        && stands.is_none()
        && let Some(version) = replay.silent_after(place)
    {
        let reason = format!(
            "it no longer exists; version {version}, which this folder lacks, may have dropped it: the newer \
             release decides"
        );
        let mut step = about.step(Action::Keep, reason, Vec::new());
        step.is_past = true;
        return step;
    }
    let definition = match seen.definitions.get(&place) {
        Some(Ok(definition)) => definition,
        // If the role cannot even read the table, the definition is not the problem.
        Some(Err(_)) if !relation.owned => return refuse(not_owner(seen, relation)),
        Some(Err(unknown)) => return unknown_definition(&about, &wanted, unknown, stands),
        None => return refuse("its definition could not be compared".to_owned()),
    };
    if stands.is_none()
        && let Some(duplicate) = same_elsewhere(replay, relation, definition)
    {
        let reason = format!("the same index already exists as {}", duplicate.qualified());
        return about.step(Action::Keep, reason, Vec::new());
    }
    if !relation.owned {
        let settled =
            stands.is_some_and(|i| i.health() == IndexHealth::Valid && definition.matches(i));
        if !settled {
            return refuse(not_owner(seen, relation));
        }
    }
    let step = if relation.is_partitioned() {
        partition::decide(&about, &wanted, definition)
    } else {
        plain(&about, &wanted, definition, stands)
    };
    let builds = step.sends.iter().any(|s| {
        matches!(
            s,
            SqlStatement::Create { .. } | SqlStatement::CreateOnly { .. }
        )
    });
    if builds && !relation.may_create {
        return refuse(format!(
            "role {} cannot create objects in schema {schema}; GRANT CREATE ON SCHEMA {schema} TO {0}",
            seen.catalog.user,
            schema = relation.schema,
        ));
    }
    step
}

/// The table is not there: gone since, or not there yet.
fn without_table(
    replay: &Replay<'_>,
    create: &CreateIndex,
    object: &QualifiedName,
    asked: &DesiredState,
) -> Step {
    let table = create.table.to_string();
    if asked.recorded {
        let reason = format!("its table {table} no longer exists");
        let mut step = step_without_table(Action::Keep, &create.name, &table, reason);
        step.is_past = true;
        return step;
    }
    let mut reason = format!("there is no table {table} in this database");
    // A build was broken off, and the table renamed before its end could be tidied up.
    let left = replay
        .seen
        .catalog
        .relations
        .iter()
        .flat_map(|r| &r.indexes);
    let mut left = left.filter(|index| {
        index.name == create.name
            && index.health() == IndexHealth::Invalid
            && index.constraint.is_none()
    });
    if let Some(left) = left.find(|index| object.schema.is_empty() || index.schema == object.schema)
    {
        reason.push_str(&format!(
            "; an invalid index of that name exists on another table (`{}`): was the table renamed during the \
             build? DROP INDEX CONCURRENTLY {} removes it",
            left.definition,
            left.qualified().quoted()
        ));
    }
    step_without_table(Action::Refuse, &create.name, &table, reason)
}

/// How the index reads on this server is not known.
fn unknown_definition(
    about: &StepBuilder<'_>,
    wanted: &WantedIndex<'_>,
    unknown: &NoDefinition,
    stands: Option<&IndexState>,
) -> Step {
    let recorded = wanted.asked.recorded;
    let valid = stands.filter(|index| index.health() == IndexHealth::Valid);
    match valid {
        _ if recorded && unknown.lacks_column => {
            let reason = match valid {
                None => "its column no longer exists".to_owned(),
                Some(index) => format!(
                    "its column was renamed since; the index is now `{}`",
                    index.definition
                ),
            };
            let mut step = about.step(Action::Keep, reason, Vec::new());
            step.is_past = true;
            step
        }
        Some(index) if wanted.replay.seen.catalog.in_recovery => about.step(
            Action::Keep,
            format!("the index is `{}`; only the primary can tell whether that matches the file", index.tail),
            Vec::new(),
        ),
        Some(index) => about.step(
            Action::Refuse,
            format!(
                "an index of this name exists, but it cannot be compared: the server has `{}`, the file says \
                 `{}`; {}; write the definition as the server prints it, or use another name",
                index.definition, wanted.create.definition, unknown.reason
            ),
            Vec::new(),
        ),
        None if unknown.is_final => about.step(Action::Refuse, &unknown.reason, Vec::new()),
        // There is nothing to compare it with: the build will tell.
        None if about.relation.is_partitioned() => {
            about.step(Action::Refuse, &unknown.reason, Vec::new())
        }
        None => {
            let mut sends = Vec::new();
            if let Some(index) = stands {
                if let Some(holder) = about.relation.builder(Some(index.oid)) {
                    return about.adopt(holder, index);
                }
                if let Some(why) = undroppable(index) {
                    return about.step(Action::Refuse, format!("it is not valid, and {why}"), Vec::new());
                }
                sends.push(SqlStatement::Drop {
                    index: index.qualified(),
                });
            }
            sends.push(create_as(about, &wanted.create.definition, wanted, &about.index.name));
            let (action, reason) = match stands {
                None => (Action::Create, "it does not exist"),
                Some(_) => (Action::Rebuild, "it is not valid, and no session is building it"),
            };
            about.step(action, reason, sends)
        }
    }
}

fn create_as(
    about: &StepBuilder<'_>,
    definition: &str,
    wanted: &WantedIndex<'_>,
    name: &str,
) -> SqlStatement {
    SqlStatement::Create {
        unique: wanted.create.unique,
        name: name.to_owned(),
        table: about.relation.qualified(),
        definition: definition.to_owned(),
    }
}

/// What a role that is not the owner can do about it.
fn not_owner(seen: &Snapshot, relation: &Relation) -> String {
    let (user, owner) = (&seen.catalog.user, quote_identifier(&relation.owner));
    let way_out = if relation.may_become_owner {
        format!(
            "it may become {owner} but has not done so: add options=-c%20role%3D{0} to the URL, or run ALTER \
             ROLE {1} SET role = {owner}",
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
        "role {user} cannot build on {} because it is not the owner; {way_out}",
        relation.qualified()
    )
}

/// A valid index of the same definition under another name that is to stay.
fn same_elsewhere<'a>(
    replay: &Replay<'_>,
    relation: &'a Relation,
    definition: &Definition,
) -> Option<&'a IndexState> {
    relation.indexes.iter().find(|index| {
        !replay.policy.allow_duplicates
            && definition.matches(index)
            && index.health() == IndexHealth::Valid
            && !replay.is_doomed(index)
            && !is_replacement_name(&index.name)
    })
}

/// A name that `--replace` gives for a while.
fn is_replacement_name(name: &str) -> bool {
    name.ends_with("_dbaudit_new") || name.ends_with("_dbaudit_old")
}

fn plain(
    about: &StepBuilder<'_>,
    wanted: &WantedIndex<'_>,
    definition: &Definition,
    stands: Option<&IndexState>,
) -> Step {
    let relation = about.relation;
    let Some(index) = stands else {
        let create = create_as(about, &wanted.create.definition, wanted, &about.index.name);
        return about.step(Action::Create, "it does not exist", vec![create]);
    };
    let is_here = relation.indexes.iter().any(|here| here.oid == index.oid);
    let as_desired = is_here && definition.matches(index);
    match index.health() {
        IndexHealth::Valid if as_desired => settled(about, wanted, index),
        // One that rejects duplicates is in use, valid or not; and what hangs on another one may be meant to stay.
        IndexHealth::Invalid if as_desired || is_expendable(index, wanted) => {
            if let Some(holder) = relation.builder(Some(index.oid)) {
                return about.adopt(holder, index);
            }
            repair(about, wanted, index, as_desired)
        }
        _ => {
            let holder = relation.builder(Some(index.oid));
            match holder.filter(|_| index.health() == IndexHealth::Invalid) {
                Some(holder) => about.adopt(holder, index),
                None => replace(about, wanted, definition, index),
            }
        }
    }
}

/// It is not valid, and nothing is lost with it.
fn is_expendable(index: &IndexState, wanted: &WantedIndex<'_>) -> bool {
    undroppable(index).is_none()
        && !is_enforcing(index)
        && (wanted.asked.replaces || !carries_something(index, wanted))
}

/// It is not valid, and still keeps duplicates out.
fn is_enforcing(index: &IndexState) -> bool {
    index.unique && index.ready && index.live
}

/// Not valid, and nobody is at it.
fn repair(
    about: &StepBuilder<'_>,
    wanted: &WantedIndex<'_>,
    index: &IndexState,
    as_desired: bool,
) -> Step {
    // To drop it first would open a gap, or lose what hangs on it.
    let why = if let Some(constraint) = &index.constraint {
        Some(format!("constraint {constraint} uses it"))
    } else if let Some(key) = &index.referenced_by {
        Some(format!("foreign key {key} depends on it"))
    } else if is_enforcing(index) {
        Some("it still prevents duplicates".to_owned())
    } else if carries_something(index, wanted) {
        Some("it has its own settings".to_owned())
    } else {
        None
    };
    if let Some(why) = why.filter(|_| as_desired && index.live) {
        let rebuild = SqlStatement::Reindex {
            target: ReindexTarget::Index,
            name: index.qualified(),
            tablespace: None,
        };
        let mut sends: Vec<SqlStatement> = about
            .relation
            .indexes
            .iter()
            .filter(|other| is_reindex_leftover(other, &index.name))
            .map(|other| SqlStatement::Drop {
                index: other.qualified(),
            })
            .collect();
        sends.push(rebuild);
        let reason = format!("it is not valid; {why}, so it is rebuilt in place");
        return about.step(Action::Rebuild, reason, sends);
    }
    let reason = match (index.live, as_desired) {
        (false, _) => "dropping it was interrupted, and no session is working on it",
        (true, true) => "it is not valid, and no session is building it",
        (true, false) => "it is not valid, has another definition, and no session is building it",
    };
    let sends = vec![
        SqlStatement::Drop {
            index: index.qualified(),
        },
        create_as(about, &wanted.create.definition, wanted, &about.index.name),
    ];
    about.step(Action::Rebuild, reason, sends)
}

/// Whether it has what a new index of the same definition would lack.
fn carries_something(index: &IndexState, wanted: &WantedIndex<'_>) -> bool {
    let comment = index.comment.is_some() && wanted.asked.comment.is_none();
    comment
        || index.clustered
        || !index.extensions.is_empty()
        || !index.statistics.is_empty()
        || index.tablespace.is_some()
}

/// Valid and as desired: what is left is to tidy up behind earlier runs, and the comment.
fn settled(about: &StepBuilder<'_>, wanted: &WantedIndex<'_>, index: &IndexState) -> Step {
    let catalog = &wanted.replay.seen.catalog;
    let own = about.relation.indexes.iter();
    let mut leftovers: Vec<&IndexState> = own
        .filter(|other| is_reindex_leftover(other, &index.name))
        .collect();
    // The index that was replaced may have been another table's.
    for name in [built_name(&index.name), retired_name(&index.name)] {
        let found = catalog.index(&QualifiedName::new(&index.schema, name));
        leftovers.extend(found.filter(|other| undroppable(other).is_none()));
    }
    let is_busy = |other: &&IndexState| {
        let table = catalog.table_of(other.oid);
        table.is_none_or(|table| !table.owned || table.builder(Some(other.oid)).is_some())
    };
    if leftovers.is_empty() || leftovers.iter().any(is_busy) {
        return comment(about, wanted, index);
    }
    let names: Vec<String> = leftovers
        .iter()
        .map(|i| i.qualified().to_string())
        .collect();
    let sends = leftovers
        .iter()
        .map(|i| SqlStatement::Drop {
            index: i.qualified(),
        })
        .collect();
    let reason = format!(
        "it is as desired; {} remains from an interrupted run",
        names.join(", ")
    );
    about.step(Action::Drop, reason, sends)
}

/// As desired, but for its comment perhaps.
pub(in crate::plan) fn comment(
    about: &StepBuilder<'_>,
    wanted: &WantedIndex<'_>,
    index: &IndexState,
) -> Step {
    match &wanted.asked.comment {
        Some(text) if *text != index.comment => {
            let send = SqlStatement::Comment {
                index: index.qualified(),
                text: text.clone(),
                lock_timeout: wanted.replay.policy.brief_lock_timeout,
            };
            about.step(Action::Keep, "as desired; its comment is set", vec![send])
        }
        _ => about.step(Action::Keep, "as desired", Vec::new()),
    }
}
