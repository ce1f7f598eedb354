//! How many of the account's slots this run uses while another client uses the account too:
//! additive increase, multiplicative decrease, on whole slots. Not when a request may leave; that is
//! [`super::RateLimiter`].
//!
//! A slot is one request in a window. Another client that takes one slot of three leaves two, so
//! whole slots are given up and taken back: at any pace in between both clients are rejected again
//! and again, and each 429 costs a pause in which all slots stay empty.
//!
//! - A 429 after [`QUIET_WINDOWS`] without one may be jitter or a single request of another client.
//!   It takes no slot; requests are only spaced evenly for a while.
//! - A 429 sooner than that, after another one or after an increase, takes a quarter of the slots,
//!   at least one.
//! - [`QUIET_WINDOWS`] without a 429 give one slot in sixteen back, at least one.
//!
//! Quiet is counted in the windows that clean replies fill, so silence and pauses do not count.
//!
//! The price of so little: a server that rejects at random, whatever the pace, is taken for another
//! client. With 2 % rejected two slots of three are used, with 10 % one.

/// Windows without a 429 after which the next one is a first one, and slots are taken back. Long
/// enough that beside a client that stays less than 5 % of all requests are rejected; short enough
/// that a false alarm costs seconds.
const QUIET_WINDOWS: f64 = 16.0;
/// The part of the slots that is left after a 429, as 3 / 4.
const DECREASE: (usize, usize) = (3, 4);
/// The part of all slots that is taken back at a time, as 1 / 16.
const INCREASE_PART: usize = 16;

/// The slots in use, and for how long nothing was rejected.
#[derive(Debug)]
pub(super) struct AdaptiveShare {
    all: usize,
    slots: usize,
    /// Windows filled by clean replies since the last 429 or the last change of `slots`.
    quiet_windows: f64,
}

impl AdaptiveShare {
    /// All of `all` slots, at least 1.
    pub(super) const fn of(all: usize) -> Self {
        Self { all, slots: all, quiet_windows: QUIET_WINDOWS }
    }

    /// Slots that may be used in a window, at least 1.
    pub(super) const fn slots(&self) -> usize {
        self.slots
    }

    /// Whether requests should be spaced evenly, so that those of another client fit in between:
    /// slots are left to one, or the last 429 may have been caused by one.
    pub(super) fn leaves_gaps(&self) -> bool {
        self.is_reduced() || self.quiet_windows < QUIET_WINDOWS
    }

    const fn is_reduced(&self) -> bool {
        self.slots < self.all
    }

    /// A request was answered without a 429.
    pub(super) fn on_clean_reply(&mut self) {
        self.quiet_windows += 1.0 / self.slots as f64;
        if self.is_reduced() && self.quiet_windows >= QUIET_WINDOWS {
            self.slots = (self.slots + self.all.div_ceil(INCREASE_PART)).min(self.all);
            self.quiet_windows = 0.0;
        }
    }

    /// A request was answered with a 429.
    pub(super) fn on_rejection(&mut self) {
        if self.quiet_windows < QUIET_WINDOWS {
            self.slots = (self.slots * DECREASE.0 / DECREASE.1).max(1);
        }
        self.quiet_windows = 0.0;
    }
}
