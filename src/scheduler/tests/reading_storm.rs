//! Storms: the server changes its mood every few seconds, for updates and for readings apart, until it
//! is well. Whatever the options and whenever a stop comes, a run ends, each row has one verdict, and
//! no customer is read more than three times.
//!
//! More seeds: `STORM_SEEDS=5000 cargo test --lib storm`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::reading::{not_found, with_campo};
use super::*;

const ROWS: usize = 40;
/// The moods of a storm, and how long it lasts at most.
const MOODS: usize = 60;
const MOOD_MAX: u64 = 20;

/// What a server does with a request for a while: how long it takes in milliseconds, and the reply.
type Mood = (u64, Reply);

fn moods(rng: &mut fastrand::Rng) -> Vec<(Duration, Mood)> {
    let mut until = Duration::ZERO;
    let mut moods = Vec::new();
    for _ in 0..rng.usize(..MOODS) {
        until += Duration::from_millis(rng.u64(1..MOOD_MAX * 1000));
        let limited = Reply::Limited { retry_after: None };
        let kinds = [
            (20, Reply::Accepted),
            (900, Reply::Accepted),
            (5, Reply::Refused),
            (5, Reply::Ambiguous),
            (60_000, Reply::Ambiguous),
            (1, AWAY),
            (2, limited),
        ];
        moods.push((until, kinds[rng.usize(..kinds.len())]));
    }
    moods
}

fn mood_at(moods: &[(Duration, Mood)], at: Duration) -> Mood {
    let mood = moods.iter().find(|(until, _)| at < *until);
    mood.map_or((20, Reply::Accepted), |(_, mood)| *mood)
}

/// Rows of different customers, a few of them renames or without a custom field.
fn rows(rng: &mut fastrand::Rng) -> Vec<UpdateResult> {
    let row = |n: usize| match rng.u8(..8) {
        0 => update(&format!("c{n}@x"), Some(&format!("r{n}@x"))),
        1 => update(&format!("c{n}@x"), None),
        _ => with_campo(&format!("c{n}@x"), "Ouro"),
    };
    (0..ROWS).map(row).collect()
}

/// What a reading shows when it is answered: somebody else's values, the row's, or nothing.
fn shown(name: &str, rng: &mut fastrand::Rng) -> String {
    if name.is_empty() {
        let fields = json!([{"id": "9", "name": "Plano", "value": null}]);
        let page = json!([{"name": "n", "email": "n@x", "custom_fields": fields}]);
        return json!({"error": false, "data": page, "size": 1, "pages": 1}).to_string();
    }
    let fields = match rng.u8(..4) {
        0 => json!([]),
        1 => json!([{"name": "Plano", "value": "Prata"}]),
        _ => json!([{"name": "Plano", "value": "Ouro"}]),
    };
    let nome = if rng.u8(..8) == 0 { "outro" } else { "n" };
    let record = json!({"name": nome, "email": name, "custom_fields": fields});
    match rng.u8(..8) {
        0 => not_found().2,
        1 => json!({"error": false, "data": [{"name": nome, "email": name}]}).to_string(),
        _ => json!({"error": false, "data": [record]}).to_string(),
    }
}

async fn storm(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (updates, reads) = (moods(&mut rng), moods(&mut rng));
    let start = Instant::now();
    let of_shown = Mutex::new(rng.fork());
    let fake = FakeTransport::new(move |_, _| {
        let (delay, reply) = mood_at(&updates, start.elapsed());
        (Duration::from_millis(delay), reply, "m")
    })
    .reading(move |name, _| {
        let (delay, reply) = mood_at(&reads, start.elapsed());
        let body = shown(name, &mut of_shown.lock().unwrap());
        (Duration::from_millis(delay), reply, body)
    });
    let fields = with_campo("c@x", "Ouro").unwrap();
    let options = SchedulerOptions {
        rate: if rng.bool() { Rate::DEFAULT } else { Rate::Unlimited },
        concurrency: rng.usize(1..9),
        limit: (rng.u8(..4) == 0).then(|| rng.u64(..30)),
        max_errors: (rng.u8(..8) == 0).then_some(5),
        breaker: rng.bool(),
        give_up_after: Duration::from_secs(rng.u64(5..400)),
        verify: rng.usize(..6),
        fields: fields.values().map(|(field, _)| field.clone()).collect(),
        settle_wait: Duration::from_secs(rng.u64(..3) * 15),
        ..options()
    };
    let stop_after = (rng.u8(..3) == 0).then(|| Duration::from_millis(rng.u64(..90_000)));
    let ledger = rng.bool().then(FakeLedger::default);
    let rows = rows(&mut rng);
    let limit = options.limit;
    let run = go(&fake, ledger.clone(), options, rows, stop_after);
    let finished = tokio::time::timeout(Duration::from_secs(4 * 3600), run).await;
    let Ok(finished) = finished else { panic!("seed {seed}: the run never ends") };
    // Nothing is read after a stop, no more rows are sent than allowed, and each intent has its outcome.
    let reads = fake.read_log.lock().unwrap().clone();
    assert_eq!(finished.reads, reads.len(), "seed {seed}");
    let is_late = |at: Instant| stop_after.is_some_and(|after| at > start + after);
    assert!(reads.iter().all(|(at, _)| !is_late(*at)), "seed {seed}");
    let sent = fake.sent().into_iter().collect::<BTreeSet<_>>().len() as u64;
    assert!(limit.is_none_or(|limit| sent <= limit), "seed {seed}: {sent}");
    let log = ledger.map_or_else(Vec::new, |ledger| ledger.log.lock().unwrap().clone());
    let count = |what| log.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!(count("intend"), count("settle"), "seed {seed}");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, name) in &reads {
        let number = name.split_once("=").map_or_else(String::new, |(_, rest)| {
            rest.chars().skip(1).take_while(char::is_ascii_digit).collect()
        });
        *counts.entry(number).or_default() += 1;
    }
    counts.remove("");
    assert!(counts.values().all(|count| *count <= 3), "seed {seed}: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_leaves_no_row_waiting() {
    let seeds = std::env::var("STORM_SEEDS").map_or(100, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        storm(seed).await;
    }
}
