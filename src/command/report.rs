//! `dbaudit report`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};

use super::Context;
use crate::{
    Error, Outcome, Result,
    catalog::{
        self, BloatSuspects, Catalog, ClusterDatabase, IndexTexts, LeftOut, LoadOptions,
        quote_identifier,
    },
    check::{self, SkippedCheck},
    config::ReportConfig,
    db::{self, Session},
    host::{self, HostReader},
    migration::{self, Statement},
    render::Format,
    report::{Baseline, Changes, DatabaseReport, IndexOrigin, Origins, ReportSet, SavedFacts},
};

pub(super) async fn run(context: &Context, settings: &ReportConfig) -> Result<Outcome> {
    let output = &context.config.output;
    let mut settings = settings.clone();
    let formats: Vec<Format> = context.config.formats().collect();
    settings.view.definitions = formats.iter().copied().any(shows_definitions);
    let settings = &settings;
    if settings.print_grants {
        output.write(catalog::GRANTS)?;
        return Ok(Outcome::Success);
    }
    // Files first: what is wrong with them is said before a server is asked.
    let baseline = read(settings.baseline.as_deref(), Baseline::parse)?;
    let before = read(settings.since.as_deref(), SavedFacts::parse)?;
    let mut unread = Vec::new();
    let facts = match read(settings.from.as_deref(), SavedFacts::parse)? {
        Some(saved) => saved.databases,
        None if settings.all_databases => load_all(context, settings, &mut unread).await?,
        None => vec![load(context, settings).await?],
    };
    let facts = save(settings.save.as_deref(), facts)?;
    let origins = origins(&formats, settings);
    let mut reports = ReportSet(Vec::new());
    for catalog in facts {
        let replicas = load_replicas(context, settings, &catalog).await?;
        let mut report = judge(catalog, &replicas, settings);
        report.origins.clone_from(&origins);
        if let Some(before) = &before {
            report.changes = changes(before, &report.catalog);
        }
        if let Some(baseline) = &baseline {
            report.mark_known(baseline);
        }
        reports.0.push(report);
    }
    if let Some(first) = reports.0.first_mut() {
        first.skipped.append(&mut unread);
    }
    context.write(&reports)?;
    say_what_it_cost(&reports);
    Ok(if reports.objects() {
        Outcome::Objection
    } else {
        Outcome::Success
    })
}

/// The report on one database, without writing it anywhere.
pub(super) async fn produce(context: &Context, settings: &ReportConfig) -> Result<DatabaseReport> {
    let catalog = load(context, settings).await?;
    Ok(judge(catalog, &[], settings))
}

fn judge(catalog: Catalog, replicas: &[Catalog], settings: &ReportConfig) -> DatabaseReport {
    let verdicts = check::judge(&catalog, replicas, &settings.policy);
    DatabaseReport::new(catalog, verdicts, settings.view)
}

/// Formats that list every index with its definition; the others need those only that a finding names.
fn shows_definitions(format: Format) -> bool {
    matches!(
        format,
        Format::Json | Format::JsonLines | Format::Html | Format::Csv
    )
}

/// The files that findings are shown beside, for the format that shows them. A folder of migrations that cannot be read
/// is apply-indexes' to complain of.
fn origins(formats: &[Format], settings: &ReportConfig) -> Origins {
    let folder = settings.migrations.as_deref();
    let folder = folder.filter(|_| formats.contains(&Format::Sarif));
    let migrations = folder.map_or_else(|| Ok(Vec::new()), migration::load);
    let migrations = migrations.unwrap_or_else(|error| {
        tracing::warn!("findings could not be compared with the migrations: {error}");
        Vec::new()
    });
    let mut indexes = Vec::new();
    for migration in &migrations {
        for (statement, line) in migration.statements.iter().zip(migration.lines()) {
            if let Statement::Create(create) = statement {
                indexes.push(IndexOrigin {
                    schema: create.table.schema.clone(),
                    name: create.name.clone(),
                    file: migration.file.clone(),
                    line,
                });
            }
        }
    }
    Origins::new(settings.file.clone(), indexes)
}

async fn load(context: &Context, settings: &ReportConfig) -> Result<Catalog> {
    let session = db::connect(&context.config.connection, "report").await?;
    load_with_host(&session, settings).await
}

/// Every database of the cluster that takes connections, a few at a time. One that cannot be read (no right to
/// connect, dropped meanwhile) is named in `unread`; it is an error only where none can.
async fn load_all(
    context: &Context,
    settings: &ReportConfig,
    unread: &mut Vec<SkippedCheck>,
) -> Result<Vec<Catalog>> {
    let session = db::connect(&context.config.connection, "report").await?;
    let databases = catalog::cluster_databases(&session).await?;
    drop(session);
    unread.extend(databases.iter().filter_map(left_out));
    let names = databases
        .into_iter()
        .filter(|database| database.left_out.is_none());
    let names = names.map(|database| database.name);
    let target = context.config.connection.target()?;
    let mut loading = stream::iter(names)
        .map(|name| {
            let target = target.clone().with_database(&name);
            async move {
                let loaded = async {
                    let session = db::connect_to(&target, "report").await?;
                    load_with_host(&session, settings).await
                };
                (name, loaded.await)
            }
        })
        .buffered(context.config.connection.pool.size.max(1));
    let mut facts = Vec::new();
    let mut last_error = None;
    while let Some((name, loaded)) = loading.next().await {
        match loaded {
            Ok(catalog) => facts.push(catalog),
            Err(error) => {
                unread.push(SkippedCheck {
                    check: format!("database {name}"),
                    reason: error.to_string(),
                    grant: None,
                    partial: false,
                });
                last_error = Some(error);
            }
        }
    }
    match last_error {
        Some(error) if facts.is_empty() => Err(error),
        _ => Ok(facts),
    }
}

