//! What the user reads about a preflight, in Portuguese: the remarks at the beginning of a run and the
//! plan of `check`.
//!
//! Nothing is found out here; that is the pass in `mod.rs`.

use std::time::Duration;

use super::{Lookup, Preflight};
use crate::input::Sheet;
use crate::locale::foreign_text::visible;
use crate::locale::format::{counted, duration_words, number};
use crate::output::{ColumnCounts, excerpt, one_line};

/// The warning about UTF-8 that the user has read in one byte per character.
const MISREAD: &str = "acentos deste arquivo parecem UTF-8, e o --encoding dado os lê trocados (\"João\" vira \"JoÃ£o\"). Se não é o que você quer, tire --encoding: o programa descobre a codificação";

/// The warning about a snapshot as the input that is compared with nothing.
const UNCHECKED: &str = "a entrada é um retrato e vai ao pé da letra: nenhum valor é conferido. Se você a editou, compare com um retrato intacto (--snapshot RETRATO): só o que mudou é conferido e enviado";
/// The way out where such an input was not edited, and its values are those of another day.
const COMPARED: &str = "a entrada é um retrato, e o que nela difere do de --snapshot é conferido como qualquer valor novo. Se ninguém a editou e ela é para desfazer, use --only RESULTADOS, ou deixe --snapshot de fora: tudo vai ao pé da letra";

/// Sheets that are named beside the one that is read.
const SHEETS: usize = 5;

