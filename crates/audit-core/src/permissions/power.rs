//! Roles that may do everything, and roles that can make themselves such.
//!
//! The ways are the well-known ones of which each starts from the role's own permissions alone. A way counts only if every step
//! of it is certainly allowed: conditions on keys that are not known keep it from being one.

use iam_policy::{Effect, Reach, RoleArn, Truth, reach};

use super::expectation::request;
use super::policies::{Answer, Policy, PolicySet, Source};

/// Whether every action on every resource is allowed, by the boundary as well. Statements that deny a part of it do not make
/// it anything else.
#[must_use]
pub fn is_administrator(role: &RoleArn, policies: &PolicySet<'_>) -> bool {
    let everything = request(role, "*", "*", []);
    let reaches = |policy: &Policy<'_>| -> Vec<(Effect, Reach)> {
        let document = policy.document();
        let all = document
            .and_then(|document| reach(document, &everything))
            .unwrap_or_default();
        let effects = document.into_iter().flat_map(iam_policy::Document::statements);
        effects.map(iam_policy::Statement::effect).zip(all).collect()
    };
    let has = |policy: &Policy<'_>, wanted: Effect| {
        reaches(policy)
            .iter()
            .any(|(effect, reach)| *effect == wanted && reach.every == Truth::True)
    };
    let all = || policies.identity.iter().chain(&policies.boundary);
    policies.identity.iter().any(|policy| has(policy, Effect::Allow))
        && policies
            .boundary
            .as_ref()
            .is_none_or(|policy| has(policy, Effect::Allow))
        && !all().any(|policy| has(policy, Effect::Deny))
}

/// A way from what a role may do to what it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// What it consists of.
    pub what: &'static str,
    /// The actions that together make it.
    pub actions: &'static [&'static str],
}

/// Services that run what they are given as a role that is passed to them, with the actions that make them do so.
const COMPUTE: [(&str, &[&str]); 6] = [
    ("ec2.amazonaws.com", &["iam:PassRole", "ec2:RunInstances"]),
    (
        "lambda.amazonaws.com",
        &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
    ),
    (
        "ecs-tasks.amazonaws.com",
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"],
    ),
    (
        "cloudformation.amazonaws.com",
        &["iam:PassRole", "cloudformation:CreateStack"],
    ),
    (
        "glue.amazonaws.com",
        &["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"],
    ),
    (
        "codebuild.amazonaws.com",
        &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
    ),
];

/// The ways that are open to a role.
#[must_use]
pub fn ways(role: &RoleArn, policies: &PolicySet<'_>) -> Vec<Way> {
    let itself = role.to_string();
    let every_role = format!("arn:{}:iam::{}:role/*", role.partition(), role.account());
    let may = |action: &str, resource: &str| is_allowed(role, policies, action, resource, None);
    let own_prefix = format!("arn:{}:iam::{}:policy/", role.partition(), role.account());
    let mut own_policies = policies.identity.iter().filter_map(|policy| match policy.source {
        Source::Managed(arn) if arn.starts_with(&own_prefix) => Some(arn),
        Source::Managed(_) | Source::Inline(_) => None,
    });
    let mut ways = Vec::new();
    if may("iam:PutRolePolicy", &itself) {
        ways.push(Way {
            what: "put an inline policy on itself",
            actions: &["iam:PutRolePolicy"],
        });
    }
    if may("iam:AttachRolePolicy", &itself) {
        ways.push(Way {
            what: "attach any managed policy to itself",
            actions: &["iam:AttachRolePolicy"],
        });
    }
    if own_policies.any(|arn| may("iam:CreatePolicyVersion", arn)) {
        ways.push(Way {
            what: "make a new version of a policy that it has attached",
            actions: &["iam:CreatePolicyVersion"],
        });
    }
    if may("iam:UpdateAssumeRolePolicy", &every_role) {
        ways.push(Way {
            what: "make any other role of the account trust it",
            actions: &["iam:UpdateAssumeRolePolicy"],
        });
    }
    let computes = COMPUTE.iter().find(|(service, actions)| {
        actions.iter().all(|action| {
            let resource = if *action == "iam:PassRole" {
                &every_role
            } else {
                "*"
            };
            is_allowed(role, policies, action, resource, Some(service))
        })
    });
    ways.extend(computes.map(|(_, actions)| Way {
        what: "pass any role of the account to a service that runs what it is given",
        actions,
    }));
    ways
}

fn is_allowed(
    role: &RoleArn,
    policies: &PolicySet<'_>,
    action: &str,
    resource: &str,
    passed_to: Option<&str>,
) -> bool {
    let mut request = request(role, action, resource, []);
    if let Some(service) = passed_to {
        request.context = request.context.with("iam:PassedToService", service);
    }
    matches!(policies.ask(&request), Answer::Allowed(_))
}
