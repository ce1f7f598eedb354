//! What one row asks of the API, and the names under which its customer is then found.

use super::{Customer, CustomerType, FieldName, Name, Param, same_name};

/// The values of an update, in the order in which they are pushed. An empty value clears its field.
#[derive(Debug, Clone, Default)]
pub struct FieldValues {
    /// The values, one directly behind the other: one piece of memory instead of one a value.
    text: String,
    /// The fields, and where the value of each ends in `text`.
    fields: Vec<(FieldName, usize)>,
}

impl FieldValues {
    /// No values yet, with room for so many, of so many bytes together.
    pub fn with_capacity(values: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), fields: Vec::with_capacity(values) }
    }

    /// Adds the value of a field that has none yet.
    pub fn push(&mut self, field: FieldName, value: &str) {
        self.text.push_str(value);
        self.fields.push((field, self.text.len()));
    }

    /// Gives back the room that is left.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.fields.shrink_to_fit();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The values, and whose they are.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        let mut start = 0;
        self.fields.iter().map(move |(field, end)| {
            let value = &self.text[start..*end];
            start = *end;
            (field, value)
        })
    }
}

impl<V: AsRef<str>> FromIterator<(FieldName, V)> for FieldValues {
    fn from_iter<I: IntoIterator<Item = (FieldName, V)>>(values: I) -> Self {
        let mut all = Self::default();
        values.into_iter().for_each(|(field, value)| all.push(field, value.as_ref()));
        all
    }
}

/// What one row asks of the API: a customer and at least one value, all of them valid.
#[derive(Debug, Clone)]
pub struct Update {
    customer: Customer,
    values: FieldValues,
}

impl Update {
    /// An update of `customer`.
    pub const fn new(customer: Customer, values: FieldValues) -> Self {
        Self { customer, values }
    }

    /// The customer as the row names it.
    pub fn customer(&self) -> &Customer {
        &self.customer
    }

    /// The values in the order of the plan. An empty value clears the field.
    pub fn values(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        self.values.iter()
    }

    /// All values, one directly behind the other.
    pub fn text(&self) -> &str {
        &self.values.text
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

    /// The name under which the customer is found once the update is executed.
    pub fn current_name(&self) -> Name<'_> {
        self.rename_to().unwrap_or_else(|| self.primary_name())
    }

    /// The name of the other type that this update gives the customer: the internal identifier of
    /// one addressed by e-mail, the e-mail of one addressed by internal identifier.
    pub fn alias(&self) -> Option<Name<'_>> {
        let ctype = self.customer.ctype.other();
        let text = self.param(Param::of_name(ctype)).filter(|name| !name.is_empty())?;
        Some(Name { ctype, text })
    }

    /// The names that this row gives for its customer: the one it is found by, and those it is to have.
    pub fn names(&self) -> impl Iterator<Item = Name<'_>> {
        let own = Some(self.primary_name());
        own.into_iter().chain(CustomerType::ALL.into_iter().filter_map(|ctype| {
            let text = self.param(Param::of_name(ctype)).filter(|name| !name.is_empty())?;
            Some(Name { ctype, text })
        }))
    }

    /// Bytes of memory that the update takes on the heap, with the room that its values keep.
    pub fn heap_bytes(&self) -> usize {
        let FieldValues { text, fields } = &self.values;
        let fields = fields.capacity() * size_of::<(FieldName, usize)>();
        text.capacity() + fields + self.customer.identifier.as_str().len()
    }
}

#[cfg(test)]
impl Update {
    /// For tests: fields as a header spells them (`nome`, `campo:7`).
    pub fn of<'a>(
        ctype: CustomerType,
        identifier: &str,
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let field = |name: &str| match name.strip_prefix("campo:") {
            Some(id) => FieldName::Campo(super::CampoId::new(id).unwrap()),
            None => {
                let param = Param::ALL.into_iter().find(|param| param.as_str() == name);
                FieldName::Param(param.unwrap_or_else(|| panic!("no field {name}")))
            }
        };
        let customer = Customer { ctype, identifier: super::Identifier::new(identifier).unwrap() };
        Self::new(customer, values.into_iter().map(|(name, value)| (field(name), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_with_the_room_that_is_kept() {
        let customer = Update::of(CustomerType::Email, "a@x", []).customer().clone();
        let field = || FieldName::Param(Param::Nome);
        let mut values = FieldValues::with_capacity(2, 1000);
        values.push(field(), "Ana");
        let mut update = Update::new(customer, values);
        assert!(update.heap_bytes() > 1000);
        update.values.shrink();
        assert!(update.heap_bytes() < 100);
    }

    #[test]
    fn a_rename_is_another_email_on_a_type_e_row() {
        for (ctype, identifier, email, rename) in [
            (CustomerType::Email, "a@x", "b@x", Some("b@x")),
            (CustomerType::Email, "Ana@x", "ana@X", None),
            (CustomerType::Email, "a@x", "", None),
            (CustomerType::Internal, "1", "b@x", None),
        ] {
            let row = Update::of(ctype, identifier, [("nome", "A"), ("email", email)]);
            assert_eq!(row.rename_to().map(|name| name.text), rename, "{row:?}");
        }
    }
}
