//! Roles that a tool keeps: what it does not know of, its next run takes out again, so the edit belongs into its source.
//!
//! Sources of the marks:
//! - `CloudFormation`: `aws:cloudformation:stack-name` and others,
//!   <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>
//! - eksctl: `alpha.eksctl.io/cluster-name`, `alpha.eksctl.io/iamserviceaccount-name`, `eksctl.cluster.k8s.io/…`, in
//!   `pkg/apis/eksctl.io/v1alpha5/types.go` of <https://github.com/eksctl-io/eksctl>
//! - ACK: `services.k8s.aws/controller-version` and `/namespace`, its default tags,
//!   <https://aws-controllers-k8s.github.io/community/docs/user-docs/ack-tags/>
//! - Crossplane: `crossplane-kind`, `crossplane-name`, `crossplane-providerconfig`, its external tags,
//!   <https://github.com/crossplane-contrib/provider-upjet-aws>
//! - Terraform and `OpenTofu` set no tag by themselves; teams do, by `default_tags`, under keys of many spellings, so its name in any
//!   key or value counts.

use crate::facts::LiveRole;

/// A tool that keeps IAM roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwningTool {
    /// eksctl, which works through `CloudFormation`: it is named first.
    Eksctl,
    /// AWS Controllers for Kubernetes.
    Ack,
    /// Crossplane.
    Crossplane,
    /// Terraform or `OpenTofu`.
    Terraform,
    /// `CloudFormation`, with the CDK and SAM.
    CloudFormation,
}

impl OwningTool {
    /// The tool's name, as it writes it itself.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eksctl => "eksctl",
            Self::Ack => "ACK",
            Self::Crossplane => "Crossplane",
            Self::Terraform => "Terraform",
            Self::CloudFormation => "CloudFormation",
        }
    }
}

/// What says that a tool keeps a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnershipMark {
    /// A tag, untrusted text.
    Tag {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// The role's path.
    Path(String),
}

/// A tool, and what says that it keeps the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOwnership {
    /// The tool.
    pub tool: OwningTool,
    /// The first mark of it.
    pub mark: OwnershipMark,
}

/// The tools that keep a role, by its tags and path, each once; the one whose source has to be edited comes first.
#[must_use]
pub fn owning_tools(role: &LiveRole) -> Vec<ToolOwnership> {
    let by_tag = role.tags.iter().flat_map(|tag| {
        let mark = OwnershipMark::Tag {
            key: tag.key.clone(),
            value: tag.value.clone(),
        };
        of_tag(&tag.key, &tag.value).map(move |tool| ToolOwnership {
            tool,
            mark: mark.clone(),
        })
    });
    let path = role.arn.path();
    let by_path = TOOLS
        .into_iter()
        .filter(|(_, word)| words(path).any(|part| part == *word))
        .map(|(tool, _)| ToolOwnership {
            tool,
            mark: OwnershipMark::Path(path.to_owned()),
        });
    let mut all: Vec<ToolOwnership> = by_tag.chain(by_path).collect();
    all.sort_by_key(|one| one.tool);
    all.dedup_by_key(|one| one.tool);
    all
}

/// The word by which each tool is known in paths, and in tags that teams set themselves.
const TOOLS: [(OwningTool, &str); 7] = [
    (OwningTool::Eksctl, "eksctl"),
    (OwningTool::Ack, "ack"),
    (OwningTool::Crossplane, "crossplane"),
    (OwningTool::Terraform, "terraform"),
    (OwningTool::Terraform, "opentofu"),
    (OwningTool::Terraform, "terragrunt"),
    (OwningTool::CloudFormation, "cloudformation"),
];

