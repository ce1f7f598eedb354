//! Snapshots of the messages for wrong calls, files and configurations. Each names the thing, the
//! place, and the way out.
//!
//! Messages about replies and single rows are tested elsewhere (`fixtures.rs`, `replies.rs`).
#![cfg(unix)]

use std::fmt::Write;

use crate::support::{CANARY, Reply, Run, Server};

/// One wrong call.
struct Case<'f> {
    args: &'static [&'static str],
    files: &'f [(&'static str, &'static [u8])],
    token: bool,
}

const GOOD: &[u8] = b"identificador,tipo_identificador,nome\n1,I,Ana\n";

const fn case(args: &'static [&'static str]) -> Case<'static> {
    Case { args, files: &[("c.csv", GOOD)], token: true }
}

/// `check` of this file.
const fn input(bytes: &'static [(&'static str, &'static [u8])]) -> Case<'static> {
    Case { args: &["check", "c.csv"], files: bytes, token: false }
}

const fn with<'f>(
    args: &'static [&'static str],
    files: &'f [(&'static str, &'static [u8])],
) -> Case<'f> {
    Case { args, files, token: false }
}

const fn anonymous(args: &'static [&'static str]) -> Case<'static> {
    Case { args, files: &[("c.csv", GOOD)], token: false }
}

