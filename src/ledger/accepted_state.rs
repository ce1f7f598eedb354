//! What is believed: the reading half of the rules, shared by a run (through
//! [`super::rules::Rules`]) and by a preflight that only looks. Nothing here changes anything.

use std::collections::HashMap;
use std::time::Duration;

use super::LedgerError;
use super::keys::{BuildKeyed, FieldTag, NameKey, RowKeys};
use super::record::{CutKey, Group, Held, Intent, Record, Saved, Stamp, Values};
use crate::model::CustomerType;

/// Looks up names.
pub trait Names {
    /// What is filed under `name`; an empty record where nothing is.
    ///
    /// # Errors
    /// The store cannot be read.
    fn name(&mut self, name: NameKey) -> Result<Record, LedgerError>;
}

/// What the user does not want to be believed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    /// Values that were accepted longer ago are not believed (`--max-age`).
    pub max_age: Option<Duration>,
    /// Nothing is believed (`--full`); what is accepted is remembered all the same.
    pub full: bool,
}

impl Policy {
    /// Whether something accepted at `at` may still be believed at `now` (seconds since 1970).
    /// Where ages matter, a time in the future has none: the clock was wrong then or is now.
    fn trusts(&self, at: u32, now: u32) -> bool {
        match self.max_age {
            None => true,
            Some(max) => now.checked_sub(at).is_some_and(|age| u64::from(age) <= max.as_secs()),
        }
    }
}

/// The cut-offs of one type.
#[derive(Debug, Default)]
struct Cuts {
    whole: Stamp,
    fields: HashMap<FieldTag, Stamp, BuildKeyed>,
}

impl Cuts {
    fn latest(&self, field: FieldTag) -> Stamp {
        // Most accounts know one type only, and so have no cut-offs.
        if self.fields.is_empty() {
            return self.whole;
        }
        self.fields.get(&field).map_or(self.whole, |cut| self.whole.max(*cut))
    }
}

/// What is known of an account as a whole.
#[derive(Debug, Default)]
pub struct Knowledge {
    internal: Cuts,
    email: Cuts,
    /// How many open requests touch a name; nothing is believed of it meanwhile.
    blocked: HashMap<NameKey, u32, BuildKeyed>,
}

impl Knowledge {
    /// The cut-offs of `saved`; its intents are left to the caller.
    pub fn new(saved: &Saved) -> Self {
        let mut knowledge = Self::default();
        saved.cuts.iter().for_each(|(key, stamp)| knowledge.cut(*key, *stamp));
        knowledge
    }

    /// What a reader may believe while the fate of `saved`'s intents is open: of their names
    /// nothing, and whatever they may have overtaken is cut off. They may belong to a crashed run or
    /// to one that is under way.
    pub fn cautious(saved: &Saved) -> Self {
        let mut knowledge = Self::new(saved);
        for intent in &saved.intents {
            intent.touched().for_each(|name| knowledge.block(name));
            if !intent.resolved {
                for key in cuts_of(intent) {
                    knowledge.cut(key, Stamp(saved.next));
                }
            }
        }
        knowledge
    }

    /// Ends the belief in what carries this stamp or an earlier one.
    pub fn cut(&mut self, key: CutKey, stamp: Stamp) {
        let cuts = match key.ctype {
            CustomerType::Internal => &mut self.internal,
            CustomerType::Email => &mut self.email,
        };
        let standing = match key.field {
            Some(field) => cuts.fields.entry(field).or_default(),
            None => &mut cuts.whole,
        };
        *standing = stamp.max(*standing);
    }

    const fn cuts(&self, ctype: CustomerType) -> &Cuts {
        match ctype {
            CustomerType::Internal => &self.internal,
            CustomerType::Email => &self.email,
        }
    }

    /// Whether no cut-off has ended what was accepted by `stamp`.
    pub fn is_alive(&self, ctype: CustomerType, field: FieldTag, stamp: Stamp) -> bool {
        stamp > self.cuts(ctype).latest(field)
    }

