//! The folder of migrations: names, order, checksums.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use include_dir::{Dir, include_dir};

use super::{
    Statement,
    import::{Tool, looks_like},
    parse::{NO_INDEX_STATEMENT, parse},
};
use crate::{
    Error, Result,
    error::{FileProblem, FileProblems},
};

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
    /// How many statements of a Down part were left out.
    pub left_out: usize,
    pub text: String,
    pub(crate) checksum: OnceLock<Option<u64>>,
}

impl Migration {
    /// What refinery makes of it: its row in the history.
    ///
    /// # Errors
    /// [`Error::Migration`]: refinery cannot read the file's name; [`load`] takes only names that it reads.
    pub fn record(&self) -> Result<refinery_core::Migration> {
        let stem = format!("V{}__{}", self.version, self.name);
        refinery_core::Migration::unapplied(&stem, &self.text).map_err(|error| {
            let message = format!("refinery cannot read the file's name: {error}");
            Error::Migration(FileProblems(vec![problem(
                &self.file,
                message,
                "rename it",
            )]))
        })
    }

    /// refinery's checksum of it, as the history has it, made when it is first asked for; none where [`Migration::record`]
    /// fails.
    pub fn checksum(&self) -> Option<u64> {
        let make = || Some(self.record().ok()?.checksum());
        *self.checksum.get_or_init(make)
    }

    /// The line of the file that each of its statements begins on, from 1.
    pub fn lines(&self) -> Vec<usize> {
        parse(&self.file, &self.text).map_or_else(|_| Vec::new(), |parsed| parsed.lines)
    }
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
    from_files(Path::new("migrations"), files.collect(), Vec::new())
}

/// The migrations of a folder.
///
/// # Errors
/// [`Error::Migration`] with file, line and column of everything that is wrong: a folder that is not there or holds
/// no migration, a file name that is not a version and a name, a version twice, or a statement that may not stand in
/// a migration.
pub fn load(folder: &Path) -> Result<Vec<Migration>> {
    read_folder(folder).map_err(|error| match error {
        Error::Migration(problems) => Error::Migration(of_another_tool(folder, problems)),
        error => error,
    })
}

const MISNAMED: &str =
    "the file is not named V<n>__<name>.sql, with a name of letters, digits and underscores";

/// Another tool's folder is read by another command.
fn of_another_tool(folder: &Path, mut problems: FileProblems) -> FileProblems {
    let are_all_misnamed = problems.0.iter().all(|one| one.message == MISNAMED);
    let holds_other_statements = || {
        let is_one = |problem: &FileProblem| problem.message.ends_with(NO_INDEX_STATEMENT);
        problems.0.iter().any(is_one)
    };
    let hint = match looks_like(folder) {
        // Files of dbaudit's own have the same names.
        Some(Tool::Flyway) if !holds_other_statements() => None,
        Some(tool) => Some(format!(
            "this is a {tool} folder: `dbaudit import {} --to indexes` imports its index statements",
            folder.display()
        )),
        None => None,
    };
    match hint {
        // No file of it is meant for dbaudit: one by one, they say nothing more.
        Some(hint) if are_all_misnamed => {
            let message = "it contains no file named V<n>__<name>.sql".to_owned();
            problems = FileProblems(vec![problem(folder, message, &hint)]);
        }
        Some(hint) => {
            if let Some(last) = problems.0.last_mut() {
                last.hint = format!("{}\n{hint}", last.hint);
            }
        }
        None => {}
    }
    problems
}

fn read_folder(folder: &Path) -> Result<Vec<Migration>> {
    let wrong = |path: &Path, error: std::io::Error| {
        problem(
            path,
            format!("cannot be read: {error}"),
            "check --migrations DIR",
        )
    };
    let one = |problem| Error::Migration(FileProblems(vec![problem]));
    let entries = std::fs::read_dir(folder).map_err(|error| one(wrong(folder, error)))?;
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(|error| one(wrong(folder, error)))?.path();
        let is_sql = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_sql && !hidden {
            match std::fs::read_to_string(&path) {
                Ok(text) => files.push((path, text)),
                Err(error) => unread.push(wrong(&path, error)),
            }
        }
    }
    from_files(folder, files, unread)
}

/// Migrations that are not written yet: name and text of each file.
///
/// # Errors
/// As [`load`].
pub fn check(files: Vec<(PathBuf, String)>) -> Result<Vec<Migration>> {
    from_files(Path::new("."), files, Vec::new())
}

fn problem(file: &Path, message: String, hint: &str) -> FileProblem {
    FileProblem {
        file: file.to_owned(),
        line: None,
        column: None,
        message,
        hint: hint.to_owned(),
    }
}

fn from_files(
    folder: &Path,
    mut files: Vec<(PathBuf, String)>,
    mut problems: Vec<FileProblem>,
) -> Result<Vec<Migration>> {
    // Problems are also reported in the order of versions.
    let order = |path: &Path| (version_of(path), path.to_owned());
    files.sort_by_cached_key(|(path, _)| order(path));
    if files.is_empty() && problems.is_empty() {
        problems.push(problem(
            folder,
            "there are no migration files in this folder".into(),
            "add files named V<n>__<name>.sql, or name another folder with --migrations",
        ));
    }
    let mut migrations: Vec<Migration> = Vec::new();
    for (path, text) in files {
        match read(path, &text) {
            Ok(migration) if migration.statements.is_empty() => {
                tracing::info!(
                    "{}: it contains only comments and is ignored",
                    migration.file.display()
                );
            }
            Ok(migration) => migrations.push(migration),
            Err(wrong) => problems.extend(wrong),
        }
    }
    for pair in migrations.windows(2) {
        if let [first, second] = pair
            && first.version == second.version
        {
            problems.push(problem(
                &second.file,
                format!(
                    "version {} is already used by {}",
                    second.version,
                    first.file.display()
                ),
                "give each migration its own version",
            ));
        }
    }
    problems.extend(wrong_comments(&migrations));
    if problems.is_empty() {
        return Ok(migrations);
    }
    problems.sort_by_cached_key(|problem| order(&problem.file));
    Err(Error::Migration(FileProblems(problems)))
}

