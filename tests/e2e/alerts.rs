//! The alerts and dashboards that are shipped: checked by promtool, and at work in a real Prometheus.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use audit_api::irsa_audit::VerdictName;
use e2e::aws::{self, Role};
use e2e::chart;
use e2e::prometheus::{self, Programs, Prometheus};
use e2e::remediation;
use e2e::scenario::{APP, Scenario};
use e2e::tools;
use e2e::trust;
use e2e::world::{ISSUER, World, eventually};
use fake_aws::Fault;
use serde_json::{Value, json};

use super::{Failure, Outcome, WITHIN, WORKS, fake_world, play, wait_for};

/// Roles in an account that lacks the cluster's provider.
const TOGETHER: [&str; 5] = ["one", "two", "three", "four", "five"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files in a folder of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

fn all_alerts() -> Result<Vec<Value>, Failure> {
    let rules = prometheus::alerts(None)?;
    let groups = rules["groups"].as_array().expect("groups");
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().into_iter().flatten());
    Ok(rules.filter(|rule| rule["alert"].is_string()).cloned().collect())
}

#[tokio::test]
async fn promtool_finds_the_alerts_right() -> Outcome {
    let Some(Programs { promtool, .. }) = prometheus::programs().await? else {
        return Ok(());
    };
    let alerts = chart::folder().join("files/alerts.yaml").display().to_string();
    tools::run(&promtool, &["check", "rules", &alerts]).await?;
    for tests in files("tests/alerts") {
        tools::run(&promtool, &["test", "rules", &tests.display().to_string()]).await?;
    }
    // As the chart renders them.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.json");
    for (name, team, unknown) in [
        ("irsa-values.yaml", true, false),
        ("pod-identity-values.yaml", false, true),
    ] {
        let rendered = chart::template("1.36.3", &chart::folder().join("ci").join(name), &[]).await?;
        let objects = chart::objects(&rendered)?;
        let spec = chart::one(&objects, "PrometheusRule").expect("a PrometheusRule")["spec"].clone();
        fs::write(&file, spec.to_string())?;
        tools::run(&promtool, &["check", "rules", &file.display().to_string()]).await?;
        let text = spec.to_string();
        assert_eq!(text.contains(r#""team":"platform""#), team, "{name}");
        assert_eq!(
            text.contains(r#""alert":"IrsaBindingUnknown""#),
            unknown,
            "{name}"
        );
    }
    Ok(())
}

/// Whoever is paged follows the link.
#[test]
fn each_alert_has_a_runbook_that_is_there_and_a_test() -> Outcome {
    let tests: String = files("tests/alerts")
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    for alert in all_alerts()? {
        let name = alert["alert"].as_str().expect("a name");
        let url = alert["annotations"]["runbook_url"].as_str().expect("a runbook");
        let path = url.split_once("/blob/main/").expect("a page of ours").1;
        let path = path.replace("{{ $labels.code }}", "IRSA204");
        let (path, heading) = path.split_once('#').unwrap_or((&path, ""));
        let page = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut headings = page.lines().filter_map(|line| line.strip_prefix("## "));
        assert!(
            heading.is_empty() || headings.any(|line| line.to_lowercase() == heading),
            "{name}: {url}"
        );
        assert!(page.contains(name) || heading.is_empty(), "{name}");
        assert!(
            tests.contains(&format!("alertname=\"{name}\",alertstate=\"firing\"")),
            "{name} never fires in a test"
        );
        for text in ["summary", "description"] {
            assert!(alert["annotations"][text].is_string(), "{name}");
        }
        assert!(
            ["info", "warning", "critical"]
                .map(Value::from)
                .contains(&alert["labels"]["severity"]),
            "{name}"
        );
    }
    Ok(())
}

/// Bindings to roles in an account without the cluster's provider.
async fn play_together(world: &World) -> Outcome {
    for namespace in TOGETHER {
        let condition = json!({"StringEquals": {
            format!("{}:sub", trust::host_path(ISSUER)): trust::subject(namespace, APP),
            format!("{}:aud", trust::host_path(ISSUER)): trust::AUDIENCE,
        }});
        let trust = trust::web_identity(&trust::provider_arn(aws::OTHER, ISSUER), &condition);
        let role = Role {
            account: aws::OTHER,
            ..Role::new(namespace, trust)
        };
        let scenario = Scenario {
            namespace,
            ..Scenario::bound(namespace, "", role)
        };
        world.play(&scenario).await?;
    }
    Ok(())
}

/// The firing alerts of bindings: name, namespace, code and account.
async fn firing(prometheus: &Prometheus) -> Vec<[String; 4]> {
    let alerts = prometheus.alerts().await.unwrap_or_default();
    let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
    let mut firing: Vec<_> = firing
        .map(|alert| {
            ["alertname", "namespace", "code", "account"]
                .map(|label| alert["labels"][label].as_str().unwrap_or_default().to_owned())
        })
        .filter(|[name, ..]| name.contains("Binding"))
        .collect();
    firing.sort();
    firing
}

/// From a broken binding to an alert that names the cause, and back; and every panel of every dashboard shows something.
#[tokio::test]
async fn a_real_prometheus_alerts_on_what_the_operator_finds_and_fills_the_dashboards() -> Outcome {
    let Some(programs) = prometheus::programs().await? else {
        return Ok(());
    };
    let world = fake_world().await?;
    for namespace in ["eksctl", "string-like", "wrong-namespace"] {
        play(&world, namespace).await?;
    }
    play_together(&world).await?;
    // Something to show of what goes wrong on the way to AWS.
    let fake = world.aws().as_fake().expect("the fake");
    fake.fault(Fault::on("GetRole").throttle().times(2));
    remediation::install(&world).await?;
    let operator = world.operator(&[]).await?;
    let writer = remediation::writer(&world, &[]).await?;
    let rules = prometheus::alerts(Some("2s"))?;
    let targets = [operator.address(), writer.address()];
    let prometheus = Prometheus::start(&programs, &targets, &rules, "1s").await?;
    wait_for(&world, "eksctl", WORKS).await?;
    wait_for(
        &world,
        TOGETHER[4],
        (VerdictName::Broken, "ProviderNotRegistered"),
    )
    .await?;

    let own = |texts: [&str; 4]| texts.map(str::to_owned);
    let alone = own(["IrsaBindingBroken", "wrong-namespace", "IRSA204", aws::HOME]);
    let together = own(["IrsaManyBindingsBroken", "", "IRSA301", aws::OTHER]);
    let expected = vec![alone.clone(), together];
    let as_expected = || async { firing(&prometheus).await == expected };
    assert!(
        eventually(WITHIN, as_expected).await,
        "{:?}",
        firing(&prometheus).await
    );
    for alert in prometheus.alerts().await? {
        let runbook = alert["annotations"]["runbook_url"].as_str().expect("a runbook");
        assert!(!runbook.contains("{{"), "{alert}");
        if alert["labels"]["alertname"] == "IrsaBindingBroken" {
            assert!(runbook.ends_with("docs/findings/IRSA204.md"), "{alert}");
        }
    }
    grafana_would_alert(&prometheus).await?;
    dashboards_show_something(&prometheus).await?;

    // What was shared is repaired at once for all; the binding that is broken alone still is.
    world
        .aws()
        .create_provider(aws::OTHER, ISSUER, &[trust::AUDIENCE])
        .await?;
    for namespace in TOGETHER {
        world.cluster().reaudit(namespace, APP, "repaired").await?;
    }
    let rest = vec![alone];
    assert!(
        eventually(WITHIN, || async { firing(&prometheus).await == rest }).await,
        "{:?}",
        firing(&prometheus).await
    );
    Ok(())
}

/// Grafana's own rules ask the same: an expression that returns something is an alert.
async fn grafana_would_alert(prometheus: &Prometheus) -> Outcome {
    let file: Value =
        serde_saphyr::from_str(&fs::read_to_string(root().join("deploy/grafana/alerts.yaml"))?)?;
    let mut alerting = Vec::new();
    for group in file["groups"].as_array().expect("groups") {
        for rule in group["rules"].as_array().expect("rules") {
            let query = rule["data"][0]["model"]["expr"].as_str().expect("a query");
            let title = rule["title"].as_str().expect("a title").to_owned();
            alerting.extend(prometheus.query(query).await?.iter().map(|_| title.clone()));
        }
    }
    alerting.retain(|title| title.starts_with("Irsa") && title.contains("Binding"));
    assert_eq!(alerting, ["IrsaBindingBroken", "IrsaManyBindingsBroken"]);
    Ok(())
}

/// Asks for every query of every panel, with the variables as they are when somebody opens the dashboard.
async fn dashboards_show_something(prometheus: &Prometheus) -> Outcome {
    let mut empty = BTreeMap::new();
    let shown = |query: String| async move {
        prometheus
            .query(&query)
            .await
            .is_ok_and(|series| !series.is_empty())
    };
    for (file, query) in queries()? {
        let query = concrete(&query);
        // Rates want two scrapes.
        if !eventually(WITHIN, || shown(query.clone())).await {
            empty.insert(
                query.clone(),
                (
                    file,
                    prometheus
                        .query(&query)
                        .await
                        .err()
                        .map(|error| error.to_string()),
                ),
            );
        }
    }
    assert!(empty.is_empty(), "{empty:#?}");
    Ok(())
}

fn concrete(query: &str) -> String {
    let mut query = query.to_owned();
    for (variable, value) in [
        ("$__rate_interval", "30s"),
        ("$__range", "5m"),
        ("$cluster", ".*"),
        ("$namespace", ".*"),
        ("$service_account", ".*"),
    ] {
        query = query.replace(variable, value);
    }
    assert!(!query.contains('$'), "an unknown variable: {query}");
    query
}

/// Every query of every panel and variable, with the dashboard that it is in.
fn queries() -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    for (name, dashboard) in dashboards()? {
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                all.push((name.clone(), target["expr"].as_str().expect("a query").to_owned()));
            }
        }
    }
    assert!(all.len() > 20);
    Ok(all)
}

