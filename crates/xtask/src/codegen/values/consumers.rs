//! The kinds of other projects that the operator may list and watch: a value for each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use audit_core::model::Explains;
use audit_k8s::consumers::{ConsumerKind, kinds};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Whether each kind may be listed, by `resource.group`.
#[derive(Serialize)]
pub(super) struct Consumers(BTreeMap<String, bool>);

impl Default for Consumers {
    fn default() -> Self {
        Self(kinds().map(|kind| (name(kind), true)).collect())
    }
}

impl JsonSchema for Consumers {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Consumers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |kind| (name(kind), json!({"type": "boolean", "description": about(kind)}));
        let properties: Map<String, Value> = kinds().map(one).collect();
        let mut schema = Schema::default();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("additionalProperties".to_owned(), json!(false));
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema
    }
}

fn name(kind: &ConsumerKind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}

fn about(kind: &ConsumerKind) -> String {
    let what = match kind.explains {
        Explains::RequestsForTheirRole => {
            "for which a controller requests tokens of ServiceAccounts, with a role that the object names"
        }
        Explains::Requests => "for which a controller requests tokens of ServiceAccounts",
        Explains::RequestsOfMountingPods => {
            "for which a driver requests tokens of the pods that mount the object"
        }
        Explains::Launches => "for which a controller starts pods",
    };
    format!("Whether the operator may list and watch `{}`, {what}.", kind.kind)
}
