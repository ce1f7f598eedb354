//! What the user typed: subcommands, flags and their help, in Portuguese. Nothing is decided here;
//! that is [`crate::config`]'s.

#![cfg_attr(
    doc,
    expect(
        rustdoc::bare_urls,
        rustdoc::invalid_html_tags,
        reason = "the flags' comments are their help texts, not prose"
    )
)]

mod report;
mod suggested_commands;
mod usage;
mod values;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use report::ReportArgs;
pub use suggested_commands::{Resolved, again};
pub use usage::explain;
pub use values::{MaxErrors, parse_duration, verbosity};

use crate::api::BaseUrl;
use crate::input::Encoding;
use crate::mapping::Key;
use crate::model::CustomerType;
use crate::output::{LogFormat, ResultsDialect};
use crate::sandbox::{DelayRange, FailureShare};
use crate::scheduler::Rate;

const HELP: &str = "{about}\n\nUso: {usage}\n\n{all-args}{after-help}";
const HEADING: &str = "Opções";
/// Where else the options of `run` and `check` may be given.
const PRECEDENCE: &str = "Cada opção também é uma variável e, menos --config, uma chave do arquivo de configuração: --max-age é TOMTICKET_SYNC_MAX_AGE e max-age; -vv é TOMTICKET_SYNC_VERBOSE=2 e verbose = 2. Vale a da linha de comando; sem ela, a da variável; sem essa, a do arquivo; por fim, o padrão.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "tomticket-sync",
    about = "Leva a exportação CSV de clientes do CRM para o TomTicket: uma atualização por linha, no ritmo da conta, com todas as linhas conferidas.",
    after_help = "Comece com um ensaio, que não precisa de token nem de rede:\n  tomticket-sync run clientes.csv --sandbox\n\nCódigos de saída:\n  0  tudo em dia\n  1  terminou; há linhas a corrigir\n  2  uso, configuração ou arquivo de entrada; nada foi enviado\n  3  a conta ou o servidor recusa tudo\n  4  temporário; rode de novo mais tarde\n  5  falha nesta máquina\n  6  há linhas incertas, a conferir no TomTicket\n  129, 130, 143  interrompido por sinal; rode de novo",
    override_usage = "tomticket-sync <COMANDO> [OPÇÕES]",
    help_template = "{about}\n\nUso: {usage}\n\nComandos:\n{subcommands}\n\nOpções:\n{options}{after-help}",
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = false
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,

    /// Mostra a versão
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Confere a entrada, envia o que for preciso e grava os resultados
    #[command(help_template = HELP, disable_help_flag = true, allow_negative_numbers = true, after_help = PRECEDENCE, override_usage = "tomticket-sync run <ENTRADA> [OPÇÕES]")]
    Run(Box<RunArgs>),

    /// Só confere a entrada: não envia nada, não precisa de token
    #[command(help_template = HELP, disable_help_flag = true, allow_negative_numbers = true, after_help = PRECEDENCE, override_usage = "tomticket-sync check <ENTRADA> [OPÇÕES]")]
    Check(Box<RunArgs>),

    /// Simula o TomTicket em 127.0.0.1 até ser interrompido; a primeira linha da saída é o endereço
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync sandbox [OPÇÕES]")]
    Sandbox(SandboxArgs),

    /// Imprime um cabeçalho com todas as colunas conhecidas
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync template")]
    Template(HelpArgs),

    /// Faz uma página HTML de uma execução que terminou, a partir dos resultados
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync report <RESULTADOS> [OPÇÕES]")]
    Report(ReportArgs),

    /// Mostra ou esquece o que o registro (ledger) sabe
    #[command(
        help_template = "{about}\n\nUso: {usage}\n\nComandos:\n{subcommands}\n\nOpções:\n{options}{after-help}",
        disable_help_flag = true,
        disable_help_subcommand = true,
        override_usage = "tomticket-sync ledger <status|forget> [OPÇÕES]"
    )]
    Ledger(LedgerArgs),

    /// Imprime o script de autocompletar para bash, zsh, fish, elvish ou powershell
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync completions <SHELL>")]
    Completions(CompletionsArgs),

    /// Imprime a página do manual, para o comando man
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync manual")]
    Manual(HelpArgs),
}

