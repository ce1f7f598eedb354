//! The soak test: 200 000 rows against the simulator with every kind of failure, without a rate
//! limit, and the same command twice more. After each run every customer must hold what the results
//! say, and memory must stay flat. Run it alone and optimised:
//!
//! ```sh
//! cargo test --release --test e2e soak -- --ignored --nocapture
//! ```
//!
//! `SOAK_ROWS` sets the number of rows, `SOAK_SEED` the seed of the failures. The last figures are in
//! docs/failures.md.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::support::{Finished, ResultRow, Run, Running, Simulator};
use serde_json::Value;

/// Several per cent of each kind. A 429 pauses all requests for at least a second, so there are few.
const FAILURES: [&str; 8] =
    ["500=3%", "502=3%", "reset=3%", "close=3%", "hang=2%", "html=3%", "truncated=3%", "429=0.1%"];
/// The percentage of rows that go to a few customers, so that these have several rows each.
const SHARED: usize = 5;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// Name and telephone.
type Held = (String, String);

/// One row of the input. An empty telephone is not sent.
struct Row {
    customer: String,
    values: Held,
}

/// The values each customer may hold; more than one where a row had no answer.
type Possible = HashMap<String, HashSet<Held>>;

fn input(rows: usize) -> (String, Vec<Row>) {
    let mut text = String::from("identificador,tipo_identificador,nome,telefone\n");
    let mut rng = fastrand::Rng::with_seed(11);
    let rows: Vec<_> = (0..rows)
        .map(|row| {
            let customer = match rng.usize(..100) < SHARED {
                true => format!("V{:04}", rng.usize(..rows / 80 + 1)),
                false => format!("C{row:06}"),
            };
            // Every third row does not send the telephone.
            let telefone =
                if row.is_multiple_of(3) { String::new() } else { format!("11{row:09}") };
            Row { customer, values: (format!("Cliente {row}"), telefone) }
        })
        .collect();
    for Row { customer, values: (nome, telefone) } in &rows {
        text.push_str(&format!("{customer},I,{nome},{telefone}\n"));
    }
    (text, rows)
}

/// The values of a customer after the row, given those `before`.
fn after(row: &Row, before: &Held) -> Held {
    let telefone = if row.values.1.is_empty() { &before.1 } else { &row.values.1 };
    (row.values.0.clone(), telefone.clone())
}

/// Updates the possible values of each customer by the results of the rows.
fn apply_results(possible: &mut Possible, rows: &[Row], results: &[ResultRow]) {
    for (row, result) in rows.iter().zip(results) {
        let held = possible
            .entry(row.customer.clone())
            .or_insert_with(|| HashSet::from([Held::default()]));
        let changed: HashSet<Held> = held.iter().map(|held| after(row, held)).collect();
        match &*result.situacao {
            "atualizado" => *held = changed,
            "falhou" => held.extend(changed),
            "inalterado" => {
                assert!(*held == changed, "{}: {held:?} is not unchanged", row.customer)
            }
            other => panic!("{}: {other}: {}", row.customer, result.mensagem),
        }
    }
}

/// Asserts that every customer holds one of its possible values.
fn compare(simulator: &Simulator, possible: &Possible) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let held: HashMap<String, Held> = simulator
        .customers()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["id_interno"]), (text(&one["nome"]), text(&one["telefone"]))))
        .collect();
    for (customer, may) in possible {
        let found = held.get(customer).cloned().unwrap_or_default();
        assert!(may.contains(&found), "{customer} holds {found:?} and not one of {may:?}");
    }
    assert!(held.keys().all(|customer| possible.contains_key(customer)));
    let open = possible.values().filter(|may| may.len() > 1).count();
    println!(
        "  {} customers hold what the results say, {open} of them with two possible values",
        held.len()
    );
}

