//! The tag by which a role consents to a ServiceAccount, as its owner sets it.

use serde_json::json;

use crate::command::Command;
use crate::fix::Fix;
use crate::hcl::Expression;
use crate::text::{ascii_json, quote};

/// The command line that sets the tag `key` of a role to `value`, as long as the tag is what it was when `value` was made of it:
/// `existing`, or not there.
///
/// `iam:TagRole` replaces a value as a whole. Without the comparison, a consent that another person adds meanwhile would be lost.
#[must_use]
pub fn tag_role(role_name: &str, key: &str, existing: Option<&str>, value: &str) -> Fix {
    let query = format!("Role.Tags[?Key=='{key}'].Value | [0]");
    let tags = ascii_json(&json!([{"Key": key, "Value": value}]));
    // The AWS CLI prints `None` where a query finds nothing, and nothing where it cannot read the role.
    let expected = existing.filter(|value| !value.is_empty()).unwrap_or("None");
    let command = Command::new("test \"$(aws iam get-role")
        .option("--role-name", role_name)
        .option("--query", query)
        .own("--output text)\" =")
        .verbatim(expected)
        .own("&& aws iam tag-role")
        .option("--role-name", role_name)
        .option("--tags", tags);
    Fix::aws(command)
}

/// The tag as an attribute of Terraform's `aws_iam_role`.
#[must_use]
pub fn terraform(role_name: &str, key: &str, value: &str) -> String {
    format!(
        "# In the resource aws_iam_role that is role {}: add this to its tags.\ntags = {}",
        quote(role_name),
        Expression::map(&[(key, value)])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "irsa-audit.dev/trust.0123456789abcdef0123456789abcdef";

    /// What a shell does with a command, where the role has a tag of this value. `aws` knows these two calls and no others.
    fn pasted(command: &Fix, has: &str) -> (bool, String) {
        let command = command.script();
        let script = format!(
            "aws() {{ case \"$2\" in get-role) printf '%s\\n' \"$has\";; tag-role) printf '%s|' \"$@\" >&2;; *) exit 9;; esac; }}\n{command}"
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("has", has)
            .output()
            .unwrap();
        let written = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), written)
    }

    #[test]
    fn a_tag_that_has_changed_since_is_not_replaced() {
        let (first, more) = (
            tag_role("app", KEY, None, "shop/cart"),
            tag_role("app", KEY, Some("shop/cart"), "shop/cart shop/till"),
        );
        let words = |value: &str| {
            format!("iam|tag-role|--role-name|app|--tags|[{{\"Key\":\"{KEY}\",\"Value\":\"{value}\"}}]|")
        };
        assert_eq!(pasted(&first, "None"), (true, words("shop/cart")));
        assert_eq!(pasted(&more, "shop/cart"), (true, words("shop/cart shop/till")));
        for (command, has) in [
            (&first, "other/app"),
            (&more, "None"),
            (&more, "shop/cart a/b"),
            (&more, ""),
            // A role that cannot be read, where `--existing` was given empty.
            (&tag_role("app", KEY, Some(""), "shop/cart"), ""),
        ] {
            assert_eq!(pasted(command, has), (false, String::new()), "{has}");
        }
    }

    #[test]
    fn no_name_leaves_its_place() {
        let hostile = "-x'$(reboot)\"";
        let command = tag_role(hostile, KEY, Some("a'b"), "c'd\"");
        let (done, written) = pasted(&command, "a'b");
        assert!(done);
        assert_eq!(
            written,
            format!(
                "iam|tag-role|--role-name={hostile}|--tags|[{{\"Key\":\"{KEY}\",\"Value\":\"c'd\\\"\"}}]|"
            )
        );
    }

    #[test]
    fn terraform_has_the_same_tag() {
        let text = terraform("app", KEY, "shop/cart shop/till");
        let read: serde_json::Value = hcl::eval::from_str(&text, &hcl::eval::Context::new()).unwrap();
        assert_eq!(read["tags"][KEY], "shop/cart shop/till");
    }
}
