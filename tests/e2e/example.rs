//! `examples/sincronizar.rs` works: it syncs a file with the library and returns the summary.

#[path = "../../examples/sincronizar.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod sincronizar;

use tomticket_sync::{Key, Settings, Situacao};

use crate::support::Server;

#[test]
fn the_example_syncs_a_file_and_returns_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("clientes.csv");
    std::fs::write(&input, "identificador,tipo_identificador,nome\nC1,I,Ana\n,I,Bia\nC3,I,Caio\n")
        .unwrap();
    let summary = sincronizar::sync(&input, folder.path()).unwrap();
    assert_eq!(summary.codigo_saida, 1);
    assert_eq!(summary.count(Situacao::Atualizado), 2);
    assert_eq!(summary.count(Situacao::Invalido), 1);
    let rejects = std::fs::read_to_string(folder.path().join("rejeitados.csv")).unwrap();
    assert_eq!(rejects.lines().count(), 2);
}

#[test]
fn a_program_gives_token_ledger_and_key_and_sends_nothing_twice() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("clientes.csv");
    std::fs::write(&input, "E-mail,nome\nana@x.com,Ana\n").unwrap();
    let mut settings = Settings::with_token(&input, "abc").unwrap();
    settings.set_base_url(&server.url()).unwrap();
    settings.set_ledger(folder.path().join("registro.db"));
    settings.set_key(Key::Email);
    settings.map("E-mail", "email");
    settings.quiet = true;
    for situacao in [Situacao::Atualizado, Situacao::Inalterado] {
        assert_eq!(tomticket_sync::run(&settings).unwrap().count(situacao), 1);
    }
    assert_eq!(server.count(), 1);
}
