//! The outputs of a run: that they are several and none is the input, opening them, and the report
//! at the end. What results, rejects and summary hold is [`crate::reporter`]'s.

use std::path::Path;

use crate::config::Settings;
use crate::exit;
use crate::findings::Findings;
use crate::preflight::Preflight;
use crate::reader::{Input, Source};
use crate::report::{Clock, ReportError, RunFacts, html};
use crate::reporter::{
    Destination, Output, OutputError, Progress, ProgressPlan, Rejects, RejectsDialect, Reporter,
    Results, Summary, Terminal,
};

/// Refuses outputs that are the input or one another.
pub fn check(settings: &Settings, source: &Source) -> Result<(), OutputError> {
    let outputs: Vec<(&Destination, &str)> = [
        Some((&settings.results, "já recebe os resultados")),
        Some((&settings.rejects, "já recebe os rejeitados")),
        settings.summary_json.as_ref().map(|summary| (summary, "já recebe o resumo")),
        settings.report.as_ref().map(|report| (report, "já recebe o relatório")),
    ]
    .into_iter()
    .flatten()
    .collect();
    // Standard input may be a file too (`run - < clientes.csv`).
    let input = match &settings.input {
        Input::Stdin => Path::new("/dev/stdin"),
        Input::File(path) => source.path().unwrap_or(path),
    };
    for (index, (output, _)) in outputs.iter().enumerate() {
        output.differs_from(input, "é a própria entrada")?;
        for (other, what) in &outputs[..index] {
            output.differs_from_output(other, what)?;
        }
    }
    Ok(())
}

/// Everything that a run writes, open.
pub struct Outputs {
    /// With results and rejects.
    pub reporter: Reporter,
    /// The summary, where one was asked for.
    pub summary_json: Option<Output>,
    /// The report, where one was asked for.
    pub report: Option<Output>,
}

impl Outputs {
    /// Opens every output, or leaves nothing behind.
    #[expect(
        clippy::unreachable,
        reason = "two destinations that are always there were just opened"
    )]
    pub fn open(
        settings: &Settings,
        preflight: &Preflight,
        terminal: &Terminal,
    ) -> Result<Self, OutputError> {
        let wanted = [
            Some(&settings.results),
            Some(&settings.rejects),
            settings.summary_json.as_ref(),
            settings.report.as_ref(),
        ];
        let mut open = Vec::new();
        for destination in wanted.into_iter().flatten() {
            match Output::open(destination) {
                Ok(output) => open.push(output),
                Err(error) => {
                    open.into_iter().for_each(Output::abandon);
                    return Err(error);
                }
            }
        }
        let mut open = open.into_iter();
        let (Some(results), Some(rejects)) = (open.next(), open.next()) else {
            unreachable!("both were opened above")
        };
        let summary_json = settings.summary_json.as_ref().and_then(|_| open.next());
        let report = open.next();
        let to_send = preflight.to_send(settings.limit);
        let plan = ProgressPlan { rows: preflight.rows, to_send, rate: settings.rate.per_second() };
        let dialect = RejectsDialect::of(&preflight.survey);
        let reporter = Reporter {
            results: Results::new(results, settings.results_dialect)?,
            rejects: Rejects::new(rejects, dialect, &preflight.survey.header)?,
            findings: report.as_ref().map(|_| Findings::default()),
            progress: Progress::new(plan, terminal.clone(), settings.quiet),
        };
        Ok(Self { reporter, summary_json, report })
    }
}

/// Writes the report, if there is to be one. That it cannot be written is noted in the summary,
/// which tells the outcome all the same. A run that broke off on this machine has no report: its
/// results are not complete.
pub fn write_report(report: Option<Output>, findings: Option<Findings>, summary: &mut Summary) {
    let (Some(output), Some(findings)) = (report, findings) else { return };
    if summary.exit_code() == exit::LOCAL {
        output.abandon();
        return;
    }
    if let Err(error) = write(output, &findings, summary) {
        summary.report_unwritten(error.to_string());
    }
}

fn write(mut output: Output, findings: &Findings, summary: &Summary) -> Result<(), ReportError> {
    // Through the summary's own JSON, so that the page is the one that `report` makes of the files.
    let facts = RunFacts::parse(&summary.to_json(), "resumo")?;
    let page = html(findings, Some(&facts), "", &Clock::system())?;
    output.write(page.as_bytes())?;
    output.finish()?;
    Ok(())
}
