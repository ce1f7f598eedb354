//! The requests on their way, one task each. What their replies mean is decided in [`super::send`].

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::rate_limiter::Permit;
use crate::api::{Attempt, ReadAttempt};

/// A request on its way.
#[derive(Debug)]
pub struct InFlightRequest {
    pub seq: u64,
    pub permit: Permit,
    pub sent: Instant,
}

/// What a request brought back.
#[derive(Debug)]
pub enum Answer {
    Sent(Attempt),
    Read(ReadAttempt),
}

/// All requests on their way.
#[derive(Debug, Default)]
pub struct InFlightRequests {
    tasks: JoinSet<Answer>,
    requests: HashMap<Id, InFlightRequest>,
}

/// A request that ended, with what it brought; `None` if its task panicked.
pub type EndedRequest = (InFlightRequest, Option<Answer>);

impl InFlightRequests {
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// When the oldest of them left.
    pub fn oldest_sent(&self) -> Option<Instant> {
        self.requests.values().map(|request| request.sent).min()
    }

    /// Starts a request in a task of its own.
    pub fn spawn(
        &mut self,
        request: InFlightRequest,
        answer: impl Future<Output = Answer> + Send + 'static,
    ) {
        let task = self.tasks.spawn(answer);
        self.requests.insert(task.id(), request);
    }

    /// Waits for the next request to end; `None` if there is none. Cancel-safe.
    pub async fn next(&mut self) -> Option<EndedRequest> {
        let joined = self.tasks.join_next_with_id().await?;
        self.take(joined)
    }

    /// A request that has ended already.
    pub fn try_next(&mut self) -> Option<EndedRequest> {
        let joined = self.tasks.try_join_next_with_id()?;
        self.take(joined)
    }

    /// Aborts all requests and gives back what is known about them.
    pub fn abort_all(&mut self) -> impl Iterator<Item = InFlightRequest> + use<> {
        std::mem::take(self).requests.into_values()
    }

    fn take(&mut self, joined: Result<(Id, Answer), JoinError>) -> Option<EndedRequest> {
        let (id, answer) = match joined {
            Ok((id, answer)) => (id, Some(answer)),
            Err(error) => (error.id(), None),
        };
        Some((self.requests.remove(&id)?, answer))
    }
}
