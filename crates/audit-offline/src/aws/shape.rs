//! What the AWS CLI prints, recognised by its shape.

use audit_core::model::{IssuerError, IssuerUrl, LastUsed};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::control_policy::{self, Described, PolicySummary, Targets};
use super::embedded::{document, some_document};
use super::listed::{Listed, decoded, listed};
use super::managed_policy::{ManagedPolicy, PolicyDetail, PolicyVersion};

/// An output that says something of use.
#[derive(Debug)]
pub(crate) enum Output {
    /// `iam get-account-authorization-details`, or one page of it.
    Details(Details),
    /// `iam get-role`, or the roles of `iam list-roles`.
    Roles(Listed<RoleDetail>),
    /// `iam list-open-id-connect-providers`: the ARNs.
    Providers(Vec<String>),
    /// `iam get-open-id-connect-provider`.
    ProviderOutput(ProviderOutput),
    /// `eks describe-cluster`.
    Cluster(Cluster),
    /// `eks list-clusters`: the names of all clusters of a region, which it does not tell.
    ClusterNames(ListedClusters),
    /// `sts get-caller-identity`.
    Caller(Caller),
    /// `iam get-role-policy`.
    RolePolicy(RolePolicy),
    /// `iam list-role-policies`: the names of all inline policies of a role, which it does not tell.
    InlineNames(Vec<String>),
    /// `iam list-attached-role-policies`: the ARNs of all managed policies of a role, which it does not tell.
    Attached(Vec<String>),
    /// `iam get-policy`.
    Policy(ManagedPolicy),
    /// `iam get-policy-version`: one version of a managed policy, which it does not tell.
    PolicyVersion(PolicyVersion),
    /// `organizations describe-policy`.
    ControlPolicy(Described),
    /// `organizations list-targets-for-policy`: where a policy is attached, which it does not tell.
    ControlTargets(Targets),
    /// `organizations list-policies-for-target`: the policies without their documents.
    ControlList(Vec<PolicySummary>),
    /// The API server's `/.well-known/openid-configuration`.
    Discovery(IssuerUrl),
    /// `eks list-pod-identity-associations`, or the one of `eks describe-pod-identity-association`.
    Associations(Vec<Association>),
    /// `iam get-account-summary`.
    Summary(Summary),
    /// An output of which nothing is used.
    Unused(Unused),
}

/// Why nothing of an output is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unused {
    /// No rule reads anything of what the command prints.
    Unneeded,
    /// It is one page of a list, of which only the whole proves something.
    Page,
}

/// The roles of an account.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) roles: Listed<RoleDetail>,
    pub(crate) users: Listed<Named>,
    pub(crate) groups: Listed<Named>,
    pub(crate) policies: Listed<PolicyDetail>,
    /// Another page follows.
    pub(crate) goes_on: bool,
    /// It has no list but that of roles, although the command prints all of them: it was filtered, as by `--query`.
    pub(crate) is_chosen: bool,
}

/// What an output of `get-account-authorization-details` says beside its lists.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DetailsPage {
    /// There is another page, says IAM.
    #[serde(default)]
    is_truncated: bool,
    /// There is another page, says the AWS CLI.
    #[serde(default)]
    next_token: Option<Value>,
}

/// The lists of an account beside that of its roles.
const OTHER_LISTS: [&str; 3] = ["UserDetailList", "GroupDetailList", "Policies"];

/// The command that prints details.
pub(super) const DETAILS: &str = "get-account-authorization-details";

impl Details {
    /// Puts together what an output says; `fields` are those beside its lists, and what is left of these.
    pub(super) fn of(
        fields: Map<String, Value>,
        roles: Listed<RoleDetail>,
        users: Listed<Named>,
        groups: Listed<Named>,
        policies: Listed<PolicyDetail>,
    ) -> Result<Self, String> {
        let is_chosen = OTHER_LISTS.iter().all(|name| !fields.contains_key(*name));
        let page: DetailsPage = decoded(Value::Object(fields), DETAILS)?;
        Ok(Self {
            roles,
            users,
            groups,
            policies,
            goes_on: page.is_truncated || page.next_token.is_some_and(|token| !token.is_null()),
            is_chosen,
        })
    }

