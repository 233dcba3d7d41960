//! What a client may try: and what becomes of it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{
    Serving, ask_with, beacon,
    http::{ask, parse, send},
};

/// Nothing listens there: the database is down, and everything else is tried.
const NOWHERE: &str = "postgres://ann@127.0.0.1:1/x";

#[test]
fn every_answer_says_what_it_took_and_forbids_what_a_page_does_not_need() {
    let serving = Serving::on(NOWHERE, "");
    for path in ["/", "/health", "/metrics", "/api/overview", "/nothing/here"] {
        let answer = serving.get(path);
        let timing = answer.header("server-timing").unwrap();
        assert!(timing.starts_with("app;dur="), "{path}: {timing}");
        assert!(answer.header("x-process-time").is_some(), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let page = [("Origin", "http://localhost")];
    let large = "x".repeat(17 * 1024);
    for (method, path, headers, body, status) in [
        ("GET", "/nothing/here", &[][..], "", 404),
        ("DELETE", "/health", &[], "", 405),
        ("GET", "/api/overview", &[("Host", "evil.example")], "", 421),
        ("GET", "/api/databases/main/report", &[], "", 503),
        ("POST", "/sign-in", &[], "token=x", 401),
        ("POST", "/vitals", &[], "{}", 403),
        ("POST", "/vitals", &page, "{", 400),
        ("POST", "/vitals", &page, &large, 413),
    ] {
        let answer = ask_with(&serving.address, method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.header("server-timing").is_some(), "{answer:?}");
        assert!(answer.header("x-process-time").is_some(), "{answer:?}");
    }
}

#[test]
fn sigterm_ends_it_after_the_requests_under_way_with_the_status_of_every_command() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut serving = Serving::on(NOWHERE, "");
        // A beacon whose head has come, and whose body has not.
        let mut half = TcpStream::connect(&serving.address).unwrap();
        let body = r#"{"page":"/late"}"#;
        let head = format!(
            "POST /vitals HTTP/1.1\r\nHost: {}\r\nOrigin: http://localhost\r\nExpect: 100-continue\r\n\
             Content-Length: {}\r\n\r\n",
            serving.address,
            body.len()
        );
        half.write_all(head.as_bytes()).unwrap();
        // It asks for the body once it reads it: the request is under way.
        let mut go_on = [0; 25];
        half.read_exact(&mut go_on).unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100"), "{go_on:?}");
        serving.signal(signal);
        let refused = || TcpStream::connect(&serving.address).is_err();
        while !refused() {
            std::thread::sleep(Duration::from_millis(5));
        }
        half.write_all(body.as_bytes()).unwrap();
        let mut answer = Vec::new();
        half.read_to_end(&mut answer).unwrap();
        assert_eq!(parse(&answer).status, 204);
        assert_eq!(serving.ended(), Some(130), "{}", serving.log());
    }
}

#[test]
fn beyond_this_machine_a_token_is_needed_to_listen_and_to_ask() {
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args(["serve", "--listen", "0.0.0.0:0", "-d", NOWHERE])
        .env_remove("DBAUDIT_TOKEN")
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");

    let config = format!(
        "[serve]\ntoken = \"hunter2 with spaces\"\n[[database]]\nname = \"x\"\nurl = \"{NOWHERE}\"\n"
    );
    let serving = Serving::start(&config, &["--listen", "0.0.0.0:0"]);
    let port = serving.address.rsplit_once(':').unwrap().1.to_owned();
    let address = format!("127.0.0.1:{port}");
    let get = |path: &str, headers: &[(&str, &str)]| ask_with(&address, "GET", path, headers, "");
    for path in [
        "/",
        "/api/overview",
        "/metrics",
        "/app.js",
        "/nothing",
        "/api/databases/x/history",
    ] {
        assert_eq!(get(path, &[]).status, 401, "{path}");
        let wrong = [("Authorization", "Bearer hunter3")];
        assert_eq!(get(path, &wrong).status, 401, "{path}");
    }
    for path in ["/health", "/vitals.js"] {
        assert_eq!(get(path, &[]).status, 200, "{path}");
    }
    let right = [("Authorization", "Bearer hunter2 with spaces")];
    assert_eq!(get("/metrics", &right).status, 200);

    // A browser is asked for the token once.
    assert!(get("/", &[]).body.contains("action=\"/sign-in\""));
    let wrong = ask_with(&address, "POST", "/sign-in", &[], "token=hunter3");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    let signed_in = ask_with(
        &address,
        "POST",
        "/sign-in",
        &[],
        "token=hunter2+with%20spaces",
    );
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("hunter2"), "{cookie}");
    let cookie = [("Cookie", cookie.split(';').next().unwrap())];
    assert_eq!(get("/api/overview", &cookie).status, 200);
    assert!(!serving.log().contains("hunter2"), "{}", serving.log());
}

