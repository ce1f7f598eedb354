//! `--api v2`: the same rows and rules, spelled as version 2.0 has them.

use crate::support::canary::CANARY;
use crate::support::{Reply, Run, Server, Simulator, table};

const ROWS: &str = "identificador,tipo_identificador,nome,email,telefone,criarchamados,id_organizacao,id_interno,idioma,portfolio_id,campo:abc01\n\
    ana+1@x.com,E,Ana Ç,ana+1@x.com,11,sim,org1,77,pt_BR,p1,Ouro\n\
    bia@x.com,E,Bia,,,não,,,en_US,#N/A,\n\
    c@x.com,E,Caio,novo@x.com,,,,,es_ES,,\n";

fn accepted() -> Reply {
    Reply::json(200, r#"{"error":false,"message":null,"success":true}"#)
}

fn run(server: &Server) -> Run {
    Run::new(server).args(["--api", "v2"])
}

#[test]
fn names_and_values_are_those_of_version_2() {
    let server = Server::start();
    server.script(|_, _| accepted());
    let finished = run(&server).csv(ROWS).args(["--clear-marker", "#N/A"]).go();
    let rows = finished.exits(0).accounted_rows(3);
    assert_eq!(rows[0].mensagem, "Cliente atualizado.");
    let mut forms: Vec<_> = server.raw_requests();
    forms.sort_by_key(|request| request.form()[0].1.clone());
    for request in &forms {
        assert_eq!((&*request.method, &*request.target), ("POST", "/v2.0/customer/update"));
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {CANARY}")));
    }
    let form = |at: usize| -> Vec<String> {
        forms[at].form().into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    };
    assert_eq!(
        form(0),
        [
            "customer_id=ana+1@x.com",
            "customer_type_id=E",
            "name=Ana Ç",
            "email=ana+1@x.com",
            "phone=11",
            "create_tickets=1",
            "organization_id=org1",
            "internal_id=77",
            "language=pt-BR",
            "portfolio_id=p1",
            "custom_field[abc01]=Ouro",
        ]
    );
    assert_eq!(
        form(1),
        [
            "customer_id=bia@x.com",
            "customer_type_id=E",
            "name=Bia",
            "create_tickets=0",
            "language=en-US",
            "portfolio_id=",
        ]
    );
    assert!(form(2).contains(&"language=es_ES".to_owned()), "{:?}", form(2));
}

#[test]
fn replies_are_read_by_status_and_flags() {
    let server = Server::start();
    server.script(|request, _| match &*request.field("customer_id").unwrap() {
        "C00003" => Reply::json(200, r#"{"error":true,"message":"Nada feito","success":false}"#),
        "C00004" => Reply::json(401, r#"{"error":true,"message":null,"success":false}"#),
        "C00005" => Reply::html(404),
        _ => accepted(),
    });
    let finished = run(&server).csv(&table::customers(9)).args(["--concurrency", "1"]).go();
    let rows = finished.exits(1).accounted_rows(9);
    let told = |at: usize| (&*rows[at].situacao, &*rows[at].mensagem);
    let told: Vec<_> = (0..5).map(told).collect();
    let words = ["HTTP 401: acesso negado", "HTTP 404: recusado pelo servidor"];
    assert_eq!(told[..2], [("atualizado", "Cliente atualizado."), ("recusado", "Nada feito")]);
    assert_eq!(told[2..4], words.map(|words| ("recusado", words)));
    assert_eq!(told[4].0, "atualizado");
    // A reply of version 1 says nothing in version 2.
    let server = Server::start();
    let finished = run(&server).csv(&table::customers(1)).go();
    assert_eq!(finished.exits(4).accounted_rows(1)[0].situacao, "falhou");
}

#[test]
fn both_versions_change_the_same_and_share_the_ledger() {
    let end = |first: &str, second: &str| {
        let simulator = Simulator::start(&[]);
        let night = |api: &str| {
            Run::bare(&["run"])
                .args(["--base-url", simulator.url(), "--rate", "unlimited", "--api", api])
                .args(["--clear-marker", "#N/A", "--ledger", "registro.db", "--concurrency", "1"])
                .env("TOMTICKET_TOKEN", CANARY)
        };
        let sent = night(first).csv(ROWS).go();
        sent.exits(0);
        let again = night(second).in_folder_of(&sent).on("clientes.csv").go();
        let rows = again.exits(0).accounted_rows(3);
        assert!(rows.iter().all(|row| row.situacao == "inalterado"), "{rows:?}");
        simulator.customers()
    };
    assert_eq!(end("v1", "v2"), end("v2", "v1"));
}
