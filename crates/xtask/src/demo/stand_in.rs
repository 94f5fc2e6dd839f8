//! The commands of the AWS CLI that a printed fix of a trust policy and a printed consent call, for machines that have no `aws`.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::{Args, Subcommand};
use percent_encoding::percent_decode_str;

/// The hidden command of `cargo xtask`.
pub const COMMAND: &str = "aws-stand-in";

/// `aws`, as far as it is needed.
#[derive(Debug, Args)]
pub struct StandInArgs {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// IAM
    Iam {
        #[command(subcommand)]
        operation: Operation,
    },
}

#[derive(Debug, Subcommand)]
enum Operation {
    /// Print a role's trust policy, or the value of one of its tags
    GetRole {
        #[arg(long)]
        role_name: String,
        #[arg(long, value_parser = RoleQuery::from_str)]
        query: RoleQuery,
        #[arg(long, value_parser = ["json", "text"])]
        output: String,
    },
    /// Set tags of a role
    TagRole {
        #[arg(long)]
        role_name: String,
        /// As JSON
        #[arg(long)]
        tags: String,
    },
    /// Replace a role's trust policy
    UpdateAssumeRolePolicy {
        #[arg(long)]
        role_name: String,
        #[arg(long)]
        policy_document: String,
    },
}

/// What is asked of a role.
#[derive(Debug, Clone)]
enum RoleQuery {
    TrustPolicy,
    /// The value of the tag with this key.
    Tag(String),
}

impl FromStr for RoleQuery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "Role.AssumeRolePolicyDocument" {
            return Ok(Self::TrustPolicy);
        }
        let key = text
            .strip_prefix("Role.Tags[?Key=='")
            .and_then(|rest| rest.strip_suffix("'].Value | [0]"));
        key.map(|key| Self::Tag(key.to_owned()))
            .ok_or_else(|| "this is not a query that a printed command makes".to_owned())
    }
}

/// Calls IAM at the endpoint, and with the credentials, of the environment.
///
/// # Errors
/// What IAM said, or that the call failed.
pub fn run(args: StandInArgs) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(call(args))
}

async fn call(
    StandInArgs {
        service: Service::Iam { operation },
    }: StandInArgs,
) -> Result<(), String> {
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .load()
        .await;
    let iam = aws_sdk_iam::Client::new(&config);
    match operation {
        Operation::GetRole { role_name, query, .. } => {
            let answer = iam
                .get_role()
                .role_name(role_name)
                .send()
                .await
                .map_err(|e| format!("{e:?}"))?;
            let role = answer.role.ok_or("no role in the answer")?;
            if let RoleQuery::Tag(key) = query {
                let tag = role.tags().iter().find(|tag| tag.key() == key);
                // What the AWS CLI prints where there is nothing.
                println!("{}", tag.map_or("None", |tag| tag.value()));
                return Ok(());
            }
            let encoded = role
                .assume_role_policy_document
                .ok_or("no trust policy in the answer")?;
            let document = percent_decode_str(&encoded)
                .decode_utf8()
                .map_err(|error| error.to_string())?;
            println!("{document}");
        }
        Operation::TagRole { role_name, tags } => {
            let tags: Vec<BTreeMap<String, String>> =
                serde_json::from_str(&tags).map_err(|error| error.to_string())?;
            let mut call = iam.tag_role().role_name(role_name);
            for tag in tags {
                let tag = aws_sdk_iam::types::Tag::builder()
                    .key(tag.get("Key").cloned().unwrap_or_default())
                    .value(tag.get("Value").cloned().unwrap_or_default());
                call = call.tags(tag.build().map_err(|error| error.to_string())?);
            }
            call.send().await.map_err(|e| format!("{e:?}"))?;
        }
        Operation::UpdateAssumeRolePolicy {
            role_name,
            policy_document,
        } => {
            let update = iam
                .update_assume_role_policy()
                .role_name(role_name)
                .policy_document(policy_document);
            update.send().await.map_err(|e| format!("{e:?}"))?;
        }
    }
    Ok(())
}
