//! The one writer: a thread that owns the database and the rules. It takes whatever has been asked,
//! answers all of it in one transaction, and so pays for one sync however many rows wait for it.
//!
//! An answer leaves only after the commit: an intent is durable before its request leaves, a
//! settlement before its row counts as done.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::accounts;
use super::keys::{AccountId, Keys};
use super::rules::Rules;
use super::store::SqliteStore;
use super::{FileLock, LedgerError, Place, Policy, lock_path, now, schema};
use crate::model::Update;
use crate::scheduler::ledger::{Ledger, LedgerFailed, Recorded, RequestOutcome};

/// Batches of asks and of answers that may wait: more than the scheduler's window has rows, each with
/// an intent and an outcome.
const QUEUE: usize = 2 * 1025;
/// Asks that are answered together at most: enough to make a sync cheap, few enough that the first
/// of them does not wait long for the last.
const BATCH: usize = 4096;

/// Asks that say, when they come together, that more are on their way...
const COMPANY: usize = 4;
/// ...and are waited for this long before the sync that all of them share. At an account's pace
/// asks come one by one, and nothing is waited for.
const GATHER: Duration = Duration::from_micros(300);

type Answers = Result<Vec<Answer>, LedgerError>;

/// Something for the writer. `seq` comes back in the [`Answer`].
#[derive(Debug)]
pub enum Ask {
    /// Is every value of this row believed to be held by the API?
    Judge {
        /// Which row.
        seq: u64,
        /// What it would send.
        update: Arc<Update>,
    },
    /// This is about to leave.
    Intend {
        /// Which row.
        seq: u64,
        /// What is about to be sent.
        update: Arc<Update>,
    },
    /// This is what became of an intent.
    Settle {
        /// Which row.
        seq: u64,
        /// What was sent.
        update: Arc<Update>,
        /// What became of it.
        how: RequestOutcome,
    },
}

/// The reply to an [`Ask`]. Every ask gets exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Judge`].
    Judged {
        /// Which row.
        seq: u64,
        /// Whether nothing needs to be sent.
        believed: bool,
    },
    /// To the others: it is durable.
    Recorded(Recorded),
}

/// An account that is locked for a run that has not begun to send. Nothing has been changed yet: if
/// the run ends here, the next one finds everything as it was, what was left in flight included.
#[derive(Debug)]
pub struct Claimed {
    path: PathBuf,
    connection: Connection,
    keys: Keys,
    base_url: String,
    label: Option<String>,
    lock: FileLock,
}

/// Takes the account's lock and opens its ledger; creates whatever is missing.
///
/// # Errors
/// [`LedgerError::Busy`] when another run has the account; see [`LedgerError`] for the rest.
pub fn claim(place: &Place<'_>) -> Result<Claimed, LedgerError> {
    let connection = schema::open_for_writing(place.path)?;
    let keys = place.keys(&connection)?;
    let lock = FileLock::acquire(&lock_path(place.path, keys.account()))?;
    Ok(Claimed {
        path: place.path.into(),
        connection,
        keys,
        base_url: place.base_url.to_owned(),
        label: place.label().map(ToOwned::to_owned),
        lock,
    })
}

impl Claimed {
    /// Begins the run: draws the consequences of what an earlier one left in flight, and gives the
    /// pool its memory.
    ///
    /// Blocks on the disk, and where another account is being written, on that for a moment.
    ///
    /// # Errors
    /// The ledger cannot be read or written, or is damaged.
    pub fn begin(self, policy: Policy) -> Result<LedgerHandle, LedgerError> {
        let Self { path, connection, keys, base_url, label, lock } = self;
        schema::upgrade(&path, &connection)?;
        let account = keys.account();
        let id = accounts::add_account(&connection, &path, account, &base_url, label.as_deref())?;
        let store = SqliteStore::alone(connection, &path, id)?;
        store.begin(true)?;
        let rules = take_over(keys, policy, store)?;
        let (asks, asked) = mpsc::channel(QUEUE);
        let (answered, answers) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let rules = Arc::new(Mutex::new(rules));
        let worker = Worker {
            rules: Arc::clone(&rules),
            asked,
            answered,
            commits: Arc::clone(&commits),
            _lock: lock,
        };
        let thread =
            thread::Builder::new().name("ledger".into()).spawn(move || worker.run()).map_err(
                |source| LedgerError::Io { action: "iniciar o gravador do ledger", path, source },
            )?;
        let writer = Writer(Some(thread));
        let waiting = VecDeque::new();
        Ok(LedgerHandle {
            rules,
            asks,
            answers,
            waiting,
            surely_believed: 0,
            commits,
            account,
            writer,
        })
    }
}

