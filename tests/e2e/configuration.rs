//! The files that a run is configured by, as somebody else may have prepared them: what a file that
//! was found may not decide, whose it must be, how much is read. The order of flags, variables and
//! file is in `process.rs`, mistakes in a file in `messages.rs`.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::process::Command;

use crate::support::{CANARY, Run, Server, prerequisites, table};

const FOUND: &str = "tomticket-sync.toml";

/// Every option that names a file, and those that decide where requests and memory go.
#[test]
fn f84_a_found_file_chooses_no_file_and_no_account() {
    let help = Run::bare(&["run", "--help"]).go();
    let help = help.exits(0).stdout_text();
    let files = help.lines().filter_map(|line| {
        line.trim()
            .strip_suffix("<ARQUIVO>")
            .or_else(|| line.trim().split_once(" <ARQUIVO> ").map(|(flag, _)| flag))
    });
    let files =
        files.filter_map(|flag| flag.trim().strip_prefix("--")).filter(|name| *name != "config");
    let files: Vec<String> = files.map(|name| format!("{name} = \"alvo\"")).collect();
    assert!(files.len() >= 6, "{files:?}");
    let others = [
        "base-url = \"https://a.b\"",
        "account = \"a\"",
        "sandbox = true",
        "no-ledger = true",
        "only = \"alvo\"",
    ];
    for line in files.iter().map(String::as_str).chain(others) {
        let line = format!("{line}\n");
        let found = Run::bare(&["run"]).csv(&table::customers(1)).file(FOUND, &line).go();
        let key = line.split(' ').next().unwrap();
        found.exits(2).says(&[&format!("tomticket-sync.toml, linha 1: \"{key}\" só pode ser dada num arquivo indicado com --config")]);
        assert!(!found.exists("alvo"), "{line}");
    }
}

#[test]
fn f84_a_rehearsal_in_a_prepared_folder_overwrites_nothing() {
    let finished = Run::bare(&["run"])
        .csv("identificador,tipo_identificador,nome\n\"$(touch invadido)\",Z,x\n")
        .file(".bashrc", "# meu\n")
        .file(FOUND, "rejects = \".bashrc\"\n")
        .args(["--sandbox"])
        .go();
    finished.exits(2).says(&["\"rejects\" só pode ser dada"]);
    assert_eq!(finished.text(".bashrc"), "# meu\n");
}

/// Like `git` and `ssh`, this trusts a file that it finds only if nobody else can have put it there.
#[test]
fn f84_a_found_file_of_another_user_is_refused() {
    let server = Server::start();
    let run = || Run::new(&server).csv(&table::customers(1)).file(FOUND, "concurrency = 2\n");
    let own = run();
    let path = own.work().join(FOUND);
    if !prerequisites::met(chown(&path, Some(12345), None).is_ok(), "chown", "another owner") {
        return;
    }
    let refused = own.go();
    refused.refused_before_sending(&server, &[FOUND, "é de outro usuário", "--config"]);
    let link = run().file("meu.toml", "concurrency = 2\n");
    let path = link.work().join(FOUND);
    std::fs::remove_file(&path).unwrap();
    symlink("meu.toml", &path).unwrap();
    lchown(&path, Some(12345), None).unwrap();
    link.go().refused_before_sending(&server, &["é de outro usuário"]);
    let named = Run::new(&server).in_folder_of(&refused).csv(&table::customers(1));
    named.args(["--config", FOUND]).go().exits(0);
    run().go().exits(0);
}

#[test]
fn f84_only_files_of_a_mebibyte_are_read_and_pipes_that_were_named() {
    let server = Server::start();
    let run = || Run::new(&server).csv(&table::customers(1));
    let filled = |length: usize| format!("concurrency = 2\n#{}", "x".repeat(length - 17));
    const MIB: usize = 1 << 20;
    for (run, words) in [
        (run().file(FOUND, filled(MIB + 1)), "passa de 1 MiB"),
        (run().file("c", filled(MIB + 1)).args(["--config", "c"]), "passa de 1 MiB"),
        (run().file("t", "x".repeat(MIB + 1)).args(["--token-file", "t"]), "passa de 1 MiB"),
        (run().args(["--config", "/dev/zero"]), "não é um arquivo comum"),
        (run().args(["--token-file", "/dev/zero"]), "não é um arquivo comum"),
        (run().args(["--token-file", "/"]), "é uma pasta"),
        (run().file("t", b"\xff").args(["--token-file", "t"]), "texto UTF-8"),
    ] {
        run.go().refused_before_sending(&server, &[words]);
    }
    let pipe = run();
    let made = Command::new("mkfifo").arg(pipe.work().join(FOUND)).status().unwrap();
    assert!(made.success());
    // Nobody writes into it.
    pipe.go().refused_before_sending(&server, &[FOUND, "não é um arquivo comum"]);
    run().file(FOUND, filled(MIB)).go().exits(0);
    let piped = run().secret_file("t", CANARY).without_token();
    let piped = piped.args(["--token-file", "/dev/stdin"]);
    piped.through_shell(r#"cat t | "$0" "$@""#).go().exits(0);
}

#[test]
fn f85_a_token_with_what_stood_around_it_is_refused_in_words() {
    let server = Server::start();
    for (before, after, words) in [
        ("\"", "\"", "entre aspas"),
        ("'", "'", "entre aspas"),
        ("“", "”", "entre aspas"),
        ("Bearer ", "", "escrito Bearer"),
        ("Authorization: bearer ", "", "escrito Bearer"),
        ("TOMTICKET_TOKEN=", "", "um nome com ="),
        ("export TOKEN = ", "", "um nome com ="),
    ] {
        let token = format!("{before}{CANARY}{after}");
        let run = || Run::new(&server).csv(&table::customers(1));
        let from_variable = run().env("TOMTICKET_TOKEN", &token).go();
        from_variable.refused_before_sending(&server, &["TOMTICKET_TOKEN: ", words]);
        let from_file = run().without_token().secret_file("t", &token).args(["--token-file", "t"]);
        from_file.go().refused_before_sending(&server, &["t: ", words]);
    }
}

#[test]
fn f85_a_token_file_that_others_can_read_draws_a_warning() {
    let server = Server::start();
    for (mode, warns) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        let run = Run::new(&server).without_token().secret_file("a b", CANARY);
        std::fs::set_permissions(run.work().join("a b"), PermissionsExt::from_mode(mode)).unwrap();
        let finished = run.csv(&table::customers(1)).args(["--token-file", "a b"]).go();
        let words = "podem ler o arquivo do token a b; proteja-o com: chmod 600 'a b'";
        assert_eq!(finished.exits(0).stderr.contains(words), warns, "{mode:o}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn f85_no_core_dump_holds_the_token() {
    let server = Server::start();
    let latch = server.hold_replies();
    let running = Run::new(&server).csv(&table::customers(1));
    let running = running.through_shell(r#"ulimit -c "$(ulimit -H -c)"; exec "$0" "$@""#).spawn();
    server.wait_for_requests(1);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    latch.release();
    running.wait().exits(0);
}
