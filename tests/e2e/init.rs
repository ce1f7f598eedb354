//! `init`: from an export under another program's headers to a rehearsal. What is recognised is tested
//! beside the code, against `fixtures/exportacoes/destinos.csv`.

use std::path::Path;

use crate::support::workbook::sheet_of;
use crate::support::{Finished, Run, Workbook, prerequisites};

const BOB: &str = "E-mail,Nome,Sobrenome,Empresa\nbob.silva@example.com,Bob,Silva,Modelo\n";

fn init(csv: &str, args: &[&str]) -> Finished {
    Run::bare(&["init"]).csv(csv).args(args.iter().copied()).go()
}

#[test]
fn f150_every_export_is_proposed_checked_and_rehearsed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/exportacoes");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "destinos.csv" {
            continue;
        }
        count += 1;
        let made = Run::bare(&["init"]).input(name, std::fs::read(&path).unwrap());
        let english =
            |run: Run| ["Address", "- Value", "File As"].into_iter().fold(run, Run::with_english);
        let made = english(made).arg("--yes").go();
        made.exits(0);
        let config = Path::new(name).with_extension("toml").display().to_string();
        let with = |command: &str| {
            let run = Run::bare(&[command]).on(name).args(["--config", &config]);
            english(run).in_folder_of(&made)
        };
        with("check").go().exits(0);
        let rehearsal = with("run").args(["--sandbox", "--rate", "unlimited"]).go();
        rehearsal.exits(0);
        let stem = Path::new(name).with_extension("").display().to_string();
        let results = rehearsal.text(&format!("{stem}.simulado.resultado.csv"));
        assert_eq!(results.matches(",atualizado,").count(), 6, "{name}: {results}");
    }
    assert_eq!(count, 10);
}

/// The README's way of a newcomer.
#[test]
fn a_workbook_takes_three_commands_to_a_rehearsal() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clientes.xlsx");
    let book = std::fs::read(fixture).unwrap();
    let made = Run::bare(&["init"]).input("clientes.xlsx", &book).arg("--yes").go();
    made.exits(0).says(&["check clientes.xlsx --config clientes.toml"]);
    assert!(!made.text("clientes.toml").contains("sheet"));
    // What was only shown says how it is written, with the sheet, and over what.
    let shown = |args: &[&str]| {
        let run = Run::bare(&["init", "clientes.xlsx", "--sheet", "Clientes"]).in_folder_of(&made);
        run.args(args.iter().copied()).go()
    };
    let over = "init clientes.xlsx --sheet Clientes --yes --force";
    shown(&[]).exits(0).says(&["clientes.toml já existe", over]);
    let with = |command: &str, args: &[&str]| {
        let run = Run::bare(&[command, "clientes.xlsx", "--config", "clientes.toml"]);
        run.in_folder_of(&made).args(args.iter().copied()).go()
    };
    with("check", &[]).exits(0);
    let rehearsal = with("run", &["--sandbox", "--rate", "unlimited"]);
    rehearsal.exits(0);
    let results = rehearsal.text("clientes.simulado.resultado.csv");
    assert_eq!(results.matches(",atualizado,").count(), 10, "{results}");
    let named = ["init", "clientes.xlsx", "--yes", "--force", "--sheet", "Clientes"];
    let named = Run::bare(&named).in_folder_of(&made).go();
    assert!(named.exits(0).text("clientes.toml").contains("sheet = \"Clientes\""));
}

/// The first sheet may be a summary, and the header may stand below a title.
#[test]
fn f188_what_was_read_is_said_and_another_sheet_is_named() {
    let rows = [&["Clientes"][..], &["Nome", "E-mail"], &["Ana", "ana@example.com"]];
    let book = Workbook::of(&sheet_of(&[&["Total de clientes", "3"]]))
        .sheet("Lista 2026", "visible", &sheet_of(&rows))
        .zip();
    let with = |command: &str, args: &[&str]| {
        let run = Run::bare(&[command]).input("clientes.xlsx", &*book);
        run.args(args.iter().copied()).go()
    };
    let other = "planilha \"Clientes\" (há também \"Lista 2026\": --sheet)";
    with("init", &["--yes"]).exits(1).says(&["nenhuma coluna tem", other]);
    with("check", &["--key", "email"]).exits(2).says(&["--key email precisa", other]);
    let made = with("init", &["--yes", "--sheet", "Lista 2026"]);
    made.exits(0).says(&["planilha \"Lista 2026\"", "cabeçalho na linha 2, 2 colunas"]);
}

