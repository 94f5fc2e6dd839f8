//! Single changes of one place.

use serde_json::{Value, json};

use super::changes::{changes, neutral, texts};
use super::world::World;

/// A world with one change.
pub struct Mutant {
    /// What was changed.
    pub name: String,
    pub world: World,
    /// The change is of a kind that never means anything.
    pub is_neutral: bool,
}

/// Every single change of a world.
pub fn mutants(world: &World) -> Vec<Mutant> {
    let mut all = Mutants {
        world,
        all: Vec::new(),
    };
    all.trust();
    all.roles();
    all.providers();
    all.service_account();
    all.pods();
    all.all
}

struct Mutants<'w> {
    world: &'w World,
    all: Vec<Mutant>,
}

impl Mutants<'_> {
    fn change(&mut self, name: String, is_neutral: bool, change: impl FnOnce(&mut World)) {
        let mut world = self.world.clone();
        change(&mut world);
        self.all.push(Mutant {
            name,
            world,
            is_neutral,
        });
    }

    fn account(&self) -> String {
        self.world.aws.keys().next().unwrap().clone()
    }

    fn trust(&mut self) {
        let account = self.account();
        let document = self.world.aws[&account].roles[0]["AssumeRolePolicyDocument"].clone();
        let mut variants: Vec<(String, Value, bool)> = Vec::new();
        for (name, changed) in changes(&document) {
            variants.push((name, changed, false));
        }
        for (name, changed) in neutral(&document) {
            variants.push((name, changed, true));
        }
        for (name, changed, is_neutral) in variants {
            let account = account.clone();
            self.change(format!("trust: {name}"), is_neutral, move |world| {
                world.aws.get_mut(&account).unwrap().roles[0]["AssumeRolePolicyDocument"] = changed;
            });
        }
    }

    fn roles(&mut self) {
        let account = self.account();
        let arn = self.world.aws[&account].roles[0]["Arn"]
            .as_str()
            .unwrap()
            .to_owned();
        self.change("role: deleted".to_owned(), false, |world| {
            world.aws.get_mut(&account).unwrap().roles.clear();
        });
        let (head, name) = arn.rsplit_once('/').unwrap();
        for changed in [
            format!("{head}/moved/{name}"),
            format!("{arn}x"),
            format!("{head}/{}", name.to_uppercase()),
        ] {
            self.change(format!("role: {changed}"), false, |world| {
                let role = &mut world.aws.get_mut(&account).unwrap().roles[0];
                role["RoleName"] = changed.rsplit('/').next().unwrap().into();
                role["Path"] = changed
                    .split_once(":role")
                    .unwrap()
                    .1
                    .rsplit_once('/')
                    .map(|(path, _)| format!("{path}/"))
                    .unwrap()
                    .into();
                role["Arn"] = changed.clone().into();
            });
        }
        self.change("role: other id".to_owned(), true, |world| {
            world.aws.get_mut(&account).unwrap().roles[0]["RoleId"] = "AROAOTHER".into();
        });
    }

    fn providers(&mut self) {
        let account = self.account();
        let change =
            |name: &str, is_neutral: bool, all: &mut Self, change: &dyn Fn(&mut super::world::Account)| {
                all.change(format!("provider: {name}"), is_neutral, |world| {
                    change(world.aws.get_mut(&account).unwrap());
                });
            };
        change("deleted", false, self, &|owned| owned.providers.clear());
        change("trailing slash", false, self, &|owned| {
            owned.providers[0].url.push('/');
        });
        change("other case", false, self, &|owned| {
            let url = owned.providers[0].url.clone();
            let lower = url.to_lowercase();
            owned.providers[0].url = if lower == url { url.to_uppercase() } else { lower };
        });
        change("other id", false, self, &|owned| owned.providers[0].url.push('0'));
        change("no client ids", false, self, &|owned| {
            owned.providers[0].client_ids.clear();
        });
        for at in 0..2 {
            change(&format!("without client id {at}"), false, self, &|owned| {
                owned.providers[0].client_ids.remove(at);
            });
            change(&format!("client id {at} with a slash"), false, self, &|owned| {
                owned.providers[0].client_ids[at].push('/');
            });
            change(&format!("client id {at} in capitals"), false, self, &|owned| {
                owned.providers[0].client_ids[at] = owned.providers[0].client_ids[at].to_uppercase();
            });
        }
        change("client ids in another order", true, self, &|owned| {
            owned.providers[0].client_ids.reverse();
        });
        change("one more client id", true, self, &|owned| {
            owned.providers[0].client_ids.push("more".to_owned());
        });
        change("one more provider", true, self, &|owned| {
            owned.providers.push(super::world::Provider {
                url: "token.example.com".to_owned(),
                client_ids: Vec::new(),
            });
        });
    }

    fn service_account(&mut self) {
        self.change("account: deleted".to_owned(), false, |world| world.account = None);
        let prefix = self.world.cluster.prefix;
        let annotations = self.world.account.as_ref().unwrap()["metadata"]["annotations"].clone();
        let annotate = |all: &mut Self, name: String, is_neutral: bool, key: &str, value: Option<&str>| {
            all.change(format!("account: {name}"), is_neutral, |world| {
                let annotations = &mut world.account.as_mut().unwrap()["metadata"]["annotations"];
                match value {
                    Some(value) => annotations[key] = value.into(),
                    None => drop(annotations.as_object_mut().unwrap().remove(key)),
                }
            });
        };
        let arn_key = format!("{prefix}/role-arn");
        let arn = annotations[&arn_key].as_str().unwrap();
        annotate(self, "without a role".to_owned(), false, &arn_key, None);
        for (name, value) in texts(arn) {
            annotate(self, format!("role {name}"), false, &arn_key, Some(&value));
        }
        for (from, to) in [
            (":role/", ":instance-profile/"),
            (":iam:", ":sts:"),
            ("arn:", "ARN:"),
            (":role/", ":role/x/"),
            ("role-", "ro le-"),
        ] {
            annotate(
                self,
                format!("role with {to}"),
                false,
                &arn_key,
                Some(&arn.replace(from, to)),
            );
        }
        let audience_key = format!("{prefix}/audience");
        for audience in [
            "sts.amazonaws.com",
            "vault.example.com",
            "sts.amazonaws.com.cn",
            "STS.amazonaws.com",
            " sts.amazonaws.com",
        ] {
            annotate(
                self,
                format!("audience {audience:?}"),
                false,
                &audience_key,
                Some(audience),
            );
        }
        if annotations.get(&audience_key).is_some() {
            annotate(self, "without an audience".to_owned(), false, &audience_key, None);
        }
        for (key, value) in [("sts-regional-endpoints", "true"), ("token-expiration", "3600")] {
            annotate(
                self,
                key.to_owned(),
                true,
                &format!("{prefix}/{key}"),
                Some(value),
            );
        }
        annotate(
            self,
            "another annotation".to_owned(),
            true,
            "example.com/owner",
            Some("shop"),
        );
        self.change("account: labels".to_owned(), true, |world| {
            world.account.as_mut().unwrap()["metadata"]["labels"] = json!({"app": "x"});
        });
        self.change("account: no token mounted by default".to_owned(), true, |world| {
            world.account.as_mut().unwrap()["automountServiceAccountToken"] = false.into();
        });
    }

    fn pods(&mut self) {
        for at in 0..self.world.workloads.len() {
            if self.world.workloads[at]["kind"] == "Pod" {
                self.pod(at);
            }
        }
    }

    fn pod(&mut self, at: usize) {
        let spec = self.world.workloads[at]["spec"].clone();
        let mut change = |name: String, is_neutral: bool, change: &dyn Fn(&mut Value)| {
            self.change(format!("pod: {name}"), is_neutral, |world| {
                change(&mut world.workloads[at]["spec"]);
            });
        };
        for kind in ["containers", "initContainers"] {
            for (number, container) in spec[kind].as_array().unwrap().iter().enumerate() {
                let name = format!("{kind} {number}");
                let role = container["env"][1]["value"].as_str().unwrap();
                for (what, value) in texts(role) {
                    change(format!("{name}: role {what}"), false, &|spec| {
                        spec[kind][number]["env"][1]["value"] = value.clone().into();
                    });
                }
                for variable in 1..3 {
                    change(format!("{name}: without variable {variable}"), false, &|spec| {
                        spec[kind][number]["env"].as_array_mut().unwrap().remove(variable);
                    });
                }
                change(format!("{name}: without its mount"), false, &|spec| {
                    spec[kind][number]["volumeMounts"]
                        .as_array_mut()
                        .unwrap()
                        .remove(1);
                });
                change(format!("{name}: without another variable"), true, &|spec| {
                    spec[kind][number]["env"].as_array_mut().unwrap().remove(0);
                });
                change(format!("{name}: variables in another order"), true, &|spec| {
                    spec[kind][number]["env"].as_array_mut().unwrap().reverse();
                });
                change(format!("{name}: mounts in another order"), true, &|spec| {
                    spec[kind][number]["volumeMounts"]
                        .as_array_mut()
                        .unwrap()
                        .reverse();
                });
                change(format!("{name}: another image"), true, &|spec| {
                    spec[kind][number]["image"] = "y".into();
                });
            }
        }
        let audience = &spec["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"]["audience"];
        // An empty one stands for the API server's own audience, which nobody can see from here.
        for (what, value) in texts(audience.as_str().unwrap())
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
        {
            change(format!("token audience {what}"), false, &|spec| {
                spec["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"]["audience"] =
                    value.clone().into();
            });
        }
        change("without the token's volume".to_owned(), false, &|spec| {
            spec["volumes"].as_array_mut().unwrap().remove(1);
        });
        change("volumes in another order".to_owned(), true, &|spec| {
            spec["volumes"].as_array_mut().unwrap().reverse();
        });
        change("token for an hour".to_owned(), true, &|spec| {
            spec["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] =
                3600.into();
        });
        change("host network".to_owned(), true, &|spec| {
            spec["hostNetwork"] = true.into();
        });
        change("another node".to_owned(), true, &|spec| {
            spec["nodeName"] = "n".into();
        });
    }
}
