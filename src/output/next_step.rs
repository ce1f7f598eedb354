//! What to do after a run: one sentence for a person, with the exact command where there is one. The
//! commands themselves come from [`crate::cli`].

use super::run_summary::Repeat;
use super::summary::Summary;
use crate::exit_code;
use crate::locale::foreign_text::{shell_word, visible};
use crate::locale::format::{capital, counted};
use crate::model::Situacao;

impl Summary {
    pub(super) fn next_step(&self) -> String {
        let run = &self.run;
        let count = |situacao: Situacao| run.count(situacao);
        let rejects = visible(&run.rejeitados);
        let suggested = &self.suggested;
        let look_up = format!(
            "confira no TomTicket os clientes marcados como incerto em {rejects} antes de repetir essas linhas"
        );
        // Only --limit leaves rows out without a reason to end early.
        let unsent = count(Situacao::NaoEnviado).saturating_sub(self.left_out);
        let left_out = run.motivo.is_none() && unsent > 0;
        let mut text = match run.codigo_saida {
            exit_code::OK | exit_code::ROWS_TO_FIX if left_out => self.after_a_trial(),
            exit_code::OK if run.is_rehearsal() => match &suggested.real {
                Some([check, run]) => {
                    format!("confira o arquivo de verdade e depois envie:\n  {check}\n  {run}")
                }
                None => {
                    "confira o arquivo com `tomticket-sync check` e as mesmas opções, e rode sem o ensaio (sandbox)."
                        .to_owned()
                }
            },
            exit_code::OK if run.to_repair() > 0 => format!("quando puder, {}", self.repair()),
            exit_code::OK => "nada; está tudo em dia.".to_owned(),
            exit_code::ROWS_TO_FIX => self.repair(),
            exit_code::REFUSED if run.repeat() == Repeat::Continues => {
                format!("resolva o motivo acima e {}", Repeat::Continues.advice(""))
            }
            exit_code::REFUSED => format!("resolva o motivo acima. {}", capital(&self.go_on(""))),
            exit_code::LOCAL if !self.broke_off && self.report_error.is_none() => {
                "resolva o problema nesta máquina; os resultados e os rejeitados estão completos, e nada precisa ser enviado de novo por causa disso."
                    .to_owned()
            }
            exit_code::LOCAL if !self.broke_off && run.resultados != "-" => format!(
                "resolva o problema nesta máquina e faça o relatório com `tomticket-sync report {}`; as linhas já têm seu resultado acima.",
                shell_word(run.resultados.as_ref())
            ),
            exit_code::LOCAL => {
                "resolva o problema nesta máquina e rode o mesmo comando de novo.".to_owned()
            }
            exit_code::UNCERTAIN if left_out => {
                return format!("{look_up}. Depois, {}", self.after_a_trial());
            }
            exit_code::UNCERTAIN if unsent + count(Situacao::Falhou) > 0 => {
                return format!("{look_up}. Depois, {}", self.go_on(""));
            }
            exit_code::UNCERTAIN => return format!("{look_up}."),
            exit_code::TEMPORARY => self.go_on(" mais tarde"),
            _ => self.go_on(""),
        };
        if count(Situacao::Incerto) > 0 {
            text.push_str(&format!(
                "\n  Mas confira antes, no TomTicket, os clientes marcados como incerto em {rejects}: repetir essas linhas não é seguro."
            ));
        }
        text
    }

    /// How to send the rows that a stopped run did not; `later` stands behind the verb.
    fn go_on(&self, later: &str) -> String {
        match (&self.suggested.rest, self.run.repeat()) {
            (Some(command), Repeat::StartsOver) => format!(
                "rode{later} só as linhas que faltam (o mesmo comando recomeçaria do zero):\n  {command}"
            ),
            (_, repeat) => repeat.advice(later),
        }
    }

    /// After a `--limit` run: check the rows that were sent, then send all.
    fn after_a_trial(&self) -> String {
        let whose = if self.run.is_rehearsal() { "" } else { ", e esses clientes no TomTicket," };
        let mut text = format!("confira os resultados{whose} e rode sem --limit");
        match &self.suggested.unlimited {
            Some(command) => text.push_str(&format!(":\n  {command}")),
            None => text.push('.'),
        }
        let to_repair = self.run.to_repair();
        if to_repair > 0 {
            let (one, many) = ("linha precisa", "linhas precisam");
            text.push_str(&format!(
                "\n  Só {} de correção; o motivo está em {}.",
                counted(to_repair, one, many),
                visible(&self.run.rejeitados)
            ));
        }
        text
    }

    fn repair(&self) -> String {
        let rejects = &self.run.rejeitados;
        if let Some(command) = &self.suggested.rejects {
            format!("corrija as linhas em {} e rode:\n  {command}", visible(rejects))
        } else if rejects == "-" {
            "guarde em um arquivo as linhas que saíram na saída padrão, corrija-as e rode esse arquivo com as mesmas opções."
                .to_owned()
        } else if rejects.starts_with("/dev/") || rejects.starts_with("/proc/") {
            "corrija na entrada as linhas com erro (o motivo de cada uma está nos resultados) e rode o mesmo comando de novo."
                .to_owned()
        } else {
            format!(
                "corrija as linhas em {} e rode `tomticket-sync run {}` com as mesmas opções.",
                visible(rejects),
                shell_word(rejects.as_ref())
            )
        }
    }
}
