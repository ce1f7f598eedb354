//! What changed since the tables were last brought up to date: one row of the table `recent` for
//! each transaction, and the same in memory, where it goes before what the tables say.
//!
//! A name is a keyed hash, so that each settlement would change another page of the names' tree.
//! Appended here, all of a transaction's changes fill two or three pages; the store folds thousands
//! of them into the tree at once. Nothing here reads or writes files.

use std::collections::{BTreeMap, HashMap};

use super::codec::{self, Input};
use super::keys::{BuildKeyed, NameKey};
use super::record::Stamp;

const NAME: u8 = 1;
const INTENT: u8 = 2;
const NO_INTENT: u8 = 3;

/// The changes of an account that its tables do not have yet.
#[derive(Debug, Default)]
pub struct Recent {
    /// The records of names, encoded; empty where nothing is filed any more.
    names: HashMap<NameKey, Box<[u8]>, BuildKeyed>,
    /// All requests whose fate is open, encoded: those of the table too.
    intents: BTreeMap<Stamp, Box<[u8]>>,
    /// The changes of the transaction that is under way.
    batch: Vec<u8>,
    /// The number of the account's last row. They are numbered for ever, so that a row that is
    /// missing, or one of long ago, does not pass for another.
    last: u64,
    /// The bytes of the rows that the table has.
    bytes: usize,
}

impl Recent {
    /// Nothing, where the tables have all rows up to number `last`.
    pub fn after(last: u64) -> Self {
        Self { last, ..Self::default() }
    }

    /// The record of a name, if it changed; an empty one says that nothing is filed any more.
    pub fn name(&self, name: &NameKey) -> Option<&[u8]> {
        // Most of a night's looks come before the first change.
        if self.names.is_empty() { None } else { self.names.get(name).map(|blob| &**blob) }
    }

    /// The names that changed, with their records.
    pub fn names(&self) -> impl ExactSizeIterator<Item = (&NameKey, &[u8])> {
        self.names.iter().map(|(name, blob)| (name, &**blob))
    }

    /// The requests whose fate is open.
    pub fn intents(&self) -> impl ExactSizeIterator<Item = (Stamp, &[u8])> {
        self.intents.iter().map(|(stamp, body)| (*stamp, &**body))
    }

    /// The number of the account's last row.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The bytes of the rows, those of the transaction that is under way included.
    pub const fn bytes(&self) -> usize {
        self.bytes + self.batch.len()
    }

    /// Whether the transaction that is under way changed anything.
    pub const fn has_batch(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Notes a name's record; empty where nothing is to be filed any more.
    pub fn put_name(&mut self, name: NameKey, blob: &[u8]) {
        self.batch.push(NAME);
        self.batch.extend_from_slice(&name.0);
        codec::put_number(&mut self.batch, blob.len() as u64);
        self.batch.extend_from_slice(blob);
        self.names.insert(name, blob.into());
    }

    /// Notes a request, or what became known of it.
    pub fn put_intent(&mut self, stamp: Stamp, body: &[u8]) {
        self.batch.push(INTENT);
        codec::put_number(&mut self.batch, stamp.0);
        codec::put_number(&mut self.batch, body.len() as u64);
        self.batch.extend_from_slice(body);
        self.intents.insert(stamp, body.into());
    }

    /// Notes the end of a request.
    pub fn remove_intent(&mut self, stamp: Stamp) {
        self.batch.push(NO_INTENT);
        codec::put_number(&mut self.batch, stamp.0);
        self.intents.remove(&stamp);
    }

    /// Takes in a request that its table has. Before the first [`replay`](Self::replay).
    pub fn found_intent(&mut self, stamp: Stamp, body: Box<[u8]>) {
        self.intents.insert(stamp, body);
    }

    /// Takes in the account's next row; `None` if it is not exactly what [`finish`](Self::finish)
    /// made as that row. The records and requests inside have check bytes of their own, which are
    /// for who decodes them.
    pub fn replay(&mut self, account: i64, row: &[u8]) -> Option<()> {
        let mut input = Input(codec::open(row, &place(account, self.last + 1))?);
        while let Some([kind]) = input.array() {
            match kind {
                NAME => {
                    let name = NameKey(input.array()?);
                    self.names.insert(name, input.blob()?.into());
                }
                INTENT => {
                    let stamp = Stamp(input.number()?);
                    self.intents.insert(stamp, input.blob()?.into());
                }
                NO_INTENT => {
                    self.intents.remove(&Stamp(input.number()?))?;
                }
                _ => return None,
            }
        }
        self.last += 1;
        self.bytes += row.len();
        Some(())
    }

    /// The transaction's row, to be appended to the table.
    pub fn finish(&mut self, account: i64) -> Vec<u8> {
        // The next one will be about as long.
        let room = Vec::with_capacity(self.batch.len());
        let mut row = std::mem::replace(&mut self.batch, room);
        self.last += 1;
        codec::seal(&mut row, 0, &place(account, self.last));
        self.bytes += row.len();
        row
    }

    /// The tables get everything now. Returns the names that changed, for filing.
    pub fn drain(&mut self) -> impl Iterator<Item = (NameKey, Box<[u8]>)> {
        self.batch.clear();
        self.bytes = 0;
        self.names.drain()
    }
}

/// What a row is sealed with: whose it is, and which.
fn place(account: i64, number: u64) -> [u8; 16] {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&account.to_le_bytes());
    place[8..].copy_from_slice(&number.to_le_bytes());
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Change {
        Name(u8, Vec<u8>),
        Opened(u64, Vec<u8>),
        Closed(u64),
    }

