//! One function per subcommand: from what was typed to the exit code.

mod manual;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use crate::cli::{
    Cli, Command, LedgerCommand, LedgerForgetArgs, LedgerStatusArgs, ReportArgs, RunArgs,
    SandboxArgs,
};
use crate::config::{Settings, SettingsError, base_url, ledger_path, token};
use crate::exit;
use crate::io_words::io_words;
use crate::ledger::{Account, Place, admin};
use crate::mapper::Target;
use crate::model::Name;
use crate::pool::Rate;
use crate::report::{Clock, ReportError, RunFacts, html, read_results};
use crate::reporter::{Destination, Output, Terminal, number, start_logging};
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
        Command::Report(args) => report(&args).unwrap_or_else(|error| {
            complain(&error.to_string());
            if error.is_local_failure() { exit::LOCAL } else { exit::USAGE }
        }),
        Command::Ledger(args) => {
            let result = match args.command {
                LedgerCommand::Status(args) => ledger_status(args),
                LedgerCommand::Forget(args) => ledger_forget(args),
            };
            result.unwrap_or_else(|error| {
                complain(&error.to_string());
                if error.is_local_failure() { exit::LOCAL } else { exit::USAGE }
            })
        }
        Command::Completions(args) => {
            let mut script = Vec::new();
            let name = env!("CARGO_PKG_NAME");
            clap_complete::generate(args.shell, &mut crate::cli::command(), name, &mut script);
            print(&String::from_utf8_lossy(&script));
            exit::OK
        }
        Command::Manual(_) => match manual::page() {
            Ok(page) => {
                print(&String::from_utf8_lossy(&page));
                exit::OK
            }
            Err(error) => {
                complain(&io_words(&error));
                exit::LOCAL
            }
        },
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
    let terminal = Terminal::speaking(args.log_format.unwrap_or_default());
    start_logging(&terminal, args.verbose, args.quiet);
    let result = Settings::resolve(args, check)
        .map_err(RunError::from)
        .and_then(|settings| execute(settings, &terminal));
    match result {
        Ok(code) => code,
        Err(error) => {
            terminal.complain(&error.to_string());
            if error.is_local_failure() { exit::LOCAL } else { exit::USAGE }
        }
    }
}

/// Makes the page of a finished run. The output is opened first: a page that cannot be written is
/// to be known before two million rows are read.
fn report(args: &ReportArgs) -> Result<u8, ReportError> {
    let destination = match &args.output {
        Some(path) => Destination::from_arg(path),
        None => Destination::Path(report_path(&args.results)),
    };
    // Standard input may be a file too (`report - < clientes.resultado.csv`).
    let results = match args.results.as_os_str() == "-" {
        true => Path::new("/dev/stdin"),
        false => &args.results,
    };
    destination.differs_from(results, "é o próprio arquivo de resultados")?;
    let facts = match &args.summary_json {
        Some(path) => {
            destination.differs_from(path, "é o próprio resumo")?;
            Some(RunFacts::read(path)?)
        }
        None => None,
    };
    let mut output = Output::open(&destination)?;
    let page = read_results(&args.results).and_then(|findings| {
        if let (Some(facts), Some(path)) = (&facts, &args.summary_json) {
            facts.agree(&findings, path, &args.results)?;
        }
        let name = args.results.file_name().unwrap_or(args.results.as_os_str());
        html(&findings, facts.as_ref(), &name.to_string_lossy(), &Clock::system())
    });
    let page = match page {
        Ok(page) => page,
        Err(error) => {
            output.abandon();
            return Err(error);
        }
    };
    output.write(page.as_bytes())?;
    output.finish()?;
    if let Destination::Path(path) = &destination {
        Terminal::default().print(&format!("Relatório: {}\n", path.display()));
    }
    Ok(exit::OK)
}

/// `clientes.resultado.csv` → `clientes.relatorio.html`, beside it; in the working directory for
/// standard input and what else has no place of its own.
fn report_path(results: &Path) -> PathBuf {
    let nowhere = results.as_os_str() == "-"
        || ["/dev", "/proc"].iter().any(|folder| results.starts_with(folder));
    let name = results.file_name().filter(|_| !nowhere).map(|name| name.to_string_lossy());
    let mut stem = name.as_deref().unwrap_or("entrada");
    for ending in [".gz", ".csv", ".resultado"] {
        let at = stem.len().saturating_sub(ending.len());
        if at > 0 && stem.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            stem = &stem[..at];
        }
    }
    let page = format!("{stem}.relatorio.html");
    if nowhere { PathBuf::from(page) } else { results.with_file_name(page) }
}