/// `7` of `V7__name.sql`; what has no version comes last.
pub(super) fn version_of(path: &Path) -> i64 {
    let version = || {
        let (version, _) = path
            .file_name()?
            .to_str()?
            .strip_prefix('V')?
            .split_once("__")?;
        version.parse().ok()
    };
    version().unwrap_or(i64::MAX)
}

/// A comment belongs to an index that this file or an earlier one creates: of any other, nothing is known.
fn wrong_comments(migrations: &[Migration]) -> Vec<FileProblem> {
    let mut created: Vec<&str> = Vec::new();
    let mut problems = Vec::new();
    for migration in migrations {
        for statement in &migration.statements {
            match statement {
                Statement::Create(create) => created.push(&create.name),
                Statement::Comment(comment) if !created.contains(&comment.index.name.as_str()) => {
                    problems.push(problem(
                        &migration.file,
                        format!(
                            "COMMENT ON INDEX {}: no migration up to this point creates that index",
                            comment.index
                        ),
                        "put the comment after the CREATE INDEX CONCURRENTLY of that index",
                    ));
                }
                _ => {}
            }
        }
    }
    problems
}

/// Whether refinery reads the whole name: of `V1__a-b c` it would read `a`, of `V1__m²` only `m`.
pub(super) fn is_read_whole(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    // refinery is asked only of other alphabets' letters: compiling its pattern takes longer than reading all files.
    name.bytes().all(is_plain)
        || refinery_core::Migration::unapplied(&format!("V1__{name}"), "")
            .is_ok_and(|read| read.name() == name)
}

fn read(path: PathBuf, text: &str) -> Result<Migration, Vec<FileProblem>> {
    let misnamed = || {
        vec![problem(
            &path,
            MISNAMED.into(),
            "rename it, for example V7__orders_customer.sql",
        )]
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
    if version.is_empty()
        || !version.chars().all(|c| c.is_ascii_digit())
        || name.is_empty()
        || !is_read_whole(name)
    {
        return Err(misnamed());
    }
    let version: i64 = version.parse().map_err(|_| {
        vec![problem(
            &path,
            format!("version {version} is too large"),
            "use a version below 2^63",
        )]
    })?;
    if name.chars().count() > 255 {
        return Err(vec![problem(
            &path,
            "the name is longer than 255 characters".into(),
            "shorten it",
        )]);
    }
    let parsed = parse(&path, text)?;
    Ok(Migration {
        version,
        name: name.to_owned(),
        statements: parsed.statements,
        left_out: parsed.left_out,
        text: text.to_owned(),
        file: path,
        checksum: OnceLock::new(),
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
        from_files(Path::new("m"), files.collect(), Vec::new())
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
                assert_eq!(migration.checksum(), Some(record.checksum()), "{stem}");
                assert_eq!(migration.name, record.name(), "{stem}");
                assert_eq!(migration.version, record.version(), "{stem}");
                assert_eq!(migration.record().unwrap(), record, "{stem}");
            }
        }
    }

    #[test]
    fn a_name_is_taken_as_refinery_reads_it_or_refused() {
        // The second is a letter since Unicode 17, the last two marks and a digit of other scripts.
        for (name, is_taken) in [
            ("gro\u{df}e", true),
            ("x\u{88f}y", false),
            ("m\u{b2}", false),
            ("gro\u{308}\u{df}e", true),
            ("\u{663}", true),
        ] {
            let read = read(format!("V1__{name}.sql").into(), SQL);
            assert_eq!(read.is_ok(), is_taken, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_is_recorded_as_another(name in "\\PC{1,6}|\\w{1,12}") {
            if let Ok(migration) = read(format!("V1__{name}.sql").into(), SQL) {
                assert_eq!(migration.record().unwrap().name(), name);
                assert!(migration.checksum().is_some());
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
        let error = from_files(
            Path::new("m"),
            file("COMMENT ON INDEX j IS 'x';"),
            Vec::new(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("COMMENT ON INDEX j"), "{error}");
        let good = format!("{SQL} COMMENT ON INDEX i IS 'x';");
        assert!(from_files(Path::new("m"), file(&good), Vec::new()).is_ok());
    }

    #[test]
    fn every_wrong_file_is_told_in_the_order_of_versions() {
        let files = [
            "V10__c.sql",
            "V9__b.sql",
            "oops.sql",
            "V2__a.sql",
            "V3__fine.sql",
        ];
        let files = files.map(|name| {
            let sql = if name.contains("fine") {
                SQL
            } else {
                "VACUUM;"
            };
            (Path::new("m").join(name), sql.to_owned())
        });
        let error = from_files(Path::new("m"), files.to_vec(), Vec::new())
            .unwrap_err()
            .to_string();
        let places = ["V2__a", "V9__b", "V10__c", "oops"].map(|name| error.find(name));
        assert!(places.is_sorted() && places[0].is_some(), "{error}");
        assert!(!error.contains("fine"), "{error}");
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
