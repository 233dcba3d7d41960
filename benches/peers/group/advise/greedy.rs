//! An advisor as most are: the one index that helps most, then the one that helps most beside it, until none does.

use tokio_postgres::Client;

use crate::place::{Place, connect};

/// What V5 and V6 build.
pub(super) const PAIR: [&str; 2] = [
    "public.content (content_type, audience_level, generated_at DESC)",
    "public.content_metadata (content_id)",
];

/// The columns that the standard queries have in conditions, joins and orders.
const COLUMNS: [(&str, &[&str]); 3] = [
    (
        "public.content",
        &[
            "id",
            "user_id",
            "topic",
            "content_type",
            "audience_level",
            "generated_at",
        ],
    ),
    ("public.content_metadata", &["content_id"]),
    ("public.users", &["is_active", "last_used_at"]),
];

/// A round that gains less than this is the last.
const GAIN: f64 = 0.1;

pub(super) struct Greedy {
    runtime: tokio::runtime::Runtime,
    client: Client,
    queries: Vec<String>,
}

/// What it came to: the indexes, and what all queries cost before and after.
pub(super) struct Tried {
    pub(super) indexes: Vec<String>,
    pub(super) before: f64,
    pub(super) after: f64,
}

impl Greedy {
    pub(super) fn connect(place: &Place, database: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let client = runtime.block_on(connect(&place.url(database)));
        let mut greedy = Self {
            runtime,
            client,
            queries: Vec::new(),
        };
        greedy.queries = greedy.written();
        greedy
    }

    /// The standard queries with their commonest values.
    fn written(&self) -> Vec<String> {
        let commonest = "SELECT
            (SELECT user_id::text FROM content GROUP BY user_id ORDER BY count(*) DESC, 1 LIMIT 1),
            (SELECT quote_literal(topic) FROM content GROUP BY topic ORDER BY count(*) DESC, 1 LIMIT 1),
            t.content_type, t.audience_level
            FROM (SELECT quote_literal(content_type) AS content_type, quote_literal(audience_level) AS audience_level
                    FROM content GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT 1) AS t";
        let row = self
            .runtime
            .block_on(self.client.query_one(commonest, &[]))
            .expect(commonest);
        let values: Vec<String> = (0..4).map(|at| row.get(at)).collect();
        let [user, topic, kind, level] = &values[..] else {
            unreachable!("four were asked for");
        };
        vec![
            "SELECT u.id, u.last_used_at FROM users u WHERE u.is_active = true ORDER BY u.last_used_at DESC LIMIT 50".into(),
            format!(
                "SELECT c.id, c.topic, c.content_type, c.generated_at FROM content c WHERE c.user_id = {user} \
                 ORDER BY c.generated_at DESC LIMIT 20 OFFSET 1000"
            ),
            format!(
                "SELECT c.*, cm.word_count, cm.estimated_read_time FROM content c \
                 LEFT JOIN content_metadata cm ON c.id = cm.content_id \
                 WHERE c.content_type = {kind} AND c.audience_level = {level} ORDER BY c.generated_at DESC LIMIT 20"
            ),
            format!("SELECT c.id, c.user_id, c.generated_at FROM content c WHERE c.topic = {topic}"),
        ]
    }

    /// Each column, each two of a table in both orders, and these.
    pub(super) fn candidates(&self, more: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for (table, columns) in COLUMNS {
            for one in columns {
                all.push(format!("{table} ({one})"));
                let others = columns.iter().filter(|other| *other != one);
                all.extend(others.map(|other| format!("{table} ({one}, {other})")));
            }
        }
        for one in more {
            if !all.iter().any(|known| known == one) {
                all.push((*one).to_owned());
            }
        }
        all
    }

    pub(super) fn search(&self, candidates: &[String]) -> Tried {
        self.runtime.block_on(async {
            let mut kept: Vec<String> = Vec::new();
            let before = self.cost(&kept).await;
            let mut now = before;
            loop {
                let mut best: Option<(f64, &String)> = None;
                for candidate in candidates.iter().filter(|one| !kept.contains(one)) {
                    let mut with = kept.clone();
                    with.push(candidate.clone());
                    let cost = self.cost(&with).await;
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, candidate));
                    }
                }
                match best {
                    Some((cost, candidate)) if cost < now * (1.0 - GAIN) => {
                        kept.push(candidate.clone());
                        now = cost;
                    }
                    _ => break,
                }
            }
            Tried {
                indexes: kept,
                before,
                after: now,
            }
        })
    }

    /// What somebody else's indexes come to.
    pub(super) fn judge(&self, indexes: Vec<String>) -> Tried {
        self.runtime.block_on(async {
            Tried {
                before: self.cost(&[]).await,
                after: self.cost(&indexes).await,
                indexes,
            }
        })
    }

    /// What the planner takes all queries to cost with these indexes, in one round trip.
    async fn cost(&self, indexes: &[String]) -> f64 {
        let mut script = String::from("SELECT hypopg_reset();");
        for index in indexes {
            script.push_str(&format!(
                "SELECT hypopg_create_index($hypopg$CREATE INDEX ON {index}$hypopg$);"
            ));
        }
        for query in &self.queries {
            script.push_str(&format!("EXPLAIN {query};"));
        }
        let messages = self.client.simple_query(&script).await.expect(&script);
        // The root's line is the one whose `cost=` is not indented behind an arrow.
        messages
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| {
                let range = line.split_once("(cost=")?.1.split_once(' ')?.0;
                range.split_once("..")?.1.parse::<f64>().ok()
            })
            .sum()
    }
}
