//! `tomticket-sync.toml`: its keys are the long names of the flags of `run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::locale::os_error::describe_os_error;
use clap::ArgMatches;
use clap::parser::ValueSource;
use toml::de::{DeTable, DeValue};

/// The file that is looked for in the working directory.
pub(super) const FOUND: &str = "tomticket-sync.toml";

/// Keys that decide where requests, the token or the memory go. A file that was found rather than
/// named may not set them: somebody else's repository must not be able to send the token elsewhere,
/// nor the requests to nowhere.
const ONLY_NAMED: [&str; 6] =
    ["base-url", "token-file", "ledger", "account", "sandbox", "no-ledger"];

/// Keys that make no sense in a file.
const NOT_IN_FILE: [&str; 2] = ["config", "help"];

/// What is wrong with the configuration file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant is its documentation")]
pub enum ConfigFileError {
    #[error("não foi possível ler {path}: {why}")]
    Read { path: String, why: String },
    #[error(
        "{path}, linha {line}: o arquivo não é TOML válido a partir da coluna {column}; confira aspas, colchetes e o sinal de ="
    )]
    Syntax { path: String, line: usize, column: usize },
    #[error(
        "{path}, linha {line}: a chave \"{key}\" não existe{hint} As chaves são os nomes longos das opções de `tomticket-sync run --help`, sem os hifens da frente"
    )]
    UnknownKey { path: String, line: usize, key: String, hint: String },
    #[error(
        "{path}, linha {line}: \"{key}\" só pode ser dada num arquivo indicado com --config, não num que foi encontrado na pasta (quem preparou a pasta não deve decidir para onde vão as requisições, o seu token e o registro)"
    )]
    NotTrusted { path: String, line: usize, key: String },
    #[error("{path}, linha {line}: a chave \"{key}\" já foi dada antes; deixe só uma")]
    Duplicate { path: String, line: usize, key: String },
    #[error("{path}, linha {line}: \"{key}\" precisa ser {wanted}")]
    Type { path: String, line: usize, key: String, wanted: &'static str },
    #[error("{place}: {why}")]
    Value { place: String, why: String },
}

/// The file's values as flags.
#[derive(Debug)]
pub struct FileFlags {
    /// The file, as it was named.
    pub path: String,
    /// `--flag=value`, only for flags that neither the command line nor the environment gave.
    pub flags: Vec<OsString>,
    /// The table `[map]`, likewise. Column and target are apart there, and stay so: joined by a `=`
    /// they could not always be told apart again.
    pub map: Vec<(String, String)>,
    /// The table `[set]`.
    pub set: Vec<(String, String)>,
    /// Where each flag of `flags` stands: its long name and the line.
    lines: Vec<(String, usize)>,
}

impl FileFlags {
    /// The file, and the line on which this flag (`--rate`) is given, if it is.
    pub fn place_of(&self, flag: &str) -> String {
        let name = flag.trim_start_matches('-');
        match self.lines.iter().find(|(given, _)| given == name) {
            Some((_, line)) => format!("{}, linha {line}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Reads the file that was named, or the one in the working directory if there is one.
/// `in_environment` knows the flags that variables give outside clap.
///
/// # Errors
/// See [`ConfigFileError`].
pub fn flags(
    named: Option<&Path>,
    matches: &ArgMatches,
    in_environment: impl Fn(&str) -> bool,
) -> Result<Option<FileFlags>, ConfigFileError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None if Path::new(FOUND).exists() => PathBuf::from(FOUND),
        None => return Ok(None),
    };
    let label = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| ConfigFileError::Read {
        path: label.clone(),
        why: describe_os_error(&error),
    })?;
    let given = |flag: &str| {
        let id = flag.replace('-', "_");
        matches!(
            matches.value_source(&id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        ) || in_environment(flag)
    };
    parse(&label, &text, named.is_some(), given).map(Some)
}

fn parse(
    path: &str,
    text: &str,
    trusted: bool,
    given: impl Fn(&str) -> bool,
) -> Result<FileFlags, ConfigFileError> {
    let path = || path.to_owned();
    let line_of = |offset: usize| {
        text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
    };
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..offset).unwrap_or_default();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        if error.message().contains("duplicate key") {
            let key = error.span().and_then(|span| text.get(span)).unwrap_or_default();
            let key = key.trim().trim_matches(['"', '\'']).to_owned();
            return ConfigFileError::Duplicate { path: path(), line: line_of(offset), key };
        }
        ConfigFileError::Syntax { path: path(), line: line_of(offset), column }
    })?;
    let known = known_flags();
    let mut found = FileFlags {
        path: path(),
        flags: Vec::new(),
        map: Vec::new(),
        set: Vec::new(),
        lines: Vec::new(),
    };
    let mut seen = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_of(key.span().start);
        let name = key.get_ref().replace('_', "-");
        let Some((_, takes_value, many)) = known.iter().find(|(flag, ..)| *flag == name) else {
            let near = known
                .iter()
                .map(|(flag, ..)| (strsim::osa_distance(flag, &name), flag))
                .filter(|(distance, _)| *distance <= 2)
                .min();
            let hint =
                near.map_or(".".to_owned(), |(_, flag)| format!("; você quis dizer \"{flag}\"?"));
            return Err(ConfigFileError::UnknownKey { path: path(), line, key: name, hint });
        };
        if !trusted && ONLY_NAMED.contains(&name.as_str()) {
            return Err(ConfigFileError::NotTrusted { path: path(), line, key: name });
        }
        // `no-trim` and `no_trim` are one.
        if seen.contains(&name) {
            return Err(ConfigFileError::Duplicate { path: path(), line, key: name });
        }
        seen.push(name.clone());
        let wrong =
            |wanted| ConfigFileError::Type { path: path(), line, key: name.clone(), wanted };
        let pairs = match (name.as_str(), value.get_ref()) {
            ("map", DeValue::Table(table)) => Some((&mut found.map, pairs(table, true))),
            ("set", DeValue::Table(table)) => Some((&mut found.set, pairs(table, false))),
            _ => None,
        };
        if let Some((place, pairs)) = pairs {
            let pairs = pairs.map_err(wrong)?;
            if !given(&name) {
                *place = pairs;
            }
            continue;
        }
        let values = values(&name, value.get_ref(), *takes_value, *many).map_err(wrong)?;
        if !given(&name) {
            found.flags.extend(values.into_iter().map(OsString::from));
            found.lines.push((name, line));
        }
    }
    Ok(found)
}

