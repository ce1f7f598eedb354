//! What one row costs in each room it passes through, without network and apart from each other:
//! `cargo bench`. How the rooms do together is `scripts/bench.py`'s business.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot begin has nothing to say"
)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tempfile::TempDir;
use tomticket_sync::api::{BaseUrl, Body, Endpoint, Forms, Token, classify};
use tomticket_sync::ledger::{Account, Place, Policy, Reader, claim};
use tomticket_sync::mapper::{MappingOptions, Plan};
use tomticket_sync::model::{Job, Update};
use tomticket_sync::pool::memory::{Ask, Settlement};
use tomticket_sync::reader::{Input, ReadOptions, Record, Source, rows, survey};

const ROWS: usize = 10_000;

fn main() {
    divan::main();
}

/// Customers as `scripts/bench.py` makes them: ten columns, about 140 bytes.
fn csv() -> String {
    let mut text = String::from(
        "identificador,tipo_identificador,nome,email,telefone,criarchamados,id_organizacao,idioma,campo:cidade,campo:plano\n",
    );
    for i in 0..ROWS {
        let mail = format!("cliente{i:08}@exemplo.com.br");
        let (phone, group) = (i % 10_000, i % 977);
        let _ = writeln!(
            text,
            "{mail},E,João Gonçalves da Silva,{mail},(00) 9{phone:04}-0000,sim,ORG-{group:05},pt_BR,São Paulo,Plano {:03}",
            i % 7
        );
    }
    text
}

struct File {
    folder: TempDir,
    path: PathBuf,
    bytes: usize,
}

fn file() -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clientes.csv");
    let text = csv();
    std::fs::write(&path, &text).unwrap();
    File { folder, path, bytes: text.len() }
}

fn records(file: &File) -> (Plan, Vec<Record>) {
    let source = Source::open(&Input::from_arg(&file.path)).unwrap();
    let survey = survey(&source, &ReadOptions::default(), false).unwrap();
    let plan = Plan::new(&survey.header, &MappingOptions::default()).unwrap();
    let records = rows(&source, &survey).unwrap().map(Result::unwrap).collect();
    (plan, records)
}

fn updates(file: &File) -> Vec<Arc<Update>> {
    let (plan, records) = records(file);
    let sent = records.iter().map(|record| match plan.map(record).job {
        Job::Send(update) => update,
        Job::Invalid(why) => panic!("{why}"),
    });
    sent.collect()
}

/// Encoding, layout and fingerprints of the whole file.
#[divan::bench]
fn survey_file(bencher: Bencher<'_, '_>) {
    let file = file();
    let source = Source::open(&Input::from_arg(&file.path)).unwrap();
    bencher
        .counter(BytesCount::new(file.bytes))
        .bench(|| survey(&source, &ReadOptions::default(), true).unwrap());
}

/// Bytes → records, verified against the fingerprints.
#[divan::bench]
fn parse_file(bencher: Bencher<'_, '_>) {
    let file = file();
    let source = Source::open(&Input::from_arg(&file.path)).unwrap();
    let survey = survey(&source, &ReadOptions::default(), true).unwrap();
    bencher.counter(BytesCount::new(file.bytes)).bench(|| {
        let mut reading = rows(&source, &survey).unwrap();
        let mut record = Record::default();
        while reading.read(&mut record).unwrap() {
            black_box(&record);
        }
    });
}

/// Record → update.
#[divan::bench]
fn map_rows(bencher: Bencher<'_, '_>) {
    let (plan, records) = records(&file());
    bencher.counter(ItemsCount::new(records.len())).bench(|| {
        for record in &records {
            black_box(plan.map(record));
        }
    });
}

/// Update → path and body of its request.
#[divan::bench]
fn encode_requests(bencher: Bencher<'_, '_>) {
    let updates = updates(&file());
    let base = BaseUrl::parse("https://api.tomticket.com").unwrap();
    let endpoint = Endpoint::new(&base, &Token::new("medida0123456789").unwrap());
    let forms = Forms::new();
    bencher.counter(ItemsCount::new(updates.len())).bench(|| {
        for update in &updates {
            black_box(endpoint.path(update.customer()));
            black_box(forms.write(update));
        }
    });
}

/// Status and body → what the reply means.
#[divan::bench]
fn classify_reply(bencher: Bencher<'_, '_>) {
    let reply = br#"{"erro":false,"mensagem":"Cliente atualizado com sucesso."}"#;
    bencher.bench(|| classify(200, Body::Whole(black_box(reply))));
}

/// Is a row that did not change believed? One question of a preflight, names in the file's order.
#[divan::bench]
fn look_up_in_ledger(bencher: Bencher<'_, '_>) {
    let file = file();
    let updates = updates(&file);
    let path = file.folder.path().join("ledger.db");
    let account = Account::Token(b"medida0123456789");
    let place = Place { path: &path, base_url: "https://api.tomticket.com", account };
    fill(&place, &updates);
    let mut reader = Reader::open(&place, Policy::default()).unwrap();
    bencher.counter(ItemsCount::new(updates.len())).bench_local(|| {
        for update in &updates {
            assert!(reader.believed(update).unwrap());
        }
    });
}

/// A first night in which everything was accepted.
fn fill(place: &Place<'_>, updates: &[Arc<Update>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut ledger = claim(place).unwrap().begin(Policy::default()).unwrap();
    runtime.block_on(async {
        for (seq, update) in (0u64..).zip(updates) {
            let how = Settlement::Accepted { first_attempt: true };
            let update = || Arc::clone(update);
            let asks = vec![
                Ask::Intend { seq, update: update() },
                Ask::Settle { seq, update: update(), how },
            ];
            ledger.ask(asks).await.unwrap();
        }
        ledger.close().await.unwrap();
    });
}
