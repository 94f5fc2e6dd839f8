//! Pods whose templates say something that the webhook, or an SDK, takes otherwise than was meant.

use serde_json::{Value, json};

use super::{APP, Fix, Scenario, exactly, trusting};
use crate::{aws, objects, trust};

/// What the webhook and the SDKs know as the token's place.
const TOKEN: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        opted_out(),
        skipped(),
        half_preset(),
        other_name(),
        token_elsewhere(),
        token_hidden(),
        static_keys(),
        named_profile(),
        skipped_sidecar(),
        global_sts_by_variable(),
        global_sts_by_annotation(),
        sub_path(),
        copied_token(),
    ]
}

/// A pod, or the template of one, in its parts.
struct Template<'a> {
    object: &'a mut Value,
}

impl Template<'_> {
    /// What stands at a place below; created where it is missing.
    fn at(&mut self, path: &[&str]) -> &mut Value {
        let mut place = &mut *self.object;
        for name in path {
            if !place.is_object() {
                *place = json!({});
            }
            place = match place {
                Value::Object(fields) => fields.entry(*name).or_insert(Value::Null),
                other => other,
            };
        }
        place
    }

    /// Adds to a list of the spec.
    fn add(&mut self, list: &str, item: Value) {
        push(self.at(&["spec", list]), item);
    }

    /// A list of its application's container.
    fn app(&mut self, list: &str) -> Option<&mut Value> {
        self.object.pointer_mut(&format!("/spec/containers/0/{list}"))
    }

    /// Sets a variable of its application, in place of the webhook's.
    fn set(&mut self, name: &str, value: &str) {
        if let Some(env) = self.app("env") {
            if let Value::Array(variables) = env {
                variables.retain(|variable| variable.get("name") != Some(&json!(name)));
            }
            push(env, json!({"name": name, "value": value}));
        }
    }

    /// Mounts a volume into its application.
    fn mount(&mut self, volume: Value, mount: Value) {
        self.add("volumes", volume);
        if let Some(mounts) = self.app("volumeMounts") {
            push(mounts, mount);
        }
    }

    /// Takes away what the webhook put into its application.
    fn bare(&mut self) {
        for list in ["env", "volumeMounts"] {
            if let Some(list) = self.app(list) {
                *list = json!([]);
            }
        }
    }
}

fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