/// Long name, whether it takes a value, and whether it may come several times.
fn known_flags() -> Vec<(String, bool, bool)> {
    let command = crate::cli::command();
    let Some(run) = command.find_subcommand("run") else { return Vec::new() };
    run.get_arguments()
        .filter_map(|arg| {
            let long = arg.get_long()?.to_owned();
            let action = arg.get_action();
            (!NOT_IN_FILE.contains(&long.as_str())).then(|| {
                let many = matches!(action, clap::ArgAction::Append);
                (long, action.takes_values(), many)
            })
        })
        .collect()
}

/// One value of the file as flags, or what it should have been.
fn values(
    name: &str,
    value: &DeValue<'_>,
    takes_value: bool,
    many: bool,
) -> Result<Vec<String>, &'static str> {
    let flag = |text: &str| format!("--{name}={text}");
    if !takes_value {
        return match value {
            DeValue::Integer(number) if name == "verbose" => {
                let times = crate::cli::verbosity(number.as_str());
                times
                    .map(|times| vec![format!("--{name}"); times.into()])
                    .map_err(|_| "um número (1 é -v, 2 é -vv)")
            }
            DeValue::Boolean(true) => Ok(vec![format!("--{name}")]),
            DeValue::Boolean(false) => Ok(Vec::new()),
            _ => Err("true ou false"),
        };
    }
    match value {
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

/// The pairs of `[map]` or `[set]`. In `[map]` one column may feed `several` targets.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, trusted: bool) -> Result<Vec<String>, String> {
        parse("x.toml", text, trusted, |flag| flag == "strict")
            .map(|found| found.flags.into_iter().map(|f| f.into_string().unwrap()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_flags() {
        let text = "rate = 2.5\nlimit = 10\nno-trim = true\nstrict = true\nignore = [\"A\", \"B\"]\n[map]\n\"E-mail\" = [\"email\", \"identificador\"]\n";
        let mut flags = read(text, false).unwrap();
        flags.sort();
        assert_eq!(flags, ["--ignore=A", "--ignore=B", "--limit=10", "--no-trim", "--rate=2.5"]);
        assert_eq!(read("verbose = 2\nstrict = true", false).unwrap(), ["--verbose", "--verbose"]);
    }

    #[test]
    fn what_is_apart_in_a_table_stays_apart() {
        let text = "[map]\n\"E-mail\" = [\"email\", \"identificador\"]\n\"a=b\" = \"campo:x=y\"\n[set]\n\"campo:a=b\" = \"v=w\"\nnome = \"\"\n";
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let mut found = parse("x.toml", text, false, |_| false).unwrap();
        found.map.sort();
        found.set.sort();
        assert_eq!(
            found.map,
            own(&[("E-mail", "email"), ("E-mail", "identificador"), ("a=b", "campo:x=y")])
        );
        assert_eq!(found.set, own(&[("campo:a=b", "v=w"), ("nome", "")]));
        let typed = parse("x.toml", text, false, |flag| flag == "map").unwrap();
        assert!(typed.map.is_empty() && !typed.set.is_empty());
    }

    #[test]
    fn errors_name_the_line() {
        for (text, needle) in [
            ("\n\nratee = 3", "linha 3: a chave \"ratee\" não existe; você quis dizer \"rate\""),
            ("rate = 3\nxyz = 1", "linha 2"),
            ("a = = 1", "linha 1"),
            ("strict = 1", "true ou false"),
            ("rate = [1]", "linha 1: \"rate\" precisa ser um texto ou um número"),
            ("ignore = [1]", "lista de textos"),
            ("base-url = \"http://x\"", "só pode ser dada"),
            ("sandbox = true", "só pode ser dada"),
            ("no_ledger = true", "só pode ser dada"),
            ("config = \"x\"", "não existe"),
            ("rate = 2\n\"rate\" = 3", "linha 2: a chave \"rate\" já foi dada"),
            ("no-trim = true\nno_trim = true", "linha 2: a chave \"no-trim\" já foi dada"),
            ("[map]\na = \"nome\"\na = \"email\"", "linha 3: a chave \"a\" já foi dada"),
            ("[map]\na = 1", "uma tabela de textos"),
            ("[map]\n\" \" = \"nome\"", "sem nomes vazios"),
            ("verbose = 999", "2 é -vv"),
        ] {
            let error = read(text, false).unwrap_err();
            assert!(error.contains(needle), "{text}: {error}");
        }
        assert!(read("base-url = \"https://x\"", true).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_flags_or_an_error(text in "[a-z=\\[\\]\"\\n .0-9é-]{0,80}") {
            let _ = read(&text, true);
        }
    }
}
