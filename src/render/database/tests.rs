//! One report, read from a file of facts, in every format.

use crate::{
    check::{Finding, Severity, SkippedCheck, Subject, Verdicts},
    output::Output,
    render::{Format, render},
    report::{Baseline, DatabaseReport, ReportSet, SavedFacts, Section, View},
};

/// A shop on PostgreSQL 16, as `report --save` wrote it: a table whose name tries every format's
/// patience, partitions, an index that is invalid and two that are alike.
fn facts() -> SavedFacts {
    SavedFacts::parse(include_str!("facts.json")).unwrap()
}

/// With findings of its own, so that a new check changes no format's test.
fn report(section: Section) -> DatabaseReport {
    let broken = Subject {
        kind: "index",
        schema: Some("public".into()),
        name: "broken".into(),
    };
    let mut invalid =
        Finding::new(broken, "is invalid: no query uses it").severity(Severity::Error);
    invalid.check = "invalid-index";
    let again = Subject::new("index", "by_email_again");
    let mut duplicate = Finding::new(again, "repeats by_email exactly");
    (duplicate.check, duplicate.known) = ("duplicate-index", true);
    let verdicts = Verdicts {
        findings: vec![
            invalid
                .evidence("size_bytes", 16_384)
                .remedy("REINDEX INDEX CONCURRENTLY public.broken;"),
            duplicate.confirm("compare the <definitions>"),
        ],
        skipped: vec![SkippedCheck {
            check: "dead-tuples".into(),
            reason: "the role reader may not".into(),
            grant: Some("GRANT pg_monitor TO reader".into()),
            partial: false,
        }],
        ignored: 2,
        expired: Vec::new(),
    };
    let view = View {
        limit: 3,
        section,
        fail_on: Some(Severity::Warning),
        definitions: true,
    };
    DatabaseReport::new(facts().databases.remove(0), verdicts, view)
}

fn shown(format: Format, section: Section) -> String {
    let output = Output {
        file: None,
        color: false,
        width: Some(100),
        ..Output::detect(None, Some(false))
    };
    render(&ReportSet(vec![report(section)]), format, &output).unwrap()
}

#[test]
fn the_terminal_shows_the_worst_first_within_its_width() {
    let text = shown(Format::Table, Section::Tables);
    let wide = text.lines().find(|line| line.chars().count() > 100);
    // Statements to be pasted keep their lines.
    assert!(wide.is_none_or(|line| line.starts_with("    ")), "{wide:?}");
    insta::assert_snapshot!("table", text);
}

#[test]
fn of_many_findings_every_check_is_named_and_what_is_new_comes_first() {
    let mut report = report(Section::Tables);
    let duplicate = report.findings[1].clone();
    report.findings.extend(std::iter::repeat_n(duplicate, 9));
    let baseline = r#"{"database": {"name": "shop"}, "findings": [
        {"check": "invalid-index", "subject": {"kind": "index", "schema": "public", "name": "broken"}}]}"#;
    report.mark_known(&Baseline::parse(baseline).unwrap());
    for format in [Format::Table, Format::Markdown] {
        let output = Output::detect(None, Some(false));
        let text = render(&ReportSet(vec![report.clone()]), format, &output).unwrap();
        let at = |what: &str| {
            text.find(what)
                .unwrap_or_else(|| panic!("no {what}: {text}"))
        };
        assert!(at("10 warnings: 10 duplicate-index") > at("1 error: invalid-index"));
        assert!(at(" exactly") < at("is invalid: no query uses it"));
        assert!(text.contains("10 new since the baseline"), "{text}");
        assert!(text.contains("… and 9 more duplicate-index"), "{text}");
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("is invalid"))
            .collect();
        assert!(lines[0].contains("known"), "{lines:?}");
    }
}

#[test]
fn markdown_is_fit_for_a_job_summary() {
    insta::assert_snapshot!("markdown", shown(Format::Markdown, Section::Tables));
}

#[test]
fn csv_quotes_what_must_be_quoted() {
    insta::assert_snapshot!("csv_tables", shown(Format::Csv, Section::Tables));
    insta::assert_snapshot!("csv_findings", shown(Format::Csv, Section::Findings));
}

#[test]
fn prometheus_has_base_units_and_escaped_labels() {
    let text = shown(Format::Prometheus, Section::Tables);
    let ours: Vec<&str> = text
        .lines()
        .filter(|line| {
            !line.contains("check=")
                || line.contains("invalid-index")
                || line.contains("dead-tuples")
        })
        .collect();
    insta::assert_snapshot!("prometheus", ours.join("\n"));
}

