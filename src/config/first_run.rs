//! What a run without any configuration works with.

use std::path::Path;

use super::Config;
use crate::report::{Origin, Setting};

/// In words, for a command that connects, where neither a file, a flag nor the environment says where the database is.
pub(super) fn told(
    connects: bool,
    config: &Config,
    file: &Path,
    settings: &[Setting],
) -> Option<String> {
    if !connects || config.connection.url.is_some() || file != Path::new("") {
        return None;
    }
    let parameters = config
        .connection
        .target()
        .ok()?
        .parameters(None, &config.connection.environment())
        .ok()?;
    let says_where = |(key, _, source): &(String, String, Option<String>)| {
        source.is_some() && ["host", "hostaddr", "port", "service"].contains(&key.as_str())
    };
    if parameters.iter().any(says_where) {
        return None;
    }
    let place: Vec<String> = ["host", "port", "user", "dbname"]
        .iter()
        .filter_map(|wanted| {
            let (_, value, _) = parameters.iter().find(|(key, ..)| key == wanted)?;
            Some(format!("{wanted}={value}"))
        })
        .collect();
    let mut told = format!(
        "no database is configured, so dbaudit looks for one as psql does: {}",
        place.join(" ")
    );
    for what in ["migrations", "queries"] {
        let key = format!(".{what}");
        let setting = settings.iter().find(|setting| setting.key.ends_with(&key));
        match setting.map(|setting| (&setting.origin, setting.value.as_deref())) {
            Some((Origin::PresentFolder, Some(folder))) => {
                told.push_str(&format!("; the {what} are in the folder {folder}"));
            }
            Some((Origin::Default, Some(value))) => {
                told.push_str(&format!("; the {what} are {value}"))
            }
            _ => {}
        }
    }
    told.push_str(
        ". -d URL or DATABASE_URL names another database; `dbaudit init` writes a dbaudit.toml",
    );
    Some(told)
}
