//! Writes the recommended indexes as the next migrations.

use std::path::Path;

use crate::{Error, Result, migration, report::AdviseResult};

/// The paths written, in order.
///
/// # Errors
/// The folder cannot be written, or contains files that are not migrations.
pub(super) fn write(folder: &Path, result: &AdviseResult) -> Result<Vec<String>> {
    if result.recommended.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| Error::File {
            doing,
            path,
            source,
        }
    };
    std::fs::create_dir_all(folder).map_err(failed("creating the folder", folder))?;
    let mut version = latest(folder)?;
    let mut written = Vec::new();
    for index in &result.recommended {
        version += 1;
        let stem = index.name.strip_prefix("idx_").unwrap_or(&index.name);
        let path = folder.join(format!("V{version}__{stem}.sql"));
        let text = format!("{}{};\n", comment(&index.reason), index.statement);
        // Never over a file that is there.
        let mut file = std::fs::File::create_new(&path).map_err(failed("writing", &path))?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed("writing", &path))?;
        written.push(path.display().to_string());
    }
    // What was written is read as `apply-indexes` will read it.
    migration::load(folder)?;
    Ok(written)
}

fn latest(folder: &Path) -> Result<i64> {
    let holds_any = std::fs::read_dir(folder)
        .map_err(|source| Error::File {
            doing: "reading the folder",
            path: folder.to_owned(),
            source,
        })?
        .flatten()
        .any(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("sql"))
        });
    if !holds_any {
        return Ok(0);
    }
    Ok(migration::load(folder)?
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0))
}

/// The reason as SQL comments, in lines of a readable length.
fn comment(reason: &str) -> String {
    let mut text = String::new();
    let mut line = String::from("--");
    for word in reason.split_whitespace() {
        if line.len() + word.len() > 100 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("--");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
    text
}
