//! The options of `pull` and `ids`, which read an account.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{AccountArgs, HEADING, values};
use crate::mapping::Key;
use crate::output::LogFormat;
use crate::scheduler::Rate;

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct PullArgs {
    /// Onde gravar o retrato (CSV; comprimido se o nome termina em .gz, planilha se termina em .xlsx), - para a saída padrão [padrão: saída padrão]
    #[arg(short, long, value_name = "ARQUIVO")]
    pub output: Option<PathBuf>,
    /// Identifica por e-mail (email) quem tem e-mail e identificador interno [padrão: id_interno]
    #[arg(long, value_name = "email|id_interno")]
    pub key: Option<Key>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct IdsArgs {
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Which account is read, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Leitura")]
pub struct ReadingArgs {
    /// Arquivo do registro (ledger) da conta: quem lê não corre junto com quem envia [padrão: o mesmo de run]
    #[arg(long, value_name = "ARQUIVO")]
    pub ledger: Option<PathBuf>,
    /// Requisições por segundo, ou unlimited (sem limite) [padrão: 3]
    #[arg(long, value_name = "N", value_parser = values::rate)]
    pub rate: Option<Rate>,
    /// Requisições em andamento ao mesmo tempo, de 1 a 512 [padrão: 8]
    #[arg(long, value_name = "N", value_parser = values::concurrency)]
    pub concurrency: Option<usize>,
    /// Tempo máximo de cada requisição; um número sozinho são segundos [padrão: 60s]
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub timeout: Option<Duration>,
    /// Desiste quando uma página não pode ser lida por este tempo (só 429: o triplo) [padrão: 5m]
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub give_up_after: Option<Duration>,
    /// Arquivo de configuração [padrão: tomticket-sync.toml na pasta atual, se existir]
    #[arg(long, value_name = "ARQUIVO")]
    pub config: Option<PathBuf>,
    /// Sem progresso, e sem resumo quando tudo deu certo
    #[arg(short, long)]
    pub quiet: bool,
    /// Formato do que sai na saída de erros: text, ou json (um objeto por linha) [padrão: text]
    #[arg(long, value_name = "text|json", value_parser = values::log_format)]
    pub log_format: Option<LogFormat>,
    #[command(flatten)]
    pub account: AccountArgs,
}