/// What nobody was asked about is not used.
#[test]
fn f188_what_is_only_likely_is_said_to_stay_a_comment() {
    let csv = "E-mail,ID\na@example.com,1\nb@example.com,2\n";
    let made = init(csv, &["--yes"]);
    made.exits(0).says(&["provável: fica comentada no arquivo", "tire o # da linha"]);
    assert!(made.text("clientes.toml").contains("\n# \"ID\" = \"id_interno\""));
    assert!(!init(BOB, &["--yes"]).stderr.contains("comentad"));
}

/// No customer becomes the name of a column.
#[test]
fn f185_a_header_of_values_is_no_header() {
    let csv =
        "Relatório\nE-mail,Nome,Tel\nana@example.com,Ana,(00) 90000-0001\nbia@example.com,Bia,\n";
    let skipping = ["--skip-lines", "2"];
    for args in [&[][..], &["--yes"]] {
        let made = init(csv, &[args, &skipping].concat());
        made.exits(2).says(&["clientes.csv: a linha 3, lida como cabeçalho", "--skip-lines"]);
        assert!(!made.log.contains("ana@") && !made.stdout_text().contains("Ana"), "{}", made.log);
    }
    let mapped = ["--key", "email", "--map", "E-mail=email", "--map", "Nome=nome"];
    let check =
        |csv: &str, args: &[&str]| Run::bare(&["check"]).csv(csv).args(args.iter().copied()).go();
    let checked = check(csv, &[&mapped[..], &skipping].concat());
    checked
        .exits(2)
        .says(&["--map: a coluna \"Nome\" não existe", "na linha 2: use --skip-lines 1"]);
    assert!(!checked.stderr.contains("Ana") && !checked.stderr.contains("ana@"));
    assert_eq!(checked.stderr.matches("lida como cabeçalho").count(), 1, "{}", checked.stderr);
    let bare = "Nome,E-mail\nAna,ana@example.com\nBia,bia@example.com\n";
    let checked = check(bare, &[&mapped[..], &["--skip-lines", "1"]].concat());
    checked.exits(2).says(&["na linha 1: tire --skip-lines"]);
    // Where the mapping goes by position, the first customer is lost all the same.
    let bare = "ana@example.com,Ana,Natal\nbia@example.com,Bia,Natal\n";
    let mapped = ["--key", "email", "--map", "#1=email", "--map", "#2=nome"];
    let checked = check(bare, &mapped);
    checked.exits(0).says(&["a linha 1, lida como cabeçalho"]);
    assert!(!checked.stderr.contains("Natal"), "{}", checked.stderr);
    let strict = check(bare, &[&mapped[..], &["--strict"]].concat());
    assert!(!strict.exits(2).says(&["lida como cabeçalho"]).stderr.contains("Natal"));
}

#[test]
fn the_file_is_a_mapping_that_quotes_no_customer() {
    let made = init(BOB, &["--yes"]);
    made.exits(0).says(&["check clientes.csv --config clientes.toml", "certo", "\"Empresa\""]);
    let toml = made.text("clientes.toml");
    for part in [
        "key = \"email\"",
        "\"E-mail\" = \"email\"",
        "nome = \"{Nome} {Sobrenome}\"",
        "# \"Empresa\" = \"campo:<id>\"",
    ] {
        assert!(toml.contains(part), "no {part} in {toml}");
    }
    for value in ["bob", "Bob", "Silva", "Modelo"] {
        assert!(!toml.contains(value) && !made.stderr.contains(value), "{value}: {toml}");
    }
    assert!(!toml.contains("delimiter") && !toml.contains("encoding"), "{toml}");
}

