//! What becomes known of a customer: the values of a row that was accepted or that a snapshot shows, and
//! where a renamed customer is found. When that happens is decided in [`super::rules`].

use super::LedgerError;
use super::accepted_state::AcceptedState;
use super::changes::PendingRecords;
use super::row_keys::RowKeys;
use super::state::{
    AcceptedUpdate, CustomerRecord, Intent, KnownState, KnownValues, RenamePointer,
};

/// The API confirmed a row at its first attempt: its values are known from now on, and so is what
/// was known before of the fields that it left alone.
pub fn accept(
    records: &mut PendingRecords,
    accepted: &AcceptedState,
    row: &RowKeys<'_>,
    intent: &Intent,
    now: u32,
) -> Result<(), LedgerError> {
    let before = records.record(row.primary_name.key)?;
    let mut known = match before.known {
        KnownState::Values(known) if known.spelling == row.primary_name.spelling => known,
        _ => KnownValues::new(row.renamed_to.unwrap_or(row.primary_name).spelling),
    };
    for update in &mut known.updates {
        let sequence = update.sequence;
        // `changed` includes the fields with a documented default even where they were not sent.
        update.values.retain(|(tag, _)| {
            !intent.changed.contains(tag) && accepted.is_valid(row.ctype, *tag, sequence)
        });
    }
    known.updates.retain(|update| !update.values.is_empty());
    let salt = known.salt();
    let values = row.sent.iter().map(|sent| (sent.field.tag(), row.value(sent, salt))).collect();
    known.updates.push(AcceptedUpdate { sequence: intent.sequence, at: now, values });

    if let Some(renamed_to) = row.renamed_to {
        known.respell(renamed_to.spelling);
        let known = KnownState::Values(known);
        records.put(renamed_to.key, CustomerRecord { known, ..CustomerRecord::default() });
        leave_pointer(records, row, intent);
    } else {
        let known = KnownState::Values(known);
        let after = CustomerRecord { known, ..before };
        records.put(row.primary_name.key, after);
    }
    if let Some(alias) = row.alias {
        // If it was another customer's until now, `invalidate_other_type` covers what is stored
        // under it.
        records.change(alias, |record| record.alias_owner = Some(intent.sequence))?;
    }
    Ok(())
}

/// The customer of a row is found under its new name from now on.
pub fn leave_pointer(records: &mut PendingRecords, row: &RowKeys<'_>, intent: &Intent) {
    let Some(renamed_to) = row.renamed_to else { return };
    let pointer = RenamePointer {
        to: renamed_to.key,
        spelling: row.primary_name.spelling,
        sequence: intent.sequence,
    };
    let known = KnownState::Renamed(pointer);
    records.put(row.primary_name.key, CustomerRecord { known, ..CustomerRecord::default() });
}

/// A snapshot showed that the API holds the values of the row at these indices: `update` has them from
/// then on, beside what is known of the other fields.
pub fn record_held(
    records: &mut PendingRecords,
    accepted: &AcceptedState,
    row: &RowKeys<'_>,
    news: &[usize],
    mut update: AcceptedUpdate,
) -> Result<(), LedgerError> {
    let before = records.record(row.primary_name.key)?;
    let mut known = match before.known {
        KnownState::Values(known) if known.spelling == row.primary_name.spelling => known,
        _ => KnownValues::new(row.primary_name.spelling),
    };
    let salt = known.salt();
    let shown = news.iter().filter_map(|index| row.sent.get(*index));
    update.values = shown.map(|sent| (sent.field.tag(), row.value(sent, salt))).collect();
    for earlier in &mut known.updates {
        let sequence = earlier.sequence;
        earlier.values.retain(|(tag, _)| {
            !update.values.iter().any(|(shown, _)| shown == tag)
                && accepted.is_valid(row.ctype, *tag, sequence)
        });
    }
    known.updates.retain(|earlier| !earlier.values.is_empty());
    let gives_alias = row.alias_index.is_some_and(|index| news.contains(&index));
    let sequence = update.sequence;
    known.updates.push(update);
    let known = KnownState::Values(known);
    records.put(row.primary_name.key, CustomerRecord { known, ..before });
    if let Some(alias) = row.alias.filter(|_| gives_alias) {
        records.change(alias, |record| record.alias_owner = Some(sequence))?;
    }
    Ok(())
}
