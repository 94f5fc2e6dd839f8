//! The rules, one file for each code, and the catalogue: the one list of them.
//!
//! A rule's file holds its documentation, its [`Entry`], and its checks, see [`Check`]. What several rules
//! need is in the files that are not named after a code.

mod admitted;
pub mod brought;
pub mod evidence;
pub mod expected;
mod holders;
pub mod irsa101;
pub mod irsa102;
pub mod irsa103;
pub mod irsa104;
pub mod irsa105;
pub mod irsa106;
pub mod irsa107;
pub mod irsa201;
pub mod irsa202;
pub mod irsa203;
pub mod irsa204;
pub mod irsa205;
pub mod irsa206;
pub mod irsa207;
pub mod irsa208;
pub mod irsa209;
pub mod irsa210;
pub mod irsa211;
pub mod irsa212;
pub mod irsa213;
pub mod irsa214;
pub mod irsa215;
pub mod irsa216;
pub mod irsa217;
pub mod irsa218;
pub mod irsa219;
pub mod irsa220;
pub mod irsa301;
pub mod irsa302;
pub mod irsa303;
pub mod irsa304;
pub mod irsa401;
pub mod irsa402;
pub mod irsa403;
pub mod irsa404;
pub mod irsa405;
pub mod irsa406;
pub mod irsa407;
pub mod irsa408;
pub mod irsa409;
pub mod irsa410;
pub mod irsa411;
pub mod irsa413;
pub mod irsa414;
pub mod irsa415;
pub mod irsa501;
pub mod irsa502;
pub mod irsa503;
pub mod irsa504;
pub mod irsa505;
pub mod irsa506;
pub mod irsa507;
pub mod irsa508;
pub mod irsa509;
pub mod irsa601;
pub mod irsa602;
pub mod irsa603;
pub mod irsa604;
pub mod irsa605;
pub mod irsa606;
pub mod irsa607;
pub mod irsa608;
pub mod irsa609;
pub mod irsa610;
pub mod irsa701;
pub mod irsa702;
pub mod irsa703;
pub mod irsa901;
pub mod irsa902;
pub mod irsa903;
pub mod irsa904;
pub mod irsa905;
pub mod irsa906;
pub mod irsa907;
pub mod irsa908;
pub mod irsa909;
pub mod irsa910;
pub mod irsa911;
pub mod irsa912;
pub mod irsa914;
pub mod irsa915;
pub mod irsa916;
pub mod irsa917;
pub mod irsa918;
pub mod irsa919;
pub mod irsa920;
mod meant;
pub mod own_role;
pub mod permissions;
pub mod pods;
pub mod repair;
mod reverse;
mod rollout;
mod selection;
mod skipped;
pub mod trust;
mod ungiven;
mod uninjected;
mod unseen_kinds;

pub use crate::check::{Check, Rule};
use crate::finding::Entry;

/// Every rule, by code.
pub const CATALOGUE: &[Rule] = &[
    irsa101::RULE,
    irsa102::RULE,
    irsa103::RULE,
    irsa104::RULE,
    irsa105::RULE,
    irsa106::RULE,
    irsa107::RULE,
    irsa201::RULE,
    irsa202::RULE,
    irsa203::RULE,
    irsa204::RULE,
    irsa205::RULE,
    irsa206::RULE,
    irsa207::RULE,
    irsa208::RULE,
    irsa209::RULE,
    irsa210::RULE,
    irsa211::RULE,
    irsa212::RULE,
    irsa213::RULE,
    irsa214::RULE,
    irsa215::RULE,
    irsa216::RULE,
    irsa217::RULE,
    irsa218::RULE,
    irsa219::RULE,
    irsa220::RULE,
    irsa301::RULE,
    irsa302::RULE,
    irsa303::RULE,
    irsa304::RULE,
    irsa401::RULE,
    irsa402::RULE,
    irsa403::RULE,
    irsa404::RULE,
    irsa405::RULE,
    irsa406::RULE,
    irsa407::RULE,
    irsa408::RULE,
    irsa409::RULE,
    irsa410::RULE,
    irsa411::RULE,
    irsa413::RULE,
    irsa414::RULE,
    irsa415::RULE,
    irsa501::RULE,
    irsa502::RULE,
    irsa503::RULE,
    irsa504::RULE,
    irsa505::RULE,
    irsa506::RULE,
    irsa507::RULE,
    irsa508::RULE,
    irsa509::RULE,
    irsa601::RULE,
    irsa602::RULE,
    irsa603::RULE,
    irsa604::RULE,
    irsa605::RULE,
    irsa606::RULE,
    irsa607::RULE,
    irsa608::RULE,
    irsa609::RULE,
    irsa610::RULE,
    irsa701::RULE,
    irsa702::RULE,
    irsa703::RULE,
    irsa901::RULE,
    irsa902::RULE,
    irsa903::RULE,
    irsa904::RULE,
    irsa905::RULE,
    irsa906::RULE,
    irsa907::RULE,
    irsa908::RULE,
    irsa909::RULE,
    irsa910::RULE,
    irsa911::RULE,
    irsa912::RULE,
    irsa914::RULE,
    irsa915::RULE,
    irsa916::RULE,
    irsa917::RULE,
    irsa918::RULE,
    irsa919::RULE,
    irsa920::RULE,
];

/// The entry of a code, if the catalogue has it.
#[must_use]
pub fn entry(code: &str) -> Option<&'static Entry> {
    CATALOGUE
        .iter()
        .map(|rule| rule.entry)
        .find(|entry| entry.code == code)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::finding::{Link, Severity};

    /// Name and text of each rule's file.
    fn files() -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<(String, String)> = paths
            .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
            .filter(|(name, _)| name.starts_with("irsa"))
            .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn each_file_is_listed_once_under_the_code_that_it_is_named_after() {
        let codes: Vec<String> = CATALOGUE
            .iter()
            .map(|rule| rule.entry.code.to_ascii_lowercase())
            .collect();
        let names: Vec<String> = files().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            codes, names,
            "the catalogue lists the files of this folder, sorted, each once"
        );
        for rule in CATALOGUE {
            // STS alone shows it, which no audit asks.
            let is_probes = rule.entry.code == irsa905::ENTRY.code;
            assert!(
                is_probes || !rule.checks.is_empty(),
                "nothing looks for {}",
                rule.entry.code
            );
        }
    }

    #[test]
    fn each_file_begins_with_its_page() {
        for (rule, (_, source)) in CATALOGUE.iter().zip(files()) {
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
