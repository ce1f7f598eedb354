//! The verdict of a run on the page: how it went and what to do next.

use crate::exit_code;
use crate::locale::format::{capital, counted};
use crate::model::Situacao;
use crate::output::{Repeat, RunSummary};

pub struct RunVerdict {
    /// Class of the style sheet.
    pub class: &'static str,
    pub headline: &'static str,
    pub next: String,
}

/// How to send the remaining rows; `when` stands behind the verb.
fn advice(summary: Option<&RunSummary>, when: &str) -> String {
    match summary.map_or(Repeat::Unknown, RunSummary::repeat) {
        Repeat::StartsOver => format!(
            "rode{when} o arquivo de rejeitados com as mesmas opções: sem um registro que valha, o mesmo comando recomeçaria do zero."
        ),
        repeat => repeat.advice(when),
    }
}

/// The verdict on a run with this exit code and these counts by [`Situacao::index`].
pub fn verdict(code: u8, counts: &[u64; 7], summary: Option<&RunSummary>) -> RunVerdict {
    let count = |situacao: Situacao| counts[situacao.index()];
    let not_sent = count(Situacao::NaoEnviado) > 0;
    let to_repair = count(Situacao::Recusado) + count(Situacao::Invalido);
    let (class, headline, mut next) = match code {
        exit_code::OK if not_sent => (
            "ok",
            "O que foi enviado está em dia",
            "As linhas que ficaram de fora vão na próxima execução.".to_owned(),
        ),
        exit_code::OK => ("ok", "Tudo em dia", "Não há nada a fazer.".to_owned()),
        exit_code::ROWS_TO_FIX if not_sent => (
            "fix",
            "Terminou, e há linhas a corrigir",
            format!(
                "Confira os resultados; as linhas que ficaram de fora vão na próxima execução. Só {} de correção.",
                counted(to_repair, "linha precisa", "linhas precisam")
            ),
        ),
        exit_code::ROWS_TO_FIX => (
            "fix",
            "Terminou, e há linhas a corrigir",
            "Corrija as linhas no arquivo de rejeitados e rode esse arquivo com as mesmas opções."
                .to_owned(),
        ),
        exit_code::REFUSED => (
            "bad",
            "Parou antes do fim",
            format!("Resolva o motivo. Depois, {}", advice(summary, "")),
        ),
        exit_code::TEMPORARY => (
            "fix",
            "Não chegou ao fim de todas as linhas",
            capital(&advice(summary, " mais tarde")),
        ),
        exit_code::UNCERTAIN => {
            let left = not_sent || count(Situacao::Falhou) > 0;
            let next =
                if left { format!("Depois, {}", advice(summary, "")) } else { String::new() };
            ("bad", "Há linhas incertas", next)
        }
        exit_code::LOCAL => (
            "bad",
            "Parou por um problema na máquina",
            "Resolva o problema e rode o mesmo comando de novo.".to_owned(),
        ),
        _ => ("fix", "Foi interrompida", capital(&advice(summary, ""))),
    };
    if count(Situacao::Incerto) > 0 {
        let look_up = "Confira no TomTicket os clientes marcados como incerto antes de repetir essas linhas: repetir não é seguro.";
        next = format!("{look_up} {next}").trim_end().to_owned();
    }
    RunVerdict { class, headline, next }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;
    use crate::output::Tally;

    #[test]
    fn the_next_step_fits_the_outcome_and_the_ledger() {
        let summary = |code: u8, settings: &Value| RunSummary {
            codigo_saida: code,
            configuracao: settings.as_object().cloned(),
            ..RunSummary::of(&Tally::new(Instant::now()), 0, None)
        };
        let counts = |situacoes: &[Situacao]| {
            Situacao::ALL.map(|situacao| u64::from(situacoes.contains(&situacao)))
        };
        let settings = [
            ("com registro", json!({"ledger": "/l.db", "full": false})),
            ("--full", json!({"ledger": "/l.db", "full": true})),
            ("sem registro", json!({"ledger": null})),
            ("ensaio", json!({"ledger": null, "sandbox": true})),
        ];
        use Situacao::{Atualizado, Falhou, Incerto, Invalido, NaoEnviado};
        let mut text = String::new();
        for (code, situacoes) in [
            (exit_code::ROWS_TO_FIX, &[Invalido, NaoEnviado][..]),
            (exit_code::REFUSED, &[NaoEnviado]),
            (exit_code::TEMPORARY, &[Atualizado, Falhou]),
            (exit_code::UNCERTAIN, &[Incerto]),
            (exit_code::UNCERTAIN, &[Incerto, NaoEnviado]),
            (130, &[Incerto, NaoEnviado]),
        ] {
            for (what, settings) in &settings {
                let verdict = verdict(code, &counts(situacoes), Some(&summary(code, settings)));
                text.push_str(&format!("[{code}, {what}] {}\n", verdict.next));
            }
        }
        let alone = verdict(exit_code::TEMPORARY, &counts(&[Falhou]), None);
        text.push_str(&format!("[4, só os resultados] {}", alone.next));
        insta::assert_snapshot!("proximo_passo", text);
    }
}