/// Runs each case; returns the commands with their standard error and exit codes.
fn messages_of(cases: &[Case<'_>]) -> String {
    let mut text = String::new();
    for Case { args, files, token } in cases {
        // No case may send anything. If one does, it fails soon instead of waiting.
        let patience = ("TOMTICKET_SYNC_GIVE_UP_AFTER", "1s");
        let mut run = Run::bare(args).allow_partial().env(patience.0, patience.1);
        for (name, bytes) in *files {
            run = run.file(name, bytes);
        }
        if *token {
            run = run.env("TOMTICKET_TOKEN", CANARY);
        }
        let finished = run.go();
        let folder = finished.plan.folder.path().display().to_string();
        let stderr = finished.stderr.replace(&folder, "[PASTA]").replace(r"não\há", "não/há");
        let code = finished.code.unwrap();
        assert!(code != 0, "{args:?} succeeded");
        writeln!(text, "$ tomticket-sync {}\n{}[{code}]\n", args.join(" "), stderr).unwrap();
    }
    text
}

#[test]
fn wrong_calls() {
    let messages = messages_of(&[
        case(&["rum", "c.csv"]),
        case(&["xyz"]),
        case(&["help", "rum"]),
        case(&["run"]),
        case(&["run", "c.csv", "d.csv"]),
        case(&["run", "c.csv", "--concurency", "3"]),
        case(&["run", "c.csv", "--xyz"]),
        case(&["template", "x"]),
        case(&["run", "c.csv", "--token", "x"]),
        case(&["run", "c.csv", "--rate"]),
        case(&["run", "c.csv", "--rate", "0"]),
        case(&["run", "c.csv", "--rate", "três"]),
        case(&["run", "c.csv", "--concurrency", "0"]),
        case(&["run", "c.csv", "--concurrency", "1000"]),
        case(&["run", "c.csv", "--verify", "1001"]),
        case(&["run", "c.csv", "--timeout", "0"]),
        case(&["run", "c.csv", "--max-duration", "6 horas"]),
        case(&["run", "c.csv", "--max-duration", "-6h"]),
        case(&["run", "c.csv", "--timeout", "-1s"]),
        case(&["run", "c.csv", "--give-up-after", "-1"]),
        // Options of other commands.
        case(&["run", "c.csv", "--custom-fields", "1"]),
        case(&["init", "c.csv", "--key", "email"]),
        case(&["run", "c.csv", "-o", "r.csv"]),
        case(&["--sandbox", "c.csv"]),
        case(&["run", "c.csv", "--max-age", "-30d"]),
        case(&["run", "c.csv", "--timeout", "--limit", "5"]),
        case(&["run", "c.csv", "--timeout", "-v"]),
        // A switch, an option that has its value, no option at all.
        case(&["run", "c.csv", "--full", "-1s"]),
        case(&["run", "c.csv", "--timeout=1s", "-1s"]),
        case(&["run", "c.csv", "--timeout", "1.5h"]),
        case(&["run", "c.csv", "--max-age", "9999d"]),
        case(&["run", "c.csv", "--rate", "inf"]),
        case(&["run", "c.csv", "--rate", "NaN"]),
        case(&["run", "c.csv", "--max-errors", "x"]),
        case(&["run", "c.csv", "--max-errors", "150%"]),
        case(&["run", "c.csv", "--limit", "-1"]),
        case(&["run", "c.csv", "--map", "E-mail"]),
        case(&["run", "c.csv", "--set", "nome"]),
        case(&["run", "c.csv", "--key", "nome"]),
        case(&["run", "c.csv", "--id-type", "X"]),
        case(&["run", "c.csv", "--delimiter", "ab"]),
        case(&["run", "c.csv", "--encoding", "latin9"]),
        case(&["run", "c.csv", "--results-dialect", "pdf"]),
        case(&["run", "c.csv", "--log-format", "xml"]),
        case(&["run", "c.csv", "--clear-marker", ""]),
        case(&["run", "c.csv", "--no-ledger", "--full"]),
        case(&["sandbox", "--port", "99999"]),
        case(&["sandbox", "--rate", "-1"]),
        case(&["sandbox", "--latency", "200ms..50ms"]),
        case(&["sandbox", "--latency", "-50ms"]),
        case(&["sandbox", "--jitter", "-1"]),
        case(&["sandbox", "--fail", "400=2"]),
        case(&["sandbox", "--fail", "500=60", "--fail", "reset=60"]),
        case(&["sandbox", "--customers", "não-há.csv"]),
        case(&["completions"]),
        case(&["completions", "tcsh"]),
        case(&["ledger"]),
        case(&["ledger", "stat"]),
        case(&["ledger", "forget", "--customer", "ana@x.com"]),
        case(&["ledger", "forget", "--account-id", "1", "--account", "matriz"]),
    ]);
    insta::assert_snapshot!(messages);
}

#[test]
fn wrong_settings() {
    let messages = messages_of(&[
        anonymous(&["run", "c.csv"]),
        anonymous(&["run", "c.csv", "--token-file", "não-há"]),
        with(&["run", "c.csv", "--token-file", "t"], &[("c.csv", GOOD), ("t", b"\n")]),
        with(&["run", "c.csv", "--token-file", "t"], &[("c.csv", GOOD), ("t", b"a\nb\n")]),
        anonymous(&["ledger", "forget"]),
        case(&["run", "c.csv", "--base-url", "http://api.tomticket.com"]),
        case(&["run", "c.csv", "--base-url", "tomticket"]),
        case(&["run", "c.csv", "--base-url", "https://a:b@tomticket.com"]),
        case(&["run", "c.csv", "--base-url", "https://tomticket.com/?x=1"]),
        case(&["run", "c.csv", "--config", "não-há.toml"]),
        case(&["run", "c.csv", "--account", ""]),
        case(&["run", "c.csv", "--ledger", "."]),
        with(
            &["run", "c.csv", "--account", "a", "--ledger", "l"],
            &[("c.csv", GOOD), ("l", b"nada disso")],
        ),
        case(&["run", "c.csv", "--results", "c.csv"]),
        case(&["run", "c.csv", "--results", "-", "--rejects", "-"]),
        case(&["run", "c.csv", "--results", "x.csv", "--rejects", "x.csv"]),
        case(&["run", "c.csv", "--results", "não/há.csv"]),
        case(&["run", "c.csv", "--summary-json", "."]),
        case(&["run", "c.csv", "--results", "."]),
    ]);
    insta::assert_snapshot!(messages);
}

#[test]
fn wrong_configuration_files() {
    let cases: [&[u8]; 22] = [
        b"rate = 2\nreit = 3\n",
        b"\n\nratee = 3",
        b"config = \"x\"\n",
        b"rate = [2]\n",
        b"rate = \"x\"\n",
        b"rate = = 2\n",
        b"rate = 0x1F\n",
        b"base-url = \"https://x.com\"\n",
        b"sandbox = true\n",
        b"no_ledger = true\n",
        b"rate = 2\nrate = 3\n",
        b"rate = 2\n\"rate\" = 3\n",
        b"no-trim = true\nno_trim = true\n",
        b"[map]\na = \"nome\"\na = \"email\"\n",
        b"[map]\na = 1\n",
        b"[map]\n\" \" = \"nome\"\n",
        b"[set]\nnome = [\"a\", \"b\"]\n",
        b"strict = 1\n",
        b"ignore = [1]\n",
        b"verbose = 999\n",
        b"timeout = \"99999999999\"\n",
        b"max-errors = \"%\"\n",
    ];
    let files = cases.map(|toml| [("c.csv", GOOD), ("tomticket-sync.toml", toml)]);
    let messages = messages_of(&files.each_ref().map(|files| with(&["check", "c.csv"], files)));
    insta::assert_snapshot!(messages);
}

#[test]
fn the_message_for_a_wrong_value_names_its_source() {
    const TOML: (&str, &[u8]) = ("tomticket-sync.toml", b"# nada\nkey = \"x\"\n");
    let check = |variables: &[(&str, &str)], files: &[(&str, &[u8])], args: &[&str]| {
        let mut run = Run::bare(&["check", "c.csv"]).allow_partial().file("c.csv", GOOD);
        for (name, bytes) in files {
            run = run.file(name, bytes);
        }
        for (name, value) in variables {
            run = run.env(name, *value);
        }
        let finished = run.args(args.iter().copied()).go();
        (finished.code, finished.stderr.lines().next().unwrap_or_default().to_owned())
    };
    for (variables, files, args, expected) in [
        (
            &[("TOMTICKET_SYNC_RATE", "abc")][..],
            &[][..],
            &[][..],
            "erro: variável TOMTICKET_SYNC_RATE: --rate: \"abc\" não serve",
        ),
        (
            &[("TOMTICKET_SYNC_MAP", "nome")],
            &[("tomticket-sync.toml", b"rate = 2\n" as &[u8])],
            &[],
            "erro: variável TOMTICKET_SYNC_MAP: --map: \"nome\" não serve",
        ),
        (
            &[("TOMTICKET_SYNC_VERBOSE", "muito")],
            &[],
            &["--quiet"],
            "erro: variável TOMTICKET_SYNC_VERBOSE: --verbose: \"muito\" não serve",
        ),
        (&[], &[TOML], &[], "erro: tomticket-sync.toml, linha 2: --key: \"x\" não serve"),
        (&[("TOMTICKET_SYNC_RATE", "x")], &[], &["--rate", "x"], "erro: --rate: \"x\" não serve"),
    ] {
        let (code, error) = check(variables, files, args);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.starts_with(expected), "{error}");
    }
    // CI systems pass a variable that is not set as an empty one.
    let empty =
        ["RATE", "KEY", "CONFIG", "ENCODING", "STRICT", "MAP", "VERBOSE", "LIMIT", "LEDGER"];
    let names: Vec<String> = empty.iter().map(|name| format!("TOMTICKET_SYNC_{name}")).collect();
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let (code, error) = check(&variables, &[], &[]);
    assert_eq!(code, Some(0), "{error}");
}

