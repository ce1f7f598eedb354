//! From cells to requests: empty cells, accepted values, rules of a row. Rules of the header are in
//! `mapping_header.rs`.

use crate::support::{Finished, Run, Server, table};

pub(super) fn run(text: &str, args: &[&str]) -> (Server, Finished) {
    let server = Server::start();
    let finished = Run::new(&server).csv(text).args(args.iter().copied()).go();
    (server, finished)
}

pub(super) fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn c10_an_empty_cell_is_not_sent() {
    let text = "identificador,tipo_identificador,nome,telefone,portfolio_id,campo:x\n\
                1,I,Ana,, ,\n2,I,,\u{a0},,v\n3,I,,,,\n";
    let (server, finished) = run(text, &[]);
    let rows = finished.exits(1).accounted_rows(3);
    assert_eq!(rows[2].situacao, "invalido", "nothing to send");
    let sent = server.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].2, [field("nome", "Ana")]);
    assert_eq!(sent[1].2, [field("campos[x]", "v")]);
}

#[test]
fn c10_clearing_is_explicit() {
    let text = "identificador,tipo_identificador,nome,telefone,portfolio_id\n\
                1,I,Ana,,\n2,I,Eva,1,p\n3,I,,,\n";
    let (server, finished) = run(text, &["--send-empty", "portfolio_id"]);
    finished.exits(0).accounted_rows(3);
    let sent = server.sent();
    assert_eq!(sent[0].2, [field("nome", "Ana"), field("portfolio_id", "")]);
    assert_eq!(
        sent[1].2,
        [field("nome", "Eva"), field("telefone", "1"), field("portfolio_id", "p")]
    );
    assert_eq!(sent[2].2, [field("portfolio_id", "")]);
}

#[test]
fn c10_a_marker_clears_where_it_is_the_whole_cell() {
    let text = "identificador,tipo_identificador,nome,portfolio_id,campo:x\n\
                1,I,Ana,#N/A,a#N/A\n2,I,Eva,,#N/A\n";
    let (server, finished) = run(text, &["--clear-marker", "#N/A"]);
    finished.exits(0).accounted_rows(2);
    let sent = server.sent();
    assert_eq!(
        sent[0].2,
        [field("nome", "Ana"), field("portfolio_id", ""), field("campos[x]", "a#N/A")]
    );
    assert_eq!(sent[1].2, [field("nome", "Eva"), field("campos[x]", "")]);
}

#[test]
fn c10_the_clear_marker_does_not_apply_inside_set() {
    let text = "Cod,First,Last\n7,Ana,#N/A\n8,#N/A, #N/A \n#N/A,Eva,Lima\n9,,\n";
    let set = ["--set", "identificador=C-{Cod}", "--set", "nome={First} {Last}"];
    let marker = ["--id-type", "I", "--clear-marker", " #N/A "];
    let (server, finished) = run(text, &[&set[..], &marker[..]].concat());
    let rows = finished.exits(1).accounted_rows(4);
    let sent: Vec<_> = server.sent().into_iter().map(|(who, _, form)| (who, form)).collect();
    assert_eq!(
        sent,
        [
            ("C-7".to_owned(), vec![field("nome", "Ana")]),
            ("C-8".to_owned(), vec![field("nome", "")]),
        ]
    );
    assert!(rows[2].mensagem.contains("identificador") && rows[2].mensagem.contains("vazio"));
    assert!(rows[3].mensagem.contains("nada para enviar"));
}

#[test]
fn c10_clearing_what_is_not_documented_warns() {
    let text = "identificador,tipo_identificador,nome,telefone\n1,I,Ana,\n";
    let (server, finished) = run(text, &["--send-empty", "telefone"]);
    finished.exits(0).says(&["telefone", "portfolio_id"]);
    assert_eq!(server.sent()[0].2, [field("nome", "Ana"), field("telefone", "")]);
}

