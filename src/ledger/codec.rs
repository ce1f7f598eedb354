//! Records and intents as bytes, small because a million of them are kept: fields are numbered per
//! account (see [`FieldNumbers`]), numbers are LEB128, a salt is stored only where it differs.
//!
//! Each blob ends in two check bytes over itself and the key it is filed under, so that a flipped
//! bit or a misplaced row is noticed. Decoding never trusts: whatever does not read back exactly is
//! `None`, which the store reports as damage.

use std::collections::HashMap;

use super::keys::{BuildKeyed, FieldTag, Fingerprint, NameKey, Spelling, ValueHash};
use super::record::{Group, Held, Intent, Moved, Record, Stamp, Values};
use crate::model::CustomerType;

/// The numbers that stand for field tags in one account's blobs.
#[derive(Debug, Default)]
pub struct FieldNumbers {
    numbers: HashMap<FieldTag, u64, BuildKeyed>,
    tags: Vec<FieldTag>,
}

impl FieldNumbers {
    /// The number of a tag, and whether it is new (and so must be stored).
    pub fn number(&mut self, tag: FieldTag) -> (u64, bool) {
        if let Some(number) = self.numbers.get(&tag) {
            return (*number, false);
        }
        let number = self.tags.len() as u64;
        self.add(tag);
        (number, true)
    }

    /// Appends a tag as the next number.
    pub fn add(&mut self, tag: FieldTag) {
        self.numbers.insert(tag, self.tags.len() as u64);
        self.tags.push(tag);
    }

    fn find(&self, tag: FieldTag) -> u64 {
        // Every tag is numbered before it is written; a wrong number would be noticed on reading.
        self.numbers.get(&tag).copied().unwrap_or(u64::MAX)
    }

    fn tag(&self, number: u64) -> Option<FieldTag> {
        self.tags.get(usize::try_from(number).ok()?).copied()
    }
}

const CLAIM: u8 = 1;
const SALT: u8 = 2;
const MOVED: u8 = 4;
const VALUES: u8 = 8;

/// Appends the blob of what is filed under `key`. All its tags must have numbers.
pub fn encode_record(key: &NameKey, record: &Record, numbers: &FieldNumbers, out: &mut Vec<u8>) {
    let start = out.len();
    let mut flags = 0;
    if record.claim.is_some() {
        flags |= CLAIM;
    }
    match &record.held {
        Held::Nothing => {}
        Held::Moved(_) => flags |= MOVED,
        Held::Values(values) if values.salt == values.spelling => flags |= VALUES,
        Held::Values(_) => flags |= VALUES | SALT,
    }
    out.push(flags);
    if let Some(claim) = record.claim {
        put_number(out, claim.0);
    }
    match &record.held {
        Held::Nothing => {}
        Held::Moved(moved) => {
            out.extend_from_slice(&moved.to.0);
            out.extend_from_slice(&moved.spelling.0.to_le_bytes());
            put_number(out, moved.stamp.0);
        }
        Held::Values(values) => {
            out.extend_from_slice(&values.spelling.0.to_le_bytes());
            if values.salt != values.spelling {
                out.extend_from_slice(&values.salt.0.to_le_bytes());
            }
            for group in &values.groups {
                put_number(out, group.stamp.0);
                out.extend_from_slice(&group.at.to_le_bytes());
                put_number(out, group.entries.len() as u64);
                for (tag, value) in &group.entries {
                    put_number(out, numbers.find(*tag));
                    out.extend_from_slice(&value.0.to_le_bytes());
                }
            }
        }
    }
    seal(out, start, &key.0);
}

/// Reads a blob back; `None` if it is not exactly what [`encode_record`] wrote for `key`.
pub fn decode_record(key: &NameKey, blob: &[u8], numbers: &FieldNumbers) -> Option<Record> {
    let mut input = Input(open(blob, &key.0)?);
    let [flags] = input.array()?;
    let claim = if flags & CLAIM != 0 { Some(Stamp(input.number()?)) } else { None };
    let held = match flags & !CLAIM {
        0 => Held::Nothing,
        MOVED => Held::Moved(Moved {
            to: NameKey(input.array()?),
            spelling: Spelling(u64::from_le_bytes(input.array()?)),
            stamp: Stamp(input.number()?),
        }),
        kind if kind & !SALT == VALUES => {
            let spelling = Spelling(u64::from_le_bytes(input.array()?));
            let salt = match kind & SALT {
                0 => spelling,
                _ => Spelling(u64::from_le_bytes(input.array()?)),
            };
            let mut groups = Vec::with_capacity(1);
            while !input.0.is_empty() {
                groups.push(read_group(&mut input, numbers)?);
            }
            Held::Values(Values { spelling, salt, groups })
        }
        _ => return None,
    };
    input.0.is_empty().then_some(Record { claim, held })
}

