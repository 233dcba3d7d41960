//! The plan, table by table and by property: whatever is there, carrying the plan out leaves nothing to do.

mod model;

use proptest::prelude::*;

use self::model::{Model, TAIL};
use super::{Action, DeployPolicy, SqlStatement, built_name, retired_name};
use crate::catalog::index_state::LockHolder;

fn builder(building: Option<u32>) -> LockHolder {
    LockHolder {
        pid: Some(4711),
        user: Some("ann".into()),
        application: Some("psql".into()),
        backend_type: Some("client backend".into()),
        state: Some("active".into()),
        query: Some("CREATE INDEX CONCURRENTLY …".into()),
        since_ms: Some(1000),
        building,
        maintenance: Some(false),
    }
}

fn replacing() -> DeployPolicy {
    DeployPolicy {
        replace: true,
        ..DeployPolicy::default()
    }
}

/// Only a new index is begun with what was seen a moment ago; all else looks again.
#[test]
fn a_drop_a_wait_and_a_swap_do_not_begin_with_a_new_index() {
    let other = Model::table().index("i", "USING btree (b)", true);
    let being_built = Model::table().index("i", TAIL, false);
    let oid = being_built.oid("i");
    for (name, model, begins) in [
        ("absent", Model::table(), true),
        ("beside the old one", other.clone(), true),
        (
            "built, to be swapped",
            other.index(&built_name("i"), TAIL, true),
            false,
        ),
        ("invalid", being_built.clone(), false),
        ("being built", being_built.holder(builder(oid)), false),
        ("as desired", Model::table().index("i", TAIL, true), false),
    ] {
        let step = model.decide(&replacing());
        assert_eq!(step.begins_with_a_new_index(), begins, "{name}: {step:?}");
    }
}

#[test]
fn every_state_of_a_plain_table_has_its_action() {
    let absent = Model::table();
    let valid = Model::table().index("i", TAIL, true);
    let invalid = Model::table().index("i", TAIL, false);
    let other = Model::table().index("i", "USING btree (b)", true);
    let other_invalid = Model::table().index("i", "USING btree (b)", false);
    let twin = Model::table().index("twin", TAIL, true);
    let twin_invalid = Model::table().index("twin", TAIL, false);
    let plain = DeployPolicy::default();
    let duplicates = DeployPolicy {
        allow_duplicates: true,
        ..DeployPolicy::default()
    };
    for (name, model, policy, action, sends) in [
        ("absent", &absent, &plain, Action::Create, 1),
        ("valid", &valid, &plain, Action::Keep, 0),
        ("invalid", &invalid, &plain, Action::Rebuild, 2),
        ("other definition", &other, &plain, Action::Refuse, 0),
        (
            "other definition, --replace",
            &other,
            &replacing(),
            Action::Replace,
            3,
        ),
        (
            "other definition and invalid",
            &other_invalid,
            &plain,
            Action::Rebuild,
            2,
        ),
        ("same under another name", &twin, &plain, Action::Keep, 0),
        (
            "same under another name, --allow-duplicates",
            &twin,
            &duplicates,
            Action::Create,
            1,
        ),
        (
            "the same, not valid, under another name",
            &twin_invalid,
            &plain,
            Action::Create,
            1,
        ),
        ("no table", &Model::default(), &plain, Action::Refuse, 0),
        (
            "a view",
            &Model::table().kind("v"),
            &plain,
            Action::Refuse,
            0,
        ),
        (
            "somebody else's table",
            &Model::table().not_owned(),
            &plain,
            Action::Refuse,
            0,
        ),
        (
            "somebody else's, but all is well",
            &valid.clone().not_owned(),
            &plain,
            Action::Keep,
            0,
        ),
        (
            "a constraint's, not valid",
            &invalid.clone().constraint("i"),
            &plain,
            Action::Rebuild,
            1,
        ),
        (
            "a constraint's, of another definition",
            &other.clone().constraint("i"),
            &replacing(),
            Action::Refuse,
            0,
        ),
    ] {
        let step = model.decide(policy);
        assert_eq!(
            (step.action, step.sends.len()),
            (action, sends),
            "{name}: {}",
            step.reason
        );
    }
}

#[test]
fn an_index_that_a_live_session_builds_is_never_dropped() {
    let invalid = Model::table().index("i", TAIL, false);
    let known = invalid.clone().holder(builder(invalid.oid("i")));
    // A role that may see little does not see what is built, only that the lock is held.
    let unknown = invalid.clone().holder(builder(None));
    let another = invalid.clone().holder(builder(Some(99)));
    for model in [known, unknown, another] {
        let step = model.decide(&replacing());
        assert_eq!(step.action, Action::Adopt, "{}", step.reason);
        assert!(step.sends.is_empty() && step.wait_for.is_some());
    }
    let vacuum = LockHolder {
        maintenance: Some(true),
        ..builder(None)
    };
    assert_eq!(
        invalid.holder(vacuum).decide(&replacing()).action,
        Action::Rebuild
    );
}

