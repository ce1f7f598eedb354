//! Reads back what a run wrote: its results file as [`ResultStats`], its summary JSON as
//! [`RunSummary`]. Strict: a results file that is not exactly what `run` writes is refused with the
//! line, because a report on half-understood rows would mislead.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::error::{AS_WRITTEN, ReportError, not_results};
use super::stats::ResultStats;
use crate::input::{Encoding, InputArg, InputFile, ReadOptions, Record, inspect, rows};
use crate::locale::foreign_text::visible_path;
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
    let mut stats = ResultStats::default();
    each_result(path, |line| stats.add(line))?;
    Ok(stats)
}

/// Hands over every line of a results file.
pub fn each_result(path: &Path, mut take: impl FnMut(&ResultLine<'_>)) -> Result<(), ReportError> {
    let input = InputFile::open(&InputArg::from_arg(path))?;
    let options = ReadOptions { encoding: Some(Encoding::Utf8), ..ReadOptions::default() };
    let inspection = inspect(&input, &options)?;
    let file = ResultsFile::new(input.label().to_owned(), &inspection.header)?;
    for record in rows(&input, &inspection)? {
        take(&file.line(&record?)?);
    }
    Ok(())
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
            let guess = if rejects { " (parece ser o de rejeitados)" } else { "" };
            return Err(not_results(&path, column, guess));
        }
        Ok(Self { path, width: header.len(), at })
    }

    fn line<'r>(&self, record: &'r Record) -> Result<ResultLine<'r>, ReportError> {
        if record.len() != self.width {
            return Err(ReportError::Unusable(format!(
                "{}, linha {}: {} células onde o cabeçalho tem {}. O arquivo está incompleto ou foi alterado; use os resultados como o programa os gravou",
                self.path,
                record.linha(),
                record.len(),
                self.width
            )));
        }
        let cell = |column| self.cell(record, column);
        let situacao = self.known(record, 3, |cell| {
            Situacao::ALL.into_iter().find(|situacao| situacao.as_str() == cell)
        })?;
        let erro = situacao.erro();
        self.known(record, 4, |cell| (cell == if erro { "true" } else { "false" }).then_some(()))?;
        self.known(record, 2, |cell| matches!(cell, "" | "E" | "I").then_some(()))?;
        let http_status = self.known(record, 6, |cell| match cell {
            "" => Some(None),
            code => Some(Some(code.parse().ok().filter(|code| (100..1000).contains(code))?)),
        })?;
        let may_be_renamed = !erro && cell(2) == "E";
        self.known(record, 10, |cell| (cell.is_empty() || may_be_renamed).then_some(()))?;
        Ok(ResultLine {
            linha: self.known(record, 0, |cell| cell.parse().ok())?,
            identificador: cell(1),
            tipo_identificador: cell(2),
            situacao,
            erro,
            mensagem: cell(5),
            http_status,
            tentativas: self.known(record, 7, |cell| cell.parse().ok())?,
            duracao_ms: self.known(record, 8, |cell| cell.parse().ok())?,
            concluido_em: self.known(record, 9, |cell| cell.parse().ok())?,
            identificador_atual: cell(10),
        })
    }

    fn cell<'r>(&self, record: &'r Record, column: usize) -> &'r str {
        self.at[column].and_then(|at| record.cell(at)).unwrap_or_default()
    }

    /// The cell as `read` understands it.
    fn known<'r, T>(
        &self,
        record: &'r Record,
        column: usize,
        read: impl Fn(&'r str) -> Option<T>,
    ) -> Result<T, ReportError> {
        let cell = self.cell(record, column);
        read(cell).ok_or_else(|| {
            ReportError::Unusable(format!(
                "{}, linha {}: {} é \"{}\", e devia ser {}. {AS_WRITTEN}",
                self.path,
                record.linha(),
                RESULT_COLUMNS[column],
                one_line(cut(cell, SHOWN)),
                WANTED[column]
            ))
        })
    }
}

/// Reads a run's summary JSON.
pub fn read_summary(path: &Path) -> Result<RunSummary, ReportError> {
    let label = visible_path(path);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SUMMARY).read_to_string(&mut text));
    match read {
        Ok(_) => parse_summary(&text).map_err(|why| ReportError::Unusable(format!("{label}{why}"))),
        Err(error) => Err(ReportError::Unusable(format!(
            "não foi possível ler o resumo {label}: {}. Confira o caminho dado em --summary-json",
            describe_os_error(&error)
        ))),
    }
}

/// The summary in this text. An error is the text that follows the file's name in the message.
fn parse_summary(text: &str) -> Result<RunSummary, String> {
    let no_summary = |line: usize| {
        format!(
            ", linha {}: não é um resumo do tomticket-sync. Indique o arquivo que `tomticket-sync run --summary-json` gravou, ou deixe a opção de fora",
            line.max(1)
        )
    };
    // The version first: another one may have other keys, and is what the message must name.
    let value: Value = serde_json::from_str(text).map_err(|error| no_summary(error.line()))?;
    let known = u64::from(SUMMARY_VERSION);
    if let Some(found) = value.get("versao").and_then(Value::as_u64).filter(|v| *v != known) {
        return Err(format!(
            ": o resumo é da versão {found}, e este programa conhece a 1. Use a versão do programa que o gravou, ou deixe --summary-json de fora"
        ));
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
    let counts = Situacao::ALL.map(|situacao| {
        (situacao.as_str(), summary.count(situacao), stats.counts[situacao.index()])
    });
    let Some((situacao, told, found)) = counts.into_iter().find(|(_, told, found)| told != found)
    else {
        return Ok(());
    };
    Err(ReportError::Unusable(format!(
        "o resumo {} não é da execução destes resultados: {situacao} são {told} no resumo e {found} em {}. Indique o par da mesma execução, ou deixe --summary-json de fora",
        visible_path(path),
        visible_path(results)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "linha,identificador,tipo_identificador,situacao,erro,mensagem,http_status,tentativas,duracao_ms,concluido_em";

    fn read(bytes: impl AsRef<[u8]>) -> Result<ResultStats, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        std::fs::write(&path, bytes).unwrap();
        let shown = format!("{}/", folder.path().to_string_lossy());
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
}
