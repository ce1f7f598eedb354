//! Header and first rows → which column is what, and how sure that is. Pure.
//!
//! A column is sure where its name is known and its values do not speak against it. What is only
//! likely is used once a person has said so.

use super::known_names::{KnownNames, Meaning};
use super::matcher::Matcher;
use super::sample::Sample;
use crate::input::Record;
use crate::mapping::{Columns, Key, MappingOptions, Target, is_own_column, suggestion};
use crate::model::{CustomerType, FieldName, Param};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    Sure,
    Likely,
}

/// What a column is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    Target(Target, Certainty),
    /// A part of `nome`, which several columns make.
    NamePart,
    /// Its name says so, but its values are not what TomTicket accepts.
    Unfit(Target),
    /// Of this program: results, or where a snapshot comes from.
    Own,
    Unknown,
}

#[derive(Debug)]
pub struct ProposedColumn {
    pub index: usize,
    /// As the header has it.
    pub name: String,
    /// How a configuration names it: by its name or, where that is not its alone, by position.
    pub reference: String,
    pub usage: Usage,
    /// Whether its name alone would make it a target, or an error.
    means_something: bool,
}

/// Who the customer of a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerSource {
    /// The column `identificador`, with a column for its type.
    Columns,
    /// The column `identificador`, of one type in all rows.
    Typed(CustomerType),
    Key(Key),
    /// The columns that may say it, by position in [`Proposal::columns`].
    Unknown(Vec<usize>),
}

#[derive(Debug)]
pub struct Proposal {
    pub columns: Vec<ProposedColumn>,
    pub customer: CustomerSource,
    /// The columns that make `nome`, in order, by position in `columns`.
    pub name_parts: Vec<usize>,
}

impl Proposal {
    pub fn of(header: &Record, sample: &Sample, known: &KnownNames) -> Self {
        let found = Columns::new(header);
        // A column that no name and no position means alone is left to a person.
        let named = found.iter().filter(|(_, name)| !name.is_empty());
        let named =
            named.filter_map(|(index, name)| Some((index, name, reference(&found, index, name)?)));
        let columns = named.map(|(index, name, reference)| ProposedColumn {
            index,
            name: name.to_owned(),
            reference,
            // `identificador` and its type are in results too.
            usage: match is_own_column(name) && matches!(Target::parse(name), Ok(None)) {
                true => Usage::Own,
                false => Usage::Unknown,
            },
            means_something: !matches!(Target::parse(name), Ok(None)) || suggestion(name).is_some(),
        });
        let customer = CustomerSource::Unknown(Vec::new());
        let mut proposal = Self { columns: columns.collect(), customer, name_parts: Vec::new() };
        let matcher = Matcher { sample, known };
        matcher.take_own_names(&mut proposal);
        matcher.take_emails_and_phones(&mut proposal);
        matcher.take_names(&mut proposal);
        matcher.take_codes(&mut proposal);
        for (meaning, param) in
            [(Meaning::Language, Param::Idioma), (Meaning::MayOpenTickets, Param::CriarChamados)]
        {
            matcher.take_fitting(&mut proposal, meaning, param);
        }
        matcher.mark_unfit(&mut proposal);
        proposal.customer = matcher.customer(&proposal);
        proposal
    }

    /// The column of a target, sure or likely.
    pub fn find(&self, target: &Target) -> Option<usize> {
        let is_it = |column: &ProposedColumn| matches!(&column.usage, Usage::Target(own, _) if own == target);
        self.columns.iter().position(is_it)
    }

    pub fn has(&self, param: Param) -> bool {
        self.find(&field(param)).is_some() || (param == Param::Nome && !self.name_parts.is_empty())
    }

    /// The columns that are only likely what they seem, by position in `columns`.
    pub fn likely(&self) -> Vec<usize> {
        let is_likely =
            |at: &usize| matches!(self.columns[*at].usage, Usage::Target(_, Certainty::Likely));
        (0..self.columns.len()).filter(is_likely).collect()
    }

    /// Takes a likely column for what it seems, or leaves it out.
    pub fn settle(&mut self, at: usize, is_right: bool) {
        if let Usage::Target(target, _) = &self.columns[at].usage {
            self.columns[at].usage = match is_right {
                true => Usage::Target(target.clone(), Certainty::Sure),
                false => Usage::Unknown,
            };
        }
    }

    /// Says that this column names the customer: by e-mail where it holds addresses, else by the
    /// internal identifier.
    pub fn identify_by(&mut self, at: usize, sample: &Sample) {
        let holds_addresses = sample.holds_addresses(self.columns[at].index) == Some(true);
        let (key, param) = match holds_addresses {
            true => (Key::Email, Param::Email),
            false => (Key::IdInterno, Param::IdInterno),
        };
        if let Some(other) = self.find(&field(param)) {
            self.columns[other].usage = Usage::Unknown;
        }
        self.columns[at].usage = Usage::Target(field(param), Certainty::Sure);
        self.customer = CustomerSource::Key(key);
    }

    /// What `nome` is made of, where several columns make it.
    pub fn name_template(&self) -> Option<String> {
        let part = |at: &usize| {
            let ProposedColumn { reference, index, .. } = &self.columns[*at];
            match reference.contains(['{', '}']) {
                true => format!("{{#{}}}", index + 1),
                false => format!("{{{reference}}}"),
            }
        };
        let parts: Vec<String> = self.name_parts.iter().map(part).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// The columns to ignore: not used, though their names alone would make them targets or errors.
    pub fn ignored(&self) -> impl Iterator<Item = &ProposedColumn> {
        let is_used = |column: &ProposedColumn| {
            matches!(column.usage, Usage::Target(_, Certainty::Sure) | Usage::NamePart)
        };
        self.columns.iter().filter(move |column| column.means_something && !is_used(column))
    }

    /// The options that the sure columns make.
    pub fn mapping(&self) -> MappingOptions {
        let map = self.columns.iter().filter_map(|column| match &column.usage {
            Usage::Target(target, Certainty::Sure) => {
                Some((column.reference.clone(), target.to_string()))
            }
            _ => None,
        });
        let set = self.name_template().map(|text| ("nome".to_owned(), text));
        MappingOptions {
            map: map.collect(),
            set: set.into_iter().collect(),
            ignore: self.ignored().map(|column| column.reference.clone()).collect(),
            key: match self.customer {
                CustomerSource::Key(key) => Some(key),
                _ => None,
            },
            id_type: match self.customer {
                CustomerSource::Typed(ctype) => Some(ctype),
                _ => None,
            },
            ..Default::default()
        }
    }
}

pub fn field(param: Param) -> Target {
    Target::Field(FieldName::Param(param))
}

/// How a configuration names this column and no other, if it can.
fn reference(columns: &Columns<'_>, index: usize, name: &str) -> Option<String> {
    let means_it = |name: &String| columns.one(name, "").is_ok_and(|found| found == index);
    [name.to_owned(), format!("#{}", index + 1)].into_iter().find(means_it)
}

#[cfg(test)]
#[path = "proposal_tests.rs"]
mod tests;
