//! What the user reads about suspicious values, in Portuguese, the most dangerous first, each with the
//! way out. No value of a customer is quoted; words for no value are none.

use std::ffi::OsStr;

use super::super::line_list::LineList;
use super::Findings;
use super::columns::SuspiciousCells;
use super::known_customers::RepeatedCustomers;
use crate::locale::foreign_text::{shell_word, visible};
use crate::locale::format::{counted, number};
use crate::suspicious::Suspicion;

impl Findings {
    /// The remarks, or nothing.
    pub fn text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        if let Some((swapped, phones)) = self.swapped.found() {
            lines.push(format!(
                "nome e telefone parecem trocados: em {} de {} o telefone não tem dígito e o nome tem; confira --map",
                number(swapped),
                counted(phones, "linha", "linhas")
            ));
        }
        let mut found: Vec<_> = self
            .columns
            .iter()
            .flat_map(|findings| findings.told().map(|told| (&findings.column.name, told)))
            .collect();
        found.sort_by_key(|(_, (suspicion, _))| *suspicion);
        lines.extend(found.into_iter().map(|(name, (suspicion, cells))| {
            let count = counted(cells.lines.count(), "célula", "células");
            format!(
                "coluna \"{name}\": {count} {} ({}). {}",
                description(suspicion, cells),
                cells.lines.text(),
                way_out(suspicion, cells)
            )
        }));
        lines.extend(without_at(&self.without_at));
        lines.extend(self.repeated.iter().flat_map(repeated));
        if lines.is_empty() {
            return String::new();
        }
        let mut text = "aviso: valores suspeitos, do mais ao menos grave (--allow COLUNA aceita uma coluna como está):\n".to_owned();
        for line in lines {
            text.push_str(&format!("  {line}\n"));
        }
        text
    }
}

fn description(suspicion: Suspicion, cells: &SuspiciousCells) -> String {
    let words = || cells.words.iter().map(|word| visible(word)).collect::<Vec<_>>().join(", ");
    match suspicion {
        Suspicion::Garbled => "com acentos embaralhados, como \"JoÃ£o\"".to_owned(),
        Suspicion::LostCharacters => "com caracteres perdidos (U+FFFD)".to_owned(),
        Suspicion::RoundedNumber => {
            "com número estragado pela planilha, como 5,51191E+12".to_owned()
        }
        Suspicion::NoValue => format!("com palavras para \"sem valor\": {}", words()),
        Suspicion::SpreadsheetText => {
            "com marcas de planilha em volta, como =\"00123\" ou '+55".to_owned()
        }
        Suspicion::Entities => "com códigos de HTML, como &amp; ou &atilde;".to_owned(),
        Suspicion::Quoted => "com aspas em volta do valor".to_owned(),
        Suspicion::Invisible => "com caracteres invisíveis".to_owned(),
        Suspicion::DecimalNumber => "com número que termina em .0 ou ,00".to_owned(),
    }
}

fn way_out(suspicion: Suspicion, cells: &SuspiciousCells) -> String {
    match suspicion {
        Suspicion::Garbled => {
            "Os acentos se perderam antes deste arquivo: exporte de novo em UTF-8 (ou tire --encoding, se você deu um)"
        }
        Suspicion::LostCharacters => "Exporte de novo da origem, em UTF-8",
        Suspicion::RoundedNumber => {
            "Os dígitos que faltam se perderam: formate a coluna como texto e exporte de novo"
        }
        Suspicion::NoValue => {
            let flags = cells.words.iter().map(|word| format!("--null {}", shell_word(OsStr::new(word))));
            let flags = flags.collect::<Vec<_>>().join(" ");
            return format!(
                "Para contar como vazias: {flags} (para apagar no TomTicket: --clear-marker)"
            );
        }
        Suspicion::SpreadsheetText => "Exporte a coluna como texto simples, sem fórmula",
        Suspicion::Entities => "Exporte de novo sem HTML",
        Suspicion::Quoted => "Confira as aspas da exportação e o --delimiter",
        Suspicion::Invisible => "Apague-os na origem",
        Suspicion::DecimalNumber => {
            "Um código virou número numa planilha: formate a coluna como texto e exporte de novo"
        }
    }
    .to_owned()
}

fn without_at(lines: &LineList) -> Option<String> {
    let several = lines.several()?;
    let verb = if several { "são" } else { "é" };
    Some(format!(
        "{} {verb} do tipo E (e-mail), mas sem @ no identificador ({}). Se são códigos: --id-type I",
        counted(lines.count(), "linha", "linhas"),
        lines.text()
    ))
}

fn repeated(found: &RepeatedCustomers) -> Vec<String> {
    let mut lines = Vec::new();
    if found.customers > 0 {
        let verb = if found.customers == 1 { "aparece" } else { "aparecem" };
        lines.push(format!(
            "{} {verb} em {} linhas com valores diferentes; vale a última ({})",
            counted(found.customers, "cliente", "clientes"),
            number(found.rows),
            found.lines.text()
        ));
    }
    if let Some(linha) = found.looked_until {
        lines.push(format!(
            "clientes repetidos foram procurados só até a linha {}, para não usar mais memória",
            number(linha)
        ));
    }
    lines
}
