//! AWS accounts with many roles, and what they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_aws::{DirectoryRequest, Listed, ListedRole, Piece, Reading, evidence};
use audit_core::issuers;
use audit_core::model::{
    Clusters, IssuerUrl, LastUsed, ManagedPolicy, Provider, Role, RoleLookup, RolePolicies, Simulation,
};
use audit_core::subjects::named;
use iam_policy::RoleArn;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The operator's own account.
pub const HOME: &str = "111122223333";
/// The cluster's issuer, without the scheme.
pub const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/A";

/// The cluster's issuer.
pub fn issuer() -> IssuerUrl {
    IssuerUrl::parse(&format!("https://{HOST_PATH}")).unwrap()
}

/// The ARN of a role of the operator's own account.
pub fn arn(role: &str) -> String {
    format!("arn:aws:iam::{HOME}:role/{role}")
}

/// A trust policy that admits the subjects that fit.
pub fn trusting(operator: &str, subject: &str) -> String {
    trusting_by(HOST_PATH, operator, subject)
}

/// A trust policy that admits the subjects of an issuer that fit.
pub fn trusting_by(host_path: &str, operator: &str, subject: &str) -> String {
    let mut condition = json!({ "StringEquals": { format!("{host_path}:aud"): "sts.amazonaws.com" } });
    condition[operator][format!("{host_path}:sub")] = json!(subject);
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{HOME}:oidc-provider/{host_path}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    });
    document(&[statement])
}

/// A policy of some statements.
pub fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// A role, and what is attached to it.
#[derive(Debug, Clone, Default)]
pub struct IamRole {
    pub trust: String,
    pub attached: Vec<String>,
    pub boundary: Option<String>,
}

/// One account; others are not configured.
#[derive(Debug, Clone, Default)]
pub struct Iam {
    pub roles: BTreeMap<String, IamRole>,
    /// The documents of managed policies, by ARN.
    pub managed: BTreeMap<String, String>,
    /// The URLs of providers for other issuers.
    pub provider_urls: Vec<String>,
    /// The account cannot be listed: roles are read one by one.
    pub refuses_listings: bool,
}

impl Iam {
    /// The answers to a request.
    pub fn answer(&self, request: &DirectoryRequest, at: Timestamp) -> Vec<Reading> {
        match request {
            DirectoryRequest::Piece { account, .. } | DirectoryRequest::Listing { account, .. }
                if account != HOME =>
            {
                vec![Reading::NotConfigured {
                    account: account.clone(),
                }]
            }
            DirectoryRequest::Listing { wanted, .. } => vec![Reading::Listing {
                account: HOME.to_owned(),
                at,
                started_at: at,
                result: if self.refuses_listings {
                    let kind = audit_core::model::FailureKind::AccessDenied {
                        action: "iam:GetAccountAuthorizationDetails".to_owned(),
                    };
                    Err(audit_aws::Failure::new(kind, "no"))
                } else {
                    Ok(self.listed(wanted, at))
                },
            }],
            DirectoryRequest::Piece { piece, .. } => self.piece(piece, at),
            DirectoryRequest::Release { .. } | DirectoryRequest::EksIssuer { .. } => Vec::new(),
        }
    }

    fn piece(&self, piece: &Piece, at: Timestamp) -> Vec<Reading> {
        match piece {
            Piece::Role(asked) => self.role_readings(&asked.name, asked.with_documents, at),
            Piece::Provider(asked) => {
                let arn = issuer().provider_arn("aws", HOME);
                let provider = (asked.arn == arn).then(|| Provider {
                    arn,
                    url: HOST_PATH.to_owned(),
                    client_ids: vec!["sts.amazonaws.com".to_owned()],
                });
                vec![Reading::piece(HOME, asked.clone(), at, Ok(provider))]
            }
            Piece::ProviderUrls(asked) => {
                let mut urls = self.provider_urls.clone();
                urls.push(HOST_PATH.to_owned());
                vec![Reading::piece(HOME, asked.clone(), at, Ok(urls))]
            }
            Piece::TrustQuota(asked) => vec![Reading::piece(HOME, asked.clone(), at, Ok(2048))],
            Piece::PodIdentity(asked) => {
                vec![Reading::piece(HOME, asked.clone(), at, Ok(BTreeMap::new()))]
            }
            Piece::Clusters(asked) => {
                let clusters = Clusters {
                    is_whole: true,
                    ..Clusters::default()
                };
                vec![Reading::piece(HOME, asked.clone(), at, Ok(clusters))]
            }
            Piece::Simulation(asked) => {
                let nothing = Simulation {
                    state: asked.state,
                    answers: BTreeMap::new(),
                };
                vec![Reading::piece(HOME, asked.clone(), at, Ok(nothing))]
            }
            Piece::Managed(asked) => self.managed_reading(&asked.arn, at).into_iter().collect(),
            Piece::Policies(_) | Piece::Inline(_) => Vec::new(),
        }
    }

