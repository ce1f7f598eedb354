//! From a row to what may be stored of it: keyed hashes. Without the key the ledger says nothing
//! about anybody, and nothing in it can be tested against a guess.
//!
//! The key of an account comes from its base URL and its token, or from a random secret (see
//! [`super::keyfile`]) where the account has a label. Nothing here reads or writes files.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::str::FromStr;

use crate::model::{CustomerType, FieldName, Name, Param, Update};

const CONTEXT_TOKEN: &str = "tomticket-sync 2026-01 ledger key of an account told apart by token";
const CONTEXT_LABEL: &str = "tomticket-sync 2026-01 ledger key of an account told apart by label";

/// Which account, as the file and the names of locks show it. It reveals neither token nor key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId([u8; 16]);

/// A customer name: type and letter-case-folded text, under the account's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKey(pub(super) [u8; 16]);

impl Hash for NameKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [half @ .., _, _, _, _, _, _, _, _] = self.0;
        state.write_u64(u64::from_le_bytes(half));
    }
}

/// For maps whose keys are keyed hashes already: nobody without the account's key can make them
/// collide, and to hash them once more cost a twentieth of a row.
pub(super) type BuildKeyed = BuildHasherDefault<Keyed>;

/// See [`BuildKeyed`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keyed(u64);

impl Hasher for Keyed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(23) ^ number;
    }
}

/// The exact text of a name. It also salts the hashes of the values that are held under the name,
/// so that equal values of two customers do not look equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling(pub(super) u64);

/// A field, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldTag(pub(super) u64);

/// A value of one field of one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueHash(pub(super) u64);

/// A whole row: its customer and all its values, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub(super) [u8; 16]);

impl AccountId {
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

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

/// The purposes a hash can have; no two share an input.
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
pub struct Keys {
    key: [u8; 32],
    account: AccountId,
    params: [FieldTag; Param::ALL.len()],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({}, [redacted])", self.account)
    }
}

