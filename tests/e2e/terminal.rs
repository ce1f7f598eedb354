//! What reaches a terminal: nothing from outside acts on it or hides there, and commands to paste
//! are what they look like.
#![cfg(unix)]

use std::process::Command;

use crate::support::{CANARY, Reply, Run, Server};

/// Controls but line breaks, marks of direction, marks without width.
fn acts_or_hides(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c == '\u{feff}'
}

/// Clears the screen, sets the title, breaks the line, turns the direction, hides.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\nerro: \u{9b}1m\u{202e}\u{200b}";
const STEM: &str = "a 'b'\\\u{1b}[2J\u{7}\nerro: \u{202e}\u{200b}";

#[test]
fn f71_a_file_name_does_not_act_on_the_terminal_and_can_be_pasted() {
    for format in ["text", "json"] {
        let server = Server::start();
        server.replies("C1", [Reply::refuse(EVIL), Reply::ok()]);
        let name = format!("{STEM}.csv");
        let csv = format!("identificador,tipo_identificador,nome,\"x{EVIL}\"\nC1,I,Ana,y\n");
        let finished = Run::new(&server)
            .input(&name, csv)
            .results(&format!("{STEM}.resultado.csv"))
            .rejects(&format!("{STEM}.rejeitados.csv"))
            .args(["--log-format", format, "--ignore", &format!("x{EVIL}")])
            .go();
        finished.exits(1);
        assert!(!finished.log.contains(acts_or_hides), "{:?}", finished.log);
        assert!(!finished.log.lines().any(|line| line.starts_with("erro: ")), "{}", finished.log);
        finished.says(&[r"a 'b'\\u001b[2J\u0007\nerro: \u202e\u200b.rejeitados.csv"]);
        if format == "text" {
            let line = finished.stderr.lines().find(|line| line.starts_with("  /")).unwrap();
            let work = finished.plan.folder.path().join("trabalho");
            let mut bash = Command::new("bash");
            bash.args(["-c", line]).current_dir(work).env("TOMTICKET_TOKEN", CANARY);
            assert!(bash.output().unwrap().status.success(), "{line}");
            assert_eq!(server.requests_for("C1").len(), 2);
        }
    }
}

#[test]
fn f71_arguments_and_named_files_do_not_act_on_the_terminal() {
    let good = "identificador,tipo_identificador,nome\n1,I,Ana\n";
    let named = |flag: &str| format!("{flag}={EVIL}");
    for args in [
        &["check", EVIL][..],
        &["check", "c.csv", EVIL],
        &["check", "c.csv", &format!("--{EVIL}")],
        &["check", "c.csv", "--rate", EVIL],
        &["check", "c.csv", "--map", EVIL],
        &["check", "c.csv", "--map", &named("x")],
        &["check", "c.csv", "--ignore", EVIL],
        &["check", "c.csv", "--config", EVIL],
        &["check", "c.csv", "--token-file", EVIL],
        &["run", "c.csv", "--sandbox", "--results", &format!("{EVIL}/r.csv")],
        &["run", "c.csv", "--sandbox", "--rejects", "c.csv", "--results", EVIL],
        &["check", "c.csv", "--ledger", &format!("/dev/null/{EVIL}"), "--account", "x"],
        &["check", "c.csv", "--base-url", EVIL],
        &["report", EVIL],
        &["report", "c.csv", "--summary-json", EVIL],
        &["sandbox", "--customers", EVIL],
        &["sandbox", "--fail", EVIL],
        &["ledger", "status", "--ledger", &format!("/dev/null/{EVIL}")],
        &["ledger", "forget", "--account-id", EVIL],
        &["completions", EVIL],
        &[EVIL],
    ] {
        let finished = Run::bare(args).allow_partial().file("c.csv", good).go();
        assert_ne!(finished.code, Some(0), "{args:?}");
        assert!(!finished.log.contains(acts_or_hides), "{args:?}: {:?}", finished.stderr);
        let errors = finished.stderr.lines().filter(|line| line.starts_with("erro: "));
        assert_eq!(errors.count(), 1, "{args:?}: {}", finished.stderr);
    }
}

#[test]
fn f71_what_configuration_variables_and_ledger_say_does_not_act_on_the_terminal() {
    let good = "identificador,tipo_identificador,nome\n1,I,Ana\n";
    let quoted = serde_json::to_string(EVIL).unwrap();
    for toml in [
        format!("{quoted} = 1\n"),
        format!("rate = {quoted}\n"),
        format!("[map]\n{quoted} = \"nome\"\n"),
    ] {
        let finished = Run::bare(&["check"]).csv(good).file("tomticket-sync.toml", &toml).go();
        finished.exits(2);
        assert!(!finished.log.contains(acts_or_hides), "{toml}: {:?}", finished.stderr);
    }
    let finished = Run::bare(&["check"]).csv(good).env("TOMTICKET_SYNC_RATE", EVIL).go();
    finished.exits(2);
    assert!(!finished.log.contains(acts_or_hides), "{:?}", finished.stderr);
    let server = Server::start();
    let run = Run::new(&server).csv(good).args(["--ledger", "l.db", "--account", "x\u{202e}"]).go();
    let status =
        Run::bare(&["ledger", "status", "--ledger", "l.db"]).in_folder_of(run.exits(0)).go();
    assert!(!status.exits(0).stdout_text().contains(acts_or_hides), "{:?}", status.stdout_text());
}
