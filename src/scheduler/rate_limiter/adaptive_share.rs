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

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of clean replies until `slots` are in use.
    fn windows_until(share: &mut AdaptiveShare, slots: usize) -> f64 {
        let mut windows = 0.0;
        while share.slots() < slots {
            windows += 1.0 / share.slots() as f64;
            share.on_clean_reply();
            assert!(windows < 1e4, "{share:?}");
        }
        windows
    }

    #[test]
    fn a_lone_429_takes_no_slot() {
        let mut share = AdaptiveShare::of(3);
        for _ in 0..10 {
            share.on_rejection();
            assert_eq!(share.slots(), 3);
            assert!(share.leaves_gaps());
            (0..50).for_each(|_| share.on_clean_reply());
            assert!(!share.leaves_gaps());
        }
    }

    #[test]
    fn a_second_429_gives_a_slot_up_which_is_taken_back_after_the_quiet_windows() {
        let mut share = AdaptiveShare::of(3);
        share.on_rejection();
        share.on_clean_reply();
        share.on_rejection();
        for _ in 0..4 {
            assert_eq!(share.slots(), 2);
            let quiet = windows_until(&mut share, 3);
            assert!((15.5..16.5).contains(&quiet), "{quiet}");
            share.on_rejection();
        }
        windows_until(&mut share, 3);
        assert!(!share.is_reduced());
    }

    #[test]
    fn of_many_slots_a_quarter_is_given_up_and_they_are_soon_back() {
        let mut share = AdaptiveShare::of(50);
        share.on_rejection();
        for slots in [37, 27, 20] {
            share.on_rejection();
            assert_eq!(share.slots(), slots);
        }
        assert!(windows_until(&mut share, 50) < 130.0);
    }
}
