//! The search against trying everything, on servers made up at random.

use std::{cell::Cell, collections::BTreeSet};

use super::{
    super::{
        Cost, IndexSpec, Key, Memo, Method, Point, QueryModel, Reply, SetLimits, Subset, Time,
        Writes,
    },
    Oracle, Question, Search, Space, Subject,
};
use crate::catalog::QualifiedName;

/// What each query costs by itself, and what each candidate makes of it: a query takes the best of each table's, and
/// some only together with another's.
struct Server {
    factors: Vec<Vec<f64>>,
    /// This candidate does nothing without that one.
    needs: Vec<Option<usize>>,
    tables: Vec<usize>,
    asked: Cell<usize>,
    most: usize,
}

const COST: f64 = 100_000.0;

impl Server {
    fn reply(&self, query: usize, set: &Subset) -> Reply {
        let mut units = COST * (query + 1) as f64;
        let mut used = Subset::new();
        for table in 0..3 {
            let of_table = set.iter().filter(|id| self.tables[**id] == table);
            let usable =
                of_table.filter(|id| self.needs[**id].is_none_or(|other| set.contains(&other)));
            let best =
                usable.min_by(|a, b| self.factors[query][**a].total_cmp(&self.factors[query][**b]));
            if let Some(best) = best.filter(|best| self.factors[query][**best] < 0.99) {
                units *= self.factors[query][*best];
                used.insert(*best);
                used.extend(self.needs[*best]);
            }
        }
        Reply {
            costs: vec![Cost::of(units)],
            used,
            present: BTreeSet::new(),
        }
    }
}

impl Oracle for Server {
    type Error = ();

    async fn ask(&self, questions: &[Question]) -> Result<Vec<Option<Reply>>, ()> {
        Ok(questions
            .iter()
            .map(|question| {
                self.asked.set(self.asked.get() + 1);
                (self.asked.get() <= self.most).then(|| self.reply(question.query, &question.set))
            })
            .collect())
    }

    fn left(&self) -> f64 {
        1.0 - self.asked.get() as f64 / self.most as f64
    }
}

fn subject(query: usize, candidates: usize) -> Subject {
    Subject {
        model: QueryModel {
            budget_ms: 1.0,
            weight: 1.0,
            points: vec![Point {
                label: "given".into(),
                cost: COST * (query + 1) as f64,
                time: Time::Measured(1e10 * (query + 1) as f64),
            }],
        },
        calls: 1.0,
        relevant: (0..candidates).collect(),
        together: false,
    }
}

fn spec(id: usize, table: usize) -> IndexSpec {
    IndexSpec {
        table: QualifiedName::new("public", format!("t{table}")),
        method: Method::Btree,
        keys: vec![Key::column(&format!("c{id}"))],
        include: Vec::new(),
        predicate: None,
    }
}

