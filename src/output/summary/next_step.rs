//! What to do after a run: one sentence for a person, with the exact command where there is one.

use super::Summary;
use crate::exit_code;
use crate::input::Encoding;
use crate::locale::format::{capital, counted};
use crate::model::Situacao;

/// What may be typed next. Each is `None` where it is not known, or where it would not do what it is
/// for: a program that uses the library typed nothing, and what a variable or a file sets is not
/// taken back by leaving a word out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuggestedCommands {
    /// The whole rejects file.
    pub rejects: Option<String>,
    /// The rejects file under the same `--limit`, to go on with a run that was stopped.
    pub rest: Option<String>,
    /// The same input without `--limit`.
    pub unlimited: Option<String>,
    /// After a rehearsal: the same input, checked and sent for real.
    pub real: Option<[String; 2]>,
}

impl SuggestedCommands {
    /// The rejects would be taken for another encoding if nothing were said.
    pub fn in_encoding(self, encoding: Encoding) -> Self {
        // Not at the end, where it may stand behind a `--`.
        let words = format!(" run --encoding {} ", encoding.name());
        let told = |command: String| command.replacen(" run ", &words, 1);
        Self { rejects: self.rejects.map(told), rest: self.rest.map(told), ..self }
    }
}

impl Summary {
    pub(super) fn next_step(&self) -> String {
        let count = |situacao: Situacao| self.counts[situacao.index()];
        let (results, rejects) = (&self.resultados, &self.rejeitados);
        let again = &self.context.again;
        let look_up = format!(
            "confira no TomTicket os clientes marcados como incerto em {rejects} antes de repetir essas linhas"
        );
        // Without a reason to end early, it was --limit that left rows out.
        let left_out = self.context.stop.is_none() && count(Situacao::NaoEnviado) > 0;
        let mut text = match self.codigo_saida {
            exit_code::OK | exit_code::ROWS_TO_FIX if left_out => self.after_a_trial(),
            exit_code::OK if self.context.sandbox => match &again.real {
                Some([check, run]) => {
                    format!("confira o arquivo de verdade e depois envie:\n  {check}\n  {run}")
                }
                None => {
                    "confira o arquivo com `tomticket-sync check` e as mesmas opções, e rode sem o ensaio (sandbox)."
                        .to_owned()
                }
            },
            exit_code::OK => "nada; está tudo em dia.".to_owned(),
            exit_code::ROWS_TO_FIX => match &again.rejects {
                Some(command) => format!("corrija as linhas em {rejects} e rode:\n  {command}"),
                None => self.repair_without_a_file(),
            },
            exit_code::REFUSED if self.context.continues => {
                "resolva o motivo acima e rode o mesmo comando de novo; ele continua de onde parou."
                    .to_owned()
            }
            exit_code::REFUSED => format!("resolva o motivo acima. {}", capital(&self.go_on(""))),
            exit_code::LOCAL if !self.broke_off() && self.unwritten_report.is_none() => {
                "resolva o problema nesta máquina; os resultados e os rejeitados estão completos, e nada precisa ser enviado de novo por causa disso."
                    .to_owned()
            }
            exit_code::LOCAL if !self.broke_off() && results != "-" => format!(
                "resolva o problema nesta máquina e faça o relatório com `tomticket-sync report {results}`; as linhas já têm seu resultado acima."
            ),
            exit_code::LOCAL => {
                "resolva o problema nesta máquina e rode o mesmo comando de novo.".to_owned()
            }
            exit_code::UNCERTAIN if left_out => {
                return format!("{look_up}. Depois, {}", self.after_a_trial());
            }
            exit_code::UNCERTAIN if count(Situacao::NaoEnviado) + count(Situacao::Falhou) > 0 => {
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

    /// How to send what a stopped run did not.
    fn go_on(&self, later: &str) -> String {
        if self.context.sandbox {
            return format!(
                "rode o mesmo comando de novo{later}; um ensaio recomeça sempre do zero."
            );
        }
        match (&self.context.again.rest, self.context.continues) {
            (_, true) => {
                format!("rode o mesmo comando de novo{later}; ele continua de onde parou.")
            }
            (Some(command), false) => format!(
                "rode{later} só as linhas que faltam (o mesmo comando recomeçaria do zero):\n  {command}"
            ),
            (None, false) => {
                format!("rode o mesmo comando de novo{later}; ele recomeça do zero.")
            }
        }
    }

    /// `--limit` sent some rows for somebody to look at; then come all.
    fn after_a_trial(&self) -> String {
        let whose = if self.context.sandbox { "" } else { ", e esses clientes no TomTicket," };
        let mut text = format!("confira os resultados{whose} e rode sem --limit");
        match &self.context.again.unlimited {
            Some(command) => text.push_str(&format!(":\n  {command}")),
            None => text.push('.'),
        }
        let [refused, invalid] =
            [Situacao::Recusado, Situacao::Invalido].map(|situacao| self.counts[situacao.index()]);
        let to_repair = refused + invalid;
        if to_repair > 0 {
            let (one, many) = ("linha precisa", "linhas precisam");
            text.push_str(&format!(
                "\n  Só {} de correção; o motivo está em {}.",
                counted(to_repair, one, many),
                self.rejeitados
            ));
        }
        text
    }

    /// Where the rejects are no file that could be run.
    fn repair_without_a_file(&self) -> String {
        let rejects = &self.rejeitados;
        if rejects == "-" {
            "guarde em um arquivo as linhas que saíram na saída padrão, corrija-as e rode esse arquivo com as mesmas opções."
                .to_owned()
        } else if rejects.starts_with("/dev/") || rejects.starts_with("/proc/") {
            "corrija na entrada as linhas com erro (o motivo de cada uma está nos resultados) e rode o mesmo comando de novo."
                .to_owned()
        } else {
            format!(
                "corrija as linhas em {rejects} e rode `tomticket-sync run {rejects}` com as mesmas opções."
            )
        }
    }
}
