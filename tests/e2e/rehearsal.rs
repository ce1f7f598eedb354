//! Rehearsals without an account: `run --sandbox`, and the simulator as a process of its own.

use crate::support::{CANARY, Finished, Reply, Run, Server, Simulator, program, table};

/// The suggested commands, each as its arguments.
fn next_commands(finished: &Finished) -> Vec<Vec<String>> {
    let (_, next) = finished.stderr.split_once("Próximo passo: ").expect("no next step");
    let program = match program::is_for_windows() {
        true => r"\tomticket-sync.exe ",
        false => env!("CARGO_BIN_EXE_tomticket-sync"),
    };
    let typed = next.lines().filter(|line| line.starts_with("  "));
    let typed = typed.filter_map(|line| line.split_once(program));
    typed.map(|(_, line)| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Runs a suggested command in the folder of the earlier run.
fn run_suggested(words: &[String], earlier: &Finished) -> Finished {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Run::bare(&words).in_folder_of(earlier).env("TOMTICKET_TOKEN", CANARY).allow_partial().go()
}

#[test]
fn a_rehearsal_needs_only_a_file() {
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
fn a_rehearsal_has_files_of_its_own_and_no_ledger() {
    let finished = Run::bare(&["run"])
        .csv(&table::customers(40))
        .args(["--sandbox", "--rate", "unlimited"])
        .go();
    finished.exits(0);
    assert!(finished.exists("clientes.simulado.resultado.csv"));
    assert!(finished.exists("clientes.simulado.rejeitados.csv"));
    assert!(!finished.exists("clientes.resultado.csv"));
    // There is no ledger.
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
    let simulator = Simulator::start(&["--token", "outro"]);
    assert!(simulator.url().starts_with("http://127.0.0.1:"), "{}", simulator.url());
    let run = |token: &str| {
        Run::bare(&["run"])
            .csv(&table::customers(30))
            .env("TOMTICKET_TOKEN", token)
            .args(["--base-url", simulator.url(), "--rate", "unlimited"])
            .go()
    };
    run("outro").exits(0).accounted_rows(30);
    run(CANARY).exits(3).accounted_rows(30);
    let ended = simulator.stop("INT");
    assert!(matches!(ended.code, Some(0 | 130)), "{:?}", ended.code);
}

/// `--rate` also sets the simulator's limit.
#[test]
fn the_rate_of_a_rehearsal_is_the_simulators_limit() {
    let finished = Run::bare(&["run"])
        .csv(&table::customers(40))
        .args(["--sandbox", "--rate", "20", "--summary-json", "resumo.json"])
        .go();
    finished.exits(0);
    let summary: serde_json::Value = serde_json::from_str(&finished.text("resumo.json")).unwrap();
    finished.check_summary(&summary);
    // With its default limit of three a second, the simulator would answer most requests with 429.
    assert!(summary["limitadas_429"].as_u64().unwrap() <= 1, "{summary}");
    assert!(finished.took > std::time::Duration::from_millis(900), "{:?}", finished.took);
}

#[test]
fn the_command_suggested_after_a_rehearsal_works() {
    let csv = table::customers(4).replace("tipo_identificador", "tipo");
    let args = ["--sandbox", "--rate", "unlimited", "--map", "tipo=tipo_identificador"];
    let trial = Run::bare(&["run"]).csv(&csv).args(["--limit", "2"]).args(args).go();
    let [whole] = &next_commands(&trial)[..] else { panic!("{}", trial.stderr) };
    let whole = run_suggested(whole, &trial);
    assert_eq!(whole.exits(0).text("clientes.simulado.resultado.csv").lines().count(), 5);
    let real = next_commands(&whole);
    assert_eq!(real.iter().map(|words| &*words[0]).collect::<Vec<_>>(), ["check", "run"]);
    assert_eq!(real[0][1..4], ["clientes.csv", "--map", "tipo=tipo_identificador"]);
    run_suggested(&real[0], &whole).exits(0);
}

#[test]
fn f186_a_rehearsal_says_what_it_does_not_look_at() {
    let account = ["--base-url", "https://example.com", "--token-file", "t", "--account", "a"];
    let rehearse = |csv: &str, args: &[&str]| {
        let run = Run::bare(&["run"]).csv(csv).args(["--sandbox", "--rate", "unlimited"]);
        run.args(args.iter().copied()).go()
    };
    let finished = rehearse(&table::customers(1), &account);
    finished.exits(0).says(&["sem efeito aqui: --base-url, --token-file, --account"]);
    // The real run needs them.
    let real = next_commands(&finished);
    assert!(
        real.iter().all(|words| words[2..].starts_with(&account.map(ToOwned::to_owned))),
        "{real:?}"
    );
    let with_rejects = table::customers(1) + "1,23E+13,I,x\n";
    let [again] = &next_commands(&rehearse(&with_rejects, &account))[..] else { panic!() };
    assert!(again.iter().all(|word| !account.contains(&&**word)), "{again:?}");
    let plain = rehearse(&table::customers(1), &[]);
    assert!(!plain.stderr.contains("sem efeito"), "{}", plain.stderr);
}

/// Standard input has been read.
#[test]
fn f187_no_command_reads_standard_input_again() {
    let args = ["--sandbox", "--rate", "unlimited"];
    for limit in [&[][..], &["--limit", "1"]] {
        let run = Run::bare(&["run"]).stdin(table::customers(2)).args(args);
        let finished = run.args(limit.iter().copied()).go();
        finished.exits(0).says(&["Próximo passo: confira"]);
        assert_eq!(next_commands(&finished), [] as [Vec<String>; 0], "{}", finished.stderr);
    }
}

#[test]
fn rejects_keep_their_encoding_when_run_again() {
    let server = Server::start();
    server.replies("C1", [Reply::refuse("Nao."), Reply::refuse("Nao."), Reply::ok()]);
    // The bytes of "Â£" in Windows-1252 are one letter in UTF-8.
    let rows = "C1,I,JoÂ£o\nC2,I,Ação\nC3,I,Ção\n";
    let csv: Vec<u8> = format!("identificador,tipo_identificador,nome\n{rows}")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let finished = Run::new(&server).input("clientes.csv", &*csv).go();
    finished.exits(1).says(&["Windows-1252"]);
    let [again] = &next_commands(&finished)[..] else { panic!("{}", finished.stderr) };
    assert!(again.windows(2).any(|pair| pair == ["--encoding", "windows-1252"]), "{again:?}");
    let given = Run::new(&server).input("clientes.csv", &*csv).args(["--encoding", "latin1"]).go();
    assert!(!given.stderr.contains("--encoding windows-1252"), "{}", given.stderr);
    run_suggested(again, &finished).exits(0);
    let sent: Vec<_> =
        server.requests().iter().filter(|r| r.identificador() == "C1").map(|r| r.form()).collect();
    assert_eq!(sent[0], sent[1]);
    assert!(sent[0].contains(&("nome".to_owned(), "JoÂ£o".to_owned())), "{sent:?}");
}

#[test]
fn after_a_trial_the_rest_is_sent_and_not_the_rejects() {
    let server = Server::start();
    let csv = table::customers(23) + "1,23E+13,I,x\n";
    let trial = Run::new(&server).csv(&csv).args(["--limit", "3"]).go();
    trial.exits(1).says(&["Só 1 linha precisa de correção", "clientes.rejeitados.csv"]);
    let [whole] = &next_commands(&trial)[..] else { panic!("{}", trial.stderr) };
    assert!(whole[1] == "clientes.csv" && !whole.contains(&"--limit".to_owned()), "{whole:?}");
    run_suggested(whole, &trial).exits(1);
    assert_eq!(server.sent().len(), 3 + 23);
}

#[test]
fn without_a_ledger_a_stopped_run_goes_on_with_its_rejects() {
    // With --full the ledger skips no row, so a suggestion must not rely on it.
    for args in [&[][..], &["--ledger", "l.db", "--full"]] {
        let server = Server::start();
        let replies = [Reply::html(500), Reply::html(500), Reply::html(500), Reply::ok()];
        server.replies("C00003", replies);
        let args = args.iter().copied();
        let stopped = Run::new(&server).csv(&table::customers(5)).args(args).go();
        assert!(!stopped.exits(4).stderr.contains("continua de onde parou"));
        let [rest] = &next_commands(&stopped)[..] else { panic!("{}", stopped.stderr) };
        let before = server.count();
        run_suggested(rest, &stopped).exits(0);
        assert_eq!(server.count(), before + 1, "rows were sent twice");
    }
    let server = Server::start();
    server.script(|_, _| Reply::html(500));
    let stopped = Run::new(&server).csv(&table::customers(1)).args(["--ledger", "l.db"]).go();
    stopped.exits(4).says(&["continua de onde parou"]);
}

#[test]
fn the_suggested_rejects_run_works_if_a_variable_names_the_outputs() {
    let server = Server::start();
    server.replies("C00002", [Reply::refuse("Não."), Reply::ok()]);
    let finished = Run::new(&server)
        .csv(&table::customers(3))
        .file("c.toml", "rejects = \"rej.csv\"\n")
        .args(["--config", "c.toml"])
        .env("TOMTICKET_SYNC_RESULTS", "res.csv")
        .allow_partial()
        .go();
    finished.exits(1);
    let [again] = &next_commands(&finished)[..] else { panic!("{}", finished.stderr) };
    let words: Vec<&str> = again.iter().map(String::as_str).collect();
    let again = Run::bare(&words)
        .in_folder_of(&finished)
        .env("TOMTICKET_TOKEN", CANARY)
        .env("TOMTICKET_SYNC_RESULTS", "res.csv")
        .go();
    again.exits(0);
    assert!(again.exists("rej.resultado.csv") && again.exists("rej.rejeitados.csv"));
}

#[test]
fn rejects_that_are_not_a_file_are_not_suggested() {
    for (place, way_out) in [("-", "guarde em um arquivo"), ("/dev/null", "corrija na entrada")] {
        let server = Server::start();
        server.reply("C00002", Reply::refuse("Não."));
        let finished = Run::new(&server).csv(&table::customers(3)).rejects(place).go();
        finished.exits(1).says(&[way_out]);
        assert_eq!(next_commands(&finished), Vec::<Vec<String>>::new());
        assert!(!finished.stderr.contains(&format!("run {place}")), "{}", finished.stderr);
    }
}
