//! Input files: dialects, encodings, damage, limits. Tests look at requests, outputs and the exit
//! code. Input that changes during a run and standard input are in `input_source.rs`.

use crate::support::server::Sent;
use crate::support::{Finished, Run, Server, table, text};

pub(super) const PLAIN: &str = "identificador,tipo_identificador,nome,telefone\n\
                     00012,I,\"Ação, José\",011 5555\n\
                     00013,I,Conceição,\n\
                     ana@exemplo.com.br,E,Ana,22\n";

fn run_input(name: &str, bytes: &[u8], args: &[&str]) -> (Server, Finished) {
    let server = Server::start();
    let finished = Run::new(&server)
        .input(name, bytes)
        .results("r.csv")
        .rejects("j.csv")
        .args(args.iter().copied())
        .go();
    (server, finished)
}

pub(super) fn plain() -> Vec<Sent> {
    let (server, finished) = run_input("clientes.csv", PLAIN.as_bytes(), &[]);
    finished.exits(0).accounted([2, 3, 4]);
    server.sent()
}

#[test]
fn c01_every_dialect_gives_the_same_requests() {
    let expected = plain();
    assert_eq!(expected[0].2[0], ("nome".to_owned(), "Ação, José".to_owned()));
    let semicolons = "identificador;tipo_identificador;nome;telefone\n\
                      00012;I;\"Ação, José\";011 5555\n00013;I;Conceição;\nana@exemplo.com.br;E;Ana;22\n";
    let quoted = PLAIN.replacen(
        "identificador,tipo_identificador,nome,telefone",
        "\"identificador\",\"tipo_identificador\",\"nome\",\"telefone\"",
        1,
    );
    let bom = |text: &str| [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    let tabs = semicolons.replace(';', "\t").replace("\"Ação, José\"", "Ação, José");
    let loud = PLAIN.replacen(
        "identificador,tipo_identificador",
        " IDENTIFICADOR , Tipo_Identificador ",
        1,
    );
    let first = [2, 3, 4];
    let cases: Vec<(&str, Vec<u8>, [u64; 3])> = vec![
        ("BOM", bom(PLAIN), first),
        ("quoted header", quoted.clone().into_bytes(), first),
        ("BOM and quoted header", bom(&quoted), first),
        ("semicolons", semicolons.into(), first),
        ("sep= line", format!("sep=;\n{semicolons}").into_bytes(), [3, 4, 5]),
        (
            "sep= line, BOM, CRLF",
            bom(&format!("sep=;\n{semicolons}").replace('\n', "\r\n")),
            [3, 4, 5],
        ),
        ("tabs", tabs.clone().into_bytes(), first),
        ("pipes", tabs.replace('\t', "|").into_bytes(), first),
        ("CRLF", PLAIN.replace('\n', "\r\n").into_bytes(), first),
        ("CR only", PLAIN.replace('\n', "\r").into_bytes(), first),
        ("0x1A at the end", format!("{PLAIN}\u{1a}").into_bytes(), first),
        ("no line break at the end", PLAIN.trim_end().into(), first),
        ("Windows-1252", text::windows_1252(semicolons), first),
        ("UTF-16LE", text::utf16(&tabs, false), first),
        ("UTF-16BE", text::utf16(&tabs, true), first),
        ("gzip", text::gzip(PLAIN.as_bytes()), first),
        ("letter case and spaces in the header", loud.into_bytes(), first),
        ("empty lines of Excel", format!("{PLAIN}\n,,,\n").into_bytes(), first),
    ];
    for (what, bytes, lines) in cases {
        let (server, finished) = run_input("clientes.csv", &bytes, &[]);
        finished.exits(0).accounted(lines);
        assert_eq!(server.sent(), expected, "{what}");
    }
}

#[test]
fn c01_an_ambiguous_delimiter_is_an_error() {
    let both = "identificador;nome,tipo_identificador\n1;Ana,I\n2;Eva,I\n";
    let (server, finished) = run_input("clientes.csv", both.as_bytes(), &[]);
    finished.refused_before_sending(&server, &["--delimiter", "clientes.csv"]);
}

#[test]
fn c01_rejects_are_read_in_their_delimiter_whatever_rows_are_left() {
    for (header, column, ok, bad) in [
        ("identificador;nome, completo", "nome, completo", "1;Ana", "2"),
        ("identificador;a|b", "a|b", "1;Ana", "2;x;y"),
        ("identificador|nome;tipo", "nome;tipo", "1|Ana", "2|x|y"),
    ] {
        let map = format!("{column}=nome");
        let args = ["--id-type", "I", "--map", &map];
        let text = format!("{header}\n{}{bad}\n", format!("{ok}\n").repeat(3));
        let (_, first) = run_input("clientes.csv", text.as_bytes(), &args);
        first.exits(1).accounted([2, 3, 4, 5]);
        let rejects = first.text("j.csv");
        assert!(rejects.starts_with(header), "{rejects}");
        let (server, again) = run_input("rejeitados.csv", rejects.as_bytes(), &args);
        let rows = again.exits(1).accounted([2]);
        assert_eq!((server.count(), &*rows[0].situacao), (0, "invalido"), "{header}");
        assert_eq!(again.text("j.csv").lines().next(), rejects.lines().next());
    }
}

#[test]
fn c01_the_delimiter_option_wins() {
    let text = "identificador;tipo_identificador;nome\n1;I;a,b,c,d\n2;I;e,f,g,h\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &["--delimiter", ";"]);
    finished.exits(0).accounted([2, 3]);
    assert_eq!(server.sent()[0].2, [("nome".to_owned(), "a,b,c,d".to_owned())]);
}

#[test]
fn c01_a_file_with_one_column_is_read() {
    let (server, finished) = run_input(
        "clientes.csv",
        b"identificador\n1\n2\n",
        &["--id-type", "I", "--set", "idioma=pt_BR"],
    );
    finished.exits(0).accounted([2, 3]);
    assert_eq!(server.sent()[1].2, [("idioma".to_owned(), "pt_BR".to_owned())]);
}

/// 2.5 MB of ASCII in an ignored column, and one accent in the last row.
fn late_accent() -> String {
    let mut text = String::from("identificador,tipo_identificador,nome,obs\n");
    for row in 0..40 {
        text.push_str(&format!("{row},I,Cliente,{}\n", "x".repeat(62_000)));
    }
    text + "99,I,José,\n"
}

#[test]
fn c02_the_first_accent_may_come_late() {
    let bytes = text::windows_1252(&late_accent());
    let (server, finished) = run_input("clientes.csv", &bytes, &["--ignore", "obs"]);
    finished.exits(0).accounted_rows(41);
    assert_eq!(server.requests_for("99")[0].field("nome").as_deref(), Some("José"));
    assert!(finished.stderr.contains("1252"), "the choice is printed");
}

#[test]
fn c02_a_forced_encoding_that_does_not_fit_stops_with_the_line() {
    let bytes = text::windows_1252("identificador,tipo_identificador,nome\n1,I,Ana\n2,I,José\n");
    let (server, finished) = run_input("clientes.csv", &bytes, &["--encoding", "utf-8"]);
    finished.refused_before_sending(&server, &["clientes.csv", "3"]);
}

#[test]
fn c02_the_encoding_option_wins() {
    let bytes = "identificador,tipo_identificador,nome\n1,I,Ã©\n".as_bytes();
    let (server, finished) = run_input("clientes.csv", bytes, &["--encoding", "windows-1252"]);
    finished.exits(0).accounted([2]);
    assert_eq!(server.sent()[0].2[0].1, "ÃƒÂ©");
}

#[test]
fn c02_a_forced_encoding_that_looks_wrong_is_warned_about() {
    let warned = |bytes: &[u8], args: &[&str]| {
        let (_, finished) = run_input("clientes.csv", bytes, args);
        finished.exits(0).stderr.contains("parecem UTF-8")
    };
    let text = "identificador,tipo_identificador,nome\n1,I,João\n2,I,Ana\n";
    let forced = ["--encoding", "latin1"];
    assert!(warned(text.as_bytes(), &forced));
    assert!(warned(&text::gzip(text.as_bytes()), &forced));
    assert!(!warned(text.as_bytes(), &[]));
    assert!(!warned(&text::windows_1252(text), &forced));
    assert!(!warned(text.replace('ã', "a").as_bytes(), &forced));
    assert!(!warned(format!("\u{feff}{text}").as_bytes(), &forced), "the mark wins");
}

#[test]
fn c03_a_quote_that_never_closes_stops_before_sending() {
    let text = "identificador,tipo_identificador,nome\n1,I,Ana\n2,I,\"Eva\n3,I,Rui\n4,I,Zoe\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &[]);
    finished.refused_before_sending(&server, &["clientes.csv", "linha 3"]);
    // The same with a ledger.
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &["--ledger", "l.db"]);
    finished.refused_before_sending(&server, &["clientes.csv", "linha 3"]);
}

