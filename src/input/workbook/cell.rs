//! Which text a cell of a sheet stands for, and why some cells stand for none: what a person sees
//! there is not what is stored.

use std::borrow::Cow;

use calamine::{DataRef, ExcelDateTime, Style};
use serde::{Deserialize, Serialize};

/// From here on, a spreadsheet has rounded the digits.
const DIGITS_MAX: f64 = 1e15;

/// Why the text of a cell must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CellFault {
    /// A number that is shown otherwise than by its digits.
    Formatted,
    Fraction,
    /// More digits than a spreadsheet keeps.
    TooLong,
    Date,
    /// `#REF!` and its like.
    Error,
    /// A formula whose result is not in the file.
    NoValue,
    /// True or false; a permission may be that.
    Boolean,
    /// Part of a merged range.
    Merged,
}

impl CellFault {
    /// What is wrong and what to do, for a sentence that names the cell.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Formatted => {
                "é um número com formato próprio (zeros, moeda, %), e o arquivo não guarda o que a tela mostra; formate a coluna como Texto e digite o valor de novo"
            }
            Self::Fraction => {
                "é um número com casas decimais; formate a coluna como Texto e digite o valor de novo"
            }
            Self::TooLong => {
                "é um número de mais de 15 algarismos, e a planilha já perdeu os últimos; volte à exportação original e importe a coluna como Texto"
            }
            Self::Date => {
                "é uma data, que a planilha guarda como número; formate a coluna como Texto e digite a data de novo"
            }
            Self::Error => "é um erro da planilha; corrija a fórmula ou digite o valor",
            Self::NoValue => {
                "é uma fórmula sem resultado gravado; abra a planilha no Excel ou no LibreOffice, salve e rode de novo"
            }
            Self::Boolean => {
                "é um verdadeiro ou falso da planilha, que só criarchamados aceita; formate a coluna como Texto e digite o valor"
            }
            Self::Merged => {
                "faz parte de células mescladas; desfaça a mescla e preencha cada linha"
            }
        }
    }

    /// One word, for a mark behind the text.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Formatted | Self::Fraction | Self::TooLong => "número",
            Self::Date => "data",
            Self::Error => "erro",
            Self::NoValue => "fórmula",
            Self::Boolean => "verdadeiro/falso",
            Self::Merged => "mesclada",
        }
    }
}

/// The text of a value, and what is wrong with it. `is_plain` says whether numbers in its format are
/// shown by their digits.
pub(super) fn text_of<'v>(
    value: &'v DataRef<'_>,
    is_plain: bool,
) -> (Cow<'v, str>, Option<CellFault>) {
    let owned = |text: String, fault| (Cow::Owned(text), fault);
    match value {
        DataRef::Empty => (Cow::Borrowed(""), None),
        DataRef::String(text) => (Cow::Borrowed(text), None),
        DataRef::SharedString(text) => (Cow::Borrowed(text), None),
        DataRef::Int(number) => number_text(*number as f64, is_plain),
        DataRef::Float(number) => number_text(*number, is_plain),
        DataRef::Bool(is) => owned(is.to_string(), Some(CellFault::Boolean)),
        DataRef::DateTime(date) => owned(date_text(date), Some(CellFault::Date)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            (Cow::Borrowed(text), Some(CellFault::Date))
        }
        DataRef::Error(error) => owned(error.to_string(), Some(CellFault::Error)),
    }
}

fn number_text(number: f64, is_plain: bool) -> (Cow<'static, str>, Option<CellFault>) {
    let fault = match () {
        () if !is_plain => Some(CellFault::Formatted),
        () if number.abs() >= DIGITS_MAX || !number.is_finite() => Some(CellFault::TooLong),
        () if number.fract() != 0.0 => Some(CellFault::Fraction),
        () => None,
    };
    let text = match () {
        () if number == 0.0 => "0".to_owned(),
        () if number.abs() < 1e21 => number.to_string(),
        () => format!("{number:e}"),
    };
    (Cow::Owned(text), fault)
}

/// As Brazil writes it.
fn date_text(date: &ExcelDateTime) -> String {
    let number = date.as_f64();
    if date.is_duration() || !(1.0..2_958_466.0).contains(&number) {
        return number.to_string();
    }
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    let day = format!("{day:02}/{month:02}/{year:04}");
    match (hour, minute, second) {
        (0, 0, 0) => day,
        _ => format!("{day} {hour:02}:{minute:02}:{second:02}"),
    }
}

/// Whether a format shows whole numbers by their digits: General, `0` and Text. Formats of the
/// program's own have numbers below 164, and calamine takes those it does not know for General.
pub(super) fn is_plain(style: &Style) -> bool {
    const OWN: u32 = 164;
    let Some(format) = &style.number_format else { return true };
    match format.format_id {
        Some(id) if id < OWN => matches!(id, 0 | 1 | 49) && is_plain_code(&format.format_code),
        _ => is_plain_code(&format.format_code),
    }
}

fn is_plain_code(code: &str) -> bool {
    matches!(code, "0" | "@") || code.eq_ignore_ascii_case("general")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_digits_where_they_are_shown_so() {
        use CellFault::{Formatted, Fraction, TooLong};
        for (number, is_plain, text, fault) in [
            (11.0, true, "11", None),
            (-0.0, true, "0", None),
            (-5.0, true, "-5", None),
            (5_511_999_990_001.0, true, "5511999990001", None),
            (999_999_999_999_999.0, true, "999999999999999", None),
            (1e15, true, "1000000000000000", Some(TooLong)),
            (1e300, true, "1e300", Some(TooLong)),
            (f64::INFINITY, true, "inf", Some(TooLong)),
            (1.5, true, "1.5", Some(Fraction)),
            (12.0, false, "12", Some(Formatted)),
        ] {
            assert_eq!(number_text(number, is_plain), (Cow::Borrowed(text), fault), "{number}");
        }
    }
}
