//! What people paste in place of manifests and outputs, recognised by how it begins, and what to give instead.

use crate::leftover::{LeftoverKind, Reason};

/// The beginnings of what the AWS CLI prints where a command fails; the second also on a line of its own behind an empty one.
const AWS_ERRORS: [&str; 8] = [
    "An error occurred (",
    "Unable to locate credentials",
    "Unable to parse config file",
    "Error loading SSO Token",
    "Error when retrieving token from sso",
    "Could not connect to the endpoint URL",
    "The config profile (",
    "The SSO session associated with this profile has expired",
];

/// The same of kubectl.
const KUBECTL_ERRORS: [&str; 8] = [
    "Error from server",
    "Unable to connect to the server",
    "The connection to the server ",
    "error: You must be logged in",
    "error: the server doesn't have a resource type",
    "error: no configuration has been provided",
    "No resources found",
    "E0",
];

/// What to give instead of a text that is made for people to read; `None` for one that may be a document.
pub(crate) fn instead(text: &str) -> Option<(LeftoverKind, Reason)> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    let starts_a_line = |word: &str| text.lines().any(|line| line.starts_with(word));
    let begins_with = |all: &[&str]| all.iter().any(|begin| first.starts_with(begin));
    // klog writes `E0102 15:04:05.000000 …`.
    let is_log = || {
        first
            .as_bytes()
            .get(2..5)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    };
    let (kind, what, help) = if begins_with(&AWS_ERRORS) || first.starts_with("usage: aws ") {
        (
            LeftoverKind::SpoiledOutput,
            "is the error of an AWS CLI command that failed",
            "run the command again with credentials that may call it",
        )
    } else if begins_with(&KUBECTL_ERRORS) && (!first.starts_with("E0") || is_log()) {
        (
            LeftoverKind::Unreadable,
            "is the error of a kubectl command that failed",
            "run the command again",
        )
    } else if first.starts_with("Name:")
        && ["Namespace:", "Labels:", "Annotations:"]
            .into_iter()
            .any(starts_a_line)
    {
        (
            LeftoverKind::Unreadable,
            "is the output of `kubectl describe`, which is for people to read",
            "give that of `kubectl get … -o yaml`",
        )
    } else if is_table_of_kubectl(first) {
        (
            LeftoverKind::Unreadable,
            "is a table that kubectl printed",
            "give the output of the same command with `-o yaml`",
        )
    } else if is_table_of_aws(first) && starts_a_line("|") {
        (
            LeftoverKind::SpoiledOutput,
            "is a table that the AWS CLI printed",
            "give the output of the same command with `--output json`",
        )
    } else if is_text_of_aws(first) {
        (
            LeftoverKind::SpoiledOutput,
            "is text that the AWS CLI printed",
            "give the output of the same command with `--output json`",
        )
    } else {
        return None;
    };
    Some((kind, Reason::new(what, help)))
}

/// A line of the frame of a table, which has a `+` where columns meet.
fn is_table_of_aws(first: &str) -> bool {
    first.len() > 3 && first.bytes().all(|byte| byte == b'-' || byte == b'+')
}

/// Columns in capital letters, as `NAME   SECRETS   AGE`.
fn is_table_of_kubectl(first: &str) -> bool {
    let mut columns = first.split_whitespace();
    let is_name = matches!(columns.next(), Some("NAME" | "NAMESPACE"));
    let is_column = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || "-()/".contains(c));
    is_name && columns.clone().next().is_some() && columns.all(is_column)
}

/// Values between tabs, most behind the name of a list: `ROLE\tarn:aws:iam::…`, or `False` for `IsTruncated`.
fn is_text_of_aws(first: &str) -> bool {
    let Some((name, rest)) = first.split_once('\t') else {
        return false;
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_name || name.starts_with("arn:aws") || ["True", "False", "None"].contains(&name))
        && (rest.contains("arn:aws") || name.starts_with("arn:aws"))
        || (is_name && rest.split('\t').count() > 1 && AWS_LISTS.contains(&name))
}

/// Lists of which the first line of a text may hold no ARN.
const AWS_LISTS: [&str; 6] = [
    "ROLEDETAILLIST",
    "USERDETAILLIST",
    "CLUSTER",
    "SUMMARYMAP",
    "ROLES",
    "ASSOCIATIONS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pasted_is_told_with_what_to_give_instead() {
        for (text, expected) in [
            (
                "Name:                cart\nNamespace:           shop\nLabels:              <none>\n",
                "`kubectl get … -o yaml`",
            ),
            ("NAME   SECRETS   AGE\ncart   0         5d\n", "`-o yaml`"),
            ("NAMESPACE   NAME   READY   UP-TO-DATE\n", "`-o yaml`"),
            ("-------------\n|  GetRole  |\n", "`--output json`"),
            (
                "ROLE\tarn:aws:iam::111122223333:role/cart\t2026\n",
                "`--output json`",
            ),
            (
                "\nAn error occurred (AccessDenied) when calling the GetRole operation: User: x\n",
                "command that failed",
            ),
            ("----+----\n|  A|  B|\n", "`--output json`"),
            ("CLUSTER\t2026-01-01\tshop\n", "`--output json`"),
            ("False\tarn:aws:iam::111122223333:role/x\n", "`--output json`"),
            (
                "E0102 15:04:05.000000    1234 memcache.go:265] couldn't get current server API group list\n",
                "kubectl command that failed",
            ),
            (
                "The connection to the server localhost:8080 was refused\n",
                "kubectl command that failed",
            ),
            (
                "Error from server (NotFound): serviceaccounts \"cart\" not found\n",
                "kubectl command that failed",
            ),
        ] {
            assert!(
                instead(text).is_some_and(|(_, said)| said.to_string().contains(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_document_is_not_a_paste() {
        for text in [
            "",
            "---\nname: x\n",
            "----\n",
            "{\"Name:\": 1}",
            "apiVersion: v1\nkind: ServiceAccount\n",
            "Name: x\n",
            "NAME: x\n",
            "# NAME AGE\n",
            "E0: 1\n",
            "----\n- a\n",
        ] {
            assert_eq!(instead(text), None, "{text}");
        }
    }
}
