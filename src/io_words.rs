//! The system's errors in Portuguese, as far as people meet them; the rest in the system's words.

use std::io::{Error, ErrorKind};

/// Why a file or connection operation failed, to stand behind a colon.
pub fn io_words(error: &Error) -> String {
    if let Some(words) = kind_words(error.kind()) {
        return words.to_owned();
    }
    let text = error.to_string();
    // The standard library's own words; there is no kind for it.
    match text.starts_with("failed to lookup address information") {
        true => "o nome do servidor não foi encontrado (DNS)".to_owned(),
        false => text,
    }
}

/// The same for a kind alone.
pub fn kind_words(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "arquivo ou pasta não encontrado",
        ErrorKind::PermissionDenied => "sem permissão",
        ErrorKind::StorageFull => "não há mais espaço em disco",
        ErrorKind::QuotaExceeded => "a cota de disco acabou",
        ErrorKind::ReadOnlyFilesystem => "o disco é só de leitura",
        ErrorKind::IsADirectory => "é uma pasta",
        ErrorKind::NotADirectory => "uma parte do caminho não é pasta",
        ErrorKind::InvalidData => "o conteúdo não é texto UTF-8 válido",
        ErrorKind::BrokenPipe => "ninguém lê a saída",
        ErrorKind::ConnectionRefused => "conexão recusada",
        ErrorKind::ConnectionReset => "conexão cortada pelo servidor",
        ErrorKind::ConnectionAborted => "conexão interrompida",
        ErrorKind::TimedOut => "tempo esgotado",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "rede inacessível",
        ErrorKind::UnexpectedEof => "terminou antes da hora",
        _ => return None,
    })
}
