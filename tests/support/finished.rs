//! What a run left behind, and the checks that hold for every run.
//!
//! The most important one is [`Finished::accounted`]: each row of the input stands in the results
//! exactly once, in order, and the results, the rejects and the summary tell the same story.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::canary::files;
use super::run::Plan;
use super::text::{from_windows_1252, shorten};
use super::{canary, english, table};

/// The columns of the results file, in order.
pub const RESULT_COLUMNS: &str = "linha,identificador,tipo_identificador,situacao,erro,mensagem,\
                                  http_status,tentativas,duracao_ms,concluido_em,identificador_atual";
/// All that a row can become.
pub const SITUACOES: [&str; 7] =
    ["atualizado", "inalterado", "recusado", "invalido", "falhou", "incerto", "nao_enviado"];

/// One line of the results file.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the column of that name")]
pub struct ResultRow {
    pub linha: u64,
    pub identificador: String,
    pub tipo: String,
    pub situacao: String,
    pub erro: bool,
    pub mensagem: String,
    pub http_status: Option<u16>,
    pub tentativas: u32,
    pub duracao_ms: u64,
    pub concluido_em: String,
    pub identificador_atual: String,
}

/// A run that has ended.
pub struct Finished {
    /// How it was started.
    pub plan: Plan,
    /// The exit code; `None` after a kill.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, as people read it.
    pub stderr: String,
    /// Standard error as it came.
    pub log: String,
    /// From start to end.
    pub took: Duration,
    /// The most memory it had, in KiB; 0 where the system does not tell.
    pub peak_kib: u64,
}

