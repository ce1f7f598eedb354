//! Workbooks as files: what is none, what is damaged or too large, where they come from, and what `pull`
//! writes. What their cells mean is in `xlsx.rs`.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::pull::listing;
use super::xlsx::run;
use crate::support::canary::CANARY;
use crate::support::held_list::{customers, page, page_number};
use crate::support::workbook::sheet_of;
use crate::support::{Finished, Reply, Run, Server, Workbook, small_disk, texts};

const ROWS: [&[&str]; 3] = [&["identificador", "nome"], &["1", "Ana"], &["2", "Bia"]];

fn good() -> Workbook {
    Workbook::of(&sheet_of(&ROWS))
}

fn refused(bytes: &[u8], parts: &[&str]) {
    let server = Server::start();
    let run = Run::new(&server).input("clientes.xlsx", bytes).args(["--id-type", "I"]);
    run.go().refused_before_sending(&server, parts);
}

#[test]
fn f145_what_is_no_workbook_is_named_for_what_it_is() {
    let zip_of = |name: &str| {
        let without = good().without("[Content_Types].xml").without("xl/workbook.xml");
        without.part(name, "x").zip()
    };
    let compound = |name: &str| {
        let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
        bytes.resize(2048, 0);
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.resize(4096, 0);
        bytes
    };
    for (bytes, parts) in [
        (compound("Workbook"), ["do Excel antigo (.xls)", "salve como .xlsx ou CSV"]),
        (compound("EncryptedPackage"), ["planilha com senha", "salve como .xlsx ou CSV"]),
        (zip_of("xl/workbook.bin"), ["(.xlsb)", "salve como .xlsx ou CSV"]),
        (zip_of("content.xml"), ["(.ods)", "salve como .xlsx ou CSV"]),
        (zip_of("word/document.xml"), ["documento do Word", "não uma planilha"]),
        (
            good()
                .without("_rels/.rels")
                .without("[Content_Types].xml")
                .without("xl/workbook.xml")
                .zip(),
            ["arquivo zip", "descompacte-o"],
        ),
        (
            b"\xEF\xBB\xBF\r\n <HTML><table><tr><td>identificador".to_vec(),
            ["página HTML", ".xlsx ou CSV"],
        ),
        (b"<?xml version=\"1.0\"?><Workbook>".to_vec(), ["arquivo XML", ".xlsx ou CSV"]),
    ] {
        refused(&bytes, &[&["clientes.xlsx"][..], &parts].concat());
    }
}

#[test]
fn f146_a_damaged_workbook_is_refused_before_anything_is_sent() {
    let whole = good().zip();
    for length in [30, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length], &["danificada"]);
    }
    // Every byte of what is packed is covered by a checksum.
    for at in (40..whole.len() / 2).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let server = Server::start();
        let run = Run::new(&server).input("clientes.xlsx", &bytes).args(["--id-type", "I"]);
        let finished = run.go();
        if finished.code == Some(2) {
            finished.refused_before_sending(&server, &["clientes.xlsx"]);
        } else {
            finished.exits(0).accounted([2, 3]);
        }
    }
    for part in
        ["_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"]
    {
        refused(&good().without(part).zip(), &["danificada"]);
    }
    let data = |cells: &str| {
        format!(
            "<sheetData>{}{cells}</sheetData>",
            "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>identificador</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>nome</t></is></c></row>"
        )
    };
    for cells in [
        r#"<row r="3"><c r="A3"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>"#,
        r#"<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>2</v></c></row>"#,
        r#"<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row>"#,
        r#"<row r="2"><c r="A3"><v>1</v></c></row>"#,
        r#"<row r="4294967297"><c><v>1</v></c></row>"#,
        r#"<row r="2"><c r="ZZZZZZZZ2"><v>1</v></c></row>"#,
        r#"<row r="2"><c r="A2" t="s"><v>7</v></c></row>"#,
        r#"<row r="2"><c r="A2" t="novo"><v>7</v></c></row>"#,
        r#"<row r="2"><c r="A2" t="b"><v>talvez</v></c></row>"#,
        r#"<row r="2"><c r="A2"><v>1</v>"#,
        r#"<row r="2"><c r="A2" t="inlineStr"><is><t>&fora;</t></is></c></row>"#,
        "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>\u{1}</t></is></c></row></mau>",
    ] {
        let workbook = Workbook::of(&data(cells));
        let server = Server::start();
        let run = Run::new(&server).input("clientes.xlsx", workbook.zip()).args(["--id-type", "I"]);
        let finished = run.go();
        assert!(matches!(finished.code, Some(1 | 2)), "{cells}: {:?}", finished.code);
        assert_eq!(server.count(), 0, "{cells}");
    }
}

