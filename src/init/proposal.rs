//! Header and first rows → which column is what, and how sure that is. Pure.
//!
//! A column is sure where its name is known and its values do not speak against it. What is only
//! likely is used once a person has said so.

use super::known_names::{KnownNames, Meaning};
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
pub enum Customer {
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
    pub customer: Customer,
    /// The columns that make `nome`, in order, by position in `columns`.
    name_parts: Vec<usize>,
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
        let customer = Customer::Unknown(Vec::new());
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
        proposal.customer = matcher.customer(&proposal);
        proposal
    }

    /// The column of a target, sure or likely.
    fn find(&self, target: &Target) -> Option<usize> {
        let is_it = |column: &ProposedColumn| matches!(&column.usage, Usage::Target(own, _) if own == target);
        self.columns.iter().position(is_it)
    }

    fn has(&self, param: Param) -> bool {
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
        self.customer = Customer::Key(key);
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
                Customer::Key(key) => Some(key),
                _ => None,
            },
            id_type: match self.customer {
                Customer::Typed(ctype) => Some(ctype),
                _ => None,
            },
            ..Default::default()
        }
    }
}

fn field(param: Param) -> Target {
    Target::Field(FieldName::Param(param))
}

/// How a configuration names this column and no other, if it can.
fn reference(columns: &Columns<'_>, index: usize, name: &str) -> Option<String> {
    let means_it = |name: &String| columns.one(name, "").is_ok_and(|found| found == index);
    [name.to_owned(), format!("#{}", index + 1)].into_iter().find(means_it)
}

/// What the steps of a proposal look at.
struct Matcher<'a> {
    sample: &'a Sample,
    known: &'a KnownNames,
}

