//! Several nights in a row, at random: two jobs on different columns, several rows per customer, both
//! identifier types, renames, chains of renames, names taken over, internal ids given and taken,
//! faults, kills and re-runs against the sandbox.
//!
//! Two judges. Whenever a run ends with 0, the sandbox's customers equal what sending every row of the
//! file once, in order, would have left. And every run that nobody killed, the first one after a kill
//! among them, is walked through row by row: what it calls `atualizado` is executed on the [`model`],
//! what it calls `inalterado` must be held there already, and at the end both must be alike. Where
//! nobody can know (a row without a definite answer, names that meddle with each other while several
//! requests are in flight), the customers who may be concerned are left out, and they alone.
//!
//! `NIGHTS_SEEDS=1000 cargo test --test e2e nights -- --nocapture` looks at more of them.

mod files;
mod model;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::canary::CANARY;
use crate::support::{Finished, PATIENCE, Run};
use files::{File, Name, Sending};
use model::{Fields, Model};
use serde_json::Value;
use tomticket_sync::sandbox::{Failures, Sandbox, SandboxConfig, customers_from_csv};
use tomticket_sync::scheduler::Rate;

/// What is special about a row of nights.
#[derive(Debug, Clone, Copy)]
struct Kind {
    first_seed: u64,
    /// How many seeds are looked at where `NIGHTS_SEEDS` says nothing.
    seeds: u64,
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
    /// Rows of those that were judged, and among them the ones called unchanged.
    judged: usize,
    unchanged: usize,
    /// Rows that were not judged.
    unjudged: usize,
    /// Walked runs that came right after a kill.
    after_kill: usize,
    /// Runs that were killed.
    killed: usize,
    /// Rows of another type than `E`, renames, and internal ids given.
    internal: usize,
    renames: usize,
    linked: usize,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.walked += other.walked;
        self.judged += other.judged;
        self.unchanged += other.unchanged;
        self.unjudged += other.unjudged;
        self.after_kill += other.after_kill;
        self.killed += other.killed;
        self.internal += other.internal;
        self.renames += other.renames;
        self.linked += other.linked;
    }
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

/// Waits until nothing that a killed client sent can still be executed: no connection is left, and
/// the counters stand still.
fn wait_until_idle(sandbox: &Sandbox) {
    let port = sandbox.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let end = Instant::now() + PATIENCE;
    let mut still = 0;
    let mut before = sandbox.counters();
    while still < 2 {
        assert!(Instant::now() < end, "the sandbox does not come to rest");
        std::thread::sleep(Duration::from_millis(2));
        let now = sandbox.counters();
        still = if now == before && connections(port) == 0 { still + 1 } else { 0 };
        before = now;
    }
}

/// How many connections this port of the loopback has, where the system tells.
fn connections(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    const CLOSE_WAIT: &str = "08";
    const SYN_RECV: &str = "03";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!("0100007F:{port:04X}");
    let open = |line: &&str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        cells.len() > 3
            && cells[1] == local
            && [ESTABLISHED, CLOSE_WAIT, SYN_RECV].contains(&cells[3])
    };
    table.lines().skip(1).filter(open).count()
}