#[test]
fn wrong_files() {
    let messages = messages_of(&[
        anonymous(&["check", "não-há.csv"]),
        anonymous(&["check", "."]),
        input(&[("c.csv", b"")]),
        input(&[("c.csv", b"\xef\xbb\xbf")]),
        input(&[("c.csv", b"\n\n;;\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,nome\n1,I,\"Ana\n2,I,Bia\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,nome\n1,I,\"Ana\"x\n2,I,Bia\n")]),
        with(
            &["check", "c.csv"],
            &[("c.csv", b"identificador,nome\n1,Jo\xc3\xa3o\n2,Zo\xc3\xab\n3,Z\xe9\n")],
        ),
        with(
            &["check", "c.csv", "--encoding", "utf-8"],
            &[("c.csv", b"identificador,nome\n1,Jos\xe9\n")],
        ),
        input(&[("c.csv", b"identificador,nome;email\n1,Ana;a@x.com\n")]),
        input(&[("c.csv", b"\x1f\x8b\x08\x00\x00")]),
        input(&[("c.csv", b"\x1f\x8bnada disso")]),
        // "\x1f\x8b\x08", packed once more.
        input(&[(
            "c.csv",
            b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\x01\x03\0\xfc\xff\x1f\x8b\x08\xed\xf4\x97\x3e\x03\0\0\0",
        )]),
        input(&[("c.csv", b"PK\x03\x04\x14\0\x06\0\x08\0")]),
        input(&[("c.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")]),
        input(&[("c.csv", b"i\0d\0;\0n\0o\0m\0e\0\n\0")]),
        input(&[("c.csv", b"\0i\0d\0;\0n\0o\0m\0e\0\n")]),
    ]);
    insta::assert_snapshot!(messages);
}

