//! Messages of rows with `erro`, grouped and counted in bounded memory.
//!
//! Messages that differ only between quotes are one group: `nome: "A…" tem 251 caracteres` is one
//! fault, however many names are too long.

use std::collections::HashMap;

use crate::model::Situacao;

/// Groups counted at a time; beyond that the rarest are dropped.
const MAX_GROUPS: usize = 5_000;
/// Characters of a message that are compared.
const MESSAGE_LENGTH: usize = 240;
/// Lines kept of each group.
const MAX_LINES: usize = 8;

/// Messages that count as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageGroup {
    /// How its rows ended.
    pub situacao: Situacao,
    /// The message; where the quoted parts differ, `…` stands for them.
    pub text: String,
    /// Its rows.
    pub count: u64,
    /// The lines of its first rows.
    pub lines: Vec<u64>,
}

/// Groups messages.
#[derive(Debug, Default)]
pub struct MessageGroups {
    groups: HashMap<String, MessageGroup>,
    key: String,
    /// Rows in groups that were dropped.
    dropped: u64,
}

impl MessageGroups {
    /// Counts the message of a row.
    pub fn add(&mut self, situacao: Situacao, linha: u64, mensagem: &str) {
        let text = cut(mensagem, MESSAGE_LENGTH);
        self.key.clear();
        self.key.push_str(situacao.as_str());
        self.key.push(':');
        push_pattern(&mut self.key, text);
        if let Some(group) = self.groups.get_mut(&self.key) {
            group.count += 1;
            if group.lines.len() < MAX_LINES {
                group.lines.push(linha);
            }
            if group.text != text {
                self.key[situacao.as_str().len() + 1..].clone_into(&mut group.text);
            }
            return;
        }
        if self.groups.len() >= MAX_GROUPS {
            let rarest = self.groups.values().map(|group| group.count).min().unwrap_or(0);
            let dropped = &mut self.dropped;
            self.groups.retain(|_, group| {
                let stays = group.count > rarest;
                *dropped += if stays { 0 } else { group.count };
                stays
            });
        }
        let group = MessageGroup { situacao, text: text.to_owned(), count: 1, lines: vec![linha] };
        self.groups.insert(self.key.clone(), group);
    }

    /// The `most` largest groups, largest first.
    pub fn top(&self, most: usize) -> Vec<&MessageGroup> {
        let mut all: Vec<&MessageGroup> = self.groups.values().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then(a.lines.cmp(&b.lines)));
        all.truncate(most);
        all
    }

    /// Rows of all groups, dropped ones included.
    pub fn rows(&self) -> u64 {
        self.dropped + self.groups.values().map(|group| group.count).sum::<u64>()
    }

    /// Whether groups were dropped, so that the counts are lower bounds.
    pub fn is_partial(&self) -> bool {
        self.dropped > 0
    }
}

/// The text with `…` between each pair of quotes.
fn push_pattern(pattern: &mut String, text: &str) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        pattern.push_str(before);
        let Some((_, after)) = after.split_once('"') else {
            // The message was cut inside the quotes.
            pattern.push_str("\"…");
            return;
        };
        pattern.push_str("\"…\"");
        rest = after;
    }
    pattern.push_str(rest);
}

/// The first `most` characters.
pub fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_quotes_are_one() {
        let mut messages = MessageGroups::default();
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
        let mut messages = MessageGroups::default();
        messages.add(Situacao::Recusado, 2, "campo \"abc\" não existe");
        messages.add(Situacao::Recusado, 3, "campo \"abc\" não existe");
        assert_eq!(messages.top(1)[0].text, "campo \"abc\" não existe");
    }

    #[test]
    fn frequent_messages_survive_any_number_of_others() {
        let mut messages = MessageGroups::default();
        for linha in 0..60_000 {
            let text = if linha % 3 == 0 { "sempre".to_owned() } else { format!("nunca {linha}") };
            messages.add(Situacao::Recusado, linha, &text);
        }
        assert!(messages.groups.len() <= MAX_GROUPS);
        assert_eq!(
            (messages.top(1)[0].text.as_str(), messages.top(1)[0].count),
            ("sempre", 20_000)
        );
        assert_eq!((messages.rows(), messages.is_partial()), (60_000, true));
    }
}
