//! Property tests over random inputs: files, headers, the configuration file, option values. Nothing
//! panics or hangs, and what is valid is understood.
//!
//! `PROPTEST_CASES` raises the number of cases; docs/failures.md has the figures of a long run. Cases
//! that failed once are kept in `mod.regressions`.

mod strategies;

use std::cell::Cell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use tempfile::TempDir;

use self::strategies::{column, config_text, encoding, options, quantity, soup, table, value};
use crate::cli::parse_duration;
use crate::config;
use crate::input::{InputArg, InputFile, Inspection, ReadOptions, Record, inspect, rows};
use crate::mapping::{MappingOptions, MappingPlan};
use crate::model::{CustomerType, FieldName, Job};

/// As many cases as the environment says (256 if it does not); seeds of failures are kept.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().unwrap();
    static FILES: Cell<u64> = const { Cell::new(0) };
}

/// A file that is there as long as this is.
struct File(PathBuf);

impl File {
    fn new(bytes: &[u8]) -> Self {
        let n = FILES.replace(FILES.get() + 1);
        let path = FOLDER.with(|folder| folder.path().join(format!("{n}.csv")));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Everything that a run reads of a file: its inspection and its rows, up to the first error, which is
/// one sentence.
fn read(bytes: &[u8], options: ReadOptions) -> Result<(Inspection, Vec<Record>), String> {
    let file = File::new(bytes);
    let told = |error: crate::input::InputError| {
        assert_eq!(error.exit_code(), 2, "the file has not changed: {error}");
        error.to_string()
    };
    let source = InputFile::open(&InputArg::from_arg(&file.0)).map_err(told)?;
    let inspection = inspect(&source, &options).map_err(told)?;
    let rows = rows(&source, &inspection).map_err(told)?;
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(told)?;
    Ok((inspection, rows))
}

/// What holds of any update, whatever it was made from.
fn check_update(job: &Job) -> Result<(), TestCaseError> {
    let Job::Send(update) = job else {
        let Job::Invalid(why) = job else { panic!("there are two kinds") };
        prop_assert!(!why.trim().is_empty());
        return Ok(());
    };
    let id = update.customer().identifier.as_str();
    prop_assert!(!id.trim().is_empty() && id != "." && id != ".." && id.chars().count() <= 250);
    prop_assert!(!id.chars().any(char::is_control));
    let mut names = Vec::new();
    for (name, value) in update.values() {
        let name = match name {
            FieldName::Param(param) => param.as_str().to_owned(),
            FieldName::Campo(id) => {
                let bad = |c: char| c.is_control() || matches!(c, '[' | ']' | '"' | '\\');
                prop_assert!(!id.as_str().is_empty() && !id.as_str().contains(bad));
                format!("campos[{}]", id.as_str())
            }
        };
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        prop_assert!(!value.contains(control), "{}: {:?}", name, value);
        prop_assert!(!names.contains(&name), "{} twice", name);
        names.push(name);
    }
    prop_assert!(!names.is_empty(), "an update of nothing");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    /// f57
    #[test]
    fn any_file_is_read_or_refused_and_any_row_of_it_is_mapped(
        bytes in soup(),
        delimiter in prop::option::weighted(0.3, select(b",;\t|".to_vec())),
        encoding in encoding(),
    ) {
        match read(&bytes, ReadOptions { delimiter, encoding }) {
            Err(why) => prop_assert!(!why.trim().is_empty()),
            Ok((inspection, rows)) => {
                prop_assert!(!inspection.header.is_blank());
                prop_assert!(rows.windows(2).all(|pair| pair[0].linha() < pair[1].linha()));
                prop_assert!(rows.iter().all(|row| !row.is_blank() && row.linha() >= 2));
                let options =
                    MappingOptions { id_type: Some(CustomerType::Internal), ..Default::default() };
                if let Ok(plan) = MappingPlan::new(&inspection.header, &options) {
                    for row in &rows {
                        check_update(&plan.map(row).job)?;
                    }
                }
            }
        }
    }

    /// f57
    #[test]
    fn valid_csv_is_what_the_csv_crate_reads_in_every_dialect(
        (rows, delimiter, bytes, encoding) in table(),
    ) {
        let forced = ReadOptions { delimiter: Some(delimiter), encoding: Some(encoding) };
        let (inspection, found) = read(&bytes, forced).map_err(TestCaseError::fail)?;
        let cells = |record: &Record| record.cells().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(cells(&inspection.header), rows[0].clone());
        let blank = |row: &&Vec<String>| !row.iter().all(|cell| cell.trim().is_empty());
        let expected: Vec<_> = rows[1..].iter().filter(blank).cloned().collect();
        prop_assert_eq!(found.iter().map(cells).collect::<Vec<_>>(), expected);
    }

    /// f58
    #[test]
    fn any_header_is_a_plan_or_an_error_and_its_updates_can_be_sent(
        header in vec(column(), 0..8),
        options in options(),
        rows in vec(vec(value(), 0..8), 0..4),
        fits in any::<bool>(),
    ) {
        let plan = match MappingPlan::new(&Record::from_cells(1, &header), &options) {
            Ok(plan) => plan,
            Err(why) => {
                prop_assert!(!why.to_string().trim().is_empty());
                return Ok(());
            }
        };
        for mut cells in rows {
            if fits {
                cells.resize(header.len(), "1".to_owned());
            }
            check_update(&plan.map(&Record::from_cells(2, &cells)).job)?;
        }
    }

    /// f58: the same where every header makes sense, so that most rows get as far as an update.
    #[test]
    fn any_row_under_a_good_header_is_an_update_that_can_be_sent_or_says_why_not(
        cells in vec(value(), 12),
        email in any::<bool>(),
        trim in any::<bool>(),
        marker in prop::option::of(select(vec!["#N/A".to_owned(), "1".to_owned()])),
    ) {
        let header = [
            "identificador", "tipo_identificador", "nome", "email", "criarchamados", "telefone",
            "id_organizacao", "id_interno", "idioma", "portfolio_id", "campo:a", "campo:é b",
        ];
        let options = MappingOptions { trim, clear_marker: marker, ..Default::default() };
        let plan = MappingPlan::new(&Record::from_cells(1, header), &options);
        let plan = plan.map_err(|why| TestCaseError::fail(why.to_string()))?;
        let mut cells = cells;
        cells[1] = if email { "E" } else { "I" }.to_owned();
        check_update(&plan.map(&Record::from_cells(2, &cells)).job)?;
    }

    /// f61
    #[test]
    fn any_configuration_file_is_flags_or_an_error_in_words(text in config_text()) {
        let file = File::new(text.as_bytes());
        let argv = ["tomticket-sync", "run", "clientes.csv", "--config"]
            .map(OsString::from)
            .into_iter()
            .chain([file.0.clone().into_os_string()]);
        if let Err(error) = config::read(&argv.collect::<Vec<_>>()) {
            prop_assert!(!error.to_string().trim().is_empty());
        }
    }

    /// f62
    #[test]
    fn any_value_of_a_flag_is_read_or_refused_in_words(
        flag in select(vec![
            "rate", "timeout", "max-errors", "max-age", "max-duration", "give-up-after", "limit",
            "concurrency", "delimiter", "encoding", "map", "set", "base-url", "id-type", "key",
        ]),
        text in quantity(),
    ) {
        let argv = ["tomticket-sync", "run", "clientes.csv"].map(OsString::from).into_iter();
        let argv: Vec<_> = argv.chain([format!("--{flag}={text}").into()]).collect();
        if let Err(error) = config::read(&argv) {
            prop_assert!(error.to_string().contains(flag), "{}", error);
        }
    }

    /// f62
    #[test]
    fn a_duration_is_what_its_unit_says_up_to_ten_years(text in quantity(), number in any::<u32>()) {
        let most = Duration::from_secs(10 * 366 * 86_400);
        prop_assert!(parse_duration(&text).is_ok_and(|read| read <= most) || parse_duration(&text).is_err());
        for (unit, ms) in [("ms", 1u64), ("s", 1000), ("", 1000), ("m", 60_000), ("h", 3_600_000)] {
            let exact = Duration::from_millis(u64::from(number) * ms);
            let expected = (exact <= most).then_some(exact);
            prop_assert_eq!(parse_duration(&format!("{number}{unit}")).ok(), expected);
        }
    }
}
