//! Reads back what a run wrote: its results file as [`ResultStats`], its summary JSON as
//! [`RunSummary`]. Strict: a results file that is not exactly what `run` writes is refused with the
//! line, because a report on half-understood rows would mislead.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::error::ReportError;
use super::stats::ResultStats;
use crate::input::{Encoding, InputArg, InputFile, ReadOptions, Record, inspect, rows};
use crate::locale::os_error::describe_os_error;
use crate::model::Situacao;
use crate::output::{
    RESULT_COLUMNS, RejectColumns, ResultLine, RunSummary, SUMMARY_VERSION, cut, one_line,
};

/// Characters of a bad value that a message shows.
const SHOWN: usize = 60;
/// Bytes of a summary that are read; a year of minutes needs less.
const MAX_SUMMARY: u64 = 64 * 1024 * 1024;

/// What each of the [`RESULT_COLUMNS`] holds, for the message about one that does not.
const WANTED: [&str; RESULT_COLUMNS.len()] = [
    "um número inteiro",
    "um texto",
    "E, I ou vazio",
    "uma das sete situações, como atualizado ou recusado",
    "true ou false, conforme a situação",
    "um texto",
    "um código HTTP como 200, ou vazio",
    "um número inteiro",
    "um número inteiro",
    "um horário como 2026-11-24T04:05:06.789Z",
    "vazio onde nenhuma troca de e-mail foi aceita",
];

/// Reads a whole results file, in either dialect; `-` is standard input.
pub fn read_results(path: &Path) -> Result<ResultStats, ReportError> {
    let input = InputFile::open(&InputArg::from_arg(path))?;
    let options = ReadOptions { delimiter: None, encoding: Some(Encoding::Utf8) };
    let inspection = inspect(&input, &options)?;
    let file = ResultsFile::new(input.label().to_owned(), &inspection.header)?;
    let mut stats = ResultStats::default();
    for record in rows(&input, &inspection)? {
        stats.add(&file.line(&record?)?);
    }
    Ok(stats)
}

/// A results file's header. Files of versions before `identificador_atual` lack that column.
struct ResultsFile {
    path: String,
    width: usize,
    /// Where each of the [`RESULT_COLUMNS`] stands.
    at: [Option<usize>; RESULT_COLUMNS.len()],
}

impl ResultsFile {
    fn new(path: String, header: &Record) -> Result<Self, ReportError> {
        let at = RESULT_COLUMNS.map(|column| header.cells().position(|cell| cell == column));
        let required = at.iter().zip(RESULT_COLUMNS).take(RESULT_COLUMNS.len() - 1);
        if let Some((_, column)) = required.into_iter().find(|(at, _)| at.is_none()) {
            let rejects = RejectColumns::find(header).is_some();
            return Err(ReportError::NotResults { path, column, rejects });
        }
        Ok(Self { path, width: header.len(), at })
    }

    fn line<'r>(&self, record: &'r Record) -> Result<ResultLine<'r>, ReportError> {
        if record.len() != self.width {
            return Err(ReportError::Cells {
                path: self.path.clone(),
                linha: record.linha(),
                found: record.len(),
                wanted: self.width,
            });
        }
        let line = Line { file: self, record };
        let situacao = line.known(3, |cell| {
            Situacao::ALL.into_iter().find(|situacao| situacao.as_str() == cell)
        })?;
        let erro = situacao.erro();
        line.known(4, |cell| (cell == if erro { "true" } else { "false" }).then_some(()))?;
        line.known(2, |cell| matches!(cell, "" | "E" | "I").then_some(()))?;
        let http_status = line.known(6, |cell| match cell {
            "" => Some(None),
            code => Some(Some(code.parse().ok().filter(|code| (100..1000).contains(code))?)),
        })?;
        let may_be_renamed = !erro && line.cell(2) == "E";
        line.known(10, |cell| (cell.is_empty() || may_be_renamed).then_some(()))?;
        Ok(ResultLine {
            linha: line.known(0, |cell| cell.parse().ok())?,
            identificador: line.cell(1),
            tipo_identificador: line.cell(2),
            situacao,
            erro,
            mensagem: line.cell(5),
            http_status,
            tentativas: line.known(7, |cell| cell.parse().ok())?,
            duracao_ms: line.known(8, |cell| cell.parse().ok())?,
            concluido_em: line.known(9, |cell| cell.parse().ok())?,
            identificador_atual: line.cell(10),
        })
    }
}

/// A line that is being read; columns are places in [`RESULT_COLUMNS`].
struct Line<'f, 'r> {
    file: &'f ResultsFile,
    record: &'r Record,
}

