//! Clusters with their accounts, as files hold them: what they have in common, and what sets them apart.

use std::fmt::Write as _;

use audit_core::model::IssuerUrl;

const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const ACCOUNT: &str = "111122223333";

/// A cluster and an account.
pub struct Shape {
    /// What sets it apart.
    pub name: &'static str,
    /// ServiceAccounts that are annotated with a role.
    pub bindings: usize,
    /// Pods of one ServiceAccount.
    pub pods: usize,
    /// ServiceAccounts of one namespace.
    per_namespace: usize,
    /// How many bindings have one role.
    per_role: usize,
    /// Whom the roles trust.
    trust: Trust,
    /// Bytes of the managed policy that all roles have attached; 0 for none.
    managed: usize,
}

/// Whom the roles trust.
#[derive(Clone, Copy)]
enum Trust {
    /// The ServiceAccounts that are annotated with them, of one in so many another namespace's.
    BrokenEvery(usize),
    /// All ServiceAccounts, by a wildcard.
    Everyone,
    /// Nobody, by a wildcard where none counts.
    Literally,
    /// There are no roles.
    Missing,
}

const USUAL: Shape = Shape {
    name: "",
    bindings: 10_000,
    pods: 10,
    per_namespace: 20,
    per_role: 1,
    trust: Trust::BrokenEvery(100),
    managed: 0,
};

/// What is measured.
pub fn all() -> Vec<Shape> {
    let of = |bindings| Shape {
        name: "each its own role",
        bindings,
        ..USUAL
    };
    vec![
        of(1_000),
        of(10_000),
        of(20_000),
        of(100_000),
        Shape {
            name: "every other one broken",
            trust: Trust::BrokenEvery(2),
            ..USUAL
        },
        Shape {
            name: "50 share a role",
            per_role: 50,
            ..USUAL
        },
        Shape {
            name: "all share a role that trusts a wildcard",
            per_role: usize::MAX,
            trust: Trust::Everyone,
            ..USUAL
        },
        Shape {
            name: "roles share a managed policy of 6 KB",
            managed: 6_000,
            ..USUAL
        },
        Shape {
            name: "one namespace",
            per_namespace: usize::MAX,
            pods: 1,
            ..USUAL
        },
        Shape {
            name: "one namespace, no pods",
            per_namespace: usize::MAX,
            pods: 0,
            ..USUAL
        },
        Shape {
            name: "roles do not exist",
            trust: Trust::Missing,
            pods: 1,
            ..USUAL
        },
        Shape {
            name: "a wildcard under StringEquals",
            trust: Trust::Literally,
            pods: 1,
            ..USUAL
        },
    ]
}

/// The cluster's issuer.
pub fn issuer() -> IssuerUrl {
    IssuerUrl::parse(&format!("https://{HOST_PATH}")).expect("an issuer")
}

impl Shape {
    /// The cluster's objects, a list for each namespace.
    pub fn manifests(&self) -> Vec<String> {
        let namespaces = self.bindings.div_ceil(self.per_namespace);
        (0..namespaces).map(|namespace| self.objects(namespace)).collect()
    }