    /// Whether the command was told to print something else than roles: no account is without any.
    pub(crate) fn is_of_others(&self) -> bool {
        self.roles.is_empty()
            && !(self.users.is_empty() && self.groups.is_empty() && self.policies.is_empty())
    }
}

/// Something with an ARN.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Named {
    pub(crate) arn: String,
}

/// A role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RoleDetail {
    pub(crate) arn: String,
    #[serde(default)]
    pub(crate) role_id: String,
    #[serde(rename = "AssumeRolePolicyDocument", deserialize_with = "document")]
    pub(crate) trust: String,
    #[serde(default)]
    pub(crate) permissions_boundary: Option<Boundary>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) create_date: Option<Timestamp>,
    /// `list-roles` leaves it out.
    #[serde(default)]
    pub(crate) role_last_used: Option<Used>,
    /// `list-roles` leaves them out.
    #[serde(default)]
    pub(crate) tags: Option<Vec<Tag>>,
    /// Only in account authorization details.
    #[serde(default)]
    pub(crate) attached_managed_policies: Option<Vec<AttachedPolicy>>,
    /// Likewise.
    #[serde(default)]
    pub(crate) role_policy_list: Option<Vec<InlinePolicy>>,
}

impl RoleDetail {
    /// When it was last used.
    pub(crate) fn last_used(&self) -> LastUsed {
        match &self.role_last_used {
            None => LastUsed::Unseen,
            Some(Used { last_used_date: None }) => LastUsed::Never,
            Some(Used {
                last_used_date: Some(date),
            }) => parsed(date).map_or(LastUsed::Unseen, LastUsed::At),
        }
    }
}

/// The latest time that stands in an output: it is no older than that.
pub(crate) fn told_after(roles: &[RoleDetail]) -> Option<Timestamp> {
    let used = |role: &RoleDetail| match role.last_used() {
        LastUsed::At(at) => Some(at),
        LastUsed::Never | LastUsed::Unseen => None,
    };
    roles
        .iter()
        .flat_map(|role| [role.create_date, used(role)])
        .flatten()
        .max()
}

/// A tag of a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// The last use of a role; without a date where IAM has seen none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Used {
    #[serde(default)]
    last_used_date: Option<Value>,
}

/// An inline policy of a role, which it names without its account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RolePolicy {
    pub(crate) role_name: String,
    pub(crate) policy_name: String,
    #[serde(deserialize_with = "document")]
    pub(crate) policy_document: String,
}

/// Who asked STS who it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Caller {
    pub(crate) account: String,
    #[serde(default)]
    arn: String,
}

impl Caller {
    /// The name of a node's role, and the id of its instance: credentials of an instance profile have sessions that are named after
    /// the instance (EC2 User Guide, "IAM roles for Amazon EC2").
    pub(crate) fn node(&self) -> Option<(&str, &str)> {
        let (_, session) = self.arn.split_once(":assumed-role/")?;
        let (role, instance) = session.split_once('/')?;
        let id = instance.strip_prefix("i-")?;
        let is_id = id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then_some((role, instance))
    }
}

/// A list that may go on in another page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<T> {
    #[serde(alias = "PolicyNames", alias = "AttachedPolicies")]
    items: Vec<T>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_token: Option<Value>,
}

impl<T> Page<T> {
    /// What it lists, if that is all.
    fn whole(self) -> Option<Vec<T>> {
        let is_last = !self.is_truncated && self.next_token.as_ref().is_none_or(Value::is_null);
        is_last.then_some(self.items)
    }
}

/// A role's permissions boundary.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Boundary {
    #[serde(default)]
    pub(crate) permissions_boundary_arn: Option<String>,
}

/// A managed policy of a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttachedPolicy {
    pub(crate) policy_arn: String,
}

/// An inline policy of a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InlinePolicy {
    pub(crate) policy_name: String,
    #[serde(default, deserialize_with = "some_document")]
    pub(crate) policy_document: Option<String>,
}

