//! The customers that a sandbox starts with, and the CSV file that lists them.
//!
//! The file is read more simply than the product reads its input: UTF-8, comma or semicolon. An
//! export for `run` can often be used as it is.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::customers::CustomerStore;
use super::update_rules::{self, NameType};
use crate::locale::os_error::describe_os_error;

/// Why a list of customers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CustomerListError {
    /// The file cannot be opened or read.
    #[error("não foi possível ler {path}: {}", describe_os_error(source))]
    Read {
        /// The file as the user named it.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The header names no customer.
    #[error(
        "{path} não tem coluna que identifique o cliente; é preciso identificador, email ou id_interno"
    )]
    NoNameColumn {
        /// The file as the user named it.
        path: String,
    },
    /// Two columns for one parameter.
    #[error("{path} tem mais de uma coluna {column}")]
    TwinColumns {
        /// The file as the user named it.
        path: String,
        /// The column.
        column: String,
    },
    /// One record is wrong.
    #[error("{path}, linha {line}: {problem}")]
    Record {
        /// The file as the user named it.
        path: String,
        /// The physical line on which the record starts; the header's is 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// A customer that exists from the start: at least one name (`email`, `id_interno`), and any other
/// parameter.
#[derive(Debug, Clone)]
pub(super) struct SeedCustomer {
    /// By the parameters' names on the wire, each once; no value is empty.
    values: Vec<(String, String)>,
}

impl SeedCustomer {
    /// A customer that holds these parameters, if a name is among them. Empty values are left out.
    pub(super) fn from_values(mut values: Vec<(String, String)>) -> Option<Self> {
        values.retain(|(_, value)| !value.is_empty());
        let customer = Self { values };
        let named = customer.names().next().is_some();
        named.then_some(customer)
    }

    /// The names it is found under.
    pub(super) fn names(&self) -> impl Iterator<Item = (NameType, &str)> {
        [NameType::Email, NameType::Internal].into_iter().filter_map(|name_type| {
            let mut held = self.values().filter(|(name, _)| *name == name_type.parameter());
            held.next().map(|(_, value)| (name_type, value))
        })
    }

    /// All parameters, names included.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The customers that a sandbox starts with, and the only ones it will have. Those that share a name
/// are one customer; of two values for one parameter the later one holds.
#[derive(Debug)]
pub struct Customers(CustomerStore);

impl Customers {
    pub(super) fn into_store(self) -> CustomerStore {
        self.0
    }
}

const NAMELESS: &str = "o cliente não tem identificador, email nem id_interno";

/// What a column of the file holds.
enum ListColumn {
    Identifier,
    IdentifierType,
    Parameter(String),
    /// Nothing that TomTicket holds.
    Other,
}

impl ListColumn {
    fn new(header: &str) -> Self {
        let lower = header.to_lowercase();
        match lower.as_str() {
            "identificador" => Self::Identifier,
            "tipo_identificador" => Self::IdentifierType,
            _ => match header.split_once(':') {
                Some((prefix, id)) if prefix.eq_ignore_ascii_case("campo") => {
                    Self::parameter(&format!("campos[{id}]"))
                }
                _ if update_rules::check_name(&lower).is_ok() => Self::parameter(&lower),
                // `campos[…]`: the letter case of an id matters.
                _ => Self::parameter(header),
            },
        }
    }

    fn parameter(name: &str) -> Self {
        match update_rules::check_name(name) {
            Ok(()) => Self::Parameter(name.into()),
            Err(_) => Self::Other,
        }
    }
}

/// Reads customers from a CSV file: UTF-8 with or without BOM, with `;` if the header has more of
/// them than commas. Columns, in either letter case: `identificador` (an e-mail if
/// `tipo_identificador` says `E`, or says nothing and there is an `@` in it), `email`,
/// `id_interno`, the other parameters, and custom fields as `campo:<id>` or `campos[<id>]`.
/// Other columns, empty cells and blank rows are ignored; values are trimmed, and taken as they
/// stand.
///
/// Blocks while it reads.
///
/// # Errors
/// The file cannot be read, names no customers, or one of its rows is not usable.
pub fn customers_from_csv(path: &Path) -> Result<Customers, CustomerListError> {
    let shown = path.display().to_string();
    let read = |source| CustomerListError::Read { path: shown.clone(), source };
    let file = File::open(path).map_err(read)?;
    let mut input = BufReader::with_capacity(1 << 16, file);
    if input.fill_buf().map_err(read)?.starts_with("\u{feff}".as_bytes()) {
        input.consume("\u{feff}".len());
    }
    let mut store = CustomerStore::empty();
    parse(input, &shown, |customer| store.add(&customer))?;
    Ok(Customers(store))
}

/// Hands each customer of the file to `add`.
fn parse(
    mut input: impl BufRead,
    path: &str,
    mut add: impl FnMut(SeedCustomer),
) -> Result<(), CustomerListError> {
    let at = |line, problem: &str| CustomerListError::Record {
        path: path.to_owned(),
        line,
        problem: problem.to_owned(),
    };
    let mut start = Vec::new();
    input
        .by_ref()
        .take(1 << 16)
        .read_until(b'\n', &mut start)
        .map_err(|source| CustomerListError::Read { path: path.to_owned(), source })?;
    let many = |wanted: u8| start.iter().filter(|&&byte| byte == wanted).count();
    let delimiter = if many(b';') > many(b',') { b';' } else { b',' };
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(start.as_slice().chain(input));
    let wrong = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        match error.into_kind() {
            csv::ErrorKind::Io(source) => CustomerListError::Read { path: path.to_owned(), source },
            csv::ErrorKind::Utf8 { .. } => at(line, "o texto não está em UTF-8"),
            _ => at(line, "o registro não pode ser lido"),
        }
    };
    let columns = columns(csv.headers().map_err(wrong)?, path)?;
    for record in csv.records() {
        let record = record.map_err(wrong)?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        add(customer(&record, &columns).map_err(|problem| at(line, &problem))?);
    }
    Ok(())
}

fn columns(header: &csv::StringRecord, path: &str) -> Result<Vec<ListColumn>, CustomerListError> {
    let columns: Vec<ListColumn> = header.iter().map(|name| ListColumn::new(name.trim())).collect();
    let key = |column: &ListColumn| match column {
        ListColumn::Identifier => Some("identificador".to_owned()),
        ListColumn::IdentifierType => Some("tipo_identificador".to_owned()),
        ListColumn::Parameter(name) => Some(name.to_string()),
        ListColumn::Other => None,
    };
    let keys: Vec<String> = columns.iter().filter_map(key).collect();
    for (index, column) in keys.iter().enumerate() {
        if keys[..index].contains(column) {
            let (path, column) = (path.to_owned(), column.clone());
            return Err(CustomerListError::TwinColumns { path, column });
        }
    }
    if !keys.iter().any(|key| matches!(key.as_str(), "identificador" | "email" | "id_interno")) {
        return Err(CustomerListError::NoNameColumn { path: path.to_owned() });
    }
    Ok(columns)
}

fn customer(record: &csv::StringRecord, columns: &[ListColumn]) -> Result<SeedCustomer, String> {
    let mut values: Vec<(String, String)> = Vec::new();
    let (mut identifier, mut name_type) = ("", None);
    for (cell, column) in record.iter().map(str::trim).zip(columns) {
        match column {
            ListColumn::Identifier => identifier = cell,
            ListColumn::IdentifierType if !cell.is_empty() => {
                let known = NameType::parse(&cell.to_uppercase());
                name_type = Some(known.ok_or("tipo_identificador deve ser I ou E")?);
            }
            ListColumn::Parameter(name) => values.push((name.clone(), cell.into())),
            ListColumn::IdentifierType | ListColumn::Other => {}
        }
    }
    let guessed = if identifier.contains('@') { NameType::Email } else { NameType::Internal };
    let parameter = name_type.unwrap_or(guessed).parameter();
    // The identifier is the customer's name now. A column of that type holds the name that an
    // update will give.
    if !identifier.is_empty() {
        values.retain(|(name, _)| name != parameter);
        values.push((parameter.into(), identifier.into()));
    }
    SeedCustomer::from_values(values).ok_or_else(|| NAMELESS.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customers(text: &[u8]) -> Result<Vec<SeedCustomer>, CustomerListError> {
        let mut customers = Vec::new();
        parse(text, "c.csv", |customer| customers.push(customer)).map(|()| customers)
    }

    /// The customers of a text, each as sorted `name=value`.
    fn read(text: &str) -> Result<Vec<Vec<String>>, String> {
        let customers = customers(text.as_bytes()).map_err(|error| error.to_string())?;
        let shown = |customer: &SeedCustomer| {
            let mut values: Vec<_> = customer.values().map(|(n, v)| format!("{n}={v}")).collect();
            values.sort();
            values
        };
        Ok(customers.iter().map(shown).collect())
    }

    #[test]
    fn columns_feed_parameters_and_the_rest_is_ignored() {
        let text = "Email;ID_INTERNO;campo:Abc;campos[d];Obs\n a@x ;01;v;w;z\n;;;;\nb@x;;;;\n";
        assert_eq!(
            read(text).unwrap(),
            [vec!["campos[Abc]=v", "campos[d]=w", "email=a@x", "id_interno=01"], vec!["email=b@x"]]
        );
    }

    #[test]
    fn an_identifier_is_what_its_type_says_or_what_it_looks_like() {
        let text = "identificador,tipo_identificador,nome\na@x,,A\n7,,B\n8@,i,C\nx,E,D\n";
        assert_eq!(
            read(text).unwrap(),
            [
                ["email=a@x", "nome=A"],
                ["id_interno=7", "nome=B"],
                ["id_interno=8@", "nome=C"],
                ["email=x", "nome=D"]
            ]
        );
    }

    #[test]
    fn a_rename_in_an_export_has_not_happened_yet() {
        let text = "identificador,email,id_interno\na@x,b@x,1\n";
        assert_eq!(read(text).unwrap(), [["email=a@x", "id_interno=1"]]);
    }

    #[test]
    fn what_cannot_be_used_names_its_line() {
        assert_eq!(
            read("email,nome\na@x,A\n,B\n").unwrap_err(),
            format!("c.csv, linha 3: {NAMELESS}")
        );
        let type_error = read("identificador,tipo_identificador\na,X\n").unwrap_err();
        assert!(type_error.contains("linha 2") && type_error.contains("I ou E"), "{type_error}");
        assert!(read("nome\nA\n").unwrap_err().contains("identificador, email ou id_interno"));
        assert!(read("").unwrap_err().contains("identificador, email ou id_interno"));
        assert!(read("email,EMAIL\na,b\n").unwrap_err().contains("mais de uma coluna email"));
        let text = customers(b"email,nome\na@x,Jo\xe3o\n").unwrap_err().to_string();
        assert!(text.contains("linha 2") && text.contains("UTF-8"), "{text}");
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clientes.csv");
        let missing = customers_from_csv(&path).unwrap_err().to_string();
        assert!(missing.contains("clientes.csv"), "{missing}");
        std::fs::write(&path, "\u{feff}\"email\",nome\r\na@x,A\r\n").unwrap();
        assert_eq!(customers_from_csv(&path).unwrap().into_store().len(), 1);
    }
}
