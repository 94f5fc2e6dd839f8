//! A ServiceAccount, reduced to what rules read.

use jiff::Timestamp;
use litemap::LiteMap;

use super::BindingKey;
use super::beginning::cut_short;
use super::few::few;

/// The audience of a token when neither the ServiceAccount nor the webhook's flag `--token-audience` asks for another: what
/// EKS always has, in the China partition as well.
pub const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// The ServiceAccount that every namespace has, and that a pod runs as which names none.
pub const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// The annotation of kiam and kube2iam, which gave roles to pods before there was IRSA.
pub const KIAM: &str = "iam.amazonaws.com/role";

/// What the webhook reads below its prefix, of ServiceAccounts and of pods.
const WEBHOOKS: [&str; 5] = [
    "role-arn",
    "audience",
    "token-expiration",
    "sts-regional-endpoints",
    SKIP_CONTAINERS,
];
const SKIP_CONTAINERS: &str = "skip-containers";

/// How many annotations of other names are kept, in which somebody may have misspelt one of these.
const MAX_OTHER_ANNOTATIONS: usize = 16;
/// How many bytes of a value are kept. The ARN of a role has at most 620, and a client ID of a provider 255: what is longer is neither, and
/// nor is its beginning.
const MAX_VALUE: usize = 1024;
/// The same of the names of containers: 256 of the longest.
const MAX_SKIPPED: usize = 16 * 1024;

/// A few annotations of an object. A map of a tree takes ten times the memory of the one annotation that most have.
pub type Annotations = LiteMap<String, String>;

/// A ServiceAccount, without everything that no rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Namespace and name.
    pub key: BindingKey,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// The annotations that could matter to IRSA, see [`ServiceAccount::keeps_annotation`].
    pub annotations: Annotations,
    /// `automountServiceAccountToken: false`: pods that say nothing themselves get no token for the Kubernetes API.
    pub automount_off: bool,
}

impl ServiceAccount {
    /// Whether an annotation can matter to any rule: the real keys, and keys near enough to be misspellings of them.
    #[must_use]
    pub fn keeps_annotation(key: &str, prefix: &str) -> bool {
        let lower = key.to_ascii_lowercase();
        key.starts_with(prefix)
            || lower.contains("amazon")
            || lower.contains("role-arn")
            || lower.contains("role_arn")
            || lower.contains("rolearn")
    }

    /// The annotations of an object that could matter to any rule, within what is kept of one object: whoever may edit it writes
    /// 256 KiB of them, and they are held for as long as the object is there.
    #[must_use]
    pub fn kept_annotations(all: impl IntoIterator<Item = (String, String)>, prefix: &str) -> Annotations {
        let mut others_left = MAX_OTHER_ANNOTATIONS;
        let kept = all
            .into_iter()
            .filter(|(key, _)| Self::keeps_annotation(key, prefix))
            .filter_map(|(key, value)| {
                let name = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
                if !name.is_some_and(|name| WEBHOOKS.contains(&name)) && key != KIAM {
                    others_left = others_left.checked_sub(1)?;
                }
                let most = if name == Some(SKIP_CONTAINERS) {
                    MAX_SKIPPED
                } else {
                    MAX_VALUE
                };
                Some((key, cut_short(value, most)))
            });
        few(kept)
    }

    /// The annotation `<prefix>/<name>`.
    #[must_use]
    pub fn annotation(&self, prefix: &str, name: &str) -> Option<&str> {
        annotation(&self.annotations, prefix, name)
    }

    /// The annotation that names the role, as it stands there, when it is present and not empty.
    ///
    /// An empty annotation counts as absent: the webhook injects nothing for it.
    #[must_use]
    pub fn role_arn(&self, prefix: &str) -> Option<&str> {
        self.annotation(prefix, "role-arn")
            .filter(|value| !value.is_empty())
    }

