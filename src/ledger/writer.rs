//! The one writer: a thread that makes changes durable in the order in which it receives them. One
//! commit takes everything that waits, so that one fsync serves it all. What the changes mean is not
//! known here.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::changes::Changes;
use super::tables::AccountTables;
use super::{FileLock, LedgerError};

/// The writer's end for the scheduler. Its thread never outlives it.
#[derive(Debug)]
pub struct LedgerWriter {
    /// `None` once it is closed. Unbounded, because the scheduler's window bounds it: each row has at
    /// most an intent and an outcome waiting.
    changes: Option<UnboundedSender<Changes>>,
    /// How many changes each commit made durable, or why the writer has ended.
    commits: UnboundedReceiver<Result<usize, LedgerError>>,
    thread: Option<JoinHandle<()>>,
}

impl LedgerWriter {
    /// Starts the thread. The account stays locked until the file is closed.
    pub fn start(
        tables: AccountTables,
        lock: FileLock,
        path: PathBuf,
    ) -> Result<Self, LedgerError> {
        let (changes, waiting) = mpsc::unbounded_channel();
        let (committed, commits) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("ledger".into())
            .spawn(move || {
                if let Err(error) = write(tables, waiting, &committed) {
                    drop(committed.send(Err(error)));
                }
                drop(lock);
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
    pub fn hand_over(&self, changes: Changes) {
        if let Some(queue) = &self.changes {
            drop(queue.send(changes));
        }
    }

    /// Waits for the next commit and returns how many of the oldest changes it made durable, or the
    /// error that ended the writer, once; then [`LedgerError::Stopped`]. Cancel-safe.
    pub async fn committed(&mut self) -> Result<usize, LedgerError> {
        self.commits.recv().await.unwrap_or(Err(LedgerError::Stopped))
    }

    /// Waits until everything that was handed over is durable and the file is closed. Returns the
    /// error that ended the writer, unless it was returned before.
    pub async fn close(mut self) -> Result<(), LedgerError> {
        self.changes = None;
        let mut ended = Ok(());
        while let Some(commit) = self.commits.recv().await {
            ended = commit.map(drop);
        }
        // The thread has just closed its end of `commits`, so this does not block.
        ended.and(self.join())
    }

    fn join(&mut self) -> Result<(), LedgerError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(())) | None => Ok(()),
            // A panic, which the panic hook has reported.
            Some(Err(_)) => Err(LedgerError::Stopped),
        }
    }
}

impl Drop for LedgerWriter {
    fn drop(&mut self) {
        self.changes = None;
        drop(self.join());
    }
}

fn write(
    tables: AccountTables,
    mut waiting: UnboundedReceiver<Changes>,
    committed: &UnboundedSender<Result<usize, LedgerError>>,
) -> Result<(), LedgerError> {
    while let Some(mut group) = waiting.blocking_recv() {
        let mut count = 1;
        while let Ok(more) = waiting.try_recv() {
            group.merge(more);
            count += 1;
        }
        tables.apply(&group)?;
        // Without a scheduler there is nothing to acknowledge, but what was handed over is written.
        drop(committed.send(Ok(count)));
    }
    tables.close()
}
