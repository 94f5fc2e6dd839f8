//! A document as canonical JSON: known elements in the order of the grammar, lists wherever they are allowed.

use std::fmt;

use serde_json::Value;

use crate::document::{Clause, Document, Effect, Statement, Version};

impl fmt::Display for Document {
    /// Compact JSON that reads back as the same policy. The layout of the original is in [`Document::text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = match self.version {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        };
        write!(f, r#"{{"Version":"{version}""#)?;
        if let Some(id) = &self.id {
            write!(f, r#","Id":{}"#, string(id))?;
        }
        f.write_str(r#","Statement":["#)?;
        separated(f, &self.statements, |f, statement| write!(f, "{statement}"))?;
        f.write_str("]")?;
        extra(f, &self.unknown)?;
        f.write_str("}")
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        if let Some(sid) = &self.sid {
            write!(f, r#""Sid":{},"#, string(sid))?;
        }
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        write!(f, r#""Effect":"{effect}""#)?;
        if let Some(element) = &self.principal {
            write!(f, r#","{}Principal":"#, not(element.negated))?;
            if element.everyone {
                f.write_str(r#""*""#)?;
            } else {
                let mut kinds: Vec<_> = element.named.iter().map(|named| named.kind).collect();
                kinds.sort_unstable_by_key(|kind| kind.name());
                kinds.dedup();
                f.write_str("{")?;
                separated(f, &kinds, |f, kind| {
                    let values = element.named.iter().filter(|named| named.kind == *kind);
                    let values: Vec<&str> = values.map(|named| named.value.as_str()).collect();
                    write!(f, "{}:{}", string(kind.name()), strings(&values))
                })?;
                f.write_str("}")?;
            }
        }
        let (actions, negated) = self.actions();
        write!(f, r#","{}Action":{}"#, not(negated), strings(&actions))?;
        if let Some((resources, negated)) = self.resources() {
            write!(f, r#","{}Resource":{}"#, not(negated), strings(&resources))?;
        }
        if !self.conditions.is_empty() {
            f.write_str(r#","Condition":{"#)?;
            let blocks: Vec<&[Clause]> = self
                .conditions
                .chunk_by(|a, b| a.spans.block == b.spans.block)
                .collect();
            separated(f, &blocks, |f, block| {
                let operator = block
                    .first()
                    .map(|clause| clause.operator.to_string())
                    .unwrap_or_default();
                write!(f, "{}:{{", string(&operator))?;
                separated(f, block, print_clause)?;
                f.write_str("}")
            })?;
            f.write_str("}")?;
        }
        extra(f, &self.unknown)?;
        f.write_str("}")
    }
}

fn print_clause(f: &mut fmt::Formatter<'_>, clause: &Clause) -> fmt::Result {
    write!(f, "{}:[", string(&clause.key))?;
    separated(f, &clause.values, |f, value| {
        if value.is_string {
            f.write_str(&string(&value.text))
        } else {
            f.write_str(&value.text)
        }
    })?;
    f.write_str("]")
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    print: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        print(f, item)?;
    }
    Ok(())
}

fn extra(f: &mut fmt::Formatter<'_>, unknown: &[(String, String)]) -> fmt::Result {
    unknown
        .iter()
        .try_for_each(|(name, json)| write!(f, ",{}:{json}", string(name)))
}

fn not(negated: bool) -> &'static str {
    if negated { "Not" } else { "" }
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn strings(texts: &[&str]) -> String {
    Value::from(texts.to_vec()).to_string()
}
