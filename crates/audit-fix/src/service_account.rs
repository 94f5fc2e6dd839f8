//! Repairs of a ServiceAccount.

use std::fmt::Write as _;

use crate::alternative::{Alternative, Form};
use crate::command::Command;
use crate::fix::Fix;
use crate::hcl::{self, Block, Expression};
use crate::text::quote;
use crate::yaml;

/// Names one ServiceAccount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceAccountName<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl std::fmt::Display for ServiceAccountName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The prefix of the annotations on EKS, which is all that eksctl knows.
const EKS_PREFIX: &str = "eks.amazonaws.com";

/// The command that sets the role annotation of a ServiceAccount.
#[must_use]
pub fn annotate_role<'a>(account: impl Into<ServiceAccountName<'a>>, prefix: &str, role_arn: &str) -> Fix {
    let account = account.into();
    let fix = annotate(account, &format!("{prefix}/role-arn={role_arn}"));
    let annotation = (format!("{prefix}/role-arn"), role_arn.to_owned());
    fix.or_else(eksctl(account, prefix, role_arn))
        .or_else(declared(account, Some(&annotation)))
}

/// The command that sets the role annotation of a ServiceAccount, and takes another annotation away.
#[must_use]
pub fn move_annotation<'a>(
    account: impl Into<ServiceAccountName<'a>>,
    prefix: &str,
    wrong: &str,
    role_arn: &str,
) -> Fix {
    let account = account.into();
    let set = annotate_role(account, prefix, role_arn);
    if wrong.starts_with('-') || wrong.contains('=') {
        // No API server admits such a key, a file may hold it; kubectl would take it for something else.
        let rest = format!(
            "remove annotation `{}` of ServiceAccount `{}`",
            quote(wrong),
            quote(&account.to_string())
        );
        return set.then(Some(Fix::manual(rest)));
    }
    let change = [format!("{prefix}/role-arn={role_arn}"), format!("{wrong}-")];
    let annotated = annotating(account).arguments(change);
    let fix = kubectl_on(account, annotated).brief(format!(
        "on ServiceAccount `{}`, set annotation `{prefix}/role-arn` to `{}`, and remove annotation `{}`",
        quote(&account.to_string()),
        quote(role_arn),
        quote(wrong)
    ));
    // eksctl would leave the wrong one there.
    let declared = set
        .first
        .alternatives
        .into_iter()
        .filter(|other| other.form != Form::Eksctl);
    fix.or_else(declared)
}

/// The command that takes an annotation of a ServiceAccount away.
#[must_use]
pub fn drop_annotation<'a>(account: impl Into<ServiceAccountName<'a>>, annotation: &str) -> Fix {
    let account = account.into();
    annotate(account, &format!("{annotation}-"))
}

/// The command that takes the audience annotation of a ServiceAccount away.
#[must_use]
pub fn drop_audience<'a>(account: impl Into<ServiceAccountName<'a>>, prefix: &str) -> Fix {
    let account = account.into();
    drop_annotation(account, &format!("{prefix}/audience"))
}

/// The command that sets the audience annotation of a ServiceAccount.
#[must_use]
pub fn ask_for_audience<'a>(account: impl Into<ServiceAccountName<'a>>, prefix: &str, audience: &str) -> Fix {
    let account = account.into();
    annotate(account, &format!("{prefix}/audience={audience}"))
}

/// The command that asks for the STS endpoint of the region.
#[must_use]
pub fn use_regional_sts<'a>(account: impl Into<ServiceAccountName<'a>>, prefix: &str) -> Fix {
    let account = account.into();
    annotate(account, &format!("{prefix}/sts-regional-endpoints=true"))
}

/// The command that creates a ServiceAccount.
#[must_use]
pub fn create_service_account<'a>(account: impl Into<ServiceAccountName<'a>>) -> Fix {
    let account = account.into();
    let create = Command::new("kubectl create serviceaccount").argument(account.name);
    kubectl_on(account, create.option("--namespace", account.namespace))
        .or_else(declared(account, None))
        .brief(format!("create ServiceAccount `{}`", quote(&account.to_string())))
}

/// The command that creates a ServiceAccount with its role annotation.
#[must_use]
pub fn create_annotated<'a>(account: impl Into<ServiceAccountName<'a>>, prefix: &str, role_arn: &str) -> Fix {
    let account = account.into();
    let annotate = annotate_role(account, prefix, role_arn);
    let alternatives = annotate.first.alternatives.clone();
    create_service_account(account)
        .and_then(annotate)
        .or_else(alternatives)
}

fn annotate(account: ServiceAccountName<'_>, change: &str) -> Fix {
    let words = match (change.split_once('='), change.strip_suffix('-')) {
        (Some((key, value)), _) => format!("set annotation `{}` to `{}`", quote(key), quote(value)),
        (None, Some(key)) => format!("remove annotation `{}`", quote(key)),
        (None, None) => format!("change annotation `{}`", quote(change)),
    };
    kubectl_on(account, annotating(account).argument(change)).brief(format!(
        "on ServiceAccount `{}`, {words}",
        quote(&account.to_string())
    ))
}

