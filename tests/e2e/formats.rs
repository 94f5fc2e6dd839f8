//! The formats of `irsa-audit audit` in the programs that they are for: a page in a browser, a graph in Graphviz.

use std::fs;
use std::path::Path;

use e2e::chromium::Browser;
use e2e::graphviz;
use e2e::operator::program;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Failure, Outcome};

const ISSUER: &str = "oidc.eks.eu-west-1.amazonaws.com/id/5D9B1A3E7C2F4860A1B2C3D4E5F60718";
const ACCOUNT: &str = "111122223333";

/// Names that would become markup, script, or the end of a label. The API server refuses them; a file may hold them.
const HOSTILE: [&str; 10] = [
    "</script><script>window.harmed = true</script>",
    "<img src=x onerror='window.harmed = true'>",
    "</details></main><style>*{display:none}</style>",
    "\"];harmed->harmed;x[label=\"",
    "\\N\\G\\",
    "&lt;&#0;&nbsp;&copy",
    "<b>|{}|</b>",
    "\u{202e}gnp.exe\u{1b}[2J\u{0}\r\n\u{feff}\u{fffe}",
    "-->]]>",
    "漢字`${window.harmed = true}`",
];

/// Manifests and outputs of the AWS CLI in files.
struct Dump(TempDir);

impl Dump {
    /// ServiceAccounts of these names, each with a role that trusts it. Every third is in another namespace than its role trusts.
    fn of(names: &[String]) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let role = |number: usize| format!("arn:aws:iam::{ACCOUNT}:role/role-{number}");
        let accounts = names.iter().enumerate().map(|(number, name)| {
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
                "name": name, "namespace": "shop", "uid": format!("u{number}"),
                "annotations": {"eks.amazonaws.com/role-arn": role(number)},
            }})
        });
        let roles = names.iter().enumerate().map(|(number, name)| {
            let namespace = if number % 3 == 0 { "other" } else { "shop" };
            let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}");
            let condition = json!({"StringEquals": {
                format!("{ISSUER}:aud"): "sts.amazonaws.com",
                format!("{ISSUER}:sub"): format!("system:serviceaccount:{namespace}:{name}"),
            }});
            json!({
                "Path": "/", "RoleName": format!("role-{number}"), "RoleId": format!("AROA{number}"), "Arn": role(number),
                "CreateDate": "2026-03-02T10:21:33+00:00", "RolePolicyList": [], "AttachedManagedPolicies": [],
                "InstanceProfileList": [], "Tags": [],
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Principal": {"Federated": provider},
                    "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition,
                }]},
            })
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": accounts.collect::<Vec<_>>()});
        let details = json!({
            "UserDetailList": [], "GroupDetailList": [], "Policies": [], "RoleDetailList": roles.collect::<Vec<_>>(),
        });
        let provider = json!({
            "Url": ISSUER, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [], "Tags": [],
            "CreateDate": "2026-01-12T09:00:11+00:00",
        });
        fs::create_dir(folder.path().join("aws"))?;
        for (name, value) in [
            ("kubernetes.json", list),
            ("aws/details.json", details),
            ("aws/provider.json", provider),
        ] {
            fs::write(folder.path().join(name), value.to_string())?;
        }
        Ok(Self(folder))
    }

    /// The report in a format.
    async fn audit(&self, format: &str) -> Result<String, Failure> {
        let output = tokio::process::Command::new(program().await?)
            .args(["audit", "--partial", "--issuer"])
            .arg(format!("https://{ISSUER}"))
            .args(["--account", ACCOUNT, "-o", format, "--kubernetes"])
            .arg(self.0.path().join("kubernetes.json"))
            .arg("--aws")
            .arg(self.0.path().join("aws"))
            .output()
            .await?;
        if output.status.code() == Some(1) {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Failure(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// The page in a file.
    async fn page(&self) -> Result<std::path::PathBuf, Failure> {
        let path = self.0.path().join("report.html");
        fs::write(&path, self.audit("html").await?)?;
        Ok(path)
    }
}

/// Names that are put together at random of the hostile ones, cut anywhere. The same names at every run.
fn hostile(count: usize) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(17);
    let mut name = || -> String {
        let parts = (0..random.usize(1..4)).map(|_| {
            let part: Vec<char> = HOSTILE[random.usize(..HOSTILE.len())].chars().collect();
            let start = random.usize(..part.len());
            part[start..].iter().collect::<String>()
        });
        parts.collect()
    };
    let mut names: std::collections::BTreeSet<String> = HOSTILE.map(str::to_owned).into();
    while names.len() < count {
        names.insert(name());
    }
    names.into_iter().collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("app-{number}")).collect()
}

/// The names of the bindings that can be seen.
async fn visible(browser: &mut Browser) -> Result<Vec<String>, Failure> {
    let names = "Array.from(document.querySelectorAll('details.binding')).filter((e) => e.checkVisibility())\
                 .map((e) => e.querySelector('.name').textContent)";
    let names = browser.evaluate(names).await?;
    Ok(serde_json::from_value(names)?)
}

