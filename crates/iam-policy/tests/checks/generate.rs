//! Policies, requests and identities out of choices.

use iam_policy::{Test, WebIdentity};
use serde_json::{Map, Value, json};

use super::choices::Choices;
use super::reference::{Known, ReferenceRequest};

pub const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const OTHER_ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/FFFF456789ABCDEF0123456789ABCDEF";
const SUBJECT: &str = "system:serviceaccount:shop:cart";
const AUDIENCE: &str = "sts.amazonaws.com";

fn provider(issuer: &str) -> String {
    format!("arn:aws:iam::111122223333:oidc-provider/{issuer}")
}

/// The identity that diagnosis and edits are tried with.
pub fn identity() -> WebIdentity {
    WebIdentity {
        provider_arn: provider(ISSUER),
        issuer: ISSUER.to_owned(),
        subject: SUBJECT.to_owned(),
        audience: AUDIENCE.to_owned(),
        called_at: None,
    }
}

/// Identities that differ from it in subject, audience or provider.
pub fn other_identities() -> Vec<WebIdentity> {
    let mut identities = Vec::new();
    for issuer in [ISSUER, OTHER_ISSUER] {
        for subject in [
            SUBJECT,
            "system:serviceaccount:shop:till",
            "system:serviceaccount:bank:cart",
            "system:serviceaccount:bank:x",
            "system:serviceaccount:zz:cart",
        ] {
            for audience in [AUDIENCE, "other", "sts.example.com"] {
                let other = WebIdentity {
                    provider_arn: provider(issuer),
                    issuer: issuer.to_owned(),
                    subject: subject.to_owned(),
                    audience: audience.to_owned(),
                    called_at: None,
                };
                if other != identity() {
                    identities.push(other);
                }
            }
        }
    }
    identities
}

/// Callers that have no token at all.
pub fn other_callers() -> Vec<ReferenceRequest> {
    let principals = [
        ("AWS", "arn:aws:iam::111122223333:role/other"),
        ("AWS", "arn:aws:iam::999999999999:root"),
        ("Service", "ec2.amazonaws.com"),
    ];
    let actions = [
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "sts:TagSession",
    ];
    let all = principals
        .iter()
        .flat_map(|principal| actions.map(|action| (*principal, action)));
    all.map(|((kind, name), action)| ReferenceRequest {
        principal: Some((kind, name.to_owned())),
        action: action.to_owned(),
        resource: None,
        context: [("aws:sourceip".to_owned(), Known::Unknown)].into(),
        others_absent: true,
    })
    .collect()
}

pub struct Case {
    pub policy: Value,
    pub request: ReferenceRequest,
}

const KEYS: [&str; 11] = [
    "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub",
    "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789abcdef:AUD",
    "aws:TagKeys",
    "aws:SourceIp",
    "aws:CurrentTime",
    "aws:MultiFactorAuthAge",
    "aws:SecureTransport",
    "aws:PrincipalArn",
    "ex:Binary",
    "ex:unlisted",
    "AWS:sourceip",
];

/// Values by kind; the last list holds what fits no kind.
const VALUES: [&[&str]; 8] = [
    &[
        SUBJECT,
        "system:serviceaccount:shop:*",
        "system:serviceaccount:*:cart",
        "system:serviceaccount:shop:Cart",
        "*",
        "a",
        "A",
        "",
        "a*",
        "?",
        "${aws:username}",
        "${*}",
        "x${ex:unlisted, 'a'}",
        "${aws:SecureTransport}",
        "${ex:none}",
        "${oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub}",
        "a?c",
        "abc",
        "${aws:username",
    ],
    &[AUDIENCE, "sts.*", "other", "STS.amazonaws.com", "é", "É"],
    &[
        "10.0.0.1",
        "10.0.0.0/8",
        "10.0.0.0/31",
        "2001:db8::1",
        "2001:db8::/32",
        "0.0.0.0/0",
        "10.0.0.0/33",
        "::/0",
    ],
    &[
        "2024-01-01T00:00:00Z",
        "2024-01-01",
        "1704067200",
        "2024",
        "2024-02",
        "2023-12-31T23:59:59.5Z",
        "2024-01-01T01:00:00+01:00",
        "2024-01-01T00:00Z",
    ],
    &["0", "1", "1.0", "-1", "1.5", "10", "1e1", "15e-1"],
    &["true", "false", "TRUE"],
    &[
        "arn:aws:iam::111122223333:role/a",
        "arn:aws:iam::*:role/*",
        "arn:*:iam::111122223333:role/?",
        "arn:aws:iam::111122223333:user/a:b",
        "arn:aws:*",
        "arn:aws:iam::111122223333:${aws:username}",
        "*:*:*:*:*:*",
    ],
    &["YQ==", "YQ", "YWI=", "Yg=="],
];

