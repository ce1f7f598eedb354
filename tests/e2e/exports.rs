//! Exports as spreadsheets and CRMs really write them: names of columns, quotes, surplus cells, lines
//! that are no rows. Dialects and damage are in `input.rs`.

use crate::support::{Finished, Run, Server};

fn run_bytes(bytes: &[u8], args: &[&str]) -> (Server, Finished) {
    let server = Server::start();
    let run = Run::new(&server).input("clientes.csv", bytes);
    (server, run.args(args.iter().copied()).go())
}

/// Identifier and first value of each request.
fn sent(server: &Server) -> Vec<(String, String)> {
    server.sent().into_iter().map(|(who, _, form)| (who, form[0].1.clone())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(who, value)| (who.to_owned(), value.to_owned())).collect()
}

#[test]
fn f91_names_of_columns_are_compared_as_people_read_them() {
    for header in ["Código do\u{a0}Cliente;Nome", "Co\u{301}digo  do Cliente ;Nome"] {
        let text = format!("{header}\n17;Ana\n");
        let args = ["--map", "código do cliente=identificador", "--id-type", "I"];
        let (server, finished) = run_bytes(text.as_bytes(), &args);
        finished.exits(0).accounted([2]);
        assert_eq!(sent(&server), pairs(&[("17", "Ana")]), "{header:?}");
    }
}

#[test]
fn an_e_mail_column_needs_no_flag() {
    let (server, finished) = run_bytes(b"E-mail;nome\na@x.co;Ana\n", &["--key", "email"]);
    finished.exits(0).accounted([2]);
    assert_eq!(sent(&server), pairs(&[("a@x.co", "a@x.co")]));
}

#[test]
fn f91_a_name_that_stands_twice_is_given_by_position() {
    let text = "Email;Nome;Email\na@x.co;Ana;b@x.co\n";
    let (server, finished) = run_bytes(text.as_bytes(), &["--key", "email"]);
    finished.refused_before_sending(&server, &["\"#1\", \"#3\"", "--ignore"]);
    let map = ["--map", "Email=campo:1", "--key", "email"];
    let (server, finished) = run_bytes(text.as_bytes(), &map);
    finished.refused_before_sending(&server, &["\"#1\", \"#3\""]);
    let position = ["--ignore", "#1", "--map", "#3=email", "--key", "email"];
    let (server, finished) = run_bytes(text.as_bytes(), &position);
    finished.exits(0).accounted([2]);
    assert_eq!(server.sent()[0].0, "b@x.co");
    let (server, finished) = run_bytes(text.as_bytes(), &["--map", "#4=email"]);
    finished.refused_before_sending(&server, &["\"#4\" não existe"]);
}

#[test]
fn f92_spaces_around_quotes_belong_to_nobody() {
    let text = "identificador, campo:cargo, nome\n1, \"Diretora\" ,\"Ana\"\n\
                2, \"Lima, Bia\", x\n \"3\" ,\"\" , \"duas\nlinhas\"\n";
    let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
    finished.exits(0).accounted([2, 3, 4]);
    assert_eq!(
        sent(&server),
        pairs(&[("1", "Diretora"), ("2", "Lima, Bia"), ("3", "duas\nlinhas")])
    );
}

#[test]
fn f93_empty_cells_at_the_end_of_a_line_do_not_count() {
    for (text, uneven) in [
        ("identificador;nome;telefone\n1;Ana;11;\n2;Bia;22; ;\n", "linhas 2, 3 têm"),
        ("identificador;nome;telefone;;\n1;Ana;11\n2;Bia;22;;\n", "linha 2 tem"),
    ] {
        let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
        finished.exits(0).says(&[uneven, "não muda nada"]).accounted([2, 3]);
        assert_eq!(sent(&server), pairs(&[("1", "Ana"), ("2", "Bia")]));
    }
    let text = "identificador;nome;;telefone;\n1;Ana;11\n2;Bia;x;22;;y\n3;Eva;;33\n";
    let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
    let rows = finished.exits(1).accounted([2, 3, 4]);
    assert!(rows[0].mensagem.contains("faltam células") && rows[1].mensagem.contains("sobram"));
    assert_eq!(sent(&server), pairs(&[("3", "Eva")]));
    // A nameless column that is used is a column like any other.
    let text = "identificador;nome;\n1;Ana\n2;Bia;x\n";
    let args = ["--id-type", "I", "--map", "#3=campo:1"];
    let (server, finished) = run_bytes(text.as_bytes(), &args);
    finished.exits(1).accounted([2, 3]);
    assert_eq!(sent(&server), pairs(&[("2", "Bia")]));
}

