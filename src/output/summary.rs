//! The end of a run in two forms: JSON for scripts, a few lines for people.

mod next_step;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::next_step::SuggestedCommands;
use super::tally::{Minute, Tally};

use super::clean;
use crate::exit_code;
use crate::locale::format;
use crate::locale::format::{counted, duration_words, number};
use crate::model::Situacao;
use crate::stop::StopReason;

/// Version of the JSON's schema.
const VERSION: u32 = 1;
/// Messages that are listed.
const MESSAGES: usize = 10;
/// Messages that the terminal shows.
const MESSAGES_SHOWN: usize = 5;
/// What the summary says beside the counts.
#[derive(Debug, Clone)]
pub struct SummaryContext {
    /// The input as it was named.
    pub entrada: String,
    /// Rows of the input; rows that a local failure left without a verdict count as not sent.
    pub linhas: u64,
    /// The file that holds the results, as it is named now: a `.parcial` after a local failure.
    pub resultados: String,
    /// The file that holds the rejects, likewise.
    pub rejeitados: String,
    /// Why the run ended early.
    pub stop: Option<StopReason>,
    /// Whether it was a rehearsal.
    pub sandbox: bool,
    /// What to say besides, one sentence each.
    pub notes: Vec<String>,
    /// The report as it was named, where one was asked for.
    pub relatorio: Option<String>,
    /// The settings, without secrets.
    pub configuracao: Map<String, Value>,
    /// The commands that may come next.
    pub again: SuggestedCommands,
    /// Whether the same command goes on where this run stopped: there is a ledger, and it is to be
    /// believed.
    pub continues: bool,
}

/// A finished run.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    versao: u32,
    entrada: String,
    linhas: u64,
    situacoes: Map<String, Value>,
    requisicoes: u64,
    repeticoes: u64,
    limitadas_429: u64,
    duracao_s: f64,
    linhas_por_s: f64,
    mensagens: Vec<Message>,
    por_minuto: Vec<Minute>,
    resultados: String,
    rejeitados: String,
    codigo_saida: u8,
    motivo: Option<String>,
    inicio: String,
    programa: &'static str,
    configuracao: Map<String, Value>,
    #[serde(skip)]
    counts: [u64; 7],
    #[serde(skip)]
    context: SummaryContext,
    /// Why there is no report although one was asked for.
    #[serde(skip)]
    unwritten_report: Option<String>,
    /// Why this summary is not in its file although that was asked for.
    #[serde(skip)]
    unwritten_json: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Message {
    mensagem: String,
    linhas: u64,
}

impl Summary {
    /// Puts the counts of a run together.
    pub fn new(tally: &Tally, context: SummaryContext) -> Self {
        let mut counts = tally.settled;
        let missing = context.linhas.saturating_sub(tally.rows());
        counts[Situacao::NaoEnviado.index()] += missing;
        let linhas = counts.iter().sum();
        let seconds = tally.elapsed().as_secs_f64();
        let round = |x: f64| (x * 1000.0).round() / 1000.0;
        Self {
            versao: VERSION,
            entrada: context.entrada.clone(),
            linhas,
            situacoes: Situacao::ALL
                .iter()
                .map(|situacao| (situacao.to_string(), counts[situacao.index()].into()))
                .collect(),
            requisicoes: tally.requests,
            repeticoes: tally.repeats,
            limitadas_429: tally.limited,
            duracao_s: round(seconds),
            linhas_por_s: round(tally.rows() as f64 / seconds.max(1e-3)),
            mensagens: tally
                .top_messages(MESSAGES)
                .into_iter()
                .map(|(mensagem, linhas)| Message {
                    mensagem: clean::line(mensagem).into_owned(),
                    linhas,
                })
                .collect(),
            por_minuto: tally.minutes().to_vec(),
            resultados: context.resultados.clone(),
            rejeitados: context.rejeitados.clone(),
            codigo_saida: exit_code::of_run(context.stop.as_ref(), &counts),
            motivo: context.stop.as_ref().map(|stop| clean::line(&stop.to_string()).into_owned()),
            inicio: format!("{:.3}", tally.began()),
            programa: env!("CARGO_PKG_VERSION"),
            configuracao: context.configuracao.clone(),
            counts,
            context,
            unwritten_report: None,
            unwritten_json: None,
        }
    }

    /// Notes that the report could not be written. The rows' outcome stands; the exit code is that
    /// of a local failure.
    pub fn report_unwritten(&mut self, why: String) {
        self.codigo_saida = exit_code::LOCAL;
        self.unwritten_report = Some(why);
    }

    /// The same for the JSON form of this summary.
    pub fn json_unwritten(&mut self, why: String) {
        self.codigo_saida = exit_code::LOCAL;
        self.unwritten_json = Some(why);
    }

    /// Whether something on this machine broke the run off, so that files were not put in their
    /// places.
    fn broke_off(&self) -> bool {
        matches!(self.context.stop, Some(StopReason::Local(_)))
    }

