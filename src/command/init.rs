//! `dbaudit init`: a configuration, a folder of migrations and one of queries, to begin with.

mod baseline;
mod queries;

use std::path::Path;

use super::{Context, new_file};
use crate::{
    Outcome, Result,
    config::InitConfig,
    db,
    migration::import::{Tool, looks_like},
    report::{
        InitResult,
        files::{FileStatus, NewFile},
    },
};

/// A file to write, and what it holds.
struct Draft {
    name: String,
    text: String,
    about: String,
}

impl Draft {
    fn example(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            about: "an example".to_owned(),
        }
    }

    /// Whether it stands in the folder as it was written.
    fn is_untouched(&self, folder: &str) -> bool {
        let path = Path::new(folder).join(&self.name);
        new_file::plan(&path, &self.text, "").status == FileStatus::Unchanged
    }
}

pub(super) async fn run(context: &Context, settings: &InitConfig) -> Result<Outcome> {
    let mut notes = Vec::new();
    let first_index = Draft::example("V1__first_index.sql", include_str!("init/migration.sql"));
    let first_query = Draft::example("first_query.sql", include_str!("init/query.sql"));
    let (mut migrations, mut queries) = (Vec::new(), Vec::new());
    if settings.from_database {
        // All is read before the first file is written.
        let session = db::connect(&context.config.connection, "init").await?;
        let used = i64::from(first_index.is_untouched("migrations"));
        migrations =
            baseline::migrations(&session, &settings.history_table, used, &mut notes).await?;
        queries = queries::heaviest_selects(&session, &mut notes).await?;
    }
    let configuration = include_str!("../../dbaudit.toml");
    let about = "every setting with its default, commented out";
    let mut files = vec![new_file::write(
        Path::new("dbaudit.toml"),
        configuration,
        about,
    )?];
    files.extend(fill("migrations", first_index, migrations)?);
    files.extend(fill("queries", first_query, queries)?);
    if let Some(tool) = looks_like(Path::new("migrations")).filter(|tool| *tool != Tool::Flyway) {
        notes.push(format!(
            "migrations is a {tool} folder: `dbaudit import migrations --to indexes` imports its index \
             statements; then set migrations = \"indexes\" under [apply-indexes] in dbaudit.toml"
        ));
    }
    context.write(&InitResult::new(files, notes))?;
    Ok(Outcome::Success)
}

/// Fills a folder, unless somebody else has: an example of an earlier `init` that is as it was is nobody's.
fn fill(folder: &str, example: Draft, mut drafts: Vec<Draft>) -> Result<Vec<NewFile>> {
    let untouched = example.is_untouched(folder).then(|| example.name.clone());
    if drafts.is_empty() {
        drafts.push(example);
    }
    let folder = Path::new(folder);
    let is_somebodys = |entry: std::fs::DirEntry| {
        let is_sql = entry
            .path()
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        is_sql
            && untouched
                .as_ref()
                .is_none_or(|name| entry.file_name() != name.as_str())
    };
    if std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_somebodys)) {
        return Ok(vec![NewFile {
            file: format!("{}/", folder.display()),
            status: FileStatus::Kept,
            about: "it already contains SQL files".to_owned(),
        }]);
    }
    drafts
        .into_iter()
        .map(|draft| new_file::write(&folder.join(draft.name), &draft.text, draft.about))
        .collect()
}
