//! `examples/sincronizar.rs` works: it syncs a file with the library and returns the summary.

#[path = "../../examples/sincronizar.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod sincronizar;

use tomticket_sync::Situacao;

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
