//! [`Certificates`]: an authority that nobody trusts but who is told to, with a certificate for a server and one for a
//! client, made anew for each test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// PEM files in a folder that goes with this value.
#[derive(Debug)]
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// Certificates of a server that is known by `names`: host names or IP addresses.
    #[must_use]
    pub fn for_server(names: &[&str]) -> Self {
        let dir = TempDir::with_prefix("ltq-certificates-").unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for (file, names) in [("server", names), ("client", vec!["client".to_owned()])] {
            let key = KeyPair::generate().unwrap();
            let signed = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
            std::fs::write(dir.path().join(format!("{file}.pem")), signed.pem()).unwrap();
            std::fs::write(dir.path().join(format!("{file}.key")), key.serialize_pem()).unwrap();
        }
        Self { dir }
    }

    /// What clients have to trust.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What a client may show.
    #[must_use]
    pub fn client_cert(&self) -> PathBuf {
        self.dir.path().join("client.pem")
    }

    /// The private key of [`client_cert`](Self::client_cert).
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.dir.path().join("client.key")
    }

    /// The arguments of a `redis-server` that uses these. It asks clients for a certificate only if told to.
    #[must_use]
    pub fn server_args(&self) -> Vec<String> {
        let file = |name: &str| Path::display(&self.dir.path().join(name)).to_string();
        [
            ("--tls-cert-file", file("server.pem")),
            ("--tls-key-file", file("server.key")),
            ("--tls-ca-cert-file", file("ca.pem")),
            ("--tls-auth-clients", "no".to_owned()),
            ("--tls-replication", "yes".to_owned()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
    }
}
