//! A strict reader of Prometheus' text exposition 0.0.4, by its documentation: what it accepts, a scraper does.

use std::collections::{HashMap, HashSet};

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

/// All samples, or what is wrong with the text.
pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line does not end".into());
    }
    let mut kinds: HashMap<&str, &str> = HashMap::new();
    let mut helped: HashSet<&str> = HashSet::new();
    let mut closed: HashSet<String> = HashSet::new();
    let mut samples: Vec<Sample> = Vec::new();
    for line in text.split_terminator('\n') {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else {
                return wrong("no help");
            };
            if !helped.insert(name) || help.is_empty() {
                return wrong("helped twice, or with nothing");
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind @ ("counter" | "gauge"))) = rest.split_once(' ') else {
                return wrong("no type");
            };
            if kinds.insert(name, kind).is_some()
                || samples.iter().any(|sample| sample.name == name)
            {
                return wrong("typed twice, or too late");
            }
            if (kind == "counter") != name.ends_with("_total") {
                return wrong("counters, and only they, end in _total");
            }
        } else {
            let sample = sample(line).map_err(|what| format!("{what}: {line}"))?;
            if !kinds.contains_key(sample.name.as_str()) || !helped.contains(sample.name.as_str()) {
                return wrong("no TYPE or HELP before it");
            }
            let last = samples.last().map(|last| last.name.clone());
            if last.as_ref() != Some(&sample.name) {
                closed.extend(last);
                if closed.contains(&sample.name) {
                    return wrong("the metric's samples do not stand together");
                }
            }
            samples.push(sample);
        }
    }
    let mut series = HashSet::new();
    for sample in &samples {
        let mut labels = sample.labels.clone();
        labels.sort();
        if !series.insert((&sample.name, labels)) {
            return Err(format!("a series twice: {sample:?}"));
        }
        for unit in [
            "_ms",
            "_kb",
            "_mb",
            "_percent",
            "_milliseconds",
            "_minutes",
            "_days",
        ] {
            if sample.name.trim_end_matches("_total").ends_with(unit) {
                return Err(format!("{} is in no base unit", sample.name));
            }
        }
    }
    Ok(samples)
}

fn sample(line: &str) -> Result<Sample, &'static str> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name, true) {
        return Err("no metric's name");
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").ok_or("no label")?;
            if !is_name(label, false) || labels.iter().any(|(known, _)| known == label) {
                return Err("no label's name, or one twice");
            }
            let mut value = String::new();
            let mut characters = after.char_indices();
            rest = loop {
                match characters.next().ok_or("a label that does not end")? {
                    (at, '"') => break &after[at + 1..],
                    (_, '\\') => value.push(match characters.next() {
                        Some((_, 'n')) => '\n',
                        Some((_, c @ ('\\' | '"'))) => c,
                        _ => return Err("an escape that is none"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().map_err(|_| "no number")?,
    })
}

fn is_name(text: &str, colons: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(fits)
}

#[test]
fn it_refuses_what_a_scraper_would() {
    let head = "# HELP a_total x\n# TYPE a_total counter\n";
    assert_eq!(
        parse(&format!("{head}a_total{{l=\"\\\"\\n\"}} 1\n"))
            .unwrap()
            .len(),
        1
    );
    for wrong in [
        format!("{head}a_total 1"),
        format!("{head}a_total 1\na_total 2\n"),
        format!("{head}a_total{{l=\"x}} 1\n"),
        format!("{head}a_total{{l=\"\\x\"}} 1\n"),
        format!("{head}a_total one\n"),
        "a_total 1\n".to_owned(),
        "# HELP a x\n# TYPE a counter\na 1\n".to_owned(),
        "# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n".to_owned(),
    ] {
        assert!(parse(&wrong).is_err(), "{wrong}");
    }
}
