//! Whose turn it is: rows that touch one customer go one after the other, in file order; rows of
//! other customers do not wait for them. Not whether a row needs to be sent.
//!
//! A row touches its own identifier, the e-mail to which it renames a type-`E` customer, and the
//! identifier of the other type that it gives: an internal identifier for a type-`E` customer, an
//! e-mail for a type-`I` one. Names are kept as 64-bit hashes of their lower-case form; after a
//! collision two unrelated customers take turns.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::model::{Name, Update};

/// How many aliases are remembered. A forgotten alias affects only the order of rows of both types
/// that are in the window together and whose alias was given this many aliases ago.
const ALIASES_KEPT: usize = 1 << 14;

/// The hashed names that a row touches; few each: its own, the new one, the other one, and one alias
/// of each of these.
pub type CustomerKeys = Vec<u64>;

/// One queue for each name that an unfinished row touches.
#[derive(Debug, Default)]
pub struct CustomerOrder {
    hasher: RandomState,
    queues: HashMap<u64, VecDeque<u64>>,
    /// Names of the two types that an earlier row gave for one customer, in both directions.
    aliases: HashMap<u64, u64>,
    /// The keys of `aliases`, oldest first.
    alias_age: VecDeque<u64>,
    /// Rows that became first in one of their queues.
    unblocked: Vec<u64>,
}

