//! The ledger over several nights: what is known and not sent again, and what makes it unknown.

use std::time::{Duration, Instant};

use crate::support::nights::LEDGER;
use crate::support::{Nights, PATIENCE, Reply, Run, Server, table};

const HEADER: &str = "identificador,tipo_identificador,nome\n";
const DONE: [&str; 1] = ["atualizado"];
const KNOWN: [&str; 1] = ["inalterado"];

/// One row of type I with a name.
fn named(identificador: &str, nome: &str) -> String {
    format!("{HEADER}{identificador},I,{nome}\n")
}

#[test]
fn the_second_night_sends_only_what_changed() {
    let nights = Nights::begin();
    let csv = table::customers(100);
    nights.night(&csv).ends(0, &["atualizado"; 100]);
    let night = nights.night(&csv);
    let rows = night.sends::<&str>(&[]).ends(0, &["inalterado"; 100]);
    assert!(rows.iter().all(|row| row.tentativas == 0 && row.http_status.is_none()));
    assert_eq!(night.finished.summary()["requisicoes"], 0);
    let changed = csv.replace("Cliente 50", "Cliente Novo").replace("C00100,I", "C99999,I");
    let night = nights.night(&changed);
    let mut sent = night.sent.clone();
    sent.sort();
    assert_eq!(sent, ["C00050/I nome=Cliente Novo", "C99999/I nome=Cliente 100"]);
}

#[test]
fn c41a_a_row_is_checked_after_the_earlier_rows_of_its_customer() {
    let nights = Nights::begin();
    nights.night(&named("1", "Dois")).ends(0, &DONE);
    let both = format!("{HEADER}1,I,Um\n1,I,Dois\n");
    for _ in 0..2 {
        let night = nights.night(&both);
        night.sends(&["1/I nome=Um", "1/I nome=Dois"]).ends(0, &["atualizado"; 2]);
    }
    nights.night(&named("1", "Dois")).ends(0, &KNOWN);
}

#[test]
fn c41b_a_rename_is_recognised_as_done() {
    let nights = Nights::begin();
    let rename = "identificador,tipo_identificador,email,nome\na@x.com,E,b@x.com,Novo\n";
    let sent = ["a@x.com/E email=b@x.com nome=Novo"];
    let of = |name: &str, nome: &str| format!("{HEADER}{name},E,{nome}\n");
    // "b" was another customer before, with other values.
    nights.night(&of("b@x.com", "Velho")).ends(0, &DONE);
    // Both lines have the customer's current name.
    let renamed = nights.night(rename).sends(&sent).ends(0, &DONE);
    assert_eq!(renamed[0].identificador_atual, "b@x.com");
    let known = nights.night(rename).sends::<&str>(&[]).ends(0, &KNOWN);
    assert_eq!(known[0].identificador_atual, "b@x.com");
    nights.night(&of("b@x.com", "Novo")).ends(0, &KNOWN);
    // What was known of "b" is replaced.
    nights.night(&of("b@x.com", "Velho")).sends(&["b@x.com/E nome=Velho"]).ends(0, &DONE);
    // The rename's row is no longer up to date and is sent again.
    nights.night(rename).sends(&sent).ends(0, &DONE);
    nights.night(rename).ends(0, &KNOWN);
    // A write to the old name ends the alias.
    nights.night(&of("a@x.com", "Outra")).ends(0, &DONE);
    nights.night(rename).sends(&sent).ends(0, &DONE);
}

