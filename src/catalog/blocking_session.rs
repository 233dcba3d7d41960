//! A session that others wait for.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockingSession {
    /// Its process; 0 or `None` for a prepared transaction.
    pub pid: Option<i32>,
    pub user: Option<String>,
    pub application: Option<String>,
    /// As `pg_stat_activity` has it.
    pub state: Option<String>,
    /// As `pg_stat_activity` has it.
    pub backend_type: Option<String>,
    pub transaction_ms: Option<i64>,
    pub query: Option<String>,
}

/// So many characters of a query are asked for: see `watch.sql`.
const QUERY_BEGINNING: usize = 120;

impl std::fmt::Display for BlockingSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(pid) = self.pid.filter(|pid| *pid != 0) else {
            return f.write_str("a prepared transaction (see pg_prepared_xacts)");
        };
        write!(f, "pid {pid}")?;
        let who: Vec<&str> = [&self.user, &self.application, &self.state]
            .into_iter()
            .filter_map(|text| text.as_deref())
            .filter(|text| !text.is_empty())
            .collect();
        if !who.is_empty() {
            write!(f, " ({})", who.join(", "))?;
        }
        if let Some(age) = self.transaction_ms {
            #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
            let age = age.max(0) as f64;
            write!(f, " in a transaction for {}", crate::human::human_ms(age))?;
        }
        if let Some(query) = self.query.as_deref().filter(|query| !query.is_empty()) {
            let line: Vec<&str> = query.split_whitespace().collect();
            let cut = if query.chars().count() >= QUERY_BEGINNING {
                " …"
            } else {
                ""
            };
            write!(f, ": {}{cut}", line.join(" "))?;
        }
        Ok(())
    }
}
