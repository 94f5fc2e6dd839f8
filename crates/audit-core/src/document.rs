//! Policy documents as IAM gives them out.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The text of a policy document. `GetRole` and `GetAccountAuthorizationDetails` percent-encode it (RFC 3986),
/// emulators may not: a JSON object begins with `{`, which no encoded text does.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if text.trim_start().starts_with('{') {
        return text.into();
    }
    // What is no text after decoding is no policy before it either: the parser says so of what stands there.
    percent_decode_str(text)
        .decode_utf8()
        .unwrap_or(Cow::Borrowed(text))
}

/// Whether a document may mention an issuer. Never wrong when it says no, apart from escapes that nobody writes
/// into a URL.
#[must_use]
pub fn may_mention(document: &str, host_path: &str) -> bool {
    // Keys are compared without case, and JSON may write a slash as `\/`.
    document
        .replace("\\/", "/")
        .to_ascii_lowercase()
        .contains(&host_path.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encoded_is_decoded() {
        for (text, expected) in [
            ("%7B%22Sid%22%3A%22a%2520b+c%22%7D", r#"{"Sid":"a%20b+c"}"#),
            (r#"{"Sid":"a%20b"}"#, r#"{"Sid":"a%20b"}"#),
            (" \n{\"Sid\":\"%7B\"}", " \n{\"Sid\":\"%7B\"}"),
            ("%FF%7B", "%FF%7B"),
            ("", ""),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }

    #[test]
    fn an_issuer_is_found_however_it_is_spelt() {
        let host_path = "oidc.eks.eu-west-1.amazonaws.com/id/ABC";
        for (document, expected) in [
            (
                r#"{"x":"arn:aws:iam::1:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"}"#,
                true,
            ),
            (r#"{"oidc.eks.EU-west-1.amazonaws.com\/id\/abc:sub":"x"}"#, true),
            (r#"{"oidc.eks.eu-west-1.amazonaws.com/id/ABD:sub":"x"}"#, false),
        ] {
            assert_eq!(may_mention(document, host_path), expected, "{document}");
        }
    }
}
