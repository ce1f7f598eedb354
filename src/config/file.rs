//! `tomticket-sync.toml`: its keys are the long names of the flags of `run`.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction};
use toml::de::{DeTable, DeValue};

use super::command_line::Given;
use super::error::CommandLineError;
use super::small_file;
use crate::locale::foreign_text::visible_path;
use crate::locale::os_error::describe_os_error;

/// The file that is looked for in the working directory.
pub(super) const FOUND: &str = "tomticket-sync.toml";

/// Keys that decide where requests, the token, the memory or the outputs go. A file that was found
/// rather than named may not set them: it may be another person's, and could send the token
/// elsewhere, the requests nowhere, or an output over any file of the user.
const ONLY_NAMED: [&str; 12] = [
    "base-url",
    "token-file",
    "ledger",
    "account",
    "sandbox",
    "no-ledger",
    "results",
    "rejects",
    "report",
    "summary-json",
    "snapshot",
    "only",
];

/// What the file gives.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    /// The options that were not given before, but for the two tables.
    pub given: Vec<Given>,
    /// The table `[map]`, likewise. Its columns and targets stay apart: joined by a `=` they could
    /// not always be split again.
    pub map: Vec<(String, String)>,
    /// The table `[set]`.
    pub set: Vec<(String, String)>,
}

/// Reads the file that was named, or the one in the working directory if there is one. `is_given`
/// knows the options that were given before, by long name.
pub(super) fn read<'a>(
    named: Option<&Path>,
    options: impl Iterator<Item = (&'a str, &'a Arg)>,
    is_given: impl Fn(&str) -> bool,
) -> Result<ConfigFile, CommandLineError> {
    let (path, read) = match named {
        Some(path) => (path, small_file::read_named(path)),
        None if Path::new(FOUND).exists() => {
            (Path::new(FOUND), small_file::read_found(FOUND.as_ref()))
        }
        None => return Ok(ConfigFile::default()),
    };
    let label = visible_path(path);
    let text = read.map_err(|error| CommandLineError::Value {
        place: format!("não foi possível ler {label}"),
        why: describe_os_error(&error),
    })?;
    let keys = options.filter(|(name, _)| *name != "config").collect();
    let parser = FileParser { path: &label, text: &text, trusted: named.is_some(), keys };
    parser.parse(is_given)
}

struct FileParser<'a> {
    path: &'a str,
    text: &'a str,
    /// Whether the file was named rather than found.
    trusted: bool,
    /// The keys that may stand in the file: long names of options.
    keys: Vec<(&'a str, &'a Arg)>,
}

