//! What holds for any file, header, options and cells: an update that may be sent, or words that say
//! why not.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::testing::plan;
use super::{Key, MappingOptions, MappingPlan};
use crate::exit_code;
use crate::input::strategies::{DELIMITERS, encoding, wrapped_soup};
use crate::input::testing::read_all;
use crate::input::{ReadOptions, Record};
use crate::model::{CustomerType, FieldName};

/// A column's name: known, nearly known, or anything.
fn column() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(vec![
            "identificador", "tipo_identificador", "nome", "email", "criarchamados", "telefone",
            "id_organizacao", "id_interno", "idioma", "portfolio_id", "campo:abc01", "campo:é/%",
        ]).prop_map(ToOwned::to_owned),
        1 => select(vec![
            " Nome ", "NOME", "emial", "campos['abc01']", "campo:", "campo:a]b", "campo:\"a\"",
            "linha", "situacao", "erro", "mensagem", "", "campo_abc", "campos[abc01]", "{x}",
        ]).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,12}",
        1 => any::<String>(),
    ]
}

fn options() -> impl Strategy<Value = MappingOptions> {
    let names = || vec(column(), 0..2);
    let text = "[a-z{} @.]{0,12}|\\{nome\\}x|\\{\\{|\\PC{0,8}";
    (
        (vec((column(), column()), 0..3), names(), vec((column(), text), 0..3)),
        select(vec![None, Some(Key::Email), Some(Key::IdInterno)]),
        select(vec![None, Some(CustomerType::Email), Some(CustomerType::Internal)]),
        (any::<bool>(), any::<bool>()),
        (names(), names(), vec("NULL|1|\\PC{1,3}", 0..2), names()),
        prop::option::of("#N/A|\\PC{1,3}"),
    )
        .prop_map(
            |((map, ignore, set), key, id_type, (strict, no_trim), lists, clear_marker)| {
                let (send_empty, require, null, allow) = lists;
                MappingOptions {
                    map,
                    ignore,
                    set,
                    key,
                    id_type,
                    strict,
                    send_empty,
                    clear_marker,
                    null,
                    allow,
                    no_trim,
                    require,
                    compared: false,
                }
            },
        )
}

/// A value that some column accepts, or anything.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "", "1", "I", "e", "a@b.com", "sim", "FALSE", "pt-br", "pt_BR", "1,23E+13", ".", "..",
            "#N/A", "\u{a0}x\u{a0}", "a\0b", "a\nb", "@", "a@b", "a b@c.d", "12345678901234567890x",
        ]).prop_map(ToOwned::to_owned),
        1 => any::<String>(),
        1 => (0usize..400).prop_map(|count| "é".repeat(count)),
    ]
}

/// Maps a record and checks what must hold for the result, whatever it was made from.
fn check_row(plan: &MappingPlan, record: Record) -> Result<(), TestCaseError> {
    let update = match plan.map(0, record, &[]).update {
        Ok(update) => update,
        Err(invalid) => {
            prop_assert!(!invalid.mensagem.trim().is_empty());
            return Ok(());
        }
    };
    let id = update.customer().identifier.as_str();
    prop_assert!(!id.trim().is_empty() && id != "." && id != ".." && id.chars().count() <= 250);
    prop_assert!(!id.chars().any(char::is_control));
    let mut names = Vec::new();
    for (name, value) in update.values() {
        if let FieldName::Campo(id) = name {
            let bad = |c: char| c.is_control() || matches!(c, '[' | ']' | '"' | '\\');
            prop_assert!(!id.as_str().is_empty() && !id.as_str().contains(bad));
        }
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        prop_assert!(!value.contains(control), "{}: {:?}", name, value);
        prop_assert!(!names.contains(&name), "{} twice", name);
        names.push(name);
    }
    prop_assert!(!names.is_empty(), "an update of nothing");
    Ok(())
}

proptest! {
    /// f57
    #[test]
    fn any_file_is_read_or_refused_and_any_row_of_it_is_mapped(
        bytes in wrapped_soup(),
        delimiter in prop::option::weighted(0.3, select(&DELIMITERS[..])),
        encoding in encoding(),
    ) {
        match read_all(bytes, ReadOptions { delimiter, encoding, ..ReadOptions::default() }) {
            Err(error) => {
                prop_assert_eq!(error.exit_code(), exit_code::USAGE, "{}", error);
                prop_assert!(!error.to_string().trim().is_empty());
            }
            Ok((inspection, rows)) => {
                prop_assert!(!inspection.header.is_blank());
                prop_assert!(rows.windows(2).all(|pair| pair[0].linha() < pair[1].linha()));
                prop_assert!(rows.iter().all(|row| !row.is_blank() && row.linha() >= 2));
                let options =
                    MappingOptions { id_type: Some(CustomerType::Internal), ..Default::default() };
                if let Ok(plan) = MappingPlan::new(&inspection.header, &options, inspection.cr_ends) {
                    for row in rows {
                        check_row(&plan, row)?;
                    }
                }
            }
        }
    }

    /// f58
    #[test]
    fn any_header_is_a_plan_or_an_error_and_its_updates_can_be_sent(
        header in vec(column(), 0..8),
        options in options(),
        rows in vec(vec(value(), 0..8), 0..4),
        fits in any::<bool>(),
    ) {
        let plan = match MappingPlan::new(&Record::from_cells(1, &header), &options, true) {
            Ok(plan) => plan,
            Err(why) => {
                prop_assert!(!why.to_string().trim().is_empty());
                return Ok(());
            }
        };
        for mut cells in rows {
            if fits {
                cells.resize(header.len(), "1".to_owned());
            }
            check_row(&plan, Record::from_cells(2, &cells))?;
        }
    }

    /// f58: the same where every header makes sense, so that most rows get as far as an update.
    #[test]
    fn any_row_under_a_good_header_is_an_update_that_can_be_sent_or_says_why_not(
        mut cells in vec(value(), 12),
        email in any::<bool>(),
        no_trim in any::<bool>(),
        clear_marker in prop::option::of(select(vec!["#N/A".to_owned(), "1".to_owned()])),
    ) {
        let header = [
            "identificador", "tipo_identificador", "nome", "email", "criarchamados", "telefone",
            "id_organizacao", "id_interno", "idioma", "portfolio_id", "campo:a", "campo:é b",
        ];
        let plan = plan(&header, &MappingOptions { no_trim, clear_marker, ..Default::default() }).unwrap();
        cells[1] = if email { "E" } else { "I" }.to_owned();
        check_row(&plan, Record::from_cells(2, &cells))?;
    }
}
