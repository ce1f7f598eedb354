//! The random secret of an account that has a label: a file beside the ledger, readable by its owner
//! alone. It replaces the token as the source of the account's key, so that the account survives a
//! new token. One line: a format word, 32 bytes in hexadecimal, and a checksum.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::beside::{self, beside};
use super::{LedgerError, schema};
use crate::locale::foreign_text::visible_path;

const FORMAT: &str = "tomticket-sync-key-1";
/// More than a key has.
const MAX_BYTES: u64 = 200;

/// Where the secret of the account `label` lies.
pub fn path(ledger: &Path, label: &str) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let safe: String = label.chars().map(safe).take(40).collect();
    // Different labels may become the same text, or look the same to a file system that ignores case.
    let hash = blake3::hash(label.as_bytes()).to_hex();
    beside(ledger, &format!(".{safe}.{}.key", &hash[..8]))
}

/// Reads the secret; `None` where there is no such file.
pub fn read(path: &Path, ledger: &Path) -> Result<Option<[u8; 32]>, LedgerError> {
    let Some(file) = beside::open(path, ledger, false)? else { return Ok(None) };
    schema::restrict(path);
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).map_err(|source| LedgerError::Io {
        action: "ler a chave",
        path: path.into(),
        source,
    })?;
    let secret = std::str::from_utf8(&text).ok().and_then(parse);
    secret.map(Some).ok_or_else(|| damaged(path))
}

/// Makes a new secret. If another process was faster, its secret is returned.
pub fn create(path: &Path, ledger: &Path) -> Result<[u8; 32], LedgerError> {
    let failed = |source| LedgerError::Io { action: "criar a chave", path: path.into(), source };
    schema::create_directory(path)?;
    let secret = random().map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .prefix(".ledger-")
        .suffix(".tmp")
        .tempfile_in(schema::directory(path))
        .map_err(failed)?;
    beside::give_to_owner(file.as_file(), ledger).map_err(failed)?;
    file.write_all(render(&secret).as_bytes()).map_err(failed)?;
    if schema::publish(file.into_temp_path(), path)? {
        return Ok(secret);
    }
    read(path, ledger)?.ok_or_else(|| damaged(path))
}

fn damaged(path: &Path) -> LedgerError {
    LedgerError::Refused(format!(
        "o arquivo de chave {} está danificado. Restaure uma cópia; se não houver, apague-o e esqueça a conta com `tomticket-sync ledger forget`",
        visible_path(path)
    ))
}

/// From the system's random source through the TLS library, which is a dependency anyway.
fn random() -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut secret).map_err(|_| {
        io::Error::other(crate::locale::os_error::OwnWords(
            "o sistema não forneceu números aleatórios",
        ))
    })?;
    Ok(secret)
}

fn render(secret: &[u8; 32]) -> String {
    let check = blake3::hash(secret).to_hex();
    format!("{FORMAT} {} {}\n", blake3::Hash::from_bytes(*secret).to_hex(), &check[..8])
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let mut parts = text.trim_end().split(' ');
    let (format, secret, check) = (parts.next()?, parts.next()?, parts.next()?);
    let secret = *blake3::Hash::from_hex(secret).ok()?.as_bytes();
    let sound = format == FORMAT
        && parts.next().is_none()
        && blake3::hash(&secret).to_hex().get(..8) == Some(check);
    sound.then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_secret_stays_and_no_temporary_file_does() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("new/ledger.db");
        let path = path(&ledger, "matriz / São Paulo");
        assert_eq!(read(&path, &ledger).unwrap(), None);
        let secret = create(&path, &ledger).unwrap();
        assert_ne!(secret, [0; 32]);
        assert_eq!(create(&path, &ledger).unwrap(), secret);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn labels_that_look_alike_have_files_of_their_own() {
        let ledger = Path::new("x/ledger.db");
        let paths = ["a b", "a/b", "A B", "a_b", "../a"].map(|label| path(ledger, label));
        for (at, one) in paths.iter().enumerate() {
            assert_eq!(one.parent(), ledger.parent());
            assert_eq!(paths.iter().position(|other| other == one), Some(at));
        }
    }

    #[test]
    fn a_damaged_secret_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, ledger) = (dir.path().join("k"), dir.path().join("ledger.db"));
        create(&path, &ledger).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        let half = &good[..good.len() / 2];
        let flipped = good.replacen(|c: char| c.is_ascii_digit(), "f", 30);
        for bad in ["", half, &flipped, "tomticket-sync-key-1 xx yy\n", &good.replace("1 ", "2 ")] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(read(&path, &ledger), Err(LedgerError::Refused(_))), "{bad:?}");
            assert!(matches!(create(&path, &ledger), Err(LedgerError::Refused(_))), "{bad:?}");
        }
    }
}
