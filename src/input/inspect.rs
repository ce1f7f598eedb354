//! The first pass over an input, over the whole of it: whether it is readable, its encoding, its
//! layout, and the fingerprints of its blocks.
//!
//! Damaged quotes beyond the header are not looked for; reading the rows finds those.

use std::io::{BufRead, Read};
use std::sync::Arc;

use clap::Args;

use super::blocks::Fingerprints;
use super::decode::decode;
use super::dialect::{self, Dialect, parse_delimiter};
use super::encoding::{DosScan, Encoding, Utf8Scan, Utf8Verdict};
use super::error::InputError;
use super::input_file::InputFile;
use super::lines::{FirstLineEnd, LineCounter};
use super::other_formats;
use super::record::Record;
use super::records::Records;
use super::workbook::{self, HiddenRows, Sheet};

/// What the user decided about the input; `None` where it is detected. The comments of the fields are
/// their help texts. A byte order mark wins over `encoding`, so that a rejects file, which may have
/// one where the original had none, is read under the flags of the original.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Leitura")]
pub struct ReadOptions {
    /// Separador das células: , ; | ou tab [padrão: descoberto pelo conteúdo]
    #[arg(long, value_name = "C", value_parser = parse_delimiter)]
    pub delimiter: Option<u8>,
    /// Codificação: utf-8, utf-16, windows-1252, cp850 [padrão: descoberta pelo arquivo inteiro]
    #[arg(long, value_name = "NOME", value_parser = Encoding::parse)]
    pub encoding: Option<Encoding>,
    /// Pula as N primeiras linhas do arquivo, que vêm antes do cabeçalho
    #[arg(long, value_name = "N")]
    pub skip_lines: Option<u64>,
    /// Planilha de um .xlsx [padrão: a primeira visível que tem linhas]
    #[arg(long, value_name = "NOME")]
    pub sheet: Option<String>,
    /// Linhas ocultas de um .xlsx: send (envia) ou skip (deixa fora) [padrão: o programa para e pergunta]
    #[arg(long, value_name = "send|skip")]
    pub hidden: Option<HiddenRows>,
}

/// What an input turned out to be; needed to read its rows.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// The sheet that is read, if it is a workbook. What is said of the bytes of a CSV then says how
    /// one is written in its place.
    pub sheet: Option<Sheet>,
    /// Flags that were given and say nothing about such a file.
    pub without_effect: Vec<&'static str>,
    /// The encoding it is read in.
    pub encoding: Encoding,
    /// Whether it begins with a byte order mark.
    pub bom: bool,
    /// The encoding the user asked for. A byte order mark may have overruled it.
    pub forced_encoding: Option<Encoding>,
    /// Whether it is read in one byte per character at the user's request, and has accents that look
    /// like UTF-8.
    pub looks_like_utf8: bool,
    /// The byte between cells; `None` if there is one column.
    pub delimiter: Option<u8>,
    /// The names of the columns, as they stand in the file.
    pub header: Record,
    /// Whether the header's line ends in `\r\n`.
    pub crlf: bool,
    /// Whether the file's first line only says what the delimiter is (`sep=;`).
    pub sep_line: bool,
    /// Whether lines end in a `\r` without `\n`. Elsewhere such a `\r` is a control character.
    pub cr_ends: bool,
    /// Physical lines before the header that are left out.
    pub(super) skip_lines: u64,
    /// Byte order marks at its beginning.
    pub(super) marks: usize,
    pub(super) fingerprints: Arc<Fingerprints>,
}

impl Inspection {
    /// A reading of `file` from its beginning, verified against the fingerprints of the first one.
    pub(super) fn records(&self, file: &InputFile) -> Result<Records, InputError> {
        let label = file.shared_label();
        let bytes = file.unpack(file.blocks(Some(self.fingerprints.clone())));
        let text = decode(bytes, self.encoding, self.marks, &label)?;
        let mut records = Records::new(text, self.cr_ends, label);
        records.skip_lines(self.skip_lines, self.cr_ends)?;
        Ok(records)
    }

    /// The line of a record a little further down that `is_header` recognises.
    pub fn header_further_down(
        &self,
        file: &InputFile,
        is_header: impl Fn(&Record) -> bool,
    ) -> Result<Option<u64>, InputError> {
        match &self.sheet {
            Some(sheet) => {
                let mut rows = sheet.reader(&file.shared_label());
                dialect::find_header(|| rows.read(), is_header)
            }
            None => dialect::find_further_down(|| self.records(file), is_header),
        }
    }
}

