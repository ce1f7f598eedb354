//! This program's own client against the simulator: what one writes, the other reads.

use std::sync::Arc;

use tomticket_sync::api::{BaseUrl, Client, ClientOptions, Reply, Token};
use tomticket_sync::model::{
    CampoId, Customer, CustomerType, FieldName, Identifier, Param, Update,
};

use super::raw::{PATIENCE, Raw, start, unlimited};

fn update(identifier: &str, ctype: CustomerType, values: &[(FieldName, &str)]) -> Update {
    let fields: Arc<[FieldName]> = values.iter().map(|(name, _)| name.clone()).collect();
    let customer = Customer { ctype, identifier: Identifier::new(identifier).unwrap() };
    let mut update = Update::new(customer, fields);
    for (index, (_, value)) in (0..).zip(values) {
        update.push(index, value);
    }
    update
}

#[tokio::test]
async fn awkward_customers_and_values_arrive_as_they_are() {
    let sandbox = start(unlimited()).await;
    let base = BaseUrl::parse(&sandbox.base_url()).unwrap();
    let token = Token::new("segredo/%2F").unwrap();
    let options = ClientOptions { timeout: PATIENCE };
    let client = Client::new(&base, token, options).unwrap();
    let nome = || FieldName::Param(Param::Nome);
    let campo = |id| FieldName::Campo(CampoId::new(id).unwrap());
    let mut raw = Raw::connect(&sandbox).await;
    let awkward = [
        ("12.345.678/0001-90", "Ana \"Ação\" <x>; name=y"),
        ("...", " \r\n--XX--\r\n "),
        ("ação+é %2F?#&", "日本 €"),
        ("a\\b'c\"d", "'"),
    ];
    for (identifier, value) in awkward {
        let values = [(nome(), value), (campo("d'água é 1"), value), (campo("abc01"), "x")];
        let attempt = client.send(&update(identifier, CustomerType::Internal, &values)).await;
        assert_eq!(attempt.reply, Reply::Accepted, "{identifier}: {}", attempt.mensagem);
    }
    let all = raw.get("/_sandbox/clientes").await.json();
    for (customer, (identifier, value)) in all.as_array().unwrap().iter().zip(awkward) {
        assert_eq!(customer["id_interno"], identifier);
        assert_eq!(customer["nome"], value);
        assert_eq!(customer["campos"]["d'água é 1"], value);
        assert_eq!(customer["campos"]["abc01"], "x");
        assert_eq!(customer["atualizacoes"], 1);
    }
    sandbox.stop().await;
}
