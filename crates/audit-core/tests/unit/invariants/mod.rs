//! What holds for every report, whatever was observed.

mod strategies;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::audit::{audit, audit_cluster, is_bound};
use crate::config::RoleHome;
use crate::finding::{Link, Severity};
use crate::model::rbac::Subject;
use crate::model::webhook::OPT_OUT_LABEL;
use crate::model::{
    Access, Account, BindingKey, Container, EnvFrom, EnvSource, FailureKind, LastUsed, Observed, Pod,
    PodIdentityAssociation, PodPhase, Provider, Rarities, Role, RoleLookup, SetBy, StsEndpoints, TokenMount,
    TokenPlace, Unkept,
};
use crate::rbac::{self, Rbac};
use crate::report::{ALL_LINKS_PASS, BindingReport, LinkState};
use crate::testing::{pod as testing_pod, *};
use crate::verdict::Verdict;
use strategies::*;

/// One change of a world; drawn from what the field has shown and from nonsense.
#[derive(Debug, Clone)]
enum Change {
    Annotation(Option<String>),
    Audience(Option<String>),
    Annotate(&'static str, String),
    Listed(String, String, i64),
    RoleHome,
    ProviderUrls(Option<Vec<&'static str>>),
    TrustQuota(usize),
    Association(String, Option<String>),
    NoServiceAccount,
    Trust(String),
    RoleAbsent,
    RoleArn(&'static str),
    RoleUnseen(Option<FailureKind>),
    ProviderUnseen(Option<FailureKind>),
    NoProvider,
    ClientIds(Vec<&'static str>),
    Policies(Option<usize>),
    Inline(String),
    DocumentsUnseen(Option<FailureKind>),
    ListingFails(FailureKind),
    NoAccount,
    NotConfigured,
    NoIssuer,
    TrustedBy(&'static str),
    NoPods,
    Pod(Box<(Container, Shape)>),
    LastUsed(LastUsed),
    Webhook(Option<bool>),
    RegionalSts(&'static str),
    OldRole(bool),
    ExpectRole(String),
    ExpectAws,
    ExpectKubernetes,
    Rbac(&'static str, &'static str, bool, Box<Subject>),
    RbacUnseen,
    Reviewed(rbac::Ruling),
    ExpectWorkload(&'static str),
    Waive(&'static str, Option<i64>),
    Severity(&'static str, Severity),
    Undeclared,
    Later(i64),
}

/// What varies of a pod besides its container.
#[derive(Debug, Clone)]
struct Shape {
    opt_out: bool,
    terminating: bool,
    phase: PodPhase,
    skip: Option<String>,
    age: Option<i64>,
    kind: &'static str,
    account: &'static str,
}

impl Change {
    fn apply(self, world: World) -> World {
        let has_account = world.snapshot.accounts.contains_key(ACCOUNT);
        let has_provider = has_account
            && matches!(
                world.snapshot.accounts[ACCOUNT].provider.value,
                Some((Some(_), _))
            );
        let service_account = world
            .snapshot
            .cluster
            .binding(&world.key)
            .is_some_and(|b| b.service_account().is_some());
        match self {
            Self::Annotation(value) if service_account => {
                world.annotate(&format!("{PREFIX}/role-arn"), value.as_deref())
            }
            Self::Audience(value) if service_account => {
                world.annotate(&format!("{PREFIX}/audience"), value.as_deref())
            }
            Self::Annotate(key, value) if service_account => world.annotate(key, Some(&value)),
            Self::Listed(role, audience, seconds) => world
                .listed_by_webhook(&role, &audience)
                .webhook_entry(|entry| entry.token_expiration = seconds),
            Self::RoleHome => world.config(|config| config.role_home = RoleHome::parse(ACCOUNT).ok()),
            Self::NoServiceAccount => world.without_service_account(),
            Self::Trust(text) if has_account => world.trust_text(&text),
            Self::RoleAbsent if has_account => world.role(RoleLookup::Absent),
            Self::RoleArn(arn) if has_account => {
                world.role(role(arn, &trust(&condition(SUBJECT)).to_string()))
            }
            Self::RoleUnseen(kind) if has_account => world.role_unseen(kind),
            Self::ProviderUnseen(kind) if has_account => world.provider_unseen(kind),
            Self::NoProvider if has_account => world.without_provider(),
            Self::ClientIds(ids) if has_provider => world.client_ids(&ids),
            Self::Policies(Some(count)) if has_account => world.policies(count),
            Self::Policies(None) if has_account => world.policies_unseen(None),
            Self::Inline(text) if has_account => world.inline_text(&text),
            Self::DocumentsUnseen(kind) if has_account => world.documents_unseen(kind.as_ref()),
            Self::ListingFails(kind) if has_account => world.listing_fails(kind),
            Self::NoAccount => world.without_account(),
            Self::NotConfigured if has_account => world.account_not_configured(),
            Self::NoIssuer => world.issuer_unknown(),
            Self::TrustedBy(role) if has_account => world.trusted_by(role),
            Self::NoPods if world.snapshot.cluster.binding(&world.key).is_some() => world.without_pods(),
            Self::Pod(pod) => with_pod(world, pod.0, pod.1),
            Self::LastUsed(last_used) if has_account => with_last_used(world, last_used),
            Self::Webhook(registered) => {
                let mut world = world;
                world.snapshot.cluster.set_webhook(registered);
                world
            }
            Self::RegionalSts(value) if service_account => {
                world.annotate(&format!("{PREFIX}/sts-regional-endpoints"), Some(value))
            }
            Self::OldRole(good) if has_account => {
                let subject = if good {
                    SUBJECT
                } else {
                    "system:serviceaccount:a:b"
                };
                world.any_role(
                    "old-cart",
                    role(OLD_ROLE, &trust(&condition(subject)).to_string()),
                )
            }
            Self::ExpectRole(arn) => world.expect_role(&arn),
            Self::ExpectAws => world.expect_aws(),
            Self::ExpectKubernetes => world.expect_kubernetes(),
            Self::Rbac(namespace, rule, dangling, subject) => {
                let world = if dangling {
                    world
                } else {
                    world.granting("", "r", rule)
                };
                world.bound(namespace, "/r", &subject)
            }
            Self::RbacUnseen => world.rbac(|rbac| *rbac = Rbac::default()),
            Self::Reviewed(ruling) if is_asked_for(&world) => world.reviewed(ruling),
            Self::ExpectWorkload(name) => world.request(|request| {
                request.workloads.push(crate::model::WorkloadRef {
                    kind: "Deployment".into(),
                    name: name.into(),
                });
            }),
            Self::Waive(code, seconds) => world.waive(code, seconds),
            Self::Severity(code, severity) => {
                world.config(|config| config.severities.extend([(code.to_owned(), severity)]))
            }
            Self::Undeclared => world.request(|request| request.declared = false),
            Self::Later(seconds) => world.later(seconds),
            other if has_account => other.apply_to_account(world),
            _ => world,
        }
    }

    /// The changes of what only some verdicts read of an account.
    fn apply_to_account(self, world: World) -> World {
        let (now, key) = (world.now, world.key.clone());
        match self {
            Self::ProviderUrls(Some(urls)) => world.provider_urls(&urls),
            Self::ProviderUrls(None) => world.account(|account| account.provider_urls = Observed::default()),
            Self::TrustQuota(quota) => world.account(|account| account.trust_quota.succeed(quota, now)),
            Self::Association(id, role_arn) => {
                let association = PodIdentityAssociation {
                    is_described: true,
                    id,
                    role_arn,
                    has_session_tags: true,
                };
                world.account(|account| account.pod_identity.succeed([(key, association)].into(), now))
            }
            _ => world,
        }
    }
}

/// Whether there is an `IrsaAudit`, which alone can expect anything.
fn is_asked_for(world: &World) -> bool {
    let binding = world.snapshot.cluster.binding(&world.key);
    binding.is_some_and(|binding| !binding.requests().is_empty())
}

/// One more pod in the namespace.
fn with_pod(mut world: World, container: Container, shape: Shape) -> World {
    let name = format!("p{}", container.name);
    let made = testing_pod(&BindingKey::new("shop", shape.account), &name, container);
    let ago = |seconds| world.now.checked_sub(SignedDuration::from_secs(seconds)).ok();
    let labels = shape
        .opt_out
        .then(|| (OPT_OUT_LABEL.to_owned(), "true".to_owned()));
    let labels = labels.into_iter();
    let mut made = Pod {
        terminating: shape.terminating,
        phase: shape.phase,
        created: shape.age.and_then(ago),
        ..made
    };
    made.labels = std::sync::Arc::new(labels.collect());
    let skip = shape
        .skip
        .map(|names| (format!("{PREFIX}/skip-containers"), names));
    made.annotations = skip.into_iter().collect();
    made.also_named = ["cart".to_owned()].into();
    std::sync::Arc::make_mut(&mut made.workload).kind = shape.kind.into();
    world.snapshot.cluster.put_pod(made);
    world
}

/// The same with what IAM says of the role's last use, where there is one.
fn with_last_used(world: World, last_used: LastUsed) -> World {
    let old = world.snapshot.accounts[ACCOUNT]
        .roles
        .get("cart")
        .and_then(Observed::latest)
        .cloned();
    match old {
        Some(RoleLookup::Found(role)) => {
            let long_ago = Timestamp::from_second(1_700_000_000).ok();
            let role = Role {
                last_used,
                created: long_ago,
                told_after: long_ago,
                ..(*role).clone()
            };
            world.role(RoleLookup::Found(std::sync::Arc::new(role)))
        }
        _ => world,
    }
}

/// What varies of a pod besides its container.
fn shape() -> impl Strategy<Value = Shape> {
    let phase = prop::sample::select(vec![
        PodPhase::Pending,
        PodPhase::Running,
        PodPhase::Failed,
        PodPhase::Unknown,
        PodPhase::Template,
    ]);
    let skip = prop_oneof![Just("a,b".to_owned()), hostile()];
    (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        phase,
        prop::option::weighted(0.2, skip),
        prop::option::of(0_i64..200_000),
        prop::sample::select(vec!["Deployment", "Rollout", "Job", "Pod", "CronJob", "\u{202e}"]),
        prop::sample::select(vec!["cart", "default", "web"]),
    )
        .prop_map(|(opt_out, terminating, phase, skip, age, kind, account)| Shape {
            opt_out,
            terminating,
            phase,
            skip,
            age,
            kind,
            account,
        })
}

fn code() -> impl Strategy<Value = &'static str> {
    let codes: Vec<&str> = crate::rules::CATALOGUE
        .iter()
        .map(|rule| rule.entry.code)
        .collect();
    prop::sample::select(codes)
}

fn ruling() -> impl Strategy<Value = rbac::Ruling> {
    let denied = |(explicitly, failed)| rbac::Ruling::Denied { explicitly, failed };
    prop_oneof![
        Just(rbac::Ruling::Allowed),
        any::<(bool, bool)>().prop_map(denied)
    ]
}

fn grant() -> impl Strategy<Value = Change> {
    let subject = prop_oneof![
        3 => Just(rbac::testing::account("shop", "cart")),
        1 => Just(rbac::testing::account("staging", "cart")),
        1 => Just(Subject::Group("system:authenticated".into())),
        1 => hostile().prop_map(|name| Subject::User(name.as_str().into())),
    ];
    let rule = prop::sample::select(vec![
        "get core pods",
        "list core pods",
        "get apps pods",
        "get core pods/log",
        "* * *",
    ]);
    let namespace = prop::sample::select(vec!["shop", "staging", ""]);
    (namespace, rule, prop::bool::weighted(0.2), subject).prop_map(|(namespace, rule, dangling, subject)| {
        Change::Rbac(namespace, rule, dangling, Box::new(subject))
    })
}

/// URLs of providers that come near to the cluster's issuer, and one that does not.
const NEAR_URLS: [&str; 4] = [
    "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF/",
    "OIDC.eks.us-east-1.amazonaws.com:443/id/0123456789abcdef0123456789abcdef",
    "oidc-eks.eu-west-1.api.aws/id/0123456789ABCDEF0123456789ABCDEF",
    OTHER_HOST_PATH,
];

fn annotation_key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "eks.amazonaws.com/role_arn",
        "iam.amazonaws.com/role",
        "eks.amazonaws.com/token-expiration",
        "--role-arn=\u{202e}'$(x)",
    ])
}

fn change() -> impl Strategy<Value = Change> {
    let severity = prop::sample::select(vec![
        Severity::Notice,
        Severity::Risk,
        Severity::Unknown,
        Severity::Broken,
    ]);
    let pod = (container(), shape());
    let last_used = prop_oneof![
        Just(LastUsed::Never),
        (0_i64..200_000).prop_map(|ago| LastUsed::At(Timestamp::from_second(1_800_000_000 - ago).unwrap())),
    ];
    prop_oneof![
        1 => last_used.prop_map(Change::LastUsed),
        1 => prop::option::of(any::<bool>()).prop_map(Change::Webhook),
        1 => prop::sample::select(vec!["false", "true", "?"]).prop_map(Change::RegionalSts),
        1 => prop::option::of(arn()).prop_map(Change::Annotation),
        1 => prop::option::of(prop_oneof![Just(String::new()), hostile()]).prop_map(Change::Audience),
        1 => (annotation_key(), prop_oneof![arn(), hostile()]).prop_map(|(key, value)| Change::Annotate(key, value)),
        1 => (arn(), prop_oneof![Just(AUDIENCE.to_owned()), hostile()], any::<i64>())
            .prop_map(|(role, audience, seconds)| Change::Listed(role, audience, seconds)),
        1 => Just(Change::RoleHome),
        1 => prop::option::of(prop::sample::subsequence(NEAR_URLS.to_vec(), 0..3)).prop_map(Change::ProviderUrls),
        1 => (0_usize..3000).prop_map(Change::TrustQuota),
        1 => (hostile(), prop::option::of(arn())).prop_map(|(id, arn)| Change::Association(id, arn)),
        1 => Just(Change::NoServiceAccount),
        3 => trust_text().prop_map(Change::Trust),
        1 => Just(Change::RoleAbsent),
        1 => Just(Change::RoleArn("arn:aws:iam::111122223333:role/teams/cart")),
        1 => prop::option::of(failure()).prop_map(Change::RoleUnseen),
        1 => prop::option::of(failure()).prop_map(Change::ProviderUnseen),
        1 => Just(Change::NoProvider),
        1 => prop::sample::subsequence(vec![AUDIENCE, "vault", ""], 0..3).prop_map(Change::ClientIds),
        1 => prop::option::of(0_usize..2).prop_map(Change::Policies),
        1 => inline_text().prop_map(Change::Inline),
        1 => prop::option::of(failure()).prop_map(Change::DocumentsUnseen),
        1 => failure().prop_map(Change::ListingFails),
        1 => Just(Change::NoAccount),
        1 => Just(Change::NotConfigured),
        1 => Just(Change::NoIssuer),
        1 => prop::sample::select(vec!["cart", "old-cart", "unread"]).prop_map(Change::TrustedBy),
        1 => Just(Change::NoPods),
        4 => pod.prop_map(|pod| Change::Pod(Box::new(pod))),
        1 => any::<bool>().prop_map(Change::OldRole),
        1 => arn().prop_map(Change::ExpectRole),
        1 => Just(Change::ExpectAws),
        1 => Just(Change::ExpectKubernetes),
        2 => grant(),
        1 => Just(Change::RbacUnseen),
        1 => ruling().prop_map(Change::Reviewed),
        1 => prop::sample::select(vec!["cart", "pa", "stray"]).prop_map(Change::ExpectWorkload),
        2 => (code(), prop::option::of(-10_i64..7200)).prop_map(|(code, end)| Change::Waive(code, end)),
        1 => (code(), severity).prop_map(|(code, severity)| Change::Severity(code, severity)),
        1 => Just(Change::Undeclared),
        1 => (-10_i64..7200).prop_map(Change::Later),
    ]
}

fn world() -> impl Strategy<Value = World> {
    prop::collection::vec(change(), 0..7).prop_map(|changes| {
        changes
            .into_iter()
            .fold(World::healthy(), |world, change| change.apply(world))
    })
}

/// What verdict, reason, findings and links say of each other.
fn check(report: &BindingReport) -> Result<(), TestCaseError> {
    let counting = |severity: Severity| {
        report
            .findings
            .iter()
            .filter(move |f| f.counts() && f.severity == severity)
    };
    prop_assert_eq!(
        report.verdict == Verdict::Broken,
        counting(Severity::Broken).next().is_some()
    );
    let deciding = match report.verdict {
        Verdict::Working => None,
        Verdict::AtRisk => Some(Severity::Risk),
        Verdict::Unknown => Some(Severity::Unknown),
        Verdict::Broken => Some(Severity::Broken),
    };
    match deciding {
        None => {
            prop_assert_eq!(report.reason, ALL_LINKS_PASS);
            prop_assert!(counting(Severity::Risk).next().is_none());
        }
        Some(severity) => {
            let finding =
                counting(severity).find(|f| f.entry.reason == report.reason && f.message == report.message);
            prop_assert!(finding.is_some());
        }
    }
    if report.verdict != Verdict::Broken {
        let unseen = counting(Severity::Unknown).any(|f| f.link <= Link::Pods);
        prop_assert!(!unseen || report.verdict == Verdict::Unknown);
    }
    // Two ways of one binding may have the same fault: each says which containers take it.
    let is_in_order = report.findings.windows(2).all(|pair| {
        let place = |finding: &crate::Finding| (finding.link, finding.entry.code);
        let is_same = place(&pair[0]) == place(&pair[1]);
        place(&pair[0]) <= place(&pair[1]) && (!is_same || pair[0].message != pair[1].message)
    });
    prop_assert!(is_in_order);
    for (link, state) in report.links {
        let own = |severity: Severity| {
            counting(severity)
                .find(|f| f.link == link)
                .map(|f| f.entry.reason)
        };
        match state {
            LinkState::Broken(reason) => prop_assert_eq!(Some(reason), own(Severity::Broken)),
            LinkState::Unseen(reason) => {
                prop_assert_eq!(
                    (None, Some(reason)),
                    (own(Severity::Broken), own(Severity::Unknown))
                );
            }
            LinkState::NotExpected => {
                prop_assert_eq!(own(Severity::Broken), None);
                prop_assert!(own(Severity::Unknown).is_some());
            }
            LinkState::Passes | LinkState::NotApplicable | LinkState::NotReached => {
                prop_assert_eq!((None, None), (own(Severity::Broken), own(Severity::Unknown)));
            }
        }
        if state == LinkState::NotReached {
            let before = report.links.iter().take_while(|(l, _)| *l < link);
            let blocked = before
                .clone()
                .any(|(_, s)| matches!(s, LinkState::Broken(_) | LinkState::Unseen(_)));
            prop_assert!(blocked, "nothing stands in the way of {link:?}");
        }
        // A link that was not looked at is no part of a verdict that says that all is well, unless nobody asked about it.
        let is_well = matches!(report.verdict, Verdict::Working | Verdict::AtRisk);
        let is_open = matches!(
            state,
            LinkState::Unseen(_) | LinkState::NotReached | LinkState::Broken(_)
        );
        prop_assert!(!(is_well && is_open), "{link:?} is {state:?}");
    }
    // Broken findings say what to do.
    prop_assert!(
        report
            .findings
            .iter()
            .all(|f| f.severity != Severity::Broken || f.fix.is_some())
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_report_agrees_with_itself(world in world()) {
        let report = world.audit();
        if let Err(error) = check(&report) {
            return Err(TestCaseError::fail(format!("{error}\n{}", shown(&report))));
        }
        assert_safe(&report);
        let _ = is_bound(&world.snapshot, &world.config, &world.key, world.now);
        let whole = audit(&world.snapshot, &world.config, world.now);
        prop_assert!(whole.bindings.iter().all(|b| b.key != world.key || *b == report));
        let _ = audit_cluster(&world.snapshot, &world.config, world.now);
    }

    #[test]
    fn the_edit_of_a_trust_policy_makes_the_link_pass(world in world(), text in trust_text()) {
        let has_account = world.snapshot.accounts.contains_key(ACCOUNT);
        let world = if has_account { world.trust_text(&text) } else { world };
        let report = world.audit();
        let is_edit = |finding: &crate::Finding| {
            let fix = finding.fix.as_ref();
            let denies = finding.link == Link::Trust && finding.entry.severity == Severity::Broken;
            denies && fix.is_some_and(|fix| fix.first.kind == crate::fix::FixKind::AwsCli)
        };
        let usual_role = report.facts.role_arn.as_deref() == Some(ROLE);
        if usual_role && report.facts.audience.as_deref() != Some("") && report.findings.iter().any(is_edit) {
            let repaired = world.with_trust_repaired().audit();
            let waived = repaired.findings.iter().any(|f| f.link == Link::Trust && !f.counts());
            // Of several ways the one that fails is told first: once it is repaired, another one may decide.
            let way = |report: &BindingReport| (report.facts.role_arn.clone(), report.facts.audience.clone());
            // A condition that only AWS can decide stays, and is told.
            let is_left_to_aws = codes(&repaired).contains(&"IRSA214");
            let passes = state(&repaired, Link::Trust) == LinkState::Passes || is_left_to_aws;
            prop_assert!(waived || way(&repaired) != way(&report) || passes, "{}", shown(&repaired));
        }
    }

    #[test]
    fn what_concerns_somebody_else_changes_nothing(world in world(), other in container()) {
        let before = world.audit();
        let mut world = world;
        let stray = crate::model::BindingKey::new("elsewhere", "stray");
        world.snapshot.cluster.put_pod(pod(&stray, "stray", other));
        // These count whom a wildcard reaches.
        if !before.findings.iter().any(|f| ["IRSA207", "IRSA216"].contains(&f.entry.code)) {
            world = world.service_account("elsewhere", "stray");
        }
        let provider = Provider { arn: String::new(), url: String::new(), client_ids: Vec::new() };
        let now = world.now;
        let account = Account { access: Access::Configured, provider: Observed::known(Some(provider), now), ..Account::default() };
        world.snapshot.accounts.insert("000000000000".to_owned(), account);
        prop_assert_eq!(world.audit(), before);
    }

    #[test]
    fn a_report_stands_as_long_as_it_says(world in world()) {
        let report = world.audit();
        let later = match report.valid_until {
            Some(end) => end.saturating_sub(SignedDuration::from_secs(1)).unwrap(),
            None => world.now.saturating_add(SignedDuration::from_hours(24 * 365)).unwrap(),
        };
        if later > world.now {
            let mut world = world;
            world.now = later;
            prop_assert_eq!(world.audit(), report);
        }
    }

    #[test]
    fn what_fails_to_be_read_never_makes_a_fault(world in world(), kind in failure()) {
        // A waiver for one way of not seeing is none for another.
        let asked = world.snapshot.cluster.binding(&world.key).is_some_and(|binding| !binding.requests().is_empty());
        let world = if asked { world.request(|request| request.waivers.clear()) } else { world };
        let before = world.audit();
        let mut failing = world.clone();
        for account in failing.snapshot.accounts.values_mut() {
            account.provider.fail(kind.clone(), "no".to_owned(), world.now);
            account.provider_urls.fail(kind.clone(), "no".to_owned(), world.now);
            account.trust_quota.fail(kind.clone(), "no".to_owned(), world.now);
            account.pod_identity.fail(kind.clone(), "no".to_owned(), world.now);
            account.roles.values_mut().for_each(|seen| seen.fail(kind.clone(), "no".to_owned(), world.now));
            account.policies.values_mut().for_each(|seen| seen.fail(kind.clone(), "no".to_owned(), world.now));
        }
        prop_assert_eq!(failing.audit().verdict, before.verdict);
    }
}
