//! What a command reads: a cluster and IAM, live, by the same code as the writer.

use std::time::Duration;

use audit_aws::AccountAccess;
use audit_core::model::{BindingKey, IssuerUrl};
use audit_core::text::quote;
use audit_remedy::{
    Authorities, Blocker, EditRefusal, Journal, LiveRole, Plan, RemedyOperation, RemedySubject, write_grant,
};
use iam_policy::RoleArn;
use jiff::Timestamp;
use kube::Client;

use super::args::AccessArgs;
use super::error::{NoSubject, RepairError};
use crate::cluster::{issuer, shown};
use crate::remediation::subject::{SubjectGap, SubjectScope, annotated_role};
use crate::remediation::{LiveReader, OwnAccounts, RoleEditors};
use crate::service;

/// How long a call to AWS may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A cluster.
pub(super) struct RepairSession {
    /// The API server, as the caller of the kubeconfig.
    pub(super) client: Client,
    reader: LiveReader,
    scope: SubjectScope,
    accounts: Vec<AccountAccess>,
}

/// A ServiceAccount, its role, everyone who has to agree, and what is planned.
pub(super) struct RepairCase {
    pub(super) subject: RemedySubject,
    pub(super) role: LiveRole,
    pub(super) authorities: Authorities,
    pub(super) operation: RemedyOperation,
    /// The plan, or why there is none.
    pub(super) planned: Result<Plan, EditRefusal>,
    /// The prefix of the webhook's annotations.
    pub(super) prefix: String,
    /// The time of the evaluation.
    pub(super) at: Timestamp,
}

impl RepairSession {
    /// Connects to the cluster of the kubeconfig.
    pub(super) async fn open(args: &AccessArgs) -> Result<Self, RepairError> {
        let cluster = service::cluster(&args.connection).await?;
        let token = service::own_token(&cluster);
        let client = service::client(cluster)?;
        let issuer = if let Some(issuer) = &args.issuer {
            issuer.clone()
        } else {
            match issuer::ask(&client, token.as_deref()).await {
                Some(found) => found.url,
                None => return Err(no_issuer(&client).await),
            }
        };
        let scope = SubjectScope {
            issuer,
            prefix: args.annotation_prefix.clone(),
            audience: args.token_audience.clone(),
        };
        let own = OwnAccounts {
            operator: args.operator_service_account.clone(),
            writer: args.writer_service_account.clone(),
        };
        Ok(Self {
            reader: LiveReader::new(client.clone(), scope.clone(), own, Vec::new()),
            client,
            scope,
            accounts: args.accounts.clone(),
        })
    }

    /// The issuer of the cluster's tokens.
    pub(super) fn issuer(&self) -> &IssuerUrl {
        &self.scope.issuer
    }

    /// The role that the ServiceAccount's annotation names.
    pub(super) async fn annotated_role(&self, key: &BindingKey) -> Result<RoleArn, RepairError> {
        let account = self
            .reader
            .service_account(&key.namespace, &key.service_account)
            .await?;
        let found = account.ok_or(SubjectGap::NoServiceAccount);
        found
            .and_then(|account| annotated_role(&self.scope, &account))
            .map_err(|gap| self.gap(key, gap))
    }

    /// Reads everything that a plan depends on, and makes the plan.
    pub(super) async fn case(
        &self,
        key: &BindingKey,
        operation: RemedyOperation,
    ) -> Result<RepairCase, RepairError> {
        let found = self.reader.find(&key.namespace, &key.service_account).await?;
        let subject = found.map_err(|gap| self.gap(key, gap))?;
        let authorities = self.reader.view().await?.authorities;
        let role = read_role(&self.accounts, &subject.role_arn, false).await?;
        let at = Timestamp::now();
        let planned = Plan::new(
            operation,
            &subject,
            &role,
            &Journal::new(&authorities.journal),
            at,
        );
        Ok(RepairCase {
            subject,
            role,
            authorities,
            operation,
            planned,
            prefix: self.scope.prefix.clone(),
            at,
        })
    }

    fn gap(&self, key: &BindingKey, gap: SubjectGap) -> RepairError {
        RepairError::NoSubject(Box::new(NoSubject {
            key: key.clone(),
            prefix: self.scope.prefix.clone(),
            gap,
        }))
    }
}

impl RepairCase {
    /// Everything that blocks the plan, in the core's order.
    pub(super) fn blockers(&self, plan: &Plan) -> Vec<Blocker> {
        write_grant(plan, &self.authorities, None, self.at)
            .err()
            .unwrap_or_default()
    }
}

/// Why the cluster did not say its issuer.
async fn no_issuer(client: &Client) -> RepairError {
    match client.apiserver_version().await {
        // Who may not ask for the version has been understood.
        Ok(_) => RepairError::NoIssuer,
        Err(kube::Error::Api(status)) if status.is_forbidden() => RepairError::NoIssuer,
        Err(error) => RepairError::NoApiServer(shown(&error)),
    }
}

/// A role as IAM has it now: by the way into its account that is given, or else with the caller's own credentials. `or_existing` is
/// whether the caller can do without it.
pub(super) async fn read_role(
    accounts: &[AccountAccess],
    arn: &RoleArn,
    or_existing: bool,
) -> Result<LiveRole, RepairError> {
    let own = AccountAccess {
        id: arn.account().to_owned(),
        role_arn: None,
        external_id: None,
    };
    let access = accounts.iter().find(|access| access.id == own.id);
    let editors = RoleEditors::new(&[access.cloned().unwrap_or(own)], CALL_TIMEOUT).await;
    let role = quote(&arn.to_string());
    let Some(editor) = editors.of(arn) else {
        return Err(RepairError::RoleMissing(role));
    };
    match editor.read(arn.name()).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(RepairError::RoleMissing(role)),
        Err(failure) => {
            let found = editor.caller_account().await.ok();
            Err(match found.filter(|found| found != arn.account()) {
                Some(found) => RepairError::RoleElsewhere {
                    role,
                    found: quote(&found),
                    wanted: quote(arn.account()),
                },
                None => RepairError::RoleUnread {
                    role,
                    failure: Box::new(failure),
                    or_existing,
                },
            })
        }
    }
}
