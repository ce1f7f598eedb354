//! The one writer: a thread that makes changes durable in the order in which it receives them. It
//! commits in groups, so that one fsync serves every row that waits for it. What the changes mean is
//! not known here.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};

use super::changes::Changes;
use super::tables::AccountTables;
use super::{FileLock, LedgerError};

/// Changes that may wait: an intent and an outcome for each row of the scheduler's window and for the
/// circuit breaker's probe.
const QUEUE: usize = 2 * (1024 + 1);

/// Changes in a group at most, so that the first of them does not wait long for the last.
const GROUP_MOST: usize = QUEUE;
/// Group commit: if a group holds at least so many changes, the writer waits
/// [`GROUP_COMMIT_WINDOW`] for more, so that they share one fsync. At an account's three requests a
/// second changes come one by one, and nothing is waited for.
const GROUP_COMMIT_MIN: usize = 4;
const GROUP_COMMIT_WINDOW: Duration = Duration::from_micros(300);

/// The writer's end for the scheduler. Its thread never outlives it.
#[derive(Debug)]
pub struct LedgerWriter {
    /// `None` once it is closed.
    changes: Option<mpsc::Sender<Changes>>,
    /// How many changes each commit made durable, or why the writer has ended.
    commits: mpsc::Receiver<Result<usize, LedgerError>>,
    thread: Option<JoinHandle<Result<(), LedgerError>>>,
}

impl LedgerWriter {
    /// Starts the thread. The account stays locked until the file is closed.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        tables: AccountTables,
        lock: FileLock,
        path: PathBuf,
    ) -> Result<Self, LedgerError> {
        let (changes, waiting) = mpsc::channel(QUEUE);
        let (committed, commits) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("ledger".into())
            .spawn(move || {
                let closed = write(tables, waiting, &committed);
                drop(lock);
                closed
            })
            .map_err(|source| LedgerError::Io {
                action: "iniciar o gravador do ledger",
                path,
                source,
            })?;
        Ok(Self { changes: Some(changes), commits, thread: Some(thread) })
    }

    /// Hands over changes without waiting. If the writer has ended, [`committed`](Self::committed)
    /// says why.
    ///
    /// # Errors
    /// [`LedgerError::QueueFull`].
    pub fn hand_over(&self, changes: Changes) -> Result<(), LedgerError> {
        match self.changes.as_ref().map(|queue| queue.try_send(changes)) {
            Some(Err(TrySendError::Full(_))) => Err(LedgerError::QueueFull),
            Some(Ok(()) | Err(TrySendError::Closed(_))) | None => Ok(()),
        }
    }

    /// Waits for the next commit and returns how many of the oldest changes it made durable.
    /// Cancel-safe.
    ///
    /// # Errors
    /// The error that ended the writer, once; then [`LedgerError::Stopped`].
    pub async fn committed(&mut self) -> Result<usize, LedgerError> {
        self.commits.recv().await.unwrap_or(Err(LedgerError::Stopped))
    }

    /// Waits until everything that was handed over is durable and the file is closed.
    ///
    /// # Errors
    /// The error that ended the writer, unless it was returned before; or the file could not be
    /// closed.
    pub async fn close(mut self) -> Result<(), LedgerError> {
        self.changes = None;
        let mut ended = Ok(());
        while let Some(commit) = self.commits.recv().await {
            ended = commit.map(drop);
        }
        let closed = tokio::task::spawn_blocking(move || self.join()).await;
        ended.and(closed.unwrap_or(Err(LedgerError::Stopped)))
    }

    fn join(&mut self) -> Result<(), LedgerError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(closed)) => closed,
            // A panic, which the panic hook has reported.
            Some(Err(_)) | None => Err(LedgerError::Stopped),
        }
    }
}

impl Drop for LedgerWriter {
    fn drop(&mut self) {
        self.changes = None;
        self.commits.close();
        let _ = self.join();
    }
}

fn write(
    tables: AccountTables,
    mut waiting: mpsc::Receiver<Changes>,
    committed: &mpsc::Sender<Result<usize, LedgerError>>,
) -> Result<(), LedgerError> {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = CommitGroup { changes: first, count: 1 };
        group.add(&mut waiting);
        if group.count >= GROUP_COMMIT_MIN {
            thread::sleep(GROUP_COMMIT_WINDOW);
            group.add(&mut waiting);
        }
        let applied = tables.apply(&group.changes);
        let failed = applied.is_err();
        // Without a scheduler there is nothing to acknowledge, but what was handed over is written.
        drop(committed.blocking_send(applied.map(|()| group.count)));
        if failed {
            return Ok(());
        }
    }
    tables.close()
}

/// Changes that become durable with one fsync.
struct CommitGroup {
    changes: Changes,
    count: usize,
}

impl CommitGroup {
    /// Adds what is waiting.
    fn add(&mut self, waiting: &mut mpsc::Receiver<Changes>) {
        while self.count < GROUP_MOST
            && let Ok(more) = waiting.try_recv()
        {
            self.changes.merge(more);
            self.count += 1;
        }
    }
}
