//! A latch between a test and the scripted server: replies wait behind it until the test opens it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Closed at first; once open it stays open. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everything through, now and later.
    pub fn open(&self) {
        *self.inner.0.lock().unwrap() = true;
        self.inner.1.notify_all();
    }

    /// Waits until the gate is open or `give_up` says so; looks at `give_up` ten times a second.
    pub fn pass(&self, give_up: impl Fn() -> bool) {
        let mut open = self.inner.0.lock().unwrap();
        while !*open && !give_up() {
            open = self.inner.1.wait_timeout(open, Duration::from_millis(100)).unwrap().0;
        }
    }
}
