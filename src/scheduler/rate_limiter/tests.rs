//! The pace: how much of the limit is used under jitter, how it is shared with another client of the
//! account, and what holds at any rate.

use super::simulation::{Habit, OtherClient, Simulation};
use super::*;
use crate::api::Cause;

const ALONE: Simulation =
    Simulation { rate: 3.0, way: (5.0, 20.0), work: 0.0, rows: 5_000, stray: 0.0, other: None };

/// Beside another client that is active before our run begins, and until after it.
fn beside(every: f64, habit: Habit, rows: usize) -> Simulation {
    let active = (-5.0 - every, f64::INFINITY);
    Simulation { rows, other: Some(OtherClient { every, habit, active }), ..ALONE }
}

#[test]
fn the_quota_is_used_to_the_last_per_cent_under_jitter() {
    for (low, high, least) in
        [(0.0, 5.0, 2.95), (5.0, 20.0, 2.90), (5.0, 60.0, 2.80), (20.0, 120.0, 2.65)]
    {
        let case = format!("{low}-{high} ms");
        let long = Simulation { way: (low, high), ..ALONE };
        let short = Simulation { rows: 600, ..long };
        for mean in [short.mean(12), long.mean(2)] {
            assert!(mean.own >= least, "{case}: {mean:?}");
            assert!(mean.rejected <= 0.005, "{case}: {mean:?}");
        }
        assert!(short.run(0).worst_window <= 3);
    }
}

#[test]
fn a_slow_api_does_not_lower_the_pace() {
    let mean = Simulation { work: 2000.0, rows: 2_000, ..ALONE }.mean(2);
    assert!(mean.own >= 2.85, "{mean:?}");
    assert!(mean.rejected <= 0.01, "{mean:?}");
}

#[test]
fn another_client_of_the_account_is_left_its_share() {
    // The least sum and the most rejections. A client that comes seldom is mostly rejected while all
    // slots are used: that rejects no request of ours, so the limiter cannot notice it.
    for (every, habit, least, most) in [
        (1.0, Habit::Pauses, 2.8, 0.05),
        (1.0, Habit::Clock, 2.54, 0.17),
        (5.0, Habit::Pauses, 2.85, 0.07),
        (2.0, Habit::Pauses, 2.7, 0.15),
        (0.5, Habit::Pauses, 2.8, 0.05),
    ] {
        let case = format!("another client, {habit:?} {every} s");
        for (rows, seeds) in [(360, 20), (5_000, 2)] {
            let mean = beside(every, habit, rows).mean(seeds);
            assert!(mean.sum >= least, "{case}, {rows} rows: {mean:?}");
            assert!(mean.rejected <= most, "{case}, {rows} rows: {mean:?}");
        }
    }
}

/// Rejections that have nothing to do with the pace. Of the single ones each takes a second's pause,
/// and the odd second one in a row. With more, the pauses alone would leave 2.77, 2.55 and 2.2 rows a
/// second; they are taken for another client, but at least the last slot stays in use.
#[test]
fn rejections_at_random_do_not_wear_the_pace_down() {
    for (stray, least) in [(0.005, 2.82), (0.02, 1.9), (0.05, 1.2), (0.1, 0.9)] {
        for (rows, seeds) in [(600, 8), (5_000, 8)] {
            let mean = Simulation { stray, rows, ..ALONE }.mean(seeds);
            assert!(mean.own >= least, "{stray}, {rows} rows: {mean:?}");
        }
    }
}

#[test]
fn a_client_that_comes_is_made_room_for_and_one_that_goes_leaves_its_room() {
    let other = OtherClient { every: 1.0, habit: Habit::Pauses, active: (120.0, 420.0) };
    let visited = Simulation { rows: 1_800, other: Some(other), ..ALONE };
    let runs: Vec<_> = (0..6).map(|seed| visited.run(seed)).collect();
    let own = |from, to| runs.iter().map(|run| run.own_between(from, to)).sum::<f64>() / 6.0;
    assert!(own(0.0, 120.0) > 2.9);
    assert!(own(210.0, 420.0) > 1.8);
    assert!(own(480.0, 660.0) > 2.9);
}

#[test]
fn any_rate_is_followed() {
    for rate in [0.2, 1.0, 2.5, 7.0, 50.0] {
        let alone = Simulation { rate, way: (0.0, 1.0), rows: 1_000, ..ALONE };
        let figures = alone.run(1);
        if rate >= 1.0 {
            assert!(figures.own() > rate * 0.9, "{rate}");
        }
        assert!(figures.own() < rate * 1.05, "{rate}");
    }
    // Without a server that would have to agree: 250 requests in 100 s.
    let mut driver = Driver::at(Rate::PerSecond(2.5));
    let began = driver.now;
    driver.request(250, Duration::ZERO, Reply::Accepted);
    let took = (driver.now - began).as_secs_f64();
    assert!((99.0..=102.0).contains(&took), "{took}");
}

#[test]
fn any_rate_is_shared() {
    for (rate, every, least) in
        [(0.2, 12.0, 0.14), (1.0, 5.0, 0.9), (2.5, 1.0, 2.1), (50.0, 0.1, 42.0)]
    {
        let shared = Simulation { rate, way: (0.0, 2.0), ..beside(every, Habit::Pauses, 1_000) };
        let mean = shared.mean(2);
        assert!(mean.sum >= least, "{rate}: {mean:?}");
    }
}

