//! What becomes of a row, by its cells and the mapping flags.

use super::*;
use crate::mapping::{Key, MappingOptions};

fn map(header: &[&str], cells: &[&str], options: &MappingOptions) -> Row {
    MappingPlan::new(&Record::from_cells(1, header), options, false).unwrap().map(
        0,
        Record::from_cells(2, cells),
        &[],
    )
}

fn sent(row: &Row) -> Vec<(String, String)> {
    let update = row.update.as_ref().unwrap();
    update.values().map(|(name, value)| (name.to_string(), value.to_owned())).collect()
}

fn why(row: &Row) -> &str {
    &row.update.as_ref().unwrap_err().mensagem
}

fn typed(ctype: CustomerType) -> MappingOptions {
    MappingOptions { id_type: Some(ctype), ..Default::default() }
}

const HEADER: [&str; 4] = ["identificador", "nome", "email", "portfolio_id"];

#[test]
fn all_violations_come_together() {
    let header = ["identificador", "tipo_identificador", "nome", "E-mail", "criarchamados"];
    let options =
        MappingOptions { map: vec![("E-mail".into(), "email".into())], ..Default::default() };
    let row = map(&header, &["1,23E+13", "X", "a\0b", "fulano@", "talvez"], &options);
    let why = why(&row);
    for needle in [
        "identificador: \"1,23E+13\"",
        "tipo_identificador: \"X\"",
        "coluna \"nome\": \"a·b\"",
        "email (coluna \"E-mail\"): \"fulano@\"",
        "criarchamados: \"talvez\"",
    ] {
        assert!(why.contains(needle), "{needle} in {why}");
    }
    assert_eq!(row.tipo, None);
}

#[test]
fn an_internal_id_is_not_cleared_on_a_type_i_row_and_a_marker_is_no_identifier() {
    let mut options = MappingOptions {
        clear_marker: Some("#N/A".into()),
        send_empty: vec!["id_interno".into()],
        ..Default::default()
    };
    let header = ["identificador", "tipo_identificador", "nome", "id_interno"];
    assert!(why(&map(&header, &["7", "I", "Ana", "#N/A"], &options)).contains("id_interno"));
    assert_eq!(sent(&map(&header, &["7", "I", "Ana", ""], &options)).len(), 1);
    options.key = Some(Key::Email);
    options.send_empty.clear();
    let row = map(&["email", "nome"], &["#N/A", "Ana"], &options);
    assert!(why(&row).contains("está vazio"));
}

#[test]
fn requirements() {
    let mut options = typed(CustomerType::Email);
    options.require = vec!["email".into(), "telefone".into()];
    let row = map(&HEADER, &["a@x.co", "Ana", "", ""], &options);
    assert!(why(&row).contains("email: exigido") && why(&row).contains("telefone: exigido"));
    let options = MappingOptions { require: vec!["id_interno".into()], ..Default::default() };
    let header = ["identificador", "tipo_identificador", "nome", "id_interno"];
    let row = map(&header, &["7", "i", "Ana", ""], &options);
    assert!(why(&row).contains("exigido por --require"), "{}", why(&row));
}

#[test]
fn without_trimming_space_is_data_and_part_of_the_marker() {
    let mut options = typed(CustomerType::Internal);
    options.set = vec![("nome".into(), "{First} {Last}".into()), ("campo:1".into(), " x ".into())];
    let header = ["identificador", "First", "Last"];
    let go = |options: &_, first: &str| sent(&map(&header, &["7", first, ""], options));
    assert_eq!(go(&options, "Ana")[1].1, "x");
    options.no_trim = true;
    options.clear_marker = Some("#N/A ".into());
    let sent = go(&options, "#N/A ");
    assert_eq!((&*sent[0].1, &*sent[1].1), ("", " x "));
    assert_eq!(go(&options, "#N/A")[0].1, "#N/A");
}

#[test]
fn a_control_character_has_one_message() {
    let header = ["identificador", "tipo_identificador", "id_interno"];
    let row = map(&header, &["a\u{1}b@x.co", "E", "a\u{1}b"], &MappingOptions::default());
    assert_eq!(why(&row).matches("contém um caractere de controle").count(), 2);
    let row = map(&header, &["a@x.co", "E", "a\tb"], &MappingOptions::default());
    assert_eq!(why(&row).matches("contém um caractere de controle").count(), 1);
    let options = MappingOptions {
        set: vec![("id_interno".into(), "C-{Cod}".into())],
        id_type: Some(CustomerType::Email),
        ..Default::default()
    };
    let row = map(&["identificador", "Cod"], &["a@x.co", "a\u{1}b"], &options);
    assert_eq!(why(&row).matches("contém um caractere de controle").count(), 1);
}

