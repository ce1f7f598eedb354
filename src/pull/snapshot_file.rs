//! The snapshot as a file: an ordinary CSV or workbook of this program, one line a customer.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::error::PullError;
use super::list_reader::{ListKind, ListReader};
use super::spool::{Spool, SpooledCustomer, SpooledField};
use crate::api::{HeldCustomer, HeldPage, ReadRequest};
use crate::model::{CustomerType, Identifier, ORIGIN_COLUMNS};
use crate::output::{Output, SHEET_ROWS, XlsxFile, fits_a_cell};

/// The columns before the custom fields.
pub const SNAPSHOT_COLUMNS: [&str; 8] = [
    "identificador",
    "tipo_identificador",
    "nome",
    "email",
    "telefone",
    "criarchamados",
    "id_organizacao",
    "id_interno",
];

/// Lines that a remark names.
const NAMED: usize = 3;

/// What was read and written, for the summary.
#[derive(Debug, Default)]
pub struct PulledCustomers {
    pub customers: u64,
    pub pages: u64,
    /// The number of customers that the first and the last page gave.
    pub announced: [Option<u64>; 2],
    /// Lines of customers without any name that can be addressed.
    pub nameless: LineCount,
    /// Lines whose identifier an earlier line has.
    pub shared: LineCount,
    /// The custom fields.
    pub fields: Vec<SpooledField>,
}

/// Some lines of the file, the first of them by number.
#[derive(Debug, Default)]
pub struct LineCount {
    pub count: u64,
    pub first: Vec<u64>,
}

impl LineCount {
    fn add(&mut self, line: u64) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(line);
        }
    }
}

/// How customers are written.
#[derive(Debug, Clone)]
pub struct SnapshotFormat {
    /// The cell `conta` of every line.
    pub account: String,
    /// Whether a customer with both names is named by its e-mail.
    pub prefers_email: bool,
    pub kind: SnapshotKind,
}

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotKind {
    Csv,
    GzippedCsv,
    /// A workbook of texts.
    Xlsx,
}

impl SnapshotKind {
    /// What a file of this name is.
    pub fn of(path: &Path) -> Self {
        let is = |ending| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
        match () {
            () if is("gz") => Self::GzippedCsv,
            () if is("xlsx") => Self::Xlsx,
            () => Self::Csv,
        }
    }
}

/// Reads all customers and writes them to `output`, which then only lacks its name. `progress` is
/// told pages, all pages and customers.
pub async fn pull(
    reader: &mut ListReader,
    format: &SnapshotFormat,
    output: Output,
    mut progress: impl FnMut(u64, Option<u64>, u64),
) -> Result<(PulledCustomers, Output), PullError> {
    let path = output.current_path();
    let failed = |cause| PullError::Write { path: path.clone(), cause };
    let mut spool = Spool::new().map_err(failed)?;
    let mut pulled = PulledCustomers::default();
    let mut read = 0;
    let reading = reader.read(customers(), |page| {
        if pulled.pages == 0 {
            pulled.announced[0] = page.page.size;
        }
        pulled.announced[1] = page.page.size;
        if format.kind == SnapshotKind::Xlsx && page.page.size >= Some(SHEET_ROWS) {
            return Err(PullError::TooManyForXlsx);
        }
        pulled.pages = page.number;
        read += page.page.items.len() as u64;
        for customer in page.page.items {
            spool.add(customer, page.read_at).map_err(failed)?;
        }
        progress(page.number, page.page.pages, read);
        Ok(ControlFlow::Continue(()))
    });
    reading.await?;
    if format.kind == SnapshotKind::Xlsx {
        let output = write_xlsx(&mut spool, format, output, &mut pulled)?;
        return Ok((pulled, output));
    }
    let written = write(&mut spool, format, output, &mut pulled);
    // A file that cannot be written is of no use; the error names its place.
    written.map(|output| (pulled, output)).map_err(failed)
}

/// The list of customers.
pub fn customers() -> ListKind<HeldCustomer> {
    ListKind {
        what: "clientes",
        request: |page| ReadRequest::Customers { page },
        parse: HeldPage::of_customers,
    }
}

fn write(
    spool: &mut Spool,
    format: &SnapshotFormat,
    output: Output,
    pulled: &mut PulledCustomers,
) -> io::Result<Output> {
    if format.kind == SnapshotKind::GzippedCsv {
        let packed = GzEncoder::new(output, Compression::default());
        write_csv(spool, format, packed, pulled)?.finish()
    } else {
        write_csv(spool, format, output, pulled)
    }
}

