//! Messages of rows with `erro`, grouped and counted in bounded memory.
//!
//! Messages that differ only between quotes are one group: `nome: "A…" tem 251 caracteres` is one
//! fault, however many names are too long.

use super::RowToFix;
use crate::model::Situacao;
use crate::output::FrequentKeys;

/// Lines kept of each group.
const MAX_LINES: usize = 8;

/// Rows by how they ended and the pattern of their message.
#[derive(Debug, Default)]
pub struct MessageGroups(FrequentKeys<(Situacao, String), Examples>);

/// What is kept of a group's rows.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Examples {
    /// The first lines.
    lines: Vec<u64>,
    /// The message; where the quoted parts differ, `…` stands for them.
    text: String,
}

/// Messages that count as one.
pub struct MessageGroup<'a> {
    pub situacao: Situacao,
    /// The message with `…` for its quoted parts.
    pub pattern: &'a str,
    /// The message; where the quoted parts differ, `…` stands for them.
    pub text: &'a str,
    /// Its rows.
    pub count: u64,
    /// The lines of its first rows.
    pub lines: &'a [u64],
}

impl MessageGroup<'_> {
    pub fn holds(&self, row: &RowToFix) -> bool {
        row.situacao == self.situacao && row.pattern == self.pattern
    }
}

impl MessageGroups {
    pub fn add(&mut self, situacao: Situacao, linha: u64, text: &str, pattern: &str) {
        let examples = self.0.add((situacao, pattern.to_owned()));
        if examples.lines.is_empty() {
            text.clone_into(&mut examples.text);
        } else if examples.text != text {
            pattern.clone_into(&mut examples.text);
        }
        if examples.lines.len() < MAX_LINES {
            examples.lines.push(linha);
        }
    }

    /// The `most` largest groups, largest first.
    pub fn top(&self, most: usize) -> Vec<MessageGroup<'_>> {
        let top = self.0.top(most).into_iter();
        top.map(|((situacao, pattern), count, Examples { lines, text })| MessageGroup {
            situacao: *situacao,
            pattern,
            text,
            count,
            lines,
        })
        .collect()
    }

    /// Rows of all groups, dropped ones included.
    pub fn rows(&self) -> u64 {
        self.0.rows()
    }

    /// Whether groups were dropped, so that the counts are lower bounds.
    pub fn is_partial(&self) -> bool {
        self.0.is_partial()
    }
}

/// The text with `…` between each pair of quotes.
pub fn pattern(text: &str) -> String {
    let mut pattern = String::new();
    for (index, part) in text.split('"').enumerate() {
        let quoted = index % 2 == 1;
        pattern.push_str(if index > 0 { "\"" } else { "" });
        pattern.push_str(if quoted { "…" } else { part });
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_quotes_are_one() {
        let mut messages = MessageGroups::default();
        let mut add = |situacao, linha, text: &str| {
            messages.add(situacao, linha, text, &pattern(text));
        };
        add(Situacao::Recusado, 2, "Cliente não encontrado.");
        for (linha, nome) in [(3, "a"), (5, "b\"\""), (9, "c")] {
            add(Situacao::Invalido, linha, &format!("nome: \"{nome}\" é longo"));
        }
        add(Situacao::Falhou, 10, "Cliente não encontrado.");
        let top = messages.top(2);
        assert_eq!(top[0].text, "nome: \"…\" é longo");
        assert_eq!((top[0].count, top[0].lines), (2, &[3, 9][..]));
        assert_eq!(top[1].text, "Cliente não encontrado.");
        assert_eq!((messages.rows(), messages.is_partial()), (5, false));
    }

    #[test]
    fn a_message_that_is_always_the_same_stands_as_it_is() {
        let mut messages = MessageGroups::default();
        for linha in [2, 3] {
            let text = "campo \"abc\" não existe";
            messages.add(Situacao::Recusado, linha, text, &pattern(text));
        }
        assert_eq!(messages.top(1)[0].text, "campo \"abc\" não existe");
    }
}
