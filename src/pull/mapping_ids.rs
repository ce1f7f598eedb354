//! The ids that a mapping needs: custom fields, as customers show them, and organisations.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::error::PullError;
use super::list_reader::{ListKind, ListReader};
use super::snapshot_file::customers;
use crate::api::{HeldPage, ReadRequest};

/// Pages of customers in a row without a new custom field, after which no more are read.
const PAGES_WITHOUT_NEWS: u32 = 3;

/// One line of the list.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct MappingId {
    /// `campo` or `organizacao`.
    pub tipo: &'static str,
    pub id: String,
    pub nome: String,
}

/// The ids of one account.
#[derive(Debug)]
pub struct MappingIds {
    pub ids: Vec<MappingId>,
    /// Why the organisations are not among them.
    pub organizations: Result<(), PullError>,
}

/// Reads the ids: custom fields first.
pub async fn read_ids(reader: &mut ListReader) -> Result<MappingIds, PullError> {
    let mut ids = Vec::new();
    let mut known = HashSet::new();
    let mut without_news = 0;
    let read_ahead = std::mem::replace(&mut reader.concurrency, 1);
    let fields = reader.read(customers(), |page| {
        let fields = page.page.items.into_iter().flat_map(|customer| customer.campos);
        let before = known.len();
        for field in fields {
            if known.insert(field.id.clone()) {
                let id = field.id.as_str().to_owned();
                ids.push(MappingId { tipo: "campo", id, nome: field.name });
            }
        }
        without_news = if known.len() > before { 0 } else { without_news + 1 };
        Ok(match without_news {
            PAGES_WITHOUT_NEWS => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    });
    fields.await?;
    reader.concurrency = read_ahead;
    let list = ListKind {
        what: "organizações",
        request: |page| ReadRequest::Organizations { page },
        parse: HeldPage::of_organizations,
    };
    let fields = ids.len();
    // One that moves between pages is met twice.
    let mut known = HashSet::new();
    let all = reader.read(list, |page| {
        let page = page.page.items.into_iter().filter(|it| known.insert(it.id.clone()));
        ids.extend(page.map(|it| MappingId { tipo: "organizacao", id: it.id, nome: it.name }));
        Ok(ControlFlow::Continue(()))
    });
    let organizations = all.await;
    if organizations.is_err() {
        ids.truncate(fields);
    }
    Ok(MappingIds { ids, organizations })
}
