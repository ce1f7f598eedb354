//! What the parser must hold for every file: tested through the records it gives. That valid CSV is
//! what the csv crate reads is in `properties`.

use proptest::prelude::*;

use super::super::error::InputError;
use super::super::record::{CELL_MAX, CELLS_MAX, RECORD_MAX, Record};
use super::super::records::Records;
use super::super::strategies::{DELIMITERS, soup};
use super::super::testing::in_pieces;
use super::*;

/// A record as (line, cells).
type Plain = (u64, Vec<String>);
/// The same, to be written down.
type Cells<'a> = (u64, &'a [&'a str]);
/// An error as (line, column, "unclosed" or "after").
type Wrong = (u64, usize, &'static str);

fn read(
    bytes: &[u8],
    delimiter: Option<u8>,
    mode: QuoteMode,
    size: usize,
) -> (Vec<Record>, Option<InputError>) {
    read_all(Records::new(in_pieces(bytes, size), true, "x.csv".into()), delimiter, mode)
}

fn read_all(
    mut from: Records,
    delimiter: Option<u8>,
    mode: QuoteMode,
) -> (Vec<Record>, Option<InputError>) {
    from.set_dialect(delimiter, mode);
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

#[test]
fn lines_and_quotes() {
    let cases: &[(&str, &[Cells])] = &[
        ("", &[]),
        ("a;b\nc\r\nd\re", &[(1, &["a", "b"]), (2, &["c"]), (3, &["d"]), (4, &["e"])]),
        ("a;\n;\n", &[(1, &["a", ""]), (2, &["", ""])]),
        ("a;", &[(1, &["a", ""])]),
        ("\n\r\n\ra", &[(1, &[""]), (2, &[""]), (3, &[""]), (4, &["a"])]),
        ("a\r", &[(1, &["a"])]),
        ("\"a;b\";\"\"\n", &[(1, &["a;b", ""])]),
        ("\"diz \"\"oi\"\"\"\n\"\"\"\"", &[(1, &["diz \"oi\""]), (2, &["\""])]),
        ("\"a\"\r\n\"b\"\r\"c\"", &[(1, &["a"]), (2, &["b"]), (3, &["c"])]),
        ("a \"b\" c; d \n ; \n", &[(1, &["a \"b\" c", " d "]), (2, &[" ", " "])]),
        // Spaces around quotes belong to nobody.
        (" \"a\" ;  \"b;\n\"\n\"c\"  ", &[(1, &["a", "b;\n"]), (3, &["c"])]),
        ("x; ", &[(1, &["x", " "])]),
        ("a\"b\nc", &[(1, &["a\"b"]), (2, &["c"])]),
        // Lines inside quotes are physical lines.
        ("\"a\nb\r\nc\rd\r\"\nx", &[(1, &["a\nb\r\nc\rd\r"]), (6, &["x"])]),
        ("x;\"\r\"\"\n\"\ny", &[(1, &["x", "\r\"\n"]), (4, &["y"])]),
    ];
    for &(text, expected) in cases {
        let cells = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
        let expected: Vec<Plain> = expected.iter().map(|(line, row)| (*line, cells(row))).collect();
        assert_eq!(parse(text), Ok(expected), "{text:?}");
    }
}

#[test]
fn damage_is_reported_where_the_quote_opened() {
    for (text, damage) in [
        ("a\nb;\"c\nd\n\"e\n", (2, 2, "after")),
        ("\"a\" x;b\n", (1, 1, "after")),
        (" \"a\" \"b\"\n", (1, 1, "after")),
        // A forgotten quote "closes" at the next quoted cell, three lines below.
        ("x\n\"a;b\nc;d\ne;\"f\"\n", (2, 1, "after")),
        ("a\nb;\"c\nd\ne", (2, 2, "unclosed")),
        ("a\n\"b\"\"\n", (2, 1, "unclosed")),
        ("\"", (1, 1, "unclosed")),
    ] {
        assert_eq!(parse(text), Err(damage), "{text:?}");
    }
}

#[test]
fn where_lines_end_otherwise_a_lone_cr_is_data() {
    let text = "a;b\rc\r\n\"d\re\";f\n\rg;\"h\"\r\ni\r";
    for size in 1..text.len() {
        let from = Records::new(in_pieces(text.as_bytes(), size), false, "x.csv".into());
        let (all, error) = read_all(from, Some(b';'), QuoteMode::Strict);
        assert!(error.is_none());
        let expected: [Cells; 4] =
            [(1, &["a", "b\rc"]), (2, &["d\re", "f"]), (3, &["\rg", "h"]), (4, &["i"])];
        let expected = expected.map(|(line, cells)| Record::from_cells(line, cells));
        assert_eq!(all, expected, "in pieces of {size}");
    }
    let from = Records::new(in_pieces(b"\"a\"\rb\n", 3), false, "x.csv".into());
    let (_, error) = read_all(from, Some(b';'), QuoteMode::Strict);
    assert!(matches!(error, Some(InputError::TextAfterQuote { line: 1, .. })), "{error:?}");
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

proptest! {
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
