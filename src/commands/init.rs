//! `init`: a configuration file for an export, proposed, asked about on a terminal, and written beside
//! it. What is proposed is [`crate::init`]'s.

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use clap::ArgMatches;

use super::error::CommandError;
use super::print;
use crate::cli::{InitArgs, init_again};
use crate::config::{can_be_read_again, proposed_config};
use crate::exit_code;
use crate::init::{
    CustomerSource, Dialogue, KnownNames, LikelyColumns, Proposal, Sample, config_text, table,
};
use crate::input::{
    Encoding, InputArg, InputError, InputFile, Inspection, ReadOptions, inspect, rows,
};
use crate::locale::foreign_text::{shell_program, shell_word, visible, visible_path};
use crate::locale::format::counted;
use crate::mapping::{MappingError, MappingPlan, looks_like_values, no_header, shortened};
use crate::output::{Destination, ModeLimit, Terminal, is_free, write_new_file};
use crate::preflight::sheet_text;

pub(super) fn run(args: InitArgs, typed: &ArgMatches) -> Result<u8, CommandError> {
    let terminal = Terminal::default();
    let config = proposed_config(&args.input);
    let asks = !args.yes && can_ask();
    if args.yes || asks {
        let is_input = Destination::from_arg(config.as_path());
        is_input.differs_from(&args.input, "é a própria entrada")?;
        if !args.force {
            is_free(&config)?;
        }
    }
    let known = KnownNames::read();
    let file = InputFile::open(&InputArg::from_arg(&args.input))?;
    let mut read = args.read;
    let inspection = inspect_export(&file, &mut read, &known)?;
    if looks_like_values(&inspection.header) && !known.are_in(&inspection.header) {
        // Their names would be a customer's.
        let why = format!("{}: {}", file.label(), no_header(&inspection.header));
        return Err(MappingError::NoHeader(why).into());
    }
    let sample = Sample::read(rows(&file, &inspection)?)?;
    let mut proposal = Proposal::of(&inspection.header, &sample, &known);
    let text =
        |proposal: &Proposal| config_text(proposal, &name_of(&args.input), &reading_keys(&read));
    if !args.yes && !asks {
        print(&text(&proposal))?;
        require_customer(&proposal, &inspection)?;
        require_mapping(&proposal, &inspection)?;
        terminal.print(&how_to_write(&config, typed));
        return Ok(exit_code::OK);
    }
    terminal.print(&format!(
        "{}: {}{}, {}\n{}",
        file.label(),
        read_as(&inspection),
        counted(inspection.header.len() as u64, "coluna", "colunas"),
        counted(sample.len() as u64, "linha lida", "linhas lidas"),
        table(&proposal, if asks { LikelyColumns::Asked } else { LikelyColumns::Commented })
    ));
    if asks {
        let mut say = |text: &str| terminal.print(text);
        let mut hear = || io::stdin().lock().lines().next()?.ok();
        let mut dialogue = Dialogue { say: &mut say, hear: &mut hear };
        let settled = dialogue.settle(&mut proposal, &sample);
        settled.map_err(|_| CommandError::Declined)?;
        require_customer(&proposal, &inspection)?;
        let question = format!("Gravar a configuração em {}?", visible_path(&config));
        if dialogue.confirm(&question, true) != Ok(true) {
            return Err(CommandError::Declined);
        }
    }
    require_customer(&proposal, &inspection)?;
    require_mapping(&proposal, &inspection)?;
    let mut text = text(&proposal);
    if cfg!(windows) {
        text = text.replace('\n', "\r\n");
    }
    write_new_file(&config, &text, ModeLimit::of_input(&args.input), args.force)?;
    terminal.print(&format!(
        "Gravado: {}. Confira o que ele diz.\n{}",
        visible_path(&config),
        next_commands(&args.input, &config)
    ));
    Ok(exit_code::OK)
}

/// Whether there is a person to ask.
fn can_ask() -> bool {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    !is_ci && io::stdin().is_terminal() && Terminal::default().is_terminal()
}

/// Reads the beginning of an export. What it takes to read it, and was not given, is added to `read`:
/// the encoding of DOS, and the lines above the header.
fn inspect_export(
    file: &InputFile,
    read: &mut ReadOptions,
    known: &KnownNames,
) -> Result<Inspection, InputError> {
    let inspection = match inspect(file, read) {
        Err(InputError::LooksLikeCp850 { .. }) => {
            read.encoding = Some(Encoding::Cp850);
            inspect(file, read)?
        }
        inspected => inspected?,
    };
    if read.skip_lines.is_none()
        && !known.are_in(&inspection.header)
        && let Some(linha) = inspection.header_further_down(file, |row| known.are_in(row))?
    {
        read.skip_lines = Some(linha - 1);
        return inspect(file, read);
    }
    Ok(inspection)
}