/// A provider, which does not tell its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ProviderOutput {
    #[serde(rename = "Url")]
    pub(crate) url: String,
    #[serde(rename = "ClientIDList")]
    pub(crate) client_ids: Vec<String>,
}

impl ProviderOutput {
    /// Its URL without the scheme, as IAM gives it.
    pub(crate) fn host_path(&self) -> &str {
        self.url.strip_prefix("https://").unwrap_or(&self.url)
    }
}

/// An EKS cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct Cluster {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) arn: String,
    #[serde(default)]
    identity: Option<Identity>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    #[serde(default)]
    oidc: Option<Oidc>,
}

#[derive(Debug, Deserialize)]
struct Oidc {
    issuer: String,
}

/// The names of the clusters of a region.
#[derive(Debug)]
pub(crate) struct ListedClusters {
    pub(crate) names: Vec<String>,
    /// The region, which only snapshots say.
    pub(crate) region: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ClusterNames {
    clusters: Vec<String>,
    #[serde(default)]
    region: Option<String>,
    /// There is another page, says EKS, or the AWS CLI.
    #[serde(default, rename = "nextToken", alias = "NextToken")]
    next_token: Option<Value>,
}

impl Cluster {
    /// The region that it is in.
    pub(crate) fn region(&self) -> Option<&str> {
        self.arn.split(':').nth(3).filter(|region| !region.is_empty())
    }

    /// The issuer of its tokens.
    pub(crate) fn issuer(&self) -> Option<&str> {
        Some(self.identity.as_ref()?.oidc.as_ref()?.issuer.as_str())
    }
}

/// An association of EKS Pod Identity.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Association {
    pub(crate) cluster_name: String,
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    #[serde(rename = "associationArn")]
    pub(crate) arn: String,
    #[serde(rename = "associationId")]
    pub(crate) id: String,
    /// Lists do not have it.
    #[serde(default)]
    pub(crate) role_arn: Option<String>,
    /// Lists do not have it either.
    #[serde(default)]
    pub(crate) disable_session_tags: bool,
}

/// Numbers of an account.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary {
    /// How many characters a trust policy may have.
    #[serde(rename = "AssumeRolePolicySizeQuota", default)]
    pub(crate) quota: Option<usize>,
    /// How many roles there are.
    #[serde(rename = "Roles", default)]
    pub(crate) roles: Option<usize>,
}

/// A time. What is not one, or of a form that the AWS CLI does not print by itself, tells nothing.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Value::deserialize(from).map(|value| parsed(&value))
}

fn parsed(time: &Value) -> Option<Timestamp> {
    time.as_str()?.parse().ok()
}

/// Outputs of IAM and EKS that no rule reads anything of, by the one key that tells them: whoever dumps an account has them.
const UNUSED: [&str; 10] = [
    "Policy",
    "Policies",
    "PolicyDocument",
    "Users",
    "User",
    "Groups",
    "InstanceProfiles",
    "AccountAliases",
    "Tags",
    "nodegroups",
];

/// Whether a document looks like an output of the AWS CLI.
pub(crate) fn is_output(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| kind(fields).is_some())
}

/// The issuer in a discovery document of an API server, if this is one.
pub(crate) fn discovery(value: &Value) -> Option<Result<IssuerUrl, IssuerError>> {
    value.get("jwks_uri")?;
    Some(IssuerUrl::parse(value.get("issuer")?.as_str()?))
}

/// The kinds of outputs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Details,
    Role,
    Roles,
    Providers,
    ProviderOutput,
    Cluster,
    ClusterNames,
    Caller,
    Discovery,
    Associations,
    Association,
    Summary,
    RolePolicy,
    InlineNames,
    Attached,
    Policy,
    PolicyVersion,
    ControlPolicy,
    ControlTargets,
    ControlList,
    Unused,
}

