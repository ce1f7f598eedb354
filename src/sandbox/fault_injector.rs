//! The random delays and failures of a request, drawn together when it arrives.
//!
//! Each request takes the same number of draws whatever becomes of it. So the n-th request after the
//! start meets the same faults whenever the seed is the same, and a failure can be replayed.

use std::time::Duration;

use super::config::{DelayRange, FailureKind, Failures, SandboxConfig};

/// The longest time after which a late update is executed.
const LATE_MAX: Duration = Duration::from_secs(20);

/// The faults of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RequestFaults {
    /// The delay before the request is counted.
    pub jitter: Duration,
    /// The delay before the response.
    pub latency: Duration,
    /// The failure, if one was drawn.
    pub failure: Option<InjectedFailure>,
    /// How much later reads show what it writes.
    pub read_lag: Duration,
    /// How much later it is executed if the failure is [`FailureKind::Late`].
    pub late_by: Duration,
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
    /// For what came later, so that a seed still draws the failures that it always drew.
    second_rng: fastrand::Rng,
    read_lag: DelayRange,
    jitter: DelayRange,
    latency: DelayRange,
    failures: Failures,
}

impl FaultInjector {
    /// As these settings say.
    pub(super) fn new(config: &SandboxConfig) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(config.seed),
            second_rng: fastrand::Rng::with_seed(!config.seed),
            read_lag: config.read_lag,
            jitter: config.jitter,
            latency: config.latency,
            failures: config.failures.clone(),
        }
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
        let read_lag = self.read_lag.at(self.second_rng.f64());
        let late_by = LATE_MAX.mul_f64(self.second_rng.f64());
        RequestFaults { jitter, latency, failure, read_lag, late_by }
    }
}
