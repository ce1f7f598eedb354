//! How many of the account's places are ours for now.
//!
//! The account takes `all` requests in a window, and another client that takes one in each leaves
//! `all − 1`. So it is whole places that are given up and asked back, not per cents: with a place
//! less no request of ours is refused, and none of theirs, while at any pace in between both happen
//! again and again, and each 429 costs a pause in which all places stay empty.
//!
//! - **A first 429** where nothing was refused before may be jitter, or a single request of
//!   somebody: a twentieth is given up and comes back in twelve windows.
//! - **Another one during these** is no jitter, for that twentieth kept our requests further apart
//!   than they need be. A place is given up.
//! - **What is held is held for a while**, the longer the more often more was refused. Then more is
//!   tried, slowly at first: just above a whole number of places a client that is still there shows
//!   at once, as a 429 of ours and not as one of its own. Refused, what was held before is held on;
//!   else the pace grows the faster the longer nothing happens, up to all places.
//!
//! - **What was given up in vain is taken back.** Where less than half is left and 429s still come as
//!   soon one after the other as when all places were used, they are not about the pace: a server
//!   refuses at random, or the account is full without us. For a while they cost their pauses alone.
//!
//! Time is counted in clean replies, as windows that they fill: silence and pauses prove nothing.

/// What is left after a first 429. Enough for a few tens of milliseconds between what is surely
/// fine and what is sent; little enough that single 429s cost no more than their pause does.
const DIP: f64 = 0.95;
/// Windows until that is back: a 429 in this time is a second one, a later one is a first again.
const RETURN: f64 = 12.0;
/// Windows for which places are held before more is tried, the first time. Short, so that a false
/// alarm costs seconds.
const HOLD_FIRST: f64 = 12.0;
/// The factor by which each refusal lengthens that, and the longest: a client that stays is asked
/// every two minutes, which costs a hundredth, and one that has left is noticed in as many.
const HOLD_GROWS: f64 = 3.0;
const HOLD_MAX: f64 = 120.0;
/// Windows until one further place is taken; after twice as many it is four. Long enough to meet a
/// client that comes every five seconds.
const RISE: f64 = 10.0;
/// The least: an eighth of all places in whole ones, else one request in two windows. Less would
/// help nobody, as the pauses after 429s grow by themselves.
const LEAST_PART: f64 = 8.0;
const LEAST: f64 = 0.5;

/// Where this part of the places is left, or one, it is asked whether giving up helped...
const LITTLE: f64 = 0.4;
/// ...that is, whether more than so many times the clean replies came between two 429s...
const HELPED: f64 = 2.0;
/// ...and if not, 429s change nothing for so many windows.
const IN_VAIN: f64 = 60.0;

/// The share, and what it was learned from.
#[derive(Debug)]
pub(super) struct Share {
    all: f64,
    least: f64,
    /// Places that are held: a whole number of them, or [`LEAST`] of one.
    held: f64,
    mood: Mood,
    /// Windows that clean replies have filled in this mood.
    calm: f64,
    /// Windows for which `held` is held.
    hold: f64,
    /// Clean replies since the last 429, and as many as came between the two by which the first
    /// place was given up.
    clean: f64,
    clean_before: f64,
    /// Windows for which 429s change nothing.
    in_vain: f64,
}

#[derive(Debug, Clone, Copy)]
enum Mood {
    /// What is held, and after a while more.
    Steady,
    /// On the way back to what is held, after a first 429.
    Dipped,
}

impl Share {
    /// All of `count` places.
    pub(super) fn of(count: usize) -> Self {
        let all = count.max(1) as f64;
        let least = (all / LEAST_PART).floor().max(LEAST);
        Self {
            all,
            least,
            held: all,
            mood: Mood::Steady,
            calm: 0.0,
            hold: HOLD_FIRST,
            clean: 0.0,
            clean_before: 0.0,
            in_vain: 0.0,
        }
    }

    /// Places that may be used in a window; a fraction means that many in a longer one.
    pub(super) fn places(&self) -> f64 {
        match self.mood {
            Mood::Steady => {
                let rise = (self.calm - self.hold).max(0.0) / RISE;
                (self.held + rise * rise).min(self.all)
            }
            Mood::Dipped => self.held * (DIP + (1.0 - DIP) * (self.calm / RETURN).min(1.0)),
        }
    }

    /// Whether something is left to others.
    pub(super) fn is_part(&self) -> bool {
        self.places() < self.all
    }

    /// A request came back clean.
    pub(super) fn clean(&mut self) {
        let windows = 1.0 / self.places();
        self.clean += 1.0;
        self.in_vain -= windows;
        self.calm += windows;
        match self.mood {
            Mood::Dipped if self.calm >= RETURN => self.turn(Mood::Steady),
            Mood::Steady if !self.is_part() => {
                self.held = self.all;
                self.turn(Mood::Steady);
            }
            Mood::Dipped | Mood::Steady => {}
        }
    }

