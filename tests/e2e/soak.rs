//! The long one: 200 000 rows against the simulated TomTicket with every failure it knows, as fast
//! as they go, and the same command twice more. After each run every customer must hold what the
//! rows' results say; memory must stay flat. Run it alone, optimised:
//!
//! ```sh
//! cargo test --release --test e2e soak -- --ignored --nocapture
//! ```
//!
//! `SOAK_ROWS` takes fewer rows, `SOAK_SEED` another chance. The last figures are in
//! docs/failures.md.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Finished, ResultRow, Run, Running};
use serde_json::Value;

/// Several per cent of everything. A 429 pauses everybody for a second or more, by design, so that
/// many of them would measure the pauses and nothing else.
const FAILURES: [&str; 8] =
    ["500=3%", "502=3%", "reset=3%", "close=3%", "hang=2%", "html=3%", "truncated=3%", "429=0.1%"];
/// Of a hundred rows, this many are for one of a few customers, who so get several rows each.
const SHARED: usize = 5;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// Name and telephone.
type Held = (String, String);

/// One row of the input: whom it is for, and what it sends; an empty telephone is not sent.
struct Row {
    who: String,
    values: Held,
}

/// What each customer may hold. More than one thing where a row was not answered.
type Possible = HashMap<String, HashSet<Held>>;

fn input(rows: usize) -> (String, Vec<Row>) {
    let mut text = String::from("identificador,tipo_identificador,nome,telefone\n");
    let mut chance = fastrand::Rng::with_seed(11);
    let rows: Vec<_> = (0..rows)
        .map(|row| {
            let who = match chance.usize(..100) < SHARED {
                true => format!("V{:04}", chance.usize(..rows / 80 + 1)),
                false => format!("C{row:06}"),
            };
            // Every third row leaves the telephone alone.
            let telefone =
                if row.is_multiple_of(3) { String::new() } else { format!("11{row:09}") };
            Row { who, values: (format!("Cliente {row}"), telefone) }
        })
        .collect();
    for Row { who, values: (nome, telefone) } in &rows {
        text.push_str(&format!("{who},I,{nome},{telefone}\n"));
    }
    (text, rows)
}

/// What a customer holds after the row, having held `before`.
fn after(row: &Row, before: &Held) -> Held {
    let telefone = if row.values.1.is_empty() { &before.1 } else { &row.values.1 };
    (row.values.0.clone(), telefone.clone())
}

/// Walks through the results: what each row says about itself decides what its customer may hold.
fn walk(possible: &mut Possible, rows: &[Row], results: &[ResultRow]) {
    for (row, result) in rows.iter().zip(results) {
        let held =
            possible.entry(row.who.clone()).or_insert_with(|| HashSet::from([Held::default()]));
        let changed: HashSet<Held> = held.iter().map(|held| after(row, held)).collect();
        match &*result.situacao {
            "atualizado" => *held = changed,
            "falhou" => held.extend(changed),
            "inalterado" => assert!(*held == changed, "{}: {held:?} is not unchanged", row.who),
            other => panic!("{}: {other}: {}", row.who, result.mensagem),
        }
    }
}

fn get(base_url: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(base_url.trim_start_matches("http://")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Demands that every customer holds something that it may hold.
fn compare(base_url: &str, possible: &Possible) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let held: HashMap<String, Held> = get(base_url, "/_sandbox/clientes")
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["id_interno"]), (text(&one["nome"]), text(&one["telefone"]))))
        .collect();
    for (who, may) in possible {
        let found = held.get(who).cloned().unwrap_or_default();
        assert!(may.contains(&found), "{who} holds {found:?} and not one of {may:?}");
    }
    assert!(held.keys().all(|who| possible.contains_key(who)));
    let open = possible.values().filter(|may| may.len() > 1).count();
    println!("  {} customers hold what the results say, {open} of them one of two", held.len());
}

/// Memory in KiB and open files, now and then until the process ends; and the most memory it had.
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

/// What memory may grow by between the first and the last quarter of a run, in MiB: the ledger is
/// about as large as the cache for its pages (16 MiB), which fills as pages are met.
const CACHE: u64 = 14;

/// Demands that memory did not grow but by that.
fn assert_flat(samples: &[(u64, usize)]) {
    let quarter = samples.len() / 4;
    let most = |part: &[(u64, usize)]| part.iter().map(|(rss, _)| *rss).max().unwrap_or(0);
    let (first, last) = (most(&samples[..quarter]), most(&samples[samples.len() - quarter..]));
    let files = samples.iter().map(|(_, files)| *files).max().unwrap_or(0);
    let tenths: Vec<_> = samples.chunks(samples.len().div_ceil(10).max(1)).map(most).collect();
    println!("  memory by tenths of the run, in KiB: {tenths:?}; at most {files} open files");
    assert!(quarter < 4 || last <= first + CACHE * 1024, "memory grew: {first} → {last} KiB");
}

fn tell(run: usize, finished: &Finished, peak: u64, rows: usize) {
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
    let sandbox = Run::bare(&["sandbox"])
        .args(["--rate", "unlimited", "--seed", &number("SOAK_SEED", 1).to_string()])
        .args(FAILURES.iter().flat_map(|share| ["--fail", share]))
        .spawn();
    let url = sandbox.wait_for_stdout(|text| text.ends_with('\n')).trim().to_owned();
    let run = Run::bare(&["run"]).csv(&text);
    let folder = run.folder();
    let mut possible = Possible::new();
    for number in 1..=3 {
        let mut running = Run::bare(&["run"])
            .sharing(&folder)
            .on("clientes.csv")
            .env("TOMTICKET_TOKEN", crate::support::CANARY)
            .with_summary()
            .args(["--base-url", &url, "--ledger", "memoria.db", "--quiet"])
            .args(["--rate", "unlimited", "--concurrency", "256", "--timeout", "1s"])
            .spawn();
        let (samples, peak) = watch(&mut running);
        let finished = running.wait();
        tell(number, &finished, peak, rows);
        assert_flat(&samples);
        let results = finished.accounted_rows(rows);
        let open = results.iter().any(|row| row.situacao == "falhou");
        assert_eq!(finished.code, Some(if open { 4 } else { 0 }));
        walk(&mut possible, &input, &results);
        compare(&url, &possible);
    }
    println!("sandbox: {}", get(&url, "/_sandbox/contagem"));
}
