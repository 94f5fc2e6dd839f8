//! The commands to run next. Each word comes from [`Mentioned`], and is quoted for a shell.

use audit_core::fix::Command;
use audit_core::model::BindingKey;

use crate::mentioned::{KubernetesRequest, Mentioned};
use crate::symptom::Symptom;

/// The most commands of one kind.
const MOST: usize = 3;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextCommand {
    /// To be pasted into a shell.
    pub command: String,
    /// What it shows.
    pub shows: &'static str,
}

impl NextCommand {
    fn new(command: &Command, shows: &'static str) -> Option<Self> {
        command.line().map(|command| Self { command, shows })
    }
}

/// What to run next.
pub(crate) fn commands(
    mentioned: &Mentioned,
    symptoms: &[&Symptom],
    program: &'static str,
) -> Vec<NextCommand> {
    let has = |id: &str| symptoms.iter().any(|symptom| symptom.id == id);
    let mut found: Vec<Option<NextCommand>> = Vec::new();
    for request in mentioned.kubernetes.iter().take(MOST) {
        found.push(match &request.service_account {
            Some(key) => can_i(key, request, program),
            None => auth_can_i(request),
        });
    }
    for key in mentioned.service_accounts.iter().take(MOST) {
        let name = key.to_string();
        found.push(NextCommand::new(
            &Command::new(program).own("status").argument(&name),
            "the whole chain of this ServiceAccount, with the first broken link and its fix",
        ));
        for request in mentioned
            .aws
            .iter()
            .filter(|request| !request.is_web_identity())
            .take(MOST)
        {
            let ask = Command::new(program).own("can-i").argument(&name);
            let ask = ask
                .argument(&request.action)
                .arguments(request.resource.as_deref());
            found.push(NextCommand::new(
                &ask,
                "whether the policies of its role allow this, and which statement decides",
            ));
        }
    }
    if has("sts-not-authorized") {
        for role in mentioned.roles.iter().take(MOST) {
            let read = Command::new("aws iam get-role").option("--role-name", role.name());
            found.push(NextCommand::new(
                &read.own("--query Role.AssumeRolePolicyDocument"),
                "the trust policy, with credentials of the role's account",
            ));
        }
    }
    if has("sts-verification-key") || has("sts-idp-communication") || has("sts-thumbprint") {
        for issuer in mentioned.issuers.iter().take(MOST) {
            let url = format!(
                "{}/.well-known/openid-configuration",
                issuer.trim_end_matches('/')
            );
            found.push(NextCommand::new(
                &Command::new("curl --fail --silent --show-error").argument(url),
                "what STS reads first from the issuer",
            ));
        }
    }
    // Of what no finding reports, an audit says nothing.
    let may_find = symptoms.is_empty() || symptoms.iter().any(|symptom| !symptom.codes.is_empty());
    if mentioned.service_accounts.is_empty() && mentioned.kubernetes.is_empty() && may_find {
        found.push(NextCommand::new(
            &Command::new(program).own("audit"),
            "every ServiceAccount with a role, and what is wrong with it",
        ));
    }
    let mut commands: Vec<NextCommand> = Vec::new();
    for command in found.into_iter().flatten() {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands
}

/// The same question to kubectl, about a user that is no ServiceAccount. The groups of the user are not in an error. What a node may do depends
/// on its pods, and RBAC does not say it.
fn auth_can_i(request: &KubernetesRequest) -> Option<NextCommand> {
    let may_ask = !request.is_anonymous && !request.is_of_node();
    let user = request.user.as_deref().filter(|_| may_ask)?;
    let ask = about(Command::new("kubectl auth can-i"), request, None)?;
    NextCommand::new(
        &ask.option("--as", user),
        "whether the user is allowed now, without its groups; needs the permission to impersonate",
    )
}

/// A question with the verb and the object of a request: none about a path, nor where the namespace is not known. `assumed` is the one in
/// which the program looks by itself.
fn about(ask: Command, request: &KubernetesRequest, assumed: Option<&str>) -> Option<Command> {
    if request.resource.is_empty() {
        return None;
    }
    let ask = ask.argument(&request.verb).argument(resource(request));
    let ask = ask.arguments(request.name.as_deref());
    let ask = match &request.subresource {
        Some(subresource) => ask.option("--subresource", subresource),
        None => ask,
    };
    match request.namespace.as_deref() {
        Some(namespace) if Some(namespace) == assumed => Some(ask),
        Some(namespace) => Some(ask.option("--namespace", namespace)),
        None => request.is_cluster_wide.then(|| ask.own("--all-namespaces")),
    }
}

fn resource(request: &KubernetesRequest) -> String {
    match request.group.as_str() {
        "" => request.resource.clone(),
        group => format!("{}.{group}", request.resource),
    }
}

/// The same question to `can-i`.
fn can_i(key: &BindingKey, request: &KubernetesRequest, program: &'static str) -> Option<NextCommand> {
    let ask = Command::new(program).own("can-i").argument(key.to_string());
    let ask = about(ask, request, Some(&key.namespace))?;
    NextCommand::new(&ask, "why RBAC refuses this, and the least role that allows it")
}
