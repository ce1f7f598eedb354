//! What the scheduler tells the reporter. Events carry facts; counting, writing and showing them is
//! the reporter's task.

use std::sync::Arc;
use std::time::Instant;

use crate::api::Reply;
use crate::model::{Outcome, Row, Situacao, Update, ValueChange};

/// One fact. Events of one run come in the order in which they happened, except that
/// [`Settled`](Self::Settled) comes in the order of the input.
#[derive(Debug)]
pub enum Event {
    /// A row and its verdict; rows come in input order, each exactly once.
    Settled(Box<Row>, Outcome),
    /// A row got its verdict; its [`Settled`](Self::Settled) follows when all earlier rows have
    /// theirs. For the progress display, which does not wait for a slow row.
    Decided(Situacao),
    /// A row was executed, or may have been, since the snapshot was read; an unchanged one by an
    /// earlier run. Only in a run with a snapshot.
    Changed {
        update: Arc<Update>,
        /// What became of each value that the snapshot shows.
        changes: Vec<ValueChange>,
        situacao: Situacao,
    },
    /// A row had no effect, but an earlier run changed its customer since the snapshot was read.
    Unreached,
    /// So many customers of the snapshot lost a name to another one, and no row speaks of them. Told
    /// once, at the end.
    NamesLost(u64),
    /// A request ended, or was aborted.
    Request(Request),
    /// A reading ended.
    Read(Reply),
    /// Rows wait to be read: how many, and when the last of them is due.
    Looking(Option<(usize, Instant)>),
    /// The scheduler changed its phase.
    Phase(Phase),
}

/// One HTTP request.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// When it ended.
    pub at: Instant,
    pub reply: Reply,
    /// Whether it repeated an attempt without a definite answer.
    pub repeat: bool,
}

/// What the scheduler is doing, for the progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sending at its pace.
    Sending,
    /// Waiting after a 429.
    Limited,
    /// Waiting for the network or for a readable reply, trying one request at a time.
    Probing,
    /// Stopping: waiting for what is in flight.
    Draining,
}
