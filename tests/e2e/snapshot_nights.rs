//! Random nights with a snapshot, against the simulator: read, send what differs, compare with a
//! simulator that got every row, take it back, read again. Half of them are killed on the way and run
//! again with a ledger.
//!
//! More seeds: `SNAPSHOT_SEEDS=50 cargo test --test e2e snapshot_nights -- --nocapture`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::nights::{requests, wait_until_idle};
use crate::support::canary::CANARY;
use crate::support::{Finished, Run, Simulator};

const COLUMNS: [&str; 7] =
    ["nome", "email", "telefone", "criarchamados", "id_interno", "campo:p", "campo:q"];

type Values = BTreeMap<&'static str, String>;

#[derive(Debug, Clone)]
struct Customer {
    email: Option<String>,
    interno: Option<String>,
    values: Values,
}

#[derive(Debug, Clone)]
struct Row {
    tipo: char,
    identificador: String,
    values: Values,
}

fn account(rng: &mut fastrand::Rng) -> Vec<Customer> {
    let customer = |n: usize, rng: &mut fastrand::Rng| {
        let kind = rng.u8(..4);
        let email = format!("{}{n}@x.com", ["c", "C", "é"][rng.usize(..3)]);
        let mut values = Values::from([("nome", format!("Nome {n}"))]);
        for (column, value) in [("telefone", "11"), ("criarchamados", "true"), ("campo:p", "Ouro")]
        {
            if rng.bool() {
                values.insert(column, value.to_owned());
            }
        }
        Customer {
            email: (kind != 0).then_some(email),
            interno: (kind != 1).then(|| format!("{}{n}", ["k", "K", "0"][rng.usize(..3)])),
            values,
        }
    };
    (0..rng.usize(60..200)).map(|n| customer(n, rng)).collect()
}

fn account_csv(customers: &[Customer]) -> String {
    let mut text =
        format!("identificador,tipo_identificador,{},lido_em,conta\n", COLUMNS.join(","));
    for customer in customers {
        let mut values = customer.values.clone();
        values.extend(customer.email.clone().map(|email| ("email", email)));
        let (tipo, name) = match (&customer.interno, &customer.email) {
            (Some(interno), _) => ('I', interno),
            (None, Some(email)) => ('E', email),
            (None, None) => panic!("a customer without a name"),
        };
        let cells = COLUMNS.map(|column| values.get(column).map_or("", String::as_str));
        text.push_str(&format!("{name},{tipo},{},2026-01-01T00:00:00Z,x\n", cells.join(",")));
    }
    text
}

/// Rows of some customers, most of which say what is held.
fn export(rng: &mut fastrand::Rng, customers: &[Customer]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (n, customer) in customers.iter().enumerate() {
        let names = |other: bool| match (&customer.email, &customer.interno) {
            (Some(email), Some(_)) | (Some(email), None)
                if !other || customer.interno.is_none() =>
            {
                ('E', email.clone())
            }
            (_, Some(interno)) => ('I', interno.clone()),
            _ => panic!("a customer without a name"),
        };
        let row = |rng: &mut fastrand::Rng, other: bool| {
            let (tipo, mut identificador) = names(other);
            if tipo == 'E' && rng.u8(..5) == 0 {
                identificador = identificador.to_uppercase();
            }
            let mut values = Values::new();
            for (column, changed) in
                [("nome", "Novo"), ("telefone", "22"), ("criarchamados", "false"), ("campo:q", "q")]
            {
                match rng.u8(..16) {
                    0 => drop(values.insert(column, changed.to_owned())),
                    1..10 => {
                        values.extend(customer.values.get(column).map(|v| (column, v.clone())))
                    }
                    _ => {}
                }
            }
            values.entry("nome").or_insert_with(|| customer.values["nome"].clone());
            Row { tipo, identificador, values }
        };
        let email = customer.email.clone().filter(|email| email.is_ascii());
        match (rng.u8(..24), email) {
            (0..4, _) => {}
            // Rows of both types, of one customer.
            (4..8, _) => rows.extend([row(rng, false), row(rng, true), row(rng, false)]),
            // A rename, and a chain of them.
            (8, Some(email)) => rows.extend(renames(&[&email, &format!("r{n}@x.com")])),
            (9, Some(email)) => {
                rows.extend(renames(&[&email, &format!("r{n}@x.com"), &format!("s{n}@x.com")]));
            }
            (10, _) => {
                let mut changed = row(rng, true);
                changed.values.insert("email", format!("t{n}@x.com"));
                rows.push(changed);
            }
            // An internal identifier that nobody had.
            (11, Some(email)) => rows.push(giving(&email, &format!("n{n}"))),
            _ => rows.push(row(rng, rng.clone().bool())),
        }
    }
    rows
}

fn renames(names: &[&str]) -> Vec<Row> {
    let step = |pair: &[&str]| Row {
        tipo: 'E',
        identificador: pair[0].to_owned(),
        values: Values::from([("email", pair[1].to_owned())]),
    };
    names.windows(2).map(step).collect()
}

fn giving(email: &str, interno: &str) -> Row {
    let values = Values::from([("id_interno", interno.to_owned())]);
    Row { tipo: 'E', identificador: email.to_owned(), values }
}

