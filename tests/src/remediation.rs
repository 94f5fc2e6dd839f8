//! The writer, and everyone who has to agree to what it does: the team, the admins, the role's owner, and people who approve.
//!
//! A repair here is that of a scenario's binding, whose namespace and role have one name.

use std::time::Duration;

use audit_api::{IrsaAudit, TrustPolicyChange, admission, remediation};
use audit_core::document::decode;
use audit_core::model::IssuerUrl;
use audit_core::model::aws::DEFAULT_TRUST_QUOTA;
use audit_k8s::rights::{self, Right};
use audit_remedy::{
    Journal, LiveRole, Plan, RemediationMode, RemedyOperation, RemedySubject, RoleTag, consent_key,
};
use iam_policy::RoleArn;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::aws::{self, AwsError};
use crate::chart;
use crate::cluster::{Cluster, ClusterError, Target};
use crate::issuer::ISSUER;
use crate::objects;
use crate::operator::{self, Operator};
use crate::scenario::APP;
use crate::trust;
use crate::world::{OPERATOR, World, WorldError, eventually};

/// The name of the writer's ServiceAccount, in the operator's namespace.
pub const WRITER: &str = "irsa-audit-writer";

/// A person who may approve.
pub const APPROVER: &str = "jane";

/// Times for a pretend AWS that is as fast as this machine.
const FLAGS: &[&str] = &[
    "--operator-service-account=irsa-audit/irsa-audit",
    "--service-account=irsa-audit/irsa-audit-writer",
    "--account=123456789012",
    "--interval=1s",
    "--role-reads-per-minute=600",
    "--lease-duration=12s",
    "--unsafe-test-timing=settle=1s,call-timeout=2s,late=1s,consistency=1s,lease-margin=1s,retry-every=1s",
];

/// Why a repair cannot be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The world fails.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The cluster refuses.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// AWS refuses.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Something is not what it should be.
    #[error("{0}")]
    Wrong(String),
}

/// The user names of the operator and the writer.
#[must_use]
pub fn own_users() -> Vec<String> {
    [OPERATOR, WRITER]
        .map(|name| format!("system:serviceaccount:{OPERATOR}:{name}"))
        .to_vec()
}

/// How long the API server may take until rights and admission policies count.
const IN_FORCE_WITHIN: Duration = Duration::from_mins(1);

/// Installs what the chart installs for the writer, and lets [`APPROVER`] approve.
///
/// # Errors
/// [`StageError`].
pub async fn install(world: &World) -> Result<(), StageError> {
    let cluster = world.cluster();
    cluster
        .create(&objects::bare_service_account(OPERATOR, WRITER))
        .await?;
    let subject = json!({"kind": "ServiceAccount", "namespace": OPERATOR, "name": WRITER});
    grant(cluster, "", WRITER, &rules(rights::WRITER_CLUSTER), &subject).await?;
    grant(
        cluster,
        OPERATOR,
        WRITER,
        &rules(rights::WRITER_NAMESPACE),
        &subject,
    )
    .await?;
    let approve = json!([
        {"apiGroups": ["irsa-audit.dev"], "resources": ["irsaapprovals"], "verbs": ["create", "get", "list"]},
        {"apiGroups": ["irsa-audit.dev"], "resources": ["trustpolicychanges"], "verbs": ["get", "list"]},
    ]);
    let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": APPROVER});
    grant(cluster, "", "approver", &approve, &subject).await?;
    cluster.create(&admission::policy(&own_users())).await?;
    cluster.create(&admission::binding()).await?;
    // Rights and policies take a while to be in force.
    let person = as_user(world, APPROVER).await?;
    let tried = |approved_by: &str| approval("tried", "anywhere", &"ab".repeat(32), approved_by);
    let (own, other) = (tried(APPROVER), tried("somebody-else"));
    let are_in_force = || async {
        let answers = (person.would_refuse(&own).await, person.would_refuse(&other).await);
        matches!(answers, (Ok(None), Ok(Some(403))))
    };
    if eventually(IN_FORCE_WITHIN, are_in_force).await {
        return Ok(());
    }
    Err(StageError::Wrong(
        "rights and admission policy are not in force".to_owned(),
    ))
}

