//! The rules by which belief is gained and lost: one state machine over plain records, apart from
//! any database. `docs/ledger.md` gives the reasons in words.
//!
//! The life of a row: [`judge`](Rules::judge), and unless it is believed, [`intend`](Rules::intend)
//! before its first request and [`settle`](Rules::settle) after its last. The caller makes what an
//! intent wrote durable before the request leaves, and what a settlement wrote before it counts the
//! row as done.
//!
//! What this does not do: decide the order of rows. Rows that touch one name come here one at a time,
//! in file order.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::LedgerError;
use super::accepted_state::{Knowledge, Names, Policy, cuts_of};
use super::keys::{BuildKeyed, Fingerprint, Keys, NameKey, RowKeys, TagCache};
use super::record::{CutKey, Group, Held, Intent, Moved, Record, Saved, Stamp, Values};
use crate::model::Update;
use crate::scheduler::ledger::RequestOutcome;

/// After this many seconds a request that was never answered is taken to have been executed, or to
/// stay without effect for ever.
const LATEST_EFFECT: u32 = 10 * 60;

/// Keeps what the rules decide. Writes of one batch become durable together.
pub trait Store: Names {
    /// All that is stored of the account, names apart.
    ///
    /// # Errors
    /// The store cannot be read.
    fn load(&mut self) -> Result<Saved, LedgerError>;

    /// Files `record` under `name`; an empty record takes no room.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_name(&mut self, name: NameKey, record: &Record) -> Result<(), LedgerError>;

    /// Notes a request, or what became known of it.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_intent(&mut self, intent: &Intent) -> Result<(), LedgerError>;

    /// Forgets a request.
    ///
    /// # Errors
    /// The store cannot be written.
    fn remove_intent(&mut self, stamp: Stamp) -> Result<(), LedgerError>;

    /// Notes a cut-off, replacing an earlier one of the same key.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_cut(&mut self, key: CutKey, stamp: Stamp) -> Result<(), LedgerError>;

    /// Notes the next stamp and when (seconds since 1970) the account last changed.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_next(&mut self, next: u64, now: u32) -> Result<(), LedgerError>;
}

/// A request that an earlier run left without a definite answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leftover {
    /// Which row it was; compare with [`Reader::fingerprint`](super::Reader::fingerprint).
    pub fingerprint: Fingerprint,
    /// When its intent was noted, in seconds since 1970.
    pub at: u32,
    /// Whether it changes the e-mail it is addressed by. Such a one stays open until a definite
    /// reply; any other is settled by being forgotten.
    pub rename: bool,
}

impl Leftover {
    pub(super) fn of(intent: &Intent) -> Self {
        let Intent { fingerprint, at, rename, .. } = intent;
        Self { fingerprint: *fingerprint, at: *at, rename: rename.is_some() }
    }
}

/// A request of this run.
#[derive(Debug)]
struct Live {
    intent: Intent,
    /// Another request that concerns one of its names was on its way at the same time, so that
    /// nobody knows which came last.
    overlapped: bool,
}

/// The state machine of one account.
#[derive(Debug)]
pub struct Rules<S> {
    keys: Keys,
    tags: TagCache,
    policy: Policy,
    store: S,
    knowledge: Knowledge,
    next: u64,
    next_saved: u64,
    /// By the caller's number.
    live: HashMap<u64, Live>,
    /// How many live requests concern a name.
    concerned: HashMap<NameKey, u32, BuildKeyed>,
    /// Renames without a definite reply, of earlier runs and of this one.
    pending: BTreeMap<Stamp, Intent>,
    /// The names that rows touched whose refusal in this run proves nothing: whether a later row
    /// finds its customer depends on them. Until a row of the name is accepted.
    doubted: HashSet<NameKey, BuildKeyed>,
    /// Cut-offs since the last [`flush`](Self::flush).
    fresh_cuts: HashMap<CutKey, Stamp, BuildKeyed>,
}

impl<S: Store> Rules<S> {
    /// Takes the account over from whoever had it last. What was in flight then is returned, and
    /// settled as "no definite answer".
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn open(
        keys: Keys,
        policy: Policy,
        mut store: S,
    ) -> Result<(Self, Vec<Leftover>), LedgerError> {
        let saved = store.load()?;
        let mut rules = Self {
            keys,
            tags: TagCache::default(),
            policy,
            knowledge: Knowledge::new(&saved),
            next: saved.next.max(1),
            next_saved: saved.next,
            store,
            live: HashMap::new(),
            concerned: HashMap::default(),
            pending: BTreeMap::new(),
            doubted: HashSet::default(),
            fresh_cuts: HashMap::default(),
        };
        let mut leftovers = Vec::new();
        for intent in saved.intents {
            leftovers.push(Leftover::of(&intent));
            if intent.resolved {
                rules.keep_pending(intent)?;
            } else {
                rules.lose(intent)?;
            }
        }
        Ok((rules, leftovers))
    }