#[test]
fn c03_rows_do_not_vanish_between_two_wrong_quotes() {
    // The quote of line 3 is closed by the quote of line 5, which text follows.
    let text = "identificador,tipo_identificador,nome\n1,I,Ana\n2,I,\"Eva\n3,I,Rui\n4,I,\"Zoe\"\n5,I,Lia\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &[]);
    finished.refused_before_sending(&server, &["clientes.csv", "linha 3"]);
}

#[test]
fn c03_no_header_and_no_content() {
    for text in ["", "\n\n", "\u{feff}"] {
        let (server, finished) = run_input("clientes.csv", text.as_bytes(), &[]);
        finished.refused_before_sending(&server, &["clientes.csv"]);
    }
    let (server, finished) =
        run_input("clientes.csv", b"identificador,tipo_identificador,nome\n", &[]);
    finished.exits(0).accounted([]);
    assert_eq!(server.count(), 0);
}

#[test]
fn c03a_one_stray_byte_does_not_turn_utf8_into_mojibake() {
    let mut bytes = b"identificador,tipo_identificador,nome\n1,I,".to_vec();
    bytes.extend("Conceição\n2,I,João\n3,I,Ang\n".as_bytes());
    bytes.insert(bytes.len() - 1, 0xE9);
    let (server, finished) = run_input("clientes.csv", &bytes, &[]);
    finished.refused_before_sending(&server, &["clientes.csv", "4"]);
    assert!(finished.stderr.contains("--encoding"), "what to do is said");
}

