//! What the user reads about a preflight, in Portuguese: the remarks at the beginning of a run and the
//! plan of `check`.
//!
//! Nothing is found out here; that is the pass in `mod.rs`.

use std::time::Duration;

use super::{Lookup, Preflight};
use crate::locale::format::{counted, duration_words, number};

/// The warning about a file in UTF-8 that the user has read as Windows-1252.
const MISREAD: &str = "os acentos deste arquivo parecem UTF-8, e --encoding windows-1252 os lê trocados (\"João\" vira \"JoÃ£o\"). Se não é o que você quer, tire --encoding: o programa descobre a codificação";

impl Preflight {
    /// Lines about how the input was read, and warnings.
    pub fn remarks(&self, label: &str) -> String {
        let delimiter = match self.inspection.delimiter {
            None => "uma coluna só".to_owned(),
            Some(b'\t') => "separador tab".to_owned(),
            Some(byte) => format!("separador \"{}\"", char::from(byte)),
        };
        let mut text = format!(
            "{label}: {}, {delimiter}, {}, {}\n",
            self.inspection.encoding,
            counted(self.inspection.header.len() as u64, "coluna", "colunas"),
            counted(self.rows, "linha", "linhas")
        );
        let misread = self.inspection.looks_like_utf8.then(|| MISREAD.to_owned());
        let of_plan = self.plan.warnings().iter().cloned();
        let of_rows = self.spreadsheet_numbers.warnings().chain(self.reassigned_emails.warning());
        let of_layout = self.layout.warnings();
        for warning in misread.into_iter().chain(of_plan).chain(of_layout).chain(of_rows) {
            text.push_str(&format!("aviso: {warning}\n"));
        }
        text
    }

    /// A sentence about requests of `ledger` whose outcome is unknown.
    pub fn in_flight_text(&self, ledger: &Lookup) -> Option<String> {
        let leftovers = ledger.leftovers.len();
        if let Some(holder) = ledger.busy {
            let who = holder.map_or(String::new(), |holder| format!(" (processo {})", holder.pid));
            return Some(format!(
                "outra execução desta conta está em andamento{who}; enquanto ela não termina, este plano conta como a enviar o que ela ainda vai enviar"
            ));
        }
        if leftovers == 0 {
            return None;
        }
        let mut text = format!(
            "uma execução anterior deixou {} em andamento, e ninguém sabe se o TomTicket aceitou",
            counted(leftovers as u64, "requisição", "requisições")
        );
        if self.repeating.several().is_some() {
            text.push_str(&format!("; será enviado de novo: {}", self.repeating.text()));
        }
        let elsewhere = leftovers.saturating_sub(self.repeated.len());
        if elsewhere > 0 {
            text.push_str(&format!("; fora desta entrada: {elsewhere}"));
        }
        Some(text)
    }

    /// The plan, for `check`. `per_second` is the rate that a run would keep; `limit` its `--limit`.
    /// `unknown` says why unchanged rows could not be counted, if they could not.
    pub fn plan_text(&self, per_second: Option<f64>, limit: Option<u64>, unknown: &str) -> String {
        let mut text = String::from("Colunas usadas:\n");
        for line in self.plan.describe() {
            text.push_str(&format!("  {line}\n"));
        }
        let to_send = self.to_send(limit);
        text.push_str(&format!("Plano:\n  {:>9} a enviar\n", number(to_send)));
        match self.unchanged {
            Some(unchanged) => {
                text.push_str(&format!("  {:>9} sem mudança\n", number(unchanged)));
            }
            None => text.push_str(&format!("          ? sem mudança ({unknown})\n")),
        }
        let word = if self.invalid == 1 { "inválida" } else { "inválidas" };
        text.push_str(&format!("  {:>9} {word}\n", number(self.invalid)));
        if let Some(rate) = per_second {
            let wait = Duration::from_secs_f64(to_send as f64 / rate);
            let pace = format!("{rate}").replace('.', ",");
            text.push_str(&format!(
                "  tempo previsto: {} a {pace} por segundo\n",
                duration_words(wait)
            ));
        }
        if !self.examples.is_empty() {
            text.push_str("Linhas inválidas:\n");
            for (linha, mensagem) in &self.examples {
                text.push_str(&format!("  linha {linha}: {mensagem}\n"));
            }
            let more = self.invalid - self.examples.len() as u64;
            if more > 0 {
                text.push_str(&format!("  … e mais {}\n", number(more)));
            }
        }
        text
    }
}
