//! The webhook: told of what breaks and of what is met again, and nothing it should not know.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::Value;

use super::Serving;
use crate::support::{self, PrivateServer};

/// A webhook that takes what it is told.
pub fn webhook() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/secret", listener.local_addr().unwrap());
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok() && line != "\r\n" && !line.is_empty() {
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            reader.get_mut().write_all(answer).unwrap();
            let _ = sender.send(serde_json::from_slice(&body).unwrap());
        }
    });
    (url, told)
}

#[test]
fn a_database_that_goes_away_and_comes_back_is_told_once_each() {
    let mut server = PrivateServer::start(support::server().major(), &[]);
    let (url, told) = webhook();
    let config = format!("[serve]\nwebhook = \"{url}\"\nnotify-interval = \"2s\"\n");
    let serving = Serving::on(&server.url("postgres"), &config);
    serving.await_points(1);
    let patience = Duration::from_secs(60);
    // The machine that the tests run on may be short of memory or disk: that is told as well, and not meant here.
    let next = || loop {
        let notice = told.recv_timeout(patience).unwrap();
        if notice["scope"] == "database" {
            return notice;
        }
    };
    server.stop_immediate();
    let down = next();
    assert_eq!(down["event"], "budget_broken", "{down}");
    assert_eq!(
        (&down["subject"], &down["state"]),
        (&"main".into(), &"down".into())
    );
    assert_eq!(down["message"], "database main does not respond");
    server.start_again();
    let up = next();
    assert_eq!(up["event"], "budget_met_again", "{up}");
    assert_eq!(up["subject"], "main");
    assert!(!serving.log().contains("secret"), "{}", serving.log());
    assert!(!serving.get("/api/overview").body.contains("hook/secret"));
}

#[test]
fn the_host_is_shown_with_its_budgets() {
    let serving = Serving::start(
        "[serve]\nmemory-limit = \"1GiB\"\n[[database]]\nname = \"x\"\nurl = \"postgres://ann@127.0.0.1:1/x\"\n",
        &["--listen", "127.0.0.1:0"],
    );
    let overview = serving.await_json("/api/overview", |overview| {
        !overview["host"]["cpu"]["ratio"].is_null()
    });
    let host = &overview["host"];
    assert_eq!(host["memory"]["limit_bytes"], 1 << 30, "{host}");
    assert_eq!(host["memory"]["limit_from"], "configured");
    let ratio = host["cpu"]["ratio"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&ratio), "{host}");
    let budgets = overview["budgets"].as_array().unwrap();
    let host: Vec<&Value> = budgets
        .iter()
        .filter(|one| one["scope"] == "host")
        .collect();
    assert_eq!(host.len(), 3, "{budgets:?}");
    assert_eq!(host[0]["budget"], 0.8);
    assert!(
        serving
            .get("/metrics")
            .body
            .contains("\ndbaudit_host_memory_limit_bytes 1073741824\n")
    );
}
