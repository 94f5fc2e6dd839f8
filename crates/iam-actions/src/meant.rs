//! Which action was meant by a name that is none.

use strsim::damerau_levenshtein;

use crate::list::{CatalogueAction, find, of_service, services};

/// API operations whose action has another name, as AWS's documentation says it of each. The first three lists are from:
///
/// - Amazon S3 User Guide, "Required permissions for Amazon S3 API operations"
/// - AWS Lambda Developer Guide, "Identity-based policies"; Amazon SQS Developer Guide, "Amazon SQS API permissions: Actions
///   and resource reference"; Amazon SNS Developer Guide, "Publishing batches"; Amazon `DynamoDB` Developer Guide,
///   "IAM policies for transactions" and "`PartiQL`"; Amazon ECR User Guide, "Private registry authentication"
/// - AWS KMS Developer Guide, "AWS KMS permissions"
const OPERATIONS: &[(&str, &str)] = &[
    ("s3:listobjects", "s3:ListBucket"),
    ("s3:listobjectsv2", "s3:ListBucket"),
    ("s3:headbucket", "s3:ListBucket"),
    ("s3:listobjectversions", "s3:ListBucketVersions"),
    ("s3:listmultipartuploads", "s3:ListBucketMultipartUploads"),
    ("s3:listparts", "s3:ListMultipartUploadParts"),
    ("s3:listbuckets", "s3:ListAllMyBuckets"),
    ("s3:listdirectorybuckets", "s3express:ListAllMyDirectoryBuckets"),
    ("s3:headobject", "s3:GetObject"),
    ("s3:selectobjectcontent", "s3:GetObject"),
    ("s3:copyobject", "s3:PutObject"),
    ("s3:postobject", "s3:PutObject"),
    ("s3:createmultipartupload", "s3:PutObject"),
    ("s3:uploadpart", "s3:PutObject"),
    ("s3:uploadpartcopy", "s3:PutObject"),
    ("s3:completemultipartupload", "s3:PutObject"),
    ("s3:deleteobjects", "s3:DeleteObject"),
    ("s3:getbucketlifecycle", "s3:GetLifecycleConfiguration"),
    (
        "s3:getbucketlifecycleconfiguration",
        "s3:GetLifecycleConfiguration",
    ),
    ("s3:putbucketlifecycle", "s3:PutLifecycleConfiguration"),
    (
        "s3:putbucketlifecycleconfiguration",
        "s3:PutLifecycleConfiguration",
    ),
    ("s3:deletebucketlifecycle", "s3:PutLifecycleConfiguration"),
    ("s3:getbucketencryption", "s3:GetEncryptionConfiguration"),
    ("s3:putbucketencryption", "s3:PutEncryptionConfiguration"),
    ("s3:deletebucketencryption", "s3:PutEncryptionConfiguration"),
    ("s3:getbucketreplication", "s3:GetReplicationConfiguration"),
    ("s3:putbucketreplication", "s3:PutReplicationConfiguration"),
    ("s3:deletebucketreplication", "s3:PutReplicationConfiguration"),
    ("s3:deletebucketcors", "s3:PutBucketCORS"),
    ("s3:deletebuckettagging", "s3:PutBucketTagging"),
    (
        "s3:getbucketnotificationconfiguration",
        "s3:GetBucketNotification",
    ),
    (
        "s3:putbucketnotificationconfiguration",
        "s3:PutBucketNotification",
    ),
    (
        "s3:getbucketaccelerateconfiguration",
        "s3:GetAccelerateConfiguration",
    ),
    (
        "s3:putbucketaccelerateconfiguration",
        "s3:PutAccelerateConfiguration",
    ),
    (
        "s3:getbucketanalyticsconfiguration",
        "s3:GetAnalyticsConfiguration",
    ),
    (
        "s3:putbucketanalyticsconfiguration",
        "s3:PutAnalyticsConfiguration",
    ),
    (
        "s3:getbucketinventoryconfiguration",
        "s3:GetInventoryConfiguration",
    ),
    (
        "s3:putbucketinventoryconfiguration",
        "s3:PutInventoryConfiguration",
    ),
    ("s3:getbucketmetricsconfiguration", "s3:GetMetricsConfiguration"),
    ("s3:putbucketmetricsconfiguration", "s3:PutMetricsConfiguration"),
    (
        "s3:getobjectlockconfiguration",
        "s3:GetBucketObjectLockConfiguration",
    ),
    (
        "s3:putobjectlockconfiguration",
        "s3:PutBucketObjectLockConfiguration",
    ),
    ("s3:getpublicaccessblock", "s3:GetBucketPublicAccessBlock"),
    ("s3:putpublicaccessblock", "s3:PutBucketPublicAccessBlock"),
    ("s3:deletepublicaccessblock", "s3:PutBucketPublicAccessBlock"),
    ("lambda:invoke", "lambda:InvokeFunction"),
    ("lambda:invokewithresponsestream", "lambda:InvokeFunction"),
    ("sqs:sendmessagebatch", "sqs:SendMessage"),
    ("sqs:deletemessagebatch", "sqs:DeleteMessage"),
    ("sqs:changemessagevisibilitybatch", "sqs:ChangeMessageVisibility"),
    ("sns:publishbatch", "sns:Publish"),
    ("dynamodb:transactgetitems", "dynamodb:GetItem"),
    ("dynamodb:transactwriteitems", "dynamodb:PutItem"),
    ("dynamodb:executestatement", "dynamodb:PartiQLSelect"),
    ("dynamodb:batchexecutestatement", "dynamodb:PartiQLSelect"),
    ("dynamodb:executetransaction", "dynamodb:PartiQLSelect"),
    ("ecr:getlogin", "ecr:GetAuthorizationToken"),
    ("ecr:getloginpassword", "ecr:GetAuthorizationToken"),
    ("kms:reencrypt", "kms:ReEncryptFrom"),
];

