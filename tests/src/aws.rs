//! The AWS endpoint of a world, and what is created there. Everything is created over the wire by the AWS SDK, so that a
//! scenario is the same on every endpoint.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_iam::Client;
use fake_aws::FakeAws;
use test_kit::{Moto, PythonError};

/// The account of the operator's own credentials.
pub const HOME: &str = "123456789012";

/// An account that the operator may look into through a role.
pub const OTHER: &str = "210987654321";

/// Another one, which has a provider for almost the cluster's issuer.
pub const NEAR: &str = "321098765432";

/// An account that nobody gave the operator a way into.
pub const FOREIGN: &str = "555566667777";

/// The role in [`OTHER`] and [`NEAR`] that the operator looks through.
pub const READER: &str = "irsa-audit-reader";

/// The region of everything.
pub const REGION: &str = "eu-west-1";

/// Thumbprint of no certificate; IAM wants one.
const THUMBPRINT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Why something is not in AWS.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The fake could not listen.
    #[error("the fake AWS did not start: {0}")]
    Fake(#[from] std::io::Error),
    /// Moto did not start.
    #[error(transparent)]
    Moto(#[from] PythonError),
    /// A call was refused or failed.
    #[error("`{call}` failed: {message}")]
    Call {
        /// The operation and what it was for.
        call: String,
        /// What AWS said.
        message: String,
    },
}

/// An endpoint that speaks for AWS.
#[derive(Debug)]
pub enum Aws {
    /// The project's own fake, in this process: counts calls, and fails on command.
    Fake(FakeAws),
    /// Moto's server, by other people.
    Moto(Moto),
}

/// A role to create.
#[derive(Debug, Clone)]
pub struct Role {
    /// The account's number.
    pub account: &'static str,
    /// Its name.
    pub name: String,
    /// Its path, with a slash at either end.
    pub path: &'static str,
    /// Its trust policy.
    pub trust: String,
    /// Its only inline permission policy, if it has one.
    pub permissions: Option<String>,
    /// The document of its permissions boundary, if it has one.
    pub boundary: Option<String>,
}

impl Role {
    /// A role in the operator's own account, at the path `/`, that may read from S3.
    #[must_use]
    pub fn new(name: impl Into<String>, trust: String) -> Self {
        Self {
            account: HOME,
            name: name.into(),
            path: "/",
            trust,
            permissions: Some(allowing("s3:GetObject")),
            boundary: None,
        }
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        arn(self.account, self.path, &self.name)
    }
}

/// A permission policy that allows one action, or a pattern of them, on everything.
#[must_use]
pub fn allowing(action: &str) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]
    })
    .to_string()
}

/// The ARN of a role.
#[must_use]
pub fn arn(account: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role{path}{name}")
}

impl Aws {
    /// Starts the project's own fake.
    ///
    /// # Errors
    /// [`AwsError::Fake`].
    pub async fn fake() -> Result<Self, AwsError> {
        Ok(Self::Fake(FakeAws::start().await?))
    }

    /// Starts moto.
    ///
    /// # Errors
    /// [`AwsError::Moto`].
    pub async fn moto() -> Result<Self, AwsError> {
        Ok(Self::Moto(Moto::start().await?))
    }

    /// The fake, where it is the endpoint: to count calls and to cause failures.
    #[must_use]
    pub fn as_fake(&self) -> Option<&FakeAws> {
        match self {
            Self::Fake(fake) => Some(fake),
            Self::Moto(_) => None,
        }
    }