const LIMITED: Reply = Reply::Limited { retry_after: None };

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A limiter whose requests leave as early as they may.
struct Driver {
    limiter: RateLimiter,
    now: Instant,
}

impl Driver {
    fn at(rate: Rate) -> Self {
        let now = Instant::now();
        Self { limiter: RateLimiter::new(rate, now), now }
    }

    fn leave(&mut self) -> Permit {
        loop {
            match self.limiter.take(self.now) {
                Ok(permit) => break permit,
                Err(later) => self.now = later,
            }
        }
    }

    /// Requests one after the other, each with this reply after `after`.
    fn request(&mut self, count: usize, after: Duration, reply: Reply) {
        for _ in 0..count {
            let permit = self.leave();
            self.now += after;
            self.limiter.on_reply(permit, self.now, reply);
        }
    }

    /// From now until the next request may leave.
    fn wait(&mut self) -> Duration {
        self.limiter.take(self.now).unwrap_err() - self.now
    }
}

#[test]
fn no_burst_leaves_after_a_stall() {
    let mut driver = Driver::at(Rate::DEFAULT);
    driver.now += Duration::from_secs(3600);
    let _first = driver.leave();
    let wait = driver.wait();
    assert!(wait >= ms(130), "{wait:?}");
    driver.now += wait;
    assert!(driver.limiter.take(driver.now).is_ok());
}

#[test]
fn a_429_slows_down_and_clean_replies_recover_but_silence_does_not() {
    let mut driver = Driver::at(Rate::DEFAULT);
    driver.request(2, ms(10), LIMITED);
    assert_eq!(driver.limiter.target(), Some(3.0), "the first one left alone");
    driver.request(1, ms(10), Reply::Accepted);
    driver.request(1, ms(10), LIMITED);
    assert_eq!(driver.limiter.target(), Some(2.0));
    driver.request(200, ms(10), Reply::Ambiguous);
    assert_eq!(driver.limiter.target(), Some(2.0));
    driver.request(2000, ms(10), Reply::Refused);
    assert_eq!(driver.limiter.target(), Some(3.0));

    // Of many slots a quarter is given up at a time, and they are back soon.
    let mut driver = Driver::at(Rate::PerSecond(50.0));
    for target in [50.0, 50.0, 37.0, 27.0, 20.0] {
        driver.request(1, ms(10), LIMITED);
        assert_eq!(driver.limiter.target(), Some(target));
    }
    driver.request(16 * 40 * 8, ms(10), Reply::Accepted);
    assert_eq!(driver.limiter.target(), Some(50.0));
}

#[test]
fn replies_to_requests_sent_before_a_429_change_nothing() {
    let mut driver = Driver::at(Rate::DEFAULT);
    let [_first, second, third, fourth] = [(); 4].map(|()| driver.leave());
    let Driver { mut limiter, now } = driver;
    let back = now + Duration::from_secs(1);
    limiter.on_reply(second, back, LIMITED);
    let slowed = limiter.target();
    limiter.on_reply(third, back, LIMITED);
    limiter.on_reply(fourth, back, Reply::Accepted);
    assert_eq!(limiter.target(), slowed);
}

/// The server counted a request at the latest when its answer left.
#[test]
fn a_slot_is_free_a_window_after_the_latest_instant_at_which_it_was_counted() {
    for (answer, expected) in [
        // Before the network is known, a usual delay is assumed.
        (None, 1151),
        (Some((30, Reply::Accepted)), 1031),
        (Some((900, Reply::Accepted)), 1151),
        // A request that never left gives its slot back; what is left is the least distance.
        (Some((0, Reply::NotSent(Cause::Unreachable))), 400),
    ] {
        let mut driver = Driver::at(Rate::PerSecond(1.0));
        let permit = driver.leave();
        if let Some((after, reply)) = answer {
            driver.limiter.on_reply(permit, driver.now + ms(after), reply);
        }
        assert_eq!(driver.wait(), ms(expected), "{answer:?}");
    }

    let mut driver = Driver::at(Rate::PerSecond(1.0));
    driver.request(ROUND_TRIPS_NEEDED, ms(20), Reply::Accepted);
    // The shortest round trip took 20 ms; the rest of the wait may have been delay on the way.
    let permit = driver.leave();
    assert_eq!(driver.wait(), ms(1001));
    driver.limiter.on_reply(permit, driver.now + ms(3000), Reply::Ambiguous);
    assert_eq!(driver.wait(), ms(1000 + 2980 + 1));
    // Once the network is slower for good, the old shortest round trip is forgotten.
    driver.request(ROUND_TRIPS_KEPT, ms(80), Reply::Accepted);
    assert_eq!(driver.wait(), ms(1001 - 80));
}

#[test]
fn unlimited_never_waits() {
    let mut driver = Driver::at(Rate::Unlimited);
    let began = driver.now;
    driver.request(100, Duration::ZERO, Reply::Accepted);
    assert_eq!((driver.now, driver.limiter.target()), (began, None));
}