impl Keys {
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
            Self { key, account: AccountId([0; 16]), params: [FieldTag(0); Param::ALL.len()] };
        let account = AccountId(unnamed.hash16(Domain::Account, &[], b""));
        let params = Param::ALL.map(|param| unnamed.field_tag(&FieldName::Param(param)));
        Self { account, params, ..unnamed }
    }

    /// The account this key belongs to.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The key under which `name` is filed.
    pub fn name(&self, name: Name<'_>) -> NameKey {
        let folded = name.text.to_lowercase();
        NameKey(self.hash16(Domain::Name, name.ctype.as_str().as_bytes(), folded.as_bytes()))
    }

    pub(super) fn called(&self, name: Name<'_>) -> Called {
        let ctype = name.ctype.as_str().as_bytes();
        let spelling = Spelling(self.hash8(Domain::Spelling, ctype, name.text.as_bytes()));
        Called { key: self.name(name), spelling }
    }

    /// The tag of a documented parameter.
    pub(super) const fn param(&self, param: Param) -> FieldTag {
        self.params[param as usize]
    }

    fn field_tag(&self, field: &FieldName) -> FieldTag {
        let (kind, text) = tagged(field);
        FieldTag(self.hash8(Domain::Field, kind, text.as_bytes()))
    }

    fn value(&self, salt: Spelling, tag: FieldTag, value: &str) -> ValueHash {
        let mut prefix = [0; 16];
        prefix[..8].copy_from_slice(&salt.0.to_le_bytes());
        prefix[8..].copy_from_slice(&tag.0.to_le_bytes());
        ValueHash(self.hash8(Domain::Value, &prefix, value.as_bytes()))
    }

    /// The fingerprint of a row, by which a request that an earlier run left in flight is found
    /// again in the input. Two runs that map the same columns in another order agree on it.
    pub fn fingerprint(&self, update: &Update) -> Fingerprint {
        let mut values: Vec<_> = update.values().collect();
        values.sort_unstable();
        let mut text = Vec::with_capacity(512);
        let home = update.home();
        put_part(&mut text, home.ctype.as_str().as_bytes());
        put_part(&mut text, home.text.as_bytes());
        for (name, value) in values {
            let (kind, name) = tagged(name);
            put_part(&mut text, kind);
            put_part(&mut text, name.as_bytes());
            put_part(&mut text, value.as_bytes());
        }
        Fingerprint(self.hash16(Domain::Row, &[], &text))
    }

    fn hash16(&self, domain: Domain, prefix: &[u8], text: &[u8]) -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&self.hash(domain, prefix, text).as_bytes()[..16]);
        out
    }

    fn hash8(&self, domain: Domain, prefix: &[u8], text: &[u8]) -> u64 {
        let mut out = [0; 8];
        out.copy_from_slice(&self.hash(domain, prefix, text).as_bytes()[..8]);
        u64::from_le_bytes(out)
    }

    /// `prefix` has one length per domain, so that the input reads only one way.
    fn hash(&self, domain: Domain, prefix: &[u8], text: &[u8]) -> blake3::Hash {
        // Nearly every input is short, and one call on one slice is several times faster than a
        // hasher that is fed in parts.
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
fn tagged(field: &FieldName) -> (&'static [u8], &str) {
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

/// The tags of fields that were met before; computing one costs more than finding it.
#[derive(Debug, Default)]
pub(super) struct TagCache {
    tags: HashMap<FieldName, FieldTag>,
    /// By place in the row: the rows of one file nearly always repeat their fields in order.
    places: Vec<(FieldName, FieldTag)>,
}

impl TagCache {
    fn find(&mut self, keys: &Keys, place: usize, field: &FieldName) -> FieldTag {
        if let Some((known, tag)) = self.places.get(place)
            && known == field
        {
            return *tag;
        }
        let tag = match field {
            FieldName::Param(param) => keys.param(*param),
            FieldName::Campo(_) => match self.tags.get(field) {
                Some(tag) => *tag,
                None => *self.tags.entry(field.clone()).or_insert(keys.field_tag(field)),
            },
        };
        self.places.truncate(place);
        self.places.push((field.clone(), tag));
        tag
    }
}

/// A name with its exact spelling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Called {
    pub key: NameKey,
    pub spelling: Spelling,
}

/// One value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    pub tag: FieldTag,
    value: &'a str,
}

/// A row in the ledger's words.
///
/// A customer has up to two names, one of each type, and each kind of row can change the *other*
/// one: a type-`E` row by `id_interno`, a type-`I` row by `email`. That field is the row's `link`.
#[derive(Debug)]
pub(super) struct RowKeys<'a> {
    keys: &'a Keys,
    pub ctype: CustomerType,
    /// The name in the request's path.
    pub home: Called,
    /// The name that the customer will answer to instead.
    pub rename: Option<Called>,
    /// Everything that is sent.
    pub sent: Vec<Sent<'a>>,
    /// The index in `sent` of the field that gives or takes the customer's other name.
    pub link: Option<usize>,
    /// The other name that it gives; `None` where it is cleared.
    pub linked: Option<NameKey>,
    /// Whether the update takes away the very name it is addressed by (an empty `email`).
    pub unnames: bool,
}

impl<'a> RowKeys<'a> {
    pub fn new(keys: &'a Keys, tags: &mut TagCache, update: &'a Update) -> Self {
        let ctype = update.customer().ctype;
        let linking = match ctype {
            CustomerType::Email => Param::IdInterno,
            CustomerType::Internal => Param::Email,
        };
        let mut row = Self {
            keys,
            ctype,
            home: keys.called(update.home()),
            rename: update.rename_to().map(|name| keys.called(name)),
            sent: Vec::new(),
            link: None,
            linked: None,
            unnames: false,
        };
        for (field, value) in update.values() {
            let tag = tags.find(keys, row.sent.len(), field);
            if value.is_empty() && ctype == CustomerType::Email && tag == keys.param(Param::Email) {
                row.unnames = true;
            }
            if tag == keys.param(linking) {
                row.link = Some(row.sent.len());
                row.linked = (!value.is_empty())
                    .then(|| keys.name(Name { ctype: ctype.other(), text: value }));
            }
            row.sent.push(Sent { tag, value });
        }
        row
    }