/// `ledger`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = false)]
pub struct LedgerArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: LedgerCommand,
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// The subcommands of `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Mostra, por conta, quantos clientes o registro conhece, a última mudança e o que está em andamento
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync ledger status [OPÇÕES]")]
    Status(LedgerStatusArgs),
    /// Esquece uma conta, ou um cliente dela; a próxima execução envia tudo de novo
    #[command(help_template = HELP, disable_help_flag = true, override_usage = "tomticket-sync ledger forget [OPÇÕES]")]
    Forget(LedgerForgetArgs),
}

/// `ledger status`.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct LedgerStatusArgs {
    /// Arquivo do registro [padrão: tomticket-sync/ledger.db em $XDG_STATE_HOME, ou em ~/.local/state se ela não está definida]
    #[arg(long, env = "TOMTICKET_SYNC_LEDGER", value_name = "ARQUIVO", hide_env = true)]
    pub ledger: Option<PathBuf>,
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// `ledger forget`. The account is that of the token or of `--account`, or one that `status` shows.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct LedgerForgetArgs {
    /// Arquivo do registro [padrão: tomticket-sync/ledger.db em $XDG_STATE_HOME, ou em ~/.local/state se ela não está definida]
    #[arg(long, env = "TOMTICKET_SYNC_LEDGER", value_name = "ARQUIVO", hide_env = true)]
    pub ledger: Option<PathBuf>,
    /// Endereço da API da conta [padrão: https://api.tomticket.com]
    #[arg(long, env = "TOMTICKET_SYNC_BASE_URL", value_name = "URL", value_parser = BaseUrl::parse, hide_env = true)]
    pub base_url: Option<BaseUrl>,
    /// Lê o token da conta deste arquivo em vez da variável TOMTICKET_TOKEN
    #[arg(long, env = "TOMTICKET_SYNC_TOKEN_FILE", value_name = "ARQUIVO", hide_env = true)]
    pub token_file: Option<PathBuf>,
    /// Nome da conta no registro, em lugar do token
    #[arg(long, env = "TOMTICKET_SYNC_ACCOUNT", value_name = "NOME", hide_env = true)]
    pub account: Option<String>,
    /// Código da conta, como ledger status mostra
    #[arg(long, value_name = "CÓDIGO", conflicts_with_all = ["account", "identificador"])]
    pub account_id: Option<String>,
    /// Esquece só este cliente (com --id-type)
    #[arg(long = "customer", value_name = "IDENTIFICADOR", requires = "id_type")]
    pub identificador: Option<String>,
    /// Tipo do identificador: I (interno) ou E (e-mail)
    #[arg(long, value_name = "I|E", value_parser = values::id_type, requires = "identificador")]
    pub id_type: Option<CustomerType>,
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish ou powershell
    #[arg(value_name = "SHELL", value_parser = values::shell, help_heading = "Argumentos")]
    pub shell: clap_complete::Shell,
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help, help_heading = HEADING)]
    help: Option<bool>,
}

/// Only help.
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help, help_heading = HEADING)]
    help: Option<bool>,
}

