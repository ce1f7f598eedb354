//! The end of a run for people: a few lines on the terminal. The facts are [`RunSummary`]'s.

use std::borrow::Cow;
use std::time::Duration;

use super::run_summary::{MessageCount, RunSummary, SnapshotSavings};
use super::sanitize::excerpt;
use super::tally::WayBack;
use crate::cli::SuggestedCommands;
use crate::exit_code;
use crate::locale::foreign_text::visible;
use crate::locale::format::{self, counted, duration_words, number};
use crate::model::Situacao;
use crate::stop::unsent_message;

/// Messages that the terminal shows.
const MESSAGES_SHOWN: usize = 5;
/// Characters of a message that the terminal shows.
const MESSAGE_LENGTH: usize = 160;

/// A finished run as the terminal tells it.
#[derive(Debug, Clone)]
pub struct Summary {
    pub run: RunSummary,
    /// Whether a local failure ended the run, so that the files did not get their names.
    pub broke_off: bool,
    /// Rows that are none of this run's.
    pub left_out: u64,
    /// Of these, those whose customer has no name in TomTicket; the others the user left out (`--only`).
    pub nameless: u64,
    /// Requests a second that the run allows itself, if there is a limit.
    pub rate: Option<f64>,
    /// A further remark, one sentence.
    pub note: Option<String>,
    /// The report as it was named, where one was asked for.
    pub relatorio: Option<String>,
    pub suggested: SuggestedCommands,
    pub way_back: WayBack,
    /// Why there is no report although one was asked for.
    pub report_error: Option<String>,
    /// Why there is no summary JSON although it was asked for.
    pub json_error: Option<String>,
}

impl Summary {
    /// Makes the exit code that of a local failure; the outcome of the rows stands.
    pub fn local_failure(&mut self) {
        self.run.codigo_saida = exit_code::LOCAL;
    }

    pub fn to_text(&self) -> String {
        let run = &self.run;
        let what = if run.is_rehearsal() { "Ensaio" } else { "Execução" };
        let mut text = format!(
            "\n{what} de {}: {} em {}\n",
            if run.entrada == "-" { "entrada padrão".into() } else { visible(&run.entrada) },
            counted(run.linhas, "linha", "linhas"),
            duration_words(Duration::from_secs_f64(run.duracao_s))
        );
        for (situacao, count, meaning) in self.outcomes() {
            let (situacao, count) = (situacao.as_str(), number(count));
            text.push_str(&format!("  {situacao:<12} {count:>9}   {meaning}\n"));
        }
        if run.requisicoes > 0 {
            text.push_str(&format!(
                "  {} ({}/s), {}, {} além do limite (429)\n",
                counted(run.requisicoes, "requisição", "requisições"),
                format::decimal(run.requisicoes as f64 / run.duracao_s.max(1e-3)),
                counted(run.repeticoes, "repetição", "repetições"),
                number(run.limitadas_429)
            ));
        }
        if run.leituras > 0 {
            text.push_str(&format!("  {}", counted(run.leituras, "leitura", "leituras")));
            if run.resolvidas_por_leitura > 0 {
                let settled = run.resolvidas_por_leitura;
                let rows = counted(settled, "linha resolvida", "linhas resolvidas");
                text.push_str(&format!(", {rows} por leitura"));
            }
            text.push('\n');
        }
        if let Some(retrato) = &run.retrato {
            text.push_str(&format!("  {}\n", saved(retrato, self.rate)));
        }
        if let Some(motivo) = &run.motivo {
            text.push_str(&format!("Terminou antes do fim: {}.\n", format::within(motivo)));
        }
        // What the line above says is not said again of every row that it left unsent.
        let unsent = run.motivo.as_deref().map(unsent_message);
        let is_said = |it: &&MessageCount| {
            unsent.as_ref().is_some_and(|unsent| unsent.starts_with(&it.mensagem))
        };
        let messages: Vec<_> = run.mensagens.iter().filter(|it| !is_said(it)).collect();
        if !messages.is_empty() {
            text.push_str("Mensagens mais frequentes:\n");
        }
        for MessageCount { mensagem, linhas } in messages.into_iter().take(MESSAGES_SHOWN) {
            text.push_str(&format!(
                "  {:>7} × {}\n",
                number(*linhas),
                excerpt(mensagem, MESSAGE_LENGTH)
            ));
        }
        if run.codigo_saida == exit_code::OK && run.to_repair() > 0 {
            text.push_str(&tolerated(run.to_repair()));
        }
        if let Some(note) = &self.note {
            text.push_str(&format!("Atenção: {note}.\n"));
        }
        text.push_str(&format!("Resultados: {}\n", place(&run.resultados)));
        let rejected: u64 = Situacao::ALL
            .into_iter()
            .filter(|situacao| situacao.erro())
            .map(|situacao| run.count(situacao))
            .sum::<u64>()
            .saturating_sub(self.left_out);
        text.push_str(&format!(
            "Rejeitados: {} ({})\n",
            place(&run.rejeitados),
            counted(rejected, "linha", "linhas")
        ));
        match (&self.relatorio, &self.report_error) {
            (_, Some(why)) => text.push_str(&format!("Relatório: {why}.\n")),
            (Some(path), None) if !self.broke_off => {
                text.push_str(&format!("Relatório: {}\n", place(path)));
            }
            (Some(_) | None, None) => {}
        }
        if let Some(why) = &self.json_error {
            text.push_str(&format!("Resumo em JSON: {why}.\n"));
        }
        text.push_str(&format!("Próximo passo: {}\n", self.next_step()));
        if let Some(command) = &self.suggested.undo {
            text.push_str(&self.undo(command));
        }
        text
    }