#[test]
fn c04_ragged_rows_are_invalid_and_the_rest_goes_on() {
    let text = "identificador,tipo_identificador,nome\n1,I,Ana\n2,I\n3,I,Rui,a mais\n4,I,Zoe\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &[]);
    let rows = finished.exits(1).accounted([2, 3, 4, 5]);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends, ["atualizado", "invalido", "invalido", "atualizado"]);
    assert!(rows[2].mensagem.contains("a linha tem 4, o cabeçalho tem 3"), "{:?}", rows[2]);
    let ids: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
    assert_eq!(ids, ["1", "4"]);
    let rejects = finished.rejects();
    let columns = ["identificador", "tipo_identificador", "nome", "situacao", "erro", "mensagem"];
    assert_eq!(rejects[0], columns);
    assert_eq!(rejects[1][..5], ["2", "I", "", "invalido", "true"]);
    assert_eq!(rejects[2][..5], ["3", "I", "Rui", "invalido", "true"]);
    assert_eq!(rejects[2][6], "a mais");
}

#[test]
fn c04_a_padded_short_row_stays_invalid_until_it_is_edited() {
    let text = "identificador,tipo_identificador,nome,portfolio_id\n1,I,Ana\n2,I,Bia\n3,I,Eva\n";
    let args = ["--send-empty", "portfolio_id"];
    let (server, first) = run_input("clientes.csv", text.as_bytes(), &args);
    first.exits(1).accounted([2, 3, 4]);
    assert_eq!(server.count(), 0);
    let mut rejects = first.read("j.csv");
    for _ in 0..2 {
        let (server, again) = run_input("rejeitados.csv", &rejects, &args);
        let rows = again.exits(1).accounted([2, 3, 4]);
        assert_eq!(server.count(), 0);
        assert!(rows.iter().all(|row| row.mensagem.contains("tinha 3, o cabeçalho tem 4")));
        assert!(rows[0].mensagem.contains("apague esta mensagem"), "{:?}", rows[0]);
        again.says(&["apague esta mensagem nos rejeitados e rode de novo\n"]);
        rejects = again.read("j.csv");
    }
    // The first row is completed, the message of the second is deleted, the third is unchanged.
    let mut lines: Vec<String> =
        String::from_utf8(rejects).unwrap().lines().map(str::to_owned).collect();
    lines[1] = lines[1].replace("Ana,,", "Ana,p1,");
    lines[2] = "2,I,Bia,,invalido,true,".to_owned();
    let (server, edited) = run_input("rejeitados.csv", lines.join("\n").as_bytes(), &args);
    edited.exits(1).accounted([2, 3, 4]);
    let sent: Vec<_> =
        server.sent().into_iter().map(|sent| (sent.0, sent.2[1].1.clone())).collect();
    assert_eq!(sent, [("1".to_owned(), "p1".to_owned()), ("2".to_owned(), String::new())]);
}

