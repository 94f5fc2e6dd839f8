//! What a plan changes.

use std::collections::BTreeMap;

use audit_core::model::{BindingKey, PlanGap, PlannedResource, TakenAnnotation};

use super::attributes::Planned;
use super::home::Home;

/// What plans change.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// In AWS, in the order in which they count.
    pub(crate) aws: Vec<AwsChange>,
    /// `ServiceAccount`s, in the order in which they count.
    pub(crate) service_accounts: Vec<AccountChange>,
    /// EKS clusters.
    pub(crate) clusters: Vec<PlannedCluster>,
}

/// A change in AWS.
#[derive(Debug)]
pub(crate) struct AwsChange {
    /// Where; absent where the plan does not tell it.
    pub(crate) home: Option<Home>,
    /// The resource that says it.
    pub(crate) resource: PlannedResource,
    pub(crate) what: What,
}

/// What is changed.
#[derive(Debug)]
pub(crate) enum What {
    RoleGone(String),
    /// The URL without its scheme.
    ProviderGone(String),
    PolicyGone(String),
    InlineGone {
        role: String,
        name: String,
    },
    Detached {
        role: String,
        policy: String,
    },
    AssociationGone {
        cluster: String,
        key: BindingKey,
    },

    Role(Box<PlannedRole>),
    /// A role whose name is open: what it begins with, which may be nothing.
    Nameless {
        prefix: String,
        gap: PlanGap,
    },
    Policy {
        arn: String,
        document: Planned<String>,
    },
    Provider {
        url: Planned<String>,
        client_ids: Planned<Vec<String>>,
    },
    Association(PlannedAssociation),

    /// An inline policy of a role.
    Inline {
        role: String,
        name: String,
        document: Planned<String>,
    },
    /// A managed policy of a role.
    Attached {
        role: String,
        policy: String,
    },
    /// A managed policy, attached to these roles and no others.
    AttachedTo {
        policy: String,
        roles: Vec<String>,
    },
    /// Some policy of a role is open; of any role of the account where it is open of which.
    PoliciesOpen {
        role: Option<String>,
        gap: PlanGap,
    },
    /// A role has these managed policies and no others.
    OnlyAttached {
        role: String,
        policies: Vec<String>,
    },
    /// A role keeps inline policies of these names and no others.
    OnlyInline {
        role: String,
        names: Vec<String>,
    },

    /// A role that was read and that Terraform does not manage.
    RoleSeen(Box<PlannedRole>),
    /// Likewise a policy.
    PolicySeen {
        arn: String,
        document: String,
    },
    /// Likewise a provider.
    ProviderSeen {
        url: String,
        client_ids: Vec<String>,
    },
}

impl What {
    /// The order in which changes count: what goes before what comes, and a role before its policies. A role has the policies of the state
    /// until some go, then others come, then what excludes others counts.
    pub(super) fn phase(&self) -> u8 {
        match self {
            Self::RoleGone(_)
            | Self::ProviderGone(_)
            | Self::PolicyGone(_)
            | Self::AssociationGone { .. } => 0,
            Self::Role(_)
            | Self::Nameless { .. }
            | Self::Policy { .. }
            | Self::Provider { .. }
            | Self::Association(_) => 1,
            Self::RoleSeen(_) | Self::PolicySeen { .. } | Self::ProviderSeen { .. } => 2,
            Self::InlineGone { .. } | Self::Detached { .. } => 3,
            Self::Inline { .. } | Self::Attached { .. } => 4,
            Self::AttachedTo { .. } | Self::OnlyAttached { .. } | Self::OnlyInline { .. } => 5,
            Self::PoliciesOpen { .. } => 6,
        }
    }
}

/// A role.
#[derive(Debug)]
pub(crate) struct PlannedRole {
    pub(crate) name: String,
    /// Absent where the account is not known.
    pub(crate) arn: Planned<String>,
    /// IAM's unique id, of a role that exists.
    pub(crate) id: Option<String>,
    pub(crate) trust: Planned<String>,
    pub(crate) boundary: Planned<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// The managed policies that it has without those that other resources attach; absent where the plan does not say.
    pub(crate) attached: Planned<Vec<String>>,
    /// The inline policies likewise, each with its document.
    pub(crate) inline: Planned<Vec<(String, Planned<String>)>>,
    /// The apply creates it: nothing is left of a role of that name.
    pub(crate) is_created: bool,
}

/// An association of EKS Pod Identity.
#[derive(Debug)]
pub(crate) struct PlannedAssociation {
    pub(crate) cluster: String,
    pub(crate) key: BindingKey,
    /// Empty where it does not exist yet.
    pub(crate) id: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) disable_session_tags: bool,
}

/// An EKS cluster.
#[derive(Debug)]
pub(crate) struct PlannedCluster {
    pub(crate) resource: PlannedResource,
    pub(crate) name: String,
    pub(crate) issuer: Planned<String>,
    /// The issuer that goes with the apply.
    pub(crate) gone: Option<String>,
}

/// A change of a ServiceAccount.
#[derive(Debug)]
pub(crate) enum AccountChange {
    Gone(BindingKey),
    Put(Box<PlannedAccount>),
}

/// A ServiceAccount, or annotations of one.
#[derive(Debug)]
pub(crate) struct PlannedAccount {
    pub(crate) key: BindingKey,
    pub(crate) resource: PlannedResource,
    pub(crate) annotations: BTreeMap<String, String>,
    /// The keys of annotations that Terraform has set before.
    pub(crate) owned: Vec<String>,
    /// Why some annotation that the webhook reads is open.
    pub(crate) gap: Option<PlanGap>,
    /// The role annotation was taken from a role.
    pub(crate) taken: Option<TakenAnnotation>,
    /// `automountServiceAccountToken: false`; absent where the resource does not say.
    pub(crate) automount_off: Option<bool>,
    /// The apply creates it.
    pub(crate) is_created: bool,
}