/// Whether a blob holds values (as opposed to a pointer or a claim alone), without reading it all.
pub fn holds_values(blob: &[u8]) -> bool {
    blob.first().is_some_and(|flags| flags & VALUES != 0)
}

fn read_group(input: &mut Input<'_>, numbers: &FieldNumbers) -> Option<Group> {
    let stamp = Stamp(input.number()?);
    let at = u32::from_le_bytes(input.array()?);
    let count = usize::try_from(input.number()?).ok()?;
    // Each entry takes at least nine bytes; a larger count is damage, not a reason to allocate.
    if count > input.0.len() / 9 {
        return None;
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let tag = numbers.tag(input.number()?)?;
        entries.push((tag, ValueHash(u64::from_le_bytes(input.array()?))));
    }
    Some(Group { stamp, at, entries })
}

const EMAIL: u8 = 1;
const RENAME: u8 = 2;
const LINKED: u8 = 4;
const RELINKS: u8 = 8;
const RESOLVED: u8 = 16;

/// The blob of an intent, its stamp apart. All its tags must have numbers.
pub fn encode_intent(intent: &Intent, numbers: &FieldNumbers) -> Vec<u8> {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let mut out = vec![
        flag(intent.ctype == CustomerType::Email, EMAIL)
            | flag(intent.rename.is_some(), RENAME)
            | flag(intent.linked.is_some(), LINKED)
            | flag(intent.relinks, RELINKS)
            | flag(intent.resolved, RESOLVED),
    ];
    out.extend_from_slice(&intent.at.to_le_bytes());
    out.extend_from_slice(&intent.fingerprint.0);
    intent.concerned().for_each(|name| out.extend_from_slice(&name.0));
    intent.changed.iter().for_each(|tag| put_number(&mut out, numbers.find(*tag)));
    seal(&mut out, 0, &intent.stamp.0.to_le_bytes());
    out
}

/// Reads an intent back; `None` if it is not exactly what [`encode_intent`] wrote.
pub fn decode_intent(stamp: Stamp, blob: &[u8], numbers: &FieldNumbers) -> Option<Intent> {
    let mut input = Input(open(blob, &stamp.0.to_le_bytes())?);
    let [flags] = input.array()?;
    let mut intent = Intent {
        stamp,
        at: u32::from_le_bytes(input.array()?),
        fingerprint: Fingerprint(input.array()?),
        ctype: if flags & EMAIL != 0 { CustomerType::Email } else { CustomerType::Internal },
        home: NameKey(input.array()?),
        rename: None,
        linked: None,
        relinks: flags & RELINKS != 0,
        changed: Vec::new(),
        resolved: flags & RESOLVED != 0,
    };
    if flags & RENAME != 0 {
        intent.rename = Some(NameKey(input.array()?));
    }
    if flags & LINKED != 0 {
        intent.linked = Some(NameKey(input.array()?));
    }
    while !input.0.is_empty() {
        intent.changed.push(numbers.tag(input.number()?)?);
    }
    Some(intent)
}

/// Appends the check bytes over `out` from `start` on and the key it is filed under.
pub fn seal(out: &mut Vec<u8>, start: usize, key: &[u8]) {
    let check = check(&out[start..], key);
    out.extend_from_slice(&check);
}

/// What [`seal`] closed under this key, without the check bytes; `None` if they do not fit.
pub fn open<'a>(blob: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let (body, found) = blob.split_last_chunk()?;
    (check(body, key) == *found).then_some(body)
}

/// CRC-16 (CCITT): made for exactly this, flipped bits in short messages.
fn check(body: &[u8], key: &[u8]) -> [u8; 2] {
    crc(crc(0xffff, key), body).to_le_bytes()
}

/// Takes four bytes at a step: each record that is looked at is checked.
fn crc(start: u16, bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<4>();
    let crc = words.iter().fold(start, |crc, [a, b, c, d]| {
        let [high, low] = crc.to_be_bytes();
        let table = |zeros: usize, byte: u8| CRC[zeros][usize::from(byte)];
        table(3, high ^ a) ^ table(2, low ^ b) ^ table(1, *c) ^ table(0, *d)
    });
    rest.iter().fold(crc, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        u16::from_be_bytes([low, 0]) ^ CRC[0][usize::from(high ^ byte)]
    })
}

/// By how many zero bytes follow, and the byte: what it adds to the remainder.
const CRC: [[u16; 256]; 4] = {
    let mut table = [[0; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut zeros = 0;
        while zeros < 4 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
                bit += 1;
            }
            table[zeros][byte] = crc;
            zeros += 1;
        }
        byte += 1;
    }
    table
};

