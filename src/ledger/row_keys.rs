//! From a row to the keyed hashes that the rules compare. Which names a row has, and which fields it
//! may change, is decided here; what follows from it is not.

use super::keys::{AccountKey, ExactName, FieldKey, FieldTag, HashedName, Spelling, ValueHash};
use crate::model::{CustomerType, FieldName, Name, Param, Update};

#[derive(Debug, Clone, Copy)]
pub struct SentValue<'a> {
    pub field: FieldKey,
    value: &'a str,
}

/// The names and values of a row.
///
/// A customer has up to two names, one of each type, and a row under one type can change the name of
/// the other type, the customer's alias: a type-`E` row by `id_interno`, a type-`I` row by `email`.
pub struct RowKeys<'a> {
    keys: &'a AccountKey,
    pub ctype: CustomerType,
    /// The name in the request's path.
    pub primary_name: ExactName,
    /// The name that the customer will have instead.
    pub renamed_to: Option<ExactName>,
    pub sent: Vec<SentValue<'a>>,
    /// The index in `sent` of the field that gives or clears the alias.
    pub alias_index: Option<usize>,
    /// The alias that the row gives; `None` where it is cleared or left alone.
    pub alias: Option<HashedName>,
    /// Whether the update clears the very name it is addressed by (an empty `email`).
    pub removes_own_name: bool,
}

impl<'a> RowKeys<'a> {
    /// Hashes the names of a row; its values are hashed when they are compared.
    pub fn new(keys: &'a AccountKey, update: &'a Update) -> Self {
        let ctype = update.customer().ctype;
        let alias_param = match ctype {
            CustomerType::Email => Param::IdInterno,
            CustomerType::Internal => Param::Email,
        };
        let mut row = Self {
            keys,
            ctype,
            primary_name: keys.exact_name(update.primary_name()),
            renamed_to: update.rename_to().map(|name| keys.exact_name(name)),
            sent: Vec::new(),
            alias_index: None,
            alias: None,
            removes_own_name: false,
        };
        for (name, value) in update.values() {
            if value.is_empty()
                && ctype == CustomerType::Email
                && *name == FieldName::Param(Param::Email)
            {
                row.removes_own_name = true;
            }
            if *name == FieldName::Param(alias_param) {
                row.alias_index = Some(row.sent.len());
                row.alias = (!value.is_empty())
                    .then(|| keys.name(Name { ctype: ctype.other(), text: value }));
            }
            row.sent.push(SentValue { field: keys.field(name), value });
        }
        row
    }

    /// The hash of a value that is sent, as it is stored under `salt`.
    pub fn value(&self, sent: &SentValue<'_>, salt: Spelling) -> ValueHash {
        self.keys.value(salt, sent.field, sent.value)
    }

    /// The key of any name of this account.
    pub fn name(&self, name: Name<'_>) -> HashedName {
        self.keys.name(name)
    }

    /// The hash of any value of this row's customer, as it is stored under `salt`, with its field.
    pub fn other_value(
        &self,
        field: &FieldName,
        value: &str,
        salt: Spelling,
    ) -> (FieldTag, ValueHash) {
        let field = self.keys.field(field);
        (field.tag(), self.keys.value(salt, field, value))
    }

    /// The names that belong to this row alone while it is in flight. The e-mail that a type-`I` row
    /// gives is not among them: this row stores no values under it.
    pub fn touched(&self) -> impl Iterator<Item = HashedName> + use<> {
        let internal = if self.ctype == CustomerType::Email { self.alias } else { None };
        [Some(self.primary_name.key), self.renamed_to.map(|name| name.key), internal]
            .into_iter()
            .flatten()
    }

    /// The fields whose value this update may change: those it sends, and those it may reset.
    pub fn changed(&self) -> Vec<FieldTag> {
        let mut changed: Vec<_> = self.sent.iter().map(|sent| sent.field.tag()).collect();
        for param in Param::ALL.into_iter().filter(|param| param.has_documented_default()) {
            let tag = self.keys.field(&FieldName::Param(param)).tag();
            if !changed.contains(&tag) {
                changed.push(tag);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{TestRow, keys, row};

    #[test]
    fn equal_values_of_two_customers_or_fields_do_not_look_equal() {
        let keys = keys();
        let hash = |row: TestRow| {
            let update = row.update();
            let row = RowKeys::new(&keys, &update);
            row.value(&row.sent[0], row.primary_name.spelling)
        };
        let base = hash(row("a@x nome=N"));
        assert_eq!(base, hash(row("a@x nome=N")));
        assert_ne!(base, hash(row("b@x nome=N")));
        assert_ne!(base, hash(row("a@x telefone=N")));
        assert_ne!(base, hash(row("a@x campo:nome=N")));
        assert_ne!(base, hash(row("a@x nome=n")));
    }
}
