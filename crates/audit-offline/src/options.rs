//! How texts are to be read.

use audit_core::model::IssuerUrl;
use jiff::Timestamp;

use crate::captured::GivenSnapshot;

/// How texts are to be read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Prefix of the webhook's annotations, such as `eks.amazonaws.com`.
    pub annotation_prefix: String,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// `namespace` is a default and not what the user said: what depends on it is unknown.
    pub namespace_is_assumed: bool,
    /// The namespace of the pod identity webhook, where its ConfigMap is.
    pub webhook_namespace: String,
    /// The objects are not the whole cluster: the absence of one proves nothing.
    pub partial: bool,
    /// The issuer of the cluster's tokens, whatever the outputs say.
    pub issuer: Option<IssuerUrl>,
    /// The account of outputs that name none.
    pub account: Option<String>,
    /// The snapshot of which the texts are files, if they are.
    pub snapshot: Option<GivenSnapshot>,
    /// The time at which everything counts as read.
    pub now: Timestamp,
}
