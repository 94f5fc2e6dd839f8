//! The rules, one file for each code, and the catalogue: the one list of them.
//!
//! A rule's file holds its documentation, its [`Entry`] and its logic. The rule reads a [`Chain`] and returns at most
//! one [`Finding`]: one cause, one finding.

pub mod evidence;
pub mod expected;
pub mod permissions;
pub mod pods;
pub mod repair;
mod reverse;
pub mod trust;

macro_rules! rules {
    ($($module:ident $code:literal),* $(,)?) => {
        $(pub mod $module;)*

        /// Every rule, by code.
        pub const CATALOGUE: &[Rule] = &[$(Rule { entry: &$module::ENTRY, check: $module::CHECK }),*];

        #[cfg(test)]
        const CODES: &[&str] = &[$($code),*];

        #[cfg(test)]
        const SOURCES: &[&str] = &[$(include_str!(concat!(stringify!($module), ".rs"))),*];
    };
}

use crate::chain::Chain;
use crate::finding::{Entry, Finding};
use crate::model::{FailureKind, ReadFailure};

/// The logic of a rule.
pub type Check = fn(&Chain<'_>) -> Option<Finding>;

/// A rule: what it says, and how it is found out.
#[derive(Debug)]
pub struct Rule {
    /// Its place in the catalogue.
    pub entry: &'static Entry,
    /// Looks at one binding; absent where the finding concerns no single binding.
    pub check: Option<Check>,
}

rules! {
    irsa101 "IRSA101", irsa102 "IRSA102", irsa103 "IRSA103", irsa104 "IRSA104", irsa105 "IRSA105",
    irsa106 "IRSA106", irsa107 "IRSA107",
    irsa201 "IRSA201", irsa202 "IRSA202", irsa203 "IRSA203", irsa204 "IRSA204", irsa205 "IRSA205",
    irsa206 "IRSA206", irsa207 "IRSA207", irsa208 "IRSA208", irsa209 "IRSA209", irsa210 "IRSA210",
    irsa211 "IRSA211", irsa212 "IRSA212", irsa213 "IRSA213", irsa214 "IRSA214", irsa215 "IRSA215",
    irsa216 "IRSA216", irsa217 "IRSA217", irsa218 "IRSA218", irsa219 "IRSA219", irsa220 "IRSA220",
    irsa301 "IRSA301", irsa302 "IRSA302", irsa303 "IRSA303", irsa304 "IRSA304",
    irsa401 "IRSA401", irsa402 "IRSA402", irsa403 "IRSA403", irsa404 "IRSA404",
    irsa405 "IRSA405", irsa406 "IRSA406", irsa407 "IRSA407", irsa408 "IRSA408", irsa409 "IRSA409",
    irsa410 "IRSA410", irsa411 "IRSA411", irsa413 "IRSA413",
    irsa501 "IRSA501", irsa502 "IRSA502", irsa503 "IRSA503", irsa504 "IRSA504", irsa505 "IRSA505",
    irsa506 "IRSA506", irsa507 "IRSA507",
    irsa601 "IRSA601", irsa602 "IRSA602", irsa603 "IRSA603", irsa604 "IRSA604", irsa605 "IRSA605",
    irsa606 "IRSA606", irsa607 "IRSA607", irsa608 "IRSA608", irsa610 "IRSA610",
    irsa701 "IRSA701", irsa702 "IRSA702", irsa703 "IRSA703",
    irsa901 "IRSA901", irsa902 "IRSA902", irsa903 "IRSA903", irsa904 "IRSA904", irsa906 "IRSA906",
    irsa907 "IRSA907", irsa908 "IRSA908", irsa909 "IRSA909", irsa910 "IRSA910",
}

/// The entry of a code, if the catalogue has it.
#[must_use]
pub fn entry(code: &str) -> Option<&'static Entry> {
    CATALOGUE
        .iter()
        .map(|rule| rule.entry)
        .find(|entry| entry.code == code)
}

