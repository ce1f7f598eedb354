//! The replies of v2.0's reading endpoints: their pages, and how a customer is spelled in each.
//!
//! What the API's page or a recording shows is kept to: a list has 50 to a page, a details' reply is
//! an array of one whose custom fields have names and no ids. What nobody knows is chosen here: a
//! details' reply has the organisation as the list has it, a custom field is called after its id, and
//! of a customer that nothing was given to nothing is shown. Who is shown what, and when, is decided
//! in [`super::account`].

use serde::Serialize;

use super::customers::{CustomerStore, SimulatedCustomer};

/// Customers or organisations on a page.
const PAGE: usize = 50;

/// A reply with data.
#[derive(Debug, Serialize)]
pub(super) struct Found<T> {
    error: bool,
    /// Always null.
    message: Option<&'static str>,
    data: Vec<T>,
    success: bool,
}

impl<T> Found<T> {
    fn new(data: Vec<T>) -> Self {
        Self { error: false, message: None, data, success: true }
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct ListPage<T> {
    #[serde(flatten)]
    found: Found<T>,
    /// Items of the whole list.
    size: usize,
    pages: usize,
    next_page: Option<usize>,
    previous_page: Option<usize>,
}

impl<T> ListPage<T> {
    /// Page `number` of a list of `size`; `None` past its end. An empty list has one page.
    fn of(number: usize, size: usize, items: impl FnOnce(usize) -> Vec<T>) -> Option<Self> {
        let pages = size.div_ceil(PAGE).max(1);
        (number <= pages).then(|| Self {
            found: Found::new(items((number - 1) * PAGE)),
            size,
            pages,
            next_page: (number < pages).then_some(number + 1),
            previous_page: (number > 1).then_some(number - 1),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Organization<'a> {
    id: Option<&'a str>,
    name: Option<String>,
}

impl<'a> Organization<'a> {
    fn of(id: Option<&'a str>) -> Self {
        Self { id, name: id.map(|id| format!("Organização {id}")) }
    }
}

#[derive(Debug, Serialize)]
struct CustomField<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: String,
    value: Option<&'a str>,
}

/// Every known custom field of a customer, those without a value too.
fn custom_fields<'a>(
    store: &'a CustomerStore,
    customer: &'a SimulatedCustomer,
    with_ids: bool,
) -> Vec<CustomField<'a>> {
    let field = |(held, id): (&str, &'a str)| CustomField {
        id: with_ids.then_some(id),
        name: format!("Campo {id}"),
        value: customer.value(held),
    };
    store.campos().map(field).collect()
}

/// A customer as the list shows it.
#[derive(Debug, Serialize)]
pub(super) struct ListedCustomer<'a> {
    id: Option<&'a str>,
    name: &'a str,
    email: &'a str,
    phone: Option<&'a str>,
    monthly_tickets_quota: Option<u32>,
    allowed_create_tickets: bool,
    email_validated: bool,
    active: bool,
    account_approved: bool,
    organization: Organization<'a>,
    creation_date: &'static str,
    custom_fields: Vec<CustomField<'a>>,
}

/// A page of customers, in the byte order of their names; `None` past the end.
pub(super) fn customers(
    store: &CustomerStore,
    number: usize,
    show_custom_fields: bool,
) -> Option<ListPage<ListedCustomer<'_>>> {
    let listed = |customer| listed(store, customer, show_custom_fields);
    ListPage::of(number, store.len(), |from| store.page(from, PAGE).map(listed).collect())
}

fn listed<'a>(
    store: &'a CustomerStore,
    customer: &'a SimulatedCustomer,
    show_custom_fields: bool,
) -> ListedCustomer<'a> {
    ListedCustomer {
        id: customer.value("id_interno"),
        name: customer.value("nome").unwrap_or_default(),
        email: customer.value("email").unwrap_or_default(),
        phone: customer.value("telefone"),
        monthly_tickets_quota: None,
        allowed_create_tickets: customer.may_create_tickets(),
        email_validated: true,
        active: true,
        account_approved: true,
        organization: Organization::of(customer.value("id_organizacao")),
        creation_date: "2024-03-01",
        custom_fields: match show_custom_fields {
            true => custom_fields(store, customer, true),
            false => Vec::new(),
        },
    }
}

/// A customer as its details show it.
#[derive(Debug, Serialize)]
pub(super) struct CustomerDetails<'a> {
    name: &'a str,
    email: &'a str,
    phone: Option<&'a str>,
    internal_id: Option<&'a str>,
    monthly_ticket_quota: Option<u32>,
    active: bool,
    organization: Organization<'a>,
    custom_fields: Vec<CustomField<'a>>,
}

/// The details of a customer.
pub(super) fn details<'a>(
    store: &'a CustomerStore,
    customer: &'a SimulatedCustomer,
) -> Found<CustomerDetails<'a>> {
    Found::new(vec![CustomerDetails {
        name: customer.value("nome").unwrap_or_default(),
        email: customer.value("email").unwrap_or_default(),
        phone: customer.value("telefone"),
        internal_id: customer.value("id_interno"),
        monthly_ticket_quota: None,
        active: true,
        organization: Organization::of(customer.value("id_organizacao")),
        custom_fields: custom_fields(store, customer, false),
    }])
}

/// A page of organisations; `None` past the end.
pub(super) fn organizations(
    store: &CustomerStore,
    number: usize,
) -> Option<ListPage<Organization<'_>>> {
    let known = store.organizations();
    ListPage::of(number, known.len(), |from| {
        known.iter().skip(from).take(PAGE).map(|id| Organization::of(Some(id))).collect()
    })
}
