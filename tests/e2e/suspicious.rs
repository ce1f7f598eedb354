//! Values that an export or a spreadsheet damaged: what is invalid, and what is told before sending.
//! Real names that only look so are in the unit tests of `src/suspicious`.

use crate::support::{Finished, Run, Server};

fn run(text: &str, args: &[&str]) -> (Server, Finished) {
    let server = Server::start();
    let run = Run::new(&server).csv(text);
    let finished = run.args(args.iter().copied()).go();
    (server, finished)
}

/// The messages of the results, by line; those of sent rows are empty.
fn invalid(finished: &Finished) -> Vec<(u64, String)> {
    let rows = finished.results().into_iter().filter(|row| row.situacao == "invalido");
    rows.map(|row| (row.linha, row.mensagem)).collect()
}

#[track_caller]
fn all_invalid(text: &str, args: &[&str], whys: &[&str]) {
    let (server, finished) = run(text, args);
    let rows = invalid(&finished);
    assert_eq!(rows.len(), whys.len(), "{rows:?}");
    for ((_, mensagem), why) in rows.iter().zip(whys) {
        assert!(mensagem.contains(why), "{why:?} in {mensagem}");
    }
    assert_eq!(server.count(), 0);
}

#[test]
fn f120_words_for_no_value_are_told_by_column_and_name_no_customer() {
    let text = "identificador;nome;telefone;id_interno\na@x.co;Ana;NULL;NULL\n\
                b@x.co;#N/D;#REF!;\nNULL;nan;\\N;\nd@x.co;Null;None;\n";
    let (server, finished) = run(text, &["--id-type", "E"]);
    let told = [
        "coluna \"nome\": 2 células com palavras para \"sem valor\": #N/D, nan (linhas 3, 4)",
        "coluna \"telefone\": 4 células com palavras para \"sem valor\": NULL, #REF!, \\N, None (linhas 2, 3, 4, 5)",
        "--null NULL --null '#REF!' --null '\\N' --null None",
    ];
    finished.exits(1).says(&told).accounted([2, 3, 4, 5]);
    let rows = invalid(&finished);
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 4], "{rows:?}");
    assert!(rows[0].1.starts_with("id_interno: \"NULL\"") && rows[1].1.contains("de ninguém"));
    assert_eq!(server.count(), 2);
    // The user's word comes first.
    let null = ["NULL", "#N/D", "#REF!", "\\N", "nan", "None", "Null"];
    let mut args = vec!["--id-type", "E"];
    args.extend(null.iter().flat_map(|word| ["--null", word]));
    let (_, finished) = run(text, &args);
    assert!(!finished.stderr.contains("suspeitos"), "{}", finished.stderr);
}

#[test]
fn f120_one_surname_among_many_customers_is_not_told() {
    let mut text = "identificador;nome\n".to_owned();
    for row in 0..30 {
        text.push_str(&format!("{row};{}\n", if row == 7 { "Null" } else { "D'Ávila" }));
    }
    let (server, finished) = run(&text, &["--id-type", "I"]);
    finished.exits(0);
    assert!(!finished.stderr.contains("suspeitos"), "{}", finished.stderr);
    assert_eq!(server.count(), 30);
}

#[test]
fn f121_no_invisible_character_goes_out_in_an_address() {
    let text = "identificador;nome;email\n\u{200b}a@x.co;Ana;a@x.co\nb@x.co;Bia;b\u{200b}@x.co\n\
                c@x.co\u{2060};Caio;\n\u{feff}d@x.co;Dora;\n";
    let (server, finished) = run(text, &["--id-type", "E"]);
    finished.exits(1).accounted([2, 3, 4, 5]);
    let rows = invalid(&finished);
    for ((_, mensagem), name) in rows.iter().zip(["U+200B", "U+2060", "U+FEFF"]) {
        assert!(mensagem.contains(name), "{rows:?}");
    }
    // The row that gives its customer a clean address repairs it.
    assert_eq!(
        server.sent().into_iter().map(|sent| sent.0).collect::<Vec<_>>(),
        ["\u{200b}a@x.co"]
    );
    // Elsewhere it is told.
    let (_, finished) =
        run("identificador;telefone\n1;\u{202a}+55 11\u{202c}\n", &["--id-type", "I"]);
    finished.exits(0).says(&["\"telefone\": 1 célula com caracteres invisíveis (linha 2)"]);
}

