//! The report: `report RESULTADOS` and `run --report`. How a browser shows it is tested in
//! `report_browser.rs`.

use std::fmt::Write;

use crate::support::{Finished, Reply, Run, Server, table};

/// The columns of results files before `identificador_atual` was added, which `report` still reads.
/// Tests that read the results of a run cover the current columns.
const HEADER: &str = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,\
                      tentativas,duracao_ms,concluido_em";

/// Runs `report` on this file.
fn report(csv: &str, args: &[&str]) -> Finished {
    Run::bare(&["report"])
        .input("noite.resultado.csv", csv)
        .env("TZ", "America/Sao_Paulo")
        .args(args.iter().copied())
        .go()
}

/// Asserts that the page loads nothing, runs no script and has no links.
fn assert_self_contained(page: &str) {
    assert!(
        page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'")
    );
    // Text is escaped, so every `<` begins a tag.
    let body = page.split_once("</style>").unwrap().1.to_lowercase();
    let tags: Vec<&str> =
        body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    let tags = format!("<{}", tags.join("\n<"));
    for bad in [
        "<script", "<img", "<link", "<iframe", "<object", "<base", "<a ", " src=", " href=",
        " onmouse",
    ] {
        assert!(!tags.contains(bad), "{bad}");
    }
    for bad in ["url(", "@import", "expression("] {
        assert!(!page.split_once("</style>").unwrap().0.contains(bad), "{bad}");
    }
}

#[test]
fn a_run_and_its_files_give_the_same_page() {
    for dialect in ["standard", "excel"] {
        let server = Server::start();
        server.reply("C00003", Reply::refuse("Cliente não encontrado."));
        server.replies("C00005", [Reply::html(502), Reply::ok()]);
        server.replies("C00006", [Reply::too_many(None), Reply::ok()]);
        let finished = Run::new(&server)
            .csv(&table::customers(30))
            .rate("3")
            .env("TZ", "America/Sao_Paulo")
            .args(["--limit", "9", "--report", "r.html", "--results-dialect", dialect])
            .go();
        finished.exits(1).says(&["Relatório: r.html"]);
        let page = finished.text("r.html");
        assert_self_contained(&page);
        for part in [
            "clientes.csv",
            "America/Sao_Paulo, UTC−3",
            "Terminou a parte pedida; 1 a corrigir",
            "limite da execução: 180 por minuto",
            "Além do limite e repetições",
            "Cliente não encontrado.",
            "<strong>21</strong> <span>fora desta execução</span>",
            "As linhas que ficaram de fora vão na próxima execução.",
            "clientes.rejeitados.csv",
            "Linhas a enviar, no máximo",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let again = Run::bare(&["report"])
            .in_folder_of(&finished)
            .on("clientes.resultado.csv")
            .env("TZ", "America/Sao_Paulo")
            .args(["--summary-json", "resumo.json"])
            .go();
        again.exits(0).says(&["Relatório: clientes.relatorio.html"]);
        assert!(again.text("clientes.relatorio.html") == page, "the pages differ");
    }
}

#[test]
fn sections_without_data_are_left_out() {
    let csv = format!(
        "{HEADER}\n2,ana@x.br,E,atualizado,false,ok,200,1,182,2026-11-24T04:05:06.789Z\n3,b,I,recusado,true,Não.,200,1,9,2026-11-24T04:05:07.120Z\n"
    );
    let finished = report(&csv, &[]);
    let page = finished.exits(0).text("noite.relatorio.html");
    assert_self_contained(&page);
    assert!(page.contains("24/11/2026 01:05:06") && page.contains("Tempo de resposta"));
    for absent in ["Além do limite", "requisições", "Como foi executada", "Motivo"] {
        assert!(!page.contains(absent), "{absent}");
    }
    let empty = report(&format!("{HEADER}\n"), &[]).text("noite.relatorio.html");
    assert!(empty.contains("O arquivo não tem linhas.") && !empty.contains("NaN"), "{empty}");
    let stdout = report(&csv, &["-o", "-"]);
    assert!(stdout.exits(0).stdout_text() == page && !stdout.exists("noite.relatorio.html"));
}

/// The labels of each chart's horizontal axis.
fn time_labels(page: &str) -> Vec<&str> {
    let axes = page.split("<ul class=\"x").skip(1);
    axes.map(|axis| axis.split_once("</ul>").unwrap().0).collect()
}

#[test]
fn f87_the_headline_says_that_all_rows_were_worked_through() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00002" => Reply::html(502),
        _ => Reply::ok(),
    });
    let finished = Run::new(&server).csv(&table::customers(30)).args(["--report", "r.html"]).go();
    let page = finished.exits(4).text("r.html");
    assert!(page.contains("Todas as linhas foram tratadas; 1 não confirmada"), "{page}");
    assert!(page.contains("<section class=\"verdict wait\""));
}

