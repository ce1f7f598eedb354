//! What can be wrong with an input as a whole, in words for the person who runs the program.
//!
//! What is wrong with one row (too few cells, a cell that is too long) is data, and not here.

use std::io;
use std::sync::Arc;

use super::encoding::Encoding;
use super::workbook::WorkbookError;
use crate::exit_code;
use crate::locale::foreign_text::visible_path;
use crate::locale::format::number;
use crate::locale::os_error::describe_os_error;

/// What stands in place of a header, behind the lines of `--skip-lines`.
pub(super) fn only_blank(skipped: u64) -> String {
    match skipped {
        0 => "só linhas em branco".to_owned(),
        1 => "nada depois da linha que --skip-lines pula".to_owned(),
        lines => format!("nada depois das {} linhas que --skip-lines pula", number(lines)),
    }
}

/// Why an input cannot be read, or not any further. The text is Portuguese, names the file and the
/// line where there is one, and says what to do. `label` is the input as messages name it, `line` a
/// physical line, `column` the number of a cell in its record, from 1.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("não foi possível abrir {label}: {}", reason(cause))]
    Open { label: Arc<str>, cause: io::Error },
    #[error("{label} é uma pasta; informe um arquivo CSV ou .xlsx")]
    Directory { label: Arc<str> },
    #[error(
        "não foi possível copiar {label} para um arquivo temporário em {}: {}",
        visible_path(std::env::temp_dir()),
        reason(cause)
    )]
    Spool { label: Arc<str>, cause: io::Error },
    #[error("falha ao ler {label}: {}", reason(cause))]
    Read { label: Arc<str>, cause: io::Error },
    #[error(
        "{label} mudou ou foi trocado por outro enquanto era usado; espere a exportação terminar e \
         rode de novo, sobre uma cópia se a próxima puder chegar durante o envio"
    )]
    Changed { label: Arc<str> },
    #[error(
        "{label} está compactado com gzip, mas incompleto ou corrompido ({}); gere ou copie o \
         arquivo de novo",
        gzip_reason(cause)
    )]
    Gzip { label: Arc<str>, cause: io::Error },
    /// It is something else than a CSV.
    #[error("{label} {what}")]
    OtherFormat { label: Arc<str>, what: &'static str },
    #[error("{label}: {error}")]
    Workbook { label: Arc<str>, error: WorkbookError },
    #[error(
        "{label} parece UTF-16 sem a marca (BOM) do começo; use --encoding {}",
        if *big_endian { "utf-16be" } else { "utf-16le" }
    )]
    Utf16WithoutBom { label: Arc<str>, big_endian: bool },
    #[error("{label}: entrada vazia; é preciso pelo menos a linha de cabeçalho")]
    Empty { label: Arc<str> },
    #[error("{label} não tem cabeçalho, {}", only_blank(*skipped))]
    NoHeader { label: Arc<str>, skipped: u64 },
    #[error(
        "{label}, linha {line}: o cabeçalho é grande demais; confira se o arquivo é mesmo um CSV e \
         se o separador está certo"
    )]
    HeaderTooLong { label: Arc<str>, line: u64 },
    #[error(
        "{label}, linha {line}: o byte 0x{byte:02X} não é UTF-8 válido, mas o resto do arquivo \
         parece ser UTF-8; corrija essa linha ou, se o arquivo for mesmo Windows-1252, use \
         --encoding windows-1252"
    )]
    MostlyUtf8 { label: Arc<str>, line: u64, byte: u8 },
    #[error(
        "{label}, linha {line}: há texto em UTF-8 (\"JoÃ£o\"), mas o resto do arquivo parece ser \
         Windows-1252; corrija essa linha ou, se ela for mesmo assim, use --encoding windows-1252"
    )]
    MixedEncodings { label: Arc<str>, line: u64 },
    #[error(
        "{label}, linha {line}: os acentos parecem os do DOS (\"João\" seria lido como \"JoÆo\"); \
         use --encoding cp850 ou, se o arquivo for mesmo Windows-1252, --encoding windows-1252"
    )]
    LooksLikeCp850 { label: Arc<str>, line: u64 },
    #[error(
        "{label}, linha {line}: há bytes que não são {encoding} válido; {}",
        if *bom {
            "o arquivo começa com a marca (BOM) dessa codificação: corrija a linha ou exporte de novo"
        } else {
            "corrija a linha ou informe a codificação certa com --encoding"
        }
    )]
    Undecodable { label: Arc<str>, line: u64, encoding: Encoding, bom: bool },
    #[error(
        "{label}, linha {line}, coluna {column}: as aspas abertas aqui nunca se fecham; feche-as \
         (aspas que fazem parte do texto se escrevem dobradas: \"\")"
    )]
    UnclosedQuote { label: Arc<str>, line: u64, column: usize },
    #[error(
        "{label}, linha {line}, coluna {column}: há texto depois das aspas que fecham o valor \
         aberto aqui; talvez falte fechar aspas nessa linha (aspas que fazem parte do texto se \
         escrevem dobradas: \"\") ou o separador seja outro (--delimiter)"
    )]
    TextAfterQuote { label: Arc<str>, line: u64, column: usize },
    /// One of the two above, in a record with `\"`.
    #[error(
        "{label}, linha {line}, coluna {column}: há aspas com barra (\\\") no texto aberto aqui; em \
         CSV, aspas que fazem parte do texto se escrevem dobradas (\"\"), não \\\". Exporte de novo \
         assim, ou troque \\\" por \"\" no arquivo"
    )]
    BackslashQuote { label: Arc<str>, line: u64, column: usize },
    #[error(
        "{label}: não dá para saber qual é o separador, {candidates} servem igualmente; informe-o \
         com --delimiter"
    )]
    AmbiguousDelimiter { label: Arc<str>, candidates: String },
}

impl InputError {
    /// The exit code of a command that ends with this error. A file that changes while it is read
    /// counts as a failure of this machine.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Spool { .. } | Self::Read { .. } | Self::Changed { .. } => exit_code::LOCAL,
            _ => exit_code::USAGE,
        }
    }

    /// Takes out the error that a reader of this module put into an [`io::Error`]; any other is a
    /// failed read.
    pub(super) fn from_io(error: io::Error, label: &Arc<str>) -> Self {
        error.downcast::<Self>().unwrap_or_else(|cause| Self::Read { label: label.clone(), cause })
    }
}

/// The unpacker's two reasons in Portuguese.
fn gzip_reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "termina antes da hora",
        _ => "os dados compactados estão danificados",
    }
}

/// The system's reason; the frequent ones in our own words.
fn reason(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => "o arquivo não existe",
        io::ErrorKind::PermissionDenied => "sem permissão",
        io::ErrorKind::StorageFull => "não há espaço livre no disco",
        io::ErrorKind::QuotaExceeded => "a cota de disco acabou",
        io::ErrorKind::NotADirectory => "parte do caminho não é uma pasta",
        _ => return describe_os_error(error),
    };
    text.to_owned()
}
