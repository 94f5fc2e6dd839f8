use super::*;

fn plain(node: Node<'_>) -> serde_json::Value {
    match node.value() {
        Value::Null => serde_json::Value::Null,
        Value::Bool | Value::Number => serde_json::from_str(&node.text()).unwrap(),
        Value::String => node.text().as_ref().into(),
        Value::Array(items) => items.map(plain).collect(),
        Value::Object(members) => serde_json::Value::Object(
            members
                .map(|m| (m.key.text().into_owned(), plain(m.value)))
                .collect(),
        ),
    }
}

/// Ours and `serde_json` must agree on what is JSON and what it says.
fn agrees(text: &str) {
    let tree = read(text);
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => {
            assert_eq!(tree.error, None, "{text}");
            assert_eq!(plain(tree.root().unwrap()), value, "{text}");
        }
        Err(e) => assert!(tree.error.is_some(), "{text}: {e}"),
    }
}

#[test]
fn agrees_with_serde_json() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "[]",
        "{}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "nul",
        "null",
        "true x",
        "-",
        "-0",
        "01",
        "1.",
        "1.5e-3",
        "1e",
        "\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\x\"",
        "\"\u{1}\"",
        "\"\\u12\"",
        "\"\\u00é\"",
        "[1,2,[3,{\"a\":null}]]",
        "\u{feff}{}",
        "{\"a\":{\"b\":[true,false,\"c\\n\\/\"]}} ",
        "\"a\\\\b\\\"\"",
        "\u{b}1",
        "[\"é\u{1F600}\"]",
        "+1",
        "1 2",
        "\"\\",
    ] {
        agrees(text);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 4_000, ..Default::default() })]

    #[test]
    fn agrees_with_serde_json_on_noise(text in r#"[\[\]{},:"\\ua0-9e.+\- tfn]{0,24}"#) {
        agrees(&text);
    }

    #[test]
    fn agrees_with_serde_json_on_broken_documents(cut in 0_usize..60, noise in r#"[\[\]{}",:\\a]{0,2}"#) {
        let text = r#"{"Statement":[{"Sid":"a\u0041","N":-1.5e3}],"x":null}"#;
        let (before, after) = text.split_at(cut.min(text.len()));
        agrees(&format!("{before}{noise}{after}"));
    }
}

#[test]
fn keeps_what_came_before_the_break() {
    for (text, at, expected) in [
        (
            r#"{"Statement":[{"Effect":"Allow"},{"Effect":"#,
            43,
            serde_json::json!({"Statement": [{"Effect": "Allow"}, {}]}),
        ),
        (r#"{"a":[1,-x"#, 9, serde_json::json!({"a": [1]})),
        (r#"{"a":1,"b":"c"#, 13, serde_json::json!({"a": 1})),
        (r#"{"a":1 "b":2}"#, 7, serde_json::json!({"a": 1})),
    ] {
        let tree = read(text);
        assert_eq!(plain(tree.root().unwrap()), expected);
        assert_eq!(tree.error.as_ref().unwrap().at, at);
    }
    for text in ["", "-", "\"a", "tru"] {
        let tree = read(text);
        assert!(tree.root().is_none() && tree.error.is_some(), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&deep(MAX_DEPTH)).error, None);
    assert!(read(&deep(MAX_DEPTH + 1)).error.is_some());
    assert!(read(&"[{\"a\":".repeat(100_000)).error.is_some());
}

#[test]
fn spans_cover_the_text_of_each_value() {
    let text = r#" {"a" : [1, "b"]} "#;
    let tree = read(text);
    let root = tree.root().unwrap();
    assert_eq!(&text[root.span()], r#"{"a" : [1, "b"]}"#);
    let Value::Object(mut members) = root.value() else {
        panic!()
    };
    let member = members.next().unwrap();
    assert_eq!(&text[member.key.span()], "\"a\"");
    assert_eq!(&text[member.value.span()], r#"[1, "b"]"#);
    assert!(members.next().is_none());
}
