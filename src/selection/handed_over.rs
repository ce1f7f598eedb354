//! Names that an earlier run handed over: `a → c`, then `b → a`. On the way back `a` is free only when
//! its present owner has its old name again, so that owner's row goes first. Finds those rows; sending
//! them is the scheduler's.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use crate::model::{CustomerType, Update};

/// The e-mails of the rows that go back, as 64-bit hashes; in whatever order rows come.
#[derive(Debug, Default)]
pub struct HandedOver {
    hasher: RandomState,
    /// The rows that give up their present e-mail, by that e-mail.
    renames: HashMap<u64, Rename>,
    /// Every e-mail that a row is to have.
    wished: HashSet<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Rename {
    seq: u64,
    linha: u64,
    wish: u64,
}

/// Rows in the order in which they are to go.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FirstRows {
    /// Rows that go before all others, each before the one that waits for its e-mail.
    pub seqs: Vec<u64>,
    /// Lines of rows that wait for one another in a circle.
    pub circles: Vec<u64>,
}

impl HandedOver {
    /// Adds a row that will be sent.
    pub fn add(&mut self, seq: u64, linha: u64, update: &Update) {
        let hash = |text: &str| self.hasher.hash_one(text.to_lowercase());
        let own = update.primary_name();
        let given = update.rename_to().or_else(|| update.alias());
        let Some(wish) = given.filter(|name| name.ctype == CustomerType::Email) else { return };
        let wish = hash(wish.text);
        self.wished.insert(wish);
        if own.ctype == CustomerType::Email {
            self.renames.entry(hash(own.text)).or_insert(Rename { seq, linha, wish });
        }
    }

    /// The rows whose present e-mail another row is to have.
    pub fn first_rows(&self) -> FirstRows {
        let renames = self.renames.iter().filter(|(name, _)| self.wished.contains(name));
        let mut starts: Vec<_> = renames.map(|(name, rename)| (rename.seq, *name)).collect();
        starts.sort_unstable();
        let mut first = FirstRows::default();
        // By name, the start of the path on which it was met.
        let mut met: HashMap<u64, u64> = HashMap::new();
        for (_, start) in starts {
            let mut path = Vec::new();
            let mut name = start;
            while let (None, Some(rename)) = (met.get(&name), self.renames.get(&name)) {
                met.insert(name, start);
                path.push((name, rename));
                name = rename.wish;
            }
            if met.get(&name) == Some(&start) && self.renames.contains_key(&name) {
                let circle = path.iter().skip_while(|(member, _)| *member != name);
                first.circles.extend(circle.map(|(_, rename)| rename.linha));
            } else {
                first.seqs.extend(path.iter().rev().map(|(_, rename)| rename.seq));
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(rows: &[(&str, &str)]) -> (Vec<u64>, Vec<u64>) {
        let mut handed_over = HandedOver::default();
        for (seq, (name, email)) in (0u64..).zip(rows) {
            let is_email = name.contains('@');
            let ctype = if is_email { CustomerType::Email } else { CustomerType::Internal };
            handed_over.add(seq, seq + 2, &Update::of(ctype, name, [("email", *email)]));
        }
        let FirstRows { seqs, circles } = handed_over.first_rows();
        (seqs, circles)
    }

    #[test]
    fn who_has_an_email_gives_it_up_before_another_gets_it() {
        for (rows, seqs, circles) in [
            // Nobody waits.
            (&[("c@x", "a@x"), ("d@x", "b@x"), ("e@x", "e@x")][..], &[][..], &[][..]),
            (&[("c@x", "a@x"), ("A@x", "b@x")], &[1], &[]),
            (&[("7", "a@x"), ("a@x", "b@x"), ("b@x", "b@x")], &[1], &[]),
            // A chain, from its end.
            (&[("c@x", "a@x"), ("a@x", "b@x"), ("b@x", "d@x")], &[2, 1], &[]),
            (&[("b@x", "d@x"), ("a@x", "b@x"), ("c@x", "a@x")], &[0, 1], &[]),
            // A circle, and one row that waits for it.
            (&[("a@x", "b@x"), ("b@x", "a@x"), ("8", "a@x")], &[], &[2, 3]),
        ] {
            assert_eq!(first(rows), (seqs.to_vec(), circles.to_vec()), "{rows:?}");
        }
    }
}