/// A bound scenario in which the pod, and the template of its Deployment, are other than usual.
fn with_template(
    namespace: &'static str,
    title: &'static str,
    change: impl Fn(&mut Template<'_>),
) -> Scenario {
    let mut scenario = Scenario::bound(namespace, title, trusting(namespace, &exactly(namespace, APP)));
    for object in &mut scenario.objects {
        let place = match object.get("kind").and_then(Value::as_str) {
            Some("Deployment") => "/spec/template",
            Some("Pod") => "",
            _ => continue,
        };
        if let Some(object) = object.pointer_mut(place) {
            let mut template = Template { object };
            for list in ["env", "volumeMounts"] {
                if template.app(list).is_none()
                    && let Some(app) = template.object.pointer_mut("/spec/containers/0")
                {
                    Template { object: app }.at(&[list]).clone_from(&json!([]));
                }
            }
            change(&mut template);
        }
    }
    scenario
}

/// A role and a token of the pod's own, where the webhook would have put them elsewhere.
fn with_own_token(
    namespace: &'static str,
    title: &'static str,
    change: impl Fn(&mut Template<'_>),
) -> Scenario {
    with_template(namespace, title, |template| {
        template.set("AWS_ROLE_ARN", &aws::arn(aws::HOME, "/", namespace));
        template.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/aws/token");
        change(template);
    })
}

fn opted_out() -> Scenario {
    with_template("opted-out", "a label from an old workaround", |template| {
        *template.at(&[
            "metadata",
            "labels",
            "eks.amazonaws.com/skip-pod-identity-webhook",
        ]) = json!("true");
        template.bare();
    })
    .broken("IRSA401", "CredentialsNotInjected")
    .fixed_by(Fix::Rollout)
}

fn skipped() -> Scenario {
    with_template(
        "skipped",
        "skip-containers was meant for the sidecar",
        |template| {
            *template.at(&["metadata", "annotations", "eks.amazonaws.com/skip-containers"]) = json!("app");
            template.bare();
        },
    )
    .broken("IRSA401", "CredentialsNotInjected")
    .fixed_by(Fix::Rollout)
}

fn half_preset() -> Scenario {
    with_template(
        "half-preset",
        "I set AWS_ROLE_ARN myself, to be sure",
        |template| {
            if let Some(env) = template.app("env") {
                *env = json!([]);
            }
            template.set("AWS_ROLE_ARN", &aws::arn(aws::HOME, "/", "half-preset"));
        },
    )
    .broken("IRSA401", "CredentialsNotInjected")
    .fixed_by(Fix::Rollout)
}

/// Nobody has said which workload should run as the ServiceAccount.
fn other_name() -> Scenario {
    let namespace = "forgot-the-account";
    let title = "the chart made the ServiceAccount, and forgot to use it";
    let role = trusting(namespace, &exactly(namespace, APP));
    let objects = vec![
        objects::service_account(namespace, APP, &role.arn()),
        objects::deployment(namespace, APP, "default"),
        objects::pod(namespace, APP, "x2v7k", "default", None),
    ];
    // Likeness is a notice, without a command.
    Scenario::bound(namespace, title, role)
        .with_objects(objects)
        .notice("IRSA403")
}

fn token_elsewhere() -> Scenario {
    let title = "open /aws/token: no such file or directory";
    with_own_token("token-elsewhere", title, |_| ())
        .broken("IRSA405", "TokenUnreadable")
        .fixed_by(Fix::Rollout)
}

fn token_hidden() -> Scenario {
    with_template("token-hidden", "failed fetching WebIdentity token", |template| {
        let volume = json!({"name": "cache", "emptyDir": {}});
        template.mount(volume, json!({"name": "cache", "mountPath": TOKEN}));
    })
    .broken("IRSA405", "TokenUnreadable")
}

fn static_keys() -> Scenario {
    with_template("static-keys", "the calls come from an IAM user", |template| {
        let from = json!({"secretKeyRef": {"name": "s3", "key": "id"}});
        if let Some(env) = template.app("env") {
            push(env, json!({"name": "AWS_ACCESS_KEY_ID", "valueFrom": from}));
        }
    })
    .at_risk("IRSA406", "StaticCredentialsShadow")
    .fixed_by(Fix::Rollout)
}

fn named_profile() -> Scenario {
    let title = "the config profile (prod) could not be found";
    with_template("named-profile", title, |template| {
        template.set("AWS_PROFILE", "prod");
    })
    .at_risk("IRSA406", "StaticCredentialsShadow")
    .fixed_by(Fix::Rollout)
}

fn skipped_sidecar() -> Scenario {
    let title = "all is well, and the proxy needs no role";
    with_template("skipped-sidecar", title, |template| {
        *template.at(&["metadata", "annotations", "eks.amazonaws.com/skip-containers"]) = json!("proxy");
        template.add(
            "containers",
            json!({"name": "proxy", "image": "registry.example/proxy:1"}),
        );
    })
    .besides(&["IRSA407"])
}

fn global_sts_by_variable() -> Scenario {
    let title = "STS calls time out, the VPC endpoint is of another region";
    with_template("legacy-sts", title, |template| {
        template.set("AWS_STS_REGIONAL_ENDPOINTS", "legacy");
    })
    .besides(&["IRSA411"])
}

fn global_sts_by_annotation() -> Scenario {
    let mut scenario = with_template("global-sts", "STS calls go to us-east-1", |_| ());
    for object in &mut scenario.objects {
        if object.get("kind") == Some(&json!("ServiceAccount")) {
            let annotation = [
                "metadata",
                "annotations",
                "eks.amazonaws.com/sts-regional-endpoints",
            ];
            *Template { object }.at(&annotation) = json!("false");
        }
    }
    scenario.besides(&["IRSA411"])
}

fn sub_path() -> Scenario {
    let title = "ExpiredTokenException, a day after each deployment";
    with_own_token("token-by-sub-path", title, |template| {
        let token = json!({"serviceAccountToken": {"audience": trust::AUDIENCE, "path": "token"}});
        let volume = json!({"name": "own", "projected": {"sources": [token]}});
        template.mount(
            volume,
            json!({"name": "own", "mountPath": "/aws/token", "subPath": "token"}),
        );
    })
    .at_risk("IRSA413", "TokenNotRefreshed")
}

fn copied_token() -> Scenario {
    let title = "the token is copied, for another user id";
    with_own_token("copied-token", title, |template| {
        let mount = json!({"name": "copy", "mountPath": "/aws"});
        let copier = json!({"name": "copy", "image": "registry.example/copy:1", "volumeMounts": [mount]});
        template.mount(json!({"name": "copy", "emptyDir": {}}), mount);
        template.add("initContainers", copier);
    })
    .at_risk("IRSA413", "TokenNotRefreshed")
    // This pod's init container was added behind the webhook's back.
    .besides(&["IRSA407"])
}
