//! Why reading ended before its last page.

use std::io;

use crate::exit_code;
use crate::locale::format::number;
use crate::locale::os_error::describe_os_error;
use crate::output::{OutputError, SHEET_ROWS};
use crate::stop::StopReason;

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The account may not be read, or the address is wrong.
    #[error("o TomTicket não deixa ler {what} ({why}). {advice}")]
    Refused { what: &'static str, why: String, advice: &'static str },
    /// A page could not be read for too long.
    #[error(
        "a página {page} de {what} não pôde ser lida em {waited} ({why}). Rode de novo mais tarde"
    )]
    GaveUp { what: &'static str, page: u64, waited: String, why: String },
    /// Every page looks alike, or there is no last one.
    #[error(
        "{why}: algo entre este programa e o TomTicket ignora o número da página (um proxy, um cache?). Nada foi gravado; rode de novo mais tarde ou de outra rede"
    )]
    IgnoresPage { why: String },
    #[error("{0}; nada foi gravado")]
    Stopped(StopReason),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(
        "uma planilha .xlsx não tem lugar para tantos clientes: são no máximo {} linhas com o cabeçalho; nada foi gravado. Grave um CSV (-o com um nome que termine em .csv)",
        number(SHEET_ROWS)
    )]
    TooManyForXlsx,
    #[error(
        "linha {row}: um valor não cabe numa célula de .xlsx (32.767 caracteres); nada foi gravado. Grave um CSV (-o com um nome que termine em .csv)"
    )]
    TooLongForXlsx { row: u64 },
    #[error("não foi possível ler o arquivo temporário: {}", describe_os_error(.0))]
    Spool(#[from] io::Error),
    #[error("não foi possível gravar {path}: {}. Confira o espaço em disco", describe_os_error(.cause))]
    Write { path: String, cause: io::Error },
}

impl PullError {
    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } => exit_code::REFUSED,
            Self::GaveUp { .. } | Self::IgnoresPage { .. } => exit_code::TEMPORARY,
            Self::Stopped(reason) => exit_code::of_run(Some(reason), &[0; 7], 0),
            Self::Output(error) => error.exit_code(),
            Self::TooManyForXlsx | Self::TooLongForXlsx { .. } => exit_code::USAGE,
            Self::Write { .. } | Self::Spool(_) => exit_code::LOCAL,
        }
    }
}
