//! Random nights of two jobs with different columns: several rows per customer, both identifier types,
//! renames, chains of renames, names that move to another customer, internal ids, injected failures,
//! kills and repeated runs, all against the simulator.
//!
//! Two independent checks:
//! - After a run that ends with 0, the simulator's customers are what sending each row once, in order,
//!   would have left.
//! - Every run that was not killed is replayed row by row on the [`model`]: an `atualizado` row is
//!   executed, an `inalterado` row must already be held, and at the end model and simulator must be
//!   equal. Where the effect of a row cannot be known (no definite answer, or names that the program
//!   cannot know to be one customer's while several requests are in flight), the customers concerned
//!   are left out of the comparison, and only they.
//!
//! More seeds: `NIGHTS_SEEDS=1000 cargo test --test e2e nights -- --nocapture`.

mod files;
mod model;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::support::canary::CANARY;
use crate::support::{Finished, PATIENCE, Run, Simulator};
use files::{File, Name, Replay};
use model::{Fields, Model, Row};

/// The settings of one test.
#[derive(Debug, Clone, Copy)]
struct Kind {
    first_seed: u64,
    /// The number of seeds, unless `NIGHTS_SEEDS` gives another.
    seeds: u64,
    faults: &'static [&'static str],
    concurrency: u8,
    resets_defaults: bool,
}

/// Counts of what was checked, so that a test cannot pass by checking nothing.
#[derive(Debug, Default)]
struct Seen {
    /// Runs that ended with 0 and were compared with the whole file.
    compared: usize,
    /// Runs that were replayed on the model.
    replayed: usize,
    /// Rows of these runs that were checked, and the `inalterado` ones among them.
    checked: usize,
    unchanged: usize,
    /// Rows that could not be checked.
    unchecked: usize,
    /// Replayed runs that directly followed a kill.
    after_kill: usize,
    /// Runs that were killed.
    killed: usize,
    /// Rows of type `I`, rows that rename, rows that give an internal id.
    internal: usize,
    renames: usize,
    linked: usize,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.replayed += other.replayed;
        self.checked += other.checked;
        self.unchanged += other.unchanged;
        self.unchecked += other.unchecked;
        self.after_kill += other.after_kill;
        self.killed += other.killed;
        self.internal += other.internal;
        self.renames += other.renames;
        self.linked += other.linked;
    }
}

/// Waits until no request of a killed client can still be executed: no connection is open and the
/// counters do not change.
pub fn wait_until_idle(simulator: &Simulator) {
    let end = Instant::now() + PATIENCE;
    let mut unchanged = 0;
    let mut before = simulator.counters();
    while unchanged < 2 {
        assert!(Instant::now() < end, "the simulator does not become idle");
        std::thread::sleep(Duration::from_millis(2));
        let now = simulator.counters();
        let idle = now == before && connections(simulator.port()) == 0;
        unchanged = if idle { unchanged + 1 } else { 0 };
        before = now;
    }
}

pub fn requests(simulator: &Simulator) -> u64 {
    simulator.counters()["requisicoes"].as_u64().unwrap()
}

/// The number of open connections to this loopback port; 0 on systems without `/proc/net/tcp`.
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