/// A chain is not recognised as done: "b" was renamed too, so the alias from "a" to "b" leads to no
/// customer. Both rows are sent again and refused, because no customer has those names.
#[test]
fn c41b_a_chain_of_renames_again_is_sent_and_refused_as_a_whole() {
    let chain = "identificador,tipo_identificador,email\na@x.com,E,b@x.com\nb@x.com,E,c@x.com\n";
    let folder = Run::bare(&["run"]).folder();
    let mut sandbox = Run::bare(&["sandbox"])
        .sharing(&folder)
        .file("eles.csv", "identificador,tipo_identificador\na@x.com,E\n")
        .args(["--rate", "unlimited", "--customers", "eles.csv"])
        .spawn();
    let line = sandbox.wait_for_stdout(|text| text.contains('\n'));
    let url = line.lines().next().unwrap().trim().to_owned();
    let night = || {
        Run::bare(&["run"])
            .sharing(&folder)
            .csv(chain)
            .with_summary()
            .allow_partial()
            .env("TOMTICKET_TOKEN", crate::support::CANARY)
            .args(["--base-url", &url, "--rate", "unlimited", "--ledger", LEDGER])
            .go()
    };
    let ends = |finished: &crate::support::Finished| -> Vec<(String, u32, String)> {
        let rows = finished.accounted_rows(2).into_iter();
        rows.map(|row| (row.situacao, row.tentativas, row.mensagem)).collect()
    };
    let end = |situacao: &str, mensagem: &str| (situacao.to_owned(), 1, mensagem.to_owned());
    let done = end("atualizado", "Cliente atualizado com sucesso.");
    assert_eq!(ends(night().exits(0)), [done.clone(), done]);
    for _ in 0..2 {
        let refused = end("recusado", "Cliente não encontrado.");
        assert_eq!(ends(night().exits(1)), [refused.clone(), refused]);
    }
    sandbox.kill();
    sandbox.wait();
}

#[test]
fn c41c_an_update_without_a_field_that_has_a_default_makes_it_unknown() {
    let nights = Nights::begin();
    let flags = "identificador,tipo_identificador,nome,criarchamados,idioma\n1,I,Ana,false,en_US\n";
    let custom = "identificador,tipo_identificador,campo:abc01\n1,I,x\n";
    let flags_sent = ["1/I nome=Ana criarchamados=false idioma=en_US"];
    nights.night(flags).sends(&flags_sent).ends(0, &DONE);
    nights.night(flags).ends(0, &KNOWN);
    nights.night(custom).sends(&["1/I campos[abc01]=x"]).ends(0, &DONE);
    // Ordinary fields are known again; jobs on other columns do not make them unknown.
    nights.night(&named("1", "Ana")).ends(0, &KNOWN);
    nights.night(flags).sends(&flags_sent).ends(0, &DONE);
    nights.night(custom).ends(0, &KNOWN);
    nights.night(flags).ends(0, &KNOWN);
    // One of the two fields is left out.
    let one = "identificador,tipo_identificador,campo:abc01,idioma\n1,I,y,en_US\n";
    nights.night(one).ends(0, &DONE);
    let only =
        |name: &str, value: &str| format!("identificador,tipo_identificador,{name}\n1,I,{value}\n");
    nights.night(&only("idioma", "en_US")).ends(0, &KNOWN);
    nights.night(&only("criarchamados", "false")).ends(0, &DONE);
}

#[test]
fn c42_another_account_url_or_mapping_shares_no_knowledge() {
    let nights = Nights::begin();
    let csv = named("1", "Ana");
    let sent = ["1/I nome=Ana"];
    nights.night(&csv).sends(&sent).ends(0, &DONE);
    let other_token = "outro-S3GR3D0-0001";
    nights.go(nights.run(&csv).token(other_token)).sends(&sent).ends(0, &DONE);
    let elsewhere = Server::start();
    nights.go(nights.run_against(&elsewhere, &csv)).ends(0, &DONE);
    assert_eq!(elsewhere.count(), 1);
    let mapped = ["--map", "nome=campo:abc01"];
    nights.go(nights.run(&csv).args(mapped)).sends(&["1/I campos[abc01]=Ana"]).ends(0, &DONE);
    // None of them changes what is known of the first account.
    nights.night(&csv).ends(0, &KNOWN);
    nights.go(nights.run(&csv).token(other_token)).ends(0, &KNOWN);
    nights.go(nights.run_against(&elsewhere, &csv)).ends(0, &KNOWN);
    nights.go(nights.run(&csv).args(mapped)).ends(0, &KNOWN);
    // Another customer with the same values is another customer.
    nights.night(&named("2", "Ana")).ends(0, &DONE);
}