#[test]
fn f83_a_repeated_header_is_no_row() {
    let text = "Codigo;Nome\n1;Ana\n\u{feff}Codigo;Nome\n2;Bia\n Codigo ;Nome\n3;Codigo\n";
    let args = ["--map", "Codigo=identificador", "--id-type", "I"];
    let (server, finished) = run_bytes(text.as_bytes(), &args);
    finished.exits(0).says(&["2 linhas repetem o cabeçalho", "linha 3"]).accounted([2, 4, 6]);
    assert_eq!(sent(&server), pairs(&[("1", "Ana"), ("2", "Bia"), ("3", "Codigo")]));
}

#[test]
fn f86_a_lone_carriage_return_ends_no_line_where_others_do() {
    let text = "identificador;nome;telefone\r\n1;Ana;11 9\r0001\r\n2;\"Bi\ra\";22\r\n3;Eva;33\r\n";
    for end in ["\r\n", "\n"] {
        let text = text.replace("\r\n", end);
        let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
        let rows = finished.exits(1).accounted([2, 3, 4]);
        assert!(rows[0].mensagem.contains("telefone") && rows[0].mensagem.contains("controle"));
        assert_eq!(sent(&server), pairs(&[("3", "Eva")]));
    }
    // Where lines end so, it is a line break like any other.
    let text = "identificador;nome\r1;\"duas\rlinhas\"\r2;Bia\r";
    let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
    finished.exits(0).accounted([2, 4]);
    assert_eq!(sent(&server), pairs(&[("1", "duas\rlinhas"), ("2", "Bia")]));
}

#[test]
fn f94_accents_of_dos_are_not_read_as_those_of_windows() {
    let bytes =
        b"identificador;nome\r\n1;Jo\xc6o da Concei\x87\xc6o\r\n2;\xb5urea Paran\xa0\r\n..;x\r\n";
    let (server, finished) = run_bytes(bytes, &["--id-type", "I"]);
    finished.refused_before_sending(&server, &["linha 2", "--encoding cp850"]);
    let args = ["--id-type", "I", "--encoding", "cp850"];
    let (server, finished) = run_bytes(bytes, &args);
    finished.exits(1).accounted([2, 3, 4]);
    assert_eq!(sent(&server), pairs(&[("1", "João da Conceição"), ("2", "Áurea Paraná")]));
    // Rejects are UTF-8 with a mark, which wins over the same flags.
    let rejects = finished.read("clientes.rejeitados.csv");
    assert!(rejects.starts_with(b"\xef\xbb\xbf"));
    let (_, again) = run_bytes(&rejects, &args);
    again.exits(1).says(&["UTF-8"]).accounted([2]);
}

#[test]
fn f95_utf8_inside_a_windows_1252_file_is_refused() {
    let bytes = b"identificador;nome\n1;Jo\xe3o\n2;Concei\xe7\xe3o\n3;Zo\xeb\n4;Andr\xc3\xa9\n";
    let (server, finished) = run_bytes(bytes, &["--id-type", "I"]);
    finished.refused_before_sending(&server, &["linha 5", "--encoding windows-1252"]);
    let args = ["--id-type", "I", "--encoding", "windows-1252"];
    let (_, finished) = run_bytes(bytes, &args);
    finished.exits(0).says(&["parecem UTF-8"]);
}

#[test]
fn several_byte_order_marks_are_one() {
    let text = "\u{feff}\u{feff}\"identificador\";nome\n1;Ana\n";
    let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
    finished.exits(0).accounted([2]);
    assert_eq!(sent(&server), pairs(&[("1", "Ana")]));
}

#[test]
fn f96_a_word_for_no_value_is_an_empty_cell() {
    let text = "identificador;First;Last;telefone\n1;Ana; NULL ;N/A\n2;NULL;NULL;22\n\
                NULL;Eva;Null;33\n4;N/A;Lima;#N/A\n";
    let null = ["--null", "NULL", "--null", "N/A", "--clear-marker", "#N/A"];
    let set = ["--id-type", "I", "--set", "nome={First} {Last}"];
    let (server, finished) = run_bytes(text.as_bytes(), &[&null[..], &set[..]].concat());
    let rows = finished.exits(1).accounted([2, 3, 4, 5]);
    assert!(rows[2].mensagem.contains("identificador está vazio"), "{:?}", rows[2]);
    let forms: Vec<_> = server.sent().into_iter().map(|sent| sent.2).collect();
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(forms[0], [field("nome", "Ana")]);
    assert_eq!(forms[1], [field("telefone", "22")]);
    assert_eq!(forms[2], [field("telefone", ""), field("nome", "Lima")]);
    let both = ["--null", " x", "--clear-marker", "x", "--id-type", "I"];
    let (server, finished) = run_bytes(text.as_bytes(), &both);
    finished.refused_before_sending(&server, &["--null e --clear-marker"]);
}

