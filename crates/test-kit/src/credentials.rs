//! Keys, certificates and tokens of a control plane.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The token of the administrator. No secret: the server listens on loopback, on behalf of a test.
pub(crate) const ADMIN_TOKEN: &str = "admin";

/// What cannot be written as files, or not be made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A key or a certificate could not be made.
    #[error("could not make a key or certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// A file could not be written.
    #[error("could not write credentials: {0}")]
    Write(#[from] io::Error),
}

/// The names of the files that [`write`] makes.
pub(crate) mod file {
    /// The API server's certificate.
    pub(crate) const CERTIFICATE: &str = "server.crt";
    /// The key of that certificate.
    pub(crate) const KEY: &str = "server.key";
    /// The key that signs ServiceAccount tokens.
    pub(crate) const SIGNING_KEY: &str = "service-account.key";
    /// The key that verifies ServiceAccount tokens.
    pub(crate) const SIGNING_PUBLIC: &str = "service-account.pub";
    /// The static tokens.
    pub(crate) const TOKENS: &str = "tokens.csv";
}

/// Writes all of them into `folder`; gives the certificate of the authority, in PEM. The keys are elliptic: made
/// in no time.
pub(crate) fn write(folder: &Path) -> Result<String, CredentialsError> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "test-kit");
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?
        .signed_by(&key, &Issuer::new(authority, authority_key))?;
    let signing = KeyPair::generate()?;

    fs::write(folder.join(file::CERTIFICATE), certificate.pem())?;
    fs::write(folder.join(file::KEY), key.serialize_pem())?;
    fs::write(folder.join(file::SIGNING_KEY), signing.serialize_pem())?;
    fs::write(folder.join(file::SIGNING_PUBLIC), signing.public_key_pem())?;
    fs::write(
        folder.join(file::TOKENS),
        format!("{ADMIN_TOKEN},admin,admin,system:masters\n"),
    )?;
    Ok(authority_pem)
}

/// A kubeconfig file with one context.
pub(crate) fn kubeconfig(server: &str, authority_pem: &str, token: &str) -> String {
    let authority = STANDARD.encode(authority_pem);
    // JSON's strings are YAML's.
    let token = serde_json::Value::from(token);
    format!(
        "apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: test
  user:
    token: {token}
contexts:
- name: test
  context:
    cluster: test
    user: test
"
    )
}
