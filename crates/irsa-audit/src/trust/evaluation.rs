//! One policy and one identity: what was given, and what comes of it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use audit_core::model::IssuerUrl;
use audit_core::text::quote;
use iam_policy::{
    Context, ContextValue, Decision, Explanation, MAX_BYTES, Parsed, Request, TrustDiagnosis, WebIdentity,
    decide, diagnose_trust, explain,
};

use serde_json::Value;

use super::provider::{AccountSource, Provider, SeveralAccounts};

/// An identity, as it is given.
pub(super) struct Asked<'a> {
    pub(super) issuer: &'a IssuerUrl,
    pub(super) subject: &'a str,
    pub(super) audience: &'a str,
    pub(super) account: Option<&'a str>,
    /// Further condition keys; one that comes again has several values.
    pub(super) context: &'a [(String, String)],
}

/// What a policy says about an identity.
pub(super) struct Evaluation {
    pub(super) parsed: Parsed,
    pub(super) identity: WebIdentity,
    pub(super) account_source: AccountSource,
    /// Of the identity alone, without further keys.
    pub(super) diagnosis: TrustDiagnosis,
    /// Of the whole request; `None` for a policy that IAM would refuse.
    pub(super) explanation: Option<Explanation>,
    pub(super) decision: Decision,
}

/// Why nothing could be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// The policy's file could not be read.
    #[error("the policy `{file}` could not be read: {source}; give a file, or `-` for standard input")]
    Unreadable {
        /// What was given.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The policy is longer than any that IAM takes.
    #[error(
        "the policy `{0}` has more than {MAX_BYTES} bytes; IAM takes no policy of more than 10240 characters"
    )]
    TooLong(String),
    /// The policy is not a text in UTF-8 or UTF-16.
    #[error("the policy `{file}` is not text at line {line}, column {column}; save it as UTF-8")]
    NotText {
        /// What was given.
        file: String,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// It is not clear which account is meant.
    #[error(transparent)]
    SeveralAccounts(#[from] SeveralAccounts),
    /// A key has a flag of its own.
    #[error("--condition gives `{key}`; give it by {flag}")]
    OwnFlag {
        /// The key.
        key: String,
        /// The flag.
        flag: &'static str,
    },
}

/// Reads a policy; of a longer file than can be one no more than shows that it is.
pub(super) fn read_policy(path: &Path) -> Result<String, EvaluationError> {
    let file = quote(&path.to_string_lossy());
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
    };
    if let Err(source) = read {
        return Err(EvaluationError::Unreadable { file, source });
    }
    if bytes.len() > MAX_BYTES {
        return Err(EvaluationError::TooLong(file));
    }
    let text = audit_offline::decode(&bytes).map_err(|valid| {
        let last = valid.rsplit('\n').next().unwrap_or_default();
        EvaluationError::NotText {
            file,
            line: valid.split('\n').count(),
            column: last.chars().count() + 1,
        }
    })?;
    Ok(of_role(&text).unwrap_or(text))
}

/// The trust policy in what `aws iam get-role` prints, if this is that.
fn of_role(text: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let role = answer.get("Role").unwrap_or(&answer);
    match role.get("AssumeRolePolicyDocument")? {
        Value::String(document) => Some(document.clone()),
        document => serde_json::to_string_pretty(document).ok(),
    }
}

impl Evaluation {
    /// Evaluates the policy `text` for an identity.
    pub(super) fn new(text: &str, asked: &Asked<'_>) -> Result<Self, EvaluationError> {
        let parsed = iam_policy::parse(text);
        let statements = parsed
            .document
            .as_ref()
            .map(iam_policy::Document::statements)
            .unwrap_or_default();
        let provider = Provider::find(asked.issuer, asked.account, statements)?;
        let identity = WebIdentity {
            provider_arn: provider.arn,
            issuer: asked.issuer.host_path().to_owned(),
            subject: asked.subject.to_owned(),
            audience: asked.audience.to_owned(),
            // Who calls, from where and when, is for --condition to say.
            called_at: None,
        };
        let mut request = Request::from(&identity);
        set(&mut request.context, asked)?;
        let decision = parsed
            .document
            .as_ref()
            .map_or(Decision::Invalid, |document| decide(document, &request));
        let explained = parsed.document.as_ref().filter(|_| decision != Decision::Invalid);
        Ok(Self {
            diagnosis: diagnose_trust(&parsed, &identity),
            explanation: explained.map(|document| explain(document, &request)),
            account_source: provider.source,
            parsed,
            identity,
            decision,
        })
    }
}

/// Adds the further keys to those of the token.
fn set(context: &mut Context, asked: &Asked<'_>) -> Result<(), EvaluationError> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in asked.context {
        for (claim, flag) in [("sub", "--subject"), ("aud", "--audience")] {
            if key.eq_ignore_ascii_case(&format!("{}:{claim}", asked.issuer.host_path())) {
                return Err(EvaluationError::OwnFlag {
                    key: quote(key),
                    flag,
                });
            }
        }
        keys.entry(key.to_lowercase()).or_default().push(value.clone());
    }
    for (key, values) in keys {
        context.set(&key, ContextValue::Known(values));
    }
    Ok(())
}