#[test]
fn f151_an_existing_file_stays_unless_forced() {
    let made = init(BOB, &["--yes"]);
    made.exits(0);
    std::fs::write(made.work().join("clientes.toml"), "# meu\n").unwrap();
    let again = |args: &[&str]| {
        let run = Run::bare(&["init", "clientes.csv", "--yes"]).in_folder_of(&made);
        run.args(args.iter().copied()).go()
    };
    again(&[]).exits(2).says(&["já existe", "--force"]);
    assert_eq!(made.text("clientes.toml"), "# meu\n");
    again(&["--force"]).exits(0);
    assert!(made.text("clientes.toml").contains("key = \"email\""));
    // The configuration of a file of that very name would be the file.
    let own = Run::bare(&["init"]).input("x.toml", BOB).args(["--yes", "--force"]).go();
    own.exits(2).says(&["é a própria entrada"]);
    assert_eq!(own.text("x.toml"), BOB);
}

#[cfg(unix)]
#[test]
fn f151_a_link_is_not_followed_and_no_more_is_shown_than_the_export_shows() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let run = Run::bare(&["init"]).csv(BOB).file("alvo", "meu");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(run.work().join("clientes.csv"), private).unwrap();
    symlink("alvo", run.work().join("clientes.toml")).unwrap();
    let folder = run.folder();
    run.arg("--yes").go().exits(2);
    let forced = Run::bare(&["init", "clientes.csv", "--yes", "--force"]).sharing(&folder).go();
    assert_eq!(forced.exits(0).text("alvo"), "meu");
    let meta = forced.work().join("clientes.toml").symlink_metadata().unwrap();
    assert!(meta.is_file() && meta.permissions().mode() & 0o777 == 0o600);
}

#[test]
fn without_a_terminal_the_proposal_goes_to_standard_output_and_no_file_is_written() {
    let shown = init(BOB, &[]);
    shown.exits(0).says(&["Nada foi gravado", "init clientes.csv --yes"]);
    assert!(!shown.exists("clientes.toml"));
    let toml = shown.stdout_text();
    let used = Run::bare(&["check", "clientes.csv", "--config", "c.toml"]);
    used.in_folder_of(&shown).file("c.toml", &toml).go().exits(0);
    // No command is suggested that would be refused.
    let results = init("linha,identificador,tipo_identificador,situacao\n2,C1,I,atualizado\n", &[]);
    assert!(!results.exits(2).says(&["nenhuma coluna tem algo"]).stderr.contains("--yes"));
}

#[test]
fn where_no_column_says_who_the_customer_is_the_candidates_are_named() {
    let rows = "Cidade,Sócio,Turma\nBelém,A-1,x\nBelém,A-2,x\n";
    for args in [&[][..], &["--yes"]] {
        let unknown = init(rows, args);
        unknown.exits(1).says(&["não sei quem é o cliente", "pode ser a coluna \"Sócio\""]);
        assert!(!unknown.exists("clientes.toml"));
    }
    // What only differs in every row is no candidate.
    let others =
        "Cidade,Desde,Saldo,Sócio\nBelém,01/02/2026,\"1,5\",A-1\nNatal,02/02/2026,\"2,5\",A-2\n";
    init(others, &["--yes"]).exits(1).says(&["pode ser a coluna \"Sócio\""]);
    let neither = init("Cidade\nBelém\nBelém\n", &["--yes"]);
    neither.exits(1).says(&["nenhuma coluna tem", "Acrescente à exportação"]);
    let row = |cell: &str| (1..=40).map(|n| format!("{cell}{n}")).collect::<Vec<_>>().join(",");
    let many = init(&[row("x"), row("a"), row("b")].join("\n"), &["--yes"]);
    assert!(!many.exits(1).says(&["\"x30\" e mais 10"]).stderr.contains("\"x31\""));
}

