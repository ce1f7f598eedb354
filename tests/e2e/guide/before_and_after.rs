//! The commands of the guide that read an account run against the simulator, which holds one.

use super::{Desk, blocks, described, document};
use crate::support::Simulator;

const ACCOUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/conta.csv");
const EXPORT: &str = "identificador,tipo_identificador,nome,telefone
000700,I,Ana Araújo,(00) 90000-1000
000703,I,Caio Damião,(00) 90000-7777
";

#[test]
fn the_commands_that_read_an_account_succeed() {
    let simulator = Simulator::start(&["--customers", ACCOUNT]);
    let before = simulator.customers();
    let desk = Desk::new();
    desk.write("clientes.csv", EXPORT);
    let account = format!("export TOMTICKET_SYNC_BASE_URL={}\n", simulator.url());
    let mut recipes = 0;
    for block in ["README.md", "docs/guia.md"].map(|name| blocks(&document(name), "sh")).concat() {
        let reads = ["-sync pull", "-sync ids", "--only"].iter().any(|word| block.contains(word));
        if !reads || block.contains("cargo ") || block.contains(":8089") {
            continue;
        }
        let output = desk.shell(&(account.clone() + &block));
        let calls = desk.calls();
        assert!(!calls.is_empty(), "{block}");
        let failed = calls.iter().find(|call| !call.starts_with("0 "));
        assert!(failed.is_none(), "{failed:?}\n{block}\n{}", described(&output));
        recipes += 1;
    }
    assert!(recipes >= 7, "only {recipes} blocks were run");
    assert_eq!(desk.server.count(), 0, "all of it goes to the simulator");
    assert_ne!(simulator.customers(), before, "nothing was sent");
}