impl Matcher<'_> {
    /// The columns of a meaning that nothing uses yet, the best name first.
    fn free(&self, proposal: &Proposal, meaning: Meaning) -> Vec<usize> {
        let rank = |column: &ProposedColumn| {
            let (found, rank) = self.known.meaning(&column.name)?;
            (found == meaning && column.usage == Usage::Unknown).then_some(rank)
        };
        let ranked = proposal.columns.iter().enumerate();
        let mut ranked: Vec<_> =
            ranked.filter_map(|(at, column)| Some((rank(column)?, at))).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, at)| at).collect()
    }

    fn fits(&self, proposal: &Proposal, at: usize, param: Param) -> bool {
        self.sample.fits(proposal.columns[at].index, param)
    }

    fn filled(&self, proposal: &Proposal, at: usize) -> usize {
        self.sample.filled(proposal.columns[at].index)
    }

    fn take(proposal: &mut Proposal, at: usize, param: Param, certainty: Certainty) {
        if !proposal.has(param) {
            proposal.columns[at].usage = Usage::Target(field(param), certainty);
        }
    }

    /// Columns under this program's own names, but for those that other programs use too.
    fn take_own_names(&self, proposal: &mut Proposal) {
        for at in 0..proposal.columns.len() {
            let name = &proposal.columns[at].name;
            if proposal.columns[at].usage != Usage::Unknown || self.known.meaning(name).is_some() {
                continue;
            }
            if let Ok(Some(target)) = Target::parse(name)
                && proposal.find(&target).is_none()
            {
                proposal.columns[at].usage = Usage::Target(target, Certainty::Sure);
            }
        }
        // A type of nothing.
        if let Some(at) = proposal.find(&Target::TipoIdentificador)
            && proposal.find(&Target::Identificador).is_none()
        {
            proposal.columns[at].usage = Usage::Unknown;
        }
    }

    /// Of several addresses or phones one can be sent. The plain name wins, unless another column has
    /// twice as many values; a qualified one is sure only where it has twice as many as any other.
    fn take_emails_and_phones(&self, proposal: &mut Proposal) {
        for (plain, other, param) in [
            (Meaning::Email, Meaning::OtherEmail, Param::Email),
            (Meaning::Phone, Meaning::OtherPhone, Param::Telefone),
        ] {
            let plain = self.free(proposal, plain);
            let others = self.free(proposal, other);
            let fitting = |at: &usize| self.fits(proposal, *at, param);
            let all: Vec<usize> = plain.iter().chain(&others).copied().filter(fitting).collect();
            let filled = |at: usize| self.filled(proposal, at);
            let has_rival =
                |at: usize| all.iter().any(|rival| *rival != at && filled(*rival) * 2 > filled(at));
            let outnumbered = |at: usize| all.iter().any(|rival| filled(*rival) > filled(at) * 2);
            let best = all.iter().copied().find(|at| !outnumbered(*at));
            let Some(best) = best else { continue };
            let is_sure = plain.contains(&best) || !has_rival(best);
            let certainty = if is_sure { Certainty::Sure } else { Certainty::Likely };
            Self::take(proposal, best, param, certainty);
        }
        if proposal.has(Param::Email) {
            return;
        }
        // No name says it, but the values do.
        let is_address = |at: &usize| {
            let column = &proposal.columns[*at];
            column.usage == Usage::Unknown
                && self.sample.filled(column.index) > 0
                && self.sample.fits(column.index, Param::Email)
        };
        if let Some(at) = (0..proposal.columns.len()).find(is_address) {
            Self::take(proposal, at, Param::Email, Certainty::Likely);
        }
    }

    /// A whole name, else its parts. `Nome` beside `Sobrenome` is the first part, unless it ends in
    /// the last one.
    fn take_names(&self, proposal: &mut Proposal) {
        let free = |meaning| self.free(proposal, meaning).into_iter();
        let fitting = |at: &usize| self.fits(proposal, *at, Param::Nome);
        let whole = free(Meaning::Name).find(fitting);
        let last = free(Meaning::LastName).find(fitting);
        let first = free(Meaning::FirstName).find(fitting);
        let index = |at: usize| proposal.columns[at].index;
        let is_part = |at: usize| {
            first.is_none() && last.is_some_and(|last| !self.sample.ends_in(index(at), index(last)))
        };
        match (whole, first.zip(last)) {
            (Some(at), _) if !is_part(at) && self.filled(proposal, at) > 0 => {
                Self::take(proposal, at, Param::Nome, Certainty::Sure);
            }
            (_, Some((first, last))) => self.join(proposal, first, last),
            (Some(first), None) if let Some(last) = last => self.join(proposal, first, last),
            (Some(at), None) => Self::take(proposal, at, Param::Nome, Certainty::Sure),
            (None, None) => {
                let other = free(Meaning::OtherName).find(fitting).or(first).or(last);
                if let Some(at) = other {
                    Self::take(proposal, at, Param::Nome, Certainty::Likely);
                }
            }
        }
    }

    fn join(&self, proposal: &mut Proposal, first: usize, last: usize) {
        let middle = self.free(proposal, Meaning::MiddleName).into_iter();
        let middle = middle.filter(|at| self.filled(proposal, *at) > 0).take(1);
        proposal.name_parts = [first].into_iter().chain(middle).chain([last]).collect();
        for at in proposal.name_parts.clone() {
            proposal.columns[at].usage = Usage::NamePart;
        }
    }

    /// A code that tells the rows apart may be the internal identifier: whose code TomTicket knows, no
    /// export says.
    fn take_codes(&self, proposal: &mut Proposal) {
        let identifies = |at: &usize| {
            self.fits(proposal, *at, Param::IdInterno)
                && self.sample.identifies(proposal.columns[*at].index)
        };
        let is_addressed = proposal.find(&Target::Identificador).is_some();
        let code = self.free(proposal, Meaning::Code).into_iter().find(identifies);
        if let Some(at) = code.filter(|_| !is_addressed) {
            Self::take(proposal, at, Param::IdInterno, Certainty::Likely);
        }
    }

    /// A column of few possible values: an empty one may get others.
    fn take_fitting(&self, proposal: &mut Proposal, meaning: Meaning, param: Param) {
        let fitting =
            |at: &usize| self.filled(proposal, *at) > 0 && self.fits(proposal, *at, param);
        if let Some(at) = self.free(proposal, meaning).into_iter().find(fitting) {
            Self::take(proposal, at, param, Certainty::Sure);
        }
    }

    /// Who the customer is: `identificador`, else the e-mail if half of the rows have one, else the
    /// internal identifier.
    fn customer(&self, proposal: &Proposal) -> Customer {
        let sure = |target: &Target| {
            let at = proposal.find(target)?;
            let usage = &proposal.columns[at].usage;
            matches!(usage, Usage::Target(_, Certainty::Sure)).then_some(at)
        };
        if let Some(at) = sure(&Target::Identificador) {
            if sure(&Target::TipoIdentificador).is_some() {
                return Customer::Columns;
            }
            return match self.sample.holds_addresses(proposal.columns[at].index) {
                Some(true) => Customer::Typed(CustomerType::Email),
                Some(false) if self.sample.len() > 0 => Customer::Typed(CustomerType::Internal),
                _ => Customer::Unknown(vec![at]),
            };
        }
        let half = |at: &usize| self.filled(proposal, *at) * 2 >= self.sample.len();
        if sure(&field(Param::Email)).filter(half).is_some() {
            return Customer::Key(Key::Email);
        }
        if sure(&field(Param::IdInterno)).filter(half).is_some() {
            return Customer::Key(Key::IdInterno);
        }
        let may_be = |at: &usize| {
            let column = &proposal.columns[*at];
            match &column.usage {
                Usage::Target(_, Certainty::Sure) | Usage::NamePart | Usage::Own => false,
                Usage::Target(target, Certainty::Likely) => {
                    [Param::Email, Param::IdInterno].map(field).contains(target)
                }
                // Phones and names may differ in every row too.
                Usage::Unknown => {
                    let meaning = self.known.meaning(&column.name).map(|(meaning, _)| meaning);
                    let may_be = [None, Some(Meaning::Code), Some(Meaning::Email)];
                    may_be.contains(&meaning) && self.sample.identifies(column.index)
                }
            }
        };
        Customer::Unknown((0..proposal.columns.len()).filter(may_be).collect())
    }
}

#[cfg(test)]
#[path = "proposal_tests.rs"]
mod tests;
