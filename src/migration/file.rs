//! The folder of migrations: names, order, checksums.

use std::{
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};
use siphasher::sip::SipHasher13;

use super::{Statement, parse::parse};
use crate::{Error, Result, error::FileProblem};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// One migration file, read and understood.
#[derive(Debug, Clone)]
pub struct Migration {
    /// `7` of `V7__name.sql`.
    pub version: i64,
    /// `name` of `V7__name.sql`.
    pub name: String,
    /// The file, as the user named its folder.
    pub file: PathBuf,
    /// Its statements, in order. Never empty.
    pub statements: Vec<Statement>,
    /// Its text.
    pub text: String,
    /// refinery's checksum of it, as the history has it.
    pub checksum: u64,
}

impl Migration {
    /// What refinery makes of it: its row in the history.
    ///
    /// # Errors
    /// [`Error::Migration`]: refinery cannot read the file's name, which [`load`] would have refused.
    pub fn record(&self) -> Result<refinery_core::Migration> {
        let stem = format!("V{}__{}", self.version, self.name);
        refinery_core::Migration::unapplied(&stem, &self.text).map_err(|error| {
            problem(
                &self.file,
                format!("refinery cannot read the file's name: {error}"),
                "rename it",
            )
        })
    }
}

/// As refinery computes it (`refinery_core::Migration::unapplied`), which first reads the file's name by a regular
/// expression: making that one takes longer than everything else here, on every deploy.
fn checksum(version: i64, name: &str, text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    version.hash(&mut hasher);
    text.hash(&mut hasher);
    hasher.finish()
}

/// The migrations carried in the binary.
///
/// # Errors
/// None, unless the binary was built from wrong files.
pub fn embedded() -> Result<Vec<Migration>> {
    let files = EMBEDDED.files().map(|file| {
        let path = Path::new("migrations").join(file.path());
        (path, file.contents_utf8().unwrap_or_default().to_owned())
    });
    from_files(Path::new("migrations"), files.collect())
}

/// The migrations of a folder.
///
/// # Errors
/// [`Error::Migration`] with file, line and column: a folder that is not there or holds no migration, a file
/// name that is no version and name, a version twice, or a statement that may not stand in a migration.
pub fn load(folder: &Path) -> Result<Vec<Migration>> {
    let wrong = |path: &Path, error: std::io::Error| {
        problem(
            path,
            format!("cannot be read: {error}"),
            "check --migrations DIR",
        )
    };
    let entries = std::fs::read_dir(folder).map_err(|error| wrong(folder, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| wrong(folder, error))?.path();
        let is_sql = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_sql && !hidden {
            let text = std::fs::read_to_string(&path).map_err(|error| wrong(&path, error))?;
            files.push((path, text));
        }
    }
    from_files(folder, files)
}

fn problem(file: &Path, message: String, hint: &str) -> Error {
    Error::Migration(FileProblem {
        file: file.to_owned(),
        line: None,
        column: None,
        message,
        hint: hint.to_owned(),
    })
}

fn from_files(folder: &Path, files: Vec<(PathBuf, String)>) -> Result<Vec<Migration>> {
    let mut migrations = files
        .into_iter()
        .map(|(path, text)| read(path, &text))
        .collect::<Result<Vec<_>>>()?;
    if migrations.is_empty() {
        return Err(problem(
            folder,
            "no migration files in this folder".into(),
            "put files named V<n>__<name>.sql there, or leave --migrations out to use the embedded ones",
        ));
    }
    migrations.sort_by(|a, b| (a.version, &a.file).cmp(&(b.version, &b.file)));
    for pair in migrations.windows(2) {
        if let [first, second] = pair
            && first.version == second.version
        {
            return Err(problem(
                &second.file,
                format!(
                    "version {} is also that of {}",
                    second.version,
                    first.file.display()
                ),
                "give every migration a version of its own",
            ));
        }
    }
    check_comments(&migrations)?;
    Ok(migrations)
}