async fn background(browser: &mut Browser) -> Result<Value, Failure> {
    Ok(browser
        .evaluate("getComputedStyle(document.body).backgroundColor")
        .await?)
}

async fn opened(path: &Path) -> Result<Browser, Failure> {
    let mut browser = Browser::start().await?;
    browser.open(path).await?;
    Ok(browser)
}

#[tokio::test]
async fn the_page_is_filtered_and_searched_in_a_browser() -> Outcome {
    let dump = Dump::of(&numbered(6))?;
    let path = dump.page().await?;
    let mut browser = opened(&path).await?;
    assert_eq!(visible(&mut browser).await?.len(), 6);

    browser.click("button[data-verdict=Broken]").await?;
    assert_eq!(visible(&mut browser).await?, ["shop/app-0", "shop/app-3"]);
    browser.click("button[data-verdict=Broken]").await?;
    assert_eq!(visible(&mut browser).await?.len(), 6);

    browser.click("#search").await?;
    browser.write("ROLE-4").await?;
    assert_eq!(visible(&mut browser).await?, ["shop/app-4"]);
    browser.click("button[data-verdict=Broken]").await?;
    assert_eq!(visible(&mut browser).await?, [""; 0]);
    let shown = browser.evaluate("document.getElementById('shown').value").await?;
    assert_eq!(shown, "0 of 6 shown");

    // Enter in the search does not leave the page, and a click unfolds a chain.
    browser.click("button[data-verdict=Broken]").await?;
    browser
        .click("details[data-verdict]:not([hidden]) summary")
        .await?;
    let boxes = browser
        .evaluate("document.querySelectorAll('details[open] .chain li').length")
        .await?;
    assert_eq!(boxes, 7);
    assert_eq!(browser.seen().requests, [format!("file://{}", path.display())]);
    assert_eq!(browser.seen().complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn the_page_follows_the_color_scheme_and_prints_what_is_folded() -> Outcome {
    let dump = Dump::of(&numbered(3))?;
    let mut browser = opened(&dump.page().await?).await?;
    browser.emulate("screen", "light").await?;
    let light = background(&mut browser).await?;
    browser.emulate("screen", "dark").await?;
    assert_ne!(background(&mut browser).await?, light);

    let are_open = "window.unfolded = 0; addEventListener('beforeprint', () => { \
                    window.unfolded = document.querySelectorAll('details[open]').length; })";
    browser.evaluate(are_open).await?;
    assert!(browser.print().await?.len() > 1_000);
    assert_eq!(browser.evaluate("window.unfolded").await?, 3);
    assert_eq!(
        browser
            .evaluate("document.querySelectorAll('details[open]').length")
            .await?,
        0
    );
    Ok(())
}

#[tokio::test]
async fn a_thousand_bindings_are_one_page() -> Outcome {
    let dump = Dump::of(&numbered(1_000))?;
    let mut browser = opened(&dump.page().await?).await?;
    assert_eq!(visible(&mut browser).await?.len(), 1_000);
    browser.click("#search").await?;
    browser.write("app-999").await?;
    assert_eq!(visible(&mut browser).await?, ["shop/app-999"]);
    Ok(())
}

#[tokio::test]
async fn no_name_becomes_a_part_of_the_page() -> Outcome {
    let names = hostile(200);
    let dump = Dump::of(&names)?;
    let page = dump.page().await?;
    let mut browser = opened(&page).await?;
    assert_eq!(visible(&mut browser).await?.len(), names.len());
    assert_eq!(browser.evaluate("window.harmed === undefined").await?, true);
    assert_eq!(
        browser
            .evaluate("document.scripts.length + document.images.length")
            .await?,
        1
    );
    assert_eq!(browser.seen().requests, [format!("file://{}", page.display())]);
    assert_eq!(browser.seen().complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn the_page_allows_no_script_but_its_own() -> Outcome {
    let dump = Dump::of(&numbered(1))?;
    let path = dump.page().await?;
    let harmed = fs::read_to_string(&path)?.replace(
        "<main>",
        "<main><script>window.harmed = true</script><p id=\"p\" onclick=\"window.harmed = true\">x</p><img src=\"https://example.com/x\">",
    );
    fs::write(&path, harmed)?;
    let mut browser = opened(&path).await?;
    browser.click("#p").await?;
    assert_eq!(browser.evaluate("window.harmed === undefined").await?, true);
    assert!(!browser.seen().complaints.is_empty());
    Ok(())
}

#[tokio::test]
async fn graphviz_draws_every_service_account_and_role() -> Outcome {
    let mut names = hostile(200);
    names.extend(numbered(3));
    names.push("x".repeat(65_536));
    let svg = graphviz::svg(&Dump::of(&names)?.audit("dot").await?).await?;
    let count = |class: &str| svg.matches(&format!("class=\"{class}\"")).count();
    // An account and a role for each, and a line between them; and the boxes around the namespace and the account.
    assert_eq!(
        (count("node"), count("edge"), count("cluster")),
        (2 * names.len(), names.len(), 2)
    );
    assert!(svg.contains("app&#45;1") || svg.contains("app-1"), "{svg}");
    Ok(())
}
