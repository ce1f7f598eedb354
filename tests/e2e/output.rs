//! The files of a run: complete or absent, safe to open in a spreadsheet, and never the input.
//! Rejects are in `output_rejects.rs`, the summary in `output_summary.rs`.

use crate::support::result_row::RESULT_COLUMNS;
use crate::support::{Reply, Run, Server, table, text};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// Four rows of which the second is refused and the third cannot be sent.
const MIXED: &str = "identificador,tipo_identificador,nome,CPF\n\
                     1,I,Ana,=1+1\n2,I,Eva,\"a \"\"b\"\"\"\n..,I,Rui,\n4,I,Zoe,+5\n";

fn mixed_server() -> Server {
    let server = Server::start();
    server.reply("2", Reply::refuse("Cliente não encontrado."));
    server
}

#[test]
fn results_rejects_and_summary_agree() {
    let server = mixed_server();
    let finished = Run::new(&server).csv(MIXED).go();
    let rows = finished.exits(1).accounted_rows(4);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends, ["atualizado", "recusado", "invalido", "atualizado"]);
    assert_eq!((&*rows[1].identificador, &*rows[1].tipo), ("2", "I"));
    assert_eq!((&*rows[1].mensagem, rows[1].http_status), ("Cliente não encontrado.", Some(200)));
    assert_eq!(rows[0].mensagem, "ok", "the API's own text");
    assert!(finished.text("clientes.resultado.csv").starts_with(RESULT_COLUMNS));

    let rejects = finished.rejects();
    assert_eq!(
        rejects[0],
        ["identificador", "tipo_identificador", "nome", "CPF", "situacao", "erro", "mensagem"]
    );
    assert_eq!(
        rejects[1],
        ["2", "I", "Eva", "a \"b\"", "recusado", "true", "Cliente não encontrado."]
    );
    assert_eq!(rejects[2][..6], ["..", "I", "Rui", "", "invalido", "true"]);

    let summary = finished.summary();
    assert_eq!(summary["linhas"], 4);
    assert_eq!(summary["requisicoes"], 3);
    assert_eq!(summary["repeticoes"], 0);
    assert_eq!(summary["limitadas_429"], 0);
    assert_eq!(summary["motivo"], Value::Null);
    assert!(summary["entrada"].as_str().unwrap().contains("clientes.csv"));
    assert!(summary["resultados"].as_str().unwrap().contains("clientes.resultado.csv"));
    assert!(summary["rejeitados"].as_str().unwrap().contains("clientes.rejeitados.csv"));
    assert!(summary["mensagens"].to_string().contains("Cliente não encontrado."));
    finished.says(&[
        "clientes.resultado.csv",
        "clientes.rejeitados.csv",
        "Cliente não encontrado.",
    ]);
}

#[test]
fn a_clean_run_has_rejects_with_a_header_only() {
    let server = Server::start();
    let finished = Run::new(&server).csv(&table::customers(3)).go();
    finished.exits(0).accounted_rows(3);
    assert_eq!(finished.rejects().len(), 1);
    assert_eq!(finished.summary()["situacoes"]["atualizado"], 3);
}

#[cfg(target_os = "linux")]
#[test]
fn c34_a_full_disk_stops_the_run() {
    // Every write to /dev/full fails as on a full disk.
    let server = Server::start();
    let finished =
        Run::new(&server).csv(&table::customers(3000)).rate("200").results("/dev/full").go();
    finished.exits(5).says(&["/dev/full", "espaço"]);
    assert!(server.count() <= 300, "sending went on: {}", server.count());

    let server = Server::start();
    server.script(|request, _| Reply::refuse(request.identificador()));
    let finished =
        Run::new(&server).csv(&table::customers(3000)).rate("200").rejects("/dev/full").go();
    finished.exits(5).says(&["/dev/full", "espaço"]);
    assert!(server.count() <= 300, "sending went on: {}", server.count());
    assert!(!finished.exists("clientes.resultado.csv"));
}