/// The kind of an output with these fields; absent where no command prints them.
pub(super) fn kind(fields: &Map<String, Value>) -> Option<Kind> {
    let has = |name: &str| fields.contains_key(name);
    // An object of Kubernetes, or a report of this program, may have a field of the same name.
    if has("apiVersion") && has("kind") {
        return None;
    }
    Some(if has("RoleDetailList") {
        Kind::Details
    } else if has("Role") {
        Kind::Role
    } else if has("Roles") {
        Kind::Roles
    } else if has("OpenIDConnectProviderList") {
        Kind::Providers
    } else if has("Url") && has("ClientIDList") {
        Kind::ProviderOutput
    } else if has("cluster") {
        Kind::Cluster
    } else if has("clusters") {
        Kind::ClusterNames
    } else if has("Account") && has("UserId") {
        Kind::Caller
    } else if has("issuer") && has("jwks_uri") {
        Kind::Discovery
    } else if has("associations") {
        Kind::Associations
    } else if has("association") {
        Kind::Association
    } else if has("SummaryMap") {
        Kind::Summary
    } else if has("RoleName") && has("PolicyName") && has("PolicyDocument") {
        Kind::RolePolicy
    } else if has("PolicyNames") {
        Kind::InlineNames
    } else if has("AttachedPolicies") {
        Kind::Attached
    } else if has("PolicyVersion") {
        Kind::PolicyVersion
    } else if control_policy::is_policy(fields) {
        Kind::ControlPolicy
    } else if control_policy::is_targets(fields) {
        Kind::ControlTargets
    } else if control_policy::is_list(fields) {
        Kind::ControlList
    } else if fields
        .get("Policy")
        .is_some_and(|policy| policy.get("Arn").is_some())
    {
        Kind::Policy
    } else if UNUSED.iter().any(|name| has(name)) {
        Kind::Unused
    } else {
        return None;
    })
}

/// Reads an output; `None` where no command prints such a document.
pub(crate) fn read(value: Value) -> Option<Result<Output, String>> {
    let kind = kind(value.as_object()?)?;
    Some(read_as(kind, value))
}