#[test]
fn f87_what_is_to_do_comes_first_and_a_message_once() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00002" | "C00003" | "C00004" => Reply::refuse("Cliente não encontrado."),
        "C00005" => Reply::html(500),
        _ => Reply::ok(),
    });
    let finished = Run::new(&server).csv(&table::customers(30)).args(["--report", "r.html"]).go();
    let page = finished.exits(4).text("r.html");
    assert_eq!(page.matches("Cliente não encontrado.").count(), 1);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
    let places = [
        "<h3>Corrigir</h3>",
        "3 linhas recusadas</strong> <code>recusado</code>",
        ">linha 4</span>",
        "<h3>Enviar de novo</h3>",
        "Linhas aceitas por minuto</h2>",
        "Além do limite e repetições</h2>",
        "Tempo de resposta</h2>",
    ]
    .map(place);
    assert!(places.is_sorted(), "{places:?}");
    // Both charts over time have one axis.
    let labels = time_labels(&page);
    assert_eq!((labels.len(), labels[0]), (3, labels[1]));
}

#[test]
fn f87_a_night_on_which_nothing_was_sent_has_no_charts() {
    let server = Server::start();
    let run = || {
        let run = Run::new(&server).csv(&table::customers(5)).args(["--report", "r.html"]);
        run.args(["--ledger", "../registro.db"])
    };
    let first = run().go();
    assert_eq!(time_labels(&first.exits(0).text("r.html")).len(), 2);
    let again = run().in_folder_of(&first).go();
    let page = again.exits(0).text("r.html");
    assert!(page.contains("Tudo já estava em dia: nada precisou ser enviado"), "{page}");
    assert_eq!(time_labels(&page).len(), 0);
    assert!(!page.contains("O que falta fazer") && !page.contains("Tempo de resposta"));
}

#[test]
fn results_may_come_from_standard_input() {
    let csv = format!("{HEADER}\n2,a,E,atualizado,false,ok,200,1,182,2026-11-24T04:05:06Z\n");
    let finished = Run::bare(&["report"]).stdin(csv.clone()).go();
    finished.exits(0).says(&["Relatório: entrada.relatorio.html"]);
    assert!(finished.text("entrada.relatorio.html").contains("entrada padrão"));
    Run::bare(&["report"]).stdin(csv + "3,a\n").go().exits(2).says(&["entrada padrão, linha 3"]);
}

#[test]
fn hostile_text_stays_text() {
    let server = Server::start();
    let hostile = [
        "<script>document.title='x'</script>",
        "</style><img src=x onerror=alert(1)>",
        "\" onmouseover=\"alert(1)",
        "javascript:alert(1) <a href='javascript:alert(1)'>x</a>",
        "{{ 7*7 }} {% raw %} &lt;b&gt; \u{202e}abc \u{1b}[31m",
    ];
    for (index, text) in hostile.iter().enumerate() {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\u{1b}', "\\u001b");
        let json = format!("{{\"erro\":true,\"mensagem\":\"{quoted}\"}}");
        server.reply(&format!("C{:05}", index + 2), Reply::json(200, &json));
    }
    let csv = table::customers(6) + "<script>alert(2)</script>,I,<b>,\n";
    let set = "campo:abc=<script>alert(3)</script>";
    let finished =
        Run::new(&server).csv(&csv).args(["--report", "r.html", "--set", set, "--no-breaker"]).go();
    let page = finished.text("r.html");
    assert_self_contained(&page);
    assert!(page.contains("&#60;script&#62;document.title"), "{page}");
    assert!(!page.contains('\u{1b}') && page.contains("{{ 7*7 }}"));
}

