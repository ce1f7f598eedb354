//! clap's errors in Portuguese. What is wrong with a value is said by [`super::values`].

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The sentence for a usage error, with a way out. Not for requests for help and version, which clap
/// reports as errors too.
pub fn explain(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let arg = text(ContextKind::InvalidArg).unwrap_or_default();
    // `--rate <N>` → `--rate`
    let flag = arg.split(' ').next().unwrap_or_default().trim_end_matches("...").to_owned();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let command = command(error);
    let mut sentence = match error.kind() {
        // Every user of the machine can see arguments.
        ErrorKind::UnknownArgument if arg == "--token" => {
            return "o token não é dado na linha de comando, onde outros o veriam: ponha-o na variável TOMTICKET_TOKEN ou num arquivo indicado com --token-file".to_owned();
        }
        ErrorKind::UnknownArgument if !arg.starts_with('-') => {
            let reads = ["run", "check", "report"].iter().any(|name| command.ends_with(name));
            let why =
                if reads { "O programa lê um arquivo por vez" } else { "O comando não o usa" };
            format!("há um argumento a mais: {arg}. {why}")
        }
        ErrorKind::UnknownArgument => format!("opção desconhecida: {arg}"),
        ErrorKind::InvalidSubcommand => format!(
            "comando desconhecido: {}",
            text(ContextKind::InvalidSubcommand).unwrap_or_default()
        ),
        ErrorKind::InvalidValue if value.is_empty() => format!("falta o valor de {arg}"),
        ErrorKind::InvalidValue => format!("{flag}: \"{value}\" não serve"),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error)
                .map(|source| match source.to_string().as_str() {
                    "value was not a boolean" => "use true ou false".to_owned(),
                    other => other.to_owned(),
                })
                .unwrap_or_else(|| "valor inválido".to_owned());
            format!("{flag}: \"{value}\" não serve: {why}")
        }
        ErrorKind::MissingRequiredArgument => match arg.contains("ENTRADA") {
            true => {
                "falta o arquivo de entrada: escreva o caminho do CSV, ou - para a entrada padrão"
                    .to_owned()
            }
            false if arg.contains("RESULTADOS") => {
                "falta o arquivo de resultados: escreva o caminho do .resultado.csv de uma execução"
                    .to_owned()
            }
            false if arg.contains("SHELL") => {
                "falta o shell: bash, zsh, fish, elvish ou powershell".to_owned()
            }
            false => format!("falta {arg}"),
        },
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let commands = match error.get(ContextKind::ValidSubcommand) {
                Some(ContextValue::Strings(names)) => names.join(", "),
                _ => "veja --help".to_owned(),
            };
            format!("falta o comando: {commands}")
        }
        ErrorKind::ArgumentConflict
            if text(ContextKind::PriorArg).is_none_or(|prior| prior == arg) =>
        {
            format!("{flag} foi dada mais de uma vez")
        }
        ErrorKind::ArgumentConflict => format!(
            "{arg} não combina com {}",
            text(ContextKind::PriorArg).unwrap_or_else(|| "outra opção dada".to_owned())
        ),
        ErrorKind::TooManyValues => format!("{arg} recebeu valores demais: {value}"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("{arg} recebeu um número errado de valores")
        }
        ErrorKind::NoEquals => format!("{arg} precisa de um sinal de igual: {flag}=VALOR"),
        ErrorKind::InvalidUtf8 => "há um argumento que não é texto UTF-8 válido".to_owned(),
        _ => "linha de comando inválida".to_owned(),
    };
    if let Some(meant) =
        text(ContextKind::SuggestedArg).or_else(|| text(ContextKind::SuggestedSubcommand))
    {
        sentence.push_str(&format!(". Você quis dizer {meant}?"));
    }
    match error.kind() {
        ErrorKind::UnknownArgument if arg.starts_with('-') => {
            let end = if sentence.ends_with('?') { " " } else { ". " };
            sentence.push_str(&format!("{end}As opções estão em `{command} --help`"));
        }
        ErrorKind::InvalidSubcommand => {
            let end = if sentence.ends_with('?') { " " } else { ". " };
            sentence.push_str(&format!("{end}Os comandos são {}", commands_of(&command)));
        }
        _ => {}
    }
    sentence
}

/// The command of the error, as it is typed: `tomticket-sync ledger`.
fn command(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let name = env!("CARGO_PKG_NAME");
    let typed = usage.find(name).map_or(name, |at| &usage[at..]);
    let words = typed.split_whitespace();
    let words: Vec<&str> = words.take_while(|word| !word.starts_with(['<', '['])).collect();
    words.join(" ")
}

/// The commands that may follow it, as an enumeration.
fn commands_of(command: &str) -> String {
    let root = super::command();
    let inner = command.split(' ').nth(1).and_then(|name| root.find_subcommand(name));
    let names = inner.unwrap_or(&root).get_subcommands();
    let names: Vec<&str> = names.map(clap::Command::get_name).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} e {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
