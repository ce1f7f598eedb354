//! The CSV file that lists the customers that a sandbox starts with.
//!
//! The file is read more simply than the product reads its input: UTF-8, comma or semicolon. An
//! export for `run` can often be used as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::config::SandboxConfigError;
use super::customers::CustomerStore;
use super::update_rules::{self, NameType};
use crate::locale::foreign_text::visible_path;
use crate::locale::os_error::describe_os_error;

const IDENTIFIER: &str = "identificador";
const IDENTIFIER_TYPE: &str = "tipo_identificador";
/// Columns that together mark a snapshot.
const SNAPSHOT: [&str; 2] = ["lido_em", "conta"];

/// Reads customers from a CSV file: UTF-8 with or without BOM, with `;` if the header has more of
/// them than commas. Columns, in either letter case: `identificador` (an e-mail if
/// `tipo_identificador` says `E`, or says nothing and there is an `@` in it), `email`,
/// `id_interno`, the other parameters, and custom fields as `campo:<id>` or `campos[<id>]`.
/// Other columns, empty cells and blank rows are ignored. Values are taken as they stand, trimmed
/// unless the file is a snapshot (`lido_em`, `conta`). Every custom field with a column exists, be it
/// empty. Blocks while it reads.
pub fn customers_from_csv(path: PathBuf) -> Result<CustomerStore, SandboxConfigError> {
    let name = visible_path(&path);
    let text = std::fs::read(&path).map_err(|error| {
        SandboxConfigError(format!("não foi possível ler {name}: {}", describe_os_error(&error)))
    })?;
    parse(&text).map_err(|problem| SandboxConfigError(format!("{name}{problem}")))
}

/// The customers of a file. An error is the text that follows the file's name in the message.
fn parse(text: &[u8]) -> Result<CustomerStore, String> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let header = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let many = |wanted: u8| header.iter().filter(|&&byte| byte == wanted).count();
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(if many(b';') > many(b',') { b';' } else { b',' })
        .flexible(true)
        .trim(csv::Trim::Headers)
        .from_reader(text);
    let header = csv.headers().map_err(unreadable)?;
    let is_snapshot = SNAPSHOT.iter().all(|name| header.iter().any(|column| column == *name));
    let columns = columns(header)?;
    let mut store = CustomerStore::of_a_list();
    store.know_campos(columns.iter().flatten().cloned());
    for record in csv.records() {
        let mut record = record.map_err(unreadable)?;
        if !is_snapshot {
            record.trim();
        }
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cells = columns.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let values = cells.filter_map(|(name, cell)| Some((name.as_deref()?, cell))).collect();
        let line = record.position().map_or(0, csv::Position::line);
        store.add(&customer(values).map_err(|problem| format!(", linha {line}: {problem}"))?);
    }
    Ok(store)
}

fn unreadable(error: csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!(", linha {line}: o texto não está em UTF-8"),
        _ => format!(", linha {line}: o registro não pode ser lido"),
    }
}

/// What each column holds: a parameter, the identifier, or its type. `None` for nothing that
/// TomTicket holds.
fn columns(header: &csv::StringRecord) -> Result<Vec<Option<String>>, String> {
    let columns: Vec<Option<String>> = header.iter().map(column).collect();
    let mut names = BTreeSet::new();
    if let Some(twin) = columns.iter().flatten().find(|name| !names.insert(name.as_str())) {
        return Err(format!(" tem mais de uma coluna {twin}"));
    }
    if [IDENTIFIER, "email", "id_interno"].iter().any(|name| names.contains(name)) {
        return Ok(columns);
    }
    let wanted = "é preciso identificador, email ou id_interno";
    Err(format!(" não tem coluna que identifique o cliente; {wanted}"))
}