    /// The audience for which this ServiceAccount's injected tokens are asked; without one, the webhook's default.
    ///
    /// Empty where the annotation is there and empty: the webhook takes it as it is, and the API server then puts in its
    /// own audience.
    #[must_use]
    pub fn audience(&self, prefix: &str) -> Option<&str> {
        self.annotation(prefix, "audience")
    }
}

/// The annotation `<prefix>/<name>` of those that an object kept.
pub(super) fn annotation<'a>(annotations: &'a Annotations, prefix: &str, name: &str) -> Option<&'a str> {
    // Looked up by iteration: there are at most a handful, and no key needs to be built.
    let is_it = |key: &str| key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) == Some(name);
    annotations
        .iter()
        .find(|(key, _)| is_it(key))
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(annotations: &[(&str, &str)]) -> ServiceAccount {
        let annotations = annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        ServiceAccount {
            key: BindingKey::new("shop", "cart"),
            uid: String::new(),
            created: None,
            annotations,
            automount_off: false,
        }
    }

    #[test]
    fn annotations_are_read_by_prefix() {
        let account = with(&[
            ("eks.amazonaws.com/role-arn", "a"),
            ("irsa.example.com/role-arn", "b"),
        ]);
        assert_eq!(account.role_arn("eks.amazonaws.com"), Some("a"));
        assert_eq!(account.role_arn("irsa.example.com"), Some("b"));
        assert_eq!(account.role_arn("eks.amazonaws"), None);
        assert_eq!(
            with(&[("eks.amazonaws.com/role-arn", "")]).role_arn("eks.amazonaws.com"),
            None
        );
    }

    #[test]
    fn the_audience_is_the_annotations_if_there_is_one() {
        assert_eq!(with(&[]).audience("p"), None);
        assert_eq!(with(&[("p/audience", "mesh")]).audience("p"), Some("mesh"));
        assert_eq!(with(&[("p/audience", "")]).audience("p"), Some(""));
    }

    #[test]
    fn however_much_an_object_says_little_of_it_is_kept() {
        let long = "é".repeat(100_000);
        let noise = (0..5_000).map(|at| (format!("eks.amazonaws.com/{at:04}"), long.clone()));
        let real = ["role-arn", "audience", "skip-containers"]
            .map(|name| (format!("eks.amazonaws.com/{name}"), long.clone()));
        let all: std::collections::BTreeMap<_, _> = noise.chain(real).collect();
        let kept = ServiceAccount::kept_annotations(all, "eks.amazonaws.com");
        let bytes: usize = kept.iter().map(|(key, value)| key.len() + value.capacity()).sum();
        assert!(bytes < 40_000, "{bytes}");
        for name in ["role-arn", "audience", "skip-containers"] {
            let value = annotation(&kept, "eks.amazonaws.com", name).unwrap();
            assert!(value.len() >= 1023 && value.chars().all(|c| c == 'é'));
        }
        let arn = format!(
            "arn:aws:iam::111122223333:role/{}/{}",
            "p".repeat(510),
            "n".repeat(64)
        );
        let kept = ServiceAccount::kept_annotations([("p/role-arn".to_owned(), arn.clone())], "p");
        assert_eq!(annotation(&kept, "p", "role-arn"), Some(arn.as_str()));
    }

    #[test]
    fn what_is_kept_of_a_long_text_is_not_in_its_place() {
        let long = "x".repeat(100_000);
        let place = long.as_ptr();
        let kept = ServiceAccount::kept_annotations([("p/audience".to_owned(), long)], "p");
        assert_ne!(annotation(&kept, "p", "audience").unwrap().as_ptr(), place);
    }

    #[test]
    fn near_misses_of_the_real_keys_are_kept_and_nothing_else() {
        for (key, kept) in [
            ("eks.amazonaws.com/role-arn", true),
            ("eks.amazon.com/role-arn", true),
            ("iam.amazonaws.com/role", true),
            ("role_arn", true),
            ("p/token-expiration", true),
            ("kubectl.kubernetes.io/last-applied-configuration", false),
        ] {
            assert_eq!(ServiceAccount::keeps_annotation(key, "p"), kept, "{key}");
        }
    }
}