    fn change() -> impl Strategy<Value = Change> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..200);
        prop_oneof![
            (0..8u8, bytes()).prop_map(|(name, blob)| Change::Name(name, blob)),
            (0..8u64, bytes()).prop_map(|(stamp, body)| Change::Opened(stamp << 20, body)),
            (0..8u64).prop_map(|stamp| Change::Closed(stamp << 20)),
        ]
    }

    /// Makes the changes, a row for each batch; who ends what is not open does nothing.
    fn rows(recent: &mut Recent, batches: &[Vec<Change>]) -> Vec<Vec<u8>> {
        let mut rows = Vec::new();
        for batch in batches {
            for change in batch {
                match change {
                    Change::Name(name, blob) => recent.put_name(NameKey([*name; 16]), blob),
                    Change::Opened(stamp, body) => recent.put_intent(Stamp(*stamp), body),
                    Change::Closed(stamp) if recent.intents.contains_key(&Stamp(*stamp)) => {
                        recent.remove_intent(Stamp(*stamp));
                    }
                    Change::Closed(_) => {}
                }
            }
            if recent.has_batch() {
                rows.push(recent.finish(7));
            }
        }
        rows
    }

    fn replay(account: i64, rows: &[Vec<u8>]) -> Option<Recent> {
        let mut recent = Recent::default();
        rows.iter().try_for_each(|row| recent.replay(account, row))?;
        Some(recent)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else(
            batches in prop::collection::vec(prop::collection::vec(change(), 0..6), 0..6),
            at: prop::sample::Index,
            bit in 0..8u8,
        ) {
            let mut recent = Recent::default();
            let mut rows = rows(&mut recent, &batches);
            let read = replay(7, &rows).unwrap();
            prop_assert_eq!(&read.names, &recent.names);
            prop_assert_eq!(&read.intents, &recent.intents);
            prop_assert_eq!((read.last, read.bytes()), (recent.last, recent.bytes()));
            if rows.is_empty() {
                return Ok(());
            }
            prop_assert!(replay(8, &rows).is_none(), "another account's");
            if rows.len() > 1 {
                prop_assert!(replay(7, &rows[1..]).is_none(), "one is missing");
            }
            let row = at.index(rows.len());
            let byte = at.index(rows[row].len());
            rows[row][byte] ^= 1 << bit;
            prop_assert!(replay(7, &rows).is_none(), "a bit has flipped");
        }

        #[test]
        fn garbage_does_not_panic(mut body: Vec<u8>) {
            codec::seal(&mut body, 0, &place(7, 1));
            let _ = Recent::default().replay(7, &body);
        }
    }

    #[test]
    fn what_is_sealed_but_says_what_cannot_be_is_not_taken_in() {
        let replayed = |mut body: Vec<u8>| {
            codec::seal(&mut body, 0, &place(7, 1));
            Recent::default().replay(7, &body)
        };
        assert_eq!(replayed(vec![INTENT, 5, 0, NO_INTENT, 5]), Some(()));
        assert_eq!(replayed(vec![NO_INTENT, 5]), None, "the end of what is not open");
        assert_eq!(replayed(vec![INTENT, 5, 1]), None, "cut short");
        assert_eq!(replayed(vec![9]), None, "no kind");
    }

    #[test]
    fn what_the_tables_have_is_not_counted_and_its_rows_are_no_longer_right() {
        let mut recent = Recent::default();
        let changes = [vec![Change::Name(1, vec![1])], vec![Change::Opened(2, vec![2])]];
        let old = rows(&mut recent, &changes);
        assert_eq!(recent.drain().count(), 1);
        assert_eq!((recent.names().len(), recent.bytes(), recent.last()), (0, 0, 2));
        assert_eq!(recent.intents().len(), 1);
        let new = rows(&mut recent, &[vec![Change::Closed(2)]]);
        let mut later = Recent::after(2);
        later.found_intent(Stamp(2), [2].into());
        assert!(later.replay(7, &old[0]).is_none(), "a row of before");
        later.replay(7, &new[0]).unwrap();
        assert_eq!((later.intents().len(), later.last()), (0, 3));
    }
}
