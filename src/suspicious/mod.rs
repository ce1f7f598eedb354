//! What a text looks like that is probably not what its author meant: words for no value, accents that
//! an earlier conversion garbled, marks of spreadsheets.
//!
//! Pure functions of one text. Which rows are invalid for it is decided in `mapping`, what is told of a
//! column in `preflight`.

mod garbled;
mod names;
mod no_value;
mod numbers;
mod screen;
mod wrapped;

use garbled::{has_entities, has_lost_characters, is_garbled};
pub use names::{Flaw, name_flaw};
use no_value::is_no_value;
pub use no_value::may_be_a_name;
pub use numbers::is_decimal_number;
pub use screen::{has_odd_byte, has_odd_ends};
pub use wrapped::is_spreadsheet_text;
use wrapped::{has_invisible, is_quoted, is_wrapped};

use crate::model::looks_like_spreadsheet_number;

/// What can be suspicious about a value, the most dangerous first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspicion {
    Garbled,
    LostCharacters,
    RoundedNumber,
    NoValue,
    SpreadsheetText,
    Entities,
    Quoted,
    Invisible,
    DecimalNumber,
}

/// A detector gets a trimmed text that is not empty.
type Detector = fn(&str) -> bool;

impl Suspicion {
    /// All of them, with what finds them; each stands at its own number.
    pub const DETECTORS: [(Self, Detector); 9] = [
        (Self::Garbled, is_garbled),
        (Self::LostCharacters, has_lost_characters),
        (Self::RoundedNumber, looks_like_spreadsheet_number),
        (Self::NoValue, is_no_value),
        (Self::SpreadsheetText, is_wrapped),
        (Self::Entities, has_entities),
        (Self::Quoted, is_quoted),
        (Self::Invisible, has_invisible),
        (Self::DecimalNumber, is_decimal_number),
    ];

    /// What is suspicious about a trimmed text that is not empty.
    pub fn all_of(text: &str) -> impl Iterator<Item = Self> {
        Self::DETECTORS.into_iter().filter(|(_, finds)| finds(text)).map(|(suspicion, _)| suspicion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What real customers have, and no detector may find.
    const REAL: [&str; 37] = [
        "O'Neill",
        "D'Ávila",
        "Joana d'Arc",
        "'t Hooft",
        "José \"Zé\" da Silva",
        "\"Zé\" e \"Bia\"",
        "Ávila",
        "ÂNGELO CÂMARA",
        "JOÃO DA CONCEIÇÃO",
        "Loja “IRMÃ”",
        "IRMÃ…",
        "Não",
        "Nonato",
        "Ana N/A Lima",
        "Nunes",
        "Nullmann",
        "Sem Parar",
        "Inocêncio",
        "Desidério S.",
        "Jennifer Null",
        "Dr. Não",
        "+55 (11) 90000-0001",
        "(00) 90000-0001",
        "12.345.678/0001-90",
        "1.500,00",
        "1500,00",
        "R$ 49,00",
        "2.1",
        "12E5",
        "AT&T; Vivo",
        "P&D",
        "Silva & Filhos; Ltda",
        "a=b",
        "C++",
        "N",
        "Łukasz Žižek",
        "👩\u{200d}👧 loja",
    ];

    #[test]
    fn what_real_customers_have_is_not_suspicious() {
        for text in REAL {
            assert_eq!(Suspicion::all_of(text).collect::<Vec<_>>(), [], "{text:?}");
        }
    }

    #[test]
    fn each_detector_finds_its_own() {
        for (suspicion, texts) in [
            (Suspicion::Garbled, &["JoÃ£o", "NÂ° 12", "Dâ€™Ãvila", "ANTÃ”NIO", "Jo├úo"][..]),
            (Suspicion::LostCharacters, &["Jo\u{fffd}o"]),
            (Suspicion::RoundedNumber, &["5,51191E+12", "5.5119E12", "-1e-5"]),
            (
                Suspicion::NoValue,
                &["NULL", "nan", "None", r"\N", "n/a", "#N/D", "#REF!", "undefined"],
            ),
            (Suspicion::NoValue, &["-", "----", ". .", "?", "—", "(vazio)", "<NA>", "#VALOR!"]),
            (
                Suspicion::NoValue,
                &["Não informado", "SEM INFORMAÇÃO", "sem nome", "Indefinido", "DESCONHECIDO"],
            ),
            (Suspicion::NoValue, &["não consta", "0000-00-00", "#CALC!"]),
            (Suspicion::SpreadsheetText, &["=\"00123\"", "'+55 11", "'=x", "'@ana", "'00125"]),
            (
                Suspicion::Entities,
                &["Jo&atilde;o", "Silva &amp; Filhos", "D&#39;Ávila", "a&nbsp;b"],
            ),
            (Suspicion::Quoted, &["'Ana'", "\"Ana\"", "“Ana”", "«Ana»"]),
            (Suspicion::Invisible, &["\u{202a}+55 11\u{202c}", "Ana\u{200b}"]),
            (Suspicion::DecimalNumber, &["1234.0", "5511900000001.0", "12345678000190,00"]),
        ] {
            for text in texts {
                assert_eq!(Suspicion::all_of(text).collect::<Vec<_>>(), [suspicion], "{text:?}");
                for text in [(*text).to_owned(), format!(" {text}"), format!("\n{text}\r\n")] {
                    assert!(has_odd_byte(&text) || has_odd_ends(&text), "not looked at: {text:?}");
                }
            }
        }
    }

    #[test]
    fn detectors_stand_in_the_order_of_their_danger() {
        for (number, (suspicion, _)) in Suspicion::DETECTORS.into_iter().enumerate() {
            assert_eq!(suspicion as usize, number);
        }
    }
}