fn read_as(kind: Kind, mut value: Value) -> Result<Output, String> {
    let mut field = |name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
    Ok(match kind {
        Kind::Details => {
            let roles = listed(field("RoleDetailList"), "RoleDetailList", DETAILS)?;
            let users = listed(field("UserDetailList"), "UserDetailList", DETAILS)?;
            let groups = listed(field("GroupDetailList"), "GroupDetailList", DETAILS)?;
            let policies = listed(field("Policies"), "Policies", DETAILS)?;
            let fields = match value {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            Output::Details(Details::of(fields, roles, users, groups, policies)?)
        }
        Kind::Role => {
            let role = decoded(field("Role"), "get-role")?;
            Output::Roles(Listed {
                found: vec![role],
                odd: Vec::new(),
            })
        }
        Kind::Roles => Output::Roles(listed(field("Roles"), "Roles", "list-roles")?),
        Kind::Providers => {
            let list: Vec<Named> = decoded(
                field("OpenIDConnectProviderList"),
                "list-open-id-connect-providers",
            )?;
            Output::Providers(list.into_iter().map(|provider| provider.arn).collect())
        }
        Kind::ProviderOutput => Output::ProviderOutput(decoded(value, "get-open-id-connect-provider")?),
        Kind::Cluster => Output::Cluster(decoded(field("cluster"), "describe-cluster")?),
        Kind::ClusterNames => {
            let names: ClusterNames = decoded(value, "list-clusters")?;
            let is_last = names.next_token.as_ref().is_none_or(Value::is_null);
            if is_last {
                Output::ClusterNames(ListedClusters {
                    names: names.clusters,
                    region: names.region,
                })
            } else {
                Output::Unused(Unused::Page)
            }
        }
        Kind::Caller => Output::Caller(decoded(value, "get-caller-identity")?),
        Kind::RolePolicy => Output::RolePolicy(decoded(value, "get-role-policy")?),
        Kind::InlineNames => {
            let page: Page<String> = decoded(value, "list-role-policies")?;
            page.whole()
                .map_or(Output::Unused(Unused::Page), Output::InlineNames)
        }
        Kind::Attached => {
            let page: Page<AttachedPolicy> = decoded(value, "list-attached-role-policies")?;
            let arns = |all: Vec<AttachedPolicy>| all.into_iter().map(|policy| policy.policy_arn).collect();
            page.whole()
                .map_or(Output::Unused(Unused::Page), |all| Output::Attached(arns(all)))
        }
        Kind::Policy => Output::Policy(decoded(field("Policy"), "get-policy")?),
        Kind::PolicyVersion => Output::PolicyVersion(decoded(field("PolicyVersion"), "get-policy-version")?),
        Kind::ControlPolicy => {
            Output::ControlPolicy(decoded(field("Policy"), "organizations describe-policy")?)
        }
        Kind::ControlTargets => {
            Output::ControlTargets(decoded(value, "organizations list-targets-for-policy")?)
        }
        Kind::ControlList => Output::ControlList(decoded(
            field("Policies"),
            "organizations list-policies-for-target",
        )?),
        Kind::Discovery => match discovery(&value) {
            Some(issuer) => Output::Discovery(issuer.map_err(|error| error.to_string())?),
            None => return Err("its `issuer` is no text".to_owned()),
        },
        Kind::Associations => {
            Output::Associations(decoded(field("associations"), "list-pod-identity-associations")?)
        }
        Kind::Association => {
            let command = "describe-pod-identity-association";
            Output::Associations(vec![decoded(field("association"), command)?])
        }
        Kind::Summary => Output::Summary(decoded(field("SummaryMap"), "get-account-summary")?),
        Kind::Unused => Output::Unused(Unused::Unneeded),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRUST: &str = r#"{"Statement":[]}"#;

    fn role(trust: &Value) -> Result<Output, String> {
        let role =
            json!({"Role": {"Arn": "arn:aws:iam::111122223333:role/x", "AssumeRolePolicyDocument": trust}});
        read(role).unwrap()
    }

    #[test]
    fn trust_policies_come_as_objects_as_text_and_encoded() {
        for trust in [
            json!({"Statement": []}),
            json!(TRUST),
            json!("%7B%22Statement%22%3A%5B%5D%7D"),
        ] {
            match role(&trust) {
                Ok(Output::Roles(roles)) => {
                    assert_eq!(roles.found.first().unwrap().trust, TRUST, "{trust}");
                }
                other => panic!("{trust}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_role_without_a_trust_policy_was_not_read_whole() {
        for trust in [json!(""), json!(null), json!([]), json!(7)] {
            let error = role(&trust).unwrap_err();
            assert!(error.contains("AssumeRolePolicyDocument"), "{error}");
        }
        match read(json!({"Roles": [{"Arn": "x"}, {"Arn": "y", "AssumeRolePolicyDocument": TRUST}]})) {
            Some(Ok(Output::Roles(Listed { found, odd }))) => {
                assert_eq!((found.len(), odd.len()), (1, 1));
                let odd = odd.first().unwrap();
                assert_eq!(odd.arn.as_deref(), Some("x"));
                assert!(odd.why.contains("AssumeRolePolicyDocument"), "{}", odd.why);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_no_command_prints_is_no_output() {
        for value in [
            json!({}),
            json!([]),
            json!("x"),
            json!({"Url": "x"}),
            json!({"issuer": "https://a"}),
            json!({"apiVersion": "a/v1", "kind": "AuditReport", "cluster": {"issuer": null}}),
            json!(null),
        ] {
            assert!(read(value.clone()).is_none() && !is_output(&value), "{value}");
        }
        assert!(matches!(
            read(json!({"Users": []})),
            Some(Ok(Output::Unused(Unused::Unneeded)))
        ));
    }

    #[test]
    fn pages_tell_whether_another_follows() {
        let details = |extra: &Value| {
            let mut value = json!({"RoleDetailList": [], "UserDetailList": []});
            value
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            match read(value) {
                Some(Ok(Output::Details(details))) => !details.goes_on,
                other => panic!("{other:?}"),
            }
        };
        assert!(
            details(&json!({}))
                && details(&json!({"IsTruncated": false}))
                && details(&json!({"NextToken": null}))
        );
        assert!(
            !details(&json!({"IsTruncated": true, "Marker": "x"})) && !details(&json!({"NextToken": "x"}))
        );
    }
}
