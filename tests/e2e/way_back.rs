//! The four commands of a night with a snapshot, against the simulator: read, look, send, take back.

use crate::support::canary::CANARY;
use crate::support::{Finished, Run, Simulator};

const ACCOUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/conta.csv");
const EXPORT: &[u8] = include_bytes!("../../fixtures/exportacao-noturna.csv");

fn command(words: &[&str], simulator: &Simulator) -> Run {
    let base = ["--base-url", simulator.url(), "--rate", "unlimited"];
    Run::bare(words).args(base).env("TOMTICKET_TOKEN", CANARY)
}

#[test]
fn what_a_run_changed_can_be_taken_back() {
    let simulator = Simulator::start(&["--customers", ACCOUNT]);
    let before = simulator.customers();
    let pulled = command(&["pull"], &simulator).args(["-o", "antes.csv"]).go();
    pulled.exits(0).says(&["60 clientes"]);

    let check = command(&["check"], &simulator)
        .in_folder_of(&pulled)
        .input("clientes.csv", EXPORT)
        .args(["--snapshot", "antes.csv", "--summary-json", "plano.json"])
        .go();
    let plan: serde_json::Value = serde_json::from_str(&check.exits(1).text("plano.json")).unwrap();
    let planned = plan["plano"]["a_enviar"].as_u64().unwrap();

    let sent = command(&["run"], &simulator)
        .in_folder_of(&pulled)
        .on("clientes.csv")
        .args(["--snapshot", "antes.csv"])
        .with_summary()
        .go();
    sent.says(&["O retrato poupou", "Para desfazer", "--only clientes.resultado.csv"]);
    assert_eq!(sent.summary()["requisicoes"], planned);
    assert_ne!(simulator.customers(), before);

    let line = undo_line(&sent);
    assert!(line.contains("--send-empty"), "{line}");
    let back = take_back(&sent);
    back.exits(0);
    assert!(back.summary()["situacoes"]["nao_enviado"].as_u64().unwrap() > 0);
    assert_eq!(back.summary()["mensagens"], serde_json::json!([]));
    assert_eq!(back.text("antes.rejeitados.csv").lines().count(), 1);
    let after = command(&["pull"], &simulator).args(["-o", "depois.csv"]).go();
    assert_eq!(readable(&after.text("depois.csv")), readable(&pulled.text("antes.csv")));
}

/// The command that the summary names.
fn undo_line(sent: &Finished) -> &str {
    let line = sent.stderr.lines().find(|line| line.contains("--only"));
    line.unwrap_or_else(|| sent.fail("no way back"))
}

/// Runs it.
fn take_back(sent: &Finished) -> Finished {
    let words: Vec<&str> = undo_line(sent).split_whitespace().skip(2).collect();
    assert_eq!(words[0], "antes.csv");
    Run::bare(&["run"])
        .env("TOMTICKET_TOKEN", CANARY)
        .in_folder_of(sent)
        .args(words)
        .with_summary()
        .results("antes.resultado.csv")
        .rejects("antes.rejeitados.csv")
        .go()
}

/// The lines of a snapshot without when they were read, and without what may not be read back.
fn readable(text: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let kept = |name: &str| !matches!(name, "lido_em" | "criarchamados");
    reader
        .records()
        .map(|line| {
            let line = line.unwrap();
            let cells = columns.iter().zip(&line).filter(|(name, _)| kept(name));
            cells.map(|(name, cell)| format!("{name}={cell}")).collect::<Vec<_>>().join("|")
        })
        .collect()
}

/// A simulator that holds these customers, and a snapshot of it in `antes.csv`.
fn account(customers: &str) -> (Simulator, Finished) {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("conta.csv");
    std::fs::write(&list, customers).unwrap();
    let simulator = Simulator::start(&["--customers", list.to_str().unwrap()]);
    let pulled = command(&["pull"], &simulator).args(["-o", "antes.csv"]).go();
    pulled.exits(0);
    (simulator, pulled)
}

/// A night with this export, against the snapshot.
fn night(simulator: &Simulator, pulled: &Finished, csv: &str) -> Finished {
    command(&["run"], simulator)
        .in_folder_of(pulled)
        .csv(csv)
        .args(["--snapshot", "antes.csv", "--ledger", "l.db"])
        .go()
}