/// `run` and `check`. Every field is what was typed; `None` or empty where nothing was.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub struct RunArgs {
    /// Arquivo CSV de clientes (também .gz), ou - para a entrada padrão
    #[arg(value_name = "ENTRADA", help_heading = "Argumentos")]
    pub input: PathBuf,
    /// The whole command line; empty where a program set these up.
    #[arg(skip)]
    pub typed: Vec<OsString>,

    /// Ensaia contra um TomTicket simulado dentro do programa: sem token, sem rede, sem registro
    #[arg(long, env = "TOMTICKET_SYNC_SANDBOX", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Envio")]
    pub sandbox: bool,
    /// Só confere, como o comando check
    #[arg(long, env = "TOMTICKET_SYNC_DRY_RUN", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Envio")]
    pub dry_run: bool,
    /// Endereço da API [padrão: https://api.tomticket.com]
    #[arg(long, env = "TOMTICKET_SYNC_BASE_URL", value_name = "URL", value_parser = BaseUrl::parse, hide_env = true, help_heading = "Envio")]
    pub base_url: Option<BaseUrl>,
    /// Lê o token deste arquivo em vez da variável TOMTICKET_TOKEN
    #[arg(
        long,
        env = "TOMTICKET_SYNC_TOKEN_FILE",
        value_name = "ARQUIVO",
        hide_env = true,
        help_heading = "Envio"
    )]
    pub token_file: Option<PathBuf>,
    /// Requisições por segundo, ou unlimited (sem limite) [padrão: 3]
    #[arg(long, env = "TOMTICKET_SYNC_RATE", value_name = "N", value_parser = values::rate, hide_env = true, help_heading = "Envio")]
    pub rate: Option<Rate>,
    /// Requisições em andamento ao mesmo tempo, de 1 a 512 [padrão: 8]
    #[arg(long, env = "TOMTICKET_SYNC_CONCURRENCY", value_name = "N", value_parser = values::concurrency, hide_env = true, help_heading = "Envio")]
    pub concurrency: Option<usize>,
    /// Tempo máximo de cada requisição, por exemplo 90s ou 2m; um número sozinho são segundos [padrão: 60s]
    #[arg(long, env = "TOMTICKET_SYNC_TIMEOUT", value_name = "DURAÇÃO", value_parser = values::positive_duration, hide_env = true, help_heading = "Envio")]
    pub timeout: Option<Duration>,
    /// Envia no máximo N linhas (para um primeiro teste)
    #[arg(long, env = "TOMTICKET_SYNC_LIMIT", value_name = "N", value_parser = values::count, hide_env = true, help_heading = "Envio")]
    pub limit: Option<u64>,
    /// Para quando mais de N linhas (ou N% das linhas) tiverem erro
    #[arg(long, env = "TOMTICKET_SYNC_MAX_ERRORS", value_name = "N|P%", value_parser = MaxErrors::parse, hide_env = true, help_heading = "Envio")]
    pub max_errors: Option<MaxErrors>,
    /// Para depois deste tempo, por exemplo 6h (um número sozinho são segundos); com o registro, rodar de novo continua
    #[arg(long, env = "TOMTICKET_SYNC_MAX_DURATION", value_name = "DURAÇÃO", value_parser = values::positive_duration, hide_env = true, help_heading = "Envio")]
    pub max_duration: Option<Duration>,
    /// Desiste quando a API fica fora do ar por este tempo (só 429: o triplo); um número sozinho são segundos [padrão: 5m]
    #[arg(long, env = "TOMTICKET_SYNC_GIVE_UP_AFTER", value_name = "DURAÇÃO", value_parser = values::positive_duration, hide_env = true, help_heading = "Envio")]
    pub give_up_after: Option<Duration>,
    /// Não para quando as 20 primeiras linhas são todas recusadas com a mesma mensagem
    #[arg(long, env = "TOMTICKET_SYNC_NO_BREAKER", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Envio")]
    pub no_breaker: bool,

    /// Arquivo do registro (ledger) do que já foi aceito [padrão: tomticket-sync/ledger.db em $XDG_STATE_HOME, ou em ~/.local/state se ela não está definida; nenhum para um endereço desta máquina]
    #[arg(
        long,
        env = "TOMTICKET_SYNC_LEDGER",
        value_name = "ARQUIVO",
        hide_env = true,
        help_heading = "Registro"
    )]
    pub ledger: Option<PathBuf>,
    /// Não usa o registro: envia todas as linhas válidas e não se lembra de nada
    #[arg(long, env = "TOMTICKET_SYNC_NO_LEDGER", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Registro")]
    pub no_ledger: bool,
    /// Nome da conta no registro, em lugar do token (para tokens que mudam)
    #[arg(
        long,
        env = "TOMTICKET_SYNC_ACCOUNT",
        value_name = "NOME",
        hide_env = true,
        help_heading = "Registro"
    )]
    pub account: Option<String>,
    /// Envia também o que não mudou
    #[arg(long, env = "TOMTICKET_SYNC_FULL", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Registro")]
    pub full: bool,
    /// Envia de novo o que foi aceito há mais tempo que isto, por exemplo 30d; um número sozinho são segundos
    #[arg(long, env = "TOMTICKET_SYNC_MAX_AGE", value_name = "DURAÇÃO", value_parser = values::positive_duration, hide_env = true, help_heading = "Registro")]
    pub max_age: Option<Duration>,

    /// Usa a coluna do arquivo para um destino: "E-mail=email" (pode repetir)
    #[arg(long, value_name = "COLUNA=DESTINO", value_parser = values::pair, hide_env = true, help_heading = "Colunas")]
    pub map: Vec<(String, String)>,
    /// Descarta uma coluna (pode repetir)
    #[arg(
        long,
        env = "TOMTICKET_SYNC_IGNORE",
        value_name = "COLUNA",
        value_delimiter = '\n',
        hide_env = true,
        help_heading = "Colunas"
    )]
    pub ignore: Vec<String>,
    /// Dá um valor a todas as linhas; {Coluna} é a célula dela: "nome={Nome} {Sobrenome}" (pode repetir)
    #[arg(long, value_name = "DESTINO=VALOR", value_parser = values::pair_from_left, hide_env = true, help_heading = "Colunas")]
    pub set: Vec<(String, String)>,
    /// Tira o identificador da coluna email ou id_interno
    #[arg(long, env = "TOMTICKET_SYNC_KEY", value_name = "email|id_interno", value_parser = values::key, hide_env = true, help_heading = "Colunas")]
    pub key: Option<Key>,
    /// Tipo do identificador em todas as linhas: I (interno) ou E (e-mail)
    #[arg(long, env = "TOMTICKET_SYNC_ID_TYPE", value_name = "I|E", value_parser = values::id_type, hide_env = true, help_heading = "Colunas")]
    pub id_type: Option<CustomerType>,
    /// Recusa o arquivo se houver coluna desconhecida
    #[arg(long, env = "TOMTICKET_SYNC_STRICT", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Colunas")]
    pub strict: bool,
    /// Célula vazia desta coluna apaga o valor no TomTicket (pode repetir)
    #[arg(
        long,
        env = "TOMTICKET_SYNC_SEND_EMPTY",
        value_name = "DESTINO",
        value_delimiter = '\n',
        hide_env = true,
        help_heading = "Colunas"
    )]
    pub send_empty: Vec<String>,
    /// Célula com exatamente este texto apaga o valor no TomTicket
    #[arg(long, env = "TOMTICKET_SYNC_CLEAR_MARKER", value_name = "TEXTO", allow_hyphen_values = true, value_parser = values::not_empty, hide_env = true, help_heading = "Colunas")]
    pub clear_marker: Option<String>,
    /// Mantém os espaços em volta dos valores
    #[arg(long, env = "TOMTICKET_SYNC_NO_TRIM", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Colunas")]
    pub no_trim: bool,
    /// Linha sem valor para este destino é inválida (pode repetir)
    #[arg(
        long,
        env = "TOMTICKET_SYNC_REQUIRE",
        value_name = "DESTINO",
        value_delimiter = '\n',
        hide_env = true,
        help_heading = "Colunas"
    )]
    pub require: Vec<String>,

    /// Separador das células: , ; | ou tab [padrão: descoberto pelo conteúdo]
    #[arg(long, env = "TOMTICKET_SYNC_DELIMITER", value_name = "C", value_parser = values::delimiter, hide_env = true, help_heading = "Leitura")]
    pub delimiter: Option<u8>,
    /// Codificação: utf-8, utf-16, windows-1252 [padrão: descoberta pelo arquivo inteiro]
    #[arg(long, env = "TOMTICKET_SYNC_ENCODING", value_name = "NOME", value_parser = Encoding::parse, hide_env = true, help_heading = "Leitura")]
    pub encoding: Option<Encoding>,

    /// Arquivo de resultados, - para a saída padrão [padrão: <entrada>.resultado.csv]
    #[arg(
        long,
        env = "TOMTICKET_SYNC_RESULTS",
        value_name = "ARQUIVO",
        hide_env = true,
        help_heading = "Saída"
    )]
    pub results: Option<PathBuf>,
    /// Formato dos resultados: standard, ou excel (; e BOM, para abrir com dois cliques) [padrão: standard]
    #[arg(long, env = "TOMTICKET_SYNC_RESULTS_DIALECT", value_name = "standard|excel", value_parser = values::results_dialect, hide_env = true, help_heading = "Saída")]
    pub results_dialect: Option<ResultsDialect>,
    /// Arquivo das linhas a corrigir [padrão: <entrada>.rejeitados.csv]
    #[arg(
        long,
        env = "TOMTICKET_SYNC_REJECTS",
        value_name = "ARQUIVO",
        hide_env = true,
        help_heading = "Saída"
    )]
    pub rejects: Option<PathBuf>,
    /// Grava o resumo em JSON, - para a saída padrão
    #[arg(
        long,
        env = "TOMTICKET_SYNC_SUMMARY_JSON",
        value_name = "ARQUIVO",
        hide_env = true,
        help_heading = "Saída"
    )]
    pub summary_json: Option<PathBuf>,
    /// Grava um relatório da execução, uma página HTML; - para a saída padrão
    #[arg(
        long,
        env = "TOMTICKET_SYNC_REPORT",
        value_name = "ARQUIVO",
        hide_env = true,
        help_heading = "Saída"
    )]
    pub report: Option<PathBuf>,
    /// Sem progresso, e sem resumo quando tudo deu certo
    #[arg(short, long, env = "TOMTICKET_SYNC_QUIET", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Saída")]
    pub quiet: bool,
    /// Mais detalhes no log (-v, -vv)
    #[arg(short, long, action = ArgAction::Count, env = "TOMTICKET_SYNC_VERBOSE", value_parser = verbosity, hide_env = true, help_heading = "Saída")]
    pub verbose: u8,
    /// Formato do que sai na saída de erros: text, ou json (um objeto por linha) [padrão: text]
    #[arg(long, env = "TOMTICKET_SYNC_LOG_FORMAT", value_name = "text|json", value_parser = values::log_format, hide_env = true, help_heading = "Saída")]
    pub log_format: Option<LogFormat>,

    /// Arquivo de configuração [padrão: tomticket-sync.toml na pasta atual, se existir]
    #[arg(long, env = "TOMTICKET_SYNC_CONFIG", value_name = "ARQUIVO", hide_env = true)]
    pub config: Option<PathBuf>,
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}

