//! `AccessDenied` in AWS's words.

use crate::error::ServiceError;
use crate::incoming::Incoming;
use crate::keyring::Principal;
use crate::service::Service;
use crate::tables::Provider;

/// Whether a policy can deny an operation: `GetCallerIdentity` needs no permission and heeds no deny (STS API
/// reference).
pub(crate) fn is_deniable(operation: &str) -> bool {
    operation != "GetCallerIdentity"
}

/// The action that a request needs, as `iam:GetRole`.
pub(crate) fn action(incoming: &Incoming) -> String {
    let prefix = match incoming.service {
        Service::Iam => "iam",
        Service::Sts => "sts",
        Service::Eks => "eks",
        Service::Other => "",
    };
    format!("{prefix}:{}", incoming.operation)
}

/// The error for a caller whom no policy allows what it asks; `None` stands for a caller who is not known.
pub(crate) fn error(incoming: &Incoming, caller: Option<&Principal>) -> ServiceError {
    let action = action(incoming);
    let (arn, account) = caller.map_or(("anonymous", ""), |caller| (&*caller.arn, &*caller.account));
    let resource = resource(incoming, account);
    let refusal = format!("User: {arn} is not authorized to perform: {action} on resource: {resource}");
    let message = match incoming.service {
        // STS gives no reason: it would tell a stranger about the role's trust.
        Service::Sts => refusal,
        _ => format!("{refusal} because no identity-based policy allows the {action} action"),
    };
    ServiceError::access_denied(incoming.service, message)
}

/// What the request is about, in the form that the service's messages use: IAM names roles and policies by kind
/// and name rather than by ARN.
fn resource(incoming: &Incoming, account: &str) -> String {
    let parameter = |name| incoming.parameters.get(name);
    if let Some(role) = parameter("RoleName") {
        return format!("role {role}");
    }
    if let Some(policy) = parameter("PolicyArn").or_else(|| parameter("PolicyName")) {
        return format!("policy {policy}");
    }
    if let Some(arn) = parameter("OpenIDConnectProviderArn").or_else(|| parameter("RoleArn")) {
        return arn.to_owned();
    }
    if let Some(url) = parameter("Url") {
        return Provider::arn(account, url);
    }
    match (&*incoming.operation, parameter("name")) {
        ("ListRoles", _) => format!("arn:aws:iam::{account}:role/"),
        ("ListOpenIDConnectProviders", _) => format!("arn:aws:iam::{account}:oidc-provider/*"),
        ("DescribeCluster", Some(name)) => {
            format!("arn:aws:eks:{}:{account}:cluster/{name}", incoming.region())
        }
        _ => "*".to_owned(),
    }
}
