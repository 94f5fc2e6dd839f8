//! What people paste in place of manifests and outputs, recognised by how it begins, and what to give instead.

/// What to give instead of a text that is made for people to read; `None` for one that may be a document.
pub(crate) fn instead(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    let starts_a_line = |word: &str| text.lines().any(|line| line.starts_with(word));
    if first.starts_with("An error occurred (") || first.starts_with("Unable to locate credentials") {
        Some(
            "is the error of an AWS CLI command that failed: run the command again with credentials that may call it",
        )
    } else if first.starts_with("Error from server")
        || first.starts_with("error: You must be logged in")
        || first.starts_with("error: the server doesn't have a resource type")
        || first.starts_with("Unable to connect to the server")
    {
        Some("is the error of a kubectl command that failed: run the command again")
    } else if first.starts_with("Name:")
        && ["Namespace:", "Labels:", "Annotations:"]
            .into_iter()
            .any(starts_a_line)
    {
        Some(
            "is the output of `kubectl describe`, which is for people to read: give that of `kubectl get … -o yaml`",
        )
    } else if is_table_of_kubectl(first) {
        Some("is a table that kubectl printed: give the output of the same command with `-o yaml`")
    } else if first.len() > 3 && first.bytes().all(|byte| byte == b'-') && starts_a_line("|") {
        Some("is a table that the AWS CLI printed: give the output of the same command with `--output json`")
    } else if is_text_of_aws(first) {
        Some("is text that the AWS CLI printed: give the output of the same command with `--output json`")
    } else {
        None
    }
}

/// Columns in capital letters, as `NAME   SECRETS   AGE`.
fn is_table_of_kubectl(first: &str) -> bool {
    let mut columns = first.split_whitespace();
    let is_name = matches!(columns.next(), Some("NAME" | "NAMESPACE"));
    let is_column = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || "-()/".contains(c));
    is_name && columns.clone().next().is_some() && columns.all(is_column)
}

/// Values between tabs behind the name of a list, as `ROLE\tarn:aws:iam::…`.
fn is_text_of_aws(first: &str) -> bool {
    let Some((name, rest)) = first.split_once('\t') else {
        return false;
    };
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase()) && rest.contains("arn:aws")
}

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
            (
                "Error from server (NotFound): serviceaccounts \"cart\" not found\n",
                "kubectl command that failed",
            ),
        ] {
            assert!(
                instead(text).is_some_and(|said| said.contains(expected)),
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
        ] {
            assert_eq!(instead(text), None, "{text}");
        }
    }
}
