//! What the audit of a whole cluster costs in the core. `cargo bench -p audit-offline` prints the figures; nothing is asserted
//! about time.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot set itself up has nothing to say"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use audit_core::audit;
use audit_core::model::IssuerUrl;
use audit_offline::{Loaded, Options, Source, load};
use jiff::Timestamp;

const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const ACCOUNT: &str = "111122223333";

/// ServiceAccounts of one namespace.
const PER_NAMESPACE: usize = 20;

/// Pods of one ServiceAccount.
const PODS: usize = 10;

fn main() {
    for (bindings, broken_every) in [(1_000, 100), (10_000, 100), (20_000, 100), (10_000, 2)] {
        measure(bindings, broken_every);
    }
}

/// Audits so many bindings with ten pods each; the trust policy of one in `broken_every` names another namespace.
fn measure(bindings: usize, broken_every: usize) {
    let started = Instant::now();
    let loaded = cluster(bindings, broken_every);
    let filled = started.elapsed();
    let now = Timestamp::UNIX_EPOCH;
    let mut broken = 0;
    let best = (0..5)
        .map(|_| {
            let started = Instant::now();
            let report = black_box(audit(black_box(&loaded.snapshot), &loaded.config, now));
            let elapsed = started.elapsed();
            let is_broken =
                |binding: &&audit_core::BindingReport| binding.verdict == audit_core::Verdict::Broken;
            broken = report.bindings.iter().filter(is_broken).count();
            assert_eq!(report.bindings.len(), bindings, "every binding is audited");
            elapsed
        })
        .min()
        .unwrap_or_default();
    println!(
        "{bindings} bindings, {} pods, {broken} of them broken: {:.1} ms, {:.1} µs a binding; loaded in {:.1} s",
        bindings * PODS,
        milliseconds(best),
        milliseconds(best) * 1_000.0 / f64::from(u32::try_from(bindings).unwrap_or(u32::MAX)),
        filled.as_secs_f64(),
    );
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// A cluster and an account, as files hold them.
fn cluster(bindings: usize, broken_every: usize) -> Loaded {
    let namespaces = bindings.div_ceil(PER_NAMESPACE);
    let manifests: Vec<Source> = (0..namespaces)
        .map(|namespace| Source::new(format!("namespace-{namespace}"), objects(namespace, bindings)))
        .collect();
    let issuer = IssuerUrl::parse(&format!("https://{HOST_PATH}")).expect("an issuer");
    let options = Options {
        issuer: Some(issuer),
        ..options()
    };
    let outputs = [
        Source::new("details", details(bindings, broken_every)),
        Source::new(
            "providers",
            format!(
                r#"{{"OpenIDConnectProviderList":[{{"Arn":"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}"}}]}}"#
            ),
        ),
        Source::new(
            "provider",
            format!(r#"{{"Url":"{HOST_PATH}","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}}"#),
        ),
    ];
    let loaded = load(&manifests, &outputs, &options);
    assert!(!loaded.has_errors(), "{:?}", loaded.problems.first());
    loaded
}

fn options() -> Options {
    Options {
        annotation_prefix: "eks.amazonaws.com".to_owned(),
        namespace: "default".to_owned(),
        webhook_namespace: "kube-system".to_owned(),
        partial: false,
        issuer: None,
        account: None,
        now: Timestamp::UNIX_EPOCH,
    }
}

/// The objects of one namespace, as a list.
fn objects(namespace: usize, bindings: usize) -> String {
    let mut items = vec![format!(
        r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"ns-{namespace}"}}}}"#
    )];
    let first = namespace * PER_NAMESPACE;
    for at in first..(first + PER_NAMESPACE).min(bindings) {
        items.push(format!(
            r#"{{"apiVersion":"v1","kind":"ServiceAccount","metadata":{{"name":"app-{at}","namespace":"ns-{namespace}","uid":"s{at}","annotations":{{"eks.amazonaws.com/role-arn":"arn:aws:iam::{ACCOUNT}:role/app-{at}"}}}}}}"#
        ));
        items.extend((0..PODS).map(|pod| self::pod(namespace, at, pod)));
    }
    format!(
        r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#,
        items.join(",")
    )
}

/// A pod with what the webhook injects.
fn pod(namespace: usize, at: usize, pod: usize) -> String {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app-{at}");
    let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"app-{at}-7d9f-{pod}","namespace":"ns-{namespace}","uid":"p{at}-{pod}","labels":{{"pod-template-hash":"7d9f"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-{at}-7d9f","uid":"r{at}","controller":true}}]}},"spec":{{"serviceAccountName":"app-{at}","containers":[{{"name":"app","image":"x","env":[{{"name":"AWS_ROLE_ARN","value":"{role}"}},{{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"{folder}/token"}}],"volumeMounts":[{{"name":"aws-iam-token","mountPath":"{folder}","readOnly":true}}]}}],"volumes":[{{"name":"aws-iam-token","projected":{{"sources":[{{"serviceAccountToken":{{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}}}]}}}}]}},"status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
    )
}

/// The account, as `get-account-authorization-details` prints it: a role with one inline policy for each binding.
fn details(bindings: usize, broken_every: usize) -> String {
    let mut roles = String::new();
    for at in 0..bindings {
        let namespace = if at % broken_every == 0 {
            "staging".to_owned()
        } else {
            format!("ns-{}", at / PER_NAMESPACE)
        };
        let separator = if at == 0 { "" } else { "," };
        write!(
            roles,
            r#"{separator}{{"Path":"/","RoleName":"app-{at}","RoleId":"AROA{at:017}","Arn":"arn:aws:iam::{ACCOUNT}:role/app-{at}","CreateDate":"2026-01-01T00:00:00+00:00","AssumeRolePolicyDocument":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{HOST_PATH}:sub":"system:serviceaccount:{namespace}:app-{at}","{HOST_PATH}:aud":"sts.amazonaws.com"}}}}}}]}},"InstanceProfileList":[],"RolePolicyList":[{{"PolicyName":"p","PolicyDocument":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-{at}/*"}}]}}}}],"AttachedManagedPolicies":[],"Tags":[],"RoleLastUsed":{{}}}}"#
        )
        .expect("a string takes everything");
    }
    format!(r#"{{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[{roles}],"Policies":[]}}"#)
}