#[test]
fn c42_a_value_is_known_only_for_its_field() {
    let nights = Nights::begin();
    let header = "identificador,tipo_identificador,nome,campo:a,campo:b\n";
    nights.night(&format!("{header}1,I,x,y,z\n")).ends(0, &DONE);
    nights.night(&format!("{header}1,I,x,z,y\n")).ends(0, &DONE);
    nights.night(&format!("{header}1,I,x,z,\n")).ends(0, &KNOWN);
    // A cleared field is a value too.
    let clear = format!("{header}1,I,x,z,#\n");
    let run = || nights.run(&clear).args(["--clear-marker", "#"]);
    nights.go(run()).sends(&["1/I nome=x campos[a]=z campos[b]="]).ends(0, &DONE);
    nights.go(run()).ends(0, &KNOWN);
}

#[test]
fn c42_a_failed_or_refused_row_leaves_nothing_known() {
    let bad = [
        (vec![Reply::html(500), Reply::reset(), Reply::half()], 4, "falhou"),
        (vec![Reply::refuse("Nome inválido.")], 1, "recusado"),
        (vec![Reply::json(422, "{}")], 1, "recusado"),
    ];
    for (replies, code, situacao) in bad {
        let nights = Nights::begin();
        nights.night(&named("1", "Ana")).ends(0, &DONE);
        nights.server.replies("1", replies);
        nights.night(&named("1", "Bia")).ends(code, &[situacao]);
        // Neither the old value nor the new one, nor fields that were not sent.
        nights.night(&named("1", "Ana")).sends(&["1/I nome=Ana"]).ends(0, &DONE);
        nights.night(&named("1", "Ana")).ends(0, &KNOWN);
    }
}

#[test]
fn c33_a_success_after_an_ambiguous_attempt_leaves_nothing_known() {
    let nights = Nights::begin();
    for reply in [Reply::html(500), Reply::closed(), Reply::json(200, "{}")] {
        nights.server.reply("1", reply);
        let night = nights.night(&named("1", "Ana"));
        let rows = night.ends(0, &DONE);
        assert_eq!(rows[0].tentativas, 2);
    }
    nights.night(&named("1", "Ana")).sends(&["1/I nome=Ana"]).ends(0, &DONE);
    nights.night(&named("1", "Ana")).ends(0, &KNOWN);
}

#[test]
fn a_429_before_the_success_does_not_make_it_ambiguous() {
    let nights = Nights::begin();
    nights.server.reply("1", Reply::too_many(Some("0")));
    nights.night(&named("1", "Ana")).ends(0, &DONE);
    nights.night(&named("1", "Ana")).ends(0, &KNOWN);
}

#[test]
fn full_sends_everything_and_remembers_it() {
    let nights = Nights::begin();
    let csv = table::customers(10);
    nights.night(&csv).finished.exits(0);
    let night = nights.go(nights.run(&csv).arg("--full"));
    night.ends(0, &["atualizado"; 10]);
    assert_eq!(night.sent.len(), 10);
    nights.night(&csv).ends(0, &["inalterado"; 10]);
}

#[test]
fn max_age_ignores_older_values() {
    let nights = Nights::begin();
    let csv = named("1", "Ana");
    let aged = |age: &str| nights.go(nights.run(&csv).args(["--max-age", age]));
    nights.night(&csv).ends(0, &DONE);
    aged("30d").ends(0, &KNOWN);
    let since = Instant::now();
    // Only runs of the program let time pass.
    while aged("2s").sent.is_empty() {
        assert!(since.elapsed() < PATIENCE, "it never became too old");
    }
    assert!(since.elapsed() > Duration::from_secs(1), "too old after {:?}", since.elapsed());
    // It was sent again, so its age is reset.
    aged("30d").ends(0, &KNOWN);
}

#[test]
fn names_in_any_letter_case_are_one_customer() {
    let nights = Nights::begin();
    let of = |name: &str, nome: &str| format!("{HEADER}{name},E,{nome}\n");
    nights.night(&of("Ana@X.com", "Ana")).ends(0, &DONE);
    nights.night(&of("Ana@X.com", "Ana")).ends(0, &KNOWN);
    nights.night(&of("ana@x.com", "Bia")).sends(&["ana@x.com/E nome=Bia"]).ends(0, &DONE);
    // Under every spelling the customer's name is Bia.
    nights.night(&of("Ana@X.com", "Ana")).sends(&["Ana@X.com/E nome=Ana"]).ends(0, &DONE);
}

