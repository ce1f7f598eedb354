//! `--snapshot`: only what differs is sent, and the plan shows it before.

use crate::support::{Finished, Reply, Run, Server};

/// A snapshot of three customers, read now. The account of a rehearsal is not compared.
pub fn snapshot(lines: &str) -> String {
    snapshot_at(&now(), lines)
}

fn snapshot_at(read_at: &str, lines: &str) -> String {
    let mut text = String::from(
        "identificador,tipo_identificador,nome,email,telefone,criarchamados,id_organizacao,id_interno,campo:p1,lido_em,conta\n",
    );
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        text.push_str(&format!("{line},{read_at},matriz\n"));
    }
    text
}

fn now() -> String {
    let second = jiff::Timestamp::now().as_second();
    jiff::Timestamp::from_second(second).unwrap().to_string()
}

pub const CUSTOMERS: &str = "a@x.com,E,Ana,a@x.com,11,true,,,Ouro
    b@x.com,E,Bia,b@x.com,,true,,7,
    42,I,Caio,c@x.com,22,,org1,,";

/// `run` of this export against this snapshot, without a ledger.
fn run(server: &Server, snapshot: &str, csv: &str) -> Run {
    Run::new(server)
        .args(["--account", "matriz", "--snapshot", "antes.csv"])
        .file("antes.csv", snapshot)
        .csv(csv)
}

pub fn check(snapshot: &str, csv: &str) -> Run {
    Run::bare(&["check"])
        .args(["--account", "matriz", "--snapshot", "antes.csv"])
        .file("antes.csv", snapshot)
        .csv(csv)
}

pub fn situacoes(finished: &Finished) -> Vec<String> {
    finished.results().into_iter().map(|row| row.situacao).collect()
}

#[test]
fn only_what_differs_is_sent() {
    let server = Server::start();
    let csv = "identificador,tipo_identificador,nome,telefone,campo:p1\n\
               a@x.com,E,Ana,11,Ouro\n\
               B@x.com,E,Bia,,\n\
               42,I,Caio,23,\n\
               d@x.com,E,Davi,,\n";
    let finished = run(&server, &snapshot(CUSTOMERS), csv).go();
    finished.exits(0);
    assert_eq!(situacoes(&finished), ["inalterado", "inalterado", "atualizado", "atualizado"]);
    let rows = finished.results();
    assert!(rows[0].mensagem.starts_with("O TomTicket já tinha estes valores às "));
    assert_eq!(server.count(), 2);
    let summary = finished.summary();
    assert_eq!(summary["situacoes"]["inalterado"], 2);
}

#[test]
fn what_cannot_be_read_is_sent_unless_it_is_assumed() {
    let csv = "identificador,tipo_identificador,nome,idioma,criarchamados\n\
               a@x.com,E,Ana,pt_BR,sim\n\
               42,I,Caio,,não\n\
               b@x.com,E,Bia,,sim\n";
    let server = Server::start();
    let finished = run(&server, &snapshot(CUSTOMERS), csv).go();
    assert_eq!(situacoes(finished.exits(0)), ["atualizado", "atualizado", "inalterado"]);
    let assumed = run(&server, &snapshot(CUSTOMERS), csv)
        .args(["--assume", "idioma", "--assume", "criarchamados"])
        .go();
    assert_eq!(situacoes(assumed.exits(0)), ["inalterado"; 3]);
    assert!(assumed.results()[0].mensagem.contains("--assume"));
    let wrong = run(&server, &snapshot(CUSTOMERS), csv).args(["--assume", "idoma"]).go();
    wrong.exits(2).says(&["--assume", "idoma"]);
    let name = run(&server, &snapshot(CUSTOMERS), csv).args(["--assume", "identificador"]).go();
    name.exits(2).says(&["\"identificador\" diz quem é o cliente"]);
}

#[test]
fn a_row_that_is_sent_silences_the_snapshot_about_its_customers() {
    let server = Server::start();
    let csv = "identificador,tipo_identificador,nome,email,id_interno\n\
               b@x.com,E,Bia Nova,,\n\
               7,I,Bia,,\n\
               a@x.com,E,Ana,,42\n\
               42,I,Caio,,\n\
               42,I,Caio,c@x.com,\n";
    let finished = run(&server, &snapshot(CUSTOMERS), csv).go();
    assert_eq!(situacoes(finished.exits(0)), ["atualizado"; 5]);
    let names: Vec<_> = server.requests().iter().map(|r| r.identificador().to_owned()).collect();
    let place = |name: &str| names.iter().position(|other| other == name).unwrap();
    assert!(place("b@x.com") < place("7"), "rows of one customer take turns: {names:?}");
    assert!(place("a@x.com") < place("42"), "{names:?}");
}

