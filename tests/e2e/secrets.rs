//! The token: where it may come from, and that no output contains it. Every end-to-end test searches
//! both streams and all files; these tests provoke output that could contain it.

use crate::support::{CANARY, Certificate, Reply, ReservedPort, Run, Server, table};

/// All verbosities.
const VERBOSITIES: [&[&str]; 5] = [
    &["-v"],
    &["-vv"],
    &["-vv", "--log-format", "json"],
    &["-vv", "--log-format", "text"],
    &["--quiet"],
];

#[test]
fn c44_no_failure_shows_the_token_at_any_verbosity() {
    for args in VERBOSITIES {
        let server = Server::start();
        server.replies("C00002", [Reply::reset(), Reply::closed(), Reply::half()]);
        server.replies("C00003", [Reply::hang(), Reply::html(502), Reply::ok()]);
        server.reply("C00004", Reply::too_many(Some("0")));
        server.reply("C00005", Reply::json(404, "{}"));
        server.reply("C00006", Reply::bytes("HTTP/1.1 abc\r\n\r\n"));
        server.reply("C00007", Reply::bytes("lixo\r\n\r\n"));
        let finished = Run::new(&server)
            .csv(&table::customers(12))
            .args(["--timeout", "1s"])
            .args(args.iter().copied())
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .go();
        finished.exits(4).accounted_rows(12);
    }
}

#[test]
fn c44_no_early_end_shows_the_token_at_any_verbosity() {
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    for args in VERBOSITIES {
        let server = Server::start();
        server.script(|request, _| Reply::redirect(302, &request.target));
        let run = |url: &str| {
            Run::bare(&["run"])
                .csv(&table::customers(3))
                .env("TOMTICKET_TOKEN", CANARY)
                .env("RUST_LOG", "trace")
                .args(["--base-url", url, "--give-up-after", "1s", "--no-ledger"])
                .args(args.iter().copied())
                .go()
        };
        run(&server.url()).exits(3);
        run(&Server::start_tls(&certificate).url()).exits(3);
        // A label of 64 letters is not a valid name, so no resolver is asked.
        run(&format!("https://{}.exemplo.com.br", "a".repeat(64))).exits(4);
        run(&ReservedPort::new().url()).exits(4);
        run("http://exemplo.com.br").exits(2);
    }
}

#[test]
fn c44_a_server_that_echoes_the_token_is_not_quoted() {
    // Error pages of gateways may repeat the requested URL.
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00002" => Reply::response(404, "text/html", format!("Not found: {}", request.target)),
        "C00003" => Reply::refuse(&format!("Token {} inválido", request.token())),
        "C00004" => Reply::response(500, "text/html", format!("<b>{}</b>", request.target)),
        "C00005" => Reply::response(200, "text/html", format!("<b>{}</b>", request.target)),
        _ => Reply::ok(),
    });
    let finished = Run::new(&server).csv(&table::customers(8)).args(["-vv"]).go();
    let rows = finished.exits(4).accounted_rows(8);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends[..4], ["recusado", "recusado", "falhou", "falhou"]);
}

#[test]
fn c44_an_echo_is_recognised_in_other_spellings() {
    let token = "canário/S3GR3D0:7f=3a9";
    let server = Server::start();
    server.expect_token(token);
    server.script(move |request, _| {
        // Escapes may be upper or lower case.
        let raw = request.target.split('/').nth(2).unwrap().to_owned();
        let lower = raw
            .replace("%C3%A1", "%c3%a1")
            .replace("%2F", "%2f")
            .replace("%3A", "%3a")
            .replace("%3D", "%3d");
        let text = match request.identificador() {
            "C00002" => raw,
            "C00003" => lower,
            "C00004" => token.to_owned(),
            "C00005" => token.replace('/', "\\/"),
            "C00006" => raw.replace("%3A", ":").replace("%3D", "="),
            _ => return Reply::ok(),
        };
        Reply::refuse(&format!("Not found: /update_cliente/{text}/1/I"))
    });
    let finished = Run::new(&server)
        .token(token)
        .csv(&table::customers(8))
        .args(["-vv"])
        .with_english("Not found")
        .go();
    finished.exits(1).accounted_rows(8);
    for path in ["clientes.resultado.csv", "clientes.rejeitados.csv", "resumo.json"] {
        assert!(!finished.text(path).contains("S3GR3D0"), "{path}");
    }
    assert!(!finished.stderr.contains("S3GR3D0"));
}