#[test]
fn f146_entities_of_a_document_reach_nothing() {
    let data = "<!DOCTYPE w [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>";
    for entity in ["&b;", "&f;"] {
        let rows = sheet_of(&[&["identificador", "nome"], &["1", entity]]);
        let sheet = format!("{data}<worksheet>{rows}</worksheet>");
        let (server, finished) = run(&good().part("xl/worksheets/sheet1.xml", sheet), &[]);
        finished.refused_before_sending(&server, &["danificada"]);
    }
}

/// The file with the size that a part announces replaced.
fn announcing(mut bytes: Vec<u8>, part: &str, size: u32) -> Vec<u8> {
    let named = |window: &[u8]| window == part.as_bytes();
    let places: Vec<_> =
        (0..bytes.len() - part.len()).filter(|at| named(&bytes[*at..*at + part.len()])).collect();
    // The name stands 30 bytes into a local header and 46 into one of the directory.
    for (at, back) in places.into_iter().zip([8, 22]) {
        bytes[at - back..at - back + 4].copy_from_slice(&size.to_le_bytes());
    }
    bytes
}

#[test]
fn f147_a_workbook_that_is_too_large_is_refused_at_once() {
    let shared = good().shared(&["<t>x</t>"]).part("xl/media/foto.png", "x");
    let shared = shared.part("xl/media/logo.png", "x");
    for (bytes, parts) in [
        (
            announcing(shared.zip(), "xl/sharedStrings.xml", 65 << 20),
            ["sharedstrings.xml tem mais de 64 MiB", "CSV"],
        ),
        (
            announcing(shared.zip(), "xl/media/foto.png", 201 << 20),
            ["mais de 200 MiB", "salve como CSV"],
        ),
        (
            announcing(
                announcing(shared.zip(), "xl/media/foto.png", 120 << 20),
                "xl/media/logo.png",
                100 << 20,
            ),
            ["mais de 200 MiB descompactada", "CSV"],
        ),
        (
            announcing(shared.zip(), "xl/styles.xml", 17 << 20),
            ["styles.xml tem mais de 16 MiB", "CSV"],
        ),
        // It holds more than it announces.
        (announcing(good().zip(), "xl/worksheets/sheet1.xml", 10), ["danificada", "CSV"]),
        (
            good()
                .part(
                    "xl/sharedStrings.xml",
                    "<sst uniqueCount=\"18446744073709551615\"><si/></sst>",
                )
                .zip(),
            ["contagem", "danificada"],
        ),
        (
            good()
                .part("xl/styles.xml", format!("<styleSheet><cellXfs>{}", "<xf/>".repeat(200_001)))
                .zip(),
            ["formatos demais", "CSV"],
        ),
        // The parsers would keep it whole.
        (
            Workbook::of(&sheet_of(&[&["identificador", &"x".repeat(5 << 20)]])).zip(),
            ["sheet1.xml tem um texto de mais de 4 MiB", "CSV"],
        ),
    ] {
        refused(&bytes, &parts);
    }
}

#[test]
fn f147_a_workbook_comes_through_pipes_and_gzip_too() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&good().zip()).unwrap();
    let packed = packed.finish().unwrap();
    let server = Server::start();
    let finished = Run::new(&server).on("-").stdin(good().zip()).args(["--id-type", "I"]).go();
    finished.exits(0).accounted([2, 3]);
    let run = Run::new(&server).input("c.xlsx.gz", packed).rejects("r.xlsx");
    let finished = run.results("r.csv").args(["--id-type", "I"]).go();
    finished.exits(0).accounted([2, 3]);
    assert_eq!(server.count(), 4);
}

#[test]
fn f147_a_workbook_that_changes_during_the_run_is_noticed() {
    let server = Server::start();
    let latch = server.hold_replies();
    let run = Run::new(&server).input("clientes.xlsx", good().zip()).args(["--id-type", "I"]);
    let path = run.work().join("clientes.xlsx");
    let running = run.allow_partial().spawn();
    server.wait_for_requests(1);
    std::fs::write(&path, Workbook::of(&sheet_of(&ROWS[..2])).zip()).unwrap();
    latch.release();
    running.wait().exits(5).says(&["mudou"]);
}

fn pull(server: &Server, output: &str) -> Run {
    let url = server.url();
    let run = Run::bare(&["pull"]).env("TOMTICKET_TOKEN", CANARY);
    run.args(["--base-url", &url, "--rate", "unlimited", "-o", output])
}

