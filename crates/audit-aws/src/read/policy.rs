//! What stands in policies.

use audit_core::document::decode;
use audit_core::model::InlineDocuments;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// Reads the documents of inline policies of a role. One that is gone by now has none.
pub(crate) async fn inline(
    account: &AccountClient,
    role: &str,
    names: &[String],
) -> (Timestamp, Result<InlineDocuments, Failure>) {
    let (mut documents, mut began) = (InlineDocuments::new(), None);
    for name in names {
        let send = || {
            account
                .iam
                .get_role_policy()
                .role_name(role)
                .policy_name(name)
                .send()
        };
        let (at, answer) = account.caller.call("iam", "GetRolePolicy", send).await;
        began.get_or_insert(at);
        match answer {
            Ok(policy) => {
                documents.insert(name.clone(), decode(&policy.policy_document).into());
            }
            Err(Miss::NotFound(_)) => {}
            Err(Miss::Failed(failure)) => return (began.unwrap_or(at), Err(failure)),
        }
    }
    (began.unwrap_or_else(Timestamp::now), Ok(documents))
}

/// Reads the document of the default version of a managed policy.
///
/// One that is not there makes a failure: it was attached to a role a moment ago.
pub(crate) async fn managed(account: &AccountClient, arn: &str) -> (Timestamp, Result<Box<str>, Failure>) {
    let send = || account.iam.get_policy().policy_arn(arn).send();
    let (at, answer) = account.caller.call("iam", "GetPolicy", send).await;
    let version = match answer {
        Ok(found) => found.policy.and_then(|policy| policy.default_version_id),
        Err(miss) => return (at, Err(miss.into_failure())),
    };
    let Some(version) = version else {
        return (
            at,
            Err(Failure::unavailable("IAM answered without a default version")),
        );
    };
    let send = || {
        account
            .iam
            .get_policy_version()
            .policy_arn(arn)
            .version_id(&version)
            .send()
    };
    let (_, answer) = account.caller.call("iam", "GetPolicyVersion", send).await;
    let result = match answer {
        Ok(found) => match found.policy_version.and_then(|version| version.document) {
            Some(document) => Ok(decode(&document).into()),
            None => Err(Failure::unavailable("IAM answered without a document")),
        },
        Err(miss) => Err(miss.into_failure()),
    };
    (at, result)
}
