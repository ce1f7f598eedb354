//! clap's errors in Portuguese. What is wrong with a value is said by [`super::values`].

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::locale::foreign_text::visible;

/// The sentence for a usage error, with a way out. Not for requests for help and version, which clap
/// reports as errors too.
pub fn explain(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => visible(text).into_owned(),
        Some(ContextValue::Strings(texts)) => visible(&texts.join(", ")).into_owned(),
        _ => String::new(),
    };
    let arg = text(ContextKind::InvalidArg);
    // `--rate <N>` → `--rate`
    let flag = arg.split(' ').next().unwrap_or_default().trim_end_matches("...").to_owned();
    let value = text(ContextKind::InvalidValue);
    let command = command(error);
    let sentence = match error.kind() {
        // Every user of the machine can see arguments.
        ErrorKind::UnknownArgument if arg == "--token" => {
            return "o token não é dado na linha de comando, onde outros o veriam: ponha-o na variável TOMTICKET_TOKEN ou num arquivo indicado com --token-file".to_owned();
        }
        ErrorKind::UnknownArgument if !arg.starts_with('-') => {
            let reads =
                ["run", "check", "init", "report"].iter().any(|name| command.ends_with(name));
            let why =
                if reads { "O programa lê um arquivo por vez" } else { "O comando não o usa" };
            format!("há um argumento a mais: {arg}. {why}")
        }
        ErrorKind::UnknownArgument => match owners(&arg).as_slice() {
            [] => format!("opção desconhecida: {arg}"),
            owners if command == env!("CARGO_PKG_NAME") => {
                return format!(
                    "{arg} é opção de {}, e vem depois do comando: {command} {} …",
                    enumeration(owners),
                    owners[0].trim_matches('`')
                );
            }
            // What clap suggests instead only looks alike.
            owners => {
                return format!(
                    "{arg} é opção de {}, não de `{command}`. As opções estão em `{command} --help`",
                    enumeration(owners)
                );
            }
        },
        ErrorKind::InvalidSubcommand => {
            format!("comando desconhecido: {}", text(ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("falta o valor de {arg}"),
        ErrorKind::InvalidValue => format!("{flag}: \"{value}\" não serve"),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("{flag}: \"{value}\" não serve: {}", visible(&why))
        }
        ErrorKind::MissingRequiredArgument => {
            let what = [
                (
                    "ENTRADA",
                    "o arquivo de entrada: escreva o caminho do CSV, ou - para a entrada padrão",
                ),
                (
                    "RESULTADOS",
                    "o arquivo de resultados: escreva o caminho do .resultado.csv de uma execução",
                ),
                ("SHELL", "o shell: bash, zsh, fish, elvish ou powershell"),
            ];
            let what = what.into_iter().find(|(name, _)| arg.contains(name));
            format!("falta {}", what.map_or(arg.as_str(), |(_, what)| what))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            format!("falta o comando: {}", text(ContextKind::ValidSubcommand))
        }
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            prior if prior.is_empty() || prior == arg => format!("{flag} foi dada mais de uma vez"),
            prior => format!("{arg} não combina com {prior}"),
        },
        ErrorKind::TooManyValues => format!("{arg} recebeu valores demais: {value}"),
        ErrorKind::InvalidUtf8 => "há um argumento que não é texto UTF-8 válido".to_owned(),
        _ => "linha de comando inválida".to_owned(),
    };
    let meant = text(ContextKind::SuggestedArg) + &text(ContextKind::SuggestedSubcommand);
    let (meant, end) = match meant.as_str() {
        "" => (String::new(), ". "),
        meant => (format!(". Você quis dizer {meant}?"), " "),
    };
    let help = match error.kind() {
        ErrorKind::UnknownArgument if arg.starts_with('-') => {
            format!("{end}As opções estão em `{command} --help`")
        }
        ErrorKind::InvalidSubcommand => format!("{end}Os comandos são {}", commands_of(&command)),
        _ => String::new(),
    };
    sentence + &meant + &help
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
    enumeration(&names.map(|command| command.get_name().to_owned()).collect::<Vec<_>>())
}

/// The commands that have an option, as they are typed.
fn owners(option: &str) -> Vec<String> {
    let is_it = |arg: &clap::Arg| {
        arg.get_long().is_some_and(|name| option.strip_prefix("--") == Some(name))
            || arg
                .get_short()
                .is_some_and(|name| option.strip_prefix('-') == Some(&*name.to_string()))
    };
    let has = |command: &clap::Command| command.get_arguments().any(is_it);
    let mut owners = Vec::new();
    for command in super::command().get_subcommands() {
        let inner = command.get_subcommands().filter(|inner| has(inner));
        owners.extend(has(command).then(|| format!("`{}`", command.get_name())));
        owners.extend(inner.map(|it| format!("`{} {}`", command.get_name(), it.get_name())));
    }
    owners
}

fn enumeration(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} e {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
