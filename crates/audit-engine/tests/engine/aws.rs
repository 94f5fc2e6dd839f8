//! A pretend AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_aws::{DirectoryRequest, Failure, Listed, ListedRole, Piece, Reading, evidence};
use audit_core::model::{
    BindingKey, Clusters, EksIssuer, FailureKind, Inquiry, PodIdentityAssociation, Provider, Role,
    RoleLookup, RolePolicies, Simulated, SimulatedAnswer, SimulatedDecision, Simulation, TrustingRoles,
};
use iam_policy::RoleArn;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{HOME, ISSUER, issuer};

/// How calls end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answers {
    #[default]
    Well,
    Denied,
    Down,
    /// Never.
    Never,
}

impl Answers {
    fn failure(self, action: &str) -> Option<Failure> {
        let kind = match self {
            Self::Well | Self::Never => return None,
            Self::Denied => FailureKind::AccessDenied {
                action: action.to_owned(),
            },
            Self::Down => FailureKind::Unavailable,
        };
        Some(Failure::new(kind, "no"))
    }
}

#[derive(Debug, Clone, Default)]
pub struct AwsAccount {
    /// Roles by name, with the subjects whom they trust.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    pub has_no_provider: bool,
    /// URLs of other providers.
    pub provider_urls: Vec<String>,
    /// Statements that each role has besides.
    pub statements: Vec<Value>,
    /// The tags of each role.
    pub tags: BTreeMap<String, String>,
    /// How many characters pad the trust policy of each role.
    pub padding: usize,
    pub associations: BTreeSet<BindingKey>,
    pub listings: Answers,
    pub singles: Answers,
    /// Calls that only some verdicts need.
    pub extras: Answers,
    pub simulations: Answers,
    /// What managed policies say.
    pub documents: Answers,
    /// Actions that an SCP denies.
    pub scp_denies: BTreeSet<&'static str>,
    /// What the policies of roles allow, where it is not what they do at first.
    pub policy: Option<String>,
    /// What the simulator takes them for, where that is something else.
    pub simulated_policy: Option<String>,
    /// The ids of issuers of clusters that are gone or elsewhere, with the roles that trust them.
    pub trusted_issuers: BTreeMap<String, BTreeSet<String>>,
    /// The ids of the issuers of its clusters, all in one region.
    pub clusters: BTreeSet<String>,
    /// No way in is configured.
    pub is_closed: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Aws {
    pub accounts: BTreeMap<String, AwsAccount>,
}

impl AwsAccount {
    fn policy(&self) -> &str {
        self.policy.as_deref().unwrap_or(POLICY)
    }
}

impl Aws {
    pub fn home(&mut self) -> &mut AwsAccount {
        self.account(HOME)
    }

    pub fn account(&mut self, id: &str) -> &mut AwsAccount {
        self.accounts.entry(id.to_owned()).or_default()
    }

