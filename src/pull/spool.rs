//! Customers on disk while a list is read, in a temporary file without a name. A customer that is
//! met again, because it moved between two pages, replaces its earlier reading.
//!
//! They wait here because the header of the file names every custom field, and the last page may bring
//! a new one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::HeldCustomer;
use crate::model::CampoId;

/// The cells of one customer, without empty custom fields.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpooledCustomer {
    pub id_interno: String,
    pub nome: String,
    pub email: String,
    pub telefone: String,
    pub criarchamados: bool,
    pub id_organizacao: String,
    /// By the number of the field.
    pub campos: Vec<(u32, String)>,
    /// Seconds since 1970.
    pub read_at: i64,
}

/// A custom field, in the order in which the fields were met.
#[derive(Debug, Clone)]
pub struct SpooledField {
    pub id: CampoId,
    pub name: String,
    /// Whether all of its values can be written.
    pub is_text: bool,
}

/// The customers that were read so far.
#[derive(Debug)]
pub struct Spool {
    file: BufWriter<File>,
    fields: Vec<SpooledField>,
    field_numbers: HashMap<CampoId, u32>,
    /// The latest reading of each customer and its second since 1970, by a hash of its names.
    latest: HashMap<u128, (u32, u32)>,
    /// Whether each reading is the latest of its customer.
    is_latest: Vec<bool>,
}

impl Spool {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 16, tempfile::tempfile()?),
            fields: Vec::new(),
            field_numbers: HashMap::new(),
            latest: HashMap::new(),
            is_latest: Vec::new(),
        })
    }

    /// Different customers.
    pub fn customers(&self) -> u64 {
        self.is_latest.iter().filter(|latest| **latest).count() as u64
    }

    /// Adds a customer that was read by a request sent at `read_at`.
    pub fn add(&mut self, customer: HeldCustomer, read_at: Timestamp) -> io::Result<()> {
        let number = self.is_latest.len() as u32;
        self.is_latest.push(true);
        // Without any name it cannot be recognised.
        if !(customer.id_interno.is_empty() && customer.email.is_empty()) {
            let second = u32::try_from(read_at.as_second()).unwrap_or(0);
            let latest = self.latest.entry(identity(&customer)).or_insert((number, second));
            let earlier = *latest;
            // A page that failed is read after those that follow it.
            if second >= earlier.1 {
                *latest = (number, second);
            }
            for other in [earlier.0, number] {
                self.is_latest[other as usize] = other == latest.0;
            }
        }
        let mut campos = Vec::with_capacity(customer.campos.len());
        for field in customer.campos {
            let number = match self.field_numbers.get(&field.id) {
                Some(number) => *number,
                None => {
                    let number = self.fields.len() as u32;
                    self.field_numbers.insert(field.id.clone(), number);
                    self.fields.push(SpooledField {
                        id: field.id,
                        name: field.name,
                        is_text: true,
                    });
                    number
                }
            };
            match field.value {
                Some(value) if value.is_empty() => {}
                Some(value) => campos.push((number, value)),
                None => self.fields[number as usize].is_text = false,
            }
        }
        let spooled = SpooledCustomer {
            id_interno: customer.id_interno,
            nome: customer.nome,
            email: customer.email,
            telefone: customer.telefone,
            criarchamados: customer.criarchamados == Some(true),
            id_organizacao: customer.id_organizacao,
            campos,
            read_at: read_at.as_second(),
        };
        let bytes = postcard::to_extend(&spooled, Vec::new()).map_err(io::Error::other)?;
        self.file.write_all(&(bytes.len() as u32).to_le_bytes())?;
        self.file.write_all(&bytes)
    }

    /// The custom fields of all customers.
    pub fn fields(&self) -> &[SpooledField] {
        &self.fields
    }

    /// Hands over the latest reading of every customer, in the order of the list.
    pub fn for_each<E: From<io::Error>>(
        &mut self,
        mut take: impl FnMut(SpooledCustomer) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.flush()?;
        let mut file = self.file.get_ref();
        file.rewind()?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut bytes = Vec::new();
        for is_latest in &self.is_latest {
            let mut len = [0; 4];
            reader.read_exact(&mut len)?;
            bytes.resize(u32::from_le_bytes(len) as usize, 0);
            reader.read_exact(&mut bytes)?;
            if *is_latest {
                let customer = postcard::from_bytes(&bytes)
                    .map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
                take(customer)?;
            }
        }
        Ok(())
    }
}

/// A hash of a customer's names, by which it is recognised on another page. Letter case of the e-mail
/// makes no other customer.
fn identity(customer: &HeldCustomer) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(customer.id_interno.len() as u64).to_le_bytes());
    hasher.update(customer.id_interno.as_bytes());
    hasher.update(customer.email.to_lowercase().as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(id: &str, email: &str, nome: &str) -> HeldCustomer {
        HeldCustomer {
            id_interno: id.to_owned(),
            email: email.to_owned(),
            nome: nome.to_owned(),
            ..HeldCustomer::default()
        }
    }

    #[test]
    fn a_customer_that_is_met_twice_stays_as_last_read() {
        let mut spool = Spool::new().unwrap();
        for (id, email, nome, second) in [
            ("1", "a@x", "velho", 10),
            ("", "b@x", "b", 11),
            ("", "", "sem nome", 11),
            ("", "", "sem nome", 11),
            ("1", "A@x", "novo", 12),
            // Its page came later, but was read earlier.
            ("1", "a@x", "atrasado", 11),
            ("1", "c@x", "outro cliente", 12),
        ] {
            let read_at = Timestamp::from_second(second).unwrap();
            spool.add(customer(id, email, nome), read_at).unwrap();
        }
        let mut names = Vec::new();
        spool
            .for_each(|customer| {
                names.push(customer.nome);
                Ok::<_, io::Error>(())
            })
            .unwrap();
        assert_eq!(names, ["b", "sem nome", "sem nome", "novo", "outro cliente"]);
        assert_eq!(spool.customers(), 5);
    }
}
