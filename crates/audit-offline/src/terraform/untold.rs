//! What concerns bindings and is not read: told, so that nobody takes its absence for an answer.

use std::collections::BTreeMap;

use audit_core::text::quote;

use super::plan::Plan;
use super::resources;

/// What is read elsewhere of a type, or why it is not.
fn why(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "helm_release" => {
            "its objects are not in the plan: give the output of `helm template` with the same values as well"
        }
        "kubernetes_manifest" | "kubectl_manifest" => {
            "of manifests, only ServiceAccounts are read: give the manifests of the others as files as well"
        }
        "aws_eks_addon" => {
            "the ServiceAccounts of add-ons, and their roles, are not read: audit the cluster after the apply"
        }
        "aws_organizations_policy" | "aws_organizations_policy_attachment" => {
            "policies of the organization are not read from plans: give `aws organizations describe-policy` of each as well"
        }
        "awscc_iam_role"
        | "awscc_iam_managed_policy"
        | "awscc_iam_role_policy"
        | "awscc_iam_oidc_provider"
        | "awscc_eks_cluster"
        | "awscc_eks_pod_identity_association" => {
            "the types of the provider awscc are not read: what they declare is unknown"
        }
        _ if kind.starts_with("kubernetes_") && is_workload(kind) => {
            "workloads are not read from plans: give their manifests, or the pods of the cluster, as well"
        }
        _ if kind.starts_with("aws_iam_") && !is_of_others(kind) => {
            "this version of irsa-audit does not know the type: what it changes of roles is not seen"
        }
        _ => return None,
    })
}

/// The types of IAM that change no role and no provider of an IRSA binding.
fn is_of_others(kind: &str) -> bool {
    const OTHERS: [&str; 12] = [
        "aws_iam_access_key",
        "aws_iam_access_keys",
        "aws_iam_account_alias",
        "aws_iam_account_password_policy",
        "aws_iam_instance_profile",
        "aws_iam_organizations_features",
        "aws_iam_policy_document",
        "aws_iam_saml_provider",
        "aws_iam_security_token_service_preferences",
        "aws_iam_server_certificate",
        "aws_iam_service_linked_role",
        "aws_iam_signing_certificate",
    ];
    OTHERS.contains(&kind)
        || kind.starts_with("aws_iam_user")
        || kind.starts_with("aws_iam_group")
        || kind.starts_with("aws_iam_virtual_mfa")
}

fn is_workload(kind: &str) -> bool {
    const WORKLOADS: [&str; 8] = [
        "kubernetes_pod",
        "kubernetes_deployment",
        "kubernetes_stateful_set",
        "kubernetes_daemonset",
        "kubernetes_daemon_set",
        "kubernetes_job",
        "kubernetes_cron_job",
        "kubernetes_replication_controller",
    ];
    let kind = kind.strip_suffix("_v1").unwrap_or(kind);
    WORKLOADS.contains(&kind)
}

/// What of a plan is not read, one message a type.
pub(super) fn told(plan: &Plan) -> Vec<String> {
    let mut types: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for resource in &plan.resources {
        let is_read =
            resources::AWS.contains(&resource.kind.as_str()) || resources::is_service_account(resource);
        if resource.is_data || is_read {
            continue;
        }
        let (first, count) = types.entry(&resource.kind).or_insert((&resource.address, 0));
        *first = resource.address.as_str().min(*first);
        *count += 1;
    }
    let each = types.into_iter().filter_map(|(kind, (first, count))| {
        let more = match count.saturating_sub(1) {
            0 => String::new(),
            more => format!(" and {more} more of type `{}`", quote(kind)),
        };
        Some(format!("`{}`{more}: {}", quote(first), why(kind)?))
    });
    each.collect()
}
