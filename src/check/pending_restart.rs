//! `pending-restart`: a setting that was changed and does not count yet.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "pending-restart",
    severity: Severity::Info,
    summary: "a changed setting that takes effect only after a restart",
    explanation: "\
The configuration files differ from the running server in a setting that can only change with a restart.

The next restart, planned or not, changes how the server behaves, and whoever changed the setting may \
believe that it is already in effect.

To confirm: `SELECT name, setting FROM pg_settings WHERE pending_restart`, and pg_file_settings.

To fix: restart the server at a time of your choice, or revert the change.",
    thresholds: &[],
    needs: &[Fact::Settings],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let settings = case.catalog.settings.0.values();
    settings
        .filter(|setting| setting.pending_restart)
        .map(|setting| {
            Finding::new(
                Subject::new("setting", &setting.name),
                format!(
                    "is still {}; the configuration files changed since the server started",
                    setting.value
                ),
            )
            .evidence("running_value", setting.value.clone())
            .evidence("unit", setting.unit.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, subjects};

    #[test]
    fn only_settings_that_wait_are_found() {
        let mut catalog = catalog();
        assert!(subjects("pending-restart", &catalog).is_empty());
        if let Some(setting) = catalog.settings.0.get_mut("shared_buffers") {
            setting.pending_restart = true;
        }
        assert_eq!(subjects("pending-restart", &catalog), ["shared_buffers"]);
    }
}
