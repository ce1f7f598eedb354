//! The layout of a file: a leading `sep=` line, the delimiter, the header and its line end.
//!
//! The delimiter is found by trial: quotes count, so each candidate reads the first records for
//! itself. What the header's names mean is decided in the mapping, with one exception: in a rejects file
//! the delimiter is the one under which `RejectColumns` finds the columns that this program appended.
//! The rows that decided the delimiter of the original may be missing there.

use std::sync::Arc;

use super::error::InputError;
use super::parser::{LineEnd, QuoteMode};
use super::record::Record;
use super::records::Records;
use crate::output::RejectColumns;

/// The delimiters that are looked for.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many records after the header are looked at.
const SAMPLE: usize = 100;

/// The layout of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    /// `None`: the file has one column.
    pub(super) delimiter: Option<u8>,
    /// Whether the first line only says what the delimiter is.
    pub(super) sep_line: bool,
    pub(super) header: Record,
    /// Whether the header ends in `\r\n`.
    pub(super) crlf: bool,
}

/// Reads a delimiter as a user writes it: `tab`, `\t`, or one ASCII character that is a tab or
/// punctuation other than the quote.
pub fn parse_delimiter(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if is_delimiter(*byte) => Ok(*byte),
        _ if text.eq_ignore_ascii_case("tab") => Ok(b'\t'),
        _ => Err("use um só caractere, como \",\" \";\" ou \"|\", ou então tab \
                  (letras, algarismos, espaço e aspas não servem)"),
    }
}

fn is_delimiter(byte: u8) -> bool {
    byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"')
}

/// Reads the first records. `open` begins a new reading of the same text each time; `forced` is the
/// delimiter the user insists on.
pub(super) fn detect(
    open: impl Fn() -> Result<Records, InputError>,
    forced: Option<u8>,
    label: &Arc<str>,
) -> Result<Dialect, InputError> {
    let announced = sep_line(&mut open()?)?;
    let sep_line = announced.is_some();
    let reopen = |delimiter, mode| begin(open()?, sep_line, delimiter, mode);
    let delimiter = match forced.or(announced) {
        Some(delimiter) => Some(delimiter),
        None => guess_delimiter(|delimiter, mode| reopen(Some(delimiter), mode), label)?,
    };
    let mut records = reopen(delimiter, QuoteMode::Strict)?;
    let Some(header) = records.read_filled()? else {
        return Err(InputError::NoHeader { label: label.clone(), skipped: 0 });
    };
    if header.is_overlong() || header.is_any_cut() {
        return Err(InputError::HeaderTooLong { label: label.clone(), line: header.linha() });
    }
    Ok(Dialect { delimiter, sep_line, header, crlf: records.line_end() == LineEnd::CrLf })
}

