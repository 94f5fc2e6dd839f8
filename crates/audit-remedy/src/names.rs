//! Names of Kubernetes objects, as strictly as its API server has them.
//!
//! Source: Kubernetes, Object Names and IDs,
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.

/// The longest name of a namespace, in characters: a label of RFC 1123.
const NAMESPACE_MAX: usize = 63;
/// The longest name of a ServiceAccount, in characters: a subdomain of RFC 1123.
const SERVICE_ACCOUNT_MAX: usize = 253;

/// Whether a namespace can have this name.
pub(crate) fn is_namespace(text: &str) -> bool {
    text.len() <= NAMESPACE_MAX && is_label(text)
}

/// Whether a ServiceAccount can have this name.
pub(crate) fn is_service_account(text: &str) -> bool {
    text.len() <= SERVICE_ACCOUNT_MAX && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    is_end(text.bytes().next())
        && is_end(text.bytes().next_back())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        let long = "a".repeat(64);
        for (text, namespace, service_account) in [
            ("shop", true, true),
            ("team-1", true, true),
            ("a.b", false, true),
            ("a..b", false, false),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("Shop", false, false),
            ("sh\u{43e}p", false, false),
            ("shop*", false, false),
            ("shop ", false, false),
            (long.as_str(), false, true),
        ] {
            assert_eq!(is_namespace(text), namespace, "{text:?}");
            assert_eq!(is_service_account(text), service_account, "{text:?}");
        }
        assert!(!is_service_account(&"a".repeat(254)));
    }
}
