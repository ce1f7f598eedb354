//! What can be wrong with a workbook, in words for the person who runs the program.

use std::error::Error;
use std::io;
use std::sync::Arc;

use super::super::error::{InputError, only_blank};
use crate::locale::foreign_text::visible;
use crate::locale::format::counted;

/// Why a workbook cannot be read. The text stands behind the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    #[error("falha ao ler")]
    Read(#[source] io::Error),
    #[error("falha ao gravar as linhas em um arquivo temporário")]
    Spool(#[source] io::Error),
    #[error(
        "a planilha está danificada ou incompleta ({what}); abra-a no Excel ou no LibreOffice, \
         salve de novo como .xlsx ou CSV e rode de novo"
    )]
    Damaged { what: &'static str },
    #[error("{what}")]
    OtherFormat { what: &'static str },
    #[error(
        "a planilha é grande demais para ser lida assim ({what}); salve como CSV e rode de novo"
    )]
    TooLarge { what: String },
    #[error("não há planilha \"{}\"; as planilhas são: {}", visible(name), listing(names))]
    NoSuchSheet { name: String, names: Vec<String> },
    #[error("nenhuma planilha visível tem linhas; as planilhas são: {}", listing(names))]
    NoRows { names: Vec<String> },
    #[error("a planilha \"{}\" não tem cabeçalho, {}", visible(name), only_blank(*skipped))]
    NoHeader { name: String, skipped: u64 },
    #[error(
        "a planilha \"{}\" tem {} ({}), talvez por um filtro; use --hidden send para enviá-las também ou \
         --hidden skip para deixá-las fora",
        visible(sheet),
        counted(*count, "linha oculta", "linhas ocultas"),
        first_rows(first, *count)
    )]
    Hidden { sheet: String, count: u64, first: Vec<u64> },
}

/// A workbook that no program wrote so.
pub(super) fn damaged(what: &'static str) -> WorkbookError {
    WorkbookError::Damaged { what }
}

impl WorkbookError {
    /// The failure of a library: what the disk refused, else a damaged workbook.
    pub(super) fn of(error: impl Error + 'static, what: &'static str) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            let code = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
            if let Some(code) = code {
                return Self::Read(io::Error::from_raw_os_error(code));
            }
            cause = error.source();
        }
        damaged(what)
    }

    /// The error of this input.
    pub(super) fn at(self, label: &Arc<str>) -> InputError {
        let label = label.clone();
        match self {
            Self::Read(cause) => InputError::Read { label, cause },
            Self::Spool(cause) => InputError::Spool { label, cause },
            Self::OtherFormat { what } => InputError::OtherFormat { label, what },
            error => InputError::Workbook { label, error },
        }
    }
}

/// Names of sheets, the first of them if there are many.
fn listing(names: &[String]) -> String {
    const NAMED: usize = 30;
    let quoted = names.iter().take(NAMED).map(|name| format!("\"{}\"", visible(name)));
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", quoted.collect::<Vec<_>>().join(", "))
}

fn first_rows(first: &[u64], count: u64) -> String {
    let rows: Vec<_> = first.iter().map(ToString::to_string).collect();
    let more = if count > first.len() as u64 { ", …" } else { "" };
    let word = if count == 1 { "linha" } else { "linhas" };
    format!("{word} {}{more}", rows.join(", "))
}
