//! `ids`: the ids that a mapping needs, as CSV on standard output.

use super::error::CommandError;
use super::print;
use super::reading::{OpenAccount, report};
use crate::cli::IdsArgs;
use crate::pull::read_ids;

pub(super) fn run(args: &IdsArgs) -> u8 {
    report(&args.reading, |_| {
        let account = OpenAccount::open(&args.reading)?;
        let read =
            account.read(&args.reading, async |mut reader| Ok(read_ids(&mut reader).await?))?;
        let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let header = csv.write_record(["tipo", "id", "nome"]);
        let written = header.and_then(|()| read.ids.iter().try_for_each(|id| csv.serialize(id)));
        let bytes = written
            .map_err(std::io::Error::from)
            .and_then(|()| csv.into_inner().map_err(|error| error.into_error()));
        let code = print(&String::from_utf8_lossy(&bytes.map_err(CommandError::Stdout)?))?;
        read.organizations?;
        Ok(code)
    })
}
