//! What reads show where they lag behind the writes: the customers once more, with the same updates
//! applied later and in the same order.

use std::collections::VecDeque;
use std::time::Instant;

use super::customers::CustomerStore;
use super::update_rules::UpdateRequest;

#[derive(Debug)]
pub(super) struct Replica {
    customers: CustomerStore,
    /// Executed updates and when they are shown, in the order of both.
    pending: VecDeque<(Instant, UpdateRequest)>,
}

impl Replica {
    /// A replica that is up to date.
    pub(super) fn of(customers: CustomerStore) -> Self {
        Self { customers, pending: VecDeque::new() }
    }

    /// Shows an executed update from `due` on, and not before the updates that came earlier.
    pub(super) fn add(&mut self, due: Instant, update: UpdateRequest) {
        let due = self.pending.back().map_or(due, |(earlier, _)| due.max(*earlier));
        self.pending.push_back((due, update));
    }

    /// The customers as reads show them at `now`.
    pub(super) fn at(&mut self, now: Instant) -> &CustomerStore {
        while let Some((_, update)) = self.pending.pop_front_if(|(due, _)| *due <= now) {
            self.customers.update(&update);
        }
        &self.customers
    }
}