impl RunArgs {
    /// `run INPUT` and nothing else typed; for programs that use the library. Unlike a command line
    /// this reads no variables and no configuration file, but for the token's.
    pub fn new(input: impl Into<PathBuf>) -> Self {
        Self { input: input.into(), ..Self::default() }
    }
}

/// `sandbox`.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct SandboxArgs {
    /// Porta em 127.0.0.1; 0 escolhe uma livre [padrão: 0]
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = values::port, hide_default_value = true)]
    pub port: u16,
    /// Requisições por segundo, ou unlimited [padrão: 3]
    #[arg(long, value_name = "N", value_parser = values::rate)]
    pub rate: Option<Rate>,
    /// Demora da resposta depois de contada, por exemplo 50ms..200ms [padrão: nenhuma]
    #[arg(long, value_name = "DE..ATÉ")]
    pub latency: Option<DelayRange>,
    /// Demora no caminho antes de contar, por exemplo 0ms..20ms [padrão: nenhuma]
    #[arg(long, value_name = "DE..ATÉ")]
    pub jitter: Option<DelayRange>,
    /// Clientes que existem; sem esta opção, todos existem
    #[arg(long, value_name = "ARQUIVO.csv")]
    pub customers: Option<PathBuf>,
    /// Único token aceito; sem esta opção, qualquer um
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Injeta falhas: 429, 500, 502, reset, close, hang, html ou truncated, em por cento (pode repetir)
    #[arg(long, value_name = "TIPO=PORCENTO")]
    pub fail: Vec<FailureShare>,
    /// Semente dos sorteios, para repetir uma falha [padrão: 0]
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = values::count, hide_default_value = true)]
    pub seed: u64,
    /// Parâmetros que não vieram voltam ao padrão (criarchamados, idioma), o outro comportamento possível da API
    #[arg(long)]
    pub reset_defaults: bool,
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// The clap command, for parsing, completions and the manual.
pub fn command() -> clap::Command {
    Cli::command().version(env!("CARGO_PKG_VERSION"))
}