/// The account-level findings for failures that are going on: all actions that are denied in one.
#[must_use]
pub fn account_findings(account: &str, failures: &[&ReadFailure]) -> Vec<Finding> {
    let denied: Vec<&str> = failures
        .iter()
        .filter_map(|failure| match &failure.kind {
            FailureKind::AccessDenied { action } => Some(action.as_str()),
            FailureKind::Throttled | FailureKind::Unavailable => None,
        })
        .collect();
    let others = failures
        .iter()
        .filter(|failure| !matches!(failure.kind, FailureKind::AccessDenied { .. }));
    let mut findings: Vec<Finding> = others
        .map(|failure| irsa902::account_finding(account, failure))
        .collect();
    if !denied.is_empty() {
        findings.insert(0, irsa901::finding(account, &denied));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Link, Severity};

    #[test]
    fn each_file_holds_the_code_that_it_is_named_after() {
        let codes: Vec<&str> = CATALOGUE.iter().map(|rule| rule.entry.code).collect();
        assert_eq!(codes, CODES);
        assert!(
            codes.windows(2).all(|pair| matches!(pair, [a, b] if a < b)),
            "sorted, each once"
        );
    }

    #[test]
    fn each_file_begins_with_its_page() {
        for (rule, source) in CATALOGUE.iter().zip(SOURCES) {
            let Entry { code, reason, .. } = rule.entry;
            assert!(
                source.starts_with(&format!("//! # {code} `{reason}`\n")),
                "{code}"
            );
            let page = source.lines().map_while(|line| line.strip_prefix("//!"));
            let page: Vec<&str> = page.map(str::trim_start).collect();
            let (headings, bodies): (Vec<_>, Vec<_>) = page
                .split(|line| line.starts_with("## "))
                .skip(1)
                .zip(page.iter().filter_map(|line| line.strip_prefix("## ")))
                .map(|(body, heading)| (heading, body.join("\n")))
                .unzip();
            let why = ["Why it breaks", "Why it matters", "Why it is unknown"];
            let why = headings
                .get(1)
                .filter(|heading| why.contains(heading))
                .copied()
                .unwrap_or(why[0]);
            assert_eq!(
                headings,
                [
                    "What it means",
                    why,
                    "In logs",
                    "Example",
                    "Fix",
                    "Verify",
                    "References"
                ],
                "{code}: see `Adding a rule` in ARCHITECTURE.md"
            );
            assert!(
                bodies.iter().all(|body| !body.trim().is_empty()),
                "{code}: a section is empty"
            );
            assert!(bodies[6].contains("](https://"), "{code} refers to nothing");
        }
    }

    #[test]
    fn reasons_are_unique_and_fit_a_condition() {
        let mut reasons: Vec<&str> = CATALOGUE.iter().map(|rule| rule.entry.reason).collect();
        assert!(
            reasons
                .iter()
                .all(|r| r.chars().all(|c| c.is_ascii_alphanumeric()) && r.len() <= 40)
        );
        reasons.sort_unstable();
        let before = reasons.len();
        reasons.dedup();
        assert_eq!(reasons.len(), before);
    }

    #[test]
    fn codes_lie_on_the_link_of_their_hundred() {
        for entry in CATALOGUE.iter().map(|rule| rule.entry) {
            let expected: &[Link] = match entry.code.get(..5) {
                Some("IRSA1") => &[Link::ServiceAccount],
                Some("IRSA2") => &[Link::Role, Link::Trust],
                Some("IRSA3") => &[Link::Provider],
                Some("IRSA4") => &[Link::Pods],
                Some("IRSA5") => &[Link::Permissions],
                Some("IRSA6") => &[Link::Rbac],
                _ => &Link::ALL,
            };
            assert!(expected.contains(&entry.link), "{}", entry.code);
            if entry.code.starts_with("IRSA9") {
                assert_eq!(entry.severity, Severity::Unknown, "{}", entry.code);
            }
        }
    }
}
