//! Proposals: of the fixtures, against the table of what is right, and of headers that mislead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::sample::sample;
use super::*;
use crate::input::{InputArg, InputFile, ReadOptions, inspect, rows};
use crate::mapping::MappingPlan;

fn propose(header: &[&str], rows: &[&[&str]]) -> Proposal {
    Proposal::of(&Record::from_cells(1, header), &sample(rows), &KnownNames::read())
}

/// The usage of each column, as `email`, `email?` where it is likely, `+` for a part of the name.
fn usages(proposal: &Proposal) -> Vec<String> {
    let usage = |column: &ProposedColumn| match &column.usage {
        Usage::Target(target, Certainty::Sure) => target.to_string(),
        Usage::Target(target, Certainty::Likely) => format!("{target}?"),
        Usage::NamePart => "+".to_owned(),
        Usage::Unfit(target) => format!("não {target}"),
        Usage::Own => "(nosso)".to_owned(),
        Usage::Unknown => "-".to_owned(),
    };
    proposal.columns.iter().map(usage).collect()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The targets that are right, by file and column. A column that is not there has none.
fn expected() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut table: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
    let mut csv = csv::Reader::from_path(fixtures().join("exportacoes/destinos.csv")).unwrap();
    for line in csv.deserialize() {
        let (file, column, target): (String, String, String) = line.unwrap();
        table.entry(file).or_default().insert(column, target);
    }
    table
}

#[test]
fn the_columns_of_the_fixtures_are_recognised_and_none_is_wrong_that_is_sure() {
    let (mut right, mut count) = (0, 0);
    let table = expected();
    assert!(table.len() >= 17);
    for (name, targets) in &table {
        let file = InputFile::open(&InputArg::from_arg(fixtures().join(name))).unwrap();
        let inspection = inspect(&file, &ReadOptions::default()).unwrap();
        let sample = Sample::read(rows(&file, &inspection).unwrap()).unwrap();
        let proposal = Proposal::of(&inspection.header, &sample, &KnownNames::read());
        for name in targets.keys() {
            assert!(proposal.columns.iter().any(|column| column.name == *name), "no {name}");
        }
        for (column, usage) in proposal.columns.iter().zip(usages(&proposal)) {
            let found = match usage.trim_end_matches('?') {
                "+" => "nome",
                found => found,
            };
            let is_right = found == targets.get(&column.name).map_or("-", String::as_str);
            assert!(is_right || usage.ends_with('?'), "{name}: {:?} is {usage}", column.name);
            right += usize::from(is_right);
            count += 1;
        }
        assert!(!matches!(proposal.customer, CustomerSource::Unknown(_)), "{name}");
        MappingPlan::new(&inspection.header, &proposal.mapping(), false).unwrap();
    }
    assert!(count > 300 && right * 100 >= count * 95, "{right} of {count}");
}

#[test]
fn names_and_values_decide_together() {
    let (a, b, phone) = ("ana@x.com", "bia@x.com", "(11) 90000-0001");
    for (header, rows, expected) in [
        (
            &["Nome", "Sobrenome", "E-mail"][..],
            &[&["Ana", "Lima", a][..], &["Bia", "Reis", b]][..],
            &["+", "+", "email"][..],
        ),
        // The last name is there twice.
        (&["Nome", "Sobrenome", "E-mail"], &[&["Ana Lima", "Lima", a]], &["nome", "-", "email"]),
        (
            &["Name", "First Name", "Last Name"],
            &[&["Ana Lima", "Ana", "Lima"]],
            &["nome", "-", "-"],
        ),
        (&["Name", "First Name", "Last Name"], &[&["", "Ana", "Lima"]], &["-", "+", "+"]),
        (&["Razão Social", "Sobrenome"], &[&["Loja", ""]], &["nome?", "-"]),
        // What a column is called and what it holds.
        (&["Email", "Contato"], &[&["7", a]], &["-", "email?"]),
        (&["Idioma", "Telefone"], &[&["português", phone]], &["não idioma", "telefone"]),
        (&["Idioma", "Telefone"], &[&["", "11 90000-0001 ramal 2222"]], &["-", "não telefone"]),
        (&["Nome", "E-mail"], &[&[a, a]], &["não nome", "email"]),
        // Several of a kind.
        (&["E-mail", "Email"], &[&[a, b]], &["email", "-"]),
        (&["Telefone", "Celular"], &[&[phone, phone]], &["telefone", "-"]),
        (
            &["Telefone", "Celular"],
            &[&[phone, phone], &["", phone], &["", phone]],
            &["-", "telefone"],
        ),
        (&["Celular", "Work Phone"], &[&[phone, phone]], &["telefone?", "-"]),
        // An empty column is none of them.
        (
            &["Phone 1 - Value", "Phone 2 - Value"],
            &[&["11 90000-0001 ::: 11 90000-0002", ""]],
            &["não telefone", "-"],
        ),
        (&["Telefone"], &[&[phone], &["11 90000-0001 ::: 11 90000-0002"]], &["telefone?"]),
        // Codes tell rows apart, or they are none.
        (&["ID", "E-mail"], &[&["1", a], &["2", b]], &["id_interno?", "email"]),
        (&["ID", "E-mail"], &[&["1", a], &["1", b]], &["-", "email"]),
        (&["ID", "Código"], &[&["1", "A"], &["1", "B"]], &["-", "id_interno?"]),
        (&["id_interno", "ID"], &[&["1", "7"]], &["id_interno", "-"]),
        // This program's own.
        (
            &["identificador", "email", "lido_em"],
            &[&[a, a, ""]],
            &["identificador", "email", "(nosso)"],
        ),
        (&["campo:x", "campo:", ""], &[&["1", "2", "3"]], &["campo:x", "-"]),
        (
            &["Record ID", "situacao", "erro", "mensagem"],
            &[&["1", "x", "y", "z"]],
            &["id_interno?"],
        ),
    ] {
        assert_eq!(usages(&propose(header, rows)), expected, "{header:?}");
    }
}

