//! The outputs of a run: checking that no two are one file, opening them, and writing report and
//! summary at the end. What results, rejects and summary hold is [`crate::output`]'s.

use std::path::Path;

use crate::config::{ProgramFiles, Settings};
use crate::exit_code;
use crate::html_report::stats::ResultStats;
use crate::html_report::{Clock, html};
use crate::input::InputArg;
use crate::output::{
    CsvFile, Destination, ModeLimit, Output, OutputError, Progress, Rejects, Reporter, Summary,
    Terminal, comparable, resolved,
};
use crate::preflight::Preflight;

/// Refuses outputs that are the input, another file of the program, or one another.
pub fn check(settings: &Settings) -> Result<(), OutputError> {
    let outputs: Vec<(&Destination, &str)> = [
        Some((&settings.results, "já recebe os resultados")),
        Some((&settings.rejects, "já recebe os rejeitados")),
        settings.summary_json.as_ref().map(|summary| (summary, "já recebe o resumo")),
        settings.report.as_ref().map(|report| (report, "já recebe o relatório")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let input = input_path(&settings.input);
    let ProgramFiles { token, config, ledger } = &settings.files;
    for (index, (output, _)) in outputs.iter().enumerate() {
        output.differs_from(input, "é a própria entrada")?;
        output.differs_from(config, "é o arquivo de configuração")?;
        if let Some(snapshot) = &settings.snapshot {
            output.differs_from(input_path(&snapshot.input), "é o retrato (--snapshot)")?;
        }
        if let Some(only) = &settings.only {
            output.differs_from(only, "é o arquivo de --only")?;
        }
        if let Some(token) = token {
            output.differs_from(token, "é o arquivo do token")?;
        }
        if let Some(ledger) = ledger {
            output.differs_from(ledger, "é o registro do que já foi aceito")?;
            let ledger = resolved(ledger);
            output.is_not_named(
                |name| is_of_ledger(&ledger, name),
                "é um arquivo do registro do que já foi aceito",
            )?;
        }
        for (other, what) in &outputs[..index] {
            output.differs_from_output(other, what)?;
        }
    }
    Ok(())
}

/// The input for the file system. Standard input may be a file too (`run - < clientes.csv`).
fn input_path(input: &InputArg) -> &Path {
    match input {
        InputArg::Stdin => Path::new("/dev/stdin"),
        InputArg::File(path) => path,
    }
}

/// Whether a file belongs to the ledger: SQLite's own, keys of accounts and locks.
fn is_of_ledger(ledger: &Path, name: &Path) -> bool {
    let (name, ledger) = (comparable(name), comparable(ledger));
    let (Some(name), Some(ledger)) = (name.to_str(), ledger.to_str()) else { return false };
    let Some(rest) = name.strip_prefix(ledger) else { return false };
    matches!(rest, "-wal" | "-shm" | "-journal")
        || (rest.starts_with('.') && (rest.ends_with(".key") || rest.ends_with(".lock")))
}

/// What the modes of all outputs allow at the most.
pub fn mode_limit(settings: &Settings) -> ModeLimit {
    ModeLimit::of_input(input_path(&settings.input))
}

/// Everything that a run writes, open.
pub struct Outputs {
    /// Holds results and rejects.
    pub reporter: Reporter,
    /// The summary, if one is wanted.
    pub summary_json: Option<Output>,
    /// The report, if one is wanted.
    pub report: Option<Output>,
}

impl Outputs {
    /// Opens and begins every output, or leaves everything as it was.
    pub fn open(
        settings: &Settings,
        preflight: &Preflight,
        terminal: &Terminal,
    ) -> Result<Self, OutputError> {
        let limit = mode_limit(settings);
        let open = |wanted: &Destination| Output::open(wanted, limit);
        let open_if = |wanted: &Option<Destination>| wanted.as_ref().map(open).transpose();
        Rejects::check(&settings.rejects, &preflight.inspection, preflight.rows)?;
        let mut results = open(&settings.results)?;
        let mut rejects = open(&settings.rejects)?;
        let mut summary_json = open_if(&settings.summary_json)?;
        let mut report = open_if(&settings.report)?;
        // Half-written files of an earlier run are replaced only when all outputs are open and locked.
        let all = [Some(&mut results), Some(&mut rejects), summary_json.as_mut(), report.as_mut()];
        all.into_iter().flatten().try_for_each(Output::begin)?;
        let to_send = preflight.to_send(settings.limit);
        let rate = settings.rate.per_second();
        let reporter = Reporter {
            results: CsvFile::results(results, settings.results_dialect)?,
            rejects: Rejects::new(rejects, &preflight.inspection)?,
            stats: report.as_ref().map(|_| ResultStats::default()),
            progress: Progress::new(to_send, rate, terminal.clone(), settings.quiet),
        };
        Ok(Self { reporter, summary_json, report })
    }
}

/// Writes the report, if one is wanted; a failure is noted in the summary. A run that this machine
/// broke off has no report, because its results are not complete.
pub fn write_report(report: Option<Output>, stats: Option<ResultStats>, summary: &mut Summary) {
    let (Some(output), Some(stats)) = (report, stats) else { return };
    if summary.run.codigo_saida == exit_code::LOCAL {
        return;
    }
    let written = html(&stats, Some(&summary.run), "", &Clock::system())
        .and_then(|page| Ok(output.write_whole(&page)?));
    if let Err(error) = written {
        summary.report_error = Some(error.to_string());
        summary.local_failure();
    }
}

/// Writes the summary, if one is wanted; a failure is noted in the summary on the terminal.
pub fn write_summary(output: Option<Output>, summary: &mut Summary) {
    let Some(output) = output else { return };
    if let Err(error) = output.write_whole(&summary.run.to_json()) {
        summary.json_error = Some(error.to_string());
        summary.local_failure();
    }
}
