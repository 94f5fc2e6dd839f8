//! What an audit may be told: the operator's flags and the `default` `IrsaAuditPolicy`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use iam_policy::RoleArn;

use crate::finding::Severity;
use crate::model::BindingKey;

/// The codes that are too dangerous to wave through, unless a policy allows it.
pub const NOT_WAIVABLE: [&str; 4] = ["IRSA215", "IRSA217", "IRSA505", "IRSA506"];

/// Where a webhook that composes ARNs looks for a role of which an annotation gives no more than path and name: its flag
/// `--compose-role-arn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleHome {
    partition: String,
    account: String,
}

impl RoleHome {
    /// Reads `ACCOUNT` or `PARTITION:ACCOUNT`.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (partition, account) = text.split_once(':').unwrap_or(("aws", text));
        let home = Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
        };
        match RoleArn::parse(&home.compose("x")) {
            Ok(_) => Ok(home),
            Err(_) => Err("write it like `111122223333` or `aws-cn:111122223333`".to_owned()),
        }
    }

    /// The ARN that the webhook makes of a name.
    #[must_use]
    pub fn compose(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition, self.account)
    }
}

/// The prefix of the annotations that EKS's own webhook reads.
pub const EKS_PREFIX: &str = "eks.amazonaws.com";

/// How long a role may be unused, unless a policy says otherwise.
const UNUSED_AFTER: Duration = Duration::from_hours(90 * 24);

/// The settings of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Prefix of the webhook's annotations; `eks.amazonaws.com` on EKS.
    pub annotation_prefix: String,
    /// The audience with which the webhook is started: its flag `--token-audience`. Absent where nobody said it: then EKS's, or
    /// what tokens show.
    pub token_audience: Option<String>,
    /// Where the webhook finds roles by their bare names; absent where it composes no ARNs, or nobody said that it does.
    pub role_home: Option<RoleHome>,
    /// Evidence older than this proves nothing any more.
    pub staleness_limit: Duration,
    /// A role that was not used for longer than this is worth a word. At most the time that IAM
    /// looks back, see [`crate::model::aws::TRACKED`].
    pub role_unused_after: Duration,
    /// Whether the repair of a trust policy comes as a diff and for Terraform as well. A status has no room for them, and each
    /// costs another evaluation.
    pub all_forms: bool,
    /// The operator's own ServiceAccount; absent where something else asks AWS.
    pub own: Option<BindingKey>,
    /// Severities that replace those of the catalogue, by code. Never to or from *unknown*.
    pub severities: BTreeMap<String, Severity>,
    /// Codes for which waivers count, in place of all but [`NOT_WAIVABLE`].
    pub waivable: Option<BTreeSet<String>>,
    /// Namespaces that are not audited.
    pub excluded_namespaces: BTreeSet<String>,
    /// ServiceAccounts that are not audited.
    pub excluded_service_accounts: BTreeSet<BindingKey>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            annotation_prefix: EKS_PREFIX.to_owned(),
            token_audience: None,
            role_home: None,
            staleness_limit: Duration::from_hours(1),
            role_unused_after: UNUSED_AFTER,
            all_forms: true,
            own: None,
            severities: BTreeMap::new(),
            waivable: None,
            excluded_namespaces: BTreeSet::new(),
            excluded_service_accounts: BTreeSet::new(),
        }
    }
}

impl Config {
    /// Whether a binding is left out of the audit.
    #[must_use]
    pub fn excludes(&self, key: &BindingKey) -> bool {
        self.excluded_namespaces.contains(key.namespace.as_str())
            || self.excluded_service_accounts.contains(key)
    }

    /// Whether a waiver for a code counts.
    #[must_use]
    pub fn may_waive(&self, code: &str) -> bool {
        match &self.waivable {
            Some(codes) => codes.contains(code),
            None => !NOT_WAIVABLE.contains(&code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_of_roles_is_an_account() {
        let arn = |text: &str| RoleHome::parse(text).map(|home| home.compose("team/app"));
        assert_eq!(
            arn("111122223333").unwrap(),
            "arn:aws:iam::111122223333:role/team/app"
        );
        assert_eq!(
            arn("aws-cn:111122223333").unwrap(),
            "arn:aws-cn:iam::111122223333:role/team/app"
        );
        for bad in [
            "",
            "1",
            "aws",
            "aws:aws:111122223333",
            "arn:aws:iam::111122223333:role/x",
            "amazon:111122223333",
        ] {
            assert!(arn(bad).is_err(), "{bad}");
        }
    }
}
