//! What AWS refused: an action, and on what.

use super::run;
use crate::pasted::Pasted;

/// The longest resource that is taken: an ARN has at most 2,048 characters.
const MAX_RESOURCE: usize = 2048;

/// Calls whose IAM action has a different name (Service Authorization Reference, Amazon S3).
const OTHER_ACTIONS: [(&str, &str); 5] = [
    ("s3:ListObjects", "s3:ListBucket"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:ListBuckets", "s3:ListAllMyBuckets"),
];

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRequest {
    /// The action, in the spelling of AWS's list.
    pub action: String,
    /// The ARN, or `*`; absent where the text does not say it.
    pub resource: Option<String>,
}

impl AwsRequest {
    /// Whether it is how images are pulled from ECR.
    #[must_use]
    pub fn is_pull(&self) -> bool {
        self.action.starts_with("ecr:")
    }

    /// Whether it is how a pod gets its credentials, which no policy of the role decides.
    #[must_use]
    pub fn is_web_identity(&self) -> bool {
        self.action == "sts:AssumeRoleWithWebIdentity"
    }
}

/// `… is not authorized to perform: s3:GetObject on resource: "arn:…"`, and what a policy is said to allow.
pub(super) fn requests(pasted: &Pasted) -> impl Iterator<Item = AwsRequest> + '_ {
    ["authorized to perform: ", "authorized to perform "]
        .into_iter()
        .flat_map(|words| pasted.behind(words))
        .filter_map(|at| request(pasted.from(at)))
}

fn request(text: &str) -> Option<AwsRequest> {
    let text = text.trim_start_matches(['"', '\'', '`', '[']);
    let word = run(text, |c| c.is_ascii_alphanumeric() || c == ':' || c == '-');
    let action = action(word)?;
    let rest = text.get(word.len()..)?.trim_start_matches(['"', '\'', '`', ']']);
    let resource = rest
        .strip_prefix(" on resource: ")
        .or_else(|| rest.strip_prefix(" on resource "))
        .and_then(resource);
    Some(AwsRequest { action, resource })
}

/// The action that was meant: CloudTrail writes calls, some of which carry the version of the API.
fn action(word: &str) -> Option<String> {
    let other = OTHER_ACTIONS.iter().find(|(call, _)| *call == word);
    let word = other.map_or(word, |(_, action)| action);
    let word = if iam_actions::find(word).is_some() {
        word
    } else {
        word.trim_end_matches(|c: char| c.is_ascii_digit())
    };
    iam_actions::find(word).map(|_| word.to_owned())
}

/// An ARN. One with other characters than those of nearly every resource is left out rather than cut: it would be a different resource.
fn resource(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['"', '\'', '`', '*', ' ']);
    let arn = run(text, |c| c.is_ascii_alphanumeric() || "-_./:*?+=,@%".contains(c));
    let ends = text
        .get(arn.len()..)?
        .starts_with(|c: char| c.is_whitespace() || "\"'`)]}<;".contains(c));
    let arn = arn.trim_end_matches(['.', ',']);
    let is_whole = ends || arn.len() == text.len();
    (is_whole && arn.starts_with("arn:") && arn.len() <= MAX_RESOURCE).then(|| arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_those_of_the_list() {
        assert_eq!(action("s3:GetObject").as_deref(), Some("s3:GetObject"));
        assert_eq!(action("s3:HeadObject").as_deref(), Some("s3:GetObject"));
        assert_eq!(
            action("lambda:CreateFunction20150331").as_deref(),
            Some("lambda:CreateFunction")
        );
        assert_eq!(action("x:$(id)"), None);
        assert_eq!(action("https"), None);
    }
}
