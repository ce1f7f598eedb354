//! What is typed behind `report`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::HEADING;

/// `report`.
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
    /// Mostra esta ajuda
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}