#[test]
fn all_that_is_wrong_with_a_header_is_told_at_once() {
    let text = "identificadr;nmoe;campo:[x];Email;E-mail;Cidade\n1;Ana;x;a@x.co;b@x.co;c\n";
    let args = ["--map", "Fone=telefone", "--ignore", "Obs", "--strict", "--require", "cor"];
    let (server, finished) = run_bytes(text.as_bytes(), &args);
    let told = [
        "9 problemas",
        "\"identificador\"?",
        "\"nome\"?",
        "\"campo:[x]\"",
        "\"#4\", \"#5\"",
        "estas não são: \"Cidade\"",
        "\"Fone\" não existe",
        "\"Obs\" não existe",
        "falta a coluna \"tipo_identificador\"",
    ];
    finished.refused_before_sending(&server, &told);
    // What follows from a typo is not told.
    assert!(!finished.stderr.contains("não sei quem é o cliente"), "{}", finished.stderr);
}

#[test]
fn thousands_of_columns_do_not_fill_the_screen() {
    let columns: String = (0..3000).map(|number| format!(";Coluna {number}")).collect();
    let text = format!("identificador;nome{columns}\n");
    for args in [&["--id-type", "I"][..], &["--map", "x=email"], &["--strict"]] {
        let server = Server::start();
        let finished = Run::bare(&["check"]).csv(&text).args(args.iter().copied()).go();
        assert!(finished.stderr.contains("\"Coluna 2\"") || args.len() == 2, "{}", finished.stderr);
        assert!(finished.stderr.contains(" e mais ") && finished.stderr.len() < 4_000);
        assert_eq!(server.count(), 0);
    }
}

#[test]
fn a_line_of_the_dos_mark_alone_is_no_row() {
    let (server, finished) =
        run_bytes(b"identificador;nome\r\n1;Ana\r\n\x1a\r\n", &["--id-type", "I"]);
    finished.exits(0).accounted([2]);
    assert_eq!(server.count(), 1);
}

