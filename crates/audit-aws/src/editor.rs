//! The writer's calls to IAM, apart from everything that the operator asks: one role, read and written.
//!
//! Nothing is retried here and nothing is cached but the account's quota: the writer's core says when to read again, and a write whose
//! answer is lost is never sent twice.
//!
//! Sources: [GetCallerIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html),
//! [GetRole](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html),
//! [UpdateAssumeRolePolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html).

use std::time::Duration;

use audit_core::document::decode;
use audit_core::model::aws::DEFAULT_TRUST_QUOTA;
use audit_core::text::quote;
use audit_remedy::{LiveRole, RoleTag, WriteAnswer, WriteOrder};
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId as _;
use aws_sdk_iam::types::SummaryKeyType;
use iam_policy::RoleArn;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::account_access::AccountAccess;
use crate::failure::{Failure, Miss, judge};
use crate::settings::DEFAULT_REGION;

/// The session name by which CloudTrail knows the writer in other accounts.
const SESSION_NAME: &str = "irsa-audit-writer";

/// Error codes of IAM after which a request has certainly not been carried out. Everything else is a lost answer.
const REFUSED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "ConcurrentModification",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidInput",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "NoSuchEntity",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "Throttling",
    "ThrottlingException",
    "UnmodifiableEntity",
    "ValidationError",
];

/// Reads and writes trust policies of one account.
#[derive(Debug)]
pub struct RoleEditor {
    account: String,
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    quota: OnceCell<usize>,
}

impl RoleEditor {
    /// The way into an account, by the writer's own credentials or by a role. Nothing is called before the first use.
    pub async fn new(home: &SdkConfig, access: &AccountAccess, call_timeout: Duration) -> Self {
        let timeouts = TimeoutConfig::builder().operation_timeout(call_timeout).build();
        let mut builder = home
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if home.region().is_none() {
            builder = builder.region(DEFAULT_REGION);
        }
        let mut config = builder.build();
        if let Some(role_arn) = &access.role_arn {
            let mut provider = AssumeRoleProvider::builder(role_arn)
                .session_name(SESSION_NAME)
                .configure(&config);
            if let Some(external_id) = &access.external_id {
                provider = provider.external_id(external_id);
            }
            let provider =
                aws_credential_types::provider::SharedCredentialsProvider::new(provider.build().await);
            config = config.to_builder().credentials_provider(provider).build();
        }
        Self {
            account: access.id.clone(),
            iam: aws_sdk_iam::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            quota: OnceCell::new(),
        }
    }

    /// The role as it is now; `None` if there is none of this name.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn read(&self, role_name: &str) -> Result<Option<LiveRole>, Failure> {
        let answer = self.iam.get_role().role_name(role_name).send().await;
        let found = match answer {
            Ok(found) => found,
            Err(error) => {
                return match judge(&error, "iam", "GetRole").miss {
                    Miss::NotFound(_) => self.of_account(&self.caller_account().await?).map(|()| None),
                    Miss::Failed(failure) => Err(failure),
                };
            }
        };
        let role = found
            .role
            .ok_or_else(|| Failure::unavailable("IAM answered without a role"))?;
        let arn = RoleArn::parse(role.arn())
            .map_err(|_| Failure::unavailable(format!("IAM gave a role the ARN {}", quote(role.arn()))))?;
        self.of_account(arn.account())?;
        let tags = role.tags().iter().map(|tag| RoleTag::new(tag.key(), tag.value()));
        Ok(Some(LiveRole {
            arn,
            id: role.role_id().to_owned(),
            trust_text: decode(role.assume_role_policy_document().unwrap_or_default()).into_owned(),
            tags: tags.collect(),
            quota: self.quota().await,
        }))
    }

    /// The account that the credentials are of: IAM knows no role of any other, and says of each that it does not exist.
    ///
    /// # Errors
    /// Why AWS did not say it.
    pub async fn caller_account(&self) -> Result<String, Failure> {
        let answer = self.sts.get_caller_identity().send().await;
        let identity =
            answer.map_err(|error| judge(&error, "sts", "GetCallerIdentity").miss.into_failure())?;
        let account = identity.account.filter(|id| !id.is_empty());
        account.ok_or_else(|| Failure::unavailable("AWS did not say which account the credentials are in"))
    }

    /// That what was answered is about the account which was asked for.
    fn of_account(&self, found: &str) -> Result<(), Failure> {
        if found == self.account {
            return Ok(());
        }
        let message = format!(
            "the credentials are of account {}, not {}",
            quote(found),
            self.account
        );
        Err(Failure::unavailable(message))
    }

    /// The account's quota; AWS's default where it cannot be read, which no account has less of.
    async fn quota(&self) -> usize {
        let read = || async {
            let answer = self.iam.get_account_summary().send().await.map_err(|_| ())?;
            let map = answer.summary_map().ok_or(())?;
            let quota = map.get(&SummaryKeyType::AssumeRolePolicySizeQuota).ok_or(())?;
            usize::try_from(*quota).map_err(|_| ())
        };
        let quota = self.quota.get_or_try_init(read).await;
        quota.copied().unwrap_or(DEFAULT_TRUST_QUOTA)
    }

    /// Writes a trust policy, once.
    pub async fn write(&self, order: &WriteOrder) -> WriteAnswer {
        let call = self
            .iam
            .update_assume_role_policy()
            .role_name(&order.role_name)
            .policy_document(&order.document);
        let timeout = Duration::try_from(order.timeout).unwrap_or_default();
        if Timestamp::now() > order.not_after {
            return WriteAnswer::TooLate;
        }
        match tokio::time::timeout(timeout, call.send()).await {
            // What does not come from IAM, such as a proxy's page, has no request id.
            Ok(Ok(answer)) if answer.request_id().is_some() => WriteAnswer::Accepted,
            Ok(Err(error)) => refused(&error).map_or(WriteAnswer::Lost, |code| WriteAnswer::Refused { code }),
            Ok(Ok(_)) | Err(_) => WriteAnswer::Lost,
        }
    }
}

/// The code of an error after which nothing was written.
fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<String> {
    match error {
        // It never left.
        SdkError::ConstructionFailure(_) => Some("NotSent".to_owned()),
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            REFUSED.contains(&code).then(|| code.to_owned())
        }
        _ => None,
    }
}
