//! What one row asks of the API, and under which names its customer is then found.

use std::sync::Arc;

use super::{Customer, CustomerType, FieldName, Name, Param, same_name};

/// What one row asks of the API: a customer and at least one value, all of them valid.
///
/// The values of a row lie in one string, and the field names are shared by all rows of a file, so
/// that a row costs two allocations however many columns it has.
#[derive(Debug, Clone)]
pub struct Update {
    customer: Customer,
    fields: Arc<[FieldName]>,
    text: String,
    /// (index into `fields`, end of the value in `text`); values lie back to back.
    ends: Vec<(u16, u32)>,
}

impl Update {
    /// An update of `customer` without values yet; `fields` are the names that
    /// [`push`](Self::push) indexes.
    pub fn new(customer: Customer, fields: Arc<[FieldName]>) -> Self {
        Self::with_room(customer, fields, 0)
    }

    /// The same, with room for all fields and for values of about `bytes` in all.
    pub fn with_room(customer: Customer, fields: Arc<[FieldName]>, bytes: usize) -> Self {
        let ends = Vec::with_capacity(if bytes == 0 { 0 } else { fields.len() });
        Self { customer, fields, text: String::with_capacity(bytes), ends }
    }

    /// Adds the value of `fields[field]`. The caller pushes each field at most once.
    ///
    /// # Panics
    /// If `field` is no index of the list given to [`new`](Self::new).
    pub fn push(&mut self, field: u16, value: &str) {
        assert!(usize::from(field) < self.fields.len(), "field index out of range");
        self.text.push_str(value);
        // A record is capped at 1 MiB, so the position always fits.
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.ends.push((field, end));
    }

    /// Who is updated.
    pub fn customer(&self) -> &Customer {
        &self.customer
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The values in the order of the plan. An empty value clears the field.
    pub fn values(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        let mut start = 0usize;
        self.ends.iter().map(move |&(field, end)| {
            let end = end as usize;
            let value = &self.text[start..end];
            start = end;
            (&self.fields[usize::from(field)], value)
        })
    }

    /// The value given for `param`, if the row sends it.
    pub fn param(&self, param: Param) -> Option<&str> {
        self.values().find(|(name, _)| **name == FieldName::Param(param)).map(|(_, value)| value)
    }

    /// The name in the request's path.
    pub fn home(&self) -> Name<'_> {
        Name { ctype: self.customer.ctype, text: self.customer.identifier.as_str() }
    }

    /// The e-mail that a type-`E` customer will answer to after this update, where that is another
    /// than the one in the path. Letter case alone is not another: mail systems ignore it, and a
    /// CRM that spells `Ana@x` here and `ana@x` there renames nobody.
    pub fn rename_to(&self) -> Option<Name<'_>> {
        if self.customer.ctype != CustomerType::Email {
            return None;
        }
        let email = self.param(Param::Email).filter(|email| !email.is_empty())?;
        (!same_name(email, self.customer.identifier.as_str()))
            .then_some(Name { ctype: CustomerType::Email, text: email })
    }

    /// The name of the other type that this update gives the customer: the internal identifier of
    /// one addressed by e-mail, the e-mail of one addressed by internal identifier.
    pub fn other_name(&self) -> Option<Name<'_>> {
        let ctype = self.customer.ctype.other();
        let param = match ctype {
            CustomerType::Internal => Param::IdInterno,
            CustomerType::Email => Param::Email,
        };
        let text = self.param(param).filter(|name| !name.is_empty())?;
        Some(Name { ctype, text })
    }

    /// Bytes of memory that the update takes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.text.len() + self.ends.len() * 8 + self.customer.identifier.as_str().len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Identifier;
    use super::*;

    fn update(ctype: CustomerType, identifier: &str, values: &[(Param, &str)]) -> Update {
        let fields: Arc<[FieldName]> =
            values.iter().map(|(param, _)| FieldName::Param(*param)).collect();
        let customer = Customer { ctype, identifier: Identifier::new(identifier).unwrap() };
        let mut update = Update::new(customer, fields);
        for (index, (_, value)) in values.iter().enumerate() {
            update.push(u16::try_from(index).unwrap(), value);
        }
        update
    }

    #[test]
    fn a_rename_is_another_email_on_a_type_e_row() {
        let row = update(CustomerType::Email, "a@x", &[(Param::Nome, "A"), (Param::Email, "b@x")]);
        assert_eq!(row.rename_to().map(|name| name.text), Some("b@x"));
        let same = update(CustomerType::Email, "Ana@x", &[(Param::Email, "ana@X")]);
        assert_eq!(same.rename_to(), None);
        let internal = update(CustomerType::Internal, "1", &[(Param::Email, "b@x")]);
        assert_eq!(internal.rename_to(), None);
        let cleared = update(CustomerType::Email, "a@x", &[(Param::Email, "")]);
        assert_eq!(cleared.rename_to(), None);
    }

    #[test]
    fn values_come_back_in_order() {
        let row =
            update(CustomerType::Email, "a@x", &[(Param::Nome, "Ação"), (Param::Telefone, "")]);
        let values: Vec<_> = row.values().map(|(n, v)| (n.to_string(), v.to_owned())).collect();
        assert_eq!(
            values,
            [("nome".to_owned(), "Ação".to_owned()), ("telefone".to_owned(), String::new())]
        );
    }
}
