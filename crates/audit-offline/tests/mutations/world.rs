//! Healthy bindings of every published form, as manifests and as what the AWS CLI prints.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::trust::{Who, policies};

/// What one cluster and its accounts hold for one binding.
#[derive(Debug, Clone)]
pub struct World {
    pub cluster: Cluster,
    pub namespace: String,
    pub name: String,
    /// The `ServiceAccount`.
    pub account: Option<Value>,
    /// Pods, and workloads with their templates.
    pub workloads: Vec<Value>,
    /// Roles, as `get-account-authorization-details` lists them, and providers, by account.
    pub aws: BTreeMap<String, Account>,
}

#[derive(Debug, Clone, Default)]
pub struct Account {
    pub roles: Vec<Value>,
    pub providers: Vec<Provider>,
}

#[derive(Debug, Clone)]
pub struct Provider {
    /// Its URL without the scheme.
    pub url: String,
    pub client_ids: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Cluster {
    pub issuer: String,
    pub partition: &'static str,
    pub prefix: &'static str,
}

impl Cluster {
    pub fn host_path(&self) -> &str {
        self.issuer.strip_prefix("https://").unwrap()
    }

    pub fn provider_arn(&self, account: &str) -> String {
        format!(
            "arn:{}:iam::{account}:oidc-provider/{}",
            self.partition,
            self.host_path()
        )
    }
}

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";

/// Where a binding lives: the cluster, the role's account and path, and the audience.
struct Setting {
    cluster: Cluster,
    account: &'static str,
    path: &'static str,
    audience: Option<&'static str>,
}

fn settings() -> Vec<Setting> {
    let eks = |region: &str, suffix: &str, id: char| {
        format!(
            "https://oidc.eks.{region}.amazonaws.com{suffix}/id/{}",
            id.to_string().repeat(32)
        )
    };
    let cluster = |issuer: String, partition, prefix| Cluster {
        issuer,
        partition,
        prefix,
    };
    let aws = || cluster(eks("eu-west-1", "", 'A'), "aws", "eks.amazonaws.com");
    let setting = |cluster, account, path, audience| Setting {
        cluster,
        account,
        path,
        audience,
    };
    vec![
        setting(aws(), HOME, "/", None),
        setting(aws(), OTHER, "/", None),
        setting(aws(), HOME, "/teams/shop/", None),
        setting(aws(), HOME, "/", Some("vault.example.com")),
        setting(
            cluster(eks("cn-north-1", ".cn", 'B'), "aws-cn", "eks.amazonaws.com"),
            HOME,
            "/",
            None,
        ),
        setting(
            cluster(eks("us-gov-west-1", "", 'C'), "aws-us-gov", "eks.amazonaws.com"),
            HOME,
            "/",
            None,
        ),
        setting(
            cluster(
                "https://irsa.example.com/kops".to_owned(),
                "aws",
                "irsa.example.com",
            ),
            HOME,
            "/",
            None,
        ),
        setting(
            cluster(
                "https://oidc-eks.eu-west-1.api.aws/id/0123456789abcdef0123456789abcdef".to_owned(),
                "aws",
                "eks.amazonaws.com",
            ),
            HOME,
            "/",
            None,
        ),
    ]
}

/// So many healthy bindings, no two alike in form, setting and workloads.
pub fn healthy(count: usize) -> Vec<World> {
    (0..count).map(binding).collect()
}

fn binding(number: usize) -> World {
    let mut settings = settings();
    let setting = settings.swap_remove(number % settings.len());
    let (namespace, name) = (format!("team-{number}"), format!("app-{}", number % 13));
    let audience = setting.audience.unwrap_or("sts.amazonaws.com");
    let who = Who {
        cluster: &setting.cluster,
        account: setting.account,
        namespace: &namespace,
        name: &name,
        audience,
    };
    let policies = policies(&who);
    let policy = policies.get(number / 8 % policies.len()).unwrap();
    let role_arn = format!(
        "arn:{}:iam::{}:role{}role-{number}",
        setting.cluster.partition, setting.account, setting.path
    );
    let mut annotations = json!({(format!("{}/role-arn", setting.cluster.prefix)): role_arn});
    if let Some(audience) = setting.audience {
        annotations[format!("{}/audience", setting.cluster.prefix)] = audience.into();
    }
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("sa-{number}"), "annotations": annotations},
    });
    let role = json!({
        "Path": setting.path, "RoleName": format!("role-{number}"), "RoleId": "AROAEXAMPLE", "Arn": role_arn,
        "CreateDate": "2026-01-01T00:00:00+00:00", "AssumeRolePolicyDocument": policy, "InstanceProfileList": [],
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}],
        "AttachedManagedPolicies": [], "Tags": [],
    });
    let provider = Provider {
        url: setting.cluster.host_path().to_owned(),
        client_ids: vec!["sts.amazonaws.com".to_owned(), "vault.example.com".to_owned()],
    };
    let owned = Account {
        roles: vec![role],
        providers: vec![provider],
    };
    let injected = Injected {
        cluster: &setting.cluster,
        role_arn: &role_arn,
        audience,
    };
    let workloads = workloads(number, &namespace, &name, &injected);
    World {
        cluster: setting.cluster.clone(),
        account: Some(account),
        workloads,
        aws: [(setting.account.to_owned(), owned)].into(),
        namespace,
        name,
    }
}

