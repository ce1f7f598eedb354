//! Why a command line gives no command, or its options no settings. Each is exit 2.

use crate::api::{BaseUrlError, TokenError};
use crate::cli;
use crate::locale::foreign_text::visible;

/// Why a command line does not give a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandLineError {
    /// Usage, or a request for help or version.
    #[error("{}", cli::explain(.0))]
    Usage(clap::Error),
    /// A variable or the configuration file. `place` is the variable, or the file and the line.
    #[error("{place}: {why}")]
    Value { place: String, why: String },
    /// `--no-ledger` beside a flag that needs a ledger.
    #[error(
        "--no-ledger não combina com --ledger, --account, --full ou --max-age: escolha um dos dois"
    )]
    LedgerWantedAndNot,
}

/// Why options give no settings.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant is its documentation")]
pub enum SettingsError {
    #[error(
        "falta o token: ponha-o na variável TOMTICKET_TOKEN ou num arquivo indicado com --token-file (no TomTicket: Administração › Configurações da Conta › API › Novo Token). Para ensaiar sem token: run com --sandbox"
    )]
    NoToken,
    #[error(
        "não sei qual conta esquecer: ponha o token dela na variável TOMTICKET_TOKEN ou num arquivo indicado com --token-file, ou dê o nome dela com --account, ou o código que `tomticket-sync ledger status` mostra com --account-id"
    )]
    NoAccount,
    #[error(
        "--account-id: \"{}\" não é o código de uma conta; são os 32 dígitos que `tomticket-sync ledger status` mostra",
        visible(.0)
    )]
    AccountCode(String),
    #[error("sem --snapshot, {0} não tem efeito: dê o retrato também, ou tire {0}")]
    WithoutSnapshot(&'static str),
    #[error(
        "a entrada e --snapshot não podem vir as duas da entrada padrão: grave uma num arquivo"
    )]
    OneStdin,
    #[error("{place}: {why}")]
    BadToken { place: String, why: TokenError },
    #[error("não foi possível ler o arquivo do token {path}: {why}")]
    TokenFile { path: String, why: String },
    #[error("--base-url: {0}")]
    BaseUrl(#[from] BaseUrlError),
    #[error(
        "não sei onde guardar o registro do que já foi aceito: nem XDG_STATE_HOME nem {} estão definidas. Use --ledger ARQUIVO, ou --no-ledger",
        if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" }
    )]
    NoStateHome,
}
