//! Encrypted connections: whom the program trusts, and who it says it is.
//!
//! The settings are made here instead of by the Redis client, whose default panics in a program that holds two providers
//! of cryptography, and fails where a single certificate of the system cannot be read.

use std::path::Path;
use std::sync::Arc;

use fred::rustls::crypto::ring;
use fred::rustls::pki_types::pem::{self, PemObject as _};
use fred::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use fred::rustls::{ClientConfig, RootCertStore};
use fred::types::config::{TlsConfig, TlsConnector};
use url::Url;

/// The files an encrypted connection is made with.
struct Files {
    /// Whom to trust instead of the system's authorities.
    ca: Option<String>,
    /// What the program shows to the server.
    cert: Option<String>,
    /// The private key of `cert`.
    key: Option<String>,
}

/// The settings an address asks for; the error says what is wrong with which file.
pub(crate) fn config(address: &Url) -> Result<TlsConfig, String> {
    let file = |wanted| address.query_pairs().find(|(name, _)| name == wanted).map(|(_, path)| path.into_owned());
    let files = Files { ca: file("ca"), cert: file("cert"), key: file("key") };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted(&files)?);
    let config = match (&files.cert, &files.key) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(|error| format!("the client certificate `{cert}` cannot be used with the key `{key}`: {error}"))?,
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err("`cert` needs the private key that belongs to it: &key=/path/to/key.pem".into()),
        (None, Some(_)) => return Err("`key` needs the certificate that belongs to it: &cert=/path/to/cert.pem".into()),
    };
    Ok(TlsConnector::from(config).into())
}

/// The authorities whose certificates are believed: those of the file, or else those of the system.
fn trusted(files: &Files) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    if let Some(ca) = &files.ca {
        for certificate in certificates(ca)? {
            store.add(certificate).map_err(|error| format!("`{ca}` holds no usable certificate: {error}"))?;
        }
        return Ok(store);
    }
    // One that cannot be read says nothing about the others.
    store.add_parsable_certificates(fred::rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err("the system has no certificates to trust; install its package `ca-certificates`, or name the \
                    authority that signed the server's: ?ca=/path/to/ca.pem"
            .into());
    }
    Ok(store)
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(Path::new(path)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("`{path}` holds no certificate; it has to be a PEM file")),
        Err(error) => Err(format!("`{path}` cannot be read: {}", why(&error))),
    }
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(Path::new(path)).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            format!("`{path}` holds no private key; it has to be a PEM file without a password")
        }
        error => format!("`{path}` cannot be read: {}", why(&error)),
    })
}

/// What went wrong, without any content of the file.
fn why(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        _ => "it is no valid PEM file".into(),
    }
}
