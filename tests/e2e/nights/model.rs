//! A sequential model: customers, and the effect of one row on them. It has no concurrency, failures
//! or ledger, so it is simple enough to check a run that has all three.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

/// The values of one customer, including its names (`email`, `id_interno`); none is empty.
pub type Fields = BTreeMap<String, String>;

/// One row of a file.
#[derive(Debug, Clone)]
pub struct Row {
    /// `E` or `I`.
    pub tipo: char,
    /// The name in the request's path.
    pub identificador: String,
    /// The values that are sent.
    pub values: Fields,
}

/// The customers that a row affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The addressed customer, and those that lose a name to it.
    customers: Vec<usize>,
}

impl Touched {
    /// Whether both affect a common customer.
    pub fn meets(&self, other: &Self) -> bool {
        self.customers.iter().any(|number| other.customers.contains(number))
    }
}

/// All customers, by a number that is never reused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    customers: BTreeMap<usize, Fields>,
    /// Whether an update without `criarchamados` or `idioma` sets it to its documented default.
    resets_defaults: bool,
}

/// The names of a customer, as [`Row::names`] spells them.
fn names_of(fields: &Fields) -> Vec<(char, String)> {
    let email = fields.get("email").map(|email| ('E', email.to_lowercase()));
    let interno = fields.get("id_interno").map(|id| ('I', id.clone()));
    email.into_iter().chain(interno).collect()
}

impl Row {
    /// The names by which the scheduler orders rows, each with its type.
    pub fn names(&self) -> Vec<(char, String)> {
        let email = self.values.get("email").map(|email| ('E', email.to_lowercase()));
        let interno = self.values.get("id_interno").map(|id| ('I', id.clone()));
        let identifier = match self.tipo {
            'E' => self.identificador.to_lowercase(),
            _ => self.identificador.clone(),
        };
        [Some((self.tipo, identifier)), email, interno].into_iter().flatten().collect()
    }

    /// The name of the customer after the row was executed.
    fn name_afterwards(&self) -> &str {
        match self.values.get("email") {
            Some(email) if self.tipo == 'E' => email,
            _ => &self.identificador,
        }
    }
}

impl Model {
    /// No customers.
    pub fn new(resets_defaults: bool) -> Self {
        Self { resets_defaults, ..Self::default() }
    }

    /// The customers that the simulator holds.
    pub fn of_simulator(customers: &Value, resets_defaults: bool) -> Self {
        let mut model = Self::new(resets_defaults);
        for customer in customers.as_array().unwrap() {
            let mut fields = Fields::new();
            for (name, value) in customer.as_object().unwrap() {
                match (name.as_str(), value) {
                    ("atualizacoes", _) | (_, Value::Null) => {}
                    ("campos", campos) => {
                        for (id, value) in campos.as_object().unwrap() {
                            fields.insert(format!("campo:{id}"), value.as_str().unwrap().into());
                        }
                    }
                    (name, value) => {
                        fields.insert(name.into(), value.as_str().unwrap().into());
                    }
                }
            }
            model.add(fields);
        }
        model
    }

    /// Adds a customer.
    pub fn add(&mut self, fields: Fields) {
        let number = self.customers.keys().next_back().map_or(0, |last| last + 1);
        self.customers.insert(number, fields);
    }

    /// A file for the simulator's `--customers`.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("identificador,tipo_identificador,id_interno,nome\n");
        for fields in self.customers.values() {
            let get = |name| fields.get(name).map_or("", String::as_str);
            writeln!(text, "{},E,{},{}", get("email"), get("id_interno"), get("nome")).unwrap();
        }
        text
    }

    /// All values in a canonical order, for comparisons.
    fn held(&self) -> Vec<&Fields> {
        self.held_without(&BTreeSet::new())
    }

    /// As [`held`](Self::held), without the customers that have one of these names.
    pub fn held_without(&self, names: &BTreeSet<(char, String)>) -> Vec<&Fields> {
        let mut held: Vec<_> = self
            .customers
            .values()
            .filter(|fields| !names_of(fields).iter().any(|name| names.contains(name)))
            .collect();
        held.sort();
        held
    }

    /// The names of each customer.
    pub fn names(&self) -> impl Iterator<Item = Vec<(char, String)>> {
        self.customers.values().map(names_of)
    }

    /// All values that do not depend on whether unchanged rows were sent again. If updates reset
    /// defaults, `criarchamados` and `idioma` do depend on it and are left out.
    pub fn settled(&self) -> Vec<Fields> {
        let mut settled: Vec<_> = self.customers.values().cloned().collect();
        if self.resets_defaults {
            for fields in &mut settled {
                fields.retain(|name, _| !["criarchamados", "idioma"].contains(&name.as_str()));
            }
        }
        settled.sort();
        settled
    }

    /// All customers with their numbers.
    pub fn customers(&self) -> impl Iterator<Item = (usize, &Fields)> {
        self.customers.iter().map(|(number, fields)| (*number, fields))
    }

    fn find(&self, tipo: char, name: &str) -> Option<usize> {
        let is = |fields: &Fields| match tipo {
            'E' => fields.get("email").is_some_and(|e| e.to_lowercase() == name.to_lowercase()),
            _ => fields.get("id_interno").is_some_and(|id| id == name),
        };
        self.customers.iter().find(|(_, fields)| is(fields)).map(|(number, _)| *number)
    }

    /// Executes a row; `None` if its customer does not exist.
    pub fn execute(&mut self, row: &Row) -> Option<Touched> {
        let number = self.find(row.tipo, &row.identificador)?;
        let mut touched = vec![number];
        let mut values = row.values.clone();
        if self.resets_defaults {
            for (field, default) in [("criarchamados", "true"), ("idioma", "pt_BR")] {
                values.entry(field.into()).or_insert_with(|| default.into());
            }
        }
        for (field, value) in values {
            let tipo = match field.as_str() {
                "email" => Some('E'),
                "id_interno" => Some('I'),
                _ => None,
            };
            let previous = tipo.and_then(|tipo| self.find(tipo, &value));
            if let Some(previous) = previous.filter(|previous| *previous != number) {
                touched.push(previous);
                let fields = self.customers.get_mut(&previous).unwrap();
                fields.remove(&field);
                if !fields.contains_key("email") && !fields.contains_key("id_interno") {
                    self.customers.remove(&previous);
                }
            }
            self.customers.get_mut(&number).unwrap().insert(field, value);
        }
        Some(Touched { customers: touched })
    }

    /// Whether the row's customer exists under its new name and holds every value, so that not sending
    /// the row loses nothing.
    pub fn holds(&self, row: &Row) -> bool {
        let Some(number) = self.find(row.tipo, row.name_afterwards()) else { return false };
        let held = &self.customers[&number];
        if row.values.iter().any(|(field, value)| held.get(field) != Some(value)) {
            return false;
        }
        // If another customer has the old name by now, sending the row would rename that one.
        let mut after = self.clone();
        after.execute(row).is_none() || after.held() == self.held() || self.resets_defaults
    }
}