/// Reads the whole of `file` once to detect its encoding, and its beginning a few times more. Every
/// later reading fails if a byte differs from now.
///
/// # Errors
/// If the input is empty or has no header, cannot be unpacked or decoded, has an ambiguous layout,
/// or changes meanwhile.
pub fn inspect(file: &InputFile, options: &ReadOptions) -> Result<Inspection, InputError> {
    const LOOKED_AT: u64 = 64;
    let label = file.shared_label();
    let start = file.beginning(LOOKED_AT)?;
    if start.is_empty() {
        return Err(InputError::Empty { label });
    }
    if workbook::is_workbook(&start) {
        return workbook::inspect(file, options);
    }
    let mark = Encoding::of_bom(&start);
    // Files that were joined or written twice may have several.
    let marks = mark.map_or(0, |encoding| {
        start.chunks(encoding.bom().len()).take_while(|piece| *piece == encoding.bom()).count()
    });
    let bom = marks > 0;
    let skips = options.skip_lines.is_some_and(|lines| lines > 0);
    other_formats::refuse(&start, skips, file)?;
    if !bom && options.encoding.is_none() {
        refuse_utf16_without_mark(&start, &label)?;
    }
    let known = mark.or(options.encoding);

    let mut raw = file.blocks(None);
    let bytes = file.unpack(&mut raw);
    let mut looks_like_utf8 = false;
    let mut line_end = FirstLineEnd::default();
    let encoding = match known {
        Some(encoding @ (Encoding::Utf16Le | Encoding::Utf16Be)) => {
            let text = decode(bytes, encoding, marks, &label)?;
            for_each_piece(text, &label, |piece| line_end.push(piece))?;
            encoding
        }
        _ => {
            let mut scan = Utf8Scan::default();
            for_each_piece(bytes, &label, |piece| {
                scan.push(piece);
                line_end.push(piece);
            })?;
            if let Some(forced @ (Encoding::Windows1252 | Encoding::Cp850)) = known {
                looks_like_utf8 = scan.misleads();
                forced
            } else {
                let line_of = |offset| line_of(file, offset, line_end.is_cr());
                let (verdict, mut dos) = (scan.finish(), DosScan::default());
                // Only what is not UTF-8 is read once more.
                if known.is_none() && matches!(verdict, Utf8Verdict::Not { .. }) {
                    let bytes = file.unpack(file.blocks(None));
                    for_each_piece(bytes, &label, |piece| dos.push(piece))?;
                }
                utf8_or_windows_1252(&label, (verdict, dos), known, bom, line_of)?
            }
        }
    };
    if file.has_changed() {
        return Err(InputError::Changed { label });
    }
    let without_effect =
        [("--sheet", options.sheet.is_some()), ("--hidden", options.hidden.is_some())];
    let mut found = Inspection {
        without_effect: without_effect.into_iter().filter(|(_, is)| *is).map(|it| it.0).collect(),
        encoding,
        bom,
        marks,
        skip_lines: 0,
        forced_encoding: options.encoding,
        looks_like_utf8,
        cr_ends: line_end.is_cr(),
        fingerprints: Arc::new(raw.into_fingerprints()),
        ..Inspection::default()
    };
    // Rejects have the header alone, and are read under the flags of the original.
    if let Some(lines) = options.skip_lines
        && !dialect::is_of_rejects(|| found.records(file), options.delimiter)?
    {
        found.skip_lines = lines;
    }
    let dialect = dialect::detect(|| found.records(file), options.delimiter, &label);
    let dialect = dialect.map_err(|error| match error {
        InputError::NoHeader { label, .. } => {
            InputError::NoHeader { label, skipped: found.skip_lines }
        }
        other => other,
    })?;
    Dialect {
        delimiter: found.delimiter,
        sep_line: found.sep_line,
        header: found.header,
        crlf: found.crlf,
    } = dialect;
    Ok(found)
}

/// Refuses UTF-16 without a mark. Read as CSV it would be refused too, but with misleading words
/// about columns.
fn refuse_utf16_without_mark(start: &[u8], label: &Arc<str>) -> Result<(), InputError> {
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|b| **b == 0).count();
    // Nearly every letter of a header is below U+0100: one half of it is zero.
    let is_half = |zeros: usize| 4 * zeros >= start.len() && zeros > 1;
    let big_endian = match (zeros(0), zeros(1)) {
        (0, zeros) if is_half(zeros) => false,
        (zeros, 0) if is_half(zeros) => true,
        _ => return Ok(()),
    };
    Err(InputError::Utf16WithoutBom { label: label.clone(), big_endian })
}

/// Reads a stream to its end.
pub(super) fn for_each_piece(
    mut bytes: impl BufRead,
    label: &Arc<str>,
    mut take: impl FnMut(&[u8]),
) -> Result<(), InputError> {
    loop {
        let piece = bytes.fill_buf().map_err(|error| InputError::from_io(error, label))?;
        if piece.is_empty() {
            return Ok(());
        }
        take(piece);
        let len = piece.len();
        bytes.consume(len);
    }
}

/// The encoding of a file that is UTF-8 according to `known`, or of unknown encoding.
fn utf8_or_windows_1252(
    label: &Arc<str>,
    (verdict, dos): (Utf8Verdict, DosScan),
    known: Option<Encoding>,
    bom: bool,
    line_of: impl Fn(u64) -> Result<u64, InputError>,
) -> Result<Encoding, InputError> {
    let label = label.clone();
    match (verdict, known) {
        (Utf8Verdict::Valid, _) => Ok(Encoding::Utf8),
        (
            Utf8Verdict::Mostly { first_bad } | Utf8Verdict::Not { first_bad, .. },
            Some(encoding),
        ) => {
            let line = line_of(first_bad.offset)?;
            Err(InputError::Undecodable { label, line, encoding, bom })
        }
        (Utf8Verdict::Mostly { first_bad }, None) => {
            let line = line_of(first_bad.offset)?;
            Err(InputError::MostlyUtf8 { label, line, byte: first_bad.byte })
        }
        (Utf8Verdict::Not { letter, .. }, None) => match (dos.looks_like_cp850(), letter) {
            (Some(offset), _) => Err(InputError::LooksLikeCp850 { label, line: line_of(offset)? }),
            (None, Some(offset)) => {
                Err(InputError::MixedEncodings { label, line: line_of(offset)? })
            }
            (None, None) => Ok(Encoding::Windows1252),
        },
    }
}

/// The physical line of a byte. It takes one more reading, for an error message only.
fn line_of(file: &InputFile, offset: u64, cr_ends: bool) -> Result<u64, InputError> {
    let mut lines = LineCounter::new(cr_ends);
    let before = file.unpack(file.blocks(None)).take(offset);
    for_each_piece(before, &file.shared_label(), |piece| lines.push(piece))?;
    Ok(lines.line())
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