#[test]
fn c34_an_unwritable_output_is_refused_before_sending() {
    let server = Server::start();
    let finished = Run::new(&server).csv(&table::customers(2)).results("não/há/r.csv").go();
    finished.refused_before_sending(&server, &["não/há/r.csv"]);
    let server = Server::start();
    let finished = Run::new(&server)
        .csv(&table::customers(2))
        .without_summary()
        .args(["--summary-json", "não/há.json"])
        .go();
    finished.refused_before_sending(&server, &["não/há.json"]);
}

/// A named pipe receives the same bytes as a file, and there is no `.parcial` beside it.
#[cfg(unix)]
#[test]
fn outputs_may_be_named_pipes() {
    let server = mixed_server();
    let run = Run::new(&server).csv(MIXED).results("cano").rejects("outro-cano").allow_partial();
    let read = ["cano", "outro-cano"].map(|name| {
        let path = run.work().join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()));
        std::thread::spawn(move || std::fs::read_to_string(path))
    });
    let finished = run.go();
    let [results, rejects] = read.map(|reader| reader.join().expect("a reader").expect("a text"));
    let rows = finished.exits(1).parse_results(&results);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends, ["atualizado", "recusado", "invalido", "atualizado"]);
    let rejects = table::parse(&rejects, ',').expect("a table");
    assert_eq!((rejects.len(), &*rejects[1][0], &*rejects[2][0]), (3, "2", ".."));
    assert!(!finished.exists("cano.parcial") && !finished.exists("outro-cano.parcial"));
}

#[test]
fn c35_files_appear_whole_or_not_at_all() {
    let server = Server::start();
    let latch = server.hold_replies();
    let run =
        Run::new(&server).csv(&table::customers(200)).file("clientes.resultado.csv", "antes\n");
    let running = run.spawn();
    server.wait_for_requests(8);
    let path = running.work().join("clientes.resultado.csv");
    assert!(running.work().join("clientes.resultado.csv.parcial").exists());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "antes\n");
    latch.release();
    let finished = running.wait();
    finished.exits(0).accounted_rows(200);
}

#[test]
fn c35_after_a_kill_the_previous_results_are_untouched() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00100" => Reply::hang(),
        _ => Reply::ok(),
    });
    let run = Run::new(&server)
        .csv(&table::customers(400))
        .args(["--concurrency", "1"])
        .file("clientes.resultado.csv", "antes\n")
        .file("clientes.rejeitados.csv", "antes\n")
        .allow_partial();
    let mut running = run.spawn();
    server.wait_for_requests(99);
    running.signal("KILL");
    let finished = running.wait();
    assert_eq!(finished.code, None);
    assert_eq!(finished.text("clientes.resultado.csv"), "antes\n");
    assert_eq!(finished.text("clientes.rejeitados.csv"), "antes\n");
    let partial = finished.text("clientes.resultado.csv.parcial");
    assert!(partial.lines().count() > 50, "what was done can be looked at: {partial}");

    // The same command works again in spite of the leftover file.
    let server = Server::start();
    let again = Run::new(&server).in_folder_of(&finished).on("clientes.csv").go();
    again.exits(0).accounted_rows(400);
}

#[test]
fn if_one_output_cannot_be_created_the_others_are_removed() {
    for flag in ["--results", "--rejects", "--summary-json", "--report"] {
        let server = Server::start();
        let run = Run::new(&server).without_summary().csv(&table::customers(3));
        let finished = run.args([flag, "nenhuma/pasta/x"]).go();
        assert_eq!((finished.code, server.count()), (Some(2), 0), "{flag}");
        let left: Vec<_> = std::fs::read_dir(finished.work())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().contains("re"))
            .collect();
        assert!(left.is_empty(), "{flag}: {left:?}");
        finished.says(&["nenhuma/pasta/x", "a pasta existe"]);
    }
}

