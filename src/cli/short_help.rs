//! What `-h` shows: one screen, with the options that people need and examples. `--help` shows all.

use clap::Command;

use super::{PRECEDENCE, READING};

/// The first screen of a command.
struct Screen {
    command: &'static str,
    /// The options that it shows, with a line about each. No options: all, as they are.
    options: &'static [(&'static str, &'static str)],
    examples: &'static str,
    /// What stands below the options of `--help`.
    below: &'static str,
}

const SCREENS: [Screen; 5] = [
    Screen {
        command: "run",
        options: &[
            ("sandbox", "Ensaia num TomTicket simulado, sem token"),
            ("token_file", "Lê o token deste arquivo"),
            ("limit", "Envia no máximo N linhas (um primeiro teste)"),
            ("max_duration", "Para depois deste tempo, por exemplo 6h"),
            ("snapshot", "Envia só o que difere deste retrato (pull)"),
            ("map", "Usa a coluna para um destino: \"E-mail=email\""),
            ("set", "Dá um valor a todas: \"nome={Nome} {Sobrenome}\""),
            ("key", "Tira o identificador desta coluna"),
            ("report", "Grava um relatório da execução, uma página HTML"),
            ("config", "Arquivo de configuração (init propõe um)"),
        ],
        examples: "  tomticket-sync run clientes.csv --sandbox
  tomticket-sync run clientes.csv --config clientes.toml --limit 10
  tomticket-sync run clientes.csv --snapshot antes.csv --max-duration 6h",
        below: PRECEDENCE,
    },
    Screen {
        command: "check",
        options: &[
            ("snapshot", "Mostra o que difere deste retrato (pull)"),
            ("show", "Mostra as N primeiras linhas que mudariam"),
            ("max_changes", "Código 2 se mais linhas que isto mudariam"),
            ("map", "Usa a coluna para um destino: \"E-mail=email\""),
            ("ignore", "Descarta uma coluna"),
            ("set", "Dá um valor a todas: \"nome={Nome} {Sobrenome}\""),
            ("key", "Tira o identificador desta coluna"),
            ("null", "Texto que conta como célula vazia: \"NULL\""),
            ("rejects", "Grava as linhas inválidas neste arquivo"),
            ("config", "Arquivo de configuração (init propõe um)"),
        ],
        examples: "  tomticket-sync check clientes.csv
  tomticket-sync check clientes.csv --map \"E-mail=email\" --key email
  tomticket-sync check clientes.csv --snapshot antes.csv --show 10",
        below: PRECEDENCE,
    },
    Screen {
        command: "pull",
        options: &[
            ("output", "Onde gravar o retrato [padrão: saída padrão]"),
            ("key", "Quem tem os dois: por qual [padrão: id_interno]"),
            ("token_file", "Lê o token deste arquivo"),
            ("account", "Nome da conta, para tokens que mudam"),
            ("base_url", "Endereço da API, por exemplo o do simulado"),
            ("rate", "Requisições por segundo [padrão: 3]"),
            ("give_up_after", "Desiste depois deste tempo [padrão: 5m]"),
            ("config", "Arquivo de configuração"),
            ("quiet", "Sem progresso, e sem resumo se deu certo"),
        ],
        examples: "  tomticket-sync pull -o antes.csv
  tomticket-sync pull -o antes.csv.gz --token-file ~/.config/tomticket/token
  tomticket-sync pull --key email > antes.csv",
        below: READING,
    },
    Screen {
        command: "ids",
        options: &[
            ("token_file", "Lê o token deste arquivo"),
            ("account", "Nome da conta, para tokens que mudam"),
            ("base_url", "Endereço da API, por exemplo o do simulado"),
            ("rate", "Requisições por segundo [padrão: 3]"),
            ("config", "Arquivo de configuração"),
        ],
        examples: "  tomticket-sync ids > ids.csv
  tomticket-sync ids --token-file ~/.config/tomticket/token
  tomticket-sync ids --rate 1 --quiet",
        below: READING,
    },
    Screen {
        command: "sandbox",
        options: &[
            ("port", "Porta em 127.0.0.1 [padrão: uma livre]"),
            ("rate", "Requisições por segundo [padrão: 3]"),
            ("latency", "Demora da resposta, por exemplo 50ms..200ms"),
            ("customers", "Clientes que existem [padrão: todos]"),
            ("token", "Único token aceito [padrão: qualquer um]"),
            ("fail", "Injeta falhas em por cento: 500=5, reset=2"),
            ("seed", "Semente dos sorteios, para repetir uma falha"),
            ("no_reads", "Recusa as consultas (403)"),
            ("custom_fields", "Campos personalizados que existem"),
        ],
        examples: "  tomticket-sync sandbox
  tomticket-sync sandbox --port 8089 --customers conta.csv
  tomticket-sync sandbox --fail 500=5 --fail reset=2 --seed 7",
        below: "",
    },
];