#[test]
fn a_field_accepted_under_one_type_is_unknown_under_the_other() {
    let nights = Nights::begin();
    let internal = "identificador,tipo_identificador,nome,telefone\n1,I,Ana,111\n2,I,Eva,222\n";
    let phones = "identificador,tipo_identificador,telefone\n1,I,111\n2,I,222\n";
    let email = format!("{HEADER}ana@x.com,E,Ana\n");
    nights.night(internal).ends(0, &["atualizado"; 2]);
    nights.night(internal).ends(0, &["inalterado"; 2]);
    nights.night(&email).sends(&["ana@x.com/E nome=Ana"]).ends(0, &DONE);
    // Any customer of type I may have that e-mail: `nome` is unknown for all of them, and only `nome`.
    nights.night(phones).ends(0, &["inalterado"; 2]);
    let night = nights.night(internal);
    night.ends(0, &["atualizado"; 2]);
    assert_eq!(night.sent.len(), 2);
    // The same for the opposite direction.
    nights.night(&email).sends(&["ana@x.com/E nome=Ana"]).ends(0, &DONE);
}

#[test]
fn an_internal_identifier_that_was_given_away_is_another_customer() {
    let nights = Nights::begin();
    let phone = "identificador,tipo_identificador,telefone\n7,I,777\n";
    let give = "identificador,tipo_identificador,id_interno\nana@x.com,E,7\n";
    nights.night(phone).ends(0, &DONE);
    nights.night(phone).ends(0, &KNOWN);
    nights.night(give).sends(&["ana@x.com/E id_interno=7"]).ends(0, &DONE);
    nights.night(give).ends(0, &KNOWN);
    nights.night(phone).sends(&["7/I telefone=777"]).ends(0, &DONE);
}

#[test]
fn a_refused_rename_leaves_neither_name_known() {
    let nights = Nights::begin();
    let both = format!("{HEADER}a@x.com,E,Ana\nb@x.com,E,Bia\n");
    nights.night(&both).ends(0, &["atualizado"; 2]);
    nights.server.reply("a@x.com", Reply::refuse("E-mail em uso."));
    let rename = "identificador,tipo_identificador,email\na@x.com,E,b@x.com\n";
    nights.night(rename).ends(1, &["recusado"]);
    nights.night(&both).ends(0, &["atualizado"; 2]);
}

#[test]
fn an_account_with_a_label_survives_a_new_token() {
    let nights = Nights::begin();
    let csv = named("1", "Ana");
    let as_account = |label: &str| nights.run(&csv).args(["--account", label]);
    nights.go(as_account("matriz")).ends(0, &DONE);
    let night = nights.go(as_account("matriz").token("outro-S3GR3D0-0001"));
    night.sends::<&str>(&[]).ends(0, &KNOWN);
    // Another label, or none, is another account.
    nights.go(as_account("filial")).ends(0, &DONE);
    nights.night(&csv).ends(0, &DONE);
    nights.go(as_account("matriz")).ends(0, &KNOWN);
}

#[test]
fn a_loopback_server_has_no_ledger_unless_one_is_named() {
    let server = Server::start();
    let first = Run::new(&server).csv(&table::customers(3)).go();
    first.exits(0);
    let again = Run::new(&server).in_folder_of(&first).on("clientes.csv").go();
    again.exits(0).accounted_rows(3);
    assert_eq!(server.count(), 6);
    let state = std::fs::read_dir(again.work().join("../estado")).unwrap().count();
    assert_eq!((state, again.exists(LEDGER)), (0, false));
}

