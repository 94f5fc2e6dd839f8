//! A naive evaluator, written from the documentation in another style than the crate: it works on JSON values,
//! compiles nothing, remembers nothing, and keeps three values as `Option<bool>` with `None` for unknown.

use std::collections::BTreeMap;

use base64::Engine;
use iam_policy::{Context, ContextValue, Decision, Principal, Request, Unlisted, WebIdentity};
use serde_json::{Map, Value};

#[path = "reference_values.rs"]
mod values;

use values::{address, boolean, date, number};

#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    Values(Vec<String>),
    Present,
    Absent,
    AbsentOr(Vec<String>),
    Unknown,
}

#[derive(Debug, Clone)]
pub struct ReferenceRequest {
    /// Kind as in policies, and name.
    pub principal: Option<(&'static str, String)>,
    pub action: String,
    pub resource: Option<String>,
    /// By key in lower case.
    pub context: BTreeMap<String, Known>,
    pub others_absent: bool,
}

impl ReferenceRequest {
    /// A token that is presented to STS, by a caller whose address is not known.
    pub fn of(identity: &WebIdentity) -> Self {
        let claim = |name: &str, value: &str| {
            let key = format!("{}:{name}", identity.issuer).to_lowercase();
            (key, Known::Values(vec![value.to_owned()]))
        };
        let caller = ["aws:sourceip", "sts:rolesessionname"].map(|key| (key.to_owned(), Known::Unknown));
        let claims = [claim("sub", &identity.subject), claim("aud", &identity.audience)];
        Self {
            principal: Some(("Federated", identity.provider_arn.clone())),
            action: iam_policy::ASSUME_ROLE_WITH_WEB_IDENTITY.to_owned(),
            resource: None,
            context: claims.into_iter().chain(caller).collect(),
            others_absent: true,
        }
    }

    pub fn to_request(&self) -> Request {
        let mut context = Context::new(if self.others_absent {
            Unlisted::Absent
        } else {
            Unlisted::Unknown
        });
        for (key, known) in &self.context {
            let value = match known {
                Known::Values(values) => ContextValue::Known(values.clone()),
                Known::Present => ContextValue::Present,
                Known::Absent => ContextValue::Absent,
                Known::AbsentOr(values) => ContextValue::AbsentOr(values.clone()),
                Known::Unknown => ContextValue::Unknown,
            };
            context.set(key, value);
        }
        let principal = self.principal.clone().map(|(kind, name)| match kind {
            "AWS" => Principal::Aws(name),
            "Service" => Principal::Service(name),
            "CanonicalUser" => Principal::CanonicalUser(name),
            _ => Principal::Federated(name),
        });
        Request {
            principal,
            action: self.action.clone(),
            resource: self.resource.clone(),
            context,
        }
    }