impl<'r> Line<'_, 'r> {
    fn cell(&self, column: usize) -> &'r str {
        self.file.at[column].and_then(|at| self.record.cell(at)).unwrap_or_default()
    }

    /// The cell as `read` understands it.
    fn known<T>(
        &self,
        column: usize,
        read: impl Fn(&'r str) -> Option<T>,
    ) -> Result<T, ReportError> {
        let cell = self.cell(column);
        read(cell).ok_or_else(|| ReportError::Cell {
            path: self.file.path.clone(),
            linha: self.record.linha(),
            column: RESULT_COLUMNS[column],
            value: one_line(cut(cell, SHOWN)).into_owned(),
            wanted: WANTED[column],
        })
    }
}

/// Reads a run's summary JSON.
pub fn read_summary(path: &Path) -> Result<RunSummary, ReportError> {
    let label = path.display().to_string();
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(MAX_SUMMARY).read_to_string(&mut text)).map_err(
        |error| ReportError::Summary { path: label.clone(), why: describe_os_error(&error) },
    )?;
    parse_summary(&text, &label)
}

fn parse_summary(text: &str, path: &str) -> Result<RunSummary, ReportError> {
    let no_summary =
        |line: usize| ReportError::NotSummary { path: path.to_owned(), line: line.max(1) };
    // The version first: another one may have other keys, and is what the message must name.
    let value: Value = serde_json::from_str(text).map_err(|error| no_summary(error.line()))?;
    let known = u64::from(SUMMARY_VERSION);
    if let Some(found) = value.get("versao").and_then(Value::as_u64).filter(|v| *v != known) {
        return Err(ReportError::Version { path: path.to_owned(), found });
    }
    serde_json::from_value(value)
        .ok()
        .filter(|summary: &RunSummary| summary.duracao_s >= 0.0)
        .ok_or_else(|| no_summary(1))
}

/// Checks that summary and results are of one run. The paths are for the message.
pub fn check_same_run(
    summary: &RunSummary,
    stats: &ResultStats,
    path: &Path,
    results: &Path,
) -> Result<(), ReportError> {
    for situacao in Situacao::ALL {
        let (in_summary, in_results) = (summary.count(situacao), stats.counts[situacao.index()]);
        if in_summary != in_results {
            return Err(ReportError::Mismatch {
                path: path.display().to_string(),
                results: results.display().to_string(),
                situacao: situacao.as_str(),
                in_summary,
                in_results,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,tentativas,duracao_ms,concluido_em";

    fn read(bytes: impl AsRef<[u8]>) -> Result<ResultStats, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        std::fs::write(&path, bytes).unwrap();
        let shown = folder.path().display().to_string() + "/";
        read_results(&path).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn a_file_that_is_no_results_file_is_refused_with_the_place() {
        let row = "2,a,E,atualizado,false,ok,200,1,182,2026-11-24T04:05:06Z";
        let with = |line: &str| format!("{HEADER}\n{row}\n{line}\n").into_bytes();
        let errors: Vec<String> = [
            Vec::new(),
            b"nome,email\na,b\n".to_vec(),
            b"identificador,situacao,erro,mensagem\na,recusado,true,x\n".to_vec(),
            with("3,a,E,atualizado,false,ok"),
            with("3,a,E,pronto,false,ok,200,1,182,2026-11-24T04:05:06Z"),
            with("3,a,E,recusado,false,ok,200,1,182,2026-11-24T04:05:06Z"),
            with("3,a,E,recusado,true,ok,200,1,182,24/11/2026 04:05"),
            with("3,a,E,recusado,true,ok,200,-1,182,2026-11-24T04:05:06Z"),
            with("3,a,X,recusado,true,ok,200,1,182,2026-11-24T04:05:06Z"),
            with("3,a,E,recusado,true,ok,x,1,182,2026-11-24T04:05:06Z"),
            with("3,a,E,recusado,true,ok,20,1,182,2026-11-24T04:05:06Z"),
            with("3,\"a,E,recusado,true,ok,200,1,182,2026-11-24T04:05:06Z"),
            [with(row), b"\xff\xfe\n".to_vec()].concat(),
            format!("{HEADER},identificador_atual\n{row},\n{row},b@x.br\n3,a,E,recusado,true,ok,200,1,1,2026-11-24T04:05:06Z,b@x.br\n")
                .into_bytes(),
        ]
        .into_iter()
        .map(|bytes| read(bytes).unwrap_err())
        .collect();
        insta::assert_snapshot!("arquivos_que_nao_servem", errors.join("\n"));
    }

    #[test]
    fn a_file_that_is_no_summary_is_refused() {
        for (text, says) in [
            ("", "linha 1: não é um resumo"),
            ("{\n\"versao\": 1,,\n}", "linha 2: não é um resumo"),
            ("[1]", "não é um resumo"),
            ("{\"versao\": 1}", "não é um resumo"),
            ("{\"versao\": 2}", "versão 2"),
        ] {
            let error = parse_summary(text, "resumo.json").unwrap_err().to_string();
            assert!(error.starts_with("resumo.json") && error.contains(says), "{error}");
        }
    }
}
