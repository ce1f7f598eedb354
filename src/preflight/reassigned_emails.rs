//! Finds e-mail addresses that a file takes from one customer and gives to another: `a → b` and
//! further down `c → a`.
//!
//! Sent once, that is what the file says. Sent again, its first row finds the wrong customer under
//! `a` and renames that one. The second request alone does not show it, so the user is warned before
//! the first.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::line_list::LineList;
use crate::model::Update;

/// Addresses that are remembered, as 64-bit hashes: half a megabyte. Renames beyond this are not
/// checked.
const MOST: usize = 1 << 16;

/// The addresses that renames have freed so far, and the rows that reassign one. Rows are added in
/// file order.
#[derive(Debug, Default)]
pub struct ReassignedEmails {
    hasher: RandomState,
    freed: HashSet<u64>,
    found: LineList,
}

impl ReassignedEmails {
    /// Adds the row on line `linha`.
    pub fn add(&mut self, linha: u64, update: &Update) {
        let Some(new) = update.rename_to() else { return };
        let hash = |text: &str| self.hasher.hash_one(text.to_lowercase());
        let (old, new) = (hash(update.primary_name().text), hash(new.text));
        if self.freed.contains(&new) {
            self.found.add(linha);
        }
        if self.freed.len() < MOST {
            self.freed.insert(old);
        }
    }

    /// The warning, if there is reason for one.
    pub fn warning(&self) -> Option<String> {
        let verb = if self.found.several()? { "dão" } else { "dá" };
        Some(format!(
            "{}: {verb} a um cliente o e-mail que uma linha anterior tirou de outro. Depois que esta execução terminar, não envie este arquivo de novo: a linha anterior encontraria o cliente errado. Se ela for interrompida, tire do arquivo as trocas de e-mail que já constam como atualizado",
            self.found.text()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CustomerType;

    fn seen(rows: &[(&str, &str)]) -> ReassignedEmails {
        let mut found = ReassignedEmails::default();
        for (linha, (old, new)) in (2..).zip(rows) {
            found.add(linha, &Update::of(CustomerType::Email, old, [("email", *new)]));
        }
        found
    }

    #[test]
    fn an_address_that_goes_from_one_customer_to_another_is_warned_about() {
        let text = seen(&[("a@x", "b@x"), ("c@x", "A@X")]).warning().unwrap();
        assert!(text.starts_with("linha 3: dá a um"), "{text}");
        let swap = [("a@x", "t@x"), ("b@x", "a@x"), ("t@x", "b@x")];
        let text = seen(&swap).warning().unwrap();
        assert!(text.starts_with("linhas 3, 4: dão a um"), "{text}");
        let many: Vec<_> = std::iter::once(("a@x", "b@x")).chain([("c@x", "a@x"); 9]).collect();
        let text = seen(&many).warning().unwrap();
        assert!(text.starts_with("linhas 3, 4, 5, 6, 7 e mais 4: dão"), "{text}");
    }

    #[test]
    fn renames_that_can_be_repeated_cause_no_warning() {
        for rows in [
            &[("a@x", "b@x"), ("b@x", "c@x")][..],
            &[("a@x", "A@x"), ("c@x", "a@x")],
            &[("a@x", "b@x"), ("a@x", "b@x")],
            &[("c@x", "a@x"), ("a@x", "b@x")],
        ] {
            assert_eq!(seen(rows).warning(), None, "{rows:?}");
        }
    }
}
