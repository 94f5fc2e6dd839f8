//! Conditions, in the form of `metav1.Condition`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// One aspect of an object's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The aspect.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in CamelCase.
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// Why, for a person.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// The generation of the object that was looked at.
    pub observed_generation: i64,
    /// When `status` changed last.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_transition_time: Timestamp,
}

impl Condition {
    /// Keeps the transition time of an earlier condition of the same type and status.
    #[must_use]
    pub fn since(mut self, previous: &[Self]) -> Self {
        if let Some(old) = previous
            .iter()
            .find(|c| c.type_ == self.type_ && c.status == self.status)
        {
            self.last_transition_time = old.last_transition_time;
        }
        self
    }
}