#[test]
fn wrong_columns() {
    let messages = messages_of(&[
        input(&[("c.csv", b"nome,email\nAna,a@x.com\n")]),
        input(&[("c.csv", b"identificador,nome\n1,Ana\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador\n1,I\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,nmoe\n1,I,Ana\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,campos[abc01]\n1,I,x\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,campo:\n1,I,x\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,campo:'abc01'\n1,I,x\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,campo:a]b\n1,I,x\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,nome,Nome\n1,I,Ana,Ana\n")]),
        input(&[("c.csv", b"identificador,tipo_identificador,id_interno,nome\n1,I,7,Ana\n")]),
        anonymous(&["check", "c.csv", "--map", "E-mail=email"]),
        anonymous(&["check", "c.csv", "--map", "nome=apelido"]),
        anonymous(&["check", "c.csv", "--ignore", "Vendedor"]),
        anonymous(&["check", "c.csv", "--map", "nome=nome", "--set", "nome=Ana"]),
        anonymous(&["check", "c.csv", "--set", "email={E-mail}"]),
        anonymous(&["check", "c.csv", "--set", "email={nome"]),
        anonymous(&["check", "c.csv", "--set", "idioma=klingon"]),
        anonymous(&["check", "c.csv", "--clear-marker", " "]),
        with(
            &["check", "c.csv", "--map", "mensagem=campo:1"],
            &[(
                "c.csv",
                b"identificador,tipo_identificador,situacao,erro,mensagem\n1,I,invalido,true,x\n",
            )],
        ),
        anonymous(&["check", "c.csv", "--send-empty", "portfolio_id"]),
        anonymous(&["check", "c.csv", "--require", "apelido"]),
        anonymous(&["check", "c.csv", "--key", "email"]),
        with(
            &["check", "c.csv", "--strict"],
            &[("c.csv", b"identificador,tipo_identificador,nome,Vendedor\n1,I,Ana,Rui\n")],
        ),
    ]);
    insta::assert_snapshot!(messages);
}

#[test]
fn a_json_log_has_only_json_lines_and_no_customer_data() {
    let server = Server::start();
    server.reply("C00003", Reply::refuse("Cliente não encontrado."));
    server.replies("C00004", [Reply::html(500), Reply::ok()]);
    let csv = "identificador,tipo_identificador,nome,Vendedor\nC00002,I,Ana,Rui\n\
               C00003,I,Bia,Rui\nC00004,I,Caio,Rui\n";
    let log = |csv: &str, args: &[&str]| {
        let args = ["--log-format", "json"].iter().chain(args).copied();
        let finished = Run::new(&server).csv(csv).args(args).go();
        let lines = finished.log.lines();
        let parsed: Vec<serde_json::Value> =
            lines.map(|line| serde_json::from_str(line).expect(line)).collect();
        assert!(parsed.iter().all(|line| line["timestamp"].is_string() && line["level"] != ""));
        (finished, parsed)
    };
    let (finished, lines) = log(csv, &["-v"]);
    finished.exits(1).says(&["aviso: ", "Vendedor", "Próximo passo: "]);
    let about = |message: &str| {
        let of_message = lines.iter().filter(|line| line["fields"]["message"] == message);
        of_message.map(|line| line["fields"]["linha"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(about("linha com erro"), [3]);
    assert_eq!(about("linha aceita depois de repetições"), [4]);
    // No customer data is logged, and single rows only with -v.
    assert!(!["Bia", "Caio", "C00003"].iter().any(|cell| finished.log.contains(cell)));
    let (quiet, lines) = log(csv, &[]);
    assert!(!quiet.log.contains("linha com erro") && !lines.is_empty());
    let (debug, _) = log(csv, &["-vv"]);
    assert!(debug.log.contains("\"requisição\""), "{}", debug.log);
    // An error before sending is a JSON line as well.
    let (refused, lines) = log("nome\nAna\n", &[]);
    refused.exits(2);
    assert_eq!(lines.last().unwrap()["level"], "ERROR");
}
