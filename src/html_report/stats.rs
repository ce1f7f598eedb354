//! What result rows say in sum: a fold that takes rows one by one and never grows with their
//! number. The reporter feeds it while it writes the results, and [`crate::html_report`] from a results
//! file; what the figures mean to a person is the report's.

mod latency;
mod messages;
mod timeline;

use jiff::Timestamp;

pub use latency::{Bin, Latencies};
pub use messages::{Group, Messages, cut};
pub use timeline::{Series, Timeline};

use crate::model::Situacao;

/// Rows to repair that are kept.
const TO_FIX: usize = 500;
/// Characters of a text that are kept of such a row.
const TEXT: usize = 240;

/// One line of the results.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the column of that name")]
pub struct Entry<'a> {
    pub linha: u64,
    pub identificador: &'a str,
    pub tipo_identificador: &'a str,
    pub situacao: Situacao,
    pub mensagem: &'a str,
    pub tentativas: u32,
    pub duracao_ms: u64,
    pub concluido_em: Timestamp,
}

/// A row that a person has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the column of that name")]
pub struct RowToFix {
    pub linha: u64,
    pub identificador: String,
    pub tipo_identificador: String,
    pub situacao: Situacao,
    pub mensagem: String,
}

/// The sum of rows.
#[derive(Debug, Default)]
pub struct ResultStats {
    /// Rows by [`Situacao::index`].
    pub counts: [u64; 7],
    /// When the first and the last row were accepted.
    pub accepted_span: Option<(Timestamp, Timestamp)>,
    /// When rows were accepted.
    pub accepted: Timeline,
    /// How long rows took that were sent exactly once: with more attempts the waits between them
    /// would be counted in.
    pub latencies: Latencies,
    /// Why rows have `erro`.
    pub messages: Messages,
    /// The first rows to repair or to look up.
    pub to_fix: Vec<RowToFix>,
    /// The first and the last verdict.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl ResultStats {
    /// Takes one row.
    pub fn add(&mut self, entry: &Entry<'_>) {
        self.counts[entry.situacao.index()] += 1;
        let at = entry.concluido_em;
        widen(&mut self.span, at);
        if entry.situacao == Situacao::Atualizado {
            widen(&mut self.accepted_span, at);
            self.accepted.add(at.as_second(), 1);
        }
        if entry.tentativas == 1 {
            self.latencies.add(entry.duracao_ms);
        }
        if entry.situacao.erro() {
            self.messages.add(entry.situacao, entry.linha, entry.mensagem);
        }
        if needs_a_look(entry.situacao) && self.to_fix.len() < TO_FIX {
            self.to_fix.push(RowToFix {
                linha: entry.linha,
                identificador: short(entry.identificador),
                tipo_identificador: short(entry.tipo_identificador),
                situacao: entry.situacao,
                mensagem: short(entry.mensagem),
            });
        }
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Rows that need a look, listed or not.
    pub fn rows_to_fix(&self) -> u64 {
        Situacao::ALL
            .into_iter()
            .filter(|situacao| needs_a_look(*situacao))
            .map(|situacao| self.counts[situacao.index()])
            .sum()
    }
}

/// Rows that were not sent need no look: the next run sends them.
fn needs_a_look(situacao: Situacao) -> bool {
    situacao.erro() && situacao != Situacao::NaoEnviado
}

fn widen(span: &mut Option<(Timestamp, Timestamp)>, at: Timestamp) {
    *span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
}

fn short(text: &str) -> String {
    let kept = cut(text, TEXT);
    match kept.len() == text.len() {
        true => kept.to_owned(),
        false => format!("{kept}…"),
    }
}
