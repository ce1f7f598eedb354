//! What the ledger's tests from outside share: rows, and a run that asks and waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tomticket_sync::ledger::{
    self, Account, LedgerError, LedgerHandle, Leftover, Place, Policy, Reader,
};
use tomticket_sync::ledger::{Answer, Ask};
use tomticket_sync::model::{
    CampoId, Customer, CustomerType, FieldName, Identifier, Param, Update,
};
use tomticket_sync::scheduler::ledger::RequestOutcome;

pub const FIRST: RequestOutcome = RequestOutcome::Accepted { first_attempt: true };

pub fn update(ctype: CustomerType, identifier: &str, values: &[(&str, &str)]) -> Arc<Update> {
    let field = |name: &str| match name.strip_prefix("campo:") {
        Some(id) => FieldName::Campo(CampoId::new(id).unwrap()),
        None => FieldName::Param(Param::ALL.into_iter().find(|p| p.as_str() == name).unwrap()),
    };
    let fields: Arc<[FieldName]> = values.iter().map(|(name, _)| field(name)).collect();
    let customer = Customer { ctype, identifier: Identifier::new(identifier).unwrap() };
    let mut update = Update::new(customer, fields);
    for (at, (_, value)) in (0..).zip(values) {
        update.push(at, value);
    }
    Arc::new(update)
}

/// A row for the customer with this e-mail.
pub fn e(identifier: &str, values: &[(&str, &str)]) -> Arc<Update> {
    update(CustomerType::Email, identifier, values)
}

/// A ledger in a folder of its own.
pub struct Home {
    pub dir: tempfile::TempDir,
    pub ledger: PathBuf,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("state/ledger.db");
        Self { dir, ledger }
    }

    pub fn place(&self) -> Place<'_> {
        place(&self.ledger, Account::Token(b"s3gr3d0"))
    }

    pub fn labelled<'a>(&'a self, label: &'a str) -> Place<'a> {
        place(&self.ledger, Account::Label(label))
    }

    pub fn run(&self) -> Run {
        Run::open(&self.place()).unwrap()
    }

    /// Why a run cannot begin.
    pub fn run_error(&self) -> LedgerError {
        Run::open(&self.place()).err().expect("a run must not start")
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.place(), Policy::default()).unwrap()
    }

    /// A file beside the ledger.
    pub fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.ledger.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// Has `rows` accepted in a run of its own.
    pub fn accept(&self, rows: &[Arc<Update>]) {
        let mut run = self.run();
        run.accept(rows);
        run.close();
    }
}

pub fn place<'a>(path: &'a Path, account: Account<'a>) -> Place<'a> {
    Place { path, base_url: "https://api.example", account }
}

/// A run that asks, and waits for the answers.
pub struct Run {
    pub runtime: tokio::runtime::Runtime,
    pub handle: LedgerHandle,
    pub leftovers: Vec<Leftover>,
}

impl Run {
    pub fn open(place: &Place<'_>) -> Result<Self, LedgerError> {
        let claimed = ledger::claim(place)?;
        let leftovers = Reader::open(place, Policy::default())?.leftovers().to_vec();
        let handle = claimed.begin(Policy::default())?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Ok(Self { runtime, handle, leftovers })
    }

    /// Asks all at once, and waits for as many answers.
    pub fn ask(&mut self, asks: Vec<Ask>) -> Result<Vec<Answer>, LedgerError> {
        let Self { runtime, handle, .. } = self;
        runtime.block_on(async {
            let expected = asks.len();
            handle.ask(asks).await?;
            let mut answers = Vec::new();
            while answers.len() < expected {
                answers.extend(handle.answers().await?);
            }
            Ok(answers)
        })
    }

    pub fn intend(&mut self, rows: &[Arc<Update>]) {
        let asks = (0..).zip(rows).map(|(seq, row)| Ask::Intend { seq, update: Arc::clone(row) });
        self.ask(asks.collect()).unwrap();
    }

    pub fn settle(&mut self, rows: &[Arc<Update>], how: RequestOutcome) {
        let asks =
            (0..).zip(rows).map(|(seq, row)| Ask::Settle { seq, update: Arc::clone(row), how });
        self.ask(asks.collect()).unwrap();
    }

    pub fn accept(&mut self, rows: &[Arc<Update>]) {
        self.intend(rows);
        self.settle(rows, FIRST);
    }

    pub fn believes(&mut self, row: &Arc<Update>) -> bool {
        let answers = self.ask(vec![Ask::Judge { seq: 0, update: Arc::clone(row) }]).unwrap();
        matches!(answers[..], [Answer::Judged { believed: true, .. }])
    }

    pub fn close(self) {
        self.runtime.block_on(self.handle.close()).unwrap();
    }
}
