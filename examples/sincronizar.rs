//! Syncs a CSV from code, against the simulated TomTicket inside the process: no account, no token,
//! no network. `cargo run --example sincronizar -- [clientes.csv]`
//!
//! For the real TomTicket, `Settings::new` (or `with_token`) in place of `Settings::rehearsal`: it takes
//! the token from `TOMTICKET_TOKEN`, and the ledger remembers what was accepted.

use std::error::Error;
use std::path::Path;

use tomticket_sync::{Rate, RunError, RunSummary, Settings, Situacao, run};

/// Sends every row of `input`. Results and rejects lie in `folder`.
pub fn sync(input: &Path, folder: &Path) -> Result<RunSummary, RunError> {
    let mut settings = Settings::rehearsal(input);
    settings.rate = Rate::Unlimited;
    settings.quiet = true;
    settings.set_results(folder.join("resultado.csv"));
    settings.set_rejects(folder.join("rejeitados.csv"));
    run(&settings)
}

fn main() -> Result<(), Box<dyn Error>> {
    let input = std::env::args().nth(1).unwrap_or_else(|| "fixtures/clientes.csv".to_owned());
    let folder = std::env::temp_dir().join("tomticket-sync-exemplo");
    std::fs::create_dir_all(&folder)?;
    let summary = sync(Path::new(&input), &folder)?;
    for situacao in Situacao::ALL {
        println!("{situacao:<12} {:>6}", summary.count(situacao));
    }
    let code = summary.codigo_saida;
    println!("código de saída {code}; os arquivos estão em {}", folder.display());
    Ok(())
}