    /// The exit code of the run.
    pub fn exit_code(&self) -> u8 {
        self.codigo_saida
    }

    /// The JSON form, with a line break at the end.
    pub fn to_json(&self) -> String {
        // Serialising plain data into a string cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The form for the terminal.
    pub fn to_text(&self) -> String {
        let duration = std::time::Duration::from_secs_f64(self.duracao_s);
        let what = if self.context.sandbox { "Ensaio" } else { "Execução" };
        let mut text = format!(
            "\n{what} de {}: {} em {}\n",
            if self.entrada == "-" { "entrada padrão" } else { &self.entrada },
            counted(self.linhas, "linha", "linhas"),
            duration_words(duration)
        );
        for situacao in Situacao::ALL {
            let count = self.counts[situacao.index()];
            if count > 0 || matches!(situacao, Situacao::Atualizado) {
                text.push_str(&format!(
                    "  {:<12} {:>9}   {}\n",
                    situacao.as_str(),
                    number(count),
                    meaning(situacao)
                ));
            }
        }
        if self.requisicoes > 0 {
            let pace = self.requisicoes as f64 / self.duracao_s.max(1e-3);
            text.push_str(&format!(
                "  {} ({}/s), {}, {} além do limite (429)\n",
                counted(self.requisicoes, "requisição", "requisições"),
                format::decimal(pace),
                counted(self.repeticoes, "repetição", "repetições"),
                number(self.limitadas_429)
            ));
        }
        if let Some(motivo) = &self.motivo {
            text.push_str(&format!("Terminou antes do fim: {}.\n", format::within(motivo)));
        }
        if !self.mensagens.is_empty() {
            text.push_str("Mensagens mais frequentes:\n");
            for message in self.mensagens.iter().take(MESSAGES_SHOWN) {
                text.push_str(&format!(
                    "  {:>7} × {}\n",
                    number(message.linhas),
                    shorten(&message.mensagem)
                ));
            }
        }
        for note in &self.context.notes {
            text.push_str(&format!("Atenção: {note}.\n"));
        }
        text.push_str(&format!("Resultados: {}\n", place(&self.resultados)));
        let rejected: u64 = Situacao::ALL
            .iter()
            .filter(|situacao| situacao.erro())
            .map(|situacao| self.counts[situacao.index()])
            .sum();
        text.push_str(&format!(
            "Rejeitados: {} ({})\n",
            place(&self.rejeitados),
            counted(rejected, "linha", "linhas")
        ));
        if let (Some(path), None, false) =
            (&self.context.relatorio, &self.unwritten_report, self.broke_off())
        {
            text.push_str(&format!("Relatório: {}\n", place(path)));
        }
        if let Some(why) = &self.unwritten_report {
            text.push_str(&format!("Relatório: {why}.\n"));
        }
        if let Some(why) = &self.unwritten_json {
            text.push_str(&format!("Resumo em JSON: {why}.\n"));
        }
        text.push_str(&format!("Próximo passo: {}\n", self.next_step()));
        text
    }
}

/// What a person is to understand by it.
pub fn meaning(situacao: Situacao) -> &'static str {
    match situacao {
        Situacao::Atualizado => "aceitas pelo TomTicket",
        Situacao::Inalterado => "já estavam em dia; nada foi enviado",
        Situacao::Recusado => "o TomTicket recusou",
        Situacao::Invalido => "não podem ser enviadas como estão",
        Situacao::Falhou => "sem resposta definitiva; repetir é seguro",
        Situacao::Incerto => "sem resposta definitiva; repetir não é seguro",
        Situacao::NaoEnviado => "não chegaram a ser enviadas",
    }
}

/// Where an output is, for people.
fn place(label: &str) -> &str {
    if label == "-" { "saída padrão" } else { label }
}

