//! Commands on OIDC providers.
//!
//! An audience is any text that somebody put into an annotation. As the value of an option, the AWS CLI would read
//! `file://…` as a file to load, a leading `[` as JSON and a leading `-` as an option; inside `--cli-input-json` a
//! string is a string.

use serde_json::{Value, json};

use crate::alternative::Alternative;
use crate::command::Command;
use crate::fix::Fix;
use crate::hcl::{Block, Expression};
use crate::shell;
use crate::text::{ascii_json, quote};

/// The audience that eksctl registers, and no other.
const EKSCTL_AUDIENCE: &str = "sts.amazonaws.com";

/// The command that registers an issuer in an account.
#[must_use]
pub fn create(issuer_url: &str, audience: &str) -> Fix {
    let fix = if is_plain(audience) {
        let create = Command::new("aws iam create-open-id-connect-provider");
        Fix::aws(
            create
                .option("--url", issuer_url)
                .option("--client-id-list", audience),
        )
    } else {
        from_json(
            "aws iam create-open-id-connect-provider",
            audience,
            &json!({ "Url": issuer_url, "ClientIDList": [audience] }),
        )
    };
    if !is_registrable(audience) {
        return fix;
    }
    // eksctl registers the issuer in the account of its caller, with the usual audience and no other.
    let eksctl = (audience == EKSCTL_AUDIENCE)
        .then(|| {
            Alternative::eksctl("eksctl utils associate-iam-oidc-provider", |command| {
                command.own("--approve")
            })
        })
        .flatten()
        .map(|eksctl| eksctl.only_if("the role is in the account of the cluster"));
    fix.or_else(eksctl).or_else([terraform(issuer_url, &[audience])])
}

/// The command that makes a provider, of this ARN and URL and with these client IDs, accept an audience.
#[must_use]
pub fn add_client_id(arn: &str, url: &str, client_ids: &[String], audience: &str) -> Fix {
    let fix = if is_plain(audience) {
        let add = Command::new("aws iam add-client-id-to-open-id-connect-provider");
        Fix::aws(
            add.option("--open-id-connect-provider-arn", arn)
                .option("--client-id", audience),
        )
    } else {
        from_json(
            "aws iam add-client-id-to-open-id-connect-provider",
            audience,
            &json!({ "OpenIDConnectProviderArn": arn, "ClientID": audience }),
        )
    };
    if !is_registrable(audience) {
        return fix;
    }
    let known = client_ids.iter().map(String::as_str);
    let all: Vec<&str> = known.chain([audience]).collect();
    let url = url.strip_prefix("https://").unwrap_or(url);
    fix.or_else([terraform(&format!("https://{url}"), &all)])
}

/// The provider as Terraform declares it: all its audiences, because one that is not there is taken away.
fn terraform(url: &str, client_ids: &[&str]) -> Alternative {
    let provider = Block::new("resource", &["aws_iam_openid_connect_provider", "cluster"])
        .attribute("url", Expression::string(url))
        .attribute("client_id_list", Expression::strings(client_ids));
    Alternative::terraform(&provider)
}

/// Whether an audience can be, and should be, registered. IAM takes client ids of 1 to 255 characters.
fn is_registrable(audience: &str) -> bool {
    shell::is_pasteable(audience) && !audience.is_empty() && audience.chars().count() <= 255
}

fn from_json(operation: &'static str, audience: &str, input: &Value) -> Fix {
    if !is_registrable(audience) {
        return Fix::manual(format!(
            "`{}` is not an audience that should be registered: correct the ServiceAccount's annotation first",
            quote(audience)
        ));
    }
    Fix::aws(Command::new(operation).option("--cli-input-json", ascii_json(input)))
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
    use super::*;
    use crate::{FixKind, Form};

    const ARN: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A";

    /// The fix of the provider with these client IDs.
    fn accepting(client_ids: &[&str], audience: &str) -> Fix {
        let client_ids: Vec<String> = client_ids.iter().map(|id| (*id).to_owned()).collect();
        add_client_id(ARN, "oidc.example.com/id/A", &client_ids, audience)
    }

    #[test]
    fn usual_audiences_are_plain_options() {
        assert_eq!(
            create("https://oidc.example.com/id/A", "sts.amazonaws.com")
                .first
                .text,
            "aws iam create-open-id-connect-provider --url https://oidc.example.com/id/A --client-id-list \
             sts.amazonaws.com"
        );
        assert_eq!(
            accepting(&[], "sts.amazonaws.com").first.text,
            format!(
                "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {ARN} --client-id \
                 sts.amazonaws.com"
            )
        );
    }

    #[test]
    fn terraform_keeps_the_audiences_that_are_there() {
        let fix = accepting(&["vault", "${x}"], "sts.amazonaws.com");
        let [terraform] = fix.first.alternatives.as_slice() else {
            panic!("{fix:?}")
        };
        let read: Value = hcl::from_str(&terraform.text).unwrap();
        assert_eq!(
            read["resource"]["aws_iam_openid_connect_provider"]["cluster"]["url"],
            json!("https://oidc.example.com/id/A")
        );
        assert!(
            terraform
                .text
                .ends_with("client_id_list = [\"vault\", \"$${x}\", \"sts.amazonaws.com\"]\n}"),
            "{}",
            terraform.text
        );
    }

    #[test]
    fn eksctl_registers_the_usual_audience_only() {
        let has_eksctl = |fix: Fix| {
            let eksctl = fix
                .first
                .alternatives
                .iter()
                .find(|a| a.form == Form::Eksctl)?
                .only_if;
            Some(eksctl.is_some())
        };
        assert_eq!(has_eksctl(create("https://a/b", "sts.amazonaws.com")), Some(true));
        assert_eq!(has_eksctl(create("https://a/b", "vault")), None);
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
            for fix in [create("https://a/b", audience), accepting(&[], audience)] {
                assert_eq!(fix.first.kind, FixKind::AwsCli, "{audience}");
                assert!(
                    fix.first.text.contains(" --cli-input-json '{"),
                    "{}",
                    fix.first.text
                );
                assert!(fix.first.text.is_ascii(), "{}", fix.first.text);
            }
        }
    }

    #[test]
    fn what_cannot_be_registered_gives_no_command() {
        for audience in ["", "a\nb", "\u{1b}[0m", "a\u{202e}b", &"x".repeat(256)] {
            for fix in [create("https://a/b", audience), accepting(&[], audience)] {
                assert_eq!(
                    (fix.first.kind, fix.first.alternatives.len()),
                    (FixKind::Manual, 0),
                    "{audience:?}"
                );
            }
        }
    }
}
