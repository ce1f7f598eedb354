//! Statistics of result lines, added one by one in bounded memory. [`crate::output`] adds them while
//! it writes the results, [`super::read`] when it reads a results file. How the page shows them is
//! [`super::page`]'s.

mod latency;
mod messages;
mod timeline;

use jiff::Timestamp;

pub use latency::{Bin, Latencies};
use messages::pattern;
pub use messages::{MessageGroup, MessageGroups};
pub use timeline::Timeline;

use crate::model::Situacao;
use crate::output::{ResultLine, cut, excerpt};

/// Rows to repair that are kept.
const MAX_TO_FIX: usize = 500;
/// Characters of each text of such a row that are kept.
const TEXT_LENGTH: usize = 240;

/// A row that a person must look at, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowToFix {
    pub linha: u64,
    pub identificador: String,
    pub tipo_identificador: String,
    pub situacao: Situacao,
    pub mensagem: String,
    /// The pattern of the message, as of [`MessageGroup`].
    pub pattern: String,
}

#[derive(Debug, Default)]
pub struct ResultStats {
    /// Rows by [`Situacao::index`].
    pub counts: [u64; 7],
    /// When the first and the last row were accepted.
    pub accepted_span: Option<(Timestamp, Timestamp)>,
    pub accepted: Timeline,
    /// Durations of rows that were sent once: those with more attempts include the waits between.
    pub latencies: Latencies,
    /// The messages of rows with `erro`.
    pub messages: MessageGroups,
    /// The first rows to repair or to look up, at most 500.
    pub to_fix: Vec<RowToFix>,
    /// When the first and the last verdict was reached.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl ResultStats {
    pub fn add(&mut self, line: &ResultLine<'_>) {
        self.counts[line.situacao.index()] += 1;
        let at = line.concluido_em;
        widen(&mut self.span, at);
        if line.situacao == Situacao::Atualizado {
            widen(&mut self.accepted_span, at);
            self.accepted.add(at.as_second());
        }
        if line.tentativas == 1 {
            self.latencies.add(line.duracao_ms);
        }
        if !line.erro {
            return;
        }
        let message = cut(line.mensagem, TEXT_LENGTH);
        let pattern = pattern(message);
        self.messages.add(line.situacao, line.linha, message, &pattern);
        if needs_a_look(line.situacao) && self.to_fix.len() < MAX_TO_FIX {
            self.to_fix.push(RowToFix {
                linha: line.linha,
                identificador: excerpt(line.identificador, TEXT_LENGTH),
                tipo_identificador: excerpt(line.tipo_identificador, TEXT_LENGTH),
                situacao: line.situacao,
                mensagem: excerpt(line.mensagem, TEXT_LENGTH),
                pattern,
            });
        }
    }

    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Rows that were not sent need no look: the next run sends them.
fn needs_a_look(situacao: Situacao) -> bool {
    situacao.erro() && situacao != Situacao::NaoEnviado
}

fn widen(span: &mut Option<(Timestamp, Timestamp)>, at: Timestamp) {
    *span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
}
