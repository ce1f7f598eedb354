//! Renames without a reply: what the next run sends, and which names are known afterwards.

use crate::support::{Nights, Reply};

use super::ledger_crash::kill_in_flight;

const RENAME: &str = "identificador,tipo_identificador,email,nome\na@x.com,E,b@x.com,Ana\n";
const RENAME_SENT: &str = "a@x.com/E email=b@x.com nome=Ana";

/// A rename that was answered with a gateway's error page.
fn with_an_unsettled_rename() -> Nights {
    let nights = Nights::begin();
    nights.server.reply("a@x.com", Reply::html(502));
    let night = nights.night(RENAME);
    night.sends(&[RENAME_SENT]).ends(6, &["incerto"]);
    nights
}

#[test]
fn c32_an_open_rename_is_sent_once_more_and_may_succeed() {
    let nights = with_an_unsettled_rename();
    let night = nights.night(RENAME);
    night.sends(&[RENAME_SENT]).ends(0, &["atualizado"]);
    let night = nights.night(RENAME);
    assert!(!night.finished.stderr.contains("em andamento"), "a settled rename is reported");
    night.ends(0, &["inalterado"]);
}

#[test]
fn c32_an_open_rename_without_a_reply_stays_open() {
    let nights = with_an_unsettled_rename();
    nights.server.reply("a@x.com", Reply::html(502));
    nights.night(RENAME).sends(&[RENAME_SENT]).ends(6, &["incerto"]);
    nights.server.reply("a@x.com", Reply::refuse("Cliente não encontrado."));
    let night = nights.night(RENAME);
    night.sends(&[RENAME_SENT]).ends(6, &["incerto"]);
}

#[test]
fn c32_a_refused_repeat_of_an_open_rename_is_uncertain() {
    let nights = with_an_unsettled_rename();
    nights.server.script(|_, _| Reply::refuse("Cliente não encontrado."));
    let csv = "identificador,tipo_identificador,email,nome\n\
               a@x.com,E,,Aninha\n\
               a@x.com,E,b@x.com,Ana\n\
               b@x.com,E,,Bia\n\
               c@x.com,E,,Caio\n";
    let night = nights.night(csv);
    let rows = night.ends(6, &["incerto", "incerto", "incerto", "recusado"]);
    for row in &rows[..3] {
        let text = &row.mensagem;
        assert!(text.contains("Cliente não encontrado.") && text.contains("troca"), "{text}");
    }
    assert_eq!(rows[3].mensagem, "Cliente não encontrado.");
    let mut sent = night.sent;
    sent.sort();
    let once = [RENAME_SENT, "a@x.com/E nome=Aninha", "b@x.com/E nome=Bia", "c@x.com/E nome=Caio"];
    assert_eq!(sent, once);
}

#[test]
fn c40_a_rename_killed_in_flight_is_open_too() {
    let nights = Nights::begin();
    kill_in_flight(&nights, RENAME, 1);
    nights.server.script(|_, _| Reply::refuse("Cliente não encontrado."));
    let night = nights.night(RENAME);
    night.finished.says(&["linha 2"]);
    let rows = night.sends(&[RENAME_SENT]).ends(6, &["incerto"]);
    assert!(rows[0].mensagem.contains("Cliente não encontrado."));
}

#[test]
fn c40_neither_name_of_a_killed_rename_is_known() {
    let nights = Nights::begin();
    let both = "identificador,tipo_identificador,nome\na@x.com,E,Ana\nb@x.com,E,Bia\n";
    nights.night(both).ends(0, &["atualizado"; 2]);
    kill_in_flight(&nights, RENAME, 1);
    nights.night(both).ends(0, &["atualizado"; 2]);
}
