//! Findings: what the audit can say about a binding.

use crate::fix::Fix;
use crate::model::PlannedResource;
use jiff::Timestamp;

/// The code of what AWS was asked and has not answered yet. It counts at every link, because the answer may show anything.
pub const EVIDENCE_PENDING: &str = "IRSA914";

/// The code of a role that is assumed next. It counts as what somebody expects does: the configuration of what runs asks for it.
pub const NEXT_ROLE: &str = "IRSA509";

/// A link of the chain, in the order in which a credential request travels it; RBAC stands beside the chain, last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The ServiceAccount and its annotations.
    ServiceAccount,
    /// The IAM role.
    Role,
    /// The IAM OIDC provider.
    Provider,
    /// The role's trust policy.
    Trust,
    /// What was injected into the pods.
    Pods,
    /// The role's permission policies.
    Permissions,
    /// What Kubernetes lets the ServiceAccount do.
    Rbac,
}

impl Link {
    /// All links, in chain order.
    pub const ALL: [Self; 7] = [
        Self::ServiceAccount,
        Self::Role,
        Self::Provider,
        Self::Trust,
        Self::Pods,
        Self::Permissions,
        Self::Rbac,
    ];

    /// The condition type in an `IrsaAudit`'s status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Role => "Role",
            Self::Provider => "Provider",
            Self::Trust => "Trust",
            Self::Pods => "Pods",
            Self::Permissions => "Permissions",
            Self::Rbac => "Rbac",
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; never changes a verdict.
    Notice,
    /// Works, but exposes something or will break.
    Risk,
    /// Could not be seen: neither broken nor healthy.
    Unknown,
    /// Proven: the workload cannot get or use its credentials.
    Broken,
}

impl Severity {
    /// The word used in status, labels and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Risk => "risk",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Notice, Self::Risk, Self::Unknown, Self::Broken]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// The fixed part of a finding, defined once, in the file of its rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Stable for ever and never reused: `IRSA` and three digits.
    pub code: &'static str,
    /// CamelCase: the condition's reason and the metric's label.
    pub reason: &'static str,
    /// The severity, unless the evidence in hand or a policy says otherwise.
    pub severity: Severity,
    /// The link that it breaks, unless the evidence in hand says otherwise.
    pub link: Link,
    /// One line on what is wrong.
    pub title: &'static str,
}

impl Entry {
    /// The address of its page, which is generated from the file of its rule.
    #[must_use]
    pub fn page(&self) -> String {
        let pages = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/findings");
        format!("{pages}/{}.md", self.code)
    }
}

/// Something that the audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its entry in the catalogue.
    pub entry: &'static Entry,
    /// How much it weighs here.
    pub severity: Severity,
    /// The link that it breaks here.
    pub link: Link,
    /// What was wanted and what was found, with untrusted text made safe to show.
    pub message: String,
    /// How to repair it.
    pub fix: Option<Fix>,
    /// Set while a waiver stands.
    pub waived: Option<WaivedUntil>,
    /// Which role it is about, where that is not the one that is audited.
    pub about: Option<AboutRole>,
    /// The resource of a Terraform plan that declares what it is about, where a plan was given.
    pub resource: Option<PlannedResource>,
    /// Whether its message says who takes the way to the role.
    pub names_taker: bool,
    /// What to read again from AWS, where that is not what its link implies.
    reread: Option<Reread>,
}

/// A role, and the audience of the token with which it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AboutRole {
    /// Its ARN; what stands in its place where that is none, safe to show.
    pub role: String,
    /// The audience; empty where that does not show.
    pub audience: String,
}

/// What to read again from AWS while a finding decides a verdict, so that its repair shows soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reread {
    /// Nothing: a watch, or a change of the configuration, brings the news.
    Nothing,
    /// The role, with the list of its policies.
    Role,
    /// The role with the documents of its policies.
    Permissions,
    /// What IAM's policy simulator says of the role.
    Simulation,
    /// The OIDC provider in the role's account.
    Provider,
}

impl From<Link> for Reread {
    fn from(link: Link) -> Self {
        match link {
            Link::Role | Link::Trust => Self::Role,
            Link::Permissions => Self::Permissions,
            Link::Provider => Self::Provider,
            Link::ServiceAccount | Link::Pods | Link::Rbac => Self::Nothing,
        }
    }
}

/// How long a waiver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaivedUntil {
    /// Until somebody takes it away.
    Revoked,
    /// Until a time.
    Time(Timestamp),
}

impl Finding {
    /// A finding with the severity and the link of its entry.
    #[must_use]
    pub fn new(entry: &'static Entry, message: String) -> Self {
        Self {
            entry,
            severity: entry.severity,
            link: entry.link,
            message,
            fix: None,
            waived: None,
            about: None,
            resource: None,
            names_taker: false,
            reread: None,
        }
    }

    /// About another role than the one that is audited.
    #[must_use]
    pub fn about(mut self, about: AboutRole) -> Self {
        self.about = Some(about);
        self
    }

    /// With a message that says who takes the way to the role.
    #[must_use]
    pub fn naming_taker(mut self) -> Self {
        self.names_taker = true;
        self
    }

    /// With another severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// At another link.
    #[must_use]
    pub fn at(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// With something else to read again than its link implies.
    #[must_use]
    pub fn reread(mut self, reread: Reread) -> Self {
        self.reread = Some(reread);
        self
    }

    /// What to read again from AWS while it decides.
    #[must_use]
    pub fn to_reread(&self) -> Reread {
        self.reread.unwrap_or_else(|| self.link.into())
    }

    /// With a fix, where there is one.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Whether it counts for the verdict.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.waived.is_none()
    }
}
