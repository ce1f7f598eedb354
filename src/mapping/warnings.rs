//! Warnings about a plan that follow from TomTicket's documentation.
//!
//! Warnings about the rows of a file are those of `preflight`.

use super::Target;
use crate::model::{FieldName, Param};

/// Sentences about updates of these fields. An empty cell clears the targets of `send_empty`; a marker,
/// if there is one (`marked`), clears any.
pub fn documented_warnings(
    fields: &[FieldName],
    send_empty: &[Target],
    marked: bool,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let has = |param| fields.contains(&FieldName::Param(param));
    let missing = |params: &[Param]| {
        let names: Vec<_> =
            params.iter().filter(|p| !has(**p)).map(|p| format!("\"{}\"", p.as_str())).collect();
        (!names.is_empty()).then(|| (names.join(" e "), names.len() > 1))
    };
    let defaults: Vec<_> = [(Param::CriarChamados, "true"), (Param::Idioma, "pt_BR")]
        .into_iter()
        .filter(|(param, _)| !has(*param))
        .map(|(param, default)| format!("{} = {default}", param.as_str()))
        .collect();
    if let Some((names, several)) = missing(&[Param::Nome, Param::Email]) {
        let listed = match several {
            true => "os lista como obrigatórios",
            false => "o lista como obrigatório",
        };
        warnings.push(format!(
            "o arquivo não envia {names}; a documentação do TomTicket {listed} (para exigir em todas as linhas: --require)"
        ));
    }
    if let Some((names, _)) = missing(&[Param::CriarChamados, Param::Idioma]) {
        warnings.push(format!(
            "o arquivo não envia {names}; o TomTicket pode aplicar o valor padrão da documentação ({})",
            defaults.join(", ")
        ));
    }
    if has(Param::PortfolioId) {
        warnings
            .push("\"portfolio_id\" só funciona em contas com assinatura Enterprise".to_owned());
    }
    let portfolio = Target::Field(FieldName::Param(Param::PortfolioId));
    let undocumented: Vec<String> =
        send_empty.iter().filter(|t| **t != portfolio).map(|t| format!("\"{t}\"")).collect();
    if !undocumented.is_empty() {
        warnings.push(format!(
            "--send-empty {}: a documentação só garante que valor vazio apaga no caso de \"portfolio_id\"; teste com --limit 1",
            undocumented.join(", ")
        ));
    }
    if marked && fields.iter().any(|f| *f != FieldName::Param(Param::PortfolioId)) {
        warnings.push(
            "--clear-marker: a documentação só garante que valor vazio apaga no caso de \"portfolio_id\"; teste com --limit 1"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::super::testing::plan;
    use crate::mapping::MappingOptions;
    use crate::model::CustomerType;

    #[test]
    fn only_the_defaults_of_missing_fields_are_named() {
        let all = ["identificador", "nome", "criarchamados", "idioma"];
        for (left_out, warned) in [
            (None, None),
            (Some("idioma"), Some("(idioma = pt_BR)")),
            (Some("criarchamados"), Some("(criarchamados = true)")),
        ] {
            let header: Vec<_> =
                all.into_iter().filter(|column| Some(*column) != left_out).collect();
            let options =
                MappingOptions { id_type: Some(CustomerType::Email), ..Default::default() };
            let warnings = plan(&header, &options).unwrap().warnings().join("\n");
            assert_eq!(warnings.contains("padrão"), warned.is_some(), "{warnings}");
            assert!(warnings.contains(warned.unwrap_or_default()), "{warnings}");
        }
    }
}