fn of_tag(key: &str, value: &str) -> impl Iterator<Item = OwningTool> + use<> {
    let (key, value) = (key.to_ascii_lowercase(), value.to_ascii_lowercase());
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| key.starts_with(beginning));
    let own = [
        (
            OwningTool::CloudFormation,
            begins(&["aws:cloudformation:", "aws:cdk:", "aws-cdk:"]),
        ),
        (
            OwningTool::Eksctl,
            begins(&["alpha.eksctl.io/", "eksctl.cluster.k8s.io/", "eksctl.io/"]),
        ),
        (OwningTool::Ack, begins(&["services.k8s.aws/"])),
        (OwningTool::Crossplane, begins(&["crossplane-", "crossplane.io/"])),
    ];
    // `terraform = false` is said, too.
    let is_denied = ["false", "no", "0", "none"].contains(&value.as_str());
    let by_team: Vec<OwningTool> = TOOLS
        .into_iter()
        .filter(|(_, word)| {
            words(&value).any(|part| part == *word) || (!is_denied && words(&key).any(|part| part == *word))
        })
        .map(|(tool, _)| tool)
        .collect();
    own.into_iter()
        .filter_map(|(tool, is_its)| is_its.then_some(tool))
        .chain(by_team)
}

/// The words of a text: what letters and digits make up.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::RoleTag;
    use iam_policy::RoleArn;

    fn role(path: &str, tags: &[(&str, &str)]) -> LiveRole {
        LiveRole {
            arn: RoleArn::parse(&format!("arn:aws:iam::111122223333:role{path}app")).unwrap(),
            id: "AROAEXAMPLE".to_owned(),
            trust_text: String::new(),
            tags: tags
                .iter()
                .map(|(key, value)| RoleTag::new(*key, *value))
                .collect(),
            quota: 2048,
        }
    }

    fn tools(path: &str, tags: &[(&str, &str)]) -> Vec<OwningTool> {
        owning_tools(&role(path, tags))
            .into_iter()
            .map(|one| one.tool)
            .collect()
    }

    #[test]
    fn each_tool_is_known_by_its_tags() {
        for (key, value, tool) in [
            ("aws:cloudformation:stack-name", "app", OwningTool::CloudFormation),
            ("aws:CloudFormation:stack-id", "x", OwningTool::CloudFormation),
            (
                "alpha.eksctl.io/iamserviceaccount-name",
                "shop/cart",
                OwningTool::Eksctl,
            ),
            (
                "eksctl.cluster.k8s.io/v1alpha1/cluster-name",
                "c",
                OwningTool::Eksctl,
            ),
            (
                "services.k8s.aws/controller-version",
                "iam-v1.3.0",
                OwningTool::Ack,
            ),
            ("crossplane-name", "app", OwningTool::Crossplane),
            ("terraform", "true", OwningTool::Terraform),
            ("Terraform", "", OwningTool::Terraform),
            ("ManagedBy", "Terraform", OwningTool::Terraform),
            ("managed-by", "opentofu", OwningTool::Terraform),
            ("terraform-workspace", "prod", OwningTool::Terraform),
            (
                "source",
                "git.example.com/infra/terraform//roles",
                OwningTool::Terraform,
            ),
            ("created_by", "eksctl", OwningTool::Eksctl),
        ] {
            let found = owning_tools(&role("/", &[("team", "shop"), (key, value)]));
            let [only] = found.as_slice() else {
                panic!("{key} {found:?}")
            };
            assert_eq!(only.tool, tool, "{key}");
            let mark = OwnershipMark::Tag {
                key: key.to_owned(),
                value: value.to_owned(),
            };
            assert_eq!(only.mark, mark);
        }
    }

    #[test]
    fn paths_say_it_as_well() {
        assert_eq!(tools("/terraform/", &[]), [OwningTool::Terraform]);
        assert_eq!(tools("/teams/crossplane/", &[]), [OwningTool::Crossplane]);
        assert_eq!(tools("/back/stacks/", &[]), []);
    }

    #[test]
    fn the_tool_whose_source_is_edited_comes_first() {
        let tags = [
            ("aws:cloudformation:stack-name", "eksctl-c"),
            ("alpha.eksctl.io/cluster-name", "c"),
        ];
        assert_eq!(
            tools("/", &tags),
            [OwningTool::Eksctl, OwningTool::CloudFormation]
        );
    }

    #[test]
    fn what_says_nothing_of_a_tool_is_nobody_s() {
        assert_eq!(
            tools(
                "/",
                &[("team", "platform"), ("terraform", "false"), ("backend", "stack")]
            ),
            []
        );
    }
}
