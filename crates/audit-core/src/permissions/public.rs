//! Managed policies of AWS whose documents are public, for outputs that name a policy and lack its document.

/// [`AdministratorAccess`](https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AdministratorAccess.html), which is the same
/// in every partition and has not changed since its first version.
const ADMINISTRATOR: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// The document of a managed policy of AWS, where it is certain without having been read.
#[must_use]
pub fn document(arn: &str) -> Option<&'static str> {
    let (_, own) = arn.strip_prefix("arn:")?.split_once(':')?;
    (own == "iam::aws:policy/AdministratorAccess").then_some(ADMINISTRATOR)
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn only_the_policy_of_aws_is_known() {
        for arn in [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws-cn:iam::aws:policy/AdministratorAccess",
        ] {
            assert!(document(arn).is_some(), "{arn}");
        }
        for arn in [
            "arn:aws:iam::111122223333:policy/AdministratorAccess",
            "arn:aws:iam::aws:policy/AdministratorAccess-Amplify",
            "arn:aws:iam::aws:policy/job-function/AdministratorAccess",
            "AdministratorAccess",
        ] {
            assert_eq!(document(arn), None, "{arn}");
        }
    }
}
