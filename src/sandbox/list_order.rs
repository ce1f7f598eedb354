//! The customers in the order of the list: by name, then by age. Pages are found by position without
//! walking over the pages before them. Names are not kept here; the caller compares.

use std::cmp::Ordering;

use super::customers::CustomerId;

/// Customers in a chunk; a fuller one is split.
const CHUNK_MAX: usize = 1024;

/// Chunks of ids; all of one are in front of all of the next. No chunk is empty.
#[derive(Debug, Default, Clone)]
pub(super) struct ListOrder {
    chunks: Vec<Vec<CustomerId>>,
}

impl ListOrder {
    /// Adds `id`. `compare` tells on which side of it another customer stands.
    pub(super) fn insert(&mut self, id: CustomerId, compare: impl Fn(CustomerId) -> Ordering) {
        let at = self.chunk_of(&compare).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![id]);
            return;
        };
        if let Err(place) = chunk.binary_search_by(|other| compare(*other)) {
            chunk.insert(place, id);
        }
        if chunk.len() > CHUNK_MAX {
            let half = chunk.split_off(CHUNK_MAX / 2);
            self.chunks.insert(at + 1, half);
        }
    }

    /// Removes the customer that `compare` finds equal.
    pub(super) fn remove(&mut self, compare: impl Fn(CustomerId) -> Ordering) {
        let at = self.chunk_of(&compare);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        if let Ok(place) = chunk.binary_search_by(|other| compare(*other)) {
            chunk.remove(place);
        }
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
    }

    /// The first chunk that does not end before the customer.
    fn chunk_of(&self, compare: impl Fn(CustomerId) -> Ordering) -> usize {
        self.chunks.partition_point(|chunk| {
            chunk.last().is_some_and(|last| compare(*last) == Ordering::Less)
        })
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    /// Up to `count` customers from position `from` on.
    pub(super) fn page(&self, from: usize, count: usize) -> impl Iterator<Item = CustomerId> {
        let mut skip = from;
        let mut chunks = self.chunks.as_slice();
        while let Some((first, rest)) = chunks.split_first()
            && skip >= first.len()
        {
            skip -= first.len();
            chunks = rest;
        }
        chunks.iter().flatten().skip(skip).take(count).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_sorted_list_through_inserts_and_removals() {
        let mut rng = fastrand::Rng::with_seed(1);
        // Few names, so that age decides too; enough customers to split and to empty chunks.
        let names: Vec<u8> = (0..6000).map(|_| rng.u8(..40)).collect();
        let order =
            |a: CustomerId, b: CustomerId| (names[a as usize], a).cmp(&(names[b as usize], b));
        let (mut index, mut sorted) = (ListOrder::default(), Vec::new());
        let mut ids: Vec<CustomerId> = (0..6000).collect();
        for removing in [false, true] {
            rng.shuffle(&mut ids);
            for (step, id) in (0..).zip(ids.iter().copied()) {
                match removing {
                    false => index.insert(id, |other| order(other, id)),
                    true => index.remove(|other| order(other, id)),
                }
                match sorted.binary_search_by(|other| order(*other, id)) {
                    Ok(place) => drop(sorted.remove(place)),
                    Err(place) => sorted.insert(place, id),
                }
                if step % 97 == 0 {
                    let from = rng.usize(..=sorted.len());
                    let page: Vec<_> = index.page(from, 50).collect();
                    assert_eq!(page, sorted[from..(from + 50).min(sorted.len())]);
                    assert_eq!(index.len(), sorted.len());
                }
            }
        }
        assert!(index.chunks.is_empty());
    }
}
