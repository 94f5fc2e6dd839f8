//! # IRSA411 `GlobalStsEndpoint`
//!
//! ## What it means
//! SDKs are configured to use the global endpoint of STS: a container sets `AWS_STS_REGIONAL_ENDPOINTS=legacy`, or the
//! ServiceAccount's annotation `sts-regional-endpoints` is `false`, so the webhook does not set `regional`.
//!
//! ## Why it matters
//! Since 2025, AWS serves requests to `https://sts.amazonaws.com` in the Region of the workload, if that Region is enabled by
//! default and the VPC's own DNS server resolves the request. From opt-in Regions, and with
//! other DNS servers, they still go to us-east-1, which is farther away and a single point of failure. The global name never resolves to
//! a VPC endpoint, and its tokens are not valid in opt-in Regions unless the account allows it. Newer SDKs use the
//! Region's endpoint by default; this setting overrides that. Partitions other than `aws` have no global
//! endpoint, so the finding does not occur there.
//!
//! ## In logs
//! Timeouts to `sts.amazonaws.com`; `InvalidClientTokenId` in an opt-in region; `RegionDisabledException`.
//!
//! ## Example
//! ```console
//! $ kubectl exec deploy/cart -- env | grep STS
//! AWS_STS_REGIONAL_ENDPOINTS=legacy
//! ```
//!
//! ## Fix
//! Remove the variable from the pod template. Set the annotation to `true`, or remove it.
//!
//! ## Verify
//! `kubectl exec … -- env` in a new pod shows `AWS_STS_REGIONAL_ENDPOINTS=regional`, or nothing with a new SDK.
//!
//! ## References
//! - [AWS STS regional endpoints, of SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html)
//! - [AWS STS Regions and endpoints, with the changes to the global one](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html)
//! - [AWS STS regional endpoints, of EKS](https://docs.aws.amazon.com/eks/latest/userguide/configure-sts-endpoint.html)

use super::pods::{among_containers, containers_shown, named, pods_of, workloads};
use super::rollout;
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::model::StsEndpoints;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA411",
    reason: "GlobalStsEndpoint",
    severity: Severity::Notice,
    link: Link::Pods,
    title: "SDKs are configured to use the global endpoint of STS",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

const VARIABLE: &str = "AWS_STS_REGIONAL_ENDPOINTS";

fn check(chain: &Chain<'_>) -> Option<Finding> {
    match &chain.named_role {
        NamedRole::Role(arn) if arn.partition() == "aws" && !chain.uses_pod_identity => {}
        _ => return None,
    }
    by_container(chain).or_else(|| by_annotation(chain))
}

fn by_container(chain: &Chain<'_>) -> Option<Finding> {
    let legacy = |endpoints| (endpoints == StsEndpoints::Legacy).then_some(());
    let told = among_containers(chain, |container| legacy(container.sts_endpoints));
    if told.is_empty() {
        return None;
    }
    let message = format!(
        "{} sets `{VARIABLE}=legacy`, so its SDK uses the global endpoint of STS",
        containers_shown(&told)
    );
    let fix = rollout::edited_containers(
        chain,
        &told,
        |container| container.sts_endpoints == StsEndpoints::Legacy,
        |due| fix::unset_env(&chain.key.namespace, named(due), &[VARIABLE]),
        |due| {
            let (_, names) = workloads(&pods_of(due));
            format!("remove `{VARIABLE}` from the pod templates of {names}")
        },
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

fn by_annotation(chain: &Chain<'_>) -> Option<Finding> {
    let injection = &chain.injected_pods()?.injection;
    let asks_for_global = injection.regional_sts == Some(false);
    let others = among_containers(chain, |container| {
        (container.sts_endpoints != StsEndpoints::Regional).then_some(())
    });
    let has_none = chain.pods.is_empty() && chain.templates.is_empty();
    if !asks_for_global || (others.is_empty() && !has_none) {
        return None;
    }
    let key = format!("{}/sts-regional-endpoints", injection.prefix);
    let message = format!("annotation `{key}` is false, so the webhook does not set `{VARIABLE}=regional`");
    let fix = fix::use_regional_sts(chain.key, injection.prefix).then(rollout::restart(chain, &chain.pods));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Container;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA411", Severity::Notice, Link::Pods, Verdict::Working);

    fn asking(sts_endpoints: StsEndpoints) -> World {
        World::healthy().container(Container {
            sts_endpoints,
            ..injected("app", ROLE)
        })
    }

    fn annotated(world: World, value: &str) -> World {
        world.annotate(&format!("{PREFIX}/sts-regional-endpoints"), Some(value))
    }

    #[test]
    fn legacy_in_a_container_is_a_notice() {
        let report = asking(StsEndpoints::Legacy).audit();
        let fix = the_one(&report, NOTICE).fix.as_ref().unwrap();
        assert_eq!(
            fix.first.text,
            "kubectl set env --namespace shop deployment/cart --containers app AWS_STS_REGIONAL_ENDPOINTS-"
        );
        assert_healthy(&asking(StsEndpoints::Regional).audit());
    }

    #[test]
    fn an_annotation_that_says_false_is_a_notice() {
        let report = annotated(World::healthy(), "False").audit();
        assert!(
            the_one(&report, NOTICE)
                .fix
                .as_ref()
                .unwrap()
                .whole()
                .contains("rollout restart")
        );
        the_one(&annotated(World::healthy().without_pods(), "0").audit(), NOTICE);
        for value in ["true", "no", ""] {
            assert_healthy(&annotated(World::healthy(), value).audit());
        }
    }

    #[test]
    fn what_a_container_sets_counts_before_the_annotation() {
        assert_healthy(&annotated(asking(StsEndpoints::Regional), "false").audit());
    }

    #[test]
    fn other_partitions_have_no_global_endpoint() {
        let arn = "arn:aws-cn:iam::111122223333:role/cart";
        let report = annotated(
            World::healthy().annotation(arn).container(injected("app", arn)),
            "false",
        )
        .audit();
        assert!(!codes(&report).contains(&"IRSA411"), "{}", shown(&report));
    }
}