/// The beginning of a command that changes annotations.
fn annotating(account: ServiceAccountName<'_>) -> Command {
    Command::new("kubectl annotate serviceaccount")
        .argument(account.name)
        .option("--namespace", account.namespace)
        .own("--overwrite")
}

/// A kubectl command on a ServiceAccount.
fn kubectl_on(account: ServiceAccountName<'_>, command: Command) -> Fix {
    if is_no_name(account) {
        // No API server admits such a name, a file may hold it; kubectl would take it for a flag.
        return Fix::manual(format!(
            "`{}` is not a valid name of a ServiceAccount: rename it",
            quote(account.name)
        ));
    }
    Fix::kubectl(command)
}

fn is_no_name(account: ServiceAccountName<'_>) -> bool {
    account.name.starts_with('-')
}

/// eksctl creates the ServiceAccount, or annotates the one that is there, and no role beside the one that it is given.
fn eksctl(account: ServiceAccountName<'_>, prefix: &str, role_arn: &str) -> Option<Alternative> {
    if prefix != EKS_PREFIX || is_no_name(account) {
        return None;
    }
    Alternative::eksctl("eksctl create iamserviceaccount", |command| {
        command
            .option("--namespace", account.namespace)
            .option("--name", account.name)
            .option("--attach-role-arn", role_arn)
            .own("--override-existing-serviceaccounts --approve")
    })
}

