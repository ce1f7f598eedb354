//! The requests on their way, one task each. What their replies mean is decided in [`super::send`].

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::rate_limiter::Permit;
use crate::api::Attempt;

/// A request on its way.
#[derive(Debug)]
pub struct InFlightRequest {
    pub seq: u64,
    pub permit: Permit,
    pub sent: Instant,
}

/// All requests on their way.
#[derive(Debug, Default)]
pub struct InFlightRequests {
    tasks: JoinSet<Attempt>,
    requests: HashMap<Id, InFlightRequest>,
}

/// A request that ended, with its attempt; `None` if its task panicked.
pub type EndedRequest = (InFlightRequest, Option<Attempt>);

impl InFlightRequests {
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Starts a request in a task of its own.
    pub fn spawn(
        &mut self,
        request: InFlightRequest,
        attempt: impl Future<Output = Attempt> + Send + 'static,
    ) {
        let task = self.tasks.spawn(attempt);
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

    fn take(&mut self, joined: Result<(Id, Attempt), JoinError>) -> Option<EndedRequest> {
        let (id, attempt) = match joined {
            Ok((id, attempt)) => (id, Some(attempt)),
            Err(error) => (error.id(), None),
        };
        Some((self.requests.remove(&id)?, attempt))
    }
}
