//! How a row ends.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// How a row ended. There is no "other": each row of the input gets exactly one of these.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Situacao {
    /// The API accepted the update.
    Atualizado,
    /// TomTicket is known to hold every value; nothing was sent.
    Inalterado,
    /// The API refused the update.
    Recusado,
    /// The row cannot be sent; a person must fix it.
    Invalido,
    /// No definite answer; a new run repeats it safely.
    Falhou,
    /// No definite answer, and repeating it is not safe.
    Incerto,
    /// The run ended before the row's turn.
    NaoEnviado,
}

impl Situacao {
    /// All seven, in the order in which summaries list them.
    pub const ALL: [Self; 7] = [
        Self::Atualizado,
        Self::Inalterado,
        Self::Recusado,
        Self::Invalido,
        Self::Falhou,
        Self::Incerto,
        Self::NaoEnviado,
    ];

    /// The spelling in the results file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Atualizado => "atualizado",
            Self::Inalterado => "inalterado",
            Self::Recusado => "recusado",
            Self::Invalido => "invalido",
            Self::Falhou => "falhou",
            Self::Incerto => "incerto",
            Self::NaoEnviado => "nao_enviado",
        }
    }

    /// The `erro` column: whether the row still needs action.
    pub const fn erro(self) -> bool {
        !matches!(self, Self::Atualizado | Self::Inalterado)
    }

    /// Of a row whose request was executed, or may have been.
    pub const MAY_HAVE_CHANGED: [Self; 3] = [Self::Atualizado, Self::Falhou, Self::Incerto];

    /// Its position in [`ALL`](Self::ALL), for counting.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Situacao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The message of a row that is unchanged because of a request after the snapshot was read, as a rule
/// of a run that was killed. The way back must include its customer, and knows it by this text: the
/// columns of the results have no other place for it.
pub const ACCEPTED_SINCE: &str =
    "Sem mudança: o TomTicket aceitou estes valores depois do retrato.";

/// The outcome of a row, derived from its attempts: one line of the results.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub situacao: Situacao,
    /// The API's own words if it gave any, else ours.
    pub mensagem: String,
    /// Status of the last response, if there was one.
    pub http_status: Option<u16>,
    /// Requests that may have been executed; 0 when nothing was sent. Neither a 429 nor a request
    /// that never left counts.
    pub tentativas: u32,
    /// From the first attempt's start to the last one's end, with the waiting between them.
    pub duracao: Duration,
    /// When the outcome was known.
    pub concluido_em: Timestamp,
    /// Whether reading the customer decided it.
    pub by_reading: bool,
}

impl Outcome {
    /// The outcome of a row that was never sent.
    pub fn unsent(situacao: Situacao, mensagem: String) -> Self {
        Self {
            situacao,
            mensagem,
            http_status: None,
            tentativas: 0,
            duracao: Duration::ZERO,
            concluido_em: Timestamp::now(),
            by_reading: false,
        }
    }
}
