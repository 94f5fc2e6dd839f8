//! The ways into AWS accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_aws::{AccountAccess, RoleEditor};
use iam_policy::RoleArn;

/// One way into each account that is configured. A role of any other account is neither read nor written.
#[derive(Debug)]
pub struct RoleEditors {
    by_account: BTreeMap<String, RoleEditor>,
}

impl RoleEditors {
    /// The ways into these accounts. Nothing is called yet.
    pub async fn new(accounts: &[AccountAccess], call_timeout: Duration) -> Self {
        let home = audit_aws::load_home().await;
        let mut by_account = BTreeMap::new();
        for access in accounts {
            let editor = RoleEditor::new(&home, access, call_timeout).await;
            by_account.insert(access.id.clone(), editor);
        }
        Self { by_account }
    }

    /// The way to a role.
    #[must_use]
    pub fn of(&self, role: &RoleArn) -> Option<&RoleEditor> {
        self.by_account.get(role.account())
    }
}
