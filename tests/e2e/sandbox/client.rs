//! This program's own client against the simulator: what one writes, the other reads.

use super::raw::{Raw, Sandbox};
use crate::support::{Run, table};

#[test]
fn awkward_customers_and_values_arrive_as_they_are() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let awkward = [
        ("12.345.678/0001-90", "Ana \"Ação\" <x>; name=y"),
        ("...1", " \r\n--XX--\r\n "),
        ("ação+é %2F?#&", "日本 €"),
        ("a\\b'c\"d", "'"),
    ];
    let header = ["identificador", "tipo_identificador", "nome", "campo:d'água é 1", "campo:abc01"];
    let mut input = table::line(header, ',');
    for (identifier, value) in awkward {
        input.push_str(&table::line([identifier, "I", value, value, "x"], ','));
    }
    Run::bare(&["run"])
        .csv(&input)
        .env("TOMTICKET_TOKEN", "segredo/%2F")
        .args(["--base-url", &format!("http://{}", sandbox.address()), "--no-trim"])
        .args(["--rate", "unlimited", "--concurrency", "1"])
        .go()
        .exits(0);
    let all = Raw::connect(&sandbox).get("/_sandbox/clientes").json();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), awkward.len());
    for (customer, (identifier, value)) in all.iter().zip(awkward) {
        assert_eq!(customer["id_interno"], identifier);
        assert_eq!(customer["nome"], value);
        assert_eq!(customer["campos"]["d'água é 1"], value);
        assert_eq!(customer["campos"]["abc01"], "x");
        assert_eq!(customer["atualizacoes"], 1);
    }
}
