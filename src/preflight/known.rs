//! What is known of TomTicket before the first row is read.

use std::collections::HashSet;

use crate::ledger::{AccountMark, Fingerprint, Holder, Reader};
use crate::selection::Selection;
use crate::snapshot::Snapshot;

/// What the preflight holds the rows against.
#[derive(Default)]
pub struct Known<'a> {
    pub ledger: Option<&'a mut Lookup>,
    pub snapshot: Option<&'a mut Snapshot>,
    /// The rows that are wanted (`--only`); `None` for all.
    pub selection: Option<&'a Selection>,
    /// What a snapshot of this account says of it (`conta`); `None` where the account is unknown or
    /// simulated.
    pub account: Option<AccountMark>,
    /// Everything is sent (`--full`).
    pub full: bool,
    /// Rows that are shown in full (`--show`).
    pub show: usize,
}

/// The ledger's answers to a preflight.
pub struct Lookup {
    /// What TomTicket is known to hold; `None` where the ledger does not know the account.
    pub reader: Option<Reader>,
    /// Requests whose outcome is unknown: of an earlier run, or of the run under way.
    pub leftovers: HashSet<Fingerprint>,
    /// Whether another process works on the account at this moment, and which, if that is known.
    pub busy: Option<Option<Holder>>,
}
