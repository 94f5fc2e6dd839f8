//! The files that run in other people's CI and in ours: the release workflow, the action for GitHub, and the template for GitLab. Their
//! scripts are run as they are written, with the network replaced by a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use e2e::checkers;
use e2e::operator;
use e2e::tools;
use serde_json::Value;
use tempfile::TempDir;

use super::{Failure, Outcome};

const WORKFLOW: &str = ".github/workflows/release.yaml";
const ACTION: &str = "action.yml";
const TEMPLATE: &str = "deploy/gitlab/irsa-audit.yml";
const KREW: &str = "deploy/krew/irsa-audit.yaml";

/// The tag of this version.
const TAG: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// A binding that is broken, whatever else there is: the annotation's account has eleven digits.
const BROKEN: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app
  namespace: shop
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::12345678901:role/app
";

/// Stands in for `curl`: copies from the folder `$RELEASES`, which has a folder for each host.
const DOWNLOAD: &str = r#"#!/bin/sh
while [ "$#" -gt 1 ]; do
    case $1 in --output) to=$2 ;; esac
    shift
done
cp "$RELEASES/${1#https://}" "$to"
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn parsed(file: &str) -> Result<Value, Failure> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(root().join(file))?)?)
}

/// All values of a key, wherever it is.
fn all<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(fields) => {
            let below = fields.values().flat_map(|value| all(value, key));
            fields.get(key).into_iter().chain(below).collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| all(value, key)).collect(),
        _ => Vec::new(),
    }
}

/// The script of the step with this name.
fn script(file: &Value, name: &str) -> String {
    let steps: Vec<&Value> = all(file, "steps")
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .collect();
    let mut steps = steps.iter().filter(|step| step["name"] == name);
    let step = steps.next().expect("a step");
    step["run"].as_str().expect("a script").to_owned()
}

/// The platforms for which the workflow makes an archive.
fn platforms(workflow: &Value) -> Vec<String> {
    let include = workflow["jobs"]["archive"]["strategy"]["matrix"]["include"].as_array();
    let names = include
        .expect("a matrix")
        .iter()
        .filter_map(|one| one["platform"].as_str());
    names.map(str::to_owned).collect()
}

/// A folder in which scripts run, with stand-ins for what the network gives.
struct Runner {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Runner {
    fn new() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin)?;
        executable(&bin.join("curl"), DOWNLOAD)?;
        // Alpine's package manager, which installs curl.
        executable(&bin.join("apk"), "#!/bin/sh\n")?;
        let mut search = vec![bin];
        search.extend(std::env::split_paths(&std::env::var_os("PATH").expect("a PATH")));
        let search = std::env::join_paths(search).expect("a PATH");
        let variables = BTreeMap::from([
            ("PATH", search.to_string_lossy().into_owned()),
            ("RELEASES", path("releases")),
            ("GITHUB_OUTPUT", path("output")),
            ("GITHUB_STEP_SUMMARY", path("summary")),
            ("SARIF", path("irsa-audit.sarif")),
        ]);
        Ok(Self { folder, variables })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The inputs of a step that installs a release.
    fn installs_a_release(&mut self) {
        let folder = self.path("tools").display().to_string();
        self.set([
            ("PROGRAM", ""),
            ("VERSION", TAG),
            ("OS", "Linux"),
            ("ARCH", "X64"),
            ("FOLDER", &folder),
        ]);
    }