#[test]
fn a_run_that_stops_early_has_its_report() {
    let server = Server::start();
    server.script(|_, _| Reply::json(401, "{\"erro\":true,\"mensagem\":\"Token inválido.\"}"));
    let stopped = Run::new(&server).csv(&table::customers(9)).args(["--report", "r.html"]).go();
    let page = stopped.exits(3).text("r.html");
    assert!(
        page.contains("Nenhuma linha foi aceita: o TomTicket recusou o acesso<")
            && page.contains("Motivo: "),
        "{page}"
    );

    let server = Server::start();
    let latch = server.hold_replies();
    let mut running =
        Run::new(&server).csv(&table::customers(50)).args(["--report", "r.html"]).spawn();
    server.wait_for_requests(1);
    running.signal_and_wait("INT");
    latch.release();
    let page = running.wait().exits(130).text("r.html");
    assert!(page.contains("Foi interrompida; ") && page.contains("Ctrl-C"), "{page}");
}

#[test]
fn a_report_that_cannot_be_written_does_not_hide_the_outcome() {
    let server = Server::start();
    server.reply("C00003", Reply::refuse("Não."));
    let finished = Run::new(&server).csv(&table::customers(5)).args(["--report", "/dev/full"]).go();
    finished.exits(5).accounted_rows(5);
    finished.says(&["/dev/full", "não há mais espaço em disco", "tomticket-sync report clientes"]);
    assert!(
        finished.exists("clientes.rejeitados.csv")
            && !finished.exists("clientes.resultado.csv.parcial")
    );
    assert_eq!(finished.summary()["motivo"], serde_json::Value::Null);
}

#[test]
fn a_local_failure_leaves_no_report() {
    let server = Server::start();
    let finished = Run::new(&server)
        .csv(&table::customers(5))
        .results("/dev/full")
        .args(["--report", "r.html"])
        .go();
    finished.exits(5);
    assert!(!finished.exists("r.html") && !finished.exists("r.html.parcial"));
}

#[test]
fn the_report_may_not_be_another_file_of_the_run() {
    for (name, what) in [
        ("clientes.csv", "a entrada"),
        ("clientes.resultado.csv", "os resultados"),
        ("./clientes.rejeitados.csv", "os rejeitados"),
        ("resumo.json", "o resumo"),
    ] {
        let server = Server::start();
        let finished = Run::new(&server).csv(&table::customers(2)).args(["--report", name]).go();
        finished.refused_before_sending(&server, &[what]);
        assert!(finished.text("clientes.csv").starts_with("identificador"));
    }
    let server = Server::start();
    let finished =
        Run::new(&server).csv(&table::customers(2)).args(["--report", "nao/ha/r.html"]).go();
    finished.refused_before_sending(&server, &["nao/ha/r.html"]);
}

