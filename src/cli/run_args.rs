//! The options of `run` and `check`, by the headings of their help. `None` and empty lists are what
//! was not given. The option's name is also that of its variable and of its key in the configuration
//! file ([`crate::config`]).

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::{AccountArgs, HEADING, MaxErrors, values};
use crate::api::ApiVersion;
use crate::input::ReadOptions;
use crate::mapping::MappingOptions;
use crate::output::{LogFormat, ResultsDialect};
use crate::scheduler::Rate;

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Arquivo CSV ou .xlsx (também .gz), ou - para a entrada padrão
    #[arg(value_name = "ENTRADA", help_heading = "Argumentos")]
    pub input: PathBuf,
    #[command(flatten)]
    pub sending: SendingArgs,
    #[command(flatten)]
    pub account: AccountArgs,
    #[command(flatten)]
    pub memory: MemoryArgs,
    #[command(flatten)]
    pub snapshot: SnapshotArgs,
    #[command(flatten)]
    pub mapping: MappingOptions,
    #[command(flatten)]
    pub read: ReadOptions,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Arquivo de configuração [padrão: tomticket-sync.toml na pasta atual, se existir]
    #[arg(long, value_name = "ARQUIVO", help_heading = HEADING)]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Envio")]
pub struct SendingArgs {
    /// Ensaia contra um TomTicket simulado dentro do programa: sem token, sem rede, sem registro
    #[arg(long)]
    pub sandbox: bool,
    /// Só confere, como o comando check
    #[arg(long)]
    pub dry_run: bool,
    /// Versão da API em que as atualizações são enviadas: v1 ou v2 (v2.0: o token fica fora do endereço) [padrão: v1]
    #[arg(long, value_name = "v1|v2", value_parser = values::api_version)]
    pub api: Option<ApiVersion>,
    /// Requisições por segundo, ou unlimited (sem limite) [padrão: 3]
    #[arg(long, value_name = "N", value_parser = values::rate)]
    pub rate: Option<Rate>,
    /// Requisições em andamento ao mesmo tempo, de 1 a 512 [padrão: 8]
    #[arg(long, value_name = "N", value_parser = values::concurrency)]
    pub concurrency: Option<usize>,
    /// Tempo máximo de cada requisição, por exemplo 90s ou 2m; um número sozinho são segundos [padrão: 60s]
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub timeout: Option<Duration>,
    /// Envia no máximo N linhas (para um primeiro teste)
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub limit: Option<u64>,
    /// Para quando mais de N linhas (ou N% das linhas) tiverem erro
    #[arg(long, value_name = "N|P%", value_parser = MaxErrors::parse)]
    pub max_errors: Option<MaxErrors>,
    /// Termina com código 0 mesmo com até N linhas (ou N% das linhas) a corrigir
    #[arg(long, value_name = "N|P%", value_parser = MaxErrors::parse)]
    pub ok_with: Option<MaxErrors>,
    /// Para depois deste tempo, por exemplo 6h (um número sozinho são segundos); com o registro, rodar de novo continua
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub max_duration: Option<Duration>,
    /// Desiste quando a API fica fora do ar por este tempo (só 429: o triplo); um número sozinho são segundos [padrão: 5m]
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub give_up_after: Option<Duration>,
    /// Não para quando as 20 primeiras linhas são todas recusadas com a mesma mensagem
    #[arg(long)]
    pub no_breaker: bool,
    /// Lê de volta as N primeiras linhas aceitas, e para se uma coluna aceita não ficou guardada; 0 desliga [padrão: 5]
    #[arg(long, value_name = "N", value_parser = values::verified_rows)]
    pub verify: Option<usize>,
    /// Depois de uma tentativa sem resposta, espera este tempo e lê o cliente mais uma vez; 0 desliga [padrão: 30s]
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::parse_duration)]
    pub settle_wait: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Registro")]
pub struct MemoryArgs {
    /// Arquivo do registro (ledger) do que já foi aceito [padrão: tomticket-sync/ledger.db em $XDG_STATE_HOME, ou em ~/.local/state (no Windows, %LOCALAPPDATA%) se ela não está definida; nenhum para um endereço desta máquina]
    #[arg(long, value_name = "ARQUIVO")]
    pub ledger: Option<PathBuf>,
    /// Não usa o registro: envia todas as linhas válidas e não se lembra de nada
    #[arg(long)]
    pub no_ledger: bool,
    /// Envia também o que não mudou
    #[arg(long)]
    pub full: bool,
    /// Envia de novo o que foi aceito há mais tempo que isto, por exemplo 30d; um número sozinho são segundos
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub max_age: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Retrato e plano")]
pub struct SnapshotArgs {
    /// Retrato do que o TomTicket tem agora (gravado por pull): só o que difere é enviado
    #[arg(long, value_name = "ARQUIVO")]
    pub snapshot: Option<PathBuf>,
    /// Idade máxima do retrato; um número sozinho são segundos [padrão: 24h]
    #[arg(long, value_name = "DURAÇÃO", value_parser = values::positive_duration)]
    pub snapshot_age: Option<Duration>,
    /// Dá esta coluna por certa quando o retrato não a mostra ou a mostra de outra forma (repetível)
    #[arg(long, value_name = "COLUNA")]
    pub assume: Vec<String>,
    /// Só as linhas dos clientes que estes resultados citam como atualizado, falhou ou incerto (o caminho de volta)
    #[arg(long, value_name = "RESULTADOS")]
    pub only: Option<PathBuf>,
    /// Não começa se mais de N linhas (ou N% das que podem ser enviadas) mudariam
    #[arg(long, value_name = "N|P%", value_parser = MaxErrors::parse)]
    pub max_changes: Option<MaxErrors>,
    /// Não começa se menos de N linhas podem ser enviadas (menos num arquivo de rejeitados)
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub min_rows: Option<u64>,
    /// Com check: mostra as N primeiras linhas que mudariam, campo a campo [padrão: 3 num terminal, senão 0]
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub show: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Saída")]
pub struct OutputArgs {
    /// Arquivo de resultados, - para a saída padrão; {inicio} no nome de uma saída é o começo da execução, como 2026-11-27T02-00-00 [padrão: <entrada>.resultado.csv]
    #[arg(long, value_name = "ARQUIVO")]
    pub results: Option<PathBuf>,
    /// Formato dos resultados: standard, ou excel (; e BOM, para abrir com dois cliques) [padrão: standard]
    #[arg(long, value_name = "standard|excel", value_parser = values::results_dialect)]
    pub results_dialect: Option<ResultsDialect>,
    /// Arquivo das linhas a corrigir [padrão: <entrada>.rejeitados.csv]
    #[arg(long, value_name = "ARQUIVO")]
    pub rejects: Option<PathBuf>,
    /// Grava o resumo em JSON, - para a saída padrão
    #[arg(long, value_name = "ARQUIVO")]
    pub summary_json: Option<PathBuf>,
    /// Grava um relatório da execução, uma página HTML; - para a saída padrão
    #[arg(long, value_name = "ARQUIVO")]
    pub report: Option<PathBuf>,
    /// Sem progresso, e sem resumo quando tudo deu certo
    #[arg(short, long)]
    pub quiet: bool,
    /// Mais detalhes no log (-v, -vv)
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Formato do que sai na saída de erros: text, ou json (um objeto por linha) [padrão: text]
    #[arg(long, value_name = "text|json", value_parser = values::log_format)]
    pub log_format: Option<LogFormat>,
}
