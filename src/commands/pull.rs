//! `pull`: what TomTicket holds, as a snapshot.

use std::path::Path;
use std::time::{Duration, Instant};

use clap::ArgMatches;

use super::error::CommandError;
use super::reading::{OpenAccount, report};
use crate::cli::{PullArgs, check_against, pull_again};
use crate::config::is_special;
use crate::exit_code;
use crate::locale::foreign_text::visible_path;
use crate::locale::format::{counted, duration_words, number};
use crate::mapping::Key;
use crate::output::{Destination, ModeLimit, Output, StatusLine, Terminal};
use crate::pull::{LineCount, PulledCustomers, SnapshotFormat, SnapshotKind, pull};

pub(super) fn run(args: &PullArgs, typed: &ArgMatches) -> u8 {
    report(&args.reading, |terminal| write_snapshot(args, typed, terminal))
}

fn write_snapshot(
    args: &PullArgs,
    typed: &ArgMatches,
    terminal: &Terminal,
) -> Result<u8, CommandError> {
    let path = args.output.as_deref().unwrap_or(Path::new("-"));
    let account = OpenAccount::open(&args.reading)?;
    let destination = Destination::from_arg(path);
    let mut output = Output::open(&destination, ModeLimit::PRIVATE)?;
    output.begin()?;
    let format = SnapshotFormat {
        account: account.account.mark().to_string(),
        prefers_email: args.key == Some(Key::Email),
        kind: SnapshotKind::of(path),
    };
    let started = Instant::now();
    let mut line = StatusLine::new(terminal.clone(), args.reading.quiet);
    let pulled = account.read(&args.reading, async |mut reader| {
        let progress = |page, pages: Option<u64>, customers| {
            line.show(|| progress_text(page, pages, customers, started.elapsed()));
        };
        Ok(pull(&mut reader, &format, output, progress).await?)
    });
    line.finish();
    let (pulled, output) = pulled?;
    output.complete()?;
    if !args.reading.quiet {
        let mut text = summary(&pulled, &destination);
        if let Destination::Path(path) = &destination
            && !is_special(path)
        {
            text.push_str(&next_step(path, format.kind, typed).unwrap_or_default());
        }
        terminal.print(&text);
    }
    Ok(exit_code::OK)
}

/// How far the reading is after `elapsed`, and how long the rest will take.
fn progress_text(page: u64, pages: Option<u64>, customers: u64, elapsed: Duration) -> String {
    let customers = counted(customers, "cliente", "clientes");
    let Some(pages) = pages.filter(|pages| *pages >= page && page > 0) else {
        return format!("lendo: página {}, {customers}", number(page));
    };
    let left = elapsed.as_secs_f64() * (pages - page) as f64 / page as f64;
    // Also where a server announces more pages than there can be.
    let left = Duration::from_secs(left.min(1e7) as u64);
    format!(
        "lendo: página {} de {}, {customers}, faltam {}",
        number(page),
        number(pages),
        duration_words(left)
    )
}

/// What was read, what is odd about it, and what to do next.
fn summary(pulled: &PulledCustomers, destination: &Destination) -> String {
    let mut text = format!(
        "{}: {} em {}\n",
        destination.label(),
        counted(pulled.customers, "cliente", "clientes"),
        counted(pulled.pages, "página", "páginas")
    );
    if pulled.customers == 0 {
        text.push_str("aviso: o TomTicket não listou nenhum cliente\n");
    }
    for field in &pulled.fields {
        text.push_str(&format!("  campo:{} é \"{}\"\n", field.id.as_str(), field.name));
    }
    for field in pulled.fields.iter().filter(|field| !field.is_text) {
        text.push_str(&format!(
            "aviso: campo:{} tem listas em vez de textos: não está no arquivo, e conta como não lido\n",
            field.id.as_str()
        ));
    }
    let lines = |lines: &LineCount| {
        let word = if lines.count == 1 { "linha" } else { "linhas" };
        let named: Vec<String> = lines.first.iter().map(|line| number(*line)).collect();
        let more = lines.count - lines.first.len() as u64;
        let more = if more > 0 { format!(" e mais {}", number(more)) } else { String::new() };
        format!("{word} {}{more}", named.join(", "))
    };
    if pulled.nameless.count > 0 {
        let (are, them) =
            if pulled.nameless.count == 1 { ("está", "lo") } else { ("estão", "los") };
        text.push_str(&format!(
            "aviso: {} sem e-mail nem identificador interno que sirva de endereço ({}): {are} no arquivo, mas não há como atualizá-{them}\n",
            counted(pulled.nameless.count, "cliente", "clientes"),
            lines(&pulled.nameless)
        ));
    }
    if pulled.shared.count > 0 {
        text.push_str(&format!(
            "aviso: {} com o identificador de outro ({}): uma atualização não sabe de qual dos dois se trata\n",
            counted(pulled.shared.count, "cliente", "clientes"),
            lines(&pulled.shared)
        ));
    }
    let announced = pulled.announced;
    if announced.iter().flatten().any(|size| *size != pulled.customers) {
        text.push_str(&format!(
            "aviso: o TomTicket anunciou {} no começo e {} no fim, e a leitura encontrou {}: clientes mudaram de página durante a leitura, e alguns podem faltar. Que um cliente não está no retrato não prova nada\n",
            announced[0].map_or("?".to_owned(), number),
            announced[1].map_or("?".to_owned(), number),
            number(pulled.customers)
        ));
    }
    text
}

/// How the snapshot at `path` is used; `None` where the command lacks what `pull` was given.
fn next_step(path: &Path, kind: SnapshotKind, typed: &ArgMatches) -> Option<String> {
    let program = std::env::args_os().next().unwrap_or_default();
    if let SnapshotKind::Xlsx = kind {
        let before = path.with_extension("antes.csv");
        return Some(format!(
            "Próximo passo: leia também um CSV, para comparar e para desfazer; depois corrija {} e veja o que mudaria:\n  {}\n  {}\n",
            visible_path(path),
            pull_again(&program, typed, &before)?,
            check_against(&program, typed, path, &before)?
        ));
    }
    let usual = Path::new("clientes.csv");
    let (input, which) = match usual.is_file() && !path.ends_with(usual) {
        true => (usual, ""),
        false => (Path::new("ARQUIVO"), ", com a sua exportação no lugar de ARQUIVO"),
    };
    let check = check_against(&program, typed, input, path)?;
    Some(format!("Próximo passo: veja o que mudaria{which}:\n  {check}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_tells_how_long_the_rest_will_take() {
        let after = Duration::from_secs(100);
        let text = progress_text(300, Some(2_000), 15_000, after);
        assert_eq!(text, "lendo: página 300 de 2.000, 15.000 clientes, faltam 9 min 26 s");
        assert_eq!(progress_text(3, None, 150, after), "lendo: página 3, 150 clientes");
    }
}