/// Options of `run` that do nothing in `check`, which takes them all the same: the configuration file
/// and a command line that is tried out are written for `run`.
const WITHOUT_EFFECT_IN_CHECK: [&str; 14] = [
    "sandbox",
    "dry_run",
    "api",
    "concurrency",
    "timeout",
    "max_errors",
    "max_duration",
    "give_up_after",
    "no_breaker",
    "verify",
    "settle_wait",
    "results",
    "results_dialect",
    "report",
];

/// The definition with what `-h` and `--help` show of it.
pub fn with_screens(command: Command) -> Command {
    command.mut_subcommands(|command| {
        let name = command.get_name();
        let is_check = name == "check";
        let command = match SCREENS.iter().find(|screen| screen.command == name) {
            Some(screen) => screen.of(command),
            None => command,
        };
        command.mut_args(|arg| {
            let is_idle = is_check && WITHOUT_EFFECT_IN_CHECK.contains(&arg.get_id().as_str());
            if is_idle { arg.hide(true) } else { arg }
        })
    })
}

impl Screen {
    fn of(&self, command: Command) -> Command {
        let name = self.command;
        let short = format!(
            "Exemplos:\n{}\n\nTodas as opções: tomticket-sync {name} --help",
            self.examples
        );
        let long = format!("Exemplos:\n{}\n\n{}", self.examples, self.below);
        command.after_help(short).after_long_help(long.trim_end().to_owned()).mut_args(|arg| {
            let id = arg.get_id().as_str().to_owned();
            match self.options.iter().find(|(option, _)| *option == id) {
                Some((_, line)) => {
                    let long = arg.get_help().cloned().unwrap_or_default();
                    arg.help(*line).long_help(long)
                }
                None if arg.is_positional() || id == "help" => arg,
                None => arg.hide_short_help(true),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(name: &str, long: bool) -> String {
        let mut root = crate::cli::command().term_width(80);
        root.build();
        let command = match name {
            "" => &mut root,
            name => root.find_subcommand_mut(name).unwrap(),
        };
        let help = if long { command.render_long_help() } else { command.render_help() };
        help.to_string()
    }

    #[test]
    fn one_screen_is_enough_for_a_first_look() {
        let mut screens = String::new();
        for name in ["", "run", "check", "init", "pull", "ids", "sandbox"] {
            let text = help(name, false);
            let lines = text.trim_end().lines().count();
            assert!(lines <= 40, "{name} has {lines} lines:\n{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            screens.push_str(&format!("$ tomticket-sync {name} -h\n{text}\n"));
        }
        insta::assert_snapshot!("primeira_tela", screens);
    }

    #[test]
    fn the_screens_name_options_that_exist_and_help_shows_all() {
        let root = crate::cli::command();
        for Screen { command, options, .. } in SCREENS {
            let definition = root.find_subcommand(command).unwrap();
            for (id, _) in options {
                assert!(definition.get_arguments().any(|arg| arg.get_id() == id), "{command} {id}");
            }
            let long = help(command, true);
            for arg in definition.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let name = arg.get_long().map_or(String::new(), |name| format!("--{name}"));
                assert!(long.contains(&name), "{command} --help lacks {name}");
            }
        }
    }

    #[test]
    fn check_shows_what_has_an_effect_there_and_takes_the_rest() {
        let root = crate::cli::command();
        let run = root.find_subcommand("run").unwrap();
        let long = help("check", true).replace('\n', " ");
        for id in WITHOUT_EFFECT_IN_CHECK {
            let arg = run.get_arguments().find(|arg| arg.get_id() == id).unwrap();
            let name = format!("--{} ", arg.get_long().unwrap());
            assert!(!long.contains(&name), "{name}");
        }
        let typed = ["t", "check", "a.csv", "--report", "r.html", "--max-errors", "5%"];
        root.try_get_matches_from(typed).unwrap();
    }
}
