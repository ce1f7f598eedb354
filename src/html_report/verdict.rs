//! The verdict of a run on the page: how it went and what to do next.

use crate::exit_code;
use crate::locale::format::{capital, counted, number};
use crate::model::Situacao::{self, Atualizado, Falhou, Inalterado, Incerto, Invalido, NaoEnviado};
use crate::output::{Repeat, RunSummary};

pub struct RunVerdict {
    /// Class of the style sheet: `ok`; `fix` for rows to repair and nothing else; `wait` for what the
    /// next run does; `bad`.
    pub class: &'static str,
    pub headline: String,
    /// Why the run ended early, where the headline does not say all of it.
    pub reason: Option<String>,
    pub next: String,
}

const REPAIR: &str =
    "Corrija as linhas no arquivo de rejeitados e rode esse arquivo com as mesmas opções.";
const LEFT_OUT: &str = "As linhas que ficaram de fora vão na próxima execução.";
const CHOSEN: &str = "As outras linhas ficaram fora desta execução, como pedido.";

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
    let count = |situacoes: &[Situacao]| -> u64 {
        situacoes.iter().map(|situacao| counts[situacao.index()]).sum()
    };
    let (to_repair, uncertain) = (count(&[Situacao::Recusado, Invalido]), count(&[Incerto]));
    let (unanswered, not_sent) = (count(&[Falhou]), count(&[NaoEnviado]));
    let reason = summary.and_then(|summary| summary.motivo.as_deref());
    let cause = reason.map_or("", first_clause);
    // What the run did with the rows, up to the number that matters.
    let whole = match reason {
        Some(_) => "Parou antes do fim",
        None if not_sent > 0 && summary.is_some() => "Terminou a parte pedida",
        None if not_sent > 0 => "Parte das linhas não foi enviada",
        None => "Todas as linhas foram tratadas",
    };
    let stopped = match count(&[Atualizado, Inalterado]) {
        0 if summary.is_some_and(|summary| summary.requisicoes == 0) => {
            format!("Nada foi enviado: {cause}")
        }
        0 if unanswered + uncertain == 0 => format!("Nenhuma linha foi aceita: {cause}"),
        _ => format!("Parou antes do fim: {cause}"),
    };
    let (class, headline) = match code {
        exit_code::OK if counts.iter().all(|n| *n == 0) => {
            ("ok", "Não havia linhas a enviar".into())
        }
        exit_code::OK if to_repair > 0 => {
            ("fix", format!("{whole}; {} a corrigir, dentro do tolerado", number(to_repair)))
        }
        exit_code::OK if not_sent > 0 && count(&[Atualizado, Inalterado]) == 0 => {
            ("wait", "Nenhuma linha foi enviada".into())
        }
        exit_code::OK if not_sent > 0 => ("ok", "O que foi enviado está em dia".into()),
        exit_code::OK if count(&[Atualizado]) == 0 => {
            ("ok", "Tudo já estava em dia: nada precisou ser enviado".into())
        }
        exit_code::OK => ("ok", "Tudo em dia".into()),
        exit_code::ROWS_TO_FIX => ("fix", format!("{whole}; {} a corrigir", number(to_repair))),
        exit_code::TEMPORARY if reason.is_none() => {
            let unanswered = counted(unanswered, "não confirmada", "não confirmadas");
            ("wait", format!("{whole}; {unanswered}"))
        }
        exit_code::TEMPORARY => ("wait", stopped),
        exit_code::REFUSED if reason.is_some() => ("bad", stopped),
        exit_code::REFUSED => ("bad", "Parou antes do fim".into()),
        exit_code::UNCERTAIN => {
            let uncertain = number(uncertain);
            let repair = match to_repair {
                0 => String::new(),
                n => format!(", {} a corrigir", number(n)),
            };
            ("bad", format!("{whole}; {uncertain} a conferir no TomTicket{repair}"))
        }
        exit_code::LOCAL => ("bad", "Parou por um problema na máquina".into()),
        _ if not_sent + unanswered == 0 => {
            ("wait", "Foi interrompida, mas todas as linhas foram tratadas".into())
        }
        _ => {
            let left = counted(not_sent + unanswered, "linha ficou", "linhas ficaram");
            ("wait", format!("Foi interrompida; {left} para a próxima execução"))
        }
    };
    // `--limit` leaves rows to the next run, `--only` to none.
    let is_chosen = summary.is_some_and(|summary| summary.setting("limit").is_none());
    let left_out = if is_chosen { CHOSEN } else { LEFT_OUT };
    let left_over = not_sent + unanswered > 0;
    let next = match code {
        exit_code::OK if to_repair == 0 && not_sent == 0 => "Não há nada a fazer.".to_owned(),
        exit_code::OK | exit_code::ROWS_TO_FIX if to_repair == 0 => left_out.to_owned(),
        exit_code::OK | exit_code::ROWS_TO_FIX if not_sent > 0 => {
            let repair = counted(to_repair, "linha precisa", "linhas precisam");
            format!("Confira os resultados. {left_out} Só {repair} de correção.")
        }
        exit_code::OK | exit_code::ROWS_TO_FIX => REPAIR.to_owned(),
        exit_code::REFUSED => format!("Resolva o motivo. Depois, {}", advice(summary, "")),
        exit_code::TEMPORARY => capital(&advice(summary, " mais tarde")),
        exit_code::UNCERTAIN if left_over => format!("Depois, {}", advice(summary, "")),
        exit_code::UNCERTAIN if to_repair > 0 => REPAIR.to_owned(),
        exit_code::UNCERTAIN => String::new(),
        exit_code::LOCAL => "Resolva o problema e rode o mesmo comando de novo.".to_owned(),
        _ if !left_over && to_repair > 0 => REPAIR.to_owned(),
        _ if !left_over => "Não há nada a fazer.".to_owned(),
        _ => capital(&advice(summary, "")),
    };
    let look_up = "Confira no TomTicket os clientes das linhas incertas antes de repetir essas linhas: repetir não é seguro.";
    let next = if uncertain > 0 { format!("{look_up} {next}").trim_end().to_owned() } else { next };
    // A headline that ends with the whole reason needs no line of its own for it.
    let reason = reason.filter(|reason| !headline.ends_with(reason)).map(ToOwned::to_owned);
    RunVerdict { class, headline, reason, next }
}

