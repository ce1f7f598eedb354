//! The random steps of the model test with snapshots: rows, edits in the panel, readings, crashes. Not
//! what follows from them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::simulated_server::{EMAIL, INTERNO, SimulatedServer};
use super::testing::{TestRow, row};
use crate::model::CustomerType;

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub enum WeekFate {
    Answered,
    NotSent,
    /// No attempt is answered; one takes effect after this part of [`LATEST_EFFECT`], if any does.
    Lost(Option<f32>),
    /// The first attempt as above, the second one is answered.
    Repeated(Option<f32>),
}

/// What somebody does in the panel.
#[derive(Debug, Clone)]
pub enum PanelChange {
    /// Changes a value of a customer, which may be a name.
    Edit(prop::sample::Index, &'static str, &'static str),
    /// A new customer: its `nome`, e-mail and internal identifier.
    Create(&'static str, &'static str, &'static str),
    Delete(prop::sample::Index),
}

impl PanelChange {
    pub fn apply(&self, server: &mut SimulatedServer) {
        let count = server.customers.len();
        match self {
            Self::Edit(customer, field, value) => server.set(customer.index(count), field, value),
            Self::Create(nome, email, interno) => {
                server.customers.push(BTreeMap::new());
                for (field, value) in [("nome", nome), (EMAIL, email), (INTERNO, interno)] {
                    server.set(count, field, value);
                }
            }
            Self::Delete(customer) => server.delete(customer.index(count)),
        }
    }
}

/// What happens before the answer to a page: seconds pass, and the panel is used.
#[derive(Debug, Clone, Default)]
pub struct PageGap {
    pub seconds: u32,
    pub changes: Vec<PanelChange>,
    /// Which of the pages on their way is answered.
    pub page: usize,
    /// Whether it has to be asked for again.
    pub fails: bool,
}

#[derive(Debug, Clone)]
pub enum WeekStep {
    Row(TestRow, WeekFate),
    /// The sender learns the outcome of a request in flight.
    Settle(prop::sample::Index),
    Panel(PanelChange),
    /// The process is killed; TomTicket is read so many seconds later, if at all, and a run begins.
    Crash(Option<(u32, Vec<PageGap>)>),
    /// The run ends, and TomTicket is read.
    Pull(Vec<PageGap>),
    /// The run ends, and the next one uses the latest snapshot, the one before, or none.
    Run(Option<u8>),
    /// Seconds pass.
    Wait(u32),
}

fn values(field: &str) -> &'static [&'static str] {
    match field {
        "nome" => &["N", "M"],
        "campo:k" => &["u", "v", ""],
        "criarchamados" => &["true", "false"],
        "idioma" => &["pt_BR", "en_US"],
        EMAIL => &["a@x", "b@x", "c@x", "B@x", "d@x"],
        _ => &["1", "2", "k", "K", "3"],
    }
}

pub fn any_row() -> impl Strategy<Value = TestRow> {
    let home = &["a@x", "b@x", "c@x", "A@x", "1", "2", "k", "K"][..];
    let value = |field: &'static str, weight| {
        let value = prop::sample::select(values(field)).prop_map(move |value| (field, value));
        prop::option::weighted(weight, value)
    };
    let fields = (
        value("nome", 0.7),
        value("campo:k", 0.2),
        value("criarchamados", 0.2),
        value("idioma", 0.15),
        value(EMAIL, 0.15),
        value(INTERNO, 0.15),
    );
    (prop::sample::select(home), fields).prop_map(|(home, (f1, f2, f3, f4, f5, f6))| {
        let mut row = row(home);
        for (field, value) in [f1, f2, f3, f4, f5, f6].into_iter().flatten() {
            if field != INTERNO || row.ctype == CustomerType::Email {
                row = row.set(field, value);
            }
        }
        if row.values.is_empty() { row.set("nome", "N") } else { row }
    })
}

pub fn fate() -> impl Strategy<Value = WeekFate> {
    let late = || prop::option::of(0.0..=1f32);
    prop_oneof![
        12 => Just(WeekFate::Answered),
        1 => Just(WeekFate::NotSent),
        1 => late().prop_map(WeekFate::Lost),
        1 => late().prop_map(WeekFate::Repeated),
    ]
}

fn panel() -> impl Strategy<Value = PanelChange> {
    let fields = &["nome", "nome", "campo:k", "criarchamados", "idioma", EMAIL, INTERNO][..];
    let place = any::<prop::sample::Index>;
    let value = |field, place: prop::sample::Index| values(field)[place.index(values(field).len())];
    let edit =
        (prop::sample::select(fields), place(), place()).prop_map(move |(field, customer, at)| {
            PanelChange::Edit(customer, field, value(field, at))
        });
    let create = (place(), place(), place()).prop_map(move |(nome, email, interno)| {
        PanelChange::Create(value("nome", nome), value(EMAIL, email), value(INTERNO, interno))
    });
    prop_oneof![6 => edit, 1 => create, 1 => place().prop_map(PanelChange::Delete)]
}

/// Most answers follow each other at once; one that is slow keeps the pages after it waiting.
fn gaps() -> impl Strategy<Value = Vec<PageGap>> {
    let seconds = prop_oneof![6 => 0..3u32, 1 => 3..900u32];
    let changes = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(panel(), 1..3),
    ];
    let gap = (seconds, changes, 0..3usize, prop::bool::weighted(0.15));
    let gap =
        gap.prop_map(|(seconds, changes, page, fails)| PageGap { seconds, changes, page, fails });
    prop::collection::vec(gap, 8)
}

pub fn step() -> impl Strategy<Value = WeekStep> {
    prop_oneof![
        20 => (any_row(), fate()).prop_map(|(row, fate)| WeekStep::Row(row, fate)),
        6 => any::<prop::sample::Index>().prop_map(WeekStep::Settle),
        3 => panel().prop_map(WeekStep::Panel),
        2 => prop::option::of((0..900u32, gaps())).prop_map(WeekStep::Crash),
        3 => gaps().prop_map(WeekStep::Pull),
        3 => prop::option::weighted(0.8, 0..2u8).prop_map(WeekStep::Run),
        3 => prop_oneof![1..60u32, 60..700u32, 700..20_000u32].prop_map(WeekStep::Wait),
    ]
}

pub type Customers = Vec<(Option<&'static str>, Option<&'static str>)>;

pub fn customers() -> impl Strategy<Value = Customers> {
    let email = prop::sample::select(&[None, Some("a@x"), Some("b@x"), Some("c@x")][..]);
    let interno = prop::sample::select(&[Some("1"), Some("2"), Some("k"), Some("K"), None][..]);
    prop::collection::vec((email, interno), 2..10)
}