#[test]
fn unusable_files_are_refused_and_leave_nothing() {
    let row = "2,a,E,atualizado,false,ok,200,1,182,2026-11-24T04:05:06Z";
    let good = format!("{HEADER}\n{row}\n");
    for (csv, args, says) in [
        (String::new(), vec![], "entrada vazia"),
        (table::customers(3), vec![], "não é um arquivo de resultados"),
        (format!("{HEADER}\n{row}\n3,a,E,recus"), vec![], "linha 3: 4 células"),
        (format!("{HEADER}\n2,\"a,E\n"), vec![], "linha 2"),
        (good.clone(), vec!["-o", "noite.resultado.csv"], "o de resultados"),
        (good.clone(), vec!["-o", "./noite.resultado.csv"], "o de resultados"),
        (good.clone(), vec!["-o", "nao/ha.html"], "nao/ha.html"),
        (good.clone(), vec!["--summary-json", "nada.json"], "nada.json"),
        (good.clone(), vec!["--summary-json", "noite.resultado.csv"], "linha 1: não é um resumo"),
        (good.clone(), vec!["--summary-json", "vazio.json"], "vazio.json, linha 1: não é um"),
        (good.clone(), vec!["--summary-json", "torto.json"], "linha 2: não é um resumo"),
        (good.clone(), vec!["--summary-json", "lista.json"], "não é um resumo"),
        (good.clone(), vec!["--summary-json", "pouco.json"], "não é um resumo"),
        (good.clone(), vec!["--summary-json", "v2.json"], "o resumo é da versão 2"),
    ] {
        let finished = Run::bare(&["report"])
            .input("noite.resultado.csv", csv.as_str())
            .file("vazio.json", "")
            .file("torto.json", "{\n\"versao\": 1,,\n}")
            .file("lista.json", "[1]")
            .file("pouco.json", "{\"versao\": 1}")
            .file("v2.json", "{\"versao\": 2}")
            .args(args)
            .go();
        finished.exits(2).says(&[says]);
        assert_eq!(finished.text("noite.resultado.csv"), csv);
        assert!(!finished.exists("noite.relatorio.html"));
    }
    let missing = Run::bare(&["report"]).on("nada.csv").go();
    missing.exits(2).says(&["nada.csv"]);
    Run::bare(&["report"]).go().exits(2).says(&["falta o arquivo de resultados"]);
}

#[test]
fn a_summary_of_another_run_is_refused() {
    let server = Server::start();
    let finished = Run::new(&server).csv(&table::customers(4)).go();
    let other = format!("{HEADER}\n2,a,E,atualizado,false,ok,200,1,182,2026-11-24T04:05:06Z\n");
    Run::bare(&["report"])
        .in_folder_of(&finished)
        .input("outra.resultado.csv", other)
        .args(["--summary-json", "resumo.json"])
        .go()
        .exits(2)
        .says(&["não é da execução destes resultados", "atualizado são 4 no resumo e 1 em"]);
}

#[test]
fn many_rows_keep_memory_and_page_small() {
    let csv = |rows: u64| {
        let mut csv = format!("{HEADER}\n");
        // The first rows are those that the page shows.
        let long = "\u{1f9e8}<&'>".repeat(300);
        for n in 0..rows {
            let long = if n < 1_000 { &*long } else { "" };
            let (hour, minute, second) = (n / 10_800, n / 180 % 60, n / 3 % 60);
            writeln!(
                csv,
                "{},cliente{n}@exemplo.com.br{long},E,recusado,true,mensagem {n} que só vem uma vez{long},200,1,{},2026-11-24T{hour:02}:{minute:02}:{second:02}Z",
                n + 2,
                n % 70_000
            )
            .unwrap();
        }
        csv
    };
    let few = report(&csv(6_000), &[]);
    let many = report(&csv(120_000), &[]);
    let page = many.exits(0).text("noite.relatorio.html");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("119.950 linhas</strong>") && page.contains("E mais 119.4"));
    few.exits(0).peak_memory_below(64 * 1024);
    many.peak_memory_below(few.peak_kib + 8 * 1024);
}

#[test]
fn the_manual_has_every_command_and_no_word_of_english() {
    let finished = Run::bare(&["manual"]).go();
    let page = finished.exits(0).stdout_text();
    for part in [
        ".SH NOME\n",
        ".SH RUN\n",
        ".SH CHECK\n",
        ".SH \"LEDGER FORGET\"\n",
        ".SH REPORT\n",
        ".SH \"CÓDIGOS DE SAÍDA\"\n",
        "\\-\\-max\\-duration",
        "menos \\-\\-config",
        "TOMTICKET_SYNC_VERBOSE=2",
        "Faz uma página HTML",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(page.replace('\\', "").contains(".TH TOMTICKET-SYNC 1"), "{page}");
    for english in ["OPTIONS", "NAME\n", "Usage", "default:", "Possible", "Print help"] {
        assert!(!page.contains(english), "{english}\n{page}");
    }
}