fn rules(rights: &[Right]) -> Value {
    let rule = |right: &Right| json!({"apiGroups": [right.group], "resources": right.resources, "resourceNames": right.names, "verbs": right.verbs});
    rights.iter().map(rule).collect()
}

/// Lets a subject do something, in a namespace or, where that is empty, in all.
///
/// # Errors
/// [`ClusterError`].
pub async fn grant(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    rules: &Value,
    subject: &Value,
) -> Result<(), ClusterError> {
    let api = "rbac.authorization.k8s.io/v1";
    let kind = if namespace.is_empty() {
        "ClusterRole"
    } else {
        "Role"
    };
    let metadata = if namespace.is_empty() {
        json!({"name": name})
    } else {
        json!({"namespace": namespace, "name": name})
    };
    let role = json!({"apiVersion": api, "kind": kind, "metadata": metadata, "rules": rules});
    let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    let binding = json!({"apiVersion": api, "kind": format!("{kind}Binding"), "metadata": metadata, "roleRef": reference, "subjects": [subject]});
    cluster.create(&role).await?;
    cluster.create(&binding).await?;
    Ok(())
}

/// Starts a writer with the rights of the shipped tables and no others.
///
/// # Errors
/// [`StageError`].
pub async fn writer(world: &World, flags: &[&str]) -> Result<Operator, StageError> {
    let plane = world.plane();
    let token = plane.service_account_token(OPERATOR, WRITER, None).await;
    let token = token.map_err(WorldError::from)?;
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    // A flag that is given replaces ours; shortened times add up.
    let is_replaced = |own: &str| {
        !own.starts_with("--unsafe-test-timing") && flags.iter().any(|flag| name(flag) == name(own))
    };
    let mut all: Vec<&str> = FLAGS.iter().filter(|own| !is_replaced(own)).copied().collect();
    all.extend(flags);
    let started = Operator::start_as(
        "writer",
        &plane.kubeconfig(&token),
        &world.aws().environment(),
        &all,
    )
    .await;
    Ok(started.map_err(WorldError::from)?)
}

/// The cluster as another user has it.
///
/// # Errors
/// [`StageError`].
pub async fn as_user(world: &World, user: &str) -> Result<Cluster, StageError> {
    let wrong = |error: String| StageError::Wrong(error);
    let path = world.plane().kubeconfig_path();
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| wrong(error.to_string()))?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| wrong(error.to_string()))?;
    config.auth_info.impersonate = Some(user.to_owned());
    let client = Client::try_from(config).map_err(|error| wrong(error.to_string()))?;
    Ok(Cluster::new(client))
}

/// The key of a role's consent to this cluster.
///
/// # Errors
/// [`StageError::Wrong`].
pub fn key() -> Result<String, StageError> {
    Ok(consent_key(&issuer()?))
}

fn issuer() -> Result<IssuerUrl, StageError> {
    IssuerUrl::parse(ISSUER).map_err(|error| StageError::Wrong(error.to_string()))
}

/// The `IrsaAudit` by which a team opts into remediation of its binding.
#[must_use]
pub fn opt_in(namespace: &str, mode: &str) -> Value {
    objects::audit(
        namespace,
        APP,
        &json!({"serviceAccountName": APP, "remediation": mode}),
    )
}

/// A policy by which admins allow remediation in a namespace, with more or other fields.
#[must_use]
pub fn policy(namespace: &str, max_mode: &str, fields: &Value) -> Value {
    let mut remediation = json!({
        "maxMode": max_mode,
        "roles": ["arn:aws:iam::123456789012:role/*"],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "serviceAccounts": [APP],
    });
    if let (Some(spec), Some(fields)) = (remediation.as_object_mut(), fields.as_object()) {
        spec.extend(fields.clone());
    }
    json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "IrsaAuditPolicy",
        "metadata": {"name": format!("repair-{namespace}")},
        "spec": {"remediation": remediation},
    })
}

/// The place of that policy.
#[must_use]
pub fn policy_target(name: &str) -> Target<'_> {
    Target {
        api_version: "irsa-audit.dev/v1alpha1",
        kind: "IrsaAuditPolicy",
        namespace: "",
        name,
    }
}