/// Reads the same account as a CSV and as a workbook, and sends both back.
#[test]
fn f148_what_pull_writes_as_a_workbook_is_its_csv_cell_by_cell() {
    let mut all = customers(60);
    all[7] = json!({
        "id": "00012", "name": " José \"Zé\" \r\n\t<b>&amp;_x0041_ ", "email": "Ze@x.com",
        "phone": 5511999999999_u64, "allowed_create_tickets": false,
        "organization": {"id": "0af1", "name": "Órgão"},
        "custom_fields": [{"id": "abc01", "name": "Plano", "value": "=1+1"},
                          {"id": "abc02", "name": "Nota", "value": "0012"}]
    });
    let server = listing(all);
    let csv = pull(&server, "antes.csv").go();
    csv.exits(0);
    let xlsx = pull(&server, "antes.xlsx").go();
    xlsx.exits(0).says(&["60 clientes", "check antes.xlsx"]);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(csv.work().join("antes.csv"))
        .unwrap();
    let mut expected: Vec<Vec<String>> = reader.deserialize().map(Result::unwrap).collect();
    let mut found = texts(&xlsx.read("antes.xlsx"));
    let read_at = expected[0].iter().position(|name| name == "lido_em").unwrap();
    for row in expected.iter_mut().chain(&mut found) {
        row[read_at].clear();
    }
    assert_eq!(found, expected);
    assert_eq!(xlsx.stderr.matches("aviso").count(), csv.stderr.matches("aviso").count());

    // Sent back, both make the same requests.
    let requests = |earlier: &Finished, input: &str| {
        let server = Server::start();
        let run = Run::new(&server).in_folder_of(earlier).on(input).without_token();
        run.token(CANARY).go().exits(0);
        server.sent()
    };
    let sent = requests(&xlsx, "antes.xlsx");
    assert_eq!(sent, requests(&csv, "antes.csv"));
    let ze = sent.iter().find(|(who, ..)| who == "00012").unwrap();
    assert!(ze.2.contains(&("nome".to_owned(), " José \"Zé\" \r\n\t<b>&amp;_x0041_ ".to_owned())));

    let server = Server::start();
    let run = Run::new(&server).in_folder_of(&xlsx).csv("identificador,nome\n1,Ana\n");
    let finished = run.args(["--id-type", "I", "--snapshot", "antes.xlsx"]).go();
    finished.refused_before_sending(&server, &["antes.xlsx é uma planilha", "pull -o antes.csv"]);
}

#[test]
fn f149_a_workbook_that_cannot_hold_the_account_is_not_begun() {
    let server = Server::start();
    server.script(|_, _| {
        Reply::json(200, &json!({
            "success": true, "data": customers(50), "size": 1_048_576, "pages": 20_972, "next_page": 2
        }).to_string())
    });
    let finished = pull(&server, "antes.xlsx").go();
    finished.exits(2).says(&["1.048.576 linhas", ".csv"]);
    assert!(server.count() < 20 && !finished.exists("antes.xlsx"));
    let mut all = customers(2);
    all[1]["name"] = json!("x".repeat(32_768));
    let server = listing(all);
    let finished = pull(&server, "antes.xlsx").go();
    finished.exits(2).says(&["linha 3", "32.767 caracteres", ".csv"]);
    assert!(!finished.exists("antes.xlsx"));
}

#[test]
fn f149_an_interrupted_workbook_leaves_nothing() {
    let all = customers(500);
    let server = Server::start();
    server.script(move |request, _| match page_number(request) {
        5 => Reply::hang(),
        number => page(&all, number),
    });
    let mut running = pull(&server, "antes.xlsx").spawn();
    server.wait_for_requests(10);
    running.signal("INT");
    let finished = running.wait();
    finished.exits(130).says(&["nada foi gravado"]);
    assert!(!finished.exists("antes.xlsx") && !finished.exists("antes.xlsx.parcial"));
}

#[test]
fn f149_a_full_disk_is_an_error_and_no_panic() {
    if !small_disk::possible("f149_a_full_disk_is_an_error_and_no_panic") {
        return;
    }
    let noise = |n: usize| format!("{:x}", (n as u128 + 7).pow(9));
    let rows: Vec<Vec<String>> =
        (0..2000).map(|n| vec!["..".to_owned(), noise(n), noise(n + 9)]).collect();
    let rows: Vec<Vec<&str>> =
        rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let mut all: Vec<&[&str]> = vec![&["identificador", "nome", "campo:1"]];
    all.extend(rows.iter().map(Vec::as_slice));
    let workbook = Workbook::of(&sheet_of(&all));
    // Where the temporary file of the writer lies, and where the output does.
    for (rejects, temporary) in [("r.xlsx", "disco"), ("disco/r.xlsx", "tmp")] {
        let server = Server::start();
        let run = Run::new(&server).input("clientes.xlsx", workbook.zip()).rejects(rejects);
        let temporary = match temporary {
            "disco" => run.work().join("disco"),
            _ => run.work(),
        };
        let run = run.env("TMPDIR", temporary).args(["--id-type", "I"]).allow_partial();
        let size = if rejects == "r.xlsx" { "400k" } else { "16k" };
        let finished = run.on_a_small_disk(size).go();
        finished.exits(5).says(&["espaço"]);
    }
}
