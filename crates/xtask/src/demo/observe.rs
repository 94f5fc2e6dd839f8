//! Prometheus beside the demo.

use std::time::Duration;

use e2e::operator::Operator;
use e2e::prometheus::{self, Prometheus, PrometheusError};
use e2e::world::eventually;
use serde_json::Value;

use super::DemoError;

/// How often it looks, and how long its alerts wait: minutes would be long for a demo.
const INTERVAL: &str = "1s";
const WAIT: &str = "5s";

const ALERTS_WITHIN: Duration = Duration::from_secs(90);

/// Starts it, where it can be had.
///
/// # Errors
/// [`PrometheusError`].
pub async fn start(operator: &Operator) -> Result<Option<Prometheus>, PrometheusError> {
    let Some(programs) = prometheus::programs().await? else {
        return Ok(None);
    };
    let rules = prometheus::alerts(Some(WAIT))?;
    Ok(Some(
        Prometheus::start(&programs, &[operator.address()], &rules, INTERVAL).await?,
    ))
}

/// Awaits the alert of a broken binding, and shows all that fire.
///
/// # Errors
/// [`DemoError::NoAlert`], [`DemoError::Observe`].
pub async fn alerts(prometheus: &Prometheus) -> Result<(), DemoError> {
    println!("(Its alerts wait for {WAIT} here; as they are shipped, for minutes.)\n");
    let fires = || async {
        let alerts = prometheus.alerts().await.unwrap_or_default();
        alerts
            .iter()
            .any(|alert| is_firing(alert) && label(alert, "alertname") == "IrsaBindingBroken")
    };
    if !eventually(ALERTS_WITHIN, fires).await {
        return Err(DemoError::NoAlert(ALERTS_WITHIN));
    }
    let mut lines: Vec<String> = prometheus
        .alerts()
        .await?
        .iter()
        .filter(|alert| is_firing(alert))
        .map(line)
        .collect();
    lines.sort();
    println!("{}", lines.join("\n"));
    Ok(())
}

fn is_firing(alert: &Value) -> bool {
    alert.get("state").and_then(Value::as_str) == Some("firing")
}

fn label<'a>(alert: &'a Value, name: &str) -> &'a str {
    let label = alert.pointer("/labels").and_then(|labels| labels.get(name));
    label.and_then(Value::as_str).unwrap_or_default()
}

fn line(alert: &Value) -> String {
    let summary = alert.pointer("/annotations/summary").and_then(Value::as_str);
    format!(
        "    {:24} {}",
        label(alert, "alertname"),
        summary.unwrap_or_default()
    )
}
