//! The options of `sandbox`.

use std::path::PathBuf;

use clap::Args;

use super::{HEADING, values};
use crate::sandbox::{DelayRange, FailureShare};
use crate::scheduler::Rate;

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
    /// Injeta falhas: 429, 500, 502, reset, close, hang, html, truncated ou late (a atualização é feita até 20 s depois de cortada), em por cento (pode repetir)
    #[arg(long, value_name = "TIPO=PORCENTO")]
    pub fail: Vec<FailureShare>,
    /// Semente dos sorteios, para repetir uma falha [padrão: 0]
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = values::count, hide_default_value = true)]
    pub seed: u64,
    /// Parâmetros que não vieram voltam ao padrão (criarchamados, idioma), o outro comportamento possível da API
    #[arg(long)]
    pub reset_defaults: bool,
    /// Atraso com que as consultas mostram o que foi gravado, por exemplo 0s..3s [padrão: nenhum]
    #[arg(long, value_name = "DE..ATÉ")]
    pub read_lag: Option<DelayRange>,
    /// Recusa as consultas (403), como uma conta sem permissão para ler
    #[arg(long)]
    pub no_reads: bool,
    /// Campos personalizados que existem; os outros são aceitos e se perdem [padrão: todos existem]
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub custom_fields: Option<Vec<String>>,
}
