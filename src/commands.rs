//! One function per subcommand: from what was typed to the exit code.

use std::io::{self, Write};

use tokio::runtime::Runtime;

use crate::cli::{Cli, Command, RunArgs, SandboxArgs};
use crate::config::Settings;
use crate::exit;
use crate::mapper::Target;
use crate::pool::Rate;
use crate::reporter::{Terminal, start_logging};
use crate::run::{RunError, execute};
use crate::sandbox::{Failures, Sandbox, SandboxConfig, customers_from_csv};
use crate::signals;
use crate::stop::{StopReason, channel};

/// Runs a parsed command line and gives the exit code. Errors are told on standard error.
pub fn run(cli: Cli) -> u8 {
    match cli.command {
        Command::Run(args) => sync(*args, false),
        Command::Check(args) => sync(*args, true),
        Command::Sandbox(args) => sandbox(args),
        Command::Template(_) => {
            print(&template());
            exit::OK
        }
        Command::Completions(args) => {
            let mut script = Vec::new();
            let name = env!("CARGO_PKG_NAME");
            clap_complete::generate(args.shell, &mut crate::cli::command(), name, &mut script);
            print(&String::from_utf8_lossy(&script));
            exit::OK
        }
    }
}

/// Writes to standard output. A reader that has gone away (`| head -1`) is no error.
pub fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Tells an error on standard error.
pub fn complain(error: &str) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "erro: {error}");
}

fn sync(args: RunArgs, check: bool) -> u8 {
    let terminal = Terminal::default();
    start_logging(&terminal, args.log_format.unwrap_or_default(), args.verbose, args.quiet);
    let result = Settings::resolve(args, check)
        .map_err(RunError::from)
        .and_then(|settings| execute(settings, &terminal));
    match result {
        Ok(code) => code,
        Err(error) => {
            complain(&error.to_string());
            if error.is_local_failure() { exit::LOCAL } else { exit::USAGE }
        }
    }
}

/// The header line with every column, a custom field among them.
fn template() -> String {
    let mut columns: Vec<String> = Target::fixed().map(|target| target.to_string()).collect();
    columns.push("campo:abc01".to_owned());
    columns.join(",") + "\n"
}

fn sandbox(args: SandboxArgs) -> u8 {
    let terminal = Terminal::default();
    start_logging(&terminal, Default::default(), 0, false);
    match serve(args) {
        Ok(code) => code,
        Err(why) => {
            complain(&why);
            exit::USAGE
        }
    }
}

fn serve(args: SandboxArgs) -> Result<u8, String> {
    let customers = args.customers.as_deref().map(customers_from_csv).transpose();
    let config = SandboxConfig {
        port: args.port,
        rate: args.rate.unwrap_or(Rate::DEFAULT),
        latency: args.latency.unwrap_or_default(),
        jitter: args.jitter.unwrap_or_default(),
        customers: customers.map_err(|error| error.to_string())?,
        token: args.token.map(Into::into),
        failures: Failures::new(args.fail).map_err(|error| error.to_string())?,
        seed: args.seed,
        reset_defaults: args.reset_defaults,
    };
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let sandbox = Sandbox::start(config)
            .await
            .map_err(|error| format!("não foi possível iniciar o simulador: {error}"))?;
        print(&format!("{}\n", sandbox.base_url()));
        let (stop, mut listener) = channel();
        let watcher = tokio::spawn(signals::stop_on_signal(stop));
        let code = loop {
            if let Some(StopReason::Signal(signal)) = listener.reason() {
                break exit::of_signal(signal);
            }
            listener.changed().await;
        };
        watcher.abort();
        sandbox.stop().await;
        Ok(code)
    })
}
