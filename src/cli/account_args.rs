//! The options that say which account: those of every command that reaches one, or its ledger.

use std::path::PathBuf;

use clap::Args;

use crate::api::BaseUrl;

#[derive(Debug, Args)]
#[command(next_help_heading = "Conta")]
pub struct AccountArgs {
    /// Endereço da API [padrão: https://api.tomticket.com]
    #[arg(long, value_name = "URL", value_parser = BaseUrl::parse)]
    pub base_url: Option<BaseUrl>,
    /// Lê o token deste arquivo em vez da variável TOMTICKET_TOKEN
    #[arg(long, value_name = "ARQUIVO")]
    pub token_file: Option<PathBuf>,
    /// Nome da conta, em lugar do token (para tokens que mudam)
    #[arg(id = "account", long = "account", value_name = "NOME")]
    pub label: Option<String>,
}
