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
        (
            Some(FILE),
            &[("scratch", FILE), ("sts", folder)],
            Some(TokenPlace::Folder(FILE.to_owned())),
        ),
        (
            Some(FILE),
            &[("sts", FILE)],
            Some(TokenPlace::Folder(FILE.to_owned())),
        ),
        (Some(FILE), &[("host", FILE), ("sts", folder)], hidden(FILE)),
        (Some("/tmp/token"), &[("sts", folder)], Some(TokenPlace::Nowhere)),
        (Some("/sts/other"), &[("sts", "/sts")], Some(TokenPlace::Nowhere)),
        (Some("/sts//token"), &[("sts", "/sts/")], None),
        (Some("/run/sts/token"), &[("sts", "/var/run/sts")], None),
        (Some("sts/token"), &[("sts", "/sts")], Some(TokenPlace::Elsewhere)),
        (
            Some("/sts/token/"),
            &[("sts", "/sts")],
            Some(TokenPlace::Elsewhere),
        ),
        (
            Some("/api/other"),
            &[("api", "/api")],
            Some(TokenPlace::Elsewhere),
        ),
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
        let containers = pruned(object).containers.clone();
        let app = containers.iter().find(|c| c.name == "app").unwrap();
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

#[test]
fn volumes_whose_files_are_known_have_no_others() {
    let found = |file: &str, volume: Value, mount: Value| {
        let mut object = with_container(json!({
            "env": [{ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": file }],
            "volumeMounts": [mount]
        }));
        object["spec"]["volumes"] = json!([volume]);
        let app = pruned(object).containers.remove(0);
        let key = app.token_volume().map(|file| file.key.clone());
        (app.token_place().cloned(), key)
    };
    let at = |path: &str| json!({ "name": "v", "mountPath": path });
    let secret = json!({ "name": "v", "secret": { "secretName": "s" } });
    let items = json!({ "name": "v", "secret": { "secretName": "s", "items": [{ "key": "jwt", "path": "aws/token" }] } });
    let mixed = json!({ "name": "v", "projected": { "sources": [
        { "serviceAccountToken": { "audience": "sts.amazonaws.com", "path": "token" } },
        { "secret": { "name": "s", "items": [{ "key": "jwt", "path": "other" }] } }
    ] } });
    let (nowhere, elsewhere) = (Some(TokenPlace::Nowhere), Some(TokenPlace::Elsewhere));
    let key = |key: &str| Some(key.to_owned());
    assert_eq!(
        found("/v/token", secret.clone(), at("/v")),
        (elsewhere.clone(), key("token"))
    );
    assert_eq!(
        found("/v/a/token", secret.clone(), at("/v")),
        (nowhere.clone(), None)
    );
    assert_eq!(
        found("/v", secret.clone(), at("/v")),
        (Some(TokenPlace::Folder("/v".to_owned())), None)
    );
    let part = json!({ "name": "v", "mountPath": "/v/token", "subPath": "jwt" });
    assert_eq!(found("/v/token", secret, part), (elsewhere.clone(), key("jwt")));
    assert_eq!(
        found("/v/aws/token", items.clone(), at("/v")),
        (elsewhere.clone(), key("jwt"))
    );
    assert_eq!(found("/v/jwt", items, at("/v")), (nowhere.clone(), None));
    assert_eq!(
        found("/v/other", mixed.clone(), at("/v")),
        (elsewhere.clone(), None)
    );
    assert_eq!(found("/v/tokn", mixed.clone(), at("/v")), (nowhere, None));
    assert_eq!(found("/v/token", mixed, at("/v")), (None, None));
    let claim = json!({ "name": "v", "persistentVolumeClaim": { "claimName": "c" } });
    assert_eq!(found("/v/token", claim, at("/v")), (elsewhere, None));
}

#[test]
fn a_volume_that_a_pod_does_not_list_holds_nothing() {
    let place = |file: &str, folder: &str, is_live: bool| {
        let mut object = with_container(json!({
            "env": [{ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": file }],
            "volumeMounts": [{ "name": "claim", "mountPath": folder }]
        }));
        if is_live {
            object["status"] = json!({ "phase": "Running" });
        }
        pruned(object).containers.remove(0).token_place().cloned()
    };
    let claimed = place("/claim/token", "/claim", false);
    assert_eq!(claimed, Some(TokenPlace::Elsewhere), "by a StatefulSet");
    assert_eq!(place("/claim/token", "/claim", true), Some(TokenPlace::Nowhere));
    let folder = FILE.strip_suffix("/token").unwrap();
    assert_eq!(place(FILE, folder, true), Some(TokenPlace::Nowhere));
}

#[test]
fn a_role_before_the_variables_that_the_webhook_appends_first_was_there_before_it() {
    let variable = |name: &str| json!({ "name": name, "value": "x" });
    let (role, file, sts) = (
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_STS_REGIONAL_ENDPOINTS",
    );
    let preset = |names: &[&str]| {
        let env: Vec<Value> = names.iter().map(|name| variable(name)).collect();
        container(json!({ "env": env })).presets_role()
    };
    assert_eq!(preset(&[role, file, sts, "AWS_REGION"]), Some(true));
    assert_eq!(preset(&[sts, "AWS_REGION", role, file]), None);
    assert_eq!(preset(&[role, file]), None);
}
