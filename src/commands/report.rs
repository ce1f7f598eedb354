//! `report`: the page of a run that has finished, from its results file.

use std::path::Path;

use super::error::CommandError;
use crate::cli::ReportArgs;
use crate::config::report_page;
use crate::exit_code;
use crate::html_report::{Clock, ReportError, check_same_run, html, read_results, read_summary};
use crate::locale::foreign_text::visible_path;
use crate::output::{Destination, ModeLimit, Output, RunSummary, Terminal};

pub(super) fn run(args: &ReportArgs) -> Result<u8, CommandError> {
    let destination = match &args.output {
        Some(path) => Destination::from_arg(path),
        None => Destination::Path(report_page(&args.results)),
    };
    write_page(args, &destination)?;
    if let Destination::Path(path) = &destination {
        Terminal::default().print(&format!("Relatório: {}\n", visible_path(path)));
    }
    Ok(exit_code::OK)
}

/// The output is opened before millions of rows are read, so that a page that cannot be written is
/// reported at once.
fn write_page(args: &ReportArgs, destination: &Destination) -> Result<(), ReportError> {
    // Standard input may be a file too (`report - < clientes.resultado.csv`).
    let results = match args.results.as_os_str() == "-" {
        true => Path::new("/dev/stdin"),
        false => &args.results,
    };
    destination.differs_from(results, "é o próprio arquivo de resultados")?;
    let mut summary = None;
    if let Some(path) = &args.summary_json {
        destination.differs_from(path, "é o próprio resumo")?;
        summary = Some(read_summary(path)?);
    }
    let mut output = Output::open(destination, ModeLimit::of_input(results))?;
    let page = page(args, summary.as_ref())?;
    output.begin()?;
    Ok(output.write_whole(&page)?)
}

fn page(args: &ReportArgs, summary: Option<&RunSummary>) -> Result<String, ReportError> {
    let stats = read_results(&args.results)?;
    if let (Some(summary), Some(path)) = (summary, &args.summary_json) {
        check_same_run(summary, &stats, path, &args.results)?;
    }
    let name = args.results.file_name().unwrap_or(args.results.as_os_str());
    html(&stats, summary, &name.to_string_lossy(), &Clock::system())
}
