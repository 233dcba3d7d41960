//! One report, or one for each database of a cluster.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::DatabaseReport;

/// What `report` writes. One report serialises as itself, several as `databases`.
#[derive(Debug, Clone)]
pub struct ReportSet(pub Vec<DatabaseReport>);

impl ReportSet {
    /// Whether a finding makes the exit status 1.
    pub fn objects(&self) -> bool {
        self.0.iter().any(DatabaseReport::objects)
    }
}

impl Serialize for ReportSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [only] = self.0.as_slice() {
            return only.serialize(serializer);
        }
        let mut fields = serializer.serialize_struct("ReportSet", 3)?;
        fields.serialize_field("schema_version", &1)?;
        fields.serialize_field("command", "report")?;
        fields.serialize_field("databases", &self.0)?;
        fields.end()
    }
}