/// Samples memory (KiB) and open files until the process ends; also returns the peak memory.
fn watch(running: &mut Running) -> (Vec<(u64, usize)>, u64) {
    let (mut samples, mut peak) = (Vec::new(), 0);
    let begun = Instant::now();
    while running.is_running() {
        let process = format!("/proc/{}", running.pid());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let field = |name: &str| -> Option<u64> {
            let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
            rest.split_whitespace().next()?.parse().ok()
        };
        let rss = field("VmRSS:");
        peak = field("VmHWM:").unwrap_or(0).max(peak);
        let files = std::fs::read_dir(format!("{process}/fd")).map_or(0, Iterator::count);
        samples.extend(rss.map(|rss| (rss, files)));
        assert!(begun.elapsed() < Duration::from_secs(7200), "two hours are not enough");
        std::thread::sleep(Duration::from_millis(200));
    }
    (samples, peak)
}

/// The growth of memory, in MiB, that is allowed between the first and the last quarter of a run:
/// SQLite's page cache (16 MiB) fills during the run, because the ledger is about that large.
const CACHE: u64 = 14;

/// Asserts that memory grew by at most [`CACHE`].
fn assert_flat(samples: &[(u64, usize)]) {
    let quarter = samples.len() / 4;
    let most = |part: &[(u64, usize)]| part.iter().map(|(rss, _)| *rss).max().unwrap_or(0);
    let (first, last) = (most(&samples[..quarter]), most(&samples[samples.len() - quarter..]));
    let files = samples.iter().map(|(_, files)| *files).max().unwrap_or(0);
    let tenths: Vec<_> = samples.chunks(samples.len().div_ceil(10).max(1)).map(most).collect();
    println!("  memory by tenths of the run, in KiB: {tenths:?}; at most {files} open files");
    assert!(quarter < 4 || last <= first + CACHE * 1024, "memory grew: {first} → {last} KiB");
}

fn print_run(run: usize, finished: &Finished, peak: u64, rows: usize) {
    let summary = finished.summary();
    println!(
        "run {run}: exit {:?} after {:.1} s, {} requests, {} repeats, {} times 429, peak {} KiB\n  {}",
        finished.code,
        finished.took.as_secs_f64(),
        summary["requisicoes"],
        summary["repeticoes"],
        summary["limitadas_429"],
        peak,
        summary["situacoes"],
    );
    assert_eq!(summary["linhas"], rows);
    assert!(peak < 64 * 1024, "{peak} KiB");
}

#[test]
#[ignore = "takes minutes; see the head of the file"]
fn soak() {
    let rows = number("SOAK_ROWS", 200_000);
    let (text, input) = input(rows);
    let seed = number("SOAK_SEED", 1).to_string();
    let mut args = vec!["--seed", &seed];
    args.extend(FAILURES.iter().flat_map(|share| ["--fail", share]));
    let simulator = Simulator::start(&args);
    let run = Run::bare(&["run"]).csv(&text);
    let folder = run.folder();
    let mut possible = Possible::new();
    for number in 1..=3 {
        let mut running = Run::bare(&["run"])
            .sharing(&folder)
            .on("clientes.csv")
            .env("TOMTICKET_TOKEN", crate::support::CANARY)
            .with_summary()
            .args(["--base-url", simulator.url(), "--ledger", "memoria.db", "--quiet"])
            .args(["--rate", "unlimited", "--concurrency", "256", "--timeout", "1s"])
            // At this pace the window would be full of rows that wait for a late effect.
            .args(["--settle-wait", "0"])
            .spawn();
        let (samples, peak) = watch(&mut running);
        let finished = running.wait();
        print_run(number, &finished, peak, rows);
        assert_flat(&samples);
        let results = finished.accounted_rows(rows);
        let open = results.iter().any(|row| row.situacao == "falhou");
        assert_eq!(finished.code, Some(if open { 4 } else { 0 }));
        apply_results(&mut possible, &input, &results);
        compare(&simulator, &possible);
    }
    println!("simulator: {}", simulator.counters());
}
