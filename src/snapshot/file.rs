//! Reads a snapshot once: checks where it comes from and how old it is, and copies its records,
//! decoded, to a temporary file without a name, where they are found again by number.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::columns::SnapshotColumns;
use super::error::SnapshotError;
use super::index::{IndexBuilder, NameIndex, RecordNumber};
use crate::input::{InputFile, ReadOptions, Record, inspect, read_at, rows};
use crate::ledger::AccountMark;
use crate::locale::format::duration_words;
use crate::model::{CustomerType, FieldName, HeldRecord, Param};

/// How far a clock may run ahead before a reading counts as one of the future.
const CLOCK_SKEW: u32 = 60;

/// What a snapshot must satisfy.
#[derive(Debug, Clone)]
pub struct SnapshotRules {
    /// The account that is written to; `None` where it is unknown or simulated.
    pub account: Option<AccountMark>,
    /// The oldest reading that is accepted.
    pub max_age: Duration,
    /// Readings before this second since 1970 count as none (`--max-age`).
    pub not_before: u32,
}

/// The records of a snapshot on disk.
#[derive(Debug)]
pub struct RecordFile {
    file: File,
    /// Where each record begins, and behind the last one where it ends.
    offsets: Vec<u64>,
    columns: SnapshotColumns,
}

/// One record on disk.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRecord<'a> {
    read_at: u32,
    is_email: bool,
    identifier: &'a str,
    /// The cells of the readable fields, in their order.
    #[serde(borrow)]
    cells: Vec<&'a str>,
}

/// What was found about the whole file.
#[derive(Debug)]
pub struct SnapshotTimes {
    pub oldest: u32,
    pub newest: u32,
}

/// Reads the file that `input` is.
pub fn read(
    input: &InputFile,
    rules: &SnapshotRules,
    now: u32,
) -> Result<(RecordFile, NameIndex, SnapshotTimes), SnapshotError> {
    let label = input.label().to_owned();
    if input.is_workbook()? {
        return Err(SnapshotError::Workbook { label });
    }
    let inspection = inspect(input, &ReadOptions::default())?;
    let columns = SnapshotColumns::of(&inspection.header, &label)?;
    let file = tempfile::tempfile().map_err(SnapshotError::Spool)?;
    let mut writer = BufWriter::with_capacity(1 << 16, &file);
    let (mut offset, mut offsets, mut index) = (0, vec![0], IndexBuilder::default());
    let mut times = SnapshotTimes { oldest: u32::MAX, newest: 0 };
    let mut stamps = StampReader::default();
    let mut bytes = Vec::new();
    for record in rows(input, &inspection)? {
        let record = record?;
        let at_line = |what: String| {
            let (label, linha) = (label.clone(), record.linha());
            SnapshotError::Line { label, linha, what }
        };
        let cell = |index| record.cell(index).unwrap_or_default();
        let read_at = stamps.read(cell(columns.read_at)).map_err(at_line)?;
        if read_at > now.saturating_add(CLOCK_SKEW) {
            return Err(at_line("lido_em está no futuro; confira o relógio desta máquina".into()));
        }
        times.oldest = times.oldest.min(read_at);
        times.newest = times.newest.max(read_at);
        check_account(&record, &columns, rules, &label)?;
        let is_email = match cell(columns.id_type) {
            "I" | "i" => false,
            "E" | "e" => true,
            // A customer without any name.
            "" => continue,
            _ => return Err(at_line("tipo_identificador não é I nem E".to_owned())),
        };
        if cell(columns.identifier).is_empty() {
            continue;
        }
        let stored = StoredRecord {
            read_at,
            is_email,
            identifier: cell(columns.identifier),
            cells: columns.fields.iter().map(|(_, index)| cell(*index)).collect(),
        };
        let number = (offsets.len() - 1) as RecordNumber;
        for (ctype, name) in names_of(&stored, &columns) {
            index.add(ctype, name, number);
        }
        bytes.clear();
        bytes = postcard::to_extend(&stored, bytes)
            .map_err(|error| SnapshotError::Spool(io::Error::other(error)))?;
        writer.write_all(&bytes).map_err(SnapshotError::Spool)?;
        offset += bytes.len() as u64;
        offsets.push(offset);
    }
    writer.flush().map_err(SnapshotError::Spool)?;
    drop(writer);
    let age = Duration::from_secs(now.saturating_sub(times.oldest).into());
    if offsets.len() > 1 && age > rules.max_age {
        let (age, most) = (duration_words(age), duration_words(rules.max_age));
        return Err(SnapshotError::Old { label, age, most });
    }
    offsets.shrink_to_fit();
    Ok((RecordFile { file, offsets, columns }, index.build(), times))
}

