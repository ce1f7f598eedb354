//! One simulated customer, packed: a rehearsal holds a million of them.
//!
//! A record is two allocations however many parameters it holds. Parameter names are numbers that
//! [`FieldNames`] gives out, because all customers share a few dozen of them. What the parameters
//! mean, and who is found under which name, is not decided here (that is [`super::store`]).

use std::collections::HashMap;

/// The number of a parameter name.
pub(super) type FieldId = u32;

/// Numbers for parameter names, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(super) struct FieldNames {
    ids: HashMap<Box<str>, FieldId>,
    names: Vec<Box<str>>,
}

impl FieldNames {
    /// The number of `name`, a new one if it has none yet.
    pub(super) fn number(&mut self, name: &str) -> FieldId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        // Names come from requests of 1 MiB at most; the memory ends long before the numbers do.
        let id = FieldId::try_from(self.names.len()).unwrap_or(FieldId::MAX);
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }

    /// The number of `name`, if it was ever seen.
    pub(super) fn find(&self, name: &str) -> Option<FieldId> {
        self.ids.get(name).copied()
    }

    /// The name with this number.
    pub(super) fn name(&self, id: FieldId) -> &str {
        self.names.get(id as usize).map_or("", |name| name)
    }
}

/// The values that a customer holds, none of them empty, and how often it was updated.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    text: Box<str>,
    /// (name, end of the value in `text`); values lie back to back.
    ends: Box<[(FieldId, u32)]>,
    /// Updates that were executed on this customer.
    pub updates: u32,
}

impl Record {
    /// All values, in the order in which they were first set.
    pub(super) fn values(&self) -> impl Iterator<Item = (FieldId, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(field, end)| {
            let value = &self.text[start..end as usize];
            start = end as usize;
            (field, value)
        })
    }

    /// The value of `field`, if it is set.
    pub(super) fn get(&self, field: FieldId) -> Option<&str> {
        self.values().find(|&(name, _)| name == field).map(|(_, value)| value)
    }

    /// Sets each of `changes`; an empty value unsets.
    pub(super) fn change<'a>(&mut self, changes: impl IntoIterator<Item = (FieldId, &'a str)>) {
        let mut values: Vec<(FieldId, &str)> = self.values().collect();
        for (field, value) in changes {
            match values.iter_mut().find(|(name, _)| *name == field) {
                Some(held) => held.1 = value,
                None => values.push((field, value)),
            }
        }
        values.retain(|(_, value)| !value.is_empty());
        let mut text = String::with_capacity(values.iter().map(|(_, value)| value.len()).sum());
        let ends = values
            .iter()
            .map(|&(field, value)| {
                text.push_str(value);
                // Requests are capped at 1 MiB and so is the text of each field; a customer would
                // need thousands of the largest ones to come near.
                (field, u32::try_from(text.len()).unwrap_or(u32::MAX))
            })
            .collect();
        (self.text, self.ends) = (text.into_boxed_str(), ends);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_keep_their_numbers() {
        let mut names = FieldNames::default();
        let (a, b) = (names.number("nome"), names.number("campos[x]"));
        assert_ne!(a, b);
        assert_eq!(names.number("nome"), a);
        assert_eq!(names.find("campos[x]"), Some(b));
        assert_eq!(names.find("email"), None);
        assert_eq!(names.name(b), "campos[x]");
    }

    proptest! {
        #[test]
        fn a_record_is_a_map_in_which_empty_unsets(
            changes in prop::collection::vec(
                prop::collection::vec((0u32..5, "[aé]{0,3}"), 0..4), 0..10),
        ) {
            let (mut record, mut map) = (Record::default(), BTreeMap::new());
            for change in &changes {
                record.change(change.iter().map(|(field, value)| (*field, value.as_str())));
                for (field, value) in change {
                    map.insert(*field, value.clone());
                }
                map.retain(|_, value| !value.is_empty());
                let held: BTreeMap<_, _> =
                    record.values().map(|(field, value)| (field, value.to_owned())).collect();
                prop_assert_eq!(&held, &map);
                prop_assert_eq!(record.get(3), map.get(&3).map(String::as_str));
            }
        }
    }
}