/// Walks through a run's results from what was held before it, and compares the end with what is
/// held now; leaves out the customers of `doubtful` names, and from the first row on whose effect
/// nobody knows, those whom it may concern.
fn walk(
    before: &Model,
    now: &Model,
    file: &File,
    run: &Finished,
    mut doubtful: BTreeSet<Name>,
    seen: &mut Seen,
) {
    let results = run.accounted_rows(file.rows.len());
    seen.walked += 1;
    let mut held = before.clone();
    for (row, result) in file.rows.iter().zip(results) {
        if row.names().iter().any(|name| doubtful.contains(name)) {
            seen.unjudged += 1;
            continue;
        }
        let found = match result.situacao.as_str() {
            "atualizado" => held.execute(row).is_some(),
            "inalterado" => {
                seen.unchanged += 1;
                held.holds(row)
            }
            "recusado" => held.execute(row).is_none(),
            "nao_enviado" => result.tentativas == 0,
            _ => {
                doubtful.extend(file.family(before, row.names()));
                seen.unjudged += 1;
                continue;
            }
        };
        seen.judged += 1;
        if !found {
            run.fail(&format!("line {} is not {}: {row:?}", result.linha, result.situacao));
        }
    }
    let (expected, found) = (held.held_without(&doubtful), now.held_without(&doubtful));
    if expected != found {
        run.fail(&format!("{found:#?} instead of {expected:#?}, {doubtful:?} being left out"));
    }
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
            .args(["--concurrency", &concurrency, "--no-breaker", "--timeout", "1s"])
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
        let mut after_kill = false;
        if rng.bool() {
            // Killed in the middle, wherever that is.
            seen.killed += 1;
            let mut running = run(&file, false).spawn();
            let enough = sandbox.counters().requests + rng.u64(1..12);
            while running.is_running() && sandbox.counters().requests < enough {
                std::thread::sleep(Duration::from_micros(200));
            }
            running.kill();
            running.wait();
            // What was on its way is executed even now.
            wait_until_idle(&sandbox);
            before = shown();
            after_kill = true;
        }
        // Again and again until no row is without a definite answer; and perhaps the next night, when
        // nothing has changed.
        let mut nights = if rng.bool() { 2 } else { 1 };
        for _ in 0..12 {
            let finished = run(&file, rng.u8(..10) == 0).go();
            wait_until_idle(&sandbox);
            let held = shown();
            let sending = file.sent_to(&before);
            let doubtful = match kind.concurrency {
                1 => BTreeSet::new(),
                _ => file.family(&before, file.meddlers(&before)),
            };
            walk(&before, &held, &file, &finished, doubtful, seen);
            seen.after_kill += usize::from(std::mem::take(&mut after_kill));
            before = held;
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

/// Says which seed it was, if it failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- seed {}", self.0);
        }
    }
}

fn nights(kind: Kind) {
    let seeds = std::env::var("NIGHTS_SEEDS").map_or(kind.seeds, |seeds| seeds.parse().unwrap());
    let mut seen = Seen::default();
    let all: Vec<u64> = (kind.first_seed..kind.first_seed + seeds).collect();
    // Most of the time is spent waiting, so some are looked at side by side.
    for some in all.chunks(4) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|&seed| {
                    scope.spawn(move || {
                        let mut seen = Seen::default();
                        let _told = Told(seed);
                        scenario(seed, kind, &mut seen);
                        seen
                    })
                })
                .collect();
            for one in running {
                let one = one.join();
                seen.add(&one.unwrap_or_else(|why| std::panic::resume_unwind(why)));
            }
        });
    }
    println!("{kind:?}: {seen:?}");
    assert!(seen.compared >= 6 && seen.walked >= 12 && seen.unchanged >= 3, "{seen:?}");
    assert!(seen.internal > 0 && seen.renames > 0 && seen.linked > 0, "{seen:?}");
    assert!(seen.after_kill > 0 && seen.judged > 4 * seen.unjudged, "{seen:?}");
}

const FAULTS: &[&str] = &["500=3", "502=1", "close=2", "reset=1", "truncated=2", "html=1", "429=3"];
/// Each of these costs a timeout.
const SILENCE: &[&str] = &["hang=3", "502=3"];
const NONE: &[&str] = &[];

/// A row of nights.
const fn kind(first_seed: u64, seeds: u64, faults: &'static [&'static str]) -> Kind {
    Kind { first_seed, seeds, faults, concurrency: 4, resets_defaults: false }
}

#[test]
fn nights_with_kills_leave_what_the_files_say() {
    nights(kind(1_000_000, 4, NONE));
}

#[test]
fn nights_one_request_at_a_time_leave_what_the_files_say() {
    nights(Kind { concurrency: 1, resets_defaults: true, ..kind(2_000_000, 4, NONE) });
}

#[test]
fn nights_with_faults_and_kills_leave_what_the_files_say() {
    nights(kind(3_000_000, 2, FAULTS));
}

#[test]
fn nights_with_faults_where_defaults_are_reset_leave_what_the_files_say() {
    nights(Kind { concurrency: 8, resets_defaults: true, ..kind(4_000_000, 2, FAULTS) });
}

#[test]
fn nights_with_silence_leave_what_the_files_say() {
    nights(kind(5_000_000, 2, SILENCE));
}
