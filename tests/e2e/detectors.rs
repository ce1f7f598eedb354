//! What the detectors of suspicious values find in every fixture: in `valores-suspeitos.csv` each its
//! own, and nothing in those that are clean by design. Each detector alone is tested beside the code.

use std::path::Path;

use crate::support::Run;

/// Fixtures with something to find; no other has a finding.
const DIRTY: [&str; 3] =
    ["duplicados-e-renomeados.csv", "linhas-ruins.csv", "valores-suspeitos.csv"];

/// What is found by an example of its own, as its rows would spoil the other columns.
const SWAPPED: &str = "identificador;tipo_identificador;nome;telefone\n\
                       1;I;(00) 90000-0001;Ana Lima\n2;I;(00) 90000-0002;Bia Nobre\n";

fn fixtures(folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = std::fs::read_dir(root.join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_input =
        |name: &String| name.ends_with(".csv") || name.ends_with(".xlsx") || name.ends_with(".txt");
    let names = names.filter(|name| is_input(name) && name != "destinos.csv");
    let mut paths: Vec<_> = names.map(|name| format!("{folder}{name}")).collect();
    paths.sort();
    paths
}

/// The findings about an input, each without its way out.
fn findings(name: &str, bytes: &[u8], config: Option<Vec<u8>>) -> Vec<String> {
    let english =
        |run: Run| ["Address", "- Value", "File As"].into_iter().fold(run, Run::with_english);
    let run = |command: &str| english(Run::bare(&[command])).input(name, bytes);
    let toml = Path::new(name).with_extension("toml").display().to_string();
    let checked = match config {
        Some(config) => run("check").file(&toml, config).args(["--config", &toml]).go(),
        // An export of its own headers is mapped first.
        None if run("check").go().code == Some(2) => {
            let made = run("init").arg("--yes").go();
            made.exits(0);
            let check = english(Run::bare(&["check", name, "--config", &toml]));
            check.in_folder_of(&made).go()
        }
        None => run("check").go(),
    };
    let Some((_, text)) = checked.stderr.split_once("valores suspeitos") else { return Vec::new() };
    let lines = text.lines().skip(1).map_while(|line| line.strip_prefix("  "));
    let found = lines.map(|line| match line.split_once("). ") {
        Some((found, _)) => format!("{found})"),
        None => line.to_owned(),
    });
    found.collect()
}

#[test]
fn each_detector_finds_its_own_and_nothing_in_clean_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut table = String::new();
    for path in [fixtures(""), fixtures("exportacoes/")].concat() {
        let file = root.join(&path);
        let name = file.file_name().unwrap().to_str().unwrap();
        let config = std::fs::read(file.with_extension("toml"));
        let config = config.ok().filter(|_| ["hubspot.csv", "salesforce.csv"].contains(&&*path));
        let found = findings(name, &std::fs::read(&file).unwrap(), config);
        assert_eq!(found.is_empty(), !DIRTY.contains(&&*path), "{path}: {found:?}");
        table.push_str(&format!("{path}: {}\n", found.len()));
        table.extend(found.into_iter().map(|line| format!("  {line}\n")));
    }
    table.push_str("nome e telefone trocados:\n");
    let found = findings("trocadas.csv", SWAPPED.as_bytes(), None);
    table.extend(found.into_iter().map(|line| format!("  {line}\n")));
    insta::assert_snapshot!(table);
}