fn operator(choices: &mut Choices<'_>) -> (String, usize) {
    let test = *choices.one_of(Test::ALL);
    let name = test.name();
    let kind = match name {
        _ if name.contains("Ip") => 2,
        _ if name.starts_with("Date") => 3,
        _ if name.starts_with("Numeric") => 4,
        "Bool" | "Null" => 5,
        _ if name.starts_with("Arn") => 6,
        "BinaryEquals" => 7,
        _ => choices.below(2),
    };
    let prefix = if choices.chance(35) {
        *choices.one_of(&["ForAllValues:", "ForAnyValue:"])
    } else {
        ""
    };
    let suffix = if choices.chance(25) && name != "Null" {
        "IfExists"
    } else {
        ""
    };
    (format!("{prefix}{name}{suffix}"), kind)
}

fn value(choices: &mut Choices<'_>, kind: usize) -> String {
    let kind = if choices.chance(15) {
        choices.below(VALUES.len())
    } else {
        kind
    };
    (*choices.one_of(VALUES[kind])).to_owned()
}

/// A value, in JSON's own form now and then.
fn policy_value(choices: &mut Choices<'_>, kind: usize) -> Value {
    let text = value(choices, kind);
    if choices.chance(30) && ["0", "1", "-1", "1.5", "10", "true", "false"].contains(&text.as_str()) {
        return serde_json::from_str(&text).unwrap();
    }
    text.into()
}

/// One value or a list.
fn one_or_many(choices: &mut Choices<'_>, mut one: impl FnMut(&mut Choices<'_>) -> Value) -> Value {
    if choices.chance(60) {
        return one(choices);
    }
    let count = choices.below(4);
    (0..count).map(|_| one(choices)).collect()
}

fn condition(choices: &mut Choices<'_>) -> Value {
    let mut operators = Map::new();
    for _ in 0..choices.below(3) {
        let (name, kind) = operator(choices);
        let mut keys = Map::new();
        for _ in 0..=choices.below(2) {
            let key = if choices.chance(70) {
                KEYS[kind_key(choices, kind)]
            } else {
                *choices.one_of(&KEYS)
            };
            keys.insert(
                key.to_owned(),
                one_or_many(choices, |choices| policy_value(choices, kind)),
            );
        }
        operators.insert(name, keys.into());
    }
    operators.into()
}

/// A key that usually has values of a kind.
fn kind_key(choices: &mut Choices<'_>, kind: usize) -> usize {
    match kind {
        0 => *choices.one_of(&[0, 2]),
        1 => *choices.one_of(&[1, 2]),
        other => other + 1,
    }
}

const PRINCIPALS: [(&str, &str); 12] = [
    (
        "Federated",
        "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
    ),
    (
        "Federated",
        "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/FFFF456789ABCDEF0123456789ABCDEF",
    ),
    ("Federated", "*"),
    ("AWS", "*"),
    ("AWS", "111122223333"),
    ("AWS", "arn:aws:iam::111122223333:root"),
    ("AWS", "arn:aws:iam::111122223333:role/path/app"),
    ("AWS", "arn:aws:sts::111122223333:assumed-role/app/session"),
    ("AWS", "arn:aws-cn:iam::111122223333:root"),
    ("Service", "ec2.amazonaws.com"),
    (
        "CanonicalUser",
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
    ),
    ("Federated", "arn:aws:iam::111122223333:saml-provider/corp"),
];

fn principal(choices: &mut Choices<'_>) -> Value {
    if choices.chance(10) {
        return "*".into();
    }
    let mut kinds: Map<String, Value> = Map::new();
    for _ in 0..=choices.below(3) {
        let (kind, name) = if choices.chance(50) {
            PRINCIPALS[0]
        } else {
            *choices.one_of(&PRINCIPALS)
        };
        match kinds.get_mut(kind) {
            Some(Value::Array(names)) => names.push(name.into()),
            _ => {
                kinds.insert(
                    kind.to_owned(),
                    if choices.chance(50) {
                        json!([name])
                    } else {
                        name.into()
                    },
                );
            }
        }
    }
    kinds.into()
}

const ACTIONS: [&str; 8] = [
    "sts:AssumeRoleWithWebIdentity",
    "STS:assumerolewithwebidentity",
    "sts:*",
    "*",
    "sts:AssumeRole",
    "sts:AssumeRole?ithWebIdentity",
    "s3:GetObject",
    "s*:Get*",
];

