//! The probe: before only refused rows stop a run, a row that is known to be up to date is sent once.

use crate::support::{Nights, Reply, table};

/// `good` customers and then `bad` ones, whose identifiers begin with an X.
fn good_and_bad(good: usize, bad: usize) -> String {
    let mut csv = table::customers(good);
    (0..bad).for_each(|n| csv.push_str(&format!("X{n:05},I,Ninguém\n")));
    csv
}

#[test]
fn c41d_only_refused_rows_on_the_second_night_do_not_stop_the_run() {
    let nights = Nights::begin();
    nights.server.script(|request, _| match request.identificador() {
        name if name.starts_with('X') => Reply::refuse("Cliente não encontrado."),
        _ => Reply::ok(),
    });
    let csv = good_and_bad(30, 45);
    let mut expected = vec!["atualizado"; 30];
    expected.extend(["recusado"; 45]);
    nights.night(&csv).ends(1, &expected);
    let expected: Vec<_> = expected.iter().map(|s| s.replace("atualizado", "inalterado")).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    let night = nights.night(&csv);
    night.ends(1, &expected);
    let probes: Vec<_> = night.sent.iter().filter(|sent| sent.starts_with('C')).collect();
    assert_eq!(probes, ["C00002/I nome=Cliente 2"]);
    assert_eq!(night.sent.len(), 46);
    // With --no-breaker there is no probe.
    let night = nights.go(nights.run(&csv).arg("--no-breaker"));
    night.ends(1, &expected);
    assert_eq!(night.sent.len(), 45);
}

#[test]
fn c41d_the_probe_does_not_exceed_the_limit() {
    let nights = Nights::begin();
    nights.night(&table::customers(3)).finished.exits(0);
    nights.server.script(|_, _| Reply::refuse("Cliente não encontrado."));
    for (limit, sent) in [(20, 20), (21, 21)] {
        let night =
            nights.go(nights.run(&good_and_bad(3, 40)).args(["--limit", &limit.to_string()]));
        assert_eq!(night.sent.len(), sent, "{limit}");
        let rows = night.finished.accounted_rows(43);
        assert_eq!(rows.iter().filter(|row| row.situacao == "recusado").count(), 20);
        let probed = night.sent.iter().any(|sent| sent.starts_with('C'));
        assert_eq!(
            (probed, night.finished.code),
            if limit == 20 { (false, Some(1)) } else { (true, Some(3)) }
        );
    }
}

#[test]
fn c41d_the_probe_passes_over_a_rename_that_comes_first() {
    let nights = Nights::begin();
    let mut csv = String::from("identificador,tipo_identificador,nome,email\n");
    csv.push_str("velho@x.br,E,Ana,novo@x.br\nb@x.br,E,Bia,b@x.br\n");
    (0..25).for_each(|n| csv.push_str(&format!("x{n}@x.br,E,Xis,x{n}@x.br\n")));
    let renamed = std::sync::atomic::AtomicBool::new(false);
    nights.server.script(move |request, _| match request.identificador() {
        // After the rename the old name has no customer.
        "velho@x.br" if renamed.swap(true, std::sync::atomic::Ordering::SeqCst) => {
            Reply::refuse("Cliente não encontrado.")
        }
        name if name.starts_with('x') => Reply::refuse("Cliente não encontrado."),
        _ => Reply::ok(),
    });
    let mut expected = vec!["atualizado"; 2];
    expected.extend(["recusado"; 25]);
    nights.night(&csv).ends(1, &expected);
    expected[..2].fill("inalterado");
    for _ in 0..2 {
        let night = nights.night(&csv);
        night.ends(1, &expected);
        let probes: Vec<_> = night.sent.iter().filter(|sent| !sent.starts_with('x')).collect();
        assert_eq!(probes, ["b@x.br/E nome=Bia email=b@x.br"]);
    }
}

#[test]
fn c41d_the_probe_prefers_rows_that_do_not_rename() {
    let nights = Nights::begin();
    let mut csv = String::from("identificador,tipo_identificador,nome,id_interno\n");
    csv.push_str("a@x.br,E,Ana,7\nb@x.br,E,Bia,\nc@x.br,E,Cris,8\n");
    (0..25).for_each(|n| csv.push_str(&format!("x{n}@x.br,E,Xis,\n")));
    nights.server.script(|request, _| match request.identificador() {
        name if name.starts_with('x') => Reply::refuse("Cliente não encontrado."),
        _ => Reply::ok(),
    });
    nights.night(&csv);
    let night = nights.night(&csv);
    let probes: Vec<_> = night.sent.iter().filter(|sent| !sent.starts_with('x')).collect();
    assert_eq!(probes, ["b@x.br/E nome=Bia"]);
}

#[test]
fn c41d_the_probe_detects_a_revoked_token() {
    let nights = Nights::begin();
    let csv = good_and_bad(30, 45);
    nights.night(&table::customers(30)).finished.exits(0);
    nights.server.script(|_, _| Reply::refuse("Token inválido."));
    let night = nights.night(&csv);
    let rows = night.finished.exits(3).accounted_rows(75);
    let count = |situacao: &str| rows.iter().filter(|row| row.situacao == situacao).count();
    assert_eq!((count("recusado"), count("inalterado") + count("nao_enviado")), (20, 55));
    assert_eq!(night.sent.len(), 21);
    assert_eq!(night.sent[20], "C00002/I nome=Cliente 2");
    assert_eq!(night.finished.summary()["requisicoes"], 21);
    night.finished.says(&["Token inválido."]);
    // The probe was refused: its row is no longer known.
    nights.server.script(|_, _| Reply::ok());
    let night = nights.night(&table::customers(30));
    night.sends(&["C00002/I nome=Cliente 2"]);
}
