//! The container image: built from the last stage of the Dockerfile by buildah, and run without a container engine.
//!
//! The build stage needs a base image from a registry, so a folder stands in for it (`--build-context build=FOLDER`): the `irsa-audit` of the
//! tests and certificates. The libraries that this binary needs are added before it runs: the binary of Alpine's stage is static.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;
use test_kit::{Launch, ProcessError};
use tokio::sync::OnceCell;

use crate::debian::{MissingProgram, Program};
use crate::tools::{self, ToolError};

/// The full name, so that buildah looks up no short name.
const NAME: &str = "localhost/irsa-audit:test";

/// See the comments in the script.
const RUN: &str = include_str!("run_image.sh");

/// buildah keeps caches below `/var/lib` and `/var/cache`, whatever its store is. The machine's are left alone.
const BUILDAH: &str = r#"mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /var/cache && exec "$0" "$@""#;

/// Why there is no image, or it does not run.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// There is no buildah.
    #[error(transparent)]
    Missing(#[from] MissingProgram),
    /// buildah failed, such as where the user may not make namespaces.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The container could not be prepared.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file could not be read or written.
    #[error("a file of the image: {0}")]
    Io(#[from] io::Error),
    /// buildah described the image in a form that is not known.
    #[error("`buildah inspect`: {0}")]
    Json(#[from] serde_json::Error),
}

/// The configuration of an image, by the [OCI image specification](https://github.com/opencontainers/image-spec/blob/main/config.md).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageConfig {
    /// `UID:GID`.
    pub user: String,
    /// Keys are `PORT/PROTOCOL`, as in `8080/tcp`; the values are empty objects.
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments where a pod gives none.
    pub cmd: Vec<String>,
}

/// A built image, with the root file system of one container of it. Gone when dropped.
pub struct Image {
    config: ImageConfig,
    root: PathBuf,
    program: PathBuf,
    _store: TempDir,
}

impl Image {
    /// Builds the last stage of a Dockerfile around this `irsa-audit`, with these certificates in PEM as roots of trust.
    ///
    /// # Errors
    /// [`ImageError`].
    pub async fn build(dockerfile: &Path, program: &Path, authorities: &str) -> Result<Self, ImageError> {
        static FOUND: OnceCell<Program> = OnceCell::const_new();
        let find = || Program::find(&["buildah"], &["--version"], "buildah", "usr/bin/buildah");
        let store = tempfile::tempdir()?;
        let builder = Buildah::new(FOUND.get_or_try_init(find).await?, store.path())?;
        let (stage, context) = (store.path().join("stage"), store.path().join("context"));
        fs::create_dir(&context)?;
        add(&stage, "/etc/ssl/certs/ca-certificates.crt", authorities)?;
        fs::copy(program, stage.join("irsa-audit"))?;
        let policy = &builder.policy;
        let dockerfile = dockerfile.display().to_string();
        let stage = format!("build={}", stage.display());
        let context = context.display().to_string();
        let build = ["build", "--isolation", "chroot", "--signature-policy", policy];
        let what = [
            "--build-context",
            &stage,
            "--file",
            &dockerfile,
            "--tag",
            NAME,
            &context,
        ];
        builder.run(&[&build[..], &what[..]].concat()).await?;
        let description = builder.run(&["inspect", "--type", "image", NAME]).await?;
        let container = builder.run(&["from", "--signature-policy", policy, NAME]).await?;
        let root = PathBuf::from(builder.run(&["mount", container.trim()]).await?.trim());
        // Layers may be read-only even for their owner, who has to delete them.
        let folder = store.path().display().to_string();
        tools::run(Path::new("chmod"), &["-R", "u+w", &folder]).await?;
        Ok(Self {
            config: serde_json::from_str::<Inspection>(&description)?.image.config,
            root,
            program: program.to_owned(),
            _store: store,
        })
    }

    /// How the image says that it runs.
    #[must_use]
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// The absolute paths of all files in the image, sorted.
    ///
    /// # Errors
    /// [`ImageError::Io`].
    pub fn files(&self) -> Result<Vec<String>, ImageError> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(path) = path.strip_prefix(&self.root) {
                    files.push(format!("/{}", path.display()));
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// A container of the image: its entry point with these arguments, as the image's user, on a read-only root, in the network of this
    /// machine. `mounted` are absolute paths and texts of files, as a kubelet mounts them; the environment has nothing of this process but `PATH`.
    ///
    /// # Errors
    /// [`ImageError`].
    pub async fn container(
        &self,
        mounted: &[(&str, &str)],
        environment: &[(&str, String)],
        arguments: &[&str],
    ) -> Result<Launch, ImageError> {
        let launch = Launch::new("container", "unshare")?;
        let added = launch.folder().join("added");
        for (path, text) in mounted {
            add(&added, path, text)?;
        }
        for library in libraries(&self.program).await? {
            let copy = place(&added, &library)?;
            fs::copy(&library, copy)?;
        }
        let launch = launch
            .args(namespace()?)
            .args(["sh", "-euc", RUN, "sh"])
            .arg(&self.root)
            .arg(&added)
            .arg(&self.config.user)
            .args(&self.config.entrypoint)
            .args(arguments);
        let inherited = env::vars_os().map(|(name, _)| name).filter(|name| name != "PATH");
        let launch = inherited.fold(launch, Launch::env_remove);
        let set = |launch: Launch, (name, value): &(&str, String)| launch.env(name, value);
        Ok(environment.iter().fold(launch, set))
    }
}

/// buildah, with a store of its own.
struct Buildah<'p> {
    program: &'p Path,
    /// `NAME=VALUE`.
    environment: Vec<String>,
    /// The path of a file that allows every image: none is pulled.
    policy: String,
}

impl<'p> Buildah<'p> {
    fn new(program: &'p Program, folder: &Path) -> Result<Self, ImageError> {
        let policy = folder.join("policy.json");
        fs::write(&policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#)?;
        let storage = folder.join("storage.conf");
        let shown = folder.display();
        let settings = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{shown}/layers\"\nrunroot = \"{shown}/state\"\n"
        );
        fs::write(&storage, settings)?;
        let mut environment = vec![
            format!("CONTAINERS_STORAGE_CONF={}", storage.display()),
            format!("TMPDIR={shown}"),
        ];
        if !is_root()? {
            // Else it makes a user namespace again, and wants ranges of user IDs for it.
            environment.push("_CONTAINERS_USERNS_CONFIGURED=done".to_owned());
        }
        for (name, value) in program.command().as_std().get_envs() {
            let value = value.unwrap_or_default();
            environment.push(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        }
        Ok(Self {
            program: &program.path,
            environment,
            policy: policy.display().to_string(),
        })
    }

    /// Runs one command; gives its standard output.
    async fn run(&self, arguments: &[&str]) -> Result<String, ImageError> {
        let program = self.program.display().to_string();
        let mut all: Vec<&str> = self.environment.iter().map(String::as_str).collect();
        all.push("unshare");
        all.extend(namespace()?);
        all.extend(["sh", "-c", BUILDAH, &program]);
        all.extend(arguments);
        Ok(tools::run(Path::new("env"), &all).await?)
    }
}

/// What `buildah inspect` says, as far as it is used.
#[derive(Deserialize)]
struct Inspection {
    #[serde(rename = "OCIv1")]
    image: ImageDescription,
}

#[derive(Deserialize)]
struct ImageDescription {
    config: ImageConfig,
}

/// Whether this process is root.
fn is_root() -> io::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// The flags of `unshare` for a mount namespace with its own root: whoever is not root becomes it there, alone.
fn namespace() -> io::Result<&'static [&'static str]> {
    Ok(if is_root()? {
        &["--mount"]
    } else {
        &["--user", "--map-root-user", "--mount"]
    })
}

/// The shared libraries of a program, and what loads them. None where it is static.
async fn libraries(program: &Path) -> io::Result<Vec<PathBuf>> {
    // It fails for a static program.
    let output = tokio::process::Command::new("ldd").arg(program).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.find(|word| word.starts_with('/')).map(PathBuf::from)
    });
    Ok(words.collect())
}

/// The place of an absolute path below a folder, whose parents exist then.
fn place(folder: &Path, path: &Path) -> io::Result<PathBuf> {
    let place = folder.join(path.strip_prefix("/").unwrap_or(path));
    fs::create_dir_all(place.parent().unwrap_or(folder))?;
    Ok(place)
}

fn add(folder: &Path, path: &str, text: &str) -> io::Result<()> {
    fs::write(place(folder, Path::new(path))?, text)
}
