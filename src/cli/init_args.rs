//! The options of `init`.

use std::path::PathBuf;

use clap::Args;

use super::HEADING;
use crate::input::ReadOptions;

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct InitArgs {
    /// Exportação de clientes, como run a receberia
    #[arg(value_name = "ENTRADA", help_heading = "Argumentos")]
    pub input: PathBuf,
    /// Grava sem perguntar, só com o que é certo
    #[arg(long)]
    pub yes: bool,
    /// Troca um arquivo que já existe
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub read: ReadOptions,
}