/// The ServiceAccount as whoever keeps it in files declares it.
fn declared(account: ServiceAccountName<'_>, annotation: Option<&(String, String)>) -> Vec<Alternative> {
    if is_no_name(account) {
        return Vec::new();
    }
    let mut metadata = Block::new("metadata", &[])
        .attribute("name", Expression::string(account.name))
        .attribute("namespace", Expression::string(account.namespace));
    let mut manifest = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {}\n  namespace: {}\n",
        yaml::scalar(account.name),
        yaml::scalar(account.namespace)
    );
    if let Some((name, value)) = annotation {
        metadata = metadata.attribute("annotations", Expression::map(&[(name, value)]));
        let (name, value) = (yaml::scalar(name), yaml::scalar(value));
        let _ = writeln!(manifest, "  annotations:\n    {name}: {value}");
    }
    let labels = ["kubernetes_service_account_v1", &hcl::identifier(account.name)];
    vec![
        Alternative::terraform(&Block::new("resource", &labels).block(metadata)),
        Alternative::new(Form::Manifest, manifest),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::FixKind;

    const ROLE: &str = "arn:aws:iam::111122223333:role/cart";

    fn account<'a>(namespace: &'a str, name: &'a str) -> ServiceAccountName<'a> {
        ServiceAccountName { namespace, name }
    }

    fn cart() -> ServiceAccountName<'static> {
        account("shop", "cart")
    }

    fn form(fix: &Fix, form: Form) -> Option<&str> {
        let found = fix
            .first
            .alternatives
            .iter()
            .find(|alternative| alternative.form == form);
        found.map(|alternative| alternative.text.as_str())
    }

    #[test]
    fn commands_are_what_kubectl_takes() {
        assert_eq!(
            annotate_role(cart(), EKS_PREFIX, ROLE).first.text,
            "kubectl annotate serviceaccount cart --namespace shop --overwrite \
             eks.amazonaws.com/role-arn=arn:aws:iam::111122223333:role/cart"
        );
        assert_eq!(
            drop_audience(cart(), EKS_PREFIX).first.text,
            "kubectl annotate serviceaccount cart --namespace shop --overwrite eks.amazonaws.com/audience-"
        );
        assert_eq!(
            create_service_account(cart()).first.text,
            "kubectl create serviceaccount cart --namespace shop"
        );
    }

    #[test]
    fn a_wrong_annotation_goes_with_the_same_command() {
        let fix = move_annotation(cart(), EKS_PREFIX, "eks.amazonaws.com/role_arn", ROLE);
        assert_eq!(
            fix.first.text,
            format!(
                "kubectl annotate serviceaccount cart --namespace shop --overwrite eks.amazonaws.com/role-arn={ROLE} \
                 eks.amazonaws.com/role_arn-"
            )
        );
        assert!(form(&fix, Form::Eksctl).is_none() && form(&fix, Form::Manifest).is_some());
        for wrong in ["--all", "role-arn=x", "a\u{202e}role-arn"] {
            let fix = move_annotation(cart(), EKS_PREFIX, wrong, ROLE);
            let takes_it_away = fix.steps().last().unwrap();
            assert_eq!(takes_it_away.kind, FixKind::Manual, "{wrong}");
        }
    }

    #[test]
    fn eksctl_annotates_with_the_role_that_is_there() {
        let fix = annotate_role(cart(), EKS_PREFIX, ROLE);
        assert_eq!(
            form(&fix, Form::Eksctl).unwrap(),
            "eksctl create iamserviceaccount --cluster \"${CLUSTER:?set it to the name of the EKS cluster}\" --namespace \
             shop --name cart --attach-role-arn arn:aws:iam::111122223333:role/cart \
             --override-existing-serviceaccounts --approve"
        );
        let elsewhere = annotate_role(cart(), "irsa.example.com", ROLE);
        assert_eq!(
            form(&elsewhere, Form::Eksctl),
            None,
            "eksctl knows one prefix only"
        );
    }

    #[test]
    fn files_declare_the_account_with_its_annotation() {
        for fix in [
            annotate_role(cart(), EKS_PREFIX, ROLE),
            create_annotated(cart(), EKS_PREFIX, ROLE),
        ] {
            let manifest: Value = serde_saphyr::from_str(form(&fix, Form::Manifest).unwrap()).unwrap();
            let metadata = json!({ "name": "cart", "namespace": "shop",
                "annotations": { "eks.amazonaws.com/role-arn": ROLE } });
            assert_eq!(
                manifest,
                json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
            );
            let terraform: Value =
                ::hcl::from_str(form(&fix, Form::Terraform).unwrap()).expect("Terraform's language");
            assert_eq!(
                terraform["resource"]["kubernetes_service_account_v1"]["cart"]["metadata"],
                metadata
            );
        }
    }

    #[test]
    fn hostile_names_give_a_step_in_place_of_a_command() {
        let hidden = account("shop", "cart\n; rm -rf /");
        let flag = account("shop", "--all");
        for key in [hidden, flag] {
            for fix in [
                annotate_role(key, EKS_PREFIX, "x"),
                create_service_account(key),
                create_annotated(key, EKS_PREFIX, "x"),
                drop_audience(key, EKS_PREFIX),
                ask_for_audience(key, EKS_PREFIX, "x"),
                move_annotation(key, EKS_PREFIX, "role-arn", "x"),
            ] {
                assert_eq!(fix.first.kind, FixKind::Manual, "{fix:?}");
                assert!(!fix.first.text.contains('\n'));
                assert_eq!(form(&fix, Form::Eksctl), None);
            }
        }
        let arn = annotate_role(cart(), "p", "arn:\u{202e}x");
        assert_eq!(arn.first.kind, FixKind::Manual);
        let quoted = annotate_role(cart(), "p", "a'b $(c)");
        assert!(
            quoted.first.text.ends_with(r"'p/role-arn=a'\''b $(c)'"),
            "{}",
            quoted.first.text
        );
    }

    /// What a program is given when a shell runs a command.
    fn arguments(command: &str, program: &str) -> Vec<String> {
        let script = format!("{program}() {{ printf '%s\\0' \"$@\"; }}; {command}");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("CLUSTER", "my cluster")
            .output();
        let output = String::from_utf8(output.unwrap().stdout).unwrap();
        output.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn eksctl_does_not_run_without_the_clusters_name() {
        let fix = annotate_role(cart(), EKS_PREFIX, ROLE);
        let script = format!("eksctl() {{ echo ran; }}; {}", form(&fix, Form::Eksctl).unwrap());
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env_remove("CLUSTER")
            .output()
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }

    fn hostile() -> impl Strategy<Value = String> {
        r#"[-$%{}"'\\`&|;<>()*?!~#: =\[\]a-c\n]{0,10}|\PC{0,6}"#
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_the_names_hold_they_arrive_as_they_are(namespace in hostile(), name in hostile(), arn in hostile()) {
            let key = account(&namespace, &name);
            let fix = annotate_role(key, EKS_PREFIX, &arn);
            if fix.first.kind == FixKind::Kubectl && !namespace.starts_with('-') {
                let annotation = format!("{EKS_PREFIX}/role-arn={arn}");
                let words = ["annotate", "serviceaccount", &name, "--namespace", &namespace, "--overwrite", &annotation];
                prop_assert_eq!(arguments(&fix.first.text, "kubectl"), words);
            }
            if let Some(eksctl) = form(&fix, Form::Eksctl) {
                let begin = ["create", "iamserviceaccount", "--cluster", "my cluster"].map(str::to_owned).to_vec();
                let options = [("--namespace", &namespace), ("--name", &name), ("--attach-role-arn", &arn)];
                let options = options.map(|(option, value)| if value.starts_with('-') {
                    vec![format!("{option}={value}")]
                } else {
                    vec![option.to_owned(), value.clone()]
                });
                let end = ["--override-existing-serviceaccounts", "--approve"].map(str::to_owned).to_vec();
                prop_assert_eq!(arguments(eksctl, "eksctl"), [begin, options.concat(), end].concat());
            }
            let metadata = json!({ "name": name, "namespace": namespace,
                "annotations": { "eks.amazonaws.com/role-arn": arn } });
            if let Some(manifest) = form(&fix, Form::Manifest) {
                let read: Value = serde_saphyr::from_str(manifest).unwrap();
                prop_assert_eq!(&read["metadata"], &metadata);
            }
            if let Some(terraform) = form(&fix, Form::Terraform) {
                let read: Value = ::hcl::eval::from_str(terraform, &::hcl::eval::Context::new()).unwrap();
                let accounts = read["resource"]["kubernetes_service_account_v1"].as_object().unwrap();
                prop_assert_eq!(&accounts.values().next().unwrap()["metadata"], &metadata);
            }
        }
    }
}
