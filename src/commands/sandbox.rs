//! `sandbox`: the simulated TomTicket as a process of its own, until it is interrupted.

use tokio::runtime::Runtime;

use super::{complain, print};
use crate::cli::SandboxArgs;
use crate::exit_code;
use crate::locale::os_error::describe_os_error;
use crate::output::{Terminal, start_logging};
use crate::sandbox::{Failures, Sandbox, SandboxConfig, customers_from_csv, only_token};
use crate::scheduler::Rate;
use crate::signals;
use crate::stop::{StopReason, channel};

/// Why the simulator does not serve.
enum Refusal {
    /// What was asked for cannot be had.
    Call(String),
    /// This machine.
    Machine(String),
}

pub(super) fn run(args: SandboxArgs) -> u8 {
    start_logging(&Terminal::default(), 0, false);
    let (why, is_local_failure) = match serve(args) {
        Ok(code) => return code,
        Err(Refusal::Call(why)) => (why, false),
        Err(Refusal::Machine(why)) => (why, true),
    };
    complain(&why);
    exit_code::of_error(is_local_failure)
}

fn serve(args: SandboxArgs) -> Result<u8, Refusal> {
    let customers = args.customers.as_deref().map(customers_from_csv).transpose();
    let token = args.token.as_deref().map(only_token).transpose();
    let config = SandboxConfig {
        port: args.port,
        rate: args.rate.unwrap_or(Rate::DEFAULT),
        latency: args.latency.unwrap_or_default(),
        jitter: args.jitter.unwrap_or_default(),
        customers: customers.map_err(|error| Refusal::Call(error.to_string()))?,
        token: token.map_err(|error| Refusal::Call(error.to_string()))?,
        failures: Failures::new(args.fail).map_err(|error| Refusal::Call(error.to_string()))?,
        seed: args.seed,
        reset_defaults: args.reset_defaults,
    };
    let runtime = Runtime::new().map_err(|error| {
        Refusal::Machine(format!(
            "não foi possível iniciar o programa: {}",
            describe_os_error(&error)
        ))
    })?;
    runtime.block_on(async {
        let starting = Sandbox::start(config).await;
        let sandbox = starting.map_err(|error| {
            let port = args.port;
            Refusal::Call(format!(
                "não foi possível iniciar o simulador na porta {port}: {}. Use outro --port, ou nenhum para uma porta livre",
                describe_os_error(&error)
            ))
        })?;
        let printed = print(&format!("{}\n", sandbox.base_url()));
        // Nobody would know where it is.
        let code = if printed == exit_code::OK { until_interrupted().await } else { printed };
        sandbox.stop().await;
        Ok(code)
    })
}

async fn until_interrupted() -> u8 {
    let (stop, mut listener) = channel();
    let watcher = tokio::spawn(signals::stop_on_signal(stop));
    let code = loop {
        if let Some(StopReason::Signal(signal)) = listener.reason() {
            break exit_code::of_signal(signal);
        }
        listener.changed().await;
    };
    watcher.abort();
    code
}
