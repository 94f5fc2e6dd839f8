//! What the tests of this crate share.

use audit_core::audit::audit;
use audit_core::report::Report;
use jiff::Timestamp;

use crate::{Loaded, Options, Source, load};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";
pub(crate) const ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(crate) const KEYS: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

pub(crate) fn options() -> Options {
    Options {
        annotation_prefix: "eks.amazonaws.com".to_owned(),
        namespace: "default".to_owned(),
        namespace_is_assumed: false,
        webhook_namespace: "kube-system".to_owned(),
        partial: false,
        issuer: None,
        account: None,
        snapshot: None,
        now: Timestamp::UNIX_EPOCH,
    }
}

/// Loads texts, each of which was named.
pub(crate) fn load_texts(manifests: &[&str], outputs: &[&str], options: &Options) -> Loaded {
    let sources = |texts: &[&str], kind: &str| -> Vec<Source> {
        let named = texts
            .iter()
            .enumerate()
            .map(|(n, text)| Source::new(format!("{kind}{n}"), *text));
        named.collect()
    };
    load(sources(manifests, "k"), sources(outputs, "a"), options)
}

/// The problems, as they are shown, but for the notice that objects have no `uid`: few texts of tests give them one.
pub(crate) fn problems(loaded: &Loaded) -> Vec<String> {
    let shown = loaded.problems.iter().map(ToString::to_string);
    shown.filter(|problem| !problem.contains("no `uid`")).collect()
}

/// Loads texts in which nothing is wrong.
pub(crate) fn good(manifests: &[&str], outputs: &[&str], options: &Options) -> Loaded {
    let loaded = load_texts(manifests, outputs, options);
    assert_eq!(problems(&loaded), [""; 0]);
    loaded
}

pub(crate) fn report(loaded: &Loaded) -> Report {
    audit(&loaded.snapshot, &loaded.config, Timestamp::UNIX_EPOCH)
}

/// Each binding with its codes.
pub(crate) fn codes(loaded: &Loaded) -> Vec<(String, Vec<&'static str>)> {
    let of = |binding: &audit_core::BindingReport| {
        let codes = binding
            .findings
            .iter()
            .map(|finding| finding.entry.code)
            .collect();
        (binding.key.to_string(), codes)
    };
    report(loaded).bindings.iter().map(of).collect()
}
