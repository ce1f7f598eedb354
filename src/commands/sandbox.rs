//! `sandbox`: the simulated TomTicket as a process of its own, until it is interrupted.

use tokio::runtime::{Handle, Runtime};

use super::error::CommandError;
use super::print;
use crate::cli::SandboxArgs;
use crate::exit_code;
use crate::locale::os_error::describe_os_error;
use crate::output::{Terminal, start_logging};
use crate::resources::{self, ResourceError};
use crate::sandbox::{
    Failures, Sandbox, SandboxConfig, SandboxConfigError, customers_from_csv, only_token,
};
use crate::signals;
use crate::stop::{StopReason, channel};

pub(super) fn run(args: SandboxArgs) -> Result<u8, CommandError> {
    start_logging(&Terminal::default(), 0, false);
    let port = args.port;
    let config = config(args)?;
    resources::check()?;
    let runtime = Runtime::new().map_err(ResourceError::Runtime)?;
    runtime.block_on(async {
        let sandbox = Sandbox::start(config).await.map_err(|error| {
            CommandError::SandboxPort(format!(
                "não foi possível iniciar o simulador na porta {port}: {}. Use outro --port, ou nenhum para uma porta livre",
                describe_os_error(&error)
            ))
        })?;
        // A script may end the simulator as soon as it has read the address.
        let interrupted = until_interrupted();
        // Without its address the simulator is of no use.
        print(&format!("{}\n", sandbox.base_url()))?;
        Ok(interrupted.await)
    })
}

fn config(args: SandboxArgs) -> Result<SandboxConfig, SandboxConfigError> {
    Ok(SandboxConfig {
        port: args.port,
        rate: args.rate.unwrap_or_default(),
        latency: args.latency.unwrap_or_default(),
        jitter: args.jitter.unwrap_or_default(),
        customers: args.customers.map(customers_from_csv).transpose()?.unwrap_or_default(),
        token: args.token.as_deref().map(only_token).transpose()?,
        failures: Failures::new(args.fail)?,
        seed: args.seed,
        reset_defaults: args.reset_defaults,
        read_lag: args.read_lag.unwrap_or_default(),
        no_reads: args.no_reads,
        custom_fields: args.custom_fields,
    })
}

/// Handles signals from now on; the future ends with the first one's exit code.
fn until_interrupted() -> impl Future<Output = u8> {
    let (stop, mut listener) = channel();
    let watcher = signals::stop_on_signal(&Handle::current(), stop);
    async move {
        let code = loop {
            if let Some(StopReason::Signal(signal)) = listener.reason() {
                break exit_code::of_signal(signal);
            }
            listener.changed().await;
        };
        watcher.abort();
        code
    }
}
