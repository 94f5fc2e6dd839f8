//! Where evidence is missing along the chain.

use crate::chain::{Chain, Gap, RoleChain};
use crate::finding::Link;

/// The gaps that a verdict meets, in chain order.
#[must_use]
pub fn gaps<'c>(chain: &'c Chain<'_>) -> Vec<(Link, &'c Gap)> {
    let Some(aws) = &chain.aws else { return Vec::new() };
    let mut gaps = gaps_of(aws, chain.issuer.is_some());
    if let (true, Ok(_), Err(gap)) = (aws.trust_admits(), &aws.policies, &aws.permissions)
        && !aws.has_other_arn()
    {
        gaps.push((Link::Permissions, gap));
    }
    gaps
}

/// The gaps in what is known of a role.
///
/// What lies behind a role that was not seen, or that is not there, was not looked for; which provider to look for, only
/// the issuer tells; and the permission policies matter only where the trust policy admits the request.
#[must_use]
pub fn gaps_of<'c>(aws: &'c RoleChain<'_>, issuer_known: bool) -> Vec<(Link, &'c Gap)> {
    let mut gaps = Vec::new();
    match &aws.role {
        Err(gap) => gaps.push((Link::Role, gap)),
        Ok(_) if aws.found().is_none() || aws.has_other_arn() => {}
        Ok(_) => {
            if let (Err(gap), true) = (&aws.provider, issuer_known) {
                gaps.push((Link::Provider, gap));
            }
            if let (Err(gap), true) = (&aws.policies, aws.trust_admits()) {
                gaps.push((Link::Permissions, gap));
            }
        }
    }
    gaps
}

/// The account that the chain leads to.
#[must_use]
pub fn account<'c>(chain: &'c Chain<'_>) -> &'c str {
    chain.aws.as_ref().map_or("", |aws| aws.arn.account())
}
