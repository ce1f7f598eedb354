//! What holds for every valid file. What holds for any bytes is in the mapping's properties.

use proptest::prelude::*;

use super::strategies::file_of_table;
use super::testing::read_all;
use super::{ReadOptions, Record};

proptest! {
    /// f57
    #[test]
    fn valid_csv_is_what_the_csv_crate_reads_in_every_dialect(
        (table, bytes, encoding) in file_of_table(),
    ) {
        let forced = ReadOptions { delimiter: Some(table.delimiter), encoding: Some(encoding) };
        let (inspection, found) = read_all(bytes, forced).unwrap();
        let cells = |record: &Record| record.cells().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(cells(&inspection.header), table.rows[0].clone());
        let blank = |row: &&Vec<String>| !row.iter().all(|cell| cell.trim().is_empty());
        let expected: Vec<_> = table.rows[1..].iter().filter(blank).cloned().collect();
        prop_assert_eq!(found.iter().map(cells).collect::<Vec<_>>(), expected);
    }
}
