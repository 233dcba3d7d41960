//! JUnit: one suite for each database, one case for each check of the registry.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    Result,
    check::{CHECKS, Check, Finding},
    render::{Format, unwritable},
    report::DatabaseReport,
};

pub(super) fn render(reports: &[DatabaseReport]) -> Result<String> {
    let mut document = Report::new("dbaudit report");
    for report in reports {
        let mut suite = TestSuite::new(format!("dbaudit report {}", report.database.name));
        suite.add_test_cases(CHECKS.iter().map(|check| case(report, check)));
        document.add_test_suite(suite);
    }
    document
        .to_string()
        .map_err(|error| unwritable(Format::Junit, error))
}

/// Fails as the exit status would; findings below `--fail-on` and known ones go into `system-out`.
fn case(report: &DatabaseReport, check: &Check) -> TestCase {
    let found: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| f.check == check.code)
        .collect();
    let (failing, told): (Vec<&Finding>, Vec<&Finding>) = found
        .into_iter()
        .partition(|finding| report.objects_to(finding));
    let skipped = report
        .skipped
        .iter()
        .find(|skipped| skipped.check == check.code && !skipped.partial);
    let status = if let Some(first) = failing.first() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_type(first.severity.to_string())
            .set_message(match failing.len() {
                1 => format!("{}: {}", first.subject, first.message),
                many => format!(
                    "{many} findings, the first: {}: {}",
                    first.subject, first.message
                ),
            })
            .set_description(lines(&failing));
        status
    } else if let Some(skipped) = skipped {
        let mut status = TestCaseStatus::skipped();
        status.set_message(match &skipped.grant {
            Some(grant) => format!("{}; {grant}", skipped.reason),
            None => skipped.reason.clone(),
        });
        status
    } else {
        TestCaseStatus::success()
    };
    let mut case = TestCase::new(check.code, status);
    case.set_classname(format!("dbaudit.report.{}", report.database.name));
    if !told.is_empty() {
        case.set_system_out(lines(&told));
    }
    case
}

fn lines(findings: &[&Finding]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let remedy = finding.remedy.as_deref().unwrap_or_default();
            format!(
                "{} {}: {}\n{remedy}",
                finding.severity, finding.subject, finding.message
            )
        })
        .collect();
    lines.join("\n")
}
