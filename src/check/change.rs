//! What findings would change about indexes. Each check sees its own findings only; [`super::settle`] makes
//! one consistent set of them all before a statement is printed.

/// What a finding's remedy does to indexes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum IndexChange {
    /// Nothing: its remedy, where it has one, is its own.
    #[default]
    None,
    Drop(Vec<IndexDrop>),
    Create(Vec<NewIndex>),
    Keep(u32),
    /// Builds this one anew in place, by the finding's own remedy.
    Rebuild(u32),
    /// Builds all of these anew, by the finding's own remedy, which is void without any of them.
    Sort(Vec<u32>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexDrop {
    pub(super) index: u32,
    pub(super) why: DropReason,
    /// The evidence suffices. Else the finding says what is missing, and has no statement.
    pub(super) sure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DropReason {
    /// It is of no use to anyone.
    Useless,
    Repeats(u32),
    /// This one does its work, of which there is none.
    CoveredIdle(u32),
    Unread,
    CoveredBusy(u32),
}

impl DropReason {
    /// The index that has to stay for it.
    pub(super) fn leans_on(self) -> Option<u32> {
        match self {
            DropReason::Repeats(other)
            | DropReason::CoveredIdle(other)
            | DropReason::CoveredBusy(other) => Some(other),
            DropReason::Useless | DropReason::Unread => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewIndex {
    pub(super) table: u32,
    pub(super) columns: Vec<i16>,
    /// Its method, where it is not a B-tree.
    pub(super) method: Option<&'static str>,
}

impl NewIndex {
    /// It finds by all that `other` would be asked for: it leads with the same columns, in any order.
    pub(super) fn serves(&self, other: &NewIndex) -> bool {
        let n = other.columns.len();
        self.table == other.table
            && self.method == other.method
            && self.columns.len() >= n
            && other
                .columns
                .iter()
                .all(|column| self.columns[..n].contains(column))
    }
}
