//! The recipes for nights and pipelines run as they stand: the script, crontab and units of
//! `docs/exemplos`, and the steps of the CI files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{BINARY, Desk, ROOT, described, document};
use crate::support::{Reply, prerequisites};

#[test]
fn the_night_script_repeats_only_after_exit_code_4() {
    let desk = Desk::new();
    let csv = "identificador,tipo_identificador,nome\n1,I,A\n2,I,B\n";
    desk.write("noite.csv", csv);
    let night =
        "BINARIO=tomticket-sync PAUSA=0 PARTIDAS=3 sh docs/exemplos/noite.sh noite.csv --quiet";

    // The first run gets no definite reply for one row; the second does.
    desk.server.replies("2", [Reply::html(500), Reply::html(500), Reply::html(500), Reply::ok()]);
    let output = desk.shell(night);
    assert_eq!(output.status.code(), Some(0), "{}", described(&output));
    let calls = desk.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(desk.server.requests_for("1").len(), 1, "what was accepted was sent again");

    // Standard input cannot be read twice.
    let output = desk.shell("sh docs/exemplos/noite.sh - < noite.csv");
    assert_eq!(output.status.code(), Some(2), "{}", described(&output));
    assert!(described(&output).contains("a entrada padrão não pode ser lida de novo"));
    assert!(desk.calls().is_empty());

    // A refusal is not repeated.
    desk.server.reply("1", Reply::refuse("Não."));
    desk.write("noite.csv", &csv.replace(",A", ",C"));
    let output = desk.shell(night);
    assert_eq!(output.status.code(), Some(1), "{}", described(&output));
    assert_eq!(desk.calls().len(), 1);
}

/// The command of the crontab's only line, without its five fields of time.
fn cron_command() -> String {
    let text = document("docs/exemplos/crontab");
    let line = text.lines().find(|line| line.starts_with(|c: char| c.is_ascii_digit())).unwrap();
    let command = line.splitn(6, ' ').nth(5).unwrap();
    assert!(!command.replace("\\%", "").contains('%'), "cron ends a command at a percent sign");
    command
        .replace("noite.sh ", "BINARIO=tomticket-sync sh docs/exemplos/noite.sh ")
        .replace("--token-file \"$HOME/tomticket/token\" ", "")
        .replace("$HOME/tomticket/", "noites/")
}

/// The command of the systemd unit, on one line and with its specifiers filled in.
fn systemd_command() -> String {
    let text = document("docs/exemplos/systemd/tomticket-sync.service").replace("\\\n", " ");
    let command = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    command
        .replace("--token-file %d/token", "")
        .replace("%S/tomticket-sync/ledger.db", "l.db")
        .replace("%S/tomticket-sync/", "noites/")
        .replace("/etc/tomticket-sync/", "noites/")
        .replace("%%", "%")
        .replace('{', "'{")
        .replace('}', "}'")
}

#[test]
fn the_nightly_commands_keep_the_files_of_each_night() {
    for command in [cron_command(), systemd_command()] {
        let desk = Desk::new();
        std::fs::create_dir(desk.path("noites")).unwrap();
        desk.write("noites/tomticket-sync.toml", "strict = true\n");
        let yesterday = ["resultado", "rejeitados"]
            .map(|what| format!("noites/clientes.2026-11-26T01-30-00.{what}.csv"));
        yesterday.iter().for_each(|name| desk.write(name, "ontem"));
        // One contact that is refused every night.
        desk.server.reply("C00005", Reply::refuse("Não."));
        let output = desk.shell(&command.replace("/srv/crm/", ""));
        assert!(output.status.success(), "{command}\n{}", described(&output));
        let calls = desk.calls();
        assert!(calls.len() == 1 && calls[0].starts_with("0 run "), "{calls:?}");
        let names = || std::fs::read_dir(desk.path("noites")).unwrap();
        let of = |what: &str| {
            let names = names().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.starts_with("clientes.20") && name.contains(what)).count()
        };
        assert_eq!((of("resultado"), of("rejeitados")), (2, 2), "{command}");
        for name in &yesterday {
            assert_eq!(std::fs::read_to_string(desk.path(name)).unwrap(), "ontem");
        }
    }
}