#[test]
fn c05_linha_is_the_physical_line() {
    let text =
        "identificador,tipo_identificador,nome\n\n1,I,Ana\n\n2,I,\"duas\nlinhas\"\n,,\n3,I,Rui\n";
    for ending in ["\n", "\r\n", "\r"] {
        let (server, finished) =
            run_input("clientes.csv", text.replace('\n', ending).as_bytes(), &[]);
        let rows = finished.exits(0).accounted([3, 5, 8]);
        assert_eq!(rows[1].identificador, "2");
        assert_eq!(server.count(), 3);
    }
}

#[test]
fn c06_control_characters_and_long_cells_invalidate_only_their_row() {
    let long = "x".repeat(70 * 1024);
    let text = format!(
        "identificador,tipo_identificador,nome,telefone,livre\n\
         1,I,A\u{0}na,,\n2,I,B\u{1b}[31m,,\n3,I,{long},,\n4,I,\"duas\nlinhas\te tab\",,\n\
         \"5\n5\",I,Eva,,\n6,I,Zoe,,sobra\u{7}{long}\n"
    );
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &["--ignore", "livre"]);
    let rows = finished.exits(1).accounted([2, 3, 4, 5, 7, 9]);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends, ["invalido", "invalido", "invalido", "atualizado", "invalido", "atualizado"]);
    assert_eq!(server.requests_for("4")[0].field("nome").as_deref(), Some("duas\nlinhas\te tab"));
    assert!(rows[0].mensagem.contains("nome") && rows[2].mensagem.contains("nome"));
    assert!(!finished.stderr.contains('\u{1b}') && !finished.text("r.csv").contains('\u{1b}'));
}

#[test]
fn c06_a_huge_cell_does_not_fill_the_memory() {
    let mut text = b"identificador,tipo_identificador,nome\n1,I,Ana\n2,I,\"".to_vec();
    text.resize(text.len() + (96 << 20), b'z');
    text.extend(b"\"\n3,I,Rui\n");
    let (server, finished) = run_input("clientes.csv", &text, &[]);
    let rows = finished.exits(1).accounted([2, 3, 4]);
    assert_eq!(rows[1].situacao, "invalido");
    assert_eq!(server.count(), 2);
    finished.peak_memory_below(64 * 1024);
}