/// The header line with every column, a custom field among them.
fn template() -> String {
    let mut columns: Vec<String> = Target::fixed().map(|target| target.to_string()).collect();
    columns.push("campo:abc01".to_owned());
    columns.join(",") + "\n"
}

fn ledger_status(args: LedgerStatusArgs) -> Result<u8, RunError> {
    let path = ledger_path(args.ledger.as_deref())?;
    let accounts = admin::status(&path)?;
    let mut text = format!("Registro: {}\n", path.display());
    if accounts.is_empty() {
        text.push_str("Nenhuma conta: nada foi enviado com este registro ainda.\n");
    }
    for account in &accounts {
        let label =
            account.label.as_deref().map_or("(pelo token)".to_owned(), |l| format!("\"{l}\""));
        let changed = account.last_change.map_or("nunca".to_owned(), |at| at.to_string());
        text.push_str(&format!(
            "\nConta {label} em {}\n  código:         {}\n  clientes:       {}\n  última mudança: {changed}\n  em andamento:   {}\n",
            account.base_url,
            account.account,
            number(account.customers),
            number(account.in_flight)
        ));
    }
    text.push_str("\nO registro só sabe o que este programa enviou com ele. O que mudou no painel, por outro programa,\noutra máquina ou com --no-ledger é invisível: use --full, --max-age ou ledger forget.\n");
    print(&text);
    Ok(exit::OK)
}

fn ledger_forget(args: LedgerForgetArgs) -> Result<u8, RunError> {
    let path = ledger_path(args.ledger.as_deref())?;
    if let Some(code) = &args.account_id {
        let known = code.parse().ok().map(|id| admin::forget_account(&path, id)).transpose()?;
        return Ok(forgotten(known.unwrap_or(false), "a conta"));
    }
    let base_url = base_url(args.base_url.as_ref())?;
    let token = match &args.account {
        Some(_) => None,
        None => Some(token(args.token_file.as_deref()).map_err(|error| match error {
            SettingsError::NoToken => SettingsError::NoAccount,
            error => error,
        })?),
    };
    let account = match (&args.account, &token) {
        (Some(label), _) => Account::Label(label),
        (None, Some(token)) => Account::Token(token.expose_for_key()),
        (None, None) => return Err(SettingsError::NoAccount.into()),
    };
    let place = Place { path: &path, base_url: base_url.as_str(), account };
    if let (Some(identificador), Some(ctype)) = (&args.identificador, args.id_type) {
        let name = Name { ctype, text: identificador };
        return Ok(forgotten(admin::forget_customer(&place, name)?, "o cliente"));
    }
    let known = match admin::find_account(&place)? {
        Some(id) => admin::forget_account(&path, id)?,
        None => false,
    };
    Ok(forgotten(known, "a conta"))
}

/// Says what came of forgetting. That there was nothing to forget is no failure.
fn forgotten(known: bool, what: &str) -> u8 {
    print(&match known {
        true => format!("Feito: o registro esqueceu {what}.\n"),
        false => format!("Nada a fazer: o registro não conhecia {what}.\n"),
    });
    exit::OK
}

fn sandbox(args: SandboxArgs) -> u8 {
    let terminal = Terminal::default();
    start_logging(&terminal, 0, false);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_named_after_the_run() {
        for (results, report) in [
            ("a/clientes.resultado.csv", "a/clientes.relatorio.html"),
            ("clientes.simulado.resultado.csv", "clientes.simulado.relatorio.html"),
            ("noite.CSV", "noite.relatorio.html"),
            ("noite", "noite.relatorio.html"),
            ("a/ok.csv.gz", "a/ok.relatorio.html"),
            ("clientes.resultado.CSV.gz", "clientes.relatorio.html"),
            ("-", "entrada.relatorio.html"),
            ("/dev/stdin", "entrada.relatorio.html"),
            ("/proc/self/fd/0", "entrada.relatorio.html"),
        ] {
            assert_eq!(report_path(Path::new(results)), Path::new(report));
        }
    }
}
