//! In which account a resource is. A plan does not say it: the ARNs of what exists do, and what the configuration of its provider allows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::plan::{Plan, Resource};

/// A partition of AWS, and an account in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Home {
    /// Such as `aws`.
    pub(crate) partition: String,
    /// Twelve digits.
    pub(crate) account: String,
}

/// The accounts of a plan.
#[derive(Debug)]
pub(super) struct Homes {
    /// By the configuration of the provider.
    by_provider: BTreeMap<String, BTreeSet<Home>>,
    /// All configurations of the AWS provider have the same credentials, so that all resources are in one account.
    is_one_account: bool,
    /// The account of resources of which the plan does not tell it.
    otherwise: Option<Home>,
}

/// The attributes in which resources of AWS have ARNs of their own account.
const ARNS: [&str; 2] = ["arn", "association_arn"];

/// Resources whose ARN is one of their own account: what others have in `arn` may be an argument.
const WITH_ARN: [&str; 6] = [
    "aws_iam_role",
    "aws_iam_policy",
    "aws_iam_openid_connect_provider",
    "aws_eks_cluster",
    "aws_eks_pod_identity_association",
    "aws_iam_instance_profile",
];

impl Homes {
    /// Finds the accounts; `otherwise` is the one that the command line, or the other files, name.
    pub(super) fn of(plan: &Plan, otherwise: Option<Home>) -> Self {
        let mut by_provider: BTreeMap<String, BTreeSet<Home>> = BTreeMap::new();
        for resource in &plan.resources {
            let homes = by_provider.entry(provider_of(plan, resource)).or_default();
            homes.extend(own(resource));
        }
        let configured = &plan.configuration.provider_config;
        for (key, provider) in configured.iter().filter(|(_, provider)| provider.name == "aws") {
            let homes = by_provider.entry(key.clone()).or_default();
            homes.extend(assumed(&provider.expressions));
        }
        let aws = configured.values().filter(|provider| provider.name == "aws");
        let credentials: BTreeSet<String> = aws.map(|provider| credentials(&provider.expressions)).collect();
        Self {
            by_provider,
            is_one_account: credentials.len() <= 1,
            otherwise,
        }
    }

    /// The account of a resource; absent where it is not known, or more than one comes into question.
    pub(super) fn home(&self, plan: &Plan, resource: &Resource) -> Option<Home> {
        if let Some(own) = own(resource) {
            return Some(own);
        }
        let known: BTreeSet<&Home> = if self.is_one_account {
            self.by_provider.values().flatten().collect()
        } else {
            let of_provider = self.by_provider.get(&provider_of(plan, resource));
            of_provider.into_iter().flatten().collect()
        };
        let mut known = known.into_iter();
        match (known.next(), known.next()) {
            (Some(home), None) => Some(home.clone()),
            (None, _) if self.is_one_account => self.otherwise.clone(),
            _ => None,
        }
    }
}

/// The configuration of the provider of a resource.
fn provider_of(plan: &Plan, resource: &Resource) -> String {
    let configured = plan.configuration.resource(&resource.module, &resource.local);
    configured.map_or_else(String::new, |configured| configured.provider_config_key.clone())
}

/// What a resource itself says of its account.
fn own(resource: &Resource) -> Option<Home> {
    let is_caller = resource.is_data && resource.kind == "aws_caller_identity";
    if !is_caller && !WITH_ARN.contains(&resource.kind.as_str()) {
        return None;
    }
    // One that is created anew stays in its account.
    let all = [&resource.after, &resource.before];
    all.into_iter().flatten().find_map(|attributes| {
        let mut arns = ARNS
            .into_iter()
            .filter_map(|name| attributes.text(&[name]).known());
        arns.find_map(Home::of_arn)
    })
}

/// What of the configuration of a provider decides about the account: the rest is the region, tags and the like.
fn credentials(expressions: &Value) -> String {
    const ARGUMENTS: [&str; 9] = [
        "access_key",
        "allowed_account_ids",
        "assume_role",
        "assume_role_with_web_identity",
        "profile",
        "secret_key",
        "shared_config_files",
        "shared_credentials_files",
        "token",
    ];
    let all = ARGUMENTS.map(|name| expressions.get(name).map(Value::to_string).unwrap_or_default());
    all.join("\n")
}

/// What the configuration of a provider says: the role that it assumes.
fn assumed(expressions: &Value) -> Option<Home> {
    let role = expressions.pointer("/assume_role/0/role_arn/constant_value")?;
    Home::of_arn(role.as_str()?)
}

impl Home {
    /// The account in an ARN.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let is_arn = parts.next() == Some("arn");
        let partition = parts.next()?;
        let account = parts.nth(2)?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (is_arn && is_account).then(|| Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
        })
    }

    /// The ARN of something of IAM in it, such as `role/cart`.
    pub(crate) fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }
}
