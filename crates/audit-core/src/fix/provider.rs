//! Commands on OIDC providers.
//!
//! An audience is any text that somebody put into an annotation. As the value of an option, the AWS CLI would read
//! `file://…` as a file to load, a leading `[` as JSON and a leading `-` as an option; inside `--cli-input-json` a
//! string is a string.

use serde_json::{Value, json};

use super::{Fix, shell};
use crate::text::{ascii_json, quote};

/// The command that registers an issuer in an account.
#[must_use]
pub fn create(issuer_url: &str, audience: &str) -> Fix {
    if is_plain(audience) {
        return Fix::aws(&[
            "iam",
            "create-open-id-connect-provider",
            "--url",
            issuer_url,
            "--client-id-list",
            audience,
        ]);
    }
    from_json(
        "create-open-id-connect-provider",
        audience,
        &json!({ "Url": issuer_url, "ClientIDList": [audience] }),
    )
}

/// The command that makes a provider accept an audience.
#[must_use]
pub fn add_client_id(provider_arn: &str, audience: &str) -> Fix {
    if is_plain(audience) {
        return Fix::aws(&[
            "iam",
            "add-client-id-to-open-id-connect-provider",
            "--open-id-connect-provider-arn",
            provider_arn,
            "--client-id",
            audience,
        ]);
    }
    from_json(
        "add-client-id-to-open-id-connect-provider",
        audience,
        &json!({ "OpenIDConnectProviderArn": provider_arn, "ClientID": audience }),
    )
}

fn from_json(operation: &str, audience: &str, input: &Value) -> Fix {
    // IAM takes client ids of 1 to 255 characters.
    if !shell::is_pasteable(audience) || audience.is_empty() || audience.chars().count() > 255 {
        return Fix::manual(format!(
            "`{}` is no audience that should be registered: put the ServiceAccount's annotation right first",
            quote(audience)
        ));
    }
    Fix::aws(&["iam", operation, "--cli-input-json", &ascii_json(input)])
}

/// Whether an audience means nothing else to the AWS CLI than itself.
fn is_plain(audience: &str) -> bool {
    audience.starts_with(|c: char| c.is_ascii_alphanumeric())
        && audience.len() <= 255
        && audience
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::FixKind;
    use super::*;

    const ARN: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A";

    #[test]
    fn usual_audiences_are_plain_options() {
        assert_eq!(
            create("https://oidc.example.com/id/A", "sts.amazonaws.com").text,
            "aws iam create-open-id-connect-provider --url https://oidc.example.com/id/A --client-id-list \
             sts.amazonaws.com"
        );
        assert_eq!(
            add_client_id(ARN, "sts.amazonaws.com").text,
            format!(
                "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {ARN} --client-id \
                 sts.amazonaws.com"
            )
        );
    }

    #[test]
    fn an_audience_is_never_read_as_anything_else() {
        for audience in [
            "file:///etc/passwd",
            "https://example.com",
            "-x",
            "[]",
            "a b",
            "it's",
            "é",
            "@x",
        ] {
            for fix in [create("https://a/b", audience), add_client_id(ARN, audience)] {
                assert_eq!(fix.kind, FixKind::AwsCli, "{audience}");
                assert!(fix.text.contains(" --cli-input-json '{"), "{}", fix.text);
                assert!(fix.text.is_ascii(), "{}", fix.text);
            }
        }
    }

    #[test]
    fn what_cannot_be_registered_gives_no_command() {
        for audience in ["", "a\nb", "\u{1b}[0m", "a\u{202e}b", &"x".repeat(256)] {
            assert_eq!(add_client_id(ARN, audience).kind, FixKind::Manual, "{audience:?}");
            assert_eq!(
                create("https://a/b", audience).kind,
                FixKind::Manual,
                "{audience:?}"
            );
        }
    }
}
