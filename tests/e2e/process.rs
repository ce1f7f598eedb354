//! The program as a process: closed pipes, configuration from three places, and what is printed
//! where. Signals are in `process_signals.rs`.

use crate::support::{CANARY, Reply, Run, Server, table};

#[test]
fn c43_a_closed_standard_output_does_not_panic() {
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(2000)).rate("200");
    let finished = run.results("-").close_stdout().go();
    // Without a reader the results are lost, so sending stops.
    finished.exits(5);
    assert!(server.count() <= 300, "sending went on: {}", server.count());
    let finished = Run::bare(&["template"]).close_stdout().go();
    assert!(finished.code.is_some_and(|code| code != 101));
    let finished = Run::bare(&["--help"]).close_stdout().go();
    assert!(finished.code.is_some_and(|code| code != 101));
}

#[cfg(unix)]
#[test]
fn c43_a_reader_that_goes_away_early() {
    let server = Server::start();
    let finished = Run::new(&server)
        .csv(&table::customers(3000))
        .rate("200")
        .results("-")
        .without_summary()
        .allow_partial()
        .through_shell(r#"{ "$0" "$@"; echo $? > codigo; } | head -1"#)
        .go();
    // The shell's code is that of `head`.
    assert!(finished.exits(0).stdout_text().starts_with("linha,"));
    assert_eq!(finished.text("codigo"), "5\n");
    assert!(server.count() <= 300, "sending went on: {}", server.count());
}

const SMALL: &str = "identificador,tipo_identificador,nome\n1,I,Ana\n2,I,Eva\n";

#[test]
fn c43b_a_configuration_that_was_found_may_not_redirect_the_run() {
    let good = Server::start();
    let evil = Server::start();
    for (key, value) in [
        ("base-url", evil.url()),
        ("token-file", "outro".to_owned()),
        ("ledger", "outro.db".to_owned()),
        ("account", "outra".to_owned()),
    ] {
        let config = format!("{key} = \"{value}\"\n");
        let finished = Run::new(&good).csv(SMALL).file("tomticket-sync.toml", &config).go();
        finished.refused_before_sending(&good, &["tomticket-sync.toml", key]);
        // The same if the command line does not set the value.
        let finished = Run::bare(&["run"])
            .csv(SMALL)
            .file("tomticket-sync.toml", &config)
            .env("TOMTICKET_TOKEN", CANARY)
            .go();
        finished.exits(2).says(&[key]);
    }
    assert_eq!(evil.connections(), 0);
}

#[test]
fn c43b_a_named_configuration_may_redirect_the_run() {
    let server = Server::start();
    let config =
        format!("base-url = \"{}\"\nrate = \"unlimited\"\nid-type = \"I\"\n", server.url());
    let finished = Run::bare(&["run"])
        .csv("identificador,nome\n1,Ana\n")
        .file("meu.toml", config)
        .args(["--config", "meu.toml"])
        .env("TOMTICKET_TOKEN", CANARY)
        .go();
    finished.exits(0).accounted_rows(1);
    assert_eq!(server.count(), 1);
}

#[test]
fn flags_go_before_variables_before_the_file() {
    let file = "id-type = \"I\"\nconcurrency = 2\n[map]\n\"E-mail\" = \"identificador\"\n";
    let input = "E-mail,nome\nana@x.com,Ana\n";
    let type_of = |flag: Option<&str>, variable: Option<&str>| {
        let server = Server::start();
        let mut run = Run::new(&server).csv(input).file("tomticket-sync.toml", file);
        if let Some(value) = variable {
            run = run.env("TOMTICKET_SYNC_ID_TYPE", value);
        }
        if let Some(value) = flag {
            run = run.args(["--id-type", value]);
        }
        run.go().exits(0).accounted_rows(1);
        server.sent()[0].1.clone()
    };
    assert_eq!(type_of(None, None), "I");
    assert_eq!(type_of(None, Some("E")), "E");
    assert_eq!(type_of(Some("I"), Some("E")), "I");
    assert_eq!(type_of(Some("E"), None), "E");
}

/// CI systems pass on a list that was not set as a blank line.
#[test]
fn a_list_variable_of_blank_lines_leaves_the_list_of_the_file() {
    let server = Server::start();
    Run::new(&server)
        .csv("E-mail,Nome completo\nana@x.com, Ana\n")
        .file(
            "tomticket-sync.toml",
            "id-type = \"E\"\nno_trim = true\nverbose = 2\nlimit = 10\n[map]\n\"E-mail\" = [\"identificador\", \"campo:c\"]\n\"Nome completo\" = \"nome\"\n",
        )
        .env("TOMTICKET_SYNC_MAP", "\n \n")
        .go()
        .exits(0)
        .accounted_rows(1);
    let request = &server.requests()[0];
    assert_eq!(request.field("nome").as_deref(), Some(" Ana"), "no_trim is no-trim");
    assert_eq!(request.field("campos[c]").as_deref(), Some("ana@x.com"));
}

#[test]
fn a_configuration_with_a_mistake_is_refused_with_its_line() {
    let server = Server::start();
    for (config, parts) in [
        ("rate = 3\n\nratee = 4\n", &["tomticket-sync.toml", "3", "ratee"][..]),
        ("rate = \n", &["tomticket-sync.toml", "1"]),
        ("rate = \"depressa\"\n", &["rate"]),
        ("concurrency = 0\n", &["concurrency"]),
    ] {
        let finished =
            Run::new(&server).default_rate().csv(SMALL).file("tomticket-sync.toml", config).go();
        finished.refused_before_sending(&server, parts);
    }
}

#[test]
fn wrong_usage_is_exit_2() {
    let server = Server::start();
    for args in [
        &["--rate", "0"][..],
        &["--rate=-1"],
        &["--rate", "muito"],
        &["--concurrency", "0"],
        &["--timeout", "logo"],
        &["--limit", "x"],
        &["--max-errors", "101%"],
        &["--max-duration", "6 horas"],
        &["--encoding", "klingon"],
        &["--delimiter", "xy"],
        &["--nao-existe"],
    ] {
        let finished = Run::new(&server).default_rate().csv(SMALL).args(args.iter().copied()).go();
        finished.refused_before_sending(&server, &[args[0].split('=').next().unwrap()]);
    }
    let finished = Run::bare(&["run"]).go();
    finished.exits(2);
    let finished = Run::bare(&["correr"]).go();
    finished.exits(2);
}

#[test]
fn durations_are_read_as_documented() {
    for duration in ["90s", "2m", "6h", "30d", "45"] {
        let server = Server::start();
        Run::new(&server)
            .csv(SMALL)
            .args(["--max-duration", duration, "--timeout", "20"])
            .go()
            .exits(0)
            .accounted_rows(2);
    }
}

#[test]
fn help_is_portuguese_and_on_standard_output() {
    for words in [&["--help"][..], &["run", "--help"], &["check", "--help"], &["sandbox", "--help"]]
    {
        let finished = Run::bare(words).args(["--help"]).go();
        let text = finished.exits(0).stdout_text();
        assert!(text.contains("Uso") || text.contains("USO"), "{text}");
        assert!(finished.stderr.is_empty());
        assert!(!text.contains("Usage:") && !text.contains("Print help"), "{text}");
    }
}

#[test]
fn the_template_names_every_column() {
    let finished = Run::bare(&["template"]).go();
    let text = finished.exits(0).stdout_text();
    let header = table::parse(&text, ',').unwrap().remove(0);
    for column in [
        "identificador",
        "tipo_identificador",
        "nome",
        "email",
        "criarchamados",
        "telefone",
        "id_organizacao",
        "id_interno",
        "idioma",
        "portfolio_id",
    ] {
        assert!(header.iter().any(|cell| cell == column), "{column}");
    }
    assert!(header.iter().any(|cell| cell.starts_with("campo:")));
    // The template is a valid input.
    let server = Server::start();
    Run::new(&server).csv(&text).go().exits(0).accounted([]);
}

#[test]
fn quiet_prints_only_problems() {
    let server = Server::start();
    let finished = Run::new(&server).csv(SMALL).arg("--quiet").go();
    finished.exits(0).accounted_rows(2);
    let normal = Run::new(&server).csv(SMALL).go();
    assert!(finished.stderr.len() < normal.stderr.len());
}

#[test]
fn output_without_a_terminal_has_no_escape_codes() {
    let server = Server::start();
    let finished = Run::new(&server).csv(&table::customers(50)).go();
    finished.exits(0);
    assert!(!finished.stderr.contains('\u{1b}') && !finished.stderr.contains('\r'));
}

#[cfg(target_os = "linux")]
#[test]
fn unwritable_standard_output_is_exit_5() {
    for words in [
        &["template"][..],
        &["manual"],
        &["completions", "bash"],
        &["ledger", "status"],
        &["run", "--help"],
        &["sandbox"],
    ] {
        let finished = Run::bare(words).through_shell(r#"exec "$0" "$@" > /dev/full"#).go();
        finished.exits(5).says(&["saída padrão", "espaço"]);
    }
}

#[test]
fn bash_completes_what_follows_a_subcommand() {
    let bash = std::process::Command::new("bash").arg("--version").output();
    if bash.is_err() {
        eprintln!("skipped: there is no bash here");
        return;
    }
    let script = r#"
        source <("$0" completions bash)
        complete_line() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _tomticket__sync "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[*]}"
        }
        complete_line tomticket-sync ru
        complete_line tomticket-sync run --rej
        complete_line tomticket-sync ledger for
        complete_line tomticket-sync ledger forget --acc"#;
    let out = std::process::Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_tomticket-sync")])
        .output()
        .unwrap();
    let lines = String::from_utf8(out.stdout).unwrap();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        ["run", "--rejects", "forget", "--account-id --account"],
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn check_names_output_flags_without_effect() {
    let warning = "sem efeito aqui: --results, --report";
    for (command, extra) in [("check", &[][..]), ("run", &["--dry-run"])] {
        let finished = Run::bare(&[command])
            .csv(SMALL)
            .args(extra.iter().copied())
            .args(["--results=-", "--report", "r.html"])
            .go();
        finished.exits(0).says(&[warning]);
        assert!(!finished.exists("r.html"));
    }
    // Variables and configuration files apply to all commands: no warning.
    let finished = Run::bare(&["check"])
        .csv(SMALL)
        .env("TOMTICKET_SYNC_RESULTS", "r.csv")
        .file("c.toml", "summary-json = \"r.json\"\n")
        .args(["--config", "c.toml"])
        .go();
    finished.exits(0);
    assert!(!finished.stderr.contains("sem efeito"), "{}", finished.stderr);
}

#[test]
fn every_line_of_a_json_log_is_json() {
    let server = Server::start();
    server.replies("C00002", [Reply::html(500), Reply::too_many(None)]);
    let finished = Run::new(&server)
        .csv(&table::customers(20))
        .args(["-vv", "--log-format", "json"])
        .env("NO_COLOR", "1")
        .go();
    finished.exits(0);
    let logged: Vec<serde_json::Value> = finished
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect();
    assert!(logged.iter().all(|line| line["level"].is_string()), "{logged:?}");
    assert!(logged.iter().any(|line| line.to_string().contains("(429): pausa")));
}