    fn set<const N: usize>(&mut self, variables: [(&'static str, &str); N]) {
        let variables = variables.map(|(name, value)| (name, value.to_owned()));
        self.variables.extend(variables);
    }

    /// Runs a script with nothing in its environment but the variables: exit code and output.
    async fn run(&self, shell: &[&str], script: &str) -> Result<(Option<i32>, String), Failure> {
        let output = tokio::process::Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", script])
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&text).into_owned()))
    }

    /// Runs a script as a step of GitHub's with `shell: bash`.
    async fn bash(&self, script: &str) -> Result<(Option<i32>, String), Failure> {
        let shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"];
        self.run(&shell, script).await
    }

    /// What a step has written as outputs.
    fn outputs(&self) -> Result<BTreeMap<String, String>, Failure> {
        let text = fs::read_to_string(self.path("output"))?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// Makes a release as the workflow does, around a program that calls the tests' own: the folder with its files.
    async fn release(&mut self, workflow: &Value) -> Result<PathBuf, Failure> {
        let program = operator::program().await?.display();
        let build = self.path("build");
        fs::create_dir(&build)?;
        executable(
            &build.join("irsa-audit"),
            &format!("#!/bin/sh\nexec \"{program}\" \"$@\"\n"),
        )?;
        fs::copy(root().join("LICENSE"), self.path("LICENSE"))?;
        fs::create_dir_all(self.path("deploy/krew"))?;
        fs::copy(root().join(KREW), self.path(KREW))?;
        let release = self.path("release");
        fs::create_dir(&release)?;
        self.set([("TAG", TAG)]);
        for platform in platforms(workflow) {
            self.set([("PLATFORM", &platform)]);
            let (code, output) = self.bash(&script(workflow, "Pack")).await?;
            assert_eq!(code, Some(0), "{output}");
            let archive = format!("irsa-audit-{platform}.tar.gz");
            fs::rename(self.path(&archive), release.join(&archive))?;
        }
        for step in ["Write the checksums", "Fill in the krew manifest"] {
            let (code, output) = self.bash(&script(workflow, step)).await?;
            assert_eq!(code, Some(0), "{output}");
        }
        Ok(release)
    }

    /// The same, where the scripts download from.
    async fn published(&mut self) -> Outcome {
        let release = self.release(&parsed(WORKFLOW)?).await?;
        let place = format!("releases/github.com/irsa-audit/irsa-audit/releases/download/{TAG}");
        let place = self.path(&place);
        fs::create_dir_all(place.parent().expect("a folder"))?;
        fs::rename(release, place)?;
        Ok(())
    }
}

fn executable(path: &Path, text: &str) -> Outcome {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[tokio::test]
async fn actionlint_finds_nothing_to_complain_about() -> Outcome {
    let file = root().join(WORKFLOW).display().to_string();
    tools::run(&checkers::actionlint().await?, &[&file]).await?;
    Ok(())
}

/// What an expression gives would be part of the script, as a title of a pull request with a command in it.
#[test]
fn no_expression_is_in_a_script() -> Outcome {
    for file in [WORKFLOW, ACTION, TEMPLATE] {
        let value = parsed(file)?;
        let scripts: Vec<String> = ["run", "script", "before_script", "after_script"]
            .iter()
            .flat_map(|key| all(&value, key))
            .filter(|script| !script.is_object())
            .map(Value::to_string)
            .collect();
        assert!(!scripts.is_empty(), "{file}");
        for script in scripts {
            assert!(
                !script.contains("${{") && !script.contains("$[["),
                "{file}: {script}"
            );
        }
    }
    Ok(())
}

#[test]
fn actions_are_pinned_and_permissions_are_least() -> Outcome {
    let workflow = parsed(WORKFLOW)?;
    let action = parsed(ACTION)?;
    for used in all(&workflow, "uses").into_iter().chain(all(&action, "uses")) {
        let (_, commit) = used
            .as_str()
            .and_then(|used| used.split_once('@'))
            .expect("a version");
        let digits = commit.chars().all(|letter| letter.is_ascii_hexdigit());
        assert!(commit.len() == 40 && digits, "{used}");
    }
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    let jobs = workflow["jobs"].as_object().expect("jobs");
    let writers: Vec<&String> = jobs
        .iter()
        .filter(|(_, job)| job["permissions"] != serde_json::json!({"contents": "read"}))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(writers, ["release"]);
    assert_eq!(
        jobs["release"]["permissions"],
        serde_json::json!({"contents": "write"})
    );
    Ok(())
}

#[test]
fn all_files_have_the_version_of_the_workspace() -> Outcome {
    assert_eq!(parsed(ACTION)?["inputs"]["version"]["default"], TAG);
    assert_eq!(
        parsed(TEMPLATE)?[".irsa-audit"]["variables"]["AUDIT_VERSION"],
        TAG
    );
    assert_eq!(parsed(KREW)?["spec"]["version"], TAG);
    let workflow = parsed(WORKFLOW)?;
    let toolchains = all(&workflow, "RUSTUP_TOOLCHAIN");
    assert_eq!(toolchains, [env!("CARGO_PKG_RUST_VERSION")]);
    Ok(())
}

/// The manifest that a release publishes has the archives of the workflow with their checksums, and says what is in them.
#[tokio::test]
async fn a_release_has_the_archives_of_its_krew_manifest() -> Outcome {
    let workflow = parsed(WORKFLOW)?;
    let mut runner = Runner::new()?;
    let release = runner.release(&workflow).await?;
    let sums = fs::read_to_string(release.join("SHA256SUMS"))?;
    let sums: BTreeSet<(String, String)> = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, archive)| (archive.to_owned(), sum.to_owned()))
        .collect();
    assert_eq!(sums.len(), platforms(&workflow).len());
    let manifest: Value = serde_saphyr::from_str(&fs::read_to_string(release.join("irsa-audit.yaml"))?)?;
    assert_eq!(manifest["spec"]["version"], TAG);
    let mut in_manifest = BTreeSet::new();
    for platform in manifest["spec"]["platforms"].as_array().expect("platforms") {
        let labels = &platform["selector"]["matchLabels"];
        let (os, arch) = (labels["os"].as_str(), labels["arch"].as_str());
        let archive = format!(
            "irsa-audit-{}-{}.tar.gz",
            os.unwrap_or_default(),
            arch.unwrap_or_default()
        );
        let uri = format!(
            "{}/releases/download/{TAG}/{archive}",
            env!("CARGO_PKG_REPOSITORY")
        );
        assert_eq!(platform["uri"], uri);
        let path = release.join(&archive).display().to_string();
        let list = tools::run(Path::new("tar"), &["-tzf", &path]).await?;
        let files = platform["files"].as_array().expect("files").iter();
        let files: Vec<&str> = files.filter_map(|file| file["from"].as_str()).collect();
        assert_eq!(list.lines().collect::<Vec<_>>(), files);
        assert!(files.iter().any(|file| platform["bin"] == *file));
        let sum = platform["sha256"].as_str().unwrap_or_default();
        in_manifest.insert((archive, sum.to_owned()));
    }
    assert_eq!(in_manifest, sums);
    Ok(())
}

