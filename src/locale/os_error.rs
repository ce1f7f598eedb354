//! Errors of the operating system in Portuguese; rare ones by their number. The English text of the
//! system or a library goes to the log only.

use std::error::Error as StdError;
use std::io::{Error, ErrorKind};

/// A Portuguese text carried inside an [`io::Error`](Error), for failures that this program finds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OwnWords(pub &'static str);

/// Why a file or connection operation failed: the part of a sentence after a colon.
pub fn describe_os_error(error: &Error) -> String {
    // Libraries wrap the system's error to add a path, which the caller names already.
    let mut within = error.get_ref().map(|cause| cause as &(dyn StdError + 'static));
    while let Some(cause) = within {
        if let Some(OwnWords(words)) = cause.downcast_ref() {
            return (*words).to_owned();
        }
        if let Some(error) = cause.downcast_ref::<Error>() {
            return describe_os_error(error);
        }
        within = cause.source();
    }
    let of_windows = error.raw_os_error().filter(|_| cfg!(windows)).and_then(windows_words);
    let known = of_windows.or_else(|| kind_words(error.kind())).or_else(|| dns_words(error));
    if let Some(words) = known.or_else(|| code_words(error.raw_os_error()?)) {
        return words.to_owned();
    }
    if let Some(code) = error.raw_os_error() {
        return format!("erro {code} do sistema");
    }
    tracing::debug!(erro = %error, "falha sem nome");
    "falha de leitura ou gravação".to_owned()
}

/// The text of an error kind.
pub fn kind_words(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "arquivo ou pasta não encontrado",
        ErrorKind::PermissionDenied => "sem permissão",
        ErrorKind::StorageFull => "não há mais espaço em disco",
        ErrorKind::QuotaExceeded => "a cota de disco acabou",
        ErrorKind::ReadOnlyFilesystem => "o disco é só de leitura",
        ErrorKind::InvalidFilename => "o nome é comprido demais ou não é válido",
        ErrorKind::InvalidInput => "o caminho ou o valor não é válido",
        ErrorKind::FileTooLarge => "o arquivo ficou grande demais",
        ErrorKind::AlreadyExists => "já existe",
        ErrorKind::OutOfMemory => "falta memória",
        ErrorKind::IsADirectory => "é uma pasta",
        ErrorKind::NotADirectory => "uma parte do caminho não é pasta",
        ErrorKind::TooManyLinks => "há links demais",
        ErrorKind::CrossesDevices => "a origem e o destino estão em discos diferentes",
        ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => "está em uso por outro programa",
        ErrorKind::StaleNetworkFileHandle => "a pasta da rede mudou ou foi desligada",
        ErrorKind::NotSeekable => "não é um arquivo comum",
        ErrorKind::Deadlock => "dois programas esperam um pelo outro",
        ErrorKind::Unsupported => "este sistema não permite a operação",
        ErrorKind::Interrupted => "a operação foi interrompida",
        ErrorKind::WriteZero => "não foi possível gravar tudo",
        ErrorKind::InvalidData => "o conteúdo não é texto UTF-8 válido",
        ErrorKind::BrokenPipe => "ninguém lê a saída",
        ErrorKind::UnexpectedEof => "terminou antes da hora",
        ErrorKind::AddrInUse => "a porta já está em uso",
        ErrorKind::AddrNotAvailable => "o endereço não existe nesta máquina",
        ErrorKind::ConnectionRefused => "conexão recusada",
        ErrorKind::ConnectionReset => "conexão cortada pelo servidor",
        ErrorKind::ConnectionAborted => "conexão interrompida",
        ErrorKind::NotConnected => "não há conexão",
        ErrorKind::TimedOut => "tempo esgotado",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "rede inacessível",
        ErrorKind::NetworkDown => "a rede está desligada",
        _ => return None,
    })
}

/// The text of a failed DNS lookup, which has no kind and, but on Windows, no number of its own.
pub fn dns_words(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let said = error.to_string();
    // WSAHOST_NOT_FOUND to WSANO_DATA
    let is_of_windows =
        || (11_001..=11_004).any(|code| said.ends_with(&format!("(os error {code})")));
    (said.starts_with("failed to lookup address information") || is_of_windows())
        .then_some("o nome do servidor não foi encontrado (DNS)")
}

/// The text of errors of Windows that have no kind, or one that says less.
fn windows_words(code: i32) -> Option<&'static str> {
    Some(match code {
        // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE
        32 | 33 | 1224 => "está aberto em outro programa, como o Excel; feche-o lá",
        // ERROR_BAD_NETPATH, ERROR_BAD_NET_NAME, ERROR_NETNAME_DELETED
        53 | 64 | 67 => "a pasta da rede não foi encontrada ou foi desligada",
        // ERROR_INVALID_DRIVE, ERROR_NOT_READY
        15 | 21 => "a unidade de disco não existe ou não está pronta",
        // ERROR_INVALID_NAME, ERROR_FILENAME_EXCED_RANGE
        123 | 206 => "o nome é comprido demais ou não é válido",
        // ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED
        109 | 232 | 233 => "ninguém lê a saída",
        // ERROR_CRC, ERROR_IO_DEVICE
        23 | 1117 => "o disco ou o aparelho falhou",
        // ERROR_FILE_CORRUPT, ERROR_DISK_CORRUPT
        1392 | 1393 => "o disco está danificado",
        _ => return None,
    })
}

/// The text of errors that have a number on every Unix, but no kind.
fn code_words(code: i32) -> Option<&'static str> {
    // ELOOP
    let round = if cfg!(target_os = "linux") { 40 } else { 62 };
    Some(match code {
        _ if cfg!(not(unix)) => return None,
        // EIO
        5 => "o disco ou o aparelho falhou",
        // ENXIO and ENODEV
        6 | 19 => "o aparelho não existe",
        // ENFILE and EMFILE
        23 | 24 => "há arquivos abertos demais",
        code if code == round => "há links que apontam em círculo",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_libraries_are_not_shown() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot do it at /x")]
        struct AtPath(#[source] Error);
        let full = || Error::from(ErrorKind::StorageFull);
        for (error, expected) in [
            (Error::other("what is this"), "falha de leitura ou gravação"),
            (Error::new(ErrorKind::TimedOut, "timed out"), "tempo esgotado"),
            (Error::other(full()), "não há mais espaço em disco"),
            (Error::other(AtPath(full())), "não há mais espaço em disco"),
            (Error::other(OwnWords("acabou a tinta")), "acabou a tinta"),
            (Error::other(AtPath(Error::other(OwnWords("acabou a tinta")))), "acabou a tinta"),
            (
                Error::other("failed to lookup address information: Name or service not known"),
                "o nome do servidor não foi encontrado (DNS)",
            ),
        ] {
            assert_eq!(describe_os_error(&error), expected, "{error:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn texts_of_the_system_are_not_shown() {
        for code in 1..134 {
            let error = Error::from_raw_os_error(code);
            let words = describe_os_error(&error);
            let english = error.to_string();
            let english = english.split(" (os error").next().unwrap();
            assert!(!words.contains(english), "{code}: {words}");
        }
        for (code, expected) in [
            (5, "o disco ou o aparelho falhou"),
            (24, "há arquivos abertos demais"),
            (36, "o nome é comprido demais ou não é válido"),
            (40, "há links que apontam em círculo"),
            (131, "erro 131 do sistema"),
        ] {
            assert_eq!(describe_os_error(&Error::from_raw_os_error(code)), expected, "{code}");
        }
    }
}
