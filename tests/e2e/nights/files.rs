//! Random files of one night with a known outcome: every row finds its customer, interrupting the file
//! after any row and sending it again from the top leaves the same customers as sending it once, and
//! rows that the program cannot know to concern one customer do not conflict.
//!
//! Other files (two customers swap names, for example) have no outcome that survives an interruption,
//! whichever program sends them.

use std::collections::BTreeSet;

use super::model::{Fields, Model, Row, Touched};

/// The columns of each of the two jobs.
const JOBS: [[&str; 3]; 2] =
    [["nome", "telefone", "criarchamados"], ["campo:x", "id_organizacao", "idioma"]];

/// The type of a name, and the name as the scheduler compares it.
pub type Name = (char, String);

/// A file under construction.
pub struct File {
    /// The customers before the file is sent.
    before: Model,
    /// The customers after all rows.
    pub after: Model,
    /// Its rows, in order.
    pub rows: Vec<Row>,
    columns: [&'static str; 3],
    /// Of 16 rows, how many use or change names in unusual ways.
    unusual_names: u8,
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
            unusual_names: [0, 4, 12][rng.usize(..3)],
        };
        for _ in 0..size {
            let row = file.candidate(rng);
            file.add_if_predictable(row);
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
        let unusual = rng.u8(..16) < self.unusual_names;
        let (email, interno) = (who.get("email"), who.get("id_interno"));
        let (tipo, mut identificador) = match (email, interno) {
            (None, Some(id)) => ('I', id.clone()),
            (Some(_), Some(id)) if unusual && rng.bool() => ('I', id.clone()),
            (Some(email), _) => ('E', email.clone()),
            (None, None) => panic!("a customer without a name"),
        };
        if tipo == 'E' && unusual && rng.u8(..3) == 0 {
            identificador = identificador.to_uppercase();
        }
        let mut values = Fields::new();
        for column in self.columns {
            let value = match (column, rng.u8(..8)) {
                (_, 0) => continue,
                // Exports mostly repeat earlier values.
                (column, 4..) if who.contains_key(column) => who[column].clone(),
                ("criarchamados", n) => ["false", "true"][usize::from(n % 2)].to_owned(),
                ("idioma", n) => ["pt_BR", "en_US"][usize::from(n % 2)].to_owned(),
                (_, n) => format!("v{n}"),
            };
            values.insert(column.into(), value);
        }
        match (rng.u8(..4), email) {
            (0, Some(email)) => drop(values.insert("email".into(), email.clone())),
            (1, _) if unusual => {
                drop(values.insert("email".into(), format!("n{}@x.com", rng.u8(..12))))
            }
            _ => {}
        }
        if tipo == 'E' {
            match (rng.u8(..4), interno) {
                (0, Some(id)) => drop(values.insert("id_interno".into(), id.clone())),
                (1, _) if unusual => {
                    drop(values.insert("id_interno".into(), rng.u8(1..9).to_string()))
                }
                _ => {}
            }
        }
        Row { tipo, identificador, values }
    }

    /// Adds a row if the outcome of the file stays known.
    fn add_if_predictable(&mut self, row: Row) {
        let mut after = self.after.clone();
        if row.values.is_empty() || after.execute(&row).is_none() {
            return;
        }
        self.rows.push(row);
        let before = std::mem::replace(&mut self.after, after);
        if self.after.customers().next().is_none() || !self.survives_interruption() {
            self.rows.pop();
            self.after = before;
        }
    }

    /// Whether the file can be interrupted after any row and sent again from the top: it then leaves
    /// the same customers, or a refusal that is reported.
    fn survives_interruption(&self) -> bool {
        let mut state = self.before.clone();
        let mut fine = self.replay(&state) == Replay::Settles;
        for row in &self.rows {
            state.execute(row);
            fine &= !matches!(self.replay(&state), Replay::Differs | Replay::Conflicts);
        }
        fine
    }

    /// All names connected with one of these, directly or indirectly, through rows of the file or
    /// through customers.
    pub fn connected_names(
        &self,
        customers: &Model,
        names: impl IntoIterator<Item = Name>,
    ) -> BTreeSet<Name> {
        let mut connected: BTreeSet<Name> = names.into_iter().collect();
        let rows = self.rows.iter().map(Row::names);
        let groups: Vec<_> = rows.chain(customers.names()).collect();
        loop {
            let before = connected.len();
            for group in &groups {
                if group.iter().any(|name| connected.contains(name)) {
                    connected.extend(group.iter().cloned());
                }
            }
            if connected.len() == before {
                return connected;
            }
        }
    }

    /// The names of rows that concern one customer without the program being able to know it, if every
    /// row is sent to these customers.
    pub fn conflicting_names(&self, customers: &Model) -> BTreeSet<Name> {
        self.execute_on(customers).1
    }

    /// The outcome of sending every row to these customers.
    pub fn replay(&self, customers: &Model) -> Replay {
        self.execute_on(customers).0
    }

    fn execute_on(&self, customers: &Model) -> (Replay, BTreeSet<Name>) {
        let mut state = customers.clone();
        let mut touched: Vec<Option<Touched>> = Vec::new();
        let mut links: Vec<[Name; 2]> = Vec::new();
        let mut conflicts = BTreeSet::new();
        let mut refused = false;
        for row in &self.rows {
            let held = state.holds(row);
            let touches = state.execute(row);
            refused |= touches.is_none() && !held;
            let mut ordered_by: BTreeSet<_> = row.names().into_iter().collect();
            for name in row.names() {
                let linked = links.iter().rev().find(|pair| pair.contains(&name));
                ordered_by.extend(linked.into_iter().flatten().cloned());
            }
            // The scheduler orders rows by their names and by the links between names that the file
            // states. It cannot know that two other names belong to one customer.
            for (other, earlier) in self.rows.iter().zip(&touched) {
                let common = match (earlier, &touches) {
                    (Some(earlier), Some(touches)) => earlier.meets(touches),
                    // Any other row may decide whether this customer is found.
                    _ => row.tipo != other.tipo,
                };
                if common && !other.names().iter().any(|name| ordered_by.contains(name)) {
                    conflicts.extend(row.names().into_iter().chain(other.names()));
                }
            }
            touched.push(touches);
            let names = row.names();
            let named = |tipo| names.iter().rev().find(|(t, _)| *t == tipo).cloned();
            if let (Some(email), Some(interno)) = (named('E'), named('I')) {
                links.push([email, interno]);
            }
        }
        let replay = match (refused, state.settled() == self.after.settled()) {
            _ if !conflicts.is_empty() => Replay::Conflicts,
            (true, _) => Replay::Refused,
            (false, true) => Replay::Settles,
            (false, false) => Replay::Differs,
        };
        (replay, conflicts)
    }
}

/// The outcome of sending a file from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Every row is executed or already held, and the customers are those of [`File::after`].
    Settles,
    /// Every row is executed or already held, but the customers are others.
    Differs,
    /// A row does not find its customer.
    Refused,
    /// The outcome depends on the order of rows that the program cannot know to be connected.
    Conflicts,
}
