//! A rehearsal of each fixture ends as `fixtures/README.md` says: counts by `situacao`, exit code,
//! and for `linhas-ruins.csv` every line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::support::{CANARY, Run, Simulator, canary};

const BINARY: &str = env!("CARGO_BIN_EXE_tomticket-sync");

/// The rows of the README's tables whose first cell begins with `start`, as cells.
fn table(readme: &str, start: &str) -> Vec<Vec<String>> {
    readme
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .filter(|cells| cells[0].starts_with(start))
        .collect()
}

/// Runs one of the README's commands on a copy of the fixtures; exit code and situacao by linha.
fn rehearse(command: &str) -> (i32, BTreeMap<u64, String>) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("fixtures");
    std::fs::create_dir(&copy).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let words = command.trim_matches('`').split(' ');
    let output = Command::new(BINARY)
        .args(words)
        .args(["--rate", "unlimited", "--results", "r.csv", "--rejects", "j.csv", "-vv"])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("TOMTICKET_TOKEN", CANARY)
        .output()
        .unwrap();
    let leak = canary::leak(CANARY, &[&*output.stdout, &*output.stderr].concat())
        .or_else(|| canary::leak_in_folder(CANARY, folder.path(), &[]));
    assert!(leak.is_none(), "{command} shows the token: {leak:?}");
    let results = csv::Reader::from_path(folder.path().join("r.csv"))
        .unwrap_or_else(|e| panic!("{command}: {e}\n{}", String::from_utf8_lossy(&output.stderr)))
        .records()
        .map(|record| {
            let record = record.unwrap();
            (record[0].parse().unwrap(), record[3].to_owned())
        })
        .collect();
    (output.status.code().unwrap(), results)
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/README.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_fixture_gives_what_its_readme_predicts() {
    let commands = table(&readme(), "`run ");
    assert_eq!(commands.len(), 9, "one row for each fixture");
    for cells in commands {
        let number = |index: usize| cells[index].parse::<usize>().unwrap();
        let (code, results) = rehearse(&cells[0]);
        let count = |what: &str| results.values().filter(|situacao| *situacao == what).count();
        let counts = [results.len(), count("atualizado"), count("recusado"), count("invalido")];
        assert_eq!(counts, [1, 2, 3, 4].map(number), "{}", cells[0]);
        assert_eq!(code, i32::try_from(number(5)).unwrap(), "{}", cells[0]);
    }
}

#[test]
fn every_bad_line_ends_as_the_readme_says() {
    let (_, results) = rehearse("run fixtures/linhas-ruins.csv --sandbox");
    let readme = readme();
    let section = readme.split("## linhas-ruins.csv").nth(1).unwrap();
    let mut checked = 0;
    for cells in table(section, "") {
        let Ok(linha) = cells[0].parse::<u64>() else { continue };
        assert_eq!(results.get(&linha), Some(&cells[1]), "linha {linha}");
        checked += 1;
    }
    assert_eq!(checked, results.len());
}

/// A table by columns, one map for each row.
fn rows(text: &str, delimiter: u8) -> Vec<BTreeMap<String, String>> {
    let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    csv.deserialize().map(Result::unwrap).collect()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap()
}

#[test]
fn the_export_differs_from_the_account_as_the_readme_says() {
    let account = rows(std::str::from_utf8(&fixture("conta.csv")).unwrap(), b',');
    let export = fixture("exportacao-noturna.csv");
    let export = rows(&encoding_rs::WINDOWS_1252.decode(&export).0, b';');
    assert_eq!((account.len(), export.len()), (60, 53));
    let readme = readme();
    let section = readme.split("## conta.csv").nth(1).unwrap();
    let (mut differ, mut with_emptied) = (BTreeSet::new(), BTreeSet::new());
    let columns = [
        "nome",
        "email",
        "telefone",
        "criarchamados",
        "id_organizacao",
        "campo:plano",
        "campo:cidade",
    ];
    for column in columns {
        let [mut changes, mut emptied, mut unknown] = [const { Vec::new() }; 3];
        for (linha, row) in (2..).zip(&export[..50]) {
            let name = row["identificador"].to_lowercase();
            let known = account.iter().find(|one| {
                [&one["identificador"], &one["email"]].iter().any(|own| own.to_lowercase() == name)
            });
            let held = &known.unwrap()[column];
            match &*row[column] {
                "Sim" if held == "true" => {}
                "Sim" | "Não" if held == "false" => unknown.push(linha),
                "" if column == "telefone" && !held.is_empty() => emptied.push(linha),
                sent if !sent.is_empty() && sent != held => changes.push(linha),
                _ => {}
            }
        }
        let shown = |lines: &[u64]| match lines {
            [] => "–".to_owned(),
            _ => lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        };
        let expected = [column.to_owned(), shown(&changes), shown(&emptied), shown(&unknown)];
        let row = table(section, column).into_iter().find(|cells| cells[0] == column).unwrap();
        assert_eq!(row, expected, "{column}");
        differ.extend(changes.into_iter().chain(unknown));
        with_emptied.extend(emptied);
    }
    with_emptied.extend(&differ);
    assert_eq!((differ.len(), with_emptied.len()), (15, 17));
}

#[test]
fn the_plan_and_its_run_are_as_the_readme_says() {
    let account = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/conta.csv");
    let simulator = Simulator::start(&["--customers", account]);
    let on_the_account = |command: &str| {
        Run::bare(&[command]).token(CANARY).args([
            "--base-url",
            simulator.url(),
            "--rate",
            "unlimited",
        ])
    };
    let pulled = on_the_account("pull").args(["-o", "antes.csv"]).go();
    pulled.exits(0);
    let export = |command: &str| {
        on_the_account(command)
            .in_folder_of(&pulled)
            .input("noite.csv", fixture("exportacao-noturna.csv"))
            .args(["--snapshot", "antes.csv"])
    };
    let plans = table(&readme(), "`check ");
    assert_eq!(plans.len(), 2);
    for cells in plans {
        let options = cells[0].trim_matches('`').split(' ').skip(4);
        let planned = export("check").args(options).args(["--summary-json", "plano.json"]).go();
        planned.exits(1);
        let plan: serde_json::Value = serde_json::from_str(&planned.text("plano.json")).unwrap();
        let count = |key: &str| plan["plano"][key].to_string();
        let keys = ["a_enviar", "inalteradas", "invalidas", "fora_do_retrato"];
        assert_eq!(keys.map(count).as_slice(), &cells[1..], "{plan}");
    }
    let results = export("run").go().exits(1).accounted_rows(53);
    let count = |what: &str| results.iter().filter(|row| row.situacao == what).count();
    let ends = ["atualizado", "inalterado", "recusado", "invalido"];
    assert_eq!(ends.map(count), [15, 35, 2, 1]);
    assert_eq!(simulator.counters()["requisicoes"], 17);
    assert_eq!(simulator.customers().as_array().unwrap().len(), 60);
}
