//! The checks that every run must pass: no token anywhere, no English for users, no unexpected panic,
//! no leftover `.parcial`; and the consistency of a summary.

use serde_json::Value;

use super::canary::files;
use super::finished::Finished;
use super::result_row::{SITUACOES, mensagens};
use super::{canary, english};

impl Finished {
    /// Asserts that the summary has all documented keys and that its counts add up.
    #[track_caller]
    pub fn check_summary(&self, summary: &Value) {
        for key in [
            "versao",
            "entrada",
            "linhas",
            "situacoes",
            "requisicoes",
            "leituras",
            "resolvidas_por_leitura",
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
            self.fail(&format!("the summary has other counts: {counts}"));
        }
        if Some(each.iter().sum::<u64>()) != summary["linhas"].as_u64() {
            self.fail(&format!("the counts do not add up: {summary}"));
        }
        if summary["versao"] != 1 {
            self.fail("the summary has another version");
        }
        if summary["codigo_saida"].as_i64() != self.code.map(i64::from) {
            self.fail(&format!("codigo_saida {} is not the exit code", summary["codigo_saida"]));
        }
    }

    /// The checks for every run.
    #[track_caller]
    pub fn common_checks(&self) {
        self.search_for_the_token();
        self.search_for_english();
        let panicked = self.stderr.contains("erro interno em ");
        if self.stderr.contains("panicked at") || self.code == Some(101) {
            self.fail("the panic hook did not handle a panic");
        }
        if panicked != self.plan.may_panic {
            self.fail(if panicked { "it panicked" } else { "the forced panic did not happen" });
        }
        if !self.plan.expects_stdout && !self.stdout.is_empty() {
            self.fail("unexpected text on standard output");
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

    /// Searches both streams and the messages of the results for English. Backtraces and completion
    /// scripts are left out: they contain English names.
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
        // Reading a named pipe would block.
        let results = results.is_file().then(|| std::fs::read_to_string(results).ok()).flatten();
        for mensagem in results.iter().flat_map(|text| mensagens(text)) {
            look("the results", &mensagem);
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
        look("standard error, unchanged", self.log.as_bytes());
        let plan = &self.plan;
        let leak = canary::leak_in_folder(&plan.token, plan.folder.path(), &plan.secret_files);
        if let Some(where_and_how) = leak {
            self.fail(&format!("the token shows in {where_and_how}"));
        }
    }
}
