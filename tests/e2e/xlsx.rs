//! Workbooks as inputs: which text a cell stands for, which stands for none, sheets, hidden rows, and
//! rejects. What is no workbook, or a damaged one, is in `xlsx_files.rs`.

use crate::support::workbook::sheet_of;
use crate::support::{Finished, Reply, Run, Server, Workbook, texts};

const HEADER: &str = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>identificador</t></is></c><c r="B1" t="inlineStr"><is><t>nome</t></is></c><c r="C1" t="inlineStr"><is><t>telefone</t></is></c></row>"#;

pub fn run(workbook: &Workbook, args: &[&str]) -> (Server, Finished) {
    let server = Server::start();
    let run = Run::new(&server).input("clientes.xlsx", workbook.zip()).args(["--id-type", "I"]);
    (server, run.args(args.iter().copied()).go())
}

/// What reached the server, a line a request.
fn sent(server: &Server) -> Vec<String> {
    let line = |(who, _, form): (String, String, Vec<(String, String)>)| {
        form.into_iter().fold(who, |line, (name, value)| format!("{line} {name}={value}"))
    };
    server.sent().into_iter().map(line).collect()
}

/// A sheet with [`HEADER`] and these rows; what follows the rows is `after`.
fn sheet(rows: &str, after: &str) -> String {
    format!("<sheetData>{HEADER}{rows}</sheetData>{after}")
}

#[test]
fn f140_a_cell_is_what_its_twin_in_a_csv_is() {
    let workbook = Workbook::of(&sheet(
        r#"<row r="2"><c r="A2"><v>17</v></c><c r="B2" t="s"><v>0</v></c><c r="C2" s="2"><v>5511999990001</v></c></row>
        <row r="4" spans="1:3"><c r="A4" t="s"><v>1</v></c><c r="B4" t="s"><v>2</v></c><c r="C4" s="1"><v>9.9E1</v></c></row>
        <row r="5"><c r="A5" s="6"><v>20</v></c><c r="B5" t="str"><f>A5&amp;"x"</f><v>20x &amp; y</v></c></row>
        <row r="6"><c r="A6" t="s" s="3"><v>1</v></c><c r="B6" t="str"><f>""</f><v></v></c><c r="C6" t="inlineStr"><is><r><t>00</t></r><r><t>12</t></r></is></c></row>
        <row r="7"><c r="A7" s="1"/><c r="B7" t="inlineStr"><is><t> </t></is></c></row>
        <row><c><v>21</v></c><c t="inlineStr"><is><t>sem r</t></is></c></row>"#,
        "",
    ))
    .shared(&[
        "<r><t xml:space=\"preserve\">Ana </t></r><r><rPr><b/></rPr><t>Lima</t></r><rPh sb=\"0\" eb=\"1\"><t>アナ</t></rPh>",
        "<t>018</t>",
        "<t>a_x000D_\nb_x005F_x0041_</t>",
    ]);
    let (server, finished) = run(&workbook, &[]);
    finished
        .exits(0)
        .says(&["planilha \"Clientes\", 3 colunas, 5 linhas"])
        .accounted([2, 4, 5, 6, 8]);
    let csv = "identificador,nome,telefone\n17,Ana Lima,5511999990001\n\n018,\"a\r\nb_x0041_\",99\n20,20x & y,\n018,,0012\n,,\n21,sem r,\n";
    let twin = Server::start();
    Run::new(&twin).csv(csv).args(["--id-type", "I"]).go().exits(0);
    assert_eq!(sent(&server), sent(&twin));
}

#[test]
fn f140_a_column_by_position_and_title_lines_work_as_in_a_csv() {
    let rows: [&[&str]; 4] =
        [&["Clientes de março"], &[], &["Código", "Nome", ""], &["7", "Ana", "x"]];
    let workbook = Workbook::of(&sheet_of(&rows));
    let args = ["--map", "Código=identificador", "--map", "#3=campo:1"];
    let (server, finished) = run(&workbook, &args);
    finished.refused_before_sending(&server, &["linha 3", "--skip-lines 2"]);
    let (server, finished) = run(&workbook, &["--skip-lines", "99"]);
    finished.refused_before_sending(&server, &["nada depois das 99 linhas que --skip-lines pula"]);
    let (server, finished) =
        run(&workbook, &[&args[..], &["--skip-lines", "2", "--delimiter", ";"]].concat());
    finished.exits(0).says(&["sem efeito aqui: --delimiter"]).accounted([4]);
    assert_eq!(sent(&server), ["7 nome=Ana campos[1]=x"]);
}