#[test]
fn who_the_customer_is_comes_from_what_is_sure() {
    let (a, b) = ("ana@x.com", "bia@x.com");
    for (header, rows, customer) in [
        (
            &["identificador", "tipo_identificador"][..],
            &[&[a, "E"][..]][..],
            CustomerSource::Columns,
        ),
        (&["identificador"], &[&[a], &[b]], CustomerSource::Typed(CustomerType::Email)),
        (&["identificador"], &[&["1"], &["2"]], CustomerSource::Typed(CustomerType::Internal)),
        (&["identificador"], &[&["1"], &[b]], CustomerSource::Unknown(vec![0])),
        (&["E-mail", "identificador"], &[&[a, "1"]], CustomerSource::Typed(CustomerType::Internal)),
        (&["E-mail"], &[&[a], &[""]], CustomerSource::Key(Key::Email)),
        (
            &["id_interno", "E-mail"],
            &[&["1", a], &["2", ""], &["3", ""]],
            CustomerSource::Key(Key::IdInterno),
        ),
        (&["Cidade", "ID"], &[&["X", "1"], &["X", "2"]], CustomerSource::Unknown(vec![1])),
        (&["Login", "Cidade"], &[&[a, "X"], &[b, "X"]], CustomerSource::Unknown(vec![0])),
        (&["Celular", "Fantasia", "Sócio"], &[&["1", "2", "3"]], CustomerSource::Unknown(vec![2])),
        (&["Cidade"], &[&["X"], &["X"]], CustomerSource::Unknown(vec![])),
    ] {
        assert_eq!(propose(header, rows).customer, customer, "{header:?}");
    }
}

#[test]
fn columns_are_named_so_that_no_other_is_meant() {
    let header = ["Nome", "Nome", "E-mail", "Telefones", "{x}", "campo_x"];
    let row = ["Ana", "", "ana@x.com", "7", "", ""];
    let options = propose(&header, &[&row]).mapping();
    assert_eq!(
        options.map,
        [("#1".to_owned(), "nome".to_owned()), ("E-mail".to_owned(), "email".to_owned()),]
    );
    assert_eq!(options.ignore, ["#2", "Telefones", "campo_x"]);
    // Nothing but itself is called so.
    let proposal = propose(&["Nome", "Nome", "#1", "E-mail"], &[&["Ana", "Eva", "x", "ana@x.com"]]);
    assert_eq!(proposal.mapping().map[0], ("#2".to_owned(), "nome".to_owned()));
    let header = ["First {Name}", "Last Name", "Email"];
    let mut proposal = propose(&header, &[&["Ana", "Lima", "ana@x.com"]]);
    proposal.name_parts = vec![0, 1];
    assert_eq!(proposal.name_template().as_deref(), Some("{#1} {Last Name}"));
}

proptest! {
    /// f150
    #[test]
    fn what_is_proposed_fits_any_header(
        header in vec(prop_oneof![
            6 => select(vec![
                "Nome", "nome", "Sobrenome", "First Name", "Last Name", "Name", "E-mail", "Email", "email",
                "Telefone", "telefones", "Celular", "ID", "id_interno", "identificador", "idioma",
                "tipo_identificador", "campo:1", "campo:", "campo_1", "", " ", "situacao", "conta",
            ]).prop_map(ToOwned::to_owned),
            1 => "[a-z{}\"= ]{0,6}",
            1 => "\\PC{0,6}",
        ], 1..8),
        values in vec(select(vec!["Ana", "a@x.com", "b@x.com", "7", "8", "", "(11) 90000-0001"]), 16),
    ) {
        let header = Record::from_cells(1, &header);
        let rows: Vec<&[&str]> = values.chunks(header.len()).collect();
        let proposal = Proposal::of(&header, &sample(&rows), &KnownNames::read());
        if !matches!(proposal.customer, CustomerSource::Unknown(_)) {
            let plan = MappingPlan::new(&header, &proposal.mapping(), false);
            let fine = plan.is_ok() || plan.as_ref().is_err_and(|error| {
                matches!(error, crate::mapping::MappingError::NothingToSend { .. })
            });
            prop_assert!(fine, "{header:?}: {:?}", plan.err());
        }
    }
}
