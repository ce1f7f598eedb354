//! Counts rows by key in bounded memory, however many different keys there are.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

/// Keys that are counted at a time.
const MAX_KEYS: usize = 10_000;

/// Counts by key with the Misra–Gries algorithm: a key of more than one row in [`MAX_KEYS`] is never
/// lost. Dropping the rarest keys instead would lose every key that begins late. `V` is what is kept
/// of the rows of a key.
#[derive(Debug)]
pub struct FrequentKeys<K, V = ()> {
    kept: HashMap<K, Kept<V>>,
    dropped: u64,
}

#[derive(Debug, Default)]
struct Kept<V> {
    /// Rows since the key was last added to the map.
    rows: u64,
    credit: u64,
    value: V,
}

impl<K, V> Default for FrequentKeys<K, V> {
    fn default() -> Self {
        Self { kept: HashMap::new(), dropped: 0 }
    }
}

impl<K: Hash + Ord, V: Default + Ord> FrequentKeys<K, V> {
    /// Counts a row with this key, and gives what is kept of its rows.
    pub fn add(&mut self, key: K) -> &mut V {
        if self.kept.len() >= MAX_KEYS && !self.kept.contains_key(&key) {
            let lowest = self.kept.values().map(|kept| kept.credit).min().unwrap_or(0);
            let dropped = &mut self.dropped;
            self.kept.retain(|_, kept| {
                kept.credit -= lowest;
                *dropped += if kept.credit == 0 { kept.rows } else { 0 };
                kept.credit > 0
            });
        }
        let kept = self.kept.entry(key).or_default();
        kept.rows += 1;
        kept.credit += 1;
        &mut kept.value
    }

    /// The `most` most frequent keys with their rows, most frequent first; of equally frequent ones
    /// those with the lesser value, then the lesser key.
    pub fn top(&self, most: usize) -> Vec<(&K, u64, &V)> {
        let mut all: Vec<_> =
            self.kept.iter().map(|(key, kept)| (key, kept.rows, &kept.value)).collect();
        all.sort_by_key(|(key, rows, value)| (Reverse(*rows), *value, *key));
        all.truncate(most);
        all
    }

    /// All rows, those of dropped keys included.
    pub fn rows(&self) -> u64 {
        self.dropped + self.kept.values().map(|kept| kept.rows).sum::<u64>()
    }

    /// Whether keys were dropped, so that the counts are lower bounds.
    pub fn is_partial(&self) -> bool {
        self.dropped > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_key_is_counted_however_many_others_there_are() {
        let mut keys = FrequentKeys::<String>::default();
        for round in 0..3 {
            (0..MAX_KEYS).for_each(|number| *keys.add(format!("motivo {number}")) = ());
            assert_eq!((keys.top(1)[0].1, keys.is_partial()), (round + 1, false));
        }
        let rows = 2 * MAX_KEYS as u64;
        for number in 0..rows {
            keys.add("fora do ar".to_owned());
            keys.add(format!("protocolo {number}"));
        }
        assert_eq!(keys.top(1), [(&"fora do ar".to_owned(), rows, &())]);
        assert!(keys.kept.len() <= MAX_KEYS && keys.is_partial());
        assert_eq!(keys.rows(), 3 * MAX_KEYS as u64 + 2 * rows);
    }

    #[test]
    fn equally_frequent_keys_come_in_their_order() {
        let mut keys = FrequentKeys::<_>::default();
        for key in ["c", "b", "a", "b"] {
            keys.add(key);
        }
        assert_eq!(keys.top(2), [(&"b", 2, &()), (&"a", 1, &())]);
    }
}