fn dashboards() -> Result<Vec<(String, Value)>, Failure> {
    let mut all = Vec::new();
    for file in files("charts/irsa-audit/files/dashboards") {
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        all.push((name, serde_json::from_str(&fs::read_to_string(&file)?)?));
    }
    assert_eq!(all.len(), 3);
    Ok(all)
}

#[test]
fn dashboards_have_variables_and_no_data_source_of_their_own() -> Outcome {
    let mut uids = Vec::new();
    for (name, dashboard) in dashboards()? {
        let variables = dashboard["templating"]["list"].as_array().expect("variables");
        let variables: Vec<&str> = variables
            .iter()
            .filter_map(|variable| variable["name"].as_str())
            .collect();
        for wanted in ["datasource", "cluster"] {
            assert!(variables.contains(&wanted), "{name}: {variables:?}");
        }
        // The operator has no namespace of a binding.
        assert!(
            variables.contains(&"namespace") || name == "operator.json",
            "{name}"
        );
        uids.push(dashboard["uid"].as_str().expect("a uid").to_owned());
        let mut ids = Vec::new();
        let mut places = Vec::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            assert!(
                panel["title"].as_str().is_some_and(|title| !title.is_empty()),
                "{name}: {panel}"
            );
            ids.push(panel["id"].as_u64().expect("an id"));
            let place = &panel["gridPos"];
            let number = |key: &str| place[key].as_u64().expect("a place");
            assert!(number("x") + number("w") <= 24, "{name}: {place}");
            places.push((number("x"), number("y"), number("w"), number("h")));
            if panel["type"] == "row" {
                continue;
            }
            assert_eq!(
                panel["datasource"]["uid"], "${datasource}",
                "{name}: {}",
                panel["title"]
            );
            for target in panel["targets"].as_array().expect("queries") {
                let query = target["expr"].as_str().expect("a query");
                assert!(query.contains("cluster=~\"$cluster\""), "{name}: {query}");
                assert_eq!(target["datasource"]["uid"], "${datasource}");
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: ids are unique");
        for (at, a) in places.iter().enumerate() {
            let overlaps = |b: &(u64, u64, u64, u64)| {
                a.0 < b.0 + b.2 && b.0 < a.0 + a.2 && a.1 < b.1 + b.3 && b.1 < a.1 + a.3
            };
            assert!(
                !places[at + 1..].iter().any(overlaps),
                "{name}: {a:?} overlaps another panel"
            );
        }
    }
    uids.dedup();
    assert_eq!(uids.len(), 3);
    Ok(())
}