#[test]
fn junit_fails_what_the_exit_status_fails_and_skips_what_could_not_be_judged() {
    let text = shown(Format::Junit, Section::Tables);
    let case = |code: &str| {
        let start = text.find(&format!("<testcase name=\"{code}\"")).unwrap();
        let end = text[start..]
            .find("<testcase name")
            .map_or(text.len(), |_| {
                start
                    + 1
                    + text[start + 1..]
                        .find("<testcase name")
                        .unwrap_or(text.len() - start - 1)
            });
        text[start..end].to_owned()
    };
    assert!(case("invalid-index").contains("<failure"), "{text}");
    assert!(case("dead-tuples").contains("<skipped"), "{text}");
    let known = case("duplicate-index");
    assert!(
        !known.contains("<failure") && known.contains("repeats by_email"),
        "{known}"
    );
}

#[test]
fn sarif_names_rules_that_it_defines() {
    let sarif: serde_json::Value =
        serde_json::from_str(&shown(Format::Sarif, Section::Tables)).unwrap();
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[at]["id"], result["ruleId"]);
    }
    assert_eq!(run["results"][0]["level"], "error");
    assert_eq!(run["results"][0]["baselineState"], "new");
    assert_eq!(run["results"][1]["baselineState"], "unchanged");
}

#[test]
fn the_page_is_whole_without_a_network_and_escapes_names() {
    let page = shown(Format::Html, Section::Tables);
    assert!(page.contains("Order &lt;b&gt;|,"), "escaped");
    assert!(!page.contains("<b>"));
    for outside in ["http://", "https://", "src=", "@import", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("REINDEX INDEX CONCURRENTLY public.broken;"));
    assert!(page.contains("the role reader may not"));
    assert_eq!(
        page.matches("<table").count(),
        page.matches("</table>").count()
    );
}

#[test]
fn json_is_the_contract_whatever_the_view() {
    let json: serde_json::Value =
        serde_json::from_str(&shown(Format::Json, Section::Findings)).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(
        json["tables"].as_array().unwrap().len(),
        3,
        "a partitioned table is one row"
    );
    let partitioned = json["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "measurement");
    assert_eq!(partitioned.unwrap()["partitions"], 1);
    assert_eq!(json["findings"][0]["subject"]["name"], "broken");
    assert_eq!(json["skipped"][0]["check"], "dead-tuples");
}

#[test]
fn facts_survive_being_saved() {
    let facts = facts();
    assert_eq!(SavedFacts::parse(&facts.to_text().unwrap()).unwrap(), facts);
    let other = r#"{"format": "dbaudit-facts", "version": 99, "databases": []}"#;
    assert!(SavedFacts::parse(other).unwrap_err().contains("version 99"));
    assert!(SavedFacts::parse("{}").unwrap_err().contains("--save"));
}

/// The shop, all of whose figures are this one.
fn all_alike(figure: u8) -> crate::catalog::Catalog {
    let facts = facts().databases.remove(0);
    crate::check::wording::all_figures(&facts, figure)
}

#[test]
fn what_a_report_says_is_english_whatever_the_figures() {
    use crate::{check, report::Changes};

    for (before, now) in [(0, 1), (1, 1), (1, 0), (3, 2)] {
        let (earlier, mut catalog) = (all_alike(before), all_alike(now));
        catalog.server.taken_at = earlier.server.taken_at + jiff::SignedDuration::from_secs(1);
        let verdicts = check::judge(&catalog, &[], &check::Policy::default());
        let changes = Changes::between(&earlier, &catalog);
        let mut report = DatabaseReport::new(catalog, verdicts, report(Section::Tables).view);
        report.changes = changes;
        assert!(report.changes.is_some());
        for format in [Format::Table, Format::Markdown] {
            let output = Output::detect(None, Some(false));
            let text = render(&ReportSet(vec![report.clone()]), format, &output).unwrap();
            for line in text.lines() {
                let wrong = crate::check::wording::wrong_in(line);
                assert_eq!(wrong, None, "{before} and {now}: {line}");
            }
        }
    }
}

#[test]
fn small_findings_of_one_check_are_one_row_and_keep_their_statements() {
    let mut report = report(Section::Tables);
    let small = |number: usize, bytes: u64| {
        let name = format!("small_{number}");
        let mut finding = Finding::new(Subject::new("index", &name), "repeats another")
            .evidence("size_bytes", bytes)
            .remedy(format!("DROP INDEX {name};"));
        finding.check = "duplicate-index";
        finding
    };
    report.findings = (0..5).map(|number| small(number, 8_192)).collect();
    report.findings.insert(0, small(9, 5 << 20));
    report.view.limit = 20;
    let shown = |report: &DatabaseReport| {
        let output = Output::detect(None, Some(false));
        render(&ReportSet(vec![report.clone()]), Format::Table, &output).unwrap()
    };
    let text = shown(&report);
    let together = "40.0 kB together: small_0, small_1, small_2, and 2 more";
    assert!(text.contains("5 small indexes"), "{text}");
    assert!(text.contains(together), "{text}");
    assert_eq!(text.matches("repeats another").count(), 1, "{text}");
    assert_eq!(text.matches("DROP INDEX small_").count(), 6, "{text}");
    // Three are no crowd.
    report.findings.truncate(4);
    assert_eq!(shown(&report).matches("repeats another").count(), 4);
}
