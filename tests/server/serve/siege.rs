//! Clients that take whatever they can get, and those who must be served all the same.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use super::{Serving, ask_with};
use crate::support::{self, Template};

/// Asks for much, and reads none of it.
fn never_reads(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    // It may be closed while it asks: others want its place.
    let _ = stream.write_all(request.repeat(100).as_bytes());
    stream
}

#[tokio::test]
async fn clients_that_take_every_connection_keep_nobody_out_and_no_database_unread() {
    let database = support::server().database(Template::Demo);
    let config = format!(
        "[serve]\nrate-limit = 1000000\n[[database]]\nname = \"main\"\nurl = \"{}\"\n",
        database.url
    );
    // Fewer files than there are clients.
    let serving = Serving::with_files(220, &config, &["--listen", "127.0.0.1:0"]);
    serving.await_points(1);
    let client = database.client().await;
    let deaf: Vec<TcpStream> = (0..40).map(|_| never_reads(&serving.address)).collect();
    let idle: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(&serving.address).unwrap())
        .collect();

    // It has to connect once more, for which it needs a file.
    let sessions =
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let end = format!("SELECT pid, pg_terminate_backend(pid) {sessions}");
    let ended = client.query(&end, &[]).await.unwrap();
    let ended: Vec<i32> = ended.iter().map(|row| row.get(0)).collect();
    assert!(!ended.is_empty());
    let another = format!("SELECT count(*) {sessions} AND pid <> ALL ($1)");
    let since = Instant::now();
    while client
        .query_one(&another, &[&ended])
        .await
        .unwrap()
        .get::<_, i64>(0)
        == 0
    {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "{}",
            serving.log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!serving.log().contains("files"), "{}", serving.log());
    assert_eq!(serving.get("/health").status, 200);
    drop((deaf, idle));
}

#[test]
fn clients_that_are_slow_with_their_bodies_keep_nobody_out_and_fill_no_log() {
    let config = "[[database]]\nname = \"x\"\nurl = \"postgres://ann@127.0.0.1:1/x\"\n";
    let serving = Serving::with_files(220, config, &["--listen", "127.0.0.1:0"]);
    let slow: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = TcpStream::connect(&serving.address).unwrap();
            let head = format!(
                "POST /vitals HTTP/1.1\r\nHost: {}\r\nOrigin: http://localhost\r\nContent-Length: 100\r\n\r\n{{",
                serving.address
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(serving.get("/health").status, 200);
    // To the end of everyone's patience.
    let mut answers = Vec::new();
    for mut stream in slow {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answers.extend(
            String::from_utf8(answer)
                .unwrap()
                .get(9..12)
                .map(str::to_owned),
        );
    }
    assert!(!answers.is_empty(), "some kept their places");
    assert!(answers.iter().all(|status| status == "408"), "{answers:?}");
    assert!(!serving.log().contains("POST /vitals"), "{}", serving.log());
}

#[test]
fn whoever_guesses_tokens_is_made_to_wait_and_whoever_asks_as_often_is_not() {
    let config = "[serve]\ntoken = \"hunter2\"\nrate-limit = 200\n[[database]]\nname = \"x\"\n\
                  url = \"postgres://ann@127.0.0.1:1/x\"\n";
    let serving = Serving::start(config, &["--listen", "127.0.0.1:0"]);
    for _ in 0..100 {
        assert_eq!(serving.get("/health").status, 200);
    }
    let guess = |n: u32| {
        let bearer = format!("Bearer hunter{n}{n}");
        let headers = [("Authorization", bearer.as_str())];
        ask_with(&serving.address, "GET", "/metrics", &headers, "").status
    };
    let refused = (0..300).map(guess).find(|status| *status != 401);
    assert_eq!(refused, Some(429));
    // Neither the right token nor anything else waits for those who guess, by whatever way, or ask without any token.
    let right = [("Authorization", "Bearer hunter2")];
    let (ended, poured) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for header in [
            Some(("Authorization", "Bearer wrong")),
            Some(("Cookie", "dbaudit=wrong")),
            Some(("Authorization", "Basic d3Jvbmc6d3Jvbmc=")),
            None,
        ] {
            let (address, ended, poured) = (&serving.address, &ended, &poured);
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let answer = ask_with(address, "GET", "/api/overview", header.as_slice(), "");
                    assert!(matches!(answer.status, 401 | 429), "{answer:?}");
                    poured.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while poured.load(Ordering::Relaxed) < 500 {
            std::thread::yield_now();
        }
        for _ in 0..100 {
            let answer = ask_with(&serving.address, "GET", "/metrics", &right, "");
            let health = serving.get("/health");
            // A thread that waits for it must not wait for ever.
            if (answer.status, health.status) != (200, 200) {
                ended.store(true, Ordering::Relaxed);
                panic!("{answer:?} {health:?}");
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    let sign_in = |token: &str| {
        ask_with(
            &serving.address,
            "POST",
            "/sign-in",
            &[],
            &format!("token={token}"),
        )
        .status
    };
    let refused = (0..300)
        .map(|n| sign_in(&format!("guess{n}")))
        .find(|status| *status != 401);
    assert_eq!(refused, Some(429));
    assert_eq!(sign_in("hunter2"), 303);
}

/// Of one network, and so many that no further one would have a place: some say nothing, some half of what they want, and
/// some were answered and stay.
#[test]
fn half_open_connections_of_one_network_lock_nobody_of_it_out() {
    let serving = Serving::on("postgres://ann@127.0.0.1:1/x", "");
    let mut answer = [0; 12];
    for round in 0..4 {
        let held: Vec<TcpStream> = (0..300)
            .map(|n| {
                let mut stream = TcpStream::connect(&serving.address).unwrap();
                match n % 3 {
                    0 => {}
                    1 => stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").unwrap(),
                    _ => {
                        stream
                            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                            .unwrap();
                        stream.read_exact(&mut answer).unwrap();
                        assert_eq!(&answer, b"HTTP/1.1 200");
                    }
                }
                if n > 255 {
                    assert_eq!(serving.get("/health").status, 200, "{round}: {n}");
                }
                stream
            })
            .collect();
        for path in ["/metrics", "/api/overview"] {
            assert_eq!(serving.get(path).status, 200, "{path}");
        }
        drop(held);
    }
}

#[test]
fn a_browser_that_came_by_https_keeps_its_cookie_to_https() {
    let config = "[serve]\ntoken = \"hunter2\"\nbehind-proxy = true\n[[database]]\nname = \"x\"\n\
                  url = \"postgres://ann@127.0.0.1:1/x\"\n";
    let serving = Serving::start(config, &["--listen", "127.0.0.1:0"]);
    let cookie = |headers: &[(&str, &str)]| {
        let answer = ask_with(
            &serving.address,
            "POST",
            "/sign-in",
            headers,
            "token=hunter2",
        );
        answer.header("set-cookie").unwrap().to_owned()
    };
    assert!(cookie(&[("X-Forwarded-Proto", "https")]).ends_with("; Secure"));
    assert!(!cookie(&[]).contains("Secure"));
}