#[test]
fn consequences_of_a_violation_have_no_message() {
    let header = ["identificador", "tipo_identificador", "nome"];
    let ragged = map(&header, &["7", "X"], &MappingOptions::default());
    assert!(!why(&ragged).contains("tipo_identificador"), "{}", why(&ragged));
    let without = map(&header, &["7", "X", ""], &MappingOptions::default());
    assert!(!why(&without).contains("nada para enviar"), "{}", why(&without));
    let long = map(&header, &["7".repeat(300).as_str(), "I", "Ana"], &MappingOptions::default());
    assert_eq!(long.identificador().chars().count(), 61);
    // A valid identifier is whole, whatever else is wrong.
    let name = format!("{}@x.co", "a".repeat(90));
    let other = map(&["identificador", "email"], &[&name, "Ana"], &typed(CustomerType::Email));
    assert_eq!(
        (why(&other), other.identificador()),
        ("email: \"Ana\" não parece um e-mail", &*name)
    );
}

#[test]
fn padding_of_a_rejects_file_is_not_sent_until_the_row_is_edited() {
    let header = ["identificador", "nome", "telefone", "situacao", "erro", "mensagem"];
    let options = typed(CustomerType::Email);
    let mensagem = RaggedRow { cells: 2, header: 3, padded: false }.to_string();
    let go = |cells: [&str; 6]| map(&header, &cells, &options);
    assert!(go(["a@x.co", "Ana", " ", "invalido", "true", &mensagem]).update.is_err());
    for edited in [
        ["a@x.co", "Ana", "11", "invalido", "true", &mensagem],
        ["a@x.co", "Ana", "", "invalido", "true", ""],
        ["a@x.co", "Ana", "", "falhou", "true", &mensagem],
        ["a@x.co", "Ana", "", "invalido", "true", "email: não parece um e-mail"],
    ] {
        assert!(go(edited).update.is_ok(), "{edited:?}");
    }
}

#[test]
fn what_a_snapshot_shows_is_sent_back_as_it_is() {
    let header = [
        "identificador",
        "tipo_identificador",
        "nome",
        "email",
        "telefone",
        "criarchamados",
        "id_interno",
        "campo:k",
        "lido_em",
        "conta",
    ];
    let options = MappingOptions {
        clear_marker: Some("#N/A".into()),
        null: vec!["NULL".into()],
        ..Default::default()
    };
    let go = |cells: [&str; 8]| {
        let cells: Vec<_> = cells.into_iter().chain(["2026-11-27T02:10:00Z", "c"]).collect();
        map(&header, &cells, &options)
    };
    let long = "é".repeat(300);
    let odd = ["1,23E+13", "I", "a\0b", " sem arroba ", &long, "true", "", "#N/A"];
    let values = sent(&go(odd));
    let values: Vec<_> = values.iter().map(|(_, value)| &**value).collect();
    assert_eq!(values, ["a\0b", " sem arroba ", &long, "true", "#N/A"]);
    let odd = ["a@x", "E", "NULL", "", "\r", "", "1,23E+13", "\t"];
    let values = sent(&go(odd));
    let values: Vec<_> = values.iter().map(|(_, value)| &**value).collect();
    assert_eq!(values, ["NULL", "\r", "1,23E+13", "\t"]);
    // What no name of a customer can be, and words of this program's own.
    for (cells, says) in [
        ([".", "I", "Ana", "", "", "", "", ""], "identificador: \".\""),
        (["a\tb", "E", "Ana", "", "", "", "", ""], "de controle"),
        (["", "E", "Ana", "a@x", "", "", "", ""], "identificador está vazio"),
        (["7", "I", "Ana", "", "", "talvez", "", ""], "criarchamados: \"talvez\""),
    ] {
        let row = go(cells);
        assert!(why(&row).contains(says), "{}", why(&row));
        assert_eq!(row.left_out, None);
    }
    assert_eq!(go(["", "E", "Ana", "", "1", "", "", ""]).left_out, Some(LeftOut::Nameless));
}