fn check_account(
    record: &Record,
    columns: &SnapshotColumns,
    rules: &SnapshotRules,
    label: &str,
) -> Result<(), SnapshotError> {
    let found = record.cell(columns.account).unwrap_or_default().trim();
    match &rules.account {
        Some(wanted) if !wanted.is(found) => Err(SnapshotError::OtherAccount {
            label: label.to_owned(),
            found: found.to_owned(),
            wanted: wanted.to_string(),
        }),
        _ if found.is_empty() => Err(SnapshotError::Line {
            label: label.to_owned(),
            linha: record.linha(),
            what: "falta a conta; um retrato é o que tomticket-sync pull grava".to_owned(),
        }),
        _ => Ok(()),
    }
}

impl RecordFile {
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn record(&self, number: RecordNumber) -> io::Result<HeldRecord> {
        let place = self.offsets.get(number as usize..).unwrap_or_default();
        let [start, end, ..] = place else { return Err(ErrorKind::InvalidInput.into()) };
        let mut bytes = vec![0; (end - start) as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match read_at(&self.file, &mut bytes[filled..], start + filled as u64)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        let stored = postcard::from_bytes(&bytes).map_err(|_| ErrorKind::InvalidData)?;
        Ok(held(&stored, &self.columns))
    }
}

/// The names of a record: the one that addresses it, and those that its columns show.
fn names_of<'s>(
    stored: &'s StoredRecord<'s>,
    columns: &'s SnapshotColumns,
) -> impl Iterator<Item = (CustomerType, &'s str)> {
    let own = if stored.is_email { CustomerType::Email } else { CustomerType::Internal };
    let fields = columns.fields.iter().zip(&stored.cells);
    let others = fields.filter_map(move |((field, _), cell)| {
        let ctype = match field {
            FieldName::Param(Param::Email) => CustomerType::Email,
            FieldName::Param(Param::IdInterno) => CustomerType::Internal,
            _ => return None,
        };
        let is_other = !cell.is_empty() && (ctype != own || *cell != stored.identifier);
        is_other.then_some((ctype, *cell))
    });
    std::iter::once((own, stored.identifier)).chain(others)
}

fn held(stored: &StoredRecord<'_>, columns: &SnapshotColumns) -> HeldRecord {
    let mut values = Vec::with_capacity(columns.fields.len());
    for ((field, _), cell) in columns.fields.iter().zip(&stored.cells) {
        let value = match field {
            // A permission that is withheld here may be the organisation's.
            FieldName::Param(Param::CriarChamados) => match is_true(cell) {
                true => "true",
                false => continue,
            },
            // A line addressed by the internal identifier does not repeat it.
            FieldName::Param(Param::IdInterno) if !stored.is_email => stored.identifier,
            _ => cell,
        };
        values.push((field.clone(), value.into()));
    }
    let names = names_of(stored, columns).map(|(ctype, name)| (ctype, name.into())).collect();
    HeldRecord { read_at: stored.read_at, names, values }
}

/// Whether a permission was read as given; a spreadsheet spells it in its own language.
fn is_true(cell: &str) -> bool {
    ["true", "verdadeiro"].iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// Reads times. The customers of one page share theirs, so that the last text is kept.
#[derive(Debug, Default)]
struct StampReader {
    last: Option<(String, u32)>,
}

impl StampReader {
    fn read(&mut self, text: &str) -> Result<u32, String> {
        if let Some((last, at)) = &self.last
            && last == text
        {
            return Ok(*at);
        }
        let at = text.trim().parse::<Timestamp>().ok();
        // Beyond 2106 is the future all the same.
        let at = at.and_then(|at| u32::try_from(at.as_second().min(u32::MAX.into())).ok());
        let at = at.ok_or_else(|| {
            "lido_em não é um momento do passado, como 2026-11-27T02:10:00Z; essa coluna não se edita"
                .to_owned()
        })?;
        self.last = Some((text.to_owned(), at));
        Ok(at)
    }
}