#[test]
fn f97_title_lines_above_the_header_are_skipped_on_request() {
    let text = "Relatório de \"clientes\"\nGerado em 27/11/2026, 10:00\n\n\
                identificador;nome\n1;Ana\n..;Bia\n";
    for text in [text.to_owned(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
        let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
        finished.refused_before_sending(&server, &["linha 4: use --skip-lines 3"]);
        let (server, finished) = run_bytes(text.as_bytes(), &["--skip-lines", "99"]);
        finished.refused_before_sending(&server, &["nada depois das 99 linhas que --skip-lines"]);
        let args = ["--id-type", "I", "--skip-lines", "3"];
        let (server, finished) = run_bytes(text.as_bytes(), &args);
        finished.exits(1).accounted([5, 6]);
        assert_eq!(sent(&server), pairs(&[("1", "Ana")]));
        // Rejects begin with the header, and are read under the same flags.
        let (_, again) = run_bytes(&finished.read("clientes.rejeitados.csv"), &args);
        again.exits(1).accounted([2]);
    }
}

#[test]
fn f170_what_is_no_csv_is_named_for_what_it_is() {
    let utf_32: Vec<u8> = "\u{feff}identificador;nome\n1;Ana\n"
        .chars()
        .flat_map(|c| (c as u32).to_le_bytes())
        .collect();
    for (bytes, parts) in [
        (&b"BZh91AY&SY\x11\x22\x33"[..], ["bzip2", "bunzip2"]),
        (b"\xFD7zXZ\0\0\x04\xE6", ["com xz", "unxz"]),
        (b"\x28\xB5\x2F\xFD\x04\x58", ["zstd", "unzstd"]),
        (b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", ["um PDF", "CSV ou .xlsx"]),
        (b"[\n  {\"identificador\": 1, \"nome\": \"Ana\"}\n]\n", ["é JSON", "CSV ou .xlsx"]),
        (&utf_32, ["UTF-32", "UTF-8"]),
    ] {
        let (server, finished) = run_bytes(bytes, &["--id-type", "I"]);
        finished.refused_before_sending(&server, &[&["clientes.csv"][..], &parts].concat());
    }
    let text = "[id];{nome};campo:1\n1;%PDF-1.7;{\"a\": 1}\n";
    let args = ["--map", "[id]=identificador", "--map", "{nome}=nome", "--id-type", "I"];
    let (server, finished) = run_bytes(text.as_bytes(), &args);
    finished.exits(0).accounted([2]);
    assert_eq!(sent(&server), pairs(&[("1", "%PDF-1.7")]));
}

/// A line above the header may be anything.
#[test]
fn f185_what_is_skipped_does_not_say_what_a_file_is() {
    for line in ["{\"gerado\": \"27/11\"}", "[[\"x\"]]", "<html>"] {
        let text = format!("{line}\nidentificador;nome\n1;Ana\n");
        let args = ["--id-type", "I", "--skip-lines"];
        let (server, finished) = run_bytes(text.as_bytes(), &[&args[..], &["1"]].concat());
        finished.exits(0).accounted([3]);
        assert_eq!(sent(&server), pairs(&[("1", "Ana")]));
        let (server, finished) = run_bytes(text.as_bytes(), &[&args[..], &["0"]].concat());
        finished.refused_before_sending(&server, &["clientes.csv"]);
    }
}

#[test]
fn f171_quotes_with_a_backslash_are_named() {
    for text in [
        "identificador,nome\n1,Eva\n2,\"Ana \\\"Nina\\\" Lima\"\n",
        "identificador,nome\n1,Eva\n2,\"cano de 5\\\"\"\n",
    ] {
        let (server, finished) = run_bytes(text.as_bytes(), &["--id-type", "I"]);
        finished
            .refused_before_sending(&server, &["linha 3, coluna 2", "(\\\")", "dobradas (\"\")"]);
    }
}

#[test]
fn f200_cells_in_columns_without_a_name_are_told() {
    let text = "identificador;;nome;\n1;x;Ana;\n2; ;Bia;y\n".as_bytes();
    let args = |more: &[&'static str]| [&["--id-type", "I"], more].concat();
    let (_server, finished) = run_bytes(text, &args(&[]));
    let told = "#2 (1 célula: linha 2), #4 (1 célula: linha 3)";
    finished.exits(0).says(&[told, "--map \"#2=destino\""]).accounted([2, 3]);
    let (server, finished) = run_bytes(text, &args(&["--strict"]));
    finished.refused_before_sending(&server, &["com --strict", told]);
    let (server, finished) =
        run_bytes(text, &args(&["--strict", "--map", "#2=campo:1", "--ignore", "#4"]));
    finished.exits(0);
    assert!(!finished.stderr.contains("sem nome"), "{}", finished.stderr);
    assert_eq!(sent(&server), pairs(&[("1", "x"), ("2", "Bia")]));
}

#[test]
fn f201_the_header_once_more_in_another_letter_case_is_no_row() {
    let text = "Código;Nome\n1;Ana\nCÓDIGO ; nome\nCODIGOS;Nome\n";
    let args = ["--map", "Código=identificador", "--id-type", "I"];
    let (server, finished) = run_bytes(text.as_bytes(), &args);
    finished.exits(0).says(&["a linha 3 repete o cabeçalho"]).accounted([2, 4]);
    assert_eq!(sent(&server), pairs(&[("1", "Ana"), ("CODIGOS", "Nome")]));
}

#[test]
fn f202_suggested_flags_name_columns_as_they_can_be_typed() {
    let text = "identificador;Telefone\u{200b};\"Tele\nfones\";nome\n1;11;12;Ana\n";
    let args = ["--id-type", "I"];
    let (server, finished) = run_bytes(text.as_bytes(), &args);
    let said = ["--ignore \"#2\"", "--map \"Tele fones=telefone\""];
    finished.refused_before_sending(&server, &said);
    let chosen = ["--id-type", "I", "--ignore", "#2", "--map", "Tele fones=telefone"];
    let (server, finished) = run_bytes(text.as_bytes(), &chosen);
    finished.exits(0);
    assert_eq!(server.sent()[0].2[0], ("telefone".to_owned(), "12".to_owned()));
}

#[test]
fn f97_a_header_of_another_program_below_title_lines_is_found() {
    let text = "Relatório;;\nGerado hoje;;\nNome do Cliente;E-mail;Celular\nAna;a@x.co;11\n";
    let (server, finished) = run_bytes(text.as_bytes(), &["--key", "email"]);
    finished.refused_before_sending(&server, &["linha 3: use --skip-lines 2"]);
}