    /// Every `situacao` that there is, with its rows and what that means. Rows that were left out on
    /// purpose stand apart from those that the run did not come to.
    fn outcomes(&self) -> Vec<(Situacao, u64, &'static str)> {
        let nameless = self.nameless.min(self.left_out);
        let mut outcomes: Vec<_> = Situacao::ALL
            .into_iter()
            .map(|situacao| {
                let left_out = if situacao == Situacao::NaoEnviado { self.left_out } else { 0 };
                let count = self.run.count(situacao).saturating_sub(left_out);
                (situacao, count, meaning(situacao, count))
            })
            .chain([
                (
                    Situacao::NaoEnviado,
                    self.left_out - nameless,
                    "de fora: --only não cita o cliente",
                ),
                (Situacao::NaoEnviado, nameless, "de fora: o cliente não tem nome no TomTicket"),
            ])
            .collect();
        outcomes.retain(|(situacao, count, _)| *count > 0 || *situacao == Situacao::Atualizado);
        outcomes
    }

    /// The way back, with what it takes along and what it leaves.
    fn undo(&self, command: &str) -> String {
        let WayBack { rows_of_earlier, rows_unreached, names_lost } = self.way_back;
        let rows = |n| counted(n, "linha", "linhas");
        let notes = [
            (rows_of_earlier > 0).then(|| {
                format!(
                    "também {} sem mudança agora, que outra execução enviou depois do retrato",
                    rows(rows_of_earlier)
                )
            }),
            (rows_unreached > 0).then(|| {
                format!(
                    "fora {} sem efeito agora (o motivo está nos resultados), cujo cliente outra execução mudou depois do retrato",
                    rows(rows_unreached)
                )
            }),
            (names_lost > 0).then(|| {
                let (one, many) = ("cliente que perdeu", "clientes que perderam");
                format!(
                    "fora {} o e-mail ou o identificador interno para outro; veja o aviso do começo",
                    counted(names_lost, one, many)
                )
            }),
            self.run.motivo.as_ref().map(|_| {
                "só o que estes resultados citam: se outra execução foi interrompida antes, rode até o fim e use os resultados de então".to_owned()
            }),
            command.contains(" --send-empty ").then(|| {
                "--send-empty esvazia o que estava vazio; se o TomTicket aceita isso não está documentado".to_owned()
            }),
        ];
        let mut text = format!("Para desfazer o que esta execução mudou:\n  {command}\n");
        for note in notes.into_iter().flatten() {
            text.push_str(&format!("  ({note})\n"));
        }
        text
    }
}

