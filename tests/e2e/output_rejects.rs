//! The rejects file: in the dialect of the input, and valid as the input of the next run.

use crate::support::{Reply, Run, Server, table, text};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn c38a_rejects_come_in_the_dialect_of_the_input() {
    let header = ["identificador", "tipo_identificador", "nome", "telefone"];
    let rows = [
        ["1", "I", "Conceição", "11"],
        ["2", "I", "João; e, cia\tx", "12"],
        ["..", "I", "Zoé", "13"],
    ];
    let build = |delimiter: char| {
        rows.iter()
            .fold(table::line(header, delimiter), |text, row| text + &table::line(row, delimiter))
    };
    let none: &[&str] = &[];
    let cases = [
        ("excel", text::windows_1252(&build(';').replace('\n', "\r\n")), none, ';', "1252"),
        ("utf-8", build(',').into_bytes(), none, ',', "utf-8"),
        ("bom", [b"\xEF\xBB\xBF", build(';').as_bytes()].concat(), none, ';', "any utf-8"),
        ("utf-16", text::utf16(&build('\t'), false), none, '\t', "bom"),
        ("pipes", build('|').into_bytes(), none, '|', "utf-8"),
        (
            "forced",
            text::windows_1252(&build(';')),
            &["--delimiter", ";", "--encoding", "windows-1252"][..],
            ';',
            "1252",
        ),
        ("sep=", format!("sep=^\n{}", build('^')).into_bytes(), none, '^', "utf-8"),
        ("gzip", text::gzip(build(';').as_bytes()), none, ';', "utf-8"),
    ];
    for (what, bytes, args, delimiter, encoding) in cases {
        let server = Server::start();
        server.script(|_, _| Reply::refuse("É → cedo; volte, por favor."));
        let finished = Run::new(&server)
            .input("e.csv", &bytes)
            .args(args.iter().copied())
            .rejects("j.csv")
            .go();
        let lines = if what == "sep=" { [3, 4, 5] } else { [2, 3, 4] };
        finished.exits(1).accounted(lines);
        let raw = finished.read("j.csv");
        match encoding {
            "1252" => assert!(std::str::from_utf8(&raw).is_err(), "{what}"),
            "bom" => assert!(raw.starts_with(b"\xEF\xBB\xBF"), "{what}"),
            _ => assert!(std::str::from_utf8(&raw).is_ok(), "{what}"),
        }
        assert_eq!(raw.contains(&b'\r'), what == "excel");
        let first = raw.split(|&byte| byte == b'\n').next().unwrap();
        assert!(first.contains(&(delimiter as u8)), "{what}");
        let rejects = finished.rejects();
        assert_eq!(rejects[0][..4], header, "{what}");
        for (reject, row) in rejects[1..].iter().zip(rows) {
            assert_eq!(reject[..4], row, "{what}");
        }

        // The rejects run again unedited with the same flags: the two valid rows succeed.
        let better = Server::start();
        let again = Run::new(&better)
            .in_folder_of(&finished)
            .on("j.csv")
            .args(args.iter().copied())
            .rejects("k.csv")
            .go();
        let rows = again.exits(1).accounted(lines);
        assert_eq!((&*rows[0].situacao, &*rows[2].situacao), ("atualizado", "invalido"), "{what}");
        let names: Vec<_> = better.sent().iter().map(|sent| sent.2[0].1.clone()).collect();
        assert_eq!(names, ["Conceição", "João; e, cia\tx"], "{what}");
        // Rejects of rejects have the three extra columns once.
        assert_eq!(again.rejects()[0], rejects[0], "{what}");
    }
}

#[test]
fn surplus_and_huge_cells_fit_into_the_rejects() {
    let huge = "y".repeat(90 * 1024);
    let input = format!(
        "identificador,tipo_identificador,nome\n1,I\n2,I,Eva,mais,ainda\n3,I,{huge}\n4,I,\"a\nb\",\"c,d\"\n"
    );
    let server = Server::start();
    let finished = Run::new(&server).csv(&input).go();
    finished.exits(1).accounted([2, 3, 4, 5]);
    let rejects = finished.rejects();
    assert_eq!(rejects[1][..4], ["1", "I", "", "invalido"]);
    assert_eq!(rejects[2][6..], ["mais", "ainda"]);
    // The cell is cut. Its mark keeps the row invalid, so that a cut name is never sent.
    assert!((60 * 1024..=64 * 1024).contains(&rejects[3][2].len()), "{}", rejects[3][2].len());
    assert!(rejects[3][2].ends_with("[cortado]\u{1a}"));
    assert_eq!((&*rejects[4][2], &*rejects[4][6]), ("a\nb", "c,d"));
    // The rejects run again; surplus cells are still surplus.
    let again = Run::new(&server).in_folder_of(&finished).on("clientes.rejeitados.csv").go();
    assert!(again.exits(1).results().iter().filter(|row| row.situacao == "invalido").count() >= 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// The rejects of any run are a valid input with the same cells: rows that are no longer refused
    /// succeed in the second run.
    #[test]
    fn rejects_run_again_and_succeed(
        names in vec("[ -~áÇ\n\t]{1,30}", 1..40),
        refused in vec(any::<bool>(), 40),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
    ) {
        let server = Server::start();
        let mut input = table::line(["identificador", "tipo_identificador", "campo:x", "nome"], delimiter);
        let mut expected = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let id = format!("C{index:03}");
            input.push_str(&table::line([&*id, "I", name, "Ana"], delimiter));
            if refused[index] {
                server.reply(&id, Reply::refuse(&format!("Recusado: {delimiter} \"x\" {index}")));
                expected.push((id, name.trim_matches([' ', '\t', '\n']).to_owned()));
            }
        }
        let finished = Run::new(&server).csv(&input).args(["--no-breaker"]).go();
        let rejected = finished.rejects().len() - 1;
        prop_assert_eq!(rejected, expected.len());
        let better = Server::start();
        let again = Run::new(&better).in_folder_of(&finished).on("clientes.rejeitados.csv").go();
        again.exits(0);
        prop_assert_eq!(again.results().len(), expected.len());
        let sent: Vec<_> = better
            .sent()
            .into_iter()
            .map(|(id, _, form)| {
                let cell = form.into_iter().find(|(name, _)| name == "campos[x]");
                (id, cell.map(|(_, value)| value).unwrap_or_default())
            })
            .collect();
        prop_assert_eq!(sent, expected);
    }
}
