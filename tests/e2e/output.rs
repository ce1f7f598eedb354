//! The files of a run: complete or absent, safe to open in a spreadsheet, and never the input.
//! Rejects are in `output_rejects.rs`, the summary in `output_summary.rs`.

use crate::support::result_row::RESULT_COLUMNS;
use crate::support::{Reply, Run, Server, table};

/// Four rows of which the second is refused and the third cannot be sent.
pub(super) const MIXED: &str = "identificador,tipo_identificador,nome,CPF\n\
                     1,I,Ana,=1+1\n2,I,Eva,\"a \"\"b\"\"\"\n..,I,Rui,\n4,I,Zoe,+5\n";

pub(super) fn mixed_server() -> Server {
    let server = Server::start();
    server.reply("2", Reply::refuse("Cliente não encontrado."));
    server
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

/// A Brazilian Excel splits every file at `;`, and other programs at tabs.
#[test]
fn a_formula_behind_a_separator_is_neutralised() {
    let replies = ["não;=cmd|'/c calc'!A1", "a\t+1", "b\n@x;-1", "＝1+1", "c;＠x"];
    for dialect in ["standard", "excel"] {
        let server = Server::start();
        for (index, reply) in replies.iter().enumerate() {
            server.reply(&format!("C{:05}", index + 2), Reply::refuse(reply));
        }
        let run = Run::new(&server).csv(&table::customers(replies.len()));
        let finished = run.args(["--results-dialect", dialect]).go();
        finished.exits(1);
        for name in ["clientes.resultado.csv", "clientes.rejeitados.csv"] {
            let text = finished.text(name);
            for cell in text.split([';', '\t', '\n', ',', '"']) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '＝', '＠']), "{name}: {cell}");
            }
            let guarded = text.lines().filter(|line| line.contains("'não;'=cmd")).count();
            assert_eq!(guarded, 1, "{text}");
        }
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
        second.says(&[&first.pid_in_messages()]);
    }
    assert_eq!(other.count(), 0);
    latch.release();
    first.wait().exits(0).accounted_rows(20);
    // The lock ends with its process.
    Run::new(&other).sharing(&folder).on("clientes.csv").go().exits(0).accounted_rows(20);
}

#[test]
fn the_excel_dialect_has_a_byte_order_mark_and_semicolons() {
    let server = mixed_server();
    let finished = Run::new(&server).csv(MIXED).args(["--results-dialect", "excel"]).go();
    finished.exits(1);
    let text = finished.text("clientes.resultado.csv");
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark");
    assert_eq!(text.matches("\r\n").count(), 5);
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
    std::fs::create_dir(running.work().join("clientes.rejeitados.csv")).unwrap();
    latch.release();
    let finished = running.wait();
    finished.exits(5).says(&["Resultados: clientes.resultado.csv.parcial\n"]);
    assert_eq!(finished.text("clientes.resultado.csv"), "antes\n");
    let summary = finished.summary();
    assert_eq!(summary["resultados"], "clientes.resultado.csv.parcial");
    assert_eq!(finished.text("clientes.resultado.csv.parcial").lines().count(), 4);
}
