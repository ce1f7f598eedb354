//! Several nights in a row, at random: two jobs on different columns, several rows per customer, both
//! identifier types, renames, chains of renames, names taken over, internal ids given and taken,
//! faults, kills and re-runs against the sandbox.
//!
//! Two judges. Whenever a run ends with 0, the sandbox's customers equal what sending every row of the
//! file once, in order, would have left. And every run that nobody killed is walked through row by
//! row: what it calls `atualizado` is executed on the [`model`], what it calls `inalterado` must be
//! held there already, and at the end both must be alike.
//!
//! `NIGHTS_SEEDS=1000 cargo test --test e2e_nights -- --nocapture` looks at more of them.
#![cfg(test)]

mod files;
mod model;
#[path = "../support/mod.rs"]
pub mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use files::{File, Sending};
use model::{Fields, Model};
use serde_json::Value;
use support::canary::CANARY;
use support::{Finished, Run};
use tomticket_sync::pool::Rate;
use tomticket_sync::sandbox::{Failures, Sandbox, SandboxConfig, customers_from_csv};

/// What is special about a row of nights.
#[derive(Debug, Clone, Copy)]
struct Kind {
    first_seed: u64,
    faults: &'static [&'static str],
    concurrency: u8,
    resets_defaults: bool,
}

/// How much was looked at.
#[derive(Debug, Default)]
struct Seen {
    /// Runs that ended with 0 and were compared with the file.
    compared: usize,
    /// Runs that were walked through row by row.
    walked: usize,
    /// Rows of those that were called unchanged.
    unchanged: usize,
    /// Runs that were killed.
    killed: usize,
    /// Rows of another type than `E`, renames, and internal ids given.
    internal: usize,
    renames: usize,
    linked: usize,
}

fn get(base_url: &str, path: &str) -> Value {
    let address = base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|why| panic!("{path}: {why}: {text}"))
}

/// Walks through a run's results from what was held before it. `None` from the first row on whose
/// effect nobody knows.
fn walk(mut held: Model, file: &File, run: &Finished, seen: &mut Seen) -> Option<Model> {
    let results = run.accounted_rows(file.rows.len());
    seen.walked += 1;
    for (row, result) in file.rows.iter().zip(results) {
        let found = match result.situacao.as_str() {
            "atualizado" => held.execute(row).is_some(),
            "inalterado" => {
                seen.unchanged += 1;
                held.holds(row)
            }
            "recusado" => held.execute(row).is_none(),
            _ => return None,
        };
        if !found {
            run.fail(&format!("line {} is not {}: {row:?}", result.linha, result.situacao));
        }
    }
    Some(held)
}