const RESOURCES: [&str; 16] = [
    "*",
    "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::bucket/key",
    "arn:aws:s3:::*",
    "arn:aws:s3:*:*:${aws:username}",
    "arn:aws:s3",
    "arn:aws:s3:::bucket/${ex:none}",
    "arn:aws:s3:::bucket/${ex:unlisted}",
    "arn:*:*:*:*:*ey",
    "arn:aws:s3:*",
    "arn:aws:s3:*:bucket/*",
    "arn:aws:s3:::b*y",
    "arn:aws:s3:*1:*:key",
    "arn:aws:sqs:*:queue",
    "arn:aws:sqs:eu-west-?:*",
    "arn:aws:sqs:eu-west-1:1*3:queue",
];

fn statement(choices: &mut Choices<'_>, with_principal: bool, with_resource: bool) -> Value {
    let mut statement = Map::new();
    let effect = if choices.chance(30) { "Deny" } else { "Allow" };
    statement.insert("Effect".to_owned(), effect.into());
    let name = |choices: &mut Choices<'_>, name: &str| {
        if choices.chance(12) {
            format!("Not{name}")
        } else {
            name.to_owned()
        }
    };
    if with_principal {
        statement.insert(name(choices, "Principal"), principal(choices));
    }
    let action = |choices: &mut Choices<'_>| {
        let action = if choices.chance(50) {
            ACTIONS[0]
        } else {
            *choices.one_of(&ACTIONS)
        };
        action.into()
    };
    statement.insert(name(choices, "Action"), one_or_many(choices, action));
    if with_resource {
        let resource = |choices: &mut Choices<'_>| (*choices.one_of(&RESOURCES)).into();
        statement.insert(name(choices, "Resource"), one_or_many(choices, resource));
    }
    if choices.chance(75) {
        statement.insert("Condition".to_owned(), condition(choices));
    }
    statement.into()
}

/// Breaks the grammar in one place.
fn spoil(choices: &mut Choices<'_>, policy: &mut Value) {
    let statement = match &mut policy["Statement"] {
        Value::Array(statements) => statements.first_mut(),
        one => Some(one),
    };
    let Some(statement) = statement.and_then(Value::as_object_mut) else {
        return;
    };
    match choices.below(8) {
        0 => statement.insert("Effect".to_owned(), "allow".into()),
        1 => statement.remove("Effect"),
        2 => statement.insert("Condition".to_owned(), json!({"stringEquals": {"a:b": "c"}})),
        3 => statement.insert("Comment".to_owned(), "why not".into()),
        4 => statement.insert("Action".to_owned(), "AssumeRole".into()),
        5 => statement.insert("NotAction".to_owned(), "sts:*".into()),
        6 => statement.insert("Resource".to_owned(), "*".into()),
        _ => statement.insert("Condition".to_owned(), json!({"NullIfExists": {"a:b": "true"}})),
    };
}

/// A policy with a request of its kind, or nearly.
pub fn case(choices: &mut Choices<'_>) -> Case {
    let (with_principal, with_resource) =
        *choices.one_of(&[(true, false), (true, false), (false, true), (true, true)]);
    let mut policy = Map::new();
    if let Some(version) = choices.one_of(&[Some("2012-10-17"), None, Some("2008-10-17"), Some("2012-10-17")])
    {
        policy.insert("Version".to_owned(), (*version).into());
    }
    let statements = if choices.chance(25) {
        statement(choices, with_principal, with_resource)
    } else {
        (0..choices.below(5))
            .map(|_| statement(choices, with_principal, with_resource))
            .collect()
    };
    policy.insert("Statement".to_owned(), statements);
    let mut policy = Value::from(policy);
    if choices.chance(4) {
        spoil(choices, &mut policy);
    }
    Case {
        policy,
        request: request(choices, with_principal, with_resource),
    }
}

