//! Words that programs write where there is no value.

/// In lower case, as databases, spreadsheets and programming languages spell them.
const WORDS: [&str; 52] = [
    "null",
    "(null)",
    "[null]",
    "<null>",
    r"\n",
    "nan",
    "nat",
    "none",
    "nil",
    "nulo",
    "<na>",
    "n/a",
    "n/d",
    "n/i",
    "n.a.",
    "n.d.",
    "#n/a",
    "#n/d",
    "#ref!",
    "#value!",
    "#valor!",
    "#div/0!",
    "#name?",
    "#nome?",
    "#num!",
    "#núm!",
    "#null!",
    "#nulo!",
    "undefined",
    "(vazio)",
    "(em branco)",
    "(blank)",
    "[object object]",
    "vazio",
    "não informado",
    "não informada",
    "nao informado",
    "nao informada",
    "sem informação",
    "sem informacao",
    "não consta",
    "nao consta",
    "sem nome",
    "sem e-mail",
    "sem email",
    "sem telefone",
    "indefinido",
    "desconhecido",
    "0000-00-00",
    "#calc!",
    "#despejar!",
    "#spill!",
];

/// The longest of them, in bytes.
pub const LONGEST: usize = 16;

/// Whether a text means that there is no value: such a word, or nothing but punctuation.
pub fn is_no_value(text: &str) -> bool {
    is_only_punctuation(text)
        || text == "NA"
        || (text.len() <= LONGEST && WORDS.contains(&&*text.to_lowercase()))
}

/// Whether a word for no value may well be a person's name or a short text: *Null* is a surname. One
/// of them among many customers is nothing to remark on.
pub fn may_be_a_name(word: &str) -> bool {
    matches!(word, "Null" | "Nan" | "Nat" | "Nil" | "Nulo" | "NA" | "Vazio")
}

/// `-`, `----`, `. .`: what exports draw lines with, or fill cells.
pub fn is_only_punctuation(text: &str) -> bool {
    let is_punctuation =
        |c: char| c.is_ascii_punctuation() || c.is_whitespace() || "–—―…·•¿¡´¨".contains(c);
    !text.is_empty() && text.chars().all(is_punctuation)
}

/// `Total`, `(3 rows affected)`: the end of a report, and no customer.
pub fn is_total_line(text: &str) -> bool {
    let text = text.to_lowercase();
    let word = text.trim_end_matches([':', ' ']);
    let is_count = text.strip_prefix('(').is_some_and(|rest| {
        let words = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        words.len() < rest.len()
            && [" row", " linha", " registro"].iter().any(|w| words.starts_with(w))
    });
    is_count || matches!(word, "total" | "totais" | "total geral" | "subtotal" | "grand total")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_word_is_looked_up() {
        assert_eq!(WORDS.iter().map(|word| word.len()).max(), Some(LONGEST));
    }

    #[test]
    fn ends_of_reports() {
        for text in ["Total", "TOTAL:", "Total geral", "(1 rows affected)", "(12 linhas)"] {
            assert!(is_total_line(text), "{text}");
        }
        for text in ["Total Energia", "(11) 90000-0001", "TotalPass", "(rows)"] {
            assert!(!is_total_line(text), "{text}");
        }
    }
}
