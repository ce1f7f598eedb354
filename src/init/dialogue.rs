//! Asks a person about a proposal, in whole lines. What comes of the answers is in `proposal`.

use super::proposal::{CustomerSource, Proposal, Usage, field};
use super::sample::Sample;
use crate::model::Param;

/// Why the questions ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// A conversation: `say` shows a text, `hear` reads an answer (`None` at the end of the input).
pub struct Dialogue<'a> {
    pub say: &'a mut dyn FnMut(&str),
    pub hear: &'a mut dyn FnMut() -> Option<String>,
}

impl Dialogue<'_> {
    /// Asks about every likely column and, where no column says it, who the customer is.
    ///
    /// # Errors
    /// There were no more answers.
    pub fn settle(&mut self, proposal: &mut Proposal, sample: &Sample) -> Result<(), Cancelled> {
        if let CustomerSource::Unknown(candidates) = proposal.customer.clone()
            && !candidates.is_empty()
        {
            let names = candidates.iter().map(|at| proposal.columns[*at].name.as_str());
            if let Some(chosen) = self.choose("Qual coluna diz quem é o cliente?", names)? {
                proposal.identify_by(candidates[chosen], sample);
            }
        }
        for at in proposal.likely() {
            let column = &proposal.columns[at];
            let Usage::Target(target, _) = &column.usage else { continue };
            // Of the targets that can be likely, this one has a name that explains nothing.
            let what = match *target == field(Param::IdInterno) {
                true => " (o código que o cliente já tem no TomTicket)",
                false => "",
            };
            let question = format!("\"{}\" parece ser {target}{what}. Usar assim?", column.name);
            let is_right = self.confirm(&question, false)?;
            proposal.settle(at, is_right);
        }
        Ok(())
    }

    /// A question whose answer is yes or no; an empty answer is `default`.
    ///
    /// # Errors
    /// There were no more answers.
    pub fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Cancelled> {
        let choices = if default { "[S/n]" } else { "[s/N]" };
        loop {
            (self.say)(&format!("{question} {choices} "));
            let answer = self.answer()?.to_lowercase();
            match answer.as_str() {
                "" => return Ok(default),
                "s" | "sim" | "y" | "yes" => return Ok(true),
                "n" | "não" | "nao" | "no" => return Ok(false),
                _ => (self.say)("Responda s ou n.\n"),
            }
        }
    }

    /// The number of one of several; an empty answer is none of them.
    fn choose<'n>(
        &mut self,
        question: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Option<usize>, Cancelled> {
        (self.say)(&format!("{question}\n"));
        let mut count = 0;
        for name in names {
            count += 1;
            (self.say)(&format!("  {count}) \"{name}\"\n"));
        }
        loop {
            let numbers = if count == 1 { "1".to_owned() } else { format!("de 1 a {count}") };
            (self.say)(&format!("Número ({numbers}; Enter: nenhuma): "));
            match self.answer()?.parse::<usize>() {
                Ok(number) if (1..=count).contains(&number) => return Ok(Some(number - 1)),
                Err(error) if *error.kind() == std::num::IntErrorKind::Empty => return Ok(None),
                _ => (self.say)("Responda com um dos números.\n"),
            }
        }
    }

    fn answer(&mut self) -> Result<String, Cancelled> {
        let Some(line) = (self.hear)() else {
            (self.say)("\n");
            return Err(Cancelled);
        };
        Ok(line.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::known_names::KnownNames;
    use super::super::sample::sample;
    use super::*;
    use crate::input::Record;
    use crate::mapping::Key;

    /// Settles a proposal with these answers; returns what was said.
    fn talk(proposal: &mut Proposal, sample: &Sample, answers: &[&str]) -> (String, bool) {
        let mut said = String::new();
        let mut answers = answers.iter();
        let mut dialogue = Dialogue {
            say: &mut |text| said.push_str(text),
            hear: &mut || answers.next().map(|answer| (*answer).to_owned()),
        };
        let is_done = dialogue.settle(proposal, sample).is_ok();
        assert!(!is_done || answers.next().is_none(), "an answer was not asked for");
        (said, is_done)
    }

    #[test]
    fn what_is_likely_is_used_once_a_person_says_so() {
        let header = Record::from_cells(1, ["Record ID", "Email", "Mobile Phone", "Work Phone"]);
        let phone = "(00) 90000-0001";
        let rows = sample(&[&["7", "a@x.com", phone, phone], &["8", "b@x.com", phone, phone]]);
        let proposal = || Proposal::of(&header, &rows, &KnownNames::read());
        let targets = |answers: &[&str]| {
            let mut proposal = proposal();
            let (said, is_done) = talk(&mut proposal, &rows, answers);
            assert!(is_done, "{said}");
            let options = proposal.mapping();
            (options.map.into_iter().map(|(_, target)| target).collect::<Vec<_>>(), said)
        };
        assert_eq!(targets(&["", "n"]).0, ["email"]);
        let (all, said) = targets(&["s", "talvez", "sim"]);
        assert_eq!(all, ["id_interno", "email", "telefone"]);
        assert!(said.contains("\"Record ID\" parece ser id_interno (o código"), "{said}");
        assert_eq!(said.matches("Responda s ou n.").count(), 1);
        let (said, is_done) = talk(&mut proposal(), &rows, &["s"]);
        assert!(!is_done && said.ends_with('\n'));
    }

    #[test]
    fn a_person_can_say_who_the_customer_is() {
        let header = Record::from_cells(1, ["Nº de sócio", "Nome", "Região"]);
        let rows = sample(&[&["A-7", "Ana", "Sul"], &["A-8", "Bia", "Sul"]]);
        let key = |answers: &[&str]| {
            let mut proposal = Proposal::of(&header, &rows, &KnownNames::read());
            assert!(talk(&mut proposal, &rows, answers).1);
            (proposal.mapping().key, proposal.mapping().map)
        };
        let (chosen, map) = key(&["7", "0", "x", "1"]);
        assert_eq!(chosen, Some(Key::IdInterno));
        assert_eq!(map[0], ("Nº de sócio".to_owned(), "id_interno".to_owned()));
        assert_eq!(key(&[""]).0, None);
    }
}
