//! A database per test.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::Client;

use super::{TestServer, connect, run};

/// What a new database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// Nothing.
    Empty,
    /// The sample schema with 5,000 rows of content, analysed, and no index but the primary keys'.
    Demo,
}

impl Template {
    fn name(self) -> &'static str {
        match self {
            Template::Empty => "template0",
            Template::Demo => "sample_template",
        }
    }
}

/// A test's own database. Dropped with the value; kept where the test panicked.
pub struct TestDatabase {
    /// Where it is, as the superuser.
    pub url: String,
    /// Its name.
    pub name: String,
    admin_url: String,
    folder: tempfile::TempDir,
}

impl TestDatabase {
    pub(super) fn create(server: &TestServer, template: Template) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin_url = server.url("postgres");
        {
            // One clone at a time: the server refuses to clone a database that is in use.
            let mut made = server.templates.lock().unwrap_or_else(|poisoned| {
                server.templates.clear_poison();
                poisoned.into_inner()
            });
            if template == Template::Demo && !made.contains(&template) {
                make_sample(&admin_url, &server.url(template.name()), template.name());
                made.push(template);
            }
            execute(
                &admin_url,
                &format!("CREATE DATABASE {name} TEMPLATE {}", template.name()),
            );
        }
        Self {
            url: server.url(&name),
            name,
            admin_url,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A connection of the superuser.
    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }

    /// The binary, to be run against this database: `-d` set, and nothing of the environment that
    /// could lead it elsewhere. Its working folder is empty, and the test's own.
    pub fn dbaudit(&self, args: &[&str]) -> assert_cmd::Command {
        let mut command = dbaudit(self.folder.path());
        command.args(["-d", &self.url]).args(args);
        command
    }

    /// The folder in which [`TestDatabase::dbaudit`] runs.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the test's database is {} (DBAUDIT_TEST_KEEP=1 keeps its server running)",
                self.url
            );
            return;
        }
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        execute(&self.admin_url, &drop);
    }
}

/// The binary without a database, in `folder`, in an environment without any of libpq's variables.
pub fn dbaudit(folder: &std::path::Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dbaudit"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("DBAUDIT_") || text == "DATABASE_URL" {
            command.env_remove(&name);
        }
    }
    command.env("HOME", folder).current_dir(folder);
    command
}

fn make_sample(admin_url: &str, url: &str, name: &str) {
    execute(admin_url, &format!("CREATE DATABASE {name}"));
    run(async {
        let sample = async |client: tokio_postgres::Client| {
            dbaudit::demo::load(&client, 5_000, dbaudit::demo::SEED, |_| ()).await
        };
        alone(url, sample).await.expect("the sample loads");
        let statistics =
            async |client: tokio_postgres::Client| dbaudit::demo::analyze(&client).await;
        alone(url, statistics)
            .await
            .expect("the sample is analysed");
    });
    // The backend may still be ending; and the server's own workers must stay away from a template.
    execute(
        admin_url,
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
    );
}

/// Does something over a connection that is closed when this returns.
async fn alone<T>(url: &str, work: impl AsyncFnOnce(Client) -> T) -> T {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("a connection");
    let connection = tokio::spawn(connection);
    let done = work(client).await;
    connection
        .await
        .expect("the connection's task ends")
        .expect("the connection closes");
    done
}

fn execute(url: &str, statement: &str) {
    run(async {
        connect(url)
            .await
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    });
}