#[track_caller]
fn is_as_before(simulator: &Simulator, pulled: &Finished) {
    let after = command(&["pull"], simulator).args(["-o", "depois.csv"]).go();
    assert_eq!(readable(&after.text("depois.csv")), readable(&pulled.text("antes.csv")));
}

#[test]
fn what_an_interrupted_run_changed_is_taken_back_too() {
    let (simulator, pulled) = account(
        "identificador,tipo_identificador,nome,email,telefone,id_interno\n\
         a@x.com,E,Ana,a@x.com,,\nb@x.com,E,Bia,b@x.com,11,\nc@x.com,E,Caio,c@x.com,22,\n",
    );
    let header = "identificador,tipo_identificador,nome,email,telefone\n";
    let first = format!("{header}a@x.com,E,Ana,z@x.com,33\nb@x.com,E,Bia Nova,,\n");
    // A run that ends early changes these two; its results are lost.
    night(&simulator, &pulled, &first).exits(0);
    let all = night(&simulator, &pulled, &format!("{first}c@x.com,E,Caio Novo,,\n"));
    let rows = all.exits(0).results();
    let since = "Sem mudança: o TomTicket aceitou estes valores depois do retrato.";
    assert_eq!((&*rows[0].mensagem, &*rows[1].mensagem), (since, since));
    all.says(&["diferia: nome 1\n", "também 2 linhas sem mudança agora", "--send-empty telefone"]);
    // Where everything was done before, there still is a way back.
    let nothing = night(&simulator, &pulled, &format!("{first}c@x.com,E,Caio Novo,,\n"));
    nothing.exits(0).says(&["Para desfazer", "também 3 linhas"]);
    let back = take_back(&nothing);
    assert_eq!(back.exits(0).summary()["situacoes"]["atualizado"], 3);
    is_as_before(&simulator, &pulled);
    // What an earlier run did and this one's refusal hides does not go back, and that is said.
    let renamed = format!("{header}a@x.com,E,Ana,z@x.com,33\n7,I,x,,\n");
    let (simulator, pulled) = account(
        "identificador,tipo_identificador,nome,email,telefone,id_interno\n\
         a@x.com,E,Ana,a@x.com,,\n7,I,Bia,b@x.com,11,7\n",
    );
    night(&simulator, &pulled, &renamed).exits(0);
    // With the same name, the reading of the customer would show the row as done.
    let again = night(&simulator, &pulled, &renamed.replace("Ana", "Ana Lima"));
    again.exits(1).says(&["recusado", "fora 1 linha sem efeito agora"]);
}

#[test]
fn names_that_were_handed_over_go_back_in_one_run() {
    // More customers than the window holds stand between those whose rows wait for one another.
    let between: String =
        (0..1_100).map(|n| format!("m{n}@x.com,E,M{n:04},m{n}@x.com,\n")).collect();
    let (simulator, pulled) = account(&format!(
        "identificador,tipo_identificador,nome,email,id_interno\n\
         a@x.com,E,Ana,a@x.com,\n{between}b@x.com,E,Rui,b@x.com,\nd@x.com,E,Zoe,d@x.com,\n\
         7,I,Bia,i@x.com,7\n8,I,Caio,j@x.com,8\n"
    ));
    // E-mails in a chain, and internal identifiers; names in another letter case.
    let csv = "identificador,tipo_identificador,email,id_interno\n\
               A@X.COM,E,z@x.com,\nb@x.com,E,a@x.com,\nD@x.com,E,B@x.com,\n\
               i@x.com,E,,9\nJ@x.com,E,,7\n";
    let sent = night(&simulator, &pulled, csv);
    sent.exits(0);
    assert!(!sent.stderr.contains("perdeu"), "{}", sent.stderr);
    let back = take_back(&sent);
    let rows = back.exits(0).results();
    let lines: Vec<u64> = rows.iter().map(|row| row.linha).collect();
    assert_eq!(lines, (2..1_107).collect::<Vec<_>>(), "each row once, in input order");
    assert_eq!(rows.iter().filter(|row| row.situacao == "atualizado").count(), 5);
    is_as_before(&simulator, &pulled);
}

