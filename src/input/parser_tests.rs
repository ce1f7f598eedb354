//! What the parser must hold for every file: tested through the records it gives.

use proptest::prelude::*;

use super::super::error::InputError;
use super::super::record::{CELL_MAX, CELLS_MAX, RECORD_MAX, Record};
use super::super::records::Records;
use super::super::strategies::{DELIMITERS, soup, table};
use super::super::testing::in_pieces;
use super::*;

/// A record as (line, cells).
type Plain = (u64, Vec<String>);
/// An error as (line, column, "unclosed" or "after").
type Wrong = (u64, usize, &'static str);

fn records(bytes: &[u8], delimiter: Option<u8>, mode: QuoteMode, size: usize) -> Records {
    let mut records = Records::new(in_pieces(bytes, size), "x.csv".into());
    records.set_dialect(delimiter, mode);
    records
}

fn read(
    bytes: &[u8],
    delimiter: Option<u8>,
    mode: QuoteMode,
    size: usize,
) -> (Vec<Record>, Option<InputError>) {
    let mut from = records(bytes, delimiter, mode, size);
    let mut all = Vec::new();
    loop {
        match from.read() {
            Ok(Some(record)) => all.push(record),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn plain(record: &Record) -> Plain {
    (record.linha(), record.cells().map(str::to_owned).collect())
}

/// Reads `text` under `;` in pieces of every size and expects the same of each.
fn parse(text: &str) -> Result<Vec<Plain>, Wrong> {
    let outcome = |size| {
        let (all, error) = read(text.as_bytes(), Some(b';'), QuoteMode::Strict, size);
        match error {
            None => Ok(all.iter().map(plain).collect::<Vec<_>>()),
            Some(InputError::UnclosedQuote { line, column, .. }) => Err((line, column, "unclosed")),
            Some(InputError::TextAfterQuote { line, column, .. }) => Err((line, column, "after")),
            Some(other) => panic!("{other}"),
        }
    };
    let whole = outcome(text.len().max(1));
    for size in 1..text.len() {
        assert_eq!(outcome(size), whole, "{text:?} in pieces of {size}");
    }
    whole
}

fn rows(expected: &[(u64, &[&str])]) -> Result<Vec<Plain>, Wrong> {
    let cells = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
    Ok(expected.iter().map(|(line, row)| (*line, cells(row))).collect())
}

#[test]
fn lines_end_in_three_ways_and_the_last_need_not() {
    assert_eq!(parse(""), rows(&[]));
    assert_eq!(
        parse("a;b\nc\r\nd\re"),
        rows(&[(1, &["a", "b"]), (2, &["c"]), (3, &["d"]), (4, &["e"])])
    );
    assert_eq!(parse("a;\n;\n"), rows(&[(1, &["a", ""]), (2, &["", ""])]));
    assert_eq!(parse("a;"), rows(&[(1, &["a", ""])]));
    assert_eq!(parse("\n\r\n\ra"), rows(&[(1, &[""]), (2, &[""]), (3, &[""]), (4, &["a"])]));
    assert_eq!(parse("a\r"), rows(&[(1, &["a"])]));
}

#[test]
fn quotes() {
    assert_eq!(parse("\"a;b\";\"\"\n"), rows(&[(1, &["a;b", ""])]));
    assert_eq!(parse("\"diz \"\"oi\"\"\"\n\"\"\"\""), rows(&[(1, &["diz \"oi\""]), (2, &["\""])]));
    assert_eq!(parse("\"a\"\r\n\"b\"\r\"c\""), rows(&[(1, &["a"]), (2, &["b"]), (3, &["c"])]));
    assert_eq!(parse("a \"b\" c; \"d\"\n"), rows(&[(1, &["a \"b\" c", " \"d\""])]));
    assert_eq!(parse("a\"b\nc"), rows(&[(1, &["a\"b"]), (2, &["c"])]));
}

#[test]
fn lines_inside_quotes_are_physical_lines() {
    assert_eq!(
        parse("\"a\nb\r\nc\rd\r\"\nx;\"\r\"\"\n\"\ny"),
        rows(&[(1, &["a\nb\r\nc\rd\r"]), (6, &["x", "\r\"\n"]), (9, &["y"])])
    );
}

#[test]
fn text_after_a_closing_quote_is_reported_where_the_quote_opened() {
    assert_eq!(parse("a\nb;\"c\nd\n\"e\n"), Err((2, 2, "after")));
    assert_eq!(parse("\"a\" ;b\n"), Err((1, 1, "after")));
    // A forgotten quote "closes" at the next quoted cell, three lines below.
    assert_eq!(parse("x\n\"a;b\nc;d\ne;\"f\"\n"), Err((2, 1, "after")));
}

#[test]
fn a_quote_that_never_closes_is_reported_where_it_opened() {
    assert_eq!(parse("a\nb;\"c\nd\ne"), Err((2, 2, "unclosed")));
    assert_eq!(parse("a\n\"b\"\"\n"), Err((2, 1, "unclosed")));
    assert_eq!(parse("\""), Err((1, 1, "unclosed")));
}

#[test]
fn while_guessing_damage_is_data() {
    for (text, cells) in [("\"a\";\"b\"\n", "a;\"b\""), ("\"a\nb", "a\nb"), ("\"a\"x", "ax")] {
        for size in 1..9 {
            let (all, error) = read(text.as_bytes(), Some(b','), QuoteMode::Lenient, size);
            assert!(error.is_none());
            assert_eq!(all.iter().map(plain).collect::<Vec<_>>(), [(1, vec![cells.to_owned()])]);
        }
    }
}

#[test]
fn without_a_delimiter_a_line_is_one_cell_and_quotes_are_quotes() {
    let (all, _) = read(b"a,b;c\n\"d\ne\"\nf", None, QuoteMode::Strict, 3);
    assert_eq!(
        all.iter().map(plain).collect::<Vec<_>>(),
        [(1, vec!["a,b;c".to_owned()]), (2, vec!["d\ne".to_owned()]), (4, vec!["f".to_owned()])]
    );
}

#[test]
fn what_ended_the_line_is_remembered() {
    for size in 1..4 {
        let mut from = records(b"a\r\n\"b\"\rc\nd", Some(b';'), QuoteMode::Strict, size);
        for end in [LineEnd::CrLf, LineEnd::Cr, LineEnd::Lf, LineEnd::Eof] {
            assert!(from.read().unwrap().is_some());
            assert_eq!(from.line_end(), end);
        }
        assert_eq!(from.read().unwrap(), None);
    }
}

#[test]
fn memory_is_bounded_by_the_caps_whatever_comes() {
    let huge_cell = "é".repeat(4 * CELL_MAX);
    let huge_quoted = format!("\"{}\"", "a\"\"\n".repeat(2 * CELL_MAX));
    let many_cells = ";".repeat(3 * CELLS_MAX);
    let many_long = "0123456789abcdef;".repeat(2 * RECORD_MAX / 16);
    let few_long = format!("{};", "x".repeat(CELL_MAX)).repeat(40);
    for (name, line) in [
        ("cell", huge_cell),
        ("quoted", huge_quoted),
        ("cells", many_cells),
        ("long", many_long),
        ("few", few_long),
    ] {
        let text = format!("{line}\nafter;it\n");
        let (whole, error) = read(text.as_bytes(), Some(b';'), QuoteMode::Strict, text.len());
        assert!(error.is_none(), "{name}");
        assert_eq!(whole.len(), 2, "{name}");
        let first = &whole[0];
        assert!(first.is_overlong() || first.is_cut(0), "{name}");
        assert!(first.len() <= CELLS_MAX && first.cells().all(|cell| cell.len() <= CELL_MAX));
        assert!(first.cells().map(str::len).sum::<usize>() <= RECORD_MAX, "{name}");
        assert!(first.heap_bytes() <= 2 * RECORD_MAX, "{name}: {}", first.heap_bytes());
        assert_eq!(whole[1].cell(1), Some("it"), "{name}");
        for size in [1, 4096, 100_003] {
            let (pieces, _) = read(text.as_bytes(), Some(b';'), QuoteMode::Strict, size);
            assert!(pieces == whole, "{name} in pieces of {size}");
        }
    }
}

/// The lines on which records start and the cells they have, one byte at a time and with nothing in
/// common with the parser. For files without damage.
fn naive(text: &str, delimiter: char) -> Vec<Plain> {
    let mut records = Vec::new();
    let (mut line, mut start) = (1, 1);
    let mut cells = vec![String::new()];
    let (mut quoted, mut fresh, mut started) = (false, true, false);
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let crlf = c == '\r' && chars.get(at + 1) == Some(&'\n');
        if !started {
            (start, started) = (line, true);
        }
        if c == '\n' || c == '\r' {
            line += 1;
        }
        let last = cells.len() - 1;
        if quoted {
            if c == '"' && chars.get(at + 1) == Some(&'"') {
                cells[last].push('"');
                at += 1;
            } else if c == '"' {
                quoted = false;
            } else {
                cells[last].push(c);
                if crlf {
                    cells[last].push('\n');
                    at += 1;
                }
            }
        } else if c == '"' && fresh {
            (quoted, fresh) = (true, false);
        } else if c == delimiter {
            cells.push(String::new());
            fresh = true;
        } else if c == '\n' || c == '\r' {
            records.push((start, std::mem::replace(&mut cells, vec![String::new()])));
            (fresh, started) = (true, false);
            at += usize::from(crlf);
        } else {
            cells[last].push(c);
            fresh = false;
        }
        at += 1;
    }
    if started {
        records.push((start, cells));
    }
    records
}

proptest! {
    #[test]
    fn lines_and_cells_are_those_of_a_naive_count(
        table in table(),
        blanks in prop::collection::vec((0usize..12, "(\n|\r\n|\r){1,3}"), 0..3),
        size in 1usize..40,
    ) {
        // Blank lines before the file keep it valid; those in it come from empty cells.
        let mut text = table.text;
        for (_, blank) in &blanks {
            text.insert_str(0, blank);
        }
        let (ours, error) = read(text.as_bytes(), Some(table.delimiter), QuoteMode::Strict, size);
        prop_assert!(error.is_none(), "{error:?}");
        let ours: Vec<Plain> = ours.iter().map(plain).collect();
        prop_assert_eq!(ours, naive(&text, char::from(table.delimiter)));
    }

    #[test]
    fn no_bytes_make_it_panic_hang_or_depend_on_pieces(
        bytes in soup(),
        delimiter in prop::option::of(prop::sample::select(&DELIMITERS[..])),
        lenient in any::<bool>(),
        size in 1usize..20,
    ) {
        let mode = if lenient { QuoteMode::Lenient } else { QuoteMode::Strict };
        let (whole, error) = read(&bytes, delimiter, mode, bytes.len().max(1));
        let (pieces, same) = read(&bytes, delimiter, mode, size);
        prop_assert_eq!(&whole, &pieces);
        prop_assert_eq!(error.as_ref().map(ToString::to_string), same.map(|e| e.to_string()));
        if lenient && std::str::from_utf8(&bytes).is_ok() {
            prop_assert!(error.is_none());
        }
        prop_assert!(whole.len() <= bytes.len());
        prop_assert!(whole.windows(2).all(|pair| pair[0].linha() < pair[1].linha()));
    }
}