    fn known(&self, key: &str) -> Known {
        let unlisted = if self.others_absent {
            Known::Absent
        } else {
            Known::Unknown
        };
        match self.context.get(&key.to_lowercase()) {
            // An empty list is as good as no key.
            Some(Known::Values(values)) if values.is_empty() => Known::Absent,
            Some(known) => known.clone(),
            None => unlisted,
        }
    }
}

fn not(a: Option<bool>) -> Option<bool> {
    a.map(|a| !a)
}

fn all(items: &[Option<bool>]) -> Option<bool> {
    if items.contains(&Some(false)) {
        Some(false)
    } else if items.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn any(items: Vec<Option<bool>>) -> Option<bool> {
    not(all(&items.into_iter().map(not).collect::<Vec<_>>()))
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub fn decide(policy: &Value, request: &ReferenceRequest) -> Decision {
    if !valid(policy, request) {
        return Decision::Invalid;
    }
    let version = policy
        .get("Version")
        .and_then(Value::as_str)
        .unwrap_or("2008-10-17");
    let outcome = |effect: &str| {
        let statements = list(&policy["Statement"]);
        let with_effect = statements
            .iter()
            .filter(|statement| statement["Effect"] == effect);
        any(with_effect
            .map(|statement| applies(statement, request, version == "2012-10-17"))
            .collect())
    };
    match (outcome("Allow"), outcome("Deny")) {
        (_, Some(true)) => Decision::ExplicitlyDenied,
        (Some(false), _) => Decision::ImplicitlyDenied,
        (Some(true), Some(false)) => Decision::Allowed,
        _ => Decision::Undetermined,
    }
}

/// For each statement whether it applies, and whether each of its conditions holds.
pub fn outcomes(policy: &Value, request: &ReferenceRequest) -> Vec<(Option<bool>, Vec<Option<bool>>)> {
    let variables = policy
        .get("Version")
        .is_some_and(|version| version == "2012-10-17");
    let statements = list(&policy["Statement"]).into_iter();
    let outcome = |statement: Value| {
        let conditions = each_condition(statement.get("Condition"), request, variables);
        (applies(&statement, request, variables), conditions)
    };
    statements.map(outcome).collect()
}

/// What IAM accepts, as far as generated policies go against it.
fn valid(policy: &Value, request: &ReferenceRequest) -> bool {
    let Some(document) = policy.as_object() else {
        return false;
    };
    let version = document
        .get("Version")
        .is_none_or(|v| v == "2012-10-17" || v == "2008-10-17");
    let Some(statements) = document.get("Statement") else {
        return false;
    };
    version
        && document
            .keys()
            .all(|key| ["Version", "Id", "Statement"].contains(&key.as_str()))
        && list(statements)
            .iter()
            .all(|statement| valid_statement(statement, request))
}

fn valid_statement(statement: &Value, request: &ReferenceRequest) -> bool {
    let Some(statement) = statement.as_object() else {
        return false;
    };
    let either = |name: &str| {
        usize::from(statement.contains_key(name)) + usize::from(statement.contains_key(&format!("Not{name}")))
    };
    let known = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let actions = statement
        .get("Action")
        .or(statement.get("NotAction"))
        .map(list)
        .unwrap_or_default();
    let kind = match (&request.principal, &request.resource) {
        (Some(_), None) => either("Principal") == 1 && either("Resource") == 0,
        (None, _) => either("Principal") == 0 && either("Resource") == 1,
        (Some(_), Some(_)) => either("Principal") == 1 && either("Resource") <= 1,
    };
    let principal = statement.get("Principal").or(statement.get("NotPrincipal"));
    let named = principal.is_none_or(|principal| match principal.as_object() {
        Some(kinds) => kinds.iter().all(|(kind, names)| {
            ["AWS", "Federated", "Service", "CanonicalUser"].contains(&kind.as_str())
                && list(names).iter().all(Value::is_string)
        }),
        None => principal == "*",
    });
    kind && named
        && statement.keys().all(|key| known.contains(&key.as_str()))
        && matches!(
            statement.get("Effect").and_then(Value::as_str),
            Some("Allow" | "Deny")
        )
        && either("Action") == 1
        && actions
            .iter()
            .all(|action| text(action) == "*" || text(action).contains(':'))
        && statement
            .get("Condition")
            .and_then(Value::as_object)
            .is_none_or(|c| c.keys().all(|name| parts(name).is_some()))
}

/// Prefix, test and `IfExists` of an operator's name.
fn parts(operator: &str) -> Option<(&str, &str, bool)> {
    let (prefix, rest) = operator.split_once(':').unwrap_or(("", operator));
    let (test, if_exists) = rest
        .strip_suffix("IfExists")
        .map_or((rest, false), |test| (test, true));
    let tests = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
        "Null",
    ];
    let good = ["", "ForAllValues", "ForAnyValue"].contains(&prefix)
        && tests.contains(&test)
        && !(test == "Null" && if_exists)
        && operator.contains(':') != prefix.is_empty();
    good.then_some((prefix, test, if_exists))
}

fn applies(statement: &Value, request: &ReferenceRequest, variables: bool) -> Option<bool> {
    let statement = statement.as_object().unwrap();
    all(&[
        element(statement, "Action", |value| {
            Some(like(&text(value).to_lowercase(), &request.action.to_lowercase()))
        }),
        principal(statement, request),
        match &request.resource {
            None => Some(true),
            Some(arn) => element(statement, "Resource", |value| {
                resource(&text(value), arn, request, variables)
            }),
        },
        together(statement.get("Condition"), request, variables),
    ])
}

/// All conditions; of keys that are one but for their case nobody knows which counts, unless it makes no difference.
fn together(block: Option<&Value>, request: &ReferenceRequest, variables: bool) -> Option<bool> {
    let names = block.and_then(Value::as_object).into_iter().flatten();
    let names: Vec<(&String, String)> = names
        .flat_map(|(operator, keys)| {
            keys.as_object()
                .unwrap()
                .keys()
                .map(move |key| (operator, key.to_lowercase()))
        })
        .collect();
    let outcomes = each_condition(block, request, variables);
    let is_twice = |name: &(&String, String)| names.iter().filter(|other| *other == name).count() > 1;
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    for (name, outcome) in names.iter().zip(outcomes) {
        if is_twice(name) { &mut twice } else { &mut once }.push(outcome);
    }
    once.push(match twice.first() {
        Some(first) if twice.iter().all(|other| other == first) => *first,
        Some(_) => None,
        None => Some(true),
    });
    all(&once)
}

fn element(statement: &Map<String, Value>, name: &str, one: impl Fn(&Value) -> Option<bool>) -> Option<bool> {
    let matched = |value: &Value| match list(value) {
        none if none.is_empty() => None,
        some => any(some.iter().map(&one).collect()),
    };
    match (statement.get(name), statement.get(&format!("Not{name}"))) {
        (Some(value), _) => matched(value),
        (None, Some(value)) => not(matched(value)),
        (None, None) => Some(true),
    }
}

fn principal(statement: &Map<String, Value>, request: &ReferenceRequest) -> Option<bool> {
    let Some((kind, name)) = &request.principal else {
        return Some(true);
    };
    let one = |value: &Value| {
        let Some(kinds) = value.as_object() else {
            return Some(value == "*");
        };
        let has_empty = kinds.is_empty() || kinds.values().any(|names| list(names).is_empty());
        let everyone = kinds
            .get("AWS")
            .is_some_and(|names| list(names).contains(&"*".into()));
        let named = kinds.get(*kind).map(list).unwrap_or_default();
        let named = named.iter().map(|named| match text(named) {
            named if named == "*" && *kind == "Federated" => None,
            named if named == "*" || named == *name => Some(true),
            named if *kind == "AWS" => account(&named, name),
            _ => Some(false),
        });
        let doubt = if has_empty { None } else { Some(false) };
        any(named.chain([Some(everyone), doubt]).collect())
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(value), _) => one(value),
        (None, Some(value)) if statement["Effect"] == "Allow" => not(one(value)).filter(|applies| !applies),
        (None, Some(value)) => not(one(value)),
        (None, None) => Some(true),
    }
}

fn account(named: &str, name: &str) -> Option<bool> {
    let asking: Vec<&str> = name.splitn(6, ':').collect();
    let [_, partition, _, _, account, resource] = asking[..] else {
        return Some(false);
    };
    let role = resource.rsplit('/').next().unwrap();
    if named == account || named == format!("arn:{partition}:iam::{account}:root") {
        Some(true)
    } else if resource.starts_with("role/")
        && named.starts_with(&format!("arn:{partition}:sts::{account}:assumed-role/{role}/"))
    {
        None
    } else {
        Some(false)
    }
}

fn resource(wanted: &str, arn: &str, request: &ReferenceRequest, variables: bool) -> Option<bool> {
    if wanted == "*" {
        return Some(true);
    }
    if !arn.starts_with("arn:") {
        return no_resource(wanted, request, variables);
    }
    let pattern = match fill(wanted, request, variables) {
        Filled::Text(pattern) => pattern,
        Filled::Null => return Some(false),
        Filled::Unknown => return None,
    };
    if is_documented(&pattern) {
        return Some(crosses(&pattern, &arn.chars().collect::<Vec<_>>(), 0));
    }
    let wild = pattern.iter().any(|(c, wild)| *wild && "*?".contains(*c));
    let is_arn = pattern.starts_with(&[('a', true), ('r', true), ('n', true), (':', true)]);
    let fits = like_characters(&pattern, &arn.chars().collect::<Vec<_>>());
    (wild && is_arn && !fits).then_some(false)
}

/// An action that has no resource, asked for on `*`.
fn no_resource(wanted: &str, request: &ReferenceRequest, variables: bool) -> Option<bool> {
    let (service, action) = request.action.split_once(':').unwrap();
    let parts: Vec<&str> = wanted.splitn(6, ':').collect();
    let written: Vec<(char, bool)> = wanted.chars().map(|c| (c, true)).collect();
    let has_variable = variables && wanted.contains("${");
    let whole = parts.len() > 3 && parts[3..].iter().all(|part| ["", "*"].contains(part));
    if has_variable || !is_documented(&written) || !whole || parts[2] != service.to_lowercase() {
        return Some(false);
    }
    if service.to_lowercase() == "s3" && action.to_lowercase() == "listallmybuckets" {
        Some(true)
    } else {
        None
    }
}

/// Six segments, or a star at the end of one that stands for the rest; no wildcard in the service.
fn is_documented(pattern: &[(char, bool)]) -> bool {
    let segments: Vec<&[(char, bool)]> = pattern.splitn(6, |(c, _)| *c == ':').collect();
    let star = |segment: &&[(char, bool)]| segment.last() == Some(&('*', true));
    segments.len() > 3
        && segments[0] == [('a', true), ('r', true), ('n', true)]
        && !segments[2].iter().any(|(c, wild)| *wild && "*?".contains(*c))
        && (segments.len() == 6 || segments[3..].iter().any(star))
}

/// Whether a resource without variables matches an ARN.
pub fn fits_resource(pattern: &str, arn: &str) -> bool {
    let pattern: Vec<(char, bool)> = pattern.chars().map(|c| (c, true)).collect();
    crosses(&pattern, &arn.chars().collect::<Vec<_>>(), 0)
}

/// Whether a resource's pattern matches, character by character; `colons` of the pattern are behind.
fn crosses(pattern: &[(char, bool)], text: &[char], colons: usize) -> bool {
    let Some(((c, wild), rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    let (next, after) = text
        .split_first()
        .map_or((None, text), |(next, after)| (Some(*next), after));
    let over_colon = match (*c, *wild) {
        ('*', true) => colons > 4 || (colons > 2 && rest.first().is_none_or(|(c, _)| *c == ':')),
        ('?', true) => colons > 4,
        _ => true,
    };
    let takes = |next: char| over_colon || next != ':';
    match (*c, *wild) {
        ('*', true) => {
            crosses(rest, text, colons)
                || next.is_some_and(|next| takes(next) && crosses(pattern, after, colons))
        }
        ('?', true) => next.is_some_and(|next| takes(next) && crosses(rest, after, colons)),
        (c, _) => next == Some(c) && crosses(rest, after, colons + usize::from(c == ':')),
    }
}

fn each_condition(block: Option<&Value>, request: &ReferenceRequest, variables: bool) -> Vec<Option<bool>> {
    let mut outcomes = Vec::new();
    for (operator, keys) in block.and_then(Value::as_object).into_iter().flatten() {
        for (key, values) in keys.as_object().unwrap() {
            outcomes.push(condition(operator, key, &list(values), request, variables));
        }
    }
    outcomes
}

fn condition(
    operator: &str,
    key: &str,
    wanted: &[Value],
    request: &ReferenceRequest,
    variables: bool,
) -> Option<bool> {
    if wanted.is_empty() {
        return None;
    }
    holds(operator, &request.known(key), wanted, request, variables)
}

fn holds(
    operator: &str,
    known: &Known,
    wanted: &[Value],
    request: &ReferenceRequest,
    variables: bool,
) -> Option<bool> {
    let (prefix, test, if_exists) = parts(operator).unwrap();
    if let Known::AbsentOr(values) = known {
        let with = if values.is_empty() {
            Known::Absent
        } else {
            Known::Values(values.clone())
        };
        let one = holds(operator, &Known::Absent, wanted, request, variables);
        return one.filter(|_| one == holds(operator, &with, wanted, request, variables));
    }
    if *known == Known::Absent {
        return match (prefix, test) {
            ("ForAllValues", _) => Some(true),
            ("ForAnyValue", _) => Some(false),
            (_, "Null") => any(wanted.iter().map(|w| boolean(&text(w))).collect()),
            _ => Some(if_exists || test.contains("Not")),
        };
    }
    if test == "Null" && *known != Known::Unknown {
        return any(wanted.iter().map(|w| not(boolean(&text(w)))).collect());
    }
    let is_any = |wanted: &Value| !text(wanted).is_empty() && text(wanted).chars().all(|c| c == '*');
    if *known == Known::Present
        && test.ends_with("Like")
        && test.starts_with("String")
        && wanted.iter().any(is_any)
    {
        return Some(!test.contains("Not"));
    }
    let Known::Values(got) = known else { return None };
    let passes = |got: &String| {
        let matched = wanted
            .iter()
            .map(|wanted| matches(&test.replace("Not", ""), &text(wanted), got, request, variables));
        let matched = any(matched.collect());
        if test.contains("Not") {
            not(matched)
        } else {
            matched
        }
    };
    match prefix {
        "ForAllValues" if got.iter().all(String::is_empty) => Some(true),
        "ForAllValues" => all(&got.iter().map(passes).collect::<Vec<_>>()),
        "ForAnyValue" => any(got.iter().map(passes).collect()),
        _ if got.len() > 1 => Some(false),
        _ => passes(&got[0]),
    }
}

/// A request's value of the wrong kind matches nothing; a policy's makes the result unknown.
fn matches(test: &str, wanted: &str, got: &str, request: &ReferenceRequest, variables: bool) -> Option<bool> {
    let typed = |comparison: Option<Option<std::cmp::Ordering>>, holds: fn(std::cmp::Ordering) -> bool| {
        comparison.map_or(Some(false), |ordering| ordering.map(holds))
    };
    let holds: fn(std::cmp::Ordering) -> bool = match test {
        _ if test.ends_with("LessThan") => std::cmp::Ordering::is_lt,
        _ if test.ends_with("LessThanEquals") => std::cmp::Ordering::is_le,
        _ if test.ends_with("GreaterThan") => std::cmp::Ordering::is_gt,
        _ if test.ends_with("GreaterThanEquals") => std::cmp::Ordering::is_ge,
        _ => std::cmp::Ordering::is_eq,
    };
    match test {
        "StringEquals" | "StringEqualsIgnoreCase" | "StringLike" | "ArnEquals" | "ArnLike" => {
            if test.starts_with("Arn") && (!got.starts_with("arn:") || got.matches(':').count() < 5) {
                return Some(false);
            }
            let pattern = match fill(wanted, request, variables) {
                Filled::Text(pattern) => pattern,
                Filled::Null => return Some(false),
                Filled::Unknown => return None,
            };
            let plain: String = pattern.iter().map(|(c, _)| c).collect();
            Some(match test {
                "StringEquals" => plain == got,
                "StringEqualsIgnoreCase" => plain.to_lowercase() == got.to_lowercase(),
                "StringLike" => like_characters(&pattern, &got.chars().collect::<Vec<_>>()),
                _ => arn_like(&pattern, got),
            })
        }
        "Bool" => boolean(got).map_or(Some(false), |got| boolean(wanted).map(|wanted| wanted == got)),
        "BinaryEquals" => {
            let decode = |text: &str| {
                let padded = base64::engine::general_purpose::STANDARD;
                let bare = base64::engine::general_purpose::STANDARD_NO_PAD;
                padded.decode(text).or_else(|_| bare.decode(text)).ok()
            };
            decode(got).map_or(Some(false), |got| decode(wanted).map(|wanted| wanted == got))
        }
        "IpAddress" => address(wanted, got),
        _ if test.starts_with("Numeric") => typed(
            number(got).map(|got| number(wanted).and_then(|wanted| got.partial_cmp(&wanted))),
            holds,
        ),
        _ => typed(
            date(got).map(|got| date(wanted).map(|wanted| got.cmp(&wanted))),
            holds,
        ),
    }
}

enum Filled {
    /// Characters, each with whether it may be a wildcard.
    Text(Vec<(char, bool)>),
    Null,
    Unknown,
}

fn fill(text: &str, request: &ReferenceRequest, variables: bool) -> Filled {
    let mut result = Vec::new();
    let mut rest = text.to_owned();
    let mut unknown = false;
    while !rest.is_empty() {
        if !(variables && rest.starts_with("${")) {
            result.push((rest.remove(0), true));
            continue;
        }
        let Some(end) = rest.find('}') else {
            return Filled::Unknown;
        };
        let inside = rest[2..end].to_owned();
        rest = rest[end + 1..].to_owned();
        if ["*", "?", "$"].contains(&inside.as_str()) {
            result.push((inside.chars().next().unwrap(), false));
            continue;
        }
        let (name, default) = match inside.split_once(',') {
            Some((name, default)) => (name, Some(default.trim().trim_matches('\''))),
            None => (inside.as_str(), None),
        };
        if name.is_empty() || name.contains(' ') {
            return Filled::Unknown;
        }
        match (request.known(name), default) {
            (Known::Values(values), _) if values.len() == 1 => {
                result.extend(values[0].chars().map(|c| (c, false)));
            }
            (Known::Absent, Some(default)) => result.extend(default.chars().map(|c| (c, false))),
            (Known::Absent, None) => return Filled::Null,
            _ => unknown = true,
        }
    }
    if unknown {
        Filled::Unknown
    } else {
        Filled::Text(result)
    }
}

fn arn_like(pattern: &[(char, bool)], arn: &str) -> bool {
    let patterns: Vec<&[(char, bool)]> = pattern.splitn(6, |(c, _)| *c == ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6
        && parts.len() == 6
        && patterns
            .iter()
            .zip(parts)
            .all(|(pattern, part)| like_characters(pattern, &part.chars().collect::<Vec<_>>()))
}

/// Whether a pattern with `*` and `?` matches a text.
pub fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<(char, bool)> = pattern.chars().map(|c| (c, true)).collect();
    like_characters(&pattern, &text.chars().collect::<Vec<_>>())
}

/// The textbook table: `table[i][j]` says whether the first `i` of the pattern match the first `j` of the text.
fn like_characters(pattern: &[(char, bool)], text: &[char]) -> bool {
    let mut table = vec![vec![false; text.len() + 1]; pattern.len() + 1];
    table[0][0] = true;
    for i in 1..=pattern.len() {
        for j in 0..=text.len() {
            table[i][j] = match pattern[i - 1] {
                ('*', true) => table[i - 1][j] || (j > 0 && table[i][j - 1]),
                ('?', true) => j > 0 && table[i - 1][j - 1],
                (c, _) => j > 0 && table[i - 1][j - 1] && c == text[j - 1],
            };
        }
    }
    table[pattern.len()][text.len()]
}
