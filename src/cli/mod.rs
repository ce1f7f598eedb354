//! What the user typed: commands, options and their help, in Portuguese. What an option means with
//! its variable, the configuration file and the defaults is decided by [`crate::config`].

mod account_args;
mod init_args;
mod ledger_args;
mod parse;
mod pull_args;
mod run_args;
mod sandbox_args;
mod short_help;
mod suggested_commands;
mod usage;
mod values;

use std::path::PathBuf;

use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand};

pub use account_args::AccountArgs;
pub use init_args::InitArgs;
pub use ledger_args::{LedgerArgs, LedgerCommand, LedgerFileArgs, LedgerForgetArgs};
pub use parse::parse;
pub use pull_args::{IdsArgs, PullArgs, ReadingArgs};
pub use run_args::RunArgs;
pub use sandbox_args::SandboxArgs;
pub use suggested_commands::{
    REAL_ACCOUNT, Resolved, SuggestedCommands, check_against, init_again, pull_again,
    suggested_commands,
};
pub use usage::explain;
#[cfg(test)]
pub use values::parse_duration;
pub use values::{MaxErrors, verbosity};

const HEADING: &str = "Opções";
/// Where else the options of `run` and `check` may be given.
const PRECEDENCE: &str = "Cada opção também é uma variável e, menos --config, uma chave do arquivo de configuração: --max-age é TOMTICKET_SYNC_MAX_AGE e max-age; -vv é TOMTICKET_SYNC_VERBOSE=2 e verbose = 2. Vale a da linha de comando; sem ela, a da variável; sem essa, a do arquivo; por fim, o padrão.";

/// The same for `pull` and `ids`.
const READING: &str = "As variáveis e o arquivo de configuração são os de run: valem as opções que este comando também tem.";

#[derive(Debug, Parser)]
#[command(
    name = "tomticket-sync",
    about = "Leva a exportação CSV de clientes do CRM para o TomTicket: uma atualização por linha, no ritmo da conta, com todas as linhas conferidas.",
    after_help = "Comece com um ensaio, que não precisa de token nem de rede:\n  tomticket-sync run clientes.csv --sandbox\n\nCódigos de saída:\n  0  tudo em dia\n  1  terminou; há linhas a corrigir (mais que --ok-with)\n  2  uso, configuração ou arquivo de entrada; nada foi enviado\n  3  a conta ou o servidor recusa tudo\n  4  temporário; rode de novo mais tarde\n  5  falha nesta máquina\n  6  há linhas incertas, a conferir no TomTicket\n  129, 130, 143  interrompido por sinal; rode de novo",
    override_usage = "tomticket-sync <COMANDO> [OPÇÕES]",
    subcommand_required = true,
    arg_required_else_help = false
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Confere a entrada, envia o que for preciso e grava os resultados
    #[command(
        allow_negative_numbers = true,
        override_usage = "tomticket-sync run <ENTRADA> [OPÇÕES]"
    )]
    Run(Box<RunArgs>),

    /// Só confere a entrada: não envia nada, não precisa de token
    #[command(
        allow_negative_numbers = true,
        override_usage = "tomticket-sync check <ENTRADA> [OPÇÕES]"
    )]
    Check(Box<RunArgs>),

    /// Propõe um arquivo de configuração para uma exportação, pelo cabeçalho e pelos valores
    #[command(override_usage = "tomticket-sync init <ENTRADA> [OPÇÕES]")]
    Init(InitArgs),

    /// Lê todos os clientes do TomTicket e grava um retrato: um CSV que run e check aceitam
    #[command(override_usage = "tomticket-sync pull [OPÇÕES]")]
    Pull(PullArgs),

    /// Lista os ids de que um mapeamento precisa: campos personalizados e organizações
    #[command(override_usage = "tomticket-sync ids [OPÇÕES]")]
    Ids(IdsArgs),

    /// Simula o TomTicket em 127.0.0.1 até ser interrompido; a primeira linha da saída é o endereço
    #[command(override_usage = "tomticket-sync sandbox [OPÇÕES]")]
    Sandbox(SandboxArgs),

    /// Imprime um cabeçalho com todas as colunas conhecidas
    #[command(override_usage = "tomticket-sync template")]
    Template,

    /// Faz uma página HTML de uma execução que terminou, a partir dos resultados
    #[command(override_usage = "tomticket-sync report <RESULTADOS> [OPÇÕES]")]
    Report(ReportArgs),

    /// Mostra ou esquece o que o registro (ledger) sabe
    #[command(override_usage = "tomticket-sync ledger <status|forget> [OPÇÕES]")]
    Ledger(LedgerArgs),

    /// Imprime o script de autocompletar para bash, zsh, fish, elvish ou powershell
    #[command(override_usage = "tomticket-sync completions <SHELL>")]
    Completions(CompletionsArgs),

    /// Imprime a página do manual, para o comando man
    #[command(override_usage = "tomticket-sync manual")]
    Manual,
}

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct ReportArgs {
    /// Arquivo de resultados de uma execução, como o programa o gravou (também .gz), ou - para a entrada padrão
    #[arg(value_name = "RESULTADOS", help_heading = "Argumentos")]
    pub results: PathBuf,
    /// Onde gravar a página, - para a saída padrão [padrão: <entrada>.relatorio.html, ao lado dos resultados; entrada.relatorio.html, na pasta atual, para a entrada padrão]
    #[arg(short, long, value_name = "ARQUIVO")]
    pub output: Option<PathBuf>,
    /// Resumo da mesma execução (run --summary-json): acrescenta o motivo do fim, as requisições, os 429 e as opções
    #[arg(long, value_name = "ARQUIVO")]
    pub summary_json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish ou powershell
    #[arg(value_name = "SHELL", value_parser = values::shell, help_heading = "Argumentos")]
    pub shell: clap_complete::Shell,
}

/// The definition of the command line, for parsing, completions and the manual.
pub fn command() -> clap::Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    short_help::with_screens(in_portuguese(Cli::command()))
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .arg(version.help("Mostra a versão"))
}

/// Replaces what clap says in English: headings and the help option, of every command.
fn in_portuguese(command: clap::Command) -> clap::Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    let help = help.help("Mostra esta ajuda");
    let (help, template) = match command.has_subcommands() {
        true => (
            help,
            "{about}\n\nUso: {usage}\n\nComandos:\n{subcommands}\n\nOpções:\n{options}{after-help}",
        ),
        false => (help.help_heading(HEADING), "{about}\n\nUso: {usage}\n\n{all-args}{after-help}"),
    };
    command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .help_template(template)
        .arg(help)
        .mut_subcommands(in_portuguese)
}
