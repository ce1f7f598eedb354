//! What `pull` and `ids` share: opening an account for reading, and reading until the end or a signal.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::error::CommandError;
use crate::api::{ApiVersion, Client};
use crate::cli::ReadingArgs;
use crate::config::{ReadAccount, exposed_token_file};
use crate::ledger::{FileLock, lock_alone};
use crate::output::{Terminal, start_logging};
use crate::pull::ListReader;
use crate::resources::{self, ResourceError};
use crate::scheduler::Rate;
use crate::signals;
use crate::stop::channel;

/// An account that is locked for reading: two processes never share its pace by accident.
pub(super) struct OpenAccount {
    pub account: ReadAccount,
    client: Arc<Client>,
    _lock: Option<FileLock>,
}

impl OpenAccount {
    pub fn open(args: &ReadingArgs) -> Result<Self, CommandError> {
        let account = ReadAccount::resolve(args)?;
        let lock = match account.location() {
            Some(location) => lock_alone(&location).map_err(CommandError::Ledger)?,
            None => None,
        };
        let timeout = args.timeout.unwrap_or(Duration::from_secs(60));
        let client =
            Client::new(&account.base_url, account.token.clone(), ApiVersion::V2, timeout)?;
        Ok(Self { account, client: Arc::new(client), _lock: lock })
    }

    /// Runs `read` with a reader of this account, until it ends or a signal stops it.
    pub fn read<T, F: Future<Output = Result<T, CommandError>>>(
        &self,
        args: &ReadingArgs,
        read: impl FnOnce(ListReader) -> F,
    ) -> Result<T, CommandError> {
        resources::check()?;
        let runtime = Runtime::new().map_err(ResourceError::from)?;
        let (stop, listener) = channel();
        let watcher = signals::stop_on_signal(runtime.handle(), stop);
        let done = runtime.block_on(async {
            read(ListReader::new(
                Arc::clone(&self.client),
                args.rate.unwrap_or(Rate::DEFAULT),
                args.concurrency.unwrap_or(8),
                args.give_up_after.unwrap_or(Duration::from_secs(300)),
                listener,
            ))
            .await
        });
        watcher.abort();
        // A name lookup may still block a thread.
        runtime.shutdown_timeout(Duration::from_secs(1));
        done
    }
}

/// Runs a command whose errors go where its messages go.
pub(super) fn report(
    args: &ReadingArgs,
    command: impl FnOnce(&Terminal) -> Result<u8, CommandError>,
) -> u8 {
    let terminal = Terminal::speaking(args.log_format.unwrap_or_default());
    start_logging(&terminal, 0, args.quiet);
    if let Some(warning) =
        exposed_token_file(args.account.token_file.as_deref()).filter(|_| !args.quiet)
    {
        terminal.print(&warning);
    }
    command(&terminal).unwrap_or_else(|error| {
        terminal.complain(&error.to_string());
        error.exit_code()
    })
}