/// A variable that holds nothing is as good as none: so CI systems hand on what is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let empty = |arg: &clap::Arg| {
        arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if empty(&arg) { arg.env(clap::builder::Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// `--timeout -1s` as `--timeout=-1s`. No option begins with a digit, so that is a value, and whoever
/// reads values knows what to say of it; clap would look for an option `-1`.
fn with_negative_values(command: &clap::Command, argv: Vec<OsString>) -> Vec<OsString> {
    let negative = |arg: &OsString| {
        let bytes = arg.as_encoded_bytes();
        bytes.first() == Some(&b'-') && bytes.get(1).is_some_and(u8::is_ascii_digit)
    };
    let mut joined: Vec<OsString> = Vec::with_capacity(argv.len());
    for arg in argv {
        match joined.last_mut() {
            Some(option) if negative(&arg) && takes_value(command, option) => {
                option.push("=");
                option.push(arg);
            }
            _ => joined.push(arg),
        }
    }
    joined
}

/// Whether some command has an option that is written like `typed` and takes a value.
fn takes_value(command: &clap::Command, typed: &OsStr) -> bool {
    let name = typed.to_str().and_then(|typed| typed.strip_prefix("--"));
    let is_it = |arg: &clap::Arg| arg.get_long() == name && arg.get_action().takes_values();
    name.is_some()
        && (command.get_arguments().any(is_it)
            || command.get_subcommands().any(|inner| takes_value(inner, typed)))
}

/// Parses a command line, program name included. `help run` is `run --help`.
///
/// # Errors
/// clap's error, to be shown by [`explain`].
pub fn parse(argv: &[OsString]) -> Result<(Cli, clap::ArgMatches), clap::Error> {
    let command = without_empty_variables(command());
    let argv = match argv {
        [program, help, rest @ ..] if help == "help" => {
            let help = OsString::from("--help");
            [program].into_iter().chain(rest).chain([&help]).cloned().collect()
        }
        _ => argv.to_vec(),
    };
    let argv = with_negative_values(&command, argv);
    let matches = command.try_get_matches_from(argv)?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok((cli, matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_value_goes_to_the_option_before_it() {
        let joined = |typed: &[&str]| {
            let argv = typed.iter().map(OsString::from).collect();
            let joined = with_negative_values(&command(), argv);
            joined.iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(joined(&["t", "run", "--timeout", "-1s"]), ["t", "run", "--timeout=-1s"]);
        assert_eq!(joined(&["t", "sandbox", "--port", "-1"]), ["t", "sandbox", "--port=-1"]);
        // No value of a switch, of an option that has its value, or of none.
        for kept in [
            &["t", "run", "--full", "-1s"][..],
            &["t", "run", "--timeout=1s", "-1s"],
            &["t", "run", "--timeout", "--limit", "5"],
            &["t", "run", "--timeout", "-v"],
            &["t", "run", "--", "-1.csv"],
        ] {
            assert_eq!(joined(kept), kept);
        }
    }
}