/// The version of the tag is checked before anything is packed.
#[tokio::test]
async fn a_tag_of_another_version_makes_no_release() -> Outcome {
    let check = script(
        &parsed(WORKFLOW)?,
        "Check that the tag is the version of the workspace",
    );
    let mut runner = Runner::new()?;
    fs::copy(root().join("Cargo.toml"), runner.path("Cargo.toml"))?;
    for (tag, expected) in [(TAG, 0), ("v9.9.9", 1), ("v$(touch made)", 1)] {
        runner.set([("TAG", tag)]);
        assert_eq!(runner.bash(&check).await?.0, Some(expected), "{tag}");
    }
    assert!(!runner.path("made").exists());
    Ok(())
}

/// Downloaded, checked, and run on a pull request.
#[tokio::test]
async fn the_action_audits_with_a_release() -> Outcome {
    let action = parsed(ACTION)?;
    let install = script(&action, "Install irsa-audit");
    let audit = script(&action, "Audit");
    let fail = script(&action, "Fail at or above the threshold");
    let mut runner = Runner::new()?;
    runner.published().await?;
    runner.installs_a_release();
    let (code, output) = runner.bash(&install).await?;
    assert_eq!(code, Some(0), "{output}");
    let program = runner.outputs()?.remove("program").expect("a program");
    fs::create_dir(runner.path("two words"))?;
    fs::write(runner.path("two words/app.yaml"), BROKEN)?;
    runner.set([
        ("PROGRAM", &program),
        ("ARGUMENTS", "--partial"),
        ("PATHS", "two words\n"),
    ]);
    for (threshold, expected) in [("broken", 1), ("never", 0)] {
        runner.set([("FAIL_ON", threshold)]);
        let (code, output) = runner.bash(&audit).await?;
        assert_eq!(code, Some(0), "{output}");
        let sarif: Value = serde_json::from_str(&fs::read_to_string(runner.path("irsa-audit.sarif"))?)?;
        let results = sarif["runs"][0]["results"].as_array().expect("results");
        assert!(results.iter().any(|result| result["ruleId"] == "IRSA102"));
        assert!(fs::read_to_string(runner.path("summary"))?.starts_with("<!-- irsa-audit -->"));
        let found = runner.outputs()?.remove("exit-code").expect("an exit code");
        runner.set([("CODE", &found)]);
        assert_eq!(runner.bash(&fail).await?.0, Some(expected));
    }
    Ok(())
}