    /// Takes a name out of belief until [`unblock`](Self::unblock), which is due as often.
    pub fn block(&mut self, name: NameKey) {
        *self.blocked.entry(name).or_insert(0) += 1;
    }

    /// Undoes one [`block`](Self::block).
    pub fn unblock(&mut self, name: NameKey) {
        if let Some(count) = self.blocked.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.blocked.remove(&name);
            }
        }
    }

    /// Whether the API is believed to hold every value that the row would send.
    pub(super) fn believes(
        &self,
        row: &RowKeys<'_>,
        names: &mut impl Names,
        policy: &Policy,
        now: u32,
    ) -> Result<bool, LedgerError> {
        if policy.full || row.unnames || row.touched().any(|name| self.blocked.contains_key(&name))
        {
            return Ok(false);
        }
        let Some(values) = self.found(row, names)? else { return Ok(false) };
        for at in 0..row.sent.len() {
            match self.group_of(row, &values, at, names)? {
                Some(group) if policy.trusts(group.at, now) => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether the row's customer is believed to have the other name (or to lack one) that the row
    /// gives it, so that sending it again changes nobody's names. Age does not matter here: it is a
    /// wish to refresh, not a sign that the value is wrong.
    pub(super) fn link_stands(
        &self,
        row: &RowKeys<'_>,
        names: &mut impl Names,
    ) -> Result<bool, LedgerError> {
        let Some(link) = row.link else { return Ok(true) };
        if row.touched().any(|name| self.blocked.contains_key(&name)) {
            return Ok(false);
        }
        match names.name(row.home.key)?.held {
            Held::Values(values) if values.spelling == row.home.spelling => {
                Ok(self.group_of(row, &values, link, names)?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Where the values of the row's customer are filed: under the name it is addressed by or, for
    /// a rename that was done, under the new one.
    fn found(
        &self,
        row: &RowKeys<'_>,
        names: &mut impl Names,
    ) -> Result<Option<Values>, LedgerError> {
        let mut place = row.home;
        if let Some(rename) = row.rename {
            match names.name(row.home.key)?.held {
                Held::Moved(moved)
                    if moved.to == rename.key
                        && moved.spelling == row.home.spelling
                        && moved.stamp > self.cuts(row.ctype).whole =>
                {
                    place = rename;
                }
                _ => return Ok(None),
            }
        }
        match names.name(place.key)?.held {
            Held::Values(values) if values.spelling == place.spelling => Ok(Some(values)),
            _ => Ok(None),
        }
    }

    /// The group in which `values` hold what the row sends at `at`, if it is believed.
    fn group_of<'v>(
        &self,
        row: &RowKeys<'_>,
        values: &'v Values,
        at: usize,
        names: &mut impl Names,
    ) -> Result<Option<&'v Group>, LedgerError> {
        let Some(sent) = row.sent.get(at) else { return Ok(None) };
        let entry = (sent.tag, row.value(sent, values.salt));
        let Some(group) = values.groups.iter().find(|group| group.entries.contains(&entry)) else {
            return Ok(None);
        };
        if !self.is_alive(row.ctype, sent.tag, group.stamp) {
            return Ok(None);
        }
        if row.link == Some(at)
            && let Some(linked) = row.linked
            && names.name(linked)?.claim != Some(group.stamp)
        {
            return Ok(None);
        }
        Ok(Some(group))
    }
}

/// The beliefs under the other type that a request ends, should it have been executed: nobody knows
/// which names of the two types belong to one customer.
pub fn cuts_of(intent: &Intent) -> impl Iterator<Item = CutKey> + '_ {
    let ctype = intent.ctype.other();
    let whole = intent.relinks.then_some(None);
    let fields = intent.changed.iter().map(|field| Some(*field));
    whole.into_iter().chain(fields).map(move |field| CutKey { ctype, field })
}