    /// The hash of a value that is sent, as it is stored under `salt`.
    pub fn value(&self, sent: &Sent<'_>, salt: Spelling) -> ValueHash {
        self.keys.value(salt, sent.tag, sent.value)
    }

    /// The names that belong to this row alone while it is on its way. The e-mail that a type-`I`
    /// row gives is not among them: no values are filed under it by this row.
    pub fn touched(&self) -> impl Iterator<Item = NameKey> + use<> {
        let internal = if self.ctype == CustomerType::Email { self.linked } else { None };
        [Some(self.home.key), self.rename.map(|name| name.key), internal].into_iter().flatten()
    }

    /// The fields whose value this update may change: those it sends, and those it may reset.
    pub fn changed(&self) -> Vec<FieldTag> {
        let mut changed: Vec<_> = self.sent.iter().map(|sent| sent.tag).collect();
        for param in Param::ALL.into_iter().filter(|param| param.has_documented_default()) {
            let tag = self.keys.param(param);
            if !changed.contains(&tag) {
                changed.push(tag);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{Row, e, i};

    fn keys() -> Keys {
        Keys::from_token("https://api.example", b"s3gr3d0")
    }

    #[test]
    fn accounts_differ_by_url_token_label_and_secret() {
        let ids: Vec<_> = [
            Keys::from_token("https://a", b"t"),
            Keys::from_token("https://b", b"t"),
            Keys::from_token("https://a", b"u"),
            Keys::from_token("https://at", b""),
            Keys::from_label("https://a", "t", &[0; 32]),
            Keys::from_label("https://a", "u", &[0; 32]),
            Keys::from_label("https://a", "t", &[1; 32]),
        ]
        .iter()
        .map(Keys::account)
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
        let (a, b) = (e("ÁNA@x").call(&keys), e("ána@X").call(&keys));
        assert_eq!(a.key, b.key);
        assert_ne!(a.spelling, b.spelling);
        assert_ne!(a.key, i("ána@x").call(&keys).key);
    }

    #[test]
    fn equal_values_of_two_customers_or_fields_do_not_look_equal() {
        let keys = keys();
        let hash = |row: Row| {
            let (update, mut tags) = (row.update(), TagCache::default());
            let row = RowKeys::new(&keys, &mut tags, &update);
            row.value(&row.sent[0], row.home.spelling)
        };
        let base = hash(e("a@x").set("nome", "N"));
        assert_eq!(base, hash(e("a@x").set("nome", "N")));
        assert_ne!(base, hash(e("b@x").set("nome", "N")));
        assert_ne!(base, hash(e("a@x").set("telefone", "N")));
        assert_ne!(base, hash(e("a@x").set("campo:nome", "N")));
        assert_ne!(base, hash(e("a@x").set("nome", "n")));
    }

    #[test]
    fn a_fingerprint_knows_every_value_and_no_order() {
        let keys = keys();
        let print = |row: Row| keys.fingerprint(&row.update());
        let base = print(e("a@x").set("nome", "N").set("telefone", "1"));
        assert_eq!(base, print(e("a@x").set("telefone", "1").set("nome", "N")));
        assert_ne!(base, print(e("a@x").set("nome", "N")));
        assert_ne!(base, print(e("A@x").set("nome", "N").set("telefone", "1")));
        assert_ne!(base, print(i("a@x").set("nome", "N").set("telefone", "1")));
        assert_ne!(base, print(e("a@x").set("nome", "N").set("telefone", "2")));
    }

    #[test]
    fn long_and_short_inputs_are_hashed_alike() {
        let keys = keys();
        for len in [0, 200, 254, 255, 256, 5000] {
            let text = "x".repeat(len);
            let mut whole = vec![Domain::Field as u8, b'p'];
            whole.extend_from_slice(text.as_bytes());
            let expected = blake3::keyed_hash(&keys.key, &whole);
            assert_eq!(keys.hash(Domain::Field, b"p", text.as_bytes()), expected, "{len}");
        }
    }
}
