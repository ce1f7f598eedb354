//! Keyed hashes of everything that is stored. Without the account's key the ledger says nothing about
//! anyone, and nothing in it can be tested against a guess.
//!
//! The key of an account comes from its base URL and its token, or from a random secret (see
//! [`super::keyfile`]) where the account has a label. Nothing here reads or writes files; what of a
//! row is hashed is decided in [`super::row_keys`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{FieldName, Name, Update};

const CONTEXT_TOKEN: &str = "tomticket-sync 2026-01 ledger key of an account told apart by token";
const CONTEXT_LABEL: &str = "tomticket-sync 2026-01 ledger key of an account told apart by label";

/// Which account, as the file and the names of its lock files show it. Reveals neither token nor key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId(pub(super) [u8; 16]);

/// A customer name: type and letter-case-folded text, under the account's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HashedName(pub [u8; 16]);

/// The exact text of a name. It also salts the hashes of the values that are stored under the name,
/// so that equal values of two customers do not look equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spelling(pub [u8; 8]);

#[derive(Debug, Clone, Copy)]
pub struct ExactName {
    pub key: HashedName,
    pub spelling: Spelling,
}

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
    pub const fn tag(self) -> FieldTag {
        let [a, b, c, d, ..] = self.0;
        FieldTag([a, b, c, d])
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

/// The key of one account and what is computed with it. It does not print.
pub struct AccountKey {
    key: [u8; 32],
    pub account: AccountId,
    /// The keys of the fields seen so far: every row asks for the same few.
    fields: RefCell<HashMap<FieldName, FieldKey>>,
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
        let unnamed = Self { key, account: AccountId([0; 16]), fields: RefCell::default() };
        let account = AccountId(unnamed.hash(Domain::Account, &[], b""));
        Self { account, ..unnamed }
    }

    pub fn name(&self, name: Name<'_>) -> HashedName {
        let folded = name.text.to_lowercase();
        HashedName(self.hash(Domain::Name, name.ctype.as_str().as_bytes(), folded.as_bytes()))
    }

    pub fn exact_name(&self, name: Name<'_>) -> ExactName {
        let ctype = name.ctype.as_str().as_bytes();
        let spelling = Spelling(self.hash(Domain::Spelling, ctype, name.text.as_bytes()));
        ExactName { key: self.name(name), spelling }
    }

    pub fn field(&self, field: &FieldName) -> FieldKey {
        if let Some(known) = self.fields.borrow().get(field) {
            return *known;
        }
        let (kind, text) = kind_and_text(field);
        let key = FieldKey(self.hash(Domain::Field, kind, text.as_bytes()));
        self.fields.borrow_mut().insert(field.clone(), key);
        key
    }

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
        let name = update.primary_name();
        put_part(&mut text, name.ctype.as_str().as_bytes());
        put_part(&mut text, name.text.as_bytes());
        for (name, value) in values {
            let (kind, name) = kind_and_text(name);
            put_part(&mut text, kind);
            put_part(&mut text, name.as_bytes());
            put_part(&mut text, value.as_bytes());
        }
        Fingerprint(self.hash(Domain::Row, &[], &text))
    }

    /// The first `N` bytes of the hash of a text. `prefix` has one length per domain, so that the
    /// input reads only one way.
    fn hash<const N: usize>(&self, domain: Domain, prefix: &[u8], text: &[u8]) -> [u8; N] {
        // Hashing one slice is several times faster than a hasher that is fed in parts.
        let hash = blake3::keyed_hash(&self.key, &[&[domain as u8], prefix, text].concat());
        let mut first = [0; N];
        first.copy_from_slice(&hash.as_bytes()[..N]);
        first
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{TestRow, keys, row};

    #[test]
    fn accounts_differ_by_url_token_label_and_secret() {
        let ids: Vec<_> = [
            AccountKey::from_token("https://a", b"t"),
            AccountKey::from_token("https://b", b"t"),
            AccountKey::from_token("https://a", b"u"),
            AccountKey::from_token("https://at", b""),
            AccountKey::from_label("https://a", "t", &[0; 32]),
            AccountKey::from_label("https://a", "u", &[0; 32]),
            AccountKey::from_label("https://b", "t", &[0; 32]),
            AccountKey::from_label("https://a", "t", &[1; 32]),
        ]
        .iter()
        .map(|keys| keys.account)
        .collect();
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().position(|other| other == id), Some(at));
            assert_eq!(id.to_string().parse(), Ok(*id));
        }
        assert!("xyz".parse::<AccountId>().is_err());
    }

    #[test]
    fn a_fingerprint_knows_every_value_and_no_order() {
        let keys = keys();
        let print = |row: TestRow| keys.fingerprint(&row.update());
        let base = print(row("a@x nome=N telefone=1"));
        assert_eq!(base, print(row("a@x telefone=1 nome=N")));
        assert_ne!(base, print(row("a@x nome=N")));
        assert_ne!(base, print(row("A@x nome=N telefone=1")));
        assert_ne!(base, print(row("I:a@x nome=N telefone=1")));
        assert_ne!(base, print(row("a@x nome=N telefone=2")));
    }
}