    /// A request came back with 429.
    pub(super) fn refused(&mut self) {
        let clean = std::mem::take(&mut self.clean);
        if self.in_vain > 0.0 {
            return;
        }
        let places = self.places();
        // The whole number below.
        let below = places.ceil() - 1.0;
        match self.mood {
            Mood::Dipped
                if self.held <= (self.all * LITTLE).max(1.0)
                    && self.held < self.all
                    && clean <= self.clean_before * HELPED =>
            {
                self.held = self.all;
                self.hold = HOLD_FIRST;
                self.in_vain = IN_VAIN;
                self.turn(Mood::Steady);
            }
            Mood::Dipped => {
                if self.held >= self.all {
                    self.clean_before = clean;
                }
                // Of many places one would be too little at a time.
                self.held = below.min((places * DIP).floor()).max(self.least);
                self.hold = HOLD_FIRST;
                self.turn(Mood::Steady);
            }
            Mood::Steady if places > self.held => {
                self.held = below.max(self.held);
                self.hold = (self.hold * HOLD_GROWS).min(HOLD_MAX);
                self.turn(Mood::Steady);
            }
            Mood::Steady => self.turn(Mood::Dipped),
        }
    }

    fn turn(&mut self, mood: Mood) {
        self.mood = mood;
        self.calm = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of clean replies until `enough`.
    fn windows(share: &mut Share, enough: impl Fn(f64) -> bool) -> f64 {
        let mut windows = 0.0;
        while !enough(share.places()) {
            windows += 1.0 / share.places();
            share.clean();
            assert!(windows < 1e4, "{share:?}");
        }
        windows
    }

    #[test]
    fn a_lone_429_costs_a_twentieth_for_twelve_windows() {
        let mut share = Share::of(3);
        share.refused();
        assert!((2.8..2.9).contains(&share.places()) && share.is_part());
        let back = windows(&mut share, |places| places >= 3.0);
        assert!((11.0..13.0).contains(&back), "{back}");
        assert!(!share.is_part());
        // And the next one is a first one again.
        share.refused();
        assert!(share.places() > 2.8);
    }

    #[test]
    fn a_second_429_gives_a_place_up_and_it_is_asked_back_ever_later() {
        let mut share = Share::of(3);
        share.refused();
        share.clean();
        share.refused();
        for hold in [12.0, 36.0, 108.0, 120.0, 120.0] {
            assert_eq!(share.places(), 2.0);
            let held = windows(&mut share, |places| places > 2.0);
            assert!((hold - 1.0..hold + 2.0).contains(&held), "{held}");
            share.refused();
        }
        // Now nobody is there any more.
        assert!(windows(&mut share, |places| places >= 3.0) < 140.0);
        assert!(!share.is_part());
    }

    #[test]
    fn the_next_place_that_is_given_up_is_asked_back_as_soon_as_the_first() {
        let mut share = Share::of(3);
        for _ in 0..2 {
            share.refused();
        }
        windows(&mut share, |places| places > 2.0);
        // The same client, and then a second one.
        for places in [2.0, 1.9, 1.0] {
            share.refused();
            assert_eq!(share.places(), places);
        }
        let held = windows(&mut share, |places| places > 1.0);
        assert!((11.0..14.0).contains(&held), "{held}");
    }

    #[test]
    fn a_place_that_was_tried_without_a_429_is_kept() {
        let mut share = Share::of(3);
        for _ in 0..4 {
            share.refused();
        }
        assert_eq!(share.places(), 1.0);
        windows(&mut share, |places| places > 2.1);
        share.refused();
        assert_eq!(share.places(), 2.0);
    }

    #[test]
    fn of_many_places_a_twentieth_is_given_up_and_they_are_soon_back() {
        let mut share = Share::of(50);
        share.refused();
        share.refused();
        assert_eq!(share.places(), 45.0);
        while share.places() > 25.0 {
            share.refused();
        }
        assert!(windows(&mut share, |places| places >= 50.0) < 100.0);
    }

    #[test]
    fn whatever_comes_the_share_stays_within_its_bounds() {
        let mut rng = fastrand::Rng::with_seed(1);
        for count in [0, 1, 2, 3, 50, 1000] {
            let mut share = Share::of(count);
            let all = count.max(1) as f64;
            for _ in 0..5_000 {
                match rng.u8(..8) {
                    0 => share.refused(),
                    _ => share.clean(),
                }
                let places = share.places();
                assert!((share.least * DIP..=all).contains(&places), "{share:?}");
                assert!(share.held == LEAST || share.held.fract() == 0.0, "{share:?}");
            }
            assert!(windows(&mut share, |places| places >= all) < 500.0);
        }
    }

    #[test]
    fn what_helps_is_kept_down_to_the_least() {
        for count in [1, 2, 3, 50] {
            let mut share = Share::of(count);
            // Ever fewer 429s: each place that is given up more than doubles the time to the next.
            for clean in 0..200 {
                share.refused();
                share.refused();
                share.clean_before = -1.0;
                (0..clean.min(3)).for_each(|_| share.clean());
            }
            assert!(share.places() <= (count as f64 / 8.0).max(LEAST), "{share:?}");
        }
    }

    #[test]
    fn what_was_given_up_in_vain_is_taken_back_for_a_while() {
        for count in [2, 3, 10, 50] {
            let mut share = Share::of(count);
            let all = count as f64;
            let mut refused = 0;
            // Every tenth request, whatever the pace.
            while share.in_vain <= 0.0 {
                (0..9).for_each(|_| share.clean());
                share.refused();
                refused += 1;
                assert!(refused < 60, "{share:?}");
            }
            assert_eq!(share.places(), all);
            share.refused();
            assert_eq!(share.places(), all, "nothing changes");
            while share.in_vain > 0.0 {
                share.clean();
            }
            share.refused();
            assert!(share.places() < all, "and then it is a first one again");
        }
    }
}
