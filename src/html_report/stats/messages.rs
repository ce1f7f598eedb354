//! Messages of rows with `erro`, put together and counted, with the lines on which they first
//! stand. Bounded: a file in which no message comes twice fills no memory.
//!
//! Messages that differ only in what stands between quotes are one group: `nome: "A…" tem 251
//! caracteres` is one fault, however many names are too long.

use std::collections::HashMap;

use crate::model::Situacao;

/// Groups counted at a time; beyond that the rarest are forgotten.
const GROUPS: usize = 5_000;
/// Characters of a message that are looked at.
const LENGTH: usize = 240;
/// Lines remembered of each group.
const LINES: usize = 8;

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How its rows ended.
    pub situacao: Situacao,
    /// The message; where the quoted parts differ, `…` stands for them.
    pub text: String,
    /// Its rows.
    pub count: u64,
    /// The first of their lines.
    pub lines: Vec<u64>,
}

/// The groups.
#[derive(Debug, Default)]
pub struct Messages {
    groups: HashMap<String, Group>,
    key: String,
    /// Rows in groups that were forgotten.
    forgotten: u64,
}

impl Messages {
    /// Counts the message of a row.
    pub fn add(&mut self, situacao: Situacao, linha: u64, mensagem: &str) {
        let said = cut(mensagem, LENGTH);
        self.key.clear();
        self.key.push_str(situacao.as_str());
        self.key.push(':');
        push_pattern(&mut self.key, said);
        if let Some(group) = self.groups.get_mut(&self.key) {
            group.count += 1;
            if group.lines.len() < LINES {
                group.lines.push(linha);
            }
            if group.text != said {
                self.key[situacao.as_str().len() + 1..].clone_into(&mut group.text);
            }
            return;
        }
        if self.groups.len() >= GROUPS {
            let rarest = self.groups.values().map(|group| group.count).min().unwrap_or(0);
            let forgotten = &mut self.forgotten;
            self.groups.retain(|_, group| {
                let stays = group.count > rarest;
                *forgotten += if stays { 0 } else { group.count };
                stays
            });
        }
        let group = Group { situacao, text: said.to_owned(), count: 1, lines: vec![linha] };
        self.groups.insert(self.key.clone(), group);
    }

    /// The `most` biggest groups, biggest first.
    pub fn top(&self, most: usize) -> Vec<&Group> {
        let mut all: Vec<&Group> = self.groups.values().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then(a.lines.cmp(&b.lines)));
        all.truncate(most);
        all
    }

    /// Rows of all groups, the forgotten ones included.
    pub fn rows(&self) -> u64 {
        self.forgotten + self.groups.values().map(|group| group.count).sum::<u64>()
    }

    /// Whether groups were forgotten, so that counts are lower bounds.
    pub fn is_partial(&self) -> bool {
        self.forgotten > 0
    }
}

/// The text with `…` between each pair of quotes.
fn push_pattern(pattern: &mut String, text: &str) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        pattern.push_str(before);
        let Some((_, after)) = after.split_once('"') else {
            // The quote does not end here: the message was cut inside it.
            pattern.push_str("\"…");
            return;
        };
        pattern.push_str("\"…\"");
        rest = after;
    }
    pattern.push_str(rest);
}

/// The first `most` characters; one `…` more where that was not all.
pub fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_quotes_are_one() {
        let mut messages = Messages::default();
        messages.add(Situacao::Recusado, 2, "Cliente não encontrado.");
        for (linha, nome) in [(3, "a"), (5, "b\"\""), (9, "c")] {
            messages.add(Situacao::Invalido, linha, &format!("nome: \"{nome}\" é longo"));
        }
        messages.add(Situacao::Falhou, 10, "Cliente não encontrado.");
        let top = messages.top(2);
        assert_eq!(top[0].text, "nome: \"…\" é longo");
        assert_eq!((top[0].count, &*top[0].lines), (2, &[3, 9][..]));
        assert_eq!(top[1].text, "Cliente não encontrado.");
        assert_eq!((messages.rows(), messages.is_partial()), (5, false));
    }

    #[test]
    fn a_message_that_is_always_the_same_stands_as_it_is() {
        let mut messages = Messages::default();
        messages.add(Situacao::Recusado, 2, "campo \"abc\" não existe");
        messages.add(Situacao::Recusado, 3, "campo \"abc\" não existe");
        assert_eq!(messages.top(1)[0].text, "campo \"abc\" não existe");
    }

    #[test]
    fn what_is_frequent_survives_any_number_of_others() {
        let mut messages = Messages::default();
        for linha in 0..60_000 {
            let text = if linha % 3 == 0 { "sempre".to_owned() } else { format!("nunca {linha}") };
            messages.add(Situacao::Recusado, linha, &text);
        }
        assert!(messages.groups.len() <= GROUPS);
        assert_eq!(
            (messages.top(1)[0].text.as_str(), messages.top(1)[0].count),
            ("sempre", 20_000)
        );
        assert_eq!((messages.rows(), messages.is_partial()), (60_000, true));
    }
}
