//! What was observed, as plain data without any trace of the API that it came from.

pub mod account;
pub mod aws;
mod beginning;
pub mod binding;
pub mod by_role;
pub mod consumer;
pub mod container;
pub mod containers;
pub mod credential_source;
pub mod eks;
pub mod expectation;
pub mod expectation_limits;
pub mod few;
pub mod file_path;
pub mod issuer;
pub mod likeness;
pub mod looked_up;
pub mod manifest_place;
pub mod namespaced_name;
pub mod near_annotation;
pub mod organization;
pub mod planned;
pub mod pod;
pub mod profile;
pub mod reviews;
pub mod service_account;
mod session_name;
pub mod simulation;
pub mod webhook;

pub use ::rbac::objects as rbac;
pub use account::{Access, Account};
pub use audit_fix::Held;
pub use aws::{
    FailureKind, InlineDocuments, LastUsed, ManagedPolicy, Observed, PodIdentityAssociation, Provider,
    ReadFailure, Role, RoleLookup, RolePolicies,
};
pub use beginning::{beginning, cut_short};
pub use binding::BindingKey;
pub use by_role::{ByRole, RoleKey};
pub use consumer::{
    Consumer, ConsumerObject, Explains, NextRole, ObjectUses, RequestedAudience, UnseenKind, Use, Used,
};
pub use container::{
    Container, EnvFrom, EnvSource, MOST_BYTES_OF_POD, MOST_CONTAINERS, MOST_TOKENS, MOST_TOKENS_OF_POD,
    MountedFile, OtherEndpoint, Rarities, SetBy, StsEndpoints, TokenMount, TokenPlace, TokenSource, Unkept,
    VolumeKind,
};
pub use containers::Containers;
pub use credential_source::CredentialSource;
pub use eks::{Clusters, EksIssuer, TrustedIssuer, TrustingRoles};
pub use expectation::{AuditRequest, AwsExpectation, KubernetesExpectation, OverLimit, Waiver, WorkloadRef};
pub use few::few;
pub use issuer::{ClusterIssuer, IssuerError, IssuerSource, IssuerUrl};
pub use likeness::{Likeness, likeness};
pub use looked_up::LookedUp;
pub use manifest_place::{ManifestPlace, ManifestPlaces};
pub use namespaced_name::{Name, NamespacedName, Uid};
pub use near_annotation::Misplaced;
pub use organization::{ControlKind, ControlPolicy};
pub use planned::{PlanGap, PlanGapReason, PlannedResource, PlannedResources, TakenAnnotation};
pub use pod::{ApiToken, Labels, Os, Pod, PodCommon, PodPhase, Workload};
pub use profile::{Configured, WebIdentityProfile};
pub use reviews::Reviews;
pub use service_account::{Annotations, DEFAULT_SERVICE_ACCOUNT, ServiceAccount};
pub use session_name::{SESSION_NAME_LENGTH, is_of_session_name, is_session_name};
pub use simulation::{
    ContextEntry, Inquiry, Simulated, SimulatedAnswer, SimulatedDecision, Simulation, ValueType,
};
pub use webhook::{LabelRequirement, LabelSelector, Registration, RequirementOperator, WebhookEntry};