#[test]
fn c44_an_echo_in_utf_16_is_not_quoted_and_one_cut_short_is_hidden() {
    let server = Server::start();
    server.script(|request, _| {
        let bytes = |order: fn(u16) -> [u8; 2]| {
            request.target.encode_utf16().flat_map(order).collect::<Vec<u8>>()
        };
        let cut = &request.token()[..CANARY.len() - 2];
        match request.identificador() {
            "C00002" => Reply::response(200, "text/html", bytes(u16::to_le_bytes)),
            "C00003" => Reply::response(200, "text/html", bytes(u16::to_be_bytes)),
            "C00004" => Reply::refuse(&format!("não existe: /update_cliente/{cut}")),
            "C00005" => Reply::refuse(&format!("/update_cliente/{cut}... não existe")),
            _ => Reply::ok(),
        }
    });
    let finished = Run::new(&server).csv(&table::customers(8)).args(["-vv"]).go();
    let rows = finished.exits(4).accounted_rows(8);
    for (row, expected) in rows.iter().zip(["(não é texto)", "(não é texto)", "[token]", "[token]"])
    {
        assert!(row.mensagem.contains(expected), "{row:?}");
    }
    let part = "S3GR3D0";
    for path in ["clientes.resultado.csv", "clientes.rejeitados.csv", "resumo.json"] {
        assert!(!finished.text(path).contains(part), "{path}");
    }
    assert!(!finished.stderr.contains(part));
}

#[test]
fn c44_a_snippet_does_not_end_inside_the_token() {
    // Every twelfth row gets a page that contains the token eight bytes later than the page before,
    // so that one page has it where a snippet is cut.
    let server = Server::start();
    server.script(|request, _| {
        let row: usize = request.identificador()[1..].parse().unwrap();
        // Successful rows follow to the end, so that the last repeats are no outage.
        if row > 480 || !row.is_multiple_of(12) {
            return Reply::ok();
        }
        Reply::response(
            200,
            "text/plain",
            format!("{}{}", "x".repeat(row / 12 * 8), request.token()),
        )
    });
    let finished = Run::new(&server).csv(&table::customers(900)).rate("100").args(["-vv"]).go();
    let rows = finished.exits(4).accounted_rows(900);
    assert_eq!(rows.iter().filter(|row| row.situacao == "falhou").count(), 40);
    let part = &CANARY[..10];
    for path in ["clientes.resultado.csv", "clientes.rejeitados.csv", "resumo.json"] {
        assert!(!finished.text(path).contains(part), "{path}");
    }
    assert!(!finished.stderr.contains(part));
}

#[test]
fn c44_a_token_with_special_characters_is_one_segment_and_hidden() {
    let token = "canário/S3GR3D0?#%2F+é=&";
    let server = Server::start();
    server.expect_token(token);
    server.replies("C00002", [Reply::html(500), Reply::html(500), Reply::html(500)]);
    let finished = Run::new(&server).token(token).csv(&table::customers(3)).args(["-vv"]).go();
    finished.exits(4).accounted_rows(3);
    assert!(server.requests().iter().all(|request| request.token() == token));
}