#[test]
fn f122_marks_of_spreadsheets_are_no_part_of_a_value() {
    let text = "identificador;nome;telefone\n=\"00123\";Ana;\"=\"\"011900000001\"\"\"\n\
                \"=\"\"00124\"\"\";Bia;11\n'00125;Caio;11\n4;\"=\"\"Eva\"\"\";'+55 11\n5;'=Rui;11\n";
    let (server, finished) = run(text, &["--id-type", "I"]);
    finished.exits(1).says(&["\"nome\": 2 células com marcas de planilha"]);
    let rows = invalid(&finished);
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 3, 4, 5], "{rows:?}");
    assert!(rows[0].1.contains("identificador: ") && rows[0].1.contains("telefone: "), "{rows:?}");
    assert_eq!(server.count(), 1);
}

#[test]
fn f123_an_address_is_one_clean_address() {
    let text = "identificador;nome;email\na@x.co;A;mailto:a@x.co\nb@x.co;B;<b@x.co>\n\
                c@x.co;C;\"c@x.co;\"\nd@x.co;D;d@x,co\ne@x.co;E;e@x..co\nj@x.co;J;(j@x.co)\nk@x.co;K;email:k@x.co\nf@x.co;F;\"\"\"f@x.co\"\"\"\n\
                \"g@x.co;h@x.co\";G;\ni@x@y.co;I;\n";
    let whys = [
        "mailto",
        "\"<\"",
        "\";\"",
        "\",\"",
        "parte vazia",
        "parênteses",
        "dois-pontos",
        "aspas",
        "\";\"",
        "mais de um @",
    ];
    all_invalid(text, &["--id-type", "E"], &whys);
    let (server, finished) =
        run("identificador;nome\nana;Ana\no'neill@x.co;O'Neill\n", &["--id-type", "E"]);
    finished.exits(0).says(&["1 linha é do tipo E (e-mail), mas sem @", "(linha 2)"]);
    assert_eq!(server.count(), 2);
    // One cell is both, and has one message.
    let (_, finished) = run("email;nome\n<a@x.co>;Ana\n", &["--key", "email"]);
    assert_eq!(invalid(&finished)[0].1.matches("deixe só").count(), 1);
}

#[test]
fn f124_garbled_and_lost_accents_are_told_first() {
    let text = "identificador;nome;campo:obs\n1;JoÃ£o;NULL\n2;Jo\u{fffd}o;\"Silva &amp; Filhos\"\n3;JOÃO;x\n";
    let (_, finished) = run(text, &["--id-type", "I"]);
    let told = [
        "\"nome\": 1 célula com acentos embaralhados",
        "\"nome\": 1 célula com caracteres perdidos (U+FFFD) (linha 3)",
        "\"campo:obs\": 1 célula com palavras",
        "\"campo:obs\": 1 célula com códigos de HTML",
    ];
    finished.exits(0).says(&told);
    let at = told.map(|part| finished.stderr.find(part).unwrap());
    assert!(at.is_sorted(), "{}", finished.stderr);
}

#[test]
fn f125_numbers_of_a_spreadsheet_are_no_identifiers() {
    let text = "identificador;nome;telefone\n1234.0;Ana;5511900000001.0\n5.51191E12;Bia;5.5119E12\n\
                12345678000190,00;Caio;11\n";
    let whys = ["zeros decimais", "estragado", "zeros decimais"];
    all_invalid(text, &["--id-type", "I"], &whys);
    let (server, finished) = run(text, &["--id-type", "I", "--allow", "identificador"]);
    finished.exits(1).says(&["\"telefone\": 1 célula com número que termina em .0"]);
    assert_eq!(server.count(), 2);
    // One code may well end so.
    let text = "identificador;nome\n17.0;Ana\nX-18;Bia\n";
    let (server, finished) = run(text, &["--id-type", "I"]);
    finished.exits(0);
    assert_eq!(server.count(), 2);
}

