//! The connection service file: named groups of keywords, `~/.pg_service.conf` and the system's.

use std::path::{Path, PathBuf};

use super::Environment;

/// The pairs of a service.
///
/// # Errors
/// The file or the service is not there, or a line cannot be read.
pub(super) fn load(
    name: &str,
    file: Option<&str>,
    environment: &Environment,
) -> Result<Vec<(String, String)>, String> {
    let files: Vec<PathBuf> = match file {
        Some(file) => vec![file.into()],
        None => {
            let system = environment
                .get("PGSYSCONFDIR")
                .unwrap_or_else(|| "/etc/postgresql-common".to_owned());
            environment
                .home()
                .map(|home| home.join(".pg_service.conf"))
                .into_iter()
                .chain([Path::new(&system).join("pg_service.conf")])
                .collect()
        }
    };
    for path in &files {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                if let Some(pairs) =
                    find(&text, name).map_err(|error| format!("{}:{error}", path.display()))?
                {
                    return Ok(pairs);
                }
            }
            Err(error) if file.is_some() => {
                return Err(format!("service file {}: {error}", path.display()));
            }
            Err(_) => {}
        }
    }
    let looked: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Err(format!(
        "there is no service `{name}` in {}",
        looked.join(" or ")
    ))
}

/// The pairs of `[name]`, where the text has it. An error starts with the line's number.
fn find(text: &str, name: &str) -> Result<Option<Vec<(String, String)>>, String> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(group) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if group.strip_suffix(']') == Some(name) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        let number = at + 1;
        if line.starts_with("ldap") && line.contains("://") {
            return Err(format!("{number}: services in LDAP are not supported"));
        }
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| format!("{number}: the line has no `=`"))?;
        if matches!(key, "service" | "servicefile") {
            return Err(format!(
                "{number}: a service cannot refer to another service"
            ));
        }
        if super::keyword::find(key).is_none() {
            return Err(format!("{number}: `{key}` is not a connection keyword"));
        }
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# ours\n[other]\nhost=o\n\n[shop]\nhost=db\n# port\nport=5433\noptions=-c a=b\n[late]\nx";

    #[test]
    fn a_service_is_its_group_of_lines_and_no_other() {
        let pairs = find(FILE, "shop").unwrap().unwrap();
        let expected = [("host", "db"), ("port", "5433"), ("options", "-c a=b")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(find(FILE, "none").unwrap(), None);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        assert_eq!(find(FILE, "late").unwrap_err(), "11: the line has no `=`");
        let message = find("[a]\nhots=db", "a").unwrap_err();
        assert_eq!(message, "2: `hots` is not a connection keyword");
        assert!(find("[a]\nservice=b", "a").is_err());
    }
}