fn request(choices: &mut Choices<'_>, with_principal: bool, with_resource: bool) -> ReferenceRequest {
    let asking = [
        PRINCIPALS[0],
        PRINCIPALS[0],
        PRINCIPALS[0],
        PRINCIPALS[6],
        PRINCIPALS[9],
        PRINCIPALS[10],
    ];
    let (kind, name) = *choices.one_of(&asking);
    let mut request = ReferenceRequest {
        principal: with_principal.then(|| (kind, name.to_owned())),
        action: if choices.chance(80) {
            ACTIONS[0].to_owned()
        } else {
            ACTIONS[6].to_owned()
        },
        resource: with_resource.then(|| {
            (*choices.one_of(&[
                "arn:aws:s3:::bucket/key",
                "arn:aws:s3:::other",
                "*",
                "arn:aws:s3:::ab",
                "arn:aws:sqs:eu-west-1:111122223333:queue",
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/bucket/key",
            ]))
            .to_owned()
        }),
        context: std::collections::BTreeMap::new(),
        others_absent: choices.chance(60),
    };
    for (at, key) in KEYS.iter().chain(&["aws:username"]).enumerate() {
        let kind = match at {
            0 | 2 | 9 | 11 => 0,
            1 => 1,
            10 => 2,
            at => at - 1,
        };
        let known = match choices.below(12) {
            0 => Known::Unknown,
            1 => Known::Present,
            2 => Known::Absent,
            3 => Known::Values(Vec::new()),
            4 => Known::Values(vec![value(choices, kind), value(choices, kind)]),
            5 => continue,
            6 => Known::AbsentOr(vec![value(choices, kind)]),
            _ => Known::Values(vec![value(choices, kind)]),
        };
        request.context.insert(key.to_lowercase(), known);
    }
    request
}

/// An identity policy or boundary, with a request that may stand for many.
pub fn identity_case(choices: &mut Choices<'_>) -> Case {
    let statements: Vec<Value> = (0..=choices.below(3))
        .map(|_| statement(choices, false, true))
        .collect();
    let mut request = request(choices, false, true);
    let actions = [
        "sts:AssumeRoleWithWebIdentity",
        "sts:*",
        "*",
        "s?:Get*",
        "sts:AssumeRole*",
    ];
    (*choices.one_of(&actions)).clone_into(&mut request.action);
    request.resource = Some(
        (*choices.one_of(&[
            "*",
            "arn:aws:s3:::bucket/key",
            "arn:aws:s3:::bucket/*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::*ey",
            "arn:aws:s3:::b?cket/key",
            "arn:aws:s3:*",
            "arn:aws:sqs:*:queue",
            "arn:aws:sqs:eu-*-1:*",
        ]))
        .to_owned(),
    );
    Case {
        policy: json!({ "Version": "2012-10-17", "Statement": statements }),
        request,
    }
}

/// Some of the requests that a request with wildcards stands for.
pub fn members(request: &ReferenceRequest) -> Vec<ReferenceRequest> {
    let fits =
        |pattern: &str, text: &str| super::reference::like(&pattern.to_lowercase(), &text.to_lowercase());
    let actions = [
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "s3:GetObject",
        "s3:PutObject",
        "sqs:GetQueueUrl",
    ];
    let resources = [
        "*",
        "arn:aws:s3:::bucket/key",
        "arn:aws:s3:::bucket/other",
        "arn:aws:s3:::backet/key",
        "arn:aws:s3:::other",
        "arn:aws:s3:::ab",
        "arn:aws:s3:::monkey",
        "arn:aws:s3:eu-west-1:111122223333:accesspoint/bucket/key",
        "arn:aws:sqs:eu-west-1:111122223333:queue",
        "arn:aws:sqs:eu-west-1:111122223333:other",
        "arn:aws:sqs:eu-north-1:111122223333:queue",
    ];
    let wanted = request.resource.as_deref().unwrap_or_default();
    let resources = resources.into_iter().filter(|resource| {
        if wanted == "*" {
            *resource == "*"
        } else {
            *resource != "*" && super::reference::fits_resource(wanted, resource)
        }
    });
    let pairs = resources.flat_map(|resource| {
        let fitting = actions.into_iter().filter(|action| fits(&request.action, action));
        fitting.map(move |action| (action, resource))
    });
    pairs
        .map(|(action, resource)| ReferenceRequest {
            action: action.to_owned(),
            resource: Some(resource.to_owned()),
            ..request.clone()
        })
        .collect()
}

const TRUST_OPERATORS: [&str; 11] = [
    "StringEquals",
    "StringEquals",
    "StringLike",
    "StringEqualsIgnoreCase",
    "StringNotEquals",
    "StringNotLike",
    "ForAnyValue:StringEquals",
    "ForAllValues:StringLike",
    "StringEqualsIfExists",
    "ArnLike",
    "Null",
];

const TRUST_VALUES: [&str; 14] = [
    SUBJECT,
    AUDIENCE,
    "system:serviceaccount:bank:cart",
    "system:serviceaccount:shop:till",
    "system:serviceaccount:shop:*",
    "system:serviceaccount:*:cart",
    "system:serviceaccounts:shop:cart",
    "shop/cart",
    "*",
    "other",
    "sts.*",
    "system:serviceaccount:bank:*",
    "true",
    "repo:a/b",
];

