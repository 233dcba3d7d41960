//! SARIF 2.1.0: the rules are the registry's checks, the results its findings. A finding's own place, in the database, is a
//! logical location; the physical one, which code-scanning services ask for, is the file in which it can be fixed.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    Result,
    check::{CHECKS, Finding, Severity},
    render::{Format, unwritable},
    report::DatabaseReport,
};

pub(super) fn render(reports: &[DatabaseReport]) -> Result<String> {
    let rules: Vec<Value> = CHECKS
        .iter()
        .map(|check| {
            json!({
                "id": check.code,
                "shortDescription": { "text": check.summary },
                "fullDescription": { "text": check.explanation },
                "defaultConfiguration": { "level": level(check.severity) },
            })
        })
        .collect();
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|report| report.findings.iter().map(|f| result(report, f)))
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dbaudit",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&document).map_err(|error| unwritable(Format::Sarif, error))
}

fn result(report: &DatabaseReport, finding: &Finding) -> Value {
    let origin = report.origins.of(finding);
    let name = format!("{}.{}", report.database.name, finding.subject);
    let mut text = format!("{}: {}", finding.subject, finding.message);
    if let Some(remedy) = &finding.remedy {
        text.push_str("\n\nRemedy:\n");
        text.push_str(remedy);
    }
    json!({
        "ruleId": finding.check,
        "ruleIndex": CHECKS.iter().position(|check| check.code == finding.check),
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(origin.file) },
                "region": { "startLine": origin.line },
            },
            "logicalLocations": [{
                "name": finding.subject.name,
                "fullyQualifiedName": name,
                "kind": finding.subject.kind,
            }],
        }],
        "partialFingerprints": { "subject/v1": format!("{}:{}:{name}", finding.check, finding.subject.kind) },
        "baselineState": if finding.known { "unchanged" } else { "new" },
        "properties": { "evidence": finding.evidence, "evidence_age": finding.evidence_age },
    })
}

/// Relative to the present folder, which is where a checkout is; or absolute (RFC 3986, RFC 8089).
fn uri(file: &Path) -> String {
    let mut uri = String::from(if file.is_absolute() { "file://" } else { "" });
    let file = file.strip_prefix(".").unwrap_or(file);
    for byte in file.to_string_lossy().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