fn scenario(seed: u64, kind: Kind, seen: &mut Seen) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut customers = Model::new(kind.resets_defaults);
    for n in 0..6u8 {
        let mut fields = Fields::from([("email".into(), format!("n{n}@x.com"))]);
        if n % 2 == 0 {
            fields.insert("id_interno".into(), (n + 1).to_string());
        }
        customers.add(fields);
    }
    let folder = Run::bare(&["run"]).folder();
    let list = folder.path().join("clientes-iniciais.csv");
    std::fs::write(&list, customers.to_csv()).unwrap();
    let failures = Failures::new(kind.faults.iter().map(|f| f.parse().unwrap())).unwrap();
    let config = SandboxConfig {
        rate: Rate::Unlimited,
        failures,
        seed,
        customers: Some(customers_from_csv(&list).unwrap()),
        reset_defaults: kind.resets_defaults,
        ..SandboxConfig::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(config)).unwrap();
    let url = sandbox.base_url();
    let shown = || Model::of_sandbox(&get(&url, "/_sandbox/clientes"), kind.resets_defaults);
    let run = |file: &File, full: bool| {
        let concurrency = kind.concurrency.to_string();
        let run = Run::bare(&["run"])
            .sharing(&folder)
            .csv(&file.csv())
            .env("TOMTICKET_TOKEN", CANARY)
            .args(["--base-url", &url, "--ledger", "l.db", "--rate", "unlimited"])
            .args(["--concurrency", &concurrency, "--no-breaker"])
            .allow_partial();
        if full { run.arg("--full") } else { run }
    };
    for _ in 0..6 {
        let size = rng.usize(3..25);
        let mut before = shown();
        let file = File::random(&mut rng, &before, size);
        if file.rows.is_empty() {
            continue;
        }
        seen.internal += file.rows.iter().filter(|row| row.tipo == 'I').count();
        for (home, email) in
            file.rows.iter().filter_map(|row| Some((&row.identificador, row.values.get("email")?)))
        {
            seen.renames += usize::from(!home.eq_ignore_ascii_case(email));
        }
        seen.linked += file.rows.iter().filter(|row| row.values.contains_key("id_interno")).count();
        let mut known = true;
        if rng.bool() {
            // Killed in the middle, wherever that is.
            seen.killed += 1;
            let mut running = run(&file, false).spawn();
            let enough = sandbox.counters().requests + rng.u64(1..12);
            while running.is_running() && sandbox.counters().requests < enough {
                std::thread::yield_now();
            }
            running.kill();
            running.wait();
            // A request may still be on its way from the grave.
            known = false;
        }
        // Again and again until no row is without a definite answer; and perhaps the next night, when
        // nothing has changed.
        let mut nights = if rng.bool() { 2 } else { 1 };
        for _ in 0..12 {
            let finished = run(&file, rng.u8(..10) == 0).go();
            let held = shown();
            let sending = file.sent_to(&before);
            let judged = known && (kind.concurrency == 1 || sending != Sending::Meddles);
            let expected = judged.then(|| walk(before, &file, &finished, seen)).flatten();
            if let Some(expected) = expected
                && expected.held() != held.held()
            {
                finished.fail(&format!(
                    "seed {seed}, {kind:?}: {:#?} instead of {:#?}",
                    held.held(),
                    expected.held()
                ));
            }
            before = held;
            known = true;
            match finished.code {
                Some(0) => {
                    if sending == Sending::Settles && before.settled() != file.after.settled() {
                        finished.fail(&format!(
                            "seed {seed}, {kind:?}: {:#?} instead of {:#?}",
                            before.settled(),
                            file.after.settled()
                        ));
                    }
                    seen.compared += usize::from(sending == Sending::Settles);
                    nights -= 1;
                    if nights == 0 {
                        break;
                    }
                }
                // A rename that was cut off may have been done: a person is told.
                Some(1 | 6) => break,
                Some(4) => {}
                code => finished.fail(&format!("seed {seed}, {kind:?}: {code:?}")),
            }
        }
    }
    runtime.block_on(sandbox.stop());
}

fn nights(kind: Kind) -> Seen {
    let seeds = std::env::var("NIGHTS_SEEDS").map_or(3, |seeds| seeds.parse().unwrap());
    let mut seen = Seen::default();
    for seed in 0..seeds {
        scenario(kind.first_seed + seed, kind, &mut seen);
    }
    println!("{kind:?}: {seen:?}");
    assert!(seen.compared >= 6 && seen.walked >= 12 && seen.unchanged >= 3, "{seen:?}");
    assert!(seen.internal > 0 && seen.renames > 0 && seen.linked > 0, "{seen:?}");
    seen
}

const FAULTS: &[&str] = &["500=3", "close=2", "reset=1", "truncated=2", "html=1", "429=3"];

#[test]
fn nights_with_kills_leave_what_the_files_say() {
    nights(Kind { first_seed: 1_000_000, faults: &[], concurrency: 4, resets_defaults: false });
}

#[test]
fn nights_one_request_at_a_time_leave_what_the_files_say() {
    nights(Kind { first_seed: 2_000_000, faults: &[], concurrency: 1, resets_defaults: true });
}

#[test]
fn nights_with_faults_and_kills_leave_what_the_files_say() {
    nights(Kind { first_seed: 3_000_000, faults: FAULTS, concurrency: 4, resets_defaults: false });
}

#[test]
fn nights_with_faults_where_defaults_are_reset_leave_what_the_files_say() {
    nights(Kind { first_seed: 4_000_000, faults: FAULTS, concurrency: 8, resets_defaults: true });
}
