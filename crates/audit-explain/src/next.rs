//! The commands to run next. Each word comes from [`Mentioned`], and is quoted for a shell.

use audit_core::fix::shell;
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
    fn new(program: &str, words: &[&str], shows: &'static str) -> Option<Self> {
        words.iter().all(|word| shell::is_pasteable(word)).then(|| Self {
            command: shell::line(program, words),
            shows,
        })
    }
}

/// What to run next.
pub(crate) fn commands(mentioned: &Mentioned, symptoms: &[&Symptom], program: &str) -> Vec<NextCommand> {
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
            program,
            &["status", &name],
            "the whole chain of this ServiceAccount, with the first broken link and its fix",
        ));
        for request in mentioned
            .aws
            .iter()
            .filter(|request| !request.is_web_identity())
            .take(MOST)
        {
            let mut words = vec!["can-i", &name, &request.action];
            words.extend(request.resource.as_deref());
            found.push(NextCommand::new(
                program,
                &words,
                "whether the policies of its role allow this, and which statement decides",
            ));
        }
    }
    if has("sts-not-authorized") {
        for role in mentioned.roles.iter().take(MOST) {
            let mut words = vec!["iam", "get-role"];
            let name = shell::option("--role-name", role.name());
            words.extend(name.iter().map(String::as_str));
            words.extend(["--query", "Role.AssumeRolePolicyDocument"]);
            found.push(NextCommand::new(
                "aws",
                &words,
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
                "curl",
                &["--fail", "--silent", "--show-error", &url],
                "what STS reads of the issuer first",
            ));
        }
    }
    if mentioned.service_accounts.is_empty() && mentioned.kubernetes.is_empty() {
        found.push(NextCommand::new(
            program,
            &["audit"],
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

/// The same question to kubectl, about a user that is no ServiceAccount. The groups of the user are not in an error.
fn auth_can_i(request: &KubernetesRequest) -> Option<NextCommand> {
    let user = request.user.as_deref().filter(|_| !request.is_anonymous)?;
    if request.resource.is_empty() {
        return None;
    }
    let resource = resource(request);
    let mut words = vec!["auth", "can-i", &request.verb, &resource];
    words.extend(request.name.as_deref());
    if let Some(subresource) = &request.subresource {
        words.extend(["--subresource", subresource]);
    }
    match &request.namespace {
        Some(namespace) => words.extend(["--namespace", namespace]),
        None => words.push("--all-namespaces"),
    }
    words.extend(["--as", user]);
    NextCommand::new(
        "kubectl",
        &words,
        "whether the user is allowed by now, without its groups; needs the permission to impersonate",
    )
}

fn resource(request: &KubernetesRequest) -> String {
    match request.group.as_str() {
        "" => request.resource.clone(),
        group => format!("{}.{group}", request.resource),
    }
}

/// The same question to `can-i`. It does not know paths such as `/metrics`.
fn can_i(key: &BindingKey, request: &KubernetesRequest, program: &str) -> Option<NextCommand> {
    if request.resource.is_empty() {
        return None;
    }
    let name = key.to_string();
    let resource = resource(request);
    let mut words = vec!["can-i", &name, &request.verb, &resource];
    words.extend(request.name.as_deref());
    if let Some(subresource) = &request.subresource {
        words.extend(["--subresource", subresource]);
    }
    match &request.namespace {
        Some(namespace) if *namespace == key.namespace => {}
        Some(namespace) => words.extend(["--namespace", namespace]),
        None => words.push("--all-namespaces"),
    }
    NextCommand::new(
        program,
        &words,
        "why RBAC refuses this, and the least role that allows it",
    )
}
