use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Without a token to redact.
fn classify_plain(status: u16, body: &Body) -> (Reply, String) {
    classify(status, body, |text| text)
}

#[test]
fn the_token_is_redacted_before_an_unreadable_body_is_cut() {
    for start in SNIPPET - 20..SNIPPET {
        let body = format!("{}c2VncmVkby1kby10b2tlbg fim", "x".repeat(start));
        let redact = |text: String| text.replace("c2VncmVkby1kby10b2tlbg", "[token]");
        let (_, mensagem) = classify(200, &Body::Whole(body.into()), redact);
        assert!(!mensagem.contains("xc"), "{start}: {mensagem}");
    }
}

fn reply(status: u16, body: &str) -> Reply {
    classify_plain(status, &Body::Whole(body.into())).0
}

#[test]
fn erro_has_exactly_the_known_spellings() {
    for body in [
        r#"{"erro":false}"#,
        r#"{"erro":0}"#,
        r#"{"erro":"false","mensagem":"ok"}"#,
        "\u{feff} {\"erro\": false}\n",
    ] {
        assert_eq!(reply(200, body), Reply::Accepted, "{body}");
    }
    for body in [r#"{"erro":true}"#, r#"{"erro":1}"#, r#"{"erro":"true"}"#] {
        assert_eq!(reply(200, body), Reply::Refused, "{body}");
    }
    for body in [
        "",
        "[]",
        "[false, \"ok\"]",
        "null",
        "{}",
        r#"{"erro":null}"#,
        r#"{"erro":2}"#,
        r#"{"erro":0.0}"#,
        r#"{"erro":""}"#,
        r#"{"erro":"False"}"#,
        r#"{"erro":[]}"#,
        r#"{"Erro":false}"#,
        r#"{"erro":false"#,
        r#"{"erro":true,"erro":false}"#,
        r#"{"erro":false,"mensagem":"a","mensagem":"b"}"#,
        r#"{"erro":false} {"erro":true}"#,
        r#"Warning: x in y.php {"erro":false}"#,
        "<html>{\"erro\":false}</html>",
    ] {
        assert_eq!(reply(200, body), Reply::Ambiguous, "{body}");
    }
}

#[test]
fn the_status_comes_first() {
    for (status, expected) in [
        (201, Reply::Accepted),
        (302, Reply::Redirected),
        (304, Reply::Redirected),
        (401, Reply::Denied),
        (403, Reply::Denied),
        (404, Reply::Refused),
        (408, Reply::Ambiguous),
        (429, Reply::Limited { retry_after: None }),
        (500, Reply::Ambiguous),
        (600, Reply::Ambiguous),
    ] {
        assert_eq!(reply(status, r#"{"erro":false}"#), expected, "{status}");
    }
}

#[test]
fn the_api_speaks_for_itself() {
    let said = |status, body: &str| classify_plain(status, &Body::Whole(body.into())).1;
    assert_eq!(said(200, r#"{"erro":true,"mensagem":"Não."}"#), "Não.");
    assert_eq!(said(404, r#"{"erro":true,"mensagem":"Sumiu."}"#), "Sumiu.");
    assert_eq!(said(200, r#"{"erro":true,"mensagem":{"a":1}}"#), r#"{"a":1}"#);
    assert!(said(404, "<h1>x</h1>").starts_with("HTTP 404"));
    assert!(said(200, "<h1>Em\n manutenção</h1>").ends_with("<h1>Em manutenção</h1>"));
    assert!(said(200, "").contains("(vazia)"));
    assert_eq!(said(200, r#"{"erro":false,"mensagem":" Feito.\n"}"#), "Feito.");
    assert_eq!(said(200, r#"{"erro":true,"mensagem":" "}"#), "Recusado pela API, sem explicação.");
    assert!(said(200, "<h1>a\u{1}b").ends_with(": <h1>a b"));
    let [whole, cut] = [SNIPPET, SNIPPET + 1].map(|length| said(200, &"x".repeat(length)));
    assert!(whole.ends_with('x'));
    assert_eq!(cut, format!("{whole}…"));
    assert!(classify_plain(200, &Body::TooLong).1.contains("passa de 64 KiB"));
}

#[test]
fn a_cut_or_endless_2xx_is_ambiguous_and_a_4xx_is_not() {
    assert_eq!(classify_plain(200, &Body::Cut).0, Reply::Ambiguous);
    assert_eq!(classify_plain(200, &Body::TooLong).0, Reply::Ambiguous);
    assert_eq!(classify_plain(404, &Body::Cut).0, Reply::Refused);
}

/// The JSON around and inside a reply, as servers spell it.
fn reply_body() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let erro = select(vec![
        "false",
        "true",
        "0",
        "1",
        "\"false\"",
        "\"true\"",
        "null",
        "2",
        "0.0",
        "-0",
        "\"0\"",
        "[]",
        "{}",
        "1e999",
        "\"FALSE\"",
        "\" false\"",
    ]);
    let mensagem = prop_oneof![
        select(vec!["\"ok\"", "null", "\"\"", "[1]", "\"\\ud800\"", "\"\\u0000\"", "1"])
            .prop_map(ToOwned::to_owned),
        any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
    ];
    let around = select(vec!["", " ", "\n", "\u{feff}", "<br>", ",", "\0", "{}", "[", "}"]);
    let extra = select(vec!["", ",\"x\":[[]]", ",\"erro\":true", ",\"Erro\":1", ","]);
    (around.clone(), erro, mensagem, extra, around, 0..12u8, any::<u16>()).prop_map(
        |(before, erro, mensagem, extra, after, cut, at)| {
            let body = format!("{before}{{\"erro\":{erro},\"mensagem\":{mensagem}{extra}}}{after}");
            // Cut anywhere up to the brace that closes it, but not behind: that would cut nothing.
            let end = body.len() - after.len();
            let mut bytes = body.into_bytes();
            if cut == 0 {
                bytes.truncate(usize::from(at) % end);
            }
            let plain = |text: &str| text.trim().is_empty();
            let good = cut != 0
                && matches!(before, "" | " " | "\n" | "\u{feff}")
                && plain(after)
                && matches!(extra, "" | ",\"x\":[[]]" | ",\"Erro\":1")
                && matches!(erro, "false" | "0" | "\"false\"")
                && mensagem != "\"\\ud800\"";
            (bytes, good)
        },
    )
}

proptest! {
    /// f59
    #[test]
    fn any_reply_is_classified_and_success_is_only_what_says_so(
        (body, good) in reply_body(),
        status in prop_oneof![3 => Just(200u16), 1 => 100u16..1000],
        whole in 0..10u8,
    ) {
        let given = match whole {
            0 => Body::Cut,
            1 => Body::TooLong,
            _ => Body::Whole(body.clone()),
        };
        let (reply, mensagem) = classify_plain(status, &given);
        prop_assert!(!mensagem.is_empty());
        let success = good && whole > 1 && (200..300).contains(&status);
        prop_assert_eq!(reply == Reply::Accepted, success, "{}", String::from_utf8_lossy(&body));
        if reply == Reply::Refused && status < 300 {
            let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
            let value: Value = serde_json::from_slice(body).unwrap();
            let erro = &value["erro"];
            prop_assert!(erro == true || erro == 1 || erro == "true");
        }
    }

    /// f59
    #[test]
    fn any_bytes_are_classified(status in any::<u16>(), body in vec(any::<u8>(), 0..300)) {
        let (reply, _) = classify_plain(status, &Body::Whole(body));
        prop_assert!(reply != Reply::Accepted || (200..300).contains(&status));
    }
}
