//! A snapshot as the input: what TomTicket holds is sent back as it is.

use serde_json::json;

use super::pull::pull;
use super::snapshot::{CUSTOMERS, check, situacoes, snapshot};
use crate::support::held_list::{customer, page, page_number};
use crate::support::{Reply, Run, Server};

#[test]
fn a_snapshot_given_as_its_own_input_is_told() {
    let text = snapshot(CUSTOMERS);
    let finished = check(&text, "x\n").on("antes.csv").go();
    finished.exits(0).says(&[
        "o retrato é a própria entrada",
        "passa por já feito",
        "0 a enviar",
        "3 sem mudança",
    ]);
}

#[test]
fn a_snapshot_is_an_input_whose_cells_are_sent_as_they_are() {
    let server = Server::start();
    let lines = "a@x.com,E, Ana ,a@x.com,+55 (11) 98888-7777 ramal 12345,true,,,\u{a0}x";
    let text = snapshot(lines);
    let pulled = |text: &str| Run::new(&server).args(["--account", "matriz"]).csv(text);
    pulled(&text).arg("--strict").go().exits(0);
    let request = server.requests().remove(0);
    assert_eq!(request.field("nome").as_deref(), Some(" Ana "));
    assert_eq!(request.field("telefone").as_deref(), Some("+55 (11) 98888-7777 ramal 12345"));
    assert_eq!(request.field("campos[p1]").as_deref(), Some("\u{a0}x"));
    let other = Run::new(&server).args(["--account", "filial"]).csv(&text).go();
    other.exits(2).says(&["linha 2", "de outra conta", "matriz"]);
    assert_eq!(server.count(), 1);
}

#[test]
fn what_was_read_is_never_odd_when_it_is_sent_back() {
    let mut all = vec![customer("sem arroba", " "), customer("", "Sem nome nenhum")];
    all[0]["phone"] = json!("1,2E+10");
    all[0]["custom_fields"] = json!([{"id": "k", "name": "K", "value": "a\u{0}b\u{85}\rc"}]);
    all.push(customer("x@x.com", &"N".repeat(300)));
    all[2]["id"] = json!("1,23E+13");
    all.push(customer("ponto@x.com", "#N/A"));
    all[3]["id"] = json!(".");
    let server = Server::start();
    server.script(move |request, _| match request.method.as_str() {
        "GET" => page(&all, page_number(request)),
        _ => Reply::ok(),
    });
    let pulled = pull(&server).go();
    pulled.exits(0).says(&["1 cliente sem e-mail nem identificador interno"]);
    let checked = Run::bare(&["check"])
        .in_folder_of(&pulled)
        .on("antes.csv")
        .args(["--snapshot", "antes.csv", "--clear-marker", "#N/A"])
        .go();
    checked.exits(0).says(&["0 a enviar", "3 sem mudança", "1 fora (sem nome no TomTicket"]);
    let sent = Run::new(&server).in_folder_of(&pulled).on("antes.csv").go();
    assert_eq!(sent.exits(0).results()[1].situacao, "nao_enviado");
    assert!(!sent.stderr.contains("planilha"), "{}", sent.stderr);
    let mut requests = server.raw_requests();
    requests.retain(|request| request.method == "POST");
    requests.sort_by_key(|request| request.identificador().to_owned());
    let names: Vec<_> = requests.iter().map(|request| request.identificador()).collect();
    assert_eq!(names, ["1,23E+13", "ponto@x.com", "sem arroba"]);
    let odd = &requests[2];
    assert_eq!(odd.field("nome").as_deref(), Some(" "));
    assert_eq!(odd.field("campos[k]").as_deref(), Some("a\u{0}b\u{85}\rc"));
}

/// What TomTicket holds: odd in every column.
const ODD: &str = "sem arroba,E,NULL,sem arroba,1234567890123456789012,true,,,Ouro
    a@x.com,E,Ana,a@x.com,11,true,,,Ouro
    b@x.com,E,Bia,b@x.com,12,true,,7,Prata";

/// `command` of an edited snapshot, compared with the one that it was.
fn edited(command: &str, lines: &str) -> Run {
    Run::bare(&[command])
        .args(["--account", "matriz", "--snapshot", "antes.csv"])
        .file("antes.csv", snapshot(ODD))
        .input("editado.csv", snapshot(lines).as_bytes())
}

