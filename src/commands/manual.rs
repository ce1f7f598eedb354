//! `manual`: the manual page in roff, made from the command line's definition, so that it says what
//! `--help` says. One page for all commands: in `man`, a search is quicker than a choice of pages.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

pub(super) fn page() -> String {
    let mut page = Vec::new();
    // Writing into memory does not fail.
    let _ = write_page(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

fn write_page(page: &mut Vec<u8>) -> io::Result<()> {
    let mut root = crate::cli::command();
    root.build();
    let name = root.get_name().to_owned();
    let man = Man::new(root.clone())
        .title(name.to_uppercase())
        .section("1")
        .date(format!("versão {}", env!("CARGO_PKG_VERSION")))
        .source(&name)
        .manual("Comandos do usuário");
    man.render_title(page)?;
    let about =
        |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("SH", ["NOME"]);
    roff.text([roman(format!("{name} - {}", about(&root)))]);
    roff.control("SH", ["SINOPSE"]);
    roff.text([bold(name.as_str()), roman(" COMANDO [OPÇÕES]")]);
    roff.control("SH", ["COMANDOS"]);
    roff.text([roman(
        "Cada opção de run e check também é uma variável (TOMTICKET_SYNC_ e o nome, em maiúsculas, com _ em lugar de -) e, menos --config, uma chave de tomticket-sync.toml; -vv é TOMTICKET_SYNC_VERBOSE=2 e verbose = 2. As do comando valem mais que as variáveis, e estas mais que o arquivo.",
    )]);
    roff.to_writer(page)?;
    for command in root.get_subcommands() {
        match command.has_subcommands() {
            false => section(page, command)?,
            true => command.get_subcommands().try_for_each(|inner| section(page, inner))?,
        }
    }
    let mut roff = Roff::new();
    for paragraph in
        root.get_after_help().map(ToString::to_string).unwrap_or_default().split("\n\n")
    {
        let (title, lines) = paragraph.split_once('\n').unwrap_or(("Observações", paragraph));
        roff.control("SH", [title.trim_end_matches(':').to_uppercase().as_str()]);
        for line in lines.lines() {
            roff.control("br", []);
            roff.text([roman(line.trim_start())]);
        }
    }
    roff.control("SH", ["VEJA TAMBÉM"]);
    roff.text([roman("O guia completo, docs/guia.md, e os formatos dos arquivos, docs/results.md, vêm com o código do programa.")]);
    roff.to_writer(page)?;
    Ok(())
}

/// The section of a command: its name, what it is for, its usage, and its options by heading.
fn section(page: &mut dyn Write, command: &Command) -> io::Result<()> {
    // `check` takes the options of `run`, which are listed there.
    let same_as_run = command.get_name() == "check";
    let (_, name) =
        command.get_bin_name().and_then(|name| name.split_once(' ')).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let mut roff = Roff::new();
    roff.control("SH", [name.to_uppercase().as_str()]);
    roff.text([roman(command.get_about().map(|about| format!("{about}.")).unwrap_or_default())]);
    roff.control("PP", []);
    roff.text([bold(usage.trim_start_matches("Usage:").trim())]);
    if same_as_run {
        roff.control("PP", []);
        roff.text([roman("Aceita as mesmas opções que run; as de envio e saída não têm efeito.")]);
    }
    roff.to_writer(page)?;
    if !same_as_run {
        let mut options = Vec::new();
        Man::new(command.clone()).render_options_section(&mut options)?;
        // A group of options is a part of the command's section.
        let options = String::from_utf8_lossy(&options).replace("\n.SH ", "\n.SS ");
        page.write_all(options.as_bytes())?;
    }
    Ok(())
}