/// That there are rows to repair although the exit code is 0.
pub fn tolerated(rows: u64) -> String {
    let word = if rows == 1 { "Tolerada" } else { "Toleradas" };
    format!("{word} por --ok-with: {} a corrigir\n", counted(rows, "linha", "linhas"))
}

/// What a snapshot saved: requests, and the time that they would have taken.
fn saved(retrato: &SnapshotSavings, rate: Option<f64>) -> String {
    let time = rate.map_or(String::new(), |rate| {
        let time = Duration::from_secs_f64(retrato.poupadas as f64 / rate);
        format!(", {} a menos", duration_words(time))
    });
    let requests = counted(retrato.poupadas, "requisição", "requisições");
    format!("O retrato poupou {requests}{time}; {}", retrato.differing())
}

/// What a `situacao` means, said of so many rows.
pub fn meaning(situacao: Situacao, rows: u64) -> &'static str {
    let always = |text| (text, text);
    let (one, many) = match situacao {
        Situacao::Atualizado => ("aceita pelo TomTicket", "aceitas pelo TomTicket"),
        Situacao::Inalterado => {
            ("já estava em dia; nada foi enviado", "já estavam em dia; nada foi enviado")
        }
        Situacao::Recusado => always("o TomTicket recusou"),
        Situacao::Invalido => {
            ("não pode ser enviada como está", "não podem ser enviadas como estão")
        }
        Situacao::Falhou => {
            ("não confirmada; repetir é seguro", "não confirmadas; repetir é seguro")
        }
        Situacao::Incerto => always("sem resposta definitiva; repetir não é seguro"),
        Situacao::NaoEnviado => ("não chegou a ser enviada", "não chegaram a ser enviadas"),
    };
    if rows == 1 { one } else { many }
}

