//! The audience of tokens for which neither annotation nor ConfigMap asks for one: the webhook's flag `--token-audience`.
//!
//! EKS starts its webhook with `sts.amazonaws.com`, in every partition. kOps starts its own with `amazonaws.com`, and a webhook
//! that is self-hosted may have any. There the flag is known only by our own flag, by tokens that show it, or by the webhook's
//! manifest. Otherwise a role works for certain only where provider and trust policy accept both.

use iam_policy::CauseKind;

use super::role::{RoleChain, RoleOutcome};
use crate::config::{Config, EKS_PREFIX};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{Container, Pod};
use crate::snapshot::{Cluster, Snapshot};

/// The audience that kOps has its webhook give:
/// <https://github.com/kubernetes/kops/blob/master/upup/models/cloudup/resources/addons/eks-pod-identity-webhook.addons.k8s.io/k8s-1.16.yaml.template>.
const OF_KOPS: &str = "amazonaws.com";

/// The webhook's default audience in a namespace, where it is known: said by a flag of ours, given by EKS, or seen.
#[must_use]
pub fn default<'a>(snapshot: &'a Snapshot, config: &'a Config, namespace: &str) -> Option<&'a str> {
    if let Some(told) = &config.token_audience {
        return Some(told);
    }
    if !is_seen(snapshot, config) {
        return Some(DEFAULT_AUDIENCE);
    }
    let seen = snapshot.cluster.seen_default_audience(namespace);
    seen.or(is_of_eks(snapshot).then_some(DEFAULT_AUDIENCE))
}

/// Whether the default audience depends on what the cluster shows.
#[must_use]
pub fn is_seen(snapshot: &Snapshot, config: &Config) -> bool {
    // EKS's own webhook reads its own annotations; beside it, another may run for others.
    let is_given = is_of_eks(snapshot) && config.annotation_prefix == EKS_PREFIX;
    config.token_audience.is_none() && !is_given
}

fn is_of_eks(snapshot: &Snapshot) -> bool {
    let issuer = snapshot.issuer.as_ref();
    issuer.is_none_or(|issuer| issuer.url.is_of_eks())
}

/// The audience of the tokens that the webhook gave a binding's own pods, if they agree.
#[must_use]
pub fn of_pods<'a>(pods: &[&'a Pod]) -> Option<&'a str> {
    let containers = pods.iter().flat_map(|pod| &pod.containers);
    let tokens = containers
        .filter_map(Container::token)
        .filter(|token| token.by_webhook);
    let mut audiences = tokens.map(|token| token.audience.as_deref());
    let first = audiences.next()??;
    audiences.all(|other| other == Some(first)).then_some(first)
}

