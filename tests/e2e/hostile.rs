//! Responses that break the rules of HTTP: what each means for its row, and that memory and time
//! stay bounded. Valid responses are in `server.rs` and `replies.rs`, TLS in `tls.rs`, the stops of
//! a whole run in `stops.rs`.

use std::time::Duration;

use crate::support::reply::{Answer, Framing};
use crate::support::shortcuts::row_of;
use crate::support::{Reply, Run, Server, text};

/// What a fault means for its row. The fault happens once; a repeat is answered with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Success.
    Fine,
    /// The API refused the row.
    Refused,
    /// Ambiguous: repeated, with success.
    Unknown,
    /// Not executed: repeated, and not counted as an attempt.
    NotExecuted,
}

use Meaning::{Fine, NotExecuted, Refused, Unknown};

/// An upper bound for the bytes that the client reads from the faults of one group.
const TAKEN_MAX: u64 = 64 << 20;

const OK: &str = r#"{"erro":false,"mensagem":"ok"}"#;
const NO: &str = r#"{"erro":true,"mensagem":"não"}"#;
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

type Fault = (&'static str, Meaning, Reply);

/// Connections that end early or not at all.
fn connections() -> Vec<Fault> {
    let whole = format!("{HEAD}Content-Length: 30\r\n\r\n{OK}");
    let second = Duration::from_millis(200);
    vec![
        ("reset before the body was read", Unknown, Reply::reset_before_body()),
        ("reset after the body was read", Unknown, Reply::reset()),
        ("closed without a word", Unknown, Reply::closed()),
        ("silence", Unknown, Reply::hang()),
        ("half a status line", Unknown, Reply::bytes("HTTP/1.1 20")),
        ("half a header", Unknown, Reply::bytes(format!("{HEAD}Content-Le"))),
        ("a head and no body", Unknown, Reply::bytes(format!("{HEAD}Content-Length: 30\r\n\r\n"))),
        ("half a body", Unknown, Reply::half()),
        ("half a body and a reset", Unknown, Reply::torn(&whole.as_bytes()[..whole.len() - 9])),
        ("a good answer, one byte in 200 ms", Unknown, Reply::drip(second)),
        (
            "headers, one byte in 200 ms",
            Unknown,
            Reply::new(Answer::Drip(whole.clone().into_bytes(), second)),
        ),
        ("100 Continue and then silence", Unknown, {
            let mut reply = Reply::hang();
            reply.interim = true;
            reply
        }),
        ("closed right after a good answer", Fine, Reply::ok().then_close()),
        ("close announced, connection kept", Fine, Reply::ok().with_header("Connection", "close")),
        ("kept alive for no time at all", Fine, {
            Reply::ok().with_header("Keep-Alive", "timeout=0, max=0").then_close()
        }),
        (
            "an unrequested protocol switch",
            Unknown,
            Reply::bytes(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            ),
        ),
    ]
}

/// Heads that are invalid, too large or endless.
fn heads() -> Vec<Fault> {
    let many = "X-A: b\r\n".repeat(400);
    let large = format!("X-A: {}\r\n", "b".repeat(1 << 20));
    let line = |status: &str| Reply::bytes(format!("{status}\r\nContent-Length: 30\r\n\r\n{OK}"));
    let with = |header: &str| Reply::good_under(&format!("Content-Length: 30\r\n{header}"));
    vec![
        ("no status", Unknown, line("HTTP/1.1 abc")),
        ("a status of two digits", Unknown, line("HTTP/1.1 20 OK")),
        ("a status of four digits", Unknown, line("HTTP/1.1 2000 OK")),
        ("status 000", Unknown, line("HTTP/1.1 000 OK")),
        ("status 099", Unknown, line("HTTP/1.1 099 OK")),
        ("status 600", Unknown, line("HTTP/1.1 600 OK")),
        ("status 999", Unknown, line("HTTP/1.1 999 OK")),
        ("an unknown version", Unknown, line("HTTP/9.9 200 OK")),
        ("HTTP/2 in words", Unknown, line("HTTP/2 200 OK")),
        ("another protocol", Unknown, Reply::bytes("220 mail.exemplo ESMTP\r\n")),
        ("HTTP/0.9: a body and nothing else", Unknown, Reply::bytes(OK)),
        ("nothing but zeros", Unknown, Reply::bytes(vec![0; 4096])),
        ("bytes before the answer", Unknown, line("lixo\r\nHTTP/1.1 200 OK")),
        ("a PHP warning before the status", Unknown, line("Warning: x in y\nHTTP/1.1 200 OK")),
        ("blank lines before the answer", Fine, line("\r\n\r\nHTTP/1.1 200 OK")),
        (
            "bare line feeds",
            Fine,
            Reply::bytes(format!("HTTP/1.1 200 OK\nContent-Length: 30\n\n{OK}")),
        ),
        ("no reason phrase", Fine, line("HTTP/1.1 200")),
        ("a header without a colon", Unknown, with("X-A b\r\n")),
        ("a header without a name", Unknown, with(": b\r\n")),
        ("a space in a header's name", Unknown, with("X A: b\r\n")),
        ("a zero in a header", Unknown, with("X-A: a\0b\r\n")),
        ("a folded header", Unknown, with("X-A: a\r\n b\r\n")),
        ("escapes and accents in a header", Unknown, with("X-A: \u{1b}[31mé\r\n")),
        ("four hundred headers", Unknown, with(&many)),
        ("a header of a megabyte", Unknown, with(&large)),
        ("a status line without an end", Unknown, Reply::endless_of("HTTP/1.1 200 ", "O")),
        ("a header line without an end", Unknown, Reply::endless_of(HEAD, "b")),
        ("header lines without an end", Unknown, Reply::endless_of(HEAD, "X-A: b\r\n")),
        ("blank lines without an end", Unknown, Reply::endless_of("", "\r\n")),
        (
            "two interim answers",
            Fine,
            line(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK",
            ),
        ),
        ("cookies", Fine, with("Set-Cookie: a=b; Path=/; Domain=.com\r\n")),
    ]
}

/// Bodies whose length differs from what the head says.
fn lengths() -> Vec<Fault> {
    let chunked =
        |body: &str| Reply::bytes(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}"));
    let stuck = |beginning: &str, again: &str| {
        Reply::endless_of(&format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{beginning}"), again)
    };
    let under = Reply::good_under;
    vec![
        ("shorter than its length", Unknown, under("Content-Length: 31\r\n")),
        ("longer than its length", Unknown, under("Content-Length: 12\r\n")),
        ("two lengths", Unknown, under("Content-Length: 30\r\nContent-Length: 31\r\n")),
        ("one length twice", Fine, under("Content-Length: 30\r\nContent-Length: 30\r\n")),
        ("a length below zero", Unknown, under("Content-Length: -30\r\n")),
        ("a length in words", Unknown, under("Content-Length: trinta\r\n")),
        ("a length of 10^30", Unknown, under(&format!("Content-Length: 1{}\r\n", "0".repeat(30)))),
        ("a length of 2^63", Unknown, under("Content-Length: 9223372036854775808\r\n")),
        (
            "a length and chunks",
            Fine,
            Reply::bytes(format!(
                "{HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n{OK}\r\n0\r\n\r\n"
            )),
        ),
        // The chunks are decoded, gzip is not: the result is not JSON.
        ("a compressed body in chunks", Unknown, {
            let packed = text::gzip(OK.as_bytes());
            let size =
                format!("{HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n{:x}\r\n", packed.len());
            Reply::bytes([size.as_bytes(), &packed, b"\r\n0\r\n\r\n"].concat())
        }),
        // The header says gzip, but the body is plain JSON.
        ("plain chunks labelled as compressed", Fine, {
            let head = format!("{HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n");
            Reply::bytes(format!("{head}1e\r\n{OK}\r\n0\r\n\r\n"))
        }),
        ("a compressed body without chunks", Unknown, {
            let head = format!("{HEAD}Transfer-Encoding: gzip\r\n\r\n");
            Reply::bytes([head.as_bytes(), &text::gzip(OK.as_bytes())].concat())
        }),
        ("chunks of three bytes", Fine, Reply::ok().framed(Framing::Chunked)),
        ("no length, ends with the connection", Fine, Reply::ok().framed(Framing::UntilClose)),
        ("a chunk without a size", Unknown, chunked("zz\r\nabc\r\n0\r\n\r\n")),
        ("a chunk size below zero", Unknown, chunked(&format!("-1e\r\n{OK}\r\n0\r\n\r\n"))),
        ("a chunk of 2^68", Unknown, chunked("100000000000000000\r\n")),
        ("a chunk longer than its size", Unknown, chunked(&format!("1\r\n{OK}\r\n0\r\n\r\n"))),
        ("chunks without a last one", Unknown, chunked(&format!("1e\r\n{OK}\r\n"))),
        ("an endless chunk extension", Unknown, stuck("1e;", "a")),
        ("trailers without an end", Unknown, stuck(&format!("1e\r\n{OK}\r\n0\r\n"), "X-A: b\r\n")),
        ("a chunked body without an end", Unknown, Reply::endless()),
        ("a body without length or end", Unknown, Reply::endless_of(&format!("{HEAD}\r\n"), " ")),
        (
            "a body of nine exabytes",
            Unknown,
            Reply::endless_of(&format!("{HEAD}Content-Length: 9000000000000000000\r\n\r\n"), " "),
        ),
        ("empty", Unknown, Reply::json(200, "")),
        ("no content", Unknown, Reply::bytes("HTTP/1.1 204 No Content\r\n\r\n")),
        ("reset content", Unknown, Reply::json(205, "")),
    ]
}

/// Bodies without a readable reply, or with an unusual one.
fn bodies() -> Vec<Fault> {
    let json = |body: &str| Reply::json(200, body);
    let as_bytes = |bytes: Vec<u8>| Reply::response(200, "application/json", bytes);
    let nested = |open: &str, close: &str| {
        format!(r#"{{"erro":false,"x":{}{}}}"#, open.repeat(9_000), close.repeat(9_000))
    };
    let zipped = text::gzip(OK.as_bytes());
    vec![
        ("a page", Unknown, Reply::html(200)),
        ("a warning before the JSON", Unknown, json(&format!("<b>Warning</b>: x\n{OK}"))),
        ("text after the JSON", Unknown, json(&format!("{OK}\n<!-- 0.1 s -->"))),
        ("two objects", Unknown, json(&format!("{OK}{NO}"))),
        ("two answers in one object", Unknown, json(r#"{"erro":true,"erro":false}"#)),
        ("two mensagens in one object", Unknown, {
            json(r#"{"erro":false,"mensagem":"a","mensagem":"b"}"#)
        }),
        ("an array", Unknown, json(r#"[false,"ok"]"#)),
        ("a string", Unknown, json(r#""{\"erro\":false}""#)),
        ("null", Unknown, json("null")),
        ("erro is null", Unknown, json(r#"{"erro":null}"#)),
        ("erro is missing", Unknown, json(r#"{"mensagem":"ok"}"#)),
        ("erro is an object", Unknown, json(r#"{"erro":{"a":false}}"#)),
        ("erro is 1e400", Unknown, json(r#"{"erro":1e400}"#)),
        ("erro is false in letters of another case", Unknown, json(r#"{"erro":"FALSE"}"#)),
        ("comments", Unknown, json("{\"erro\":false /* ok */}")),
        ("a comma too many", Unknown, json(r#"{"erro":false,}"#)),
        ("nested 9 000 deep, elsewhere", Fine, json(&nested("[", "]"))),
        (
            "objects nested 9 000 deep, elsewhere",
            Fine,
            json(&nested("{\"a\":", "}").replace(":}", ":1}")),
        ),
        (
            "a mensagem nested 9 000 deep",
            Unknown,
            json(&NO.replace(r#""não""#, &"[".repeat(9_000))),
        ),
        ("an erro nested 9 000 deep", Unknown, {
            json(&format!(r#"{{"erro":{}{}}}"#, "[".repeat(9_000), "]".repeat(9_000)))
        }),
        ("UTF-16", Unknown, as_bytes(text::utf16(OK, false))),
        ("Latin-1", Unknown, as_bytes(text::windows_1252(r#"{"erro":true,"mensagem":"não"}"#))),
        ("zeros after the JSON", Unknown, json(&format!("{OK}\0\0"))),
        ("a byte order mark", Fine, json(&format!("\u{feff}{OK}"))),
        ("JSON called a picture", Fine, Reply::response(200, "image/png", OK)),
        ("an unknown charset", Fine, Reply::response(200, "text/html; charset=x\u{e9}", OK)),
        ("mensagem is an array", Refused, json(r#"{"erro":true,"mensagem":[1,{"a":2}]}"#)),
        ("mensagem is a number", Fine, json(r#"{"erro":false,"mensagem":12}"#)),
        ("mensagem of 60 KB", Refused, json(&NO.replace("não", &"é".repeat(30_000)))),
        ("escapes in the mensagem", Refused, json(&NO.replace("não", r"\u001b[2J\u0000\u202egro"))),
        ("half a surrogate in the mensagem", Unknown, json(&NO.replace("não", r"\ud800"))),
        ("more than 64 KiB", Unknown, json(&NO.replace("não", &"x".repeat(70_000)))),
        ("unrequested gzip", Unknown, { as_bytes(zipped).with_header("Content-Encoding", "gzip") }),
        ("a gzip bomb", Unknown, Reply::gzip_bomb()),
    ]
}

/// Endless input that the HTTP library reads and discards.
fn discarded() -> Vec<Fault> {
    let head = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    vec![
        ("100 Continue without an end", Unknown, Reply::endless_of("", interim)),
        ("an endless chunk size of zeros", Unknown, Reply::endless_of(&head, "0")),
    ]
}

/// Statuses that decide whatever the body says.
fn statuses() -> Vec<Fault> {
    let no = |status| Reply::json(status, NO);
    let elsewhere = |status| Reply::redirect(status, "http://127.0.0.1:1/update_cliente/x/1/I");
    let limited = |after| Reply::too_many(Some(after));
    vec![
        ("400", Refused, no(400)),
        ("404 that says ok", Refused, Reply::json(404, OK)),
        ("405", Refused, no(405)),
        ("413", Refused, Reply::html(413)),
        ("422 without JSON", Refused, Reply::json(422, "")),
        ("451", Refused, no(451)),
        ("499", Refused, no(499)),
        ("a single 401", Refused, no(401)),
        ("a single 403", Refused, no(403)),
        ("a single 301", Refused, elsewhere(301)),
        ("a single 302 to itself", Refused, Reply::redirect(302, "/")),
        ("a single 303", Refused, elsewhere(303)),
        ("304", Refused, Reply::bytes("HTTP/1.1 304 Not Modified\r\n\r\n")),
        ("a single 307", Refused, elsewhere(307)),
        ("a single 308 to nowhere", Refused, Reply::json(308, OK)),
        ("408 that says ok", Unknown, Reply::json(408, OK)),
        ("500 that says ok", Unknown, Reply::json(500, OK)),
        ("501", Unknown, no(501)),
        ("502 with a page", Unknown, Reply::html(502)),
        ("503 with Retry-After", Unknown, Reply::html(503).with_header("Retry-After", "86400")),
        ("504 cut off", Unknown, Reply::bytes("HTTP/1.1 504 X\r\nContent-Length: 9\r\n\r\nx")),
        ("520", Unknown, no(520)),
        ("600", Unknown, no(600)),
        ("404 cut off", Refused, Reply::bytes("HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\nx")),
        ("201", Fine, Reply::json(201, OK)),
        ("429 with a date in the past", NotExecuted, limited("Wed, 21 Oct 2015 07:28:00 GMT")),
        ("429 with nonsense", NotExecuted, limited("daqui a pouco")),
        ("429 with an empty Retry-After", NotExecuted, limited("")),
        ("429 with a second", NotExecuted, limited("1")),
        ("429 with no time at all", NotExecuted, limited("0")),
        ("429 with a body that has no end", NotExecuted, {
            Reply::endless_of("HTTP/1.1 429 X\r\nRetry-After: 0\r\n\r\n", "a")
        }),
    ]
}

/// Runs these faults, each for one customer among others that are answered with success, so that the
/// circuit breaker stays closed. Asserts that less than `taken_max` bytes were sent in all.
fn provoke(group: &[Fault], concurrency: &str, taken_max: u64) -> (u64, Duration) {
    let server = Server::start();
    let mut input = String::from("identificador,tipo_identificador,nome\n");
    for good in 0..12 {
        input.push_str(&format!("B{good},I,Bom\n"));
    }
    for (index, (_, _, reply)) in group.iter().enumerate() {
        server.reply(&format!("F{index}"), reply.clone());
        input.push_str(&format!("F{index},I,Mau\nG{index},I,Bom\nH{index},I,Bom\n"));
    }
    let finished =
        Run::new(&server).csv(&input).args(["--timeout", "2s", "--concurrency", concurrency]).go();
    let rows = finished.accounted_rows(12 + 3 * group.len());
    for (index, (name, meaning, _)) in group.iter().enumerate() {
        let row = row_of(&rows, &format!("F{index}"));
        let expected = match meaning {
            Fine => ("atualizado", 1, 1),
            Refused => ("recusado", 1, 1),
            Unknown => ("atualizado", 2, 2),
            NotExecuted => ("atualizado", 1, 2),
        };
        let requests = server.requests_for(&row.identificador).len();
        // One more attempt is allowed: the row may get a connection that another fault is closing.
        let attempts = expected.1..=expected.1 + 1;
        let found = (&*row.situacao, row.tentativas, requests);
        if (found.0, found.2) != (expected.0, expected.2) || !attempts.contains(&found.1) {
            finished.fail(&format!("{name}: {found:?} instead of {expected:?}: {row:?}"));
        }
        assert!(!row.mensagem.chars().any(char::is_control), "{name}: {:?}", row.mensagem);
    }
    let any = group.iter().any(|(_, meaning, _)| *meaning == Refused);
    finished.exits(if any { 1 } else { 0 });
    assert!(!finished.stderr.contains('\u{1b}'));
    finished.peak_memory_below(64 * 1024);
    // This counts bytes in the kernel's buffers as well, beyond those that the client reads.
    assert!(server.written() < taken_max, "{} bytes were taken", server.written());
    (finished.peak_kib, finished.took)
}

/// Runs all faults in groups of eight, four groups at a time.
fn provoke_all(faults: &[Fault], concurrency: &str, taken_max: u64) {
    let groups: Vec<&[Fault]> = faults.chunks(8).collect();
    for some in groups.chunks(4) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|group| scope.spawn(|| provoke(group, concurrency, taken_max)))
                .collect();
            for group in running {
                let (peak, took) = group.join().unwrap();
                println!("{} faults: at most {peak} KiB, {took:?}", faults.len());
                // A fault costs one timeout of two seconds at most.
                assert!(took < Duration::from_secs(60), "{took:?}");
            }
        });
    }
}

#[test]
fn f47_broken_and_endless_connections() {
    provoke_all(&connections(), "8", TAKEN_MAX);
}

#[test]
fn f48_invalid_oversized_and_endless_heads() {
    provoke_all(&heads(), "8", TAKEN_MAX);
}

#[test]
fn f49_bodies_with_wrong_lengths() {
    provoke_all(&lengths(), "8", TAKEN_MAX);
}

#[test]
fn f50_bodies_with_unusual_or_missing_json() {
    provoke_all(&bodies(), "8", TAKEN_MAX);
}

#[test]
fn f52_endless_interim_responses_and_chunk_sizes_end_with_the_timeout() {
    // Only the timeout limits how much is read; nothing is kept.
    provoke_all(&discarded(), "8", u64::MAX);
}

#[test]
fn f51_the_status_decides_before_the_body() {
    // One at a time, so that no five redirects come in a row.
    provoke_all(&statuses(), "1", TAKEN_MAX);
}

/// A second response follows the first on an open connection. If it were taken for the response to
/// the next request, a refused row would be reported as `atualizado`.
#[test]
fn f53_surplus_bytes_are_not_the_next_response() {
    let mut input = String::from("identificador,tipo_identificador,nome\n");
    for row in 0..60 {
        input.push_str(&format!("C{row:02},I,{}\n", "x".repeat(1 + row % 2)));
    }
    for concurrency in ["1", "4"] {
        let server = Server::start();
        server.script(|request, times| match request.body.len() % 2 {
            _ if times > 1 => Reply::refuse("mesmo"),
            0 => Reply::json(200, &format!("{OK}{HEAD}Content-Length: 30\r\n\r\n{OK}"))
                .framed(Framing::Claimed(30)),
            _ => Reply::refuse(&format!("não {}", request.identificador())),
        });
        let finished = Run::new(&server).csv(&input).args(["--concurrency", concurrency]).go();
        let rows = finished.exits(1).accounted_rows(60);
        for row in rows {
            let sent = server.requests_for(&row.identificador);
            let good = sent[0].body.len().is_multiple_of(2) && sent.len() == 1;
            let expected = if good { "atualizado" } else { "recusado" };
            assert_eq!(row.situacao, expected, "{row:?}");
        }
    }
}
