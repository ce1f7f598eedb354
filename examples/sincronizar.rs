//! Syncs a CSV from code, against the simulated TomTicket inside the process: no account, no token,
//! no network. `cargo run --example sincronizar -- [clientes.csv]`
//!
//! A run against the real TomTicket takes the token from `TOMTICKET_TOKEN`, and the ledger remembers
//! what was accepted.

use std::error::Error;
use std::path::Path;

use tomticket_sync::config::Settings;
use tomticket_sync::html_report::read_results;
use tomticket_sync::html_report::stats::ResultStats;
use tomticket_sync::model::Situacao;
use tomticket_sync::output::Terminal;
use tomticket_sync::run::execute;
use tomticket_sync::scheduler::Rate;

/// Sends every row of `input` and gives the exit code that the program would have given, and the
/// sum of the results, which lie in `folder` with the rejects.
pub fn sync(input: &Path, folder: &Path) -> Result<(u8, ResultStats), Box<dyn Error>> {
    let results = folder.join("resultado.csv");
    let mut settings = Settings::rehearsal(input);
    settings.rate = Rate::Unlimited;
    settings.quiet = true;
    settings.set_results(&results);
    settings.set_rejects(folder.join("rejeitados.csv"));
    let code = execute(&settings, &Terminal::default())?;
    Ok((code, read_results(&results)?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let input = std::env::args().nth(1).unwrap_or_else(|| "fixtures/clientes.csv".to_owned());
    let folder = std::env::temp_dir().join("tomticket-sync-exemplo");
    std::fs::create_dir_all(&folder)?;
    let (code, findings) = sync(Path::new(&input), &folder)?;
    for situacao in Situacao::ALL {
        println!("{situacao:<12} {:>6}", findings.counts[situacao.index()]);
    }
    println!("código de saída {code}; os arquivos estão em {}", folder.display());
    Ok(())
}