impl Finished {
    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.plan.folder.path().join("trabalho")
    }

    /// Whether this file of the working directory exists.
    pub fn exists(&self, name: &str) -> bool {
        self.work().join(name).exists()
    }

    /// The bytes of a file of the working directory.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.work().join(name))
            .unwrap_or_else(|why| self.fail(&format!("cannot read {name}: {why}")))
    }

    /// A file of the working directory as UTF-8.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name))
            .unwrap_or_else(|_| self.fail(&format!("{name} is not UTF-8")))
    }

    /// Standard output as UTF-8.
    pub fn stdout_text(&self) -> String {
        String::from_utf8(self.stdout.clone())
            .unwrap_or_else(|_| self.fail("standard output is not UTF-8"))
    }

    /// Demands that it never had more memory than this. On Linux a memory that could not be read is
    /// no proof.
    #[track_caller]
    pub fn stays_below(&self, kib: u64) -> &Self {
        if cfg!(target_os = "linux") && self.peak_kib == 0 {
            self.fail("its memory was never read");
        }
        // For `--nocapture`: docs/failures.md names the largest.
        println!("peak memory {} KiB", self.peak_kib);
        if self.peak_kib >= kib {
            self.fail(&format!("{} KiB instead of less than {kib}", self.peak_kib));
        }
        self
    }

    /// Demands this exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        if self.code != Some(code) {
            self.fail(&format!("exit code {:?} instead of {code}", self.code));
        }
        self
    }

    /// Demands that standard error has all of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            if !self.stderr.contains(part) {
                self.fail(&format!("standard error does not mention {part:?}"));
            }
        }
        self
    }

    /// Demands exit code 2 with an error that mentions all of these, no results and no requests.
    #[track_caller]
    pub fn refused_before_sending(&self, server: &super::Server, parts: &[&str]) -> &Self {
        self.exits(2).says(parts);
        if server.count() > 0 {
            self.fail("exit code 2 means that nothing was sent");
        }
        if self.exists(&self.plan.results) {
            self.fail("exit code 2, but there are results");
        }
        self
    }

    /// The results, read strictly.
    #[track_caller]
    pub fn results(&self) -> Vec<ResultRow> {
        self.parse_results(&self.text(&self.plan.results))
    }

    /// Results from any text, in the default dialect.
    #[track_caller]
    pub fn parse_results(&self, text: &str) -> Vec<ResultRow> {
        let records = table::parse(text, ',')
            .unwrap_or_else(|why| self.fail(&format!("the results are broken: {why}")));
        let (header, rows) =
            records.split_first().unwrap_or_else(|| self.fail("the results have no header"));
        if header.join(",") != RESULT_COLUMNS {
            self.fail(&format!("the results have the columns {header:?}"));
        }
        rows.iter().map(|cells| self.result_row(cells)).collect()
    }

    #[track_caller]
    fn result_row(&self, cells: &[String]) -> ResultRow {
        let bad = |what: &str| -> ! { self.fail(&format!("{what} in the result {cells:?}")) };
        if cells.len() != 11 {
            bad("not eleven cells");
        }
        let row = ResultRow {
            linha: cells[0].parse().unwrap_or_else(|_| bad("no linha")),
            identificador: cells[1].clone(),
            tipo: cells[2].clone(),
            situacao: cells[3].clone(),
            erro: match &*cells[4] {
                "true" => true,
                "false" => false,
                _ => bad("erro is neither true nor false"),
            },
            mensagem: cells[5].clone(),
            http_status: match &*cells[6] {
                "" => None,
                status if status.len() == 3 => {
                    Some(status.parse().unwrap_or_else(|_| bad("no status")))
                }
                _ => bad("no status"),
            },
            tentativas: cells[7].parse().unwrap_or_else(|_| bad("no tentativas")),
            duracao_ms: cells[8].parse().unwrap_or_else(|_| bad("no duracao_ms")),
            concluido_em: cells[9].clone(),
            identificador_atual: cells[10].clone(),
        };
        if !SITUACOES.contains(&&*row.situacao) {
            bad("an unknown situacao");
        }
        if row.erro == matches!(&*row.situacao, "atualizado" | "inalterado") {
            bad("situacao and erro that disagree");
        }
        if row.erro && row.mensagem.trim().is_empty() {
            bad("an error without a message");
        }
        let untouched = matches!(&*row.situacao, "invalido" | "inalterado" | "nao_enviado");
        if untouched && row.tentativas != 0 {
            bad("attempts of a row that was not sent");
        }
        if matches!(&*row.situacao, "atualizado" | "recusado")
            && (row.tentativas == 0 || row.http_status.is_none())
        {
            bad("an answer without an attempt");
        }
        if !row.identificador_atual.is_empty() && (row.erro || row.tipo != "E") {
            bad("an identificador_atual without a rename that was accepted");
        }
        if !is_utc_time(&row.concluido_em) {
            bad("concluido_em is not RFC 3339 in UTC");
        }
        row
    }

    /// Demands that exactly these lines of the input are in the results, in this order, and that
    /// rejects and summary agree with them. Returns the results.
    #[track_caller]
    pub fn accounted(&self, lines: impl IntoIterator<Item = u64>) -> Vec<ResultRow> {
        let rows = self.results();
        let found: Vec<u64> = rows.iter().map(|row| row.linha).collect();
        let expected: Vec<u64> = lines.into_iter().collect();
        if found != expected {
            let first = found.iter().zip(&expected).position(|(a, b)| a != b);
            self.fail(&format!(
                "{} results for {} rows; first difference at {first:?}: {:?} for {:?}",
                found.len(),
                expected.len(),
                first.map(|at| found[at]),
                first.map(|at| expected[at]),
            ));
        }
        let rejected = rows.iter().filter(|row| row.erro).count();
        if !self.plan.rejects.starts_with("/dev/") && self.rejects().len() != rejected + 1 {
            self.fail(&format!("{} rejects for {rejected} rows", self.rejects().len() - 1));
        }
        if self.plan.summary.is_some() {
            let summary = self.summary();
            for situacao in SITUACOES {
                let count = rows.iter().filter(|row| row.situacao == situacao).count();
                if summary["situacoes"][situacao] != count {
                    self.fail(&format!("the summary disagrees about {situacao}: {count}"));
                }
            }
        }
        rows
    }

    /// As [`accounted`](Self::accounted), for a file of one header line and `count` rows of one
    /// line each.
    #[track_caller]
    pub fn accounted_rows(&self, count: usize) -> Vec<ResultRow> {
        self.accounted(2..2 + count as u64)
    }

    /// The records of the rejects file, header first, whatever of the supported dialects it has.
    #[track_caller]
    pub fn rejects(&self) -> Vec<Vec<String>> {
        let bytes = self.read(&self.plan.rejects);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(other) => from_windows_1252(other.as_bytes()),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let header = text.lines().next().unwrap_or_default();
        let delimiter = [',', ';', '\t', '|']
            .into_iter()
            .max_by_key(|&mark| header.matches(mark).count())
            .unwrap_or(',');
        table::parse(text, delimiter)
            .unwrap_or_else(|why| self.fail(&format!("the rejects are broken: {why}")))
    }

    /// The summary, checked against itself and the exit code.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let name = self.plan.summary.clone().unwrap_or_else(|| self.fail("no summary asked for"));
        let summary: Value = serde_json::from_str(&self.text(&name))
            .unwrap_or_else(|why| self.fail(&format!("the summary is no JSON: {why}")));
        self.check_summary(&summary);
        summary
    }

    /// Demands the promised keys and that the counts add up.
    #[track_caller]
    pub fn check_summary(&self, summary: &Value) {
        for key in [
            "versao",
            "entrada",
            "linhas",
            "situacoes",
            "requisicoes",
            "repeticoes",
            "limitadas_429",
            "duracao_s",
            "linhas_por_s",
            "mensagens",
            "por_minuto",
            "resultados",
            "rejeitados",
            "codigo_saida",
            "motivo",
        ] {
            if summary.get(key).is_none() {
                self.fail(&format!("the summary has no {key}: {summary}"));
            }
        }
        let counts = &summary["situacoes"];
        let each: Vec<u64> = SITUACOES
            .iter()
            .map(|&situacao| {
                counts[situacao]
                    .as_u64()
                    .unwrap_or_else(|| self.fail(&format!("the summary lacks {situacao}")))
            })
            .collect();
        if counts.as_object().is_none_or(|counts| counts.len() != SITUACOES.len()) {
            self.fail(&format!("the summary counts other things: {counts}"));
        }
        if Some(each.iter().sum::<u64>()) != summary["linhas"].as_u64() {
            self.fail(&format!("the counts do not add up: {summary}"));
        }
        if summary["versao"] != 1 {
            self.fail("the summary is of another version");
        }
        if summary["codigo_saida"].as_i64() != self.code.map(i64::from) {
            self.fail(&format!("codigo_saida {} is not the exit code", summary["codigo_saida"]));
        }
    }

    /// What must hold after any run whatever.
    #[track_caller]
    pub fn common_checks(&self) {
        self.search_for_the_token();
        self.search_for_english();
        let told = self.stderr.contains("erro interno em ");
        if self.stderr.contains("panicked at") || self.code == Some(101) {
            self.fail("it panicked past its hook");
        }
        if told != self.plan.may_panic {
            self.fail(if told { "it panicked" } else { "it was to panic and did not" });
        }
        if !self.plan.speaks && !self.stdout.is_empty() {
            self.fail("something was printed to standard output that nobody asked for");
        }
        let controlled = self.code.is_some_and(|code| code != 5);
        if controlled && !self.plan.allow_partial {
            let left = files(&self.work())
                .into_iter()
                .find(|path| path.extension().is_some_and(|extension| extension == "parcial"));
            if let Some(path) = left {
                self.fail(&format!("{} is left over", path.display()));
            }
        }
    }

    /// Searches both streams and the messages of the results. The names of functions on the way to a
    /// panic are English, and so are a shell's own words in a script for it.
    #[track_caller]
    fn search_for_english(&self) {
        if self.plan.may_panic {
            return;
        }
        let look = |place: &str, text: &str| {
            if let Some(found) = english::english(text, &self.plan.english) {
                self.fail(&format!("English in {place}: {found}"));
            }
        };
        look("standard error", &english::for_people(&self.stderr));
        let stdout = String::from_utf8_lossy(&self.stdout);
        if !self.plan.command.contains(" completions ") {
            look("standard output", &english::readable(&stdout));
        }
        let results = self.work().join(&self.plan.results);
        // A pipe would be waited for.
        let results = results.is_file().then(|| std::fs::read_to_string(results).ok()).flatten();
        let records = results.and_then(|text| table::parse(&text, ',').ok());
        for record in records.into_iter().flatten().filter(|record| record.len() == 10) {
            look("the results", &record[5]);
        }
    }

    /// Searches both streams, and every file of the folder by name and content, for the token.
    #[track_caller]
    fn search_for_the_token(&self) {
        let look = |place: &str, bytes: &[u8]| {
            if let Some(where_and_how) = canary::leak(&self.plan.token, bytes) {
                self.fail(&format!("the token shows in {place}: {where_and_how}"));
            }
        };
        look("standard output", &self.stdout);
        look("standard error", self.stderr.as_bytes());
        look("standard error as it came", self.log.as_bytes());
        let plan = &self.plan;
        let leak = canary::leak_in_folder(&plan.token, plan.folder.path(), &plan.secret_files);
        if let Some(where_and_how) = leak {
            self.fail(&format!("the token shows in {where_and_how}"));
        }
    }

    /// Fails the test; everything that helps to see why is printed as this value is dropped.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!("{why}")
    }

    /// The command, the exit code, both streams and the folder.
    pub fn describe(&self) -> String {
        let mut out = format!(
            "--- {}\n--- exit code {:?} after {:?}, at most {} KiB\n--- stdout\n{}\n--- stderr\n{}\n",
            self.plan.command,
            self.code,
            self.took,
            self.peak_kib,
            shorten(&String::from_utf8_lossy(&self.stdout), 4000),
            shorten(&self.stderr, 8000),
        );
        for path in files(self.plan.folder.path()) {
            let name = path.strip_prefix(self.plan.folder.path()).unwrap_or(&path);
            let content = std::fs::read(&path).unwrap_or_default();
            out.push_str(&format!(
                "--- {} ({} bytes)\n{}\n",
                name.display(),
                content.len(),
                shorten(&String::from_utf8_lossy(&content), 2000)
            ));
        }
        out
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.describe());
        }
    }
}

/// `2026-01-31T23:59:59Z`, with or without a fraction.
fn is_utc_time(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")) else {
        return false;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let shape = "dddd-dd-ddTdd:dd:dd";
    whole.len() == shape.len()
        && whole.chars().zip(shape.chars()).all(|(c, s)| match s {
            'd' => c.is_ascii_digit(),
            s => c == s,
        })
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}
