//! Where `kube-apiserver` and `etcd` come from.

use std::env::{self, consts};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::{self, CacheError};
use crate::go::{self, GoError, Program};
use crate::process::Launch;
use crate::progress::run;

const API_SERVER: Program = Program {
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    module: "k8s.io/kubernetes",
    go_mod: include_str!("../control-plane/kube-apiserver/go.mod"),
    go_sum: include_str!("../control-plane/kube-apiserver/go.sum"),
    version_package: Some("k8s.io/component-base/version"),
};

const ETCD: Program = Program {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    module: "go.etcd.io/etcd/server/v3",
    go_mod: include_str!("../control-plane/etcd/go.mod"),
    go_sum: include_str!("../control-plane/etcd/go.sum"),
    version_package: None,
};

/// `setup-envtest` downloads some 100 MB where nothing is installed yet.
const DOWNLOAD_WITHIN: Duration = Duration::from_mins(10);

/// Why there are no binaries.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    /// `KUBEBUILDER_ASSETS` is set, but leads nowhere.
    #[error("`KUBEBUILDER_ASSETS` is `{folder}`, where there is no `{missing}`: correct it, or unset it")]
    Assets {
        /// Its value.
        folder: String,
        /// The file that was not found.
        missing: &'static str,
    },
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// They could not be built.
    #[error(transparent)]
    Go(#[from] GoError),
}

/// The programs of a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The path of `kube-apiserver`.
    pub api_server: PathBuf,
    /// The path of `etcd`.
    pub etcd: PathBuf,
}

impl Binaries {
    /// Finds them: in the folder that `KUBEBUILDER_ASSETS` names; else by `setup-envtest`, if that is installed,
    /// which downloads them if need be; else in the user's cache folder, built with Go if they are not there yet.
    ///
    /// # Errors
    /// [`BinariesError`]. With `KUBEBUILDER_ASSETS` set, nothing else is tried.
    pub async fn find() -> Result<Self, BinariesError> {
        let assets = env::var_os("KUBEBUILDER_ASSETS")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from);
        let cache = cache::root().map(|root| root.join("control-plane"));
        Search {
            assets,
            setup_envtest: "setup-envtest",
            go: "go",
            cache,
        }
        .run()
        .await
    }

    fn in_folder(folder: &Path) -> Result<Self, &'static str> {
        let find = |name| Some(folder.join(name)).filter(|path| path.is_file()).ok_or(name);
        Ok(Self {
            api_server: find(API_SERVER.name)?,
            etcd: find(ETCD.name)?,
        })
    }
}

/// Where to look, and by which commands.
struct Search<'a> {
    assets: Option<PathBuf>,
    setup_envtest: &'a str,
    go: &'a str,
    cache: Result<PathBuf, CacheError>,
}

impl Search<'_> {
    async fn run(self) -> Result<Binaries, BinariesError> {
        if let Some(folder) = &self.assets {
            return Binaries::in_folder(folder).map_err(|missing| BinariesError::Assets {
                folder: folder.display().to_string(),
                missing,
            });
        }
        if let Some(found) = self
            .ask_setup_envtest(&["use", "-p", "path", "--installed-only"])
            .await
        {
            return Ok(found);
        }
        // What was built before wins over a download that may take long to fail.
        let built = self
            .cache
            .as_ref()
            .is_ok_and(|cache| cache::is_filled(cache, &key()));
        if !built && let Some(found) = self.ask_setup_envtest(&["use", "-p", "path"]).await {
            return Ok(found);
        }
        let folder = cache::filled(&self.cache?, &key(), async |folder: &Path| {
            go::build(self.go, &ETCD, folder).await?;
            Ok::<_, BinariesError>(go::build(self.go, &API_SERVER, folder).await?)
        })
        .await?;
        Ok(Binaries {
            api_server: folder.join(API_SERVER.name),
            etcd: folder.join(ETCD.name),
        })
    }

    /// Nothing where it is not installed, fails, or prints no folder: then there is still Go.
    async fn ask_setup_envtest(&self, arguments: &[&str]) -> Option<Binaries> {
        let launch = Launch::new("setup-envtest", self.setup_envtest)
            .ok()?
            .args(arguments);
        let (code, process) = run(launch, "waiting for `setup-envtest`", DOWNLOAD_WITHIN)
            .await
            .ok()?;
        if code != 0 {
            return None;
        }
        // Its messages are in the log as well; the folder is the last thing that it prints.
        Binaries::in_folder(Path::new(process.log().lines().last()?.trim())).ok()
    }
}

