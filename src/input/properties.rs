//! What holds for every valid file. What holds for any bytes is in the mapping's properties.

use proptest::prelude::*;

use super::strategies::table_file;
use super::testing::read_all;
use super::{ReadOptions, Record};

proptest! {
    /// f57
    #[test]
    fn valid_csv_is_what_the_csv_crate_reads_in_every_dialect(file in table_file()) {
        // Where the table decides alone, the delimiter is left to be detected.
        let delimiter = (!file.sep && !file.is_plain()).then_some(file.delimiter);
        let options = ReadOptions { delimiter, ..ReadOptions::default() };
        let (inspection, rows) = read_all(file.bytes, options).unwrap();
        let found = std::iter::once(inspection.header).chain(rows).collect::<Vec<_>>();
        let all = file.lines.iter().zip(&file.rows);
        let filled = all.filter(|(_, row)| !row.iter().all(|cell| cell.trim().is_empty()));
        let expected = filled.map(|(line, row)| Record::from_cells(*line, row));
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
