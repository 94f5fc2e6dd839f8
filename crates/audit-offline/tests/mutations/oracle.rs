//! What is true of a world, told without the engine: each step that STS takes, from the documentation.

use audit_core::finding::Link;
use iam_policy::Decision;
use serde_json::Value;

use super::reference::{self, Known, ReferenceRequest};
use super::world::World;

/// What becomes of the binding's requests for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// Every pod gets its credentials, and new ones will.
    Works,
    /// Pods get them, new ones would not, or would get others.
    WorksForNow,
    /// A pod, or every new one, does not get them; the links that may say so.
    Fails(&'static [Link]),
    /// It hangs on what nobody can see from here.
    Unknown,
}

pub fn truth(world: &World) -> Truth {
    let Some(account) = &world.account else {
        // Without pods nothing is left that could fail.
        let runs = !world.workloads.is_empty();
        return if runs {
            Truth::Fails(&[Link::ServiceAccount])
        } else {
            Truth::Works
        };
    };
    let annotation = |name: &str| {
        let key = format!("{}/{name}", world.cluster.prefix);
        account["metadata"]["annotations"]
            .get(&key)
            .and_then(Value::as_str)
    };
    let audience = annotation("audience").unwrap_or("sts.amazonaws.com");
    let declared = annotation("role-arn")
        .filter(|arn| !arn.is_empty())
        .map(|arn| assume(world, arn, audience));
    let pods: Vec<Truth> = world
        .workloads
        .iter()
        .filter(|object| object["kind"] == "Pod")
        .map(|pod| of_pod(world, pod))
        .collect();
    match declared {
        Some(Truth::Works) => {}
        // Who asks for another audience is as wrong as who does not accept it.
        Some(Truth::Fails([Link::Provider | Link::Trust])) if annotation("audience").is_some() => {
            return Truth::Fails(&[Link::ServiceAccount, Link::Provider, Link::Trust]);
        }
        Some(other) => return other,
        None if pods.is_empty() => return Truth::Works,
        None => return Truth::WorksForNow,
    }
    let same = |pod: &Value| {
        carried(pod)
            .iter()
            .all(|(role, _)| Some(role.as_str()) == annotation("role-arn"))
    };
    if let Some(failing) = pods.iter().find(|truth| **truth != Truth::Works) {
        failing.clone()
    } else if world
        .workloads
        .iter()
        .filter(|object| object["kind"] == "Pod")
        .all(same)
    {
        Truth::Works
    } else {
        Truth::WorksForNow
    }
}

/// A pod needs one container with all that web identity takes; and what a container has must be accepted.
fn of_pod(world: &World, pod: &Value) -> Truth {
    let carried = carried(pod);
    let refused = |(role, audience): &(String, String)| {
        // Nobody makes an ARN of what stands in a container.
        !role.starts_with("arn:") || matches!(assume(world, role, audience), Truth::Fails(_))
    };
    if carried.is_empty() || carried.iter().any(refused) {
        Truth::Fails(&[Link::Pods])
    } else {
        Truth::Works
    }
}

/// The roles for which containers ask, with the audiences of their tokens.
fn carried(pod: &Value) -> Vec<(String, String)> {
    let spec = &pod["spec"];
    let containers = ["containers", "initContainers"]
        .into_iter()
        .filter_map(|kind| spec[kind].as_array())
        .flatten();
    let complete = containers.filter_map(|container| {
        let env = |name: &str| {
            let variables = container["env"].as_array()?;
            let value = variables.iter().find(|variable| variable["name"] == name)?["value"].as_str();
            // SDKs take an empty variable for none.
            value.filter(|value| !value.is_empty())
        };
        let (role, file) = (env("AWS_ROLE_ARN")?, env("AWS_WEB_IDENTITY_TOKEN_FILE")?);
        let mounts = container["volumeMounts"].as_array()?;
        let audience = mounts.iter().find_map(|mount| {
            let volume = spec["volumes"]
                .as_array()?
                .iter()
                .find(|volume| volume["name"] == mount["name"])?;
            let token = &volume["projected"]["sources"][0]["serviceAccountToken"];
            let place = format!("{}/{}", mount["mountPath"].as_str()?, token["path"].as_str()?);
            (place == file).then(|| token["audience"].as_str().unwrap_or_default().to_owned())
        })?;
        Some((role.to_owned(), audience))
    });
    complete.collect()
}