    /// The environment that leads an AWS SDK or CLI to the endpoint as the operator, or as an administrator of
    /// [`HOME`]: neither endpoint tells the two apart.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Moto(moto) => moto.aws_environment(),
            Self::Fake(fake) => environment(fake.endpoint(), &fake.credentials(HOME)),
        }
    }

    /// The same as an administrator of another account.
    ///
    /// # Errors
    /// [`AwsError::Call`] where credentials have to be asked for, and are not given.
    pub async fn environment_in(&self, account: &str) -> Result<Vec<(&'static str, String)>, AwsError> {
        if account == HOME {
            return Ok(self.environment());
        }
        let credentials = self.credentials(account).await?;
        let mut variables = match self {
            Self::Moto(moto) => moto.aws_environment(),
            Self::Fake(fake) => environment(fake.endpoint(), &fake.credentials(account)),
        };
        variables.retain(|(name, _)| !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(name));
        variables.push(("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()));
        variables.push((
            "AWS_SECRET_ACCESS_KEY",
            credentials.secret_access_key().to_owned(),
        ));
        variables.extend(
            credentials
                .session_token()
                .map(|token| ("AWS_SESSION_TOKEN", token.to_owned())),
        );
        Ok(variables)
    }

    /// An IAM client for an administrator of an account.
    ///
    /// # Errors
    /// [`AwsError::Call`] where credentials have to be asked for, and are not given.
    pub async fn iam(&self, account: &str) -> Result<Client, AwsError> {
        Ok(Client::new(&self.config(self.credentials(account).await?).await))
    }

    /// Registers an OIDC provider.
    ///
    /// # Errors
    /// [`AwsError::Call`].
    pub async fn create_provider(
        &self,
        account: &str,
        issuer: &str,
        client_ids: &[&str],
    ) -> Result<(), AwsError> {
        let mut call = self
            .iam(account)
            .await?
            .create_open_id_connect_provider()
            .url(issuer);
        for id in client_ids {
            call = call.client_id_list(*id);
        }
        let made = call.thumbprint_list(THUMBPRINT).send().await;
        made.map_err(|error| failed("CreateOpenIDConnectProvider", issuer, &error))?;
        Ok(())
    }

    /// Creates a role with what it may do.
    ///
    /// # Errors
    /// [`AwsError::Call`].
    pub async fn create_role(&self, role: &Role) -> Result<(), AwsError> {
        let iam = self.iam(role.account).await?;
        let mut create = iam.create_role().role_name(&role.name).path(role.path);
        if let Some(document) = &role.boundary {
            let name = format!("{}-boundary", role.name);
            let policy = iam.create_policy().policy_name(&name).policy_document(document);
            policy
                .send()
                .await
                .map_err(|error| failed("CreatePolicy", &name, &error))?;
            create = create.permissions_boundary(format!("arn:aws:iam::{}:policy/{name}", role.account));
        }
        let created = create.assume_role_policy_document(&role.trust).send().await;
        created.map_err(|error| failed("CreateRole", &role.name, &error))?;
        if let Some(document) = &role.permissions {
            let put = iam
                .put_role_policy()
                .role_name(&role.name)
                .policy_name("read")
                .policy_document(document);
            put.send()
                .await
                .map_err(|error| failed("PutRolePolicy", &role.name, &error))?;
        }
        Ok(())
    }

    /// Gives a role a tag.
    ///
    /// # Errors
    /// [`AwsError::Call`].
    pub async fn tag_role(&self, role: &str, key: &str, value: &str) -> Result<(), AwsError> {
        let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value).build();
        let tag = tag.map_err(|error| failed("TagRole", role, &error))?;
        let call = self.iam(HOME).await?.tag_role().role_name(role).tags(tag);
        call.send()
            .await
            .map_err(|error| failed("TagRole", role, &error))?;
        Ok(())
    }

    /// Replaces the trust policy of a role, as its owner would.
    ///
    /// # Errors
    /// [`AwsError::Call`].
    pub async fn trust_role(&self, role: &str, document: &str) -> Result<(), AwsError> {
        let call = self.iam(HOME).await?.update_assume_role_policy().role_name(role);
        let sent = call.policy_document(document).send().await;
        sent.map_err(|error| failed("UpdateAssumeRolePolicy", role, &error))?;
        Ok(())
    }

    /// A role as IAM shows it.
    ///
    /// # Errors
    /// [`AwsError::Call`].
    pub async fn role(&self, role: &str) -> Result<aws_sdk_iam::types::Role, AwsError> {
        let answer = self.iam(HOME).await?.get_role().role_name(role).send().await;
        let answer = answer.map_err(|error| failed("GetRole", role, &error))?;
        answer.role.ok_or_else(|| AwsError::Call {
            call: format!("GetRole {role}"),
            message: "no role in the answer".to_owned(),
        })
    }

    async fn credentials(&self, account: &str) -> Result<Credentials, AwsError> {
        let user = |key: &str, secret: &str| Credentials::new(key, secret, None, None, "e2e");
        match self {
            Self::Fake(fake) => {
                let (key, secret) = fake.credentials(account);
                Ok(user(&key, &secret))
            }
            Self::Moto(_) if account == HOME => Ok(user("test", "test")),
            // Moto lets everybody assume any role, and puts its session into the role's account.
            Self::Moto(_) => {
                let role = arn(account, "/", "administrator");
                let sts = aws_sdk_sts::Client::new(&self.config(user("test", "test")).await);
                let answer = sts
                    .assume_role()
                    .role_arn(&role)
                    .role_session_name("e2e")
                    .send()
                    .await;
                let answer = answer.map_err(|error| failed("AssumeRole", &role, &error))?;
                let session = answer.credentials.ok_or_else(|| AwsError::Call {
                    call: format!("AssumeRole {role}"),
                    message: "no credentials in the answer".to_owned(),
                })?;
                let token = Some(session.session_token);
                Ok(Credentials::new(
                    session.access_key_id,
                    session.secret_access_key,
                    token,
                    None,
                    "e2e",
                ))
            }
        }
    }

    async fn config(&self, credentials: Credentials) -> SdkConfig {
        let endpoint = match self {
            Self::Fake(fake) => fake.endpoint(),
            Self::Moto(moto) => moto.endpoint(),
        };
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::from_static(REGION))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .load()
            .await
    }
}

fn environment(endpoint: &str, (key, secret): &(String, String)) -> Vec<(&'static str, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_PAGER", ""),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// The SDK's errors tell what happened only in their sources.
fn failed(operation: &str, subject: &str, error: &(dyn std::error::Error + 'static)) -> AwsError {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    AwsError::Call {
        call: format!("{operation} {subject}"),
        message,
    }
}