    /// What the AWS CLI prints of the account.
    pub fn outputs(&self) -> Vec<String> {
        let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}");
        vec![
            self.details(),
            format!(r#"{{"OpenIDConnectProviderList":[{{"Arn":"{provider}"}}]}}"#),
            format!(r#"{{"Url":"{HOST_PATH}","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}}"#),
        ]
    }

    /// The number of the role of a binding.
    fn role_of(&self, at: usize) -> usize {
        at / self.per_role
    }

    /// The objects of one namespace.
    fn objects(&self, namespace: usize) -> String {
        let mut items = vec![format!(
            r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"ns-{namespace}"}}}}"#
        )];
        let first = namespace * self.per_namespace;
        for at in first..first.saturating_add(self.per_namespace).min(self.bindings) {
            let role = self.role_of(at);
            items.push(format!(
                r#"{{"apiVersion":"v1","kind":"ServiceAccount","metadata":{{"name":"app-{at}","namespace":"ns-{namespace}","uid":"s{at}","annotations":{{"eks.amazonaws.com/role-arn":"arn:aws:iam::{ACCOUNT}:role/app-{role}"}}}}}}"#
            ));
            items.extend((0..self.pods).map(|pod| self::pod(namespace, at, role, pod)));
        }
        format!(
            r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#,
            items.join(",")
        )
    }

    /// The account, as `get-account-authorization-details` prints it.
    fn details(&self) -> String {
        let mut roles = String::new();
        let count = match self.trust {
            Trust::Missing => 0,
            _ => self.bindings.div_ceil(self.per_role),
        };
        for role in 0..count {
            let separator = if role == 0 { "" } else { "," };
            let condition = self.condition(role);
            let attached = if self.managed == 0 {
                String::new()
            } else {
                format!(r#"{{"PolicyName":"shared","PolicyArn":"arn:aws:iam::{ACCOUNT}:policy/shared"}}"#)
            };
            write!(
                roles,
                r#"{separator}{{"Path":"/","RoleName":"app-{role}","RoleId":"AROA{role:017}","Arn":"arn:aws:iam::{ACCOUNT}:role/app-{role}","CreateDate":"2026-01-01T00:00:00+00:00","AssumeRolePolicyDocument":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}}}]}},"InstanceProfileList":[],"RolePolicyList":[{{"PolicyName":"p","PolicyDocument":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-{role}/*"}}]}}}}],"AttachedManagedPolicies":[{attached}],"Tags":[],"RoleLastUsed":{{}}}}"#
            )
            .expect("a string takes everything");
        }
        let policies = self.managed_policy();
        format!(
            r#"{{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[{roles}],"Policies":[{policies}]}}"#
        )
    }

    /// The condition of a role's trust policy.
    fn condition(&self, role: usize) -> String {
        let (operator, subjects) = match self.trust {
            Trust::Everyone => ("StringLike", r#""system:serviceaccount:*:*""#.to_owned()),
            Trust::Literally => ("StringEquals", r#""system:serviceaccount:ns-*:*""#.to_owned()),
            Trust::BrokenEvery(every) => ("StringEquals", self.subjects(role, every)),
            Trust::Missing => ("StringEquals", "[]".to_owned()),
        };
        let audience = format!(r#""{HOST_PATH}:aud":"sts.amazonaws.com""#);
        if operator == "StringEquals" {
            format!(r#"{{"StringEquals":{{"{HOST_PATH}:sub":{subjects},{audience}}}}}"#)
        } else {
            format!(r#"{{"{operator}":{{"{HOST_PATH}:sub":{subjects}}},"StringEquals":{{{audience}}}}}"#)
        }
    }

    /// The subjects of the bindings that have a role, of one in `every` in another namespace.
    fn subjects(&self, role: usize, every: usize) -> String {
        let first = role * self.per_role;
        let bindings = first..first.saturating_add(self.per_role).min(self.bindings);
        let subject = |at: usize| {
            let namespace = at / self.per_namespace;
            if at.is_multiple_of(every) {
                format!(r#""system:serviceaccount:staging:app-{at}""#)
            } else {
                format!(r#""system:serviceaccount:ns-{namespace}:app-{at}""#)
            }
        };
        let subjects: Vec<String> = bindings.map(subject).collect();
        match subjects.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(",")),
        }
    }

    /// The managed policy that all roles have attached, as that output holds it.
    fn managed_policy(&self) -> String {
        if self.managed == 0 {
            return String::new();
        }
        let mut statements = String::new();
        for at in 0.. {
            if statements.len() >= self.managed {
                break;
            }
            let separator = if at == 0 { "" } else { "," };
            write!(
                statements,
                r#"{separator}{{"Sid":"Tables{at}","Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:PutItem","dynamodb:Query"],"Resource":"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders-{at}"}}"#
            )
            .expect("a string takes everything");
        }
        format!(
            r#"{{"PolicyName":"shared","Arn":"arn:aws:iam::{ACCOUNT}:policy/shared","Path":"/","DefaultVersionId":"v1","PolicyVersionList":[{{"VersionId":"v1","IsDefaultVersion":true,"Document":{{"Version":"2012-10-17","Statement":[{statements}]}}}}]}}"#
        )
    }
}

/// A pod with what the webhook injects.
fn pod(namespace: usize, at: usize, role: usize, pod: usize) -> String {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app-{role}");
    let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"app-{at}-7d9f-{pod}","namespace":"ns-{namespace}","uid":"p{at}-{pod}","labels":{{"pod-template-hash":"7d9f"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-{at}-7d9f","uid":"r{at}","controller":true}}]}},"spec":{{"serviceAccountName":"app-{at}","containers":[{{"name":"app","image":"x","env":[{{"name":"AWS_ROLE_ARN","value":"{role}"}},{{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"{folder}/token"}}],"volumeMounts":[{{"name":"aws-iam-token","mountPath":"{folder}","readOnly":true}}]}}],"volumes":[{{"name":"aws-iam-token","projected":{{"sources":[{{"serviceAccountToken":{{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}}}]}}}}]}},"status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
    )
}