#[test]
fn without_the_ledger_everything_is_sent_and_the_summary_warns() {
    let server = Server::start();
    let finished = Run::new(&server).csv(&table::customers(3)).arg("--no-ledger").go();
    finished.exits(0).accounted_rows(3);
    assert_eq!(server.count(), 3);

    // Loopback has no ledger by default, so the warning needs another address. Without rows nothing
    // is sent there.
    let run = |token: &str| {
        let mut run = Run::bare(&["run"]).token(token);
        run = run.args(["--base-url", "https://tomticket.invalid"]).csv(HEADER);
        run
    };
    let first = run("conta-S3GR3D0-0001").go();
    first.exits(0);
    assert!(first.work().join("../estado/tomticket-sync/ledger.db").exists());
    assert!(!first.stderr.contains("--no-ledger"));
    let without = |token| run(token).in_folder_of(&first).arg("--no-ledger").go();
    without("conta-S3GR3D0-0001").exits(0).says(&["Atenção", "--no-ledger"]);
    let stranger = without("outra-S3GR3D0-0002");
    assert!(!stranger.exits(0).stderr.contains("Atenção"), "a ledger of another account");
}

#[test]
fn unchanged_rows_do_not_count_against_the_limit() {
    let nights = Nights::begin();
    let csv = table::customers(10);
    nights.go(nights.run(&csv).args(["--limit", "4"])).finished.exits(0);
    let night = nights.go(nights.run(&csv).args(["--limit", "4"]));
    let mut expected = vec!["inalterado"; 4];
    expected.extend(["atualizado"; 4]);
    expected.extend(["nao_enviado"; 2]);
    night.ends(0, &expected);
    assert_eq!(nights.server.count(), 8);
}

#[test]
fn unchanged_rows_take_no_permit() {
    let nights = Nights::begin();
    let csv = table::customers(2000);
    nights.night(&csv).finished.exits(0);
    let night = nights.go(nights.run(&csv).rate("3"));
    night.ends(0, &["inalterado"; 2000]);
    // With one permit each they would take eleven minutes.
    assert!(night.finished.took < Duration::from_secs(60), "{:?}", night.finished.took);
}

#[test]
fn a_flag_overrides_the_opposite_variable() {
    let nights = Nights::begin();
    let csv = table::customers(3);
    nights.night(&csv).ends(0, &["atualizado"; 3]);
    let without = || {
        let url = nights.server.url();
        Run::bare(&["run"])
            .sharing(&nights.night_folder())
            .csv(&csv)
            .args(["--base-url", &url])
            .rate("unlimited")
            .env("TOMTICKET_TOKEN", crate::support::CANARY)
    };
    let declined = without().env("TOMTICKET_SYNC_LEDGER", LEDGER).arg("--no-ledger");
    nights.go(declined).ends(0, &["atualizado"; 3]);
    let wanted = without().env("TOMTICKET_SYNC_NO_LEDGER", "1").args(["--ledger", LEDGER]);
    nights.go(wanted).ends(0, &["inalterado"; 3]);
    let both = without().args(["--ledger", LEDGER, "--no-ledger"]).allow_partial();
    let night = nights.go(both);
    night.finished.exits(2).says(&["--no-ledger", "não combina"]);
    assert!(night.sent.is_empty());
}

/// Preflight's result of comparing rows with the ledger is used up to the first row that may be sent.
#[test]
fn preflight_checks_hold_until_the_first_row_is_sent() {
    let nights = Nights::begin();
    let row = |n: u32, nome: &str| format!("C{n:04},I,{nome}\n");
    let all = |nome: &str| (0..700).map(|n| row(n, nome)).collect::<String>();
    nights.night(&format!("{HEADER}{}", all("Um"))).ends(0, &["atualizado"; 700]);

    // Unchanged rows, some of them twice and one that is invalid, then C0005 changed and changed back.
    let leading = [all("Um"), row(5, "Um"), ",I,Sem identificador\n".to_owned()].concat();
    let trailing = [row(5, "Dois"), row(5, "Um"), row(6, "Um"), row(5, "Um")].concat();
    let night = nights.night(&format!("{HEADER}{leading}{trailing}"));
    night.sends(&["C0005/I nome=Dois", "C0005/I nome=Um"]);
    let mut expected = vec!["inalterado"; 701];
    expected.extend(["invalido", "atualizado", "atualizado", "inalterado", "inalterado"]);
    night.ends(1, &expected);

    // With --max-age, values expire during a run, so each row is checked in its turn.
    let old = nights.run(&format!("{HEADER}{}", all("Um"))).args(["--max-age", "30d"]);
    nights.go(old).ends(0, &["inalterado"; 700]);
}
