//! What the ledger holds: of one customer name, of one request, and of an account as a whole. Plain
//! data; [`rules`](super::rules) gives it meaning, [`tables`](super::tables) stores it.

use serde::{Deserialize, Serialize};

use super::keys::{FieldTag, Fingerprint, HashedName, Spelling, ValueHash};
use crate::model::CustomerType;

/// Orders the events of an account: each intent and each outcome gets the next number, from 1 on.
/// Order is never decided by the clock, which may jump.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct SequenceNumber(pub u64);

/// What is stored under one customer name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The intent by which a customer was last given this name as its alias: an internal identifier
    /// given by a type-`E` row, an e-mail given by a type-`I` row. That customer's value, which
    /// carries the same number, is known only as long as no other customer was given the name.
    pub alias_owner: Option<SequenceNumber>,
    /// What is known of the customer that answers to the name.
    pub known: KnownState,
    /// When a request that concerned the name was last executed, or may have been, in seconds since
    /// 1970; 0 for never. A snapshot that was read before says nothing about the name.
    pub written_at: u32,
    /// The same for the last request without a definite answer, which may still take effect.
    pub unanswered_at: u32,
}

/// What is known of the customer under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KnownState {
    #[default]
    Unknown,
    /// The customer was renamed and is found under another name.
    Renamed(RenamePointer),
    /// The API accepted these values.
    Values(KnownValues),
}

/// What a rename leaves under the old name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenamePointer {
    pub to: HashedName,
    pub spelling: Spelling,
    pub sequence: SequenceNumber,
}

/// The values that the API accepted for one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownValues {
    /// How the name was spelled when the values were accepted. They are not known under another
    /// spelling: a server that minds letter case would hold another customer there.
    pub spelling: Spelling,
    /// What the value hashes are salted with, where that is not `spelling`: the spelling of the name
    /// before a rename.
    pub old_salt: Option<Spelling>,
    /// The values, by the update that brought them. No field stands in two updates.
    pub updates: Vec<AcceptedUpdate>,
}

impl KnownValues {
    pub fn new(spelling: Spelling) -> Self {
        Self { spelling, old_salt: None, updates: Vec::new() }
    }

    pub fn salt(&self) -> Spelling {
        self.old_salt.unwrap_or(self.spelling)
    }

    /// Moves the values to a name of another spelling.
    pub fn respell(&mut self, spelling: Spelling) {
        self.old_salt = Some(self.salt()).filter(|salt| *salt != spelling);
        self.spelling = spelling;
    }
}

/// The values of one update that are still the latest of their fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedUpdate {
    pub sequence: SequenceNumber,
    /// When it was accepted, in seconds since 1970.
    pub at: u32,
    /// Which field holds what.
    pub values: Vec<(FieldTag, ValueHash)>,
}

/// A request that may be on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub sequence: SequenceNumber,
    /// When it was recorded, in seconds since 1970.
    pub at: u32,
    pub fingerprint: Fingerprint,
    /// The type of the name in the request's path.
    pub ctype: CustomerType,
    /// The name in the request's path.
    pub primary_name: HashedName,
    /// The name its customer will have instead.
    pub renamed_to: Option<HashedName>,
    /// The name of the other type that its customer will have.
    pub alias: Option<HashedName>,
    /// Whether it may take an alias that is not known away from another customer.
    pub changes_alias: bool,
    /// The fields whose values it may change.
    pub changed: Vec<FieldTag>,
    /// Whether everything that follows from an unknown outcome is done. Only a rename is kept after
    /// that: its names stay unknown until a definite reply.
    pub resolved: bool,
}

impl Intent {
    /// The names that belong to this request alone while it is in flight; they are unknown meanwhile.
    pub fn touched(&self) -> impl Iterator<Item = HashedName> + use<> {
        let internal = if self.ctype == CustomerType::Email { self.alias } else { None };
        [Some(self.primary_name), self.renamed_to, internal].into_iter().flatten()
    }

    /// Every name whose customer this request may change.
    pub fn concerned(&self) -> impl Iterator<Item = HashedName> + use<> {
        [Some(self.primary_name), self.renamed_to, self.alias].into_iter().flatten()
    }

    /// What the request invalidates under the other type, should it have been executed: the ledger
    /// does not know which names of the two types belong to one customer.
    pub fn invalidations(&self) -> impl Iterator<Item = InvalidationKey> + '_ {
        let ctype = self.ctype.other();
        let whole = self.changes_alias.then_some(None);
        let fields = self.changed.iter().map(|field| Some(*field));
        whole.into_iter().chain(fields).map(move |field| InvalidationKey { ctype, field })
    }
}

/// What an invalidation covers: one field of all customers of one type, or the whole type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvalidationKey {
    pub ctype: CustomerType,
    /// The field; `None` for all.
    pub field: Option<FieldTag>,
}

/// What is stored of an account, customer records apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedAccount {
    /// The next sequence number; 0 or 1 where the account is new.
    pub next_sequence: u64,
    /// What carries this number or an earlier one is no longer known.
    pub invalidations: Vec<(InvalidationKey, SequenceNumber)>,
    pub intents: Vec<Intent>,
    /// The fields that a run has seen kept.
    pub verified: Vec<FieldTag>,
}
