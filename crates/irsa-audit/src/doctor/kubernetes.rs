//! What the API server says of the rights of the operator.

use audit_k8s::rights::{CLUSTER, OWN_NAMESPACE, Right};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::args::{DoctorArgs, DoctorError};
use super::view::{Checked, State};
use crate::cluster::shown;
use crate::remediation::OwnAccount;
use crate::service;

/// Asks about each right of the operator: those of the chart's ClusterRole, and those in its own namespace.
pub(super) async fn check(args: &DoctorArgs) -> Result<Vec<Checked>, DoctorError> {
    let client = service::client(service::cluster(&args.connection).await?)?;
    let cluster = CLUSTER.iter().map(|right| (right, None));
    let own = OWN_NAMESPACE
        .iter()
        .map(|right| (right, Some(args.namespace.as_str())));
    let mut checked = Vec::new();
    for (right, namespace) in cluster.chain(own) {
        checked.extend(ask(&client, args.service_account.as_ref(), right, namespace).await);
    }
    Ok(checked)
}

/// One answer for each resource: the verbs that are denied, if any is.
async fn ask(
    client: &Client,
    account: Option<&OwnAccount>,
    right: &Right,
    namespace: Option<&str>,
) -> Vec<Checked> {
    let mut checked = Vec::new();
    for resource in right.resources {
        let mut denied = Vec::new();
        let mut unknown = None;
        for verb in right.verbs {
            // Also of `create`: what is applied has its name in the path.
            let name = right.names.first().copied();
            match review(
                client,
                account,
                &attributes(right, resource, verb, name, namespace),
            )
            .await
            {
                Ok(true) => {}
                Ok(false) => denied.push(*verb),
                Err(error) => unknown = Some(error),
            }
        }
        let (verbs, state) = match (denied.is_empty(), unknown) {
            (false, _) => (denied, State::Denied),
            (true, Some(why)) => (right.verbs.to_vec(), State::Unknown(why)),
            (true, None) => (right.verbs.to_vec(), State::Ok),
        };
        let group = if right.group.is_empty() {
            String::new()
        } else {
            format!(".{}", right.group)
        };
        let place = namespace.map_or_else(
            || "Kubernetes, all namespaces".to_owned(),
            |name| format!("Kubernetes, namespace {name}"),
        );
        checked.push(Checked {
            place,
            what: format!("{} {resource}{group}", verbs.join(", ")),
            needed_for: right.purpose,
            state,
        });
    }
    checked
}

fn attributes(
    right: &Right,
    resource: &str,
    verb: &str,
    name: Option<&str>,
    namespace: Option<&str>,
) -> ResourceAttributes {
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (resource, None),
    };
    ResourceAttributes {
        group: Some(right.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        verb: Some(verb.to_owned()),
        name: name.map(str::to_owned),
        namespace: namespace.map(str::to_owned),
        ..ResourceAttributes::default()
    }
}

/// Whether it is allowed; else why nobody knows.
async fn review(
    client: &Client,
    account: Option<&OwnAccount>,
    attributes: &ResourceAttributes,
) -> Result<bool, String> {
    let status = match account {
        None => {
            let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(attributes.clone()),
                    ..SelfSubjectAccessReviewSpec::default()
                },
                ..SelfSubjectAccessReview::default()
            };
            let answer = api.create(&PostParams::default(), &review).await;
            answer.map(|answer| answer.status)
        }
        Some(account) => {
            let api: Api<SubjectAccessReview> = Api::all(client.clone());
            let review = SubjectAccessReview {
                spec: subject(account, attributes),
                ..SubjectAccessReview::default()
            };
            let answer = api.create(&PostParams::default(), &review).await;
            answer.map(|answer| answer.status)
        }
    };
    match status.map_err(|error| shown(&error))? {
        Some(SubjectAccessReviewStatus { allowed: true, .. }) => Ok(true),
        Some(SubjectAccessReviewStatus {
            evaluation_error: Some(error),
            ..
        }) => Err(audit_core::text::reveal(&error)),
        Some(_) => Ok(false),
        None => Err("the API server gave no answer".to_owned()),
    }
}

/// A ServiceAccount as the API server authenticates it, with its groups.
fn subject(account: &OwnAccount, attributes: &ResourceAttributes) -> SubjectAccessReviewSpec {
    let OwnAccount { namespace, name } = account;
    SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{namespace}:{name}")),
        groups: Some(vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ]),
        resource_attributes: Some(attributes.clone()),
        ..SubjectAccessReviewSpec::default()
    }
}
