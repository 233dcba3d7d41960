//! `serve` under the beacons of many browsers and the eyes of many dashboards, while it collects.

use std::time::{Duration, Instant};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

use crate::{
    arguments::Arguments,
    compare::{Sampled, quantile},
    figure::ms,
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    plot::Plot,
    requests::{Answers, Kind, send},
    serving::{ORIGIN, Serving, TOKEN, shown},
};

const ROWS: u64 = 200_000;
const INTERVAL: Duration = Duration::from_secs(5);

const BEACONS: Kind = Kind {
    per_second: 2_000,
    connections: 64,
    request: beacon,
    status: 204,
};
const DASHBOARDS: Kind = Kind {
    per_second: 200,
    connections: 20,
    request: dashboard,
    status: 200,
};
/// Each sends a beacon every ten seconds.
const BROWSERS: u64 = 20_000;

fn size(arguments: &Arguments) -> u64 {
    arguments.scaled(ROWS, 20_000)
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    place.sample(size(arguments));
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let seconds: u64 = arguments.scaled(600, 20);
    let database = place.copy(&place.sample(size(arguments)), "serve");
    place.apply(&database);
    let serving = Serving::start(place, &database, INTERVAL);
    serving.await_ready();

    let collections = || serving.counter("dbaudit_collections_total");
    let before = collections();
    let (begun, own, served) = (Instant::now(), own_cpu_s(), serving.cpu_s());
    let start = begun + Duration::from_millis(200);
    let (answers, memory) = std::thread::scope(|scope| {
        let (address, span) = (serving.address.clone(), Duration::from_secs(seconds));
        let load = scope.spawn(move || send(&address, &[BEACONS, DASHBOARDS], start, span));
        let memory = serving.watch_memory(start, seconds);
        (load.join().expect("the load does not panic"), memory)
    });
    let took = begun.elapsed().as_secs_f64();
    let load_cpu = (own_cpu_s() - own) / took;
    let serve_cpu = serving
        .cpu_s()
        .zip(served)
        .map(|(now, then)| (now - then) / took);
    let peak = serving.memory("VmHWM");
    let meanwhile = collections()
        .zip(before)
        .map(|(after, before)| after - before);
    let gaps = serving.counter("dbaudit_collections_failed_total");

    let at = |second: u64| memory.get(second.max(1) as usize - 1).copied();
    let early = (seconds / 4).min(10);
    let (half, end) = (at(seconds / 2), at(seconds));
    let growth = half.zip(end).map(|(half, end)| (end / half - 1.0) * 100.0);
    let [beacons, dashboards] = &answers[..] else {
        unreachable!("one per kind");
    };
    let mut outcome = Outcome {
        title: "Serving beacons and dashboards while collecting".into(),
        method: format!(
            "`dbaudit serve` on the demo's data ({} rows of content), read every {} s, for {seconds} s: {} beacons a second \
             of {} browsers on {} pages and {} endpoints, and {} requests a second of the dashboard, the API (the whole report \
             among them) and the metrics, each with the token, over {} kept-alive connections. As behind a proxy: its header \
             names the client, whose rate is limited as by default. An open loop: a latency counts from the moment the \
             request was due; its clock has a grain of a millisecond. Failed: any other status than it should be, or no \
             answer. The load runs on the same processors; so does the database.",
            thousands(size(arguments)),
            INTERVAL.as_secs(),
            thousands(BEACONS.per_second),
            thousands(BROWSERS),
            PAGES.len(),
            ENDPOINTS.len(),
            DASHBOARDS.per_second,
            BEACONS.connections + DASHBOARDS.connections,
        ),
        header: ["", "requests", "p50", "p99", "max", "failed"]
            .map(str::to_owned)
            .to_vec(),
        plots: vec![
            each_second(&answers, seconds),
            Plot::of(
                "Memory, each second",
                "MiB",
                &[series(
                    "dbaudit serve",
                    memory.iter().map(|bytes| bytes / 1_048_576.0).collect(),
                )],
            ),
        ],
        ..Outcome::default()
    };
    for (name, answers) in [
        ("beacons", beacons),
        ("dashboard, API, metrics", dashboards),
    ] {
        outcome.rows.push(row(name, answers));
        let what = |what| format!("{name}: {what}");
        outcome.goals.extend([
            Goal::new(what("p99"), Some(answers.at(0.99)), 10.0, "ms"),
            Goal::new(what("failed"), Some(answers.failed as f64), 0.0, ""),
        ]);
    }
    outcome.goals.extend([
        Goal::new("peak memory", peak.map(|bytes| bytes / 1e6), 40.0, "MB"),
        Goal::new("growth of memory in the second half", growth, 5.0, "%"),
    ]);
    let cores = |cores: Option<f64>| cores.map_or("?".into(), |cores| format!("{cores:.2}"));
    let count = |count: Option<f64>| count.map_or("?".into(), |count| count.to_string());
    for (name, figure) in [
        (format!("memory after {early} s"), shown(at(early))),
        (format!("memory after {} s", seconds / 2), shown(half)),
        (format!("memory after {seconds} s"), shown(end)),
        ("memory, at its peak".into(), shown(peak)),
        ("collections meanwhile".into(), count(meanwhile)),
        ("collections that failed".into(), count(gaps)),
        ("processors used by serve".into(), cores(serve_cpu)),
        ("processors used by the load".into(), cores(Some(load_cpu))),
    ] {
        outcome.rows.push(vec![name, figure]);
    }
    outcome
}

