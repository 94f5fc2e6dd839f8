//! Where a container's token file is.

use super::*;

/// Where a container finds its token file that has these mounts, as volume and path.
fn place(file: Option<&str>, mounts: &[(&str, &str)]) -> Option<TokenPlace> {
    let env: Vec<_> = file
        .iter()
        .map(|f| json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f }))
        .collect();
    let mounts: Vec<_> = mounts
        .iter()
        .map(|(name, path)| json!({ "name": name, "mountPath": path }))
        .collect();
    let app = container(json!({ "env": env, "volumeMounts": mounts }));
    app.token_place().cloned()
}

#[test]
fn where_the_token_file_lies() {
    let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    let hidden = |path: &str| Some(TokenPlace::Hidden(path.to_owned()));
    for (file, mounts, expected) in [
        (Some(FILE), &[("sts", folder)][..], None),
        (
            Some(r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token"),
            &[("sts", folder)],
            None,
        ),
        (Some(FILE), &[("sts", folder), ("scratch", "/var/run")], None),
        (Some(FILE), &[("scratch", FILE), ("sts", folder)], hidden(FILE)),
        (Some("/tmp/token"), &[("sts", folder)], Some(TokenPlace::Nowhere)),
        (Some("/sts/other"), &[("sts", "/sts")], Some(TokenPlace::Nowhere)),
        (
            Some("/data/token"),
            &[("sts", folder), ("config", "/data")],
            Some(TokenPlace::Elsewhere),
        ),
        (
            Some("/data/token"),
            &[("sts", folder), ("scratch", "/data")],
            Some(TokenPlace::Elsewhere),
        ),
        (None, &[], None),
        (None, &[("scratch", "/tmp")], None),
        // The webhook mounts there, or would.
        (None, &[("scratch", folder)], hidden(folder)),
        (None, &[("scratch", "/var/run/secrets")], None),
    ] {
        assert_eq!(place(file, mounts), expected, "{file:?} {mounts:?}");
    }
}

#[test]
fn a_copy_is_certain_if_nobody_else_can_write_it() {
    let copied = |others: Value, sidecars: Value| {
        let mut object = with_container(json!({
            "env": [{ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/aws/token" }],
            "volumeMounts": [{ "name": "scratch", "mountPath": "/aws" }]
        }));
        object["spec"]["initContainers"] = others;
        let containers = object["spec"]["containers"].as_array_mut().unwrap();
        containers.extend(sidecars.as_array().unwrap().iter().cloned());
        let app = pruned(object)
            .containers
            .into_iter()
            .find(|c| c.name == "app")
            .unwrap();
        app.token_place().cloned()
    };
    let scratch = |name: &str, read_only: bool| json!({ "name": name, "volumeMounts": [{ "name": "scratch", "mountPath": "/out", "readOnly": read_only }] });
    let certain = Some(TokenPlace::CopiedBy("copy".to_owned()));
    assert_eq!(copied(json!([scratch("copy", false)]), json!([])), certain);
    assert_eq!(
        copied(json!([scratch("copy", false)]), json!([scratch("log", true)])),
        certain
    );
    let unknown = Some(TokenPlace::Elsewhere);
    assert_eq!(
        copied(
            json!([scratch("copy", false)]),
            json!([scratch("refresh", false)])
        ),
        unknown
    );
    let mut sidecar = scratch("refresh", false);
    sidecar["restartPolicy"] = "Always".into();
    assert_eq!(
        copied(json!([scratch("copy", false), sidecar]), json!([])),
        unknown
    );
    assert_eq!(copied(json!([scratch("copy", true)]), json!([])), unknown);
    assert_eq!(copied(json!([]), json!([])), unknown);
}
