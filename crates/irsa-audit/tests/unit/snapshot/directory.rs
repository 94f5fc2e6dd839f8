use serde_json::json;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn cluster() -> SnapshotCluster {
    SnapshotCluster {
        identity: "uid:1".to_owned(),
        issuer: None,
        name: None,
        namespace: None,
        annotation_prefix: "eks.amazonaws.com".to_owned(),
        webhook_namespace: "kube-system".to_owned(),
    }
}

fn open(path: &Path) -> Result<SnapshotDirectory, SnapshotError> {
    SnapshotDirectory::open(path, cluster(), Timestamp::now(), HOUR)
}

fn take(directory: &mut SnapshotDirectory, part: &str, names: &[&str]) {
    let mut writer = directory.begin(part).unwrap();
    writer.begin_objects("v1", "Pod").unwrap();
    for name in names {
        writer.element(&json!({"metadata": {"name": name}})).unwrap();
    }
    writer.end_list().unwrap();
    directory.end(part, writer, Timestamp::now(), None).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_part_is_there_whole_or_not_at_all_and_for_its_owner_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b");
    let mut directory = open(&path).unwrap();
    directory.plan(["kubernetes/pods".to_owned()]).unwrap();
    let mut writer = directory.begin("kubernetes/pods").unwrap();
    writer.begin_objects("v1", "Pod").unwrap();
    assert_eq!(names(&path.join("kubernetes")), [".pods.json.partial"]);
    drop(writer);
    assert_eq!(names(&path.join("kubernetes")), [""; 0]);
    assert_eq!(directory.manifest.not_whole().count(), 1);
    take(&mut directory, "kubernetes/pods", &["a", "b"]);
    let file = path.join("kubernetes/pods.json");
    for (path, expected) in [
        (path.as_path(), 0o700),
        (&path.join("kubernetes"), 0o700),
        (&file, 0o600),
        (&path.join(FILE_NAME), 0o600),
    ] {
        assert_eq!(mode(path), expected, "{}", path.display());
    }
    let part = &directory.manifest.parts["kubernetes/pods"];
    assert!(part.is_whole() && part.count == 2);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(part.file.as_ref().unwrap().bytes, text.len() as u64);
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&list["kind"], &list["items"][1]["metadata"]["name"]),
        (&json!("PodList"), &json!("b"))
    );
    let read = SnapshotManifest::parse(&fs::read(path.join(FILE_NAME)).unwrap()).unwrap();
    assert_eq!(read, directory.manifest);
}

#[test]
fn lists_of_an_output_are_one_document() {
    let root = tempfile::tempdir().unwrap();
    let mut directory = open(root.path()).unwrap();
    let mut writer = directory.begin("aws/1/details").unwrap();
    for list in ["RoleDetailList", "Policies", "UserDetailList"] {
        writer.begin_list(list).unwrap();
        if list != "UserDetailList" {
            writer.element(&json!({"Arn": list})).unwrap();
        }
    }
    writer.end_list().unwrap();
    directory
        .end("aws/1/details", writer, Timestamp::now(), None)
        .unwrap();
    let text = fs::read(root.path().join("aws/1/details.json")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let expected = json!({"RoleDetailList": [{"Arn": "RoleDetailList"}], "Policies": [{"Arn": "Policies"}], "UserDetailList": []});
    assert_eq!(document, expected);
}

#[test]
fn whole_parts_of_an_earlier_run_are_kept_and_no_others() {
    let root = tempfile::tempdir().unwrap();
    let mut directory = open(root.path()).unwrap();
    directory.plan(["kubernetes/roles".to_owned()]).unwrap();
    for part in [
        "kubernetes/pods",
        "kubernetes/namespaces",
        "kubernetes/configmaps",
    ] {
        take(&mut directory, part, &["a"]);
    }
    directory
        .miss("kubernetes/configmaps", PartReason::Forbidden, "no".to_owned())
        .unwrap();
    let unfinished = root.path().join("kubernetes/.roles.json.partial");
    fs::write(&unfinished, "{").unwrap();
    fs::write(root.path().join("kubernetes/namespaces.json"), "{}").unwrap();
    drop(directory);

    let again = open(root.path()).unwrap();
    assert!(again.keeps("kubernetes/pods"));
    for part in [
        "kubernetes/namespaces",
        "kubernetes/configmaps",
        "kubernetes/roles",
    ] {
        assert!(!again.keeps(part), "{part}");
    }
    assert_eq!(names(&root.path().join("kubernetes")), ["pods.json"]);
    assert_eq!(again.kept().unwrap().0, 1);
    drop(again);

    let later = Timestamp::now().checked_add(2 * HOUR).unwrap();
    let aged = SnapshotDirectory::open(root.path(), cluster(), later, HOUR).unwrap();
    assert!(aged.kept().is_none() && aged.manifest.parts.is_empty());
    assert_eq!(names(&root.path().join("kubernetes")), [""; 0]);
}

#[test]
fn what_is_not_a_snapshot_of_this_cluster_is_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("notes.txt"), "x").unwrap();
    assert!(matches!(open(root.path()), Err(SnapshotError::NotEmpty(_))));
    assert!(matches!(
        open(&root.path().join("notes.txt")),
        Err(SnapshotError::NotADirectory(_))
    ));
    fs::write(root.path().join(FILE_NAME), "{}").unwrap();
    assert!(matches!(open(root.path()), Err(SnapshotError::Manifest { .. })));
    assert_eq!(names(root.path()), ["notes.txt", FILE_NAME]);

    let root = tempfile::tempdir().unwrap();
    let first = open(root.path()).unwrap();
    assert!(matches!(open(root.path()), Err(SnapshotError::InUse(_))));
    drop(first);
    let with = |change: fn(&mut SnapshotCluster)| {
        let mut other = cluster();
        change(&mut other);
        SnapshotDirectory::open(root.path(), other, Timestamp::now(), HOUR)
    };
    for change in [
        (|other| other.identity = "uid:2".to_owned()) as fn(&mut SnapshotCluster),
        |other| other.namespace = Some("shop".to_owned()),
        |other| other.annotation_prefix = "irsa.example.com".to_owned(),
    ] {
        assert!(matches!(with(change), Err(SnapshotError::Different { .. })));
    }
    open(root.path()).unwrap();
}
