//! Keyed hashes of everything that is stored. Without the account's key the ledger says nothing about
//! anyone, and nothing in it can be tested against a guess.
//!
//! The key of an account comes from its base URL and its token, or from a random secret (see
//! [`super::keyfile`]) where the account has a label. Nothing here reads or writes files; what of a
//! row is hashed is decided in [`super::row_keys`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{FieldName, Name, Param, Update};

const CONTEXT_TOKEN: &str = "tomticket-sync 2026-01 ledger key of an account told apart by token";
const CONTEXT_LABEL: &str = "tomticket-sync 2026-01 ledger key of an account told apart by label";

/// Which account, as the file and the names of its lock files show it. Reveals neither token nor key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId([u8; 16]);

/// A customer name: type and letter-case-folded text, under the account's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HashedName(pub [u8; 16]);

/// The exact text of a name. It also salts the hashes of the values that are stored under the name,
/// so that equal values of two customers do not look equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spelling(pub [u8; 8]);

/// A field, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldKey([u8; 8]);

/// The first half of a [`FieldKey`], which is what is stored of a field. Two fields of an account
/// that share it (a chance of 2⁻³² for each pair) only make each other unknown: a value is hashed
/// with the whole key of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldTag(pub [u8; 4]);

/// A value of one field of one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueHash(pub [u8; 8]);

/// A whole row: its customer and all its values, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

impl FieldKey {
    /// What is stored of it.
    pub const fn tag(self) -> FieldTag {
        let [a, b, c, d, ..] = self.0;
        FieldTag([a, b, c, d])
    }
}

impl AccountId {
    /// As the file stores it.
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// As the file stores it.
    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AccountId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for AccountId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() != 32 || !text.is_ascii() {
            return Err(());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| ())?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// What a hash is for; no two domains share an input.
#[derive(Clone, Copy)]
enum Domain {
    Account = 1,
    Name = 2,
    Spelling = 3,
    Field = 4,
    Value = 5,
    Row = 6,
}

/// The key of one account and what is computed with it. Neither prints.
pub struct AccountKey {
    key: [u8; 32],
    account: AccountId,
    params: [FieldKey; Param::ALL.len()],
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({}, [redacted])", self.account)
    }
}

impl AccountKey {
    /// The key of the account that `token` opens at `base_url` (normalised).
    pub fn from_token(base_url: &str, token: &[u8]) -> Self {
        Self::new(derive(CONTEXT_TOKEN, &[base_url.as_bytes(), token]))
    }

    /// The key of the account that is called `label` at `base_url` (normalised).
    pub fn from_label(base_url: &str, label: &str, secret: &[u8; 32]) -> Self {
        Self::new(derive(CONTEXT_LABEL, &[base_url.as_bytes(), label.as_bytes(), secret]))
    }

    fn new(key: [u8; 32]) -> Self {
        let unnamed =
            Self { key, account: AccountId([0; 16]), params: [FieldKey([0; 8]); Param::ALL.len()] };
        let account = AccountId(unnamed.hash(Domain::Account, &[], b""));
        let params = Param::ALL.map(|param| unnamed.field(&FieldName::Param(param)));
        Self { account, params, ..unnamed }
    }

    /// The account this key belongs to.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The key under which `name` is stored.
    pub fn name(&self, name: Name<'_>) -> HashedName {
        let folded = name.text.to_lowercase();
        HashedName(self.hash(Domain::Name, name.ctype.as_str().as_bytes(), folded.as_bytes()))
    }

    /// The same with the name's exact spelling.
    pub fn exact_name(&self, name: Name<'_>) -> ExactName {
        let ctype = name.ctype.as_str().as_bytes();
        let spelling = Spelling(self.hash(Domain::Spelling, ctype, name.text.as_bytes()));
        ExactName { key: self.name(name), spelling }
    }

    /// The key of a documented parameter.
    pub const fn param(&self, param: Param) -> FieldKey {
        self.params[param as usize]
    }

    /// The key of any field.
    pub fn field(&self, field: &FieldName) -> FieldKey {
        let (kind, text) = kind_and_text(field);
        FieldKey(self.hash(Domain::Field, kind, text.as_bytes()))
    }

    /// The hash of a field's value.
    pub fn value(&self, salt: Spelling, field: FieldKey, value: &str) -> ValueHash {
        let mut prefix = [0; 16];
        prefix[..8].copy_from_slice(&salt.0);
        prefix[8..].copy_from_slice(&field.0);
        ValueHash(self.hash(Domain::Value, &prefix, value.as_bytes()))
    }