    /// Whether the API is believed to hold every value that this row would send.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn judge(&mut self, update: &Update, now: u32) -> Result<bool, LedgerError> {
        let row = RowKeys::new(&self.keys, &mut self.tags, update);
        // These rules do not rely on rows that give one e-mail under type I coming one at a time.
        let contested = row.linked.is_some()
            && self.live.values().any(|Live { intent, .. }| {
                (intent.ctype, intent.linked) == (row.ctype, row.linked)
            });
        if contested {
            return Ok(false);
        }
        self.knowledge.believes(&row, &mut self.store, &self.policy, now)
    }

    /// Notes that this row is about to be sent, and takes what is believed of its names out of
    /// belief until it is settled. `id` is the caller's number for it.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn intend(&mut self, id: u64, update: &Update, now: u32) -> Result<(), LedgerError> {
        if self.live.contains_key(&id) {
            return Ok(());
        }
        let row = RowKeys::new(&self.keys, &mut self.tags, update);
        let relinks = !self.knowledge.link_stands(&row, &mut self.store)?;
        let intent = Intent {
            stamp: Stamp(self.next),
            at: now,
            fingerprint: self.keys.fingerprint(update),
            ctype: row.ctype,
            home: row.home.key,
            rename: row.rename.map(|name| name.key),
            linked: row.linked,
            relinks,
            changed: row.changed(),
            resolved: false,
        };
        self.next += 1;
        self.store.put_intent(&intent)?;
        intent.touched().for_each(|name| self.knowledge.block(name));
        let overlapped = intent.concerned().any(|name| self.concerned.contains_key(&name));
        if overlapped {
            for other in self.live.values_mut() {
                let mut theirs = other.intent.concerned();
                other.overlapped |= theirs.any(|name| intent.concerned().any(|own| own == name));
            }
        }
        for name in intent.concerned() {
            *self.concerned.entry(name).or_insert(0) += 1;
        }
        self.live.insert(id, Live { intent, overlapped });
        Ok(())
    }

    /// Draws the consequences of what became of an intended row. Returns whether a refusal proves
    /// nothing, because a rename that touches the same names is still without a definite reply, or
    /// got one in this run that proves nothing.
    ///
    /// [`RequestOutcome::Refused`] means that no attempt of the row may have been executed.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn settle(
        &mut self,
        id: u64,
        update: &Update,
        how: RequestOutcome,
        now: u32,
    ) -> Result<bool, LedgerError> {
        let Some(Live { intent, overlapped }) = self.live.remove(&id) else { return Ok(false) };
        for name in intent.concerned() {
            if let Some(count) = self.concerned.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    self.concerned.remove(&name);
                }
            }
        }
        intent.touched().for_each(|name| self.knowledge.unblock(name));
        let uncertain = self.is_uncertain(&intent);
        match how {
            RequestOutcome::NotSent => self.store.remove_intent(intent.stamp)?,
            RequestOutcome::Unknown => self.lose(intent)?,
            RequestOutcome::Refused => {
                for name in intent.touched() {
                    self.change(name, |record| record.held = Held::Nothing)?;
                }
                if self.is_doubtful(intent.home) {
                    self.doubted.extend(intent.touched());
                }
                self.close_pending(&intent, false, now)?;
                self.store.remove_intent(intent.stamp)?;
            }
            RequestOutcome::Accepted { first_attempt } => {
                let row = RowKeys::new(&self.keys, &mut self.tags, update);
                if first_attempt && !overlapped && !row.unnames {
                    accept(&mut self.store, &self.knowledge, &row, &intent, now)?;
                } else {
                    self.forget_names(&intent)?;
                }
                intent.touched().for_each(|name| {
                    self.doubted.remove(&name);
                });
                self.cut_other_type(&intent);
                self.close_pending(&intent, true, now)?;
                self.store.remove_intent(intent.stamp)?;
            }
        }
        Ok(uncertain)
    }

    /// Hands what was collected to the store. Due before every commit.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn flush(&mut self, now: u32) -> Result<(), LedgerError> {
        for (key, stamp) in self.fresh_cuts.drain() {
            self.store.put_cut(key, stamp)?;
        }
        if self.next != self.next_saved {
            self.store.put_next(self.next, now)?;
            self.next_saved = self.next;
        }
        Ok(())
    }

    /// The store, for beginning and ending transactions.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Gives the store back.
    pub fn into_store(self) -> S {
        self.store
    }

    /// A request whose fate nobody knows: nothing is believed of its names, and all that it may have
    /// changed elsewhere is cut off. A rename stays open.
    fn lose(&mut self, mut intent: Intent) -> Result<(), LedgerError> {
        self.forget_names(&intent)?;
        self.cut_other_type(&intent);
        if intent.rename.is_none() {
            return self.store.remove_intent(intent.stamp);
        }
        intent.resolved = true;
        self.store.put_intent(&intent)?;
        self.keep_pending(intent)
    }

    /// Adds a rename to the open ones, in place of an older one between the same names.
    fn keep_pending(&mut self, intent: Intent) -> Result<(), LedgerError> {
        let same = (intent.home, intent.rename);
        self.drop_pending(|other| (other.home, other.rename) == same)?;
        intent.touched().for_each(|name| self.knowledge.block(name));
        self.pending.insert(intent.stamp, intent);
        Ok(())
    }

    /// A definite reply to a rename closes earlier ones between the same names. And a name that
    /// still answers after [`LATEST_EFFECT`] was not renamed away.
    fn close_pending(
        &mut self,
        settled: &Intent,
        accepted: bool,
        now: u32,
    ) -> Result<(), LedgerError> {
        let (home, rename) = (settled.home, settled.rename);
        self.drop_pending(|open| {
            let answered = rename.is_some() && open.rename == rename;
            let refuted = accepted && now.saturating_sub(open.at) >= LATEST_EFFECT;
            open.home == home && (answered || refuted)
        })
    }

    fn drop_pending(&mut self, closed: impl Fn(&Intent) -> bool) -> Result<(), LedgerError> {
        for (stamp, intent) in self.pending.extract_if(.., |_, intent| closed(intent)) {
            intent.touched().for_each(|name| self.knowledge.unblock(name));
            self.store.remove_intent(stamp)?;
        }
        Ok(())
    }

    fn is_uncertain(&self, intent: &Intent) -> bool {
        intent.touched().any(|name| self.is_doubtful(name))
    }

    /// Whether nobody knows which customer answers to this name.
    fn is_doubtful(&self, name: NameKey) -> bool {
        self.doubted.contains(&name)
            || self.pending.values().any(|open| open.touched().any(|touched| touched == name))
    }

    /// Nothing is believed of what the request may have changed: the values of the names it touches,
    /// and whose the names are that it gives.
    fn forget_names(&mut self, intent: &Intent) -> Result<(), LedgerError> {
        for name in intent.touched() {
            self.change(name, |record| record.held = Held::Nothing)?;
        }
        let renamed = intent.rename.map(|_| intent.home);
        for name in [renamed, intent.rename, intent.linked].into_iter().flatten() {
            self.change(name, |record| record.claim = None)?;
        }
        Ok(())
    }

    fn cut_other_type(&mut self, intent: &Intent) {
        let stamp = Stamp(self.next);
        self.next += 1;
        for key in cuts_of(intent) {
            self.knowledge.cut(key, stamp);
            self.fresh_cuts.insert(key, stamp);
        }
    }

    fn change(
        &mut self,
        name: NameKey,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), LedgerError> {
        change_record(&mut self.store, name, change)
    }
}

