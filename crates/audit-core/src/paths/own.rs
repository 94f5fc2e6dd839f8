//! # `Own`
//!
//! The pod, or the template that it comes from, brings everything itself: a projected token of its ServiceAccount, and the
//! role for which it is exchanged. Known by
//! - `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` with values, the file being in a projected token of the template's;
//! - the same with no volume where the file should be, if nothing asks the webhook for a role: see IRSA405;
//! - a projected token, with a config file, a credentials file or variables whose values do not show (`valueFrom`): the role
//!   is there, and not seen;
//! - a projected token for an audience that a role accepts which trusts the ServiceAccount by its name, or for STS itself:
//!   where the role is, nothing shows. So do the operators of ROSA: token for `openshift`, role in a file of a Secret;
//! - `AWS_CONTAINER_CREDENTIALS_FULL_URI` with an address that is not that of EKS Pod Identity: a server of their own.
//!
//! The annotation and the webhook are no part of it. Provider, trust policy and permissions are audited for the role that
//! is named, with the token's own audience.
//!
//! Sources: [Cross-account IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html) (config file),
//! [AssumeRoleWithWebIdentity in the SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html).

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, nothing_else, own_token};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{Container, EksIssuer, Pod};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Own,
    claim,
    rest: nothing_else,
};

fn claim<'a>(sight: &PathInput<'a>, pod: &'a Pod, container: &'a Container) -> Option<Claim<'a>> {
    if let (Some(role), Some(_)) = (&container.role_arn, &container.token_file) {
        let Some(token) = container.token() else {
            // Without a token there, it is the webhook that would mount one, if anything asks it to.
            let own =
                sight.asked.role.is_none() && container.leads_nowhere() && !container.has_other_server();
            let audience = own_token(pod, container).map_or(DEFAULT_AUDIENCE, |(_, audience)| audience);
            return own.then_some((PathRole::Named(role), Some(audience)));
        };
        let audience = token.audience.as_deref().unwrap_or_default();
        return is_own(sight, pod, container).then_some((PathRole::Named(role), Some(audience)));
    }
    if container.has_other_server() {
        return Some((PathRole::Unseen, None));
    }
    let (_, audience) = own_token(pod, container)?;
    let names_it = container.role_arn.is_some() || container.token_file.is_some() || container.names_variable;
    let is_for_aws = || audience == DEFAULT_AUDIENCE || sight.is_admitted(audience);
    (names_it || is_for_aws()).then_some((PathRole::Unseen, Some(audience)))
}

/// Whether the token to which the variable leads is the pod's own, and not the webhook's. Of volumes with the webhook's name,
/// a template has none from it; nor has a pod that nothing asks the webhook for, outside of EKS, where it is seen that none is registered.
fn is_own(sight: &PathInput<'_>, pod: &Pod, container: &Container) -> bool {
    let by_webhook = container.token().is_some_and(|token| token.by_webhook);
    let is_asked = sight.asked.role.is_some();
    let issuer = || sight.snapshot.issuer.as_ref();
    let is_elsewhere = || issuer().is_some_and(|issuer| EksIssuer::parse(issuer.url.host_path()).is_none());
    let no_webhook = || is_elsewhere() && sight.snapshot.cluster.has_webhook() == Some(false);
    !by_webhook || (!is_asked && (pod.is_template() || no_webhook()))
}
