//! A latch between a test and the scripted server: replies wait until the test releases them.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Starts closed; once released it stays open. Clones share one state.
#[derive(Clone, Default)]
pub struct Latch {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Latch {
    /// A closed latch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every present and later waiter through.
    pub fn release(&self) {
        *self.inner.0.lock().unwrap() = true;
        self.inner.1.notify_all();
    }

    /// Waits until the latch is released or `give_up` returns true; asks `give_up` every 100 ms.
    pub fn wait_unless(&self, give_up: impl Fn() -> bool) {
        let mut released = self.inner.0.lock().unwrap();
        while !*released && !give_up() {
            released = self.inner.1.wait_timeout(released, Duration::from_millis(100)).unwrap().0;
        }
    }
}