#[test]
fn what_an_interrupted_reindex_left_is_dropped_unless_it_still_runs() {
    for (leftover, valid, dropped) in [
        ("i_ccnew", false, true),
        ("i_ccnew1", false, true),
        ("i_ccold", false, true),
        ("i_ccnew", true, false),
        ("i_ccother", false, false),
        ("j_ccnew", false, false),
    ] {
        let model = Model::table()
            .index("i", TAIL, true)
            .index(leftover, TAIL, valid);
        let action = model.decide(&DeployPolicy::default()).action;
        assert_eq!(action == Action::Drop, dropped, "{leftover} {valid}");
        let busy = model.holder(builder(None)).decide(&DeployPolicy::default());
        assert_eq!((busy.action, busy.sends.len()), (Action::Keep, 0));
    }
    let long = "i".repeat(63);
    let model = Model::table().wanting(&long).index(&long, TAIL, true);
    let cut = format!("{}_ccnew", "i".repeat(57));
    assert_eq!(
        model
            .index(&cut, TAIL, false)
            .decide(&DeployPolicy::default())
            .action,
        Action::Drop
    );
}

#[test]
fn a_replacement_that_was_broken_off_goes_on_where_it_was() {
    let (built, retired) = (built_name("i"), retired_name("i"));
    let other = || Model::table().index("i", "USING btree (b)", true);
    let sends = |model: Model| model.decide(&replacing()).sends.len();
    assert_eq!(sends(other().index(&built, TAIL, true)), 2, "swap and drop");
    assert_eq!(
        sends(other().index(&built, TAIL, false)),
        4,
        "drop, build, swap, drop"
    );
    let swapped = Model::table()
        .index("i", TAIL, true)
        .index(&retired, "USING btree (b)", true);
    assert!(matches!(
        &swapped.decide(&DeployPolicy::default()).sends[..],
        [SqlStatement::Drop { .. }]
    ));
}

#[test]
fn the_same_index_under_a_name_that_is_to_go_is_no_reason_to_keep() {
    let model = Model::table().index("old", TAIL, true).and_drop("old");
    assert_eq!(
        model.decide(&DeployPolicy::default()).action,
        Action::Create
    );
    let recorded = model.recorded();
    assert_eq!(
        recorded.decide(&DeployPolicy::default()).action,
        Action::Keep
    );
}

#[test]
fn a_partition_tree_is_built_from_the_leaves_and_a_foreign_partition_is_refused() {
    let tree = Model::table()
        .kind("p")
        .partition("p1", "r")
        .partition("p2", "p")
        .below("p2", "p21", "r");
    let step = tree.decide(&DeployPolicy::default());
    let sql: Vec<String> = step
        .statements()
        .into_iter()
        .filter(|s| s.starts_with("CREATE") || s.starts_with("ALTER"))
        .collect();
    assert_eq!(
        sql,
        [
            "CREATE INDEX i ON ONLY public.t (a)",
            "CREATE INDEX CONCURRENTLY p1_i ON public.p1 (a)",
            "ALTER INDEX public.i ATTACH PARTITION public.p1_i",
            "CREATE INDEX p2_i ON ONLY public.p2 (a)",
            "CREATE INDEX CONCURRENTLY p21_i ON public.p21 (a)",
            "ALTER INDEX public.p2_i ATTACH PARTITION public.p21_i",
            "ALTER INDEX public.i ATTACH PARTITION public.p2_i",
        ]
    );
    let foreign = Model::table()
        .kind("p")
        .partition("p1", "f")
        .decide(&DeployPolicy::default());
    assert_eq!(foreign.action, Action::Refuse);
    assert!(
        foreign.reason.contains("public.p1 is a foreign table"),
        "{}",
        foreign.reason
    );
}