#[test]
fn the_pipelines_send_step_runs() {
    let test = "the_pipelines_send_step_runs";
    if !prerequisites::program("jq", test) {
        return;
    }
    for name in ["docs/exemplos/github-actions.yml", "docs/exemplos/gitlab-ci.yml"] {
        let mut ran = 0;
        for script in literal_blocks(&document(name)) {
            if !script.contains("tomticket-sync run") && !script.contains("tomticket-sync check") {
                continue;
            }
            let desk = Desk::new();
            desk.shell("mkdir -p .ledger");
            let output = desk.shell(&format!("GITHUB_STEP_SUMMARY=passo.md; set -e\n{script}"));
            assert!(output.status.success(), "{name}:\n{script}\n{}", described(&output));
            ran += desk.calls().len();
            if script.contains("GITHUB_STEP_SUMMARY") {
                let summary = std::fs::read_to_string(desk.path("passo.md")).unwrap();
                assert!(summary.contains("- atualizado: 24"), "{summary}");
            }
        }
        assert!(ran >= 1, "{name}: nothing was run");
    }
}

#[test]
fn f191_the_pipelines_install_only_the_package_with_its_sum() {
    if !prerequisites::program("curl", "f191_the_pipelines_install_only_the_package_with_its_sum") {
        return;
    }
    for name in ["docs/exemplos/github-actions.yml", "docs/exemplos/gitlab-ci.yml"] {
        let blocks = literal_blocks(&document(name));
        let install = blocks.iter().find(|block| block.contains("PACOTE_SHA256")).unwrap();
        let install = install.replace("/usr/local/bin", "alvo").replace("/tmp/", "alvo/");
        let desk = Desk::new();
        let output = desk.shell(
            "mkdir alvo && cd bin && mkdir pasta && cp tomticket-sync pasta/ \
             && tar -czf ../pacote.tar.gz pasta && sha256sum ../pacote.tar.gz",
        );
        let sum = described(&output).lines().nth(1).unwrap()[..64].to_owned();
        let package = format!("file://{}", desk.path("pacote.tar.gz").display());
        for (sum, fine) in [("0".repeat(64), false), (sum, true)] {
            let output = desk.shell(&format!(
                "PACOTE={package} PACOTE_SHA256={sum} RUNNER_TEMP=alvo GITHUB_PATH=caminhos\n\
                 set -e\n{install}"
            ));
            assert_eq!(output.status.success(), fine, "{name}: {}", described(&output));
            assert_eq!(desk.path("alvo/tomticket-sync").exists(), fine, "{name}");
        }
    }
}

/// Their structure is checked by zizmor in `.ci/run`.
#[test]
fn the_workflows_run_scripts_that_exist_and_pin_their_actions() {
    let mut scripts = 0;
    for name in [
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
        "docs/exemplos/github-actions.yml",
    ] {
        for line in document(name).lines().map(str::trim_start) {
            let line = line.strip_prefix("- ").unwrap_or(line);
            if let Some(action) = line.strip_prefix("uses: ") {
                let (_, pin) = action.split_once('@').unwrap();
                let (commit, version) = pin.split_once(" # v").unwrap();
                let hex = commit.chars().all(|c| c.is_ascii_hexdigit());
                assert!(hex && commit.len() == 40 && !version.is_empty(), "{name}: {action}");
            }
            let Some(script) = line.strip_prefix("run: ") else { continue };
            if script.starts_with("scripts/") || script.starts_with(".ci/") {
                let mode = Path::new(ROOT).join(script).metadata().unwrap().permissions().mode();
                assert!(mode & 0o100 != 0, "{name}: {script} cannot be executed");
                scripts += 1;
            }
        }
    }
    assert!(scripts >= 3, "only {scripts} scripts are run");
}

/// The `|` blocks of a YAML file, without their indentation.
fn literal_blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.ends_with(" |") {
            continue;
        }
        let depth = |line: &str| line.len() - line.trim_start().len();
        let outer = depth(line);
        let mut block = Vec::new();
        while let Some(next) = lines.next_if(|next| next.is_empty() || depth(next) > outer) {
            block.push(next.trim_start());
        }
        found.push(block.join("\n"));
    }
    found
}

#[test]
fn the_systemd_units_are_sound() {
    if !prerequisites::program("systemd-analyze", "the_systemd_units_are_sound") {
        return;
    }
    let folder = TempDir::with_prefix("tomticket-unidades-").unwrap();
    let units = Path::new(ROOT).join("docs/exemplos/systemd");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(units).unwrap() {
        let entry = entry.unwrap();
        // What the units start is not installed on this machine.
        let text = std::fs::read_to_string(entry.path())
            .unwrap()
            .replace("ExecStart=tomticket-sync", &format!("ExecStart={BINARY}"))
            .replace("/usr/bin/mail", "/bin/true");
        let path = folder.path().join(entry.file_name());
        std::fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let output =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).args(paths).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = complaints.lines().filter(|line| line.contains("tomticket")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}