fn write_csv<W: Write>(
    spool: &mut Spool,
    format: &SnapshotFormat,
    to: W,
    pulled: &mut PulledCustomers,
) -> io::Result<W> {
    let mut csv = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(to);
    for_each_row(spool, format, pulled, |cells| {
        csv.write_record(cells)?;
        Ok::<_, io::Error>(lines_in(cells))
    })?;
    csv.into_inner().map_err(|error| error.into_error())
}

fn write_xlsx(
    spool: &mut Spool,
    format: &SnapshotFormat,
    output: Output,
    pulled: &mut PulledCustomers,
) -> Result<Output, PullError> {
    let mut file = XlsxFile::new(output, "Clientes")?;
    let mut row = 0;
    for_each_row(spool, format, pulled, |cells| {
        row += 1;
        if row > SHEET_ROWS {
            return Err(PullError::TooManyForXlsx);
        }
        if !cells.iter().all(|cell| fits_a_cell(cell)) {
            return Err(PullError::TooLongForXlsx { row });
        }
        file.write(cells.iter().map(String::as_str))?;
        Ok(0)
    })?;
    file.complete()?;
    Ok(file.into_output())
}

/// Hands the cells of the header and of every customer to `put`, which returns how many lines more
/// than one they took.
fn for_each_row<E: From<io::Error>>(
    spool: &mut Spool,
    format: &SnapshotFormat,
    pulled: &mut PulledCustomers,
    mut put: impl FnMut(&[String]) -> Result<u64, E>,
) -> Result<(), E> {
    let fields = spool.fields().to_vec();
    // The file must not say that a value is empty which cannot be written: the field has no column.
    let shown: Vec<usize> = (0..fields.len()).filter(|number| fields[*number].is_text).collect();
    let campos = shown.iter().map(|number| format!("campo:{}", fields[*number].id.as_str()));
    let header = SNAPSHOT_COLUMNS.into_iter().map(ToOwned::to_owned).chain(campos);
    let header: Vec<String> = header.chain(ORIGIN_COLUMNS.map(ToOwned::to_owned)).collect();
    put(&header)?;
    let mut identifiers: HashMap<u64, ()> = HashMap::new();
    let mut line = 1;
    let mut cells: Vec<String> = Vec::new();
    spool.for_each(|customer| {
        line += 1;
        let (ctype, identifier) = name(&customer, format.prefers_email);
        if Identifier::held(identifier).is_err() {
            pulled.nameless.add(line);
        } else if identifiers.insert(hash(ctype, &identifier.to_lowercase()), ()).is_some() {
            pulled.shared.add(line);
        }
        cells.clear();
        let id_interno = match ctype {
            CustomerType::Internal => "",
            CustomerType::Email => &customer.id_interno,
        };
        let criarchamados = if customer.criarchamados { "true" } else { "" };
        let fixed = [
            identifier,
            ctype.as_str(),
            &customer.nome,
            &customer.email,
            &customer.telefone,
            criarchamados,
            &customer.id_organizacao,
            id_interno,
        ];
        cells.extend(fixed.map(ToOwned::to_owned));
        cells.resize(fixed.len() + shown.len(), String::new());
        for (number, value) in &customer.campos {
            if let Ok(place) = shown.binary_search(&(*number as usize)) {
                cells[fixed.len() + place].clone_from(value);
            }
        }
        cells.push(Timestamp::from_second(customer.read_at).unwrap_or_default().to_string());
        cells.push(format.account.clone());
        line += put(&cells)?;
        Ok::<_, E>(())
    })?;
    pulled.customers = spool.customers();
    pulled.fields = fields;
    Ok(())
}

/// The name by which a line addresses its customer: one that can be addressed, if there is one.
fn name(customer: &SpooledCustomer, prefers_email: bool) -> (CustomerType, &str) {
    let mut names =
        [(CustomerType::Internal, &*customer.id_interno), (CustomerType::Email, &*customer.email)];
    if prefers_email {
        names.reverse();
    }
    let can_be_addressed = |(_, name): &(_, &str)| Identifier::held(name).is_ok();
    let any = |(_, name): &(_, &str)| !name.is_empty();
    let found = names.into_iter().find(can_be_addressed);
    found.or_else(|| names.into_iter().find(any)).unwrap_or((CustomerType::Email, ""))
}

/// Line breaks inside cells, which move the lines after them.
fn lines_in(cells: &[String]) -> u64 {
    cells.iter().flat_map(|cell| cell.bytes()).filter(|byte| *byte == b'\n').count() as u64
}

fn hash(ctype: CustomerType, text: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(ctype.as_str().as_bytes());
    hasher.update(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}
