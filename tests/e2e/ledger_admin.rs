//! Commands that read or change the ledger: `check`, `ledger status`, `ledger forget`.

use crate::support::{Nights, Run, Server, table};

use super::ledger_file::OTHER_TOKEN;

#[test]
fn check_counts_unchanged_rows_if_it_knows_the_account() {
    let nights = Nights::begin();
    let csv = format!("{}X,I,Novo\nY,I,\n", table::customers(30));
    nights.night(&table::customers(30)).finished.exits(0);
    let plan = |run: Run, code: i32| {
        let finished = run.go();
        let text = finished.exits(code).stderr.clone();
        let line = |what: &str| {
            let line =
                text.lines().find(|line| line.trim_end().ends_with(what) || line.contains(what));
            let line = line.unwrap_or_else(|| finished.fail(&format!("no {what}")));
            line.split_whitespace().next().unwrap_or_default().to_owned()
        };
        [line(" a enviar"), line(" sem mudança"), line(" inválida")]
    };
    assert_eq!(plan(nights.check(&csv), 1), ["1", "30", "1"]);
    assert_eq!(plan(nights.check(&csv).without_token(), 1), ["31", "?", "1"]);
    assert_eq!(plan(nights.check(&csv).token(OTHER_TOKEN), 1), ["31", "0", "1"]);
    assert_eq!(plan(nights.check(&csv).arg("--full"), 1), ["31", "0", "1"]);
    let labelled = nights.check(&csv).without_token().args(["--account", "matriz"]);
    assert_eq!(plan(labelled, 1), ["31", "0", "1"]);
    nights.go(nights.run(&table::customers(30)).args(["--account", "matriz"])).finished.exits(0);
    let labelled = nights.check(&csv).without_token().args(["--account", "matriz"]);
    assert_eq!(plan(labelled, 1), ["1", "30", "1"]);
    let all = nights.check(&table::customers(30)).go();
    all.exits(0);
    assert_eq!(nights.server.count(), 60);
}

#[test]
fn check_makes_no_ledger() {
    let nights = Nights::begin();
    nights.check(&table::customers(3)).go().exits(0);
    nights.check(&table::customers(3)).args(["--account", "matriz"]).go().exits(0);
    assert_eq!(nights.ledger_files(), Vec::<std::path::PathBuf>::new());
    let status = nights.ledger("status").go();
    assert!(status.exits(0).stdout_text().contains("Nenhuma conta"));
    assert!(nights.ledger_files().is_empty());
}

#[test]
fn the_status_tells_about_every_account() {
    let nights = Nights::begin();
    nights.night(&table::customers(12)).finished.exits(0);
    nights.go(nights.run(&table::customers(5)).args(["--account", "filial"])).finished.exits(0);
    let elsewhere = Server::start();
    nights.go(nights.run_against(&elsewhere, &table::customers(1))).finished.exits(0);
    let finished = nights.ledger("status").go();
    let text = finished.exits(0).stdout_text();
    let accounts: Vec<_> = text.split("\nConta ").skip(1).collect();
    assert_eq!(accounts.len(), 3, "{text}");
    for (account, (url, customers)) in accounts.iter().zip([
        (nights.server.url(), "12\n"),
        (nights.server.url(), "5\n"),
        (elsewhere.url(), "1\n"),
    ]) {
        assert!(account.contains(&url), "{account}");
        assert!(account.contains(&format!("clientes:       {customers}")), "{account}");
        assert!(account.contains("em andamento:   0"), "{account}");
        assert!(account.contains("última mudança: 20"), "{account}");
    }
    assert!(accounts[1].starts_with("\"filial\""));
    assert!(text.contains("--full") && text.contains("painel"), "{text}");
    assert!(finished.stderr.is_empty());
}

#[test]
fn a_customer_is_forgotten_alone() {
    let nights = Nights::begin();
    let csv = table::customers(20);
    nights.night(&csv).finished.exits(0);
    let forget = |name: &str| nights.forget().args(["--customer", name, "--id-type", "I"]).go();
    assert!(forget("C00005").exits(0).stdout_text().contains("esqueceu o cliente"));
    assert!(forget("C00005").exits(0).stdout_text().contains("Nada a fazer"));
    assert!(forget("C99999").exits(0).stdout_text().contains("Nada a fazer"));
    nights.night(&csv).sends(&["C00005/I nome=Cliente 5"]);
}

#[test]
fn an_account_is_forgotten_by_token_label_or_code() {
    let nights = Nights::begin();
    let csv = table::customers(3);
    let labelled = || nights.run(&csv).args(["--account", "filial"]);
    nights.night(&csv).finished.exits(0);
    nights.go(labelled()).finished.exits(0);
    let url = nights.server.url();

    assert!(nights.forget().go().exits(0).stdout_text().contains("esqueceu a conta"));
    assert!(nights.forget().go().exits(0).stdout_text().contains("Nada a fazer"));
    nights.go(labelled()).ends(0, &["inalterado"; 3]);
    nights.night(&csv).ends(0, &["atualizado"; 3]);

    let by_label = nights.ledger("forget").args(["--base-url", &url, "--account", "filial"]).go();
    assert!(by_label.exits(0).stdout_text().contains("esqueceu a conta"));
    nights.night(&csv).ends(0, &["inalterado"; 3]);
    nights.go(labelled()).ends(0, &["atualizado"; 3]);

    let status = nights.ledger("status").go().stdout_text();
    let code = status.split("código:").nth(1).unwrap().split_whitespace().next().unwrap();
    let by_code = nights.ledger("forget").args(["--account-id", code]).go();
    assert!(by_code.exits(0).stdout_text().contains("esqueceu a conta"));
    nights.night(&csv).ends(0, &["atualizado"; 3]);
    nights.go(labelled()).ends(0, &["inalterado"; 3]);
    // Without a token it is not known which account is meant.
    let without_token = nights.ledger("forget").args(["--base-url", &url]).go();
    without_token.exits(2).says(&["TOMTICKET_TOKEN"]);
}
