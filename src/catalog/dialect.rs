//! PURE: one SQL text for all versions. A file is written for the newest server; lines for others are
//! marked, and the text stays pasteable into psql on the newest.

/// The text for a version. Of the marks at the end or start of a line,
/// - `… -- 16+` keeps the line only from 16 on,
/// - `-- <16: …` uncomments the rest of the line below 16.
///
/// Comments stay here: what is sent is what `pg_stat_statements` shows.
///
/// For extensions `version` is the extension's minor version (pg_stat_statements 1.11 is 11).
pub(super) fn for_version(sql: &str, version: u32) -> String {
    let mut text = String::with_capacity(sql.len());
    for line in sql.lines() {
        let kept = if let Some((limit, rest)) = older(line) {
            if version >= limit {
                continue;
            }
            rest
        } else {
            if line.trim_start().starts_with("--") {
                continue;
            }
            match newer(line) {
                Some((limit, _)) if version < limit => continue,
                Some((_, code)) => code,
                None => line,
            }
        };
        text.push_str(kept);
        text.push('\n');
    }
    text
}

/// `-- <16: rest`
fn older(line: &str) -> Option<(u32, &str)> {
    let (limit, rest) = line.trim_start().strip_prefix("-- <")?.split_once(':')?;
    Some((limit.parse().ok()?, rest))
}

/// `code -- 16+`
fn newer(line: &str) -> Option<(u32, &str)> {
    let (code, mark) = line.rsplit_once("-- ")?;
    Some((
        mark.trim_end().strip_suffix('+')?.parse().ok()?,
        code.trim_end(),
    ))
}

#[cfg(test)]
mod tests {
    use super::for_version;

    #[test]
    fn each_version_gets_its_own_lines() {
        let sql = "-- About it.\nSELECT a,\n  b, -- 16+\n  -- <16: NULL,\n  c -- a comment\n";
        assert_eq!(
            for_version(sql, 15),
            "SELECT a,\n NULL,\n  c -- a comment\n"
        );
        assert_eq!(for_version(sql, 16), "SELECT a,\n  b,\n  c -- a comment\n");
    }
}
