//! The commands of the guide and the READMEs run against a scripted server, the examples run
//! unchanged, and every flag that a document names exists. Nights and pipelines are in `recipes`.

mod before_and_after;
mod recipes;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::workbook::sheet_of;
use crate::support::{CANARY, Server, Workbook, canary, prerequisites, table};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_tomticket-sync");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Blocks with one of these texts are not run: they need another machine, user or program, or wait
/// for input. Those that read an account are in `before_and_after`.
const NOT_HERE: [&str; 13] = [
    "-sync pull",
    "-sync ids",
    "--only",
    "sudo ",
    "crontab ",
    "systemctl ",
    "cargo ",
    "docker ",
    "read -rs",
    "exportar-do-crm",
    "sandbox --port",
    ":8089",
    "find /var",
];

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The fenced blocks of a Markdown text in one of these languages.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in text.lines() {
        match &mut open {
            Some(block) if line == "```" => {
                found.push(block.join("\n"));
                open = None;
            }
            Some(block) => block.push(line),
            None if line == format!("```{language}") => open = Some(Vec::new()),
            None => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    found
}

/// A folder with the files that the documents' commands use, and with the program on the PATH.
struct Desk {
    folder: TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::with_prefix("tomticket-guia-").unwrap();
        let desk = Self { folder, server: Server::start() };
        for name in ["bin", "casa", "tmp", "fixtures/exportacoes", "docs/exemplos"] {
            std::fs::create_dir_all(desk.path(name)).unwrap();
        }
        for folder in ["fixtures", "fixtures/exportacoes", "docs/exemplos"] {
            for entry in std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                if entry.file_type().unwrap().is_file() && !name.contains(".simulado.") {
                    std::fs::copy(entry.path(), desk.path(folder).join(name)).unwrap();
                }
            }
        }
        // A wrapper that records each call and its exit code.
        let wrapper = format!(
            "#!/bin/sh\n{BINARY} \"$@\"\ncode=$?\necho \"$code $*\" >> \"$CALLS\"\nexit $code\n"
        );
        desk.write("bin/tomticket-sync", &wrapper);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(desk.path("bin/tomticket-sync"), executable).unwrap();
        let customers = table::customers(24).replace(",I,", ",I,7,");
        desk.write("clientes.csv", &customers.replace("dor,nome", "dor,portfolio_id,nome"));
        desk.write("minha-exportacao.csv", &document("fixtures/clientes.csv"));
        let contacts = "E-mail,Nome do contato,Segmento,Vendedor\nana@x.com,Ana,Varejo,Rui\n";
        desk.write("contatos.csv", contacts);
        let guide = document("docs/guia.md");
        desk.write("limpeza.csv", &(blocks(&guide, "csv")[0].clone() + "\n"));
        let sheet = sheet_of(&[&["email", "nome"], &["ana@x.com", "Ana"]]);
        let workbook = Workbook::of("<sheetData/>").sheet("Março 2026", "visible", &sheet);
        std::fs::write(desk.path("clientes.xlsx"), workbook.zip()).unwrap();
        desk.write("mapa.toml", "strict = true\n");
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs a shell script; asserts that the token is neither in its output nor in the folder.
    fn shell(&self, script: &str) -> Output {
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("casa"))
            .env("TMPDIR", self.path("tmp"))
            .env("BINARIO", BINARY)
            .env("CALLS", self.path("chamadas"))
            .env("TOMTICKET_TOKEN", CANARY)
            .env("TOMTICKET_SYNC_BASE_URL", self.server.url())
            .env("TOMTICKET_SYNC_LEDGER", self.path("l.db"))
            .env("TOMTICKET_SYNC_RATE", "unlimited")
            .output()
            .unwrap();
        for stream in [&output.stdout, &output.stderr] {
            let leak = canary::leak(CANARY, stream);
            assert!(leak.is_none(), "{script} shows the token: {leak:?}");
        }
        let leak = canary::leak_in_folder(CANARY, self.folder.path(), &[]);
        assert!(leak.is_none(), "{script} leaves the token behind: {leak:?}");
        output
    }

    /// The program's calls since the last query, each as exit code and arguments.
    fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("chamadas")).unwrap_or_default();
        let _ = std::fs::remove_file(self.path("chamadas"));
        text.lines().map(str::to_owned).collect()
    }
}