/// Right and wrong keys, subjects and audiences.
fn trust_conditions(choices: &mut Choices<'_>) -> Map<String, Value> {
    let keys = [
        format!("{ISSUER}:sub"),
        format!("{ISSUER}:aud"),
        format!("{OTHER_ISSUER}:sub"),
        format!("{OTHER_ISSUER}:aud"),
        format!("https://{ISSUER}:sub"),
        format!("{ISSUER}/:aud"),
        format!("{ISSUER}:amr"),
        "aws:SourceIp".to_owned(),
        ISSUER.to_owned(),
    ];
    let mut conditions = Map::new();
    for _ in 0..choices.below(4) {
        let operator = (*choices.one_of(&TRUST_OPERATORS)).to_owned();
        let near = if choices.chance(60) { &keys[..2] } else { &keys[..] };
        let key = choices.one_of(near).clone();
        let fitting = TRUST_VALUES[usize::from(key.ends_with("aud"))];
        let value = one_or_many(choices, |choices| {
            let any = *choices.one_of(&TRUST_VALUES);
            if choices.chance(40) {
                fitting.into()
            } else {
                any.into()
            }
        });
        let block = conditions.entry(operator).or_insert_with(|| json!({}));
        block.as_object_mut().unwrap().insert(key, value);
    }
    conditions
}

fn trust_statement(choices: &mut Choices<'_>, number: usize) -> Value {
    let mut statement = Map::new();
    let conditions = trust_conditions(choices);
    if choices.chance(30) {
        statement.insert("Sid".to_owned(), format!("S{number}").into());
    }
    let effect = if choices.chance(10) { "Deny" } else { "Allow" };
    statement.insert("Effect".to_owned(), effect.into());
    let principal = match choices.below(8) {
        0 => json!({"Federated": provider(OTHER_ISSUER)}),
        1 => json!({"Federated": [provider(OTHER_ISSUER), provider(ISSUER)]}),
        2 => json!({"Federated": provider(ISSUER).replace("111122223333", "999999999999")}),
        3 => json!({"Service": "ec2.amazonaws.com"}),
        4 => json!("*"),
        _ => json!({"Federated": provider(ISSUER)}),
    };
    let element = if choices.chance(8) {
        "NotPrincipal"
    } else {
        "Principal"
    };
    statement.insert(element.to_owned(), principal);
    let action = ACTIONS[if choices.chance(15) { 4 } else { 0 }];
    statement.insert("Action".to_owned(), action.into());
    if !conditions.is_empty() {
        statement.insert("Condition".to_owned(), conditions.into());
    }
    statement.into()
}

/// A trust policy near to the identity's.
pub fn trust_text(choices: &mut Choices<'_>) -> String {
    let count = 1 + choices.below(3);
    let mut statements: Vec<Value> = (0..count)
        .map(|number| trust_statement(choices, number))
        .collect();
    let single = count == 1 && choices.chance(50);
    let statement = if single {
        statements.remove(0)
    } else {
        statements.into()
    };
    let policy = json!({"Version": "2012-10-17", "Statement": statement});
    let pretty = choices.chance(30);
    if pretty {
        format!("{policy:#}")
    } else {
        policy.to_string()
    }
}

/// A pattern and a text of few different characters, so that they often match.
pub fn pattern(choices: &mut Choices<'_>) -> (String, String) {
    let length = choices.below(12);
    let pattern = (0..length)
        .map(|_| *choices.one_of(&['a', 'b', '*', '?', 'é', '*']))
        .collect();
    let length = choices.below(20);
    let text = (0..length).map(|_| *choices.one_of(&['a', 'b', 'é'])).collect();
    (pattern, text)
}

/// A pattern whose pieces take more than one machine word, and a text that it nearly or wholly matches.
pub fn long_pattern(choices: &mut Choices<'_>) -> (String, String) {
    let piece = format!(
        "{}?{}",
        "ab".repeat(20 + choices.below(50)),
        "ba".repeat(choices.below(40))
    );
    let filling = if choices.chance(50) { "x" } else { "b" };
    let text = format!(
        "{}{}{}",
        "ab".repeat(choices.below(30)),
        piece.replace('?', filling),
        "a".repeat(choices.below(9))
    );
    let text = if choices.chance(30) {
        text.replacen("ba", "bb", 1)
    } else {
        text
    };
    (format!("*{piece}*"), text)
}