/// Names of services, of their endpoints and of their commands in the AWS CLI, whose actions have another prefix (Service
/// Authorization Reference, the page of each service).
const SERVICES: &[(&str, &str)] = &[
    ("alb", "elasticloadbalancing"),
    ("amp", "aps"),
    ("apigatewayv2", "apigateway"),
    ("cloudwatch-events", "events"),
    ("cloudwatch-logs", "logs"),
    ("cloudwatchevents", "events"),
    ("cloudwatchlogs", "logs"),
    ("cognito", "cognito-idp"),
    ("ddb", "dynamodb"),
    ("docdb", "rds"),
    ("dynamo", "dynamodb"),
    ("efs", "elasticfilesystem"),
    ("elasticache-serverless", "elasticache"),
    ("elasticloadbalancingv2", "elasticloadbalancing"),
    ("elasticsearch", "es"),
    ("elb", "elasticloadbalancing"),
    ("elbv2", "elasticloadbalancing"),
    ("emr", "elasticmapreduce"),
    ("eventbridge", "events"),
    ("kinesisfirehose", "firehose"),
    ("msk", "kafka"),
    ("neptune", "rds"),
    ("nlb", "elasticloadbalancing"),
    ("opensearchservice", "es"),
    ("parameterstore", "ssm"),
    ("prometheus", "aps"),
    ("r53", "route53"),
    ("s3api", "s3"),
    ("secretmanager", "secretsmanager"),
    ("secrets-manager", "secretsmanager"),
    ("sesv2", "ses"),
    ("sfn", "states"),
    ("step-functions", "states"),
    ("stepfunctions", "states"),
    ("systems-manager", "ssm"),
];

