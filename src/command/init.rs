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
    fn example(name: &str, text: &str) -> Vec<Self> {
        vec![Self {
            name: name.to_owned(),
            text: text.to_owned(),
            about: "an example".to_owned(),
        }]
    }
}

pub(super) async fn run(context: &Context, settings: &InitConfig) -> Result<Outcome> {
    let mut notes = Vec::new();
    let (mut migrations, mut queries) = (Vec::new(), Vec::new());
    if settings.from_database {
        // All is read before the first file is written.
        let session = db::connect(&context.config.connection, "init").await?;
        migrations = baseline::migrations(&session, &settings.history_table, &mut notes).await?;
        queries = queries::heaviest_selects(&session, &mut notes).await?;
    }
    if migrations.is_empty() {
        migrations = Draft::example("V1__first_index.sql", include_str!("init/migration.sql"));
    }
    if queries.is_empty() {
        queries = Draft::example("first_query.sql", include_str!("init/query.sql"));
    }
    let configuration = include_str!("../../dbaudit.toml");
    let about = "every setting with its default, commented out";
    let mut files = vec![new_file::write(
        Path::new("dbaudit.toml"),
        configuration,
        about,
    )?];
    files.extend(fill("migrations", migrations)?);
    files.extend(fill("queries", queries)?);
    if let Some(tool) = looks_like(Path::new("migrations")).filter(|tool| *tool != Tool::Flyway) {
        notes.push(format!(
            "migrations is a {tool} folder: `dbaudit import migrations --to indexes` imports its index \
             statements; then set migrations = \"indexes\" under [apply-indexes] in dbaudit.toml"
        ));
    }
    context.write(&InitResult::new(files, notes))?;
    Ok(Outcome::Success)
}

/// Fills a folder, unless somebody else has.
fn fill(folder: &str, drafts: Vec<Draft>) -> Result<Vec<NewFile>> {
    let folder = Path::new(folder);
    let is_sql = |entry: std::fs::DirEntry| {
        entry
            .path()
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("sql"))
    };
    if std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_sql)) {
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
