//! Roles that may do everything, and roles that can make themselves such.
//!
//! The ways are the well-known ones of which each starts from the role's own permissions alone. A way counts only if every step
//! of it is certainly allowed: conditions on keys that are not known keep it from being one.

use iam_policy::{Effect, RoleArn, Truth, reach};

use super::policies::{Answer, Place, Policy, PolicySet, Source};
use super::question::request;

/// The statement that allows every action on every resource, where the boundary does so as well. Statements that deny a part of it
/// do not make the role anything else.
#[must_use]
pub fn administrator<'a>(role: &RoleArn, policies: &PolicySet<'a>) -> Option<Place<'a>> {
    let everything = request(role, "*", "*", []);
    let whole = |policy: &Policy<'a>, wanted: Effect| {
        let document = policy.document()?;
        let reaches = reach(document, &everything)?;
        let effects = document.statements().iter().map(iam_policy::Statement::effect);
        let at = effects
            .zip(reaches)
            .position(|(effect, reach)| effect == wanted && reach.every == Truth::True)?;
        Some(policy.place(at))
    };
    let mut all = policies.identity.iter().chain(&policies.boundary);
    let is_within = policies
        .boundary
        .as_ref()
        .is_none_or(|policy| whole(policy, Effect::Allow).is_some());
    if !is_within || all.any(|policy| whole(policy, Effect::Deny).is_some()) {
        return None;
    }
    policies
        .identity
        .iter()
        .find_map(|policy| whole(policy, Effect::Allow))
}

/// A way from what a role may do to what it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way<'a> {
    /// What it consists of.
    pub what: &'static str,
    /// The actions that together make it.
    pub actions: &'static [&'static str],
    /// The statement that allows the first of them.
    pub by: Place<'a>,
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
pub fn ways<'a>(role: &RoleArn, policies: &PolicySet<'a>) -> Vec<Way<'a>> {
    let itself = role.to_string();
    let every_role = format!("arn:{}:iam::{}:role/*", role.partition(), role.account());
    let may = |action: &str, resource: &str| allowed(role, policies, action, resource, None);
    let own_prefix = format!("arn:{}:iam::{}:policy/", role.partition(), role.account());
    let mut own_policies = policies.identity.iter().filter_map(|policy| match policy.source {
        Source::Managed(arn) if arn.starts_with(&own_prefix) => Some(arn),
        Source::Managed(_) | Source::Inline(_) => None,
    });
    let way = |what, actions| move |by| Way { what, actions, by };
    let mut ways = Vec::new();
    ways.extend(
        may("iam:PutRolePolicy", &itself).map(way("put an inline policy on itself", &["iam:PutRolePolicy"])),
    );
    ways.extend(may("iam:AttachRolePolicy", &itself).map(way(
        "attach any managed policy to itself",
        &["iam:AttachRolePolicy"],
    )));
    let rewritten = own_policies.find_map(|arn| may("iam:CreatePolicyVersion", arn));
    ways.extend(rewritten.map(way(
        "make a new version of a policy that it has attached",
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
            allowed(role, policies, action, resource, Some(service))
        };
        let steps: Option<Vec<Place<'a>>> = actions.iter().map(step).collect();
        let what = "pass any role of the account to a service that runs what it is given";
        Some(way(what, *actions)(steps?.into_iter().next()?))
    });
    ways.extend(computes);
    ways
}

/// The statement by which something is certainly allowed.
fn allowed<'a>(
    role: &RoleArn,
    policies: &PolicySet<'a>,
    action: &str,
    resource: &str,
    passed_to: Option<&str>,
) -> Option<Place<'a>> {
    let mut request = request(role, action, resource, []);
    if let Some(service) = passed_to {
        request.context = request.context.with("iam:PassedToService", service);
    }
    match policies.ask(&request) {
        Answer::Allowed(place) => Some(place),
        _ => None,
    }
}