/// The action that was probably meant by one that the list does not have: by its operation, else the nearest name. `None` where
/// nothing is near.
#[must_use]
pub fn meant(action: &str) -> Option<CatalogueAction> {
    let lower = action.to_ascii_lowercase();
    let (service, name) = lower.split_once(':')?;
    let operation = |service: &str| {
        let key = format!("{service}:{name}");
        let known = OPERATIONS.iter().find(|(operation, _)| *operation == key);
        known.and_then(|(_, action)| find(action)).or_else(|| find(&key))
    };
    let other = SERVICES.iter().find(|(alias, _)| *alias == service);
    let service = match other {
        Some((_, other)) => other,
        None if of_service(service).next().is_some() => service,
        None => nearest_service(service, name)?,
    };
    operation(service).or_else(|| nearest_name(service, name))
}

/// The service whose name is nearest; of several one that has such an action.
fn nearest_service(service: &str, name: &str) -> Option<&'static str> {
    let near = services().filter_map(|other| {
        let distance = damerau_levenshtein(service, other);
        (distance <= allowance(service)).then_some((distance, other))
    });
    let has_it = |other: &str| find(&format!("{other}:{name}")).is_some();
    near.min_by_key(|(distance, other)| (!has_it(other), *distance))
        .map(|(_, other)| other)
}

fn nearest_name(service: &str, name: &str) -> Option<CatalogueAction> {
    if name.contains(['*', '?']) {
        return None;
    }
    let near = of_service(service).filter_map(|action| {
        let distance = damerau_levenshtein(name, &action.own_name().to_ascii_lowercase());
        (distance <= allowance(name)).then_some((distance, action))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, action)| action)
}

/// How many letters a misspelling may differ by: a longer word has room for more.
fn allowance(word: &str) -> usize {
    (word.len() / 4).clamp(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_its_action() {
        for (action, expected) in [
            ("s3:ListObjectsV2", Some("s3:ListBucket")),
            ("S3:listobjects", Some("s3:ListBucket")),
            ("s3:HeadObject", Some("s3:GetObject")),
            ("s3:HeadBucket", Some("s3:ListBucket")),
            ("s3:ListBuckets", Some("s3:ListAllMyBuckets")),
            ("s3:CopyObject", Some("s3:PutObject")),
            ("s3:DeleteObjects", Some("s3:DeleteObject")),
            ("lambda:Invoke", Some("lambda:InvokeFunction")),
            ("dynamodb:TransactWriteItems", Some("dynamodb:PutItem")),
            // Misspelt.
            ("s3:GetObjects", Some("s3:GetObject")),
            ("s3:GteObject", Some("s3:GetObject")),
            ("sqs:RecieveMessage", Some("sqs:ReceiveMessage")),
            (
                "secretsmanager:GetSecretValues",
                Some("secretsmanager:GetSecretValue"),
            ),
            // Another service.
            (
                "elb:DescribeLoadBalancers",
                Some("elasticloadbalancing:DescribeLoadBalancers"),
            ),
            ("cloudwatch-logs:PutLogEvents", Some("logs:PutLogEvents")),
            (
                "secretsmanger:GetSecretValue",
                Some("secretsmanager:GetSecretValue"),
            ),
            ("s3api:ListObjectsV2", Some("s3:ListBucket")),
            ("sfn:StartExecution", Some("states:StartExecution")),
            // Nothing is near.
            ("s3:DoEverything", None),
            ("nosuchservice:GetObject", None),
            ("GetObject", None),
            ("", None),
        ] {
            assert_eq!(meant(action).map(|action| action.name), expected, "{action}");
        }
    }

    #[test]
    fn the_tables_name_what_there_is_for_what_there_is_not() {
        for (operation, action) in OPERATIONS {
            assert!(find(operation).is_none(), "{operation} is an action itself");
            assert!(
                find(action).is_some_and(|found| found.name == *action),
                "{action}"
            );
            assert_eq!(*operation, operation.to_ascii_lowercase());
        }
        for (alias, service) in SERVICES {
            assert!(of_service(alias).next().is_none(), "{alias} is a service itself");
            assert!(of_service(service).next().is_some(), "{service}");
        }
    }
}