#[test]
fn f141_what_stands_for_no_text_makes_its_row_invalid_and_names_the_cell() {
    for (cell, why) in [
        (r#"<c r="B2" s="5"><v>123</v></c>"#, "\"123\" é um número com formato próprio"),
        (r#"<c r="B2" s="4"><v>12</v></c>"#, "formato próprio"),
        (r#"<c r="B2"><v>1.5</v></c>"#, "\"1.5\" é um número com casas decimais"),
        (r#"<c r="B2"><v>1234567890123456</v></c>"#, "mais de 15 algarismos"),
        (r#"<c r="B2" s="3"><v>43905</v></c>"#, "\"15/03/2020\" é uma data"),
        (r#"<c r="B2" t="d"><v>2020-03-15</v></c>"#, "\"2020-03-15\" é uma data"),
        (r#"<c r="B2" t="e"><v>#REF!</v></c>"#, "\"#REF!\" é um erro da planilha"),
        (r#"<c r="B2" t="e"><f>X()</f><v>#SPILL!</v></c>"#, "\"#SPILL!\" é um erro"),
        (r#"<c r="B2"><f>A2</f></c>"#, "célula B2: é uma fórmula sem resultado"),
        (r#"<c r="B2"><f>A2</f><v></v></c>"#, "fórmula sem resultado"),
        (r#"<c r="B2" t="b"><v>1</v></c>"#, "\"true\" é um verdadeiro ou falso"),
    ] {
        let rows = format!(
            r#"<row r="2"><c r="A2"><v>1</v></c>{cell}<c r="C2"><v>11</v></c></row><row r="3"><c r="A3"><v>2</v></c><c r="C3"><v>22</v></c></row>"#
        );
        let workbook = Workbook::of(&sheet(&rows, ""));
        let (server, finished) = run(&workbook, &[]);
        let rows = finished.exits(1).accounted([2, 3]);
        let mensagem = &rows[0].mensagem;
        assert!(mensagem.starts_with("coluna \"nome\", célula B2: "), "{mensagem}");
        assert!(mensagem.contains(why) && !mensagem.contains("; nome"), "{mensagem}");
        assert_eq!(sent(&server), ["2 telefone=22"]);
        // In a column that nothing is made of, it does not matter.
        let (server, finished) = run(&workbook, &["--ignore", "nome"]);
        finished.exits(0).accounted([2, 3]);
        assert_eq!(sent(&server), ["1 telefone=11", "2 telefone=22"]);
    }
}

#[test]
fn f141_an_identifier_or_a_type_that_is_no_text_is_told_once() {
    let workbook = Workbook::of(
        r#"<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>identificador</t></is></c><c r="B1" t="inlineStr"><is><t>tipo_identificador</t></is></c><c r="C1" t="inlineStr"><is><t>nome</t></is></c></row>
        <row r="2"><c r="A2" s="3"><v>43905</v></c><c r="B2" t="e"><v>#N/A</v></c><c r="C2" t="inlineStr"><is><t>Ana</t></is></c></row></sheetData>"#,
    );
    let server = Server::start();
    let finished = Run::new(&server).input("clientes.xlsx", workbook.zip()).go();
    let rows = finished.exits(1).accounted([2]);
    assert_eq!(rows[0].mensagem.matches("célula").count(), 2, "{}", rows[0].mensagem);
    assert_eq!(rows[0].mensagem.matches("; ").count(), 3, "{}", rows[0].mensagem);
}

#[test]
fn f141_an_error_may_stand_for_an_empty_cell() {
    let workbook = Workbook::of(
        r#"<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>identificador</t></is></c><c r="B1" t="inlineStr"><is><t>nome</t></is></c><c r="C1" t="inlineStr"><is><t>telefone</t></is></c></row>
        <row r="2"><c r="A2"><v>2</v></c><c r="B2" t="e"><v>#N/A</v></c><c r="C2"><v>11</v></c></row></sheetData>"#,
    );
    for (flags, request) in
        [(["--null", "#N/A"], "2 telefone=11"), (["--clear-marker", "#N/A"], "2 nome= telefone=11")]
    {
        let (server, finished) = run(&workbook, &flags);
        finished.exits(0).accounted([2]);
        assert_eq!(sent(&server), [request]);
    }
    let (server, finished) = run(&workbook, &["--null", "#REF!"]);
    finished.exits(1).accounted([2]);
    assert_eq!(server.count(), 0);
}

#[test]
fn f141_true_and_false_are_values_of_a_permission_alone() {
    let data = |header: &str| {
        format!(
            r#"<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>identificador</t></is></c><c r="B1" t="inlineStr"><is><t>{header}</t></is></c></row>
            <row r="2"><c r="A2"><v>1</v></c><c r="B2" t="b"><v>1</v></c></row><row r="3"><c r="A3"><v>2</v></c><c r="B3" t="b"><v>0</v></c></row></sheetData>"#
        )
    };
    let (server, finished) = run(&Workbook::of(&data("criarchamados")), &[]);
    finished.exits(0).accounted([2, 3]);
    assert_eq!(sent(&server), ["1 criarchamados=true", "2 criarchamados=false"]);
    let map = ["--map", "Pode=criarchamados", "--map", "Pode=nome"];
    let (server, finished) = run(&Workbook::of(&data("Pode")), &map);
    finished.exits(1).accounted([2, 3]);
    assert_eq!(server.count(), 0);
}

#[test]
fn f141_merged_cells_make_each_of_their_rows_invalid() {
    let row = |n: u32, name: &str| {
        format!(
            r#"<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="inlineStr"><is><t>{name}</t></is></c></row>"#
        )
    };
    let rows = [row(2, "Ana"), row(3, "Bia"), r#"<row r="4"><c r="A4"><v>4</v></c></row>"#.into()];
    let rows = rows.concat() + &row(5, "Eva");
    let after =
        r#"<mergeCells count="2"><mergeCell ref="B3:C4"/><mergeCell ref="B9:C12"/></mergeCells>"#;
    let (server, finished) = run(&Workbook::of(&sheet(&rows, after)), &[]);
    let rows = finished.exits(1).accounted([2, 3, 4, 5]);
    for (row, address) in [(1, "B3: \"Bia\" faz parte"), (2, "B4: faz parte")] {
        assert!(rows[row].mensagem.contains(address), "{}", rows[row].mensagem);
    }
    assert_eq!(sent(&server), ["2 nome=Ana", "5 nome=Eva"]);
}

#[test]
fn f142_hidden_rows_are_asked_about() {
    let row = |n: u32, more: &str| {
        format!(
            r#"<row r="{n}" {more}><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="inlineStr"><is><t>x</t></is></c></row>"#
        )
    };
    let rows =
        [row(2, ""), row(3, "hidden=\"1\""), row(4, "hidden=\"true\""), row(5, "hidden=\"0\"")];
    // A hidden row without content is no row.
    let rows = rows.concat() + r#"<row r="6" hidden="1"><c r="A6" s="1"/></row>"#;
    let workbook = Workbook::of(&sheet(&rows, ""));
    let (server, finished) = run(&workbook, &[]);
    finished.refused_before_sending(
        &server,
        &["2 linhas ocultas (linhas 3, 4)", "--hidden send", "--hidden skip"],
    );
    let (server, finished) = run(&workbook, &["--hidden", "send"]);
    finished.exits(0).says(&["2 linhas ocultas dentro"]).accounted([2, 3, 4, 5]);
    assert_eq!(server.count(), 4);
    let (server, finished) = run(&workbook, &["--hidden", "skip"]);
    finished.exits(0).says(&["2 linhas ocultas fora"]).accounted([2, 5]);
    assert_eq!(server.count(), 2);
}

#[test]
fn f143_the_first_visible_sheet_with_rows_is_read_unless_another_is_named() {
    let rows = |who: &str| sheet_of(&[&["identificador", "nome"], &[who, "Ana"]]);
    let workbook = Workbook::of("<sheetData><row r=\"1\"><c r=\"A1\" s=\"1\"/></row></sheetData>")
        .sheet("Escondida", "hidden", &rows("1"))
        .sheet("Março 2026", "visible", &rows("2"))
        .sheet("D&apos;Abril", "visible", &rows("3"));
    for (args, who) in [
        (&[][..], "2"),
        (&["--sheet", "março 2026 "], "2"),
        (&["--sheet", "D'Abril"], "3"),
        (&["--sheet", "Escondida"], "1"),
    ] {
        let (server, finished) = run(&workbook, args);
        finished.exits(0).accounted([2]);
        assert_eq!(sent(&server), [format!("{who} nome=Ana")], "{args:?}");
    }
    let (server, finished) = run(&workbook, &[]);
    finished
        .exits(0)
        .says(&["planilha \"Março 2026\" (há também \"Clientes\", \"D'Abril\": --sheet)"]);
    drop(server);
    let (server, finished) = run(&workbook, &["--sheet", "Maio"]);
    finished.refused_before_sending(&server, &["não há planilha \"Maio\"", "\"Março 2026\""]);
    let (server, finished) = run(&workbook, &["--sheet", "Clientes"]);
    finished.refused_before_sending(&server, &["\"Clientes\" não tem cabeçalho"]);
    let (server, finished) = run(&Workbook::of("<sheetData/>"), &[]);
    finished.refused_before_sending(&server, &["nenhuma planilha visível tem linhas"]);
}

#[test]
fn f144_rejects_are_a_workbook_of_texts_that_runs_again_unedited() {
    let rows = r#"<row r="2"><c r="A2" t="inlineStr"><is><t>001</t></is></c><c r="B2" t="inlineStr"><is><t>=SOMA(1)</t></is></c></row>
        <row r="3"><c r="A3"><v>2</v></c><c r="B3" s="3"><v>43905</v></c><c r="D3"><v>1.5</v></c></row>
        <row r="4"><c r="A4"><v>3</v></c><c r="B4" t="inlineStr"><is><t>Eva</t></is></c></row>"#;
    let workbook = Workbook::of("<sheetData/>").sheet("Março D'Água", "visible", &sheet(rows, ""));
    let server = Server::start();
    server.replies("001", [Reply::refuse("=não"), Reply::refuse("=não")]);
    let first = Run::new(&server)
        .input("clientes.xlsx", workbook.zip())
        .args(["--id-type", "I", "--sheet", "Março D'Água"])
        .go();
    first.exits(1).accounted([2, 3, 4]);
    first.says(&[r"run clientes.rejeitados.xlsx --base-url", r"--sheet 'Março D'\''Água'"]);
    let rejects = texts(&first.read("clientes.rejeitados.xlsx"));
    assert_eq!(
        rejects[0],
        ["identificador", "nome", "telefone", "", "situacao", "erro", "mensagem"]
    );
    assert_eq!(rejects[1], ["001", "=SOMA(1)", "", "", "recusado", "true", "'=não"]);
    // What was no text, in a column that is used, must not become one.
    assert_eq!(rejects[2][..5], ["2", "15/03/2020 [data]\u{1a}", "", "1.5", "invalido"]);
    assert_eq!(rejects.len(), 3);
    let sent = server.count();
    let again = Run::new(&server)
        .in_folder_of(&first)
        .on("clientes.rejeitados.xlsx")
        .args(["--id-type", "I", "--sheet", "Março D'Água", "--skip-lines", "0"])
        .go();
    let rows = again.exits(1).accounted([2, 3]);
    assert!(rows[1].mensagem.contains("\"15/03/2020 [data]\" foi marcado"), "{}", rows[1].mensagem);
    assert_eq!(server.count(), sent + 1);
    assert_eq!(
        texts(&again.read("clientes.rejeitados.rejeitados.xlsx")),
        rejects_of(&rejects, &rows[1].mensagem)
    );
}

/// The rejects once more, with the second message replaced.
fn rejects_of(rejects: &[Vec<String>], mensagem: &str) -> Vec<Vec<String>> {
    let mut rejects = rejects.to_vec();
    rejects[2][6] = mensagem.to_owned();
    rejects
}

#[test]
fn f144_the_ending_of_the_rejects_decides_what_they_are() {
    let workbook = Workbook::of(&sheet_of(&[
        &["identificador", "nome"],
        &["1", "Ana"],
        &["..", "João; o \"bom\""],
    ]));
    for args in [&["--delimiter", ";", "--encoding", "windows-1252"][..], &[]] {
        let server = Server::start();
        let first = Run::new(&server)
            .input("clientes.xlsx", workbook.zip())
            .args(["--id-type", "I"])
            .args(args.iter().copied())
            .rejects("r.csv")
            .go();
        first.exits(1).accounted([2, 3]);
        let again = Run::new(&server)
            .in_folder_of(&first)
            .on("r.csv")
            .args(["--id-type", "I", "--sheet", "Clientes"])
            .args(args.iter().copied())
            .go();
        again.exits(1).says(&["sem efeito aqui: --sheet"]).accounted([2]);
        assert_eq!(again.rejects()[1][1], "João; o \"bom\"");
    }
    // A CSV may have rejects that open with a double click.
    let server = Server::start();
    let long = "ã".repeat(32_760);
    let csv = format!("identificador;nome\n00,5E+3;Ana\n..;{long}\n..;{long}12345678\n");
    let finished = Run::new(&server).csv(&csv).args(["--id-type", "I"]).rejects("r.xlsx").go();
    finished.exits(1).accounted([2, 3, 4]);
    let rejects = texts(&finished.read("r.xlsx"));
    assert_eq!((&*rejects[1][0], &rejects[2][1]), ("00,5E+3", &long));
    assert!(rejects[3][1].ends_with("ã... [cortado]\u{1a}"));
}