#[test]
fn f126_quotes_around_values_are_told_and_no_part_of_an_identifier() {
    let text = "identificador,nome\n'1','Ana'\n“2”,“Bia”\n3,José \u{201c}Zé\u{201d} Lima\n";
    let (server, finished) = run(text, &["--id-type", "I"]);
    finished.exits(1).says(&["\"nome\": 2 células com aspas em volta do valor (linhas 2, 3)"]);
    assert_eq!((invalid(&finished).len(), server.count()), (2, 1));
}

#[test]
fn f127_lines_and_totals_of_a_report_are_no_customers() {
    let text = "identificador;nome\n-------------;----\n1;Ana\nTotal;1\n\n(1 rows affected)\n";
    let (server, finished) = run(text, &["--id-type", "I"]);
    let rows = invalid(&finished);
    assert!(
        rows[0].1.contains("linha de traços") && rows[1].1.contains("linha de total"),
        "{rows:?}"
    );
    assert_eq!((rows.len(), server.count()), (3, 1));
}

#[test]
fn f128_customers_in_several_rows_with_different_values_are_counted() {
    let text = "Email;Nome\na@x.co;Ana\nA@x.co;Bia\nb@x.co;Eva\na@x.co;Caio\nb@x.co;Eva\n";
    let (_, finished) = run(text, &["--key", "email"]);
    let told = "1 cliente aparece em 3 linhas com valores diferentes; vale a última (linhas 3, 5)";
    finished.exits(0).says(&[told]);
}

#[test]
fn f129_swapped_columns_are_told() {
    let text = "identificador;nome;telefone\n1;11 90000;Ana\n2;22 90000;Bia\n3;Eva;33\n";
    let (_, finished) = run(text, &["--id-type", "I"]);
    finished.exits(0).says(&["nome e telefone parecem trocados: em 2 de 3 linhas"]);
}

#[test]
fn f130_a_column_is_taken_as_it_is() {
    let text = "identificador;nome;Cod\na@x.co;'Ana';NULL\n";
    let map = ["--id-type", "E", "--map", "Cod=id_interno"];
    let (_, finished) = run(text, &map);
    finished.exits(1);
    let allow = [&map[..], &["--allow", "Cod", "--allow", "#2"]].concat();
    let (server, finished) = run(text, &allow);
    finished.exits(0);
    assert!(!finished.stderr.contains("suspeitos"), "{}", finished.stderr);
    assert_eq!(server.sent()[0].2[1].1, "NULL");
    let (server, finished) = run(text, &["--id-type", "E", "--allow", "Obs"]);
    finished.refused_before_sending(&server, &["--allow", "\"Obs\" não existe"]);
    // What a snapshot shows is sent back as it is.
    let text = "identificador;tipo_identificador;nome;email;lido_em;conta\n\
                a@x.co;E;NULL;<a@x.co>;2026-11-27T02:00:00Z;c\n";
    let (server, finished) = run(text, &[]);
    finished.exits(0);
    assert!(!finished.stderr.contains("suspeitos"), "{}", finished.stderr);
    assert_eq!(server.count(), 1);
}

#[test]
fn f131_a_file_whose_lines_are_one_quoted_cell_is_named() {
    let text = "\"identificador,nome\"\n\"1,\"\"Ana\"\"\"\n\"2,Bia\"\n";
    let (server, finished) = run(text, &["--id-type", "I"]);
    finished.refused_before_sending(&server, &["cada linha é uma célula só", "entre aspas"]);
}
