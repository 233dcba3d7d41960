//! One straight-line script per command: what happens, in order.

mod advise;
mod apply_indexes;
mod config;
mod demo;
mod embedded;
mod import;
mod init;
mod new_file;
mod report;
mod serve;
mod time_endpoints;
mod time_queries;
mod timing;
mod twin;

use crate::{
    Error, Outcome, Result,
    config::{Config, Invocation, LogFormat, LogLevel, Task},
    interrupt::Interrupt,
    output::{self, Output},
    progress::Progress,
    render::{Document, render},
};

#[derive(Debug, Clone)]
pub struct Context {
    pub config: Config,
    pub progress: Progress,
    pub interrupt: Interrupt,
}

impl Context {
    /// Writes a result in every format that was asked for.
    fn write(&self, document: &impl Document) -> Result<()> {
        let Config { format, output, .. } = &self.config;
        output.write(&render(document, *format, output)?)?;
        self.write_also(document)
    }

    /// Writes it in those of `--also` alone.
    fn write_also(&self, document: &impl Document) -> Result<()> {
        self.config
            .also
            .iter()
            .try_for_each(|(format, output)| output.write(&render(document, *format, output)?))
    }
}

/// Does what was asked.
///
/// # Errors
/// Whatever kept it from being done; see [`Error::outcome`] for the exit status.
pub fn run(invocation: Invocation) -> Result<Outcome> {
    let Invocation {
        config,
        task,
        settings,
        log_level,
        log_format,
        first_run,
    } = invocation;
    let progress = Progress::new(config.progress);
    let color = output::color_on_stderr(config.output.forced);
    start_logging(log_level, log_format, color, progress.clone());
    if let Some(told) = first_run {
        tracing::info!("{told}");
    }
    let files = config.also.iter().map(|(_, output)| output);
    files.chain([&config.output]).try_for_each(Output::check)?;
    // One thread: the commands wait for servers, and a wake-up from another thread would be measured. But those
    // who ask `serve` must not wait for what it makes of a thousand tables.
    let mut builder = match &task {
        Task::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| Error::File {
            doing: "starting",
            path: "the runtime".into(),
            source,
        })?;
    let outcome = runtime.block_on(async {
        let context = Context {
            config,
            progress,
            interrupt: Interrupt::listen(),
        };
        match task {
            Task::ApplyIndexes(settings) => apply_indexes::run(&context, &settings).await,
            Task::Status(settings) => apply_indexes::status(&context, &settings).await,
            Task::TimeQueries(settings) => time_queries::run(&context, &settings).await,
            Task::Advise(settings) => advise::run(&context, &settings).await,
            Task::Report(settings) => report::run(&context, &settings).await,
            Task::TimeEndpoints(settings) => time_endpoints::run(&context, &settings).await,
            Task::Serve(settings) => serve::run(&context, &settings).await,
            Task::Demo(settings) => demo::run(&context, &settings).await,
            Task::Snapshot(settings) => twin::snapshot(&context, &settings).await,
            Task::Twin(settings) => twin::run(&context, &settings).await,
            Task::Init(settings) => init::run(&context, &settings).await,
            Task::Import(settings) => import::run(&context, &settings),
            Task::ShowConfig => config::run(&context, &settings),
            Task::Print(text) => context
                .config
                .output
                .write(&text)
                .map(|()| Outcome::Success),
        }
    });
    // A name that is still being looked up, on a thread of its own, must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}

/// Log lines go to stderr, around the progress bars. `RUST_LOG` overrides the level.
fn start_logging(level: LogLevel, format: LogFormat, color: bool, progress: Progress) {
    use tracing_subscriber::EnvFilter;
    let filter = match level {
        LogLevel::Error => "dbaudit=error",
        LogLevel::Info => "dbaudit=info",
        LogLevel::Debug => "dbaudit=debug",
        LogLevel::Trace => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(level == LogLevel::Trace)
        .with_writer(move || Stderr(progress.clone()));
    // A second call (tests in one process) keeps the first subscriber.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(color).without_time().try_init(),
    };
}

struct Stderr(Progress);

impl std::io::Write for Stderr {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        // Nothing sensible is left to do if stderr is gone.
        self.0
            .suspend(|| std::io::Write::write_all(&mut std::io::stderr().lock(), line))
            .ok();
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
