//! A server as the model tests imagine it: it executes rows, and says whether a row would still change
//! anything.

use std::collections::BTreeMap;

use super::testing::TestRow;
use crate::model::CustomerType;

/// What kind of server it is, which the ledger does not know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerKind {
    /// A customer is created by being addressed.
    pub customers_always_exist: bool,
    /// Left-out fields with a documented default fall back to it.
    pub resets_defaults: bool,
    /// E-mails that differ in letter case are different customers.
    pub minds_case: bool,
}

/// The customers of an account, and under which names they are found.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedServer {
    pub kind: ServerKind,
    pub customers: Vec<BTreeMap<String, String>>,
    /// `None` where no customer has the name any more.
    names: BTreeMap<(CustomerType, String), Option<usize>>,
}

pub const EMAIL: &str = "email";
pub const INTERNO: &str = "id_interno";

impl SimulatedServer {
    /// A server with customers that have these names: an e-mail, an internal identifier.
    pub fn new(kind: ServerKind, customers: &[(Option<&str>, Option<&str>)]) -> Self {
        let mut server = Self { kind, customers: Vec::new(), names: BTreeMap::new() };
        for (email, interno) in customers {
            server.customers.push(BTreeMap::new());
            let id = server.customers.len() - 1;
            for (field, name) in [(EMAIL, email), (INTERNO, interno)] {
                if let Some(name) = name {
                    server.set(id, field, name);
                }
            }
        }
        server
    }

    fn key(&self, ctype: CustomerType, name: &str) -> (CustomerType, String) {
        let fold = ctype == CustomerType::Email && !self.kind.minds_case;
        (ctype, if fold { name.to_lowercase() } else { name.into() })
    }

    pub fn find(&self, ctype: CustomerType, name: &str) -> Option<usize> {
        self.names.get(&self.key(ctype, name)).copied().flatten()
    }

    pub fn execute(&mut self, row: &TestRow) -> bool {
        let key = self.key(row.ctype, &row.identifier);
        let id = match self.names.get(&key) {
            Some(Some(id)) => *id,
            None if self.kind.customers_always_exist => {
                self.customers.push(BTreeMap::new());
                let id = self.customers.len() - 1;
                let name = if row.ctype == CustomerType::Email { EMAIL } else { INTERNO };
                self.set(id, name, &row.identifier);
                id
            }
            _ => return false,
        };
        for (field, value) in &row.values {
            self.set(id, field, value);
        }
        if self.kind.resets_defaults {
            for (field, default) in [("criarchamados", "true"), ("idioma", "pt_BR")] {
                if row.values.iter().all(|(sent, _)| sent != field) {
                    self.set(id, field, default);
                }
            }
        }
        true
    }

    pub fn set(&mut self, id: usize, field: &str, value: &str) {
        let ctype = match field {
            EMAIL => Some(CustomerType::Email),
            INTERNO => Some(CustomerType::Internal),
            _ => None,
        };
        if let Some(ctype) = ctype {
            let old = self.customers[id].get(field).filter(|old| !old.is_empty());
            if let Some(old) = old {
                self.names.insert(self.key(ctype, old), None);
            }
            if !value.is_empty() {
                let loser = self.names.insert(self.key(ctype, value), Some(id)).flatten();
                if let Some(loser) = loser.filter(|loser| *loser != id) {
                    self.customers[loser].insert(field.into(), String::new());
                }
            }
        }
        self.customers[id].insert(field.into(), value.into());
    }

    /// A customer without names and values stands for none.
    pub fn delete(&mut self, id: usize) {
        self.set(id, EMAIL, "");
        self.set(id, INTERNO, "");
        self.customers[id].clear();
    }

    /// Whether sending the row would be of no use: its customer is found where the row wants it, and
    /// holds every value.
    pub fn holds(&self, row: &TestRow) -> Result<(), String> {
        let update = row.update();
        let place = update.rename_to().map_or(row.identifier.as_str(), |name| name.text);
        let id = self.find(row.ctype, place).ok_or("no customer is there")?;
        for (field, value) in &row.values {
            let held = self.customers[id].get(field).map_or("", String::as_str);
            if held != value {
                return Err(format!("{field} is {held:?}"));
            }
        }
        if update.rename_to().is_some() && self.find(row.ctype, &row.identifier).is_some() {
            return Err("another customer has the old name".into());
        }
        let mut after = self.clone();
        let never_seen = update.rename_to().is_some()
            && !after.names.contains_key(&self.key(row.ctype, &row.identifier));
        if !self.kind.resets_defaults && !never_seen {
            after.execute(row);
            if after != *self {
                return Err("sending it would change something".into());
            }
        }
        Ok(())
    }
}
