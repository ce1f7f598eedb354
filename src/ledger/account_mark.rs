//! What a snapshot says of the account it was read from (`conta`): the user's label of it, or a part of
//! a keyed hash of base URL and token, which tells nothing of either. Nothing is stored by it.

use std::fmt;

use super::keys::AccountKey;

/// Hexadecimal digits of a mark.
const DIGITS: usize = 12;

/// The mark of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountMark {
    Label(String),
    /// All digits of the hash.
    Hash(String),
}

impl AccountMark {
    pub fn of_token(base_url: &str, token: &[u8]) -> Self {
        Self::Hash(AccountKey::from_token(base_url, token).account.to_string())
    }

    /// As it is written: of the hash the first digits that no spreadsheet takes for a number, as it
    /// takes `123456789012` and `12e456789012`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Label(label) => label,
            Self::Hash(hash) => {
                let parts = hash.as_bytes().windows(DIGITS);
                let is_text =
                    |part: &[u8]| part.iter().any(|digit| matches!(digit, b'a'..=b'd' | b'f'));
                let start = parts.map(is_text).position(|is_text| is_text).unwrap_or(0);
                &hash[start..start + DIGITS]
            }
        }
    }

    /// Whether a snapshot with this `conta` is of the account. The first digits of the hash always are
    /// its mark.
    pub fn is(&self, conta: &str) -> bool {
        conta == self.as_str() || matches!(self, Self::Hash(hash) if conta == &hash[..DIGITS])
    }
}

impl fmt::Display for AccountMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spreadsheet_changes_a_mark() {
        for (hash, mark) in [
            ("0123456789ab0123456789ab01234567", "0123456789ab"),
            ("012345678901ab23456789ab01234567", "12345678901a"),
            ("12e456789012e34b56789ab012345678", "56789012e34b"),
            ("01234567890123456789012345678901", "012345678901"),
        ] {
            let account = AccountMark::Hash(hash.to_owned());
            assert_eq!(account.to_string(), mark);
            assert!(account.is(mark) && account.is(&hash[..12]));
            assert!(!account.is(&hash[8..20]) && !account.is(""), "{hash}");
        }
        let label = AccountMark::Label("matriz".to_owned());
        assert!(label.is("matriz") && !label.is("Matriz"));
    }
}
