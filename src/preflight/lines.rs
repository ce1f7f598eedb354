//! Lines of the input that a warning names: the first few, and how many there are in all.

use crate::output::number;

/// Lines that are named.
const NAMED: usize = 5;

/// Lines that something was found on. Rows must come in file order.
#[derive(Debug, Default, Clone)]
pub struct Lines {
    first: Vec<u64>,
    found: u64,
}

impl Lines {
    /// Takes a line in.
    pub fn add(&mut self, linha: u64) {
        self.found += 1;
        if self.first.len() < NAMED {
            self.first.push(linha);
        }
    }

    /// Whether there is more than one, where there is any.
    pub const fn several(&self) -> Option<bool> {
        match self.found {
            0 => None,
            found => Some(found > 1),
        }
    }

    /// `linha 3`, `linhas 3, 4`, `linhas 3, 4, 5, 6, 7 e mais 4`.
    pub fn text(&self) -> String {
        let first: Vec<_> = self.first.iter().map(ToString::to_string).collect();
        let word = if self.found == 1 { "linha" } else { "linhas" };
        let more = match self.found - self.first.len() as u64 {
            0 => String::new(),
            more => format!(" e mais {}", number(more)),
        };
        format!("{word} {}{more}", first.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_named_and_the_others_counted() {
        let text = |lines: u64| {
            let mut found = Lines::default();
            (3..3 + lines).for_each(|linha| found.add(linha));
            found.several().map(|_| found.text())
        };
        assert_eq!(text(0), None);
        assert_eq!(text(1).as_deref(), Some("linha 3"));
        assert_eq!(text(2).as_deref(), Some("linhas 3, 4"));
        assert_eq!(text(5).as_deref(), Some("linhas 3, 4, 5, 6, 7"));
        assert_eq!(text(9).as_deref(), Some("linhas 3, 4, 5, 6, 7 e mais 4"));
    }
}
