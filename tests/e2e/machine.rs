//! What this machine lacks: threads, open files, a clock, an end to name lookups.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::Command;

use crate::support::{CANARY, Run, Server, prerequisites, table};

/// Builds a library that takes the place of functions of the C library (`LD_PRELOAD`).
fn preloaded(folder: &Run, source: &str) -> PathBuf {
    let [source_file, library] = ["falso.c", "falso.so"].map(|name| folder.work().join(name));
    std::fs::write(&source_file, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source_file);
    assert!(compiler.status().unwrap().success());
    library
}

#[test]
fn f72_without_threads_nothing_begins_and_the_limit_is_named() {
    let rehearsal = Run::bare(&["run", "--sandbox"]).csv(&table::customers(3));
    for run in [rehearsal, Run::bare(&["sandbox"])] {
        // No stack is that large, so no thread starts.
        let finished = run.env("RUST_MIN_STACK", "99999999999999").go();
        finished.exits(5).says(&["threads de que precisa", "ulimit -u"]);
        assert!(!finished.stderr.contains("erro interno"), "{}", finished.stderr);
        assert!(!finished.exists("clientes.simulado.resultado.csv"));
    }
}

#[test]
fn f73_a_clock_before_1970_is_named() {
    if !prerequisites::program("cc", "f73_a_clock_before_1970_is_named") {
        return;
    }
    let source = "
        #define _GNU_SOURCE
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t id, struct timespec *now) {
            int failed = syscall(SYS_clock_gettime, id, now);
            if (id == CLOCK_REALTIME) now->tv_sec = -200000000;
            return failed;
        }";
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(3));
    let library = preloaded(&run, source);
    let finished = run.env("LD_PRELOAD", &library).go();
    finished.exits(5).says(&["o relógio desta máquina marca 31/08/1963"]);
    assert_eq!(server.count(), 0);
    let finished = Run::bare(&["sandbox"]).env("LD_PRELOAD", &library).go();
    finished.exits(5).says(&["o relógio desta máquina"]);
}

#[test]
fn f74_too_few_open_files_are_named_before_the_first_request() {
    let limited = |limit: &str| {
        Run::bare(&["run"])
            .csv(&table::customers(300))
            .args(["--sandbox", "--rate", "unlimited", "--concurrency", "64"])
            .through_shell(&format!("ulimit {limit} && exec \"$0\" \"$@\""))
            .go()
    };
    let finished = limited("-n 40");
    finished.exits(5).says(&["224 arquivos abertos", "o limite aqui é 40", "--concurrency 2"]);
    assert!(!finished.exists("clientes.simulado.resultado.csv"));
    limited("-n 30").exits(5).says(&["o limite aqui é 30. Aumente o limite (ulimit -n)\n"]);
    // The limit that a program may raise itself is raised.
    let finished = limited("-Sn 40");
    finished.exits(0);
    assert!(!finished.stderr.contains("abertos demais"), "{}", finished.stderr);
}

#[test]
fn f75_a_name_lookup_without_end_does_not_hold_up_the_end() {
    if !prerequisites::program("cc", "f75_a_name_lookup_without_end_does_not_hold_up_the_end") {
        return;
    }
    let source = "
        #include <unistd.h>
        int getaddrinfo(const char *a, const char *b, const void *c, void **d) {
            write(2, \"procurando\\n\", 11);
            for (;;) pause();
        }";
    let run = Run::bare(&["run"]).csv(&table::customers(3)).env("TOMTICKET_TOKEN", CANARY);
    let library = preloaded(&run, source);
    let mut running = run
        .args(["--base-url", "https://tomticket.exemplo.com.br", "--no-ledger"])
        .env("LD_PRELOAD", library)
        .spawn();
    running.wait_for_stderr(|text| text.contains("procurando"));
    running.signal_and_wait("INT");
    let rows = running.wait().exits(130).accounted_rows(3);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado"), "{rows:?}");
}