/// An approval of a plan for a scenario's binding.
#[must_use]
pub fn approval(name: &str, namespace: &str, hash: &str, approved_by: &str) -> Value {
    approval_of(name, Repairable::scenario(namespace), hash, approved_by)
}

/// The same for any binding.
#[must_use]
pub fn approval_of(name: &str, binding: Repairable<'_>, hash: &str, approved_by: &str) -> Value {
    json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "IrsaApproval",
        "metadata": {"name": name},
        "spec": {
            "namespace": binding.namespace,
            "serviceAccount": binding.name,
            "planHash": hash,
            "validFor": "1h",
            "approvedBy": approved_by,
        },
    })
}

/// The records of a namespace's binding, oldest first.
///
/// # Errors
/// [`StageError`].
pub async fn changes(world: &World, namespace: &str) -> Result<Vec<TrustPolicyChange>, StageError> {
    let mut own: Vec<TrustPolicyChange> = journal(world)
        .await?
        .into_iter()
        .filter(|change| change.spec.namespace == namespace)
        .collect();
    own.sort_by_key(|change| change.spec.sequence);
    Ok(own)
}

/// All records.
///
/// # Errors
/// [`StageError`].
pub async fn journal(world: &World) -> Result<Vec<TrustPolicyChange>, StageError> {
    let api: Api<TrustPolicyChange> = Api::all(world.cluster().client());
    let list = api.list(&ListParams::default()).await;
    Ok(list.map_err(|error| StageError::Wrong(error.to_string()))?.items)
}

/// A binding that may be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repairable<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The name of the ServiceAccount, and of the `IrsaAudit`.
    pub name: &'a str,
    /// The name of the role, in [`aws::HOME`].
    pub role: &'a str,
}

impl<'a> Repairable<'a> {
    /// That of a scenario.
    #[must_use]
    pub fn scenario(namespace: &'a str) -> Self {
        Self {
            namespace,
            name: APP,
            role: namespace,
        }
    }
}

/// The plan that anyone makes who reads the same as the writer, of a scenario's binding.
///
/// # Errors
/// [`StageError`].
pub async fn plan(world: &World, namespace: &str, operation: RemedyOperation) -> Result<Plan, StageError> {
    plan_of(world, Repairable::scenario(namespace), operation).await
}

/// The same of any binding whose tokens have the usual audience.
///
/// # Errors
/// [`StageError`].
pub async fn plan_of(
    world: &World,
    binding: Repairable<'_>,
    operation: RemedyOperation,
) -> Result<Plan, StageError> {
    let wrong = |error: String| StageError::Wrong(error);
    let Repairable { namespace, name, .. } = binding;
    let client = world.cluster().client();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let account = accounts
        .get(name)
        .await
        .map_err(|error| wrong(error.to_string()))?;
    let audits: Api<IrsaAudit> = Api::namespaced(client, namespace);
    let audit = audits.get(name).await.map_err(|error| wrong(error.to_string()))?;
    let role = world.aws().role(binding.role).await?;
    let arn = RoleArn::parse(role.arn()).map_err(|error| wrong(error.to_string()))?;
    let subject = RemedySubject {
        issuer: issuer()?,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        service_account_uid: account.uid().unwrap_or_default(),
        irsa_audit_uid: audit.uid().unwrap_or_default(),
        audience: trust::AUDIENCE.to_owned(),
        role_arn: arn.clone(),
        expected_role: None,
        opt_in: RemediationMode::RequireApproval,
    };
    let role = LiveRole {
        arn,
        id: role.role_id().to_owned(),
        trust_text: decode(role.assume_role_policy_document().unwrap_or_default()).into_owned(),
        tags: role
            .tags()
            .iter()
            .map(|tag| RoleTag::new(tag.key(), tag.value()))
            .collect(),
        quota: DEFAULT_TRUST_QUOTA,
    };
    let records: Result<Vec<_>, _> = journal(world).await?.iter().map(remediation::record).collect();
    let records = records.map_err(|error| wrong(error.to_string()))?;
    Plan::new(
        operation,
        &subject,
        &role,
        &Journal::new(&records),
        Timestamp::now(),
    )
    .map_err(|refusal| wrong(format!("no plan: {refusal:?}")))
}

