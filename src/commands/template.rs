//! `template`: the header line with every column that the program knows.

use crate::mapping::Target;

/// A custom field is among them, as an example.
pub(super) fn header() -> String {
    let mut columns: Vec<String> = Target::fixed().map(|target| target.to_string()).collect();
    columns.push("campo:abc01".to_owned());
    columns.join(",") + "\n"
}
