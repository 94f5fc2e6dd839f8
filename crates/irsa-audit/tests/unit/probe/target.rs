use clap::Parser;

use super::*;
use crate::audit::source::{self, AuditInput, SourceArgs};

const EKS: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

#[derive(Parser)]
struct Files {
    #[command(flatten)]
    source: SourceArgs,
}

/// What files say, with more flags.
fn read(kubernetes: &str, aws: &str, flags: &[&str]) -> AuditInput {
    let path = |path: &str| format!("{}/tests/{path}", env!("CARGO_MANIFEST_DIR"));
    let (kubernetes, aws) = (path(kubernetes), path(aws));
    let words = ["x", "--kubernetes", &kubernetes, "--aws", &aws];
    let files = Files::try_parse_from(words.iter().chain(flags)).unwrap();
    source::read(&files.source, None).unwrap()
}

fn healthy() -> AuditInput {
    read("fixtures/healthy/kubernetes", "fixtures/healthy/aws", &[])
}

fn broken() -> AuditInput {
    read("fixtures/broken/kubernetes.yaml", "fixtures/broken/aws", &[])
}

fn case(name: &str, flags: &[&str]) -> AuditInput {
    read(
        &format!("cases/{name}/k8s.yaml"),
        &format!("cases/{name}/aws"),
        flags,
    )
}

fn found(evidence: &AuditInput, account: &str, wanted: Option<&str>) -> Result<Target, NothingToProbe> {
    let (namespace, name) = account.split_once('/').unwrap();
    let key = BindingKey::new(namespace, name);
    let wanted = wanted.map(|arn| RoleArn::parse(arn).unwrap());
    let chain = Chain::derive(&evidence.snapshot, &evidence.config, &key, evidence.now);
    find(chain, wanted.as_ref())
}

#[test]
fn the_role_and_the_audience_are_those_of_the_evaluation() {
    let target = found(&healthy(), "shop/cart", None).unwrap();
    assert_eq!(target.role.as_str(), "arn:aws:iam::111122223333:role/cart");
    assert_eq!(target.audience, "sts.amazonaws.com");
    assert_eq!((target.outcome, target.others.len()), (RoleOutcome::Passes, 0));
    let target = found(&broken(), "shop/wrong-namespace", None).unwrap();
    let codes: Vec<&str> = target.findings.iter().map(|finding| finding.entry.code).collect();
    assert!(
        target.outcome == RoleOutcome::Fails && codes.contains(&"IRSA204"),
        "{codes:?}"
    );
    let flags = [
        "--issuer",
        "https://oidc.k8s.example.org/clusters/blue",
        "--token-audience",
        "amazonaws.com",
    ];
    let target = found(&case("audience-by-flag", &flags), "shop/cart", None).unwrap();
    assert_eq!(target.audience, "amazonaws.com");
}

#[test]
fn where_there_is_nothing_to_ask_for_the_reason_is_named() {
    let eks = ["--issuer", EKS];
    let self_hosted = ["--issuer", "https://oidc.k8s.example.org/clusters/blue"];
    let openshift = ["--issuer", "https://oidc.op1.openshiftapps.com/0123456789abcdef"];
    let why = |evidence: &AuditInput, account: &str| found(evidence, account, None).unwrap_err();
    assert!(matches!(
        why(&healthy(), "shop/absent"),
        NothingToProbe::NoServiceAccount(_)
    ));
    assert!(matches!(
        why(&broken(), "shop/malformed"),
        NothingToProbe::NotAnArn { named, .. } if named.contains("instance-profile")
    ));
    assert!(matches!(
        why(&case("audience-not-known-self-hosted", &self_hosted), "shop/cart"),
        NothingToProbe::NoAudience(_)
    ));
    for (evidence, account, path) in [
        (
            case("pod-identity-not-audited", &eks),
            "shop/cart",
            "`PodIdentity`",
        ),
        (
            case("own-token-role-in-secret", &openshift),
            "registry/registry",
            "`Own`",
        ),
        (case("no-role-at-all", &[]), "shop/default", "no role annotation"),
    ] {
        assert!(
            matches!(why(&evidence, account), NothingToProbe::NoRole { why, .. } if why.contains(path)),
            "{account} {path}: {}",
            why(&evidence, account)
        );
    }
}

#[test]
fn a_role_that_is_wanted_is_evaluated_as_if_the_annotation_named_it() {
    let mut evidence = healthy();
    let orders = "arn:aws:iam::111122223333:role/teams/shop/orders";
    let key = BindingKey::new("shop", "cart");
    let role = RoleArn::parse(orders).unwrap();
    annotate(&mut evidence.snapshot.cluster, &key, "eks.amazonaws.com", &role);
    let target = found(&evidence, "shop/cart", Some(orders)).unwrap();
    assert_eq!(
        (target.role.as_str(), target.outcome),
        (orders, RoleOutcome::Fails)
    );
    assert!(!target.findings.is_empty());
    // A ServiceAccount that does not exist gets no annotation.
    annotate(
        &mut evidence.snapshot.cluster,
        &BindingKey::new("shop", "absent"),
        "eks.amazonaws.com",
        &role,
    );
    assert!(matches!(
        found(&evidence, "shop/absent", Some(orders)),
        Err(NothingToProbe::NoServiceAccount(_))
    ));
}

#[test]
fn roles_that_are_not_asked_for_are_listed() {
    let evidence = case("can-i-with-two-roles", &["--issuer", EKS]);
    let target = found(&evidence, "shop/cart", None).unwrap();
    assert_eq!(target.others.len(), 1, "{target:?}");
    let other = target.others[0].role.clone();
    let target = found(&evidence, "shop/cart", Some(&other)).unwrap();
    assert_eq!(target.role.as_str(), other);
}

#[test]
fn the_region_is_the_one_that_pods_use() {
    let with = |given: Option<&str>, issuer: Option<&str>, configured: Option<&str>, partition: &str| {
        region(given, issuer, configured.map(str::to_owned), partition).map(|region| region.name)
    };
    let own = Some("https://oidc.k8s.example.org/clusters/blue");
    assert_eq!(
        with(Some("eu-north-1"), Some(EKS), Some("us-west-2"), "aws").as_deref(),
        Ok("eu-north-1")
    );
    assert_eq!(
        with(None, Some(EKS), Some("us-west-2"), "aws").as_deref(),
        Ok("eu-west-1")
    );
    assert_eq!(
        with(None, own, Some("us-west-2"), "aws").as_deref(),
        Ok("us-west-2")
    );
    assert_eq!(with(None, own, None, "aws").as_deref(), Ok("us-east-1"));
    assert_eq!(
        with(None, Some(EKS), None, "aws-cn"),
        Err(NothingToProbe::NoRegion("aws-cn".to_owned()))
    );
}
