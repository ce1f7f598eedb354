//! Random files of one night that can be judged: every row finds its customer, sending the file again
//! from the top after any of its rows leaves what sending it once leaves, and rows that the program
//! cannot know to concern one customer do not meddle with each other.
//!
//! A file outside of that (two customers who swap their names, say) has no outcome that survives an
//! interruption, whoever sends it.

use std::collections::BTreeSet;

use super::model::{Fields, Model, Row, Touched};

/// The columns of each of the two jobs.
const JOBS: [[&str; 3]; 2] =
    [["nome", "telefone", "criarchamados"], ["campo:x", "id_organizacao", "idioma"]];

/// The type of a name, and the name as the pool compares it.
pub type Name = (char, String);

/// A file under construction.
pub struct File {
    /// What the customers hold before.
    before: Model,
    /// What the customers hold after all rows.
    pub after: Model,
    /// Its rows, in order.
    pub rows: Vec<Row>,
    columns: [&'static str; 3],
    /// In how many of 16 rows names are played with.
    wildness: u8,
}

impl File {
    /// A file of up to `size` rows for these customers.
    pub fn random(rng: &mut fastrand::Rng, customers: &Model, size: usize) -> Self {
        let columns = JOBS[rng.usize(..JOBS.len())];
        let mut file = Self {
            before: customers.clone(),
            after: customers.clone(),
            rows: Vec::new(),
            columns,
            wildness: [0, 4, 12][rng.usize(..3)],
        };
        for _ in 0..size {
            let row = file.candidate(rng);
            file.take(row);
        }
        file
    }

    /// The CSV, every column used.
    pub fn csv(&self) -> String {
        let [one, two, three] = self.columns;
        let mut text =
            format!("identificador,tipo_identificador,{one},{two},{three},email,id_interno\n");
        for row in &self.rows {
            let get = |name| row.values.get(name).map_or("", String::as_str);
            let cells = [one, two, three, "email", "id_interno"].map(get).join(",");
            text.push_str(&format!("{},{},{cells}\n", row.identificador, row.tipo));
        }
        text
    }

    fn candidate(&self, rng: &mut fastrand::Rng) -> Row {
        let all: Vec<&Fields> = self.after.customers().map(|(_, fields)| fields).collect();
        let who = all[rng.usize(..all.len())];
        let wild = rng.u8(..16) < self.wildness;
        let (email, interno) = (who.get("email"), who.get("id_interno"));
        let (tipo, mut identificador) = match (email, interno) {
            (None, Some(id)) => ('I', id.clone()),
            (Some(_), Some(id)) if wild && rng.bool() => ('I', id.clone()),
            (Some(email), _) => ('E', email.clone()),
            (None, None) => panic!("nobody is without a name"),
        };
        if tipo == 'E' && wild && rng.u8(..3) == 0 {
            identificador = identificador.to_uppercase();
        }
        let mut values = Fields::new();
        for column in self.columns {
            let value = match (column, rng.u8(..8)) {
                (_, 0) => continue,
                // An export repeats what it said before.
                (column, 4..) if who.contains_key(column) => who[column].clone(),
                ("criarchamados", n) => ["false", "true"][usize::from(n % 2)].to_owned(),
                ("idioma", n) => ["pt_BR", "en_US"][usize::from(n % 2)].to_owned(),
                (_, n) => format!("v{n}"),
            };
            values.insert(column.into(), value);
        }
        match (rng.u8(..4), email) {
            (0, Some(email)) => drop(values.insert("email".into(), email.clone())),
            (1, _) if wild => {
                drop(values.insert("email".into(), format!("n{}@x.com", rng.u8(..12))))
            }
            _ => {}
        }
        if tipo == 'E' {
            match (rng.u8(..4), interno) {
                (0, Some(id)) => drop(values.insert("id_interno".into(), id.clone())),
                (1, _) if wild => {
                    drop(values.insert("id_interno".into(), rng.u8(1..9).to_string()))
                }
                _ => {}
            }
        }
        Row { tipo, identificador, values }
    }

