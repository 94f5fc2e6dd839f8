//! Parts of what the invariants are tried on.

use super::*;

/// The text of a permission policy, good or not.
pub(super) fn inline_text() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec!["s3:GetObject", "s3:*", "*", "iam:PutRolePolicy", "x"]);
    let condition = prop::sample::select(vec![
        json!({}),
        json!({ "Bool": { "aws:SecureTransport": "true" } }),
    ]);
    let good = (prop::sample::select(vec!["Allow", "Deny"]), action, condition).prop_map(
        |(effect, action, condition)| {
            let statement =
                json!({ "Effect": effect, "Action": action, "Resource": "*", "Condition": condition });
            json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
        },
    );
    prop_oneof![3 => good, 1 => hostile()]
}

pub(super) fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        any::<String>(),
        Just("a\n$(b)'\u{202e}".to_owned()),
        r#"-?[$`"'\\;&|<>()!~#*a ]{1,8}"#,
    ]
}

pub(super) fn arn() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(ROLE.to_owned()),
        2 => Just(OLD_ROLE.to_owned()),
        1 => Just("arn:aws:iam::111122223333:role/a/b/cart".to_owned()),
        1 => Just("arn:aws:iam::444455556666:role/cart".to_owned()),
        1 => Just("cart".to_owned()),
        1 => Just("arn:aws:sts::111122223333:assumed-role/a/b".to_owned()),
        1 => hostile(),
    ]
}

pub(super) fn failure() -> impl Strategy<Value = FailureKind> {
    prop_oneof![
        Just(FailureKind::Throttled),
        Just(FailureKind::Unavailable),
        hostile().prop_map(|action| FailureKind::AccessDenied { action }),
    ]
}

pub(super) fn trust_text() -> impl Strategy<Value = String> {
    let subject = prop_oneof![
        3 => Just(SUBJECT.to_owned()),
        1 => Just("system:serviceaccount:*".to_owned()),
        1 => Just("system:serviceaccount:staging:cart".to_owned()),
        1 => Just("shop/cart".to_owned()),
        1 => hostile(),
    ];
    let key = prop_oneof![
        3 => Just(format!("{HOST_PATH}:sub")),
        1 => Just(format!("{OTHER_HOST_PATH}:sub")),
        1 => Just(format!("https://{HOST_PATH}:sub")),
        1 => Just("aws:SourceIp".to_owned()),
        1 => hostile(),
    ];
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringLike",
        "StringNotEquals",
        "IpAddress",
        "Null",
        "ForAnyValue:StringLike",
        "Nonsense",
    ]);
    let principal = prop_oneof![
        4 => Just(json!({ "Federated": provider_arn(HOST_PATH) })),
        1 => Just(json!({ "Federated": provider_arn(OTHER_HOST_PATH) })),
        1 => Just(json!("*")),
        1 => Just(json!({ "Service": "ec2.amazonaws.com" })),
        1 => hostile().prop_map(Value::from),
    ];
    let action = prop::sample::select(vec!["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole", "sts:*"]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Allow", "Deny"]);
    let statement = (effect, principal, action, operator, key, subject).prop_map(
        |(effect, principal, action, operator, key, subject)| {
            json!({ "Effect": effect, "Principal": principal, "Action": action,
                "Condition": { operator: { key: subject } } })
        },
    );
    let document = prop::collection::vec(statement, 0..4)
        .prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }).to_string());
    prop_oneof![6 => document, 1 => hostile()]
}

pub(super) fn container() -> impl Strategy<Value = Container> {
    let token = (
        prop::option::of(prop_oneof![Just(AUDIENCE.to_owned()), hostile()]),
        any::<bool>(),
    )
        .prop_map(|(audience, there)| TokenMount {
            path: if there {
                TOKEN_FOLDER.to_owned()
            } else {
                "/elsewhere/".to_owned()
            },
            audience,
            file: "token".to_owned(),
            by_webhook: there,
            sub_path: !there,
        });
    let file = prop::sample::select(vec![
        format!("{TOKEN_FOLDER}/token"),
        "/elsewhere/token".to_owned(),
    ]);
    (
        "[a-d]",
        (
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
        ),
        prop::option::of(arn()),
        prop::option::of(file),
        prop::sample::select(vec![
            StsEndpoints::Unset,
            StsEndpoints::Regional,
            StsEndpoints::Legacy,
        ]),
        prop::collection::vec(token, 0..3),
        prop::option::weighted(0.3, rarities()),
    )
        .prop_map(
            |(
                name,
                (init, opaque_env, names_variable, pod_identity, sets_all),
                role_arn,
                token_file,
                sts_endpoints,
                tokens,
                rarities,
            )| {
                Container {
                    name,
                    init,
                    role_arn,
                    token_file,
                    opaque_env,
                    names_variable,
                    pod_identity,
                    sts_endpoints,
                    tokens,
                    sets_all,
                    rarities: rarities.map(Box::new),
                }
            },
        )
}

pub(super) fn rarities() -> impl Strategy<Value = Rarities> {
    let env_from = || {
        hostile().prop_map(|name| EnvFrom {
            source: EnvSource::Secret,
            name,
            prefix: String::new(),
        })
    };
    let set_by = || {
        prop_oneof![
            Just(SetBy::Env),
            Just(SetBy::Nothing),
            env_from().prop_map(SetBy::EnvFrom)
        ]
    };
    let place = prop_oneof![
        Just(TokenPlace::Nowhere),
        Just(TokenPlace::Elsewhere),
        hostile().prop_map(TokenPlace::Hidden),
        hostile().prop_map(TokenPlace::CopiedBy),
    ];
    (
        prop::option::of(set_by()),
        prop::option::of(set_by()),
        prop::option::of(place),
        prop::collection::vec(env_from(), 0..2),
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.2, hostile()),
    )
        .prop_map(
            |(access_key, profile, token_place, env_from, other_server, unkept, refused_session_name)| {
                Rarities {
                    access_key,
                    profile,
                    token_place,
                    env_from,
                    other_server,
                    unkept: unkept.then_some(Unkept::Tokens),
                    refused_session_name,
                    ..Rarities::default()
                }
            },
        )
}