/// What `serve` needs of its environment is nobody else's concern; where it is missing, `serve` says what, and for what.
#[test]
fn a_variable_that_serve_alone_needs_is_missed_by_serve_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "database-url = \"{NOWHERE}\"\n[serve]\nlisten = \"0.0.0.0:0\"\n[[app]]\nname = \"shop\"\n\
         metrics = \"http://app:8000/metrics\"\nheaders = {{ Authorization = \"Bearer ${{A_TOKEN_NOT_SET}}\" }}\n"
    );
    std::fs::write(folder.path().join("dbaudit.toml"), config).unwrap();
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dbaudit"))
            .args(arguments)
            .env_remove("DBAUDIT_TOKEN")
            .envs(environment.iter().copied())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    assert_eq!(run(&["config"], &[]), (Some(0), String::new()));
    let (status, said) = run(&["serve"], &[]);
    assert!(
        status == Some(2) && said.contains("DBAUDIT_TOKEN"),
        "{said}"
    );
    let (status, said) = run(&["serve"], &[("DBAUDIT_TOKEN", "hunter2")]);
    assert_eq!(status, Some(2), "{said}");
    for wanted in [
        "dbaudit.toml: [[app]] `shop`: headers.Authorization: the variable A_TOKEN_NOT_SET is not set",
        "set it there",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_name_pointed_at_this_machine_reads_nothing() {
    let serving = Serving::on(NOWHERE, "");
    let evil = [("Host", "evil.example:9187")];
    let answer = ask_with(&serving.address, "GET", "/api/overview", &evil, "");
    assert_eq!(answer.status, 421);
}

#[test]
fn beacons_that_are_too_large_malformed_or_from_elsewhere_are_refused_and_counted() {
    let serving = Serving::on(NOWHERE, "");
    let address = &serving.address;
    assert_eq!(beacon(address, r#"{"page":"/","load":900}"#).status, 204);
    let large = format!(r#"{{"page":"/{}"}}"#, "x".repeat(17 * 1024));
    assert_eq!(beacon(address, &large).status, 413);
    for body in [
        "",
        "{",
        "[1,2]",
        r#"{"page":"/","load":"<script>"}"#,
        "\0\0\0",
    ] {
        assert_eq!(beacon(address, body).status, 400, "{body:?}");
    }
    let from = |origin| {
        let headers = [("Origin", origin)];
        ask_with(address, "POST", "/vitals", &headers, r#"{"page":"/x"}"#).status
    };
    assert_eq!(from("https://evil.example"), 403);
    assert_eq!(from("null"), 403);
    assert_eq!(ask_with(address, "GET", "/vitals", &[], "").status, 405);
    let vitals = serving.json("/api/vitals");
    assert_eq!(
        (&vitals["beacons"], &vitals["refused"]),
        (&1.into(), &8.into())
    );
    assert_eq!(vitals["pages"].as_array().unwrap().len(), 1);
}

#[test]
fn ten_thousand_paths_that_a_client_makes_up_grow_nothing() {
    let serving = Serving::on(NOWHERE, "[serve]\nrate-limit = 1000000\n");
    std::thread::scope(|scope| {
        for part in 0..8_u32 {
            let address = &serving.address;
            scope.spawn(move || {
                for n in 0..1_250 {
                    let name: String = format!("{}", part * 1_250 + n)
                        .bytes()
                        .map(|digit| char::from(digit - b'0' + b'a'))
                        .collect();
                    let body = format!(
                        r#"{{"page":"/{name}","load":10,"fetches":[{{"m":"GET","u":"/{name}","s":200,"d":1}}]}}"#
                    );
                    assert_eq!(beacon(address, &body).status, 204);
                    assert_eq!(ask(address, &format!("/no/{name}")).status, 404);
                }
            });
        }
    });
    let vitals = serving.json("/api/vitals");
    assert_eq!(vitals["beacons"], 10_000);
    assert_eq!(vitals["pages"].as_array().unwrap().len(), 101);
    assert_eq!(vitals["endpoints"].as_array().unwrap().len(), 201);
    let metrics = serving.get("/metrics").body;
    assert!(
        metrics.lines().count() < 7_000,
        "{}",
        metrics.lines().count()
    );
    let unmatched =
        r#"dbaudit_http_requests_total{method="GET",route="(unmatched)",status="4xx"} 10000"#;
    assert!(metrics.contains(unmatched), "one series for all of them");
}

#[test]
fn an_address_that_asks_too_often_is_told_to_wait() {
    let serving = Serving::on(NOWHERE, "[serve]\nrate-limit = 2\n");
    let statuses: Vec<u16> = (0..20).map(|_| serving.get("/vitals.js").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = (0..20)
        .map(|_| serving.get("/vitals.js"))
        .find(|answer| answer.status == 429);
    assert!(refused.unwrap().header("server-timing").is_some());
    assert_eq!(statuses[0], 200);
    let health = (0..20).map(|_| serving.get("/health").status);
    assert!(
        health.into_iter().all(|status| status == 200),
        "whoever watches it waits for nobody"
    );
}

#[test]
fn slow_clients_are_given_up_and_others_do_not_wait_for_them() {
    let serving = Serving::on(NOWHERE, "");
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(&serving.address).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    assert_eq!(serving.get("/health").status, 200);
    for mut stream in slow {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut answer = Vec::new();
        // The end, or an answer that it took too long; not our own patience.
        stream.read_to_end(&mut answer).unwrap();
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 408"),
            "{text}"
        );
    }
}

#[test]
fn requests_that_are_none_and_headers_that_inject_are_refused() {
    let serving = Serving::on(NOWHERE, "[serve]\nrate-limit = 100000\n");
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500));
    for bytes in [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nA\0B: x\r\n\r\n",
        "POST /vitals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        long.as_str(),
        many.as_str(),
    ] {
        let (answer, _) = send(&serving.address, bytes.as_bytes());
        let text = String::from_utf8_lossy(&answer);
        let refused = text.is_empty() || text.starts_with("HTTP/1.1 4");
        assert!(refused, "{bytes:.60}: {text:.200}");
    }
    // What would be a header of its own in an answer never is one.
    let path = "/x%0d%0aSet-Cookie:%20a=b";
    let headers = [
        ("X-Forwarded-For", "<script>"),
        ("Origin", "http://localhost"),
    ];
    let answer = ask_with(&serving.address, "GET", path, &headers, "");
    assert_eq!((answer.status, answer.header("set-cookie")), (404, None));
    assert_eq!(serving.get("/health").status, 200);
}