/// What the file needs to be read is in its configuration, whether it was found or given.
#[test]
fn f152_what_it_takes_to_read_the_file_is_written_down() {
    let title =
        "Relatório de clientes\r\nGerado em 01/02/2026\r\nE-mail;Nome\r\na@example.com;Ana\r\n";
    let cp850 = b"E-mail;Nome;Cidade\na@example.com;Jo\xc6o Concei\x87\xc6o;S\xc6o Jo\xc6o\n";
    let tie = "E-mail;x|Nome\na@example.com;y|Ana\n";
    for (bytes, args, key) in [
        (title.as_bytes(), &[][..], "skip-lines = 2"),
        (cp850, &[], "encoding = \"cp850\""),
        (tie.as_bytes(), &["--delimiter", ";"], "delimiter = \";\""),
    ] {
        let made = Run::bare(&["init"]).input("clientes.csv", bytes).args(args.iter().copied());
        let made = made.arg("--yes").go();
        made.exits(0);
        let toml = made.text("clientes.toml");
        assert!(toml.contains(key), "no {key} in {toml}");
        let checked = Run::bare(&["check", "clientes.csv", "--config", "clientes.toml"]);
        checked.in_folder_of(&made).go().exits(0);
    }
    Run::bare(&["init"]).csv(tie).arg("--yes").go().exits(2).says(&["--delimiter"]);
}

#[test]
fn the_input_may_be_a_pipe_or_compressed() {
    let piped = Run::bare(&["init"]).stdin(BOB).arg("--yes").go();
    assert!(piped.exits(0).text("entrada.toml").contains("key = \"email\""));
    piped.says(&["ARQUIVO é a exportação", "check ARQUIVO --config entrada.toml"]);
    assert!(piped.text("entrada.toml").contains("para a entrada padrão,"));
    let shown = Run::bare(&["init"]).stdin(BOB).go();
    shown.exits(0).says(&["o mesmo comando com --yes"]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, BOB.as_bytes()).unwrap();
    let packed = Run::bare(&["init"]).input("a b.csv.gz", gzip.finish().unwrap()).arg("--yes").go();
    packed.exits(0).says(&["check 'a b.csv.gz' --config 'a b.toml'"]);
    assert!(packed.exists("a b.toml"));
}

/// f150
#[test]
fn names_of_columns_do_not_act_on_the_terminal_or_break_the_file() {
    let evil = "x\u{1b}[2J\u{7f}\u{202e}\"\\";
    let header = format!("E-mail,\"{}\",\"a\nb\",telefones", evil.replace('"', "\"\""));
    let made = init(&format!("{header}\na@example.com,1,2,3\n"), &["--yes"]);
    assert!(!made.exits(0).log.contains(['\u{1b}', '\u{7f}', '\u{202e}']), "{:?}", made.log);
    let checked = Run::bare(&["check", "clientes.csv", "--config", "clientes.toml"]);
    checked.in_folder_of(&made).go().exits(0);
    // A commented line is one of the file once its # is gone.
    let toml = made.text("clientes.toml");
    let line = toml.lines().find(|line| line.contains("[2J")).unwrap();
    let edited = toml.replace(line, &line.replace("# ", "").replace("campo:<id>", "campo:x"));
    let checked = Run::bare(&["check", "clientes.csv", "--config", "c.toml"]);
    checked.in_folder_of(&made).file("c.toml", edited).go().exits(0).says(&["campo:x (coluna"]);
}

/// The dialogue needs a terminal, which `script` makes.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_it_asks_and_in_ci_it_does_not() {
    if !prerequisites::program("script", "on_a_terminal_it_asks_and_in_ci_it_does_not") {
        return;
    }
    let csv = "E-mail,ID\na@example.com,1\nb@example.com,2\n";
    let typed = |answers: &str, ci: &str| {
        let shell = format!("printf '{answers}' | script -qec \"$0 $*\" /dev/null");
        let run = Run::bare(&["init"]).csv(csv).env("TERM", "xterm").env("CI", ci);
        run.through_shell(&shell).go()
    };
    let asked = typed("x\\ns\\n\\n", "");
    let said = asked.exits(0).stdout_text();
    for part in [
        "(o código que o cliente já tem no TomTicket). Usar assim? [s/N]",
        "Responda s ou n.",
        "Gravar a configuração em clientes.toml?",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert!(asked.text("clientes.toml").contains("\n\"ID\" = \"id_interno\""));
    let declined = typed("\\nn\\n", "");
    assert!(!declined.exits(1).exists("clientes.toml"));
    let silent = typed("s\\ns\\n", "true");
    assert!(
        !silent.exits(0).exists("clientes.toml") && !silent.stdout_text().contains("Usar assim")
    );
}