/// The best set's total, and the least of all sets', of at most so many indexes.
fn searched(server: &Server, limit: Option<usize>) -> (f64, f64, Subset) {
    let (queries, candidates) = (server.factors.len(), server.tables.len());
    let subjects: Vec<Subject> = (0..queries)
        .map(|query| subject(query, candidates))
        .collect();
    let specs: Vec<IndexSpec> = server
        .tables
        .iter()
        .enumerate()
        .map(|(id, table)| spec(id, *table))
        .collect();
    let bytes = vec![1_000_000; candidates];
    let space = Space {
        subjects: &subjects,
        candidates: &specs,
        bytes: &bytes,
        writes: &Writes::default(),
        limits: SetLimits {
            indexes: limit,
            bytes: None,
        },
    };
    let mut memo = Memo::new(queries);
    for query in 0..queries {
        memo.note(query, Subset::new(), server.reply(query, &Subset::new()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut search = Search::new(server, space, memo);
    let found = runtime.block_on(search.run()).unwrap();
    let total = |set: &Subset| -> f64 {
        (0..queries)
            .map(|query| server.reply(query, set).costs[0].units)
            .sum()
    };
    let least = (0_u32..1 << candidates)
        .map(|bits| {
            (0..candidates)
                .filter(|id| bits & (1 << id) != 0)
                .collect::<Subset>()
        })
        .filter(|set| limit.is_none_or(|most| set.len() <= most))
        .map(|set| total(&set))
        .fold(f64::INFINITY, f64::min);
    (total(&found[0].set), least, found[0].set.clone())
}

fn server(factors: &[Vec<u32>], needs: &[Option<usize>], most: usize) -> Server {
    let candidates = needs.len();
    Server {
        factors: factors
            .iter()
            .map(|row| {
                row.iter()
                    .map(|step| [1.0, 0.9, 0.6, 0.3, 0.05, 0.001][*step as usize])
                    .collect()
            })
            .collect(),
        needs: needs
            .iter()
            .enumerate()
            .map(|(id, other)| other.filter(|other| *other != id))
            .collect(),
        tables: (0..candidates).map(|id| id % 3).collect(),
        asked: Cell::new(0),
        most,
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    #[test]
    fn it_is_as_good_as_trying_everything_and_no_member_could_go(
        factors in proptest::collection::vec(proptest::collection::vec(0_u32..6, 8), 1..7),
        needs in proptest::collection::vec(proptest::option::weighted(0.15, 0_usize..8), 8),
    ) {
        let server = server(&factors, &needs, usize::MAX);
        let (found, least, set) = searched(&server, None);
        proptest::prop_assert!(found <= least * 1.0201, "{found} {least} {set:?}");
        // None may go: all together would take too much longer, or the slowest, or one that counts would be half as
        // fast at most.
        let units = |query: usize, set: &Subset| server.reply(query, set).costs[0].units;
        let all: f64 = (0..factors.len()).map(|query| units(query, &Subset::new())).sum();
        let worst = |set: &Subset| (0..factors.len()).map(|query| units(query, set)).fold(0.0, f64::max);
        for id in &set {
            let fewer: Subset = set.iter().filter(|other| *other != id).copied().collect();
            let total: f64 = (0..factors.len()).map(|query| units(query, &fewer)).sum();
            let slower = (0..factors.len()).any(|query| {
                let (now, with) = (units(query, &Subset::new()), units(query, &set));
                now > 0.01 * all && with <= now / 1.9 && units(query, &fewer) > now / 1.9
            });
            let missed = total > least * 1.0199 || slower || worst(&fewer) > worst(&set);
            proptest::prop_assert!(missed, "{id} of {set:?}");
        }
    }

    /// Cut short anywhere, it has a set that is no worse than none, and the longer it ran the better.
    #[test]
    fn cut_short_it_answers_with_what_it_has(
        factors in proptest::collection::vec(proptest::collection::vec(0_u32..6, 8), 2..7),
        most in 1_usize..200,
    ) {
        let server = server(&factors, &[None; 8], most);
        let (found, ..) = searched(&server, None);
        let none: f64 = (0..factors.len()).map(|query| COST * (query + 1) as f64).sum();
        proptest::prop_assert!(found <= none * 1.0001);
        proptest::prop_assert!(server.asked.get() <= most + super::CHUNK);
    }

    /// The worst query comes first, so that the total may stay above the least; but what can be gained is not left.
    #[test]
    fn a_limit_is_kept_and_what_is_allowed_is_used(
        factors in proptest::collection::vec(proptest::collection::vec(0_u32..6, 8), 1..5),
        limit in 1_usize..4,
    ) {
        let server = server(&factors, &[None; 8], usize::MAX);
        let (found, least, set) = searched(&server, Some(limit));
        proptest::prop_assert!(set.len() <= limit);
        let none: f64 = (0..factors.len()).map(|query| COST * (query + 1) as f64).sum();
        proptest::prop_assert!(found < none || least > none / 2.0, "{found} {least} {none}");
    }
}
