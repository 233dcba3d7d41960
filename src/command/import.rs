//! `dbaudit import`: the concurrent index statements of another tool's folder, as migrations.

use super::{Context, new_file};
use crate::{
    Error, Outcome, Result, config::ImportConfig, migration::import::import, report::ImportResult,
};

pub(super) fn run(context: &Context, settings: &ImportConfig) -> Result<Outcome> {
    if is_same_folder(settings) {
        return Err(Error::Usage {
            message: format!(
                "{} would be both read from and written to",
                settings.from.display()
            ),
            hint: "name another folder with --to, and set it for apply-indexes with --migrations or in \
                   dbaudit.toml".into(),
        });
    }
    let mut import = import(&settings.from)?;
    import.number_beside(&settings.to);
    let mut files = Vec::with_capacity(import.migrations.len());
    for migration in &import.migrations {
        let path = settings.to.join(migration.file_name());
        let about = format!("from {}", migration.source.display());
        files.push(if settings.dry_run {
            new_file::plan(&path, &migration.text(), about)
        } else {
            new_file::write(&path, &migration.text(), about)?
        });
    }
    let (from, to) = (settings.from.clone(), settings.to.clone());
    let result = ImportResult::new(import, from, to, files);
    context.write(&result)?;
    Ok(result.outcome())
}

fn is_same_folder(settings: &ImportConfig) -> bool {
    match (settings.from.canonicalize(), settings.to.canonicalize()) {
        (Ok(from), Ok(to)) => from == to,
        _ => false,
    }
}
