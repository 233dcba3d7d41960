//! What stands beside the verdict: two settings, a cold cache, waits for a CPU.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    ORDERS,
    bench::{Timed, case},
};

#[tokio::test]
async fn two_values_of_a_setting_are_compared_pair_by_pair() {
    let timed = Timed::with("").await;
    timed.query(
        "q",
        "-- budget: 2s\nSELECT pg_sleep(coalesce(current_setting('dbaudit.wait', true)::float8, 0))",
    );
    let run = timed.run(&["--ab", "dbaudit.wait=0.001,0.01"]);
    let ab = run.query()["ab"].clone();
    assert_eq!(
        (&ab["a"], &ab["b"], &ab["same_plan"]),
        (
            &"dbaudit.wait = 0.001".into(),
            &"dbaudit.wait = 0.01".into(),
            &true.into()
        ),
        "{ab:#}"
    );
    assert!(
        ab["median_ratio"].as_f64() > Some(2.0) && ab["p_value"].as_f64() < Some(0.01),
        "{ab:#}"
    );

    let wrong = timed.run(&["--ab", "enable_nothing=on,off"]);
    let error = wrong.query()["error"].as_str().unwrap().to_owned();
    assert!(
        wrong.status == 3 && error.contains("enable_nothing"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cold_cache_is_forecast_from_the_blocks_and_called_a_forecast() {
    let timed = Timed::with(ORDERS).await;
    timed.query("q", "-- budget: 2s\nSELECT count(*) FROM orders");
    let case_of = |args: &[&str]| case(&timed.run(args).query(), "given").clone();
    let cold = case_of(&["--cold-read", "10ms"]);
    let number = |key: &str| cold[key].as_f64().unwrap();
    let expected = number("p50_ms") + 10.0 * number("shared_hit");
    assert!(
        number("shared_hit") > 50.0 && (number("cold_forecast_ms") - expected).abs() < 0.01,
        "{cold:#}"
    );
    let shown = timed
        .run(&["--cold-read", "10ms", "--format", "markdown"])
        .stdout;
    assert!(
        shown.contains("forecast for a cold cache (not measured)"),
        "{shown}"
    );
}

/// As many busy threads as it takes to make everything wait.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn waits_for_a_cpu_are_seen_and_no_fault_of_the_query() {
    let timed = Timed::with("").await;
    timed.query(
        "q",
        "-- budget: 30s\nSELECT count(*) FROM generate_series(1, 30000)",
    );
    let stop = AtomicBool::new(false);
    let json = std::thread::scope(|scope| {
        for _ in 0..2 * std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let json = timed.run(&[]).json();
        stop.store(true, Ordering::Relaxed);
        json
    });
    assert_eq!(json["floor"]["sees_backend"], true);
    let case = case(&json["queries"][0], "given");
    let wait = &case["cpu_wait"];
    let (total, net) = (
        wait["total_ms"].as_f64().unwrap(),
        wait["net_p95_ms"].as_f64().unwrap(),
    );
    assert!(
        total > 0.0 && net < case["p95_ms"].as_f64().unwrap(),
        "{case:#}"
    );
}

#[tokio::test]
async fn more_blocks_for_the_same_rows_fail_the_comparison_and_slower_times_do_not() {
    let timed = Timed::with(&format!(
        "{ORDERS}; ALTER TABLE orders SET (autovacuum_enabled = off)"
    ))
    .await;
    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: values 7\nSELECT * FROM orders WHERE customer_id = $1",
    );
    assert_eq!(timed.run(&["--save", "saved.json"]).status, 0);
    // Last night's run as a much faster one.
    let file = timed.database.folder().join("saved.json");
    let mut saved: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for case in saved["queries"][0]["cases"].as_array_mut().unwrap() {
        case["p50_ms"] = 0.0001.into();
    }
    std::fs::write(&file, saved.to_string()).unwrap();
    let slower = timed.run(&["--compare", "saved.json"]);
    let changes = &slower.json()["comparison"]["changes"];
    assert_eq!(
        (slower.status, &changes[0]["what"], &changes[0]["gate"]),
        (0, &"time".into(), &false.into()),
        "{changes:#}"
    );

    let client = timed.database.client().await;
    client
        .batch_execute("UPDATE orders SET status = status")
        .await
        .unwrap();
    let bloated = timed.run(&["--compare", "saved.json"]);
    let change = &bloated.json()["comparison"]["changes"][0];
    assert_eq!(
        (bloated.status, &change["what"], &change["gate"]),
        (1, &"buffers".into(), &true.into()),
        "{change:#}"
    );
}