    /// What a read of one role brings.
    pub fn role_readings(&self, name: &str, with_documents: bool, at: Timestamp) -> Vec<Reading> {
        let asked = evidence::Role {
            name: name.to_owned(),
            with_documents,
        };
        let Some(role) = self.roles.get(name) else {
            return vec![Reading::piece(HOME, asked, at, Ok(RoleLookup::Absent))];
        };
        let found = RoleLookup::Found(Arc::new(role.of_model(name)));
        let listed = evidence::Policies {
            role: name.to_owned(),
            documents: with_documents.then_some(None),
        };
        let mut readings = vec![
            Reading::piece(HOME, asked, at, Ok(found)),
            Reading::piece(HOME, listed, at, Ok(role.policies())),
        ];
        let arns = role.attached.iter().chain(&role.boundary);
        readings.extend(arns.filter_map(|arn| self.managed_reading(arn, at)));
        readings
    }

    /// What a read of one managed policy brings.
    pub fn managed_reading(&self, arn: &str, at: Timestamp) -> Option<Reading> {
        let policy = self.policy(arn)?;
        let asked = evidence::Managed { arn: arn.to_owned() };
        Some(Reading::piece(HOME, asked, at, Ok(policy)))
    }

    fn policy(&self, arn: &str) -> Option<ManagedPolicy> {
        let text = self.managed.get(arn)?;
        Some(ManagedPolicy::from(text.as_str()))
    }

    fn listed(&self, wanted: &BTreeSet<String>, at: Timestamp) -> Listed {
        let issuer = issuer();
        let (mut roles, mut trusted_issuers, mut managed) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (name, role) in &self.roles {
            let of_model = role.of_model(name);
            let parsed = of_model.trust();
            let document = parsed.document.as_ref().unwrap();
            issuers::gather(&mut trusted_issuers, &of_model.arn, document, Some(&issuer));
            let subjects = named(document, &of_model.arn, &issuer);
            if !wanted.contains(name) && subjects.is_empty() {
                continue;
            }
            for arn in role.attached.iter().chain(&role.boundary) {
                managed.extend(self.policy(arn).map(|policy| (arn.clone(), (at, policy))));
            }
            roles.push(ListedRole {
                name: name.clone(),
                at,
                policies: role.policies(),
                role: Ok(Arc::new(of_model)),
                inline: None,
                subjects,
            });
        }
        Listed {
            roles,
            absent: wanted
                .iter()
                .filter(|name| !self.roles.contains_key(*name))
                .cloned()
                .collect(),
            managed,
            unlisted: BTreeSet::new(),
            trusted_issuers,
            total: self.roles.len(),
        }
    }
}

impl IamRole {
    fn policies(&self) -> RolePolicies {
        RolePolicies {
            attached: self.attached.clone(),
            inline: Vec::new(),
        }
    }

    fn of_model(&self, name: &str) -> Role {
        Role {
            arn: RoleArn::parse(&arn(name)).unwrap(),
            id: format!("AROA{name}"),
            boundary: self.boundary.as_deref().map(Into::into),
            tags: Some(BTreeMap::new()),
            trust_text: self.trust.as_str().into(),
            created: None,
            last_used: LastUsed::Unseen,
            told_after: None,
        }
    }
}
