//! Names in the documents exist in the code: the tests of `docs/failures.md`, and the table of
//! dependencies. Whether the prose is true is not checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::de::DeTable;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The text between backticks, in order.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names in the first column of the tables between two headings.
fn first_column(text: &str, from: &str, to: &str) -> BTreeSet<String> {
    let begin = text.find(from).unwrap_or_else(|| panic!("no {from:?}"));
    let rest = &text[begin..];
    let rest = &rest[..rest.find(to).unwrap_or_else(|| panic!("no {to:?} after {from:?}"))];
    rest.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|cell| !matches!(*cell, "crate" | "---"))
        .flat_map(|cell| cell.split(", "))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let document = read("docs/architecture.md");
    let manifest = read("Cargo.toml");
    // Those of one system stand in a table of their own.
    let manifest = manifest
        .replace("\n[target.'cfg(unix)'.dependencies]\n", "")
        .replace("\n[target.'cfg(windows)'.dependencies]\n", "");
    let manifest = DeTable::parse(&manifest).unwrap();
    for (table, from, to) in [
        ("dependencies", "## Dependencies", "Only in tests:"),
        ("dev-dependencies", "Only in tests:", "### Supply chain"),
    ] {
        let listed = manifest.get_ref()[table].get_ref().as_table().unwrap();
        let listed = listed.keys().map(|key| key.get_ref().to_string()).collect();
        assert_eq!(first_column(&document, from, to), listed, "{table}");
    }
}

/// The numbers of the catalogue's entries and the tests that each names as `file::test`.
fn catalogue(document: &str) -> Vec<(String, Vec<(String, String)>)> {
    // Other tables follow the catalogue.
    let end = document.find("## The canary").unwrap_or(document.len());
    document[..end]
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter(|(number, _)| number.starts_with(|c: char| c.is_ascii_digit()))
        .map(|(number, rest)| {
            let named = code(rest).filter_map(|text| text.split_once("::"));
            (number.to_owned(), named.map(|(a, b)| (a.to_owned(), b.to_owned())).collect())
        })
        .collect()
}

/// The names of the functions after `#[test]`, or its form with a paused clock, by the module that holds them: the name of the file
/// or, where that is `tests.rs`, `mod.rs` or `main.rs`, of its folder.
fn tests_by_module() -> BTreeMap<String, BTreeSet<String>> {
    let mut modules = BTreeMap::new();
    for root in ["src", "tests"] {
        add_tests_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &mut modules);
    }
    modules
}

fn add_tests_below(folder: &Path, modules: &mut BTreeMap<String, BTreeSet<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_tests_below(&path, modules);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let named = match path.file_stem().and_then(|stem| stem.to_str()).unwrap() {
            "tests" | "mod" | "main" => folder,
            _ => &path,
        };
        let module = named.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("#[tokio::test(start_paused = true)]", "#[test]");
        for after in text.split("#[test]").skip(1) {
            // Other attributes may come in between.
            let name = after.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            modules.entry(module.clone()).or_default().extend(name.map(str::to_owned));
        }
    }
}

fn has(modules: &BTreeMap<String, BTreeSet<String>>, module: &str, test: &str) -> bool {
    modules.get(module).is_some_and(|tests| tests.contains(test))
}

#[test]
fn every_failure_of_the_catalogue_has_tests_that_exist() {
    let document = read("docs/failures.md");
    let modules = tests_by_module();
    let mut numbers = BTreeSet::new();
    for (number, tests) in catalogue(&document) {
        assert!(!tests.is_empty(), "no test for failure {number}");
        assert!(numbers.insert(number.clone()), "{number} is there twice");
        for (module, test) in tests {
            assert!(has(&modules, &module, &test), "failure {number}: no {module}::{test}");
        }
    }
    let last = numbers.iter().filter_map(|number| number.parse::<u32>().ok()).max().unwrap();
    assert!(last >= 66, "{last} entries");
    // Later numbers are given out in blocks, and not every block is used up.
    for number in 1..=114 {
        assert!(numbers.contains(&number.to_string()), "entry {number} is missing");
    }
    // Names outside the tables are checked as well.
    for name in code(&document).filter(|name| !name.contains([' ', '/', '<', '…'])) {
        if let Some((module, test)) = name.split_once("::") {
            assert!(has(&modules, module, test), "no {name}");
        }
    }
}

/// What is not run on Windows names modules and tests of this program.
#[test]
fn every_test_that_windows_skips_exists() {
    let list = read("tests/windows.txt");
    let named = list.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let modules = tests_by_module();
    let mut seen = 0;
    for name in named {
        let mut parts = name.rsplit("::");
        let (test, module) = (parts.next().unwrap(), parts.next().unwrap());
        let exists = match test {
            "" => modules.contains_key(module),
            test => has(&modules, module, test),
        };
        assert!(exists, "tests/windows.txt: no {name}");
        seen += 1;
    }
    assert!(seen > 10);
}

/// A test called `c17_…` or `f53_…` has an entry 17 or 53.
#[test]
fn every_number_in_a_tests_name_is_in_the_catalogue() {
    let document = read("docs/failures.md");
    let numbers: BTreeSet<_> = catalogue(&document).into_iter().map(|entry| entry.0).collect();
    let mut seen = 0;
    for (module, tests) in tests_by_module() {
        for test in tests {
            let (prefix, _) = test.split_once('_').unwrap_or((&test, ""));
            let number = prefix.strip_prefix(['c', 'f']).map(|text| text.trim_start_matches('0'));
            let Some(number) = number.filter(|text| text.starts_with(|c: char| c.is_ascii_digit()))
            else {
                continue;
            };
            seen += 1;
            assert!(numbers.contains(number), "{module}::{test}: no entry {number}");
        }
    }
    assert!(seen > 100, "only {seen} tests carry a number");
}
