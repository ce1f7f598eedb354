//! The four commands of a night with a snapshot, against the simulator: read, look, send, take back.

use crate::support::canary::CANARY;
use crate::support::{Run, Simulator};

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

    // The command that the summary names.
    let line = sent.stderr.lines().find(|line| line.contains("--only")).unwrap();
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    assert_eq!(words[0], "antes.csv", "{line}");
    let empties = words.iter().filter(|word| **word == "--send-empty").count();
    assert!(empties > 0, "{line}");
    let back = Run::bare(&["run"])
        .env("TOMTICKET_TOKEN", CANARY)
        .in_folder_of(&pulled)
        .args(words)
        .with_summary()
        .results("antes.resultado.csv")
        .rejects("antes.rejeitados.csv")
        .go();
    back.exits(0);
    assert!(back.summary()["situacoes"]["nao_enviado"].as_u64().unwrap() > 0);
    assert_eq!(back.summary()["mensagens"], serde_json::json!([]));
    assert_eq!(back.text("antes.rejeitados.csv").lines().count(), 1);

    let after = command(&["pull"], &simulator).args(["-o", "depois.csv"]).go();
    let readable = |text: String| -> Vec<String> {
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
    };
    assert_eq!(readable(after.text("depois.csv")), readable(pulled.text("antes.csv")));
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
