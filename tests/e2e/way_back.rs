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
