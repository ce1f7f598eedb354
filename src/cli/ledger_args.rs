//! The options of `ledger`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{AccountArgs, HEADING};
use crate::model::CustomerType;

#[derive(Debug, Args)]
#[command(arg_required_else_help = false)]
pub struct LedgerArgs {
    #[command(subcommand)]
    pub command: LedgerCommand,
}

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Mostra, por conta, quantos clientes o registro conhece, a última mudança e o que está em andamento
    #[command(override_usage = "tomticket-sync ledger status [OPÇÕES]")]
    Status(LedgerFileArgs),
    /// Esquece uma conta, ou um cliente dela; a próxima execução envia tudo de novo
    #[command(override_usage = "tomticket-sync ledger forget [OPÇÕES]")]
    Forget(LedgerForgetArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct LedgerFileArgs {
    /// Arquivo do registro [padrão: tomticket-sync/ledger.db em $XDG_STATE_HOME, ou em ~/.local/state (no Windows, %LOCALAPPDATA%) se ela não está definida]
    #[arg(long, value_name = "ARQUIVO")]
    pub ledger: Option<PathBuf>,
}

/// The account is that of the token or of `--account`, or one that `status` shows.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct LedgerForgetArgs {
    #[command(flatten)]
    pub file: LedgerFileArgs,
    /// Código da conta, como ledger status mostra
    #[arg(long, value_name = "CÓDIGO", conflicts_with_all = ["account", "identificador"])]
    pub account_id: Option<String>,
    /// Esquece só este cliente (com --id-type)
    #[arg(long = "customer", value_name = "IDENTIFICADOR", requires = "id_type")]
    pub identificador: Option<String>,
    /// Tipo do identificador: I (interno) ou E (e-mail)
    #[arg(long, value_name = "I|E", requires = "identificador")]
    pub id_type: Option<CustomerType>,
    #[command(flatten)]
    pub account: AccountArgs,
}
