//! JUnit: a suite per query, a test case per case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    Result,
    human::human_ms,
    render::{Format, unwritable},
    report::timing::{CaseResult, LoadResult, QueryResult, TimingResult, Verdict},
};

pub(super) fn junit(result: &TimingResult) -> Result<String> {
    let mut report = Report::new(format!("dbaudit {}", result.command));
    for query in &result.queries {
        let mut suite = TestSuite::new(query.name.as_str());
        for case in &query.cases {
            let mut test = TestCase::new(case.label.as_str(), status(result, query, case));
            test.set_classname(format!("{}.{}", result.command, query.name));
            if let Ok(judged) = Duration::try_from_secs_f64(case.judged_ms / 1000.0) {
                test.set_time(judged);
            }
            test.set_system_out(figures(query, case));
            suite.add_test_case(test);
        }
        for load in query.loads() {
            let name = format!("{} under load", load.case);
            let mut test = TestCase::new(name, load_status(result, load));
            test.set_classname(format!("time-queries.{}", query.name));
            suite.add_test_case(test);
        }
        // What concerns the query, not one of its cases.
        let whole = match (&query.error, &query.skipped) {
            (Some(error), _) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("error").set_message(error.as_str());
                Some(status)
            }
            (None, Some(reason)) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(reason.as_str());
                Some(status)
            }
            (None, None) => None,
        };
        if let Some(status) = whole {
            let mut test = TestCase::new(query.name.as_str(), status);
            test.set_classname(format!("{}.{}", result.command, query.name));
            suite.add_test_case(test);
        }
        report.add_test_suite(suite);
    }
    report
        .to_string()
        .map_err(|error| unwritable(Format::Junit, error))
}

fn load_status(result: &TimingResult, load: &LoadResult) -> TestCaseStatus {
    let mut status = empty_status(result, load.verdict);
    if load.verdict != Verdict::Within {
        status.set_message(load.summary.as_str());
        status.set_type(load.verdict.as_str());
    }
    status
}

/// Without a message.
fn empty_status(result: &TimingResult, verdict: Verdict) -> TestCaseStatus {
    match verdict {
        Verdict::Within | Verdict::Planned | Verdict::Skipped => TestCaseStatus::success(),
        Verdict::Inconclusive if result.allow_inconclusive && !result.strict => {
            TestCaseStatus::skipped()
        }
        Verdict::Inconclusive if !result.strict => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        Verdict::Inconclusive | Verdict::Over | Verdict::PredictedOver => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
    }
}

fn status(result: &TimingResult, query: &QueryResult, case: &CaseResult) -> TestCaseStatus {
    let reason = case.reason.clone().unwrap_or_default();
    let mut status = empty_status(result, case.verdict);
    if matches!(
        case.verdict,
        Verdict::Within | Verdict::Planned | Verdict::Skipped
    ) {
        return status;
    }
    status.set_message(match case.verdict {
        Verdict::PredictedOver => format!(
            "predicted, not measured: {}, budget {}",
            case.predicted_words(),
            human_ms(query.budget_ms)
        ),
        Verdict::Over if reason.is_empty() => format!(
            "{} {}, budget {}",
            query.percentile,
            case.shown(case.judged_ms, human_ms),
            human_ms(query.budget_ms)
        ),
        verdict => format!("{}: {reason}", verdict.as_str()),
    });
    status.set_type(case.verdict.as_str());
    if let Some(explanation) = &case.explanation {
        status.set_description(format!(
            "{}\n\n{}",
            explanation.reasons.join("\n"),
            explanation.tree
        ));
    }
    status
}

fn exact(ms: f64) -> String {
    format!("{ms:.3} ms")
}

fn figures(query: &QueryResult, case: &CaseResult) -> String {
    format!(
        "budget {} ms at {}; {} samples, {} over; median {}, {} {}, slowest {}",
        query.budget_ms,
        query.percentile,
        case.samples,
        case.exceedances,
        case.shown(case.p50_ms, exact),
        query.percentile,
        case.shown(case.judged_ms, exact),
        case.shown(case.max_ms, exact)
    )
}