    /// The fingerprint of a row, by which a request that an earlier run left in flight is found in
    /// the input. Two runs that map the same columns in another order agree on it.
    pub fn fingerprint(&self, update: &Update) -> Fingerprint {
        let mut values: Vec<_> = update.values().collect();
        values.sort_unstable();
        let mut text = Vec::with_capacity(512);
        let home = update.home();
        put_part(&mut text, home.ctype.as_str().as_bytes());
        put_part(&mut text, home.text.as_bytes());
        for (name, value) in values {
            let (kind, name) = kind_and_text(name);
            put_part(&mut text, kind);
            put_part(&mut text, name.as_bytes());
            put_part(&mut text, value.as_bytes());
        }
        Fingerprint(self.hash(Domain::Row, &[], &text))
    }

    /// The first `N` bytes of the hash of a text.
    fn hash<const N: usize>(&self, domain: Domain, prefix: &[u8], text: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&self.full_hash(domain, prefix, text).as_bytes()[..N]);
        out
    }

    /// `prefix` has one length per domain, so that the input reads only one way.
    fn full_hash(&self, domain: Domain, prefix: &[u8], text: &[u8]) -> blake3::Hash {
        // Nearly every input is short, and hashing one slice is several times faster than a hasher
        // that is fed in parts.
        let mut short = [0; 256];
        let (first, end) = (1 + prefix.len(), 1 + prefix.len() + text.len());
        if end <= short.len() {
            short[0] = domain as u8;
            short[1..first].copy_from_slice(prefix);
            short[first..end].copy_from_slice(text);
            return blake3::keyed_hash(&self.key, &short[..end]);
        }
        blake3::Hasher::new_keyed(&self.key)
            .update(&[domain as u8])
            .update(prefix)
            .update(text)
            .finalize()
    }
}

/// A field's name, and what tells a documented parameter from a custom field of that name.
fn kind_and_text(field: &FieldName) -> (&'static [u8], &str) {
    match field {
        FieldName::Param(param) => (b"p", param.as_str()),
        FieldName::Campo(id) => (b"c", id.as_str()),
    }
}

fn derive(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut material = Vec::new();
    parts.iter().for_each(|part| put_part(&mut material, part));
    blake3::derive_key(context, &material)
}

fn put_part(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u64).to_le_bytes());
    out.extend_from_slice(part);
}

/// A name with its exact spelling.
#[derive(Debug, Clone, Copy)]
pub struct ExactName {
    /// The key under which it is stored.
    pub key: HashedName,
    /// Its text, letter case included.
    pub spelling: Spelling,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{TestRow, e, i};

    fn keys() -> AccountKey {
        AccountKey::from_token("https://api.example", b"s3gr3d0")
    }

    #[test]
    fn accounts_differ_by_url_token_label_and_secret() {
        let ids: Vec<_> = [
            AccountKey::from_token("https://a", b"t"),
            AccountKey::from_token("https://b", b"t"),
            AccountKey::from_token("https://a", b"u"),
            AccountKey::from_token("https://at", b""),
            AccountKey::from_label("https://a", "t", &[0; 32]),
            AccountKey::from_label("https://a", "u", &[0; 32]),
            AccountKey::from_label("https://a", "t", &[1; 32]),
        ]
        .iter()
        .map(AccountKey::account)
        .collect();
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().position(|other| other == id), Some(at));
            assert_eq!(id.to_string().parse(), Ok(*id));
        }
        assert!("xyz".parse::<AccountId>().is_err());
    }

    #[test]
    fn keys_do_not_print() {
        let keys = keys();
        let text = format!("{keys:?}");
        assert!(text.contains("redacted") && !text.contains("key:"), "{text}");
    }

    #[test]
    fn letter_case_is_one_name_but_two_spellings() {
        let keys = keys();
        let (a, b) = (e("ÁNA@x").name(&keys), e("ána@X").name(&keys));
        assert_eq!(a.key, b.key);
        assert_ne!(a.spelling, b.spelling);
        assert_ne!(a.key, i("ána@x").name(&keys).key);
    }

    #[test]
    fn a_fingerprint_knows_every_value_and_no_order() {
        let keys = keys();
        let print = |row: TestRow| keys.fingerprint(&row.update());
        let base = print(e("a@x").set("nome", "N").set("telefone", "1"));
        assert_eq!(base, print(e("a@x").set("telefone", "1").set("nome", "N")));
        assert_ne!(base, print(e("a@x").set("nome", "N")));
        assert_ne!(base, print(e("A@x").set("nome", "N").set("telefone", "1")));
        assert_ne!(base, print(i("a@x").set("nome", "N").set("telefone", "1")));
        assert_ne!(base, print(e("a@x").set("nome", "N").set("telefone", "2")));
    }

    #[test]
    fn long_and_short_inputs_are_hashed_by_one_rule() {
        let keys = keys();
        for len in [0, 200, 254, 255, 256, 5000] {
            let text = "x".repeat(len);
            let mut whole = vec![Domain::Field as u8, b'p'];
            whole.extend_from_slice(text.as_bytes());
            let expected = blake3::keyed_hash(&keys.key, &whole);
            assert_eq!(keys.full_hash(Domain::Field, b"p", text.as_bytes()), expected, "{len}");
        }
    }
}