/// What the webhook puts into containers.
struct Injected<'w> {
    cluster: &'w Cluster,
    role_arn: &'w str,
    audience: &'w str,
}

impl Injected<'_> {
    fn folder(&self) -> String {
        format!("/var/run/secrets/{}/serviceaccount", self.cluster.prefix)
    }

    fn container(&self, name: &str) -> Value {
        json!({
            "name": name, "image": "x",
            "env": [
                {"name": "PORT", "value": "80"},
                {"name": "AWS_ROLE_ARN", "value": self.role_arn},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": format!("{}/token", self.folder())},
            ],
            "volumeMounts": [
                {"name": "data", "mountPath": "/data"},
                {"name": "aws-iam-token", "mountPath": self.folder(), "readOnly": true},
            ],
        })
    }

    fn spec(&self, account: &str, containers: &[Value], first: &[Value]) -> Value {
        json!({
            "serviceAccountName": account, "containers": containers, "initContainers": first,
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "aws-iam-token", "projected": {"sources": [
                    {"serviceAccountToken": {"audience": self.audience, "expirationSeconds": 86400, "path": "token"}}
                ]}},
            ],
        })
    }
}

fn workloads(number: usize, namespace: &str, name: &str, injected: &Injected<'_>) -> Vec<Value> {
    let bare = |name: &str| json!({"name": name, "image": "x"});
    let pod = |owner: Option<(&str, &str)>, spec: Value| {
        let owners = owner.map(|(kind, owner)| {
            json!([{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "o", "controller": true}])
        });
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": namespace, "name": format!("{name}-pod-{number}"), "uid": format!("pod-{number}"),
                "creationTimestamp": "1970-01-01T00:00:00Z", "ownerReferences": owners,
            },
            "spec": spec,
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        })
    };
    let template = |api: &str, kind: &str, place: &[&str]| {
        let template = json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"serviceAccountName": name, "containers": [bare("app")]},
        });
        let spec = place
            .iter()
            .rev()
            .fold(template, |inner, key| json!({(*key): inner}));
        json!({"apiVersion": api, "kind": kind, "metadata": {"namespace": namespace, "name": name}, "spec": spec})
    };
    let app = || injected.container("app");
    let spec = |containers: &[Value], first: &[Value]| injected.spec(name, containers, first);
    match number % 11 {
        0 => vec![],
        1 => vec![pod(None, spec(&[app()], &[]))],
        2 => vec![pod(Some(("StatefulSet", name)), spec(&[app()], &[]))],
        3 => vec![pod(Some(("Job", name)), spec(&[app()], &[]))],
        4 => vec![pod(
            Some(("DaemonSet", name)),
            spec(&[app(), injected.container("sidecar")], &[]),
        )],
        5 => vec![pod(
            Some(("StatefulSet", name)),
            spec(&[app()], &[injected.container("migrate")]),
        )],
        6 => vec![template("apps/v1", "Deployment", &["template"])],
        7 => vec![template(
            "batch/v1",
            "CronJob",
            &["jobTemplate", "spec", "template"],
        )],
        8 => vec![pod(
            Some(("ReplicaSet", &format!("{name}-6d4cf56db6"))),
            spec(&[app()], &[]),
        )],
        9 => vec![template("batch/v1", "Job", &["template"])],
        _ => vec![
            template("apps/v1", "StatefulSet", &["template"]),
            pod(Some(("Job", "import")), spec(&[app()], &[])),
        ],
    }
}
