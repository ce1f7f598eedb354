//! Whose turn is it: rows that touch one customer go one after the other, in file order; rows of
//! other customers do not wait for them.
//!
//! A row touches its own identifier, the e-mail it renames a type-`E` customer to, and the name of
//! the other type that it gives: an internal identifier to a type-`E` customer, an e-mail to a
//! type-`I` one. Names are held as 64-bit hashes of their lower-case form: a collision only
//! makes two strangers take turns.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::model::{Name, Update};

/// How many learned links between an e-mail and an internal identifier are remembered. A link that
/// is forgotten costs order only between rows of both types that are in the window together and
/// whose link was given this many links ago.
const LINKS: usize = 1 << 14;

/// The names that a row touches, hashed; at most home, rename, other name and one linked name each.
pub type Keys = Vec<u64>;

/// The queues, one per name that an unsettled row touches.
#[derive(Debug, Default)]
pub struct Order {
    hasher: RandomState,
    queues: HashMap<u64, VecDeque<u64>>,
    /// Names of the two types that an earlier row said belong to one customer, both ways.
    links: HashMap<u64, u64>,
    link_age: VecDeque<u64>,
}

impl Order {
    /// Lines a row up behind all earlier rows that touch the same names. Rows must enter in file
    /// order.
    pub fn enter(&mut self, seq: u64, update: &Update) -> Keys {
        let home = self.key(update.home());
        let rename = update.rename_to().map(|name| self.key(name));
        let other = update.other_name().map(|name| self.key(name));
        let mut keys: Keys = Vec::with_capacity(1);
        for key in [Some(home), rename, other].into_iter().flatten() {
            for key in [Some(key), self.links.get(&key).copied()].into_iter().flatten() {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        if let Some(other) = other {
            self.link(rename.unwrap_or(home), other);
        }
        for key in &keys {
            self.queues.entry(*key).or_default().push_back(seq);
        }
        keys
    }

    /// Whether every earlier row that touches one of these names is settled.
    pub fn is_free(&self, seq: u64, keys: &[u64]) -> bool {
        keys.iter().all(|key| self.queues.get(key).and_then(VecDeque::front) == Some(&seq))
    }

    /// Takes a settled row out, and adds to `next` the rows that are now first in one of its queues
    /// (each is worth asking [`is_free`](Self::is_free); it may still wait in another queue).
    pub fn leave(&mut self, seq: u64, keys: &[u64], next: &mut Vec<u64>) {
        for key in keys {
            let Some(queue) = self.queues.get_mut(key) else { continue };
            if queue.front() == Some(&seq) {
                queue.pop_front();
                match queue.front() {
                    Some(first) => next.push(*first),
                    None => {
                        self.queues.remove(key);
                    }
                }
            } else {
                // A row can only settle out of turn when the run is being stopped.
                queue.retain(|other| *other != seq);
                if queue.is_empty() {
                    self.queues.remove(key);
                }
            }
        }
    }

    fn link(&mut self, name: u64, other: u64) {
        for (from, to) in [(name, other), (other, name)] {
            if self.links.insert(from, to).is_none() {
                self.link_age.push_back(from);
            }
        }
        while self.link_age.len() > LINKS {
            if let Some(oldest) = self.link_age.pop_front() {
                self.links.remove(&oldest);
            }
        }
    }

    fn key(&self, name: Name<'_>) -> u64 {
        let mut state = self.hasher.build_hasher();
        name.ctype.hash(&mut state);
        // One piece at a time: byte by byte costs several times as much.
        let mut lower = [0; 64];
        if name.text.is_ascii() {
            for piece in name.text.as_bytes().chunks(lower.len()) {
                let lower = &mut lower[..piece.len()];
                lower.copy_from_slice(piece);
                lower.make_ascii_lowercase();
                state.write(lower);
            }
        } else {
            for piece in name.text.to_lowercase().as_bytes().chunks(lower.len()) {
                state.write(piece);
            }
        }
        state.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Customer, CustomerType, FieldName, Identifier, Param};

    fn update(ctype: CustomerType, id: &str, email: Option<&str>, interno: Option<&str>) -> Update {
        let fields: Arc<[FieldName]> =
            [Param::Email, Param::IdInterno].map(FieldName::Param).into_iter().collect();
        let customer = Customer { ctype, identifier: Identifier::new(id).unwrap() };
        let mut update = Update::new(customer, fields);
        if let Some(email) = email {
            update.push(0, email);
        }
        if let Some(interno) = interno {
            update.push(1, interno);
        }
        update
    }

    fn free(rows: &[Update]) -> Vec<bool> {
        let mut order = Order::default();
        let keys: Vec<_> =
            (0u64..).zip(rows).map(|(seq, row)| (seq, order.enter(seq, row))).collect();
        keys.iter().map(|(seq, keys)| order.is_free(*seq, keys)).collect()
    }

    #[test]
    fn a_row_touches_its_name_its_new_name_and_its_internal_id() {
        use CustomerType::{Email, Internal};
        let rows = [
            update(Email, "a@x", Some("b@x"), Some("7")),
            update(Email, "A@X", None, None),
            update(Email, "b@x", None, None),
            update(Internal, "7", None, None),
            update(Internal, "a@x", None, None),
            update(Email, "c@x", Some("c@x"), None),
        ];
        assert_eq!(free(&rows), [true, false, false, false, true, true]);
    }

    #[test]
    fn rows_that_give_or_use_one_email_take_turns_under_either_type() {
        use CustomerType::{Email, Internal};
        let rows = [
            update(Internal, "1", Some("a@x"), None),
            update(Internal, "2", Some("A@X"), None),
            update(Email, "a@x", None, None),
            update(Internal, "3", Some("b@x"), None),
            update(Internal, "a@x", None, None),
        ];
        assert_eq!(free(&rows), [true, false, false, true, true]);
    }

    #[test]
    fn an_email_given_under_type_i_is_a_learned_link_too() {
        use CustomerType::{Email, Internal};
        let mut order = Order::default();
        let first = order.enter(0, &update(Internal, "7", Some("a@x"), None));
        order.leave(0, &first, &mut Vec::new());
        let by_mail = order.enter(1, &update(Email, "a@x", None, None));
        let by_id = order.enter(2, &update(Internal, "7", None, None));
        assert!(order.is_free(1, &by_mail));
        assert!(!order.is_free(2, &by_id));
    }

    #[test]
    fn a_learned_link_orders_both_names() {
        use CustomerType::{Email, Internal};
        let mut order = Order::default();
        let first = order.enter(0, &update(Email, "a@x", None, Some("7")));
        order.leave(0, &first, &mut Vec::new());
        let by_id = order.enter(1, &update(Internal, "7", None, None));
        let by_mail = order.enter(2, &update(Email, "a@x", None, None));
        assert!(order.is_free(1, &by_id));
        assert!(!order.is_free(2, &by_mail));
        let mut next = Vec::new();
        order.leave(1, &by_id, &mut next);
        assert!(next.contains(&2) && order.is_free(2, &by_mail));
    }

    proptest! {
        /// Settling free rows in any order settles all of them, and no row is ever free while an
        /// earlier row that shares a name is not settled.
        #[test]
        fn every_row_gets_its_turn(
            rows in proptest::collection::vec((0u8..4, 0u8..4, any::<bool>()), 1..30),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let updates: Vec<_> = rows.iter().map(|(id, to, rename)| {
                let to = format!("{to}@x");
                update(CustomerType::Email, &format!("{id}@x"), rename.then_some(to.as_str()), None)
            }).collect();
            let mut order = Order::default();
            let mut open: Vec<(u64, Keys)> = (0u64..).zip(&updates)
                .map(|(seq, row)| (seq, order.enter(seq, row))).collect();
            for pick in picks {
                let free: Vec<usize> = (0..open.len())
                    .filter(|at| order.is_free(open[*at].0, &open[*at].1)).collect();
                if open.is_empty() { break; }
                prop_assert!(!free.is_empty(), "somebody must be free");
                for (at, (seq, keys)) in open.iter().enumerate() {
                    let blocked = open[..at].iter().any(|(_, k)| k.iter().any(|key| keys.contains(key)));
                    prop_assert_eq!(order.is_free(*seq, keys), !blocked);
                }
                let (seq, keys) = open.remove(free[pick.index(free.len())]);
                order.leave(seq, &keys, &mut Vec::new());
            }
            if open.is_empty() {
                prop_assert!(order.queues.is_empty());
            }
        }
    }
}