/// A reason up to its details.
fn first_clause(reason: &str) -> &str {
    reason.split([';', '(']).next().unwrap_or(reason).trim_end()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;
    use crate::output::Tally;

    fn counts(situacoes: &[Situacao]) -> [u64; 7] {
        Situacao::ALL.map(|situacao| u64::from(situacoes.contains(&situacao)))
    }

    #[test]
    fn the_headline_says_what_happened() {
        use Situacao::Recusado;
        let away = "o TomTicket está fora do ar ou inacessível há 5 min; última resposta: HTTP 502";
        let denied = "o TomTicket recusou o acesso (HTTP 401: Token inválido); confira o token";
        let lost = "o TomTicket aceita a coluna campo:9, mas não a guarda (enviado \"x\", encontrado nada); confira o id";
        let signal = "interrompido por SIGTERM";
        let mut text = String::new();
        for (code, situacoes, motivo) in [
            (exit_code::OK, &[][..], None),
            (exit_code::OK, &[Atualizado, Inalterado], None),
            (exit_code::OK, &[Inalterado], None),
            (exit_code::OK, &[Atualizado, NaoEnviado], None),
            (exit_code::OK, &[NaoEnviado], None),
            (exit_code::OK, &[Atualizado, Invalido], None),
            (exit_code::ROWS_TO_FIX, &[Atualizado, Recusado, Invalido], None),
            (exit_code::ROWS_TO_FIX, &[Atualizado, Invalido, NaoEnviado], None),
            (exit_code::TEMPORARY, &[Atualizado, Falhou], None),
            (
                exit_code::TEMPORARY,
                &[Atualizado, NaoEnviado],
                Some("o tempo de --max-duration acabou"),
            ),
            (exit_code::TEMPORARY, &[Inalterado, NaoEnviado], Some(away)),
            (exit_code::TEMPORARY, &[NaoEnviado], Some(away)),
            (exit_code::REFUSED, &[Recusado, NaoEnviado], Some(denied)),
            // Accepted, and not kept.
            (exit_code::REFUSED, &[Falhou, NaoEnviado], Some(lost)),
            (exit_code::UNCERTAIN, &[Atualizado, Incerto], None),
            (exit_code::UNCERTAIN, &[Atualizado, Incerto, Invalido], None),
            (exit_code::UNCERTAIN, &[Atualizado, Incerto, NaoEnviado], Some(away)),
            (143, &[Atualizado, Falhou, NaoEnviado], Some(signal)),
            (143, &[Atualizado, Invalido], Some(signal)),
            (143, &[Atualizado], Some(signal)),
        ] {
            let summary = RunSummary {
                motivo: motivo.map(str::to_owned),
                requisicoes: u64::from(situacoes.len() > 1),
                ..RunSummary::of(&Tally::new(Instant::now()), 0, None, 0)
            };
            let verdict = verdict(code, &counts(situacoes), Some(&summary));
            let reason =
                verdict.reason.map(|reason| format!(" Motivo: {reason}.")).unwrap_or_default();
            let RunVerdict { class, headline, next, .. } = verdict;
            text.push_str(&format!("[{code} {class}] {headline}.{reason} {next}\n"));
        }
        let alone = verdict(exit_code::ROWS_TO_FIX, &counts(&[Invalido, NaoEnviado]), None);
        text.push_str(&format!("[só os resultados] {}", alone.headline));
        insta::assert_snapshot!("manchetes", text);
    }

    #[test]
    fn the_next_step_fits_the_outcome_and_the_ledger() {
        let summary = |code: u8, settings: &Value| RunSummary {
            codigo_saida: code,
            configuracao: settings.as_object().cloned(),
            ..RunSummary::of(&Tally::new(Instant::now()), 0, None, 0)
        };
        let settings = [
            ("com registro", json!({"ledger": "/l.db", "full": false})),
            ("--full", json!({"ledger": "/l.db", "full": true})),
            ("sem registro", json!({"ledger": null})),
            ("ensaio", json!({"ledger": null, "sandbox": true})),
        ];
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
