//! Lists of common combinations of values (`pg_mcv_list`), which no input function takes: the server itself makes one, of a
//! table that holds each combination once, and it is then given production's frequencies.

use std::collections::HashMap;

use super::{
    session::run,
    snapshot::{ExtendedStatistics, MostCommon},
};
use crate::{Error, Result, db::Session};

/// The bytes of the list; nothing where there is none, or the server cannot make it.
pub(super) async fn list(
    session: &Session,
    statistics: &ExtendedStatistics,
) -> Result<Option<Vec<u8>>> {
    let Some(wanted) = &statistics.most_common else {
        return Ok(None);
    };
    let doing = || {
        Error::server(format!(
            "making the common combinations of {}.{}",
            statistics.schema, statistics.name
        ))
    };
    let expressions = if session.version.major() >= 14 {
        "pg_get_statisticsobjdef_expressions(e.oid)"
    } else {
        "NULL::text[]"
    };
    // In the order that the list has: by number, then the expressions.
    let table = format!(
        "SELECT e.stxrelid::regclass::text,
                ARRAY(SELECT quote_ident(a.attname) FROM unnest(e.stxkeys::smallint[]) WITH ORDINALITY AS k (number, place)
                      JOIN pg_attribute a ON a.attrelid = e.stxrelid AND a.attnum = k.number ORDER BY place)
                || ARRAY(SELECT '(' || text || ')' FROM unnest({expressions}) AS text)
         FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace
         WHERE n.nspname = $1 AND e.stxname = $2"
    );
    let row = session
        .query_opt(&table, &[&statistics.schema, &statistics.name])
        .await
        .map_err(doing())?;
    let Some(row) = row else { return Ok(None) };
    let (table, parts): (String, Vec<String>) = (row.get(0), row.get(1));
    let names: Vec<String> = (0..parts.len()).map(|n| format!("c{n}")).collect();
    let (names, parts) = (names.join(", "), parts.join(", "));
    let make = format!(
        "CREATE TEMP TABLE most_common ({names}) AS SELECT {parts} FROM {table} WITH NO DATA;
         CREATE STATISTICS pg_temp.of_most_common (mcv) ON {names} FROM pg_temp.most_common;
         ALTER STATISTICS pg_temp.of_most_common SET STATISTICS 10000"
    );
    run(session, "making the common combinations", &make).await?;
    let values: String = session
        .query_one(
            "SELECT string_agg(format('(value ->> %s)::%s', attnum - 1, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = 'pg_temp.most_common'::regclass AND attnum > 0",
            &[],
        )
        .await
        .map_err(doing())?
        .get(0);
    let fill = format!(
        "INSERT INTO pg_temp.most_common SELECT {values} FROM json_array_elements($1::text::json) AS value"
    );
    let rows: Vec<&Vec<Option<String>>> = wanted.iter().map(|common| &common.values).collect();
    let rows = serde_json::json!(rows).to_string();
    session.execute(&fill, &[&rows]).await.map_err(doing())?;
    run(
        session,
        "making the common combinations",
        "ANALYZE pg_temp.most_common",
    )
    .await?;
    let made = session
        .query(
            "SELECT pg_mcv_list_send(stxdmcv), items.values, items.frequency
             FROM pg_statistic_ext e JOIN pg_statistic_ext_data d ON d.stxoid = e.oid
             CROSS JOIN LATERAL pg_mcv_list_items(d.stxdmcv) AS items
             WHERE e.stxrelid = 'pg_temp.most_common'::regclass ORDER BY items.index",
            &[],
        )
        .await
        .map_err(doing())?;
    run(
        session,
        "making the common combinations",
        "DROP TABLE pg_temp.most_common",
    )
    .await?;
    let Some(first) = made.first() else {
        return Ok(None);
    };
    let items: Vec<(Vec<Option<String>>, f64)> =
        made.iter().map(|row| (row.get(1), row.get(2))).collect();
    let patched = with_frequencies(first.get(0), &items, wanted);
    if patched.is_none() {
        tracing::warn!(
            "the twin lacks the common combinations of {}.{}: this server keeps them in another form",
            statistics.schema,
            statistics.name
        );
    }
    Ok(patched)
}

/// The list with the wanted frequencies; nothing where the bytes are not as expected.
///
/// Layout (`statext_mcv_serialize` in mcv.c, the same from version 13 to 18): the items come last, each with a byte per dimension
/// that tells of NULL, the frequency, the base frequency, and two bytes per dimension.
fn with_frequencies(
    mut bytes: Vec<u8>,
    items: &[(Vec<Option<String>>, f64)],
    wanted: &[MostCommon],
) -> Option<Vec<u8>> {
    const DOUBLE: usize = size_of::<f64>();
    let dimensions = items.first()?.0.len();
    let size = 3 * dimensions + 2 * DOUBLE;
    let start = bytes.len().checked_sub(size * items.len())?;
    let wanted: HashMap<&[Option<String>], &MostCommon> = wanted
        .iter()
        .map(|common| (common.values.as_slice(), common))
        .collect();
    for (at, (values, frequency)) in items.iter().enumerate() {
        let common = wanted.get(values.as_slice())?;
        let place = start + at * size + dimensions;
        let held = bytes.get_mut(place..place + 2 * DOUBLE)?;
        if held.get(..DOUBLE)? != frequency.to_ne_bytes() {
            return None;
        }
        let frequency: f64 = common.frequency.parse().ok()?;
        let base: f64 = common.base_frequency.parse().ok()?;
        held[..DOUBLE].copy_from_slice(&frequency.to_ne_bytes());
        held[DOUBLE..].copy_from_slice(&base.to_ne_bytes());
    }
    Some(bytes)
}
