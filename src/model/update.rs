//! What one row asks of the API, and the names under which its customer is then found.

use super::{Customer, CustomerType, FieldName, Name, Param, same_name};

/// What one row asks of the API: a customer and at least one value, all of them valid.
#[derive(Debug, Clone)]
pub struct Update {
    customer: Customer,
    values: Vec<(FieldName, Box<str>)>,
}

impl Update {
    /// An update of `customer`. The caller gives each field at most once.
    pub fn new<V: Into<Box<str>>>(
        customer: Customer,
        values: impl IntoIterator<Item = (FieldName, V)>,
    ) -> Self {
        let values = values.into_iter().map(|(field, value)| (field, value.into())).collect();
        Self { customer, values }
    }

    /// The customer as the row names it.
    pub fn customer(&self) -> &Customer {
        &self.customer
    }

    /// The values in the order of the plan. An empty value clears the field.
    pub fn values(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        self.values.iter().map(|(field, value)| (field, &**value))
    }

    /// The value given for `param`, if the row sends it.
    pub fn param(&self, param: Param) -> Option<&str> {
        self.values().find(|(name, _)| **name == FieldName::Param(param)).map(|(_, value)| value)
    }

    /// The name in the request's path.
    pub fn primary_name(&self) -> Name<'_> {
        Name { ctype: self.customer.ctype, text: self.customer.identifier.as_str() }
    }

    /// The new e-mail of a type-`E` customer, if it differs from the one in the path. Letter case
    /// alone is no difference: mail systems ignore it, and a CRM that spells `Ana@x` here and `ana@x`
    /// there renames no one.
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
    pub fn alias(&self) -> Option<Name<'_>> {
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
        let text: usize = self.values.iter().map(|(_, value)| value.len()).sum();
        text + size_of_val(&*self.values) + self.customer.identifier.as_str().len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Identifier;
    use super::*;

    fn update(ctype: CustomerType, identifier: &str, values: &[(Param, &str)]) -> Update {
        let customer = Customer { ctype, identifier: Identifier::new(identifier).unwrap() };
        Update::new(
            customer,
            values.iter().map(|(param, value)| (FieldName::Param(*param), *value)),
        )
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
