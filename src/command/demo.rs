//! `dbaudit demo`: the three commands in turn, on a throwaway server with sample data.

use super::{Context, apply_indexes, report, time_queries};
use crate::{
    Error, Outcome, Result,
    config::{Config, DemoConfig, Standard, TimeConfig},
    demo::{self, Server},
    measure::MeasureConfig,
    render::{self, Format, Stage},
    report::DemoResult,
};

pub(super) async fn run(context: &Context, settings: &DemoConfig) -> Result<Outcome> {
    if settings.rows == 0 {
        return Err(Error::Usage {
            message: "the demo needs at least one row".into(),
            hint: "set --rows to at least 1".into(),
        });
    }
    let server = demo::start(settings.server_bin.clone(), &context.progress).await?;
    let result = tokio::select! {
        biased;
        () = context.interrupt.requested() => Err(Error::Interrupted),
        result = show(context, settings, &server) => result,
    };
    demo::end(server, demo::DATABASE, settings.keep && result.is_ok()).await?;
    result
}

async fn show(context: &Context, settings: &DemoConfig, server: &Server) -> Result<Outcome> {
    let maintenance = on(context, server, "postgres");
    let sample = on(context, server, demo::DATABASE);
    demo::fill(
        &maintenance.config.connection,
        &sample.config.connection,
        settings.rows,
        &context.progress,
    )
    .await?;
    let screen = Screen(context);
    let mut standard = Standard::settings()?;
    // The acts that follow shall not be pushed off the screen.
    standard.report.view.limit = 5;
    let timing = TimeConfig {
        measure: MeasureConfig {
            worst_only: true,
            ..standard.time.measure
        },
        // A demo on a busy machine is not a failure; the verdict still says so.
        allow_inconclusive: true,
        ..standard.time
    };

    let report = report::produce(&sample, &standard.report).await?;
    screen.show(&Stage::opening(&report, settings.rows))?;
    screen.show(&Stage::report(&report))?;
    let before = time_queries::produce(&sample, &timing).await?;
    screen.show(&Stage::before(&before))?;
    let apply = apply_indexes::produce(&sample, &standard.apply).await?;
    screen.show(&Stage::apply(&apply))?;
    let after = time_queries::produce(&sample, &timing).await?;
    screen.show(&Stage::after(&after))?;

    let result = DemoResult::new(settings.rows, report, before, apply, after);
    screen.show(&Stage::closing(&result.summary))?;
    screen.end(&result)?;
    Ok(result.outcome())
}

/// On a terminal each act is shown when it is over; elsewhere there is one document at the end.
struct Screen<'a>(&'a Context);

impl Screen<'_> {
    fn is_live(&self) -> bool {
        let config = &self.0.config;
        config.format == Format::Table && config.output.file.is_none()
    }

    fn show(&self, stage: &Stage) -> Result<()> {
        if !self.is_live() {
            return Ok(());
        }
        let Config { format, output, .. } = &self.0.config;
        let text = render::render(stage, *format, output)?;
        self.0
            .progress
            .suspend(|| output.write(&format!("{text}\n")))
    }

    fn end(&self, result: &DemoResult) -> Result<()> {
        if self.is_live() {
            return self.0.write_also(result);
        }
        self.0.write(result)
    }
}

/// The same context, with its connections going to a database of the throwaway server, whatever `PGOPTIONS`
/// and its kin say of the user's own.
fn on(context: &Context, server: &Server, database: &str) -> Context {
    Context {
        config: Config {
            connection: context
                .config
                .connection
                .on_own_server(&server.url(database)),
            ..context.config.clone()
        },
        ..context.clone()
    }
}