#[test]
fn a_customer_that_stands_there_twice_or_not_at_all_is_sent() {
    let twice = format!("{CUSTOMERS}\na@x.com,E,Ana,a@x.com,11,true,,,Ouro");
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\nz@x.com,E,Zoe\n";
    let server = Server::start();
    let finished = run(&server, &snapshot(&twice), csv).go();
    assert_eq!(situacoes(finished.exits(0)), ["atualizado", "atualizado"]);
    let plan = check(&snapshot(&twice), csv).args(["--summary-json", "plano.json"]).go();
    plan.exits(0).says(&["1 fora do retrato", "1 mais de uma vez no retrato"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.text("plano.json")).unwrap();
    let counts = ["fora_do_retrato", "repetidas_no_retrato"].map(|key| &plan["plano"][key]);
    assert_eq!(counts, [1, 1]);
}

#[test]
fn options_about_a_snapshot_need_one_and_standard_input_is_read_once() {
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\n";
    let server = Server::start();
    for flags in [["--assume", "idioma"], ["--snapshot-age", "3d"]] {
        let finished = Run::new(&server).csv(csv).args(flags).go();
        finished.refused_before_sending(&server, &["sem --snapshot", flags[0]]);
        // As a habit in the configuration it waits for a snapshot.
        let habit = Run::new(&server)
            .csv(csv)
            .file("c.toml", "snapshot-age = \"3d\"\nassume = [\"idioma\"]\n");
        habit.args(["--config", "c.toml", "--dry-run"]).go().exits(0);
    }
    for (input, snapshot) in [("-", "-"), ("/dev/stdin", "-")] {
        let run = Run::new(&server).on(input).stdin(csv).args(["--snapshot", snapshot]);
        run.go().refused_before_sending(&server, &["entrada padrão", "--snapshot"]);
    }
}

#[test]
fn a_file_that_is_no_snapshot_of_this_account_is_refused() {
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\n";
    let good = snapshot(CUSTOMERS);
    for (text, says) in [
        (csv.to_owned(), "não é um retrato"),
        (snapshot_at("2020-01-01T00:00:00Z", CUSTOMERS), "--snapshot-age"),
        (snapshot_at("2126-01-01T00:00:00Z", CUSTOMERS), "no futuro"),
        (snapshot_at("ontem", CUSTOMERS), "linha 2"),
        (good.replace("matriz", "filial"), "de outra conta"),
        (good.replace(",E,", ",X,"), "tipo_identificador"),
    ] {
        let server = Server::start();
        let finished = run(&server, &text, csv).go();
        finished.refused_before_sending(&server, &["antes.csv", says]);
        assert!(!finished.exists("clientes.resultado.csv"));
    }
    let server = Server::start();
    let old = snapshot_at("2020-01-01T00:00:00Z", CUSTOMERS);
    let finished = run(&server, &old, csv).args(["--snapshot-age", "3650d"]).go();
    assert_eq!(situacoes(finished.exits(0)), ["inalterado"]);
    assert!(
        finished.results()[0].mensagem.contains(" de 01/01/2020")
            || finished.results()[0].mensagem.contains(" de 31/12/2019")
    );
}

#[test]
fn the_plan_shows_what_changes_field_by_field() {
    let csv = "identificador,tipo_identificador,nome,telefone,idioma\n\
               a@x.com,E,Ana Maria,#N/A,\n\
               b@x.com,E,Bia,33,pt_BR\n\
               42,I,Caio,22,\n\
               z@x.com,E,Zoe,,\n\
               ,E,Sem nome,,\n";
    let flags = ["--clear-marker", "#N/A", "--show", "2"];
    let finished = check(&snapshot(CUSTOMERS), csv)
        .args(flags)
        .args(["--summary-json", "plano.json", "--rejects", "invalidas.csv"])
        .go();
    finished.exits(1).says(&[
        "3 a enviar",
        "1 sem mudança",
        "1 fora do retrato",
        "nome: 1 muda, 1 desconhecido",
        "telefone: 1 muda, 1 é esvaziado",
        "Linha 2: a@x.com (E)\n  nome: \"Ana\" → \"Ana Maria\"\n  telefone: \"11\" → (vazio)\n",
        "Linha 3: b@x.com (E)\n  telefone: (vazio) → \"33\"\n  idioma: ? → \"pt_BR\"\n",
    ]);
    assert!(!finished.stderr.contains("Linha 5"));
    let without = Run::bare(&["check", "--show", "1"]).csv(csv).go();
    without.says(&["Primeiras linhas a enviar (?: sem --snapshot", "  nome: ? → \"Ana Maria\"\n"]);
    assert!(!without.stderr.contains("desconhecido"), "{}", without.stderr);
    let plan: serde_json::Value = serde_json::from_str(&finished.text("plano.json")).unwrap();
    assert_eq!(
        plan["plano"],
        serde_json::json!({
            "a_enviar": 3, "inalteradas": 1, "invalidas": 1, "fora_do_retrato": 1,
            "colunas": {
                "nome": {"mudam": 1, "esvaziam": 0, "desconhecidos": 1},
                "telefone": {"mudam": 1, "esvaziam": 1, "desconhecidos": 0},
                "idioma": {"mudam": 0, "esvaziam": 0, "desconhecidos": 1},
            },
            "duracao_estimada_s": 1.0
        })
    );
    let rejects = finished.text("invalidas.csv");
    assert!(
        rejects.lines().nth(1).unwrap().starts_with(",E,Sem nome,,,invalido,true,"),
        "{rejects}"
    );
    assert!(!finished.exists("clientes.rejeitados.csv"));
}

#[test]
fn the_summary_tells_what_the_rows_changed_that_were_sent() {
    let csv = "identificador,tipo_identificador,nome,telefone\n\
               a@x.com,E,Ana Maria,\n\
               b@x.com,E,,33\n\
               42,I,,44\n\
               42,I,,45\n";
    let undo = |finished: &Finished| {
        let line = finished.stderr.lines().find(|line| line.contains("--only")).unwrap();
        line.trim().to_owned()
    };
    let columns = |finished: &Finished| finished.summary()["retrato"]["colunas"].clone();
    let counts = |mudam: u8, desconhecidos: u8| serde_json::json!({"mudam": mudam, "esvaziam": 0, "desconhecidos": desconhecidos});
    let server = Server::start();
    let limited = run(&server, &snapshot(CUSTOMERS), csv).args(["--limit", "1"]).go();
    limited.exits(0).says(&["diferia: nome 1\n"]);
    assert_eq!(columns(&limited), serde_json::json!({"nome": counts(1, 0)}));
    assert!(!undo(&limited).contains("--send-empty"), "{}", undo(&limited));

    // What a refused row asked for changed nothing; nor does --full change what is compared.
    let server = Server::start();
    server.reply("b@x.com", Reply::refuse("não"));
    let full = run(&server, &snapshot(CUSTOMERS), csv).arg("--full").go();
    full.exits(1).says(&["diferiam: nome 1, telefone 1\n"]);
    let expected = serde_json::json!({"nome": counts(1, 0), "telefone": counts(1, 1)});
    assert_eq!(columns(&full), expected);

    // The second row of a customer fills what was empty before the first.
    let csv = "identificador,tipo_identificador,nome,telefone\n\
               b@x.com,E,Bia Nova,\nb@x.com,E,,33\n";
    let server = Server::start();
    let twice = run(&server, &snapshot(CUSTOMERS), csv).go();
    let words = "--send-empty telefone --only";
    assert!(undo(twice.exits(0)).contains(words), "{}", undo(&twice));
}

#[test]
fn a_plan_that_breaks_a_guard_does_not_begin() {
    let csv = "identificador,tipo_identificador,nome\n\
               a@x.com,E,Ana\nb@x.com,E,Beatriz\n42,I,Caio\nd@x.com,E,Davi\n";
    let server = Server::start();
    for (flag, says) in [
        (["--max-changes", "1"], "--max-changes 2"),
        (["--max-changes", "49%"], "seriam enviadas 2 de 4"),
        (["--max-changes", "0"], "rode uma vez com --max-changes 2"),
        (["--min-rows", "5"], "só 4 linhas podem ser enviadas"),
    ] {
        let finished = run(&server, &snapshot(CUSTOMERS), csv).args(flag).go();
        finished.refused_before_sending(&server, &[says]);
        assert!(!finished.exists("clientes.resultado.csv"));
        let told = ["a enviar", says];
        check(&snapshot(CUSTOMERS), csv).args(flag).go().exits(2).says(&told);
    }
    let one = check(&snapshot(CUSTOMERS), csv).args(["--limit", "1", "--max-changes", "0"]).go();
    one.exits(2).says(&["seria enviada 1 de 4 linhas, e --max-changes permite 0"]);
    let limited = ["--limit", "1", "--max-changes", "1"];
    check(&snapshot(CUSTOMERS), csv).args(limited).go().exits(0).says(&["1 a enviar"]);
    for flag in [["--max-changes", "2"], ["--max-changes", "50%"], ["--min-rows", "4"]] {
        check(&snapshot(CUSTOMERS), csv).args(flag).go().exits(0);
    }
    let finished = run(&server, &snapshot(CUSTOMERS), csv).args(["--max-changes", "50%"]).go();
    finished.exits(0);
}

#[test]
fn a_column_that_is_kept_in_another_form_is_told() {
    let lines: String = (0..6).map(|n| format!("{n}@x.com,E,N,,(11) 9999-000{n},,,,\n")).collect();
    let rows: String = (0..6).map(|n| format!("{n}@x.com,E,11 9999000{n}\n")).collect();
    let csv = format!("identificador,tipo_identificador,telefone\n{rows}");
    let finished = check(&snapshot(&lines), &csv).go();
    finished.exits(0).says(&["guarda telefone em outra forma", "--assume telefone"]);
    check(&snapshot(&lines), &csv).args(["--assume", "telefone"]).go().says(&["0 a enviar"]);
}

#[test]
fn full_sends_everything_and_the_ledger_learns_what_a_snapshot_shows() {
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\n42,I,Caio\n";
    let server = Server::start();
    let with_ledger = |run: Run| run.args(["--ledger", "registro.db"]);
    let first = with_ledger(run(&server, &snapshot(CUSTOMERS), csv)).go();
    assert_eq!(situacoes(first.exits(0)), ["inalterado"; 2]);
    let second = with_ledger(Run::new(&server).args(["--account", "matriz"]))
        .in_folder_of(&first)
        .on("clientes.csv")
        .go();
    assert_eq!(situacoes(second.exits(0)), ["inalterado"; 2]);
    assert_eq!(server.count(), 0);
    let full = with_ledger(run(&server, &snapshot(CUSTOMERS), csv)).arg("--full").go();
    assert_eq!(situacoes(full.exits(0)), ["atualizado"; 2]);
}

#[test]
fn a_later_snapshot_makes_what_is_known_younger() {
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\n42,I,Caio\n";
    let server = Server::start();
    let night = |text: &str| {
        run(&server, text, csv).args(["--ledger", "registro.db", "--snapshot-age", "3650d"])
    };
    let first = night(&snapshot_at("2020-01-01T00:00:00Z", CUSTOMERS)).go();
    let second = night("").in_folder_of(&first).file("antes.csv", snapshot(CUSTOMERS)).go();
    assert_eq!(situacoes(second.exits(0)), ["inalterado"; 2]);
    let flags = ["--account", "matriz", "--ledger", "registro.db", "--max-age", "1h"];
    let third = Run::new(&server).args(flags).in_folder_of(&second).on("clientes.csv").go();
    assert_eq!(situacoes(third.exits(0)), ["inalterado"; 2]);
    assert_eq!(server.count(), 0);
}

#[test]
fn an_output_does_not_overwrite_the_snapshot_or_the_results_of_only() {
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\n";
    let server = Server::start();
    let text = snapshot(CUSTOMERS);
    for (flag, name) in [("--results", "antes.csv"), ("--rejects", "antes.csv")] {
        let finished = run(&server, &text, csv).args([flag, name]).go();
        finished.refused_before_sending(&server, &["antes.csv é o retrato"]);
        assert_eq!(finished.text("antes.csv"), text);
    }
    let header = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,tentativas,duracao_ms,concluido_em,identificador_atual\n";
    let finished = run(&server, &text, csv)
        .file("r.csv", header)
        .args(["--only", "r.csv", "--rejects", "r.csv"])
        .go();
    finished.refused_before_sending(&server, &["r.csv é o arquivo de --only"]);
    assert_eq!(finished.text("r.csv"), header);
}

#[test]
fn a_reading_older_than_max_age_does_not_hold_a_value() {
    let csv = "identificador,tipo_identificador,nome\na@x.com,E,Ana\n";
    let second = jiff::Timestamp::now().as_second() - 7200;
    let read_at = jiff::Timestamp::from_second(second).unwrap().to_string();
    let old = snapshot_at(&read_at, CUSTOMERS);
    let server = Server::start();
    check(&old, csv).args(["--max-age", "1h"]).go().says(&["1 a enviar"]);
    let sent = run(&server, &old, csv).args(["--max-age", "1h"]).go();
    assert_eq!(situacoes(sent.exits(0)), ["atualizado"]);
    let held = run(&server, &old, csv).args(["--max-age", "3h"]).go();
    assert_eq!(situacoes(held.exits(0)), ["inalterado"]);
}
