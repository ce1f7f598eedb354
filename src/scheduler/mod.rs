//! Updates → outcomes: the pace, the order per customer, the retries, the early stops.
//!
//! One task, the dispatcher, owns all state; each request in flight is a task of its own that does
//! one attempt and comes back with data. The rules are pure and stand in files of their own:
//! [`rate_limiter`] (when may the next request leave), [`customer_order`] (which row's turn is it), [`retry`] (what
//! does a reply mean for its row), [`circuit_breaker`] (what does it mean for the run). The pool knows
//! neither where rows come from nor where outcomes go.

pub mod circuit_breaker;
pub mod customer_order;
mod dispatcher;
pub mod events;
pub mod ledger;
pub mod rate_limiter;
pub mod retry;
mod window;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use dispatcher::{PoolEnd, run};
pub use rate_limiter::Rate;

use crate::api::{Attempt, Client};
use crate::model::{Row, Update};

/// What arrives from the reading side.
#[derive(Debug)]
pub enum InputBatch {
    /// The next rows in input order.
    Rows(Vec<Row>),
    /// The input cannot be read on; the text is for the user. Nothing follows.
    Broken(String),
}

/// How the pool sends one attempt. The real one is [`Client`]; tests bring their own.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Sends `update` once.
    fn send(&self, update: Arc<Update>) -> impl Future<Output = Attempt> + Send;
}

impl Transport for Client {
    async fn send(&self, update: Arc<Update>) -> Attempt {
        Client::send(self, &update).await
    }
}

/// What can be chosen about sending.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// Requests a second.
    pub rate: Rate,
    /// Requests in flight, at least 1.
    pub concurrency: usize,
    /// Rows to send at most (`--limit`).
    pub limit: Option<u64>,
    /// Rows with `erro` that are tolerated (`--max-errors`, a percentage already resolved).
    pub max_errors: Option<u64>,
    /// Whether a run whose first rows are all refused alike is stopped.
    pub breaker: bool,
    /// How long the API may be out of reach or unreadable before the run gives up; of nothing but
    /// 429 it takes three times as long.
    pub give_up_after: Duration,
    /// How long requests in flight are waited for when the run is stopped.
    pub drain: Duration,
    /// A row that the ledger believes unchanged: sent once if the breaker is about to trip, to tell
    /// a dead token from a file full of refusals.
    pub probe: Option<Arc<Update>>,
}
