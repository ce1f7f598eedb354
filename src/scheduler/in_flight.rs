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

    /// Waits for the next request to end; never returns while there is none. Cancel-safe.
    pub async fn next(&mut self) -> EndedRequest {
        loop {
            match self.tasks.join_next_with_id().await {
                Some(joined) => {
                    if let Some(ended) = self.take(joined) {
                        return ended;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// A request that has ended already.
    pub fn try_next(&mut self) -> Option<EndedRequest> {
        loop {
            let joined = self.tasks.try_join_next_with_id()?;
            if let Some(ended) = self.take(joined) {
                return Some(ended);
            }
        }
    }

    /// Aborts all requests and gives back what is known about them.
    pub fn abort_all(&mut self) -> Vec<InFlightRequest> {
        self.tasks.abort_all();
        self.requests.drain().map(|(_, request)| request).collect()
    }

    /// `None` for a request that was aborted.
    fn take(&mut self, joined: Result<(Id, Attempt), JoinError>) -> Option<EndedRequest> {
        let (id, attempt) = match joined {
            Ok((id, attempt)) => (id, Some(attempt)),
            Err(error) => (error.id(), None),
        };
        Some((self.requests.remove(&id)?, attempt))
    }
}