#[test]
fn f180_what_was_edited_in_a_snapshot_is_checked_and_the_rest_is_not() {
    let long = "N".repeat(400);
    for (line, message) in [
        (format!("a@x.com,E,{long},a@x.com,11,true,,,Ouro"), "nome: \"NNN"),
        ("a@x.com,E,Ana,a\u{200b}@x.com,11,true,,,Ouro".into(), "email: \"a"),
        ("a@x.com,E,Ana,a.x.com,11,true,,,Ouro".into(), "não parece um e-mail"),
        ("a@x.com,E,Ana,a@x.com,123456789012345678901,true,,,Ouro".into(), "20 caracteres"),
        ("a@x.com,E,Ana,a@x.com,11,true,,1\u{7f},Ouro".into(), "caractere de controle"),
        ("\"1,2E+10\",I,Ana,,11,true,,,Ouro".into(), "estragado pela planilha"),
        ("novo@x,E,Ana,novo@x,11,true,,,Ouro".into(), "email: \"novo@x\""),
    ] {
        let lines = format!("{}\n{line}\n{}", line_of(ODD, 0), line_of(ODD, 2));
        let checked = edited("check", &lines).go();
        let said = [message, "linha 3:", "2 sem mudança", "1 inválida", "como qualquer valor novo"];
        checked.exits(1).says(&said);
    }
    let lines = ODD.replace("Ana", "NULL").replace("Prata", "S&atilde;o Paulo");
    let checked = edited("check", &lines).go();
    checked.exits(0).says(&[
        "coluna \"nome\": 1 célula com palavras para \"sem valor\": NULL (linha 3)",
        "coluna \"campo:p1\": 1 célula com códigos de HTML",
        "2 a enviar",
    ]);
    assert!(!checked.stderr.contains("sem @"), "{}", checked.stderr);
    let cleared = edited("check", &lines).args(["--null", "NULL", "--show", "9"]).go();
    cleared.exits(0).says(&["1 a enviar", "2 sem mudança"]);
}

fn line_of(lines: &str, number: usize) -> &str {
    lines.lines().nth(number).unwrap().trim()
}

#[test]
fn c180_an_edited_snapshot_is_sent_but_for_its_mistakes() {
    let server = Server::start();
    let lines = ODD.replace("Ana", "Ana Maria").replace("b@x.com,12", "b,12");
    let sent = Run::new(&server)
        .args(["--account", "matriz", "--snapshot", "antes.csv"])
        .file("antes.csv", snapshot(ODD))
        .csv(&snapshot(&lines))
        .go();
    assert_eq!(situacoes(sent.exits(1)), ["inalterado", "atualizado", "invalido"]);
    assert_eq!(server.count(), 1);
    let checked = edited("check", &lines).args(["--rejects", "r.csv"]).go();
    let rejects = checked.exits(1).text("r.csv");
    assert_eq!(rejects.lines().count(), 2, "{rejects}");
    assert!(rejects.contains("b@x.com,E,Bia,b,12"), "{rejects}");
}

#[test]
fn f183_an_empty_snapshot_is_told() {
    let checked =
        check(&snapshot(""), "identificador,tipo_identificador,nome\na@x.com,E,Ana\n").go();
    checked.exits(0).says(&[
        "retrato de 0 clientes\n",
        "o retrato não tem nenhum cliente",
        "1 fora do retrato (conta como a enviar)",
    ]);
}

#[test]
fn c180_a_snapshot_that_is_compared_with_nothing_is_told_to_be_unchecked() {
    let lines = ODD.replace("Ana", &"N".repeat(400));
    let results = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,tentativas,duracao_ms,concluido_em,identificador_atual\n\
        2,a@x.com,E,atualizado,false,ok,200,1,1,2026-11-24T04:05:06.789Z,\n";
    let check = || Run::bare(&["check"]).args(["--account", "matriz"]).csv(&snapshot(&lines));
    let unchecked = check().go();
    unchecked.exits(0).says(&["nenhum valor é conferido", "--snapshot RETRATO", "3 a enviar"]);
    // The way back is of values that were read, whatever they are compared with.
    for snapshots in [&[][..], &["--snapshot", "agora.csv"]] {
        let back = check()
            .args(["--only", "r.csv"])
            .args(snapshots.iter().copied())
            .file("r.csv", results)
            .file("agora.csv", snapshot(ODD))
            .go();
        back.exits(0).says(&["1 a enviar", "0 inválidas"]);
        assert!(!back.stderr.contains("conferid"), "{}", back.stderr);
    }
}

#[test]
fn the_way_back_does_not_need_the_columns_of_the_export() {
    let server = Server::start();
    let config = "min-rows = 50\nkey = \"email\"\nrequire = [\"idioma\"]\n[map]\n\"E-mail da pessoa\" = \"email\"\n[set]\nnome = \"{First} {Last}\"\nidioma = \"pt_BR\"\n";
    let results = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,tentativas,duracao_ms,concluido_em,identificador_atual\n\
        2,a@x.com,E,atualizado,false,ok,200,1,1,2026-11-24T04:05:06.789Z,\n\
        3,z@x.com,E,atualizado,false,ok,200,1,1,2026-11-24T04:05:06.789Z,\n";
    let finished = Run::new(&server)
        .args(["--account", "matriz", "--only", "r.csv", "--config", "c.toml"])
        .file("c.toml", config)
        .file("r.csv", results)
        .csv(&snapshot(CUSTOMERS))
        .go();
    finished.exits(0).says(&[
        "não valem para ela: --map, --set, --require, --key",
        "--only cita 1 cliente que esta entrada não tem",
    ]);
    assert_eq!(situacoes(&finished), ["atualizado", "nao_enviado", "nao_enviado"]);
    let sent = server.requests().remove(0);
    assert_eq!(
        (sent.field("nome"), sent.field("idioma")),
        (Some("Ana".into()), Some("pt_BR".into()))
    );
}
