//! What people wrote, as the core reads it.

use std::time::Duration;

use audit_core::Config;
use audit_core::finding::Severity;
use audit_core::model::aws::TRACKED;
use audit_core::model::{
    AuditRequest, AwsExpectation, BindingKey, KubernetesExpectation, Waiver, WorkloadRef, cut_short,
};
use kube::ResourceExt;

use crate::policy::{IrsaAuditPolicySpec, SeverityName};
use crate::{AUTOMATIC_LABEL, IrsaAudit};

/// As in the `CustomResourceDefinition`, for objects that are older than it.
const MAX_WAIVERS: usize = 32;
/// The same, in characters.
const MAX_REASON: usize = 512;

/// How many bytes are kept of a workload's kind and name: of a longer name there is none.
const MAX_KIND: usize = 63;
const MAX_NAME: usize = 253;

/// The request that an `IrsaAudit` makes.
#[must_use]
pub fn request(audit: &IrsaAudit) -> AuditRequest {
    let expect = audit.spec.expect.clone().unwrap_or_default();
    AuditRequest {
        name: audit.name_any(),
        created: audit.metadata.creation_timestamp.as_ref().map(|time| time.0),
        service_account: audit.spec.service_account_name.clone(),
        suspend: audit.spec.suspend,
        role_arn: expect.role_arn,
        workloads: expect
            .workloads
            .into_iter()
            .map(|w| WorkloadRef {
                kind: cut_short(w.kind, MAX_KIND),
                name: cut_short(w.name, MAX_NAME),
            })
            .collect(),
        aws: expect
            .aws
            .into_iter()
            .map(|a| AwsExpectation {
                actions: a.actions,
                resources: a.resources,
                context: a.context,
            })
            .collect(),
        kubernetes: expect
            .kubernetes
            .into_iter()
            .map(|k| KubernetesExpectation {
                verbs: k.verbs,
                api_group: k.api_group,
                resource: k.resource,
                subresource: k.subresource,
                resource_names: k.resource_names,
                namespace: k.namespace,
            })
            .collect(),
        waivers: audit
            .spec
            .waivers
            .iter()
            .take(MAX_WAIVERS)
            .map(|w| Waiver {
                code: w.code.clone(),
                until: w.until,
                reason: w.reason.chars().take(MAX_REASON).collect(),
            })
            .collect(),
        over_limit: Vec::new(),
        declared: !is_automatic(audit),
        from_command: false,
    }
    .bounded()
}

/// Whether the operator made the object, and nobody has taken it over since.
#[must_use]
pub fn is_automatic(audit: &IrsaAudit) -> bool {
    audit
        .labels()
        .get(AUTOMATIC_LABEL)
        .is_some_and(|value| value == "true")
}

/// Whether somebody else than the operator has written the spec of an object that the operator made.
#[must_use]
pub fn is_adopted(audit: &IrsaAudit) -> bool {
    is_automatic(audit)
        && audit.metadata.managed_fields.iter().flatten().any(|entry| {
            let foreign = entry.manager.as_deref() != Some(crate::FIELD_MANAGER);
            let owns_spec = entry
                .fields_v1
                .as_ref()
                .is_some_and(|fields| fields.0.get("f:spec").is_some());
            foreign && owns_spec && entry.subresource.as_deref().unwrap_or_default().is_empty()
        })
}

/// Puts a policy's settings over the operator's own. Returns the refresh interval, where the policy sets one.
pub fn configure(config: &mut Config, policy: &IrsaAuditPolicySpec) -> Option<Duration> {
    let positive = |d: kube::core::Duration| (!d.is_negative()).then(|| Duration::from(d));
    if let Some(limit) = policy.staleness_limit.and_then(positive) {
        config.staleness_limit = limit;
    }
    if let Some(span) = policy.role_unused_after.and_then(positive) {
        config.role_unused_after = span.min(TRACKED);
    }
    config.severities = policy
        .severities
        .iter()
        .map(|(code, severity)| {
            let severity = match severity {
                SeverityName::Broken => Severity::Broken,
                SeverityName::Risk => Severity::Risk,
                SeverityName::Notice => Severity::Notice,
            };
            (code.clone(), severity)
        })
        .collect();
    config.waivable = policy
        .waivable
        .as_ref()
        .map(|codes| codes.iter().cloned().collect());
    let exclude = policy.exclude.clone().unwrap_or_default();
    config.excluded_namespaces = exclude.namespaces.into_iter().collect();
    config.excluded_service_accounts = exclude
        .service_accounts
        .into_iter()
        .map(|sa| BindingKey::new(sa.namespace, sa.name))
        .collect();
    policy.refresh_interval.and_then(positive)
}
