//! The rehearsal that needs no account: `run --sandbox`, and the simulator as a process of its own.
#![cfg(test)]

pub mod support;

use support::{CANARY, Run, table};

#[test]
fn a_newcomer_needs_nothing_but_a_file() {
    let finished = Run::bare(&["run"])
        .csv(&table::customers(5))
        .args(["--sandbox", "--summary-json", "resumo.json"])
        .results("clientes.simulado.resultado.csv")
        .go();
    finished.exits(0);
    let rows = finished.results();
    assert!(rows.iter().all(|row| row.situacao == "atualizado" && row.tentativas == 1));
    assert_eq!(rows.len(), 5);
}

#[test]
fn a_rehearsal_is_not_taken_for_the_real_thing() {
    let finished = Run::bare(&["run"])
        .csv(&table::customers(40))
        .args(["--sandbox", "--rate", "unlimited"])
        .go();
    finished.exits(0);
    assert!(finished.exists("clientes.simulado.resultado.csv"));
    assert!(finished.exists("clientes.simulado.rejeitados.csv"));
    assert!(!finished.exists("clientes.resultado.csv"));
    // Nothing is remembered of it.
    let state = finished.plan.folder.path().join("estado");
    assert_eq!(std::fs::read_dir(state).unwrap().count(), 0);
}

#[test]
fn a_rehearsal_keeps_the_pace_of_the_simulated_account() {
    let finished = Run::bare(&["run"])
        .csv(&table::customers(12))
        .args(["--sandbox", "--summary-json", "resumo.json"])
        .go();
    finished.exits(0);
    let text = finished.text("resumo.json");
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    finished.check_summary(&summary);
    assert!(summary["limitadas_429"].as_u64().unwrap() <= 1, "{summary}");
    assert!(finished.took > std::time::Duration::from_millis(2800), "{:?}", finished.took);
}

#[test]
fn the_simulator_is_a_server_for_other_runs() {
    let mut sandbox =
        Run::bare(&["sandbox"]).args(["--rate", "unlimited", "--token", "outro"]).spawn();
    let line = sandbox.wait_for_stdout(|text| text.contains('\n'));
    let url = line.lines().next().unwrap().trim().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let run = |token: &str| {
        Run::bare(&["run"])
            .csv(&table::customers(30))
            .env("TOMTICKET_TOKEN", token)
            .args(["--base-url", &url, "--rate", "unlimited"])
            .go()
    };
    run("outro").exits(0).accounted_rows(30);
    run(CANARY).exits(3).accounted_rows(30);
    sandbox.signal("INT");
    let ended = sandbox.wait();
    assert!(matches!(ended.code, Some(0 | 130)), "{:?}", ended.code);
}

/// The run's pace is the simulated account's limit as well: neither of the two holds the other back.
#[test]
fn the_rate_of_a_rehearsal_is_the_simulators_limit() {
    let finished = Run::bare(&["run"])
        .csv(&table::customers(40))
        .args(["--sandbox", "--rate", "20", "--summary-json", "resumo.json"])
        .go();
    finished.exits(0);
    let summary: serde_json::Value = serde_json::from_str(&finished.text("resumo.json")).unwrap();
    finished.check_summary(&summary);
    // A simulator that kept to three a second would refuse most of them.
    assert!(summary["limitadas_429"].as_u64().unwrap() <= 1, "{summary}");
    assert!(finished.took > std::time::Duration::from_millis(900), "{:?}", finished.took);
}
