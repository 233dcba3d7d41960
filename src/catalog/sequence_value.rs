//! The current values of sequences. Each value read holds a lock until its savepoint is rolled back.

use std::collections::{HashMap, HashSet};

use tokio_postgres::types::Type;

use super::{
    Catalog, Fact, Sequence, UnreadFact,
    hidden::grant_reading,
    reader::{Fields, Reader},
};

const BATCH: usize = 500;
/// Beyond this many sequences, values that cannot matter are not read: each costs a lock and a page.
const ALL: usize = 1_000;

/// Counts from its start for longer than anyone will, and so does the column it feeds.
fn is_endless(sequence: &Sequence, catalog: &Catalog) -> bool {
    const BIGINT: u32 = 20;
    let column = sequence
        .owner_table
        .zip(sequence.owner_column)
        .and_then(|(table, column)| catalog.column(table, column));
    sequence.type_oid == BIGINT
        && sequence.increment == 1
        && sequence.maximum > i64::MAX / 2
        && sequence.start < i64::MAX / 4
        && column.is_some_and(|column| column.base_type() == BIGINT)
}

/// Reads the last values of the sequences that may be read, in batches.
pub(super) async fn read(reader: &Reader<'_>, catalog: &Catalog) -> HashMap<u32, Option<i64>> {
    let locked: HashSet<u32> = catalog.locks.iter().map(|lock| lock.relation).collect();
    let (open, held): (Vec<&Sequence>, Vec<&Sequence>) = catalog
        .sequences
        .iter()
        .partition(|sequence| !locked.contains(&sequence.oid));
    let (readable, hidden): (Vec<&Sequence>, Vec<&Sequence>) =
        open.into_iter().partition(|sequence| sequence.readable);
    let few = catalog.sequences.len() <= ALL;
    let (readable, endless): (Vec<&Sequence>, Vec<&Sequence>) = readable
        .into_iter()
        .partition(|sequence| few || !is_endless(sequence, catalog));
    if !endless.is_empty() {
        reader.skip(UnreadFact {
            fact: Fact::SequenceValues,
            reason: format!(
                "{1} of {0} sequences are bigint and feed a bigint column: their values were not read",
                catalog.sequences.len(),
                endless.len()
            ),
            grant: None,
            partial: true,
        });
    }
    let readable: Vec<u32> = readable.iter().map(|sequence| sequence.oid).collect();
    let all = catalog.sequences.len();
    let unread = |reason: String, grant: Option<String>| {
        reader.skip(UnreadFact {
            fact: Fact::SequenceValues,
            reason,
            grant,
            partial: !readable.is_empty(),
        });
    };
    if !hidden.is_empty() {
        let schemas = hidden.iter().map(|sequence| sequence.schema.as_str());
        unread(
            format!(
                "the role {} cannot read the values of {} of {all} sequences",
                catalog.server.role.name,
                hidden.len()
            ),
            Some(grant_reading("SEQUENCES", schemas, catalog)),
        );
    }
    if !held.is_empty() {
        let held = held.len();
        unread(
            format!("another session holds an exclusive lock on {held} of {all} sequences"),
            None,
        );
    }
    let mut values: HashMap<u32, Option<i64>> = HashMap::new();
    for batch in readable.chunks(BATCH) {
        let batch = batch.to_vec();
        let row = |row: &mut Fields<'_>| Ok((row.get::<u32>()?, row.get::<Option<i64>>()?));
        match reader
            .rows(
                "SELECT c.oid, pg_sequence_last_value(c.oid) FROM pg_class c WHERE c.oid = ANY ($1)",
                &[(&batch, Type::OID_ARRAY)],
                row,
            )
            .await
        {
            Ok(rows) => values.extend(rows),
            Err(error) => reader.failed_in_part(Fact::SequenceValues, &error),
        }
    }
    values
}

/// Gives each value to its sequence.
pub(super) fn apply(catalog: &mut Catalog, values: &HashMap<u32, Option<i64>>) {
    for sequence in &mut catalog.sequences {
        if let Some(value) = values.get(&sequence.oid) {
            sequence.last_value = *value;
            sequence.value_read = true;
        }
    }
}
