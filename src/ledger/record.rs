//! What the ledger holds: of one customer name, and of one request on its way. Plain data; the
//! [`rules`](super::rules) give it meaning, the [`codec`](super::codec) gives it bytes.

use super::keys::{FieldTag, Fingerprint, NameKey, Spelling, ValueHash};
use crate::model::CustomerType;

/// A moment of an account's history: each intent and each settlement gets the next number. Order is
/// decided by stamps alone; clocks jump. Stamps begin at 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp(pub u64);

/// What is filed under one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The intent by which a customer was last given this name as its *other* name: an internal
    /// identifier given by a type-`E` row, an e-mail given by a type-`I` row. That customer's value
    /// (which carries the same stamp) is believed only as long as nobody else was given the name.
    pub claim: Option<Stamp>,
    /// What is believed under the name itself.
    pub held: Held,
}

impl Record {
    /// Whether there is nothing worth storing.
    pub fn is_empty(&self) -> bool {
        self.claim.is_none() && self.held == Held::Nothing
    }
}

/// What is believed under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// The customer was renamed and is now found elsewhere.
    Moved(Moved),
    /// The customer is found here, with these values.
    Values(Values),
}

/// The pointer that a rename leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Where to.
    pub to: NameKey,
    /// How the old name was spelled.
    pub spelling: Spelling,
    /// The intent that did it.
    pub stamp: Stamp,
}

/// The values believed of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// How the name was spelled when the values were accepted. Under another spelling they are not
    /// believed: a server that minds letter case would hold another customer there.
    pub spelling: Spelling,
    /// What the hashes are salted with: the spelling, unless the values came here by a rename.
    pub salt: Spelling,
    /// The values, by the update that brought them. No field stands in two groups.
    pub groups: Vec<Group>,
}

/// The values of one update that are still the latest of their fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The update's intent.
    pub stamp: Stamp,
    /// When it was accepted, in seconds since 1970.
    pub at: u32,
    /// Which field holds what.
    pub entries: Vec<(FieldTag, ValueHash)>,
}

/// A request that may be on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its number.
    pub stamp: Stamp,
    /// When it was noted, in seconds since 1970.
    pub at: u32,
    /// Which row.
    pub fingerprint: Fingerprint,
    /// The type of the name it is addressed by.
    pub ctype: CustomerType,
    /// The name it is addressed by.
    pub home: NameKey,
    /// The name its customer will have instead.
    pub rename: Option<NameKey>,
    /// The name of the other type that its customer will have.
    pub linked: Option<NameKey>,
    /// Whether it may take an unknown name of the other type away from a customer.
    pub relinks: bool,
    /// The fields whose values it may change.
    pub changed: Vec<FieldTag>,
    /// Whether all that follows from not knowing its fate is done already. Only a rename stays
    /// after that: it blocks its names until a definite reply.
    pub resolved: bool,
}

impl Intent {
    /// The names that belong to this request alone while it is on its way; of them nothing is
    /// believed meanwhile.
    pub fn touched(&self) -> impl Iterator<Item = NameKey> + use<> {
        let internal = if self.ctype == CustomerType::Email { self.linked } else { None };
        [Some(self.home), self.rename, internal].into_iter().flatten()
    }

    /// Every name whose holder this request may change.
    pub fn concerned(&self) -> impl Iterator<Item = NameKey> + use<> {
        [Some(self.home), self.rename, self.linked].into_iter().flatten()
    }
}

/// Ends the belief in what was accepted earlier: in one field of all customers of one type, or (no
/// field) in everything of that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CutKey {
    /// The type under which belief ends.
    pub ctype: CustomerType,
    /// The field; `None` for all.
    pub field: Option<FieldTag>,
}

/// What is stored of an account, names apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// The next stamp; 0 where the account is new.
    pub next: u64,
    /// Cut-offs: belief with this stamp or an earlier one ended.
    pub cuts: Vec<(CutKey, Stamp)>,
    /// Requests whose fate is open.
    pub intents: Vec<Intent>,
}
