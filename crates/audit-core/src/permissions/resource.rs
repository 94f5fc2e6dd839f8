//! What AWS checks an action on, where that is not the resource that was named.
//!
//! Sources:
//! - Service Authorization Reference, the column "Resource types": an action without any is checked on `*`
//! - Amazon S3 User Guide, "Required permissions for Amazon S3 API operations": actions on buckets take the ARN of a bucket, actions on
//!   objects that of an object
//! - AWS KMS Developer Guide, "Specifying KMS keys in IAM policy statements": an alias is no resource of actions on keys

use iam_actions::{CatalogueAction, Resources};
use iam_policy::is_pattern;

use super::doubt::Doubt;
use crate::text::quote;

/// What is asked for where an action has no resource of its own.
pub(super) const NO_RESOURCE: &str = "*";

/// Whether AWS's list says of an action that it has no resource of its own.
#[must_use]
pub fn has_none(action: &str) -> bool {
    iam_actions::find(action).is_some_and(|action| action.resources == Resources::None)
}

/// Whether a question on `*` is about an action that has resources, or may be, so that it asks for every one of them.
#[must_use]
pub fn is_for_every_resource(action: &str, resource: &str) -> bool {
    let takes_one = |action: CatalogueAction| action.resources == Resources::Named;
    resource == NO_RESOURCE && (is_pattern(action) || iam_actions::find(action).is_some_and(takes_one))
}

/// Why no request for an action has this resource, so that what policies say of the two decides nothing.
#[must_use]
pub fn mismatch(action: &str, resource: &str) -> Option<Doubt<'static>> {
    let listed = iam_actions::find(action)?.name;
    let (service, name) = listed.split_once(':')?;
    let (arn, own) = resource.rsplit_once(':')?;
    let parts: Vec<&str> = arn.split(':').collect();
    let doubt = |is: &str, remedy: String| {
        Some(Doubt::Resource {
            why: format!(
                "no request for `{listed}` has the resource `{}`: {is}",
                quote(resource)
            ),
            remedy,
        })
    };
    match (service, parts.as_slice()) {
        ("s3", ["arn", _, "s3", "", ""]) => match (is_on_bucket(name), is_on_object(name), own.split_once('/')) {
            (true, _, Some((bucket, _))) => doubt(
                "AWS checks this action on the bucket, never on the objects in it",
                format!("name the bucket, `{}:{}`", quote(arn), quote(bucket)),
            ),
            (_, true, None) if !is_pattern(own) => doubt(
                "it is a bucket, and AWS checks this action on its objects",
                format!("name the objects, such as `{}:{}/*`", quote(arn), quote(own)),
            ),
            _ => None,
        },
        ("kms", ["arn", _, "kms", ..]) if own.starts_with("alias/") && !name.ends_with("Alias") => doubt(
            "it is an alias, and AWS KMS checks this action on the key",
            "name the key by its ARN, `arn:…:key/…`, also in policies: `aws kms describe-key --key-id alias/NAME` prints it".to_owned(),
        ),
        _ => None,
    }
}

/// Whether an action of S3 is on a bucket. Those for access points name other ARNs, and are left aside.
fn is_on_bucket(name: &str) -> bool {
    name.contains("Bucket") && !name.starts_with("Object")
}

/// Whether an action of S3 is on objects.
fn is_on_object(name: &str) -> bool {
    name.contains("Object") && !name.contains("Bucket") && !name.contains("ObjectLambda")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_no_request_has_decides_nothing() {
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let alias = "arn:aws:kms:eu-west-1:111122223333:alias/cart";
        for (action, resource, expected) in [
            ("s3:ListBucket", "arn:aws:s3:::carts/*", true),
            ("S3:listbucket", "arn:aws:s3:::carts/x", true),
            ("s3:ListBucket", "arn:aws:s3:::carts", false),
            ("s3:ListBucket", "arn:aws:s3:::*", false),
            (
                "s3:ListBucket",
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/carts",
                false,
            ),
            ("s3:GetObject", "arn:aws:s3:::carts", true),
            ("s3:GetObject", "arn:aws:s3:::carts/*", false),
            ("s3:GetObject", "arn:aws:s3:::carts*", false),
            ("s3:GetObject", "*", false),
            (
                "s3:ObjectOwnerOverrideToBucketOwner",
                "arn:aws:s3:::carts/x",
                false,
            ),
            ("kms:Decrypt", alias, true),
            ("kms:Decrypt", key, false),
            ("kms:CreateAlias", alias, false),
            (
                "sqs:SendMessage",
                "arn:aws:sqs:eu-west-1:111122223333:carts",
                false,
            ),
        ] {
            assert_eq!(
                mismatch(action, resource).is_some(),
                expected,
                "{action} {resource}"
            );
        }
    }

    #[test]
    fn what_takes_a_resource_is_for_every_one_on_a_star() {
        for (action, resource, expected) in [
            ("s3:PutObject", "*", true),
            ("s3:Put*", "*", true),
            ("s3:PutObject", "arn:aws:s3:::carts/*", false),
            ("s3:ListAllMyBuckets", "*", false),
            ("ec2:DescribeInstances", "*", false),
        ] {
            assert_eq!(is_for_every_resource(action, resource), expected, "{action}");
        }
        assert!(has_none("ec2:describeinstances") && !has_none("s3:PutObject") && !has_none("new:Action"));
    }
}
