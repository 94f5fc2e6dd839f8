//! The names that occur in a text. Each matches the grammar of its kind, so that it is safe to show and, quoted, to put into a command.

mod aws;
mod findings;
mod kubernetes;
mod principal;
mod service_account;

use audit_core::finding::Entry;
use audit_core::model::BindingKey;
use iam_policy::RoleArn;

pub use aws::AwsRequest;
pub(crate) use findings::{is_code, named as finding_named};
pub use kubernetes::KubernetesRequest;
pub use principal::{Principal, PrincipalKind};

use crate::pasted::Pasted;

/// The most names of one kind: a text about more is a log, and its first lines say enough.
const MOST: usize = 8;

/// The names in a text, each once, in the order in which they occur.
#[derive(Debug, Default)]
pub struct Mentioned {
    /// The findings whose codes are in it.
    pub findings: Vec<&'static Entry>,
    /// ServiceAccounts with their namespaces.
    pub service_accounts: Vec<BindingKey>,
    /// Names of ServiceAccounts whose namespace is not certain from the text.
    pub names: Vec<String>,
    /// IAM roles by their ARNs.
    pub roles: Vec<RoleArn>,
    /// Who called AWS.
    pub principals: Vec<Principal>,
    /// What AWS refused.
    pub aws: Vec<AwsRequest>,
    /// What the API server refused.
    pub kubernetes: Vec<KubernetesRequest>,
    /// OIDC issuers, as URLs.
    pub issuers: Vec<String>,
}

impl Mentioned {
    pub(crate) fn read(pasted: &Pasted) -> Self {
        let mut mentioned = Self::default();
        keep(&mut mentioned.kubernetes, kubernetes::requests(pasted));
        let refused = &mentioned.kubernetes;
        let accounts = service_account::subjects(pasted)
            .chain(service_account::pairs(pasted))
            .chain(service_account::placed(pasted))
            .chain(
                refused
                    .iter()
                    .filter_map(KubernetesRequest::about_service_account),
            );
        keep(&mut mentioned.service_accounts, accounts);
        keep(&mut mentioned.findings, findings::codes(pasted));
        keep(&mut mentioned.roles, principal::roles(pasted));
        keep(&mut mentioned.principals, principal::principals(pasted));
        keep(&mut mentioned.aws, aws::requests(pasted));
        keep(&mut mentioned.issuers, issuers(pasted));
        let names: Vec<String> = service_account::names(pasted)
            .filter(|name| {
                mentioned
                    .service_accounts
                    .iter()
                    .all(|key| key.service_account != *name)
            })
            .collect();
        keep(&mut mentioned.names, names.into_iter());
        mentioned
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
            && self.service_accounts.is_empty()
            && self.names.is_empty()
            && self.roles.is_empty()
            && self.principals.is_empty()
            && self.aws.is_empty()
            && self.kubernetes.is_empty()
            && self.issuers.is_empty()
    }
}

/// Keeps what is new, up to [`MOST`].
fn keep<T: PartialEq>(kept: &mut Vec<T>, found: impl Iterator<Item = T>) {
    for item in found {
        if kept.len() >= MOST {
            return;
        }
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
}

/// The longest text at the start that has no other characters.
pub(crate) fn run(text: &str, is_part: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Issuers: `https://` and a host with a path, behind the words by which STS and IAM name one, or an EKS issuer anywhere.
fn issuers(pasted: &Pasted) -> impl Iterator<Item = String> + '_ {
    let named = pasted
        .behind("provider found in your account for ")
        .map(|at| pasted.from(at));
    let known = ["https://oidc.eks.", "https://oidc-eks."]
        .into_iter()
        .flat_map(|prefix| pasted.folded.match_indices(prefix).map(|(at, _)| at))
        .map(|at| pasted.from(at));
    named.chain(known).filter_map(|rest| {
        let url = run(rest, |c| c.is_ascii_alphanumeric() || "-._~:/".contains(c));
        let url = url.trim_end_matches(['.', ':']);
        let host = url.strip_prefix("https://")?;
        (url.len() <= 255 && host.contains('.') && host.starts_with(|c: char| c.is_ascii_alphanumeric()))
            .then(|| url.to_owned())
    })
}