fn described(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_commands_of_the_documents_succeed() {
    let desk = Desk::new();
    let mut typed = 0;
    for name in ["docs/guia.md", "README.md", "fixtures/README.md"] {
        for block in blocks(&document(name), "sh") {
            let unfit = NOT_HERE.iter().any(|word| block.contains(word));
            if unfit
                || (block.contains("jq")
                    && !prerequisites::program("jq", &format!("a block of {name}")))
            {
                continue;
            }
            let output = desk.shell(&block);
            let calls = desk.calls();
            typed += calls.len();
            for call in &calls {
                // Some fixtures have invalid rows on purpose: exit code 1.
                let fine = call.starts_with("0 ") || call.starts_with("1 run fixtures/");
                assert!(fine, "{name}: {call}\n{block}\n{}", described(&output));
            }
            assert!(
                output.status.success() || calls.iter().any(|call| call.starts_with("1 ")),
                "{name}:\n{block}\n{}",
                described(&output)
            );
        }
    }
    assert!(typed >= 20, "only {typed} commands were found");
    assert!(desk.server.count() > 0);
}

#[test]
fn every_flag_in_the_documents_exists() {
    let help = |args: &[&str]| {
        let output = Command::new(BINARY).args(args).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let flags = |text: &str| -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, _) in text.match_indices("--") {
            let before = text[..at].chars().next_back();
            let rest = &text[at + 2..];
            let end =
                rest.find(|c: char| c != '-' && !c.is_ascii_lowercase() && !c.is_ascii_digit());
            let name = &rest[..end.unwrap_or(rest.len())];
            let starts = before.is_none_or(|c| c.is_whitespace() || "`\"'(|[/".contains(c));
            if starts && name.starts_with(|c: char| c.is_ascii_lowercase()) {
                found.insert(format!("--{}", name.trim_end_matches('-')));
            }
        }
        found
    };
    let mut known = BTreeSet::new();
    for subcommand in Vec::from([
        "run",
        "check",
        "init",
        "pull",
        "ids",
        "sandbox",
        "template",
        "completions",
        "ledger",
        "report",
    ]) {
        known.extend(flags(&help(&[subcommand])));
    }
    known.extend(flags(&help(&[])));
    known.extend(flags(&help(&["ledger", "status"])));
    known.extend(flags(&help(&["ledger", "forget"])));
    // Flags of other programs in the documents.
    let foreign = [
        // cargo, rustup, git
        "--release",
        "--locked",
        "--target",
        "--path",
        "--test",
        "--lib",
        "--nocapture",
        "--ignored",
        "--bench",
        "--example",
        "--all-targets",
        "--no-deps",
        "--offline",
        // systemctl, useradd, curl
        "--now",
        "--system",
        "--home-dir",
        "--shell",
        "--fail",
        "--user",
        // tar, sha256sum, apt-get
        "--strip-components",
        "--wildcards",
        "--check",
        "--ignore-missing",
        "--no-install-recommends",
        // docker
        "--rm",
    ];
    for document_name in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/guia.md",
        "docs/results.md",
        "docs/ledger.md",
        "docs/architecture.md",
        "fixtures/README.md",
        "docs/exemplos/crontab",
        "docs/exemplos/ensaio.sh",
        "docs/exemplos/noite.sh",
        "docs/exemplos/windows/noite.cmd",
        "docs/exemplos/windows/tarefa.cmd",
        "docs/exemplos/github-actions.yml",
        "docs/exemplos/gitlab-ci.yml",
        "docs/exemplos/systemd/tomticket-sync.service",
    ] {
        for flag in flags(&document(document_name)) {
            let fine = known.contains(&flag) || foreign.contains(&flag.as_str());
            assert!(fine, "{document_name} names {flag}, which does not exist");
        }
    }
    assert!(known.len() > 40, "the help texts show only {known:?}");
}

#[test]
fn the_example_configuration_works() {
    let desk = Desk::new();
    let columns = "Nome do contato;E-mail;Telefone;Pode abrir chamado?;Idioma;Segmento;Vendedor;\
                   Data de criação";
    let row = "Ana Lima;ana@x.com;(11) 90000-0001;Sim;pt-br;Varejo;Rui;2026-01-31";
    desk.write("crm.csv", &format!("{columns}\n{row}\n;bia@x.com;;;;;;\n"));
    let output = desk.shell(
        "tomticket-sync run crm.csv --config docs/exemplos/tomticket-sync.toml --max-errors 5",
    );
    assert_eq!(output.status.code(), Some(1), "{}", described(&output));
    let requests = desk.server.requests();
    let sent: Vec<_> = requests[0].form();
    let expected = [
        ("nome", "Ana Lima"),
        ("email", "ana@x.com"),
        ("telefone", "(11) 90000-0001"),
        ("criarchamados", "true"),
        ("idioma", "pt_BR"),
        ("campos[abc01]", "Varejo"),
    ];
    assert_eq!(requests.len(), 1);
    for (name, value) in expected {
        assert!(sent.contains(&(name.into(), value.into())), "{name}: {sent:?}");
    }
}

#[test]
fn the_rehearsal_example_runs() {
    let test = "the_rehearsal_example_runs";
    if !prerequisites::program("jq", test) || !prerequisites::program("curl", test) {
        return;
    }
    let desk = Desk::new();
    let output = desk.shell("CONFERIR=E/ana.lima%40exemplo.com.br sh docs/exemplos/ensaio.sh fixtures/clientes.csv --no-ledger --rate 500");
    let output_text = described(&output);
    assert!(output.status.success(), "{output_text}");
    for part in ["\"atualizado\": 24", "\"email\": \"ana.lima@exemplo.com.br\""] {
        assert!(output_text.contains(part), "no {part} in {output_text}");
    }
    // The files that the summary names exist.
    assert!(output_text.contains("Resultados: ./ensaio.resultado.csv"), "{output_text}");
    assert!(desk.path("ensaio.resultado.csv").exists());
    assert_eq!(desk.server.count(), 0, "it must send to its own simulator alone");
}