fn take_over(
    keys: Keys,
    policy: Policy,
    store: SqliteStore,
) -> Result<Rules<SqliteStore>, LedgerError> {
    // Who is told about what was in flight asks a `Reader` before this.
    let (mut rules, _) = Rules::open(keys, policy, store)?;
    rules.flush(now())?;
    rules.store().commit()?;
    Ok(rules)
}

/// The asynchronous end of the ledger. [`close`](Self::close) it: dropping it also waits until what
/// was asked is done, but blocks meanwhile and tells nobody how it went.
#[derive(Debug)]
pub struct LedgerHandle {
    /// Shared with the writer, for checks.
    rules: Arc<Mutex<Rules<SqliteStore>>>,
    asks: mpsc::Sender<Vec<Ask>>,
    answers: mpsc::Receiver<Answers>,
    /// Answers that came while an ask waited for room.
    waiting: VecDeque<Answers>,
    /// Rows before this one need no judgement.
    surely_believed: u64,
    commits: Arc<AtomicU64>,
    account: AccountId,
    /// Dropped after the channels, whose end is what the writer's thread waits for.
    writer: Writer,
}

/// The writer's thread; never outlives this.
#[derive(Debug)]
struct Writer(Option<JoinHandle<Result<(), LedgerError>>>);

impl Writer {
    fn join(&mut self) -> Result<(), LedgerError> {
        match self.0.take().map(JoinHandle::join) {
            Some(Ok(closed)) => closed,
            // A panic, which the panic hook has reported.
            Some(Err(_)) | None => Err(LedgerError::Stopped),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.join();
    }
}

impl LedgerHandle {
    /// Which account this is, as the lock's name and `ledger status` show it.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// How many transactions were committed so far.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Takes the word of a preflight under this handle's lock that every row before number `seq` is
    /// believed or cannot be sent. Before the first row that is sent nothing changes, so a judgement
    /// would say the same; that saves the second look at a file most of which did not change. Not
    /// for a run that minds ages: they do change.
    pub const fn believe_before(&mut self, seq: u64) {
        self.surely_believed = seq;
    }

    /// Hands over a batch; every ask gets one answer, in order. Waits while too much is waiting, and
    /// takes answers in meanwhile, so that the two ends can never wait for each other. Cancel-safe:
    /// all of the batch is handed over, or none of it.
    ///
    /// # Errors
    /// The error that ended the ledger, or [`LedgerError::Stopped`] if it was handed out before.
    pub async fn ask(&mut self, asks: Vec<Ask>) -> Result<(), LedgerError> {
        loop {
            tokio::select! {
                room = self.asks.reserve() => match room {
                    Ok(room) => {
                        room.send(asks);
                        return Ok(());
                    }
                    Err(_) => break,
                },
                Some(answers) = self.answers.recv() => self.waiting.push_back(answers),
            }
        }
        Err(self.last_words().await)
    }

    /// Waits for the next answers; all of them are durable. Cancel-safe.
    ///
    /// # Errors
    /// The error that ended the ledger, once; then [`LedgerError::Stopped`].
    pub async fn answers(&mut self) -> Result<Vec<Answer>, LedgerError> {
        if let Some(answers) = self.waiting.pop_front() {
            return answers;
        }
        self.answers.recv().await.unwrap_or(Err(LedgerError::Stopped))
    }

    /// Waits until all that was asked is done and the file is closed. Unread answers are dropped.
    ///
    /// # Errors
    /// The error that ended the ledger, unless it was handed out before; or the file could not be
    /// closed.
    pub async fn close(self) -> Result<(), LedgerError> {
        let Self { rules, asks, mut answers, mut waiting, mut writer, .. } = self;
        drop((rules, asks));
        while let Some(last) = answers.recv().await {
            waiting.push_back(last);
        }
        let closed = tokio::task::spawn_blocking(move || writer.join()).await;
        for answers in waiting {
            answers?;
        }
        closed.unwrap_or(Err(LedgerError::Stopped))
    }