#[test]
fn emails_that_went_in_a_circle_are_told() {
    let (simulator, pulled) = account(
        "identificador,tipo_identificador,nome,email,id_interno\n\
         a@x.com,E,Ana,a@x.com,\nb@x.com,E,Bia,b@x.com,\n",
    );
    let csv = "identificador,tipo_identificador,email\n\
               a@x.com,E,t@x.com\nb@x.com,E,a@x.com\nt@x.com,E,b@x.com\n";
    let sent = night(&simulator, &pulled, csv);
    sent.exits(0);
    let check = command(&["check"], &simulator)
        .in_folder_of(&sent)
        .on("antes.csv")
        .args(["--only", "clientes.resultado.csv"])
        .go();
    check
        .exits(0)
        .says(&["aviso: linhas 2, 3: os e-mails destes clientes trocaram de dono em círculo"]);
}

#[test]
fn who_loses_a_name_without_a_row_is_told() {
    let (simulator, pulled) = account(
        "identificador,tipo_identificador,nome,email,id_interno\n\
         a@x.com,E,Ana,a@x.com,\n7,I,Bia,b@x.com,7\n",
    );
    let header = "identificador,tipo_identificador,nome,id_interno\n";
    let taken = format!("{header}a@x.com,E,Ana,7\n");
    let sent = night(&simulator, &pulled, &taken);
    sent.exits(0).says(&[
        "aviso: linha 2: dá a um cliente um e-mail ou identificador interno",
        "fora 1 cliente que perdeu o e-mail ou o identificador interno",
    ]);
    // A row of the other one, under the name that it keeps, puts it into the results.
    let (simulator, pulled) = account(
        "identificador,tipo_identificador,nome,email,id_interno\n\
         a@x.com,E,Ana,a@x.com,\n7,I,Bia,b@x.com,7\n",
    );
    let sent = night(&simulator, &pulled, &format!("{taken}b@x.com,E,Bia Nova,\n"));
    assert!(!sent.exits(0).stderr.contains("perdeu"), "{}", sent.stderr);
    take_back(&sent).exits(0);
    is_as_before(&simulator, &pulled);
}

#[test]
fn only_leaves_out_what_it_does_not_name_and_says_so() {
    let header = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,tentativas,duracao_ms,concluido_em,identificador_atual\n";
    let line = |n: u8, name: &str, tipo: &str| {
        format!("{n},{name},{tipo},atualizado,false,ok,200,1,1,2026-11-24T04:05:06.789Z,\n")
    };
    let results = format!("{header}{}{}", line(2, "a@x.com", "E"), line(3, "7", "I"));
    // Invalid rows belong to a results line by any of their names too.
    let csv = "identificador,tipo_identificador,nome,email,id_interno,telefone\n\
               a@x.com,E,Ana,,,\n\
               b@x.com,E,Bia,,7,123456789012345678901\n\
               8,I,Caio,a@x.com,,123456789012345678901\n\
               9,I,Davi,d@x.com,,123456789012345678901\n\
               e@x.com,E,Eva,,,\n";
    let check = Run::bare(&["check"])
        .csv(csv)
        .file("clientes.simulado.resultado.csv", results)
        .args(["--only", "clientes.simulado.resultado.csv", "--summary-json", "plano.json"])
        .go();
    check.exits(1).says(&["é de um ensaio", "1 a enviar", "2 fora (--only)", "2 inválidas"]);
    let plan: serde_json::Value = serde_json::from_str(&check.text("plano.json")).unwrap();
    let count = |name: &str| plan["plano"][name].as_u64();
    assert_eq!(["a_enviar", "invalidas", "fora_de_only"].map(count), [1, 2, 2].map(Some));
}

#[test]
fn unfinished_results_do_not_say_what_to_take_back() {
    let simulator = Simulator::start(&["--customers", ACCOUNT]);
    let run = |name: &str, text: &str| {
        command(&["run"], &simulator)
            .csv("identificador,tipo_identificador,nome\na@x.com,E,Ana\n")
            .file(name, text)
            .args(["--only", name])
            .go()
    };
    let refused = command(&["run"], &simulator)
        .csv("identificador,tipo_identificador,nome\na@x.com,E,Ana\n")
        .file("r.csv.parcial", "linha\n")
        .args(["--only", "r.csv.parcial"])
        .allow_partial()
        .go();
    refused.exits(2).says(&["não terminou"]);
    run("r.csv", "identificador\na@x.com\n").exits(2).says(&["--only"]);
}