/// Of this process, which does nothing but load meanwhile.
fn own_cpu_s() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel knows");
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}

fn row(name: &str, answers: &Answers) -> Vec<String> {
    vec![
        name.to_owned(),
        thousands(answers.latencies.len() as u64),
        ms(answers.at(0.5)),
        ms(answers.at(0.99)),
        ms(answers.at(1.0)),
        answers.failed.to_string(),
    ]
}

fn series(name: &str, samples: Vec<f64>) -> Sampled {
    Sampled {
        name: name.into(),
        samples,
        missing: None,
    }
}

/// The p99 of each second's requests.
fn each_second(answers: &[Answers], seconds: u64) -> Plot {
    let p99s = |name: &str, answers: &Answers| {
        let mut buckets = vec![Vec::new(); seconds as usize];
        for (due, ms) in &answers.latencies {
            if let Some(bucket) = buckets.get_mut(*due as usize) {
                bucket.push(f64::from(*ms));
            }
        }
        series(
            name,
            buckets.iter().map(|all| quantile(all, 0.99)).collect(),
        )
    };
    let all: Vec<Sampled> = ["dbaudit, beacons", "dbaudit, dashboard"]
        .iter()
        .zip(answers)
        .map(|(name, answers)| p99s(name, answers))
        .collect();
    let mut plot = Plot::of("p99 of the requests, each second", "ms", &all);
    plot.logarithmic = true;
    plot
}

const PAGES: [&str; 12] = [
    "/",
    "/articles/ID",
    "/articles/ID/edit",
    "/topics",
    "/topics/ID",
    "/search",
    "/users/ID",
    "/users/ID/content",
    "/settings",
    "/billing",
    "/help/getting-started",
    "/sign-in",
];
const ENDPOINTS: [&str; 20] = [
    "/api/content",
    "/api/content/ID",
    "/api/content/ID/metadata",
    "/api/content/search",
    "/api/topics",
    "/api/topics/ID",
    "/api/users/me",
    "/api/users/ID",
    "/api/users/ID/content",
    "/api/session",
    "/api/notifications",
    "/api/settings",
    "/api/billing/invoices",
    "/api/billing/invoices/ID",
    "/api/upload",
    "/api/generate",
    "/api/generate/ID/status",
    "/api/help",
    "/api/flags",
    "cdn.example.com/v1/fonts",
];

/// The number is scattered, so that pages, browsers and figures do not go in step.
fn scattered(number: u64, salt: u64) -> u64 {
    let mut x = number
        .wrapping_add(salt << 32)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 32)
}

/// As `/vitals.js` sends them: three of each page view, ten seconds apart, each with all that is known by then.
fn beacon(number: u64) -> String {
    let (browser, word) = (number % BROWSERS, number / BROWSERS % 3);
    let view = number / (3 * BROWSERS) * BROWSERS + browser;
    let of_view = |salt, below: u64| scattered(view, salt) % below;
    let of = |salt, below: u64| scattered(number, salt) % below;
    let id = of_view(1, 100_000).to_string();
    let page = PAGES[of_view(2, PAGES.len() as u64) as usize].replace("ID", &id);
    let mut figures = format!(
        r#","load":{}.{},"ttfb":{}.5,"fcp":{}.5"#,
        300 + of_view(3, 900),
        of_view(4, 10),
        20 + of_view(5, 200),
        100 + of_view(11, 900)
    );
    if word > 0 {
        figures.push_str(&format!(
            r#","lcp":{}.25,"cls":0.0{},"inp":{}"#,
            200 + of_view(12, 1500),
            of(4, 100),
            16 + of(5, 180)
        ));
    }
    if word == 2 {
        figures.push_str(r#","end":1"#);
    }
    let fetches: Vec<String> = (0..of(6, 5))
        .map(|n| {
            let path = ENDPOINTS[of(7 + n, ENDPOINTS.len() as u64) as usize].replace("ID", &id);
            let status = if of(17 + n, 200) == 0 { 500 } else { 200 };
            let took = 5 + of(27 + n, 400);
            format!(r#"{{"m":"GET","u":"{path}","s":{status},"d":{took}.4000000059604645}}"#)
        })
        .collect();
    let body = format!(
        r#"{{"v":"{:011x}","page":"{page}","errors":{},"interactions":{},"more":0,"fetches":[{}]{figures}}}"#,
        scattered(view, 99) % (1 << 44),
        u64::from(of(8, 50) == 0),
        of(9, 6),
        fetches.join(",")
    );
    format!(
        "POST /vitals HTTP/1.1\r\nHost: audit.example.com\r\nOrigin: {ORIGIN}\r\nReferer: {ORIGIN}/\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36\r\n\
         Accept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nX-Forwarded-For: 10.7.{}.{}\r\nContent-Length: {}\r\n\r\n{body}",
        browser / 250,
        browser % 250,
        body.len()
    )
}

/// Mostly what an open dashboard asks for.
fn dashboard(number: u64) -> String {
    let path = match number % 20 {
        0 | 1 => "/",
        2 => "/app.js",
        3 => "/app.css",
        4 | 5 => "/api/vitals",
        6 => "/api/budgets",
        7 => "/api/databases/main/history",
        8 => "/api/databases/main/report",
        9 => "/metrics",
        _ => "/api/overview",
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: audit.example.com\r\nAuthorization: Bearer {TOKEN}\r\n\
         X-Forwarded-For: 10.8.0.{}\r\n\r\n",
        number % 20
    )
}
