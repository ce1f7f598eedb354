//! A proposal as text: the configuration file, and the table that a person reads. Neither quotes a
//! value of a customer.

use super::proposal::{Certainty, CustomerSource, Proposal, ProposedColumn, Usage};
use crate::locale::foreign_text::visible;
use crate::mapping::Key;

/// The configuration file for `input`. `reading` are options of reading that it needs, as keys and
/// values in TOML.
pub fn config_text(proposal: &Proposal, input: &str, reading: &[(&str, String)]) -> String {
    let mut text = format!(
        "# Proposta de tomticket-sync init para {}, pelo cabeçalho e pelos valores.\n# As chaves são os nomes longos das opções de run, sem os dois hifens.\n\n",
        visible(input)
    );
    text.push_str(match proposal.customer {
        CustomerSource::Columns => "# Quem é o cliente: identificador e tipo_identificador.\n",
        CustomerSource::Typed(_) => "# Quem é o cliente: identificador, de um tipo só em todas as linhas.\n",
        CustomerSource::Key(Key::Email) => "# Quem é o cliente: o e-mail.\n",
        CustomerSource::Key(Key::IdInterno) => "# Quem é o cliente: o identificador interno.\n",
        CustomerSource::Unknown(_) => "# Quem é o cliente? Escreva a coluna em [map], e aqui \"email\" ou \"id_interno\":\n# key = \"email\"\n",
    });
    let options = proposal.mapping();
    if let Some(key) = options.key {
        text.push_str(&format!("key = \"{}\"\n", key.as_str()));
    }
    if let Some(ctype) = options.id_type {
        text.push_str(&format!("id-type = \"{ctype}\"\n"));
    }
    for (key, value) in reading {
        text.push_str(&format!("{key} = {value}\n"));
    }
    if !options.ignore.is_empty() {
        let names: Vec<String> = options.ignore.iter().map(|name| quoted(name)).collect();
        text.push_str(&format!(
            "\n# Não usadas, embora o nome seja ou pareça o de um destino.\nignore = [{}]\n",
            names.join(", ")
        ));
    }
    text.push_str("\n# Coluna da exportação = destino no TomTicket.\n[map]\n");
    for (column, target) in &options.map {
        text.push_str(&format!("{} = {}\n", quoted(column), quoted(target)));
    }
    let line = |column: &ProposedColumn, target: &str| {
        format!("# {} = {}\n", quoted(&column.reference), quoted(target))
    };
    let commented = |heading: &str, target: &dyn Fn(&Usage) -> Option<String>| {
        let lines = proposal.columns.iter();
        let lines = lines.filter_map(|column| Some(line(column, &target(&column.usage)?)));
        let lines: String = lines.collect();
        if lines.is_empty() { lines } else { format!("\n# {heading}\n{lines}") }
    };
    text.push_str(&commented(
        "Provável. Se é isso mesmo, tire o # (e o nome da lista ignore, se está lá).",
        &|usage| match usage {
            Usage::Target(target, Certainty::Likely) => Some(target.to_string()),
            _ => None,
        },
    ));
    text.push_str(&commented(
        "Pelo nome seria, mas os valores não são os que o TomTicket aceita.",
        &|usage| match usage {
            Usage::Unfit(target) => Some(target.to_string()),
            _ => None,
        },
    ));
    text.push_str(&commented(
        "Sem destino conhecido. Para um campo personalizado, tire o # e escreva o id dele\n# (tomticket-sync ids mostra os ids).",
        &|usage| (*usage == Usage::Unknown).then(|| "campo:<id>".to_owned()),
    ));
    if let Some(template) = proposal.name_template() {
        text.push_str(&format!("\n[set]\nnome = {}\n", quoted(&template)));
    }
    text
}

/// A text as a TOML string.
fn quoted(text: &str) -> String {
    // A JSON string is a TOML string, but for one control that JSON leaves as it is.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Columns without a target that the table names.
const NAMED: usize = 12;

/// What becomes of the columns that are only likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikelyColumns {
    /// A person is about to be asked.
    Asked,
    /// They stay comments.
    Commented,
}

/// Each column with its target and how sure that is, for a person.
pub fn table(proposal: &Proposal, likely: LikelyColumns) -> String {
    let mut lines = Vec::new();
    let mut rest = Vec::new();
    for column in &proposal.columns {
        let (target, certainty) = match &column.usage {
            Usage::Target(target, Certainty::Sure) => (target.to_string(), "certo"),
            Usage::Target(target, Certainty::Likely) => (
                target.to_string(),
                match likely {
                    LikelyColumns::Asked => "provável: a pergunta vem a seguir",
                    LikelyColumns::Commented => "provável: fica comentada no arquivo",
                },
            ),
            Usage::NamePart => ("nome".to_owned(), "certo, junto com as outras partes"),
            Usage::Unfit(target) => (target.to_string(), "não: os valores não servem"),
            Usage::Own => continue,
            Usage::Unknown => {
                rest.push(format!("\"{}\"", visible(&column.name)));
                continue;
            }
        };
        lines.push((format!("\"{}\"", visible(&column.name)), target, certainty));
    }
    let width = |longest: usize, text: &String| longest.max(text.chars().count());
    let first = lines.iter().map(|line| &line.0).fold(0, width).min(40);
    let second = lines.iter().map(|line| &line.1).fold(0, width);
    let mut text = String::new();
    for (name, target, certainty) in lines {
        text.push_str(&format!("  {name:first$}  →  {target:second$}  {certainty}\n"));
    }
    if likely == LikelyColumns::Commented && !proposal.likely().is_empty() {
        text.push_str(
            "  O que fica comentado não é usado. Se estiver certo, tire o # da linha no arquivo.\n",
        );
    }
    if !rest.is_empty() {
        let more = rest.len().saturating_sub(NAMED);
        rest.truncate(NAMED);
        let more = if more > 0 { format!(" e mais {more}") } else { String::new() };
        text.push_str(&format!("  sem destino conhecido: {}{more}\n", rest.join(", ")));
    }
    text
}
