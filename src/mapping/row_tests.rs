//! What becomes of a row, by its cells and the mapping flags.

use super::*;
use crate::mapping::{Key, MappingOptions};

fn map(header: &[&str], cells: &[&str], options: &MappingOptions) -> Row {
    MappingPlan::new(&Record::from_cells(1, header), options)
        .unwrap()
        .map(0, Record::from_cells(2, cells))
}

fn sent(row: &Row) -> Vec<(String, String)> {
    let update = row.update.as_ref().unwrap();
    update.values().map(|(name, value)| (name.to_string(), value.to_owned())).collect()
}

fn why(row: &Row) -> &str {
    row.update.as_ref().unwrap_err()
}

fn typed(ctype: CustomerType) -> MappingOptions {
    MappingOptions { id_type: Some(ctype), ..Default::default() }
}

const HEADER: [&str; 4] = ["identificador", "nome", "email", "portfolio_id"];

#[test]
fn empty_cells_are_not_sent() {
    let row = map(&HEADER, &["a@x.co", " Ana\u{a0}", "", ""], &typed(CustomerType::Email));
    assert_eq!(sent(&row), [("nome".to_owned(), "Ana".to_owned())]);
    assert_eq!(&*row.identificador, "a@x.co");
}

#[test]
fn values_are_cleared_only_on_request() {
    let mut options = typed(CustomerType::Email);
    options.send_empty = vec!["portfolio_id".into()];
    options.clear_marker = Some("#N/A".into());
    let row = map(&HEADER, &["a@x.co", "#N/A", "", ""], &options);
    let cleared = [("nome".to_owned(), String::new()), ("portfolio_id".to_owned(), String::new())];
    assert_eq!(sent(&row), cleared);
    let kept = map(&HEADER, &["a@x.co", "#N/A!", "", "7"], &options);
    assert_eq!(sent(&kept)[0].1, "#N/A!");
}

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
fn ragged_rows_are_never_shifted() {
    let short = map(&HEADER, &["a@x.co", "Ana"], &typed(CustomerType::Email));
    assert!(why(&short).contains("a linha tem 2, o cabeçalho tem 4"));
    let long = map(&HEADER, &["a@x.co", "Ana", "", "", "x"], &typed(CustomerType::Email));
    assert!(why(&long).contains("sobram células"));
    assert_eq!(&*long.identificador, "a@x.co");
}

#[test]
fn the_key_column_is_the_identifier() {
    let options = MappingOptions { key: Some(Key::IdInterno), ..Default::default() };
    let row = map(&["id_interno", "nome"], &["0007", "Ana"], &options);
    assert_eq!((&*row.identificador, row.tipo), ("0007", Some(CustomerType::Internal)));
    assert_eq!(sent(&row), [("nome".to_owned(), "Ana".to_owned())]);
    let options = MappingOptions { key: Some(Key::Email), ..Default::default() };
    let row = map(&["email", "nome"], &["a@x.co", "Ana"], &options);
    assert_eq!(sent(&row).len(), 2);
}

#[test]
fn id_interno_needs_type_e() {
    let header = ["identificador", "tipo_identificador", "nome", "id_interno"];
    let row = map(&header, &["7", "i", "Ana", "8"], &MappingOptions::default());
    assert!(why(&row).contains("id_interno"));
    let row = map(&header, &["7", "i", "Ana", ""], &MappingOptions::default());
    assert_eq!(sent(&row).len(), 1);
    let row = map(&header, &["a@x.co", "e", "Ana", "8"], &MappingOptions::default());
    assert_eq!(sent(&row).len(), 2);
    let options = MappingOptions { require: vec!["id_interno".into()], ..Default::default() };
    let row = map(&header, &["7", "i", "Ana", ""], &options);
    assert!(why(&row).contains("exigido por --require"), "{}", why(&row));
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
fn nothing_to_send_and_requirements() {
    let row = map(&HEADER, &["a@x.co", "", " ", ""], &typed(CustomerType::Email));
    assert!(why(&row).contains("nada para enviar"));
    let mut options = typed(CustomerType::Email);
    options.require = vec!["email".into(), "telefone".into()];
    let row = map(&HEADER, &["a@x.co", "Ana", "", ""], &options);
    assert!(why(&row).contains("email: exigido"));
    assert!(why(&row).contains("telefone: exigido"));
}

#[test]
fn a_marker_inside_a_set_text_is_an_empty_cell() {
    let mut options = typed(CustomerType::Internal);
    options.clear_marker = Some(" #N/A ".into());
    options.set =
        vec![("nome".into(), "{First} {Last}".into()), ("identificador".into(), "C-{Cod}".into())];
    let header = ["Cod", "First", "Last"];
    let row = map(&header, &["7", "#N/A", "Lima"], &options);
    assert_eq!((&*row.identificador, &*sent(&row)[0].1), ("C-7", "Lima"));
    assert_eq!(sent(&map(&header, &["7", "#N/A", " #N/A"], &options))[0].1, "");
    let without = map(&header, &["#N/A", "Ana", ""], &options);
    assert!(why(&without).contains("está vazio"), "{}", why(&without));
    options.trim = false;
    options.clear_marker = Some("#N/A ".into());
    assert_eq!(sent(&map(&header, &["7", "#N/A ", ""], &options))[0].1, "");
    assert_eq!(sent(&map(&header, &["7", "#N/A", ""], &options))[0].1, "#N/A");
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
    assert_eq!(long.identificador.chars().count(), 61);
}

#[test]
fn the_text_of_set_is_trimmed_as_cells_are() {
    let mut options = typed(CustomerType::Email);
    options.set = vec![("nome".into(), " Ana ".into())];
    assert_eq!(sent(&map(&["identificador"], &["a@x.co"], &options))[0].1, "Ana");
    options.trim = false;
    assert_eq!(sent(&map(&["identificador"], &["a@x.co"], &options))[0].1, " Ana ");
}

#[test]
fn padding_of_a_rejects_file_is_not_sent_until_the_row_is_edited() {
    let header = ["identificador", "nome", "telefone", "situacao", "erro", "mensagem"];
    let options = typed(CustomerType::Email);
    let mensagem = RaggedRow { cells: 2, header: 3, padded: false }.to_string();
    let go = |cells: [&str; 6]| map(&header, &cells, &options);
    let again = go(["a@x.co", "Ana", "", "invalido", "true", &mensagem]);
    let mensagem = why(&again).to_owned();
    assert!(mensagem.contains("apague esta mensagem"), "{mensagem}");
    // The same holds for every further round.
    let third = go(["a@x.co", "Ana", " ", "invalido", "true", &mensagem]);
    assert_eq!(why(&third), mensagem);
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
fn no_trim_keeps_space() {
    let mut options = typed(CustomerType::Email);
    options.trim = false;
    let row = map(&HEADER, &["a@x.co", " Ana ", "", ""], &options);
    assert_eq!(sent(&row), [("nome".to_owned(), " Ana ".to_owned())]);
}

#[test]
fn line_breaks_are_data_but_not_in_an_identifier() {
    let row = map(&HEADER, &["a@x.co", "Ana\nLima", "", ""], &typed(CustomerType::Email));
    assert_eq!(sent(&row)[0].1, "Ana\nLima");
    let row = map(&HEADER, &["a\nb@x.co", "Ana", "", ""], &typed(CustomerType::Email));
    assert!(why(&row).contains("controle"));
}
