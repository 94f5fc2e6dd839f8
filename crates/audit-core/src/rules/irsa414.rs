//! # IRSA414 `StsEndpointOverridden`
//!
//! ## What it means
//! A container gets a role and a token, but `AWS_ENDPOINT_URL_STS` or `AWS_ENDPOINT_URL` sends its calls to STS to a server that is not
//! AWS STS. Often the variable is meant for one other service, such as a private S3. irsa-audit reads these variables in `env`, not in
//! `envFrom` and not in files of profiles, and reports only the scheme, host and port.
//!
//! ## Why it matters
//! SDKs and the AWS CLI that know these variables (since 2023) use `AWS_ENDPOINT_URL` for every service that has no variable of its own, STS
//! included. So the token goes to that server, and the server decides which credentials the container gets. The role's trust policy decides
//! nothing there. Older SDKs ignore the variables, and so does every SDK where `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true`.
//!
//! ## In logs
//! A connection error, or an answer that is not of AWS, for `AssumeRoleWithWebIdentity`: `Could not connect to the endpoint URL:
//! "http://minio.minio:9000/"`. CloudTrail shows no call.
//!
//! ## Example
//! ```yaml
//! env:
//!   - name: AWS_ENDPOINT_URL
//!     value: http://minio.minio:9000
//! ```
//!
//! ## Fix
//! Replace `AWS_ENDPOINT_URL` by the variable of the one service that is elsewhere, such as `AWS_ENDPOINT_URL_S3`, or set
//! `AWS_ENDPOINT_URL_STS` to the endpoint of AWS STS in the Region. Remove an `AWS_ENDPOINT_URL_STS` that leads elsewhere. If the server is
//! meant to issue the credentials, as emulators of AWS can, waive this code.
//!
//! ## Verify
//! In a new pod, `aws sts get-caller-identity --debug` shows an endpoint of AWS, and CloudTrail shows the call.
//!
//! ## References
//! - [Service-specific endpoints](https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html)
//! - [AWS STS endpoints](https://docs.aws.amazon.com/general/latest/gr/sts.html)

use super::pods::{ToldContainer, among_all_with_role, containers_shown, pods_of, workloads};
use super::rollout;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::model::{Container, EksIssuer, OtherEndpoint};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA414",
    reason: "StsEndpointOverridden",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "a variable sends a container's calls to STS elsewhere",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// The variable of STS alone.
const OF_STS: &str = "AWS_ENDPOINT_URL_STS";

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let told = among_all_with_role(chain, endpoint);
    let OtherEndpoint { variable, url } = told.first()?.what;
    let message = format!(
        "{} sends its calls to STS to `{}`, because of `{variable}`: that server, not AWS, gets the token and decides which credentials \
         the container gets",
        containers_shown(&told),
        quote(url)
    );
    let step = |due: &[ToldContainer<'_, &OtherEndpoint>]| {
        let (_, names) = workloads(&pods_of(due));
        let change = if *variable == OF_STS {
            format!("remove `{OF_STS}`")
        } else {
            format!(
                "replace `{variable}` by the variable of the service that is elsewhere, such as `AWS_ENDPOINT_URL_S3`, or also set `{OF_STS}` \
                 to `{}`",
                of_aws(chain)
            )
        };
        format!(
            "unless that server is meant to issue the credentials: in the pod templates of {names}, {change}"
        )
    };
    let fix = rollout::edited_containers(chain, &told, |other| endpoint(other).is_some(), |_| None, step);
    Some(Finding::new(&ENTRY, message).fix(fix))
}

fn endpoint(container: &Container) -> Option<&OtherEndpoint> {
    container.rarities.as_ref()?.sts_endpoint.as_ref()
}

/// The endpoint of STS in the cluster's Region.
fn of_aws(chain: &Chain<'_>) -> String {
    let issuer = chain
        .issuer
        .and_then(|issuer| EksIssuer::parse(issuer.url.host_path()));
    let Some(issuer) = issuer else {
        return "https://sts.REGION.amazonaws.com".to_owned();
    };
    let end = if issuer.is_in("aws-cn") { ".cn" } else { "" };
    format!("https://sts.{}.amazonaws.com{end}", quote(issuer.region()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PodPhase, Rarities};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA414", Severity::Risk, Link::Pods, Verdict::AtRisk);

    fn elsewhere(variable: &'static str, container: Container) -> Container {
        let endpoint = OtherEndpoint {
            variable,
            url: "http://minio.minio:9000".to_owned(),
        };
        Container {
            rarities: Some(Box::new(Rarities {
                sts_endpoint: Some(endpoint),
                ..Rarities::default()
            })),
            ..container
        }
    }

    #[test]
    fn a_token_that_goes_to_another_server_is_a_risk() {
        for variable in [OF_STS, "AWS_ENDPOINT_URL"] {
            let world = World::healthy().container(elsewhere(variable, injected("app", ROLE)));
            for world in [world.clone(), world.pod(|pod| pod.phase = PodPhase::Template)] {
                let report = world.audit();
                let finding = the_one(&report, RISK);
                assert!(finding.message.contains(variable), "{}", finding.message);
                let fix = finding.fix.as_ref().unwrap();
                assert!(fix.first.text.contains(OF_STS), "{}", fix.first.text);
            }
        }
    }

    #[test]
    fn a_container_without_the_role_may_call_what_it_likes() {
        let report = World::healthy()
            .pod(|pod| pod.containers.push(elsewhere(OF_STS, bare("agent"))))
            .audit();
        assert!(!codes(&report).contains(&ENTRY.code), "{:?}", codes(&report));
    }
}
