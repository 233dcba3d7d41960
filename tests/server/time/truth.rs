//! Verdicts beside pgbench: never `within` what is over for a user, never `over` what is not. A small share, with
//! factors that a busy machine does not blur; the whole is in `tests/verdicts.rs`.

use serde_json::Value;

use super::bench::Timed;
use crate::support::pgbench::{BusyLoops, latencies, pgbench};

const SQL: &str = "SELECT count(*) FROM generate_series(1, 20000)";

#[tokio::test]
async fn verdicts_agree_with_pgbench_on_a_quiet_machine_and_on_one_that_is_overloaded() {
    let Some(pgbench) = pgbench() else {
        return;
    };
    let timed = Timed::with("").await;
    let url = timed.database.url.clone();
    let cpus = std::thread::available_parallelism().map_or(2, usize::from);
    for loops in [0, 2 * cpus] {
        let _busy = BusyLoops::start(loops);
        for _ in 0..2 {
            let before = latencies(&pgbench, &url, &format!("{SQL};\n"), 60);
            let (fastest, median, slowest) = (before[0], before[30], before[59]);
            let budgets = [
                ("a_tenth", fastest / 10.0),
                // Without its waits for a CPU it would be within: that is what nobody may be told.
                ("half", median / 2.0),
                ("thirty", slowest * 30.0),
            ];
            for (name, budget) in budgets {
                timed.query(name, &format!("-- budget: {budget:.3}ms\n{SQL}"));
            }
            let json = timed.run(&["--max-time", "10s"]).json();
            let after = latencies(&pgbench, &url, &format!("{SQL};\n"), 60);
            let p95 = |all: &[f64]| all[56];
            for (name, budget) in budgets {
                let verdict = verdict_of(&json, name);
                let told = format!(
                    "{loops} loops, {name}: {verdict} of {budget:.3} ms; pgbench: p50 {median:.3} and {:.3} ms, p95 \
                     {:.3} and {:.3} ms\n{json:#}",
                    after[30],
                    p95(&before),
                    p95(&after),
                );
                if before[30].min(after[30]) > budget {
                    assert_ne!(verdict, "within", "{told}");
                }
                if before[59].max(after[59]) < budget {
                    assert_ne!(verdict, "over", "{told}");
                }
            }
            // Over, unless what does nothing is as slow here.
            let tenth = query(&json, "a_tenth");
            let reason = tenth["cases"][0]["reason"].as_str().unwrap_or_default();
            let is_noise = reason.contains("`SELECT 1`");
            assert!(tenth["verdict"] == "over" || is_noise, "{tenth:#}");
            if loops == 0 {
                assert_eq!(verdict_of(&json, "thirty"), "within", "{json:#}");
            }
        }
    }
}

fn query<'v>(json: &'v Value, name: &str) -> &'v Value {
    let queries = json["queries"].as_array().unwrap();
    queries.iter().find(|query| query["name"] == name).unwrap()
}

fn verdict_of(json: &Value, name: &str) -> String {
    query(json, name)["verdict"].as_str().unwrap().to_owned()
}