/// A comment belongs to an index that this file or an earlier one creates: of any other, nothing is known.
fn check_comments(migrations: &[Migration]) -> Result<()> {
    let mut created: Vec<&str> = Vec::new();
    for migration in migrations {
        for statement in &migration.statements {
            match statement {
                Statement::Create(create) => created.push(&create.name),
                Statement::Comment(comment) if !created.contains(&comment.index.name.as_str()) => {
                    return Err(problem(
                        &migration.file,
                        format!(
                            "COMMENT ON INDEX {}: no migration up to here creates that index",
                            comment.index
                        ),
                        "put the comment behind the index's CREATE INDEX CONCURRENTLY",
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn read(path: PathBuf, text: &str) -> Result<Migration> {
    let misnamed = || {
        problem(
            &path,
            "the file's name is not V<n>__<name>.sql, with a name of letters, digits and underscores".into(),
            "rename it, for example V7__orders_customer.sql",
        )
    };
    let stem = path
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_suffix(".sql"))
        .ok_or_else(misnamed)?;
    let (version, name) = stem
        .strip_prefix('V')
        .and_then(|rest| rest.split_once("__"))
        .ok_or_else(misnamed)?;
    // refinery would read `V1__a-b c` as version 1, name `a`, and `V1__m²` as name `m`.
    let plain = |c: char| c.is_alphabetic() || c.is_ascii_digit() || c == '_';
    if version.is_empty()
        || !version.chars().all(|c| c.is_ascii_digit())
        || name.is_empty()
        || !name.chars().all(plain)
    {
        return Err(misnamed());
    }
    let version: i64 = version.parse().map_err(|_| {
        problem(
            &path,
            format!("version {version} is too large"),
            "use a version below 2^63",
        )
    })?;
    if name.chars().count() > 255 {
        return Err(problem(
            &path,
            "the name is longer than 255 characters".into(),
            "shorten it",
        ));
    }
    let statements = parse(&path, text)?;
    Ok(Migration {
        version,
        name: name.to_owned(),
        statements,
        checksum: checksum(version, name, text),
        text: text.to_owned(),
        file: path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "CREATE INDEX CONCURRENTLY i ON t (a);";

    fn load_named(names: &[&str]) -> Result<Vec<Migration>> {
        let files = names
            .iter()
            .map(|name| (Path::new("m").join(name), SQL.to_owned()));
        from_files(Path::new("m"), files.collect())
    }

    #[test]
    fn the_embedded_migrations_are_the_six_standard_ones_in_order() {
        let versions: Vec<_> = embedded().unwrap().iter().map(|m| m.version).collect();
        assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn versions_order_as_numbers_and_timestamps_are_versions() {
        let loaded = load_named(&["V10__b.sql", "V9__a.sql", "V20261123120000__c.sql"]).unwrap();
        let versions: Vec<_> = loaded.iter().map(|m| m.version).collect();
        assert_eq!(versions, [9, 10, 20_261_123_120_000]);
    }

    #[test]
    fn names_that_refinery_would_misread_are_refused() {
        for name in [
            "V1__a-b c.sql",
            "V1__m².sql",
            "V1__ⅳ½.sql",
            "v1__a.sql",
            "U1__a.sql",
            "V1_a.sql",
            "V__a.sql",
            "V1__.sql",
            "V1.5__a.sql",
            "a.sql",
            "V1__a.SQL",
            "V99999999999999999999__a.sql",
        ] {
            let error = load_named(&[name]).unwrap_err();
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn the_checksum_is_refinerys_and_the_name_is_read_alike() {
        for stem in [
            "V1__a",
            "V01__a",
            "V20261123120000__größe_數據_2",
            "V9223372036854775807__ñ",
        ] {
            for text in [SQL, "", "-- é\r\nCREATE INDEX CONCURRENTLY i ON t (a);\n"] {
                let path = PathBuf::from(format!("{stem}.sql"));
                let Ok(migration) = read(path, text) else {
                    assert!(text.is_empty(), "{stem}");
                    continue;
                };
                let record = refinery_core::Migration::unapplied(stem, text).unwrap();
                assert_eq!(migration.checksum, record.checksum(), "{stem}");
                assert_eq!(migration.name, record.name(), "{stem}");
                assert_eq!(migration.version, record.version(), "{stem}");
                assert_eq!(migration.record().unwrap(), record, "{stem}");
            }
        }
    }

    #[test]
    fn a_version_twice_names_both_files() {
        let error = load_named(&["V1__a.sql", "V01__b.sql"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("V1__a.sql") && error.contains("V01__b.sql"),
            "{error}"
        );
    }

    #[test]
    fn a_comment_on_an_index_that_no_migration_creates_is_refused() {
        let file = |sql: &str| vec![(PathBuf::from("V1__a.sql"), sql.to_owned())];
        let error = from_files(Path::new("m"), file("COMMENT ON INDEX j IS 'x';")).unwrap_err();
        assert!(error.to_string().contains("COMMENT ON INDEX j"), "{error}");
        let good = format!("{SQL} COMMENT ON INDEX i IS 'x';");
        assert!(from_files(Path::new("m"), file(&good)).is_ok());
    }

    #[test]
    fn an_empty_folder_says_what_belongs_there() {
        assert!(
            load_named(&[])
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("V<n>__<name>.sql")
        );
    }
}