    pub fn answer(&self, request: &DirectoryRequest, at: Timestamp) -> Vec<Reading> {
        let known = |id: &String| {
            self.accounts
                .get(id)
                .filter(|a| !a.is_closed)
                .ok_or_else(|| id.clone())
        };
        let answer = match request {
            DirectoryRequest::Piece {
                account: id, piece, ..
            } => known(id).map(|account| match piece {
                Piece::Role(asked) => role_readings(account, id, asked, at),
                Piece::Simulation(asked) => simulation_readings(account, id, asked, at),
                Piece::Provider(asked) => provider_readings(account, id, asked, at),
                Piece::ProviderUrls(asked) => {
                    let failure = account.extras.failure("iam:ListOpenIDConnectProviders");
                    let result = failure.map_or(Ok(account.provider_urls.clone()), Err);
                    vec![Reading::piece(id, asked.clone(), at, result)]
                }
                Piece::TrustQuota(asked) => {
                    let failure = account.extras.failure("iam:GetAccountSummary");
                    vec![Reading::piece(
                        id,
                        asked.clone(),
                        at,
                        failure.map_or(Ok(2048), Err),
                    )]
                }
                Piece::PodIdentity(asked) => {
                    let failure = account.extras.failure("eks:ListPodIdentityAssociations");
                    let result = failure.map_or(Ok(associations(account, asked)), Err);
                    vec![Reading::piece(id, asked.clone(), at, result)]
                }
                Piece::Clusters(asked) => {
                    let failure = account.extras.failure("eks:ListClusters");
                    let clusters = Clusters {
                        issuers: account.clusters.iter().map(|id| eks_issuer(id)).collect(),
                        is_whole: true,
                    };
                    vec![Reading::piece(
                        id,
                        asked.clone(),
                        at,
                        failure.map_or(Ok(clusters), Err),
                    )]
                }
                Piece::Policies(_) | Piece::Inline(_) | Piece::Managed(_) => {
                    panic!("the engine asks for roles: {piece:?}")
                }
            }),
            DirectoryRequest::Listing {
                account: id, wanted, ..
            } => known(id).map(|account| listing_readings(account, id, wanted, at)),
            DirectoryRequest::Release { .. } => return Vec::new(),
            DirectoryRequest::EksIssuer { .. } => panic!("the engine does not ask EKS"),
        };
        answer.unwrap_or_else(|account| vec![Reading::NotConfigured { account }])
    }
}

fn associations(
    aws: &AwsAccount,
    asked: &evidence::PodIdentity,
) -> BTreeMap<BindingKey, PodIdentityAssociation> {
    let association = |key: &BindingKey| PodIdentityAssociation {
        id: "a-1".to_owned(),
        role_arn: None,
        is_described: asked.wanted.contains(key),
        has_session_tags: true,
    };
    let keys = aws.associations.iter();
    keys.map(|key| (key.clone(), association(key))).collect()
}

/// A role, its policies, and where that is asked for, what stands in them.
fn role_readings(aws: &AwsAccount, id: &str, asked: &evidence::Role, at: Timestamp) -> Vec<Reading> {
    if aws.singles == Answers::Never {
        return Vec::new();
    }
    let name = asked.name.as_str();
    let role_reading = |result| Reading::piece(id, asked.clone(), at, result);
    if let Some(failure) = aws.singles.failure("iam:GetRole") {
        return vec![role_reading(Err(failure))];
    }
    let Some(subjects) = aws.roles.get(name) else {
        return vec![role_reading(Ok(RoleLookup::Absent))];
    };
    let found = RoleLookup::Found(Arc::new(role(aws, id, name, subjects)));
    let listed = evidence::Policies {
        role: name.to_owned(),
        documents: asked.with_documents.then_some(None),
    };
    let mut readings = vec![
        role_reading(Ok(found)),
        Reading::piece(id, listed, at, Ok(policies())),
    ];
    if asked.with_documents && aws.documents == Answers::Well {
        let documents = policies()
            .attached
            .into_iter()
            .map(|arn| Reading::piece(id, evidence::Managed { arn }, at, Ok(aws.policy().into())));
        readings.extend(documents);
    }
    readings
}

/// The simulator knows what policies say in this laboratory: whether they name an action.
fn simulation_readings(
    aws: &AwsAccount,
    id: &str,
    asked: &evidence::Simulation,
    at: Timestamp,
) -> Vec<Reading> {
    if aws.simulations == Answers::Never {
        return Vec::new();
    }
    let policy = aws.simulated_policy.as_deref().unwrap_or_else(|| aws.policy());
    let answer = |action: &String| SimulatedAnswer {
        action: action.clone(),
        resource: "*".to_owned(),
        decision: if aws.scp_denies.contains(action.as_str()) {
            SimulatedDecision::DeniedByOrganization
        } else if policy.contains(&format!("{action:?}")) {
            SimulatedDecision::Allowed
        } else {
            SimulatedDecision::DeniedImplicitly
        },
        missing_keys: Vec::new(),
    };
    let of_inquiry = |inquiry: &Arc<Inquiry>| {
        let simulated = Simulated {
            answers: inquiry.actions.iter().map(answer).collect(),
            since: at,
        };
        (Arc::clone(inquiry), simulated)
    };
    let failure = aws.simulations.failure("iam:SimulatePrincipalPolicy");
    let simulation = Simulation {
        state: asked.state,
        answers: asked.inquiries.iter().map(of_inquiry).collect(),
    };
    vec![Reading::piece(
        id,
        asked.clone(),
        at,
        failure.map_or(Ok(simulation), Err),
    )]
}

/// What every policy allows.
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

fn provider_readings(aws: &AwsAccount, id: &str, asked: &evidence::Provider, at: Timestamp) -> Vec<Reading> {
    if aws.singles == Answers::Never {
        return Vec::new();
    }
    let registered = issuer(ISSUER).url.provider_arn("aws", id);
    let provider = (!aws.has_no_provider && asked.arn == registered).then(|| Provider {
        arn: registered,
        url: ISSUER.trim_start_matches("https://").to_owned(),
        client_ids: vec!["sts.amazonaws.com".to_owned()],
    });
    let result = aws
        .singles
        .failure("iam:GetOpenIDConnectProvider")
        .map_or(Ok(provider), Err);
    vec![Reading::piece(id, asked.clone(), at, result)]
}

fn listing_readings(aws: &AwsAccount, id: &str, wanted: &BTreeSet<String>, at: Timestamp) -> Vec<Reading> {
    if aws.listings == Answers::Never {
        return Vec::new();
    }
    let roles = aws
        .roles
        .iter()
        .filter(|(name, subjects)| wanted.contains(*name) || !subjects.is_empty());
    // The documents of policies that wanted roles have.
    let is_wanted = aws.roles.keys().any(|name| wanted.contains(name));
    let managed = policies().attached.into_iter().filter(|_| is_wanted);
    let listed = Listed {
        roles: roles
            .map(|(name, subjects)| ListedRole {
                name: name.clone(),
                at,
                role: Ok(Arc::new(role(aws, id, name, subjects))),
                policies: policies(),
                inline: None,
                subjects: subjects.clone(),
            })
            .collect(),
        managed: managed.map(|arn| (arn, (at, aws.policy().into()))).collect(),
        unlisted: [].into(),
        trusted_issuers: aws.trusted_issuers.iter().map(trusting_roles).collect(),
        absent: wanted
            .iter()
            .filter(|name| !aws.roles.contains_key(*name))
            .cloned()
            .collect(),
        total: aws.roles.len(),
    };
    let result = aws
        .listings
        .failure("iam:GetAccountAuthorizationDetails")
        .map_or(Ok(listed), Err);
    vec![Reading::Listing {
        account: id.to_owned(),
        at,
        started_at: at,
        result,
    }]
}

fn trusting_roles((id, roles): (&String, &BTreeSet<String>)) -> (EksIssuer, TrustingRoles) {
    let mut trusting = TrustingRoles::new(&host_path(id));
    for role in roles {
        trusting.add(role, true);
    }
    (eks_issuer(id), trusting)
}

/// An EKS issuer by its id, without the scheme.
pub fn host_path(id: &str) -> String {
    format!("oidc.eks.eu-west-1.amazonaws.com/id/{id}")
}

fn eks_issuer(id: &str) -> EksIssuer {
    EksIssuer::parse(&host_path(id)).unwrap()
}

fn policies() -> RolePolicies {
    RolePolicies {
        attached: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
        inline: Vec::new(),
    }
}

fn role(aws: &AwsAccount, account: &str, name: &str, subjects: &BTreeSet<String>) -> Role {
    let host = ISSUER.trim_start_matches("https://");
    let statements: Vec<_> = subjects
        .iter()
        .map(|subject| {
            json!({
                "Effect": "Allow",
                "Principal": {"Federated": issuer(ISSUER).url.provider_arn("aws", account)},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{host}:sub"): subject, format!("{host}:aud"): "sts.amazonaws.com",
                }},
            })
        })
        .chain(aws.statements.iter().cloned())
        .collect();
    let id = "x".repeat(aws.padding);
    let text = json!({"Version": "2012-10-17", "Id": id, "Statement": statements}).to_string();
    Role {
        arn: RoleArn::parse(&format!("arn:aws:iam::{account}:role/{name}")).unwrap(),
        id: format!("AROA{name}"),
        created: None,
        last_used: audit_core::model::LastUsed::Unseen,
        told_after: None,
        boundary: None,
        tags: Some(aws.tags.clone()),
        trust_text: text.into(),
    }
}
