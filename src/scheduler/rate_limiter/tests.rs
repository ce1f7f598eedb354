//! The pace: how much of the limit is used under jitter, how it is shared with another client of the
//! account, and what holds at any rate.

use super::simulation::{Habit, OtherClient, Simulation};
use super::*;

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
        for mean in [short.mean(&case, 12), long.mean(&case, 2)] {
            assert!(mean.own >= least, "{case}: {mean:?}");
            assert!(mean.rejected <= 0.005, "{case}: {mean:?}");
        }
        assert!(short.run(0).worst_window <= 3);
    }
}

#[test]
fn a_slow_api_does_not_lower_the_pace() {
    let mean = Simulation { work: 2000.0, rows: 2_000, ..ALONE }.mean("2 s latency", 2);
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
            let mean = beside(every, habit, rows).mean(&case, seeds);
            assert!(mean.sum >= least, "{case}, {rows} rows: {mean:?}");
            assert!(mean.rejected <= most, "{case}, {rows} rows: {mean:?}");
        }
    }
}

#[test]
fn single_429s_cost_seconds() {
    // One in a minute takes a second's pause, and the odd second one in a row.
    let mean = Simulation { stray: 0.005, ..ALONE }.mean("one of 200 refused", 4);
    assert!(mean.own >= 2.82, "{mean:?}");
}