/// The trust policy of a role, as a JSON value. A scenario's has the name of its namespace.
///
/// # Errors
/// [`StageError`].
pub async fn document(world: &World, role: &str) -> Result<Value, StageError> {
    let role = world.aws().role(role).await?;
    let text = decode(role.assume_role_policy_document().unwrap_or_default()).into_owned();
    serde_json::from_str(&text).map_err(|error| StageError::Wrong(error.to_string()))
}

/// Lets a scenario's role consent to its binding.
///
/// # Errors
/// [`StageError`].
pub async fn consent(world: &World, namespace: &str) -> Result<(), StageError> {
    consent_of(world, Repairable::scenario(namespace)).await
}

/// Lets a role consent to a binding.
///
/// # Errors
/// [`StageError`].
pub async fn consent_of(world: &World, binding: Repairable<'_>) -> Result<(), StageError> {
    let value = format!("{}/{}", binding.namespace, binding.name);
    Ok(world.aws().tag_role(binding.role, &key()?, &value).await?)
}

/// Awaits that a binding has so many records, the last of them in a phase.
pub async fn recorded(world: &World, namespace: &str, count: usize, phase: &str, within: Duration) -> bool {
    let holds = || async {
        let Ok(changes) = changes(world, namespace).await else {
            return false;
        };
        let status = changes.last().and_then(|change| change.status.as_ref());
        let last = status.and_then(|status| status.phase);
        changes.len() == count && last.is_some_and(|last| format!("{last:?}") == phase)
    };
    eventually(within, holds).await
}

/// The ARN of a scenario's role.
#[must_use]
pub fn role_arn(namespace: &str) -> String {
    aws::arn(aws::HOME, "/", namespace)
}

/// The rules of the ClusterRole for approvers, as the chart has them.
///
/// # Errors
/// [`StageError::Wrong`].
pub fn approver_rules() -> Result<Value, StageError> {
    let wrong = |error: String| StageError::Wrong(error);
    let file = chart::read("templates/writer-rbac.yaml").map_err(|error| wrong(error.to_string()))?;
    let role = file.split("-approver\n").nth(1).unwrap_or_default();
    let rules = role.split_once("\nrules:\n").map(|(_, rules)| rules);
    let rules = rules
        .and_then(|rules| rules.split("{{-").next())
        .unwrap_or_default();
    serde_saphyr::from_str(rules).map_err(|error| wrong(error.to_string()))
}

/// Runs a command of the program as a user, or as the administrator, who both have the credentials of the account: exit code and output.
///
/// # Errors
/// [`StageError`].
pub async fn command(world: &World, user: Option<&str>, words: &[&str]) -> Result<(i32, String), StageError> {
    let wrong = |error: String| StageError::Wrong(error);
    let mut launch = operator::launch("irsa-audit", words)
        .await
        .map_err(WorldError::from)?;
    let text = std::fs::read_to_string(world.plane().kubeconfig_path());
    let text = text.map_err(|error| wrong(error.to_string()))?;
    let mut kubeconfig: Value = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let users = kubeconfig.get_mut("users").and_then(Value::as_array_mut);
    for one in users.into_iter().flatten() {
        if let (Some(user), Some(own)) = (user, one.get_mut("user").and_then(Value::as_object_mut)) {
            own.insert("as".to_owned(), json!(user));
        }
    }
    let path = launch.folder().join("kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).map_err(|error| wrong(error.to_string()))?;
    for (name, value) in world.aws().environment() {
        launch = launch.env(name, value);
    }
    let failed = |error: test_kit::ProcessError| StageError::World(WorldError::Operator(error.into()));
    let process = launch.env("KUBECONFIG", &path).start().map_err(failed)?;
    let code = process.wait(COMMAND_WITHIN).await.map_err(failed)?;
    Ok((code, process.log()))
}

/// How long a command may take.
const COMMAND_WITHIN: Duration = Duration::from_mins(1);
