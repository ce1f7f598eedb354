//! One exchange with a real socket. That a request without a connection was not sent is tested in
//! tests/e2e/wire.rs and tls.rs.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::model::{Customer, CustomerType, FieldName, Identifier, Param};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"erro\":false}";

fn update(nome: &str) -> Update {
    let identifier = Identifier::new("1").unwrap();
    let customer = Customer { ctype: CustomerType::Internal, identifier };
    Update::new(customer, [(FieldName::Param(Param::Nome), nome)])
}

/// What one attempt comes to where the server answers the whole request with `answer` and closes;
/// and the request.
async fn exchange(nome: &str, answer: &'static str) -> (Attempt, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let mut request = Vec::new();
        while !request.ends_with(b"--\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "cut off");
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let token = Token::new("segredo").unwrap();
    let base = BaseUrl::parse(&url).unwrap();
    let client = Client::new(&base, token, Duration::from_secs(60)).unwrap();
    (client.send(&update(nome)).await, server.await.unwrap())
}

#[tokio::test]
async fn once_there_was_a_connection_the_request_may_have_been_executed() {
    for (answer, mensagem) in [
        ("", "sem resposta completa: o servidor fechou a conexão sem responder"),
        ("HTTP/1.1 20", "sem resposta completa: o servidor fechou a conexão sem responder"),
        ("SSH-2.0-x\r\n\r\n", "sem resposta completa: a resposta não é HTTP válido"),
        (&OK[..OK.len() - 1], "HTTP 200, mas a resposta veio incompleta"),
    ] {
        let attempt = exchange("Ana", answer).await.0;
        assert_eq!((attempt.reply, &*attempt.mensagem), (Reply::Ambiguous, mensagem), "{answer}");
    }
}

#[tokio::test]
async fn a_long_form_asks_to_close_the_connection() {
    for (length, closes) in [(10, false), (16 * 1024, true)] {
        let (attempt, request) = exchange(&"x".repeat(length), OK).await;
        assert_eq!(attempt.reply, Reply::Accepted);
        assert_eq!(request.contains("\r\nconnection: close\r\n"), closes, "{length}");
    }
}