/// Why a database is not among them.
fn left_out(database: &ClusterDatabase) -> Option<SkippedCheck> {
    let name = &database.name;
    let (reason, grant) = match database.left_out? {
        LeftOut::Closed => ("it does not accept connections (datallowconn)", None),
        LeftOut::Template => ("it is a template", None),
        LeftOut::NotAllowed => (
            "the role cannot connect to it",
            Some(format!(
                "GRANT CONNECT ON DATABASE {} TO CURRENT_USER",
                quote_identifier(name)
            )),
        ),
    };
    Some(SkippedCheck {
        check: format!("database {name}"),
        reason: reason.to_owned(),
        grant,
        partial: false,
    })
}

/// The facts, and those of the machine or container where it is the server's.
async fn load_with_host(session: &Session, settings: &ReportConfig) -> Result<Catalog> {
    let mut reader = HostReader::new(settings.memory_limit);
    // CPU is that between two readings.
    let (begun, first) = (Instant::now(), reader.read(&[]));
    let mut catalog = catalog::load(session, &limits(settings)).await?;
    let seen = if host::is_served_here(&catalog, session.ask_backend_pid().await?) {
        let rest = SHORTEST_LOOK.saturating_sub(begun.elapsed());
        tokio::time::sleep(rest).await;
        first.and_then(|_| reader.read_for(&catalog))
    } else {
        Err(host::ELSEWHERE.to_owned())
    };
    catalog.see_host(seen);
    Ok(catalog)
}

/// A shorter look at the CPU says nothing.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);

/// The same database on each standby.
async fn load_replicas(
    context: &Context,
    settings: &ReportConfig,
    catalog: &Catalog,
) -> Result<Vec<Catalog>> {
    let (name, oid) = (&catalog.database.name, catalog.database.oid);
    let limits = LoadOptions {
        // What is asked of them is which indexes they read.
        index_texts: IndexTexts::Judged,
        exact_bloat: None,
        ..limits(settings)
    };
    let mut replicas = Vec::new();
    for url in &settings.replicas {
        let connection = context.config.connection.at(url);
        let target = connection.target()?.with_database(name);
        let session = db::connect_to(&target, "report").await?;
        let replica = catalog::load(&session, &limits).await?;
        if replica.database.oid != oid {
            return Err(Error::CannotJudge {
                message: format!(
                    "--replica {}: its database {name} is a different one (oid {}, not {oid})",
                    db::mask_password(url),
                    replica.database.oid
                ),
                hint: "give connection strings of standbys of the reported server".into(),
            });
        }
        replicas.push(replica);
    }
    Ok(replicas)
}

fn limits(settings: &ReportConfig) -> LoadOptions {
    LoadOptions {
        lock_timeout: settings.lock_timeout.0,
        statement_timeout: settings.statement_timeout.0,
        index_texts: if settings.view.definitions || settings.save.is_some() {
            IndexTexts::All
        } else {
            IndexTexts::Judged
        },
        exact_bloat: settings
            .exact_bloat
            .filter(|count| *count > 0)
            .map(|count| BloatSuspects {
                count,
                choose: check::most_bloated,
            }),
    }
}

fn read<T>(path: Option<&Path>, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>> {
    let Some(path) = path else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        doing: "reading",
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map(Some).map_err(|wrong| Error::Usage {
        message: format!("{}: {wrong}", path.display()),
        hint: "`report --save FILE` writes facts; `report --format json` writes a baseline".into(),
    })
}

fn save(path: Option<&Path>, facts: Vec<Catalog>) -> Result<Vec<Catalog>> {
    let Some(path) = path else {
        return Ok(facts);
    };
    let saved = SavedFacts::new(facts);
    let wrong = |source| Error::File {
        doing: "writing",
        path: path.to_owned(),
        source,
    };
    let text = saved.to_text().map_err(|error| wrong(error.into()))?;
    std::fs::write(path, text).map_err(wrong)?;
    Ok(saved.databases)
}

fn changes(before: &SavedFacts, now: &Catalog) -> Option<Changes> {
    let found = before
        .databases
        .iter()
        .find_map(|before| Changes::between(before, now));
    if found.is_none() {
        tracing::warn!(
            "--since: the file has no earlier facts about the database {}",
            now.database.name
        );
    }
    found
}

fn say_what_it_cost(reports: &ReportSet) {
    for report in &reports.0 {
        tracing::debug!("{}: {}", report.database.name, report.cost);
        for rule in &report.expired_rules {
            tracing::warn!(
                "the rule that ignores {} on {} has expired: {}",
                rule.check,
                rule.object,
                rule.reason
            );
        }
    }
}