#[cfg(unix)]
#[test]
fn c36_the_output_is_never_the_input_by_another_name() {
    for kind in ["same", "symbolic", "hard", "dotted"] {
        for flag in ["--results", "--rejects", "--summary-json"] {
            let server = Server::start();
            let input = table::customers(3);
            let run = Run::new(&server).without_summary().csv(&input);
            let (real, other) = (run.work().join("clientes.csv"), run.work().join("outro.csv"));
            let name = match kind {
                "symbolic" => {
                    std::os::unix::fs::symlink(&real, &other).unwrap();
                    "outro.csv"
                }
                "hard" => {
                    std::fs::hard_link(&real, &other).unwrap();
                    "outro.csv"
                }
                "dotted" => "../trabalho/./clientes.csv",
                _ => "clientes.csv",
            };
            let finished = run.args([flag, name]).go();
            assert_eq!((finished.code, server.count()), (Some(2), 0), "{kind} {flag}");
            assert_eq!(finished.text("clientes.csv"), input, "{kind} {flag}");
        }
    }
}

#[test]
fn c36_two_outputs_may_not_be_the_same_file() {
    for args in [
        ["--results", "-", "--rejects", "-"],
        ["--results", "-", "--summary-json", "-"],
        ["--results", "x.csv", "--rejects", "x.csv"],
        ["--results", "x.csv", "--rejects", "./x.csv"],
    ] {
        let server = Server::start();
        let finished =
            Run::new(&server).without_summary().csv(&table::customers(2)).args(args).go();
        assert_eq!((finished.code, server.count()), (Some(2), 0), "{args:?}");
        assert!(finished.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn c37_spreadsheet_formulas_are_neutralised() {
    let replies = [
        "=cmd|'/c calc'!A1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\r\nx",
        "a\u{1b}[31mvermelho\u{7}\u{0}\u{9b}b",
        "duas\nlinhas",
        "normal = sim",
    ];
    let server = Server::start();
    for (index, reply) in replies.iter().enumerate() {
        server.reply(&format!("C{:05}", index + 2), Reply::refuse(reply));
    }
    let finished = Run::new(&server).csv(&table::customers(replies.len())).go();
    let rows = finished.exits(1).accounted_rows(replies.len());
    let rejects = finished.rejects();
    for (row, reject) in rows.iter().zip(&rejects[1..]) {
        let cells = [&row.mensagem, reject.last().unwrap()];
        for cell in cells {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            assert!(!cell.chars().any(|c| c.is_control()), "{cell:?}");
        }
    }
    assert_eq!(rows[0].mensagem, "'=cmd|'/c calc'!A1");
    assert_eq!(rows[8].mensagem, "normal = sim");
    for bytes in [finished.stderr.as_bytes(), &finished.read("resumo.json")] {
        assert!(!bytes.contains(&0x1b) && !bytes.contains(&7) && !bytes.contains(&0));
    }
}

#[test]
fn c37_original_cells_are_not_altered() {
    let input = "identificador,tipo_identificador,nome,livre\n\
                 =1+1,I,-Ana,@x\n+55,I,Eva,\"=\"\"a\"\"\"\n";
    let server = Server::start();
    server.script(|_, _| Reply::refuse("não"));
    let finished = Run::new(&server).csv(input).go();
    let rows = finished.exits(1).accounted_rows(2);
    assert_eq!((&*rows[0].identificador, &*rows[1].identificador), ("=1+1", "+55"));
    let rejects = finished.rejects();
    assert_eq!(rejects[1][..4], ["=1+1", "I", "-Ana", "@x"]);
    assert_eq!(rejects[2][..4], ["+55", "I", "Eva", "=\"a\""]);
}

#[test]
fn c38_two_runs_do_not_share_one_results_file() {
    let server = Server::start();
    let latch = server.hold_replies();
    let first = Run::new(&server).csv(&table::customers(20));
    let folder = first.folder();
    let first = first.spawn();
    server.wait_for_requests(8);
    let other = Server::start();
    let second =
        Run::new(&other).without_summary().sharing(&folder).on("clientes.csv").allow_partial().go();
    second.exits(2);
    // Only Linux tells which process holds a lock.
    if cfg!(target_os = "linux") {
        second.says(&[&first.pid().to_string()]);
    }
    assert_eq!(other.count(), 0);
    latch.release();
    first.wait().exits(0).accounted_rows(20);
    // The lock ends with its process.
    Run::new(&other).sharing(&folder).on("clientes.csv").go().exits(0).accounted_rows(20);
}

#[test]
fn c38a_rejects_come_in_the_dialect_of_the_input() {
    let header = ["identificador", "tipo_identificador", "nome", "telefone"];
    let rows = [
        ["1", "I", "Conceição", "11"],
        ["2", "I", "João; e, cia\tx", "12"],
        ["..", "I", "Zoé", "13"],
    ];
    let build = |delimiter: char| {
        rows.iter()
            .fold(table::line(header, delimiter), |text, row| text + &table::line(row, delimiter))
    };
    let none: &[&str] = &[];
    let cases = [
        ("excel", text::windows_1252(&build(';').replace('\n', "\r\n")), none, ';', "1252"),
        ("utf-8", build(',').into_bytes(), none, ',', "utf-8"),
        ("bom", [b"\xEF\xBB\xBF", build(';').as_bytes()].concat(), none, ';', "any utf-8"),
        ("utf-16", text::utf16(&build('\t'), false), none, '\t', "bom"),
        ("pipes", build('|').into_bytes(), none, '|', "utf-8"),
        (
            "forced",
            text::windows_1252(&build(';')),
            &["--delimiter", ";", "--encoding", "windows-1252"][..],
            ';',
            "1252",
        ),
        ("gzip", text::gzip(build(';').as_bytes()), none, ';', "utf-8"),
    ];
    for (what, bytes, args, delimiter, encoding) in cases {
        let server = Server::start();
        server.script(|_, _| Reply::refuse("É cedo; volte, por favor."));
        let finished = Run::new(&server)
            .input("e.csv", &bytes)
            .args(args.iter().copied())
            .rejects("j.csv")
            .go();
        finished.exits(1).accounted([2, 3, 4]);
        let raw = finished.read("j.csv");
        match encoding {
            "1252" => assert!(std::str::from_utf8(&raw).is_err(), "{what}"),
            "bom" => assert!(raw.starts_with(b"\xEF\xBB\xBF"), "{what}"),
            _ => assert!(std::str::from_utf8(&raw).is_ok(), "{what}"),
        }
        let first = raw.split(|&byte| byte == b'\n').next().unwrap();
        assert!(first.contains(&(delimiter as u8)), "{what}");
        let rejects = finished.rejects();
        assert_eq!(rejects[0][..4], header, "{what}");
        for (reject, row) in rejects[1..].iter().zip(rows) {
            assert_eq!(reject[..4], row, "{what}");
        }

        // The rejects run again unedited with the same flags: the two valid rows succeed.
        let better = Server::start();
        let again = Run::new(&better)
            .in_folder_of(&finished)
            .on("j.csv")
            .args(args.iter().copied())
            .rejects("k.csv")
            .go();
        let rows = again.exits(1).accounted([2, 3, 4]);
        assert_eq!((&*rows[0].situacao, &*rows[2].situacao), ("atualizado", "invalido"), "{what}");
        let names: Vec<_> = better.sent().iter().map(|sent| sent.2[0].1.clone()).collect();
        assert_eq!(names, ["Conceição", "João; e, cia\tx"], "{what}");
        // Rejects of rejects have the three extra columns once.
        assert_eq!(again.rejects()[0], rejects[0], "{what}");
    }
}

#[test]
fn the_excel_dialect_has_a_byte_order_mark_and_semicolons() {
    let server = mixed_server();
    let finished = Run::new(&server).csv(MIXED).args(["--results-dialect", "excel"]).go();
    finished.exits(1);
    let text = finished.text("clientes.resultado.csv");
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark");
    let records = table::parse(text, ';').unwrap();
    assert_eq!(records[0].join(","), RESULT_COLUMNS);
    assert_eq!(records.len(), 5);
    assert_eq!(records[2][3], "recusado");
}

#[test]
fn results_on_standard_output() {
    let server = mixed_server();
    let finished = Run::new(&server).csv(MIXED).results("-").go();
    finished.exits(1).says(&["Resultados: saída padrão\n"]);
    let rows = finished.parse_results(&finished.stdout_text());
    assert_eq!(rows.iter().map(|row| row.linha).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(!finished.exists("clientes.resultado.csv"));
}

#[test]
fn the_summary_on_standard_output() {
    let server = mixed_server();
    let finished =
        Run::new(&server).without_summary().csv(MIXED).args(["--summary-json", "-"]).go();
    let summary: Value = serde_json::from_slice(&finished.exits(1).stdout).unwrap();
    finished.check_summary(&summary);
    assert_eq!(summary["situacoes"]["invalido"], 1);
}

#[test]
fn the_minutes_of_the_summary_add_up() {
    let server = Server::start();
    server.replies("C00002", [Reply::too_many(Some("0")), Reply::html(500)]);
    let finished = Run::new(&server).csv(&table::customers(5)).go();
    let summary = finished.exits(0).summary();
    let minutes = summary["por_minuto"].as_array().expect("a list of minutes");
    let total = |of: &str| -> u64 {
        minutes.iter().map(|minute| minute[of].as_u64().expect("a count")).sum()
    };
    let totals = ["aceitas", "limitadas_429", "repeticoes"].map(total);
    assert_eq!(totals, [5, 1, 1], "{minutes:?}");
}

#[test]
fn many_messages_are_cut_to_the_ten_most_frequent() {
    let server = Server::start();
    // Reason 1 once, reason 2 twice, … reason 12 twelve times, the rare ones first.
    let reasons: Vec<usize> = (1..=12).flat_map(|reason| vec![reason; reason]).collect();
    let rows = reasons.len();
    server.script(move |request, _| {
        let line: usize = request.identificador()[1..].parse().unwrap();
        Reply::refuse(&format!("motivo {:02}", reasons[line - 2]))
    });
    let finished = Run::new(&server).csv(&table::customers(rows)).args(["--no-breaker"]).go();
    let summary = finished.exits(1).summary();
    let messages = summary["mensagens"].as_array().expect("a list");
    let found: Vec<_> = messages
        .iter()
        .map(|message| {
            (message["mensagem"].as_str().expect("a text"), message["linhas"].as_u64().unwrap_or(0))
        })
        .collect();
    let texts: Vec<_> = (3..=12).rev().map(|n| (format!("motivo {n:02}"), n)).collect();
    let expected: Vec<_> = texts.iter().map(|(text, n)| (text.as_str(), *n)).collect();
    assert_eq!(found, expected);
}

#[test]
fn surplus_and_huge_cells_fit_into_the_rejects() {
    let huge = "y".repeat(90 * 1024);
    let input = format!(
        "identificador,tipo_identificador,nome\n1,I\n2,I,Eva,mais,ainda\n3,I,{huge}\n4,I,\"a\nb\",\"c,d\"\n"
    );
    let server = Server::start();
    let finished = Run::new(&server).csv(&input).go();
    finished.exits(1).accounted([2, 3, 4, 5]);
    let rejects = finished.rejects();
    assert_eq!(rejects[1][..4], ["1", "I", "", "invalido"]);
    assert_eq!(rejects[2][6..], ["mais", "ainda"]);
    // The cell is cut. Its mark keeps the row invalid, so that a cut name is never sent.
    assert!((60 * 1024..=64 * 1024).contains(&rejects[3][2].len()), "{}", rejects[3][2].len());
    assert!(rejects[3][2].ends_with("[cortado]\u{1a}"));
    assert_eq!((&*rejects[4][2], &*rejects[4][6]), ("a\nb", "c,d"));
    // The rejects run again; surplus cells are still surplus.
    let again = Run::new(&server).in_folder_of(&finished).on("clientes.rejeitados.csv").go();
    assert!(again.exits(1).results().iter().filter(|row| row.situacao == "invalido").count() >= 3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_summary_that_cannot_be_written_does_not_hide_the_outcome() {
    let server = mixed_server();
    let run = Run::new(&server).without_summary().csv(MIXED);
    let finished = run.args(["--summary-json", "/dev/full"]).go();
    let rows = finished.exits(5).accounted_rows(4);
    assert_eq!(rows.len(), 4);
    finished.says(&[
        "Resumo em JSON: não foi possível gravar /dev/full",
        "Resultados: clientes.resultado.csv\n",
        "completos",
    ]);
    assert!(!finished.stderr.contains("não está completo"), "{}", finished.stderr);
}

#[test]
fn rows_sent_after_an_output_failed_count_in_the_summary() {
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(400)).results("-").close_stdout();
    let finished = run.go();
    finished.says(&["não foi possível gravar a saída padrão: ninguém lê a saída."]);
    let summary = finished.exits(5).summary();
    let sent = server.count();
    assert_eq!(summary["requisicoes"], sent);
    assert_eq!(summary["situacoes"]["atualizado"], sent);
    assert_eq!(summary["situacoes"]["nao_enviado"], 400 - sent);
    assert_eq!(summary["resultados"], "-");
    assert_eq!(summary["rejeitados"], "clientes.rejeitados.csv.parcial");
}

#[cfg(unix)]
#[test]
fn if_one_output_cannot_be_renamed_no_earlier_file_is_replaced() {
    let server = Server::start();
    let latch = server.hold_replies();
    let running = Run::new(&server)
        .csv(&table::customers(3))
        .file("clientes.resultado.csv", "antes\n")
        .spawn();
    server.wait_for_requests(3);
    std::fs::remove_file(running.work().join("clientes.rejeitados.csv.parcial")).unwrap();
    latch.release();
    let finished = running.wait();
    finished.exits(5).says(&["Resultados: clientes.resultado.csv.parcial\n"]);
    assert_eq!(finished.text("clientes.resultado.csv"), "antes\n");
    let summary = finished.summary();
    assert_eq!(summary["resultados"], "clientes.resultado.csv.parcial");
    assert_eq!(finished.text("clientes.resultado.csv.parcial").lines().count(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// The rejects of any run are a valid input with the same cells: rows that are no longer refused
    /// succeed in the second run.
    #[test]
    fn rejects_run_again_and_succeed(
        names in vec("[ -~áÇ\n\t]{1,30}", 1..40),
        refused in vec(any::<bool>(), 40),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
    ) {
        let server = Server::start();
        let mut input = table::line(["identificador", "tipo_identificador", "campo:x", "nome"], delimiter);
        let mut expected = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let id = format!("C{index:03}");
            input.push_str(&table::line([&*id, "I", name, "Ana"], delimiter));
            if refused[index] {
                server.reply(&id, Reply::refuse(&format!("Recusado: {delimiter} \"x\" {index}")));
                expected.push((id, name.trim_matches([' ', '\t', '\n']).to_owned()));
            }
        }
        let finished = Run::new(&server).csv(&input).args(["--no-breaker"]).go();
        let rejected = finished.rejects().len() - 1;
        prop_assert_eq!(rejected, expected.len());
        let better = Server::start();
        let again = Run::new(&better).in_folder_of(&finished).on("clientes.rejeitados.csv").go();
        again.exits(0);
        prop_assert_eq!(again.results().len(), expected.len());
        let sent: Vec<_> = better
            .sent()
            .into_iter()
            .map(|(id, _, form)| {
                let cell = form.into_iter().find(|(name, _)| name == "campos[x]");
                (id, cell.map(|(_, value)| value).unwrap_or_default())
            })
            .collect();
        prop_assert_eq!(sent, expected);
    }
}
