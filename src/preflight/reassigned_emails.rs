//! Finds e-mail addresses that a file takes from one customer and gives to another: `a → b` and
//! further down `c → a`. Done once, that is what the file says. Done again, its first row finds the
//! wrong customer under `a`, and renames that one. Nobody can tell from the second request alone, so
//! the user is told before the first.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::lines::Lines;
use crate::model::Update;

/// Addresses that are remembered, as 64-bit hashes: a list of half a megabyte. Files with more
/// renames than this are watched as far as it goes.
const MOST: usize = 1 << 16;

/// What was seen so far. Rows must come in file order.
#[derive(Debug, Default)]
pub struct Handovers {
    hasher: RandomState,
    left: HashSet<u64>,
    found: Lines,
}

impl Handovers {
    /// Takes the row on line `linha` in.
    pub fn see(&mut self, linha: u64, update: &Update) {
        let Some(new) = update.rename_to() else { return };
        let hash = |text: &str| self.hasher.hash_one(text.to_lowercase());
        let (old, new) = (hash(update.home().text), hash(new.text));
        if self.left.contains(&new) {
            self.found.add(linha);
        }
        if self.left.len() < MOST {
            self.left.insert(old);
        }
    }

    /// The warning, where there is reason for one.
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
    use std::sync::Arc;

    use super::*;
    use crate::model::{Customer, CustomerType, FieldName, Identifier, Param};

    fn seen(rows: &[(&str, &str)]) -> Handovers {
        let fields: Arc<[FieldName]> = Arc::new([FieldName::Param(Param::Email)]);
        let mut found = Handovers::default();
        for (linha, (old, new)) in (2..).zip(rows) {
            let identifier = Identifier::new(old).unwrap();
            let customer = Customer { ctype: CustomerType::Email, identifier };
            let mut update = Update::new(customer, Arc::clone(&fields));
            update.push(0, new);
            found.see(linha, &update);
        }
        found
    }

    #[test]
    fn an_address_that_goes_from_one_customer_to_another_is_noticed() {
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
    fn renames_that_can_be_done_again_are_no_reason_for_a_warning() {
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