/// `AssumeRoleWithWebIdentity` of the binding's subject.
fn assume(world: &World, arn: &str, audience: &str) -> Truth {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [scheme, partition, service, region, account, resource] = parts[..] else {
        let bare = arn
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+=,.@_/-".contains(c));
        return if bare {
            Truth::Unknown
        } else {
            Truth::Fails(&[Link::ServiceAccount])
        };
    };
    let name_ok = |name: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c))
    };
    let name = resource
        .strip_prefix("role/")
        .and_then(|rest| rest.rsplit('/').next())
        .unwrap_or_default();
    let is_arn = scheme == "arn"
        && ["aws", "aws-cn", "aws-us-gov"].contains(&partition)
        && service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && name_ok(name)
        && resource
            .strip_prefix("role/")
            .is_some_and(|rest| rest.split('/').all(|part| !part.is_empty()))
        && arn.bytes().all(|b| (0x21..0x7f).contains(&b));
    if !is_arn {
        return Truth::Fails(&[Link::ServiceAccount]);
    }
    let Some(owned) = world.aws.get(account) else {
        return Truth::Unknown;
    };
    let Some(role) = owned.roles.iter().find(|role| role["Arn"] == arn) else {
        return Truth::Fails(&[Link::Role]);
    };
    let registered = owned
        .providers
        .iter()
        .find(|provider| provider.url == world.cluster.host_path());
    if !registered.is_some_and(|provider| provider.client_ids.iter().any(|id| id == audience)) {
        return Truth::Fails(&[Link::Provider]);
    }
    let document = match &role["AssumeRolePolicyDocument"] {
        Value::String(text) => {
            let plain = percent_decoded(text);
            serde_json::from_str(&plain).unwrap_or(Value::Null)
        }
        document => document.clone(),
    };
    match reference::decide(
        &document,
        &request(world, &document, partition, account, audience),
    ) {
        Decision::Allowed => Truth::Works,
        Decision::Undetermined => Truth::Unknown,
        _ => Truth::Fails(&[Link::Trust]),
    }
}

fn percent_decoded(text: &str) -> String {
    if !text.starts_with('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The request as STS sees it: the token's claims are keys, the caller's circumstances are not known from here, and there
/// are no others.
fn request(
    world: &World,
    document: &Value,
    partition: &str,
    account: &str,
    audience: &str,
) -> ReferenceRequest {
    let issuer = world.cluster.host_path();
    let mut context = std::collections::BTreeMap::new();
    for key in keys(document) {
        let key = key.to_lowercase();
        let is_global = ["aws:", "sts:", "iam:"]
            .iter()
            .any(|prefix| key.starts_with(prefix));
        let never = [
            "sts:sourceidentity",
            "sts:transitivetagkeys",
            "sts:externalid",
            "aws:tagkeys",
        ];
        let known = if key == "sts:rolesessionname" {
            Known::Present
        } else if is_global && !key.starts_with("aws:requesttag/") && !never.contains(&key.as_str()) {
            Known::Unknown
        } else {
            Known::Absent
        };
        context.insert(key, known);
    }
    let value = |text: &str| Known::Values(vec![text.to_owned()]);
    let subject = format!("system:serviceaccount:{}:{}", world.namespace, world.name);
    context.insert(format!("{issuer}:sub").to_lowercase(), value(&subject));
    context.insert(format!("{issuer}:aud").to_lowercase(), value(audience));
    ReferenceRequest {
        principal: Some((
            "Federated",
            format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}"),
        )),
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        resource: None,
        context,
        others_absent: true,
    }
}

/// Every condition key of a policy.
fn keys(document: &Value) -> Vec<String> {
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    };
    let blocks = statements
        .iter()
        .filter_map(|statement| statement["Condition"].as_object().cloned());
    let entries = blocks.flat_map(|block| {
        block
            .into_iter()
            .filter_map(|(_, keys)| keys.as_object().cloned())
    });
    entries
        .flat_map(|keys| keys.into_iter().map(|(key, _)| key))
        .collect()
}
