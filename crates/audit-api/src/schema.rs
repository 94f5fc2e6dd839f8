//! Schemas that the derives do not give as the API server wants them.

use audit_core::rules::CATALOGUE;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::policy::SeverityName;

/// A time in RFC 3339.
pub fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// A time in RFC 3339, or nothing.
pub fn optional_date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}

/// A count. The API server knows no unsigned formats and warns of them.
pub fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 0 })
}

/// A count of changes within an hour. As above.
pub fn changes_per_hour(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 0, "maximum": 1000 })
}

/// A duration in the form of Go: `90s`, `10m`, `1h30m`.
pub fn optional_duration(_: &mut SchemaGenerator) -> Schema {
    duration_between("30s", "168h")
}

/// A duration of the same form, of a day to 400 days.
pub fn optional_days(_: &mut SchemaGenerator) -> Schema {
    duration_between("24h", "9600h")
}

/// A duration of the same form, of a minute to a day, that must be given.
pub fn approval_duration(_: &mut SchemaGenerator) -> Schema {
    let mut schema = duration_between("1m", "24h");
    schema.remove("nullable");
    schema
}

/// Condition keys with their values: how many, and how long.
pub fn context(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": { "type": "string", "maxLength": 2048 },
        "x-kubernetes-validations": [{
            "rule": "self.all(key, size(key) <= 256)",
            "message": "a condition key has at most 256 characters"
        }]
    })
}

/// The code of a finding that there is: a setting for any other would do nothing.
pub fn code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": codes() })
}

/// A list of such codes, or nothing.
pub fn optional_codes(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "nullable": true, "maxItems": 128, "items": code(generator) })
}

/// Severities by such codes. A schema cannot name the keys of a map that refuses others, so that a rule does.
pub fn severities(generator: &mut SchemaGenerator) -> Schema {
    let codes: Vec<String> = codes().iter().map(|code| format!("'{code}'")).collect();
    json_schema!({
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": generator.subschema_for::<SeverityName>(),
        "x-kubernetes-validations": [{
            "rule": format!("self.all(code, code in [{}])", codes.join(", ")),
            "message": "there is no finding with this code: docs/findings lists them"
        }]
    })
}

fn codes() -> Vec<&'static str> {
    CATALOGUE.iter().map(|rule| rule.entry.code).collect()
}

fn duration_between(least: &str, most: &str) -> Schema {
    json_schema!({
        "type": "string",
        "nullable": true,
        "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        "maxLength": 32,
        "x-kubernetes-validations": [{
            "rule": format!("duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"),
            "message": format!("must lie between {least} and {most}")
        }]
    })
}