#[test]
fn c44_the_token_may_come_from_a_file() {
    let server = Server::start();
    for content in [CANARY.to_owned(), format!("{CANARY}\n"), format!("{CANARY}\r\n")] {
        let finished = Run::new(&server)
            .without_token()
            .secret_file("segredo.txt", content)
            .csv(&table::customers(2))
            .args(["--token-file", "segredo.txt", "-vv"])
            .go();
        finished.exits(0).accounted_rows(2);
    }
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn c44_without_a_usable_token_nothing_is_sent() {
    let server = Server::start();
    let input = table::customers(2);
    let finished = Run::new(&server).without_token().csv(&input).go();
    finished.refused_before_sending(&server, &["TOMTICKET_TOKEN", "--token-file"]);
    for token in ["", "  ", ".", ".."] {
        let finished = Run::new(&server).env("TOMTICKET_TOKEN", token).csv(&input).go();
        finished.refused_before_sending(&server, &[]);
    }
    let finished =
        Run::new(&server).without_token().csv(&input).args(["--token-file", "naoha.txt"]).go();
    finished.refused_before_sending(&server, &["naoha.txt"]);
    let finished = Run::new(&server)
        .without_token()
        .file("vazio.txt", "\n")
        .csv(&input)
        .args(["--token-file", "vazio.txt"])
        .go();
    finished.refused_before_sending(&server, &["vazio.txt"]);
}

#[test]
fn c44_the_token_is_not_an_option() {
    let server = Server::start();
    // Not the marked token: it would be found in the command line.
    let finished = Run::new(&server).csv(&table::customers(1)).args(["--token", "x9"]).go();
    finished.exits(2);
    assert_eq!(server.count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn c44_the_process_list_shows_no_token() {
    let server = Server::start();
    let latch = server.hold_replies();
    let running = Run::new(&server).csv(&table::customers(10)).spawn();
    server.wait_for_requests(1);
    let line = std::fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap();
    assert_eq!(crate::support::canary::leak(CANARY, &line), None);
    latch.release();
    running.wait().exits(0);
}

#[cfg(unix)]
#[test]
fn c44_spooled_input_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let latch = server.hold_replies();
    let run = Run::new(&server).stdin(table::customers(10));
    let folder = run.folder();
    let temporary = folder.path().join("tmp");
    let running = run.spawn();
    server.wait_for_requests(1);
    for entry in std::fs::read_dir(&temporary).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "customer data that others may read: {mode:o}");
    }
    latch.release();
    let finished = running.wait();
    finished.exits(0);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "a temporary file remains");
}

#[test]
fn c44_customer_data_is_in_no_log() {
    let server = Server::start();
    server.replies("ana@segredo.com.br", [Reply::reset(), Reply::html(502)]);
    let input = "identificador,tipo_identificador,nome,telefone\n\
                 ana@segredo.com.br,E,Fulana Confidencial,11999887766\n2,I,Eva,\n";
    let finished = Run::new(&server).csv(input).args(["-vv"]).env("RUST_LOG", "trace").go();
    finished.exits(0).accounted_rows(2);
    for datum in ["Fulana Confidencial", "11999887766", "ana@segredo", "ana%40segredo"] {
        assert!(!finished.stderr.contains(datum), "{datum}");
    }
}

/// The text of the panic contains the URL with the token. Only its place in the source is printed;
/// the run ends at once, and the next run continues.
#[cfg(debug_assertions)]
#[test]
fn f46_a_panic_in_any_part_ends_the_run_and_shows_no_secret() {
    for (part, most_sent) in [("send", 8), ("read", 0), ("report", 40), ("pool", 8)] {
        for verbosity in [&["-vv"][..], &["-vv", "--log-format", "json"]] {
            let server = Server::start();
            let finished = Run::new(&server)
                .csv(&table::customers(40))
                .without_summary()
                .args(["--ledger", "memoria.db"])
                .args(verbosity.iter().copied())
                .panicking_in(part)
                .go();
            finished.exits(5).says(&["erro interno em src/"]);
            assert!(finished.took < std::time::Duration::from_secs(30), "{part} hangs");
            assert!(server.count() <= most_sent, "{part}: {} were sent", server.count());
            assert!(!finished.exists("clientes.resultado.csv"), "{part}");
            let begun = finished.parse_results(&finished.text("clientes.resultado.csv.parcial"));
            assert!(begun.iter().map(|row| row.linha).eq(2..2 + begun.len() as u64), "{part}");
            if part == "send" {
                let failed = begun.iter().filter(|row| row.situacao == "falhou").count();
                assert!((1..=8).contains(&failed), "{failed} rows have failed");
            }
            let next = Run::new(&server)
                .in_folder_of(&finished)
                .on("clientes.csv")
                .args(["--ledger", "memoria.db"])
                .go();
            next.exits(0).accounted_rows(40);
        }
    }
}
