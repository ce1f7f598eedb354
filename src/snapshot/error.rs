//! Why a file cannot serve as a snapshot.

use std::io;

use crate::exit_code;
use crate::input::InputError;
use crate::locale::os_error::describe_os_error;
use crate::mapping::MappingError;

#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Assume(#[from] MappingError),
    #[error("retrato (--snapshot): {0}")]
    Input(#[from] InputError),
    #[error(
        "{label} é uma planilha, e --snapshot compara com o retrato como foi lido; leia um CSV (tomticket-sync pull -o antes.csv). Para enviar a planilha, ela é a entrada: tomticket-sync run {label}"
    )]
    Workbook { label: String },
    #[error(
        "{label} não é um retrato: falta a coluna \"{column}\". Um retrato é o que tomticket-sync pull grava"
    )]
    NoColumn { label: String, column: &'static str },
    #[error("{label}, linha {linha}: {what}")]
    Line { label: String, linha: u64, what: String },
    #[error(
        "{label} foi lido há {age}, e --snapshot-age aceita até {most}. Leia de novo (tomticket-sync pull -o {label}) ou aumente --snapshot-age"
    )]
    Old { label: String, age: String, most: String },
    #[error(
        "{label} é de outra conta (\"{found}\", e esta é \"{wanted}\"). Leia o desta conta com tomticket-sync pull"
    )]
    OtherAccount { label: String, found: String, wanted: String },
    #[error("não foi possível guardar o retrato numa cópia temporária: {}", describe_os_error(.0))]
    Spool(io::Error),
}

impl SnapshotError {
    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Spool(_) => exit_code::LOCAL,
            _ => exit_code::USAGE,
        }
    }
}
