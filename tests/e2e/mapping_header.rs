//! Rules of the header: which columns feed which targets, what is refused before sending, suggestions
//! for typos. Rules of cells and rows are in `mapping.rs`.

use crate::support::{Run, Server};

use super::mapping::{field, run};

#[test]
fn a_field_id_with_an_equals_sign_is_what_the_file_says() {
    let text = "identificador,tipo_identificador,a=b\n1,I,x\n";
    let server = Server::start();
    let toml = "[set]\n\"campo:a=b\" = \"v\"\n[map]\n\"a=b\" = \"campo:c=d\"\n";
    let finished = Run::new(&server).csv(text).file("tomticket-sync.toml", toml).go();
    finished.exits(0).accounted_rows(1);
    assert_eq!(server.sent()[0].2, [field("campos[c=d]", "x"), field("campos[a=b]", "v")]);
}

#[test]
fn c13_two_sources_for_one_target_are_refused() {
    let data = "1,I,Ana,Eva\n";
    for (header, args) in [
        ("identificador,tipo_identificador,nome,nome", &[][..]),
        ("identificador,tipo_identificador,nome, NOME ", &[]),
        ("identificador,tipo_identificador,nome,Nome Completo", &["--map", "Nome Completo=nome"]),
        (
            "identificador,tipo_identificador,Nome Completo,livre",
            &["--map", "Nome Completo=nome", "--set", "nome=X"],
        ),
    ] {
        let (server, finished) = run(&format!("{header}\n{data}"), args);
        finished.refused_before_sending(&server, &["nome"]);
    }
    let header = "identificador,tipo_identificador,campo:x,campo:x";
    let (server, finished) = run(&format!("{header}\n{data}"), &[]);
    finished.refused_before_sending(&server, &["campo:x"]);
}

#[test]
fn a_set_text_decides_over_a_column_of_the_targets_name() {
    let text = "identificador,tipo_identificador,nome,telefone\n1,I,Ana,5555\n";
    let args = ["--set", "nome=Cliente", "--set", "telefone=11 {telefone}", "--strict"];
    let (server, finished) = run(text, &args);
    finished.exits(0).says(&["--set nome=…", "no lugar da coluna \"nome\""]);
    assert_eq!(server.sent()[0].2, [field("nome", "Cliente"), field("telefone", "11 5555")]);
}

#[test]
fn c13_a_missing_type_is_refused() {
    let (server, finished) = run("identificador,nome\n1,Ana\n", &[]);
    finished.refused_before_sending(&server, &["tipo_identificador", "--id-type"]);
    let (server, finished) = run("identificador,nome\n1,Ana\n", &["--id-type", "I"]);
    finished.exits(0);
    assert_eq!(server.sent()[0].1, "I");
    let (server, finished) = run(
        "identificador,tipo_identificador,nome\n1,i,Ana\na@x.com,e,Eva\n3,X,Rui\n4,,Lia\n",
        &[],
    );
    let rows = finished.exits(1).accounted_rows(4);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends, ["atualizado", "atualizado", "invalido", "invalido"]);
    let types: Vec<_> = server.sent().into_iter().map(|sent| sent.1).collect();
    assert_eq!(types, ["I", "E"]);
    assert!(rows[2].mensagem.contains("tipo_identificador"));
}

#[test]
fn c13_a_missing_identifier_is_refused() {
    let (server, finished) = run("nome,email\nAna,a@x.com\n", &["--id-type", "E"]);
    finished.refused_before_sending(&server, &["identificador", "--key"]);
}

#[test]
fn c14_field_ids_that_php_would_mangle_are_refused() {
    for column in [
        "campo:'abc01'",
        "campo:\"\"abc01\"\"",
        "campo:a[b",
        "campo:a]b",
        "campo:a\"\"b",
        "campo:a\\b",
        "campo:a\nb",
        "campo:a\tb",
        "campo:",
        "campo: ",
    ] {
        let text = format!("identificador,tipo_identificador,\"{column}\"\n1,I,v\n");
        let (server, finished) = run(&text, &[]);
        finished.refused_before_sending(&server, &["campo:"]);
    }
}

#[test]
fn c14_a_pasted_php_name_and_typos_get_a_suggestion() {
    for (column, suggestion) in [
        ("campos[abc01]", "campo:abc01"),
        ("campo_abc", "campo:abc"),
        ("campo abc01", "campo:abc01"),
        ("emial", "email"),
        ("telefon", "telefone"),
        ("criar_chamados", "criarchamados"),
        ("nomee", "nome"),
    ] {
        let text = format!("identificador,tipo_identificador,id_organizacao,{column}\n1,I,o,v\n");
        let (server, finished) = run(&text, &[]);
        finished.refused_before_sending(&server, &[column, suggestion]);
    }
}

