//! A rehearsal of each fixture ends as `fixtures/README.md` says: counts by `situacao`, exit code,
//! and for `linhas-ruins.csv` every line.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::{CANARY, canary};

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
    assert_eq!(commands.len(), 7, "one row for each fixture");
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
