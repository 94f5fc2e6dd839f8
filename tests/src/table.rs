//! What `kubectl get` shows: the API server itself makes the table.

use serde::Deserialize;
use serde_json::Value;

use crate::cluster::Cluster;

/// A table with its first columns, those without `-o wide`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The heads of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    column_definitions: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(default)]
    priority: i32,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
    object: Value,
}

/// `kubectl get irsaaudits --all-namespaces`.
///
/// # Errors
/// When the API server refuses.
pub async fn audits(cluster: &Cluster) -> kube::Result<Table> {
    let request = http::Request::get("/apis/irsa-audit.dev/v1alpha1/irsaaudits")
        .header(
            http::header::ACCEPT,
            "application/json;as=Table;v=v1;g=meta.k8s.io",
        )
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    let answer: Answer = cluster.client().request(request).await?;
    let shown = |column: &&Column| column.priority == 0;
    let head = answer
        .column_definitions
        .iter()
        .filter(shown)
        .map(|column| column.name.to_uppercase());
    let rows = answer.rows.iter().map(|row| {
        let namespace = row
            .object
            .pointer("/metadata/namespace")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let cells = answer.column_definitions.iter().zip(&row.cells);
        let cells = cells
            .filter(|(column, _)| column.priority == 0)
            .map(|(_, cell)| text(cell));
        std::iter::once(namespace.to_owned()).chain(cells).collect()
    });
    Ok(Table {
        head: std::iter::once("NAMESPACE".to_owned()).chain(head).collect(),
        rows: rows.collect(),
    })
}

fn text(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            lines()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        for line in lines() {
            let cells = line
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("   ").trim_end())?;
        }
        Ok(())
    }
}
