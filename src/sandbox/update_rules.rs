//! The rules for the parameters of *Atualizar Cliente*: which exist, how long they may be, what they
//! may hold. They come from TomTicket's page and, for names, from PHP.
//!
//! It restates the documentation instead of sharing the product's own tables, so that it can catch
//! a mistake in them. It knows nothing of HTTP or of customers.

/// The longest identifier in the path, in characters.
const IDENTIFIER_MAX: usize = 250;

/// The documented parameters in the order of the page, with their longest values in characters.
const PARAMETERS: [(&str, Option<usize>); 8] = [
    ("nome", Some(250)),
    ("email", Some(250)),
    ("criarchamados", None),
    ("telefone", Some(20)),
    ("id_organizacao", Some(250)),
    ("id_interno", Some(250)),
    ("idioma", Some(5)),
    ("portfolio_id", None),
];

const IDIOMAS: [&str; 3] = ["pt_BR", "en_US", "es_ES"];

/// The type of a customer's name, which is the last segment of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NameType {
    /// `I`: the internal identifier, compared exactly.
    Internal,
    /// `E`: the e-mail, compared without regard to letter case.
    Email,
}

impl NameType {
    /// Exactly `I` or `E`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "I" => Some(Self::Internal),
            "E" => Some(Self::Email),
            _ => None,
        }
    }

    /// The parameter that holds this kind of name.
    pub(super) const fn parameter(self) -> &'static str {
        match self {
            Self::Internal => "id_interno",
            Self::Email => "email",
        }
    }
}

/// An update that breaks no rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UpdateRequest {
    pub name_type: NameType,
    pub identifier: String,
    /// Parameter names as on the wire (`nome`, `campos[abc01]`) and their values, in the order of
    /// the request; each name once, at least one.
    pub values: Vec<(String, String)>,
}

/// Checks an update as it stood in the path and in the form.
///
/// # Errors
/// The first broken rule, in Portuguese.
pub(super) fn check(
    name_type: &str,
    identifier: String,
    values: Vec<(String, String)>,
) -> Result<UpdateRequest, String> {
    let Some(name_type) = NameType::parse(name_type) else {
        return Err("O tipo de identificador deve ser I ou E.".to_owned());
    };
    if identifier.chars().count() > IDENTIFIER_MAX {
        return Err(format!("O identificador passa de {IDENTIFIER_MAX} caracteres."));
    }
    if identifier.chars().any(char::is_control) {
        return Err("O identificador contém um caractere de controle.".to_owned());
    }
    if values.is_empty() {
        return Err("Nenhum parâmetro foi informado.".to_owned());
    }
    for (index, (name, value)) in values.iter().enumerate() {
        check_name(name)?;
        if values[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("O parâmetro {name} foi informado mais de uma vez."));
        }
        if name == "id_interno" && name_type != NameType::Email {
            return Err(
                "O parâmetro id_interno só é permitido com o tipo de identificador E.".to_owned()
            );
        }
        check_value(name, value)?;
    }
    Ok(UpdateRequest { name_type, identifier, values })
}

/// The id inside `campos[…]`, when the name has that form (the id is not checked).
pub(super) fn campo_id(name: &str) -> Option<&str> {
    name.strip_prefix("campos[")?.strip_suffix(']')
}