fn shorten(text: &str) -> String {
    const MOST: usize = 160;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MOST).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::model::Outcome;
    use crate::stop::Signal;

    fn summary(rows: &[(Situacao, &str)], stop: Option<StopReason>) -> Summary {
        let mut tally = Tally::new(Instant::now());
        for (situacao, mensagem) in rows {
            tally.settled(&Outcome::unsent(*situacao, (*mensagem).to_owned()));
        }
        let context = SummaryContext {
            entrada: "clientes.csv".into(),
            linhas: rows.len() as u64,
            resultados: "clientes.resultado.csv".into(),
            rejeitados: "clientes.rejeitados.csv".into(),
            stop,
            sandbox: false,
            notes: Vec::new(),
            relatorio: None,
            configuracao: [("rate".to_owned(), Value::from(3.0))].into_iter().collect(),
            again: SuggestedCommands {
                rejects: Some("tomticket-sync run clientes.rejeitados.csv --id-type E".into()),
                rest: Some("tomticket-sync run clientes.rejeitados.csv --limit 9".into()),
                unlimited: Some("tomticket-sync run clientes.csv --id-type E".into()),
                real: Some(["check", "run"].map(|it| format!("tomticket-sync {it} clientes.csv"))),
            },
            continues: true,
        };
        let mut summary = Summary::new(&tally, context);
        summary.duracao_s = 12.0;
        summary.linhas_por_s = 0.5;
        summary.inicio = "2026-11-24T04:05:06.000Z".to_owned();
        summary.programa = "0.0.0";
        summary
    }

    #[test]
    fn the_terminal_names_counts_reasons_files_and_the_next_step() {
        let rows = [
            (Situacao::Atualizado, "ok"),
            (Situacao::Recusado, "Cliente não encontrado."),
            (Situacao::Recusado, "Cliente não encontrado."),
            (Situacao::Invalido, "nada para enviar"),
        ];
        insta::assert_snapshot!("linhas_a_corrigir", summary(&rows, None).to_text());
        let cut = [(Situacao::Inalterado, ""), (Situacao::NaoEnviado, "Não enviado.")];
        let stop = Some(StopReason::Signal(Signal::Int));
        insta::assert_snapshot!("interrompido", summary(&cut, stop).to_text());
        let full = Some(StopReason::Local("não há mais espaço em disco".into()));
        let mut broken = summary(&[], full);
        broken.resultados.push_str(".parcial");
        broken.rejeitados.push_str(".parcial");
        insta::assert_snapshot!("falha_local", broken.to_text());
    }

    #[test]
    fn a_report_that_was_not_written_does_not_hide_the_outcome() {
        let rows = [(Situacao::Atualizado, "ok"), (Situacao::Recusado, "não")];
        let mut summary = summary(&rows, None);
        summary.report_unwritten("não foi possível gravar r.html: disco cheio".to_owned());
        assert_eq!(summary.exit_code(), exit_code::LOCAL);
        insta::assert_snapshot!("relatorio_perdido", summary.to_text());
    }

    #[test]
    fn a_json_form_that_was_not_written_does_not_hide_the_outcome() {
        let mut summary = summary(&[(Situacao::Atualizado, "ok")], None);
        summary.json_unwritten("não foi possível gravar r.json: disco cheio".to_owned());
        assert_eq!(summary.exit_code(), exit_code::LOCAL);
        insta::assert_snapshot!("resumo_perdido", summary.to_text());
    }

    #[test]
    fn the_next_step_fits_what_happened_and_what_is_remembered() {
        let signal = || Some(StopReason::Signal(Signal::Int));
        let over = || Some(StopReason::MaxDuration);
        let denied = || Some(StopReason::Redirected { status: 302 });
        let full = || Some(StopReason::Local("disco cheio".into()));
        use Situacao::{Atualizado, Falhou, Incerto, Invalido, NaoEnviado, Recusado};
        let mut told = String::new();
        for (what, situacoes, stop) in [
            ("tudo em dia", &[Atualizado][..], None),
            ("--limit", &[Atualizado, NaoEnviado], None),
            ("--limit e uma linha ruim", &[Atualizado, Invalido, NaoEnviado], None),
            ("linhas a corrigir", &[Atualizado, Recusado], None),
            ("sinal", &[Atualizado, NaoEnviado], signal()),
            ("sinal e incerto", &[Incerto, NaoEnviado], signal()),
            ("fim do prazo", &[Atualizado, NaoEnviado], over()),
            ("fim do prazo e incerto", &[Incerto, NaoEnviado], over()),
            ("falhou", &[Atualizado, Falhou], None),
            ("incerto", &[Atualizado, Incerto], None),
            ("recusa geral", &[Recusado, NaoEnviado], denied()),
            ("recusa geral e incerto", &[Incerto, NaoEnviado], denied()),
            ("falha local e incerto", &[Incerto, NaoEnviado], full()),
        ] {
            let rows: Vec<_> = situacoes.iter().map(|situacao| (*situacao, "x")).collect();
            for (memory, continues, sandbox) in [
                ("com registro", true, false),
                ("sem registro", false, false),
                ("ensaio", false, true),
            ] {
                let mut summary = summary(&rows, stop.clone());
                (summary.context.continues, summary.context.sandbox) = (continues, sandbox);
                let (code, next) = (summary.exit_code(), summary.next_step());
                told.push_str(&format!("[{what}, {memory}: {code}] {next}\n"));
            }
        }
        insta::assert_snapshot!("proximo_passo", told);
    }

    #[test]
    fn rejects_that_are_no_file_are_not_to_be_run() {
        let mut told = String::new();
        for rejects in ["-", "/dev/null", "r.csv"] {
            let mut summary = summary(&[(Situacao::Recusado, "não")], None);
            summary.context.again = SuggestedCommands::default();
            summary.rejeitados = rejects.to_owned();
            told.push_str(&format!("{}\n", summary.next_step()));
        }
        insta::assert_snapshot!("rejeitados_sem_arquivo", told);
    }

    #[test]
    fn the_json_is_the_documented_one() {
        let rows = [(Situacao::Atualizado, "ok"), (Situacao::Falhou, "=HTTP 500\u{1b}")];
        insta::assert_snapshot!("resumo_json", summary(&rows, None).to_json());
    }
}
