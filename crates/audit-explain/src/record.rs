//! CloudTrail records in a text: one, a file with `Records`, or the output of `aws cloudtrail lookup-events`, which has records as text.

use serde_json::Value;

/// The most records that are looked at: one is pasted, rarely a few.
const MOST: usize = 16;

/// The most places at which JSON may begin.
const STARTS: usize = 16;

/// How deep records are searched for. `lookup-events` has them at 4.
const DEPTH: usize = 8;

/// The codes by which services say that a policy refused a call, in lower case.
const DENIED: [&str; 4] = [
    "accessdenied",
    "accessdeniedexception",
    "client.unauthorizedoperation",
    "unauthorizedoperation",
];

/// What a record says. Texts are as they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Record {
    /// The service, `sts.amazonaws.com`.
    source: String,
    /// The call, `AssumeRoleWithWebIdentity`.
    pub(crate) call: String,
    /// The error's code; empty for a call that succeeded.
    pub(crate) code: String,
    /// What the service said.
    message: String,
    /// The ARN of the caller.
    caller: String,
}

impl Record {
    fn of(value: &Value) -> Option<Self> {
        let text = |pointer: &str| {
            let found = value.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let record = Self {
            source: text("/eventSource"),
            call: text("/eventName"),
            code: text("/errorCode"),
            message: text("/errorMessage"),
            caller: text("/userIdentity/arn"),
        };
        (record.source.ends_with(".amazonaws.com") && !record.call.is_empty()).then_some(record)
    }

    /// Whether it is a token that was exchanged for credentials.
    pub(crate) fn is_web_identity(&self) -> bool {
        self.call == "AssumeRoleWithWebIdentity"
    }

    /// The record in the words of an SDK: CloudTrail leaves out what the caller was told, or says `An unknown error occurred`.
    pub(crate) fn as_error(&self) -> String {
        if self.code.is_empty() {
            return String::new();
        }
        let code = self.code.to_ascii_lowercase();
        let is_denied = DENIED.contains(&code.as_str());
        if self.is_web_identity() && is_denied {
            return format!(
                "{}: Not authorized to perform sts:AssumeRoleWithWebIdentity",
                self.code
            );
        }
        if is_denied && !self.message.contains("is not authorized to perform") {
            let service = self.source.split('.').next().unwrap_or_default();
            return format!(
                "{}: User: {} is not authorized to perform: {service}:{} ",
                self.code, self.caller, self.call
            );
        }
        format!("{}: {}", self.code, self.message)
    }
}

/// The records in a text.
pub(crate) fn records(text: &str) -> Vec<Record> {
    let mut found = Vec::new();
    if !text.contains("eventSource") {
        return found;
    }
    // What stands before may have brackets of its own.
    for (start, _) in text.match_indices(['{', '[']).take(STARTS) {
        let json = text.get(start..).unwrap_or_default();
        let values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
        values
            .map_while(Result::ok)
            .for_each(|value| search(&value, DEPTH, &mut found));
        if !found.is_empty() {
            break;
        }
    }
    found
}

fn search(value: &Value, depth: usize, found: &mut Vec<Record>) {
    if depth == 0 || found.len() >= MOST {
        return;
    }
    match value {
        Value::Object(fields) => {
            if let Some(record) = Record::of(value) {
                found.push(record);
            } else {
                fields.values().for_each(|value| search(value, depth - 1, found));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| search(value, depth - 1, found)),
        Value::String(text) if text.starts_with('{') => {
            if let Ok(value) = serde_json::from_str(text) {
                search(&value, depth - 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoleWithWebIdentity", "errorCode": "AccessDenied",
            "errorMessage": "An unknown error occurred", "userIdentity": {"type": "WebIdentityUser"}})
    }

    #[test]
    fn a_record_is_found_in_each_form_in_which_it_is_handed_out() {
        let event = event();
        for text in [
            event.to_string(),
            format!("the record:\n{event}"),
            format!("{event}\n{event}"),
            json!({"Records": [event]}).to_string(),
            json!({"Events": [{"EventId": "x", "CloudTrailEvent": event.to_string()}]}).to_string(),
        ] {
            let found = records(&text);
            assert!(!found.is_empty(), "{text}");
            assert!(
                found[0].as_error().contains("Not authorized to perform sts:"),
                "{text}"
            );
        }
        assert!(records("{\"eventSource\": 1}").is_empty() && records("eventSource").is_empty());
    }

    #[test]
    fn many_records_and_deep_ones_are_bounded() {
        let many = Value::Array(vec![event(); 1000]).to_string();
        assert_eq!(records(&many).len(), MOST);
        let deep = format!("{}{}{}", "[".repeat(100), event(), "]".repeat(100));
        assert!(records(&deep).is_empty());
    }
}