impl FileParser<'_> {
    fn parse(&self, is_given: impl Fn(&str) -> bool) -> Result<ConfigFile, CommandLineError> {
        let table = DeTable::parse(self.text).map_err(|error| self.syntax_error(&error))?;
        let mut found = ConfigFile::default();
        let mut seen = Vec::new();
        for (key, value) in table.get_ref() {
            let error = |why| self.error(key.span().start, why);
            let name = key.get_ref().replace('_', "-");
            let Some((_, arg)) = self.keys.iter().find(|(known, _)| *known == name) else {
                let hint = self.hint(&name);
                return Err(error(format!(
                    "a chave \"{name}\" não existe{hint} As chaves são os nomes longos das opções de `tomticket-sync run --help`, sem os hifens da frente"
                )));
            };
            if !self.trusted && ONLY_NAMED.contains(&name.as_str()) {
                return Err(error(format!(
                    "\"{name}\" só pode ser dada num arquivo indicado com --config, não num que foi encontrado na pasta (quem preparou a pasta não deve decidir para onde vão as requisições, o seu token, o registro e os resultados)"
                )));
            }
            // `no-trim` and `no_trim` are one key.
            if seen.contains(&name) {
                return Err(error(duplicate(&name)));
            }
            seen.push(name.clone());
            let wrong = |wanted| error(format!("\"{name}\" precisa ser {wanted}"));
            let given = is_given(&name);
            match (name.as_str(), value.get_ref()) {
                ("map" | "set", DeValue::Table(table)) => {
                    let is_map = name == "map";
                    let pairs = pairs(table, is_map).map_err(wrong)?;
                    if !given {
                        *(if is_map { &mut found.map } else { &mut found.set }) = pairs;
                    }
                }
                (_, value) => {
                    let words = words(&name, value, arg.get_action()).map_err(wrong)?;
                    if !given {
                        let place = self.place(key.span().start);
                        found.given.push(Given { name, place, words });
                    }
                }
            }
        }
        Ok(found)
    }

    /// The file and the line of this byte.
    fn place(&self, offset: usize) -> String {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}, linha {line}", self.path)
    }

    fn error(&self, offset: usize, why: String) -> CommandLineError {
        CommandLineError::Value { place: self.place(offset), why }
    }

    fn syntax_error(&self, error: &toml::de::Error) -> CommandLineError {
        let offset = error.span().map_or(0, |span| span.start.min(self.text.len()));
        if error.message().contains("duplicate key") {
            let key = error.span().and_then(|span| self.text.get(span)).unwrap_or_default();
            return self.error(offset, duplicate(key.trim().trim_matches(['"', '\''])));
        }
        let before = self.text.get(..offset).unwrap_or_default();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        self.error(
            offset,
            format!(
                "o arquivo não é TOML válido a partir da coluna {column}; confira aspas, colchetes e o sinal de ="
            ),
        )
    }

    /// The end of the sentence about an unknown key: the key that may have been meant.
    fn hint(&self, name: &str) -> String {
        let near = self
            .keys
            .iter()
            .map(|(known, _)| (strsim::osa_distance(known, name), known))
            .filter(|(distance, _)| *distance <= 2)
            .min();
        near.map_or(".".to_owned(), |(_, known)| format!("; você quis dizer \"{known}\"?"))
    }
}

fn duplicate(key: &str) -> String {
    format!("a chave \"{key}\" já foi dada antes; deixe só uma")
}

/// The words of the command line that a value stands for, or what it should have been.
fn words(
    name: &str,
    value: &DeValue<'_>,
    action: &ArgAction,
) -> Result<Vec<OsString>, &'static str> {
    let switch = || OsString::from(format!("--{name}"));
    let flag = |text: &str| OsString::from(format!("--{name}={text}"));
    let many = matches!(action, ArgAction::Append);
    match value {
        DeValue::Integer(number) if matches!(action, ArgAction::Count) => {
            let times = crate::cli::verbosity(number.as_str());
            let times = times.map_err(|_| "um número (1 é -v, 2 é -vv)")?;
            Ok(vec![switch(); times.into()])
        }
        DeValue::Boolean(true) if !action.takes_values() => Ok(vec![switch()]),
        DeValue::Boolean(false) if !action.takes_values() => Ok(Vec::new()),
        _ if !action.takes_values() => Err("true ou false"),
        DeValue::String(text) => Ok(vec![flag(text)]),
        DeValue::Integer(number) if number.radix() == 10 => Ok(vec![flag(number.as_str())]),
        DeValue::Integer(_) => Err("um número decimal"),
        DeValue::Float(number) => Ok(vec![flag(number.as_str())]),
        DeValue::Array(items) if many => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(flag(text)),
                _ => Err("uma lista de textos"),
            })
            .collect(),
        _ if many => Err("um texto ou uma lista de textos"),
        _ => Err("um texto ou um número"),
    }
}

/// The pairs of `[map]` or `[set]`. In `[map]` one column may have `several` targets.
fn pairs(table: &DeTable<'_>, several: bool) -> Result<Vec<(String, String)>, &'static str> {
    const WANTED: &str = "uma tabela de textos";
    let mut pairs = Vec::new();
    for (left, right) in table {
        let left = left.get_ref().trim();
        let values: Vec<&DeValue<'_>> = match right.get_ref() {
            DeValue::Array(items) if several => items.iter().map(|item| item.get_ref()).collect(),
            one => vec![one],
        };
        for value in values {
            let DeValue::String(text) = value else { return Err(WANTED) };
            if left.is_empty() || (several && text.trim().is_empty()) {
                return Err("uma tabela de textos, sem nomes vazios");
            }
            pairs.push((left.to_owned(), text.as_ref().to_owned()));
        }
    }
    Ok(pairs)
}