/// Whether the first record is the header of a rejects file.
pub(super) fn is_of_rejects(
    open: impl Fn() -> Result<Records, InputError>,
    forced: Option<u8>,
) -> Result<bool, InputError> {
    let announced = sep_line(&mut open()?)?;
    for delimiter in forced.or(announced).map_or(CANDIDATES.to_vec(), |one| vec![one]) {
        let mut records = begin(open()?, announced.is_some(), Some(delimiter), QuoteMode::Lenient)?;
        if records.read_filled()?.is_some_and(|header| RejectColumns::find(&header).is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The line of a record behind the header, under some delimiter, that `is_header` recognises.
pub(super) fn find_further_down(
    open: impl Fn() -> Result<Records, InputError>,
    is_header: impl Fn(&Record) -> bool,
) -> Result<Option<u64>, InputError> {
    for delimiter in CANDIDATES {
        let mut records = begin(open()?, false, Some(delimiter), QuoteMode::Lenient)?;
        records.read_filled()?;
        let found = find_header(|| records.read_filled(), &is_header)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The line of one of the next records that `is_header` recognises.
pub(super) fn find_header(
    mut next: impl FnMut() -> Result<Option<Record>, InputError>,
    is_header: impl Fn(&Record) -> bool,
) -> Result<Option<u64>, InputError> {
    const LOOKED_AT: usize = 30;
    for _ in 0..LOOKED_AT {
        match next()? {
            Some(record) if is_header(&record) => return Ok(Some(record.linha())),
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}

/// Prepares records that were just opened for reading from the header on.
pub(super) fn begin(
    mut records: Records,
    sep_line: bool,
    delimiter: Option<u8>,
    mode: QuoteMode,
) -> Result<Records, InputError> {
    if sep_line {
        records.read()?;
    }
    records.set_dialect(delimiter, mode);
    Ok(records)
}

/// The delimiter that a first line `sep=;` announces. Programs that do not know such a line pad it
/// with further delimiters when they save the file.
fn sep_line(records: &mut Records) -> Result<Option<u8>, InputError> {
    let Some(first) = records.read()?.filter(|first| !first.is_cut(0)) else { return Ok(None) };
    let line = first.cell(0).unwrap_or_default().as_bytes();
    Ok(match line.split_at_checked(4) {
        Some((word, [delimiter, padding @ ..]))
            if word.eq_ignore_ascii_case(b"sep=")
                && is_delimiter(*delimiter)
                && padding.iter().all(|byte| byte == delimiter) =>
        {
            Some(*delimiter)
        }
        _ => None,
    })
}

/// How well one candidate fits the first records.
struct DelimiterScore {
    delimiter: u8,
    /// Whether the header's quotes are undamaged.
    quotes_hold: bool,
    /// Whether the header holds the columns of a rejects file.
    is_of_rejects: bool,
    /// Cells of the header; more than one.
    cells: usize,
    /// Records that are whole under the header.
    fitting: usize,
    /// Records looked at.
    seen: usize,
}

/// The delimiter under which most records are whole; `None` if none splits the header.
fn guess_delimiter(
    open: impl Fn(u8, QuoteMode) -> Result<Records, InputError>,
    label: &Arc<str>,
) -> Result<Option<u8>, InputError> {
    let mut scores = Vec::new();
    for delimiter in CANDIDATES {
        let mut records = open(delimiter, QuoteMode::Lenient)?;
        let Some(header) = records.read_filled()? else {
            // Only delimiters and white space.
            return Err(InputError::NoHeader { label: label.clone(), skipped: 0 });
        };
        let cells = header.len();
        if cells < 2 {
            continue;
        }
        let is_of_rejects = RejectColumns::find(&header).is_some();
        // `"a","b;c"` splits at the semicolon only if its quotes are ignored.
        let quotes_hold = open(delimiter, QuoteMode::Strict)?.read_filled().is_ok();
        let mut score =
            DelimiterScore { delimiter, quotes_hold, is_of_rejects, cells, fitting: 0, seen: 0 };
        while score.seen < SAMPLE
            && let Some(record) = records.read_filled()?
        {
            score.seen += 1;
            score.fitting += usize::from(record.fits(cells, header.filled_len()));
        }
        scores.push(score);
    }
    if scores.iter().any(|score| score.quotes_hold) {
        scores.retain(|score| score.quotes_hold);
    }
    if scores.iter().any(|score| score.is_of_rejects) {
        scores.retain(|score| score.is_of_rejects);
    }
    // Without rows, a wrong guess sends nothing: the header alone may decide.
    let no_rows = scores.iter().all(|score| score.seen == 0);
    let rank = |score: &DelimiterScore| (score.fitting, if no_rows { score.cells } else { 0 });
    let Some(best) = scores.iter().map(rank).max() else { return Ok(None) };
    scores.retain(|score| rank(score) == best);
    match &scores[..] {
        [winner] => Ok(Some(winner.delimiter)),
        _ => {
            let names: Vec<_> = scores.iter().map(|score| name(score.delimiter)).collect();
            let candidates = enumerate(&names);
            Err(InputError::AmbiguousDelimiter { label: label.clone(), candidates })
        }
    }
}

fn name(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("\"{}\"", char::from(other)),
    }
}

/// `a`, `a e b`, `a, b e c`.
fn enumerate(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} e {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_pieces;
    use super::*;

    fn look(text: &str, forced: Option<u8>) -> Result<Dialect, InputError> {
        let label: Arc<str> = "x.csv".into();
        let cr_ends = !text.contains('\n');
        let open = || Ok(Records::new(in_pieces(text.as_bytes(), 7), cr_ends, label.clone()));
        detect(open, forced, &label)
    }

    #[test]
    fn the_delimiter_that_fits_most_records_wins() {
        let many_blank = format!("a;b\n{}1;2\n", "\n;\n".repeat(150));
        // Were the blank records counted, the comma would fit as many as the semicolon.
        let blank = "\n \n;\n".repeat(50);
        let blank_between = format!("a,b;c\n{blank}1;2\n{blank}3,4\n5;6\n");
        let hundred = format!("a,b;c\n{}{}", "1,2\n".repeat(100), "1;2\n".repeat(500));
        let rejects = "identificador;nome, completo;situacao;erro;mensagem\n";
        let short = "1;Ana;invalido;true;faltam células: a linha tem 1, o cabeçalho tem 2\n";
        // By the rows alone it would be the comma: the surplus cell does not fit the semicolon.
        let surplus = "1;Ana;invalido;true;\"sobram; a linha tem 3, e não 2\";x\n";
        for (text, expected) in [
            ("a,b\n1,2\n", Some(',')),
            ("a;b\n1,5;2\n", Some(';')),
            ("a\tb\n1\t2\n", Some('\t')),
            ("a|b\n1|2\n", Some('|')),
            // The comma is in the header too, but the rows tell.
            ("id;Nome (ex.: Silva, João)\n1;Ana\n2;Rui, o outro\n", Some(';')),
            // One candidate needs no fitting record; none means one column.
            ("a;b\n1\n", Some(';')),
            ("a;b", Some(';')),
            ("identificador\na,b\na;b\n", None),
            // Lines that end in a delimiter are whole all the same.
            ("a;b, c\n1;2;\n3;4;\n5,6\n", Some(';')),
            ("a,d;b, c;\n1;2\n3;4\n5,6\n", Some(';')),
            ("\"a,b\";c\n\"1;2\n3\";4\n", Some(';')),
            (&many_blank, Some(';')),
            (&blank_between, Some(';')),
            (&hundred, Some(',')),
            // A header alone is read as the most columns.
            ("id;nome;Obs. (livre, opcional)\n", Some(';')),
            // A rejects file is read in the delimiter of its own columns.
            (&format!("{rejects}{short}"), Some(';')),
            (rejects, Some(';')),
            (&format!("{rejects}{surplus}"), Some(';')),
            ("id|a;b|SITUACAO|erro| mensagem\n1|x;y|a|b|c\n", Some('|')),
        ] {
            let found = look(text, None).unwrap().delimiter.map(char::from);
            assert_eq!(found, expected, "{text:.80}");
        }
    }

    #[test]
    fn a_tie_is_an_error_that_names_the_candidates() {
        for text in ["a,b;c\n1,2;3\n", "a,b;c\n1\n", "a,b;c\n"] {
            let error = look(text, None).unwrap_err();
            assert!(matches!(error, InputError::AmbiguousDelimiter { .. }), "{text:?}: {error}");
            assert!(error.to_string().contains("\",\" e \";\""), "{error}");
        }
        assert_eq!(look("a,b;c\n1,2;3\n", Some(b',')).unwrap().header.len(), 2);
    }

    #[test]
    fn a_sep_line_is_honoured_and_skipped() {
        for line in ["sep=;", "\"sep=;\"", "SEP=;", "sep=;;;"] {
            for end in ["\n", "\r\n", "\r"] {
                let text = format!("{line}{end}a,b;c{end}1;2{end}");
                let dialect = look(&text, None).unwrap();
                assert!(dialect.sep_line);
                assert_eq!(dialect.header, Record::from_cells(2, ["a,b", "c"]));
                let forced = look(&text, Some(b',')).unwrap();
                assert_eq!(forced.header, Record::from_cells(2, ["a", "b;c"]));
            }
        }
        for (text, delimiter) in [("sep=:\na:b\n", b':'), ("sep=\t\na\tb\n", b'\t')] {
            assert_eq!(look(text, None).unwrap().delimiter, Some(delimiter));
        }
        for text in ["sep=\n1\n", "sep=ab\n1\n", "sep=a\n1\n", "sep=ç\n1\n", "sep\n1\n"] {
            assert!(!look(text, None).unwrap().sep_line, "{text:?}");
        }
    }

    #[test]
    fn the_header_is_the_first_line_that_is_not_blank() {
        let dialect = look("\n\n;;\na;b\r\n1;2\n", None).unwrap();
        assert_eq!(dialect.header, Record::from_cells(4, ["a", "b"]));
        assert!(dialect.crlf);
        assert!(!look("a;b\n1;2\r\n", None).unwrap().crlf);
        assert!(!look("a;b\r1;2\r", None).unwrap().crlf);
        let error = look("\na;\"b\n1;2\n", None).unwrap_err();
        assert!(matches!(error, InputError::UnclosedQuote { line: 2, column: 2, .. }), "{error}");
        let error = look(&"x;".repeat(20_000), None).unwrap_err();
        assert!(matches!(error, InputError::HeaderTooLong { line: 1, .. }), "{error}");
    }

    #[test]
    fn delimiters_as_users_write_them() {
        for (text, byte) in [(";", b';'), ("tab", b'\t'), ("\\t", b'\t'), ("\t", b'\t')] {
            assert_eq!(parse_delimiter(text), Ok(byte));
        }
        for text in ["", "\"", "a", " ", ";;", "ç", "\n"] {
            assert!(parse_delimiter(text).is_err(), "{text:?}");
        }
    }
}