fn column(header: &str) -> Option<String> {
    let lower = header.to_lowercase();
    // The letter case of a custom field's id matters.
    let name = match (header.split_once(':'), header.split_once('[')) {
        (Some((kind, id)), _) if kind.eq_ignore_ascii_case("campo") => format!("campos[{id}]"),
        (_, Some((kind, id))) if kind.eq_ignore_ascii_case("campos") => format!("campos[{id}"),
        _ => lower,
    };
    let is_known = [IDENTIFIER, IDENTIFIER_TYPE].contains(&&*name);
    (is_known || update_rules::is_name(&name)).then_some(name)
}

/// The parameters of one customer, with a name among them.
fn customer<'a>(
    mut values: BTreeMap<&'a str, &'a str>,
) -> Result<BTreeMap<&'a str, &'a str>, &'static str> {
    let type_given = match values.remove(IDENTIFIER_TYPE) {
        Some(text) => Some(
            NameType::parse(&text.to_uppercase()).ok_or("tipo_identificador deve ser I ou E")?,
        ),
        None => None,
    };
    if let Some(identifier) = values.remove(IDENTIFIER) {
        let guessed = if identifier.contains('@') { NameType::Email } else { NameType::Internal };
        // The identifier is the customer's name now. A column of that type holds the name that an
        // update will give.
        values.insert(type_given.unwrap_or(guessed).parameter(), identifier);
    }
    if values.contains_key("email") || values.contains_key("id_interno") {
        Ok(values)
    } else {
        Err("o cliente não tem identificador, email nem id_interno")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The customers of a text, each as sorted `name=value`.
    fn read(text: &str) -> Vec<String> {
        let store = parse(text.as_bytes()).unwrap();
        let customers = serde_json::to_value(store.views()).unwrap();
        let shown = |customer: &serde_json::Value| {
            let campos = customer["campos"].as_object().unwrap();
            let values = customer.as_object().unwrap().iter().chain(campos);
            let texts =
                values.filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
            texts.collect::<Vec<_>>().join(" ")
        };
        customers.as_array().unwrap().iter().map(shown).collect()
    }

    #[test]
    fn columns_hold_parameters_or_are_ignored() {
        let text = "Email;ID_INTERNO;campo:Abc;Campos[D];Obs\n a@x ;01;v;w;z\n;;;;\nb@x;;;;\n";
        assert_eq!(read(text), ["email=a@x id_interno=01 Abc=v D=w", "email=b@x"]);
        assert_eq!(read("\u{feff}\"email\",nome\r\na@x,A\r\n"), ["email=a@x nome=A"]);
    }

    #[test]
    fn an_identifier_is_what_its_type_says_or_what_it_looks_like() {
        let text = "identificador,tipo_identificador,nome\na@x,,A\n7,,B\n8@,i,C\nx,E,D\n";
        assert_eq!(
            read(text),
            ["email=a@x nome=A", "id_interno=7 nome=B", "id_interno=8@ nome=C", "email=x nome=D"]
        );
    }

    #[test]
    fn a_rename_in_an_export_has_not_happened_yet() {
        let text = "identificador,email,id_interno\na@x,b@x,1\n";
        assert_eq!(read(text), ["email=a@x id_interno=1"]);
    }

    #[test]
    fn rows_that_share_a_name_are_one_customer() {
        let text = "email,id_interno,nome,telefone\na@x,,1,\nA@x,7,2,\n,7,,3\n";
        assert_eq!(read(text), ["email=A@x id_interno=7 nome=2 telefone=3"]);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_line() {
        let nameless = " não tem coluna que identifique o cliente; \
                        é preciso identificador, email ou id_interno";
        for (text, problem) in [
            (
                "email,nome\na@x,A\n,B\n",
                ", linha 3: o cliente não tem identificador, email nem id_interno",
            ),
            (
                "identificador,tipo_identificador\na,X\n",
                ", linha 2: tipo_identificador deve ser I ou E",
            ),
            ("nome\nA\n", nameless),
            ("", nameless),
            ("email,EMAIL\na,b\n", " tem mais de uma coluna email"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), problem);
        }
        let problem = parse(b"email,nome\na@x,Jo\xe3o\n").unwrap_err();
        assert_eq!(problem, ", linha 2: o texto não está em UTF-8");
    }
}
