//! Roles that are not there, not there under that name, or not to be seen.

use super::{APP, Fix, Scenario, exactly, trusting};
use crate::aws::{self, Role};

pub(super) fn all() -> Vec<Scenario> {
    let gone = Scenario::annotated(
        "role-gone",
        "worked until Terraform renamed the role",
        &aws::arn(aws::HOME, "/", "role-gone"),
    );
    let path = Role {
        path: "/teams/",
        ..trusting("role-path", &exactly("role-path", APP))
    };
    let mut without_path = Scenario::annotated(
        "role-path",
        "the role exists and trusts us, and still AccessDenied",
        &aws::arn(aws::HOME, "/", "role-path"),
    );
    without_path.objects.truncate(1);
    without_path.roles.push(path);
    let foreign = Scenario::annotated(
        "foreign-account",
        "the role is in the account of another team",
        &aws::arn(aws::FOREIGN, "/", "foreign-account"),
    );
    vec![
        gone.broken("IRSA201", "RoleNotFound"),
        without_path
            .broken("IRSA220", "RoleArnMismatch")
            .fixed_by(Fix::KUBECTL),
        foreign.unknown("IRSA903", "AccountUnreachable"),
        near_quota(),
    ]
}

fn near_quota() -> Scenario {
    let namespace = "near-quota";
    let mut role = trusting(namespace, &exactly(namespace, APP));
    // Filled up, where others list many clusters and ServiceAccounts.
    let filler = format!("{{\"Id\":\"{}\",", "x".repeat(1900 - role.trust.len()));
    role.trust.replace_range(..1, &filler);
    Scenario::bound(
        namespace,
        "LimitExceeded: Cannot exceed quota for ACLSizePerRole",
        role,
    )
    .notice("IRSA219")
}
