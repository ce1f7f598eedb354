//! The system's errors in Portuguese, as far as people meet them; of the rest the system's number.

use std::io::{Error, ErrorKind};

/// Why a file or connection operation failed, to stand behind a colon.
pub fn io_words(error: &Error) -> String {
    if let Some(words) = kind_words(error.kind()) {
        return words.to_owned();
    }
    // The standard library's own words; there is no kind for it.
    if error.to_string().starts_with("failed to lookup address information") {
        return "o nome do servidor não foi encontrado (DNS)".to_owned();
    }
    match (error.raw_os_error(), error.get_ref()) {
        // EMFILE and ENFILE of every Unix have no kind either.
        (Some(23 | 24), _) if cfg!(unix) => "há arquivos abertos demais".to_owned(),
        (Some(number), _) => format!("erro {number} do sistema"),
        // Said by this program, or by a library that is known to have no better words.
        (None, Some(own)) => own.to_string(),
        (None, None) => "falha de leitura ou gravação".to_owned(),
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
        ErrorKind::InvalidFilename => "o nome é comprido demais ou não é válido",
        ErrorKind::FileTooLarge => "o arquivo ficou grande demais",
        ErrorKind::AddrInUse => "a porta já está em uso",
        ErrorKind::AddrNotAvailable => "o endereço não existe nesta máquina",
        ErrorKind::AlreadyExists => "já existe",
        ErrorKind::OutOfMemory => "falta memória",
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