#[test]
fn c14_other_unknown_columns_are_listed_and_left_out() {
    let text = "identificador,tipo_identificador,nome,CPF,Observações\n1,I,Ana,123,x\n";
    let (server, finished) = run(text, &[]);
    finished.exits(0).says(&["CPF", "Observações"]);
    assert_eq!(server.sent()[0].2, [field("nome", "Ana")]);
    let (server, finished) = run(text, &["--strict"]);
    finished.refused_before_sending(&server, &["CPF", "Observações"]);
    let (_, finished) = run(text, &["--strict", "--ignore", "CPF", "--ignore", "Observações"]);
    finished.exits(0);
}

#[test]
fn foreign_headers_are_mapped() {
    let text = "E-mail,First Name,Last Name,Fone\nana@x.com,Ana, Maria ,11\neva@x.com,,,22\n";
    let args = [
        "--map",
        "E-mail=identificador",
        "--map",
        "E-mail=email",
        "--map",
        "Fone=telefone",
        "--set",
        "nome={First Name} {Last Name}",
        "--set",
        "idioma=pt_BR",
        "--set",
        "campo:origem={{crm}}",
        "--id-type",
        "E",
    ];
    let (server, finished) = run(text, &args);
    finished.exits(0).accounted_rows(2);
    let mut sent = server.sent();
    for sent in &mut sent {
        sent.2.sort();
    }
    assert_eq!(
        sent[0].2,
        [
            field("campos[origem]", "{crm}"),
            field("email", "ana@x.com"),
            field("idioma", "pt_BR"),
            field("nome", "Ana Maria"),
            field("telefone", "11"),
        ]
    );
    assert_eq!(
        sent[1].2,
        [
            field("campos[origem]", "{crm}"),
            field("email", "eva@x.com"),
            field("idioma", "pt_BR"),
            field("telefone", "22"),
        ],
        "all placeholders empty means empty"
    );
}

#[test]
fn a_mapping_of_unknown_columns_or_targets_is_refused() {
    let text = "identificador,tipo_identificador,nome\n1,I,Ana\n";
    for (args, parts) in [
        (["--map", "Fone=telefone"], &["Fone"][..]),
        (["--map", "nome=telefonne"], &["telefonne"]),
        (["--set", "telefone={Fone}"], &["Fone"]),
        (["--set", "idiomma=pt_BR"], &["idiomma"]),
        (["--set", "telefone={nome"], &["telefone"]),
        (["--key", "telefone"], &["--key"]),
        (["--send-empty", "tel"], &["tel"]),
        (["--id-type", "X"], &["--id-type"]),
    ] {
        let (server, finished) = run(text, &args);
        finished.refused_before_sending(&server, parts);
    }
}

#[test]
fn the_key_column_is_the_identifier() {
    let (server, finished) = run("nome,email\nAna,ana@x.com\nEva,\n", &["--key", "email"]);
    let rows = finished.exits(1).accounted_rows(2);
    assert_eq!((&*rows[0].identificador, &*rows[0].tipo), ("ana@x.com", "E"));
    assert_eq!(rows[1].situacao, "invalido");
    let sent = server.sent();
    assert_eq!((&*sent[0].0, &*sent[0].1), ("ana@x.com", "E"));
    assert!(sent[0].2.contains(&field("nome", "Ana")));

    let (server, finished) = run("nome,id_interno\nAna,007\n", &["--key", "id_interno"]);
    finished.exits(0).accounted_rows(1);
    let sent = server.sent();
    assert_eq!((&*sent[0].0, &*sent[0].1), ("007", "I"));
    assert_eq!(sent[0].2, [field("nome", "Ana")], "the API forbids id_interno here");
}

#[test]
fn preflight_warns_of_what_the_documentation_requires() {
    let (_, finished) = run("identificador,tipo_identificador,telefone\n1,I,11\n", &[]);
    finished.exits(0).says(&["nome", "email", "criarchamados", "idioma"]);
    let (_, finished) = run("identificador,tipo_identificador,portfolio_id\n1,I,p\n", &[]);
    finished.exits(0).says(&["portfolio_id", "Enterprise"]);
}