impl CustomerOrder {
    /// Queues a row behind all earlier rows that touch the same names. Rows must enter in file order.
    /// `customers` are numbers of customers that it may touch besides, whatever their names.
    pub fn enter(
        &mut self,
        seq: u64,
        update: &Update,
        customers: impl IntoIterator<Item = u32>,
    ) -> CustomerKeys {
        let own = self.key(update.primary_name());
        let rename = update.rename_to().map(|name| self.key(name));
        let other = update.alias().map(|name| self.key(name));
        let mut keys = CustomerKeys::with_capacity(1);
        for name in [Some(own), rename, other].into_iter().flatten() {
            for key in [Some(name), self.aliases.get(&name).copied()].into_iter().flatten() {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        for customer in customers {
            let key = u64::from(customer);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if let Some(other) = other {
            self.add_alias(rename.unwrap_or(own), other);
        }
        for key in &keys {
            self.queues.entry(*key).or_default().push_back(seq);
        }
        keys
    }

    /// Whether every earlier row that touches one of these names is finished.
    pub fn is_first(&self, seq: u64, keys: &[u64]) -> bool {
        keys.iter().all(|key| self.queues.get(key).and_then(VecDeque::front) == Some(&seq))
    }

    /// Removes a finished row. Rows that are now first in one of its queues come out of
    /// [`pop_unblocked`](Self::pop_unblocked).
    pub fn leave(&mut self, seq: u64, keys: &[u64]) {
        for key in keys {
            let Some(queue) = self.queues.get_mut(key) else { continue };
            if queue.front() == Some(&seq) {
                queue.pop_front();
                self.unblocked.extend(queue.front());
            } else {
                // Only a stop finishes a row out of turn.
                queue.retain(|other| *other != seq);
            }
            if queue.is_empty() {
                self.queues.remove(key);
            }
        }
    }

    /// A row that became first in one of its queues. It may still wait in another one.
    pub fn pop_unblocked(&mut self) -> Option<u64> {
        self.unblocked.pop()
    }

    fn add_alias(&mut self, name: u64, other: u64) {
        for (from, to) in [(name, other), (other, name)] {
            if self.aliases.insert(from, to).is_none() {
                self.alias_age.push_back(from);
            }
        }
        while self.alias_age.len() > ALIASES_KEPT {
            if let Some(oldest) = self.alias_age.pop_front() {
                self.aliases.remove(&oldest);
            }
        }
    }

    fn key(&self, name: Name<'_>) -> u64 {
        let mut state = self.hasher.build_hasher();
        name.ctype.hash(&mut state);
        state.write(name.text.to_lowercase().as_bytes());
        state.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::CustomerType;

    fn update(ctype: CustomerType, id: &str, email: Option<&str>, interno: Option<&str>) -> Update {
        let values = [("email", email), ("id_interno", interno)];
        Update::of(ctype, id, values.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }

    #[test]
    fn rows_that_touch_one_name_take_turns() {
        use CustomerType::{Email, Internal};
        let mut order = CustomerOrder::default();
        for ((row, is_first), seq) in [
            // A row touches its name, its new name and its internal identifier.
            (update(Email, "a@x", Some("b@x"), Some("7")), true),
            (update(Email, "A@X", None, None), false),
            (update(Email, "b@x", None, None), false),
            (update(Internal, "7", None, None), false),
            (update(Internal, "a@x", None, None), true),
            (update(Email, "c@x", Some("c@x"), None), true),
            // Rows that give or use one e-mail, under either type.
            (update(Internal, "1", Some("d@x"), None), true),
            (update(Internal, "2", Some("D@X"), None), false),
            (update(Email, "d@x", None, None), false),
            (update(Internal, "3", Some("e@x"), None), true),
            (update(Internal, "d@x", None, None), true),
        ]
        .iter()
        .zip(0..)
        {
            let keys = order.enter(seq, row, []);
            assert_eq!(order.is_first(seq, &keys), *is_first, "row {seq}");
        }
    }

    #[test]
    fn an_alias_that_was_given_orders_both_names() {
        use CustomerType::{Email, Internal};
        for given in
            [update(Internal, "7", Some("a@x"), None), update(Email, "a@x", None, Some("7"))]
        {
            let mut order = CustomerOrder::default();
            let first = order.enter(0, &given, []);
            order.leave(0, &first);
            let by_id = order.enter(1, &update(Internal, "7", None, None), []);
            let by_mail = order.enter(2, &update(Email, "a@x", None, None), []);
            assert!(order.is_first(1, &by_id));
            assert!(!order.is_first(2, &by_mail));
            while order.pop_unblocked().is_some() {}
            order.leave(1, &by_id);
            assert_eq!(order.pop_unblocked(), Some(2));
            assert!(order.is_first(2, &by_mail));
        }
    }

    proptest! {
        /// Finishing first rows in any order finishes all of them, and no row is first while an
        /// earlier row that shares a name or a customer is unfinished.
        #[test]
        fn every_row_gets_its_turn(
            rows in proptest::collection::vec(
                (0u8..4, 0u8..4, any::<bool>(), proptest::collection::vec(0u32..3, 0..2)),
                1..30,
            ),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut order = CustomerOrder::default();
            let mut open = Vec::new();
            for (seq, (id, to, is_rename, customers)) in (0u64..).zip(&rows) {
                let to = format!("{to}@x");
                let email = is_rename.then_some(to.as_str());
                let row = update(CustomerType::Email, &format!("{id}@x"), email, None);
                let keys = order.enter(seq, &row, customers.iter().copied());
                prop_assert!(customers.iter().all(|number| keys.contains(&u64::from(*number))));
                open.push((seq, keys));
            }
            for pick in picks {
                if open.is_empty() {
                    break;
                }
                for (at, (seq, keys)) in open.iter().enumerate() {
                    let mut earlier = open[..at].iter();
                    let blocked = earlier.any(|(_, k)| k.iter().any(|key| keys.contains(key)));
                    prop_assert_eq!(order.is_first(*seq, keys), !blocked);
                }
                let free: Vec<usize> = (0..open.len())
                    .filter(|at| order.is_first(open[*at].0, &open[*at].1))
                    .collect();
                prop_assert!(!free.is_empty(), "one row must be first");
                let (seq, keys) = open.remove(free[pick.index(free.len())]);
                order.leave(seq, &keys);
            }
            prop_assert!(open.is_empty());
            prop_assert!(order.queues.is_empty());
        }
    }
}