/// Appends a number as LEB128.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What is left to read.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// So many bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Bytes whose number stands before them.
    pub fn blob(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// What [`put_number`] wrote.
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(key: &NameKey, record: &Record) -> Vec<u8> {
        let mut out = Vec::new();
        encode_record(key, record, &numbers(), &mut out);
        out
    }

    fn numbers() -> FieldNumbers {
        let mut numbers = FieldNumbers::default();
        (0..300).for_each(|tag| numbers.add(FieldTag(tag * 7)));
        numbers
    }

    fn tag() -> impl Strategy<Value = FieldTag> {
        (0..300u64).prop_map(|tag| FieldTag(tag * 7))
    }

    prop_compose! {
        fn group()(
            stamp: u64,
            at: u32,
            entries in prop::collection::vec((tag(), any::<u64>().prop_map(ValueHash)), 0..12),
        ) -> Group {
            Group { stamp: Stamp(stamp), at, entries }
        }
    }

    fn spelling() -> impl Strategy<Value = Spelling> {
        any::<u64>().prop_map(Spelling)
    }

    fn held() -> impl Strategy<Value = Held> {
        prop_oneof![
            Just(Held::Nothing),
            (any::<[u8; 16]>(), spelling(), any::<u64>()).prop_map(|(to, spelling, stamp)| {
                Held::Moved(Moved { to: NameKey(to), spelling, stamp: Stamp(stamp) })
            }),
            (spelling(), prop::option::of(spelling()), prop::collection::vec(group(), 0..4))
                .prop_map(|(spelling, salt, groups)| {
                    Held::Values(Values { spelling, salt: salt.unwrap_or(spelling), groups })
                }),
        ]
    }

    prop_compose! {
        fn intent()(
            stamp: u64, at: u32, email: bool, relinks: bool, resolved: bool,
            fingerprint: [u8; 16], home: [u8; 16],
            rename: Option<[u8; 16]>, linked: Option<[u8; 16]>,
            changed in prop::collection::vec(tag(), 0..12),
        ) -> Intent {
            Intent {
                stamp: Stamp(stamp), at, relinks, resolved, changed,
                fingerprint: Fingerprint(fingerprint),
                ctype: if email { CustomerType::Email } else { CustomerType::Internal },
                home: NameKey(home), rename: rename.map(NameKey), linked: linked.map(NameKey),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            key: [u8; 16],
            claim in prop::option::of(any::<u64>().prop_map(Stamp)),
            held in held(),
            intent in intent(),
        ) {
            let (key, numbers, record) = (NameKey(key), numbers(), Record { claim, held });
            let blob = encoded(&key, &record);
            prop_assert_eq!(holds_values(&blob), matches!(record.held, Held::Values(_)));
            prop_assert_eq!(decode_record(&key, &blob, &numbers), Some(record));
            let blob = encode_intent(&intent, &numbers);
            prop_assert_eq!(decode_intent(intent.stamp, &blob, &numbers), Some(intent));
        }

        #[test]
        fn one_flipped_bit_or_another_key_is_noticed(
            key: [u8; 16], held in held(), at: prop::sample::Index, bit in 0..8u8,
        ) {
            let (key, numbers) = (NameKey(key), numbers());
            let mut blob = encoded(&key, &Record { claim: None, held });
            let mut other = key;
            other.0[3] ^= 1 << bit;
            prop_assert_eq!(decode_record(&other, &blob, &numbers), None);
            let at = at.index(blob.len());
            blob[at] ^= 1 << bit;
            prop_assert_eq!(decode_record(&key, &blob, &numbers), None);
        }

        #[test]
        fn garbage_is_no_record(key: [u8; 16], body: Vec<u8>) {
            // Sealed garbage gets past the check bytes; it must still not panic.
            let (mut record, mut intent) = (body.clone(), body);
            seal(&mut record, 0, &key);
            seal(&mut intent, 0, &1u64.to_le_bytes());
            let _ = decode_record(&NameKey(key), &record, &numbers());
            let _ = decode_intent(Stamp(1), &intent, &numbers());
        }
    }

    #[test]
    fn the_check_is_the_standard_one() {
        // The published check value of CRC-16/CCITT-FALSE.
        assert_eq!(crc(0xffff, b"123456789"), 0x29b1);
        assert_eq!(crc(crc(0xffff, b"12345"), b"6789"), 0x29b1);
    }

    #[test]
    fn ten_fields_of_one_customer_take_little() {
        let entries = (0..10).map(|tag| (FieldTag(tag * 7), ValueHash(u64::MAX))).collect();
        let group = Group { stamp: Stamp(1_000_000), at: u32::MAX, entries };
        let values = Values { spelling: Spelling(1), salt: Spelling(1), groups: vec![group] };
        let record = Record { claim: None, held: Held::Values(values) };
        assert_eq!(encoded(&NameKey([0; 16]), &record).len(), 109);
    }
}
