//! Which rows are sent, when, and how often.

use super::*;
use crate::scheduler::window::WINDOW_ROWS;

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_without_touching_rows() {
    let began = Instant::now();
    let fake = FakeTransport::new(move |_, _| match began.elapsed() < Duration::from_secs(200) {
        true => (Duration::ZERO, AWAY, "recusada"),
        false => OK,
    });
    let finished = go(&fake, None, options(), customers(20), None).await;
    assert!(finished.rows.iter().all(|o| o.situacao == Situacao::Atualizado && o.tentativas == 1));
    // Half a minute of doubling, then one probe every 15 s: not a storm of connections.
    assert!(fake.sent().len() < 20 + 40, "{}", fake.sent().len());
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_rows_and_the_rest_is_not_sent() {
    let fake = FakeTransport::new(|_, number| match number {
        1 => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        _ => OK,
    });
    let mut updates = vec![invalid()];
    updates.extend(customers(9));
    for rate in [Rate::Unlimited, Rate::DEFAULT] {
        fake.log.lock().unwrap().clear();
        let limited = SchedulerOptions { limit: Some(3), rate, ..options() };
        let finished = go(&fake, None, limited, updates.clone(), None).await;
        let ended = [Situacao::Invalido, Situacao::Atualizado, Situacao::NaoEnviado];
        assert_eq!(ended.map(|situacao| finished.count(situacao)), [1, 3, 6]);
        assert_eq!(finished.stop, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_limiter_uses_the_round_trips() {
    let fake = FakeTransport::new(|_, _| OK);
    let began = Instant::now();
    let paced = SchedulerOptions { rate: Rate::DEFAULT, ..options() };
    go(&fake, None, paced, customers(90), None).await;
    // What is reckoned with while nothing is known would make it 33 s.
    let took = began.elapsed();
    assert!((29..31).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_was_sent_before_goes_before_new_ones() {
    let limited = Reply::Limited { retry_after: None };
    let fake = FakeTransport::new(move |name, number| match (name, number) {
        ("c0@x", 1) => (Duration::from_millis(1), limited, "429"),
        _ => OK,
    });
    let one = SchedulerOptions { concurrency: 1, ..options() };
    go(&fake, None, one, customers(3), None).await;
    assert_eq!(fake.sent(), ["c0@x", "c0@x", "c1@x", "c2@x"]);
}

#[tokio::test(start_paused = true)]
async fn rows_run_no_further_ahead_of_a_slow_one_than_the_window_is_long() {
    let slow = Duration::from_secs(3600);
    let fake = FakeTransport::new(move |name, _| match name {
        "c0@x" => (slow, Reply::Accepted, "ok"),
        _ => OK,
    });
    let began = Instant::now();
    go(&fake, None, options(), customers(2000), None).await;
    let ahead = fake.log.lock().unwrap().iter().filter(|(at, _)| *at < began + slow).count();
    // And what came together with the last that fits.
    assert!((WINDOW_ROWS..WINDOW_ROWS + 7).contains(&ahead), "{ahead}");
}

/// Nothing wakes the scheduler once the last reply is in and the input has ended.
#[tokio::test(start_paused = true)]
async fn rows_beyond_the_limit_that_wait_for_one_another_all_get_their_verdict() {
    let a_chain = [("a@x", "b@x"), ("b@x", "c@x"), ("c@x", "d@x")]
        .map(|(from, to)| update(from, Some(to)))
        .into_iter();
    for (updates, limit) in [
        ((0..5).map(|_| update("a@x", None)).collect::<Vec<_>>(), 0),
        ((0..5).map(|_| update("a@x", None)).collect(), 1),
        (customers(1).into_iter().chain((0..5).map(|_| update("b@x", None))).collect(), 1),
        (customers(1).into_iter().chain(a_chain).collect(), 1),
    ] {
        let fake = FakeTransport::new(|_, _| OK);
        let rows = updates.len();
        let limited = SchedulerOptions { limit: Some(limit), ..options() };
        let run = go(&fake, None, limited, updates, None);
        let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
        let unsent = finished.count(Situacao::NaoEnviado);
        assert_eq!((fake.sent().len() as u64, unsent as u64), (limit, rows as u64 - limit));
        assert_eq!(finished.stop, None);
    }
}
