//! Roles that may do everything, and roles that can make themselves such.
//!
//! The ways are the well-known ones of which each starts from the role's own permissions alone. A way counts only if every step
//! of it is certainly allowed: conditions on keys that are not known keep it from being one.

use super::policies::{PolicyAnswer, PolicySet, PolicySource, StatementPlace};
use super::question::request;
use super::session::Session;

/// The statement that allows everything, however it is written: whatever action, of IAM and of services that nobody has heard of,
/// on whatever resource, within the boundary. Statements that deny a part of it, or may, do not make the role anything else.
#[must_use]
pub fn administrator<'a>(session: &Session<'_>, policies: &PolicySet<'a>) -> Option<StatementPlace<'a>> {
    let (partition, account) = (session.role.partition(), session.role.account());
    // One of each initial: a list of patterns may cover all of them.
    let unheard = ('a'..='z').chain('0'..='9').map(|initial| {
        let service = format!("{initial}-unheard-of");
        let arn = format!("arn:{partition}:{service}:any-region-1:{account}:any/thing");
        (
            format!("{service}:{}DoAnything", initial.to_ascii_uppercase()),
            arn,
        )
    });
    let iam = [
        "CreateAccessKey",
        "PutRolePolicy",
        "AttachUserPolicy",
        "UpdateAssumeRolePolicy",
    ];
    let iam = iam.into_iter().map(|name| {
        (
            format!("iam:{name}"),
            format!("arn:{partition}:iam::{account}:role/any/thing"),
        )
    });
    let mut by = None;
    for (action, arn) in iam.chain(unheard) {
        if !policies.may_allow(&action) {
            return None;
        }
        for resource in ["*", &arn] {
            let granted = policies.grants(&request(session, &action, resource, []))?;
            by.get_or_insert(granted);
        }
    }
    by
}

/// A way from what a role may do to what it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationWay<'a> {
    /// What it consists of.
    pub what: &'static str,
    /// The actions that together make it.
    pub actions: &'static [&'static str],
    /// The statement that allows the first of them.
    pub by: StatementPlace<'a>,
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

/// The actions without one of which there is no way.
const DECISIVE: [&str; 5] = [
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:PassRole",
];

/// The ways that are open to a role.
#[must_use]
pub fn ways<'a>(session: &Session<'_>, policies: &PolicySet<'a>) -> Vec<EscalationWay<'a>> {
    if !DECISIVE.iter().any(|action| policies.may_allow(action)) {
        return Vec::new();
    }
    let role = session.role;
    let itself = role.as_str();
    let every_role = format!("arn:{}:iam::{}:role/*", role.partition(), role.account());
    let may = |action: &str, resource: &str| allowed(session, policies, action, resource, None);
    let own_prefix = format!("arn:{}:iam::{}:policy/", role.partition(), role.account());
    let mut own_policies = policies.identity.iter().filter_map(|policy| match policy.source {
        PolicySource::Managed(arn) if arn.starts_with(&own_prefix) => Some(arn),
        PolicySource::Managed(_) | PolicySource::Inline(_) | PolicySource::Organization(_) => None,
    });
    let way = |what, actions| move |by| EscalationWay { what, actions, by };
    let mut ways = Vec::new();
    ways.extend(
        may("iam:PutRolePolicy", itself).map(way("put an inline policy on itself", &["iam:PutRolePolicy"])),
    );
    ways.extend(may("iam:AttachRolePolicy", itself).map(way(
        "attach any managed policy to itself",
        &["iam:AttachRolePolicy"],
    )));
    let rewritten = own_policies.find_map(|arn| may("iam:CreatePolicyVersion", arn));
    ways.extend(rewritten.map(way(
        "create a new version of a policy that is attached to it",
        &["iam:CreatePolicyVersion"],
    )));
    ways.extend(may("iam:UpdateAssumeRolePolicy", &every_role).map(way(
        "make any other role of the account trust it",
        &["iam:UpdateAssumeRolePolicy"],
    )));
    let computes = COMPUTE.iter().find_map(|(service, actions)| {
        let step = |action: &&str| {
            let resource = if *action == "iam:PassRole" {
                &every_role
            } else {
                "*"
            };
            allowed(session, policies, action, resource, Some(service))
        };
        let steps: Option<Vec<StatementPlace<'a>>> = actions.iter().map(step).collect();
        let what = "pass any role of the account to a service that runs code with it";
        Some(way(what, *actions)(steps?.into_iter().next()?))
    });
    ways.extend(computes);
    ways
}

/// The statement by which something is certainly allowed.
fn allowed<'a>(
    session: &Session<'_>,
    policies: &PolicySet<'a>,
    action: &str,
    resource: &str,
    passed_to: Option<&str>,
) -> Option<StatementPlace<'a>> {
    if !policies.may_allow(action) {
        return None;
    }
    let mut request = request(session, action, resource, []);
    if let Some(service) = passed_to {
        request.context = request.context.with("iam:PassedToService", service);
    }
    let mut sides = policies.sides(&request);
    // What an organization may deny, or may not, does not make a way any less of one.
    sides.organization.may_deny.clear();
    match sides.answer() {
        PolicyAnswer::Allowed(place) => Some(place),
        _ => None,
    }
}
