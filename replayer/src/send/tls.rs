//! TLS to the target: whom it trusts, and as whom it speaks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Target;

/// Whom a target behind TLS is trusted by, and as whom we speak.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    /// Certificates of the authorities that are trusted, PEM; the system's where there is none.
    pub(crate) ca_file: Option<PathBuf>,
    /// Our certificate chain and its key, PEM.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    /// Any certificate is taken, for any name.
    pub(crate) insecure: bool,
}

/// Makes TLS connections to one target.
pub(crate) struct Tls {
    /// Asks for HTTP/1.1.
    http_1: TlsConnector,
    /// Asks for HTTP/2.
    http_2: TlsConnector,
    /// Would take either, and prefers HTTP/2.
    either: TlsConnector,
    name: ServerName<'static>,
}

/// What is asked for by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpn {
    Http1,
    Http2,
    Either,
}

const HTTP_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

impl Tls {
    /// What `options` say, if `target` is behind TLS.
    ///
    /// # Errors
    /// If a file cannot be read or says nothing, or the target's host is no name.
    pub(crate) fn for_target(
        target: &Target,
        options: &TlsOptions,
    ) -> anyhow::Result<Option<Self>> {
        if !target.is_tls() {
            return Ok(None);
        }
        let name = ServerName::try_from(target.host().to_owned())
            .with_context(|| format!("--target {target}: no name that a certificate can have"))?;
        if options.insecure {
            tracing::warn!("--insecure: whoever answers at {target} gets the recorded requests");
        }
        let config = client_config(options)?;
        let connector = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Ok(Some(Self {
            http_1: connector(&[HTTP_1]),
            http_2: connector(&[HTTP_2]),
            either: connector(&[HTTP_2, HTTP_1]),
            name,
        }))
    }

    /// Shakes hands over `stream`.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        alpn: Alpn,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let connector = match alpn {
            Alpn::Http1 => &self.http_1,
            Alpn::Http2 => &self.http_2,
            Alpn::Either => &self.either,
        };
        connector.connect(self.name.clone(), stream).await
    }

    /// What asks for HTTP/2, or for HTTP/1.1, for another client.
    pub(crate) fn config(&self, http_2: bool) -> ClientConfig {
        let connector = if http_2 { &self.http_2 } else { &self.http_1 };
        connector.config().as_ref().clone()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish()
    }
}

/// Whether HTTP/2 was agreed on.
pub(super) fn is_http_2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}

/// What `options` say, without what is asked for by ALPN.
///
/// # Errors
/// If a file cannot be read or says nothing.
pub(crate) fn client_config(options: &TlsOptions) -> anyhow::Result<ClientConfig> {
    let builder = ClientConfig::builder();
    let builder = if options.insecure {
        let provider = Arc::clone(builder.crypto_provider());
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    } else {
        builder.with_root_certificates(roots(options.ca_file.as_deref())?)
    };
    match &options.client {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let chain = certificates("--client-cert", certificate)?;
            let key_der = PrivateKeyDer::from_pem_file(key).with_context(|| {
                format!("--client-key {}: read a private key in PEM", key.display())
            })?;
            builder
                .with_client_auth_cert(chain, key_der)
                .with_context(|| {
                    format!(
                        "--client-key {} for --client-cert {}",
                        key.display(),
                        certificate.display()
                    )
                })
        }
    }
}

/// The authorities of a file, or those that the system trusts.
fn roots(ca_file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca_file else {
        // A certificate that cannot be read costs the targets that it vouches for, and they say so.
        let (_added, _ignored) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            bail!(
                "the system has no trusted certificates; give --ca-file, or install ca-certificates"
            );
        }
        return Ok(roots);
    };
    for certificate in certificates("--ca-file", path)? {
        roots
            .add(certificate)
            .with_context(|| format!("--ca-file {}", path.display()))?;
    }
    Ok(roots)
}

fn certificates(flag: &str, path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let what = || format!("{flag} {}: read certificates in PEM", path.display());
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(what)?;
    if certificates.is_empty() {
        bail!("{flag} {} holds no certificate in PEM", path.display());
    }
    Ok(certificates)
}

/// Takes any certificate for any name. Signatures of the handshake are checked all the same: they say that the other side
/// has the key of the certificate that it showed.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
