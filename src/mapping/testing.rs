//! What the tests of several files here need.

use super::{MappingError, MappingOptions, MappingPlan};
use crate::input::Record;

pub fn plan(header: &[&str], options: &MappingOptions) -> Result<MappingPlan, MappingError> {
    MappingPlan::new(&Record::from_cells(1, header), options, false)
}

pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}
