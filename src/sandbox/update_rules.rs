//! The rules for the parameters of *Atualizar Cliente*: which exist, how long they may be, what they
//! may hold. They come from TomTicket's page and, for names, from PHP.
//!
//! It restates the documentation instead of sharing the product's own tables, so that it can catch
//! a mistake in them. It knows nothing of HTTP or of customers.

/// The longest identifier, in characters.
const IDENTIFIER_MAX: usize = 250;

/// A documented parameter of one version of the API.
struct Parameter {
    name: &'static str,
    /// Under which name its value is held: version 1's.
    held: &'static str,
    /// The longest value in characters.
    max: Option<usize>,
    /// The only values beside the empty one, and what is held of each (none listed: any).
    closed: &'static [(&'static str, &'static str)],
}

const fn text(name: &'static str, held: &'static str, max: Option<usize>) -> Parameter {
    Parameter { name, held, max, closed: &[] }
}

/// What one version of the API calls the values of a customer.
pub(super) struct ParameterTable {
    /// In the order of the page.
    parameters: [Parameter; 8],
    /// What stands before `[<id>]` of a custom field.
    campos: &'static str,
    /// Whether a name that does not exist is ignored instead of refused.
    ignores_unknown: bool,
}

/// *Atualizar Cliente*.
pub(super) static V1: ParameterTable = ParameterTable {
    parameters: [
        text("nome", "nome", Some(250)),
        text("email", "email", Some(250)),
        Parameter {
            name: "criarchamados",
            held: "criarchamados",
            max: None,
            closed: &[("true", "true"), ("false", "false")],
        },
        text("telefone", "telefone", Some(20)),
        text("id_organizacao", "id_organizacao", Some(250)),
        text("id_interno", "id_interno", Some(250)),
        Parameter {
            name: "idioma",
            held: "idioma",
            max: Some(5),
            closed: &[("pt_BR", "pt_BR"), ("en_US", "en_US"), ("es_ES", "es_ES")],
        },
        text("portfolio_id", "portfolio_id", None),
    ],
    campos: "campos",
    ignores_unknown: false,
};

/// *Atualizar Informações do Cliente* of v2.0. Names that do not exist were seen to be ignored.
pub(super) static V2: ParameterTable = ParameterTable {
    parameters: [
        text("name", "nome", Some(250)),
        text("email", "email", Some(250)),
        text("phone", "telefone", Some(20)),
        Parameter {
            name: "create_tickets",
            held: "criarchamados",
            max: None,
            closed: &[("1", "true"), ("0", "false")],
        },
        text("organization_id", "id_organizacao", Some(512)),
        text("internal_id", "id_interno", Some(250)),
        Parameter {
            name: "language",
            held: "idioma",
            max: None,
            closed: &[("pt-BR", "pt_BR"), ("en-US", "en_US"), ("es_ES", "es_ES")],
        },
        text("portfolio_id", "portfolio_id", Some(512)),
    ],
    campos: "custom_field",
    ignores_unknown: true,
};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UpdateRequest {
    pub name_type: NameType,
    pub identifier: String,
    /// Values as they are held, by version 1's names (`nome`, `campos[abc01]`), in the order of the
    /// request; each name once.
    pub values: Vec<(String, String)>,
}

/// Checks an update of v2.0, whose form names the customer too. An error is the first broken rule, in
/// Portuguese.
pub(super) fn check_v2(mut values: Vec<(String, String)>) -> Result<UpdateRequest, String> {
    let mut take = |name: &str| {
        let at = values.iter().position(|(known, _)| known == name)?;
        Some(values.remove(at).1)
    };
    let identifier = take("customer_id").filter(|identifier| !identifier.is_empty());
    let identifier = identifier.ok_or("O parâmetro customer_id não foi informado.")?;
    let name_type = take("customer_type_id");
    check(&V2, name_type.as_deref().unwrap_or("I"), identifier, values)
}

/// Checks an update by this table, given the customer's identifier and its type. An error is the first
/// broken rule, in Portuguese.
pub(super) fn check(
    table: &ParameterTable,
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
    let mut held: Vec<(String, String)> = Vec::with_capacity(values.len());
    for (name, value) in values {
        let Some((held_name, value)) = table.held(&name, value)? else { continue };
        if held.iter().any(|(earlier, _)| *earlier == held_name) {
            return Err(format!("O parâmetro {name} foi informado mais de uma vez."));
        }
        if held_name == "id_interno" && name_type != NameType::Email {
            return Err(format!(
                "O parâmetro {name} só é permitido com o tipo de identificador E."
            ));
        }
        held.push((held_name, value));
    }
    Ok(UpdateRequest { name_type, identifier, values: held })
}

/// The id inside `campos[…]`, when the name has that form (the id is not checked).
pub(super) fn campo_id(name: &str) -> Option<&str> {
    array_key("campos", name)
}

fn array_key<'a>(array: &str, name: &'a str) -> Option<&'a str> {
    name.strip_prefix(array)?.strip_prefix('[')?.strip_suffix(']')
}

/// Whether version 1 has a parameter of this name.
pub(super) fn is_name(name: &str) -> bool {
    V1.held(name, String::new()).is_ok()
}

impl ParameterTable {
    /// What is held of a value that was sent under this name; `None` if it is ignored.
    fn held(&self, name: &str, value: String) -> Result<Option<(String, String)>, String> {
        if let Some(parameter) = self.parameters.iter().find(|known| known.name == name) {
            return Ok(Some((parameter.held.to_owned(), parameter.value(value)?)));
        }
        let id = array_key(self.campos, name);
        let problem = match id {
            Some(id) if is_campo_id(id) => return Ok(Some((format!("campos[{id}]"), value))),
            Some(_) => format!("O id do campo personalizado em {} não é válido.", shown(name)),
            None => format!("O parâmetro {} não existe.", shown(name)),
        };
        if self.ignores_unknown { Ok(None) } else { Err(problem) }
    }
}

impl Parameter {
    /// Checks a value and gives it as it is held.
    fn value(&self, value: String) -> Result<String, String> {
        let name = self.name;
        if let Some(max) = self.max.filter(|max| value.chars().count() > *max) {
            return Err(format!("O parâmetro {name} passa de {max} caracteres."));
        }
        if self.closed.is_empty() || value.is_empty() {
            return Ok(value);
        }
        match self.closed.iter().find(|(spelled, _)| *spelled == value) {
            Some((_, held)) => Ok((*held).to_owned()),
            None => {
                let mut spelled: Vec<_> = self.closed.iter().map(|(spelled, _)| *spelled).collect();
                let last = spelled.pop().unwrap_or_default();
                Err(format!("O parâmetro {name} deve ser {} ou {last}.", spelled.join(", ")))
            }
        }
    }
}

/// PHP reads `campos[id]` as an array: quotes would be part of the key, a second bracket changes the
/// structure, leading space is dropped.
fn is_campo_id(id: &str) -> bool {
    let quoted = |c: char| matches!(c, '\'' | '`' | '‘' | '’' | '“' | '”');
    !(id.is_empty()
        || id.contains(['[', ']', '"', '\\'])
        || id.starts_with(quoted)
        || id.ends_with(quoted)
        || id.starts_with(char::is_whitespace)
        || id.chars().any(char::is_control))
}

/// A foreign name cut to a length that fits a message.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(60).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}
