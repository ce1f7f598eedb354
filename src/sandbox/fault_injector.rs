//! The random delays and failures of a request, drawn together when it arrives.
//!
//! Each request takes the same number of draws whatever becomes of it. So the n-th request after the
//! start meets the same faults whenever the seed is the same, and a failure can be replayed.

use std::time::Duration;

use super::config::{DelayRange, FailureKind, Failures};

/// The faults of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RequestFaults {
    /// The delay before the request is counted.
    pub jitter: Duration,
    /// The delay before the response.
    pub latency: Duration,
    /// The failure, if one was drawn.
    pub failure: Option<InjectedFailure>,
}

/// An injected failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InjectedFailure {
    /// What the client meets.
    pub kind: FailureKind,
    /// Whether the update is executed all the same; never so for 429.
    pub executed: bool,
}

/// Draws faults by a seed.
#[derive(Debug)]
pub(super) struct FaultInjector {
    rng: fastrand::Rng,
    jitter: DelayRange,
    latency: DelayRange,
    failures: Failures,
}

impl FaultInjector {
    pub(super) fn new(
        seed: u64,
        jitter: DelayRange,
        latency: DelayRange,
        failures: Failures,
    ) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), jitter, latency, failures }
    }

    /// The faults of the next request.
    pub(super) fn draw(&mut self) -> RequestFaults {
        let failure = self.failures.at(self.rng.f64() * 100.0);
        let executed = self.rng.bool();
        let jitter = self.jitter.at(self.rng.f64());
        let latency = self.latency.at(self.rng.f64());
        let failure = failure.map(|kind| InjectedFailure {
            kind,
            executed: executed && kind != FailureKind::Limited,
        });
        RequestFaults { jitter, latency, failure }
    }
}