#[test]
fn c07_spreadsheet_damage_is_detected_and_intact_values_are_kept() {
    let text = "identificador,tipo_identificador,nome,telefone\n\
                \"1,23E+13\",I,Ana,\n1.23E+13,I,Ana,\n000123,I,\u{a0} Eva \u{a0},0011\n12E5,I,Rui,1.0\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &[]);
    let rows = finished.exits(1).accounted([2, 3, 4, 5]);
    assert_eq!((&*rows[0].situacao, &*rows[1].situacao), ("invalido", "invalido"));
    assert!(rows[0].mensagem.contains("identificador") && rows[0].mensagem.contains("1,23E+13"));
    let sent = server.sent();
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(sent[0].0, "000123");
    assert_eq!(sent[0].2, [field("nome", "Eva"), field("telefone", "0011")]);
    assert_eq!(sent[1].0, "12E5");
    assert_eq!(sent[1].2[1], field("telefone", "1.0"));
}

#[test]
fn c07_a_rounded_phone_or_custom_field_is_sent_with_a_warning() {
    let text = "identificador;tipo_identificador;Fone;campo:7;nome\n\
                1;E;5,51191E+12;abc;1,2E+10\n2;E;(11) 90000-0001;1.23E+05;Ana\n3;E;5.5E+12;;Eva\n"
        .replace(";E;", "@x.co;E;");
    let flags = ["--map", "Fone=telefone"];
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &flags);
    finished.exits(0).accounted([2, 3, 4]);
    assert_eq!(server.sent()[0].2[0].1, "5,51191E+12");
    let stderr = &finished.stderr;
    for told in ["\"Fone\": 2 células", "\"campo:7\": 1 célula", "\"nome\": 1 célula"] {
        assert!(stderr.contains(&format!("{told} com número estragado pela planilha")), "{stderr}");
    }
    assert!(stderr.contains("(linhas 2, 4)") && stderr.contains("como texto"), "{stderr}");
}

#[test]
fn c07_a_rounded_internal_identifier_is_invalid() {
    let text = "identificador;tipo_identificador;id_interno;nome\na@x.co;E;1,23E+13;Ana\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &[]);
    let rows = finished.exits(1).accounted([2]);
    assert!(rows[0].mensagem.contains("id_interno"), "{}", rows[0].mensagem);
    assert_eq!(server.count(), 0);
}

#[test]
fn c07_no_trim_keeps_white_space() {
    let text = "identificador,tipo_identificador,nome\n1,I, Eva \n  ,I,Rui\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &["--no-trim"]);
    let rows = finished.exits(1).accounted([2, 3]);
    assert_eq!(server.sent()[0].2[0].1, " Eva ");
    // White space alone is not a valid identifier, trimmed or not.
    assert_eq!((&*rows[1].situacao, server.count()), ("invalido", 1));
}

#[test]
fn results_columns_on_input_are_ignored() {
    let text = "linha,identificador,tipo_identificador,nome,situacao,erro,mensagem,http_status,\
                tentativas,duracao_ms,concluido_em,identificador_atual\n\
                7,1,I,Ana,falhou,true,x,500,3,1,ontem,b@x.com\n";
    let (server, finished) = run_input("clientes.csv", text.as_bytes(), &["--strict"]);
    finished.exits(0).accounted([2]);
    assert_eq!(server.sent()[0].2, [("nome".to_owned(), "Ana".to_owned())]);
}

#[test]
fn a_thousand_rows_are_a_thousand_requests() {
    let server = Server::start();
    let finished = Run::new(&server).csv(&table::customers(1000)).go();
    let rows = finished.exits(0).accounted_rows(1000);
    assert!(rows.iter().all(|row| row.situacao == "atualizado" && row.tentativas == 1));
    let ids: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
    let expected: Vec<_> = (2..1002).map(|line| format!("C{line:05}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(finished.summary()["requisicoes"], 1000);
    assert!(server.connections() <= 16, "{} connections", server.connections());
}
