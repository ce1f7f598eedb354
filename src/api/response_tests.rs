//! What any reply comes to, and the words of a reply without its own. Single spellings and statuses
//! are tested in tests/e2e/replies.rs and hostile.rs.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Without a token to redact.
fn classify_plain(status: u16, body: &Body) -> (Reply, String) {
    classify(status, body, ApiVersion::V1, |text| text)
}

#[test]
fn the_api_speaks_for_itself() {
    let said = |status, body: &str| classify_plain(status, &Body::Whole(body.into())).1;
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

/// Where the cut falls makes no difference.
#[test]
fn the_token_is_redacted_before_an_unreadable_body_is_cut() {
    for start in SNIPPET - 20..SNIPPET {
        let body = format!("{}c2VncmVkby1kby10b2tlbg fim", "x".repeat(start));
        let redact = |text: String| text.replace("c2VncmVkby1kby10b2tlbg", "[token]");
        let (_, mensagem) = classify(200, &Body::Whole(body.into()), ApiVersion::V1, redact);
        assert!(!mensagem.contains("xc"), "{start}: {mensagem}");
    }
}

/// The JSON around and inside a reply, as servers spell it.
fn reply_body() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let erro = r#"false|true|0|1|"false"|"true"|null|2|0.0|-0|"0"|[]|{}|1e999|"FALSE"|" false""#;
    let erro = select(erro.split('|').collect::<Vec<_>>());
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
