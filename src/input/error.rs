//! What can be wrong with an input as a whole, in words for the person who runs the program.
//!
//! What is wrong with one row (too few cells, a cell that is too long) is data, and not here.

use std::io;
use std::sync::Arc;

use super::encoding::Encoding;
use crate::exit_code;
use crate::locale::os_error::describe_os_error;

/// Why an input cannot be read, or not any further. The text is Portuguese, names the file and the
/// line where there is one, and says what to do. `label` is the input as messages name it, `line` a
/// physical line, `column` the number of a cell in its record, from 1.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It does not exist or may not be read.
    #[error("não foi possível abrir {label}: {}", reason(cause))]
    Open { label: Arc<str>, cause: io::Error },
    /// It is a directory.
    #[error("{label} é uma pasta; informe um arquivo CSV")]
    Directory { label: Arc<str> },
    /// A pipe could not be copied to a temporary file.
    #[error(
        "não foi possível copiar {label} para um arquivo temporário em {}: {}",
        std::env::temp_dir().display(),
        reason(cause)
    )]
    Spool { label: Arc<str>, cause: io::Error },
    /// Reading failed after the input had been opened.
    #[error("falha ao ler {label}: {}", reason(cause))]
    Read { label: Arc<str>, cause: io::Error },
    /// It differs from what was opened or first read.
    #[error(
        "{label} mudou ou foi trocado por outro enquanto era usado; espere a exportação terminar e \
         rode de novo, sobre uma cópia se a próxima puder chegar durante o envio"
    )]
    Changed { label: Arc<str> },
    /// It begins like gzip, but cannot be unpacked to the end.
    #[error(
        "{label} está compactado com gzip, mas incompleto ou corrompido ({}); gere ou copie o \
         arquivo de novo",
        gzip_reason(cause)
    )]
    Gzip { label: Arc<str>, cause: io::Error },
    /// It was packed with gzip twice.
    #[error(
        "{label} foi compactado com gzip duas vezes; descompacte-o uma vez (gunzip) e rode de novo"
    )]
    GzipTwice { label: Arc<str> },
    /// It begins as .xlsx, .ods and .zip do.
    #[error(
        "{label} não é um CSV, e sim uma planilha (.xlsx, .ods) ou um arquivo zip; abra a planilha e \
         salve como \"CSV UTF-8\", ou descompacte o zip"
    )]
    Zip { label: Arc<str> },
    /// It begins as .xls does.
    #[error(
        "{label} não é um CSV, e sim uma planilha do Excel (.xls); abra a planilha e salve como \
         \"CSV UTF-8\""
    )]
    OldSpreadsheet { label: Arc<str> },
    /// Every other byte of its beginning is zero.
    #[error(
        "{label} parece UTF-16 sem a marca (BOM) do começo; use --encoding {}",
        if *big_endian { "utf-16be" } else { "utf-16le" }
    )]
    Utf16WithoutBom { label: Arc<str>, big_endian: bool },
    /// It has no bytes.
    #[error("{label}: entrada vazia; é preciso pelo menos a linha de cabeçalho")]
    Empty { label: Arc<str> },
    /// It has only blank lines.
    #[error("{label} não tem cabeçalho, só linhas em branco")]
    NoHeader { label: Arc<str> },
    /// The header is over the bounds of a record: most likely the file is no CSV.
    #[error(
        "{label}, linha {line}: o cabeçalho é grande demais; confira se o arquivo é mesmo um CSV e \
         se o separador está certo"
    )]
    HeaderTooLong {
        label: Arc<str>,
        /// Where the header starts.
        line: u64,
    },
    /// Not valid UTF-8, but so nearly that reading it as Windows-1252 would garble every accent.
    #[error(
        "{label}, linha {line}: o byte 0x{byte:02X} não é UTF-8 válido, mas o resto do arquivo \
         parece ser UTF-8; corrija essa linha ou, se o arquivo for mesmo Windows-1252, use \
         --encoding windows-1252"
    )]
    MostlyUtf8 {
        label: Arc<str>,
        /// Physical line of the first bad byte.
        line: u64,
        /// The first bad byte.
        byte: u8,
    },
    /// It has bytes that are not valid in its encoding.
    #[error(
        "{label}, linha {line}: há bytes que não são {encoding} válido; {}",
        if *bom {
            "o arquivo começa com a marca (BOM) dessa codificação: corrija a linha ou exporte de novo"
        } else {
            "corrija a linha ou informe a codificação certa com --encoding"
        }
    )]
    Undecodable {
        label: Arc<str>,
        /// Physical line of the first bad byte.
        line: u64,
        /// What it was read as.
        encoding: Encoding,
        /// Whether a byte order mark decided that.
        bom: bool,
    },
    /// A quoted cell does not end before the file does.
    #[error(
        "{label}, linha {line}, coluna {column}: as aspas abertas aqui nunca se fecham; feche-as \
         (aspas que fazem parte do texto se escrevem dobradas: \"\")"
    )]
    UnclosedQuote {
        label: Arc<str>,
        /// Physical line of the opening quote.
        line: u64,
        /// Number of the cell in its record, from 1.
        column: usize,
    },
    /// Something other than a delimiter or a line end follows a closing quote.
    #[error(
        "{label}, linha {line}, coluna {column}: há texto depois das aspas que fecham o valor \
         aberto aqui; talvez falte fechar aspas nessa linha (aspas que fazem parte do texto se \
         escrevem dobradas: \"\") ou o separador seja outro (--delimiter)"
    )]
    TextAfterQuote {
        label: Arc<str>,
        /// Physical line of the opening quote.
        line: u64,
        /// Number of the cell in its record, from 1.
        column: usize,
    },
    /// Several delimiters fit equally well.
    #[error(
        "{label}: não dá para saber qual é o separador, {candidates} servem igualmente; informe-o \
         com --delimiter"
    )]
    AmbiguousDelimiter {
        label: Arc<str>,
        /// Those that fit, as a Portuguese enumeration.
        candidates: String,
    },
}

impl InputError {
    /// The exit code of a command that ends with this error. A file that changes while it is read
    /// counts as a failure of this machine.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Spool { .. } | Self::Read { .. } | Self::Changed { .. } => exit_code::LOCAL,
            Self::Open { .. }
            | Self::Directory { .. }
            | Self::Gzip { .. }
            | Self::GzipTwice { .. }
            | Self::Zip { .. }
            | Self::OldSpreadsheet { .. }
            | Self::Utf16WithoutBom { .. }
            | Self::Empty { .. }
            | Self::NoHeader { .. }
            | Self::HeaderTooLong { .. }
            | Self::MostlyUtf8 { .. }
            | Self::Undecodable { .. }
            | Self::UnclosedQuote { .. }
            | Self::TextAfterQuote { .. }
            | Self::AmbiguousDelimiter { .. } => exit_code::USAGE,
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
