//! Tests of `tests/support`: if the scripted server or a check is wrong, the end-to-end tests prove
//! nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::reply::Framing;
use crate::support::{
    CANARY, Certificate, Latch, Reply, Request, Run, Server, canary, english, multipart, table,
    text,
};

const BODY: &str =
    "--lim\r\nContent-Disposition: form-data; name=\"campos[a b]\"\r\n\r\nAção\r\n--lim--\r\n";

fn request_text(identificador: &str) -> String {
    format!(
        "POST /update_cliente/{CANARY}/{identificador}/I HTTP/1.1\r\nHost: x\r\n\
         Content-Type: multipart/form-data; boundary=lim\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends one request and reads the whole response, or until the server closes the connection.
fn ask(stream: &mut TcpStream, identificador: &str) -> std::io::Result<String> {
    stream.write_all(request_text(identificador).as_bytes())?;
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        seen.extend_from_slice(&buffer[..count]);
        let shown = String::from_utf8_lossy(&seen).into_owned();
        if count == 0 || shown.ends_with("\"ok\"}") || shown.ends_with("0\r\n\r\n") {
            return Ok(shown);
        }
    }
}

#[test]
fn a_request_is_kept_with_its_bytes() {
    let server = Server::start();
    let mut stream = connect(&server);
    assert!(ask(&mut stream, "a%2Fb").unwrap().contains(r#"{"erro":false"#));
    assert!(ask(&mut stream, "c").unwrap().contains("200"));
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].identificador(), "a/b");
    assert_eq!(requests[0].tipo(), "I");
    assert_eq!(requests[0].form(), [("campos[a b]".to_owned(), "Ação".to_owned())]);
    assert_eq!(requests[0].connection, requests[1].connection);
    assert!(requests[0].answered.unwrap() <= requests[1].arrived);
    assert_eq!(server.connections(), 1);
}

/// Sends one request on a new connection with `Connection: close`.
fn ask_once(server: &Server, identificador: &str) -> std::io::Result<String> {
    let mut stream = connect(server);
    stream.write_all(request_text(identificador).as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen)?;
    Ok(String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn queued_replies_go_before_the_script() {
    let server = Server::start();
    server.replies("a", [Reply::json(500, "{}"), Reply::too_many(Some("7"))]);
    server.script(|request, times| Reply::refuse(&format!("{} {times}", request.identificador())));
    assert!(ask_once(&server, "a").unwrap().contains(" 500 "));
    let limited = ask_once(&server, "a").unwrap();
    assert!(limited.contains(" 429 ") && limited.contains("Retry-After: 7"), "{limited}");
    assert!(ask_once(&server, "a").unwrap().contains(r#""mensagem":"a 3""#));
    assert!(ask_once(&server, "b").unwrap().contains(r#""mensagem":"b 1""#));
}

#[test]
fn resets_and_closes_reach_the_client_as_such() {
    let server = Server::start();
    server.replies("a", [Reply::reset(), Reply::reset_before_body(), Reply::closed()]);
    for expected in [Some(ErrorKind::ConnectionReset), Some(ErrorKind::ConnectionReset), None] {
        let answer = ask(&mut connect(&server), "a");
        assert_eq!(answer.as_ref().err().map(std::io::Error::kind), expected, "{answer:?}");
    }
    let requests = server.raw_requests();
    assert_eq!(
        requests.iter().map(|r| r.body.is_empty()).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert!(requests.iter().all(|request| request.answered.is_none()));
    assert!(ask(&mut connect(&server), "a").unwrap().contains(" 200 "));
}

#[test]
fn odd_framings_and_half_answers() {
    let server = Server::start();
    let body = r#"{"erro":false,"mensagem":"ok"}"#;
    server.replies(
        "a",
        [
            Reply::ok().framed(Framing::Chunked).with_interim(),
            Reply::ok().framed(Framing::UntilClose),
            Reply::half(),
            Reply::drip(Duration::from_millis(1)),
            Reply::ok().then_close(),
        ],
    );
    let chunked = ask(&mut connect(&server), "a").unwrap();
    assert!(chunked.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), "{chunked}");
    assert!(chunked.contains("\r\n3\r\n{\"e\r\n") && chunked.ends_with("0\r\n\r\n"), "{chunked}");
    let mut stream = connect(&server);
    let old = ask(&mut stream, "a").unwrap();
    assert!(old.starts_with("HTTP/1.0 200") && !old.contains("Content-Length"), "{old}");
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    assert!(ask_once(&server, "a").unwrap().ends_with(r#"{"erro":false,"#));
    assert!(ask_once(&server, "a").unwrap().ends_with(body));
    let mut stream = connect(&server);
    assert!(ask(&mut stream, "a").unwrap().ends_with(body));
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn an_endless_body_ends_with_its_reader() {
    let server = Server::start();
    server.reply("a", Reply::endless());
    let mut stream = connect(&server);
    stream.write_all(request_text("a").as_bytes()).unwrap();
    let mut seen = vec![0; 1 << 20];
    stream.read_exact(&mut seen).unwrap();
    drop(stream);
    assert!(server.written() > 1 << 19);
    // Dropping the server joins its threads, so this returns only if the writer has stopped.
    drop(server);
}

#[test]
fn a_held_reply_waits_for_its_latch() {
    let server = Server::start();
    let latch = server.hold_replies();
    let extra = Latch::new();
    server.reply("a", Reply::ok().held_by(&extra));
    let mut stream = connect(&server);
    stream.write_all(request_text("a").as_bytes()).unwrap();
    server.wait_for_requests(1);
    assert_eq!((server.in_flight(), server.max_in_flight()), (1, 1));
    latch.release();
    assert!(server.raw_requests()[0].answered.is_none());
    extra.release();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(server.in_flight(), 0);
    assert!(server.raw_requests()[0].answered.is_some());
}

#[test]
fn a_dropped_server_releases_all_connections() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let mut stream = connect(&server);
    stream.write_all(request_text("a").as_bytes()).unwrap();
    server.wait_for_requests(1);
    drop(server);
    assert!(matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)));
}

#[test]
fn connections_can_be_dropped() {
    let server = Server::start();
    server.drop_connections(1);
    assert!(matches!(ask(&mut connect(&server), "a").as_deref(), Err(_) | Ok("")));
    assert!(ask(&mut connect(&server), "a").unwrap().contains(" 200 "));
    assert_eq!((server.connections(), server.count()), (2, 1));
}

#[test]
fn a_server_with_a_certificate_speaks_tls() {
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    assert!(certificate.pem.contains("BEGIN CERTIFICATE"));
    let server = Server::start_tls(&certificate);
    assert!(server.url().starts_with("https://127.0.0.1:"));
    // Something that is no TLS gets an alert and no HTTP.
    let mut stream = connect(&server);
    stream.write_all(request_text("a").as_bytes()).unwrap();
    let mut seen = Vec::new();
    let _ = stream.read_to_end(&mut seen);
    assert!(!seen.starts_with(b"HTTP"));
    assert_eq!(server.count(), 0);
}

#[test]
fn the_multipart_reader_is_strict() {
    let header = "multipart/form-data; boundary=lim";
    let one = |disposition: &str| {
        let body = format!("--lim\r\nContent-Disposition: {disposition}\r\n\r\nv\r\n--lim--\r\n");
        multipart::parse(header, body.as_bytes())
    };
    assert_eq!(one("form-data; name=\"campos[a/%]\"").unwrap()[0].name, b"campos[a/%]");
    for bad in [
        "form-data; name*=utf-8''a%20b",
        "form-data; name=\"a\"; name*=utf-8''a",
        "form-data; name=\"a\"b\"",
        "form-data; name=a",
        "form-data; name=\"a",
        "form-data",
    ] {
        assert!(one(bad).is_err(), "{bad}");
    }
    let value =
        "--lim\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--li\r\n\r\n\r\n--lim--";
    assert_eq!(multipart::parse(header, value.as_bytes()).unwrap()[0].value, b"x\r\n--li\r\n\r\n");
    for broken in
        ["", "--lim", "--lim--tail", "--lim\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"]
    {
        assert!(multipart::parse(header, broken.as_bytes()).is_err(), "{broken:?}");
    }
    assert!(multipart::boundary("application/x-www-form-urlencoded").is_err());
}

#[test]
fn problems_of_a_request_are_seen() {
    let parse = |text: String| {
        let cut = text::find(text.as_bytes(), b"\r\n\r\n", 0).unwrap() + 4;
        let (head, body) = text.as_bytes().split_at(cut);
        let mut request = Request::parse(head.to_vec(), 0, std::time::Instant::now()).unwrap();
        request.body = body.to_vec();
        request.problems(CANARY)
    };
    assert_eq!(parse(request_text("a%2Fb")), Vec::<String>::new());
    for (from, to) in [
        ("/I HTTP/1.1", " HTTP/1.1"),
        ("/I HTTP/1.1", "/X HTTP/1.1"),
        ("/I HTTP/1.1", "/I HTTP/1.0"),
        ("/I HTTP/1.1", "/I?a=b HTTP/1.1"),
        (CANARY, "outro"),
        ("Host: x", "Host: x\r\nReferer: y"),
        ("Host: x", "Host: x\r\nAccept-Encoding: gzip"),
        ("POST", "GET"),
        ("name=\"", "name*=\""),
        ("a%2Fb", "a+b"),
    ] {
        assert!(!parse(request_text("a%2Fb").replace(from, to)).is_empty(), "{from} → {to}");
    }
}

#[test]
fn the_table_reader_is_strict() {
    let cells = table::parse("a,b\r\n\"x\"\"y\",\"1\n2\"\n,\n", ',').unwrap();
    assert_eq!(cells, [["a", "b"], ["x\"y", "1\n2"], ["", ""]]);
    assert_eq!(table::parse(&table::line(["a;\"b", ""], ';'), ';').unwrap(), [["a;\"b", ""]]);
    for bad in ["a,b", "a\n\"b", "a\n\"b\"c\n", "a\rb\n", "a\nb\"c\n"] {
        assert!(table::parse(bad, ',').is_err(), "{bad:?}");
    }
    assert_eq!(table::customers(2).lines().last(), Some("C00003,I,Cliente 3"));
}

#[test]
fn the_canary_is_found_in_every_spelling() {
    let odd = "canário/S3 GR%3D0+é";
    for token in [CANARY, odd] {
        let url = format!("http://x/update_cliente/{}/1/I", text::percent_encode(token));
        assert!(canary::leak(token, url.as_bytes()).is_some());
        assert!(canary::leak(token, url.to_ascii_lowercase().as_bytes()).is_some());
        assert!(canary::leak(token, format!("{token:?}").as_bytes()).is_some());
        assert!(canary::leak(token, format!("{:?}", token.as_bytes()).as_bytes()).is_some());
        for lead in ["", "a", "ab", "abc", "token: "] {
            for tail in ["", "x", "xy"] {
                let hidden = text::base64(format!("{lead}{token}{tail}").as_bytes(), false);
                assert!(canary::leak(token, hidden.as_bytes()).is_some(), "{lead:?} {tail:?}");
            }
        }
        assert_eq!(canary::leak(token, b"canario, S3GR3D0 and the rest of it"), None);
    }
}

/// Each place is searched for the token: the "token" is a word that occurs only in that place, and
/// the common checks must fail there.
#[test]
fn a_leak_is_found_in_every_place() {
    let text = ["-vv", "--log-format", "text"];
    let json = ["-vv", "--log-format", "json"];
    for (word, flags, place) in [
        ("linhas_por_s", text, "standard output"),
        ("DEBUG requisi", text, "standard error"),
        (r#"level":"DEBUG"#, json, "standard error"),
        ("tentativas,duracao", text, "clientes.resultado.csv"),
        ("nome,situacao", text, "clientes.rejeitados.csv"),
        ("SQLite format 3", text, "memoria.db"),
        ("trabalho", text, "a file's name"),
    ] {
        let server = Server::start();
        server.replies("C00002", [Reply::reset(), Reply::refuse("m")]);
        let run = Run::new(&server)
            .csv(&table::customers(3))
            .without_summary()
            .token(word)
            .args(["--ledger", "memoria.db", "--summary-json", "-"])
            .args(flags);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.go()));
        let why = found.err().expect(word).downcast::<String>().unwrap();
        assert!(why.starts_with("the token shows in") && why.contains(place), "{word}: {why}");
    }
}

#[test]
fn a_leak_of_a_killed_run_is_found() {
    for (word, place) in [("SQLite format 3", "memoria.db"), ("aviso: o arquivo", "-vv")] {
        let server = Server::start();
        server.script(|_, times| if times == 1 { Reply::html(500) } else { Reply::hang() });
        let running = Run::new(&server)
            .csv(&table::customers(3))
            .token(word)
            .args(["--ledger", "memoria.db", "-vv"])
            .spawn();
        server.wait_for_requests(4);
        running.wait_for_stderr(|text| text.contains("aviso: o arquivo"));
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(running)));
        let why = found.expect_err(word).downcast::<String>().unwrap();
        assert!(why.contains("shows the token") && why.contains(place), "{word}: {why}");
    }
}

#[test]
fn encodings_are_their_own_inverse() {
    assert_eq!(text::base64(b"Man", false), "TWFu");
    assert_eq!(text::base64(b"Ma", false), "TWE");
    assert_eq!(text::percent_decode(b"a%2Fb%C3%A9").unwrap(), "a/bé".as_bytes());
    assert!(text::percent_decode(b"%2").is_err() && text::percent_decode(b"%zz").is_err());
    assert_eq!(text::percent_encode("a/é~"), "a%2F%C3%A9~");
    assert_eq!(text::from_windows_1252(&text::windows_1252("ação € –")), "ação € –");
    assert_eq!(text::utf16("é", false), [0xFF, 0xFE, 0xE9, 0]);
    assert_eq!(text::utf16("é", true), [0xFE, 0xFF, 0, 0xE9]);
}

#[test]
fn english_is_found_in_all_output_for_users() {
    for (stderr, bad) in [
        ("erro: a.csv: No such file or directory (os error 2)\n", true),
        ("erro: sem conexão: connection refused\n", true),
        ("erro: o registro: database disk image is malformed.\n", true),
        ("x WARN o simulador parou error=Too many open files\n", true),
        ("{\"level\":\"WARN\",\"fields\":{\"message\":\"timed out\"}}\n", true),
        ("{\"level\":\"DEBUG\",\"fields\":{\"erro\":\"timed out\"}}\n", false),
        ("2026 DEBUG requisição erro=connection refused\n", false),
        ("{\"level\":\"INFO\",\"fields\":{\"message\":\"pausa\",\"error\":1}}\n", false),
        ("use --timeout, --max-errors ou /tmp/error/file.csv (linha 2).\n", false),
        ("o TomTicket disse: Not Found\n", true),
    ] {
        let found = english::english(&english::for_people(stderr), &[]);
        assert_eq!(found.is_some(), bad, "{stderr}: {found:?}");
    }
    let fed = ["not found".to_owned()];
    assert_eq!(english::english("o TomTicket disse: Not Found", &fed), None);
    for (stdout, bad) in [
        ("linha,mensagem\n2,not found\n", true),
        ("{\"timeout\":\"1m\",\"error\":[true]}", false),
        ("{\"motivo\":[\"timeout\"]}", true),
        ("<!doctype html><style>a { overflow: hidden }</style><p class=error>nada</p>", false),
        ("<!doctype html><p>an error</p>", true),
    ] {
        assert_eq!(english::english(&english::readable(stdout), &[]).is_some(), bad, "{stdout}");
    }
}