/// The options of reading that the configuration file must repeat, as keys and values in TOML.
fn reading_keys(read: &ReadOptions) -> Vec<(&'static str, String)> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let delimiter = read.delimiter.map(|byte| match byte {
        b'\t' => quoted("tab"),
        byte => quoted(char::from(byte).encode_utf8(&mut [0; 4])),
    });
    let encoding = read.encoding.map(|encoding| quoted(encoding.name()));
    let skip_lines = read.skip_lines.map(|lines| lines.to_string());
    let sheet = read.sheet.as_deref().map(quoted);
    let hidden = read.hidden.map(|hidden| quoted(hidden.name()));
    let keys = [
        ("delimiter", delimiter),
        ("encoding", encoding),
        ("skip-lines", skip_lines),
        ("sheet", sheet),
        ("hidden", hidden),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// What was read where that is not the beginning of a text, in front of the columns.
fn read_as(inspection: &Inspection) -> String {
    let sheet = inspection.sheet.as_ref().map(|sheet| format!("{}, ", sheet_text(sheet)));
    let linha = inspection.header.linha();
    let header = (linha > 1).then(|| format!("cabeçalho na linha {linha}, "));
    sheet.into_iter().chain(header).collect()
}

/// The proposal is of no use where nobody knows who the customer is.
fn require_customer(proposal: &Proposal, inspection: &Inspection) -> Result<(), CommandError> {
    let CustomerSource::Unknown(candidates) = &proposal.customer else { return Ok(()) };
    let names: Vec<String> = candidates
        .iter()
        .map(|at| format!("\"{}\"", visible(&proposal.columns[*at].name)))
        .collect();
    let may_be = |which: String| {
        format!(
            "pode ser {which}. Nada foi gravado. Num terminal, init pergunta; ou diga a run e check qual é: --map \"COLUNA=email\" --key email para um e-mail, --map \"COLUNA=id_interno\" --key id_interno para o código que o cliente tem no TomTicket"
        )
    };
    let why = match names.as_slice() {
        [] => "nenhuma coluna tem um e-mail ou um código diferente em cada linha. Nada foi gravado. Acrescente à exportação o e-mail do cliente, ou o código que ele tem no TomTicket".to_owned(),
        [one] => may_be(format!("a coluna {one}")),
        several => may_be(format!("uma destas colunas: {}", shortened(several))),
    };
    let other_sheet = inspection.sheet.as_ref().filter(|sheet| !sheet.others.is_empty());
    let other_sheet = other_sheet.map(|sheet| format!("\nFoi lida a {}", sheet_text(sheet)));
    Err(CommandError::NoCustomer(format!(
        "não sei quem é o cliente: {why}{}",
        other_sheet.unwrap_or_default()
    )))
}

/// What is written is a mapping of this file.
fn require_mapping(proposal: &Proposal, inspection: &Inspection) -> Result<(), CommandError> {
    MappingPlan::new(&inspection.header, &proposal.mapping(), inspection.cr_ends)?;
    Ok(())
}

/// How to write what was only shown.
fn how_to_write(config: &Path, typed: &ArgMatches) -> String {
    let exists = is_free(config).is_err();
    let config = visible_path(config);
    let start = match exists {
        true => format!("Nada foi gravado, e {config} já existe. Para trocar esse arquivo"),
        false => format!("Nada foi gravado. Para gravar {config}"),
    };
    match init_again(&program(), typed, exists) {
        Some(command) => format!("{start}:\n  {command}\n"),
        None => {
            let force = if exists { " --force" } else { "" };
            format!("{start}, rode o mesmo comando com --yes{force}.\n")
        }
    }
}

/// The commands that use the file.
fn next_commands(input: &Path, config: &Path) -> String {
    let is_there = can_be_read_again(input);
    let input = if is_there { shell_word(input.as_os_str()) } else { "ARQUIVO".to_owned() };
    let (program, config) = (shell_program(&program()), shell_word(config.as_os_str()));
    let what = if is_there { "" } else { " (ARQUIVO é a exportação, num arquivo)" };
    format!(
        "Próximo passo{what}:\n  {program} check {input} --config {config}\n  {program} run {input} --config {config} --sandbox\n"
    )
}

fn program() -> OsString {
    std::env::args_os().next().unwrap_or_default()
}

/// The file's own name, for a comment.
fn name_of(input: &Path) -> String {
    match input.file_name().filter(|_| can_be_read_again(input)) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => "a entrada padrão".to_owned(),
    }
}