#[test]
fn c11_booleans_have_one_table_of_spellings() {
    let yes = [
        "true",
        "1",
        "sim",
        "s",
        "verdadeiro",
        "yes",
        "y",
        "T",
        "Sim",
        "VERDADEIRO",
        "TRUE",
        " S ",
    ];
    let no = ["false", "0", "não", "nao", "n", "falso", "no", "f", "NÃO", "Falso", "FALSE"];
    let bad = ["talvez", "2", "si", "verdade", "on", "x"];
    let mut text = String::from("identificador,tipo_identificador,criarchamados\n");
    for (kind, words) in [("s", &yes[..]), ("n", &no[..]), ("x", &bad[..])] {
        for (index, word) in words.iter().enumerate() {
            text.push_str(&format!("{kind}{index},I,{word}\n"));
        }
    }
    let (server, finished) = run(&text, &[]);
    let rows = finished.exits(1).accounted_rows(yes.len() + no.len() + bad.len());
    for request in server.requests() {
        let expected = if request.identificador().starts_with('s') { "true" } else { "false" };
        assert_eq!(request.form(), [field("criarchamados", expected)], "{}", request.describe());
    }
    assert_eq!(server.count(), yes.len() + no.len());
    for (row, word) in rows[yes.len() + no.len()..].iter().zip(bad) {
        assert_eq!(row.situacao, "invalido", "{word}");
        assert!(row.mensagem.contains("criarchamados") && row.mensagem.contains(word), "{row:?}");
    }
}

#[test]
fn c11_languages_are_normalised() {
    let good = [
        ("pt_BR", "pt_BR"),
        ("pt-br", "pt_BR"),
        ("PT_BR", "pt_BR"),
        ("pt br", "pt_BR"),
        ("en-US", "en_US"),
        ("en_us", "en_US"),
        ("ES-es", "es_ES"),
    ];
    let bad = ["pt", "fr_FR", "português", "pt__BR", "pt_BR_x"];
    let mut text = String::from("identificador,tipo_identificador,idioma\n");
    for (index, word) in good.iter().map(|(word, _)| *word).chain(bad).enumerate() {
        text.push_str(&format!("{index:02},I,{word}\n"));
    }
    let (server, finished) = run(&text, &[]);
    let rows = finished.exits(1).accounted_rows(good.len() + bad.len());
    let sent = server.sent();
    assert_eq!(sent.len(), good.len());
    for (sent, (word, expected)) in sent.iter().zip(good) {
        assert_eq!(sent.2, [field("idioma", expected)], "{word}");
    }
    assert!(rows[good.len()..].iter().all(|row| row.situacao == "invalido"));
}

#[test]
fn c12_lengths_are_counted_in_characters_before_anything_is_sent() {
    let limits = [("nome", 250), ("id_organizacao", 250), ("id_interno", 250), ("telefone", 20)];
    let mut text =
        String::from("identificador,tipo_identificador,nome,id_organizacao,id_interno,telefone\n");
    for (column, (name, limit)) in limits.iter().enumerate() {
        for over in [0, 1] {
            let mut cells = vec![format!("{name}{over}@x.com"), "E".to_owned()];
            cells.extend(std::iter::repeat_n(String::new(), limits.len()));
            cells[2 + column] = "é".repeat(limit + over);
            text.push_str(&table::line(cells, ','));
        }
    }
    let (server, finished) = run(&text, &[]);
    let rows = finished.exits(1).accounted_rows(8);
    for (pair, (name, limit)) in rows.chunks(2).zip(limits) {
        assert_eq!(pair[0].situacao, "atualizado", "{name}");
        assert_eq!(pair[1].situacao, "invalido", "{name}");
        let mensagem = &pair[1].mensagem;
        assert!(mensagem.contains(name) && mensagem.contains(&limit.to_string()), "{mensagem}");
        assert!(mensagem.chars().count() < 250, "the value is cut: {mensagem}");
    }
    let sent = server.sent();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|sent| sent.2[0].1.chars().all(|c| c == 'é')));
}

#[test]
fn c12_identifiers_have_a_longest_length_too() {
    let text = format!(
        "identificador,tipo_identificador,nome\n{},I,Ana\n{},I,Eva\n",
        "ç".repeat(250),
        "ç".repeat(251)
    );
    let (server, finished) = run(&text, &[]);
    let rows = finished.exits(1).accounted_rows(2);
    assert_eq!((&*rows[0].situacao, &*rows[1].situacao), ("atualizado", "invalido"));
    assert_eq!(server.sent()[0].0, "ç".repeat(250));
}

#[test]
fn c12_all_violations_of_a_row_are_in_one_message() {
    let text = "identificador,tipo_identificador,nome,email,criarchamados,telefone,idioma\n\
                1,I,Ana,sem arroba,talvez,123456789012345678901,fr\n";
    let (server, finished) = run(text, &[]);
    let rows = finished.exits(1).accounted_rows(1);
    for part in ["email", "sem arroba", "criarchamados", "talvez", "telefone", "20", "idioma", "fr"]
    {
        assert!(rows[0].mensagem.contains(part), "{part}: {}", rows[0].mensagem);
    }
    assert_eq!(server.count(), 0);
}

