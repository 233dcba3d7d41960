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
    // Of each value the text as the server writes it: a snapshot's may have other digits.
    let row = session
        .query_one(
            "SELECT string_agg(value, ', ' ORDER BY attnum),
                    string_agg(format('CASE WHEN value ->> %s IS NOT NULL THEN format(''%%s'', %s) END', attnum - 1, value), ', ' ORDER BY attnum)
             FROM pg_attribute
             CROSS JOIN LATERAL format('(value ->> %s)::%s', attnum - 1, format_type(atttypid, atttypmod)) AS value
             WHERE attrelid = 'pg_temp.most_common'::regclass AND attnum > 0",
            &[],
        )
        .await
        .map_err(doing())?;
    let (values, texts): (String, String) = (row.get(0), row.get(1));
    let rows: Vec<&Vec<Option<String>>> = wanted.iter().map(|common| &common.values).collect();
    let rows = serde_json::json!(rows).to_string();
    let read = format!(
        "SELECT ARRAY[{texts}] FROM json_array_elements($1::text::json) WITH ORDINALITY AS r (value, place) ORDER BY place"
    );
    let read = session.query(&read, &[&rows]).await.map_err(doing())?;
    let wanted: HashMap<Vec<Option<String>>, &MostCommon> =
        read.iter().map(|row| row.get(0)).zip(wanted).collect();
    let fill = format!(
        "INSERT INTO pg_temp.most_common SELECT {values} FROM json_array_elements($1::text::json) AS value"
    );
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
    let patched = with_frequencies(first.get(0), &items, &wanted);
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
    wanted: &HashMap<Vec<Option<String>>, &MostCommon>,
) -> Option<Vec<u8>> {
    const DOUBLE: usize = size_of::<f64>();
    let dimensions = items.first()?.0.len();
    let size = 3 * dimensions + 2 * DOUBLE;
    let start = bytes.len().checked_sub(size * items.len())?;
    for (at, (values, frequency)) in items.iter().enumerate() {
        let common = wanted.get(values)?;
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
