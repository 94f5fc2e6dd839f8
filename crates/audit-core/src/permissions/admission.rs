//! What the trust policy of a role says of another role that wants to assume it.
//!
//! Who is named, and how, decides whether the other role needs an identity policy as well. Each statement is judged by itself and
//! for the one action: a statement for `sts:TagSession` says nothing of `sts:AssumeRole`.
//!
//! | a statement names | same account: identity policy | permissions boundary |
//! |---|---|---|
//! | the role's ARN | not needed | limits it |
//! | a session of the role | not needed | does not limit it |
//! | `"AWS": "*"` with `aws:PrincipalArn` | not needed | does not limit it |
//! | `"AWS": "*"` | not needed | not documented |
//! | the account, by number or root | needed | limits it |
//!
//! Across accounts the identity policy is always needed. Source: IAM User Guide, "AWS JSON policy elements: Principal" and
//! "Policy evaluation for requests within a single account". Session names are chosen by the application or its SDK, so that a
//! statement that names one may or may not apply.

use iam_policy::{
    ContextValue, Decision, Document, Effect, Explanation, Principal, PrincipalKind, Request, RoleArn,
    Statement, StatementExplanation, Truth, explain,
};

use super::clause;
use super::policies::Doubt;
use crate::model::{Observed, RoleKey, RoleLookup};
use crate::snapshot::Snapshot;
use crate::text::{quote, quote_list};

/// The most statements, or principals, that a text shows.
const SHOWN: usize = 3;

/// What a trust policy says of one role and one action.
#[derive(Debug)]
pub(super) struct Admission<'t> {
    /// Whether a statement names the role's ARN.
    pub role: Truth,
    /// Whether a statement names one of its sessions.
    pub session: Truth,
    /// Whether a statement is for everyone with this `aws:PrincipalArn`.
    pub everyone_by_arn: Truth,
    /// Whether a statement is for everyone.
    pub everyone: Truth,
    /// Whether a statement leaves it to the account's identity policies.
    pub account: Truth,
    /// Whether a Deny applies.
    pub denied: Truth,
    explanation: Explanation,
    request: Request,
    document: &'t Document,
    from: &'t RoleArn,
    to: String,
}

impl<'t> Admission<'t> {
    /// What `document`, the trust policy of `to`, says of `from`; `own_id` is the unique id of `from`, where it is known.
    pub fn of(
        document: &'t Document,
        to: &RoleArn,
        from: &'t RoleArn,
        own_id: Option<&str>,
        request: &Request,
    ) -> Self {
        let request = Request {
            principal: Some(Principal::Aws(from.to_string())),
            resource: None,
            ..request.clone()
        };
        let explanation = explain(document, &request);
        let mut admission = Self {
            role: Truth::False,
            session: Truth::False,
            everyone_by_arn: Truth::False,
            everyone: Truth::False,
            account: Truth::False,
            denied: Truth::False,
            explanation,
            request,
            document,
            from,
            to: quote(&to.to_string()),
        };
        admission.weigh(own_id);
        admission
    }