fn export_csv(rows: &[Row]) -> String {
    let mut text = format!("identificador,tipo_identificador,{}\n", COLUMNS.join(","));
    for row in rows {
        let cells = COLUMNS.map(|column| row.values.get(column).map_or("", String::as_str));
        text.push_str(&format!("{},{},{}\n", row.identificador, row.tipo, cells.join(",")));
    }
    text
}

fn command(words: &[&str], folder: &Arc<TempDir>, simulator: &Simulator) -> Run {
    let base = ["--base-url", simulator.url(), "--rate", "unlimited"];
    Run::bare(words).sharing(folder).args(base).env("TOMTICKET_TOKEN", CANARY)
}

/// Everything that is held, whoever was updated how often.
fn held(simulator: &Simulator) -> Vec<Value> {
    let mut customers = simulator.customers().as_array().unwrap().clone();
    for customer in &mut customers {
        customer.as_object_mut().unwrap().remove("atualizacoes");
    }
    customers.sort_by_key(Value::to_string);
    customers
}

/// What a pull shows of each customer, by any of its lines' cells but when it was read.
fn shown(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let line = |line: csv::StringRecord| -> BTreeMap<String, String> {
        let cells =
            columns.iter().zip(&line).filter(|(name, cell)| *name != "lido_em" && !cell.is_empty());
        cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

fn night(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let customers = account(&mut rng);
    let rows = export(&mut rng, &customers);
    let folder = Run::bare(&["run"]).folder();
    let list = folder.path().join("conta.csv");
    std::fs::write(&list, account_csv(&customers)).unwrap();
    let customers = ["--customers", list.to_str().unwrap()];
    let (simulator, full) = (Simulator::start(&customers), Simulator::start(&customers));

    let csv = export_csv(&rows);
    let sent_all = command(&["run"], &folder, &full)
        .csv(&csv)
        // Without a snapshot nobody knows which rows of both types are of one customer.
        .args(["--concurrency", "1"])
        .results("tudo.csv")
        .rejects("tudo-rejeitados.csv")
        .go();
    sent_all.exits(0);
    let before = command(&["pull"], &folder, &simulator).args(["-o", "antes.csv"]).go();
    before.exits(0);

    let is_killed = seed % 2 == 1;
    let run = |with_ledger: bool| {
        let run = command(&["run"], &folder, &simulator).csv(&csv).allow_partial();
        let run = run.args(["--snapshot", "antes.csv"]);
        if with_ledger { run.args(["--ledger", "l.db"]) } else { run }
    };
    if is_killed {
        let mut running = run(true).spawn();
        let enough = requests(&simulator) + rng.u64(1..20);
        while running.is_running() && requests(&simulator) < enough {}
        running.kill();
        running.wait();
        wait_until_idle(&simulator);
    }
    let sent = run(is_killed).go();
    // A rename that was cut off is refused when it is repeated; the customer holds it all the same.
    let is_refused_again = is_killed && [Some(1), Some(6)].contains(&sent.code);
    if !is_refused_again {
        sent.exits(0);
    }
    differ(&sent, &held(&simulator), &held(&full), seed);
    assert!(requests(&simulator) < requests(&full) || is_killed);
    println!("seed {seed}: killed {is_killed}, taken back {}", !is_refused_again);
    if !is_refused_again {
        take_back(&sent, &before, &simulator, &folder, seed);
    }
}

/// Runs the command that the summary names, and reads again.
fn take_back(
    sent: &Finished,
    before: &Finished,
    simulator: &Simulator,
    folder: &Arc<TempDir>,
    seed: u64,
) {
    let line = sent.stderr.lines().find(|line| line.contains("--only"));
    let line = line.unwrap_or_else(|| sent.fail("no way back"));
    let back = Run::bare(&["run"])
        .sharing(folder)
        .env("TOMTICKET_TOKEN", CANARY)
        .args(line.split_whitespace().skip(2))
        .results("antes.resultado.csv")
        .rejects("antes.rejeitados.csv")
        .go();
    back.exits(0);
    let after = command(&["pull"], folder, simulator).args(["-o", "depois.csv"]).go();
    let text = after.exits(0).text("depois.csv");
    let (before, mut after) = (shown(&before.text("antes.csv")), shown(&text));
    // What was not shown as given cannot be put back.
    for (before, after) in before.iter().zip(&mut after) {
        if !before.contains_key("criarchamados") {
            after.remove("criarchamados");
        }
    }
    differ(&back, &after, &before, seed);
}

#[track_caller]
fn differ<T: PartialEq + std::fmt::Debug>(run: &Finished, found: &[T], expected: &[T], seed: u64) {
    if found != expected {
        let pairs = found.iter().zip(expected).filter(|(one, other)| one != other);
        let pairs: Vec<_> = pairs.take(3).collect();
        run.fail(&format!("seed {seed}: {} and {}: {pairs:#?}", found.len(), expected.len()));
    }
}

#[test]
fn a_night_with_a_snapshot_ends_as_a_full_one_and_can_be_taken_back() {
    let seeds = std::env::var("SNAPSHOT_SEEDS").map_or(4, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        night(seed);
    }
}
