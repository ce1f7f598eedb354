//! The rules for the parameters of *Atualizar Cliente*: which exist, how long they may be, what they
//! may hold. They come from TomTicket's page and, for names, from PHP.
//!
//! It restates the documentation instead of sharing the product's own tables, so that it can catch
//! a mistake in them. It knows nothing of HTTP or of customers.

/// The longest identifier in the path, in characters.
const IDENTIFIER_MAX: usize = 250;

/// The documented parameters in the order of the page: the longest value in characters, and the only
/// values beside the empty one (none listed: any).
const PARAMETERS: [(&str, Option<usize>, &[&str]); 8] = [
    ("nome", Some(250), &[]),
    ("email", Some(250), &[]),
    ("criarchamados", None, &["true", "false"]),
    ("telefone", Some(20), &[]),
    ("id_organizacao", Some(250), &[]),
    ("id_interno", Some(250), &[]),
    ("idioma", Some(5), &["pt_BR", "en_US", "es_ES"]),
    ("portfolio_id", None, &[]),
];

/// The type of a customer's name, which is the last segment of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NameType {
    /// `I`: the internal identifier, compared exactly.
    Internal,
    /// `E`: the e-mail, compared without regard to letter case.
    Email,
}

impl NameType {
    pub(super) const ALL: [Self; 2] = [Self::Email, Self::Internal];

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

/// Checks an update as it stood in the path and in the form. An error is the first broken rule, in
/// Portuguese.
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
    if PARAMETERS.iter().any(|(known, ..)| *known == name) {
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
    let Some((_, max, closed)) = PARAMETERS.iter().find(|(known, ..)| *known == name) else {
        return Ok(());
    };
    if let Some(max) = max.filter(|max| value.chars().count() > *max) {
        return Err(format!("O parâmetro {name} passa de {max} caracteres."));
    }
    match closed.split_last() {
        Some((last, others)) if !value.is_empty() && !closed.contains(&value) => {
            let others = others.join(", ");
            Err(format!("O parâmetro {name} deve ser {others} ou {last}."))
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
