//! `--set` texts that are the same in every row: one that no row can have is the flag's fault, and
//! is refused before anything is sent.

use super::values::{excerpt, has_forbidden_control, normalise};
use super::{MappingError, MappingOptions, Target};
use crate::model::{CustomerType, Identifier};

/// Checks the text that `--set` gives to `target` in every row, as a row's value would be. A text
/// that is empty or the marker (`marker`, as cells are compared with it) is not judged: what it
/// means depends on other flags.
///
/// # Errors
/// The rule that it breaks.
pub fn check(
    target: &Target,
    text: &str,
    options: &MappingOptions,
    marker: Option<&str>,
) -> Result<(), MappingError> {
    let value = if options.trim { text.trim() } else { text };
    if value.is_empty() || marker == Some(value) {
        return Ok(());
    }
    let control = has_forbidden_control(value)
        .then(|| "contém um caractere de controle".to_owned())
        .map_or(Ok(()), Err);
    let judged = match target {
        Target::Identificador => Identifier::check(value).map_err(|why| why.to_string()),
        Target::TipoIdentificador => match CustomerType::parse(value.trim()) {
            Some(_) => Ok(()),
            None => Err("não é I (identificador interno) nem E (e-mail)".to_owned()),
        },
        Target::Field(field) => normalise(field, value).map(|_| ()).map_err(|why| why.to_string()),
    };
    judged.and(control).map_err(|why| MappingError::Hopeless {
        target: target.to_string(),
        value: excerpt(value),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{pairs, plan};
    use super::*;

    #[test]
    fn a_constant_that_no_row_can_have_is_refused_at_once() {
        let base = ["identificador", "tipo_identificador", "nome"];
        for (target, value, rule) in [
            ("idioma", "fr", "pt_BR, en_US ou es_ES"),
            ("id_interno", "1,23E+13", "planilha"),
            ("campo:1", "a\u{1}b", "controle"),
        ] {
            let options = MappingOptions { set: pairs(&[(target, value)]), ..Default::default() };
            let error = plan(&base, &options).unwrap_err().to_string();
            assert!(error.contains(rule) && error.contains(target), "{error}");
        }
        for (target, header) in
            [("identificador", &base[1..]), ("tipo_identificador", &["identificador", "nome"])]
        {
            let options = MappingOptions { set: pairs(&[(target, "..")]), ..Default::default() };
            let error = plan(header, &options).unwrap_err().to_string();
            assert!(error.contains("todas as linhas"), "{error}");
        }
        for (target, value) in
            [("idioma", "pt-br"), ("idioma", " pt-br "), ("idioma", ""), ("idioma", "#N/A")]
        {
            let options = MappingOptions {
                set: pairs(&[(target, value)]),
                clear_marker: Some("#N/A".into()),
                ..Default::default()
            };
            assert!(plan(&base, &options).is_ok(), "{target}={value}");
        }
    }
}
