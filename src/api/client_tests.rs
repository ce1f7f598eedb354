//! Was the request sent? Asked of real sockets that fail at each point of an exchange.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::api::Cause;
use crate::model::{Customer, CustomerType, FieldName, Identifier, Param};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"erro\":false}";

fn update(nome: &str) -> Update {
    let identifier = Identifier::new("1").unwrap();
    let customer = Customer { ctype: CustomerType::Internal, identifier };
    Update::new(customer, [(FieldName::Param(Param::Nome), nome)])
}

fn client(url: &str) -> Client {
    let options = ClientOptions { timeout: Duration::from_secs(1) };
    Client::new(&BaseUrl::parse(url).unwrap(), Token::new("segredo").unwrap(), options).unwrap()
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Reads a request with its form.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"--\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "cut off");
    }
    String::from_utf8(request).unwrap()
}

/// What one attempt comes to where the server answers the whole request with `answer` and closes.
async fn answered_with(answer: &'static str) -> Attempt {
    let (listener, port) = listen().await;
    let server = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let attempt = client(&format!("http://127.0.0.1:{port}")).send(&update("Ana")).await;
    server.await.unwrap();
    attempt
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let (listener, port) = listen().await;
    drop(listener);
    let attempt = client(&format!("http://127.0.0.1:{port}")).send(&update("Ana")).await;
    assert_eq!(attempt.reply, Reply::NotSent(Cause::Unreachable));
    assert_eq!(attempt.mensagem, "sem conexão com o servidor: conexão recusada");
}

#[tokio::test]
async fn before_the_tls_handshake_has_ended_nothing_was_sent() {
    for closes in [true, false] {
        let (listener, port) = listen().await;
        let server = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            let _ = stream.read(&mut [0; 1024]).await;
            if !closes {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        });
        let attempt = client(&format!("https://127.0.0.1:{port}")).send(&update("Ana")).await;
        assert_eq!(attempt.reply, Reply::NotSent(Cause::Unreachable), "{}", attempt.mensagem);
        if !closes {
            assert_eq!(attempt.mensagem, "sem conexão com o servidor: tempo esgotado");
        }
        server.abort();
    }
}

#[tokio::test]
async fn once_there_was_a_connection_the_request_may_have_been_executed() {
    for (answer, mensagem) in [
        ("", "sem resposta completa: o servidor fechou a conexão sem responder"),
        ("HTTP/1.1 20", "sem resposta completa: o servidor fechou a conexão sem responder"),
        ("SSH-2.0-x\r\n\r\n", "sem resposta completa: a resposta não é HTTP válido"),
        (&OK[..OK.len() - 1], "HTTP 200, mas a resposta veio incompleta"),
    ] {
        let attempt = answered_with(answer).await;
        assert_eq!((attempt.reply, &*attempt.mensagem), (Reply::Ambiguous, mensagem), "{answer}");
    }
    assert_eq!(answered_with(OK).await.reply, Reply::Accepted);
}

#[tokio::test]
async fn silence_until_the_timeout_is_no_answer() {
    let (listener, port) = listen().await;
    let attempt = client(&format!("http://127.0.0.1:{port}")).send(&update("Ana")).await;
    assert_eq!(attempt.reply, Reply::Ambiguous);
    assert_eq!(attempt.mensagem, "sem resposta em 1 s");
    drop(listener);
}

#[tokio::test]
async fn a_long_form_asks_to_close_the_connection() {
    for (length, closes) in [(10, false), (16 * 1024, true)] {
        let (listener, port) = listen().await;
        let server = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            let request = read_request(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
            request
        });
        let client = client(&format!("http://127.0.0.1:{port}"));
        assert_eq!(client.send(&update(&"x".repeat(length))).await.reply, Reply::Accepted);
        let request = server.await.unwrap();
        assert_eq!(request.contains("\r\nconnection: close\r\n"), closes, "{length}");
    }
}
