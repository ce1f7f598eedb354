//! What is said about a row with too few cells, and how a later run knows the row by it.
//!
//! A rejects file pads such a row, so that its own columns stand under their names. Only the message
//! then still tells how many cells there were.

const BEGINNING: &str = "faltam células: a linha ";

/// For a row of `has` cells under a header of `wants`.
pub fn message(has: usize, wants: usize) -> String {
    format!("{BEGINNING}tem {has}, o cabeçalho tem {wants}")
}

/// For a row that comes back from a rejects file as it was.
pub fn again(had: usize, wants: usize) -> String {
    format!(
        "{BEGINNING}tinha {had}, o cabeçalho tem {wants}; preencha-as ou, se a linha está certa assim, apague esta mensagem nos rejeitados e rode de novo"
    )
}

/// The number of cells that the row had, if `mensagem` is one of these.
pub fn read(mensagem: &str) -> Option<usize> {
    let rest = mensagem.trim().strip_prefix(BEGINNING)?;
    let rest = rest.strip_prefix("tem ").or_else(|| rest.strip_prefix("tinha "))?;
    rest.split_once(',')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_is_seen_in_a_summary() {
        assert!(again(12_345, 12_346).chars().count() <= 160);
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&message(2, 30)), Some(2));
        assert_eq!(read(&again(12, 30)), Some(12));
        for other in ["", "faltam células", "sobram células: a linha tem 4, o cabeçalho tem 3"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