impl Preflight {
    /// Lines about how the input was read, and warnings.
    pub fn remarks(&self, label: &str) -> String {
        let delimiter = || match self.inspection.delimiter {
            None => "uma coluna só".to_owned(),
            Some(b'\t') => "separador tab".to_owned(),
            Some(byte) => format!("separador \"{}\"", char::from(byte)),
        };
        let read_as = match &self.inspection.sheet {
            Some(sheet) => sheet_text(sheet),
            None => format!("{}, {}", self.inspection.encoding, delimiter()),
        };
        let mut text = format!(
            "{label}: {read_as}, {}, {}\n",
            counted(self.inspection.header.len() as u64, "coluna", "colunas"),
            counted(self.rows, "linha", "linhas")
        );
        let misread = self.inspection.looks_like_utf8.then(|| MISREAD.to_owned());
        let without_effect = &self.inspection.without_effect;
        let without_effect = (!without_effect.is_empty()).then(|| {
            let kind = if self.inspection.sheet.is_some() { "uma planilha" } else { "um CSV" };
            format!("a entrada é {kind}; sem efeito aqui: {}", without_effect.join(", "))
        });
        let of_plan = self.plan.warnings().iter().cloned();
        let of_rows = self.reassigned_emails.warning().into_iter();
        let of_layout = self.layout.warnings();
        let missing = self.wanted.saturating_sub(self.selected.len()) as u64;
        let missing = (missing > 0).then(|| {
            format!(
                "--only cita {} que esta entrada não tem; nada é enviado a {}",
                counted(missing, "cliente", "clientes"),
                if missing == 1 { "ele" } else { "eles" }
            )
        });
        let circle = self.circles.several().map(|_| {
            format!(
                "{}: os e-mails destes clientes trocaram de dono em círculo, e cada um só fica livre depois do outro; o TomTicket deve recusar. Acerte esses clientes no painel, um deles com um e-mail provisório",
                self.circles.text()
            )
        });
        let lost = self.names_lost.several().map(|several| {
            let verb = if several { "dão" } else { "dá" };
            format!(
                "{}: {verb} a um cliente um e-mail ou identificador interno que no retrato é de outro, e nenhuma linha a enviar é desse outro: ele perde o nome, e --only não o traz de volta",
                self.names_lost.text()
            )
        });
        let unchecked =
            (self.plan.is_verbatim() && !self.has_selection).then(|| UNCHECKED.to_owned());
        let checked = (self.plan.is_compared() && self.invalid > 0).then(|| COMPARED.to_owned());
        let of_snapshot = unchecked.into_iter().chain(checked);
        let of_rows = of_rows.chain(missing).chain(lost).chain(circle).chain(of_snapshot);
        let of_file = without_effect.into_iter().chain(misread);
        for warning in of_file.chain(of_plan).chain(of_layout).chain(of_rows) {
            text.push_str(&format!("aviso: {warning}\n"));
        }
        text.push_str(&self.findings.text());
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
        for (count, why) in [
            (self.left_out - self.nameless, "--only"),
            (self.nameless, "sem nome no TomTicket, não há como endereçar"),
        ] {
            if count > 0 {
                text.push_str(&format!("  {:>9} fora ({why})\n", number(count)));
            }
        }
        let word = if self.invalid == 1 { "inválida" } else { "inválidas" };
        text.push_str(&format!("  {:>9} {word}\n", number(self.invalid)));
        for (count, what) in [
            (self.changes.outside, "fora do retrato"),
            (self.changes.ambiguous, "mais de uma vez no retrato"),
        ] {
            if count > 0 {
                let verb = if count == 1 { "conta" } else { "contam" };
                text.push_str(&format!("  {:>9} {what} ({verb} como a enviar)\n", number(count)));
            }
        }
        if let Some(rate) = per_second {
            let wait = Duration::from_secs_f64(to_send as f64 / rate);
            let pace = format!("{rate}").replace('.', ",");
            text.push_str(&format!(
                "  tempo previsto: {} a {pace} por segundo\n",
                duration_words(wait)
            ));
        }
        if self.changes.is_known() {
            text.push_str(&self.changes_text());
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

    /// What changes in each column, and the first rows that would be sent.
    fn changes_text(&self) -> String {
        let mut text = String::new();
        for column in self.changes.columns.iter() {
            let ColumnCounts { mudam, esvaziam, desconhecidos } = column.counts;
            let counts = [
                (mudam, counted(mudam, "muda", "mudam")),
                (esvaziam, counted(esvaziam, "é esvaziado", "são esvaziados")),
                (desconhecidos, counted(desconhecidos, "desconhecido", "desconhecidos")),
            ];
            let told: Vec<_> =
                counts.into_iter().filter(|(n, _)| *n > 0).map(|(_, told)| told).collect();
            if !told.is_empty() {
                text.push_str(&format!("  {}: {}\n", column.field, told.join(", ")));
            }
        }
        if self.unchanged.is_none() {
            // Every value is unknown.
            text = "Primeiras linhas a enviar (?: sem --snapshot, não se sabe o que o TomTicket tem hoje):\n".to_owned();
        } else if !text.is_empty() {
            text.insert_str(0, "O que muda, por coluna:\n");
        }
        for column in self.changes.columns.iter().filter(|it| it.is_kept_in_another_form()) {
            text.push_str(&format!(
                "aviso: o TomTicket guarda {0} em outra forma (só maiúsculas, espaços ou pontuação diferem em {1} de {2}): essas linhas seriam enviadas todas as vezes. Se a diferença não importa: --assume {0}\n",
                column.field,
                number(column.other_form),
                number(column.counts.mudam)
            ));
        }
        for row in &self.changes.shown {
            text.push_str(&format!("Linha {}: {}\n", number(row.linha), one_line(&row.name)));
            if row.fields.is_empty() {
                text.push_str(
                    "  nada difere, mas o retrato não basta: outra linha vai a este cliente, ou algo foi enviado a ele depois da leitura ou nos dez minutos antes dela (leia de novo mais tarde); ou por --full ou --max-age\n",
                );
            }
            for field in &row.fields {
                let before = match &field.before {
                    None => "?".to_owned(),
                    Some(before) => shown_value(before),
                };
                let after = shown_value(&field.after);
                text.push_str(&format!("  {}: {before} → {after}\n", field.field));
            }
        }
        text
    }
}

/// Which sheet is read, and what else there is.
pub fn sheet_text(sheet: &Sheet) -> String {
    let quoted = |name: &String| format!("\"{}\"", visible(name));
    let mut text = format!("planilha {}", quoted(&sheet.name));
    if !sheet.others.is_empty() {
        let others: Vec<_> = sheet.others.iter().take(SHEETS).map(quoted).collect();
        let more = if sheet.others.len() > SHEETS { ", …" } else { "" };
        text.push_str(&format!(" (há também {}{more}: --sheet)", others.join(", ")));
    }
    if sheet.hidden > 0 {
        let rows = counted(sheet.hidden, "linha oculta", "linhas ocultas");
        let what = if sheet.skips_hidden { "fora" } else { "dentro" };
        text.push_str(&format!(", {rows} {what} (--hidden)"));
    }
    text
}

/// A value on one line; an empty one by its word.
fn shown_value(value: &str) -> String {
    match value {
        "" => "(vazio)".to_owned(),
        value => format!("\"{}\"", excerpt(value, 60)),
    }
}