/// A plan alone, and a plan over manifests: both scripts find what the plan breaks.
#[tokio::test]
async fn plans_are_audited_by_the_action_and_by_the_template() -> Outcome {
    let audit = script(&parsed(ACTION)?, "Audit");
    let template = parsed(TEMPLATE)?[".irsa-audit"]["script"][0].clone();
    let template = template.as_str().expect("a script");
    let program = operator::program().await?.display().to_string();
    let mut runner = Runner::new()?;
    for (example, name) in [
        ("plan.json", "the plan.json"),
        ("serviceaccount.yaml", "app.yaml"),
    ] {
        fs::copy(
            root().join("docs/examples/terraform").join(example),
            runner.path(name),
        )?;
    }
    for (paths, expected) in [("app.yaml", "1"), ("", "0")] {
        runner.set([
            ("PROGRAM", &program),
            ("PATHS", paths),
            ("TERRAFORM", "the plan.json"),
            ("ARGUMENTS", "--partial"),
            ("FAIL_ON", "broken"),
        ]);
        let (code, output) = runner.bash(&audit).await?;
        assert_eq!(code, Some(0), "{output}");
        assert_eq!(runner.outputs()?["exit-code"], expected);
        assert!(fs::read_to_string(runner.path("irsa-audit.sarif"))?.contains("IRSA920"));
        runner.set([
            ("AUDIT_PROGRAM", &program),
            ("AUDIT_PATHS", paths),
            ("AUDIT_TERRAFORM", "the plan.json"),
            ("AUDIT_ARGUMENTS", "--partial"),
            ("AUDIT_FAIL_ON", "broken"),
        ]);
        let (code, output) = runner.run(&["sh"], template).await?;
        assert_eq!(
            code.map(|code| code.to_string()).as_deref(),
            Some(expected),
            "{output}"
        );
    }
    Ok(())
}

/// An archive that is not the one of the checksums is not run.
#[tokio::test]
async fn the_action_refuses_an_archive_with_another_checksum() -> Outcome {
    let install = script(&parsed(ACTION)?, "Install irsa-audit");
    let mut runner = Runner::new()?;
    runner.published().await?;
    let archive = format!(
        "releases/github.com/irsa-audit/irsa-audit/releases/download/{TAG}/irsa-audit-linux-amd64.tar.gz"
    );
    fs::write(runner.path(&archive), "another")?;
    runner.installs_a_release();
    let (code, output) = runner.bash(&install).await?;
    assert_ne!(code, Some(0), "{output}");
    assert!(!runner.path("output").exists());
    Ok(())
}

/// Without paths, `audit` would look at a cluster; a path is a path, whatever is in it.
#[tokio::test]
async fn no_input_becomes_a_command_or_a_flag() -> Outcome {
    let audit = script(&parsed(ACTION)?, "Audit");
    let template = parsed(TEMPLATE)?[".irsa-audit"]["script"][0].clone();
    let template = template.as_str().expect("a script");
    let program = operator::program().await?.display().to_string();
    for paths in [
        "",
        "\n\n",
        "$(touch made)",
        "`touch made`",
        "a; touch made",
        "--kubeconfig=/nowhere",
        "*",
    ] {
        let mut runner = Runner::new()?;
        runner.set([
            ("PROGRAM", &program),
            ("PATHS", paths),
            ("ARGUMENTS", ""),
            ("FAIL_ON", "never"),
        ]);
        let (code, output) = runner.bash(&audit).await?;
        assert_eq!(code, Some(2), "{paths:?}: {output}");
        runner.set([("PATHS", ""), ("TERRAFORM", paths)]);
        let (code, output) = runner.bash(&audit).await?;
        assert_eq!(code, Some(2), "{paths:?}: {output}");
        runner.set([
            ("AUDIT_PROGRAM", &program),
            ("AUDIT_PATHS", paths),
            ("AUDIT_ARGUMENTS", ""),
        ]);
        runner.set([("AUDIT_FAIL_ON", "never")]);
        let (code, output) = runner.run(&["sh"], template).await?;
        assert_eq!(code, Some(2), "{paths:?}: {output}");
        runner.set([("AUDIT_PATHS", ""), ("AUDIT_TERRAFORM", paths)]);
        let (code, output) = runner.run(&["sh"], template).await?;
        assert_eq!(code, Some(2), "{paths:?}: {output}");
        assert!(!runner.path("made").exists(), "{paths:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_template_for_gitlab_audits_with_a_release() -> Outcome {
    let template = parsed(TEMPLATE)?[".irsa-audit"].clone();
    let job = template["script"][0].as_str().expect("a script");
    let mut runner = Runner::new()?;
    runner.published().await?;
    fs::create_dir(runner.path("two words"))?;
    fs::write(runner.path("two words/app.yaml"), BROKEN)?;
    runner.set([
        ("AUDIT_PROGRAM", ""),
        ("AUDIT_VERSION", TAG),
        ("AUDIT_ARGUMENTS", "--partial"),
    ]);
    runner.set([("AUDIT_PATHS", "two words\n")]);
    let report = template["artifacts"]["reports"]["junit"]
        .as_str()
        .expect("a report");
    for (threshold, expected) in [("broken", 1), ("never", 0)] {
        runner.set([("AUDIT_FAIL_ON", threshold)]);
        let (code, output) = runner.run(&["sh"], job).await?;
        assert_eq!(code, Some(expected), "{output}");
        assert!(fs::read_to_string(runner.path(report))?.contains("IRSA102"));
    }
    Ok(())
}
