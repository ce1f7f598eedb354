//! One function per subcommand: from what was typed to the exit code.

mod manual;
mod sandbox;

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap_complete::Shell;

use crate::cli::{
    Cli, Command, LedgerCommand, LedgerForgetArgs, LedgerStatusArgs, ReportArgs, RunArgs,
};
use crate::config::{Settings, SettingsError, base_url, ledger_path, token};
use crate::exit_code;
use crate::html_report::{Clock, ReportError, RunFacts, html, read_results};
use crate::ledger::{Account, Place, admin};
use crate::locale::os_error::describe_os_error;
use crate::mapping::Target;
use crate::model::Name;
use crate::output::{Destination, Output, Terminal, number, start_logging};
use crate::run::{RunError, execute};

/// Runs a parsed command line and gives the exit code. Errors are told on standard error.
pub fn run(cli: Cli) -> u8 {
    match cli.command {
        Command::Run(args) => sync(*args, false),
        Command::Check(args) => sync(*args, true),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Template(_) => print(&template()),
        Command::Report(args) => report(&args).unwrap_or_else(|error| {
            complain(&error.to_string());
            exit_code::of_error(error.is_local_failure())
        }),
        Command::Ledger(args) => told(match args.command {
            LedgerCommand::Status(args) => ledger_status(args),
            LedgerCommand::Forget(args) => ledger_forget(args),
        }),
        Command::Completions(args) => print(&completions(args.shell)),
        Command::Manual(_) => match manual::page() {
            Ok(page) => print(&String::from_utf8_lossy(&page)),
            Err(error) => {
                complain(&describe_os_error(&error));
                exit_code::of_error(true)
            }
        },
    }
}

/// Writes to standard output what a command was asked for, and gives the exit code. A reader that
/// has gone away (`| head -1`) is no error; a disk that takes nothing is one.
pub fn print(text: &str) -> u8 {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!(
                "não foi possível gravar a saída padrão: {}. Confira o espaço em disco e para onde ela vai",
                describe_os_error(&error)
            ));
            exit_code::of_error(true)
        }
        Ok(()) | Err(_) => exit_code::OK,
    }
}

/// Tells an error on standard error.
pub fn complain(error: &str) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "erro: {error}");
}

/// The exit code, after an error was told.
fn told(result: Result<u8, RunError>) -> u8 {
    result.unwrap_or_else(|error| {
        complain(&error.to_string());
        exit_code::of_error(error.is_local_failure())
    })
}

fn sync(args: RunArgs, check: bool) -> u8 {
    let terminal = Terminal::speaking(args.log_format.unwrap_or_default());
    start_logging(&terminal, args.verbose, args.quiet);
    let settings = Settings::resolve(args, check).map_err(RunError::from);
    settings.and_then(|settings| execute(settings, &terminal)).unwrap_or_else(|error| {
        terminal.complain(&error.to_string());
        exit_code::of_error(error.is_local_failure())
    })
}

/// The shell's own script that completes what is being typed.
fn completions(shell: Shell) -> String {
    let name = env!("CARGO_PKG_NAME");
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::command(), name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // clap_complete 4.6 takes the hyphen of the program's name for the one between two commands
        // where it looks a command up, and not where it finds one: nothing after a subcommand
        // would ever be completed. Harmless once both spell it alike.
        Shell::Bash => script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__")),
        _ => script,
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
    output.begin()?;
    output.write(page.as_bytes())?;
    output.finish()?;
    if let Destination::Path(path) = &destination {
        Terminal::default().print(&format!("Relatório: {}\n", path.display()));
    }
    Ok(exit_code::OK)
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
    Ok(print(&text))
}

fn ledger_forget(args: LedgerForgetArgs) -> Result<u8, RunError> {
    let path = ledger_path(args.ledger.as_deref())?;
    if let Some(code) = &args.account_id {
        let id = code.trim().parse().map_err(|()| SettingsError::AccountCode(code.clone()))?;
        return Ok(forgotten(admin::forget_account(&path, id)?, "a conta"));
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
        let name = Name { ctype, text: identificador.trim() };
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
