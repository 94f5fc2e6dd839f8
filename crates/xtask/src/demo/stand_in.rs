//! The two commands of the AWS CLI that a printed fix of a trust policy calls, for machines that have no `aws`.

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
    /// Print a role's trust policy
    GetRole {
        #[arg(long)]
        role_name: String,
        #[arg(long, value_parser = ["Role.AssumeRolePolicyDocument"])]
        query: String,
        #[arg(long, value_parser = ["json"])]
        output: String,
    },
    /// Replace a role's trust policy
    UpdateAssumeRolePolicy {
        #[arg(long)]
        role_name: String,
        #[arg(long)]
        policy_document: String,
    },
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
        Operation::GetRole { role_name, .. } => {
            let answer = iam
                .get_role()
                .role_name(role_name)
                .send()
                .await
                .map_err(|e| format!("{e:?}"))?;
            let role = answer.role.ok_or("no role in the answer")?;
            let encoded = role
                .assume_role_policy_document
                .ok_or("no trust policy in the answer")?;
            let document = percent_decode_str(&encoded)
                .decode_utf8()
                .map_err(|error| error.to_string())?;
            println!("{document}");
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
