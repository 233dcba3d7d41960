//! Sessions whose settings do not depend on role or database defaults.

use super::ApplyConfig;
use crate::{
    Error, Result,
    db::{self, ConnectionConfig, Session},
};

/// Sets, in one statement that returns the backend's process, what the role's or database's defaults may have set
/// otherwise. Settings a server does not know are left out.
fn settings(lock_timeout_ms: u128, settings: &ApplyConfig) -> String {
    let memory = settings
        .maintenance_work_mem
        .as_ref()
        .map(|value| ("maintenance_work_mem", value.clone()));
    let workers = settings
        .parallel_workers
        .map(|value| ("max_parallel_maintenance_workers", value.to_string()));
    let wanted: Vec<String> = [
        ("statement_timeout", "0".to_owned()),
        ("transaction_timeout", "0".to_owned()),
        ("idle_session_timeout", "0".to_owned()),
        ("idle_in_transaction_session_timeout", "0".to_owned()),
        ("default_transaction_read_only", "off".to_owned()),
        ("default_transaction_isolation", "read committed".to_owned()),
        // A client that vanishes without a word does not keep the lock between deploys for hours.
        ("tcp_keepalives_idle", "30".to_owned()),
        ("tcp_keepalives_interval", "10".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        // A killed client's build goes on to its end; the next run adopts it.
        ("client_connection_check_interval", "0".to_owned()),
        ("lock_timeout", lock_timeout_ms.to_string()),
        // Compiling a query plan takes longer than any query here.
        ("jit", "off".to_owned()),
    ]
    .into_iter()
    .chain(memory)
    .chain(workers)
    .map(|(name, value)| format!("('{name}', {})", crate::catalog::quote_literal(&value)))
    .collect();
    format!(
        "SELECT pg_backend_pid(), count(set_config(w.name, w.value, false)), \
         (SELECT to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') \
          FROM pg_stat_activity WHERE pid = pg_backend_pid()) \
         FROM (VALUES {}) AS w (name, value) WHERE current_setting(w.name, true) IS NOT NULL",
        wanted.join(", ")
    )
}

/// A session that looks and watches. It never waits for a lock longer than `--lock-timeout`.
pub(super) async fn control(config: &ConnectionConfig, apply: &ApplyConfig) -> Result<Session> {
    let session = db::connect(config, "apply-indexes").await?;
    prepare_control(&session, apply).await?;
    Ok(session)
}

/// The same for a session that is open already.
pub(super) async fn prepare_control(session: &Session, apply: &ApplyConfig) -> Result<()> {
    prepare(session, apply.lock_timeout.as_millis().max(1), apply).await
}

/// A session that builds. It has no timeouts of its own: its waits are watched from the control session, since
/// `lock_timeout` would count the waits for older transactions as well.
///
/// `control`: refuse a transaction pooler, before any setting is left behind in it.
pub(super) async fn builder(
    config: &ConnectionConfig,
    apply: &ApplyConfig,
    control: &Session,
) -> Result<Session> {
    let session = db::connect(config, "apply-indexes build").await?;
    super::guard::check_pooler(control, &session).await?;
    prepare(&session, 0, apply).await?;
    super::guard::check_settings(&session).await?;
    Ok(session)
}

async fn prepare(session: &Session, lock_timeout_ms: u128, apply: &ApplyConfig) -> Result<()> {
    let sql = settings(lock_timeout_ms, apply);
    let mut attempts = 0;
    loop {
        attempts += 1;
        match session.query_typed_one(&sql, &[]).await {
            Ok(row) => {
                if let Some(started) = row.get::<_, Option<String>>(2) {
                    let _ = session.started.set(started);
                }
                session.knows_backend_pid(row.get(0));
                return Ok(());
            }
            // The role's own statement_timeout is still in force, and may be shorter than this takes.
            Err(error) if db::sqlstate(&error) == Some("57014") && attempts < 20 => {}
            Err(error) => return Err(Error::server("setting the session's timeouts")(error)),
        }
    }
}