/// The audience to go on with where the default is not known: the usual one if everything passes with it and with kOps' as
/// well, and one with which nothing would pass either if none does. Absent where the default decides.
///
/// kOps writes its audience into each entry of the webhook's ConfigMap, from the same constant as the flag
/// (`podIdentityWebhookConfigMapData` in `upup/pkg/fi/cloudup/template_functions.go`): where all entries have it, kOps' audience is enough.
#[must_use]
pub fn settled<'a>(cluster: &Cluster, with: impl Fn(&str) -> RoleChain<'a>) -> Option<&'a str> {
    let usual = with(DEFAULT_AUDIENCE);
    if usual.role_refuses() {
        return Some(DEFAULT_AUDIENCE);
    }
    let passes = |audience: &str| with(audience).outcome() == RoleOutcome::Passes;
    if cluster.entries_audience() == Some(OF_KOPS) && passes(OF_KOPS) {
        return Some(OF_KOPS);
    }
    match usual.outcome() {
        RoleOutcome::Passes => return passes(OF_KOPS).then_some(DEFAULT_AUDIENCE),
        // What is missing is told anyway.
        RoleOutcome::Unknown => return Some(DEFAULT_AUDIENCE),
        RoleOutcome::Fails => {}
    }
    let fails = |audience: &str| with(audience).outcome() == RoleOutcome::Fails;
    let provider = match usual.provider {
        Ok(Some(provider)) => provider,
        // Without a provider no token passes, whatever its audience.
        Ok(None) => return Some(DEFAULT_AUDIENCE),
        // What is missing is told anyway; the trust policy may want any audience.
        Err(_) => {
            let is_the_audience = usual.trust.as_ref().and_then(|trust| trust.cause.as_ref());
            let is_the_audience =
                is_the_audience.is_some_and(|cause| cause.kind == CauseKind::AudienceConditionMismatch);
            return (!is_the_audience && fails(OF_KOPS)).then_some(DEFAULT_AUDIENCE);
        }
    };
    let known = provider
        .client_ids
        .iter()
        .map(String::as_str)
        .filter(|id| !id.is_empty());
    if ![DEFAULT_AUDIENCE, OF_KOPS]
        .into_iter()
        .chain(known.clone())
        .all(fails)
    {
        return None;
    }
    // One that the provider takes shows what else stands in the way.
    let accepted = known.clone().find(|id| *id == DEFAULT_AUDIENCE);
    accepted.or(known.clone().next()).or(Some(DEFAULT_AUDIENCE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::{
        BindingKey, ClusterIssuer, Container, IssuerSource, IssuerUrl, ServiceAccount, WebhookEntry,
    };
    use crate::testing::*;
    use crate::verdict::Verdict;

    const HOST: &str = "oidc.k8s.example.com/clusters/main";

    /// A self-hosted cluster whose provider takes these audiences, with a trust policy that demands one, or none.
    fn self_hosted(client_ids: &[&str], demanded: Option<&str>) -> World {
        let mut conditions = json!({ "StringEquals": { format!("{HOST}:sub"): SUBJECT } });
        if let Some(audience) = demanded {
            conditions["StringEquals"][format!("{HOST}:aud")] = json!(audience);
        }
        let mut statement = statement(&conditions);
        statement["Principal"] = json!({ "Federated": provider_arn(HOST) });
        let trust = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let mut world = World::healthy()
            .trust(&trust)
            .client_ids(client_ids)
            .account(|account| {
                let (provider, at) = account.provider.value.take().unwrap();
                let mut provider = provider.unwrap();
                (provider.arn, provider.url) = (provider_arn(HOST), HOST.to_owned());
                account.provider.value = Some((Some(provider), at));
            });
        let url = IssuerUrl::parse(&format!("https://{HOST}")).unwrap();
        world.snapshot.issuer = Some(ClusterIssuer {
            url,
            source: IssuerSource::Flag,
        });
        world.without_pods()
    }

    fn with_token(world: World, audience: &str) -> World {
        world.another_pod(
            "live",
            Container {
                tokens: vec![token(audience)],
                ..injected("app", ROLE)
            },
        )
    }

    fn said(world: &World) -> (Verdict, Vec<&'static str>) {
        let report = world.audit();
        (report.verdict, codes(&report))
    }

    #[test]
    fn live_tokens_show_the_default() {
        let kops = || self_hosted(&["amazonaws.com"], Some("amazonaws.com"));
        assert_eq!(said(&with_token(kops(), "amazonaws.com")).0, Verdict::Working);
        let (verdict, found) = said(&with_token(
            self_hosted(&[AUDIENCE], Some(AUDIENCE)),
            "amazonaws.com",
        ));
        assert!(
            verdict == Verdict::Broken && found == ["IRSA303", "IRSA209"],
            "{found:?}"
        );
        let old = with_token(with_token(kops(), "amazonaws.com"), "vault");
        assert_eq!(
            old.audit().facts.audience.as_deref(),
            Some("vault"),
            "the pod of that name was replaced"
        );
    }

    #[test]
    fn without_tokens_only_what_no_audience_changes_is_said() {
        let unknown = (Verdict::Unknown, vec!["IRSA303"]);
        assert_eq!(
            said(&self_hosted(&["amazonaws.com"], Some("amazonaws.com"))),
            unknown
        );
        assert_eq!(said(&self_hosted(&["vault"], None)).0, Verdict::Unknown);
        let usual = || self_hosted(&[AUDIENCE], Some(AUDIENCE));
        assert_eq!(said(&usual()), unknown, "kOps' tokens are refused");
        assert_eq!(said(&self_hosted(&[AUDIENCE], None)), unknown);
        let half = self_hosted(&["amazonaws.com", AUDIENCE], Some(AUDIENCE));
        assert_eq!(said(&half), unknown, "the trust policy refuses the other one");
        let both = self_hosted(&["amazonaws.com", AUDIENCE], None);
        assert_eq!(said(&both), (Verdict::AtRisk, vec!["IRSA208"]), "either works");
        let on_flag = usual().config(|config| config.token_audience = Some(AUDIENCE.to_owned()));
        assert_eq!(said(&on_flag), (Verdict::Working, vec![]));
        let nowhere = said(&self_hosted(&["amazonaws.com"], Some("vault")));
        assert_eq!(
            nowhere,
            (Verdict::Broken, vec!["IRSA209"]),
            "no audience passes both"
        );
        let absent = self_hosted(&["amazonaws.com"], None).role(crate::model::RoleLookup::Absent);
        assert_eq!(said(&absent), (Verdict::Broken, vec!["IRSA201"]));
        assert_eq!(
            said(&self_hosted(&["amazonaws.com"], None).without_provider()).1[0],
            "IRSA301"
        );
    }

    #[test]
    fn a_token_that_was_asked_for_shows_no_default() {
        let seen = |annotations: &[(&str, &str)]| {
            let mut world = self_hosted(&[AUDIENCE], Some(AUDIENCE)).service_account("shop", "other");
            let key = BindingKey::new("shop", "other");
            let mut other = ServiceAccount::clone(
                world
                    .snapshot
                    .cluster
                    .binding(&key)
                    .unwrap()
                    .service_account()
                    .unwrap(),
            );
            let annotations = annotations.iter();
            other.annotations = annotations
                .map(|(name, value)| (format!("{PREFIX}/{name}"), (*value).to_owned()))
                .collect();
            world.snapshot.cluster.put_service_account(other);
            let container = Container {
                tokens: vec![token(AUDIENCE)],
                ..injected("app", ROLE)
            };
            world.snapshot.cluster.put_pod(pod(&key, "live", container));
            said(&world).0
        };
        assert_eq!(seen(&[("role-arn", ROLE)]), Verdict::Working);
        assert_eq!(
            seen(&[("role-arn", ROLE), ("audience", AUDIENCE)]),
            Verdict::Unknown
        );
    }

    #[test]
    fn entries_of_kops_show_its_default() {
        let entry = |audience: &str| WebhookEntry {
            role_arn: ROLE.to_owned(),
            audience: audience.to_owned(),
            token_expiration: 0,
        };
        let with = |client_id: &str, audiences: &[&str]| {
            let mut world = self_hosted(&[client_id], Some(client_id));
            let all = audiences.iter().enumerate();
            let all = all.map(|(n, audience)| (BindingKey::new("other", format!("n{n}")), entry(audience)));
            world.snapshot.cluster.put_webhook_entries(all.collect());
            said(&world).0
        };
        assert_eq!(with("amazonaws.com", &["amazonaws.com"; 2]), Verdict::Working);
        assert_eq!(with("amazonaws.com", &["amazonaws.com", ""]), Verdict::Unknown);
        assert_eq!(
            with(AUDIENCE, &["amazonaws.com"]),
            Verdict::Unknown,
            "no proof that it is kOps"
        );
        assert_eq!(
            with(AUDIENCE, &[AUDIENCE]),
            Verdict::Unknown,
            "an entry is no flag"
        );
    }

    #[test]
    fn what_people_say_counts_before_what_shows() {
        let told =
            |world: World| world.config(|config| config.token_audience = Some("amazonaws.com".to_owned()));
        assert_eq!(
            said(&told(self_hosted(&["amazonaws.com"], Some("amazonaws.com")))).0,
            Verdict::Working
        );
        let world = self_hosted(&["amazonaws.com"], Some("amazonaws.com")).audience("amazonaws.com");
        assert_eq!(said(&world).0, Verdict::Working, "the annotation asks for it");
        let mut world = self_hosted(&["amazonaws.com"], Some("amazonaws.com"));
        world
            .snapshot
            .cluster
            .set_own_audience(Some("amazonaws.com".to_owned()));
        assert_eq!(
            said(&world).0,
            Verdict::Working,
            "the webhook's own manifest says it"
        );
    }

    #[test]
    fn on_eks_the_default_is_in_no_doubt() {
        assert_healthy(&World::healthy().without_pods().audit());
        let report = World::healthy()
            .without_pods()
            .client_ids(&["amazonaws.com"])
            .audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Broken, vec!["IRSA303"])
        );
    }
}