#[test]
fn partitions_whose_names_begin_alike_get_indexes_of_different_names() {
    let long = "p".repeat(60);
    let (first, second) = (format!("{long}01"), format!("{long}02"));
    let tree = Model::table()
        .kind("p")
        .partition(&first, "r")
        .partition(&second, "r")
        .taken(&format!("{long}_i1"));
    let created: Vec<String> = tree
        .decide(&DeployPolicy::default())
        .sends
        .iter()
        .filter_map(|send| match send {
            SqlStatement::Create { name, .. } => Some(name.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(created, [format!("{long}0_i"), format!("{long}_i2")]);
}

#[test]
fn what_a_killed_build_left_on_a_partition_is_ours_under_any_number() {
    let tree = |name: &str, valid: bool| {
        let model = Model::table().kind("p").partition("p1", "r");
        let model = model.partitioned_index("i", "t", None);
        model.on("p1", name, valid)
    };
    for (name, first) in [
        ("p1_i", "DROP INDEX CONCURRENTLY public.p1_i"),
        ("p1_i3", "DROP INDEX CONCURRENTLY public.p1_i3"),
        ("by_hand", "CREATE INDEX CONCURRENTLY p1_i ON public.p1 (a)"),
    ] {
        assert_eq!(
            tree(name, false)
                .decide(&DeployPolicy::default())
                .statements()[0],
            first
        );
    }
    // Beside one that serves, it goes.
    let whole = tree("by_hand", true).leaf_index("p1", 3, true, "i");
    assert_eq!(
        whole.decide(&DeployPolicy::default()).action,
        Action::Rebuild,
        "it is to be validated"
    );
    for left in ["p1_i_ccnew", "p1_i_ccold2", "p1_i2"] {
        let model = Model::table()
            .kind("p")
            .partition("p1", "r")
            .partitioned_index("i", "t", None);
        let model = model
            .leaf_index("p1", 3, true, "i")
            .on("p1", left, false)
            .validated("i");
        let step = model.decide(&DeployPolicy::default());
        assert_eq!(step.action, Action::Drop, "{left}: {}", step.reason);
        assert_eq!(
            step.statements(),
            [format!("DROP INDEX CONCURRENTLY public.{left}")]
        );
        let busy = model
            .holder_on("p1", builder(None))
            .decide(&DeployPolicy::default());
        assert_eq!((busy.action, busy.sends.len()), (Action::Keep, 0));
    }
}

#[test]
fn a_parent_that_version_13_cannot_validate_is_refused_with_the_way_out() {
    let tree = Model::table()
        .kind("p")
        .partitioned_index("i", "t", None)
        .partition("p1", "r");
    let tree = tree.leaf_index("p1", 3, true, "i");
    assert_eq!(
        tree.decide(&DeployPolicy::default()).action,
        Action::Rebuild
    );
    let step = tree.on_version(130_023).decide(&DeployPolicy::default());
    assert_eq!(step.action, Action::Refuse);
    assert!(
        step.reason.contains("DROP INDEX public.i"),
        "{}",
        step.reason
    );
}

/// A table with indexes in any state, some of them with names that dbaudit or Postgres give.
fn any_table() -> impl Strategy<Value = Model> {
    let name = prop::sample::select(vec![
        "i",
        "twin",
        "i_ccnew",
        "i_ccold",
        "i_ccnew2",
        "i_dbaudit_new",
        "i_dbaudit_old",
    ]);
    let tail = prop::sample::select(vec![TAIL, "USING btree (b)"]);
    prop::collection::btree_map(name, (tail, any::<bool>(), any::<bool>()), 0..5).prop_map(
        |indexes| {
            indexes.into_iter().fold(
                Model::table(),
                |model, (name, (tail, valid, constraint))| {
                    let model = model.index(name, tail, valid);
                    if constraint && name == "i" {
                        model.constraint(name)
                    } else {
                        model
                    }
                },
            )
        },
    )
}

/// A tree of up to three levels whose indexes are there in part, attached or not, valid or not.
fn any_tree() -> impl Strategy<Value = Model> {
    let leaf = (0u8..6, any::<bool>());
    (
        prop::collection::vec(leaf, 0..4),
        prop::collection::vec((0u8..6, any::<bool>()), 0..3),
        0u8..3,
    )
        .prop_map(|(leaves, deep, top)| {
            let mut model = Model::table().kind("p");
            if top > 0 {
                model = model.partitioned_index("i", "t", None);
            }
            for (at, (state, valid)) in leaves.into_iter().enumerate() {
                let name = format!("p{at}");
                model = model
                    .partition(&name, "r")
                    .leaf_index(&name, state, valid, "i");
            }
            if !deep.is_empty() {
                model = model.partition("q", "p");
                if top > 1 {
                    model = model.partitioned_index("q_i", "q", Some("i"));
                }
                for (at, (state, valid)) in deep.into_iter().enumerate() {
                    let name = format!("q{at}");
                    model = model
                        .below("q", &name, "r")
                        .leaf_index(&name, state, valid, "q_i");
                }
            }
            model
        })
}

proptest! {
    #[test]
    fn carrying_the_plan_out_leaves_nothing_to_do(model in any_table(), replace: bool) {
        let policy = DeployPolicy { replace, ..DeployPolicy::default() };
        model.converges(&policy)?;
    }

    #[test]
    fn carrying_the_plan_out_on_a_partition_tree_leaves_nothing_to_do(model in any_tree()) {
        model.converges(&DeployPolicy::default())?;
    }
}
