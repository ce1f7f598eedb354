//! What the documents promise about the code is there: the tests that `docs/failures.md` names, and
//! the table of dependencies. It says nothing about whether the prose is true.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;

use toml::de::DeTable;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
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