/// Checks a parameter's name. PHP reads `campos[id]` as an array: quotes would be part of the key,
/// a second bracket changes the structure, leading space is dropped.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if PARAMETERS.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let Some(id) = campo_id(name) else {
        return Err(format!("O parâmetro {} não existe.", shown(name)));
    };
    let quoted = |c: char| matches!(c, '\'' | '`' | '‘' | '’' | '“' | '”');
    let wrong = id.is_empty()
        || id.contains(['[', ']', '"', '\\'])
        || id.starts_with(quoted)
        || id.ends_with(quoted)
        || id.starts_with(char::is_whitespace)
        || id.chars().any(char::is_control);
    if wrong {
        return Err(format!("O id do campo personalizado em {} não é válido.", shown(name)));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<(), String> {
    let max = PARAMETERS.iter().find(|(known, _)| *known == name).and_then(|(_, max)| *max);
    if let Some(max) = max.filter(|max| value.chars().count() > *max) {
        return Err(format!("O parâmetro {name} passa de {max} caracteres."));
    }
    match name {
        "criarchamados" if !matches!(value, "" | "true" | "false") => {
            Err("O parâmetro criarchamados deve ser true ou false.".to_owned())
        }
        "idioma" if !value.is_empty() && !IDIOMAS.contains(&value) => {
            Err("O parâmetro idioma deve ser pt_BR, en_US ou es_ES.".to_owned())
        }
        _ => Ok(()),
    }
}

/// A foreign name cut to a length that fits a message.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(60).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(name_type: &str, values: &[(&str, &str)]) -> Result<UpdateRequest, String> {
        let values = values.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        check(name_type, "ana@x.com".to_owned(), values)
    }

    /// The message that a value gets, or an empty one.
    fn refusal(name_type: &str, name: &str, value: &str) -> String {
        update(name_type, &[(name, value)]).err().unwrap_or_default()
    }

    #[test]
    fn the_documented_parameters_are_accepted() {
        let all = [
            ("nome", "Ana"),
            ("email", "ana@x.com"),
            ("criarchamados", "true"),
            ("telefone", "+55 11 99999-9999"),
            ("id_organizacao", "7"),
            ("id_interno", "00012"),
            ("idioma", "es_ES"),
            ("portfolio_id", ""),
            ("campos[abc01]", "x"),
            ("campos[d'água é]", ""),
        ];
        assert_eq!(update("E", &all).unwrap().values.len(), all.len());
    }

    #[test]
    fn types_are_two_capital_letters() {
        for text in ["", "e", "i", "X", "EE", "E "] {
            assert!(update(text, &[("nome", "x")]).unwrap_err().contains("I ou E"), "{text:?}");
        }
        assert!(update("I", &[("nome", "x")]).is_ok());
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        for (name, max) in [
            ("nome", 250),
            ("email", 250),
            ("telefone", 20),
            ("id_organizacao", 250),
            ("id_interno", 250),
        ] {
            assert_eq!(refusal("E", name, &"é".repeat(max)), "");
            let message = refusal("E", name, &"é".repeat(max + 1));
            assert!(message.contains(name) && message.contains(&max.to_string()), "{message}");
        }
        assert_eq!(refusal("E", "campos[1]", &"é".repeat(5000)), "");
        assert_eq!(refusal("E", "portfolio_id", &"é".repeat(5000)), "");
    }

    #[test]
    fn closed_sets_of_values() {
        for value in ["1", "True", "sim", " true"] {
            assert!(refusal("E", "criarchamados", value).contains("true ou false"), "{value}");
        }
        for value in ["pt-BR", "pt_br", "fr_FR", "x"] {
            assert!(refusal("E", "idioma", value).contains("pt_BR"), "{value}");
        }
        assert!(refusal("E", "idioma", "pt_BR ").contains("5 caracteres"));
        assert_eq!(refusal("E", "criarchamados", ""), "");
        assert_eq!(refusal("E", "idioma", ""), "");
    }

    #[test]
    fn id_interno_only_with_type_e_even_if_empty() {
        assert!(refusal("I", "id_interno", "1").contains("id_interno"));
        assert!(refusal("I", "id_interno", "").contains("id_interno"));
        assert_eq!(refusal("I", "email", "b@x"), "");
    }

    #[test]
    fn unknown_names_and_twins_are_refused() {
        for name in ["Nome", "", "campos", "campo", "customer_id", "campos[1", "campos1]", " nome"]
        {
            assert!(refusal("E", name, "x").contains("não existe"), "{name:?}");
        }
        let twins = update("E", &[("nome", "a"), ("telefone", "1"), ("nome", "a")]);
        assert!(twins.unwrap_err().contains("mais de uma vez"));
        assert!(update("E", &[]).unwrap_err().contains("Nenhum parâmetro"));
    }

    #[test]
    fn ids_that_php_would_mangle_are_refused() {
        for id in ["", "'abc01'", "\"abc01\"", "a]b", "a[b", "a\"b", "a\\b", " a", "a\nb", "“a”"]
        {
            let message = refusal("E", &format!("campos[{id}]"), "x");
            assert!(message.contains("campo personalizado"), "{id:?}: {message}");
        }
        assert!(refusal("E", "campos[a][b]", "x").contains("campo personalizado"));
    }

    #[test]
    fn identifiers() {
        let nome = || vec![("nome".to_owned(), "x".to_owned())];
        assert!(check("I", "é".repeat(250), nome()).is_ok());
        assert!(check("I", "é".repeat(251), nome()).unwrap_err().contains("250"));
        assert!(check("I", "a\tb".to_owned(), nome()).unwrap_err().contains("controle"));
        assert!(check("I", "12/0001 ü%".to_owned(), nome()).is_ok());
    }
}