    fn weigh(&mut self, own_id: Option<&str>) {
        if self.explanation.decision == Decision::Invalid {
            return;
        }
        // A key that stands twice leaves open what the document says, whatever its statements do.
        let is_ambiguous = self.explanation.decision == Decision::Undetermined
            && self.explanation.residual().next().is_none();
        let own = self.from.to_string();
        let by_id = |statement: &Statement| {
            let mut named = statement.principals();
            own_id.is_some_and(|id| !id.is_empty() && named.any(|(_, name)| name == id))
        };
        for (said, statement) in self.explanation.statements.iter().zip(self.document.statements()) {
            let outcome = if is_ambiguous {
                Truth::Unknown
            } else {
                said.outcome
            };
            if said.effect == Effect::Deny {
                self.denied = self.denied | outcome;
                continue;
            }
            // IAM shows an existing role by its ARN: a document with its id was not read from IAM as it is now.
            if outcome == Truth::False && by_id(statement) && rest(said) != Truth::False {
                self.role = self.role | Truth::Unknown;
            }
            if outcome == Truth::False {
                continue;
            }
            if statement.is_not_principal() {
                self.account = self.account | outcome;
                continue;
            }
            let is_by_arn = statement.conditions().any(|(operator, key, _)| {
                key.eq_ignore_ascii_case("aws:PrincipalArn") && !operator.to_string().contains("Not")
            });
            let everyone = if is_by_arn {
                &mut self.everyone_by_arn
            } else {
                &mut self.everyone
            };
            if statement.is_for_everyone() {
                *everyone = *everyone | outcome;
            }
            for (kind, name) in statement.principals() {
                match (kind, name) {
                    (PrincipalKind::Aws, "*") => *everyone = *everyone | outcome,
                    (PrincipalKind::Aws, name) if name == own => self.role = self.role | outcome,
                    (PrincipalKind::Aws, name) if is_session_of(name, self.from) => {
                        self.session = self.session | Truth::Unknown;
                    }
                    (PrincipalKind::Aws, name) if is_account_of(name, self.from) => {
                        self.account = self.account | outcome;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Whether a statement admits the role in any way.
    pub fn any(&self) -> Truth {
        self.role | self.session | self.everyone_by_arn | self.everyone | self.account
    }

    /// By what it is granted directly, for a yes.
    pub fn grant(&self) -> String {
        let how = if self.role == Truth::True {
            "names this role's ARN"
        } else {
            "is open to everyone in the account"
        };
        format!(
            "the trust policy of `{}` {how}, so no identity policy is needed",
            self.to
        )
    }

    /// What keeps it open whether the policy admits the role.
    pub fn doubts<'a>(&self) -> Vec<Doubt<'a>> {
        let open = self
            .explanation
            .statements
            .iter()
            .zip(self.document.statements())
            .filter(|(said, _)| said.outcome == Truth::Unknown);
        let mut doubts: Vec<Doubt<'a>> = open
            .map(|(said, statement)| self.doubt(said, statement))
            .collect();
        if self.explanation.decision == Decision::Undetermined && doubts.is_empty() {
            let why = format!(
                "the trust policy of `{}` can be read in more than one way",
                self.to
            );
            doubts.push(Doubt::Target {
                why,
                keys: Vec::new(),
            });
        }
        doubts
    }

    fn doubt<'a>(&self, said: &StatementExplanation, statement: &Statement) -> Doubt<'a> {
        let place = format!("trust policy of `{}`, {}", self.to, place(said));
        let open: Vec<_> = said
            .clauses
            .iter()
            .filter(|clause| clause.outcome == Truth::Unknown)
            .collect();
        let keys = statement.open_keys(&self.request);
        let sessions: Vec<&str> = statement
            .principals()
            .map(|(_, name)| name)
            .filter(|name| is_session_of(name, self.from))
            .collect();
        let why = if let Some(first) = open.first() {
            let verb = match said.effect {
                Effect::Allow => "admits it",
                Effect::Deny => "denies it",
            };
            let wanted: Vec<String> = open
                .iter()
                .take(SHOWN)
                .map(|clause| clause::wanted(clause))
                .collect();
            let got = match first.got {
                // It is a policy variable in the value whose own is not known.
                ContextValue::Known(_) => format!("the value of {} is not known", quote_list(&keys, SHOWN)),
                _ => clause::got(&first.key, &first.got),
            };
            format!(
                "{place} {verb} under a condition: {}, but {got}",
                wanted.join("; ")
            )
        } else if !sessions.is_empty() {
            format!(
                "{place} names only the session {}, and the name of a session is chosen by the application or its SDK \
                 (`AWS_ROLE_SESSION_NAME`)",
                quote_list(&sessions, SHOWN)
            )
        } else if statement.is_not_principal() {
            format!("{place} has `NotPrincipal`, which IAM does not support there")
        } else {
            format!("whether {place} applies cannot be determined")
        };
        Doubt::Target { why, keys }
    }

    /// What to do where the policy does not admit the role, by whom.
    pub fn remedy(&self, action: &str) -> String {
        let (to, own) = (&self.to, quote(&self.from.to_string()));
        if self.denied == Truth::True {
            return format!(
                "no automatic fix: a Deny is usually deliberate. Ask the owner of role `{to}` to exclude `{own}`"
            );
        }
        let only_conditions_fail = self.explanation.statements.iter().any(|said| {
            said.effect == Effect::Allow
                && element(said, "Action") != Truth::False
                && principal(said) != Truth::False
        });
        if only_conditions_fail {
            format!("make the request meet that condition, or ask the owner of role `{to}` to change it")
        } else {
            format!(
                "ask the owner of role `{to}` to let its trust policy allow `{}` to `{own}`",
                quote(action)
            )
        }
    }

    /// Why the policy does not admit the role.
    pub fn refusal(&self, snapshot: &Snapshot, action: &str) -> String {
        let (to, own) = (&self.to, quote(&self.from.to_string()));
        let action = quote(action);
        if self.explanation.decision == Decision::Invalid {
            return format!("the trust policy of `{to}` is not valid, so it admits no one");
        }
        let said = || self.explanation.statements.iter().zip(self.document.statements());
        if let Some((deny, _)) =
            said().find(|(said, _)| said.effect == Effect::Deny && said.outcome == Truth::True)
        {
            let when: Vec<String> = deny.clauses.iter().take(SHOWN).map(clause::wanted).collect();
            let when = if when.is_empty() {
                String::new()
            } else {
                format!(" (it applies where {})", when.join(" and "))
            };
            return format!(
                "trust policy of `{to}`: {} denies `{action}` explicitly{when}",
                place(deny)
            );
        }
        let allows = || said().filter(|(said, _)| said.effect == Effect::Allow);
        let failing = allows()
            .filter(|(said, _)| element(said, "Action") != Truth::False && principal(said) != Truth::False)
            .min_by_key(|(said, _)| failing(said).count());
        if let Some((statement, _)) = failing {
            let clauses: Vec<String> = self::failing(statement)
                .take(SHOWN)
                .map(clause::wanted_and_got)
                .collect();
            return format!(
                "trust policy of `{to}`, {}: {}",
                place(statement),
                clauses.join("; ")
            );
        }
        let for_action: Vec<_> = allows()
            .filter(|(said, _)| element(said, "Action") != Truth::False)
            .collect();
        let mut why = format!("the trust policy of `{to}` does not let `{own}` assume it");
        if let Some((other, statement)) = allows().find(|(said, _)| principal(said) == Truth::True) {
            let (actions, _) = statement.actions();
            why = format!(
                "{why}: {} names it for {} only",
                place(other),
                quote_list(&actions, SHOWN)
            );
        } else if for_action.is_empty() {
            let mut actions: Vec<&str> = allows()
                .flat_map(|(_, statement)| statement.actions().0)
                .collect();
            actions.sort_unstable();
            actions.dedup();
            why = if actions.is_empty() {
                format!("{why}: no statement allows anything")
            } else {
                format!(
                    "{why}: no statement allows `{action}`, only {}",
                    quote_list(&actions, SHOWN)
                )
            };
        } else {
            let named: Vec<&str> = for_action
                .iter()
                .flat_map(|(_, statement)| statement.principals().map(|(_, name)| name))
                .collect();
            if !named.is_empty() {
                why = format!("{why}: for `{action}` it names {}", quote_list(&named, SHOWN));
            }
        }
        let gone = for_action
            .iter()
            .flat_map(|(_, statement)| statement.principals())
            .filter(|(kind, name)| *kind == PrincipalKind::Aws && is_unique_id(name))
            .map(|(_, name)| name);
        let gone: Vec<&str> = gone.filter(|id| !exists(snapshot, id)).collect();
        if !gone.is_empty() {
            why = format!(
                "{why}; {} is the unique id of a role or user that was deleted: IAM shows an existing one by its ARN, and one that \
                 is created again under the same name gets a new id",
                quote_list(&gone, SHOWN)
            );
        }
        why
    }
}

/// Everything of a statement but its principal.
fn rest(said: &StatementExplanation) -> Truth {
    let elements = said
        .elements
        .iter()
        .filter(|element| !is_principal(element.element));
    let outcomes = elements.map(|element| element.outcome);
    outcomes
        .chain(said.clauses.iter().map(|clause| clause.outcome))
        .fold(Truth::True, |all, one| all & one)
}

fn is_principal(element: &str) -> bool {
    matches!(element, "Principal" | "NotPrincipal")
}

fn principal(said: &StatementExplanation) -> Truth {
    let mut elements = said.elements.iter();
    elements
        .find(|element| is_principal(element.element))
        .map_or(Truth::True, |element| element.outcome)
}

/// Whether an element other than the principal matches, by its name without `Not`.
fn element(said: &StatementExplanation, name: &str) -> Truth {
    let mut elements = said.elements.iter();
    elements
        .find(|element| element.element.trim_start_matches("Not") == name)
        .map_or(Truth::True, |element| element.outcome)
}

fn failing(said: &StatementExplanation) -> impl Iterator<Item = &iam_policy::ClauseExplanation> {
    said.clauses
        .iter()
        .filter(|clause| clause.outcome == Truth::False)
}

fn place(said: &StatementExplanation) -> String {
    match &said.sid {
        Some(name) => format!("statement `{}`", quote(name)),
        None => format!("statement {}", said.statement + 1),
    }
}

/// Whether a principal is a session of a role: `arn:aws:sts::ID:assumed-role/NAME/SESSION`, without the role's path.
fn is_session_of(principal: &str, role: &RoleArn) -> bool {
    let start = format!(
        "arn:{}:sts::{}:assumed-role/{}/",
        role.partition(),
        role.account(),
        role.name()
    );
    principal.starts_with(&start)
}

/// Whether a principal is the account of a role, by its number or by its root.
fn is_account_of(principal: &str, role: &RoleArn) -> bool {
    principal == role.account()
        || principal == format!("arn:{}:iam::{}:root", role.partition(), role.account())
}

/// Whether a principal is the unique id of a role (`AROA…`) or of a user (`AIDA…`), which IAM puts in the place of the ARN of one
/// that was deleted.
fn is_unique_id(principal: &str) -> bool {
    let id = principal.split(':').next().unwrap_or_default();
    (id.starts_with("AROA") || id.starts_with("AIDA")) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a role with this unique id is among those that were seen.
fn exists(snapshot: &Snapshot, id: &str) -> bool {
    let mut accounts = snapshot.accounts.values();
    accounts.any(|account| !account.roles.having(RoleKey::Id(id.to_owned())).is_empty())
}

/// The unique id of a role, where it was seen.
pub(super) fn unique_id<'a>(snapshot: &'a Snapshot, role: &RoleArn) -> Option<&'a str> {
    let account = snapshot.accounts.get(role.account())?;
    match account.roles.get(role.name()).and_then(Observed::latest)? {
        RoleLookup::Found(role) => Some(role.id.as_str()),
        RoleLookup::Absent => None,
    }
}