    /// Adds a row if the file can still be judged with it.
    fn take(&mut self, row: Row) {
        let mut after = self.after.clone();
        if row.values.is_empty() || after.execute(&row).is_none() {
            return;
        }
        self.rows.push(row);
        let before = std::mem::replace(&mut self.after, after);
        if self.after.customers().next().is_none() || !self.may_be_cut_off_anywhere() {
            self.rows.pop();
            self.after = before;
        }
    }

    /// Whether sending all rows after any number of them were sent leaves what sending them once
    /// leaves, where it does not end in a refusal that a person is told of.
    fn may_be_cut_off_anywhere(&self) -> bool {
        let mut state = self.before.clone();
        let mut fine = matches!(self.sent_to(&state), Sending::Settles);
        for row in &self.rows {
            state.execute(row);
            fine &= !matches!(self.sent_to(&state), Sending::Differs | Sending::Meddles);
        }
        fine
    }

    /// All names that are connected with one of these, by the rows of the file or by a customer.
    pub fn family(
        &self,
        customers: &Model,
        names: impl IntoIterator<Item = Name>,
    ) -> BTreeSet<Name> {
        let mut family: BTreeSet<Name> = names.into_iter().collect();
        let rows = self.rows.iter().map(Row::names);
        let groups: Vec<_> = rows.chain(customers.names()).collect();
        loop {
            let before = family.len();
            for group in &groups {
                if group.iter().any(|name| family.contains(name)) {
                    family.extend(group.iter().cloned());
                }
            }
            if family.len() == before {
                return family;
            }
        }
    }

    /// The names of the rows that concern one customer, as sending every row to these customers goes,
    /// although nobody can know that they do.
    pub fn meddlers(&self, customers: &Model) -> BTreeSet<Name> {
        self.follow(customers).1
    }

    /// What sending every row to these customers comes to.
    pub fn sent_to(&self, customers: &Model) -> Sending {
        self.follow(customers).0
    }

    fn follow(&self, customers: &Model) -> (Sending, BTreeSet<Name>) {
        let mut state = customers.clone();
        let mut touched: Vec<Option<Touched>> = Vec::new();
        let mut links: Vec<[Name; 2]> = Vec::new();
        let mut meddlers = BTreeSet::new();
        let mut refused = false;
        for row in &self.rows {
            let held = state.holds(row);
            let theirs = state.execute(row);
            refused |= theirs.is_none() && !held;
            let mut turns: BTreeSet<_> = row.names().into_iter().collect();
            for name in row.names() {
                let linked = links.iter().rev().find(|pair| pair.contains(&name));
                turns.extend(linked.into_iter().flatten().cloned());
            }
            // The pool lines rows up by names, and by what the file itself says of names that belong
            // together. That two other names are one customer's, it cannot know.
            for (other, earlier) in self.rows.iter().zip(&touched) {
                let common = match (earlier, &theirs) {
                    (Some(earlier), Some(theirs)) => earlier.meets(theirs),
                    // Whether a customer is found may depend on any other row.
                    _ => row.tipo != other.tipo,
                };
                if common && !other.names().iter().any(|name| turns.contains(name)) {
                    meddlers.extend(row.names().into_iter().chain(other.names()));
                }
            }
            touched.push(theirs);
            let names = row.names();
            let named = |tipo| names.iter().rev().find(|(t, _)| *t == tipo).cloned();
            if let (Some(email), Some(interno)) = (named('E'), named('I')) {
                links.push([email, interno]);
            }
        }
        let sending = match (refused, state.settled() == self.after.settled()) {
            _ if !meddlers.is_empty() => Sending::Meddles,
            (true, _) => Sending::Refused,
            (false, true) => Sending::Settles,
            (false, false) => Sending::Differs,
        };
        (sending, meddlers)
    }
}

/// What becomes of a file that is sent from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Every row is executed or held, and the customers end as in [`File::after`].
    Settles,
    /// Every row is executed or held, but the end is another one.
    Differs,
    /// A row does not find its customer.
    Refused,
    /// What it comes to depends on the order of rows that nobody knows to belong together.
    Meddles,
}