/// Replays a run's results on the customers held before it and compares the outcome with those held
/// now. Leaves out the customers with `doubtful` names and, from the first row with an unknown effect
/// on, every customer that row may concern.
fn replay(
    before: &Model,
    now: &Model,
    file: &File,
    run: &Finished,
    mut doubtful: BTreeSet<Name>,
    seen: &mut Seen,
) {
    let results = run.accounted_rows(file.rows.len());
    seen.replayed += 1;
    let mut held = before.clone();
    for (row, result) in file.rows.iter().zip(results) {
        if row.names().iter().any(|name| doubtful.contains(name)) {
            seen.unchecked += 1;
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
                doubtful.extend(file.connected_names(before, row.names()));
                seen.unchecked += 1;
                continue;
            }
        };
        seen.checked += 1;
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
    let list = list.to_str().unwrap();
    let seed_arg = seed.to_string();
    let mut args = vec!["--seed", &seed_arg, "--customers", list];
    args.extend(kind.faults.iter().flat_map(|share| ["--fail", share]));
    args.extend(kind.resets_defaults.then_some("--reset-defaults"));
    let simulator = Simulator::start(&args);
    let url = simulator.url();
    let shown = || Model::of_simulator(&simulator.customers(), kind.resets_defaults);
    let run = |file: &File, full: bool| {
        let concurrency = kind.concurrency.to_string();
        let run = Run::bare(&["run"])
            .sharing(&folder)
            .csv(&file.csv())
            .env("TOMTICKET_TOKEN", CANARY)
            .args(["--base-url", url, "--ledger", "l.db", "--rate", "unlimited"])
            .args(["--concurrency", &concurrency, "--no-breaker", "--timeout", "1s"])
            // Nothing is executed late here, and each night would wait for it.
            .args(["--settle-wait", "0"])
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
        let renames = |row: &&Row| {
            row.values.get("email").is_some_and(|to| !row.identificador.eq_ignore_ascii_case(to))
        };
        seen.renames += file.rows.iter().filter(renames).count();
        seen.linked += file.rows.iter().filter(|row| row.values.contains_key("id_interno")).count();
        let mut after_kill = false;
        if rng.bool() {
            // Killed after a random number of requests.
            seen.killed += 1;
            let mut running = run(&file, false).spawn();
            let enough = requests(&simulator) + rng.u64(1..12);
            while running.is_running() && requests(&simulator) < enough {}
            running.kill();
            running.wait();
            // Requests that were sent before the kill are still executed.
            wait_until_idle(&simulator);
            before = shown();
            after_kill = true;
        }
        // Repeats until every row has a definite answer, and in half of the cases once more, with an
        // unchanged file.
        let mut nights = if rng.bool() { 2 } else { 1 };
        for _ in 0..12 {
            let finished = run(&file, rng.u8(..10) == 0).go();
            wait_until_idle(&simulator);
            let held = shown();
            let expected = file.replay(&before);
            let doubtful = match kind.concurrency {
                1 => BTreeSet::new(),
                _ => file.connected_names(&before, file.conflicting_names(&before)),
            };
            replay(&before, &held, &file, &finished, doubtful, seen);
            seen.after_kill += usize::from(std::mem::take(&mut after_kill));
            before = held;
            match finished.code {
                Some(0) => {
                    if expected == Replay::Settles && before.settled() != file.after.settled() {
                        finished.fail(&format!(
                            "seed {seed}, {kind:?}: {:#?} instead of {:#?}",
                            before.settled(),
                            file.after.settled()
                        ));
                    }
                    seen.compared += usize::from(expected == Replay::Settles);
                    nights -= 1;
                    if nights == 0 {
                        break;
                    }
                }
                // A rename without a reply may have been executed; the run reports it as `incerto`.
                Some(1 | 6) => break,
                Some(4) => {}
                code => finished.fail(&format!("seed {seed}, {kind:?}: {code:?}")),
            }
        }
    }
}

/// Prints the seed if its scenario panics.
struct PrintSeedOnPanic(u64);

impl Drop for PrintSeedOnPanic {
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
    // Scenarios wait most of the time, so four of them run in parallel.
    for seeds in all.chunks(4) {
        std::thread::scope(|scope| {
            let running: Vec<_> = seeds
                .iter()
                .map(|&seed| {
                    scope.spawn(move || {
                        let mut seen = Seen::default();
                        let _print = PrintSeedOnPanic(seed);
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
    assert!(seen.compared >= 6 && seen.replayed >= 12 && seen.unchanged >= 3, "{seen:?}");
    assert!(seen.internal > 0 && seen.renames > 0 && seen.linked > 0, "{seen:?}");
    assert!(seen.after_kill > 0 && seen.checked > 4 * seen.unchecked, "{seen:?}");
}

const FAULTS: &[&str] = &["500=3", "502=1", "close=2", "reset=1", "truncated=2", "html=1", "429=3"];
/// Each `hang` costs a timeout.
const SILENCE: &[&str] = &["hang=3", "502=3"];
const NONE: &[&str] = &[];

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