/// Another key for whatever leads to other binaries.
fn key() -> String {
    let content = cache::digest([API_SERVER.go_mod, API_SERVER.go_sum, ETCD.go_mod, ETCD.go_sum]);
    let (kubernetes, etcd) = (API_SERVER.version(), ETCD.version());
    format!(
        "kubernetes-{kubernetes}-etcd-{etcd}-{}-{}-{content}",
        consts::OS,
        consts::ARCH
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    struct Machine {
        cache: TempDir,
        tools: PathBuf,
    }

    impl Machine {
        fn new() -> Self {
            let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-tools");
            Self {
                cache: tempfile::tempdir().unwrap(),
                tools,
            }
        }

        async fn find(
            &self,
            assets: Option<&Path>,
            envtest: &str,
            go: &str,
        ) -> Result<Binaries, BinariesError> {
            let tool = |name: &str| self.tools.join(name).display().to_string();
            let (assets, cache) = (assets.map(Path::to_owned), Ok(self.cache.path().to_owned()));
            Search {
                assets,
                setup_envtest: &tool(envtest),
                go: &tool(go),
                cache,
            }
            .run()
            .await
        }
    }

    #[test]
    fn versions_are_read_from_the_modules() {
        for program in [&API_SERVER, &ETCD] {
            assert!(program.version().starts_with('v'), "{}", program.name);
            assert!(
                program
                    .go_sum
                    .contains(&format!("{} {} ", program.module, program.version()))
            );
        }
    }

    #[tokio::test]
    async fn kubebuilder_assets_decide() {
        let machine = Machine::new();
        let assets = machine.tools.join("assets");
        let found = machine
            .find(Some(&assets), "setup-envtest-failing", "missing")
            .await
            .unwrap();
        assert_eq!(
            found,
            Binaries {
                api_server: assets.join("kube-apiserver"),
                etcd: assets.join("etcd")
            }
        );

        let empty = tempfile::tempdir().unwrap();
        let error = machine
            .find(Some(empty.path()), "setup-envtest", "go")
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                BinariesError::Assets {
                    missing: "kube-apiserver",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[tokio::test]
    async fn setup_envtest_is_asked_before_anything_is_built() {
        let machine = Machine::new();
        let found = machine.find(None, "setup-envtest", "missing").await.unwrap();
        assert_eq!(found.etcd, machine.tools.join("assets/etcd"));
        let found = machine
            .find(None, "setup-envtest-not-installed", "missing")
            .await
            .unwrap();
        assert_eq!(found.etcd, machine.tools.join("assets/etcd"));
    }

    #[tokio::test]
    async fn go_builds_them_once() {
        let machine = Machine::new();
        let find = || machine.find(None, "setup-envtest-failing", "go");
        let (first, second) = tokio::join!(find(), find());
        let found = first.unwrap();
        assert_eq!(found, second.unwrap());
        // Also where there is something to download instead.
        let again = machine.find(None, "setup-envtest-not-installed", "missing").await;
        assert_eq!(again.unwrap(), found);
        let built = fs::read_to_string(&found.api_server).unwrap();
        assert_eq!(built.lines().count(), 1, "{built}");
        let flag = format!(
            "-X k8s.io/component-base/version.gitVersion={}",
            API_SERVER.version()
        );
        assert!(built.contains(&flag), "{built}");
        assert!(
            built.ends_with(" k8s.io/kubernetes/cmd/kube-apiserver\n"),
            "{built}"
        );
        assert_eq!(fs::read_to_string(&found.etcd).unwrap().lines().count(), 1);
    }

    #[tokio::test]
    async fn a_go_that_will_not_do_is_named() {
        let machine = Machine::new();
        let error = machine.find(None, "missing", "missing").await.unwrap_err();
        assert!(
            matches!(error, BinariesError::Go(GoError::Missing { .. })),
            "{error}"
        );
        let error = machine.find(None, "missing", "go-old").await.unwrap_err();
        let BinariesError::Go(GoError::TooOld { found, least, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!((found.as_str(), least.as_str()), ("go1.20.3", "1.26"));
        assert!(error.to_string().contains("KUBEBUILDER_ASSETS"), "{error}");
    }

    #[tokio::test]
    async fn a_build_that_fails_shows_why() {
        let error = Machine::new()
            .find(None, "missing", "go-failing")
            .await
            .unwrap_err();
        let BinariesError::Go(GoError::Build {
            program: "etcd",
            source,
        }) = &error
        else {
            panic!("{error}")
        };
        assert!(source.to_string().ends_with("checksum mismatch"), "{source}");
    }
}
