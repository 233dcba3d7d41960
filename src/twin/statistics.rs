//! The planner's statistics, written into the catalog as ANALYZE left them on production.

use serde_json::json;

use super::{
    attribute_numbers::renumber,
    expressions, most_common,
    session::{run, with_column_type},
    snapshot::{ExtendedStatistics, Snapshot},
};
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
    let insert = format!(
        "ANALYZE given; {}",
        with_column_type(include_str!("statistics.sql"))
    );
    run(session, "writing the statistics", &insert).await?;
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
    let (n_distinct, dependencies): (Vec<_>, Vec<_>) =
        with_numbers_here(session, &snapshot.extended).await?;
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
         SELECT e.oid, {value}data.n_distinct::pg_ndistinct, data.dependencies::pg_dependencies, data.list::pg_mcv_list
         FROM ROWS FROM (json_to_recordset($1::text::json) AS (schema text, name text, inherited bool)) WITH ORDINALITY
              AS g (schema, name, inherited, place)
         JOIN unnest($2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY
              AS data (n_distinct, dependencies, list, place) USING (place)
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
        .execute(
            &insert,
            &[
                &json!(snapshot.extended).to_string(),
                &n_distinct,
                &dependencies,
                &lists,
            ],
        )
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

/// Of each, the numbers of distinct combinations and the dependencies.
async fn with_numbers_here(
    session: &Session,
    extended: &[ExtendedStatistics],
) -> Result<(Vec<Option<Vec<u8>>>, Vec<Option<Vec<u8>>>)> {
    let rows = session
        .query(
            "SELECT ARRAY(SELECT a.attnum FROM json_array_elements_text(g.it -> 'columns') WITH ORDINALITY AS c (name, place)
                          LEFT JOIN pg_namespace n ON n.nspname = g.it ->> 'table_schema'
                          LEFT JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = g.it ->> 'table'
                          LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = c.name ORDER BY c.place)
             FROM json_array_elements($1::text::json) WITH ORDINALITY AS g (it, place) ORDER BY g.place",
            &[&json!(extended).to_string()],
        )
        .await
        .map_err(Error::server("looking for columns"))?;
    let both = extended.iter().zip(&rows).map(|(extended, row)| {
        let here: Vec<Option<i16>> = row.get(0);
        let new = extended.numbers.iter().zip(here);
        let new = new.filter_map(|(old, new)| Some((*old, new?))).collect();
        let with = |bytes: &Option<String>| {
            let renumbered = renumber(bytes.as_deref()?, &new);
            if renumbered.is_none() {
                tracing::warn!(
                    "the twin lacks what {}.{} tells of columns together: this server keeps it in another form",
                    extended.schema,
                    extended.name
                );
            }
            renumbered
        };
        (with(&extended.n_distinct), with(&extended.dependencies))
    });
    Ok(both.unzip())
}