    /// The writer has gone: what did it say? Answers that were on their way are kept.
    async fn last_words(&mut self) -> LedgerError {
        while let Some(answers) = self.answers.recv().await {
            self.waiting.push_back(answers);
        }
        match self.waiting.pop_back_if(|last| last.is_err()) {
            Some(Err(error)) => error,
            _ => LedgerError::Stopped,
        }
    }
}

impl LedgerHandle {
    fn hand_over(&self, ask: Ask) -> Result<(), LedgerFailed> {
        match self.asks.try_send(vec![ask]) {
            // Why the writer has gone, `recorded` says.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => {
                Err(LedgerFailed::new("falha interna do registro; avise os autores do programa"))
            }
        }
    }
}

impl Ledger for LedgerHandle {
    fn is_on(&self) -> bool {
        true
    }

    fn check(&mut self, sequence: u64, update: &Update) -> Result<bool, LedgerFailed> {
        if sequence < self.surely_believed {
            return Ok(true);
        }
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.judge(update, now()).map_err(LedgerFailed::new)
    }

    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), LedgerFailed> {
        self.hand_over(Ask::Intend { seq: sequence, update })
    }

    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), LedgerFailed> {
        self.hand_over(Ask::Settle { seq: sequence, update, how: outcome })
    }

    async fn recorded(&mut self) -> Result<Vec<Recorded>, LedgerFailed> {
        let answers = self.answers().await.map_err(LedgerFailed::new)?;
        let recorded = answers.into_iter().filter_map(|answer| match answer {
            Answer::Recorded(recorded) => Some(recorded),
            Answer::Judged { .. } => None,
        });
        Ok(recorded.collect())
    }
}

struct Worker {
    rules: Arc<Mutex<Rules<SqliteStore>>>,
    asked: mpsc::Receiver<Vec<Ask>>,
    answered: mpsc::Sender<Answers>,
    commits: Arc<AtomicU64>,
    /// Held until the file is closed.
    _lock: FileLock,
}

impl Worker {
    fn run(mut self) -> Result<(), LedgerError> {
        while let Some(mut asks) = self.asked.blocking_recv() {
            self.gather(&mut asks);
            if (COMPANY..COMPANY * COMPANY).contains(&asks.len()) && writes(&asks) {
                thread::sleep(GATHER);
                self.gather(&mut asks);
            }
            match self.answer(&asks) {
                // A pool that has gone needs no answers; what it asked is still done.
                Ok(answers) => drop(self.answered.blocking_send(Ok(answers))),
                Err(error) => {
                    // Nobody may get an answer that is not durable, nor ask again.
                    self.asked.close();
                    drop(self.answered.blocking_send(Err(error)));
                    return Ok(());
                }
            }
        }
        // The last one to have it closes it; a handle that is dropped without a word has it longer.
        match Arc::into_inner(self.rules).map(Mutex::into_inner) {
            Some(Ok(rules)) => rules.into_store().close(),
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Takes whatever else has been asked.
    fn gather(&mut self, asks: &mut Vec<Ask>) {
        while asks.len() < BATCH
            && let Ok(more) = self.asked.try_recv()
        {
            asks.extend(more);
        }
    }

    fn answer(&mut self, asks: &[Ask]) -> Answers {
        let writes = writes(asks);
        let mut rules = self.rules.lock().map_err(|_| LedgerError::Stopped)?;
        rules.store().begin(writes)?;
        let now = now();
        let answers = asks
            .iter()
            .map(|ask| match ask {
                Ask::Judge { seq, update } => {
                    let believed = rules.judge(update, now)?;
                    Ok(Answer::Judged { seq: *seq, believed })
                }
                Ask::Intend { seq, update } => {
                    rules.intend(*seq, update, now)?;
                    Ok(Answer::Recorded(Recorded::Intent { sequence: *seq }))
                }
                Ask::Settle { seq, update, how } => {
                    let uncertain = rules.settle(*seq, update, *how, now)?;
                    Ok(Answer::Recorded(Recorded::Outcome { sequence: *seq, uncertain }))
                }
            })
            .collect::<Result<_, LedgerError>>()?;
        if writes {
            rules.flush(now)?;
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        rules.store().commit()?;
        Ok(answers)
    }
}

/// Whether answering changes the file.
fn writes(asks: &[Ask]) -> bool {
    asks.iter().any(|ask| !matches!(ask, Ask::Judge { .. }))
}
