//! The planner's statistics, written into the catalog as ANALYZE left them on production.

use serde_json::json;

use super::{expressions, most_common, session::run, snapshot::Snapshot};
use crate::{Error, Result, db::Session};

pub(super) async fn give_statistics(session: &Session, snapshot: &Snapshot) -> Result<()> {
    let doing = || Error::server("writing the statistics");
    run(
        session,
        "writing the statistics",
        include_str!("functions.sql"),
    )
    .await?;
    run(
        session,
        "writing the statistics",
        "DELETE FROM pg_statistic WHERE starelid >= 16384",
    )
    .await?;
    run(session, "lifting the constraints", include_str!("lift.sql")).await?;
    // Through a table with statistics of its own: the planner cannot know how many rows a JSON document holds.
    let (expressions, mut columns) = expressions::as_columns(session, snapshot).await?;
    columns.extend(snapshot.columns.iter().cloned());
    let columns = json!(columns).to_string();
    session
        .execute(
            "INSERT INTO given OVERRIDING USER VALUE
             SELECT * FROM json_populate_recordset(NULL::given, $1::text::json)",
            &[&columns],
        )
        .await
        .map_err(doing())?;
    let insert = concat!("ANALYZE given;", include_str!("statistics.sql"));
    run(session, "writing the statistics", insert).await?;
    let mut lists = Vec::with_capacity(snapshot.extended.len());
    for extended in &snapshot.extended {
        lists.push(most_common::list(session, extended).await?);
    }
    run(
        session,
        "restoring the constraints",
        include_str!("restore.sql"),
    )
    .await?;
    // No input function takes them; the bytes are the server's own.
    let casts: String = ["pg_ndistinct", "pg_dependencies", "pg_mcv_list"]
        .map(|kind| format!("CREATE CAST (bytea AS {kind}) WITHOUT FUNCTION;"))
        .concat();
    run(session, "writing the extended statistics", &casts).await?;
    let inherited = if snapshot.server.major >= 15 {
        "stxdinherit, "
    } else {
        ""
    };
    let value = if snapshot.server.major >= 15 {
        "g.inherited, "
    } else {
        ""
    };
    let insert = format!(
        "INSERT INTO pg_statistic_ext_data (stxoid, {inherited}stxdndistinct, stxddependencies, stxdmcv)
         SELECT e.oid, {value}CASE WHEN portable THEN decode(n_distinct, 'hex')::pg_ndistinct END,
                CASE WHEN portable THEN decode(dependencies, 'hex')::pg_dependencies END,
                decode(lists.list, 'hex')::pg_mcv_list
         FROM ROWS FROM (json_to_recordset($1::text::json) AS (schema text, name text, inherited bool, n_distinct text,
              dependencies text, portable bool)) WITH ORDINALITY AS g
              (schema, name, inherited, n_distinct, dependencies, portable, place)
         JOIN unnest($2::text[]) WITH ORDINALITY AS lists (list, place) USING (place)
         JOIN pg_namespace n ON n.nspname = g.schema
         JOIN pg_statistic_ext e ON e.stxnamespace = n.oid AND e.stxname = g.name"
    );
    if snapshot.server.major < 15 {
        // There the rows are made with the objects.
        run(
            session,
            "writing the extended statistics",
            "DELETE FROM pg_statistic_ext_data",
        )
        .await?;
    }
    session
        .execute(&insert, &[&json!(snapshot.extended).to_string(), &lists])
        .await
        .map_err(doing())?;
    expressions
        .give(session, snapshot.server.major >= 15)
        .await?;
    run(
        session,
        "writing the extended statistics",
        "DROP CAST (bytea AS pg_ndistinct); DROP CAST (bytea AS pg_dependencies); DROP CAST (bytea AS pg_mcv_list)",
    )
    .await
}