#[test]
fn c12_an_email_must_look_like_one() {
    let good = ["a@b.c", "ana.maria+x@exemplo.com.br", "é@é.é"];
    let bad =
        ["a", "a@b", "a@@b.c", "a b@c.d", "@b.c", "a@", "a@b@c.d", "a@.c", "a@b.", "a\u{a0}b@c.d"];
    let mut text = String::from("identificador,tipo_identificador,email\n");
    for (index, email) in good.iter().chain(&bad).enumerate() {
        text.push_str(&format!("{index},I,{email}\n"));
    }
    let (server, finished) = run(&text, &[]);
    let rows = finished.exits(1).accounted_rows(good.len() + bad.len());
    let sent: Vec<_> = server.sent().into_iter().map(|sent| sent.2[0].1.clone()).collect();
    assert_eq!(sent, good);
    for (row, email) in rows[good.len()..].iter().zip(bad) {
        assert_eq!(row.situacao, "invalido", "{email}");
        assert!(row.mensagem.contains("email") && row.mensagem.contains(email), "{row:?}");
    }
}

#[test]
fn c13_an_internal_id_needs_an_email_as_the_key() {
    let text = "identificador,tipo_identificador,nome,id_interno\n\
                1,I,Ana,K1\n2,I,Eva,\nc@x.com,E,Rui,K3\n";
    let (server, finished) = run(text, &[]);
    let rows = finished.exits(1).accounted_rows(3);
    assert_eq!(rows[0].situacao, "invalido");
    assert!(rows[0].mensagem.contains("id_interno"), "{}", rows[0].mensagem);
    let sent = server.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1].2, [field("nome", "Rui"), field("id_interno", "K3")]);
}

#[test]
fn c13_an_internal_id_that_cannot_be_addressed_is_invalid() {
    let mut text = String::from("identificador,tipo_identificador,nome,id_interno\n");
    for id in ["1.23E+13", ".", "\"a\nb\"", "a\tb"] {
        text.push_str(&format!("ana@x.com,E,Ana,{id}\n"));
    }
    let (server, finished) = run(&text, &[]);
    let mensagens: Vec<_> =
        finished.exits(1).accounted([2, 3, 4, 6]).into_iter().map(|row| row.mensagem).collect();
    assert_eq!(server.count(), 0);
    for (mensagem, rule) in mensagens.iter().zip(["planilha", "\"..\"", "controle", "controle"]) {
        assert!(mensagem.starts_with("id_interno: ") && mensagem.contains(rule), "{mensagem}");
    }
}

#[test]
fn required_columns_are_enforced() {
    let text = "identificador,tipo_identificador,nome,email\n1,I,Ana,a@x.com\n2,I,,b@x.com\n";
    let (server, finished) = run(text, &["--require", "nome", "--require", "email"]);
    let rows = finished.exits(1).accounted_rows(2);
    assert_eq!(rows[1].situacao, "invalido");
    assert!(rows[1].mensagem.contains("nome"), "{}", rows[1].mensagem);
    assert_eq!(server.count(), 1);
}

/// `check` and `run --dry-run` send nothing, write nothing and need no token.
#[test]
fn check_sends_nothing_and_needs_no_token() {
    let cases = [
        ("identificador,tipo_identificador,nome\n1,I,Ana\n2,I,Eva\n", 0),
        ("identificador,tipo_identificador,nome\n1,I,Ana\n..,I,Eva\n", 1),
        ("identificador,tipo_identificador,nome,nome\n1,I,Ana,x\n", 2),
        ("identificador,tipo_identificador,nome\n1,I,\"Ana\n", 2),
    ];
    for (text, code) in cases {
        let server = Server::start();
        let url = server.url();
        let check = Run::bare(&["check"]).csv(text).args(["--base-url", &url]).go();
        check.exits(code);
        let dry = Run::bare(&["run"]).csv(text).args(["--base-url", &url, "--dry-run"]).go();
        dry.exits(code);
        for finished in [&check, &dry] {
            assert!(!finished.exists("clientes.resultado.csv"));
        }
        assert_eq!((server.count(), server.connections()), (0, 0));
        if code < 2 {
            check.says(&["2"]);
        }
    }
}
