//! The steps of a proposal: which column is what, from names and values. What a proposal is, and what
//! comes of it, is in `proposal`.

use super::known_names::{KnownNames, Meaning};
use super::proposal::{Certainty, CustomerSource, Proposal, ProposedColumn, Usage, field};
use super::sample::Sample;
use crate::mapping::{Key, Target};
use crate::model::{CustomerType, Param};

/// What the steps of a proposal look at.
pub struct Matcher<'a> {
    pub sample: &'a Sample,
    pub known: &'a KnownNames,
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
    pub fn take_own_names(&self, proposal: &mut Proposal) {
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
    pub fn take_emails_and_phones(&self, proposal: &mut Proposal) {
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
            // An empty column is nothing beside one whose values are only of another form.
            let named = || plain.iter().chain(&others).copied();
            let any_filled = named().any(|at| filled(at) > 0);
            let is_good = |at: &usize| !outnumbered(*at) && (filled(*at) > 0 || !any_filled);
            let best = all.iter().copied().find(is_good);
            let Some(best) = best else {
                // Its other values would make their rows invalid: that is for a person to decide.
                let half = named().find(|at| {
                    let index = proposal.columns[*at].index;
                    filled(*at) > 0 && self.sample.half_fits(index, param)
                });
                half.into_iter().for_each(|at| Self::take(proposal, at, param, Certainty::Likely));
                continue;
            };
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
    pub fn take_names(&self, proposal: &mut Proposal) {
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
    pub fn take_codes(&self, proposal: &mut Proposal) {
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
    pub fn take_fitting(&self, proposal: &mut Proposal, meaning: Meaning, param: Param) {
        let fitting =
            |at: &usize| self.filled(proposal, *at) > 0 && self.fits(proposal, *at, param);
        if let Some(at) = self.free(proposal, meaning).into_iter().find(fitting) {
            Self::take(proposal, at, param, Certainty::Sure);
        }
    }

    /// Columns whose names say what they are, and whose values speak against it.
    pub fn mark_unfit(&self, proposal: &mut Proposal) {
        for (meaning, param) in [
            (Meaning::Email, Param::Email),
            (Meaning::Name, Param::Nome),
            (Meaning::Phone, Param::Telefone),
            (Meaning::Language, Param::Idioma),
            (Meaning::MayOpenTickets, Param::CriarChamados),
        ] {
            for at in self.free(proposal, meaning) {
                if !proposal.has(param) && !self.fits(proposal, at, param) {
                    proposal.columns[at].usage = Usage::Unfit(field(param));
                }
            }
        }
    }

    /// Who the customer is: `identificador`, else the e-mail if half of the rows have one, else the
    /// internal identifier.
    pub fn customer(&self, proposal: &Proposal) -> CustomerSource {
        let sure = |target: &Target| {
            let at = proposal.find(target)?;
            let usage = &proposal.columns[at].usage;
            matches!(usage, Usage::Target(_, Certainty::Sure)).then_some(at)
        };
        if let Some(at) = sure(&Target::Identificador) {
            if sure(&Target::TipoIdentificador).is_some() {
                return CustomerSource::Columns;
            }
            return match self.sample.holds_addresses(proposal.columns[at].index) {
                Some(true) => CustomerSource::Typed(CustomerType::Email),
                Some(false) if self.sample.len() > 0 => {
                    CustomerSource::Typed(CustomerType::Internal)
                }
                _ => CustomerSource::Unknown(vec![at]),
            };
        }
        let half = |at: &usize| self.filled(proposal, *at) * 2 >= self.sample.len();
        if sure(&field(Param::Email)).filter(half).is_some() {
            return CustomerSource::Key(Key::Email);
        }
        if sure(&field(Param::IdInterno)).filter(half).is_some() {
            return CustomerSource::Key(Key::IdInterno);
        }
        let may_be = |at: &usize| {
            let column = &proposal.columns[*at];
            match &column.usage {
                Usage::Target(_, Certainty::Sure) | Usage::NamePart | Usage::Own => false,
                Usage::Unfit(_) => false,
                Usage::Target(target, Certainty::Likely) => {
                    [Param::Email, Param::IdInterno].map(field).contains(target)
                }
                // Phones, names and cities may differ in every row too.
                Usage::Unknown => {
                    let meaning = self.known.meaning(&column.name).map(|(meaning, _)| meaning);
                    let may_be = match meaning {
                        Some(Meaning::Code | Meaning::Email) => true,
                        None => self.sample.holds_codes(column.index),
                        Some(_) => false,
                    };
                    may_be && self.sample.len() > 0 && self.sample.identifies(column.index)
                }
            }
        };
        CustomerSource::Unknown((0..proposal.columns.len()).filter(may_be).collect())
    }
}