/// The pauses alone would leave 2.77, 2.55 and 2.2 rows a second. Rejections that have nothing to do
/// with the pace are taken for another client; at least the last slot stays in use.
#[test]
fn refusals_at_random_do_not_wear_the_pace_down() {
    for (stray, least) in [(0.02, 1.9), (0.05, 1.2), (0.1, 0.9)] {
        for rows in [600, 5_000] {
            let mean = Simulation { stray, rows, ..ALONE }.mean(&format!("{stray} refused"), 8);
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
    for from in (0..660).step_by(30) {
        let from = f64::from(from);
        println!("{from} s: {:.2} rows/s", own(from, from + 30.0));
    }
    assert!(own(0.0, 120.0) > 2.9);
    assert!(own(210.0, 420.0) > 1.8);
    assert!(own(480.0, 660.0) > 2.9);
}

#[test]
fn any_rate_is_followed() {
    for rate in [0.2, 1.0, 2.5, 7.0, 50.0] {
        let alone = Simulation { rate, way: (0.0, 1.0), rows: 1_000, ..ALONE };
        let figures = alone.run(1);
        println!("{rate}: {:.3}", figures.own());
        if rate >= 1.0 {
            assert!(figures.own() > rate * 0.9, "{rate}");
        }
        assert!(figures.own() < rate * 1.05, "{rate}");
    }
    // Without a server that would have to agree.
    let origin = Instant::now();
    let mut limiter = RateLimiter::new(Rate::PerSecond(2.5), origin);
    let (mut now, mut sent) = (origin, 0);
    while now < origin + Duration::from_secs(100) {
        match limiter.take(now) {
            Ok(permit) => {
                sent += 1;
                limiter.on_result(permit, now, RequestResult::Answered);
            }
            Err(later) => now = later,
        }
    }
    assert!((245..=252).contains(&sent), "{sent}");
}

#[test]
fn any_rate_is_shared() {
    for (rate, every, least) in
        [(0.2, 12.0, 0.14), (1.0, 5.0, 0.9), (2.5, 1.0, 2.1), (50.0, 0.1, 42.0)]
    {
        let shared = Simulation { rate, way: (0.0, 2.0), ..beside(every, Habit::Pauses, 1_000) };
        let mean = shared.mean(&format!("{rate}/s, another client every {every} s"), 2);
        assert!(mean.sum >= least, "{rate}: {mean:?}");
    }
}

#[test]
fn no_burst_leaves_after_a_stall() {
    let origin = Instant::now();
    let mut limiter = RateLimiter::new(Rate::DEFAULT, origin);
    let stall = origin + Duration::from_secs(3600);
    assert!(limiter.take(stall).is_ok());
    let next = limiter.take(stall).unwrap_err();
    assert!(next - stall >= Duration::from_millis(130), "{:?}", next - stall);
    assert!(limiter.take(next).is_ok());
}

#[test]
fn a_429_slows_down_and_clean_replies_recover() {
    let origin = Instant::now();
    let mut limiter = RateLimiter::new(Rate::DEFAULT, origin);
    let mut now = origin;
    let mut step = |limiter: &mut RateLimiter, result| {
        let permit = loop {
            match limiter.take(now) {
                Ok(permit) => break permit,
                Err(later) => now = later,
            }
        };
        now += Duration::from_millis(10);
        limiter.on_result(permit, now, result);
    };
    step(&mut limiter, RequestResult::Limited);
    step(&mut limiter, RequestResult::Limited);
    assert_eq!(limiter.target(), Some(3.0), "the first one left alone");
    step(&mut limiter, RequestResult::Answered);
    step(&mut limiter, RequestResult::Limited);
    assert_eq!(limiter.target(), Some(2.0));
    for _ in 0..2000 {
        step(&mut limiter, RequestResult::Answered);
    }
    assert_eq!(limiter.target(), Some(3.0));
}

#[test]
fn replies_to_requests_sent_before_a_429_change_nothing() {
    let origin = Instant::now();
    let mut limiter = RateLimiter::new(Rate::DEFAULT, origin);
    let mut now = origin;
    let mut leave = |limiter: &mut RateLimiter| loop {
        match limiter.take(now) {
            Ok(permit) => break permit,
            Err(later) => now = later,
        }
    };
    let [_first, second, third, fourth] = [(); 4].map(|()| leave(&mut limiter));
    let back = origin + Duration::from_secs(2);
    limiter.on_result(second, back, RequestResult::Limited);
    let slowed = limiter.target();
    limiter.on_result(third, back, RequestResult::Limited);
    limiter.on_result(fourth, back, RequestResult::Answered);
    assert_eq!(limiter.target(), slowed);
}

/// The next permit, as early as there is one.
fn leave(limiter: &mut RateLimiter, now: &mut Instant) -> Permit {
    loop {
        match limiter.take(*now) {
            Ok(permit) => break permit,
            Err(later) => *now = later,
        }
    }
}

#[test]
fn silence_brings_no_pace_back() {
    let mut now = Instant::now();
    let mut limiter = RateLimiter::new(Rate::DEFAULT, now);
    let mut end = |limiter: &mut RateLimiter, result| {
        let permit = leave(limiter, &mut now);
        now += Duration::from_millis(10);
        limiter.on_result(permit, now, result);
    };
    end(&mut limiter, RequestResult::Limited);
    let slowed = limiter.target();
    for _ in 0..200 {
        end(&mut limiter, RequestResult::Unanswered);
    }
    assert_eq!(limiter.target(), slowed);
}

/// The server counted a request at the latest when its answer left.
#[test]
fn a_slot_is_free_a_window_after_the_latest_instant_at_which_it_was_counted() {
    let ms = Duration::from_millis;
    let free_after = |limiter: &mut RateLimiter, sent: Instant| match limiter.take(sent) {
        Ok(_) => panic!("at once"),
        Err(later) => later - sent,
    };
    let origin = Instant::now();
    for (answer, expected) in [
        // Before the network is known, a usual delay is assumed.
        (None, ms(1151)),
        (Some((ms(30), RequestResult::Answered)), ms(1031)),
        (Some((ms(900), RequestResult::Answered)), ms(1151)),
    ] {
        let mut limiter = RateLimiter::new(Rate::PerSecond(1.0), origin);
        let permit = limiter.take(origin).unwrap();
        if let Some((after, result)) = answer {
            limiter.on_result(permit, origin + after, result);
        }
        assert_eq!(free_after(&mut limiter, origin), expected, "{answer:?}");
    }

    let mut limiter = RateLimiter::new(Rate::PerSecond(1.0), origin);
    let mut now = origin;
    for _ in 0..ROUND_TRIPS_NEEDED {
        let permit = leave(&mut limiter, &mut now);
        limiter.on_result(permit, now + ms(20), RequestResult::Answered);
    }
    // The shortest round trip took 20 ms; the rest of the wait may have been delay on the way.
    let permit = leave(&mut limiter, &mut now);
    assert_eq!(free_after(&mut limiter, now), ms(1001));
    limiter.on_result(permit, now + ms(3000), RequestResult::Unanswered);
    assert_eq!(free_after(&mut limiter, now), ms(1000 + 2980 + 1));
    // Once the network is slower for good, the old shortest round trip is forgotten.
    for _ in 0..ROUND_TRIPS_KEPT {
        let permit = leave(&mut limiter, &mut now);
        limiter.on_result(permit, now + ms(80), RequestResult::Answered);
    }
    assert_eq!(free_after(&mut limiter, now), ms(1001));
}

#[test]
fn a_request_that_never_left_gives_its_slot_back() {
    let origin = Instant::now();
    let mut limiter = RateLimiter::new(Rate::PerSecond(1.0), origin);
    let permit = limiter.take(origin).unwrap();
    limiter.on_result(permit, origin, RequestResult::NotSent);
    let later = origin + Duration::from_millis(700);
    assert!(limiter.take(later).is_ok());
}

#[test]
fn unlimited_never_waits() {
    let now = Instant::now();
    let mut limiter = RateLimiter::new(Rate::Unlimited, now);
    for _ in 0..100 {
        assert!(limiter.take(now).is_ok());
    }
    assert_eq!(limiter.target(), None);
}

/// What was turned down: a request every so many seconds, whatever the network does.
#[test]
fn a_fixed_spacing_is_refused_or_slow() {
    let rejected = |spacing: f64, (low, high): (f64, f64)| {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut arrivals: Vec<f64> =
            (0..20_000).map(|n| f64::from(n) * spacing + low + rng.f64() * (high - low)).collect();
        arrivals.sort_unstable_by(f64::total_cmp);
        let mut counted: Vec<f64> = Vec::new();
        for &at in &arrivals {
            if counted.iter().rev().nth(2).is_none_or(|third| at - third >= 1.0) {
                counted.push(at);
            }
        }
        let part = 1.0 - counted.len() as f64 / arrivals.len() as f64;
        println!("every {spacing} s, {low}-{high} s: {:.1} % rejected", part * 100.0);
        part
    };
    for way in [(0.0, 0.005), (0.005, 0.02), (0.005, 0.06), (0.02, 0.12)] {
        assert!((0.1..0.25).contains(&rejected(0.334, way)), "{way:?}");
        assert!(rejected(0.36, way) < 0.03, "{way:?}");
    }
}