fn place(label: &str) -> Cow<'_, str> {
    match label {
        "-" => "saída padrão".into(),
        "" => "nenhum arquivo; outro programa o apagou ou trocou durante a execução".into(),
        label => visible(label),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::super::tally::Tally;
    use super::*;
    use crate::model::Outcome;
    use crate::stop::{Signal, StopReason};

    fn summary(rows: &[(Situacao, &str)], stop: Option<StopReason>) -> Summary {
        tolerant_summary(rows, stop, 0)
    }

    fn tolerant_summary(
        rows: &[(Situacao, &str)],
        stop: Option<StopReason>,
        ok_with: u64,
    ) -> Summary {
        let mut tally = Tally::new(Instant::now());
        for (situacao, mensagem) in rows {
            tally.settled(&Outcome::unsent(*situacao, (*mensagem).to_owned()), false);
        }
        let settings = json!({"rate": 3.0, "ledger": "/l.db"});
        let run = RunSummary {
            entrada: "clientes.csv".into(),
            resultados: "clientes.resultado.csv".into(),
            rejeitados: "clientes.rejeitados.csv".into(),
            configuracao: settings.as_object().cloned(),
            duracao_s: 12.0,
            linhas_por_s: 0.5,
            inicio: Some("2026-11-24T04:05:06.000Z".to_owned()),
            programa: Some("0.0.0".to_owned()),
            ..RunSummary::of(&tally, rows.len() as u64, stop.as_ref(), ok_with)
        };
        Summary {
            run,
            broke_off: matches!(stop, Some(StopReason::Local(_))),
            left_out: 0,
            nameless: 0,
            rate: Some(3.0),
            note: None,
            relatorio: None,
            suggested: SuggestedCommands {
                rejects: Some("tomticket-sync run clientes.rejeitados.csv --id-type E".into()),
                rest: Some("tomticket-sync run clientes.rejeitados.csv --limit 9".into()),
                unlimited: Some("tomticket-sync run clientes.csv --id-type E".into()),
                undo: None,
                real: Some(["check", "run"].map(|it| format!("tomticket-sync {it} clientes.csv"))),
            },
            way_back: WayBack::default(),
            report_error: None,
            json_error: None,
        }
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
        insta::assert_snapshot!("toleradas", tolerant_summary(&rows, None, 3).to_text());
        let cut = [(Situacao::Inalterado, ""), (Situacao::NaoEnviado, "Não enviado.")];
        let stop = Some(StopReason::Signal(Signal::Int));
        insta::assert_snapshot!("interrompido", summary(&cut, stop).to_text());
        let full = Some(StopReason::Local("não há mais espaço em disco".into()));
        let mut broken = summary(&[], full);
        broken.run.resultados.push_str(".parcial");
        broken.run.rejeitados.push_str(".parcial");
        insta::assert_snapshot!("falha_local", broken.to_text());
    }

    /// The reason of the stop is said in full, and not again for the rows that it left unsent.
    #[test]
    fn the_reason_of_a_stop_is_said_once() {
        let reason = "motivo longo ".repeat(30);
        let unsent = unsent_message(&reason);
        let rows = [(Situacao::NaoEnviado, &*unsent), (Situacao::Falhou, "não guardou")];
        let text = summary(&rows, Some(StopReason::Refused(reason.clone()))).to_text();
        assert!(text.contains(&format!("Terminou antes do fim: {}.", reason.trim_end())), "{text}");
        assert!(text.contains("1 × não guardou"), "{text}");
        assert!(!text.contains("× Não enviado"), "{text}");
    }

    #[test]
    fn rows_that_were_left_out_are_not_told_as_unsent() {
        use Situacao::{Atualizado, NaoEnviado};
        let rows: Vec<_> =
            [Atualizado].into_iter().chain([NaoEnviado; 4]).map(|it| (it, "")).collect();
        let mut summary = summary(&rows, None);
        let lines = |summary: &Summary| {
            let outcomes = summary.outcomes().into_iter();
            outcomes.map(|(it, count, what)| format!("{it:?} {count} {what}")).collect::<Vec<_>>()
        };
        let updated = "Atualizado 1 aceita pelo TomTicket";
        assert_eq!(lines(&summary), [updated, "NaoEnviado 4 não chegaram a ser enviadas"]);
        summary.left_out = 4;
        let out = "NaoEnviado 4 de fora: --only não cita o cliente";
        assert_eq!(lines(&summary), [updated, out]);
        assert_eq!(summary.next_step(), "nada; está tudo em dia.");
        (summary.left_out, summary.nameless) = (3, 3);
        let unsent = "NaoEnviado 1 não chegou a ser enviada";
        let nameless = "NaoEnviado 3 de fora: o cliente não tem nome no TomTicket";
        assert_eq!(lines(&summary), [updated, unsent, nameless]);
    }

    #[test]
    fn the_next_step_fits_the_outcome_and_the_ledger() {
        let signal = || Some(StopReason::Signal(Signal::Int));
        let over = || Some(StopReason::Temporary("o tempo acabou".into()));
        let denied = || Some(StopReason::Refused("HTTP 302".into()));
        let full = || Some(StopReason::Local("disco cheio".into()));
        use Situacao::{Atualizado, Falhou, Incerto, Invalido, NaoEnviado, Recusado};
        let mut text = String::new();
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
            for (ledger, settings) in [
                ("com registro", json!({"ledger": "/l.db"})),
                ("sem registro", json!({"ledger": null})),
                ("ensaio", json!({"sandbox": true})),
            ] {
                let mut summary = summary(&rows, stop.clone());
                summary.run.configuracao = settings.as_object().cloned();
                let (code, next) = (summary.run.codigo_saida, summary.next_step());
                text.push_str(&format!("[{what}, {ledger}: {code}] {next}\n"));
            }
        }
        insta::assert_snapshot!("proximo_passo", text);
    }

    #[test]
    fn the_json_is_the_documented_one_and_is_read_back() {
        let rows = [(Situacao::Atualizado, "ok"), (Situacao::Falhou, "=HTTP 500\u{1b}")];
        let summary = summary(&rows, None);
        let json = summary.run.to_json();
        insta::assert_snapshot!("resumo_json", json);
        assert_eq!(serde_json::from_str::<RunSummary>(&json).unwrap(), summary.run);
    }
}