fn change_record(
    store: &mut impl Store,
    name: NameKey,
    change: impl FnOnce(&mut Record),
) -> Result<(), LedgerError> {
    let before = store.name(name)?;
    let mut after = before.clone();
    change(&mut after);
    if after != before {
        store.put_name(name, &after)?;
    }
    Ok(())
}

/// The API confirmed a row at its first attempt: its values are believed from now on, and with them
/// what was believed before of the fields that it left alone.
fn accept(
    store: &mut impl Store,
    knowledge: &Knowledge,
    row: &RowKeys<'_>,
    intent: &Intent,
    now: u32,
) -> Result<(), LedgerError> {
    let before = store.name(row.home.key)?;
    let mut values = match before.held.clone() {
        Held::Values(values) if values.spelling == row.home.spelling => values,
        _ => {
            let spelling = row.rename.unwrap_or(row.home).spelling;
            Values { spelling, salt: spelling, groups: Vec::new() }
        }
    };
    for group in &mut values.groups {
        let stamp = group.stamp;
        // `changed` holds the fields with a documented default even where they were not sent.
        group.entries.retain(|(tag, _)| {
            !intent.changed.contains(tag) && knowledge.is_alive(row.ctype, *tag, stamp)
        });
    }
    values.groups.retain(|group| !group.entries.is_empty());
    let entries = row.sent.iter().map(|sent| (sent.tag, row.value(sent, values.salt))).collect();
    values.groups.push(Group { stamp: intent.stamp, at: now, entries });

    if let Some(rename) = row.rename {
        values.spelling = rename.spelling;
        let held = Held::Values(values);
        store.put_name(rename.key, &Record { claim: None, held })?;
        let moved = Moved { to: rename.key, spelling: row.home.spelling, stamp: intent.stamp };
        store.put_name(row.home.key, &Record { claim: None, held: Held::Moved(moved) })?;
    } else {
        let after = Record { claim: before.claim, held: Held::Values(values) };
        if after != before {
            store.put_name(row.home.key, &after)?;
        }
    }
    if let Some(linked) = row.linked {
        // If it was another customer's until now, all that was believed under it is cut off.
        change_record(store, linked, |record| record.claim = Some(intent.stamp))?;
    }
    Ok(())
}
